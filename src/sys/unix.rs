//! Unix: epoll or kqueue by mio, Unix-domain sockets, errno. Mirrors `src/unix/pipe.c` and `uv_err_name` of libuv.

use std::fs::{self, File};
use std::io::{self, IoSlice, IsTerminal};
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use mio::Interest;
use mio::event::Event;
use mio::net::{TcpStream, UnixListener, UnixStream};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::tcp::Bound;
use super::transport::{Acceptor, Transport};
use super::{FileId, Watched};
use crate::code;

pub(super) type LocalStream = UnixStream;
pub(super) type LocalListener = UnixListener;

impl Watched for UnixStream {}
impl Watched for UnixListener {}

/// Connects to the socket file at `path`. A full backlog is an error (`EAGAIN`): the socket would stay unconnected.
pub(crate) fn connect_local(path: &Path, bound: Option<Bound>) -> io::Result<Transport> {
    let address = local_address(path)?;
    let socket = match bound {
        Some(Bound(socket)) => socket,
        None => Socket::new(Domain::UNIX, Type::STREAM, None)?,
    };
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

/// Binds `path` and listens there; also gives the file that was made. If its rights are to be set, it has none until then.
pub(crate) fn listen_local(path: &Path, backlog: i32, rights_follow: bool) -> io::Result<(Acceptor, FileId)> {
    let listen = |socket: &Socket| socket.listen(backlog);
    let (socket, file) = bind_local(path, rights_follow, listen)?;
    Ok((Acceptor::Local(UnixListener::from_std(socket.into())), file))
}

/// Binds `path` and goes on; if that fails the file is removed, as libuv does.
fn bind_local(path: &Path, rights_follow: bool, go_on: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<(Socket, FileId)> {
    let address = local_address(path)?;
    let mut socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let mut is_sealed = false;
    if rights_follow && SEALS {
        (socket, is_sealed) = seal(socket);
    }
    socket.bind(&address)?;
    let file = made_at(path, is_sealed);
    match go_on(&socket) {
        Ok(()) => Ok((socket, file)),
        Err(error) => {
            remove_file(path, file);
            Err(error)
        }
    }
}

/// The file that was made at `path` a moment ago; none if somebody has put another one there already.
fn made_at(path: &Path, is_sealed: bool) -> FileId {
    match fs::symlink_metadata(path) {
        Ok(made) if made.file_type().is_socket() && !(is_sealed && made.mode() & 0o7777 != 0) => id_of(&made),
        _ => FileId::default(),
    }
}

/// Linux makes the file of a socket with the rights that the socket has itself, less the umask.
const SEALS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Takes all rights from a socket before it is bound, so that its file is known by having none: another program cannot take
/// the rights from a file of ours. True if the system has done it.
fn seal(socket: Socket) -> (Socket, bool) {
    let socket = File::from(OwnedFd::from(socket));
    let is_sealed = socket.set_permissions(fs::Permissions::from_mode(0o000)).is_ok();
    (OwnedFd::from(socket).into(), is_sealed)
}

/// What everybody may do with a socket file: exactly this, whatever the umask says. Mirrors `uv_pipe_chmod`, but no other file
/// that has taken its place changes, be it a link: that is an error.
pub(crate) fn set_access(path: &Path, file: FileId, readable: bool, writable: bool) -> io::Result<()> {
    let mode = if readable { 0o444 } else { 0 } | if writable { 0o222 } else { 0 };
    set_mode(path, file, fs::Permissions::from_mode(mode))
}

/// The descriptor holds on to one file, whatever happens to the path: it is looked at, and changed by its name in `/proc`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_mode(path: &Path, file: FileId, mode: fs::Permissions) -> io::Result<()> {
    let opened = File::options().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path)?;
    check_file(&opened.metadata()?, file)?;
    fs::set_permissions(format!("/proc/self/fd/{}", opened.as_raw_fd()), mode)
}

/// There is no way to hold on to one file: it is looked at before, and after. If another program exchanges it between the two,
/// the rights of another file change, and the error says so.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_mode(path: &Path, file: FileId, mode: fs::Permissions) -> io::Result<()> {
    check_file(&fs::symlink_metadata(path)?, file)?;
    fs::set_permissions(path, mode)?;
    check_file(&fs::symlink_metadata(path)?, file)
}

/// `ELOOP` for a link, `EEXIST` for any other file that is not this one.
fn check_file(found: &fs::Metadata, file: FileId) -> io::Result<()> {
    match found.file_type() {
        kind if kind.is_symlink() => Err(io::Error::from_raw_os_error(libc::ELOOP)),
        kind if kind.is_socket() && id_of(found) == file => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::EEXIST)),
    }
}

/// Removes the file at `path` if it is this one.
pub(crate) fn remove_file(path: &Path, file: FileId) {
    let removed = match file_id(path) {
        Some(found) if found == file => fs::remove_file(path),
        Some(_) => Err(io::Error::other("another file has taken its place")),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    if let Err(error) = removed {
        log::debug!("the socket file {} cannot be removed: {error}", path.display());
    }
}

/// Removes the file of a socket that nobody listens at; false if there is none. Anything else stays.
///
/// Only a refused connection proves that nobody listens. The probe never waits: a full backlog is an answer too.
pub(crate) fn remove_stale(path: &Path) -> bool {
    let Some(stale) = socket_file(path) else {
        return false;
    };
    match connect_local(path, None) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        _ => return false,
    }
    // Somebody else may have put another one there meanwhile.
    socket_file(path) == Some(stale) && fs::remove_file(path).is_ok()
}

/// The socket file at `path`; a link to one is none.
fn socket_file(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().filter(|file| file.file_type().is_socket()).map(|file| id_of(&file))
}

/// Which file lies at `path`.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    fs::symlink_metadata(path).ok().map(|file| id_of(&file))
}

fn id_of(file: &fs::Metadata) -> FileId {
    (file.dev(), file.ino())
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

/// An accept has found a connection that is over already; the next one may be none.
pub(crate) fn peer_has_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECONNABORTED | libc::ECONNRESET | libc::EPROTO))
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

/// Whether a local socket that is closed with unread input tells its peer of a reset.
pub(super) const LOCAL_LINGERS: bool = true;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener as StdListener;
    use std::path::PathBuf;

    /// A folder of a test's own, which goes with the value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("netloop-unix-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).expect("a folder for the test");
            Self(path)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("a file").mode() & 0o777
    }

    fn refusal<T>() -> io::Result<T> {
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    }

    #[test]
    fn fault_p_a_listen_that_fails_behind_bind_removes_its_file() {
        let folder = Folder::new("listen-fails");
        let path = folder.path("a.sock");
        for rights_follow in [false, true] {
            let bound = bind_local(&path, rights_follow, |_| {
                assert!(path.symlink_metadata().is_ok(), "it is bound");
                refusal()
            });
            assert_eq!(bound.expect_err("refused").raw_os_error(), Some(libc::ENOMEM));
            assert!(path.symlink_metadata().is_err(), "the file stays");
        }
        listen_local(&path, 1, false).expect("the path is free");
    }

    #[test]
    fn fault_p_a_listen_that_fails_leaves_the_files_of_others() {
        let folder = Folder::new("listen-fails-beside");
        let path = folder.path("a.sock");
        let replace_by = |make: &dyn Fn()| {
            let bound = bind_local(&path, false, |_| {
                fs::rename(&path, folder.path("moved"))?;
                make();
                refusal()
            });
            bound.map(drop).expect_err("refused");
            assert!(path.symlink_metadata().is_ok(), "it is somebody else's");
            fs::remove_file(&path).expect("a file");
        };
        replace_by(&|| fs::write(&path, "text").expect("a file"));
        replace_by(&|| symlink("moved", &path).expect("a link"));
        replace_by(&|| drop(StdListener::bind(&path).expect("a socket")));
        // A bind that fails has made nothing.
        let other = StdListener::bind(&path).expect("a socket");
        listen_local(&path, 1, false).expect_err("in use");
        assert!(path.symlink_metadata().is_ok());
        drop(other);
    }

    #[test]
    fn fault_h_rights_are_those_asked_for() {
        let folder = Folder::new("rights");
        for (at, (readable, writable, expected)) in
            [(true, false, 0o444), (false, true, 0o222), (true, true, 0o666)].into_iter().enumerate()
        {
            let path = folder.path(&at.to_string());
            let (_acceptor, file) = listen_local(&path, 1, true).expect("a free path");
            if SEALS {
                assert_eq!(mode(&path), 0, "it cannot be used until then");
            }
            set_access(&path, file, readable, writable).expect("it is ours");
            assert_eq!(mode(&path), expected);
        }
        let path = folder.path("plain");
        let (_acceptor, file) = listen_local(&path, 1, false).expect("a free path");
        assert_ne!(mode(&path), 0, "as the umask says");
        assert_eq!(file_id(&path), Some(file));
    }

    /// Somebody who may write in the folder is quicker than we.
    #[test]
    fn fault_h_no_other_file_gets_the_rights() {
        let folder = Folder::new("other-file");
        let (path, secret) = (folder.path("a.sock"), folder.path("secret"));
        fs::write(&secret, "text").expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let other = folder.path("other.sock");
        let _other = StdListener::bind(&other).expect("a socket");
        fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).expect("it is ours");

        let (_acceptor, file) = listen_local(&path, 1, true).expect("a free path");
        fs::rename(&path, folder.path("moved")).expect("it is there");
        let refused = |error: i32| {
            let refused = set_access(&path, file, true, true).expect_err("it is not ours");
            assert_eq!(refused.raw_os_error(), Some(error), "{refused}");
        };
        refused(libc::ENOENT);
        for target in [&secret, &other, &folder.path("moved"), &folder.path("nothing")] {
            symlink(target, &path).expect("a link");
            refused(libc::ELOOP);
            fs::remove_file(&path).expect("a link");
        }
        for target in [&secret, &other] {
            fs::hard_link(target, &path).expect("the same file");
            refused(libc::EEXIST);
            remove_file(&path, file);
            assert!(path.symlink_metadata().is_ok(), "it is not ours to remove");
            fs::remove_file(&path).expect("a file");
        }
        assert_eq!((mode(&secret), mode(&other)), (0o600, 0o600));
        fs::rename(folder.path("moved"), &path).expect("it was moved");
        set_access(&path, file, true, true).expect("it is ours again");
        assert_eq!(mode(&path), 0o666);
    }

    /// It was exchanged before we could look at all: another socket of ours has rights, the one that was made has none.
    #[test]
    fn fault_h_a_socket_that_was_there_before_is_not_taken_for_the_new_one() {
        if !SEALS {
            println!("not checked: this system does not make the file of a socket with the rights of the socket");
            return;
        }
        let folder = Folder::new("exchanged");
        let path = folder.path("a.sock");
        let _other = StdListener::bind(&path).expect("a socket");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        assert_eq!(made_at(&path, true), FileId::default());
        assert_eq!(made_at(&path, false), file_id(&path).expect("a file"));
        symlink("a.sock", folder.path("link")).expect("a link");
        fs::write(folder.path("text"), "text").expect("a file");
        for none in ["link", "text", "nothing"] {
            assert_eq!(made_at(&folder.path(none), false), FileId::default(), "{none}");
        }
        set_access(&path, FileId::default(), true, true).expect_err("none is ours");
        assert_eq!(mode(&path), 0o600);
    }
}
