//! How far the cached time lags behind the clock while callbacks run.
//!
//! What bears the cached time as its stamp may have happened at any moment until the clock was read again. A look at the clock
//! for each stamp would cost more than all the rest of it. So the loop remembers which of its readings were in use for long, and
//! the few that need to know ask later.

/// A lag from this on is remembered by itself, in nanoseconds; below, only the longest is.
const LONG: u64 = 1_000_000;

/// So many are remembered. Then neighbours are joined that are both old, compared with the time from one to the other: the older
/// a stamp, the coarser the answer.
const MOST: usize = 2048;
const FINE: u64 = 32;

/// The lags of a loop.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// When the clock was read, and when it was read again: those far apart, in order. It has its full size from the beginning,
    /// and none before.
    long: Vec<(u64, u64)>,
    /// The longest of the others.
    short: u64,
}

impl Lag {
    /// There will be stamps: from now on lags are noted.
    pub(crate) fn begin(&mut self) {
        if self.long.capacity() == 0 {
            self.long.reserve_exact(MOST);
        }
    }

    /// Callbacks ran with the time that was `read` until it was read `again`.
    #[inline]
    pub(crate) fn note(&mut self, read: u64, again: u64) {
        let lag = again.saturating_sub(read);
        if lag < LONG {
            self.short = self.short.max(lag);
        } else {
            self.note_long(read, again);
        }
    }

    #[inline(never)]
    fn note_long(&mut self, read: u64, again: u64) {
        if self.long.capacity() == 0 {
            return;
        }
        if self.long.len() >= MOST {
            self.join_the_old(read);
        }
        self.long.push((read, again));
    }

    /// Leaves at most twice `FINE` for each time that the age grows by a factor of e, which is less than 1800 for all 584 years.
    fn join_the_old(&mut self, now: u64) {
        self.long.dedup_by(|next, kept| {
            let joins = next.1 - kept.0 <= now.saturating_sub(next.1) / FINE;
            if joins {
                kept.1 = next.1;
            }
            joins
        });
    }

    /// The latest moment at which something can have happened that bears this stamp; never a moment too early.
    pub(crate) fn latest(&self, stamp: u64) -> u64 {
        let at = self.long.partition_point(|&(_, again)| again <= stamp);
        match self.long.get(at) {
            Some(&(read, again)) if read <= stamp => again,
            _ => stamp.saturating_add(self.short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn started() -> Lag {
        let mut lag = Lag::default();
        lag.begin();
        lag
    }

    #[test]
    fn fault_e_without_stamps_nothing_is_remembered() {
        let mut lag = Lag::default();
        lag.note(10 * MS, 310 * MS);
        assert_eq!(lag.long.capacity(), 0);
    }

    #[test]
    fn fault_e_a_stamp_stands_for_all_the_time_it_was_in_use() {
        let mut lag = started();
        assert_eq!(lag.latest(7), 7, "nothing took any time");
        lag.note(10 * MS, 310 * MS);
        lag.note(400 * MS, 402 * MS);
        for (stamp, latest) in [(9, 9), (10, 310), (309, 310), (310, 310), (400, 402), (402, 402), (500, 500)] {
            assert_eq!(lag.latest(stamp * MS), latest * MS, "{stamp}");
        }
        assert_eq!(lag.latest(u64::MAX), u64::MAX);
    }

    #[test]
    fn fault_e_short_lags_are_one_for_all() {
        let mut lag = started();
        for short in [3, 700, 20] {
            lag.note(1000, 1000 + short);
        }
        lag.note(5 * MS, 7 * MS);
        assert_eq!((lag.latest(9), lag.latest(5 * MS)), (709, 7 * MS));
        assert_eq!(lag.long.len(), 1);
    }

    #[test]
    fn fault_e_a_busy_loop_remembers_a_bounded_number_and_no_stamp_too_early() {
        let mut lag = started();
        let room = lag.long.capacity();
        // Two milliseconds of work, one of waiting.
        let readings = 100_000;
        for turn in 0..readings {
            lag.note(3 * turn * MS, (3 * turn + 2) * MS);
            assert!(lag.long.len() <= MOST);
        }
        assert_eq!(lag.long.capacity(), room, "it never grows");
        for turn in 0..readings {
            let (stamp, end, age) = (3 * turn * MS, (3 * turn + 2) * MS, 3 * (readings - turn) * MS);
            let latest = lag.latest(stamp);
            assert!(latest >= end, "{turn}: too early");
            assert!(latest - end <= age / 32, "{turn}: {} ns too late at an age of {age}", latest - end);
        }
    }
}
