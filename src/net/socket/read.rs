//! Reading: from readiness to `data` and `end`. Mirrors `onStreamRead` (`lib/internal/stream_base_commons.js`) and
//! `lib/internal/streams/readable.js`.

use super::readable::Flow;
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
            self.read(id, state);
        } else if readiness.has_any(Readiness::READABLE)
            && let Some(stream) = &mut socket.stream
        {
            stream.note_unwanted();
        }
        let Some((socket, readiness)) = self.socket_slot(id) else {
            return;
        };
        if socket.life.is_open() && socket.writable.in_flight() && readiness.has_any(Readiness::OUTPUT) {
            self.on_writable(id, state);
        } else if socket.is_settled_reader() && !readiness.has_any(Readiness::INPUT) {
            return;
        }
        self.settle_or_destroy(id);
    }

    /// The read loop, with a budget so that one fast peer leaves time for the others. Stops after a short read as libuv does:
    /// an end that came along is found in the next iteration.
    fn read(&mut self, id: SocketId, state: &mut S) {
        let mut buffer = std::mem::take(&mut self.read_buffer);
        if buffer.is_empty() {
            buffer = vec![0; self.options.read_buffer.max(1)];
        }
        for _ in 0..self.options.read_budget.max(1) {
            let now = self.event_loop.now();
            let Some((socket, readiness)) = self.socket_slot(id) else {
                break;
            };
            if !socket.is_reading() || !readiness.has_any(Readiness::INPUT) {
                break;
            }
            let Some(stream) = &socket.stream else {
                break;
            };
            match stream.read(readiness, &mut buffer) {
                Read::Data(len) => {
                    let chunk = &buffer[..len];
                    let wanted = socket.take_in(chunk);
                    let arm = socket.idle.as_mut().is_some_and(|idle| idle.touch(now));
                    self.counters.reads += 1;
                    self.counters.bytes_read += len as u64;
                    if arm {
                        self.touch(id);
                    }
                    if wanted {
                        self.emit(id, Event::Data(chunk), state);
                    }
                    after_callback(self, state);
                    if len < buffer.len() {
                        break;
                    }
                }
                read => {
                    self.counters.reads += 1;
                    self.on_read_end(id, read, state);
                    break;
                }
            }
        }
        self.read_buffer = buffer;
    }

    /// A read that gave no bytes.
    fn on_read_end(&mut self, id: SocketId, read: Read, state: &mut S) {
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
        if socket.life.is_destroyed() || socket.readable.is_flowing() {
            return;
        }
        socket.readable.flow = Flow::Flowing;
        if !std::mem::replace(&mut socket.readable.resume_scheduled, true) {
            self.event_loop.tick_task(Task::Resume(id));
        }
    }

    /// Wants no chunks for now. Mirrors `Readable.prototype.pause`; Node emits `pause` inside the call, we on a tick.
    pub(super) fn pause(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let reads_out = socket.shut_down && socket.life.writing == Writing::Finished;
        if socket.life.is_destroyed() || socket.readable.is_paused() || reads_out {
            return;
        }
        socket.readable.flow = Flow::Paused;
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
        if socket.life.is_destroyed() {
            return;
        }
        socket.readable.started = true;
        if socket.listeners.has(events::RESUME) {
            self.emit(id, Event::Resume, state);
        }
        self.flow(id, state);
        self.settle_or_destroy(id);
    }

    /// Emits what is buffered, chunk by chunk, while it is wanted; then sees to `end`.
    fn flow(&mut self, id: SocketId, state: &mut S) {
        while let Some(chunk) = self.socket_entry(id).and_then(SocketState::pop_flowing) {
            self.emit(id, Event::Data(&chunk), state);
        }
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let ended = socket.life.reading == Reading::Eof && socket.readable.len() == 0;
        if ended && !std::mem::replace(&mut socket.readable.end_scheduled, true) {
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
        self.emit(id, Event::End, state);
        let Some(socket) = self.socket_entry(id) else {
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
    /// Bytes were read: true if they are to be emitted at once, otherwise they are kept.
    fn take_in(&mut self, chunk: &[u8]) -> bool {
        self.bytes_read += chunk.len() as u64;
        let wanted = self.readable.is_flowing() && self.readable.len() == 0;
        if !wanted {
            self.readable.push(chunk);
        }
        wanted
    }

    /// The next buffered chunk, if it is wanted.
    fn pop_flowing(&mut self) -> Option<Vec<u8>> {
        if !self.readable.is_flowing() || self.life.is_destroyed() {
            return None;
        }
        self.readable.pop()
    }
}
