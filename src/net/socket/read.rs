//! Reading: from readiness to `data` and `end`. Mirrors `onStreamRead` (`lib/internal/stream_base_commons.js`) and
//! `lib/internal/streams/readable.js`.

use super::readable::{Flow, Sink};
use super::state::{Effect, Reading, Writing};
use super::{SocketId, SocketState};
use crate::error::Error;
use crate::event_loop::{Readiness, after_callback};
use crate::net::Reactor;
use crate::net::emit::{Event, events};
use crate::net::host::Task;
use crate::stream::Read;

impl<S> Reactor<S> {
    /// Reads first, then writes: data that came together with a reset is delivered before the write fails.
    /// Mirrors `uv__stream_io`.
    pub(in crate::net) fn on_socket_ready(&mut self, id: SocketId, state: &mut S) {
        let Some((socket, readiness)) = self.socket_slot(id) else {
            return;
        };
        if socket.life.is_connecting() {
            self.resolve_connect(id, state);
            return;
        }
        if !socket.life.is_open() {
            return;
        }
        if socket.is_reading() {
            match socket.readable.sink {
                Sink::Buffer => self.read_into_buffer(id, state),
                Sink::Data | Sink::Text => self.read_chunks(id, 0, state),
            }
        } else if readiness.has_any(Readiness::READABLE)
            && let Some(stream) = &mut socket.stream
        {
            stream.note_unwanted();
        }
        self.write_and_settle(id, state);
    }

    /// The same for a socket that was steady and has read some times already.
    pub(in crate::net) fn read_on(&mut self, id: SocketId, reads: usize, state: &mut S) {
        self.read_chunks(id, reads, state);
        self.write_and_settle(id, state);
    }

    fn write_and_settle(&mut self, id: SocketId, state: &mut S) {
        let Some((socket, readiness)) = self.socket_slot(id) else {
            return;
        };
        if socket.life.is_open() && socket.writable.in_flight() && readiness.has_any(Readiness::OUTPUT) {
            self.on_writable(id, state);
        }
        self.settle_or_destroy(id);
    }

    /// The read loop, with a budget so that one fast peer leaves time for the others. Stops after a short read as libuv does:
    /// an end that came along is found in the next iteration. If the cache says that something may be left, [`settle`] lists it.
    ///
    /// [`settle`]: Reactor::settle
    #[inline(never)]
    fn read_chunks(&mut self, id: SocketId, reads: usize, state: &mut S) {
        let mut buffer = self.take_read_buffer();
        for _ in reads..self.options.read_budget.max(1) {
            if !self.read_chunk(id, &mut buffer, state) {
                break;
            }
        }
        self.read_buffer = buffer;
    }

    /// The loop's one read buffer, to be put back.
    pub(in crate::net) fn take_read_buffer(&mut self) -> Box<[u8]> {
        let buffer = std::mem::take(&mut self.read_buffer);
        if buffer.is_empty() { vec![0; self.options.read_buffer.max(1)].into() } else { buffer }
    }

    /// Reads once; true if there may be more.
    fn read_chunk(&mut self, id: SocketId, buffer: &mut [u8], state: &mut S) -> bool {
        let now = self.event_loop.now();
        let Some((socket, readiness)) = self.passing_slot(id) else {
            return false;
        };
        let steady = socket.is_steady();
        if !readiness.has_any(Readiness::INPUT) || !(steady || socket.reads_chunks()) {
            return false;
        }
        let Some(stream) = &socket.stream else {
            return false;
        };
        let mut reads = 1;
        let read = stream.read(readiness, buffer, &mut reads);
        let Read::Data(len) = read else {
            self.counters.reads += reads;
            self.on_read_end(id, read, state);
            return false;
        };
        let chunk = &buffer[..len];
        let arm = socket.count_read(len, now);
        self.counters.reads += reads;
        self.counters.bytes_read += len as u64;
        if arm {
            self.touch(id);
        }
        if steady {
            self.emit_chunk(id, chunk, state);
        } else {
            self.take_in(id, chunk, state);
        }
        after_callback(self, state);
        len == buffer.len()
    }

    /// What becomes of a chunk that may be unwanted: then it is kept.
    #[inline(never)]
    fn take_in(&mut self, id: SocketId, chunk: &[u8], state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if !socket.readable.is_flowing() || socket.readable.len() > 0 {
            socket.readable.push(chunk);
        } else {
            self.emit_chunk(id, chunk, state);
        }
    }

    /// A read that gave no bytes.
    #[inline(never)]
    pub(super) fn on_read_end(&mut self, id: SocketId, read: Read, state: &mut S) {
        match read {
            Read::Data(_) | Read::Blocked => return,
            Read::Eof => self.on_eof(id, state),
            Read::Failed(error) => {
                self.touch(id);
                self.destroy(id, Some(Error::system("read", error)));
            }
        }
        after_callback(self, state);
    }

    /// The peer's FIN was read. `end` is a tick away once the buffer is empty, even for a paused socket.
    fn on_eof(&mut self, id: SocketId, state: &mut S) {
        self.touch(id);
        if let Some(socket) = self.socket_entry(id)
            && socket.life.eof()
        {
            self.flow(id, state);
        }
    }

    /// Wants chunks: they flow from the next tick on. Mirrors `Readable.prototype.resume`.
    pub(super) fn resume(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.is_destroyed() {
            return;
        }
        let stopped = std::mem::take(&mut socket.readable.stopped);
        let waits = stopped && socket.readable.len() > 0;
        if !socket.readable.is_flowing() || waits {
            socket.readable.flow = Flow::Flowing;
            if !std::mem::replace(&mut socket.readable.resume_scheduled, true) {
                self.event_loop.tick_task(Task::Resume(id));
            }
        }
        if stopped {
            self.settle_or_destroy(id);
        }
    }

    /// Wants no chunks for now. Mirrors `Readable.prototype.pause`; Node emits `pause` inside the call, we on a tick.
    pub(super) fn pause(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.is_destroyed() || socket.readable.is_paused() || socket.reads_out() {
            return;
        }
        socket.readable.flow = Flow::Paused;
        socket.readable.stopped = socket.readable.sink == Sink::Buffer;
        if socket.listeners.has(events::PAUSE) {
            self.event_loop.tick_task(Task::Pause(id));
        }
        self.settle_or_destroy(id);
    }

    pub(in crate::net) fn on_resume(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        socket.readable.resume_scheduled = false;
        socket.readable.started = true;
        // A buffer's listener that resumes and then says stop goes on, as in Node.
        socket.readable.stopped &= socket.readable.is_paused();
        // Also after a `destroy` in the callback that resumed.
        self.emit(id, Event::Resume, state);
        self.flow(id, state);
    }

    /// Emits what is buffered while it is wanted; then sees to `end`.
    fn flow(&mut self, id: SocketId, state: &mut S) {
        self.flow_chunks(id, state);
        self.settle_or_destroy(id);
    }

    fn flow_chunks(&mut self, id: SocketId, state: &mut S) {
        while let Some(chunk) = self.socket_entry(id).and_then(SocketState::pop_flowing) {
            self.emit_chunk(id, &chunk, state);
        }
        self.flow_into_buffer(id, state);
        let is_over =
            self.socket_entry(id).is_some_and(|socket| socket.life.reading == Reading::Eof && socket.readable.len() == 0);
        if is_over
            && self.emit_rest(id, state)
            && let Some(socket) = self.socket_entry(id)
            && !std::mem::replace(&mut socket.readable.end_scheduled, true)
        {
            self.event_loop.tick_task(Task::End(id));
        }
    }

    pub(in crate::net) fn on_end(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        socket.readable.end_scheduled = false;
        if socket.errored.is_some() || !socket.life.take_end() {
            return;
        }
        socket.ended_by_peer = !socket.options.allow_half_open;
        let life = socket.life_number;
        self.emit(id, Event::End, state);
        self.after_end(id, life);
    }

    /// What the peer's end means for our half.
    fn after_end(&mut self, id: SocketId, life: u32) {
        let Some(socket) = self.socket_in_life(id, life) else {
            return;
        };
        match socket.life.ended(socket.options.allow_half_open) {
            Effect::AutoEnd if socket.is_writable() => self.event_loop.tick_task(Task::AutoEnd(id)),
            Effect::Destroy => self.destroy(id, None),
            _ => {}
        }
        self.settle_or_destroy(id);
    }
}

impl<S> SocketState<S> {
    /// Bytes were read, which is activity: true if the idle timer has to be armed anew.
    #[inline]
    pub(super) fn count_read(&mut self, len: usize, now: u64) -> bool {
        self.bytes_read += len as u64;
        self.idle.as_mut().is_some_and(|idle| idle.touch(now))
    }

    /// Whether the read loop is for it. A listener may have asked for a buffer of its own: that is for the next iteration.
    fn reads_chunks(&self) -> bool {
        self.is_reading() && self.readable.sink != Sink::Buffer
    }

    /// Its server was shut down and our half is over: it reads to the peer's end, whatever its listeners say.
    pub(super) fn reads_out(&self) -> bool {
        self.shut_down && self.life.writing == Writing::Finished
    }

    /// The next buffered chunk, if it is wanted.
    fn pop_flowing(&mut self) -> Option<Vec<u8>> {
        if !self.readable.is_flowing() || self.readable.sink == Sink::Buffer || self.life.is_destroyed() {
            return None;
        }
        self.readable.pop()
    }
}
