//! Where to listen or connect: the argument forms of `server.listen` and `socket.connect`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ip::is_ipv6;
use crate::address::Address;
use crate::code;
use crate::error::{Error, Result};

/// Where to listen at or connect to: a port, a host and a port, a [`SocketAddr`] or the path of a Unix-domain socket.
///
/// A bare port means every address for `listen` and localhost for `connect`. A textual host is taken as in Node: an IP
/// literal costs a tick, a name a lookup. A link-local IPv6 address needs a zone, which is the name or the number of an
/// interface: `("fe80::1%eth0", 80)`. A text alone could be a host or a path, so it has to be parsed explicitly:
///
/// ```
/// use netloop::Endpoint;
///
/// let _: Endpoint = 4000.into();
/// let _: Endpoint = ("localhost", 4000).into();
/// let _: Endpoint = "[::1]:80".parse()?;
/// let _: Endpoint = "[fe80::1%eth0]:80".parse()?;
/// let _: Endpoint = "/run/app.sock".parse()?;
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(pub(crate) Target);

/// What an [`Endpoint`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Port(u16),
    Host(String, u16),
    Addr(SocketAddr),
    Path(PathBuf),
}

/// Everything that names an [`Endpoint`].
///
/// ```
/// use netloop::{Endpoint, IntoEndpoint};
///
/// assert_eq!(("::1", 80).into_endpoint(), Endpoint::from(("::1", 80)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no address to listen at or connect to",
    label = "expected a port, (host, port), a `SocketAddr` or a path",
    note = "write (\"localhost\", 4000), Path::new(\"/run/app.sock\") or text.parse::<Endpoint>()?"
)]
pub trait IntoEndpoint {
    /// The endpoint.
    fn into_endpoint(self) -> Endpoint;
}

#[diagnostic::do_not_recommend]
impl<T: Into<Endpoint>> IntoEndpoint for T {
    fn into_endpoint(self) -> Endpoint {
        self.into()
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Reads `host:port`, `[v6]:port`, or a path: whatever contains a `/` or `\`.
    ///
    /// An IPv6 address may have a zone, `[fe80::1%eth0]:80`. It is looked for among the interfaces when it is used, so such an
    /// endpoint is one with a textual host; with a number in place of the name it is a [`SocketAddr`].
    fn from_str(text: &str) -> Result<Self> {
        if text.contains(['/', '\\']) {
            return Ok(Self(Target::Path(text.into())));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self(Target::Addr(address)));
        }
        if let Some((host, port)) = text.strip_prefix('[').and_then(|text| text.rsplit_once("]:"))
            && let (true, Ok(port)) = (is_ipv6(host) && !port.starts_with('+'), port.parse())
        {
            return Ok(Self(Target::Host(host.to_owned(), port)));
        }
        let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(':'));
        match parts.map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => Ok(Self(Target::Host(host.to_owned(), port))),
            _ => Err(Error::with_code(
                code::ERR_INVALID_ARG_VALUE,
                format!("`{text}` is neither host:port, [v6]:port nor a path with a `/`"),
            )),
        }
    }
}

impl From<u16> for Endpoint {
    fn from(port: u16) -> Self {
        Self(Target::Port(port))
    }
}

impl From<(&str, u16)> for Endpoint {
    fn from((host, port): (&str, u16)) -> Self {
        Self(Target::Host(host.to_owned(), port))
    }
}

impl From<(String, u16)> for Endpoint {
    fn from((host, port): (String, u16)) -> Self {
        Self(Target::Host(host, port))
    }
}

impl From<(&String, u16)> for Endpoint {
    fn from((host, port): (&String, u16)) -> Self {
        Self(Target::Host(host.clone(), port))
    }
}

impl From<(IpAddr, u16)> for Endpoint {
    fn from(address: (IpAddr, u16)) -> Self {
        Self(Target::Addr(address.into()))
    }
}

impl From<(Ipv4Addr, u16)> for Endpoint {
    fn from(address: (Ipv4Addr, u16)) -> Self {
        Self(Target::Addr(address.into()))
    }
}

impl From<(Ipv6Addr, u16)> for Endpoint {
    fn from(address: (Ipv6Addr, u16)) -> Self {
        Self(Target::Addr(address.into()))
    }
}

impl From<([u8; 4], u16)> for Endpoint {
    fn from(address: ([u8; 4], u16)) -> Self {
        Self(Target::Addr(address.into()))
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self(Target::Addr(address))
    }
}

impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        Self(Target::Path(path.to_owned()))
    }
}

impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self(Target::Path(path))
    }
}

impl From<&PathBuf> for Endpoint {
    fn from(path: &PathBuf) -> Self {
        Self(Target::Path(path.clone()))
    }
}

impl From<Address> for Endpoint {
    fn from(address: Address) -> Self {
        match address {
            Address::Tcp(address) => Self(Target::Addr(address)),
            Address::Unix(path) => Self(Target::Path(path)),
        }
    }
}

impl From<&Address> for Endpoint {
    fn from(address: &Address) -> Self {
        address.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parses(text: &str, expected: Target) {
        assert_eq!(text.parse::<Endpoint>().map(|endpoint| endpoint.0).ok(), Some(expected), "{text}");
    }

    #[test]
    fn endpoints_parse() {
        parses("127.0.0.1:80", Target::Addr(([127, 0, 0, 1], 80).into()));
        parses("[::1]:80", Target::Addr("[::1]:80".parse().expect("a literal")));
        parses("example.com:80", Target::Host("example.com".into(), 80));
        parses("./x.sock", Target::Path("./x.sock".into()));
        for bad in ["", "80", ":80", "host:", "host:65536", "host:-1", "::1:80", "host"] {
            let error = bad.parse::<Endpoint>().expect_err(bad);
            assert_eq!(error.code(), code::ERR_INVALID_ARG_VALUE, "{bad}");
        }
    }
}
