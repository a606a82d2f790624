//! What a reactor is made with.

use std::time::Duration;

use crate::event_loop::{Clock, LoopOptions, ManualClock};

/// What a [`Reactor`](crate::Reactor) is made with.
///
/// ```
/// use netloop::{Reactor, ReactorOptions};
///
/// let reactor = Reactor::<()>::with_options(ReactorOptions::new().work_threads(1).accept_budget(4))?;
/// assert!(!reactor.is_alive());
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ReactorOptions {
    clock: Option<ManualClock>,
    pub(crate) work_threads: usize,
    pub(crate) read_buffer: usize,
    pub(crate) read_budget: usize,
    pub(crate) accept_budget: usize,
    pub(crate) auto_select_family: bool,
    pub(crate) attempt_timeout: Duration,
    pub(crate) linger: Duration,
}

impl Default for ReactorOptions {
    fn default() -> Self {
        Self {
            clock: None,
            work_threads: 4,
            read_buffer: 64 * 1024,
            read_budget: 32,
            accept_budget: 16,
            auto_select_family: true,
            attempt_timeout: Duration::from_millis(500),
            linger: Duration::from_secs(2),
        }
    }
}

impl ReactorOptions {
    /// The defaults, which are libuv's where it has them.
    ///
    /// ```
    /// let reactor = netloop::Reactor::<()>::with_options(netloop::ReactorOptions::new())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that is moved by hand, for tests of timers.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// let clock = ManualClock::new();
    /// let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(1));
    /// reactor.update_time();
    /// assert_eq!(reactor.now(), Duration::from_secs(1));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    builder! {
        /// The most threads for queued work. Default: 4; they start when there is work.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let mut reactor = Reactor::<Vec<u32>>::with_options(ReactorOptions::new().work_threads(1))?;
        /// reactor.queue_work(|| 1, |_, number, log| log.push(number));
        /// reactor.queue_work(|| 2, |_, number, log| log.push(number));
        /// # let mut log = Vec::new();
        /// reactor.run(&mut log)?;
        /// assert_eq!(log, [1, 2], "one thread works in order");
        /// # Ok::<(), netloop::Error>(())
        /// ```
        work_threads: usize,
        /// The loop's one read buffer, in bytes: the most one `data` event carries. Default: 65536.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let mut reactor = Reactor::<usize>::with_options(ReactorOptions::new().read_buffer(1024))?;
        /// # let (near, far) = reactor.socket_pair()?;
        /// # reactor.socket(near).expect("just made").end_with([0; 5000]);
        /// # let mut socket = reactor.socket(far).expect("just made");
        /// socket.on_data(|_, chunk, largest| *largest = chunk.len().max(*largest));
        /// # let mut largest = 0;
        /// reactor.run(&mut largest)?;
        /// assert_eq!(largest, 1024);
        /// # Ok::<(), netloop::Error>(())
        /// ```
        read_buffer: usize,
        /// Reads of one socket before others have their turn. Default: 32.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().read_budget(1))?; // fair above all
        /// # Ok::<(), netloop::Error>(())
        /// ```
        read_budget: usize,
        /// Accepts of one server before others have their turn, when peers come in a crowd; one otherwise. Default: 16.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().accept_budget(1))?; // fair above all
        /// # Ok::<(), netloop::Error>(())
        /// ```
        accept_budget: usize,
        /// The default of [`ConnectOptions::auto_select_family`](crate::ConnectOptions::auto_select_family). Default: true.
        /// Node's `net.setDefaultAutoSelectFamily`, for one reactor.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().auto_select_family(false))?;
        /// # Ok::<(), netloop::Error>(())
        /// ```
        auto_select_family: bool,
        /// The default of [`ConnectOptions::attempt_timeout`](crate::ConnectOptions::attempt_timeout). Default: 500 ms.
        /// Node's `net.setDefaultAutoSelectFamilyAttemptTimeout`, for one reactor.
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// # use std::time::Duration;
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().attempt_timeout(Duration::from_millis(250)))?;
        /// # Ok::<(), netloop::Error>(())
        /// ```
        attempt_timeout: Duration,
        /// How long a connection that the crate closes by itself after its end outlives its socket while its peer is silent.
        /// Default: 2 s; zero closes at once, as Node does.
        ///
        /// See [`Socket::destroy_soon`](crate::Socket::destroy_soon).
        ///
        /// ```
        /// # use netloop::{Reactor, ReactorOptions};
        /// # use std::time::Duration;
        /// let reactor = Reactor::<()>::with_options(ReactorOptions::new().linger(Duration::ZERO))?;
        /// # Ok::<(), netloop::Error>(())
        /// ```
        linger: Duration,
    }

    pub(crate) fn loop_options(&self) -> LoopOptions {
        let clock = match &self.clock {
            Some(clock) => Clock::Manual(clock.clone()),
            None => Clock::system(),
        };
        LoopOptions { clock, work_threads: self.work_threads }
    }
}
