//! The reactor: the loop, every object on it, and how it is run.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use super::abort::Signals;
use super::emit::Done;
use super::host::{Entry, Handle};
use super::linger::Queue;
use super::listeners::{ListenerId, Serials};
use super::metrics::IoCounters;
use super::options::{ConnectOptions, ReactorOptions, SocketOptions};
use super::outcome::Outcome;
use super::socket::{Socket, SocketId, Spares, Turn};
use super::unhandled::{Hook, UnhandledErrors};
use crate::error::{Error, Result};
use crate::event_loop::{EventLoop, Key};
use crate::net::endpoint::IntoEndpoint;
use crate::sys::{self, Reserve};

/// A single-threaded event loop with sockets, servers and timers on it. Mirrors `uv_loop_t` and Node's event loop.
///
/// It owns everything; sockets and servers are named by ids and reached through short-lived views. `S` is your own state: it
/// is lent to [`run`](Self::run) and reaches every callback as the last argument.
///
/// No callback ever runs inside a call of yours, and every call is allowed in every callback.
///
/// ```
/// use netloop::Reactor;
///
/// let mut reactor = Reactor::<u32>::new()?;
/// reactor
///     .create_server(|socket, accepted| {
///         *accepted += 1;
///         socket.end_with("hello\n");
///     })
///     .listen(0)
///     .on_listening(|server, _| {
///         let port = server.port().expect("it listens");
///         let id = server.id();
///         server
///             .reactor()
///             .connect(([127, 0, 0, 1], port))
///             .on_data(|_, chunk, _| assert_eq!(chunk, b"hello\n"))
///             .on_close(move |socket, _, _| {
///                 if let Some(mut server) = socket.reactor().server(id) { server.close() }
///             });
///     });
/// let mut accepted = 0;
/// reactor.run(&mut accepted)?;
/// assert_eq!(accepted, 1);
/// # Ok::<(), netloop::Error>(())
/// ```
pub struct Reactor<S = ()> {
    pub(super) event_loop: EventLoop<Self>,
    pub(super) serials: Serials,
    pub(super) current_listener: Option<ListenerId>,
    /// The listener that ran last was a handler without an `on_error`.
    pub(super) unheard: bool,
    /// The object whose callback has panicked, until the panic leaves `run`.
    pub(super) panicked: Option<Handle>,
    /// Sockets with gathered bytes.
    pub(super) gathering: Vec<SocketId>,
    /// Whose chunk is being emitted.
    pub(super) turn: Turn,
    /// Emptied write queues for the next socket that needs one.
    pub(super) spare_queues: Spares<S>,
    /// Numbers completion callbacks.
    pub(super) requests: u64,
    /// Handles that may be freed when no tick is left.
    pub(super) graveyard: Vec<Key>,
    /// The timers that are bound to sockets, and to which.
    pub(super) bound_timers: BTreeMap<Key, SocketId>,
    /// Connections that outlive their socket for a while.
    pub(super) lingering: Queue,
    pub(super) read_buffer: Box<[u8]>,
    /// The text of a chunk that cannot be lent from the chunk itself.
    pub(super) text_buffer: String,
    pub(super) options: ReactorOptions,
    pub(super) reserve: Reserve,
    pub(super) counters: IoCounters,
    pub(super) signals: Signals,
    pub(super) unhandled: UnhandledErrors,
    pub(super) unhandled_hook: Option<Hook<S>>,
    not_send: PhantomData<Rc<()>>,
}

impl<S> Reactor<S> {
    /// A reactor with the default options.
    ///
    /// # Errors
    ///
    /// `EMFILE`, `ENFILE` or `ENOMEM` if the system gives no selector.
    ///
    /// ```
    /// let reactor = netloop::Reactor::<()>::new()?;
    /// assert!(!reactor.is_alive(), "nothing is on it yet");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Result<Self> {
        Self::with_options(ReactorOptions::new())
    }

    /// A reactor with options of your own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use netloop::{ManualClock, Reactor, ReactorOptions};
    ///
    /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&ManualClock::new()))?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn with_options(options: ReactorOptions) -> Result<Self> {
        Ok(Self {
            event_loop: EventLoop::new(options.loop_options())?,
            serials: Serials::default(),
            current_listener: None,
            unheard: false,
            panicked: None,
            gathering: Vec::new(),
            turn: Turn::default(),
            spare_queues: Vec::new(),
            requests: 0,
            graveyard: Vec::new(),
            bound_timers: BTreeMap::new(),
            lingering: Queue::new(),
            read_buffer: Box::default(),
            text_buffer: String::new(),
            options,
            reserve: Reserve::new(),
            counters: IoCounters::default(),
            signals: Signals::default(),
            unhandled: UnhandledErrors::default(),
            unhandled_hook: None,
            not_send: PhantomData,
        })
    }

    /// Two connected sockets without an address: for tests. Mirrors `uv_socketpair`.
    ///
    /// Both behave as accepted ones: they read ahead at once, and neither emits `connect`.
    ///
    /// # Errors
    ///
    /// What the system says, such as `EMFILE`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// let (near, far) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").end_with("hi");
    /// reactor.socket(far).expect("just made").on_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"hi");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn socket_pair(&mut self) -> Result<(SocketId, SocketId)> {
        let (near, far) = sys::pair().map_err(|error| Error::system("socketpair", error))?;
        let options = Rc::new(SocketOptions::default());
        let near = self.adopt_transport(near, None, &options, false)?;
        match self.adopt_transport(far, None, &options, false) {
            Ok(far) => Ok((near, far)),
            Err(error) => {
                self.destroy(near, None);
                Err(error)
            }
        }
    }

    /// Writes the same bytes to many sockets; returns how many took them. Stale ids are skipped. A large
    /// chunk (from 16 KiB) that has to wait is shared by all queues; a small one is copied, which costs less.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (a, b) = reactor.socket_pair()?;
    /// assert_eq!(reactor.broadcast([a, b], "news"), 2);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn broadcast(&mut self, to: impl IntoIterator<Item = SocketId>, bytes: impl AsRef<[u8]>) -> usize {
        let mut shared = super::socket::Broadcast::new(bytes.as_ref());
        to.into_iter().filter(|&id| self.broadcast_to(id, &mut shared)).count()
    }

    /// A view of a socket; `None` once its `close` is over.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("it is there").destroy();
    /// reactor.run(&mut ())?;
    /// assert!(reactor.socket(near).is_none());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn socket(&mut self, id: SocketId) -> Option<Socket<'_, S>> {
        match self.event_loop.handles.get(id.0)? {
            Entry::Socket(_) => Some(Socket::new(self, id)),
            Entry::Server(_) | Entry::Lingering(_) => None,
        }
    }

    /// A socket without a connection: for what Node fixes at construction. Mirrors `new net.Socket(options)`.
    ///
    /// It stays until it is destroyed or its connection has closed.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::SocketOptions::new().allow_half_open(true);
    /// assert!(reactor.new_socket(options).is_pending());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new_socket(&mut self, options: SocketOptions) -> Socket<'_, S> {
        let id = self.insert_socket(&Rc::new(options));
        self.bind_socket_signal(id);
        Socket::new(self, id)
    }

    /// Connects a new socket; mirrors `net.connect`. See [`Socket::connect_with`] for what follows.
    ///
    /// ```no_run
    /// let mut reactor = netloop::Reactor::new()?;
    /// reactor.connect(("localhost", 4000)).end_with("hello\n");
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn connect(&mut self, to: impl IntoEndpoint) -> Socket<'_, S> {
        self.connect_with(to, ConnectOptions::new())
    }

    /// As [`connect`](Self::connect), with options.
    ///
    /// ```
    /// use netloop::ConnectOptions;
    ///
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// let options = ConnectOptions::new().local_address([127, 0, 0, 1].into());
    /// assert!(reactor.connect_with(([127, 0, 0, 1], port), options).is_connecting());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn connect_with(&mut self, to: impl IntoEndpoint, options: ConnectOptions) -> Socket<'_, S> {
        let mut socket = self.new_socket(SocketOptions::new());
        socket.connect_with(to, options);
        socket
    }

    /// Calls back with a socket, if it is still there.
    pub(super) fn call<R: Outcome>(
        &mut self,
        id: SocketId,
        state: &mut S,
        callback: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R,
    ) {
        if self.socket(id).is_none() {
            return;
        }
        let call = |reactor: &mut Self| callback(&mut Socket::new(reactor, id), state).into_result();
        if let Err(error) = self.call_of(Handle::Socket(id), call) {
            self.destroy(id, Some(error));
        }
    }

    /// Queues the outcome of a completion callback for the next tick.
    pub(super) fn reject(&mut self, id: SocketId, done: Option<Done<S>>, error: Error) {
        if let (Some(done), Some(socket)) = (done, self.socket_entry(id)) {
            socket.rare().rejected.push_back((done, error));
            self.event_loop.tick_task(super::host::Task::Rejected(id));
        }
    }
}

impl<S> fmt::Debug for Reactor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}
