//! Timers: a binary heap ordered by deadline, then by start. Mirrors libuv's `src/timer.c`.
//!
//! A timer's slot knows its place in the heap, so that stopping one costs O(log n) and leaves nothing behind.

use std::collections::VecDeque;
use std::time::Duration;

use super::table::{Key, Table};

/// All timers of a loop. `J` is what a timer does when it fires.
#[derive(Debug)]
pub(crate) struct Timers<J> {
    slots: Table<Timer<J>>,
    heap: Vec<Entry>,
    /// Collected by the pass that runs now, not yet called.
    due: VecDeque<Key>,
    /// Breaks ties: equal deadlines fire in start order.
    starts: u64,
    /// Active timers that hold the loop.
    held: usize,
}

#[derive(Debug)]
struct Timer<J> {
    state: State,
    /// From the start to the deadline, when it was last started.
    delay: u64,
    period: Option<u64>,
    has_ref: bool,
    /// Absent only while it runs.
    job: Option<J>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// Its place in the heap.
    Armed(usize),
    /// In `due`: no more in the heap, not yet called.
    Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline: u64,
    start: u64,
    key: Key,
}

impl<J> Default for Timers<J> {
    fn default() -> Self {
        Self { slots: Table::default(), heap: Vec::new(), due: VecDeque::new(), starts: 0, held: 0 }
    }
}

impl<J> Timers<J> {
    /// A timer that is not started. `period` makes it start again each time it fires.
    pub(crate) fn insert(&mut self, job: J, period: Option<u64>, has_ref: bool) -> Key {
        self.slots.insert(Timer { state: State::Idle, delay: 0, period, has_ref, job: Some(job) })
    }

    /// Starts or restarts a timer (`uv_timer_start`); false for a stale key.
    pub(crate) fn start(&mut self, key: Key, deadline: u64) -> bool {
        self.stop(key);
        let at = self.heap.len();
        let Some(timer) = self.slots.get_mut(key) else {
            return false;
        };
        timer.state = State::Armed(at);
        self.held += usize::from(timer.has_ref);
        self.heap.push(Entry { deadline, start: self.starts, key });
        self.starts += 1;
        self.sift_up(at);
        true
    }

    /// Starts a timer anew with the delay or period it has; false for a stale key.
    pub(crate) fn refresh(&mut self, key: Key, now: u64) -> bool {
        let Some(timer) = self.slots.get(key) else {
            return false;
        };
        let delay = timer.period.unwrap_or(timer.delay);
        self.start(key, now.saturating_add(delay))
    }

    /// Says how long the delay of a timer is, for [`refresh`](Self::refresh).
    pub(crate) fn set_delay(&mut self, key: Key, delay: u64) {
        if let Some(timer) = self.slots.get_mut(key) {
            timer.delay = delay;
        }
    }

    /// Starts a periodic timer anew, `now` plus its period; others are left alone.
    fn start_period(&mut self, key: Key, now: impl FnOnce() -> u64) {
        if let Some(period) = self.slots.get(key).and_then(|timer| timer.period) {
            self.start(key, now().saturating_add(period));
        }
    }

    /// Stops a timer, wherever it is; its slot stays (`uv_timer_stop`).
    pub(crate) fn stop(&mut self, key: Key) {
        let Some(timer) = self.slots.get_mut(key) else {
            return;
        };
        let state = std::mem::replace(&mut timer.state, State::Idle);
        if state != State::Idle {
            self.held -= usize::from(timer.has_ref);
        }
        match state {
            // What is collected and stopped is passed over when its turn comes.
            State::Idle | State::Due => {}
            State::Armed(at) => self.remove_from_heap(at),
        }
    }

    /// Stops a timer and frees its slot.
    pub(crate) fn remove(&mut self, key: Key) -> bool {
        self.stop(key);
        self.slots.remove(key).is_some()
    }

    pub(crate) fn set_ref(&mut self, key: Key, has_ref: bool) -> bool {
        let Some(timer) = self.slots.get_mut(key) else {
            return false;
        };
        let had_ref = std::mem::replace(&mut timer.has_ref, has_ref);
        if timer.state != State::Idle {
            self.held = self.held + usize::from(has_ref) - usize::from(had_ref);
        }
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.slots.iter().map(|(key, _)| key)
    }

    /// Whether a timer holds the loop.
    pub(crate) fn is_alive(&self) -> bool {
        self.held > 0
    }

    /// What is counted is what a walk finds.
    pub(super) fn counts_agree(&self) -> bool {
        let count = |is: fn(&Timer<J>) -> bool| self.slots.iter().filter(|(_, timer)| is(timer)).count();
        let armed = count(|timer| matches!(timer.state, State::Armed(_)));
        // One that is stopped is passed over when its turn comes.
        let due = count(|timer| timer.state == State::Due);
        self.held == count(|timer| timer.has_ref && timer.state != State::Idle)
            && self.heap.len() == armed
            && self.due.len() >= due
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.heap.first().map(|entry| entry.deadline)
    }

    /// Collects all timers due at `now`; one started from here on waits for the next pass, even with no delay at all.
    pub(crate) fn collect(&mut self, now: u64) {
        while let Some(entry) = self.heap.first().copied().filter(|entry| entry.deadline <= now) {
            self.remove_from_heap(0);
            if let Some(timer) = self.slots.get_mut(entry.key) {
                timer.state = State::Due;
                self.due.push_back(entry.key);
            }
        }
    }

    /// The next collected timer. It is not active any more; a periodic one is started again before it is called, from `now` on.
    pub(crate) fn pop_due(&mut self, now: impl FnOnce() -> u64) -> Option<Key> {
        while let Some(key) = self.due.pop_front() {
            if let Some(timer) = self.slots.get_mut(key).filter(|timer| timer.state == State::Due) {
                timer.state = State::Idle;
                self.held -= usize::from(timer.has_ref);
                self.start_period(key, now);
                return Some(key);
            }
        }
        None
    }

    /// Whether a pass was broken off by a panic: the rest is still to be called.
    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// What the timer does; it is put back by [`put_job`](Self::put_job) if it is to fire again.
    pub(crate) fn take_job(&mut self, key: Key) -> Option<J> {
        self.slots.get_mut(key)?.job.take()
    }

    pub(crate) fn put_job(&mut self, key: Key, job: J) {
        if let Some(timer) = self.slots.get_mut(key) {
            timer.job = Some(job);
        }
    }

    fn remove_from_heap(&mut self, at: usize) {
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.sift_down(at);
            self.sift_up(at);
        }
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[parent] <= self.heap[at] {
                break;
            }
            self.heap.swap(parent, at);
            self.place(at);
            at = parent;
        }
        self.place(at);
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.heap.len());
            let Some(least) = children.min_by_key(|&child| self.heap[child]) else {
                break;
            };
            if self.heap[at] <= self.heap[least] {
                break;
            }
            self.heap.swap(at, least);
            self.place(at);
            at = least;
        }
        self.place(at);
    }

    /// Tells a timer where it stands in the heap.
    fn place(&mut self, at: usize) {
        if let Some(timer) = self.heap.get(at).and_then(|entry| self.slots.get_mut(entry.key)) {
            timer.state = State::Armed(at);
        }
    }
}

/// How long to wait for `deadline`: whole milliseconds, rounded up, so that the wait never ends just too early, and never
/// above what every selector takes.
pub(crate) fn wait_for(deadline: u64, now: u64) -> Duration {
    let millis = deadline.saturating_sub(now).div_ceil(1_000_000);
    Duration::from_millis(millis.min(i32::MAX as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fire(timers: &mut Timers<&'static str>, now: u64) -> Vec<&'static str> {
        timers.collect(now);
        let mut fired = Vec::new();
        while let Some(key) = timers.pop_due(|| now) {
            let job = timers.take_job(key).expect("a job");
            fired.push(job);
            timers.put_job(key, job);
        }
        fired
    }

    #[test]
    fn equal_deadlines_fire_in_start_order() {
        let mut timers = Timers::default();
        for (name, deadline) in [("c", 30), ("a1", 10), ("b", 20), ("a2", 10), ("a3", 10)] {
            let key = timers.insert(name, None, true);
            timers.start(key, deadline);
        }
        assert_eq!(fire(&mut timers, 9), [""; 0]);
        assert_eq!(fire(&mut timers, 20), ["a1", "a2", "a3", "b"]);
        assert_eq!(fire(&mut timers, 100), ["c"]);
        assert!(!timers.is_alive());
    }

    #[test]
    fn a_timer_stopped_between_collection_and_call_does_not_fire() {
        let mut timers = Timers::default();
        let (a, b) = (timers.insert("a", None, true), timers.insert("b", None, true));
        timers.start(a, 1);
        timers.start(b, 1);
        timers.collect(1);
        assert_eq!(timers.pop_due(|| 1), Some(a));
        timers.stop(b);
        assert_eq!(timers.pop_due(|| 1), None);
        timers.start(b, 1);
        assert_eq!(timers.pop_due(|| 1), None, "it waits for the next pass");
        assert_eq!(fire(&mut timers, 1), ["b"]);
    }

    #[test]
    fn a_period_is_not_drift_corrected_and_does_not_catch_up() {
        let mut timers = Timers::default();
        let key = timers.insert("tick", Some(50), true);
        timers.start(key, 50);
        assert_eq!(fire(&mut timers, 517), ["tick"]);
        assert_eq!(timers.next_deadline(), Some(567));
    }

    #[test]
    fn unref_and_stop_keep_the_count_right() {
        let mut timers = Timers::default();
        let key = timers.insert((), None, true);
        assert!(!timers.is_alive(), "not started");
        timers.start(key, 5);
        timers.set_ref(key, false);
        assert!(!timers.is_alive());
        timers.set_ref(key, true);
        assert!(timers.is_alive());
        timers.remove(key);
        assert!(!timers.is_alive());
        assert!(!timers.start(key, 1), "a stale key");
    }

    #[test]
    fn random_starts_and_stops_come_out_sorted() {
        let mut timers = Timers::default();
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let keys: Vec<Key> = (0..500).map(|_| timers.insert((), None, true)).collect();
        for _ in 0..5000 {
            let key = keys[random(500) as usize];
            match random(3) {
                0 => timers.stop(key),
                _ => drop(timers.start(key, random(1000))),
            }
        }
        let mut last = 0;
        while let Some(deadline) = timers.next_deadline() {
            assert!(deadline >= last);
            last = deadline;
            timers.collect(deadline);
            while timers.pop_due(|| deadline).is_some() {}
        }
        assert!(!timers.is_alive());
    }

    #[test]
    fn waits_are_rounded_up_and_clamped() {
        assert_eq!(wait_for(5, 10), Duration::ZERO);
        assert_eq!(wait_for(300_000, 0), Duration::from_millis(1));
        assert_eq!(wait_for(u64::MAX, 0), Duration::from_millis(i32::MAX as u64));
    }
}
