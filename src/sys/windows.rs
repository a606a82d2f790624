//! Windows: IOCP and AFD by mio, named pipes by tokio, system error numbers. Mirrors `src/win/error.c` of libuv.

use std::io::{self, IoSlice, Write};
use std::net::{TcpListener, TcpStream};
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::path::Path;
use std::sync::OnceLock;

use mio::Interest;
use mio::event::Event;
use socket2::{Domain, Socket, Type};

pub(super) use super::pipe::{LocalListener, LocalStream};
pub(crate) use super::pipe::{connect_local, leaves_file, listen_local};
use super::transport::{Acceptor, Transport};
use crate::code;

/// Writes. There are no signals here; the same below.
pub(super) fn write_local(mut stream: &LocalStream, bytes: &[u8]) -> io::Result<usize> {
    stream.write(bytes)
}

pub(super) fn write_vectored_local(mut stream: &LocalStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.write_vectored(slices)
}

pub(super) fn write_vectored_tcp(mut stream: &mio::net::TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.write_vectored(slices)
}

pub(super) fn raise_no_signal(_: &Socket) {}

/// `ENOTSUP`: the rights of a pipe are an access list, which is not to be had without `unsafe`.
pub(crate) fn set_access(_: &Path, _: super::FileId, _: bool, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A pipe goes with its last handle: it is never stale.
pub(crate) fn remove_stale(_: &Path) -> bool {
    false
}

/// A pipe is no file.
pub(crate) fn remove_file(_: &Path, _: super::FileId) {}

/// A pipe is no file.
pub(crate) fn file_id(_: &Path) -> Option<super::FileId> {
    None
}

/// `ENOTSUP`: Unix-domain sockets of Windows are unknown to mio.
pub(super) fn adopt_local(_: Socket) -> io::Result<Transport> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `ENOTSUP` too.
pub(super) fn adopt_local_listener(_: Socket) -> io::Result<Acceptor> {
    Err(io::ErrorKind::Unsupported.into())
}

/// It makes no difference here.
pub(super) fn is_plain_tcp(_: &Socket) -> bool {
    false
}

/// A socket that is no stream.
pub(super) fn foreign_kind(_: Socket) -> &'static str {
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
const ERROR_PATH_NOT_FOUND: i32 = 3;
const ERROR_TOO_MANY_OPEN_FILES: i32 = 4;
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_NOT_ENOUGH_MEMORY: i32 = 8;
const ERROR_BROKEN_PIPE: i32 = 109;
const ERROR_SEM_TIMEOUT: i32 = 121;
const ERROR_INVALID_NAME: i32 = 123;
const ERROR_BAD_PATHNAME: i32 = 161;
const ERROR_BAD_PIPE: i32 = 230;
const ERROR_PIPE_BUSY: i32 = 231;
const ERROR_NO_DATA: i32 = 232;
const ERROR_PIPE_NOT_CONNECTED: i32 = 233;
const ERROR_OPERATION_ABORTED: i32 = 995;
const ERROR_NO_SYSTEM_RESOURCES: i32 = 1450;
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

/// Only addresses that are written as numbers.
pub(super) const NUMERIC_ADDRESS: i32 = 0x0004;

/// The numbers of an address and a port as text.
pub(super) const NUMERIC_NAME: i32 = 0x0002 | 0x0008;

/// The name of a system error, as `uv_err_name` gives it.
pub(crate) fn error_code(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(number) => number_name(number),
        None => super::kind_code(error.kind()),
    }
}

fn number_name(number: i32) -> &'static str {
    match number {
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND | ERROR_INVALID_NAME | ERROR_BAD_PATHNAME => code::ENOENT,
        ERROR_TOO_MANY_OPEN_FILES => code::EMFILE,
        ERROR_ACCESS_DENIED => "EPERM",
        ERROR_NOT_ENOUGH_MEMORY | ERROR_NO_SYSTEM_RESOURCES => "ENOMEM",
        ERROR_BROKEN_PIPE | ERROR_BAD_PIPE | ERROR_NO_DATA | ERROR_PIPE_NOT_CONNECTED => code::EPIPE,
        ERROR_SEM_TIMEOUT => code::ETIMEDOUT,
        ERROR_PIPE_BUSY => "EBUSY",
        ERROR_OPERATION_ABORTED => code::ECANCELED,
        WSAEACCES => code::EACCES,
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
    matches!(error.raw_os_error(), Some(WSAEMFILE | ERROR_TOO_MANY_OPEN_FILES))
}

/// An accept has found a connection that is over already; the next one may be none.
pub(crate) fn peer_has_gone(error: &io::Error) -> bool {
    let gone = [WSAECONNABORTED, WSAECONNRESET, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED, ERROR_BROKEN_PIPE];
    error.raw_os_error().is_some_and(|number| gone.contains(&number))
}

/// A non-blocking `connect` that goes on.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEWOULDBLOCK | WSAEINPROGRESS))
}

/// A write the kernel refuses for now without promising an event.
pub(crate) fn is_blocked(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAENOBUFS)
}

/// What is asked for to learn of input.
pub(crate) const INPUT: Interest = Interest::READABLE;

/// Whether an event says something beside readable and writable.
pub(crate) fn says_more(event: &Event) -> bool {
    event.is_read_closed() | event.is_write_closed() | event.is_error() | event.is_priority()
}

/// mio re-arms AFD only when an operation says "would block": the last read may never be skipped.
pub(super) const SHORT_READ_MEANS_EMPTY: bool = false;

/// Nor the last write.
pub(super) const SHORT_WRITE_MEANS_FULL: bool = false;

/// mio cancels the poll when the socket is dropped, but only `deregister` tells it so at once.
pub(crate) const CLOSE_DEREGISTERS: bool = false;

/// A named pipe ends in its own way.
pub(super) const LOCAL_LINGERS: bool = false;

/// Changing the interest costs no system call until the next poll, but asking for both does not either.
pub(crate) const LAZY_WRITE_INTEREST: bool = false;

/// Nothing to keep: Windows sheds load by itself. But there is a socket to show where there is none.
#[derive(Debug)]
pub(crate) struct Reserve(OnceLock<Socket>);

impl Reserve {
    pub(crate) fn new() -> Self {
        Self(OnceLock::new())
    }

    /// A socket that is no stream.
    pub(crate) fn as_socket(&self) -> BorrowedSocket<'_> {
        let make = || Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket of no use");
        self.0.get_or_init(make).as_socket()
    }

    pub(crate) fn release(&mut self) -> bool {
        false
    }

    pub(crate) fn refill(&mut self) {}
}
