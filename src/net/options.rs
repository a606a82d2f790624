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
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let socket = reactor.new_socket(netloop::SocketOptions::new());
    /// assert_eq!(socket.writable_high_water_mark(), 65_536);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// Keep the writing half open when the peer ends. Default: false, the socket ends itself. Node's `allowHalfOpen`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::SocketOptions::new().allow_half_open(true);
        /// assert!(reactor.new_socket(options).allow_half_open());
        /// # Ok::<(), netloop::Error>(())
        /// ```
        allow_half_open: bool,
        /// Read at all. Default: true. Node's `readable`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::SocketOptions::new().readable(false);
        /// assert!(!reactor.new_socket(options).is_readable());
        /// # Ok::<(), netloop::Error>(())
        /// ```
        readable: bool,
        /// Write at all. Default: true. Node's `writable`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::SocketOptions::new().writable(false);
        /// assert!(!reactor.new_socket(options).is_writable());
        /// # Ok::<(), netloop::Error>(())
        /// ```
        writable: bool,
        /// Set `TCP_NODELAY` when connected. Default: false. Node's `noDelay`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::SocketOptions::new().no_delay(true);
        /// reactor.new_socket(options); // and connect it
        /// # Ok::<(), netloop::Error>(())
        /// ```
        no_delay: bool,
        /// The mark for both directions, in bytes. Default: 65536. Node's `highWaterMark`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::SocketOptions::new().high_water_mark(1024);
        /// assert_eq!(reactor.new_socket(options).readable_high_water_mark(), 1024);
        /// # Ok::<(), netloop::Error>(())
        /// ```
        high_water_mark: usize,
        /// How many bytes may wait in user space, strictly. Default: 16 MiB; `usize::MAX` is Node's behaviour.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::SocketOptions::new().write_queue_limit(1 << 20);
        /// assert_eq!(reactor.new_socket(options).write_queue_limit(), 1 << 20);
        /// # Ok::<(), netloop::Error>(())
        /// ```
        write_queue_limit: usize,
    }

    /// Send TCP keep-alive probes. Default: none. Node's `keepAlive`, `keepAliveInitialDelay`, …
    ///
    /// ```
    /// # use netloop::{KeepAlive, SocketOptions};
    /// # use std::time::Duration;
    /// let probes = KeepAlive { delay: Duration::from_secs(60), ..KeepAlive::default() };
    /// let options = SocketOptions::new().keep_alive(probes);
    /// ```
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
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.create_server_with(netloop::ServerOptions::new(), |socket, _| assert!(!socket.allow_half_open()));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// Accepted sockets do not read until [`resume`](crate::Socket::resume). Default: false. Node's
        /// `pauseOnConnect`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ServerOptions::new().pause_on_connect(true);
        /// reactor.create_server_with(options, |socket, _| assert_eq!(socket.readable_flowing(), Some(false)));
        /// # Ok::<(), netloop::Error>(())
        /// ```
        pause_on_connect: bool,
    }

    /// As [`SocketOptions::allow_half_open`], for accepted sockets.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ServerOptions::new().allow_half_open(true);
    /// reactor.create_server_with(options, |socket, _| {
    ///     socket.on_end(|socket, _| socket.end_with("you have ended, and now I do"));
    /// });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn allow_half_open(mut self, allow_half_open: bool) -> Self {
        Rc::make_mut(&mut self.socket).allow_half_open = allow_half_open;
        self
    }

    /// As [`SocketOptions::no_delay`], for accepted sockets; set before `connection` is emitted.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ServerOptions::new().no_delay(true);
    /// reactor.create_server_with(options, |socket, _| socket.write("at once"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn no_delay(mut self, no_delay: bool) -> Self {
        Rc::make_mut(&mut self.socket).no_delay = no_delay;
        self
    }

    /// As [`SocketOptions::keep_alive`], for accepted sockets.
    ///
    /// ```
    /// # use netloop::{KeepAlive, ServerOptions};
    /// # use std::time::Duration;
    /// let probes = KeepAlive { delay: Duration::from_secs(60), ..KeepAlive::default() };
    /// let options = ServerOptions::new().keep_alive(probes);
    /// ```
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        Rc::make_mut(&mut self.socket).keep_alive = Some(keep_alive);
        self
    }

    /// As [`SocketOptions::high_water_mark`], for accepted sockets.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ServerOptions::new().high_water_mark(1024);
    /// reactor.create_server_with(options, |socket, _| assert_eq!(socket.writable_high_water_mark(), 1024));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn high_water_mark(mut self, bytes: usize) -> Self {
        Rc::make_mut(&mut self.socket).high_water_mark = bytes;
        self
    }

    /// As [`SocketOptions::write_queue_limit`], for accepted sockets.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ServerOptions::new().write_queue_limit(1 << 20);
    /// reactor.create_server_with(options, |socket, _| assert_eq!(socket.write_queue_limit(), 1 << 20));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn write_queue_limit(mut self, bytes: usize) -> Self {
        Rc::make_mut(&mut self.socket).write_queue_limit = bytes;
        self
    }

    /// Connections beyond this many are closed at once, with a `drop` event. Default: no limit; 0 drops every one.
    /// Node's `server.maxConnections`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ServerOptions::new().max_connections(0);
    /// reactor
    ///     .create_server_with(options, |_, _| unreachable!("every connection is dropped"))
    ///     .on_drop(|_, dropped, _| println!("too busy for {:?}", dropped.remote));
    /// # Ok::<(), netloop::Error>(())
    /// ```
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
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let path = std::path::Path::new("/no/such.sock");
    /// reactor.connect_with(path, netloop::ConnectOptions::new()); // is connect(path)
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The address to connect from. Default: the system's choice. Node's `localAddress`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<netloop::Address>>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// # use netloop::ConnectOptions;
    /// let options = ConnectOptions::new().local_address([127, 0, 0, 1].into());
    /// reactor.connect_with(([127, 0, 0, 1], port), options).on_connect(|socket, from| {
    ///     *from = socket.local_address();
    ///     socket.destroy();
    /// });
    /// # let mut from = None;
    /// reactor.run(&mut from)?;
    /// assert_eq!(from.expect("it connected").ip(), Some([127, 0, 0, 1].into()));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    builder! {
        /// The port to connect from. Default: 0, the system's choice. Node's `localPort`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
        /// let options = netloop::ConnectOptions::new().local_port(0); // whichever is free
        /// reactor.connect_with(([127, 0, 0, 1], port), options).on_connect(|socket, _| {
        ///     assert_ne!(socket.local_port(), Some(0));
        ///     socket.destroy();
        /// });
        /// # reactor.run(&mut ())?;
        /// # Ok::<(), netloop::Error>(())
        /// ```
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
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert!(server.listen_with(0, netloop::ListenOptions::new()).is_listening());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// How many connections the kernel queues before they are accepted. Default and meaning of 0: 511.
        /// Node's `backlog`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ListenOptions::new().backlog(16);
        /// assert!(reactor.create_server(|_, _| {}).listen_with(0, options).is_listening());
        /// # Ok::<(), netloop::Error>(())
        /// ```
        backlog: u32,
        /// Share the port with other listeners (`SO_REUSEPORT`). Default: false; `ENOTSUP` where it does not balance load.
        /// Node's `reusePort`.
        ///
        /// ```
        /// # if cfg!(target_os = "linux") {
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ListenOptions::new().reuse_port(true);
        /// let first = reactor.create_server(|_, _| {}).listen_with(([127, 0, 0, 1], 0), options.clone()).port();
        /// # let port = first.expect("it is bound");
        /// let second = reactor.create_server(|_, _| {}).listen_with(([127, 0, 0, 1], port), options).port();
        /// assert_eq!(first, second);
        /// # }
        /// # Ok::<(), netloop::Error>(())
        /// ```
        reuse_port: bool,
        /// Do not take IPv4 connections on an IPv6 address. Default: false. Node's `ipv6Only`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ListenOptions::new().ipv6_only(true);
        /// reactor.create_server(|_, _| {}).listen_with("[::]:0".parse::<netloop::Endpoint>()?, options);
        /// # Ok::<(), netloop::Error>(())
        /// ```
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
    ///
    /// ```
    /// let reactor = netloop::Reactor::<()>::with_options(netloop::ReactorOptions::new())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that is moved by hand, for tests of timers.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// let clock = ManualClock::new();
    /// let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(1));
    /// reactor.update_time();
    /// assert_eq!(reactor.now(), Duration::from_secs(1));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    builder! {
        /// The most threads for queued work. Default: 4; they start when there is work.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let mut reactor = Reactor::<Vec<u32>>::with_options(ReactorOptions::new().work_threads(1))?;
        /// reactor.queue_work(|| 1, |_, number, log| log.push(number));
        /// reactor.queue_work(|| 2, |_, number, log| log.push(number));
        /// # let mut log = Vec::new();
        /// reactor.run(&mut log)?;
        /// assert_eq!(log, [1, 2], "one thread works in order");
        /// # Ok::<(), netloop::Error>(())
        /// ```
        work_threads: usize,
        /// The loop's one read buffer, in bytes: the most one `data` event carries. Default: 65536.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let mut reactor = Reactor::<usize>::with_options(ReactorOptions::new().read_buffer(1024))?;
        /// # let (near, far) = reactor.socket_pair()?;
        /// # reactor.socket(near).expect("just made").end_with([0; 5000]);
        /// # let mut socket = reactor.socket(far).expect("just made");
        /// socket.on_data(|_, chunk, largest| *largest = chunk.len().max(*largest));
        /// # let mut largest = 0;
        /// reactor.run(&mut largest)?;
        /// assert_eq!(largest, 1024);
        /// # Ok::<(), netloop::Error>(())
        /// ```
        read_buffer: usize,
        /// Reads of one socket before others have their turn. Default: 32.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().read_budget(1))?; // fair above all
        /// # Ok::<(), netloop::Error>(())
        /// ```
        read_budget: usize,
        /// Accepts of one server before others have their turn. Default: 16.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().accept_budget(1))?; // fair above all
        /// # Ok::<(), netloop::Error>(())
        /// ```
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
