//! How to listen. Mirrors the options of `server.listen`.

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
