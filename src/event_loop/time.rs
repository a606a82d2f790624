//! What a loop knows of the time: the cached reading, deadlines, stamps, and how long it may wait. Mirrors `uv_now`,
//! `uv__update_time` and `uv__backend_timeout` of libuv's `core.c`; what counts from when is Node's (`lib/internal/timers.js`).

use std::time::Duration;

use super::clock::nanos;
use super::table::Key;
use super::timer::wait_for;
use super::{EventLoop, Host, TimerJob};

impl<H: Host> EventLoop<H> {
    /// The cached time in nanoseconds (`uv_now`).
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Reads the clock (`uv_update_time`).
    pub(crate) fn update_time(&mut self) {
        let now = self.clock.now();
        if self.timed {
            self.lag.note(self.now, now);
        }
        (self.now, self.timed) = (now, self.running);
    }

    /// The moment `after` from now. Here every delay becomes a deadline, and it counts from the call, as in Node: the cached time
    /// is old if the callback works.
    pub(crate) fn deadline(&self, after: Duration) -> u64 {
        self.clock.now().saturating_add(nanos(after))
    }

    /// Whether the cached time may be a stamp: it was read since the loop runs. From the poll phase on it always was.
    pub(crate) fn is_timed(&self) -> bool {
        self.timed
    }

    /// A stamp for what happens now: the cached time, without a look at the clock. [`latest`](Self::latest) tells what it
    /// stands for.
    pub(crate) fn stamp(&self) -> u64 {
        if self.timed { self.now } else { self.clock.now() }
    }

    /// There will be stamps.
    pub(crate) fn expect_stamps(&mut self) {
        self.lag.begin();
    }

    /// The latest moment at which something can have happened that bears this stamp.
    pub(crate) fn latest(&self, stamp: u64) -> u64 {
        self.lag.latest(stamp)
    }

    /// Starts a timer.
    pub(crate) fn start_timer(&mut self, job: TimerJob<H>, after: Duration, period: Option<Duration>) -> Key {
        let key = self.timers.insert(job, period.map(nanos), true);
        self.timers.set_delay(key, nanos(after));
        self.timers.start(key, self.deadline(after));
        key
    }

    /// Starts a timer again, with the delay or period it has; false for a stale key.
    pub(crate) fn refresh_timer(&mut self, key: Key) -> bool {
        self.timers.refresh(key, self.clock.now())
    }

    /// The next timer of the pass. An interval is started again now, which is later than the pass began if the callbacks before it
    /// worked.
    pub(super) fn pop_due(&mut self) -> Option<Key> {
        let clock = &self.clock;
        self.timers.pop_due(|| clock.now())
    }

    /// How long an outer loop may wait: zero if anything is to be done, `None` if there is no timer
    /// (`uv_backend_timeout`).
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        if self.is_busy() {
            return Some(Duration::ZERO);
        }
        self.timers.next_deadline().map(|deadline| wait_for(deadline, self.clock.now()))
    }

    /// The same for the poll phase. Callbacks ran since the last look at the clock and may have taken long: this is the look
    /// right before the wait, which the time spent idle is counted from too.
    pub(super) fn begin_wait(&mut self) -> Option<Duration> {
        if self.is_busy() {
            return Some(Duration::ZERO);
        }
        self.update_time();
        self.timers.next_deadline().map(|deadline| wait_for(deadline, self.now))
    }
}
