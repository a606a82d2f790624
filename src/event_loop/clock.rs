//! The loop's monotonic time, and a clock for tests that only moves when told. Mirrors `uv_hrtime` and `uv__update_time`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A clock that stands still until [`advance`](Self::advance) moves it: for tests of timers and timeouts.
///
/// Give it to a reactor with [`ReactorOptions::clock`](crate::ReactorOptions::clock); clones share their time.
///
/// ```
/// use netloop::{ManualClock, Reactor, ReactorOptions};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let mut reactor = Reactor::with_options(ReactorOptions::new().clock(&clock))?;
/// reactor.set_timeout(Duration::from_secs(3600), |_, fired| *fired = true);
/// let mut fired = false;
/// reactor.run_nowait(&mut fired)?;
/// assert!(!fired);
/// clock.advance(Duration::from_secs(3600));
/// reactor.run_nowait(&mut fired)?;
/// assert!(fired);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Rc<Cell<u64>>);

impl ManualClock {
    /// A clock that shows zero.
    ///
    /// ```
    /// use netloop::{ManualClock, Reactor, ReactorOptions};
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&ManualClock::new()))?;
    /// assert_eq!(reactor.now(), Duration::ZERO);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time on: outside of the loop as if it had waited, in a callback as if that had worked.
    ///
    /// The loop sees it when it next looks at the clock; a timer that is set counts from it at once.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(5));
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.now(), Duration::from_secs(5));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn advance(&self, by: Duration) {
        self.0.set(self.0.get().saturating_add(nanos(by)));
    }
}

/// Where the loop reads the time: nanoseconds since it was made, so that no timer can fire early by rounding.
#[derive(Debug)]
pub(crate) enum Clock {
    System(Instant),
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::System(Instant::now())
    }

    pub(crate) fn now(&self) -> u64 {
        match self {
            Self::System(origin) => nanos(origin.elapsed()),
            Self::Manual(clock) => clock.0.get(),
        }
    }
}

/// A duration in nanoseconds, saturating after 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
