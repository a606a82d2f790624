//! The lingering close: what becomes of a connection that the crate closes by itself after its end.
//!
//! The kernel answers unread input, and input that comes after a close, with a reset, and a reset makes it drop what it has not
//! delivered: the peer that was still sending would lose the answer. So the descriptor outlives its socket for a while. `close`
//! was emitted as in Node, and the program knows nothing of it; here the input is read and dropped until the peer ends, for a
//! bounded time and a bounded number of bytes.

use std::collections::VecDeque;
use std::time::Duration;

use super::Reactor;
use super::host::{Entry, Task};
use super::socket::SocketId;
use crate::event_loop::{Key, Readiness, TimerJob};
use crate::stream::{Read, Stream};

/// The longest a connection lingers, however much its peer sends.
const LONGEST: Duration = Duration::from_secs(30);

/// The most bytes that are dropped for one connection.
const BYTES: u64 = 64 * 1024 * 1024;

/// The most connections that linger; then the oldest is closed.
const CONNECTIONS: usize = 1024;

/// A connection without a socket.
#[derive(Debug)]
pub(crate) struct Lingering {
    stream: Stream,
    /// How many bytes more are dropped.
    left: u64,
    /// When it is closed if its peer stays silent, and when at the latest.
    deadline: u64,
    end: u64,
    timer: Key,
}

/// Connections that linger, the oldest first; some may have ended.
pub(super) type Queue = VecDeque<Key>;

impl<S> Reactor<S> {
    /// Whether connections linger at all.
    pub(super) fn lingers(&self) -> bool {
        !self.options.linger.is_zero()
    }

    /// The socket in this slot has been closed, and its connection lingers there from now on.
    pub(super) fn linger_here(&mut self, key: Key, stream: Stream) {
        let mut lingering = self.new_lingering(key, stream);
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(key) else {
            return;
        };
        let watched = lingering.stream.update_interest(&mut registrar, true, false);
        let unread = slot.readiness.has_any(Readiness::INPUT);
        slot.handle = Entry::Lingering(Box::new(lingering));
        self.start_lingering(key, watched.is_ok(), unread);
    }

    /// The same in a slot of its own: the socket begins another life, or stays for a timer.
    pub(super) fn linger_elsewhere(&mut self, stream: Stream) {
        let lingering = self.new_lingering(Key::NONE, stream);
        let timer = lingering.timer;
        let key = self.event_loop.handles.insert(Entry::Lingering(Box::new(lingering)));
        self.event_loop.timers.put_job(timer, TimerJob::Task(Task::LingerTimeout(key)));
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(key) else {
            return;
        };
        let watched = match &mut slot.handle {
            Entry::Lingering(lingering) => lingering.stream.watch_again(&mut registrar),
            Entry::Socket(_) | Entry::Server(_) => Ok(()),
        };
        self.start_lingering(key, watched.is_ok(), false);
    }

    fn new_lingering(&mut self, key: Key, stream: Stream) -> Lingering {
        let (deadline, end) = (self.event_loop.deadline(self.options.linger), self.event_loop.deadline(LONGEST));
        let timer = self.event_loop.timers.insert(TimerJob::Task(Task::LingerTimeout(key)), None, false);
        Lingering { stream, left: BYTES, deadline, end, timer }
    }

    fn start_lingering(&mut self, key: Key, watched: bool, unread: bool) {
        if !watched {
            return self.end_lingering(key);
        }
        self.event_loop.handles.hold(key, true);
        if unread {
            self.event_loop.handles.list(key);
        }
        self.arm_linger_timer(key);
        if self.lingering.len() >= CONNECTIONS
            && let Some(oldest) = self.lingering.pop_front()
        {
            self.end_lingering(oldest);
        }
        self.lingering.push_back(key);
    }

    fn lingering(&mut self, key: Key) -> Option<(&mut Lingering, &mut Readiness)> {
        let slot = self.event_loop.handles.slot(key)?;
        match &mut slot.handle {
            Entry::Lingering(lingering) => Some((lingering, &mut slot.readiness)),
            Entry::Socket(_) | Entry::Server(_) => None,
        }
    }

    /// Reads and drops, until nothing is there or the peer has ended.
    pub(super) fn on_lingering_ready(&mut self, key: Key) {
        let mut buffer = self.take_read_buffer();
        for _ in 0..self.options.read_budget.max(1) {
            if !self.drop_input(key, &mut buffer) {
                break;
            }
        }
        self.read_buffer = buffer;
        if self.lingering(key).is_some_and(|(_, readiness)| readiness.has_any(Readiness::INPUT)) {
            self.event_loop.handles.list(key);
        }
    }

    /// One read; true if there may be more.
    fn drop_input(&mut self, key: Key, buffer: &mut [u8]) -> bool {
        let deadline = self.event_loop.deadline(self.options.linger);
        let Some((lingering, readiness)) = self.lingering(key).filter(|(_, readiness)| readiness.has_any(Readiness::INPUT))
        else {
            return false;
        };
        let mut reads = 1;
        let read = lingering.stream.read(readiness, buffer, &mut reads);
        let dropped = if let Read::Data(len) = read { len as u64 } else { 0 };
        lingering.left = lingering.left.saturating_sub(dropped);
        lingering.deadline = deadline.min(lingering.end);
        let is_over = lingering.left == 0 || matches!(read, Read::Eof | Read::Failed(_));
        self.counters.reads += reads;
        self.counters.bytes_read += dropped;
        if is_over {
            self.end_lingering(key);
        }
        !is_over
    }

    /// The time of silence may be over, or all of the time.
    pub(super) fn on_linger_timeout(&mut self, key: Key) {
        let now = self.event_loop.now();
        if self.lingering(key).is_some_and(|(lingering, _)| lingering.deadline > now) {
            self.arm_linger_timer(key);
        } else {
            self.end_lingering(key);
        }
    }

    fn arm_linger_timer(&mut self, key: Key) {
        if let Some((lingering, _)) = self.lingering(key) {
            let (timer, deadline) = (lingering.timer, lingering.deadline);
            self.event_loop.timers.start(timer, deadline);
        }
    }

    /// Closes the connection now.
    fn end_lingering(&mut self, key: Key) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(key) else {
            return;
        };
        let Entry::Lingering(lingering) = &mut slot.handle else {
            return;
        };
        lingering.stream.leave(&mut registrar);
        let timer = lingering.timer;
        self.event_loop.timers.remove(timer);
        self.event_loop.handles.remove(key);
    }

    /// Closes all connections that linger, for their descriptors are needed; false if there is none.
    pub(super) fn end_all_lingering(&mut self) -> bool {
        let mut any = false;
        while let Some(key) = self.lingering.pop_front() {
            any |= self.lingering(key).is_some();
            self.end_lingering(key);
        }
        any
    }

    /// Looks once for unread input of a connection that was never watched and is about to be closed. If there is some, the
    /// connection is watched from now on, and will linger.
    pub(super) fn has_unread_input(&mut self, id: SocketId) -> bool {
        self.counters.reads += 1;
        let len = self.passing_slot(id).map_or(0, |(socket, _)| socket.look());
        if len > 0 {
            self.counters.bytes_read += len as u64;
            self.watch_closing(id);
        }
        len > 0
    }
}
