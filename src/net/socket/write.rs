//! Writing: `write`, the gathering of small writes, and their completion. Mirrors `lib/internal/streams/writable.js` and
//! `writeGeneric` of `lib/internal/stream_base_commons.js`.
//!
//! Bytes written inside a callback are gathered and leave in one system call: before its ticks, or with those of its batch. To the program they count as
//! taken by the kernel; whatever would show the difference flushes first.

use std::ops::Range;
use std::sync::OnceLock;

use super::bytes::{Broadcast, Bytes};
use super::outgoing::{Request, Spares};
use super::{SocketId, SocketState};
use crate::code;
use crate::error::Error;
use crate::event_loop::Readiness;
use crate::net::Reactor;
use crate::net::emit::Done;
use crate::net::host::{Entry, Task};
use crate::stream::Flushed;

/// From this size on a chunk goes to the kernel as it is, if nothing is gathered before it.
pub(super) const LARGE: usize = 16 * 1024;

/// Gathering ends here.
pub(super) const GATHER_LIMIT: usize = 64 * 1024;

/// A socket's queue limit allows one waiting callback for so many bytes, and in any case this many callbacks.
const CALLBACK_SHARE: usize = 32;
const CALLBACKS: usize = 1024;

impl<S> Reactor<S> {
    pub(in crate::net) fn broadcast_to(&mut self, id: SocketId, bytes: &mut Broadcast<'_>) -> bool {
        if self.turn.write(id, bytes.bytes()) || self.gather_small(id, bytes.bytes()) {
            return true;
        }
        if !self.socket_entry(id).is_some_and(|socket| socket.is_writable()) {
            return false;
        }
        self.write_any(id, bytes, None);
        self.socket_entry(id).is_some_and(|socket| !socket.life.is_destroyed())
    }

    /// Node's `write`: the boolean says whether to go on or to wait for `drain`.
    #[inline]
    pub(super) fn write(&mut self, id: SocketId, bytes: impl Bytes, done: Option<Done<S>>) -> bool {
        (done.is_none() && self.turn.write(id, bytes.bytes())) || self.write_elsewhere(id, bytes, done)
    }

    /// The same beside the socket's turn.
    #[inline(never)]
    fn write_elsewhere(&mut self, id: SocketId, bytes: impl Bytes, done: Option<Done<S>>) -> bool {
        if done.is_some() {
            return self.write_any(id, bytes, done);
        }
        self.gather_small(id, bytes.bytes())
            || self.write_large(id, bytes).unwrap_or_else(|bytes| self.write_any(id, bytes, None))
    }

    /// Any write, also one that is refused.
    #[inline(never)]
    fn write_any(&mut self, id: SocketId, bytes: impl Bytes, done: Option<Done<S>>) -> bool {
        let refusal = self.socket_entry(id).and_then(SocketState::refusal);
        if let Some((error, destroys)) = refusal {
            self.reject(id, done, error.clone());
            if destroys {
                self.destroy(id, Some(error));
            }
            return false;
        }
        match self.try_write(id, bytes, done) {
            Ok(room) => room,
            Err((error, done)) => {
                self.reject(id, done, error.clone());
                self.destroy(id, Some(error));
                false
            }
        }
    }

    /// The common case in one look-up: a few bytes in a callback, on a socket with nothing in its way. False if it is another.
    #[inline]
    fn gather_small(&mut self, id: SocketId, bytes: &[u8]) -> bool {
        if self.turn.is_of(id) {
            self.close_turn();
        }
        let (now, timed) = (self.event_loop.now(), self.event_loop.is_timed());
        let Some(slot) = self.event_loop.handles.slot(id.0) else {
            return false;
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return false;
        };
        let may = timed && !bytes.is_empty() && slot.readiness.is_clear() && socket.may_gather(bytes.len());
        if !may || socket.idle.as_mut().is_some_and(|idle| idle.touch(now)) {
            return false;
        }
        if socket.gather(bytes, &mut self.spare_queues) {
            self.gathering.push(id);
        }
        true
    }

    /// The same for a large chunk, which the kernel is asked to take as it is. In another case the bytes are given back.
    #[inline]
    fn write_large<B: Bytes>(&mut self, id: SocketId, bytes: B) -> Result<bool, B> {
        let stamp = self.event_loop.stamp();
        let Some(slot) = self.event_loop.handles.slot(id.0) else {
            return Err(bytes);
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return Err(bytes);
        };
        let given = bytes.bytes();
        let clear = socket.is_steady() && !socket.writable.is_gathering() && slot.readiness.is_clear();
        let (Some(stream), true) = (&socket.stream, clear && given.len() >= LARGE) else {
            return Err(bytes);
        };
        if socket.idle.as_mut().is_some_and(|idle| idle.touch(stamp))
            || socket.writable.submit(given.len(), socket.options.write_queue_limit).is_err()
        {
            return Err(bytes);
        }
        let len = given.len();
        let (sent, flushed) = stream.write(&mut slot.readiness, given, &mut self.counters.writes);
        socket.writable.sent_more(sent);
        self.counters.bytes_written += sent as u64;
        if matches!(flushed, Flushed::All) {
            socket.writable.gather();
            return Ok(true);
        }
        self.after_write(id, bytes, sent..len, None, flushed);
        Ok(self.has_room(id))
    }

    /// As `write` for a socket that may write; what would pass the limit is given back untouched.
    pub(super) fn try_write(
        &mut self,
        id: SocketId,
        bytes: impl Bytes,
        done: Option<Done<S>>,
    ) -> Result<bool, (Error, Option<Done<S>>)> {
        let len = bytes.bytes().len();
        let running = self.event_loop.is_running();
        let gathers = |readiness: &Readiness| running && readiness.is_clear() && len < LARGE;
        let Some((socket, readiness)) = self.socket_slot(id) else {
            return Err((destroyed("write"), done));
        };
        if socket.writable.is_gathering() && !(gathers(readiness) && socket.has_place(len)) {
            // In Node those bytes had left already. So the limit is for what the kernel refuses, and this write is no part of
            // what is in flight then.
            self.flush_socket(id);
        }
        let Some((socket, readiness)) = self.socket_slot(id) else {
            return Err((destroyed("write"), done));
        };
        if let Err(error) = socket.submit(len, done.is_some()) {
            return Err((error, done));
        }
        let gathers = gathers(readiness);
        let (open, connecting) = (socket.life.is_open(), socket.life.is_connecting());
        let waits = socket.writable.must_queue() || socket.errored.is_some();
        if len == 0 && done.is_none() && open && !waits {
            // Legal, and nothing to do.
        } else if waits {
            self.enqueue(id, bytes, 0..len, done, false);
        } else if open && gathers {
            self.gather(id, bytes, len, done);
        } else if open {
            self.write_now(id, bytes, len, done);
        } else {
            self.enqueue(id, bytes, 0..len, done, false);
            if connecting {
                self.defer_writes(id);
            } else {
                self.fail_write(id, Error::with_code(code::ERR_SOCKET_CLOSED, "Socket is closed"));
            }
        }
        Ok(self.has_room(id))
    }

    fn has_room(&mut self, id: SocketId) -> bool {
        self.socket_entry(id).is_some_and(|socket| {
            socket.writable.has_room(socket.options.high_water_mark) && socket.errored.is_none() && !socket.life.is_destroyed()
        })
    }

    /// Keeps a part of the bytes and the callback in the queue. A caller's `AsRef` may give other bytes than it gave before:
    /// more do not count, and what is missing was never submitted.
    fn enqueue(&mut self, id: SocketId, bytes: impl Bytes, part: Range<usize>, done: Option<Done<S>>, on_tick: bool) {
        let number = self.number_request(&done);
        let spare = match self.socket_entry(id) {
            Some(socket) if socket.outgoing.is_none() => Some(self.take_queue()),
            _ => None,
        };
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let outgoing = socket.outgoing.get_or_insert_with(|| spare.unwrap_or_default());
        let given = bytes.bytes().get(part.start..).unwrap_or_default();
        let there = given.len().min(part.len());
        if there < LARGE {
            outgoing.bytes.copy(&given[..there]);
        } else {
            let (chunk, skip) = bytes.keep(part.start);
            outgoing.bytes.push(chunk, skip, there);
        }
        socket.writable.unsubmit(part.len() - there);
        let end = socket.writable.submitted();
        if let Some(done) = done {
            outgoing.request(Request { number, end, done }, on_tick);
            if on_tick {
                self.event_loop.tick_task(Task::WriteDone(id, number));
            }
        }
    }

    fn number_request(&mut self, done: &Option<Done<S>>) -> u64 {
        self.requests += u64::from(done.is_some());
        self.requests
    }

    /// Keeps small writes of one callback together.
    fn gather(&mut self, id: SocketId, bytes: impl Bytes, len: usize, done: Option<Done<S>>) {
        self.enqueue(id, bytes, 0..len, done, true);
        self.touch(id);
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let first = !socket.writable.is_gathering();
        socket.writable.gather();
        let full = socket.writable.queued() >= GATHER_LIMIT;
        if first {
            self.gathering.push(id);
        }
        if full {
            self.flush_socket(id);
        }
    }

    /// Writes without a copy if the kernel takes it.
    fn write_now(&mut self, id: SocketId, bytes: impl Bytes, len: usize, done: Option<Done<S>>) {
        self.touch(id);
        let writes = &mut self.counters.writes;
        let Some(slot) = self.event_loop.handles.slot(id.0) else {
            return;
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return;
        };
        let Some(stream) = socket.stream.as_ref().filter(|_| !socket.writable.in_flight() && socket.errored.is_none()) else {
            self.enqueue(id, bytes, 0..len, done, false);
            return;
        };
        let given = bytes.bytes();
        let given = &given[..given.len().min(len)];
        socket.writable.unsubmit(len - given.len());
        let len = given.len();
        let (sent, flushed) = if slot.readiness.has_any(Readiness::OUTPUT) {
            stream.write(&mut slot.readiness, given, writes)
        } else {
            (0, if given.is_empty() { Flushed::All } else { Flushed::Blocked })
        };
        socket.writable.sent_more(sent);
        self.counters.bytes_written += sent as u64;
        if matches!(flushed, Flushed::All) {
            socket.writable.gather();
        }
        self.after_write(id, bytes, sent..len, done, flushed);
    }

    /// What the kernel has not taken is kept, and so is the callback.
    fn after_write(&mut self, id: SocketId, bytes: impl Bytes, left: Range<usize>, done: Option<Done<S>>, flushed: Flushed) {
        match flushed {
            Flushed::All if done.is_none() => {}
            Flushed::All => self.enqueue(id, &b""[..], 0..0, done, true),
            Flushed::Blocked | Flushed::Retry => {
                self.enqueue(id, bytes, left, done, false);
                self.take_off(id);
                if matches!(flushed, Flushed::Retry) {
                    self.retry_write_later(id);
                }
            }
            Flushed::Failed(error) => {
                self.enqueue(id, &b""[..], 0..0, done, false);
                self.fail_write(id, Error::system("write", error));
            }
        }
    }
}

impl<S> SocketState<S> {
    /// Copies bytes into the queue; true if they are the first that are gathered.
    #[inline]
    pub(super) fn gather(&mut self, bytes: &[u8], spares: &mut Spares<S>) -> bool {
        let queue = self.outgoing.get_or_insert_with(|| spares.pop().unwrap_or_default());
        queue.bytes.copy(bytes);
        self.writable.gather_more(bytes.len())
    }

    /// Whether a write may simply be gathered: open, nothing ended, failed, corked or in flight, and no limit near.
    #[inline]
    fn may_gather(&self, len: usize) -> bool {
        (self.is_steady() || self.takes_writes())
            && len < LARGE
            && self.writable.queued() + len < GATHER_LIMIT
            && self.has_place(len)
    }

    /// Whether so many bytes more are within the limit.
    fn has_place(&self, len: usize) -> bool {
        self.writable.queued().saturating_add(len) <= self.options.write_queue_limit
    }

    fn takes_writes(&self) -> bool {
        self.life.is_open() && !self.life.is_ending() && self.errored.is_none() && !self.writable.must_queue()
    }

    /// Whether a write's callback waits that no tick completes.
    pub(super) fn has_waiting_writes(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.waiting() > 0)
    }

    /// Takes bytes into the accounts, or says why not: the limit holds for bytes, and callbacks that wait are counted too.
    fn submit(&mut self, len: usize, has_callback: bool) -> Result<(), Error> {
        let limit = self.options.write_queue_limit;
        let callbacks = self.outgoing.as_ref().map_or(0, |outgoing| outgoing.callbacks());
        if has_callback && callbacks >= (limit / CALLBACK_SHARE).max(CALLBACKS) {
            let text = format!("write refused: {callbacks} callbacks wait");
            return Err(Error::with_code(code::ERR_WRITE_QUEUE_FULL, text));
        }
        self.writable.submit(len, limit).map_err(|code| {
            let text = format!("write of {len} bytes refused: {} of {limit} are queued", self.writable.queued());
            Error::with_code(code, text)
        })
    }

    /// Why the socket takes no write, and whether writing all the same destroys it.
    pub(super) fn refusal(&mut self) -> Option<(Error, bool)> {
        if self.life.is_ending() && self.ended_by_peer {
            let text = "This socket has been ended by the other party";
            return Some((Error::with_code(code::EPIPE, text), true));
        }
        if self.life.is_ending() {
            return Some((Error::with_code(code::ERR_STREAM_WRITE_AFTER_END, "write after end"), !self.shut_down));
        }
        self.life.is_destroyed().then(|| (destroyed("write"), false))
    }
}

/// `ERR_STREAM_DESTROYED` of `write` or `end`; made once, for a program may ask for many.
pub(super) fn destroyed(method: &'static str) -> Error {
    static WRITE: OnceLock<Error> = OnceLock::new();
    static END: OnceLock<Error> = OnceLock::new();
    let error = if method == "end" { &END } else { &WRITE };
    error
        .get_or_init(|| {
            Error::with_code(code::ERR_STREAM_DESTROYED, format!("Cannot call {method} after a stream was destroyed"))
        })
        .clone()
}
