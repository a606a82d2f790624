//! The listening end of a pipe. Mirrors `uv_pipe_bind`, `uv__pipe_listen` and `uv__pipe_queue_accept`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

use super::{ERROR_ACCESS_DENIED, LocalStream, Ring, close_dropped, driver};
use crate::sys::{Bell, Watched};

/// How many instances wait for clients, as in libuv: so many may come at once without finding the pipe busy.
const WAITING: usize = 4;

/// Instances of one pipe, each waiting for a client.
#[derive(Debug)]
pub(crate) struct LocalListener {
    path: PathBuf,
    waiting: RefCell<VecDeque<Waiting>>,
    waker: Option<Waker>,
}

impl LocalListener {
    /// Makes the first instance, which fails if there is one already, be it only a connection of a server that has closed.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let first = match Waiting::new(path, true) {
            // Ours may be on its way out.
            Err(error) if error.raw_os_error() == Some(ERROR_ACCESS_DENIED) => {
                close_dropped();
                Waiting::new(path, true)?
            }
            result => result?,
        };
        Ok(Self { path: path.to_owned(), waiting: RefCell::new(VecDeque::from([first])), waker: None })
    }

    /// Takes a client. They come in the order of the instances, the oldest first, for so does the system fill them.
    pub(crate) fn accept(&self) -> io::Result<(LocalStream, ())> {
        let mut waiting = self.waiting.borrow_mut();
        self.fill(&mut waiting)?;
        let mut context = Context::from_waker(self.waker.as_ref().unwrap_or(Waker::noop()));
        for index in 0..waiting.len() {
            let Poll::Ready(result) = waiting[index].poll_connect(&mut context) else {
                continue;
            };
            let taken = waiting.remove(index);
            result?;
            if let Some(Waiting { server, .. }) = taken {
                // A failure is told by the next call, if then no instance is left.
                let _ = self.fill(&mut waiting);
                return Ok((LocalStream::server(server), ()));
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Makes new instances for those that were taken. An error only if there is none at all.
    fn fill(&self, waiting: &mut VecDeque<Waiting>) -> io::Result<()> {
        while waiting.len() < WAITING {
            match Waiting::new(&self.path, false) {
                Ok(instance) => waiting.push_back(instance),
                Err(error) if waiting.is_empty() => return Err(error),
                Err(error) => {
                    log::debug!("no further instance of the pipe {}: {error}", self.path.display());
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Drop for LocalListener {
    /// Nobody finds the pipe after this.
    fn drop(&mut self) {
        self.waiting.get_mut().clear();
        close_dropped();
    }
}

impl Watched for LocalListener {
    fn attach(&mut self, bell: impl FnOnce() -> Bell) {
        self.waker = Some(Ring::waker(bell(), false));
    }
}

impl Source for LocalListener {
    /// The first call to `accept` sets everything going.
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.register(registry, token, interest)
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        self.waker = None;
        Ok(())
    }
}

/// One instance.
#[derive(Debug)]
struct Waiting {
    server: NamedPipeServer,
    asked: bool,
}

impl Waiting {
    fn new(path: &Path, first: bool) -> io::Result<Self> {
        let driver = driver()?;
        let _context = driver.enter();
        let server = ServerOptions::new().first_pipe_instance(first).create(path)?;
        Ok(Self { server, asked: false })
    }

    /// Whether a client is there. The last call to `connect`, which finds it, makes the pipe writable anew: what it was
    /// before is forgotten, so that a stream can tell by this that a write is over.
    fn poll_connect(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.asked {
                match self.server.poll_write_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    other => return other,
                }
            }
            super::stream::forget_writable(|direction, never| self.server.try_io(direction, never));
            self.asked = true;
            let connect = pin!(self.server.connect());
            if let Poll::Ready(result) = connect.poll(&mut Context::from_waker(Waker::noop())) {
                return Poll::Ready(result);
            }
        }
    }
}
