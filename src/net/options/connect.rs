//! How to connect. Mirrors the options of `socket.connect`.

use std::net::IpAddr;

use crate::net::abort::AbortSignal;

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
    pub(crate) signal: Option<AbortSignal>,
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
    /// Destroy the socket with `ABORT_ERR` when this is aborted, in this life of it. Default: none. Node's `signal`.
    ///
    /// With one that was aborted before, nothing is tried.
    ///
    /// ```
    /// # use netloop::{ConnectOptions, code};
    /// let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// let signal = reactor.abort_signal();
    /// reactor
    ///     .connect_with(([127, 0, 0, 1], 4000), ConnectOptions::new().signal(signal))
    ///     .on_error(|_, error, log| log.push(error.code()))
    ///     .on_close(|_, had_error, log| if had_error { log.push("close") });
    /// reactor.abort(signal);
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, [code::ABORT_ERR, "close"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn signal(mut self, signal: AbortSignal) -> Self {
        self.signal = Some(signal);
        self
    }
}
