//! Unix: epoll or kqueue by mio, Unix-domain sockets, errno. Mirrors `src/unix/pipe.c` and `uv_err_name` of libuv.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use mio::net::{UnixListener, UnixStream};
use socket2::{Domain, SockAddr, Socket, Type};

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
    Ok((Transport::Local(near), Transport::Local(far)))
}

/// Only addresses of families of which the machine has one itself.
pub(super) const ADDRCONFIG: i32 = libc::AI_ADDRCONFIG;

/// Only addresses that are written as numbers.
pub(super) const NUMERIC_ADDRESS: i32 = libc::AI_NUMERICHOST;

/// The numbers of an address and a port as text.
pub(super) const NUMERIC_NAME: i32 = libc::NI_NUMERICHOST | libc::NI_NUMERICSERV;

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

/// Whether a short read of a socket proves that nothing is left, so that the read that would only say "would block" can be
/// skipped. Holds for epoll and kqueue, which report the next arrival as a new edge; mio's poll(2) backend re-arms only on
/// "would block".
pub(crate) const SHORT_READ_MEANS_EMPTY: bool = cfg!(all(
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

/// Whether closing the only descriptor of a socket removes it from the selector.
pub(crate) const CLOSE_DEREGISTERS: bool = SHORT_READ_MEANS_EMPTY;

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
