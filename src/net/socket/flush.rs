//! Handing the write queue to the kernel, and what becomes of what it refuses. Mirrors `uv__write` of libuv's `stream.c`.

use std::io;
use std::time::Duration;

use super::{SocketId, SocketState};
use crate::error::Error;
use crate::event_loop::{TimerJob, call_with};
use crate::net::Reactor;
use crate::net::host::{Entry, Handle, Task};
use crate::stream::Flushed;

/// How long to wait before asking the kernel again when it will not tell.
pub(super) const RETRY: Duration = Duration::from_millis(5);

impl<S> Reactor<S> {
    /// Hands what was gathered on all sockets to the kernel.
    pub(in crate::net) fn flush_gathered(&mut self) {
        for at in 0..self.gathering.len() {
            self.flush_here(self.gathering[at]);
            debug_assert!(!self.passing_slot(self.gathering[at]).is_some_and(|(socket, _)| socket.must_flush()));
        }
        self.gathering.clear();
    }

    /// Hands what was gathered on one socket to the kernel.
    pub(super) fn flush_socket(&mut self, id: SocketId) {
        if self.turn.is_of(id) {
            self.close_turn();
        }
        self.flush_here(id);
    }

    /// The same, compiled into the caller.
    #[inline(always)]
    fn flush_here(&mut self, id: SocketId) {
        self.flush_if(id, None, SocketState::must_flush);
    }

    /// Tries to send the whole queue; what is refused is in flight from then on.
    pub(super) fn flush_queue(&mut self, id: SocketId) {
        self.flush_if(id, None, |_| true);
    }

    /// The same after a first write of the queue's bytes: how many were offered, and what the kernel said.
    pub(super) fn flush_after(&mut self, id: SocketId, first: (usize, io::Result<usize>)) {
        self.flush_if(id, Some(first), |_| true);
    }

    #[inline(always)]
    fn flush_if(
        &mut self,
        id: SocketId,
        first: Option<(usize, io::Result<usize>)>,
        wanted: impl FnOnce(&SocketState<S>) -> bool,
    ) {
        let writes = &mut self.counters.writes;
        let Some(slot) = self.event_loop.handles.slot(id.0) else {
            return;
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return;
        };
        if !wanted(socket) {
            return;
        }
        let (Some(stream), Some(outgoing)) = (&socket.stream, &mut socket.outgoing) else {
            return;
        };
        let limit = socket.writable.sendable();
        // A chunk is the program's own value, and its `as_ref` may panic.
        let (sent, flushed) = call_with(
            &mut self.panicked,
            (),
            |_, ()| stream.flush(&mut slot.readiness, &mut outgoing.bytes, limit, writes, first),
            |panicked, ()| *panicked = Some(Handle::Socket(id)),
        )
        .0;
        socket.writable.sent_more(sent);
        self.counters.bytes_written += sent as u64;
        match flushed {
            Flushed::All if outgoing.is_empty() && !socket.writable.in_flight() => {
                if let Some(queue) = socket.outgoing.take() {
                    self.spare_queue(queue);
                }
            }
            Flushed::All => {}
            stopped => self.on_flush_stopped(id, stopped),
        }
    }

    /// The kernel took not everything.
    #[inline(never)]
    fn on_flush_stopped(&mut self, id: SocketId, stopped: Flushed) {
        let in_flight = self.socket_entry(id).is_some_and(|socket| socket.writable.in_flight());
        match stopped {
            Flushed::All => {}
            Flushed::Failed(error) => self.fail_write(id, Error::system("write", error)),
            // A batch that flies already stays as it is; what came later waits behind it.
            Flushed::Blocked if in_flight => {}
            Flushed::Blocked => self.take_off(id),
            Flushed::Retry => {
                if !in_flight {
                    self.take_off(id);
                }
                self.retry_write_later(id);
            }
        }
    }

    /// Everything submitted is one batch now, which completes by events.
    pub(super) fn take_off(&mut self, id: SocketId) {
        let number = self.requests;
        let spare = match self.socket_entry(id) {
            Some(socket) if socket.outgoing.is_none() => Some(self.take_queue()),
            _ => None,
        };
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        socket.writable.take_off();
        let sent = socket.writable.sent();
        let outgoing = socket.outgoing.get_or_insert_with(|| spare.unwrap_or_default());
        outgoing.flight_last = number;
        outgoing.detach_ticks(sent);
        self.settle_or_destroy(id);
    }

    /// A write failed: no more are taken, and a tick tells the callbacks and destroys the socket.
    pub(super) fn fail_write(&mut self, id: SocketId, error: Error) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let sent = socket.writable.sent();
        if let Some(outgoing) = &mut socket.outgoing {
            outgoing.bytes.clear();
            outgoing.detach_ticks(sent);
        }
        socket.writable.cancel();
        if !socket.life.is_destroyed() {
            socket.errored.get_or_insert(error);
            self.event_loop.tick_task(Task::WriteFailed(id));
        }
    }

    /// The kernel has no buffers and will not tell when it has.
    pub(super) fn retry_write_later(&mut self, id: SocketId) {
        let job = TimerJob::Once(Box::new(move |reactor: &mut Self, state: &mut S| reactor.on_retry_write(id, state)));
        self.event_loop.start_timer(job, RETRY, None);
    }

    fn on_retry_write(&mut self, id: SocketId, state: &mut S) {
        if self.socket_entry(id).is_some_and(|socket| socket.life.is_open() && socket.writable.in_flight()) {
            self.on_writable(id, state);
        }
    }
}

impl<S> SocketState<S> {
    /// Bytes are gathered: its id is in [`gathering`](Reactor::gathering).
    pub(super) fn must_flush(&self) -> bool {
        self.life.is_open() && self.writable.is_gathering()
    }
}
