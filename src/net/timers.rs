//! Ticks, immediates, timers, watchers and work on the reactor: `process.nextTick`, `setImmediate`, `setTimeout`, `uv_prepare_t`.

use std::time::Duration;

use super::Reactor;
use crate::event_loop::{Job, Key, Phase, TimerJob};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) Key);)*
    };
}

ids! {
    /// Names a timer; stale once it has fired for the last time or was cleared.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let timer = reactor.set_timeout(std::time::Duration::from_secs(1), |_, _| {});
    /// assert!(reactor.clear_timer(timer));
    /// assert!(!reactor.clear_timer(timer));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    TimerId,
    /// Names an immediate.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let immediate = reactor.set_immediate(|_, _| {});
    /// assert!(reactor.clear_immediate(immediate));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    ImmediateId,
    /// Names an idle, prepare or check watcher.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let watcher = reactor.on_prepare(|_, _, _| {});
    /// assert!(reactor.clear_watcher(watcher));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    WatcherId,
    /// Names a piece of queued work.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::new()?;
    /// let work = reactor.queue_work(|| 6 * 7, |_, answer, _| assert_eq!(answer, 42));
    /// reactor.run(&mut ())?;
    /// assert!(!reactor.cancel_work(work), "it is done");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    WorkId,
}

impl<S> Reactor<S> {
    /// Calls `callback` right after the callback that runs now, before the next one. Mirrors `process.nextTick`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// reactor.set_immediate(|reactor, log| {
    ///     reactor.next_tick(|_, log| log.push("tick"));
    ///     log.push("immediate");
    /// });
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["immediate", "tick"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn next_tick(&mut self, callback: impl FnOnce(&mut Self, &mut S) + 'static) {
        self.event_loop.tick(Job::Callback(Box::new(callback)));
    }

    /// Calls `callback` in the check phase of this iteration, right after polling. Mirrors `setImmediate`.
    ///
    /// One that is set by an immediate runs in the next iteration.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<bool>::new()?;
    /// reactor.set_immediate(|_, ran| *ran = true);
    /// let mut ran = false;
    /// reactor.run(&mut ran)?;
    /// assert!(ran);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_immediate(&mut self, callback: impl FnOnce(&mut Self, &mut S) + 'static) -> ImmediateId {
        ImmediateId(self.event_loop.immediates.insert(Box::new(callback)))
    }

    /// Takes an immediate back; false if it ran already. Mirrors `clearImmediate`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let immediate = reactor.set_immediate(|_, _| unreachable!("it was taken back"));
    /// assert!(reactor.clear_immediate(immediate));
    /// assert!(!reactor.clear_immediate(immediate));
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn clear_immediate(&mut self, immediate: ImmediateId) -> bool {
        self.event_loop.immediates.remove(immediate.0)
    }

    /// Calls `callback` once, `after` from this call and never earlier. Mirrors `setTimeout`.
    ///
    /// The clock is read for it, as in Node; the deadlines of `uv_timer_start` count from the cached time. With no delay it runs at the end of this iteration, or of the next if set by a timer. Equal deadlines fire in the order
    /// they were set. Unlike Node's `setTimeout`, zero is not taken for a millisecond.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.set_timeout(Duration::from_millis(1), |_, fired| *fired += 1);
    /// let mut fired = 0;
    /// reactor.run(&mut fired)?;
    /// assert_eq!(fired, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_timeout(&mut self, after: Duration, callback: impl FnOnce(&mut Self, &mut S) + 'static) -> TimerId {
        TimerId(self.event_loop.start_timer(TimerJob::Once(Box::new(callback)), after, None))
    }

    /// Calls `callback` each `every`, with its own id. Mirrors `setInterval` and `uv_timer_start` with a repeat.
    ///
    /// The next deadline counts from when the callback is called: one that works for less than the interval delays nothing, and
    /// after a delay there is no catching up. An interval below a millisecond counts as one.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.set_interval(Duration::from_millis(1), |reactor, id, fired| {
    ///     *fired += 1;
    ///     if *fired == 3 { reactor.clear_timer(id); }
    /// });
    /// let mut fired = 0;
    /// reactor.run(&mut fired)?;
    /// assert_eq!(fired, 3);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_interval(&mut self, every: Duration, mut callback: impl FnMut(&mut Self, TimerId, &mut S) + 'static) -> TimerId {
        let every = every.max(Duration::from_millis(1));
        let job =
            TimerJob::Every(Box::new(move |reactor: &mut Self, key, state: &mut S| callback(reactor, TimerId(key), state)));
        TimerId(self.event_loop.start_timer(job, every, Some(every)))
    }

    /// Stops a timer for good; false if it is stale. Mirrors `clearTimeout` and `clearInterval`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let timer = reactor.set_timeout(std::time::Duration::ZERO, |_, _| unreachable!("it was cleared"));
    /// assert!(reactor.clear_timer(timer));
    /// reactor.run(&mut ())?;
    /// assert!(!reactor.clear_timer(timer));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn clear_timer(&mut self, timer: TimerId) -> bool {
        self.remove_timer(timer.0)
    }

    /// Starts a timer's delay or period again, from this call; false if the id is stale. Mirrors `timer.refresh()`.
    ///
    /// ```
    /// use netloop::{ManualClock, Reactor, ReactorOptions};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let mut reactor = Reactor::<bool>::with_options(ReactorOptions::new().clock(&clock))?;
    /// let timer = reactor.set_timeout(Duration::from_secs(2), |_, fired| *fired = true);
    /// let mut fired = false;
    /// for _ in 0..3 {
    ///     clock.advance(Duration::from_secs(1));
    ///     reactor.run_nowait(&mut fired)?;
    ///     assert!(reactor.refresh_timer(timer));
    /// }
    /// assert!(!fired);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn refresh_timer(&mut self, timer: TimerId) -> bool {
        self.event_loop.refresh_timer(timer.0)
    }

    /// Lets a timer hold the loop again; false if it is stale. Mirrors `timer.ref()`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let timer = reactor.set_timeout(std::time::Duration::from_secs(60), |_, _| {});
    /// reactor.unref_timer(timer);
    /// assert!(!reactor.is_alive());
    /// reactor.ref_timer(timer);
    /// assert!(reactor.is_alive());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn ref_timer(&mut self, timer: TimerId) -> bool {
        self.event_loop.timers.set_ref(timer.0, true)
    }

    /// Lets the loop end although the timer has not fired; false if it is stale. Mirrors `timer.unref()`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let timer = reactor.set_timeout(Duration::from_secs(3600), |_, _| {});
    /// reactor.unref_timer(timer);
    /// reactor.run(&mut ())?; // returns at once
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn unref_timer(&mut self, timer: TimerId) -> bool {
        self.event_loop.timers.set_ref(timer.0, false)
    }

    /// Calls `callback` in each iteration right before polling. Mirrors `uv_prepare_start`.
    ///
    /// Watchers of one phase are called in the order they were added; they hold the loop until cleared or unref'd.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// let watcher = reactor.on_prepare(|_, _, log| log.push("prepare"));
    /// reactor.set_immediate(|_, log| log.push("immediate"));
    /// # let mut log = Vec::new();
    /// reactor.run_nowait(&mut log)?;
    /// assert_eq!(log, ["prepare", "immediate"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_prepare(&mut self, callback: impl FnMut(&mut Self, WatcherId, &mut S) + 'static) -> WatcherId {
        self.watch(Phase::Prepare, callback)
    }

    /// Calls `callback` in each iteration right after polling and immediates. Mirrors `uv_check_start`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// reactor.on_check(|reactor, id, log| {
    ///     log.push("check");
    ///     reactor.clear_watcher(id);
    /// });
    /// reactor.set_immediate(|_, log| log.push("immediate"));
    /// # let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["immediate", "check"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_check(&mut self, callback: impl FnMut(&mut Self, WatcherId, &mut S) + 'static) -> WatcherId {
        self.watch(Phase::Check, callback)
    }

    /// Calls `callback` in each iteration, and keeps polling from waiting. Mirrors `uv_idle_start`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.on_idle(|reactor, id, rounds| {
    ///     *rounds += 1;
    ///     if *rounds == 10 { reactor.clear_watcher(id); }
    /// });
    /// let mut rounds = 0;
    /// reactor.run(&mut rounds)?;
    /// assert_eq!(rounds, 10);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_idle(&mut self, callback: impl FnMut(&mut Self, WatcherId, &mut S) + 'static) -> WatcherId {
        self.watch(Phase::Idle, callback)
    }

    fn watch(&mut self, phase: Phase, mut callback: impl FnMut(&mut Self, WatcherId, &mut S) + 'static) -> WatcherId {
        let call = move |reactor: &mut Self, key, state: &mut S| callback(reactor, WatcherId(key), state);
        WatcherId(self.event_loop.watchers.insert(phase, Box::new(call)))
    }

    /// Stops a watcher for good; false if it is stale. Mirrors `uv_prepare_stop`, `uv_check_stop` and `uv_idle_stop`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let watcher = reactor.on_idle(|_, _, _| unreachable!("it was stopped"));
    /// assert!(reactor.clear_watcher(watcher));
    /// reactor.run(&mut ())?;
    /// assert!(!reactor.clear_watcher(watcher));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn clear_watcher(&mut self, watcher: WatcherId) -> bool {
        self.event_loop.watchers.remove(watcher.0)
    }

    /// Lets a watcher hold the loop again; false if it is stale. Mirrors `uv_ref`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let watcher = reactor.on_check(|_, _, _| {});
    /// reactor.unref_watcher(watcher);
    /// assert!(!reactor.is_alive());
    /// reactor.ref_watcher(watcher);
    /// assert!(reactor.is_alive());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn ref_watcher(&mut self, watcher: WatcherId) -> bool {
        self.event_loop.watchers.set_ref(watcher.0, true)
    }

    /// Lets the loop end although the watcher is there; false if it is stale. Mirrors `uv_unref`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let watcher = reactor.on_prepare(|_, _, _| {});
    /// assert!(reactor.unref_watcher(watcher));
    /// reactor.run(&mut ())?; // returns at once
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn unref_watcher(&mut self, watcher: WatcherId) -> bool {
        self.event_loop.watchers.set_ref(watcher.0, false)
    }

    /// Runs `work` on a thread of a small pool, then `done` on the loop with its result. Mirrors `uv_queue_work`.
    ///
    /// Work starts in the order it was queued and holds the loop. A panic in it unwinds out of `run`; `done` is then dropped.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u64>::new()?;
    /// reactor.queue_work(|| (1..=10).product::<u64>(), |_, product, result| *result = product);
    /// let mut result = 0;
    /// reactor.run(&mut result)?;
    /// assert_eq!(result, 3_628_800);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn queue_work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut Self, T, &mut S) + 'static,
    ) -> WorkId {
        WorkId(self.event_loop.queue_work(work, done))
    }

    /// Takes work back that no thread has begun; its `done` is dropped. False if it is too late. Mirrors `uv_cancel`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::with_options(netloop::ReactorOptions::new().work_threads(1))?;
    /// # let (release, wait) = std::sync::mpsc::channel::<()>();
    /// reactor.queue_work(move || wait.recv().is_ok(), |_, _, _| {}); // keeps the only thread busy
    /// let work = reactor.queue_work(|| (), |_, _, _| unreachable!("it was taken back"));
    /// assert!(reactor.cancel_work(work));
    /// # drop(release);
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn cancel_work(&mut self, work: WorkId) -> bool {
        self.event_loop.cancel_work(work.0)
    }
}
