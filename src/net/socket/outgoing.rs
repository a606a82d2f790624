//! What a busy socket owns: bytes that have not left, and callbacks that wait for them.

use std::collections::VecDeque;

use super::SocketState;
use crate::net::Reactor;
use crate::net::emit::Done;
use crate::stream::ByteQueue;

/// A socket's write queue. Idle sockets have none: an emptied one goes to the next that writes.
pub(crate) struct Outgoing<S> {
    pub(super) bytes: ByteQueue,
    /// In the order of the writes.
    pub(super) requests: VecDeque<Request<S>>,
    /// The last request of the batch in flight.
    pub(super) flight_last: u64,
}

/// A write that somebody wants to hear of (`uv_write_t`).
pub(super) struct Request<S> {
    pub(super) number: u64,
    /// Offset behind its last byte.
    pub(super) end: u64,
    /// The kernel took it at once, or gathering says so: a tick completes it.
    pub(super) on_tick: bool,
    pub(super) done: Done<S>,
}

/// Emptied queues, which move between here and the sockets.
pub(crate) type Spares<S> = Vec<Box<Outgoing<S>>>;

impl<S> Default for Outgoing<S> {
    fn default() -> Self {
        Self { bytes: ByteQueue::default(), requests: VecDeque::new(), flight_last: 0 }
    }
}

impl<S> Outgoing<S> {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.requests.is_empty()
    }

    /// Requests whose bytes the kernel has not all got are completed by events, not by their ticks.
    pub(super) fn detach_ticks(&mut self, sent: u64) {
        for request in self.requests.iter_mut().filter(|request| request.end > sent) {
            request.on_tick = false;
        }
    }

    /// The oldest request, if it is complete on a tick and numbered no higher.
    pub(super) fn pop_on_tick(&mut self, up_to: u64) -> Option<Done<S>> {
        let front = self.requests.front()?;
        if !front.on_tick || front.number > up_to {
            return None;
        }
        self.requests.pop_front().map(|request| request.done)
    }

    /// The batch has landed: its requests are complete. Returns the number of its last one.
    pub(super) fn attach_ticks(&mut self) -> u64 {
        for request in self.requests.iter_mut().filter(|request| request.number <= self.flight_last) {
            request.on_tick = true;
        }
        self.flight_last
    }

    /// How many requests no tick completes.
    pub(super) fn waiting(&self) -> usize {
        self.requests.iter().filter(|request| !request.on_tick).count()
    }

    /// The oldest request that no tick completes.
    pub(super) fn pop_waiting(&mut self) -> Option<Done<S>> {
        let at = self.requests.iter().position(|request| !request.on_tick)?;
        self.requests.remove(at).map(|request| request.done)
    }
}

impl<S> SocketState<S> {
    /// What is written is counted by offsets, and lies in the queue: whether the two agree, for debug builds.
    pub(super) fn accounts_agree(&self) -> bool {
        let Some(outgoing) = &self.outgoing else {
            return self.writable.queued() == 0;
        };
        let (last, flight_end) = (outgoing.flight_last, self.writable.dispatched());
        let flying = outgoing.requests.partition_point(|request| request.number <= last);
        // The batch is the same by the numbers of its requests and by its bytes.
        let is_one_batch = !self.writable.in_flight()
            || (flying == 0 || outgoing.requests[flying - 1].end <= flight_end)
                && outgoing.requests.get(flying).is_none_or(|behind| behind.end >= flight_end);
        // A failure, or the end, takes bytes back whose callbacks wait to hear of it.
        let is_cut = self.errored.is_some() || self.life.is_destroyed();
        let last_end = outgoing.requests.back().map_or(0, |request| request.end);
        self.writable.queued() == outgoing.bytes.len() && is_one_batch && (is_cut || last_end <= self.writable.submitted())
    }
}

/// How many emptied queues are kept, and how many of them with a large buffer.
const SPARES: usize = 1024;
const LARGE_SPARES: usize = 16;
const SMALL_BUFFER: usize = 4096;
const LARGE_BUFFER: usize = 64 * 1024;
/// Room for so many callbacks is kept.
const REQUESTS: usize = 16;

impl<S> Reactor<S> {
    pub(super) fn take_queue(&mut self) -> Box<Outgoing<S>> {
        self.spare_queues.pop().unwrap_or_default()
    }

    /// Takes an emptied queue back.
    #[inline(always)]
    pub(super) fn spare_queue(&mut self, queue: Box<Outgoing<S>>) {
        debug_assert!(queue.is_empty());
        let is_small = !queue.bytes.keeps_more_than(SMALL_BUFFER) && queue.requests.capacity() <= REQUESTS;
        if is_small && self.spare_queues.len() < SPARES {
            self.spare_queues.push(queue);
        } else {
            self.spare_shrunk(queue);
        }
    }

    #[inline(never)]
    fn spare_shrunk(&mut self, mut queue: Box<Outgoing<S>>) {
        let spares = self.spare_queues.len();
        queue.bytes.shrink(if spares < LARGE_SPARES { LARGE_BUFFER } else { SMALL_BUFFER });
        queue.requests.shrink_to(REQUESTS);
        if spares < SPARES {
            self.spare_queues.push(queue);
        }
    }
}
