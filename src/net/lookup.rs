//! Names to addresses for connects: the system's way, or the embedder's own. Mirrors the `lookup` option of `socket.connect`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use crate::address::Family;
use crate::code;
use crate::error::{BoxError, Error, Result};
use crate::event_loop::Ticket;
use crate::net::ip::parse_ip;
use crate::sys::{self, Unresolved};

/// What a lookup came to.
pub(crate) type LookupResult = Result<Vec<LookupAddress>>;

/// The embedder's lookup function; shared by all clones of the options.
#[derive(Clone)]
pub(crate) struct Lookup(pub(crate) Rc<dyn Fn(LookupRequest)>);

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

/// The system's lookup; it blocks.
pub(crate) fn resolve(host: &str, family: Option<Family>) -> LookupResult {
    match sys::resolve(host, family) {
        Ok(addresses) => Ok(addresses.into_iter().map(LookupAddress::from).collect()),
        Err(Unresolved { code, source }) => Err(Error::lookup(host, code, Some(source))),
    }
}

/// A name to be looked up, and the way back for the answer: what a [`ConnectOptions::lookup`](crate::ConnectOptions::lookup)
/// function gets.
///
/// Answering takes it: at once or later, on any thread. Until then it holds the loop, as long as the socket waits for it. If it is dropped without an answer, the
/// lookup has failed (`ECANCELED`).
///
/// ```
/// use netloop::{ConnectOptions, LookupRequest, Reactor};
///
/// let mut reactor = Reactor::<Vec<String>>::new()?;
/// # let mut server = reactor.create_server(|socket, _| socket.end());
/// # let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
/// let options = ConnectOptions::new().lookup(|request: LookupRequest| match request.host() {
///     "db.internal" => request.answer([[127, 0, 0, 1]]),
///     host => {
///         let text = format!("{host} is not in the table");
///         request.fail(text)
///     }
/// });
/// reactor
///     .connect_with(("db.internal", port), options)
///     .on_lookup(|_, address, host, log| log.push(format!("{host} is {}", address.expect("it is in the table"))))
///     .on_connect(|socket, _| socket.destroy());
/// let mut log = Vec::new();
/// reactor.run(&mut log)?;
/// assert_eq!(log, ["db.internal is 127.0.0.1"]);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Debug)]
pub struct LookupRequest {
    host: String,
    family: Option<Family>,
    all: bool,
    /// Gone once it is answered.
    ticket: Option<Ticket>,
}

impl LookupRequest {
    pub(crate) fn new(host: String, family: Option<Family>, all: bool, ticket: Ticket) -> Self {
        Self { host, family, all, ticket: Some(ticket) }
    }

    /// The name.
    ///
    /// ```
    /// let options = netloop::ConnectOptions::new().lookup(|request| {
    ///     println!("who is {}?", request.host());
    ///     request.answer([[127, 0, 0, 1]]);
    /// });
    /// ```
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The family asked for by [`ConnectOptions::family`](crate::ConnectOptions::family). Node's `options.family`.
    ///
    /// ```
    /// use netloop::{ConnectOptions, Family};
    ///
    /// let options = ConnectOptions::new().lookup(|request| match request.family() {
    ///     Some(Family::IPv6) => request.answer(["::1"]),
    ///     _ => request.answer(["127.0.0.1"]),
    /// });
    /// ```
    pub fn family(&self) -> Option<Family> {
        self.family
    }

    /// Whether all addresses count; otherwise only the first one does. Node's `options.all`.
    ///
    /// ```
    /// let options = netloop::ConnectOptions::new().lookup(|request| match request.wants_all() {
    ///     true => request.answer(["::1", "127.0.0.1"]),
    ///     false => request.answer(["127.0.0.1"]),
    /// });
    /// ```
    pub fn wants_all(&self) -> bool {
        self.all
    }

    /// Answers. No address at all is `ENOTFOUND`. A text that is no IP address counts as an entry, is told by `lookup` with
    /// `ERR_INVALID_IP_ADDRESS`, and is never connected to.
    ///
    /// ```
    /// let options = netloop::ConnectOptions::new().lookup(|request| request.answer(["::1", "127.0.0.1"]));
    /// ```
    pub fn answer<A: Into<LookupAddress>>(mut self, addresses: impl IntoIterator<Item = A>) {
        self.send(Ok(addresses.into_iter().map(Into::into).collect()));
    }

    /// The lookup has failed: the error is emitted with `lookup`, then as `error`.
    ///
    /// ```
    /// let options = netloop::ConnectOptions::new().lookup(|request| request.fail("no network today"));
    /// ```
    pub fn fail(mut self, error: impl Into<BoxError>) {
        self.send(Err(Error::other(error)));
    }

    fn send(&mut self, result: LookupResult) {
        if let Some(ticket) = self.ticket.take() {
            ticket.complete(Box::new(result));
        }
    }
}

impl Drop for LookupRequest {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            let error = Error::lookup(&self.host, code::ECANCELED, None);
            self.send(Err(error));
        }
    }
}

/// One address of an answer: an IP address, or the text of one, which may have a zone (`fe80::1%eth0`).
///
/// ```
/// use netloop::LookupAddress;
///
/// let _: [LookupAddress; 3] = ["::1".into(), [127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupAddress(Entry);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// With port 0; the scope of a link-local address matters.
    Address(SocketAddr),
    Text(String),
}

impl LookupAddress {
    /// The address, without a port, or `ERR_INVALID_IP_ADDRESS`.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        match &self.0 {
            Entry::Address(address) => Ok(*address),
            Entry::Text(text) => parse_ip(text, 0).ok_or_else(|| {
                let message = format!("Invalid IP address: {text}");
                Error::with_code(code::ERR_INVALID_IP_ADDRESS, message)
            }),
        }
    }
}

impl From<SocketAddr> for LookupAddress {
    fn from(mut address: SocketAddr) -> Self {
        address.set_port(0);
        Self(Entry::Address(address))
    }
}

impl From<IpAddr> for LookupAddress {
    fn from(ip: IpAddr) -> Self {
        SocketAddr::from((ip, 0)).into()
    }
}

impl From<Ipv4Addr> for LookupAddress {
    fn from(ip: Ipv4Addr) -> Self {
        IpAddr::from(ip).into()
    }
}

impl From<Ipv6Addr> for LookupAddress {
    fn from(ip: Ipv6Addr) -> Self {
        IpAddr::from(ip).into()
    }
}

impl From<[u8; 4]> for LookupAddress {
    fn from(ip: [u8; 4]) -> Self {
        IpAddr::from(ip).into()
    }
}

impl From<&str> for LookupAddress {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for LookupAddress {
    fn from(text: String) -> Self {
        Self(Entry::Text(text))
    }
}
