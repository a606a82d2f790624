//! How to connect. Mirrors the options of `socket.connect`.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::address::Family;
use crate::net::abort::AbortSignal;
use crate::net::lookup::{Lookup, LookupRequest};

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
    pub(crate) local_zone: Option<Rc<str>>,
    pub(crate) local_port: u16,
    pub(crate) family: Option<Family>,
    pub(crate) lookup: Option<Lookup>,
    /// The reactor's, if absent; so is the next one.
    pub(crate) auto_select_family: Option<bool>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
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

    /// The zone of a link-local [`local_address`](Self::local_address): the name or the number of an interface. Default: none.
    /// In Node it is a part of `localAddress`, as in `fe80::1%eth0`.
    ///
    /// A zone that does not exist is passed over, as in Node; binding then fails (`EINVAL` on Linux). A text that cannot be one
    /// is `ERR_INVALID_IP_ADDRESS`. IPv4 has no zones.
    ///
    /// ```no_run
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # use netloop::ConnectOptions;
    /// # use std::net::Ipv6Addr;
    /// let ours = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    /// let options = ConnectOptions::new().local_address(ours.into()).local_zone("eth0");
    /// reactor.connect_with(("fe80::1%eth0", 4000), options);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn local_zone(mut self, zone: &str) -> Self {
        self.local_zone = Some(zone.into());
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

    /// Connect to addresses of this family only. Default: of both. Node's `family`.
    ///
    /// A family given turns [`auto_select_family`](Self::auto_select_family) off: the first address is the only one tried.
    /// [`Family::Unix`] is none to look up: `ERR_INVALID_ARG_VALUE`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// use netloop::{ConnectOptions, Family};
    ///
    /// let options = ConnectOptions::new().family(Family::IPv4);
    /// reactor.connect_with(("localhost", port), options).on_connect(|socket, _| {
    ///     assert_eq!(socket.remote_address().map(|address| address.family()), Some(Family::IPv4));
    ///     socket.destroy();
    /// });
    /// # reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    /// A lookup of your own in place of the system's: a table, a cache, a DNS client. Not asked for IP addresses and paths.
    /// Node's `lookup`.
    ///
    /// It is called on the loop's thread, on the tick after `connect`, and must not block: a slow one answers later, see
    /// [`LookupRequest`].
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// let options = netloop::ConnectOptions::new().lookup(|request| {
    ///     std::thread::spawn(move || request.answer([[127, 0, 0, 1]]));
    /// });
    /// reactor.connect_with(("db.internal", port), options).on_connect(|socket, _| socket.destroy());
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn lookup(mut self, lookup: impl Fn(LookupRequest) + 'static) -> Self {
        self.lookup = Some(Lookup(Rc::new(lookup)));
        self
    }

    /// Whether all addresses of a name are tried, one after the other, the families in turn ("happy eyeballs"). Default: true,
    /// or what [`ReactorOptions::auto_select_family`](crate::ReactorOptions::auto_select_family) says. Node's `autoSelectFamily`.
    ///
    /// Without it, and with a [`family`](Self::family) or a [`local_address`](Self::local_address), only the first is tried.
    ///
    /// ```no_run
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ConnectOptions::new().auto_select_family(false);
    /// reactor.connect_with(("example.com", 80), options);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn auto_select_family(mut self, auto_select_family: bool) -> Self {
        self.auto_select_family = Some(auto_select_family);
        self
    }

    /// How long one of several addresses is tried, from when its attempt begins, before the next one's turn; the last one has no
    /// limit. Default: 500 ms, or
    /// what [`ReactorOptions::attempt_timeout`](crate::ReactorOptions::attempt_timeout) says; less than 10 ms is 10 ms. Zero is
    /// `ERR_OUT_OF_RANGE`. Node's `autoSelectFamilyAttemptTimeout`.
    ///
    /// ```no_run
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # use std::time::Duration;
    /// let options = netloop::ConnectOptions::new().attempt_timeout(Duration::from_millis(250));
    /// reactor.connect_with(("example.com", 80), options);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// As [`set_timeout`](crate::Socket::set_timeout) before the connect: `timeout` is emitted after so long without activity,
    /// the time of the lookup and of the attempts included. Default: none. Node's `timeout`.
    ///
    /// ```no_run
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # use std::time::Duration;
    /// let options = netloop::ConnectOptions::new().timeout(Duration::from_secs(5));
    /// reactor.connect_with(("example.com", 80), options).on_timeout(|socket, _| socket.destroy_with("too slow"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
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
