//! The crate's one error type: Node's `code`, `syscall`, `address` and message in a single pointer.
//!
//! Mirrors the error objects of Node (`lib/internal/errors.js`: `ErrnoException`, `ExceptionWithHostPort`, the `ERR_*` classes).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::address::Address;
use crate::code;
use crate::sys;

/// The result of everything in this crate that can fail at once.
///
/// ```
/// fn port(text: &str) -> netloop::Result<u16> {
///     text.parse().map_err(netloop::Error::other)
/// }
/// assert_eq!(port("80")?, 80);
/// # Ok::<(), netloop::Error>(())
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// A foreign error, as [`Socket::destroy_with`](crate::Socket::destroy_with) takes it: a text, an [`io::Error`], an [`Error`], …
///
/// ```
/// let error: netloop::BoxError = "bad frame".into();
/// assert_eq!(netloop::Error::other(error).to_string(), "bad frame");
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, with the fields Node's errors have.
///
/// It is one pointer wide, cheap to clone, `Send` and `Sync`. `Display` and `{:?}` print Node's message
/// (`connect ECONNREFUSED 127.0.0.1:9`); `{:#?}` prints the fields. No message is empty: that of several attempts is the
/// list of theirs, and where there is no text the code stands for it. `source` of several attempts is the first one's error.
///
/// ```
/// use netloop::{Error, code};
///
/// let error = Error::with_code("ERR_BAD_FRAME", "frame of 5 GiB");
/// assert_eq!(error.code(), "ERR_BAD_FRAME");
/// assert_eq!(error.to_string(), "frame of 5 GiB");
/// assert_eq!(Error::other("oops").code(), code::ERR_USER);
/// assert_eq!(Error::other("").to_string(), code::ERR_USER);
/// ```
#[derive(Clone)]
pub struct Error(Arc<Repr>);

#[derive(Debug)]
struct Repr {
    code: &'static str,
    message: String,
    syscall: Option<&'static str>,
    address: Option<Address>,
    local: Option<Address>,
    hostname: Option<String>,
    source: Option<BoxError>,
    errors: Vec<Error>,
}

/// So many attempts of an aggregate stand in its message; the others are counted.
const SHOWN: usize = 8;

impl Repr {
    fn new(code: &'static str, message: String) -> Self {
        // A message that says nothing would leave the line of a log empty.
        let message = match (message.trim(), code.trim()) {
            ("", "") => "unknown error".to_owned(),
            ("", code) => code.to_owned(),
            _ => message,
        };
        Self { code, message, syscall: None, address: None, local: None, hostname: None, source: None, errors: Vec::new() }
    }
}

impl Error {
    /// An error with a code of your own.
    ///
    /// ```
    /// let error = netloop::Error::with_code("ERR_BAD_FRAME", "frame of 5 GiB");
    /// assert_eq!((error.code(), error.to_string().as_str()), ("ERR_BAD_FRAME", "frame of 5 GiB"));
    /// ```
    pub fn with_code(code: &'static str, message: impl Into<String>) -> Self {
        Self(Arc::new(Repr::new(code, message.into())))
    }

    /// Wraps a foreign error; its code is [`code::ERR_USER`], or that of an [`io::Error`] or [`Error`] inside.
    ///
    /// ```
    /// use netloop::{Error, code};
    ///
    /// let error = Error::other(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
    /// assert_eq!(error.code(), code::EPIPE);
    /// assert_eq!(Error::other("bad frame").code(), code::ERR_USER);
    /// ```
    pub fn other(error: impl Into<BoxError>) -> Self {
        Self::from(error.into())
    }

    /// `read ECONNRESET`: a system error of a call without an address.
    pub(crate) fn system(syscall: &'static str, error: io::Error) -> Self {
        let code = sys::error_code(&error);
        Self::system_with(syscall, code, format!("{syscall} {code}"), error, |_| {})
    }

    /// `write EPIPE` without an OS error behind it.
    pub(crate) fn cancelled(syscall: &'static str, code: &'static str) -> Self {
        let mut repr = Repr::new(code, format!("{syscall} {code}"));
        repr.syscall = Some(syscall);
        Self(Arc::new(repr))
    }

    /// `connect ECONNREFUSED 127.0.0.1:9 - Local (…)`. Mirrors `ExceptionWithHostPort`.
    pub(crate) fn connect<'a>(
        syscall: &'static str,
        at: impl Into<Place<'a>>,
        local: Option<String>,
        error: io::Error,
    ) -> Self {
        let (at, code) = (at.into(), sys::error_code(&error));
        let mut message = format!("{syscall} {code} {at}");
        if let Some(local) = local {
            message.push_str(&format!(" - Local ({local})"));
        }
        Self::system_with(syscall, code, message, error, |repr| repr.address = Some(at.address.clone()))
    }

    /// The same for an attempt from a port that was asked for: the error has it as a field too. Mirrors `createConnectionError`.
    pub(crate) fn connect_from<'a>(at: impl Into<Place<'a>>, local: Place<'_>, error: io::Error) -> Self {
        let (at, code) = (at.into(), sys::error_code(&error));
        let message = format!("connect {code} {at} - Local ({local})");
        Self::system_with("connect", code, message, error, |repr| {
            (repr.address, repr.local) = (Some(at.address.clone()), Some(local.address.clone()));
        })
    }

    /// The same for a code that no system call gave.
    pub(crate) fn connect_code<'a>(code: &'static str, at: impl Into<Place<'a>>, local: Option<&Address>) -> Self {
        let at = at.into();
        let local = local.map(|local| format!(" - Local ({})", Place::from(local))).unwrap_or_default();
        let mut repr = Repr::new(code, format!("connect {code} {at}{local}"));
        repr.syscall = Some("connect");
        repr.address = Some(at.address.clone());
        Self(Arc::new(repr))
    }

    /// `listen EADDRINUSE: address already in use 127.0.0.1:3000`. Mirrors `UVExceptionWithHostPort`.
    pub(crate) fn listen<'a>(at: Option<impl Into<Place<'a>>>, error: io::Error) -> Self {
        let code = match sys::error_code(&error) {
            // libuv reports a missing directory as a missing permission.
            code::ENOENT => code::EACCES,
            code => code,
        };
        let mut message = format!("listen {code}: {}", text(code));
        let at = at.map(Into::into);
        if let Some(at) = at {
            message.push_str(&format!(" {at}"));
        }
        Self::system_with("listen", code, message, error, |repr| repr.address = at.map(|at| at.address.clone()))
    }

    /// `getaddrinfo ENOTFOUND nosuch.invalid`.
    pub(crate) fn lookup(hostname: &str, code: &'static str, error: Option<io::Error>) -> Self {
        let mut repr = Repr::new(code, format!("getaddrinfo {code} {hostname}"));
        repr.syscall = Some("getaddrinfo");
        repr.hostname = Some(hostname.to_owned());
        repr.source = error.map(Into::into);
        Self(Arc::new(repr))
    }

    /// `IP(127.0.0.1) is blocked by net.BlockList`: the target of a connect. Mirrors `ERR_IP_BLOCKED`.
    pub(crate) fn ip_blocked(ip: impl fmt::Display) -> Self {
        Self::with_code(code::ERR_IP_BLOCKED, format!("IP({ip}) is blocked by net.BlockList"))
    }

    /// What several attempts came to; one alone is itself. Mirrors Node's `AggregateError` with the first one's code. Node
    /// leaves the message empty and prints the errors inside; here the message is all that a log shows.
    pub(crate) fn aggregate(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1 {
            return errors.remove(0);
        }
        let code = errors.first().map_or(code::ETIMEDOUT, Self::code);
        let mut messages: Vec<String> = errors.iter().take(SHOWN).map(Self::to_string).collect();
        if errors.len() > SHOWN {
            messages.push(format!("and {} more", errors.len() - SHOWN));
        }
        let mut repr = Repr::new(code, messages.join("; "));
        repr.errors = errors;
        Self(Arc::new(repr))
    }

    fn system_with(
        syscall: &'static str,
        code: &'static str,
        message: String,
        error: io::Error,
        fill: impl FnOnce(&mut Repr),
    ) -> Self {
        let mut repr = Repr::new(code, message);
        repr.syscall = Some(syscall);
        repr.source = Some(error.into());
        fill(&mut repr);
        Self(Arc::new(repr))
    }

    /// The code, such as `"EADDRINUSE"` or `"ERR_STREAM_DESTROYED"`; the constants are in [`code`].
    ///
    /// ```
    /// let error = "nonsense".parse::<netloop::Endpoint>().expect_err("no port");
    /// assert_eq!(error.code(), netloop::code::ERR_INVALID_ARG_VALUE);
    /// ```
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The nearest [`io::ErrorKind`].
    ///
    /// ```
    /// use netloop::{Error, code};
    /// use std::io::ErrorKind;
    ///
    /// assert_eq!(Error::with_code(code::ECONNRESET, "gone").kind(), ErrorKind::ConnectionReset);
    /// assert_eq!(Error::other("bad frame").kind(), ErrorKind::Other);
    /// ```
    pub fn kind(&self) -> io::ErrorKind {
        match (self.io_source(), self.0.errors.first()) {
            (Some(error), _) => error.kind(),
            (None, Some(first)) => first.kind(),
            (None, None) => kind_of(self.0.code),
        }
    }

    /// The system call that failed (`connect`, `bind`, `listen`, `accept`, `read`, `write`, `shutdown`, `getaddrinfo`), if one did.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.connect(std::path::Path::new("/no/such.sock"));
    /// let error = reactor.run(&mut ()).expect_err("nobody hears it");
    /// assert_eq!(error.syscall(), Some("connect"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn syscall(&self) -> Option<&'static str> {
        self.0.syscall
    }

    /// The address the call was made for. Mirrors `error.address`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.connect(std::path::Path::new("/no/such.sock"));
    /// let error = reactor.run(&mut ()).expect_err("nobody hears it");
    /// assert_eq!(error.address().expect("it failed there").to_string(), "/no/such.sock");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn address(&self) -> Option<&Address> {
        self.0.address.as_ref()
    }

    /// The port of that address, if it has one; 0 is none, as in Node. Mirrors `error.port`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let mut first = reactor.create_server(|_, _| {});
    /// # let port = first.listen(([127, 0, 0, 1], 0)).port().expect("it is bound");
    /// reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], port)); // another server listens there
    /// assert_eq!(reactor.run(&mut ()).expect_err("nobody hears it").port(), Some(port));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.0.address.as_ref().and_then(Address::port).filter(|&port| port != 0)
    }

    /// The local end of a `connect` that failed, if its port was asked for. Mirrors `error.localAddress` and `localPort`.
    ///
    /// ```
    /// let error = netloop::Error::other("nothing was connected");
    /// assert_eq!(error.local_address(), None);
    /// ```
    pub fn local_address(&self) -> Option<&Address> {
        self.0.local.as_ref()
    }

    /// The name that could not be resolved. Mirrors `error.hostname`.
    ///
    /// ```
    /// let error = netloop::Error::other("no lookup failed");
    /// assert_eq!(error.hostname(), None);
    /// ```
    pub fn hostname(&self) -> Option<&str> {
        self.0.hostname.as_deref()
    }

    /// The errors of the single attempts, if this is an aggregate; otherwise empty. Mirrors `AggregateError.errors`.
    ///
    /// ```
    /// use netloop::{ConnectOptions, Reactor};
    ///
    /// let mut reactor = Reactor::<()>::new()?;
    /// let options = ConnectOptions::new().lookup(|request| request.answer(["::1", "127.0.0.1"]));
    /// reactor.connect_with(("two.test", 0), options); // no server listens at port 0
    /// let error = reactor.run(&mut ()).expect_err("it is not heard");
    /// assert_eq!(error.errors().len(), 2);
    /// assert_eq!(error.to_string(), format!("{}; {}", error.errors()[0], error.errors()[1]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn errors(&self) -> &[Self] {
        &self.0.errors
    }

    /// The foreign error given to [`Error::other`] or [`Socket::destroy_with`](crate::Socket::destroy_with).
    ///
    /// ```
    /// let number = "x".parse::<u8>().expect_err("no number");
    /// let error = netloop::Error::other(number.clone());
    /// assert_eq!(error.get_ref().and_then(|inner| inner.downcast_ref()), Some(&number));
    /// ```
    pub fn get_ref(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    fn io_source(&self) -> Option<&io::Error> {
        self.0.source.as_deref()?.downcast_ref()
    }
}

/// An address as it stands in Node's messages: no brackets around IPv6, no port 0, the zone by its name.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    address: &'a Address,
    /// The zone as it was given. One that does not exist has no number, so the address does not tell.
    zone: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(address: &'a Address, zone: Option<&'a str>) -> Self {
        Self { address, zone }
    }
}

impl<'a> From<&'a Address> for Place<'a> {
    fn from(address: &'a Address) -> Self {
        Self::new(address, None)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Address::Tcp(address) => {
                PlaceIp(address, self.zone).fmt(f)?;
                if address.port() == 0 { Ok(()) } else { write!(f, ":{}", address.port()) }
            }
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The IP address of a place, with its zone.
pub(crate) struct PlaceIp<'a>(pub(crate) &'a SocketAddr, pub(crate) Option<&'a str>);

impl fmt::Display for PlaceIp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(address, zone) = self;
        match (address, zone) {
            (_, Some(zone)) => write!(f, "{}%{zone}", address.ip()),
            (SocketAddr::V6(v6), None) if v6.scope_id() != 0 => write!(f, "{}%{}", v6.ip(), sys::zone_name(v6.scope_id())),
            _ => address.ip().fmt(f),
        }
    }
}

/// The text libuv gives for a code (`uv_strerror`).
fn text(code: &str) -> &'static str {
    match code {
        code::EACCES => "permission denied",
        code::EADDRINUSE => "address already in use",
        code::EADDRNOTAVAIL => "address not available",
        code::EINVAL => "invalid argument",
        code::EMFILE => "too many open files",
        code::ENFILE => "file table overflow",
        code::ENOTSUP => "operation not supported on socket",
        "EAFNOSUPPORT" => "address family not supported",
        "EEXIST" => "file already exists",
        "EIO" => "i/o error",
        "ELOOP" => "too many symbolic links encountered",
        "ENETDOWN" => "network is down",
        "ENOBUFS" => "no buffer space available",
        "ENODEV" => "no such device",
        "ENOMEM" => "not enough memory",
        "ENOSPC" => "no space left on device",
        "ENOTDIR" => "not a directory",
        "ENOTSOCK" => "socket operation on non-socket",
        "EPERM" => "operation not permitted",
        "EROFS" => "read-only file system",
        _ => "system error",
    }
}

fn kind_of(code: &str) -> io::ErrorKind {
    match code {
        code::EACCES | code::ERR_IP_BLOCKED => io::ErrorKind::PermissionDenied,
        code::EADDRINUSE => io::ErrorKind::AddrInUse,
        code::EADDRNOTAVAIL => io::ErrorKind::AddrNotAvailable,
        code::ECONNREFUSED => io::ErrorKind::ConnectionRefused,
        code::ECONNRESET => io::ErrorKind::ConnectionReset,
        code::EPIPE | code::ERR_STREAM_WRITE_AFTER_END => io::ErrorKind::BrokenPipe,
        code::ETIMEDOUT => io::ErrorKind::TimedOut,
        code::ENOENT | code::ENOTFOUND => io::ErrorKind::NotFound,
        code::EINVAL | code::ERR_INVALID_ADDRESS | code::ERR_INVALID_ARG_VALUE | code::ERR_OUT_OF_RANGE => {
            io::ErrorKind::InvalidInput
        }
        code::ERR_FRAME_TOO_LONG => io::ErrorKind::InvalidData,
        code::ERR_FRAME_INCOMPLETE => io::ErrorKind::UnexpectedEof,
        code::ERR_SOCKET_CLOSED | code::ERR_STREAM_DESTROYED => io::ErrorKind::NotConnected,
        code::ERR_WRITE_QUEUE_FULL => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::Other,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(&self.0.message);
        }
        let Repr { code, message, syscall, address, local, hostname, source, errors } = &*self.0;
        f.debug_struct("Error")
            .field("code", code)
            .field("message", message)
            .field("syscall", syscall)
            .field("address", address)
            .field("local", local)
            .field("hostname", hostname)
            .field("source", source)
            .field("errors", errors)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match (&self.0.source, self.0.errors.first()) {
            (Some(source), _) => Some(&**source),
            (None, first) => first.map(|first| first as _),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<Self>()) {
            let inner = error.into_inner().map(|inner| inner.downcast::<Self>());
            return match inner {
                Some(Ok(inner)) => *inner,
                Some(Err(other)) => Self::from(other),
                None => Self::with_code(code::ERR_USER, "unknown error"),
            };
        }
        let mut repr = Repr::new(sys::error_code(&error), error.to_string());
        repr.source = Some(error.into());
        Self(Arc::new(repr))
    }
}

impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        match error.downcast::<io::Error>() {
            Ok(error) => Self::from(*error),
            Err(error) => {
                let mut repr = Repr::new(code::ERR_USER, error.to_string());
                repr.source = Some(error);
                Self(Arc::new(repr))
            }
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn messages_are_nodes() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let address = Address::Tcp(([127, 0, 0, 1], 9).into());
        let error = Error::connect("connect", &address, None, refused);
        assert_eq!(error.to_string(), "connect ECONNREFUSED 127.0.0.1:9");
        assert_eq!((error.code(), error.syscall(), error.port()), ("ECONNREFUSED", Some("connect"), Some(9)));

        let in_use = || io::Error::from(io::ErrorKind::AddrInUse);
        let any = Address::Tcp("[::]:3000".parse().expect("a literal"));
        assert_eq!(Error::listen(Some(&any), in_use()).to_string(), "listen EADDRINUSE: address already in use :::3000");
        let path = Address::Unix(PathBuf::from("/x.sock"));
        assert_eq!(Error::listen(Some(&path), in_use()).to_string(), "listen EADDRINUSE: address already in use /x.sock");
    }

    fn refused(ip: [u8; 4]) -> Error {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        Error::connect("connect", &Address::Tcp((ip, 9).into()), None, refused)
    }

    /// All that is printed of an error: by `{}`, by `main`, and of its sources one after the other.
    #[track_caller]
    fn prints(error: &Error, message: &str, sources: &[&str]) {
        assert_eq!((error.to_string(), format!("{error:?}")), (message.to_owned(), message.to_owned()));
        let sources_of = std::iter::successors(std::error::Error::source(error), |error| error.source());
        assert_eq!(sources_of.map(ToString::to_string).collect::<Vec<_>>(), sources);
        let fields = format!("{error:#?}");
        assert!(fields.contains(&format!("message: {message:?}")) && fields.contains("errors: ["), "{fields}");
    }

    #[test]
    fn fault_j_several_attempts_say_what_each_came_to() {
        let (first, second) = ("connect ECONNREFUSED 127.0.0.1:9", "connect ECONNREFUSED 127.0.0.2:9");
        let both = || Error::aggregate(vec![refused([127, 0, 0, 1]), refused([127, 0, 0, 2])]);
        let system = io::Error::from(io::ErrorKind::ConnectionRefused).to_string();
        prints(&both(), &format!("{first}; {second}"), &[first, &system]);
        assert_eq!((both().code(), both().kind()), (code::ECONNREFUSED, io::ErrorKind::ConnectionRefused));
        let fields = format!("{:#?}", both());
        assert_eq!(fields.matches("code: \"ECONNREFUSED\"").count(), 3, "{fields}");

        let timed_out = Error::connect_code(code::ETIMEDOUT, &Address::Tcp(([127, 0, 0, 1], 9).into()), None);
        let message = "connect ETIMEDOUT 127.0.0.1:9";
        let nested = Error::aggregate(vec![timed_out, both()]);
        prints(&nested, &format!("{message}; {first}; {second}"), &[message]);
        assert_eq!((nested.code(), nested.kind()), (code::ETIMEDOUT, io::ErrorKind::TimedOut));

        let blocked = || Error::ip_blocked(std::net::IpAddr::from([127, 0, 0, 1]));
        let message = "IP(127.0.0.1) is blocked by net.BlockList";
        prints(&Error::aggregate(vec![blocked()]), message, &[]);
        prints(&Error::aggregate(vec![blocked(), both()]), &format!("{message}; {first}; {second}"), &[message]);
        prints(&Error::aggregate(Vec::new()), code::ETIMEDOUT, &[]);
    }

    #[test]
    fn fault_j_many_attempts_are_a_line_that_can_be_read() {
        let many = |count: u8| Error::aggregate((1..=count).map(|last| refused([127, 0, 0, last])).collect());
        assert_eq!(many(8).to_string().matches("; ").count(), 7);
        let message = many(100).to_string();
        assert!(message.ends_with("connect ECONNREFUSED 127.0.0.8:9; and 92 more"), "{message}");
        assert_eq!(many(100).errors().len(), 100);
    }

    #[test]
    fn fault_j_an_error_without_a_text_says_its_code() {
        prints(&Error::with_code("ERR_MINE", ""), "ERR_MINE", &[]);
        prints(&Error::with_code("ERR_MINE", " \n"), "ERR_MINE", &[]);
        prints(&Error::with_code("", ""), "unknown error", &[]);
        prints(&Error::other(""), code::ERR_USER, &[""]);
        let empty = || io::Error::new(io::ErrorKind::BrokenPipe, "");
        prints(&Error::from(empty()), code::EPIPE, &[""]);
        prints(&Error::other(empty()), code::EPIPE, &[""]);
        let nameless = io::Error::other("");
        let code = Error::from(nameless).code();
        prints(&Error::from(io::Error::other("")), code, &[""]);
        assert_eq!(io::Error::from(Error::with_code("ERR_MINE", "")).to_string(), "ERR_MINE");
        let both = Error::aggregate(vec![Error::with_code("ERR_MINE", ""), Error::with_code("", "")]);
        prints(&both, "ERR_MINE; unknown error", &["ERR_MINE"]);
    }

    #[test]
    fn an_error_survives_the_way_through_io_and_box() {
        let error = Error::with_code("ERR_MINE", "mine");
        let through_io = Error::from(io::Error::from(error.clone()));
        assert_eq!(through_io.code(), "ERR_MINE");
        let boxed: BoxError = error.into();
        assert_eq!(Error::from(boxed).code(), "ERR_MINE");
        assert_eq!(Error::other("text").to_string(), "text");
    }
}
