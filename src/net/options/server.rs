//! What a server is made with. Mirrors the options of `net.createServer`.

use std::rc::Rc;
use std::sync::Arc;

use super::{KeepAlive, SocketOptions};
use crate::net::BlockList;

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
    pub(crate) block_list: Option<Arc<BlockList>>,
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

    /// Connections from these addresses are closed at once, without an event and uncounted; peers on a Unix-domain socket
    /// have no address and are let in. Default: none. Node's `blockList`.
    ///
    /// ```
    /// # use netloop::{BlockList, ServerOptions};
    /// # use std::sync::Arc;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut list = BlockList::new();
    /// list.add_cidr("203.0.113.0/24")?;
    /// let options = ServerOptions::new().block_list(Arc::new(list));
    /// reactor.create_server_with(options, |socket, _| socket.end_with("you are welcome\n"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn block_list(mut self, list: Arc<BlockList>) -> Self {
        self.block_list = Some(list);
        self
    }
}
