//! Windows named pipes: names, connecting, listening. Mirrors libuv's `src/win/pipe.c`.
//!
//! mio has named pipes, but only with `unsafe` can one connect there, or listen for a second client. tokio offers both, and
//! builds on mio. Its driver runs on one thread for the whole process and only tells who is ready; pipes are read and
//! written on the loop's thread, and ring its bell.

mod listener;
mod opening;
mod stream;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::net::windows::named_pipe::ClientOptions;
use tokio::runtime::{Builder, Handle};

pub(crate) use self::listener::LocalListener;
pub(crate) use self::stream::LocalStream;
use super::tcp::Bound;
use super::transport::{Acceptor, Transport};
use super::{Bell, FileId};

const ERROR_PATH_NOT_FOUND: i32 = 3;
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_INVALID_NAME: i32 = 123;
const ERROR_PIPE_BUSY: i32 = 231;
const ERROR_PIPE_NOT_CONNECTED: i32 = 233;
const WSAEACCES: i32 = 10013;
const WSAEINVAL: i32 = 10022;
const WSAEADDRINUSE: i32 = 10048;
const WSAETIMEDOUT: i32 = 10060;

/// The longest name Windows takes; longer ones are `EINVAL`, never cut short.
const NAME_LIMIT: usize = 256;

/// Connects to the pipe `path`. While all its instances are taken it goes on trying. A socket is no end of a pipe.
pub(crate) fn connect_local(path: &Path, bound: Option<Bound>) -> io::Result<Transport> {
    if bound.is_some() {
        return Err(io::Error::from_raw_os_error(WSAEINVAL));
    }
    if !is_pipe_name(path, true)? {
        return Err(io::ErrorKind::NotFound.into());
    }
    let driver = driver()?;
    let _context = driver.enter();
    match ClientOptions::new().open(path) {
        Ok(client) => Ok(Transport::Local(LocalStream::client(client))),
        Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY) => Ok(Transport::Local(LocalStream::opening(path))),
        Err(error) => Err(error),
    }
}

/// Creates the pipe `path`, which must not exist yet.
pub(crate) fn listen_local(path: &Path, _: i32, _: bool) -> io::Result<(Acceptor, FileId)> {
    if !is_pipe_name(path, false)? {
        return Err(io::Error::from_raw_os_error(WSAEACCES));
    }
    let listener = LocalListener::new(path).map_err(|error| match error.raw_os_error() {
        Some(ERROR_ACCESS_DENIED) => io::Error::from_raw_os_error(WSAEADDRINUSE),
        Some(ERROR_PATH_NOT_FOUND | ERROR_INVALID_NAME) => io::Error::from_raw_os_error(WSAEACCES),
        _ => error,
    })?;
    Ok((Acceptor::Local(listener), FileId::default()))
}

/// A pipe is no file: it goes with its last handle.
pub(crate) fn leaves_file(_: &Path) -> bool {
    false
}

/// Whether a path is `\\.\pipe\NAME` or `\\?\pipe\NAME`, or, if `anywhere`, `\\SERVER\pipe\NAME`; anything else would open a
/// file. Slashes do as well.
fn is_pipe_name(path: &Path, anywhere: bool) -> io::Result<bool> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() || bytes.len() > NAME_LIMIT || bytes.contains(&0) {
        return Err(io::Error::from_raw_os_error(WSAEINVAL));
    }
    let mut parts = bytes.splitn(5, |byte| matches!(byte, b'\\' | b'/'));
    let (first, second) = (parts.next(), parts.next());
    let (server, pipe) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let here = matches!(server, b"." | b"?");
    let rooted = first == Some(b"") && second == Some(b"") && !server.is_empty();
    Ok(rooted && (here || anywhere) && pipe.eq_ignore_ascii_case(b"pipe") && parts.next().is_some())
}

/// tokio's driver. Its thread is started for the first pipe and lives as long as the process.
fn driver() -> io::Result<Handle> {
    static DRIVER: Mutex<Option<Handle>> = Mutex::new(None);
    let mut driver = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*driver {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    let drive = move || runtime.block_on(std::future::pending::<()>());
    std::thread::Builder::new().name("netloop-pipes".to_owned()).spawn(drive)?;
    *driver = Some(handle.clone());
    Ok(handle)
}

/// Waits until the driver has seen everything up to now. A handle that was dropped is closed only then: its read has to be
/// cancelled first.
fn close_dropped() {
    let (seen, wait) = mpsc::sync_channel(1);
    if let Ok(driver) = driver() {
        driver.spawn(async move { seen.send(()) });
        // The limit is for a driver that is stuck: then the name is free a little later.
        let _ = wait.recv_timeout(Duration::from_secs(1));
    }
}

/// Rings the loop's bell for one direction.
struct Ring {
    bell: Bell,
    writable: bool,
}

impl Ring {
    fn waker(bell: Bell, writable: bool) -> Waker {
        Arc::new(Self { bell, writable }).into()
    }
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        (self.bell)(!self.writable, self.writable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, here: bool, anywhere: bool) {
        let found = [false, true].map(|anywhere| is_pipe_name(Path::new(path), anywhere).expect(path));
        assert_eq!(found, [here, anywhere], "{path}");
    }

    #[test]
    fn names_of_pipes_are_told_from_files() {
        check(r"\\.\pipe\a", true, true);
        check(r"\\?\pipe\a\b", true, true);
        check(r"\\.\PIPE\a", true, true);
        check("//./pipe/a", true, true);
        check(r"\\server\pipe\a", false, true);
        for file in [r"C:\pipe\a", r"\\.\pipes\a", r"\\.\pipe", r"\.\pipe\a", r"pipe\a", "a", r"\\\pipe\a"] {
            check(file, false, false);
        }
        for bad in ["", "\\\\.\\pipe\\a\0b", &format!(r"\\.\pipe\{}", "a".repeat(NAME_LIMIT))] {
            assert!(is_pipe_name(Path::new(bad), true).is_err(), "{bad}");
        }
    }
}
