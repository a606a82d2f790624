//! Listening and accepting: `uv_listen`, `uv__server_io` and `uv__emfile_trick` of libuv.

use std::io;
use std::path::PathBuf;

use mio::Interest;

use crate::address::Address;
use crate::event_loop::{Readiness, Registrar};
use crate::sys::{self, Acceptor, FileId, Reserve, Transport};

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    acceptor: Acceptor,
    /// The socket file, which goes with us.
    path: Option<PathBuf>,
    /// The file that was made there, if no other may go.
    only: Option<FileId>,
}

/// What one accept gave.
#[derive(Debug)]
pub(crate) enum Accepted {
    Peer(Transport, Option<Address>),
    /// Nobody waits; an event will tell.
    Blocked,
    /// No descriptor is left. The peer still waits, and no event will tell again.
    OutOfDescriptors,
    /// This peer failed; the next may not.
    Failed(io::Error),
}

/// How shedding load went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    /// Nobody waits any more.
    All,
    /// The limit came first.
    More,
    /// Not even the reserve helps now; no event will tell when it would.
    Stuck,
}

impl Listener {
    pub(crate) fn new(acceptor: Acceptor, path: Option<PathBuf>) -> Self {
        Self { acceptor, path, only: None }
    }

    /// Makes sure that only the file that lies at the path now will be removed, not another one that took its place.
    pub(crate) fn removes_only_its_own(mut self) -> Self {
        // (0, 0) is no file: if ours is gone already, nothing will be removed.
        self.only = self.path.as_deref().map(|path| sys::file_id(path).unwrap_or_default());
        self
    }

    pub(crate) fn register(&mut self, registrar: &mut Registrar<'_>) -> io::Result<()> {
        registrar.register(&mut self.acceptor, Interest::READABLE)
    }

    /// The bound address; the path as it was given.
    pub(crate) fn address(&self) -> Option<Address> {
        match &self.path {
            Some(path) => Some(Address::Unix(path.clone())),
            None => self.acceptor.local_address().ok().flatten(),
        }
    }

    pub(crate) fn accept(&self, readiness: &mut Readiness) -> Accepted {
        match self.acceptor.accept() {
            Ok((transport, address)) => Accepted::Peer(transport, address),
            Err(error) => self.accept_after(error, readiness),
        }
    }

    /// Judges an error, or tries once more.
    #[cold]
    fn accept_after(&self, mut error: io::Error, readiness: &mut Readiness) -> Accepted {
        while error.kind() == io::ErrorKind::Interrupted {
            error = match self.acceptor.accept() {
                Ok((transport, address)) => return Accepted::Peer(transport, address),
                Err(error) => error,
            };
        }
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                readiness.remove(Readiness::INPUT);
                Accepted::Blocked
            }
            _ if sys::is_out_of_descriptors(&error) => Accepted::OutOfDescriptors,
            _ => Accepted::Failed(error),
        }
    }

    /// Has the selector tell again if somebody still waits: far cheaper than an accept that finds nobody.
    pub(crate) fn ask_again(&mut self, registrar: &mut Registrar<'_>, readiness: &mut Readiness) -> io::Result<()> {
        registrar.reregister(&mut self.acceptor, Interest::READABLE)?;
        readiness.remove(Readiness::INPUT);
        Ok(())
    }

    /// Gives up the reserve to accept and close whoever waits, at most `limit` peers: they see a close instead of hanging.
    pub(crate) fn shed(&self, readiness: &mut Readiness, reserve: &mut Reserve, limit: usize) -> Shed {
        if !reserve.release() {
            reserve.refill();
            return Shed::Stuck;
        }
        let mut shed = Shed::More;
        for _ in 0..limit {
            match self.accept(readiness) {
                Accepted::Peer(transport, _) => drop(transport),
                Accepted::Blocked => {
                    shed = Shed::All;
                    break;
                }
                Accepted::OutOfDescriptors => {
                    shed = Shed::Stuck;
                    break;
                }
                Accepted::Failed(_) => {}
            }
        }
        reserve.refill();
        shed
    }

    /// Stops listening. The socket file goes before the descriptor: after that it might be somebody else's.
    pub(crate) fn close(mut self, registrar: &mut Registrar<'_>) {
        registrar.deregister(&mut self.acceptor);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = self.path.take().filter(|path| sys::leaves_file(path))
            && self.only.is_none_or(|only| sys::file_id(&path) == Some(only))
            && let Err(error) = std::fs::remove_file(&path)
        {
            log::debug!("{}: {error}", path.display());
        }
    }
}
