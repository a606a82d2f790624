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
    /// The path, whose socket file goes with us.
    path: Option<PathBuf>,
    /// The file that was made there.
    file: FileId,
    /// Another file that has taken its place goes too.
    takes_any: bool,
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
    pub(crate) fn new(acceptor: Acceptor) -> Self {
        Self { acceptor, path: None, file: FileId::default(), takes_any: false }
    }

    /// One at a path, with the file that was made there. Nothing else will be removed.
    pub(crate) fn at(path: PathBuf, acceptor: Acceptor, file: FileId) -> Self {
        Self { acceptor, path: Some(path), file, takes_any: false }
    }

    /// From now on whatever lies at the path will be removed, as in Node.
    pub(crate) fn take_any_file(&mut self) {
        self.takes_any = true;
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
        // Something else than descriptors may be short too.
        let mut shed = Shed::Stuck;
        for _ in 0..limit {
            match self.accept(readiness) {
                Accepted::Peer(transport, _) => {
                    drop(transport);
                    shed = Shed::More;
                }
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
        if let Some(path) = self.path.take().filter(|path| sys::leaves_file(path)) {
            let file = if self.takes_any { sys::file_id(&path) } else { Some(self.file) };
            sys::remove_file(&path, file.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A listener that is not registered yet removes the file that it made; one that listens removes whatever lies there, unless
    /// it reclaims.
    #[test]
    fn fault_p_a_listener_that_never_listened_leaves_the_files_of_others() {
        let path = std::env::temp_dir().join(format!("netloop-listener-{}.sock", std::process::id()));
        if !sys::leaves_file(&path) {
            println!("not checked: listening at a path makes no file on this system");
            return;
        }
        let listener = || {
            let (acceptor, file) = sys::listen_local(&path, 1, false).expect("a free path");
            Listener::at(path.clone(), acceptor, file)
        };
        drop(listener());
        assert!(!path.exists());

        let failed = listener();
        fs::remove_file(&path).expect("it is there");
        drop(failed);
        let failed = listener();
        fs::remove_file(&path).expect("it is there");
        fs::write(&path, "text").expect("a free path");
        drop(failed);
        assert_eq!(fs::read_to_string(&path).expect("it is not ours"), "text");
        fs::remove_file(&path).expect("it is there");

        let mut listening = listener();
        listening.take_any_file();
        fs::remove_file(&path).expect("it is there");
        fs::write(&path, "text").expect("a free path");
        drop(listening);
        assert!(!path.exists(), "as in Node");
    }
}
