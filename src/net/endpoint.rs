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
        let parts = text.rsplit_once(':').filter(|(host, port)| is_host(host) && !port.starts_with('+'));
        match parts.map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => Ok(Self(Target::Host(host.to_owned(), port))),
            _ => Err(no_endpoint(text)),
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

/// Whether a text can stand before the last `:` as a name or an IPv4 address.
fn is_host(text: &str) -> bool {
    !text.is_empty() && !text.contains([':', '[', ']', '\0'])
}

/// Why a text is no endpoint.
fn no_endpoint(text: &str) -> Error {
    let why = match (text.strip_prefix('['), text.rsplit_once(':')) {
        _ if text.is_empty() => {
            return invalid("an empty text is no endpoint: it is host:port, [v6]:port or a path with a `/`");
        }
        (Some(rest), _) => match rest.split_once(']') {
            None => "the `]` is missing".to_owned(),
            Some((ip, _)) if ip.parse::<Ipv6Addr>().is_err() => format!("{} is no IPv6 address", shown(ip)),
            Some((_, "" | ":")) => "no port follows the address".to_owned(),
            Some((_, rest)) => rest.strip_prefix(':').map_or_else(|| "no `:` follows the `]`".to_owned(), why_no_port),
        },
        (None, None) if is_number(text) => "no host stands before the port, as in `localhost:80`".to_owned(),
        (None, None) => "no port follows; it is host:port, [v6]:port or a path with a `/`".to_owned(),
        (None, Some((host, _))) if host.contains('\0') => "a host has no NUL byte".to_owned(),
        (None, Some((host, _))) if host.contains(':') => "an IPv6 address stands in brackets, as in `[::1]:80`".to_owned(),
        (None, Some((host, _))) if host.contains(['[', ']']) => format!("{} is no host", shown(host)),
        (None, Some(("", ""))) => "neither host nor port stands by the `:`".to_owned(),
        (None, Some(("", _))) => "no host stands before the `:`, as in `localhost:80`".to_owned(),
        (None, Some((_, ""))) => "no port follows the `:`".to_owned(),
        (None, Some((_, port))) => why_no_port(port),
    };
    invalid(format!("{} is no endpoint: {why}", shown(text)))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::with_code(code::ERR_INVALID_ARG_VALUE, message)
}

fn why_no_port(text: &str) -> String {
    match is_number(text.strip_prefix('-').unwrap_or(text)) {
        true if text.parse::<u16>().is_ok() => format!("the port {} has too many digits", cut(text)),
        true => format!("the port {} is out of range, it is at least 0 and at most 65535", cut(text)),
        false => format!("{} is no port number", shown(text)),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text as it stands in a message: on one line, and not too long for it.
fn shown(text: &str) -> String {
    format!("`{}`", cut(text).escape_debug())
}

/// The first characters of a text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
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

    #[track_caller]
    fn says(bad: &str, why: &str) {
        let error = bad.parse::<Endpoint>().expect_err(bad);
        assert_eq!((error.code(), error.to_string().as_str()), (code::ERR_INVALID_ARG_VALUE, why), "{bad:?}");
    }

    #[test]
    fn fault_j_a_text_that_is_no_endpoint_hears_why() {
        let range = "out of range, it is at least 0 and at most 65535";
        says("host:99999", &format!("`host:99999` is no endpoint: the port 99999 is {range}"));
        says("host:65536", &format!("`host:65536` is no endpoint: the port 65536 is {range}"));
        says("127.0.0.1:-1", &format!("`127.0.0.1:-1` is no endpoint: the port -1 is {range}"));
        says("[::1]:65536", &format!("`[::1]:65536` is no endpoint: the port 65536 is {range}"));
        says("host:abc", "`host:abc` is no endpoint: `abc` is no port number");
        says("host:80\n", "`host:80\\n` is no endpoint: `80\\n` is no port number");
        says("host:+80", "`host:+80` is no endpoint: `+80` is no port number");
        says("host:-", "`host:-` is no endpoint: `-` is no port number");
        says("host:8 0", "`host:8 0` is no endpoint: `8 0` is no port number");
        says("[::1]:http", "`[::1]:http` is no endpoint: `http` is no port number");
        says(":80", "`:80` is no endpoint: no host stands before the `:`, as in `localhost:80`");
        says("host:", "`host:` is no endpoint: no port follows the `:`");
        says(":", "`:` is no endpoint: neither host nor port stands by the `:`");
        says("80", "`80` is no endpoint: no host stands before the port, as in `localhost:80`");
        says("host", "`host` is no endpoint: no port follows; it is host:port, [v6]:port or a path with a `/`");
        says("[::1]", "`[::1]` is no endpoint: no port follows the address");
        says("[::1]:", "`[::1]:` is no endpoint: no port follows the address");
        says("[::1]80", "`[::1]80` is no endpoint: no `:` follows the `]`");
        // Some releases of the standard library refuse such a port behind brackets.
        assert_eq!(why_no_port("000080"), "the port 000080 has too many digits");
        says("[::1", "`[::1` is no endpoint: the `]` is missing");
        says("[::1:80", "`[::1:80` is no endpoint: the `]` is missing");
        says("[127.0.0.1]:80", "`[127.0.0.1]:80` is no endpoint: `127.0.0.1` is no IPv6 address");
        says("[]:80", "`[]:80` is no endpoint: `` is no IPv6 address");
        says("::1]:80", "`::1]:80` is no endpoint: an IPv6 address stands in brackets, as in `[::1]:80`");
        says("a]:80", "`a]:80` is no endpoint: `a]` is no host");
        for v6 in ["::1:80", "::1", "fe80::1", "2001:db8::1:443", "::"] {
            says(v6, &format!("`{v6}` is no endpoint: an IPv6 address stands in brackets, as in `[::1]:80`"));
        }
        says("", "an empty text is no endpoint: it is host:port, [v6]:port or a path with a `/`");
        says("a\0b:80", "`a\\0b:80` is no endpoint: a host has no NUL byte");
        says("host:8\u{0}", "`host:8\\0` is no endpoint: `8\\0` is no port number");
        says("h\u{f6}st:\u{663}", "`h\u{f6}st:\u{663}` is no endpoint: `\u{663}` is no port number");
    }

    #[test]
    fn fault_j_a_text_too_long_for_a_message_is_cut() {
        let start = "\u{f6}".repeat(64);
        let no_port = "no port follows; it is host:port, [v6]:port or a path with a `/`";
        says(&"\u{f6}".repeat(64), &format!("`{start}` is no endpoint: {no_port}"));
        says(&"\u{f6}".repeat(65), &format!("`{start}\u{2026}` is no endpoint: {no_port}"));
        let long = format!("h:{}", "9".repeat(1 << 20));
        let message = long.parse::<Endpoint>().expect_err("too long").to_string();
        assert!(message.len() < 300 && message.contains("9\u{2026} is out of range"), "{} bytes", message.len());
        let long = format!("[{}]:80", "\0".repeat(1 << 20));
        let message = long.parse::<Endpoint>().expect_err("too long").to_string();
        assert!(message.len() < 400 && message.ends_with("\u{2026}` is no IPv6 address"), "{} bytes", message.len());
    }
}
