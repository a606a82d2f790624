//! Options, as builders with Node's names.

use std::net::IpAddr;
use std::rc::Rc;

use crate::event_loop::{Clock, LoopOptions, ManualClock};
pub use crate::sys::KeepAlive;

/// Node's default for both directions, in bytes.
pub(crate) const HIGH_WATER_MARK: usize = 64 * 1024;

/// How much a socket may keep in user space for a peer that does not read, unless set otherwise.
pub(crate) const WRITE_QUEUE_LIMIT: usize = 16 * 1024 * 1024;

macro_rules! builder {
    ($($(#[$doc:meta])* $field:ident: $type:ty),* $(,)?) => {
        $($(#[$doc])* pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        })*
    };
}

/// What a [`Socket`](crate::Socket) is made with: Node fixes these at construction.
///
/// ```
/// use netloop::{Reactor, SocketOptions};
///
/// let mut reactor = Reactor::<()>::new()?;
/// let options = SocketOptions::new().no_delay(true).high_water_mark(16 * 1024);
/// let socket = reactor.new_socket(options);
/// assert_eq!(socket.writable_high_water_mark(), 16 * 1024);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SocketOptions {
    pub(crate) allow_half_open: bool,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) no_delay: bool,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) high_water_mark: usize,
    pub(crate) write_queue_limit: usize,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            allow_half_open: false,
            readable: true,
            writable: true,
            no_delay: false,
            keep_alive: None,
            high_water_mark: HIGH_WATER_MARK,
            write_queue_limit: WRITE_QUEUE_LIMIT,
        }
    }
}

impl SocketOptions {
    /// Node's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// Keep the writing half open when the peer ends. Default: false, the socket ends itself.
        allow_half_open: bool,
        /// Read at all. Default: true.
        readable: bool,
        /// Write at all. Default: true.
        writable: bool,
        /// Set `TCP_NODELAY` when connected. Default: false.
        no_delay: bool,
        /// The mark for both directions, in bytes. Default: 65536.
        high_water_mark: usize,
        /// How many bytes may wait in user space, strictly. Default: 16 MiB; `usize::MAX` is Node's behaviour.
        write_queue_limit: usize,
    }

    /// Send TCP keep-alive probes. Default: none.
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.keep_alive = Some(keep_alive);
        self
    }
}

/// What a [`Server`](crate::Server) gives to the sockets it accepts, and how many it takes.
///
/// ```
/// use netloop::{Reactor, ServerOptions};
///
/// let mut reactor = Reactor::<()>::new()?;
/// let options = ServerOptions::new().allow_half_open(true).max_connections(100);
/// reactor.create_server_with(options, |socket, _| socket.end_with("bye\n"));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerOptions {
    pub(crate) pause_on_connect: bool,
    pub(crate) max_connections: Option<usize>,
    /// Shared by all accepted sockets; one that changes its own gets a copy.
    pub(crate) socket: Rc<SocketOptions>,
}

impl ServerOptions {
    /// Node's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// Accepted sockets do not read until [`resume`](crate::Socket::resume). Default: false.
        pause_on_connect: bool,
    }

    /// As [`SocketOptions::allow_half_open`], for accepted sockets.
    pub fn allow_half_open(mut self, allow_half_open: bool) -> Self {
        Rc::make_mut(&mut self.socket).allow_half_open = allow_half_open;
        self
    }

    /// As [`SocketOptions::no_delay`], for accepted sockets; set before `connection` is emitted.
    pub fn no_delay(mut self, no_delay: bool) -> Self {
        Rc::make_mut(&mut self.socket).no_delay = no_delay;
        self
    }

    /// As [`SocketOptions::keep_alive`], for accepted sockets.
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        Rc::make_mut(&mut self.socket).keep_alive = Some(keep_alive);
        self
    }

    /// As [`SocketOptions::high_water_mark`], for accepted sockets.
    pub fn high_water_mark(mut self, bytes: usize) -> Self {
        Rc::make_mut(&mut self.socket).high_water_mark = bytes;
        self
    }

    /// As [`SocketOptions::write_queue_limit`], for accepted sockets.
    pub fn write_queue_limit(mut self, bytes: usize) -> Self {
        Rc::make_mut(&mut self.socket).write_queue_limit = bytes;
        self
    }

    /// Connections beyond this many are closed at once, with a `drop` event. Default: no limit; 0 drops every one.
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = Some(max);
        self
    }
}

/// How to connect.
///
/// ```no_run
/// use netloop::{ConnectOptions, Reactor};
///
/// let mut reactor = Reactor::<()>::new()?;
/// let options = ConnectOptions::new().local_address([127, 0, 0, 2].into());
/// reactor.connect_with(([127, 0, 0, 1], 4000), options);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConnectOptions {
    pub(crate) local_address: Option<IpAddr>,
    pub(crate) local_port: u16,
}

impl ConnectOptions {
    /// Node's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The address to connect from. Default: the system's choice.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    builder! {
        /// The port to connect from. Default: 0, the system's choice.
        local_port: u16,
    }
}

/// How to listen.
///
/// ```
/// use netloop::{ListenOptions, Reactor};
///
/// let mut reactor = Reactor::<()>::new()?;
/// reactor.create_server(|_, _| {}).listen_with(0, ListenOptions::new().backlog(16));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ListenOptions {
    pub(crate) backlog: u32,
    pub(crate) reuse_port: bool,
    pub(crate) ipv6_only: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 511, reuse_port: false, ipv6_only: false }
    }
}

impl ListenOptions {
    /// Node's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// How many connections the kernel queues before they are accepted. Default and meaning of 0: 511.
        backlog: u32,
        /// Share the port with other listeners (`SO_REUSEPORT`). Default: false; `ENOTSUP` where it does not balance load.
        reuse_port: bool,
        /// Do not take IPv4 connections on an IPv6 address. Default: false.
        ipv6_only: bool,
    }

    /// The backlog as the system call takes it.
    pub(crate) fn backlog_or_default(&self) -> i32 {
        match self.backlog {
            0 => 511,
            backlog => i32::try_from(backlog).unwrap_or(i32::MAX),
        }
    }
}

/// What a [`Reactor`](crate::Reactor) is made with.
///
/// ```
/// use netloop::{Reactor, ReactorOptions};
///
/// let reactor = Reactor::<()>::with_options(ReactorOptions::new().work_threads(1).accept_budget(4))?;
/// assert!(!reactor.is_alive());
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ReactorOptions {
    clock: Option<ManualClock>,
    pub(crate) work_threads: usize,
    pub(crate) read_buffer: usize,
    pub(crate) read_budget: usize,
    pub(crate) accept_budget: usize,
}

impl Default for ReactorOptions {
    fn default() -> Self {
        Self { clock: None, work_threads: 4, read_buffer: 64 * 1024, read_budget: 32, accept_budget: 16 }
    }
}

impl ReactorOptions {
    /// The defaults, which are libuv's where it has them.
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that is moved by hand, for tests of timers.
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    builder! {
        /// The most threads for queued work. Default: 4; they start when there is work.
        work_threads: usize,
        /// The loop's one read buffer, in bytes: the most one `data` event carries. Default: 65536.
        read_buffer: usize,
        /// Reads of one socket before others have their turn. Default: 32.
        read_budget: usize,
        /// Accepts of one server before others have their turn. Default: 16.
        accept_budget: usize,
    }

    pub(crate) fn loop_options(&self) -> LoopOptions {
        let clock = match &self.clock {
            Some(clock) => Clock::Manual(clock.clone()),
            None => Clock::system(),
        };
        LoopOptions { clock, work_threads: self.work_threads }
    }
}
