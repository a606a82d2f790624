//! What a socket is made with. Mirrors the options of `new net.Socket`.

use std::net::IpAddr;
use std::sync::Arc;

use super::KeepAlive;
use crate::net::BlockList;
use crate::net::abort::AbortSignal;

/// Node's default for both directions, in bytes.
pub(crate) const HIGH_WATER_MARK: usize = 64 * 1024;

/// How much a socket may keep in user space for a peer that does not read, unless set otherwise.
pub(crate) const WRITE_QUEUE_LIMIT: usize = 16 * 1024 * 1024;

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
    pub(crate) type_of_service: Option<u8>,
    block_list: Option<Arc<BlockList>>,
    pub(crate) high_water_mark: usize,
    pub(crate) write_queue_limit: usize,
    pub(crate) signal: Option<AbortSignal>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            allow_half_open: false,
            readable: true,
            writable: true,
            no_delay: false,
            keep_alive: None,
            type_of_service: None,
            block_list: None,
            high_water_mark: HIGH_WATER_MARK,
            write_queue_limit: WRITE_QUEUE_LIMIT,
            signal: None,
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

    /// Destroy the socket with `ABORT_ERR` when this is aborted. Default: none. Node's `signal`.
    ///
    /// It holds for the socket's first life: a later `connect` has its own ([`ConnectOptions::signal`]). One that was aborted
    /// before destroys the socket on the next tick.
    ///
    /// [`ConnectOptions::signal`]: crate::ConnectOptions::signal
    ///
    /// ```
    /// # use netloop::{SocketOptions, code};
    /// let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// let signal = reactor.abort_signal();
    /// let mut socket = reactor.new_socket(SocketOptions::new().signal(signal));
    /// socket.on_error(|_, error, log| log.push(error.code()));
    /// reactor.abort(signal);
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, [code::ABORT_ERR]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn signal(mut self, signal: AbortSignal) -> Self {
        self.signal = Some(signal);
        self
    }

    /// The type of service to send with (DSCP and ECN), set when connected. Default: the system's. Node's `typeOfService`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::SocketOptions::new().type_of_service(0x10);
    /// assert_eq!(reactor.new_socket(options).type_of_service(), 0x10);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn type_of_service(mut self, type_of_service: u8) -> Self {
        self.type_of_service = Some(type_of_service);
        self
    }

    /// Do not connect to these addresses: `error` with [`ERR_IP_BLOCKED`](crate::code::ERR_IP_BLOCKED). Paths are not looked
    /// at. Default: none. Node's `blockList`.
    ///
    /// ```
    /// # use netloop::{BlockList, SocketOptions};
    /// # use std::sync::Arc;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut list = BlockList::new();
    /// list.add_cidrs(BlockList::PRIVATE_RANGES)?; // a user's URL must not lead inside
    /// reactor.new_socket(SocketOptions::new().block_list(Arc::new(list)));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn block_list(mut self, list: Arc<BlockList>) -> Self {
        self.block_list = Some(list);
        self
    }

    /// Whether a target is blocked.
    pub(crate) fn blocks(&self, target: IpAddr) -> bool {
        self.block_list.as_ref().is_some_and(|list| list.check(target))
    }
}
