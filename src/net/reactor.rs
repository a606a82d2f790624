//! The reactor: the loop, every object on it, and how it is run.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use super::emit::Done;
use super::host::{Entry, Handle};
use super::listeners::{ListenerId, Serials};
use super::options::{ConnectOptions, ReactorOptions, SocketOptions};
use super::outcome::Outcome;
use super::socket::{Outgoing, Socket, SocketId};
use super::timers::{TimerId, WatcherId};
use super::unhandled::{Hook, UnhandledErrors};
use crate::error::{Error, Result};
use crate::event_loop::{self, EventLoop, Key, LoopGuard, RunMode};
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
    /// Sockets with gathered bytes.
    pub(super) gathering: Vec<SocketId>,
    /// Emptied write queues for the next socket that needs one.
    #[expect(clippy::vec_box, reason = "they move between here and the sockets, which own boxes")]
    pub(super) spare_queues: Vec<Box<Outgoing<S>>>,
    /// Numbers completion callbacks.
    pub(super) requests: u64,
    /// Handles that may be freed when no tick is left.
    pub(super) graveyard: Vec<Key>,
    /// Closed sockets that a bound timer still holds.
    pub(super) waiting_for_timers: BTreeSet<SocketId>,
    pub(super) read_buffer: Vec<u8>,
    pub(super) options: ReactorOptions,
    pub(super) reserve: Reserve,
    pub(super) counters: IoCounters,
    pub(super) unhandled: UnhandledErrors,
    pub(super) unhandled_hook: Option<Hook<S>>,
    not_send: PhantomData<Rc<()>>,
}

/// System calls and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IoCounters {
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) accepts: u64,
    pub(super) bytes_read: u64,
    pub(super) bytes_written: u64,
}

/// Counters of a reactor. Mirrors `uv_metrics_info`, with what a ledger of system calls needs.
///
/// ```
/// let mut reactor = netloop::Reactor::new()?;
/// reactor.run_nowait(&mut ())?;
/// assert_eq!(reactor.metrics().sockets, 0);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Iterations of the loop.
    pub iterations: u64,
    /// Waits for events: system calls.
    pub polls: u64,
    /// Events the selector reported.
    pub events: u64,
    /// Registrations, changes and removals at the selector: a system call each on epoll and kqueue.
    pub registrations: u64,
    /// Read system calls.
    pub reads: u64,
    /// Write system calls.
    pub writes: u64,
    /// Accept system calls.
    pub accepts: u64,
    /// Bytes read from all sockets.
    pub bytes_read: u64,
    /// Bytes the kernel took from all sockets.
    pub bytes_written: u64,
    /// Time spent waiting for events.
    pub idle: Duration,
    /// Sockets that exist now.
    pub sockets: usize,
    /// Servers that exist now.
    pub servers: usize,
    /// Timers that exist now, those of idle timeouts among them.
    pub timers: usize,
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
            gathering: Vec::new(),
            spare_queues: Vec::new(),
            requests: 0,
            graveyard: Vec::new(),
            waiting_for_timers: BTreeSet::new(),
            read_buffer: Vec::new(),
            options,
            reserve: Reserve::new(),
            counters: IoCounters::default(),
            unhandled: UnhandledErrors::default(),
            unhandled_hook: None,
            not_send: PhantomData,
        })
    }

    /// Runs the loop until nothing holds it, or [`stop`](Self::stop) is called. Mirrors `uv_run(UV_RUN_DEFAULT)`.
    ///
    /// What holds it: listening servers, connected sockets that read, requests under way, timers, immediates, watchers, queued
    /// work, and every [`LoopGuard`]; unref'd ones do not.
    ///
    /// # Errors
    ///
    /// - `ERR_REACTOR_RUNNING` when called from inside a callback.
    /// - The unheard error of what was set up before: see [`UnhandledErrors`].
    ///
    /// A panic in a callback unwinds out of here; the reactor can be dropped or run again.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// reactor.set_immediate(|_, log| log.push("immediate"));
    /// reactor.set_timeout(std::time::Duration::from_millis(1), |_, log| log.push("timer"));
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?; // returns after the timer: nothing is left
    /// assert_eq!(log, ["immediate", "timer"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn run(&mut self, state: &mut S) -> Result<()> {
        event_loop::run(self, state, RunMode::Default).map(drop)
    }

    /// One iteration, which waits if there is nothing to do; true if something still holds the loop.
    /// Mirrors `uv_run(UV_RUN_ONCE)`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.set_timeout(std::time::Duration::from_millis(1), |_, fired| *fired += 1);
    /// let mut fired = 0;
    /// while reactor.run_once(&mut fired)? {}
    /// assert_eq!(fired, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn run_once(&mut self, state: &mut S) -> Result<bool> {
        event_loop::run(self, state, RunMode::Once)
    }

    /// One iteration without waiting; true if something still holds the loop. Mirrors `uv_run(UV_RUN_NOWAIT)`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.set_timeout(std::time::Duration::from_secs(60), |_, _| {});
    /// assert!(reactor.run_nowait(&mut ())?, "the timer is still there");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn run_nowait(&mut self, state: &mut S) -> Result<bool> {
        event_loop::run(self, state, RunMode::NoWait)
    }

    /// Makes `run` return after the iteration under way; a `run` that has not begun runs no phase,
    /// only the ticks that are queued. Mirrors `uv_stop`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.on_idle(|reactor, _, rounds| {
    ///     *rounds += 1;
    ///     reactor.stop();
    /// });
    /// # let mut rounds = 0;
    /// reactor.run(&mut rounds)?;
    /// assert_eq!(rounds, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn stop(&mut self) {
        self.event_loop.stop();
    }

    /// Whether anything holds the loop. Mirrors `uv_loop_alive`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// assert!(!reactor.is_alive());
    /// reactor.create_server(|_, _| {}).listen(0);
    /// assert!(reactor.is_alive());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        self.event_loop.is_alive()
    }

    /// Holds the loop until the guard is dropped, on whatever thread. Mirrors a ref'd `uv_async_t`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let guard = reactor.keep_alive();
    /// assert!(reactor.run_nowait(&mut ())?);
    /// drop(guard);
    /// assert!(!reactor.run_nowait(&mut ())?);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn keep_alive(&mut self) -> LoopGuard {
        LoopGuard::new(&self.event_loop.shared.wakeup)
    }

    /// The cached time since the reactor was made. Mirrors `uv_now`: it moves once per wait and per timer pass, so timers
    /// started in one callback tie exactly.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(reactor.now(), Duration::ZERO, "it is cached");
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.now(), Duration::from_secs(1));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.event_loop.now())
    }

    /// Reads the clock anew, after work that blocked. Mirrors `uv_update_time`.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(1));
    /// reactor.update_time();
    /// assert_eq!(reactor.now(), Duration::from_secs(1));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn update_time(&mut self) {
        self.event_loop.update_time();
    }

    /// How long an outer loop may wait before it runs this one again: zero if there is work, `None` for ever.
    /// Mirrors `uv_backend_timeout`; ask before each wait.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "nothing to wait for");
    /// let watcher = reactor.on_idle(|_, _, _| {});
    /// assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "there is work");
    /// reactor.clear_watcher(watcher);
    /// reactor.create_server(|_, _| {}).listen(0);
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.backend_timeout(), None, "only a connection can wake it");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn backend_timeout(&self) -> Option<Duration> {
        self.event_loop.poll_timeout()
    }

    /// Counters since the reactor was made. Mirrors `uv_metrics_info`; it costs a walk over all handles.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// assert_eq!(reactor.metrics().sockets, 2);
    /// reactor.socket(near).expect("just made").end_with("hello");
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.metrics().bytes_written, 5);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        let (loops, io) = (&self.event_loop.counters, &self.counters);
        let sockets = self.event_loop.handles.iter().filter(|(_, entry)| matches!(entry, Entry::Socket(_))).count();
        let servers = self.event_loop.handles.iter().count() - sockets;
        Metrics {
            iterations: loops.iterations,
            polls: loops.polls,
            events: loops.events,
            registrations: loops.registrations,
            reads: io.reads,
            writes: io.writes,
            accepts: io.accepts,
            bytes_read: io.bytes_read,
            bytes_written: io.bytes_written,
            idle: Duration::from_nanos(loops.idle),
            sockets,
            servers,
            timers: self.event_loop.timers.len(),
        }
    }

    /// Everything the reactor owns now. Mirrors `uv_walk`; collect it before you change anything.
    ///
    /// ```
    /// use netloop::Handle;
    ///
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// for handle in reactor.handles().collect::<Vec<_>>() {
    ///     if let Handle::Socket(id) = handle
    ///         && let Some(mut socket) = reactor.socket(id)
    ///     {
    ///         socket.destroy();
    ///     }
    /// }
    /// # reactor.run(&mut ())?;
    /// assert_eq!(reactor.handles().count(), 0);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        let handles = self.event_loop.handles.iter().map(|(key, entry)| match entry {
            Entry::Socket(_) => Handle::Socket(SocketId(key)),
            Entry::Server(_) => Handle::Server(super::ServerId(key)),
        });
        let timers = self.event_loop.timers.keys().map(|key| Handle::Timer(TimerId(key)));
        let watchers = self.event_loop.watchers.keys().map(|key| Handle::Watcher(WatcherId(key)));
        handles.chain(timers).chain(watchers)
    }

    /// All sockets that exist now.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// let everybody: Vec<_> = reactor.sockets().collect();
    /// assert_eq!(reactor.broadcast(everybody, "news"), 2);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn sockets(&self) -> impl Iterator<Item = SocketId> {
        self.event_loop.handles.iter().filter_map(|(key, entry)| match entry {
            Entry::Socket(_) => Some(SocketId(key)),
            Entry::Server(_) => None,
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
            Entry::Server(_) => None,
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
        let id = self.new_socket_id(&Rc::new(options));
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
        if let Err(error) = callback(&mut Socket::new(self, id), state).into_result() {
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
