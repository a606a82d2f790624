//! One socket: its parts, and the view through which it is used. Mirrors `net.Socket` (`lib/net.js`).
//!
//! - `state.rs`, `readable.rs`, `writable.rs`: the state, pure;
//! - `adopt.rs`, `connect.rs`, `lookup.rs`, `auto_select.rs`, `read.rs`, `read_into.rs`, `text.rs`, `write.rs`, `bytes.rs`,
//!   `outgoing.rs`, `turn.rs`, `flush.rs`, `complete.rs`, `finish.rs`, `destroy.rs`, `idle.rs`: what happens to it;
//! - `events/`, `methods.rs`, `settings.rs`, `properties.rs`, `writer.rs`: its public face.

mod adopt;
mod auto_select;
mod bytes;
mod complete;
mod connect;
mod destroy;
mod events;
mod finish;
mod flush;
mod idle;
mod lookup;
mod methods;
mod outgoing;
mod properties;
mod read;
mod read_into;
mod readable;
mod settings;
mod state;
mod text;
mod turn;
mod writable;
mod write;
mod writer;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

pub use self::adopt::Adopted;
use self::auto_select::Candidates;
pub(crate) use self::bytes::Broadcast;
use self::connect::Attempt;
use self::idle::Idle;
use self::lookup::Query;
use self::outgoing::Outgoing;
pub(crate) use self::outgoing::Spares;
pub use self::properties::ReadyState;
use self::read_into::ReadBuffer;
use self::readable::Readable;
use self::state::Lifecycle;
pub(crate) use self::turn::Turn;
use self::writable::Writable;
pub use self::writer::Writer;
use super::Reactor;
use super::abort::AbortSignal;
use super::emit::{Done, SocketListener};
use super::host::Entry;
use super::listeners::Listeners;
use super::options::SocketOptions;
use super::pipe::Pipes;
use super::server::ServerId;
use crate::address::Address;
use crate::codec::TextDecoder;
use crate::error::{Error, Result};
use crate::event_loop::{Key, Readiness};
use crate::stream::Stream;
use crate::sys::{Bound, Transport};

/// Names a socket: small, `Copy`, to be stored anywhere. A stale id finds nothing and harms nobody.
///
/// ```
/// let mut reactor = netloop::Reactor::new()?;
/// let (near, far) = reactor.socket_pair()?;
/// reactor.socket(near).expect("just made").destroy();
/// reactor.run(&mut ())?;
/// assert!(reactor.socket(near).is_none());
/// # let _ = far;
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(in crate::net) Key);

/// A socket: a short-lived view, made of the reactor and an id. Mirrors `net.Socket`.
///
/// Callbacks get one; [`Reactor::socket`] makes one. Nothing it does calls back before it returns.
///
/// ```
/// use netloop::Reactor;
///
/// let mut reactor = Reactor::<Vec<u8>>::new()?;
/// let (near, far) = reactor.socket_pair()?;
/// reactor
///     .socket(far)
///     .expect("just made")
///     .on_data(|socket, chunk, _| socket.write(chunk.to_ascii_uppercase()))
///     .on_error(|_, error, _| eprintln!("{error}"));
/// let mut client = reactor.socket(near).expect("just made");
/// client.write("hello");
/// client.on_data(|socket, chunk, seen| {
///     seen.extend_from_slice(chunk);
///     socket.end();
/// });
/// let mut seen = Vec::new();
/// reactor.run(&mut seen)?;
/// assert_eq!(seen, b"HELLO");
/// # Ok::<(), netloop::Error>(())
/// ```
pub struct Socket<'r, S = ()> {
    reactor: &'r mut Reactor<S>,
    id: SocketId,
}

/// Everything about one socket. What few sockets need is in `rare`, what only busy ones need in `outgoing`: an idle one owns
/// no buffer.
pub(crate) struct SocketState<S> {
    /// The handle, if there is one.
    pub(in crate::net) stream: Option<Stream>,
    life: Lifecycle,
    /// Counts lives and deaths, so that a late step of another life is known. It may wrap: a step would have to wait for four
    /// billion of them, and come in the very one that has its number again.
    life_number: u32,
    /// Close notifications under way. Each of them is in a queue, and memory does not hold four billion.
    closing: u32,
    has_ref: bool,
    /// Set up before `run`, and not connected yet.
    setup: bool,
    /// The peer ended and half-open was not allowed: a write after our own end is its fault.
    ended_by_peer: bool,
    reset_on_close: bool,
    destroy_on_finish: bool,
    /// The server ended it: what its listeners still write is refused without harm, and it reads on to the peer's end.
    shut_down: bool,
    settled: Settled,
    /// See [`is_steady`](Self::is_steady).
    steady: Cell<bool>,
    /// Shared with the other sockets of a server until it is changed.
    options: Rc<SocketOptions>,
    readable: Readable,
    writable: Writable,
    outgoing: Option<Box<Outgoing<S>>>,
    pub(in crate::net) listeners: Listeners<SocketListener<S>>,
    server: Option<ServerId>,
    /// Known since accept or connect, and kept in `close`.
    remote: Option<Address>,
    /// Made when a timeout is first set.
    idle: Option<Box<Idle>>,
    bytes_read: u64,
    errored: Option<Error>,
    rare: Option<Box<Rare<S>>>,
}

/// What the registration and the loop were last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Settled {
    reads: bool,
    writes: bool,
    holds: bool,
}

/// A step that waits for the connection. For each Node adds a listener of `connect`, so it comes after those listeners that were
/// there when it was asked for: up to the serial number beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deferred {
    /// The writes leave, as one batch; and the end, if there is one.
    Writes,
    Reset,
}

/// What few sockets need.
pub(crate) struct Rare<S> {
    /// Callbacks of `end`.
    end_done: VecDeque<Done<S>>,
    /// Callbacks that are called with an error on a tick.
    pub(in crate::net) rejected: VecDeque<(Done<S>, Error)>,
    /// Callbacks cancelled by `destroy`: called in the closing phase, before `close`.
    cancelled: VecDeque<(Done<S>, Error)>,
    /// Callbacks of a socket that died before it was connected: called with `close`.
    at_close: VecDeque<(Done<S>, Error)>,
    /// Attempts whose tick has not come.
    attempts: VecDeque<Attempt>,
    /// Names whose lookup by the embedder's own function has not begun.
    queries: VecDeque<Query>,
    /// Answers of that function which are waited for.
    lookups: Vec<Key>,
    /// A descriptor that was adopted without a peer, for the first attempt, and what a read of it says.
    unconnected: Option<(Bound, std::io::Error)>,
    /// The attempt under way.
    attempt: Option<Attempt>,
    /// If it is one of several: the others.
    candidates: Option<Box<Candidates>>,
    /// What was tried of several addresses.
    attempted: Vec<Address>,
    /// Attempts that `destroy` ended, to be told before `close`.
    cancelled_attempts: VecDeque<Address>,
    /// Destroys a connecting socket on the next tick.
    doom: Option<Error>,
    /// What waits for the connection, in the order in which it was asked for.
    deferred: Vec<(u64, Deferred)>,
    /// Why a connect failed at once, until the pending phase tells.
    connect_error: Option<std::io::Error>,
    /// The last attempt failed, which is being told: Node's socket looks open meanwhile.
    attempt_failed: bool,
    /// Timers bound to the socket. Those that are over are forgotten now and then.
    timers: VecDeque<Key>,
    /// How many are not over.
    live_timers: usize,
    /// Where it is piped to.
    pub(in crate::net) pipes: Option<Box<Pipes>>,
    /// Makes text of what is read, for `text` listeners.
    text: Option<TextDecoder>,
    /// The caller's own buffer, and who is called when it is filled. Absent while that runs.
    reader: Option<Box<dyn ReadBuffer<S>>>,
}

impl<S> Default for Rare<S> {
    fn default() -> Self {
        Self {
            end_done: VecDeque::new(),
            rejected: VecDeque::new(),
            cancelled: VecDeque::new(),
            at_close: VecDeque::new(),
            attempts: VecDeque::new(),
            queries: VecDeque::new(),
            lookups: Vec::new(),
            unconnected: None,
            attempt: None,
            candidates: None,
            attempted: Vec::new(),
            cancelled_attempts: VecDeque::new(),
            doom: None,
            deferred: Vec::new(),
            connect_error: None,
            attempt_failed: false,
            timers: VecDeque::new(),
            live_timers: 0,
            pipes: None,
            text: None,
            reader: None,
        }
    }
}

impl<S> SocketState<S> {
    fn new(options: &Rc<SocketOptions>) -> Self {
        Self {
            stream: None,
            life: Lifecycle::new(options.readable, options.writable),
            life_number: 0,
            closing: 0,
            has_ref: true,
            setup: false,
            ended_by_peer: false,
            reset_on_close: false,
            destroy_on_finish: false,
            shut_down: false,
            settled: Settled::default(),
            steady: Cell::new(false),
            options: Rc::clone(options),
            readable: Readable::default(),
            writable: Writable::default(),
            outgoing: None,
            listeners: Listeners::default(),
            server: None,
            remote: None,
            idle: None,
            bytes_read: 0,
            errored: None,
            rare: None,
        }
    }

    pub(in crate::net) fn rare(&mut self) -> &mut Rare<S> {
        self.rare.get_or_insert_default()
    }

    pub(in crate::net) fn pipes(&mut self) -> Option<&mut Pipes> {
        self.rare.as_mut()?.pipes.as_deref_mut()
    }

    /// `end` was emitted, or the socket does not read.
    pub(in crate::net) fn has_ended(&self) -> bool {
        self.life.reading == state::Reading::Ended
    }

    /// The stream, unless it only lingers.
    pub(in crate::net) fn handle(&self) -> Option<&Stream> {
        self.stream.as_ref().filter(|_| !self.life.is_destroyed())
    }

    pub(in crate::net) fn is_connected(&self) -> bool {
        self.life.is_open()
    }

    pub(in crate::net) fn can_reset(&self) -> bool {
        self.life.is_open() && self.stream.as_ref().is_some_and(|stream| stream.transport().is_tcp())
    }

    /// Counts lives and deaths: as long as it stays the same, so does the life.
    pub(in crate::net) fn life_number(&self) -> u32 {
        self.life_number
    }

    /// The signal it was made with.
    pub(in crate::net) fn signal(&self) -> Option<AbortSignal> {
        self.options.signal
    }

    /// The server that accepted it, while it counts there.
    pub(in crate::net) fn server(&self) -> Option<ServerId> {
        self.server
    }

    /// The peer's address, also after `destroy`.
    pub(in crate::net) fn remote(&self) -> Option<&Address> {
        self.remote.as_ref()
    }

    pub(in crate::net) fn is_connection_of(&self, server: ServerId) -> bool {
        self.server == Some(server) && !self.life.is_destroyed()
    }

    /// Whether the read path has something to do for us.
    #[inline]
    fn is_reading(&self) -> bool {
        self.life.is_open()
            && self.life.reading == state::Reading::Open
            && self.readable.wants_more(self.options.high_water_mark)
    }

    /// Active and ref'd, or with a request under way (`uv__has_ref` and active requests).
    #[inline]
    fn holds_loop(&self) -> bool {
        self.life.is_connecting() || (self.life.is_open() && (self.writable.in_flight() || (self.has_ref && self.is_reading())))
    }

    /// It stands, flows and writes, nothing is buffered or in flight, and the loop was told so: the state of a socket between
    /// two messages, in which most of the questions of the read and write paths are answered beforehand.
    ///
    /// Found by [`settle`](Reactor::settle), and void from the moment anybody gets hold of the state for a change.
    #[inline]
    pub(in crate::net) fn is_steady(&self) -> bool {
        debug_assert!(!self.steady.get() || self.would_be_steady());
        self.steady.get()
    }

    fn would_be_steady(&self) -> bool {
        self.settled == (Settled { reads: true, writes: false, holds: self.has_ref })
            && self.is_reading()
            && self.readable.is_passing_on()
            && self.stream.is_some()
            && self.errored.is_none()
            && !self.life.is_ending()
            && !self.writable.must_queue()
    }

    /// The handle, for callers that may duplicate its descriptor. [`settle`](Reactor::settle) notes the doubts that come of it.
    pub(in crate::net) fn expose(&self) -> Option<&Transport> {
        self.steady.set(false);
        self.handle().map(Stream::expose)
    }

    /// Nothing will ever happen to it any more.
    pub(in crate::net) fn is_dead(&self) -> bool {
        self.life.is_destroyed() && self.closing == 0
    }

    /// A timer is bound to it: that keeps it, also when it is closed.
    pub(in crate::net) fn has_timers(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.live_timers > 0)
    }

    /// Node's `writable`: neither ended, destroyed nor failed.
    fn is_writable(&self) -> bool {
        !self.life.is_destroyed() && self.errored.is_none() && !self.life.is_ending()
    }
}

impl<'r, S> Socket<'r, S> {
    #[inline]
    pub(in crate::net) fn new(reactor: &'r mut Reactor<S>, id: SocketId) -> Self {
        Self { reactor, id }
    }

    /// The socket's id.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// assert_eq!(reactor.socket(near).expect("just made").id(), near);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// The reactor it lives on.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.reactor().set_immediate(|_, _| println!("soon"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn reactor(&mut self) -> &mut Reactor<S> {
        self.reactor
    }

    /// Another socket of the same reactor; `None` once its `close` is over.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (a, b) = reactor.socket_pair()?;
    /// reactor.socket(a).expect("just made").on_data(move |socket, chunk, _| {
    ///     if let Some(mut other) = socket.other(b) { other.write(chunk); }
    /// });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn other(&mut self, id: SocketId) -> Option<Socket<'_, S>> {
        self.reactor.socket(id)
    }

    pub(in crate::net) fn reactor_ref(&self) -> &Reactor<S> {
        self.reactor
    }

    pub(in crate::net) fn entry(&self) -> Option<&SocketState<S>> {
        match self.reactor.event_loop.handles.get(self.id.0)? {
            Entry::Socket(socket) => Some(socket),
            Entry::Server(_) | Entry::Lingering(_) => None,
        }
    }

    fn entry_mut(&mut self) -> Option<&mut SocketState<S>> {
        self.reactor.socket_entry(self.id)
    }
}

impl<S> Reactor<S> {
    /// A socket for whatever use: whether it is still steady is looked at when it is settled again.
    pub(in crate::net) fn socket_entry(&mut self, id: SocketId) -> Option<&mut SocketState<S>> {
        self.socket_slot(id).map(|(socket, _)| socket)
    }

    /// A socket, unless it has died or begun another life.
    fn socket_in_life(&mut self, id: SocketId, life: u32) -> Option<&mut SocketState<S>> {
        self.socket_entry(id).filter(|socket| socket.life_number == life)
    }

    /// The same, with its readiness cache.
    fn socket_slot(&mut self, id: SocketId) -> Option<(&mut SocketState<S>, &mut Readiness)> {
        if self.turn.is_of(id) {
            self.close_turn();
        }
        let (socket, readiness) = self.passing_slot(id)?;
        socket.steady.set(false);
        Some((socket, readiness))
    }

    /// A socket in passing: for what changes nothing that makes it steady.
    #[inline]
    pub(in crate::net) fn passing_slot(&mut self, id: SocketId) -> Option<(&mut SocketState<S>, &mut Readiness)> {
        let slot = self.event_loop.handles.slot(id.0)?;
        match &mut slot.handle {
            Entry::Socket(socket) => Some((socket, &mut slot.readiness)),
            Entry::Server(_) | Entry::Lingering(_) => None,
        }
    }

    /// A socket that is not connected to anything yet.
    pub(in crate::net) fn insert_socket(&mut self, options: &Rc<SocketOptions>) -> SocketId {
        SocketId(self.event_loop.handles.insert(Entry::Socket(SocketState::new(options))))
    }

    /// Makes a socket of a transport that is connected already; reading starts at once unless it is `paused`.
    pub(in crate::net) fn adopt_transport(
        &mut self,
        transport: Transport,
        remote: Option<Address>,
        options: &Rc<SocketOptions>,
        paused: bool,
    ) -> Result<SocketId> {
        let id = self.insert_connected(transport, remote, options, paused);
        if let Err(error) = self.settle(id) {
            self.event_loop.handles.remove(id.0);
            return Err(error);
        }
        Ok(id)
    }

    /// The same without telling the selector: the first [`settle`](Self::settle) does.
    pub(in crate::net) fn insert_connected(
        &mut self,
        transport: Transport,
        remote: Option<Address>,
        options: &Rc<SocketOptions>,
        paused: bool,
    ) -> SocketId {
        let id = self.insert_socket(options);
        if let Some((socket, readiness)) = self.socket_slot(id) {
            *readiness = Stream::fresh();
            socket.stream = Some(Stream::new(transport));
            socket.remote = remote;
            socket.life.open();
            if paused {
                socket.readable.flow = readable::Flow::Paused;
            } else {
                socket.readable.started = true;
            }
            socket.apply_settings(id);
            let holds = socket.holds_loop();
            self.event_loop.handles.hold(id.0, holds);
        }
        id
    }

    /// Watches a socket that was announced, as libuv does late too, unless all that is left of it is its FIN. One that cannot
    /// be watched is closed.
    pub(in crate::net) fn watch_announced(&mut self, id: SocketId) {
        let is_over =
            |socket: &mut SocketState<S>| socket.destroy_on_finish && socket.life.writing == state::Writing::ShuttingDown;
        if self.socket_entry(id).is_none_or(is_over) {
            return;
        }
        if let Err(error) = self.settle(id) {
            log::warn!("{} cannot be watched and is closed: {error}", self.socket_name(id));
            self.destroy(id, None);
        }
    }

    pub(in crate::net) fn set_server(&mut self, id: SocketId, server: ServerId) {
        if let Some(socket) = self.socket_entry(id) {
            socket.server = Some(server);
        }
    }

    /// Brings registration, ready list and liveness in line with what the socket wants now. To be called after every change.
    fn settle(&mut self, id: SocketId) -> Result {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return Ok(());
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return Ok(());
        };
        debug_assert!(!self.turn.is_of(id), "its turn is closed before it is changed");
        debug_assert!(socket.accounts_agree(), "{:?}", socket.writable);
        debug_assert!(!socket.must_flush() || !self.gathering.is_empty(), "gathered, and not noted: {id:?}");
        let wants = Settled { reads: socket.is_reading(), writes: socket.writable.in_flight(), holds: socket.holds_loop() };
        let is_open = socket.life.is_open();
        let more = is_open && wants.reads && slot.readiness.has_any(Readiness::INPUT);
        // A paused stream counts unwanted events, which may change its registration.
        let changed = socket.settled != wants || !wants.reads;
        socket.settled = wants;
        socket.steady.set(socket.would_be_steady());
        if let Some(stream) = &socket.stream {
            stream.note_doubts(&mut slot.readiness);
        }
        let mut result = Ok(());
        if changed {
            if is_open && let Some(stream) = &mut socket.stream {
                result = stream.update_interest(&mut registrar, wants.reads, wants.writes);
            }
            self.event_loop.handles.hold(id.0, wants.holds);
        }
        debug_assert!(result.is_err() || self.is_as_settled(id));
        if more {
            self.event_loop.handles.list(id.0);
        }
        result.map_err(|error| Error::system("epoll_ctl", error))
    }

    /// What was told of a socket is so: for debug builds.
    fn is_as_settled(&mut self, id: SocketId) -> bool {
        let is_held = self.event_loop.handles.is_held(id.0);
        self.passing_slot(id).is_none_or(|(socket, _)| {
            let Settled { reads, writes, holds } = socket.settled;
            is_held == holds && (!socket.life.is_open() || socket.stream.as_ref().is_some_and(|it| it.watches(reads, writes)))
        })
    }

    /// As [`settle`](Self::settle); a socket that cannot be watched is destroyed.
    fn settle_or_destroy(&mut self, id: SocketId) {
        if let Err(error) = self.settle(id) {
            self.destroy(id, Some(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Idle connections are counted in bytes: this is what one costs beside its closures.
    #[test]
    fn an_idle_socket_is_small() {
        // A path is larger on Windows.
        let limit = 320 + size_of::<std::path::PathBuf>() - size_of::<Vec<u8>>();
        assert!(size_of::<SocketState<()>>() <= limit, "{} bytes", size_of::<SocketState<()>>());
    }
}
