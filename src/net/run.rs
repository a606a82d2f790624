//! Running the loop, its clock, and what keeps it alive. Mirrors `uv_run`, `uv_stop`, `uv_now` and `uv_loop_alive`.

use std::time::Duration;

use super::Reactor;
use crate::error::Result;
use crate::event_loop::{self, LoopGuard, RunMode};

impl<S> Reactor<S> {
    /// Runs the loop until nothing holds it, or [`stop`](Self::stop) is called. Mirrors `uv_run(UV_RUN_DEFAULT)`.
    ///
    /// What holds it: listening servers, connected sockets that read, requests under way, timers, immediates, watchers, queued
    /// work, and every [`LoopGuard`]; unref'd ones do not.
    ///
    /// # Errors
    ///
    /// - `ERR_REACTOR_RUNNING` when called from inside a callback.
    /// - The unheard error of what was set up before: see [`UnhandledErrors`](crate::UnhandledErrors).
    ///
    /// A panic in a callback unwinds out of here. The socket or server whose callback it was is destroyed first (`error` with
    /// `ERR_CALLBACK_PANICKED` if it is heard, and `close`); the reactor can be dropped or run again, and all others go on.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// reactor.set_immediate(|reactor, log| {
    ///     log.push("immediate");
    ///     reactor.set_timeout(std::time::Duration::from_millis(1), |_, log| log.push("timer"));
    /// });
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?; // returns after the timer: nothing is left
    /// assert_eq!(log, ["immediate", "timer"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn run(&mut self, state: &mut S) -> Result<()> {
        self.run_as(RunMode::Default, state).map(drop)
    }

    /// One iteration, which waits if there is nothing to do; true if something still holds the loop.
    /// Mirrors `uv_run(UV_RUN_ONCE)`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.set_timeout(std::time::Duration::from_millis(1), |_, fired| *fired += 1);
    /// let mut fired = 0;
    /// while reactor.run_once(&mut fired)? {}
    /// assert_eq!(fired, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn run_once(&mut self, state: &mut S) -> Result<bool> {
        self.run_as(RunMode::Once, state)
    }

    /// One iteration without waiting; true if something still holds the loop. Mirrors `uv_run(UV_RUN_NOWAIT)`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.set_timeout(std::time::Duration::from_secs(60), |_, _| {});
    /// assert!(reactor.run_nowait(&mut ())?, "the timer is still there");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn run_nowait(&mut self, state: &mut S) -> Result<bool> {
        self.run_as(RunMode::NoWait, state)
    }

    fn run_as(&mut self, mode: RunMode, state: &mut S) -> Result<bool> {
        // A panic outside of `run` has reached its caller, who may call again.
        self.panicked = None;
        event_loop::run(self, state, mode)
    }

    /// Makes `run` return after the iteration under way; a `run` that has not begun runs no phase,
    /// only the ticks that are queued. Mirrors `uv_stop`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.on_idle(|reactor, _, rounds| {
    ///     *rounds += 1;
    ///     reactor.stop();
    /// });
    /// # let mut rounds = 0;
    /// reactor.run(&mut rounds)?;
    /// assert_eq!(rounds, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn stop(&mut self) {
        self.event_loop.stop();
    }

    /// Whether anything holds the loop. Mirrors `uv_loop_alive`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// assert!(!reactor.is_alive());
    /// reactor.create_server(|_, _| {}).listen(0);
    /// assert!(reactor.is_alive());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        self.event_loop.is_alive()
    }

    /// Holds the loop until the guard is dropped, on whatever thread. Mirrors a ref'd `uv_async_t`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let guard = reactor.keep_alive();
    /// assert!(reactor.run_nowait(&mut ())?);
    /// drop(guard);
    /// assert!(!reactor.run_nowait(&mut ())?);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn keep_alive(&mut self) -> LoopGuard {
        LoopGuard::new(&self.event_loop.shared.wakeup)
    }

    /// The cached time since the reactor was made. Mirrors `uv_now`.
    ///
    /// It moves with each wait and each pass of timers, and stands still while callbacks run. Timers do not count from it, but
    /// from the moment they are set.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(reactor.now(), Duration::ZERO, "it is cached");
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.now(), Duration::from_secs(1));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.event_loop.now())
    }

    /// Reads the clock again, for [`now`](Self::now) after work that blocked. Mirrors `uv_update_time`.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// clock.advance(Duration::from_secs(1));
    /// reactor.update_time();
    /// assert_eq!(reactor.now(), Duration::from_secs(1));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn update_time(&mut self) {
        // What was written until now bears the stamp of the read before it, the old time.
        self.close_turn();
        self.event_loop.update_time();
    }

    /// How long an outer loop may wait before it runs this one again: zero if there is work, `None` for ever.
    /// Mirrors `uv_backend_timeout`; ask right before each wait.
    ///
    /// With a timer set the clock is read: the wait counts from this call, whatever was done since the last iteration.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "nothing to wait for");
    /// let watcher = reactor.on_idle(|_, _, _| {});
    /// assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "there is work");
    /// reactor.clear_watcher(watcher);
    /// reactor.create_server(|_, _| {}).listen(0);
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.backend_timeout(), None, "only a connection can wake it");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn backend_timeout(&self) -> Option<Duration> {
        self.event_loop.poll_timeout()
    }
}
