//! The operating system, through mio and socket2.
//!
//! Everything here is the same on every system. What differs is in one file per platform, and both export, in this order:
//!
//! - `LocalStream`, `LocalListener`: Unix-domain sockets, or named pipes;
//! - `connect_local`, `listen_local`, `pair`: making them;
//! - `write_local`, `write_vectored_local`, `write_vectored_tcp`, `raise_no_signal`: writing without a signal;
//! - `set_access`, `remove_stale`, `leaves_file`, `remove_file`, `file_id`: the file of a listening one;
//! - `adopt_local`, `adopt_local_listener`, `is_plain_tcp`, `foreign_kind`: taking over what somebody else made;
//! - `ADDRCONFIG`: the hint of a lookup for families of which the machine has an address;
//! - `NUMERIC_ADDRESS`, `NUMERIC_NAME`: the hints of those that ask no server;
//! - `error_code`, `is_out_of_descriptors`, `peer_has_gone`, `is_in_progress`, `is_blocked`: the names of system errors;
//! - `INPUT`, `says_more`: what the selector is asked for by a stream that reads, and what it says beside the usual;
//! - `SHORT_READ_MEANS_EMPTY`, `SHORT_WRITE_MEANS_FULL`, `CLOSE_DEREGISTERS`, `LAZY_WRITE_INTEREST`: what it lets us leave out;
//! - `LOCAL_LINGERS`: whether a close may reset a local stream;
//! - `Reserve`: the descriptor that is given up to shed load when none is left.
//!
//! Nothing here knows a callback or a handle.

mod adopt;
mod faults;
#[cfg(windows)]
mod pipe;
mod resolve;
mod tcp;
mod transport;

#[cfg(unix)]
#[path = "unix.rs"]
mod imp;
#[cfg(windows)]
#[path = "windows.rs"]
mod imp;

use std::sync::Arc;

use mio::event::Source;

pub(crate) use self::adopt::{Foreign, Refused, adopt_listener, adopt_stream};
pub(crate) use self::faults::comes_late;
pub(crate) use self::imp::{
    CLOSE_DEREGISTERS, INPUT, LAZY_WRITE_INTEREST, Reserve, connect_local, error_code, file_id, is_blocked, is_in_progress,
    is_out_of_descriptors, leaves_file, listen_local, pair, peer_has_gone, remove_file, remove_stale, says_more, set_access,
};
pub(crate) use self::resolve::{Unresolved, resolve, zone_index, zone_name};
pub use self::tcp::KeepAlive;
pub(crate) use self::tcp::{Bound, TcpListenOptions, bind_tcp, connect_tcp, listen_tcp};
pub(crate) use self::transport::{Acceptor, Transport};

/// Tells the loop, from any thread, that a source may be readable, or writable.
pub(crate) type Bell = Arc<dyn Fn(bool, bool) + Send + Sync>;

/// What the loop can watch: a source of mio's selector, or one that rings a bell instead.
pub(crate) trait Watched: Source {
    /// Gives the bell, before each registration; the selector's own sources need none.
    fn attach(&mut self, bell: impl FnOnce() -> Bell) {
        drop(bell);
    }
}

impl Watched for mio::net::TcpStream {}
impl Watched for mio::net::TcpListener {}

/// Names a file for as long as it exists: its device and its number there. The default is none. The file of a bound socket
/// exists as long as the socket, also when it was removed, so its number is not used again meanwhile.
pub(crate) type FileId = (u64, u64);

/// A name in Linux' abstract namespace is no file.
pub(crate) fn is_abstract(path: &std::path::Path) -> bool {
    path.as_os_str().as_encoded_bytes().first() == Some(&0)
}

/// The name of an error that std made without a system number.
fn kind_code(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind as Kind;

    use crate::code;
    match kind {
        Kind::AddrInUse => code::EADDRINUSE,
        Kind::AddrNotAvailable => code::EADDRNOTAVAIL,
        Kind::AlreadyExists => "EEXIST",
        Kind::BrokenPipe => code::EPIPE,
        Kind::ConnectionAborted => code::ECONNABORTED,
        Kind::ConnectionRefused => code::ECONNREFUSED,
        Kind::ConnectionReset => code::ECONNRESET,
        Kind::HostUnreachable => code::EHOSTUNREACH,
        Kind::InvalidInput => code::EINVAL,
        Kind::NetworkUnreachable => code::ENETUNREACH,
        Kind::NotConnected => "ENOTCONN",
        Kind::NotFound => code::ENOENT,
        Kind::PermissionDenied => code::EACCES,
        Kind::TimedOut => code::ETIMEDOUT,
        Kind::Unsupported => code::ENOTSUP,
        Kind::WouldBlock => "EAGAIN",
        _ => code::ERR_USER,
    }
}
