//! What a socket tells of itself.

use std::fmt;
use std::time::Duration;

use super::state::{Reading, Writing};
use super::{Socket, SocketState};
use crate::address::{Address, Family};
use crate::error::Error;
use crate::net::server::ServerId;
use crate::stream::Stream;

/// Node's `readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadyState {
    /// It connects.
    Opening,
    /// Both halves are open.
    Open,
    /// Our half has ended.
    ReadOnly,
    /// The peer's half has ended.
    WriteOnly,
    /// Both have.
    Closed,
}

impl<S> SocketState<S> {
    fn is_readable(&self) -> bool {
        !self.life.is_destroyed() && self.life.reading != Reading::Ended
    }

    /// Node's `connecting` is false while `connectionAttemptFailed` is emitted.
    fn is_connecting(&self) -> bool {
        self.life.is_connecting() && !self.has_failed_attempt()
    }

    fn has_failed_attempt(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.attempt_failed)
    }

    fn ready_state(&self) -> ReadyState {
        match (self.is_connecting(), self.is_readable(), self.is_writable()) {
            (true, _, _) => ReadyState::Opening,
            (false, true, true) => ReadyState::Open,
            (false, true, false) => ReadyState::ReadOnly,
            (false, false, true) => ReadyState::WriteOnly,
            (false, false, false) => ReadyState::Closed,
        }
    }
}

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident -> $type:ty: |$socket:ident| $value:expr, or $otherwise:expr;)*) => {
        impl<S> Socket<'_, S> {
            $($(#[$doc])* pub fn $name(&self) -> $type {
                match self.entry() {
                    Some($socket) => $value,
                    None => $otherwise,
                }
            })*
        }
    };
}

properties! {
    /// The server that accepted it.
    server -> Option<ServerId>: |socket| socket.server, or None;
    /// Whether it connects. Mirrors `socket.connecting`.
    is_connecting -> bool: |socket| socket.is_connecting(), or false;
    /// Whether it has no connection: never had, is still connecting, or was destroyed. Mirrors `socket.pending`.
    is_pending -> bool: |socket| !(socket.life.is_open() || socket.has_failed_attempt()), or true;
    /// Whether it was destroyed. Mirrors `socket.destroyed`, and `closed`, which in Node is true at the same time.
    is_destroyed -> bool: |socket| socket.life.is_destroyed(), or true;
    /// Whether the flow was stopped explicitly. Mirrors `socket.isPaused()`.
    is_paused -> bool: |socket| socket.readable.is_paused(), or false;
    /// Node's `socket.readyState`.
    ///
    /// ```
    /// use netloop::ReadyState;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.ready_state(), ReadyState::Open);
    /// socket.end();
    /// assert_eq!(socket.ready_state(), ReadyState::ReadOnly);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    ready_state -> ReadyState: |socket| socket.ready_state(), or ReadyState::Closed;
    /// Whether `end` has not come and nothing destroyed it. Mirrors `socket.readable`.
    is_readable -> bool: |socket| socket.is_readable(), or false;
    /// Whether it takes writes. Mirrors `socket.writable`.
    is_writable -> bool: |socket| socket.is_writable(), or false;
    /// Whether `end` was emitted. Mirrors `socket.readableEnded`.
    readable_ended -> bool: |socket| socket.life.reading == Reading::Ended, or true;
    /// Whether `end` was called. Mirrors `socket.writableEnded`.
    writable_ended -> bool: |socket| socket.life.is_ending(), or true;
    /// Whether `finish` was emitted. Mirrors `socket.writableFinished`.
    writable_finished -> bool: |socket| socket.life.writing == Writing::Finished, or true;
    /// Whether it was destroyed before `end`. Mirrors `socket.readableAborted`.
    readable_aborted -> bool: |socket| socket.life.is_destroyed() && socket.life.reading != Reading::Ended, or false;
    /// Whether `data` flows: `None` until somebody has asked. Mirrors `socket.readableFlowing`.
    readable_flowing -> Option<bool>: |socket| match socket.readable.flow {
        super::readable::Flow::Initial => None,
        super::readable::Flow::Flowing => Some(true),
        super::readable::Flow::Paused => Some(false),
    }, or None;
    /// Bytes read and not yet emitted. Mirrors `socket.readableLength`.
    readable_length -> usize: |socket| socket.readable.len(), or 0;
    /// Bytes up to which a paused socket reads ahead. Mirrors `socket.readableHighWaterMark`.
    readable_high_water_mark -> usize: |socket| socket.options.high_water_mark, or 0;
    /// Bytes of writes that are not complete. Mirrors `socket.writableLength` and `bufferSize`; in bytes, never characters.
    writable_length -> usize: |socket| socket.writable.len(), or 0;
    /// Bytes from which on `write` returns false. Mirrors `socket.writableHighWaterMark`.
    writable_high_water_mark -> usize: |socket| socket.options.high_water_mark, or 0;
    /// Whether `drain` will come. Mirrors `socket.writableNeedDrain`.
    writable_need_drain -> bool: |socket| {
        socket.writable.needs_drain() && !socket.life.is_ending() && !socket.life.is_destroyed()
    }, or false;
    /// How many times it is corked. Mirrors `socket.writableCorked`.
    writable_corked -> u32: |socket| socket.writable.corked(), or 0;
    /// How many bytes may wait in user space.
    write_queue_limit -> usize: |socket| socket.options.write_queue_limit, or 0;
    /// Bytes read in this life. Mirrors `socket.bytesRead`.
    bytes_read -> u64: |socket| socket.bytes_read, or 0;
    /// Bytes taken by `write` in this life, queued ones too; after `destroy` without what never left. Mirrors
    /// `socket.bytesWritten`.
    bytes_written -> u64: |socket| socket.writable.submitted(), or 0;
    /// The last idle timeout set. Mirrors `socket.timeout`.
    timeout -> Option<Duration>: |socket| socket.idle.as_ref().and_then(|idle| idle.timeout), or None;
    /// Whether half-open is allowed. Mirrors `socket.allowHalfOpen`.
    allow_half_open -> bool: |socket| socket.options.allow_half_open, or false;
    /// Whether it holds the loop while it reads. Mirrors `handle.hasRef()`.
    has_ref -> bool: |socket| socket.has_ref, or false;
    /// Our own address; `None` without a connection and for Unix-domain sockets. Mirrors `socket.localAddress`.
    local_address -> Option<Address>: |socket| {
        if socket.life.is_open() { socket.stream.as_ref().map(Stream::transport).and_then(|t| t.local_address()) } else { None }
    }, or None;
    /// The peer's address, kept in `close`; `None` before the connection and for Unix-domain sockets. Mirrors
    /// `socket.remoteAddress`.
    remote_address -> Option<Address>: |socket| socket.remote.clone(), or None;
}

impl<S> Socket<'_, S> {
    /// Our own port.
    pub fn local_port(&self) -> Option<u16> {
        self.local_address()?.port()
    }

    /// The peer's port.
    pub fn remote_port(&self) -> Option<u16> {
        self.entry()?.remote.as_ref()?.port()
    }

    /// The peer's address family.
    pub fn remote_family(&self) -> Option<Family> {
        self.entry()?.remote.as_ref().map(Address::family)
    }

    /// The first error of this life. Mirrors `socket.errored`.
    pub fn errored(&self) -> Option<&Error> {
        self.entry()?.errored.as_ref()
    }
}

impl<S> fmt::Debug for Socket<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id)
            .field("ready_state", &self.ready_state())
            .field("local", &self.local_address())
            .field("remote", &self.remote_address())
            .finish()
    }
}
