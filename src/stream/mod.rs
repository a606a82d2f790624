//! Byte streams and listeners over a transport: what libuv's `stream.c`, `tcp.c` and `pipe.c` do with a descriptor.
//!
//! Nothing here calls back. Each operation tells what happened and keeps the readiness cache true; what follows from it is
//! decided above.

mod listener;
mod queue;
mod read;
mod write;

use std::cell::Cell;
use std::io;
use std::num::NonZeroU8;

use mio::Interest;

pub(crate) use self::listener::{Accepted, Listener, Shed};
pub(crate) use self::queue::{ByteQueue, Chunk};
pub(crate) use self::read::Read;
pub(crate) use self::write::Flushed;
use crate::event_loop::{Readiness, Registrar};
use crate::sys::{self, Transport};

/// A connected or connecting stream with its registration. Mirrors `uv_stream_t`.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: Transport,
    interest: Option<Interest>,
    /// Wake-ups since the program stopped reading; past a limit the read interest is dropped, and the count may stop.
    unwanted: u8,
    /// Somebody else may hold a duplicate of the descriptor: closing ours would not end the registration, and what is done to
    /// it meanwhile is not known.
    exposed: Cell<bool>,
    /// The system's number of the error that a read met which asked whether anything is left: the next read tells.
    late: Cell<Option<NonZeroU8>>,
}

/// How many events a stream that nobody reads may cause before it is taken off the selector. A short pause costs no system
/// call; a long one under a talking peer does not wake the loop for ever.
const UNWANTED_EVENTS: u8 = 16;

/// How an attempt to connect stands.
#[derive(Debug)]
pub(crate) enum Connecting {
    Pending,
    Connected,
    Failed(io::Error),
}

impl Stream {
    pub(crate) fn new(transport: Transport) -> Self {
        Self { transport, interest: None, unwanted: 0, exposed: Cell::new(false), late: Cell::new(None) }
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The transport, for callers that may duplicate its descriptor.
    pub(crate) fn expose(&self) -> &Transport {
        self.exposed.set(true);
        &self.transport
    }

    /// Resolves a connect after an event. Mirrors `uv__stream_connect`; writability alone proves nothing.
    ///
    /// Windows may forget both the error and the peer of a connection that was reset before we look; only the event tells.
    pub(crate) fn resolve_connect(&self, readiness: Readiness) -> Connecting {
        match self.transport.take_error() {
            Ok(Some(error)) | Err(error) => return Connecting::Failed(error),
            Ok(None) => {}
        }
        match self.transport.is_connected() {
            Ok(true) => Connecting::Connected,
            Ok(false) if readiness.has_any(Readiness::WRITE_CLOSED) => {
                Connecting::Failed(io::ErrorKind::ConnectionReset.into())
            }
            Ok(false) => Connecting::Pending,
            Err(error) => Connecting::Failed(error),
        }
    }

    /// Registers for both directions, to learn how an attempt to connect ends.
    pub(crate) fn watch_connect(&mut self, registrar: &mut Registrar<'_>) -> io::Result<()> {
        self.set_interest(registrar, Some(sys::INPUT | Interest::WRITABLE))
    }

    /// Brings the registration in line with what is wanted; no system call if it is.
    ///
    /// TCP is registered once for both directions. A Unix-domain socket would wake its writer whenever the peer reads, so it
    /// asks for write readiness only while something waits.
    pub(crate) fn update_interest(&mut self, registrar: &mut Registrar<'_>, reading: bool, writing: bool) -> io::Result<()> {
        if reading {
            self.unwanted = 0;
        }
        let read = reading || self.unwanted < UNWANTED_EVENTS;
        let write = writing || (self.transport.is_tcp() && !sys::LAZY_WRITE_INTEREST);
        let interest = match (read, write) {
            (true, true) => Some(sys::INPUT | Interest::WRITABLE),
            (true, false) => Some(sys::INPUT),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        };
        if interest == self.interest {
            return Ok(());
        }
        self.set_interest(registrar, interest)
    }

    /// Whether the selector was asked to report so much, at least.
    pub(crate) fn watches(&self, reading: bool, writing: bool) -> bool {
        (!reading || self.interest.is_some_and(Interest::is_readable))
            && (!writing || self.interest.is_some_and(Interest::is_writable))
    }

    fn set_interest(&mut self, registrar: &mut Registrar<'_>, interest: Option<Interest>) -> io::Result<()> {
        match (self.interest, interest) {
            (None, Some(interest)) => registrar.register(&mut self.transport, interest)?,
            (Some(_), Some(interest)) => registrar.reregister(&mut self.transport, interest)?,
            (Some(_), None) => registrar.deregister(&mut self.transport),
            (None, None) => {}
        }
        self.interest = interest;
        Ok(())
    }

    /// An event came that nobody wanted.
    pub(crate) fn note_unwanted(&mut self) {
        self.unwanted = self.unwanted.saturating_add(1);
    }

    /// Sends FIN. A peer that is gone already is no failure.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        match self.transport.shutdown() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    /// Watches an established stream under another key, for what its peer sends.
    pub(crate) fn watch_again(&mut self, registrar: &mut Registrar<'_>) -> io::Result<()> {
        self.set_interest(registrar, Some(Interest::READABLE))
    }

    /// Whether the selector reports on it.
    pub(crate) fn is_watched(&self) -> bool {
        self.interest.is_some()
    }

    /// Closes the descriptor now.
    pub(crate) fn close(mut self, registrar: &mut Registrar<'_>) {
        self.leave(registrar);
    }

    /// Takes it off the selector, where the close that follows does not.
    pub(crate) fn leave(&mut self, registrar: &mut Registrar<'_>) {
        if self.interest.is_some() && (self.exposed.get() || !sys::CLOSE_DEREGISTERS) {
            registrar.deregister(&mut self.transport);
        }
    }

    /// The cache of a stream that was just made: writable until a write says otherwise.
    pub(crate) fn fresh() -> Readiness {
        Readiness::WRITABLE
    }
}
