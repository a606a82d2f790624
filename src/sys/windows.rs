//! Windows: IOCP and AFD by mio, Winsock error numbers. TCP only; named pipes are not built yet.

use std::convert::Infallible;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;

use mio::event::Source;
use mio::{Interest, Registry, Token};

use super::transport::{Acceptor, Transport};
use crate::code;

/// There is none: mio has no Unix-domain sockets on Windows.
#[derive(Debug)]
pub(crate) struct LocalStream(Infallible);

/// There is none either.
#[derive(Debug)]
pub(crate) struct LocalListener(Infallible);

impl Read for &LocalStream {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }
}

impl Write for &LocalStream {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match self.0 {}
    }

    fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.0 {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0 {}
    }
}

impl LocalStream {
    /// There is none, so whatever is asked of one has an answer.
    pub(crate) fn never<T>(&self) -> T {
        match self.0 {}
    }

    pub(super) fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self.0 {}
    }

    pub(super) fn peer_addr(&self) -> io::Result<()> {
        match self.0 {}
    }
}

impl LocalListener {
    pub(super) fn accept(&self) -> io::Result<(LocalStream, ())> {
        match self.0 {}
    }
}

macro_rules! never_a_source {
    ($type:ident) => {
        impl Source for $type {
            fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
                match self.0 {}
            }

            fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
                match self.0 {}
            }

            fn deregister(&mut self, _: &Registry) -> io::Result<()> {
                match self.0 {}
            }
        }
    };
}
never_a_source!(LocalStream);
never_a_source!(LocalListener);

/// `ENOTSUP` until named pipes are built.
pub(crate) fn connect_local(_: &Path) -> io::Result<Transport> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `ENOTSUP` until named pipes are built.
pub(crate) fn listen_local(_: &Path, _: i32) -> io::Result<Acceptor> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `ENOTSUP`: a pipe has no file whose rights could be changed.
pub(crate) fn set_access(_: &Path, _: bool, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A pipe goes with its last handle: it is never stale.
pub(crate) fn remove_stale(_: &Path) -> bool {
    false
}

/// A pipe is no file.
pub(crate) fn file_id(_: &Path) -> Option<super::FileId> {
    None
}

/// `ENOTSUP`: Unix-domain sockets of Windows are unknown to mio.
pub(super) fn adopt_local(_: socket2::Socket) -> io::Result<Transport> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `ENOTSUP` too.
pub(super) fn adopt_local_listener(_: socket2::Socket) -> io::Result<Acceptor> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A socket that is no stream.
pub(super) fn foreign_kind(_: socket2::Socket) -> &'static str {
    "UNKNOWN"
}

/// Two connected sockets, over loopback.
pub(crate) fn pair() -> io::Result<(Transport, Transport)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let far = loop {
        // Another process may have been quicker than we.
        let (far, peer) = listener.accept()?;
        if peer == near.local_addr()? {
            break far;
        }
    };
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let wrap = |socket| Transport::Tcp(mio::net::TcpStream::from_std(socket));
    Ok((wrap(near), wrap(far)))
}

const ERROR_FILE_NOT_FOUND: i32 = 2;
const ERROR_ACCESS_DENIED: i32 = 5;
const WSAEINTR: i32 = 10004;
const WSAEACCES: i32 = 10013;
const WSAEINVAL: i32 = 10022;
const WSAEMFILE: i32 = 10024;
const WSAEWOULDBLOCK: i32 = 10035;
const WSAEINPROGRESS: i32 = 10036;
const WSAEALREADY: i32 = 10037;
const WSAENOTSOCK: i32 = 10038;
const WSAEOPNOTSUPP: i32 = 10045;
const WSAEAFNOSUPPORT: i32 = 10047;
const WSAEADDRINUSE: i32 = 10048;
const WSAEADDRNOTAVAIL: i32 = 10049;
const WSAENETDOWN: i32 = 10050;
const WSAENETUNREACH: i32 = 10051;
const WSAECONNABORTED: i32 = 10053;
const WSAECONNRESET: i32 = 10054;
const WSAENOBUFS: i32 = 10055;
const WSAEISCONN: i32 = 10056;
const WSAENOTCONN: i32 = 10057;
const WSAESHUTDOWN: i32 = 10058;
const WSAETIMEDOUT: i32 = 10060;
const WSAECONNREFUSED: i32 = 10061;
const WSAEHOSTUNREACH: i32 = 10065;

/// Only addresses of families of which the machine has one itself.
pub(super) const ADDRCONFIG: i32 = 0x0400;

/// The name of a system error, as `uv_err_name` gives it.
pub(crate) fn error_code(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(number) => number_name(number),
        None => super::kind_code(error.kind()),
    }
}

fn number_name(number: i32) -> &'static str {
    match number {
        ERROR_FILE_NOT_FOUND => code::ENOENT,
        ERROR_ACCESS_DENIED | WSAEACCES => code::EACCES,
        WSAEINTR => "EINTR",
        WSAEINVAL => code::EINVAL,
        WSAEMFILE => code::EMFILE,
        WSAEWOULDBLOCK => "EAGAIN",
        WSAEALREADY => code::EALREADY,
        WSAENOTSOCK => "ENOTSOCK",
        WSAEOPNOTSUPP => code::ENOTSUP,
        WSAEAFNOSUPPORT => "EAFNOSUPPORT",
        WSAEADDRINUSE => code::EADDRINUSE,
        WSAEADDRNOTAVAIL => code::EADDRNOTAVAIL,
        WSAENETDOWN => "ENETDOWN",
        WSAENETUNREACH => code::ENETUNREACH,
        // libuv folds a local abort into a reset, for that is what the peer did.
        WSAECONNABORTED | WSAECONNRESET => code::ECONNRESET,
        WSAENOBUFS => "ENOBUFS",
        WSAEISCONN => code::EISCONN,
        WSAENOTCONN => "ENOTCONN",
        WSAESHUTDOWN => code::EPIPE,
        WSAETIMEDOUT => code::ETIMEDOUT,
        WSAECONNREFUSED => code::ECONNREFUSED,
        WSAEHOSTUNREACH => code::EHOSTUNREACH,
        _ => "UNKNOWN",
    }
}

/// No descriptor is left in the process.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEMFILE)
}

/// A non-blocking `connect` that goes on.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEWOULDBLOCK | WSAEINPROGRESS))
}

/// A write the kernel refuses for now without promising an event.
pub(crate) fn is_blocked(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAENOBUFS)
}

/// mio re-arms AFD only when an operation says "would block": the last read may never be skipped.
pub(crate) const SHORT_READ_MEANS_EMPTY: bool = false;

/// mio cancels the poll when the socket is dropped, but only `deregister` tells it so at once.
pub(crate) const CLOSE_DEREGISTERS: bool = false;

/// Changing the interest costs no system call until the next poll, but asking for both does not either.
pub(crate) const LAZY_WRITE_INTEREST: bool = false;

/// Nothing to keep: Windows sheds load by itself.
#[derive(Debug)]
pub(crate) struct Reserve;

impl Reserve {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn release(&mut self) -> bool {
        false
    }

    pub(crate) fn refill(&mut self) {}
}
