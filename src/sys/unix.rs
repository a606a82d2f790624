//! Unix: epoll or kqueue by mio, Unix-domain sockets, errno. Mirrors `src/unix/pipe.c` and `uv_err_name` of libuv.

use std::fs::{self, File};
use std::io::{self, IoSlice, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use mio::Interest;
use mio::event::Event;
use mio::net::{TcpStream, UnixListener, UnixStream};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::transport::{Acceptor, Transport};
use super::{FileId, Watched};
use crate::code;

pub(super) type LocalStream = UnixStream;
pub(super) type LocalListener = UnixListener;

impl Watched for UnixStream {}
impl Watched for UnixListener {}

/// Connects to the socket file at `path`. A full backlog is an error (`EAGAIN`): the socket would stay unconnected.
pub(crate) fn connect_local(path: &Path) -> io::Result<Transport> {
    let address = local_address(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(Transport::Local(UnixStream::from_std(socket.into()))),
    }
}

/// Writes. A peer that is gone is an error and never `SIGPIPE`, whatever the program does with signals; the same below. std
/// itself asks for no signal in a plain write of TCP, but not in a vectored one, and for local streams not in all versions.
pub(super) fn write_local(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    stream.try_io(|| SockRef::from(stream).send_with_flags(bytes, libc::MSG_NOSIGNAL))
}

pub(super) fn write_vectored_local(stream: &UnixStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.try_io(|| SockRef::from(stream).send_vectored_with_flags(slices, libc::MSG_NOSIGNAL))
}

pub(super) fn write_vectored_tcp(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.try_io(|| SockRef::from(stream).send_vectored_with_flags(slices, libc::MSG_NOSIGNAL))
}

/// Has a socket of another maker raise no signal. Only Apple's systems have an option for it, and need it: there std's writes
/// rely on it, and old ones do not know the flag. Sockets of mio and socket2 have it from the start, accepted ones from their
/// listener.
pub(super) fn raise_no_signal(socket: &impl AsFd) {
    #[cfg(target_vendor = "apple")]
    if let Err(error) = SockRef::from(socket).set_nosigpipe(true) {
        log::debug!("SO_NOSIGPIPE: {error}");
    }
    #[cfg(not(target_vendor = "apple"))]
    let _ = socket;
}

/// Whether listening at a path makes a file.
pub(crate) fn leaves_file(path: &Path) -> bool {
    !super::is_abstract(path)
}

/// Binds `path` and listens there.
pub(crate) fn listen_local(path: &Path, backlog: i32) -> io::Result<Acceptor> {
    let address = local_address(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address)?;
    socket.listen(backlog)?;
    Ok(Acceptor::Local(UnixListener::from_std(socket.into())))
}

/// What everybody may do with the socket file: exactly this, whatever the umask says. Mirrors `uv_pipe_chmod`.
pub(crate) fn set_access(path: &Path, readable: bool, writable: bool) -> io::Result<()> {
    let mode = if readable { 0o444 } else { 0 } | if writable { 0o222 } else { 0 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Removes the file of a socket that nobody listens at; false if there is none. Anything else stays.
///
/// Only a refused connection proves that nobody listens. The probe never waits: a full backlog is an answer too.
pub(crate) fn remove_stale(path: &Path) -> bool {
    let Some(stale) = socket_file(path) else {
        return false;
    };
    match connect_local(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        _ => return false,
    }
    // Somebody else may have put another one there meanwhile.
    socket_file(path) == Some(stale) && fs::remove_file(path).is_ok()
}

/// The socket file at `path`; a link to one is none.
fn socket_file(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().filter(|file| file.file_type().is_socket()).map(|file| (file.dev(), file.ino()))
}

/// Which file lies at `path`.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// A local stream that somebody else made.
pub(super) fn adopt_local(socket: Socket) -> io::Result<Transport> {
    Ok(Transport::Local(UnixStream::from_std(socket.into())))
}

/// A local listener that somebody else made.
pub(super) fn adopt_local_listener(socket: Socket) -> io::Result<Acceptor> {
    Ok(Acceptor::Local(UnixListener::from_std(socket.into())))
}

/// Whether it speaks TCP and nothing on top of it, as far as the system tells. MPTCP and SCTP have the same addresses.
pub(super) fn is_plain_tcp(socket: &Socket) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return matches!(socket.protocol(), Ok(Some(Protocol::TCP)));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = socket;
        false
    }
}

/// What a descriptor is that is no socket we know, as `uv_guess_handle` names it.
pub(super) fn foreign_kind(socket: Socket) -> &'static str {
    let file = File::from(OwnedFd::from(socket));
    match file.metadata().map(|file| file.file_type()) {
        _ if file.is_terminal() => "TTY",
        Ok(kind) if kind.is_file() || kind.is_char_device() => "FILE",
        Ok(kind) if kind.is_fifo() => "PIPE",
        _ => "UNKNOWN",
    }
}

/// A path that is too long or has a NUL inside is `EINVAL`, never cut short.
fn local_address(path: &Path) -> io::Result<SockAddr> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes[1..].contains(&0) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    SockAddr::unix(path).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// Two connected sockets without an address.
pub(crate) fn pair() -> io::Result<(Transport, Transport)> {
    let (near, far) = UnixStream::pair()?;
    raise_no_signal(&near);
    raise_no_signal(&far);
    Ok((Transport::Local(near), Transport::Local(far)))
}

/// Only addresses of families of which the machine has one itself.
pub(super) const ADDRCONFIG: i32 = libc::AI_ADDRCONFIG;

/// The name of a system error, as `uv_err_name` gives it.
pub(crate) fn error_code(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(errno) => errno_name(errno),
        None => super::kind_code(error.kind()),
    }
}

fn errno_name(errno: i32) -> &'static str {
    match errno {
        libc::EACCES => code::EACCES,
        libc::EADDRINUSE => code::EADDRINUSE,
        libc::EADDRNOTAVAIL => code::EADDRNOTAVAIL,
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        libc::EAGAIN => "EAGAIN",
        libc::EALREADY => code::EALREADY,
        libc::EBADF => "EBADF",
        libc::ECANCELED => code::ECANCELED,
        libc::ECONNABORTED => code::ECONNABORTED,
        libc::ECONNREFUSED => code::ECONNREFUSED,
        libc::ECONNRESET => code::ECONNRESET,
        libc::EEXIST => "EEXIST",
        libc::EHOSTDOWN => "EHOSTDOWN",
        libc::EHOSTUNREACH => code::EHOSTUNREACH,
        libc::EINTR => "EINTR",
        libc::EINVAL => code::EINVAL,
        libc::EIO => "EIO",
        libc::EISCONN => code::EISCONN,
        libc::ELOOP => "ELOOP",
        libc::EMFILE => code::EMFILE,
        libc::EMSGSIZE => "EMSGSIZE",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENETDOWN => "ENETDOWN",
        libc::ENETUNREACH => code::ENETUNREACH,
        libc::ENFILE => code::ENFILE,
        libc::ENOBUFS => "ENOBUFS",
        libc::ENODEV => "ENODEV",
        libc::ENOENT => code::ENOENT,
        libc::ENOMEM => "ENOMEM",
        libc::ENOPROTOOPT => "ENOPROTOOPT",
        libc::ENOSPC => "ENOSPC",
        libc::ENOTCONN => "ENOTCONN",
        libc::ENOTDIR => "ENOTDIR",
        libc::ENOTSOCK => "ENOTSOCK",
        libc::ENOTSUP => code::ENOTSUP,
        libc::EPERM => "EPERM",
        libc::EPIPE => code::EPIPE,
        libc::EPROTO => "EPROTO",
        libc::EPROTONOSUPPORT => "EPROTONOSUPPORT",
        // macOS, for a write into a connection that is being torn down.
        libc::EPROTOTYPE => code::ECONNRESET,
        libc::EROFS => "EROFS",
        libc::ETIMEDOUT => code::ETIMEDOUT,
        _ => "UNKNOWN",
    }
}

/// No descriptor is left in the process or in the system.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// A non-blocking `connect` that goes on.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// A write the kernel refuses for now without promising an event.
pub(crate) fn is_blocked(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

const EPOLL: bool = cfg!(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)));

/// What is asked for to learn of input. epoll tells of urgent data too, at which a read of TCP ends although more is there.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)))]
pub(crate) const INPUT: Interest = Interest::READABLE.add(Interest::PRIORITY);
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll))))]
pub(crate) const INPUT: Interest = Interest::READABLE;

/// Whether an event says something beside readable and writable. epoll never reports a closed writing side without an error
/// or the end of the reading side.
#[inline]
pub(crate) fn says_more(event: &Event) -> bool {
    event.is_read_closed() | event.is_error() | event.is_priority() | (!EPOLL && event.is_write_closed())
}

/// Whether a short read of TCP proves that nothing is left, if there is no sign of urgent data, so that the read that would
/// only say "would block" can be skipped. Holds for epoll, which tells of urgent data, and of the next arrival as a new edge.
/// kqueue does not tell of urgent data through mio; mio's poll(2) backend re-arms only on "would block".
///
/// A peer with a TCP of its own may announce an urgent byte after it was sent, and Linux then ends the read without a sign. Only
/// its own bytes wait then, and only until it sends more or ends.
pub(super) const SHORT_READ_MEANS_EMPTY: bool = EPOLL;

/// Whether a short write proves that the kernel is full and epoll will tell of room.
///
/// Linux has three reasons for a short write, and each is followed by an edge. The send buffer is full, or there is no memory
/// for more: TCP sets `SOCK_NOSPACE` before it returns, and the acknowledgement of what it has taken then wakes us
/// (`tcp_sendmsg_locked`, `tcp_check_space`); a Unix-domain socket wakes us when the peer reads what it has taken
/// (`sock_alloc_send_pskb`, `unix_write_space`). Or the connection broke halfway: that is an event of its own. An edge between
/// the write and our look at its result is not lost: it is told by the next poll.
///
/// What other kernels do was not looked up; there one more write asks.
pub(super) const SHORT_WRITE_MEANS_FULL: bool = EPOLL;

/// Whether closing the only descriptor of a socket removes it from the selector.
pub(crate) const CLOSE_DEREGISTERS: bool = cfg!(all(
    not(mio_unsupported_force_poll_poll),
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        target_os = "ios",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
    )
));

/// Whether TCP too asks for write readiness only while something waits to be written: on kqueue every ACK may fire the
/// write filter again.
pub(crate) const LAZY_WRITE_INTEREST: bool =
    cfg!(not(any(target_os = "linux", target_os = "android", mio_unsupported_force_poll_poll)));

/// A descriptor kept for bad times. Mirrors `uv__emfile_trick`: given up, it lets pending connections be accepted and
/// closed, so that their peers see a close and not a hang.
#[derive(Debug)]
pub(crate) struct Reserve(Option<File>, io::Stderr);

impl Reserve {
    pub(crate) fn new() -> Self {
        Self(open(), io::stderr())
    }

    /// Gives the descriptor up; false if there was none.
    pub(crate) fn release(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// A descriptor that is no socket.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Some(file) => file.as_fd(),
            None => self.1.as_fd(),
        }
    }

    /// Takes a descriptor again, if there is one.
    pub(crate) fn refill(&mut self) {
        if self.0.is_none() {
            self.0 = open();
        }
    }
}

fn open() -> Option<File> {
    File::open("/dev/null").or_else(|_| File::open("/")).ok()
}
