//! A connected pipe. Mirrors `uv__pipe_read_data`, `uv__pipe_write_data`, `uv__pipe_shutdown` and the end-of-file timer.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use tokio::io::Interest as Direction;
use tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer};

use super::opening::Opening;
use super::{ERROR_PIPE_NOT_CONNECTED, Ring, driver};
use crate::sys::{Bell, Watched};

/// Bytes handed over at once: mio copies them and takes no more until the system has them all.
const CHUNK: usize = 64 * 1024;

/// A pipe cannot end one direction. Who has ended closes both once nothing has come for a while: libuv waits 50 ms. The time
/// is counted in ticks that the loop has to see, so that a slow loop does not take its own slowness for silence.
const TICK: Duration = Duration::from_millis(10);
const SILENCE: u8 = 5;

/// A pipe that is connected, or waits for an instance. In a box, for idle TCP sockets would be as large.
#[derive(Debug)]
pub(crate) struct LocalStream(Box<State>);

#[derive(Debug)]
struct State {
    pipe: OnceCell<Pipe>,
    opening: RefCell<Option<Opening>>,
    wakers: Option<Wakers>,
    /// A write is with the system.
    writing: Cell<bool>,
    ended: RefCell<Option<Silence>>,
}

#[derive(Debug)]
enum Pipe {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
}

/// They ring for the two directions.
#[derive(Debug)]
struct Wakers {
    read: Waker,
    write: Waker,
}

/// Our half has ended; so many ticks are left to the peer.
#[derive(Debug)]
struct Silence {
    left: u8,
    elapsed: Arc<AtomicBool>,
}

macro_rules! either {
    ($value:expr, $pipe:ident => $call:expr) => {
        match $value {
            Pipe::Server($pipe) => $call,
            Pipe::Client($pipe) => $call,
        }
    };
}

/// Waits for the next sign of room, whatever there was until now.
pub(super) fn forget_writable(try_io: impl FnOnce(Direction, fn() -> io::Result<()>) -> io::Result<()>) {
    let _ = try_io(Direction::WRITABLE, || Err(io::ErrorKind::WouldBlock.into()));
}

impl Pipe {
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, pipe => pipe.try_read(buffer))
    }

    /// Writes, and forgets that there is room: the next sign of it tells that this write is over.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut result = Err(io::ErrorKind::WouldBlock.into());
        either!(self, pipe => {
            let _ = pipe.try_io(Direction::WRITABLE, || {
                result = pipe.try_write(bytes);
                Err::<(), _>(io::ErrorKind::WouldBlock.into())
            });
        });
        result
    }

    fn poll_readable(&self, waker: &Waker) -> Poll<io::Result<()>> {
        either!(self, pipe => pipe.poll_read_ready(&mut Context::from_waker(waker)))
    }

    fn poll_writable(&self, waker: &Waker) -> Poll<io::Result<()>> {
        either!(self, pipe => pipe.poll_write_ready(&mut Context::from_waker(waker)))
    }
}

impl LocalStream {
    pub(super) fn server(pipe: NamedPipeServer) -> Self {
        Self::new(Some(Pipe::Server(pipe)), None)
    }

    pub(super) fn client(pipe: NamedPipeClient) -> Self {
        Self::new(Some(Pipe::Client(pipe)), None)
    }

    /// A stream that waits for an instance from when it is registered.
    pub(super) fn opening(path: &Path) -> Self {
        Self::new(None, Some(Opening::new(path)))
    }

    fn new(pipe: Option<Pipe>, opening: Option<Opening>) -> Self {
        Self(Box::new(State {
            pipe: pipe.map_or_else(OnceCell::new, OnceCell::from),
            opening: RefCell::new(opening),
            wakers: None,
            writing: Cell::new(false),
            ended: RefCell::new(None),
        }))
    }

    fn open(&self) -> io::Result<&Pipe> {
        self.0.pipe.get().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn read_waker(&self) -> &Waker {
        self.0.wakers.as_ref().map_or(Waker::noop(), |wakers| &wakers.read)
    }

    fn write_waker(&self) -> &Waker {
        self.0.wakers.as_ref().map_or(Waker::noop(), |wakers| &wakers.write)
    }

    /// How the wait for an instance has ended.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self.0.opening.borrow().as_ref().and_then(Opening::take) {
            Some(Ok(client)) => {
                let _ = self.0.pipe.set(Pipe::Client(client));
                self.arm();
                Ok(None)
            }
            Some(Err(error)) => Ok(Some(error)),
            None => Ok(None),
        }
    }

    /// An error while there is no peer.
    pub(crate) fn peer_addr(&self) -> io::Result<()> {
        self.open().map(drop)
    }

    /// Ends our half: "would block" until the last write is over. The peer sees it when both are closed.
    pub(crate) fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        if self.is_writing(self.open()?)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut ended = self.0.ended.borrow_mut();
        if ended.is_none() {
            self.tick(ended.insert(Silence { left: SILENCE, elapsed: Arc::default() }));
        }
        Ok(())
    }

    /// Whether the system still has a write of ours.
    fn is_writing(&self, pipe: &Pipe) -> io::Result<bool> {
        if self.0.writing.get()
            && let Poll::Ready(result) = pipe.poll_writable(self.write_waker())
        {
            self.0.writing.set(false);
            result?;
        }
        Ok(self.0.writing.get())
    }

    fn tick(&self, silence: &Silence) {
        let (elapsed, waker) = (Arc::clone(&silence.elapsed), self.read_waker().clone());
        match driver() {
            Ok(driver) => {
                driver.spawn(async move {
                    tokio::time::sleep(TICK).await;
                    elapsed.store(true, Ordering::Release);
                    waker.wake();
                });
            }
            Err(error) => log::error!("a pipe cannot count the time: {error}"),
        }
    }

    /// Nothing to read: the end, if we have ended and waited long enough.
    fn nothing(&self) -> io::Result<usize> {
        let mut ended = self.0.ended.borrow_mut();
        let Some(silence) = ended.as_mut() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        if silence.left > 0 && silence.elapsed.swap(false, Ordering::AcqRel) {
            silence.left -= 1;
            if silence.left > 0 {
                self.tick(silence);
            }
        }
        if silence.left == 0 { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Rings for what is ready now; what becomes ready rings by itself.
    fn arm(&self) {
        let Some(pipe) = self.0.pipe.get() else {
            return;
        };
        for (polled, waker) in [
            (pipe.poll_readable(self.read_waker()), self.read_waker()),
            (pipe.poll_writable(self.write_waker()), self.write_waker()),
        ] {
            if polled.is_ready() {
                waker.wake_by_ref();
            }
        }
        // A tick that nobody heard.
        if self.0.ended.borrow().is_some() {
            self.read_waker().wake_by_ref();
        }
    }
}

impl Read for &LocalStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let pipe = self.open()?;
        loop {
            match pipe.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match pipe.poll_readable(self.read_waker()) {
                    Poll::Ready(result) => result?,
                    Poll::Pending => return self.nothing(),
                },
                // The peer has disconnected instead of closing.
                Err(error) if error.raw_os_error() == Some(ERROR_PIPE_NOT_CONNECTED) => return Ok(0),
                result => {
                    if let Some(silence) = self.0.ended.borrow_mut().as_mut() {
                        silence.left = SILENCE;
                    }
                    return result;
                }
            }
        }
    }
}

impl Write for &LocalStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pipe = self.open()?;
        let bytes = &bytes[..bytes.len().min(CHUNK)];
        // An empty write would be an end to some readers.
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            if self.is_writing(pipe)? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            match pipe.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match pipe.poll_writable(self.write_waker()) {
                    Poll::Ready(result) => result?,
                    Poll::Pending => return Err(error),
                },
                result => {
                    self.0.writing.set(result.is_ok());
                    return result;
                }
            }
        }
    }

    /// Gathers: the peer finds together what was written together.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_writing(self.open()?)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut bytes = Vec::new();
        for slice in slices {
            bytes.extend_from_slice(&slice[..slice.len().min(CHUNK - bytes.len())]);
        }
        self.write(&bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Watched for LocalStream {
    fn attach(&mut self, bell: impl FnOnce() -> Bell) {
        let bell = bell();
        let (read, write) = (Ring::waker(Arc::clone(&bell), false), Ring::waker(bell, true));
        self.0.wakers = Some(Wakers { read, write });
    }
}

impl Source for LocalStream {
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        if let (Some(opening), Some(wakers)) = (self.0.opening.get_mut(), &self.0.wakers) {
            opening.begin(&wakers.read)?;
        }
        self.arm();
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.register(registry, token, interest)
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        self.0.wakers = None;
        Ok(())
    }
}
