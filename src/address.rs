//! The address of one end of a connection, and its family.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The address of one end of a connection or of a listening server.
///
/// ```
/// use netloop::Address;
///
/// let address = Address::Tcp(([127, 0, 0, 1], 80).into());
/// assert_eq!(address.to_string(), "127.0.0.1:80");
/// assert_eq!(address.port(), Some(80));
/// assert_eq!(address.path(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and a port. The zone of a link-local address is its [`scope_id`](std::net::SocketAddrV6::scope_id), the
    /// number of an interface, and is shown so: `[fe80::1%2]:80`.
    Tcp(SocketAddr),
    /// The path of a Unix-domain socket.
    Unix(PathBuf),
}

/// The address family, as Node's `remoteFamily` names it.
///
/// ```
/// use netloop::{Address, Family};
///
/// let address = Address::Tcp(([127, 0, 0, 1], 80).into());
/// assert_eq!(address.family(), Family::IPv4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// IP version 4.
    IPv4,
    /// IP version 6.
    IPv6,
    /// A Unix-domain socket.
    Unix,
}

impl Address {
    /// The IP address of a TCP address.
    ///
    /// ```
    /// # use netloop::Address;
    /// assert!(Address::Tcp(([127, 0, 0, 1], 80).into()).ip().expect("TCP has one").is_loopback());
    /// assert_eq!(Address::Unix("/run/app.sock".into()).ip(), None);
    /// ```
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }

    /// The port of a TCP address.
    ///
    /// ```
    /// # use netloop::Address;
    /// assert_eq!(Address::Tcp(([127, 0, 0, 1], 80).into()).port(), Some(80));
    /// assert_eq!(Address::Unix("/run/app.sock".into()).port(), None);
    /// ```
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }

    /// The path of a Unix-domain address.
    ///
    /// ```
    /// # use netloop::Address;
    /// use std::path::Path;
    ///
    /// assert_eq!(Address::Unix("/run/app.sock".into()).path(), Some(Path::new("/run/app.sock")));
    /// ```
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }

    /// The family: `IPv4`, `IPv6` or `Unix`.
    ///
    /// ```
    /// # use netloop::{Address, Family};
    /// assert_eq!(Address::Unix("/run/app.sock".into()).family(), Family::Unix);
    /// ```
    pub fn family(&self) -> Family {
        match self {
            Self::Tcp(SocketAddr::V4(_)) => Family::IPv4,
            Self::Tcp(SocketAddr::V6(_)) => Family::IPv6,
            Self::Unix(_) => Family::Unix,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
