//! Completion of writes: `drain`, the callbacks, and what was buffered meanwhile. Mirrors `onwrite`, `afterWrite` and
//! `clearBuffer` of `lib/internal/streams/writable.js`.

use super::{SocketId, SocketState};
use crate::code;
use crate::error::Error;
use crate::event_loop::after_callback;
use crate::net::Reactor;
use crate::net::emit::Event;
use crate::net::host::Task;

impl<S> Reactor<S> {
    /// The callbacks of a write that failed at once, then the end of the socket. Mirrors `onwriteError`.
    pub(in crate::net) fn on_write_failed(&mut self, id: SocketId, state: &mut S) {
        let Some(error) = self.socket_entry(id).and_then(|socket| socket.errored.clone()) else {
            return;
        };
        self.error_buffer(id, state);
        self.destroy(id, Some(error));
    }

    /// Writes that the kernel took at once, or their callbacks, are complete. Mirrors `afterWriteTick`.
    pub(in crate::net) fn on_write_done(&mut self, id: SocketId, up_to: u64, state: &mut S) {
        self.flush_socket(id);
        self.complete_writes(id, up_to, state);
        self.release_queue(id);
        self.finish_maybe(id);
    }

    /// Emits `drain` if it is due, then calls the callbacks of complete writes up to a number. If one of them destroyed the
    /// socket, those that wait fail now. Mirrors `afterWrite`.
    fn complete_writes(&mut self, id: SocketId, up_to: u64, state: &mut S) {
        self.emit_drain(id, state);
        let pop = |socket: &mut SocketState<S>| Some((socket.outgoing.as_mut()?.pop_on_tick(up_to)?, Ok(())));
        self.complete_all(id, usize::MAX, pop, state);
        if self.socket_entry(id).is_some_and(|socket| socket.life.is_destroyed()) {
            self.error_buffer(id, state);
        }
    }

    /// There is room: the queue goes on, and a batch may land.
    pub(super) fn on_writable(&mut self, id: SocketId, state: &mut S) {
        self.flush_queue(id);
        self.land(id, state);
        after_callback(self, state);
    }

    /// Completes the batch in flight if all of it is sent. What was buffered behind it takes off first; then `drain`, then the
    /// callbacks. Mirrors `onwrite` and `afterWrite`.
    pub(super) fn land(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if !socket.writable.land() {
            return;
        }
        let landed = socket.outgoing.as_mut().map(|outgoing| outgoing.attach_ticks());
        self.touch(id);
        self.forget_write_progress(id);
        self.send_buffered(id);
        self.complete_writes(id, landed.unwrap_or_default(), state);
        self.release_queue(id);
        self.finish_maybe(id);
        self.settle_or_destroy(id);
    }

    /// Sends what was buffered as one batch; if the kernel takes all of it, a tick completes it. Mirrors `clearBuffer`.
    pub(super) fn send_buffered(&mut self, id: SocketId) {
        let number = self.requests;
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let Some(outgoing) = &mut socket.outgoing else {
            return;
        };
        let waiting = outgoing.waiting() > 0;
        if socket.writable.corked() > 0 || (socket.writable.len() == 0 && !waiting) {
            return;
        }
        outgoing.flight_last = number;
        socket.writable.take_off();
        if !outgoing.bytes.is_empty() {
            self.flush_queue(id);
        }
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.errored.is_none() && socket.writable.land() {
            let needs_tick = waiting || socket.writable.needs_drain();
            if let Some(outgoing) = &mut socket.outgoing {
                outgoing.attach_ticks();
            }
            if needs_tick {
                self.event_loop.tick_task(Task::WriteDone(id, number));
            }
        }
    }

    /// The last cork is gone: what it kept back goes as one batch.
    pub(super) fn uncorked(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.writable.in_flight() || socket.errored.is_some() {
            return;
        }
        let buffered = socket.writable.len() > 0 || socket.has_waiting_writes();
        if socket.life.is_open() {
            self.send_buffered(id);
            self.finish_maybe(id);
            self.settle_or_destroy(id);
        } else if buffered && socket.life.is_connecting() {
            self.defer_writes(id);
        } else if buffered && !socket.life.is_destroyed() {
            self.fail_write(id, Error::with_code(code::ERR_SOCKET_CLOSED, "Socket is closed"));
        }
    }

    pub(super) fn uncork_fully(&mut self, id: SocketId) {
        if self.socket_entry(id).is_some_and(|socket| socket.writable.uncork_fully()) {
            self.uncorked(id);
        }
    }

    /// Emits `drain` if it is due: the queue is empty after a write that returned false, and nobody has ended.
    fn emit_drain(&mut self, id: SocketId, state: &mut S) {
        let due = self
            .socket_entry(id)
            .is_some_and(|socket| !socket.life.is_ending() && !socket.life.is_destroyed() && socket.writable.take_drain());
        if due {
            self.emit(id, Event::Drain, state);
        }
    }

    /// Gives the queue back once it is empty.
    fn release_queue(&mut self, id: SocketId) {
        let idle = |socket: &mut SocketState<S>| {
            let empty = socket.outgoing.as_ref().is_some_and(|outgoing| outgoing.is_empty());
            if empty && !socket.writable.in_flight() { socket.outgoing.take() } else { None }
        };
        if let Some(queue) = self.socket_entry(id).and_then(idle) {
            self.spare_queue(queue);
        }
    }

    pub(in crate::net) fn on_rejected(&mut self, id: SocketId, state: &mut S) {
        let rejected = self.socket_entry(id).and_then(|socket| socket.rare().rejected.pop_front());
        if let Some((done, error)) = rejected {
            self.complete(id, done, Err(error), state);
        }
    }
}
