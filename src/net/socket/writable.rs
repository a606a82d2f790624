//! The writing half's accounts: what is submitted, sent and complete. Node's `WritableState` as offsets. Pure: no I/O, no
//! callback.
//!
//! ```text
//!   idle or gathering:   sent ≤ completed == submitted        gathered bytes count as taken by the kernel
//!   in flight:           completed ≤ sent ≤ flight_end ≤ submitted
//!   corked, connecting:  completed == sent ≤ submitted
//! ```

use crate::code;

/// Offsets into the bytes ever submitted in this life.
#[derive(Debug, Default)]
pub(crate) struct Writable {
    submitted: u64,
    sent: u64,
    completed: u64,
    flight_end: u64,
    in_flight: bool,
    need_drain: bool,
    /// After four billion corks it counts no more: then what was corked leaves some uncorks too early.
    corked: u32,
}

impl Writable {
    /// `writableLength`: bytes of writes that are not complete.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        (self.submitted - self.completed) as usize
    }

    /// Bytes held in user space: what `write_queue_limit` bounds.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        (self.submitted - self.sent) as usize
    }

    /// Takes bytes in; refused whole if they would pass the limit.
    #[inline]
    pub(crate) fn submit(&mut self, len: usize, limit: usize) -> Result<(), &'static str> {
        if len > limit.saturating_sub(self.queued()) {
            return Err(code::ERR_WRITE_QUEUE_FULL);
        }
        self.submitted += len as u64;
        Ok(())
    }

    /// Bytes that were taken in and then turned out not to be there.
    #[inline]
    pub(crate) fn unsubmit(&mut self, len: usize) {
        self.submitted -= len as u64;
    }

    /// How many bytes may be handed to the kernel now: what is corked stays.
    #[inline]
    pub(crate) fn sendable(&self) -> usize {
        match (self.corked > 0, self.in_flight) {
            (false, _) => usize::MAX,
            (true, true) => self.flight_left() as usize,
            (true, false) => (self.completed.max(self.sent) - self.sent) as usize,
        }
    }

    /// `bytesWritten`: everything taken in.
    #[inline]
    pub(crate) fn submitted(&self) -> u64 {
        self.submitted
    }

    /// Where the kernel stands.
    #[inline]
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// What was handed to the kernel, whether it has taken it or not.
    pub(crate) fn dispatched(&self) -> u64 {
        if self.in_flight { self.flight_end } else { self.completed }
    }

    /// Everything submitted waits in the gathering; it counts as taken.
    #[inline]
    pub(crate) fn gather(&mut self) {
        debug_assert!(!self.in_flight && self.corked == 0);
        self.completed = self.submitted;
    }

    /// Takes bytes in and counts them as taken by the kernel; true if nothing was gathered before.
    #[inline]
    pub(crate) fn gather_more(&mut self, len: usize) -> bool {
        let first = !self.is_gathering();
        self.submitted += len as u64;
        self.gather();
        first
    }

    /// Bytes that the kernel took at once, with nothing before them.
    #[inline]
    pub(crate) fn passed(&mut self, len: usize) {
        self.submitted += len as u64;
        self.sent += len as u64;
        self.gather();
    }

    /// Gathered bytes wait for the flush.
    #[inline]
    pub(crate) fn is_gathering(&self) -> bool {
        self.sent < self.completed
    }

    /// The kernel took bytes.
    #[inline]
    pub(crate) fn sent_more(&mut self, len: usize) {
        self.sent += len as u64;
        debug_assert!(self.sent <= self.submitted);
    }

    /// Everything submitted so far is being sent: as one batch, which completes as one. Gathered bytes that the kernel refused
    /// count again.
    #[inline]
    pub(crate) fn take_off(&mut self) {
        self.completed = self.completed.min(self.sent);
        self.flight_end = self.submitted;
        self.in_flight = true;
    }

    /// Completes the batch if the kernel has all of it.
    #[inline]
    pub(crate) fn land(&mut self) -> bool {
        let landed = self.in_flight && self.sent >= self.flight_end;
        if landed {
            self.completed = self.flight_end;
            self.in_flight = false;
        }
        landed
    }

    #[inline]
    pub(crate) fn in_flight(&self) -> bool {
        self.in_flight
    }

    /// The batch's bytes that the kernel has not taken: `writeQueueSize` of the handle.
    #[inline]
    pub(crate) fn flight_left(&self) -> u64 {
        if self.in_flight { self.flight_end - self.sent.min(self.flight_end) } else { 0 }
    }

    /// The batch's size when it took off.
    #[inline]
    pub(crate) fn flight_len(&self) -> u64 {
        if self.in_flight { self.flight_end - self.completed } else { 0 }
    }

    /// Whether a write has to wait behind others.
    #[inline]
    pub(crate) fn must_queue(&self) -> bool {
        self.in_flight || self.corked > 0
    }

    /// Node's answer to `write`: below the high-water mark, or nothing waits. A no is remembered for `drain`.
    #[inline]
    pub(crate) fn has_room(&mut self, high_water_mark: usize) -> bool {
        let room = self.len() < high_water_mark || self.len() == 0;
        self.need_drain |= !room;
        room
    }

    #[inline]
    pub(crate) fn needs_drain(&self) -> bool {
        self.need_drain
    }

    /// Whether `drain` is due now; it comes once.
    #[inline]
    pub(crate) fn take_drain(&mut self) -> bool {
        let due = self.need_drain && self.len() == 0;
        self.need_drain &= !due;
        due
    }

    #[inline]
    pub(crate) fn cork(&mut self) {
        self.corked = self.corked.saturating_add(1);
    }

    /// True if this was the last cork.
    #[inline]
    pub(crate) fn uncork(&mut self) -> bool {
        let last = self.corked == 1;
        self.corked = self.corked.saturating_sub(1);
        last
    }

    #[inline]
    pub(crate) fn uncork_fully(&mut self) -> bool {
        std::mem::replace(&mut self.corked, 0) > 0
    }

    #[inline]
    pub(crate) fn corked(&self) -> u32 {
        self.corked
    }

    /// Cancels everything that has not left. What stays is `bytesWritten` after a destroy: the buffered part is dropped.
    #[inline]
    pub(crate) fn cancel(&mut self) {
        self.submitted = self.dispatched().max(self.sent);
        self.completed = self.submitted;
        self.sent = self.submitted;
        self.in_flight = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boolean_is_nodes_formula() {
        let mut w = Writable::default();
        // 20 bytes that the kernel takes at once: true, though above the mark.
        w.submit(20, 1000).expect("room");
        w.sent_more(20);
        w.gather();
        assert!(w.has_room(10));
        // Corked: 9 bytes true, one more false.
        w.cork();
        w.submit(9, 1000).expect("room");
        assert!(w.has_room(10));
        w.submit(1, 1000).expect("room");
        assert!(!w.has_room(10));
        assert!(!w.take_drain(), "not empty");
        assert!(w.uncork());
        w.take_off();
        w.sent_more(10);
        assert!(w.land());
        assert!(w.take_drain());
        assert!(!w.take_drain(), "once");
    }

    #[test]
    fn a_batch_stays_counted_until_it_is_complete() {
        let mut w = Writable::default();
        w.submit(500, 1000).expect("room");
        w.sent_more(200);
        w.take_off();
        assert_eq!((w.len(), w.queued(), w.flight_left()), (500, 300, 300));
        w.submit(50, 1000).expect("room");
        assert_eq!((w.len(), w.queued(), w.dispatched()), (550, 350, 500));
        w.sent_more(300);
        assert!(w.land());
        assert_eq!((w.len(), w.queued()), (50, 50));
        w.take_off();
        assert!(!w.land());
        w.sent_more(50);
        assert!(w.land());
        assert_eq!(w.len(), 0);
    }

    #[test]
    fn gathered_bytes_count_as_taken_until_the_kernel_refuses() {
        let mut w = Writable::default();
        w.submit(30, 1000).expect("room");
        w.gather();
        assert!(w.is_gathering() && w.has_room(10));
        assert_eq!((w.len(), w.queued()), (0, 30));
        w.sent_more(12);
        w.take_off();
        assert_eq!((w.len(), w.queued()), (18, 18));
        assert!(!w.is_gathering());
    }

    #[test]
    fn the_limit_is_strict_and_takes_nothing_of_what_passes_it() {
        let mut w = Writable::default();
        w.submit(60, 100).expect("room");
        assert_eq!(w.submit(41, 100), Err(code::ERR_WRITE_QUEUE_FULL));
        assert_eq!(w.queued(), 60);
        w.submit(40, 100).expect("exactly full");
        assert_eq!(w.submit(1, 100), Err(code::ERR_WRITE_QUEUE_FULL));
        assert_eq!(w.submit(0, 100), Ok(()));
        let mut unbounded = Writable::default();
        unbounded.submit(usize::MAX / 2, usize::MAX).expect("no limit");
        let mut none = Writable::default();
        assert_eq!((none.submit(1, 0), none.submit(0, 0)), (Err(code::ERR_WRITE_QUEUE_FULL), Ok(())));
    }
}
