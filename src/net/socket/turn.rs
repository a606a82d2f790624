//! The short way of a message: what a listener writes to its own socket goes to the kernel when it returns, from one buffer
//! that all sockets share in turn.
//!
//! Whoever wants to see or change such a socket in the meantime closes its turn: then what was written lies in its queue, as
//! always.

use std::io;

use super::SocketId;
use super::write::{GATHER_LIMIT, LARGE};
use crate::event_loop::{Key, Readiness};
use crate::net::Reactor;
use crate::net::host::Entry;

/// The socket whose chunk is being emitted, and what it has written meanwhile.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Nobody if the turn is closed.
    id: SocketId,
    /// How much more it may write here.
    room: usize,
    bytes: Vec<u8>,
}

const NOBODY: SocketId = SocketId(Key::NONE);

impl Default for Turn {
    fn default() -> Self {
        Self { id: NOBODY, room: 0, bytes: Vec::new() }
    }
}

impl Turn {
    /// It is the turn of a steady socket.
    #[inline]
    pub(super) fn begin(&mut self, id: SocketId, readiness: Readiness, has_queue: bool, write_queue_limit: usize) {
        debug_assert!(self.bytes.is_empty());
        self.id = id;
        self.room = if readiness.is_clear() && !has_queue { write_queue_limit.min(GATHER_LIMIT - 1) } else { 0 };
    }

    #[inline]
    pub(super) fn is_of(&self, id: SocketId) -> bool {
        self.id == id
    }

    /// Bytes that are in no account yet.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what a socket writes, if it is its turn and there is room.
    #[inline]
    pub(super) fn write(&mut self, id: SocketId, bytes: &[u8]) -> bool {
        let fits = self.id == id && bytes.len() <= self.room && bytes.len() < LARGE && !bytes.is_empty();
        if fits {
            self.room -= bytes.len();
            self.bytes.extend_from_slice(bytes);
        }
        fits
    }
}

impl<S> Reactor<S> {
    /// The listeners have returned. What was written leaves now, or with what they have written to others.
    #[inline]
    pub(super) fn end_turn(&mut self, id: SocketId) {
        if !self.turn.is_of(id) {
            return;
        }
        if self.turn.bytes.is_empty() {
            self.turn.id = NOBODY;
        } else if self.gathering.is_empty() {
            self.send_turn(id);
        } else {
            self.close_turn();
        }
    }

    #[inline]
    fn send_turn(&mut self, id: SocketId) {
        let Some(Entry::Socket(socket)) = self.event_loop.handles.slot(id.0).map(|slot| &mut slot.handle) else {
            return self.close_turn();
        };
        let Some(stream) = &socket.stream else {
            return self.close_turn();
        };
        let len = self.turn.len();
        let result = stream.try_write(&self.turn.bytes, &mut self.counters.writes);
        if matches!(result, Ok(sent) if sent == len) {
            socket.writable.passed(len);
            self.counters.bytes_written += len as u64;
            self.turn.id = NOBODY;
            self.turn.bytes.clear();
        } else {
            self.send_turn_on(id, len, result);
        }
    }

    /// The kernel did not take all of it.
    #[inline(never)]
    fn send_turn_on(&mut self, id: SocketId, offered: usize, result: io::Result<usize>) {
        self.close_turn();
        self.flush_after(id, (offered, result));
    }

    /// What was written lies in the socket's queue from here on, gathered.
    #[inline(never)]
    pub(in crate::net) fn close_turn(&mut self) {
        let id = std::mem::replace(&mut self.turn.id, NOBODY);
        let mut bytes = std::mem::take(&mut self.turn.bytes);
        let slot = self.event_loop.handles.slot(id.0).filter(|_| !bytes.is_empty());
        if let Some(Entry::Socket(socket)) = slot.map(|slot| &mut slot.handle)
            && socket.gather(&bytes, &mut self.spare_queues)
        {
            self.gathering.push(id);
        }
        bytes.clear();
        self.turn.bytes = bytes;
    }
}
