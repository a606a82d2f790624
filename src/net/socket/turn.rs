//! The short way of a message: what a listener writes to its own socket goes to the kernel when it returns, from one buffer
//! that all sockets share in turn.
//!
//! Whoever wants to see or change such a socket in the meantime closes its turn: then what was written lies in its queue, as
//! always.

use std::io;

use super::readable::Sink;
use super::write::{GATHER_LIMIT, LARGE};
use super::{SocketId, SocketState};
use crate::event_loop::{Key, Readiness, Slot, after_callback};
use crate::net::Reactor;
use crate::net::emit::{Event, SocketListener, events};
use crate::net::host::Entry;
use crate::net::listeners::Taken;
use crate::stream::Read;

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
    /// Passes one message from a steady socket to its listener, and what that answers to the kernel. `None` if that was all;
    /// else how often it has read, and the long way goes on from there.
    ///
    /// The socket is looked up twice: before the call, and after it, when everything may have changed.
    #[inline(always)]
    pub(in crate::net) fn pass_message(&mut self, id: SocketId, state: &mut S) -> Option<usize> {
        let (now, buffer) = (self.event_loop.now(), &mut self.read_buffer);
        let slot = self.event_loop.handles.begin_turn(id.0);
        let Some(Slot { readiness, handle: Entry::Socket(socket), .. }) = slot else {
            return Some(0);
        };
        if buffer.is_empty() || !socket.is_steady() || !readiness.has_any(Readiness::INPUT) {
            return Some(0);
        }
        let Some(stream) = &socket.stream else {
            return Some(0);
        };
        self.counters.reads += 1;
        let len = match stream.read_on(readiness, buffer, &mut self.counters.reads) {
            Read::Data(len) => len,
            read => {
                self.on_read_end(id, read, state);
                return Some(1);
            }
        };
        self.counters.bytes_read += len as u64;
        // For what the listener answers in its turn too: the stamp holds until the clock is read again.
        let arm = socket.count_read(len, now);
        let only = socket.take_only_listener();
        self.turn.begin(id, *readiness, socket.outgoing.is_some(), socket.options.write_queue_limit);
        let buffer = std::mem::take(buffer);
        if arm {
            self.touch(id);
        }
        let Some(listener) = only else {
            return self.pass_to_others(id, buffer, len, state);
        };
        let at_rest = self.pass_to(id, listener, &buffer[..len], state);
        self.after_message(buffer, len, at_rest, state)
    }

    /// The same where not one listener hears the bytes alone.
    #[inline(never)]
    fn pass_to_others(&mut self, id: SocketId, buffer: Box<[u8]>, len: usize, state: &mut S) -> Option<usize> {
        self.emit_chunk(id, &buffer[..len], state);
        let at_rest = self.end_turn(id);
        self.after_message(buffer, len, at_rest, state)
    }

    #[inline(always)]
    fn after_message(&mut self, buffer: Box<[u8]>, len: usize, at_rest: bool, state: &mut S) -> Option<usize> {
        let is_short = len < buffer.len();
        self.read_buffer = buffer;
        after_callback(self, state);
        if at_rest {
            return None;
        }
        // A short read is the last one of a turn; what may be left then is for the next.
        Some(if is_short { usize::MAX } else { 1 })
    }

    /// Calls the only listener, and sends what it has written; true if the socket is at rest again.
    #[inline(always)]
    fn pass_to(&mut self, id: SocketId, listener: Taken<SocketListener<S>>, chunk: &[u8], state: &mut S) -> bool {
        let listener_id = listener.id;
        let (result, call) = self.invoke(id, listener, &Event::Data(chunk), state);
        let slot = self.event_loop.handles.slot(id.0);
        let Some(Slot { readiness, handle: Entry::Socket(socket), .. }) = slot else {
            return self.end_turn(id);
        };
        socket.listeners.put_back(listener_id, call);
        if let Err(error) = result {
            self.destroy(id, Some(error));
            return false;
        }
        let len = self.turn.len();
        let waits = len > 0 && !self.gathering.is_empty();
        let (Some(stream), true) = (&socket.stream, self.turn.is_of(id) && !waits) else {
            return self.end_turn(id);
        };
        if len > 0 {
            let result = stream.try_write(&self.turn.bytes, &mut self.counters.writes);
            if !matches!(result, Ok(sent) if sent == len) {
                self.send_turn_on(id, len, result);
                return false;
            }
            socket.writable.passed(len);
            self.counters.bytes_written += len as u64;
            self.turn.bytes.clear();
        }
        self.turn.id = NOBODY;
        socket.is_at_rest(*readiness)
    }

    /// The listeners have returned. What was written leaves with what they have written to others. True as
    /// [`pass_to`](Self::pass_to).
    #[inline(never)]
    fn end_turn(&mut self, id: SocketId) -> bool {
        if self.turn.is_of(id) {
            self.close_turn();
        }
        self.passing_slot(id).is_some_and(|(socket, readiness)| socket.is_at_rest(*readiness))
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

impl<S> SocketState<S> {
    /// Takes out who hears `data`, if it is one listener alone and bytes are all that is heard.
    #[inline]
    fn take_only_listener(&mut self) -> Option<Taken<SocketListener<S>>> {
        if self.readable.sink == Sink::Text { None } else { self.listeners.take_only(events::DATA) }
    }

    /// It is as it was before the message, and nothing is left to read.
    #[inline]
    fn is_at_rest(&self, readiness: Readiness) -> bool {
        self.is_steady() && !readiness.has_any(Readiness::INPUT)
    }
}
