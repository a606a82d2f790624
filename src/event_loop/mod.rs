//! The loop: phases, handles, timers, ticks, watchers, wake-up and work. Mirrors libuv's `core.c`, `loop.c` and `loop-watcher.c`.
//!
//! It knows nothing of sockets. What lies above it is a [`Host`]: it stores its handles and deferred steps in the loop's
//! tables and queues, and the loop calls back through [`Host::on_ready`] and [`Host::on_task`], its one seam upwards.

mod clock;
mod keep;
mod lag;
mod poll;
mod readiness;
mod remote;
mod steps;
mod table;
mod time;
mod timer;
mod watcher;
mod work;

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};

pub use self::clock::ManualClock;
pub(crate) use self::clock::{Clock, nanos};
pub(crate) use self::keep::{call_and_keep, call_with};
use self::lag::Lag;
pub(crate) use self::poll::{Handles, Registrar, Slot};
pub(crate) use self::readiness::Readiness;
pub use self::remote::LoopGuard;
pub(crate) use self::remote::Shared;
#[cfg(test)]
pub(crate) use self::steps::steps;
pub(crate) use self::steps::{is_long, prune, step};
pub(crate) use self::table::{Key, Table};
pub(crate) use self::timer::Timers;
pub(crate) use self::watcher::{Immediates, Phase, Watchers};
pub(crate) use self::work::Ticket;
use self::work::WorkPool;
use crate::code;
use crate::error::{Error, Result};

/// Where the loop's generic parts meet what is built on them.
pub(crate) trait Host: Sized {
    /// The embedder's state, lent to `run`.
    type State;
    /// What a slot of the handle table holds.
    type Handle;
    /// A deferred step of a handle: for ticks, the pending queue, the closing queue, timers.
    type Task: Copy;

    fn event_loop(&mut self) -> &mut EventLoop<Self>;

    /// A handle's readiness has changed, or it asked to be called again. Begins with [`Handles::begin_turn`], calls
    /// [`after_callback`] after each callback, and at the end if there was none.
    fn on_ready(&mut self, id: Key, state: &mut Self::State);

    /// A deferred step is due.
    fn on_task(&mut self, task: Self::Task, state: &mut Self::State);

    /// Hands what callbacks have written to the kernel.
    fn flush(&mut self);

    /// Frees what nothing refers to any more; called when no tick is left.
    fn reap(&mut self);

    /// A callback has panicked, and the panic is about to leave [`run`]: called with its payload.
    fn after_panic(&mut self, panic: &(dyn Any + Send));
}

pub(crate) type Callback<H> = Box<dyn FnOnce(&mut H, &mut <H as Host>::State)>;
pub(crate) type Repeating<H> = Box<dyn FnMut(&mut H, Key, &mut <H as Host>::State)>;
pub(crate) type Post<H> = Box<dyn FnOnce(&mut H, &mut <H as Host>::State) + Send>;
type AfterWork<H> = Box<dyn FnOnce(&mut H, Box<dyn Any + Send>, &mut <H as Host>::State)>;

/// An entry of a queue.
pub(crate) enum Job<H: Host> {
    Callback(Callback<H>),
    Task(H::Task),
}

/// What a timer does.
pub(crate) enum TimerJob<H: Host> {
    Once(Callback<H>),
    Every(Repeating<H>),
    Task(H::Task),
}

/// How long [`run`] goes on (`uv_run_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// Until nothing holds the loop, or it is stopped.
    Default,
    /// One iteration, which may wait.
    Once,
    /// One iteration without waiting.
    NoWait,
}

/// What a loop is made with.
#[derive(Debug)]
pub(crate) struct LoopOptions {
    pub(crate) clock: Clock,
    pub(crate) work_threads: usize,
}

/// Counters of a loop; they only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) iterations: u64,
    pub(crate) polls: u64,
    pub(crate) events: u64,
    pub(crate) registrations: u64,
    pub(crate) idle: u64,
}

/// The waker's token; no handle ever has it.
const WAKE: Token = Token(usize::MAX);

/// Events taken from the kernel at once, as libuv does.
const EVENTS: usize = 1024;

/// How often the pending queue is run after polling, so that a callback which queues the next one cannot hold the loop.
const PENDING_ROUNDS: usize = 8;

/// Everything a loop owns.
pub(crate) struct EventLoop<H: Host> {
    poll: Poll,
    events: Option<Events>,
    clock: Clock,
    now: u64,
    lag: Lag,
    pub(crate) handles: Handles<H::Handle>,
    ticks: VecDeque<Job<H>>,
    pending: VecDeque<Job<H>>,
    closing: Vec<H::Task>,
    closing_batch: Vec<H::Task>,
    pub(crate) timers: Timers<TimerJob<H>>,
    pub(crate) watchers: Watchers<Repeating<H>>,
    pub(crate) immediates: Immediates<Callback<H>>,
    pub(crate) shared: Arc<Shared<Post<H>>>,
    work: WorkPool,
    after_work: Table<AfterWork<H>>,
    pub(crate) counters: Counters,
    /// Ready handles are called one after the other: what they write leaves together.
    batching: bool,
    running: bool,
    /// The clock was read since `run` began, so that callbacks may use `now` as a stamp.
    timed: bool,
    stopped: bool,
    failure: Option<Error>,
}

impl<H: Host> EventLoop<H> {
    pub(crate) fn new(options: LoopOptions) -> Result<Self> {
        let poll = Poll::new().map_err(|error| Error::system("epoll_create", error))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(|error| Error::system("eventfd", error))?;
        let shared = Arc::new(Shared::new(waker));
        let now = options.clock.now();
        Ok(Self {
            poll,
            events: None,
            clock: options.clock,
            now,
            lag: Lag::default(),
            handles: Handles::default(),
            ticks: VecDeque::new(),
            pending: VecDeque::new(),
            closing: Vec::new(),
            closing_batch: Vec::new(),
            timers: Timers::default(),
            watchers: Watchers::default(),
            immediates: Immediates::default(),
            work: WorkPool::new(options.work_threads, Arc::clone(&shared.wakeup)),
            after_work: Table::default(),
            shared,
            counters: Counters::default(),
            batching: false,
            running: false,
            timed: false,
            stopped: false,
            failure: None,
        })
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Ends `run` after this iteration with an error; the first one counts.
    pub(crate) fn fail(&mut self, error: Error) {
        self.stopped = true;
        self.failure.get_or_insert(error);
    }

    /// Queues a callback for right after the one that runs now (`process.nextTick`).
    pub(crate) fn tick(&mut self, job: Job<H>) {
        self.ticks.push_back(job);
    }

    pub(crate) fn tick_task(&mut self, task: H::Task) {
        self.ticks.push_back(Job::Task(task));
    }

    /// Queues a completion for the pending phase of this iteration or the next.
    pub(crate) fn defer(&mut self, task: H::Task) {
        self.pending.push_back(Job::Task(task));
    }

    /// Queues a close notification: LIFO within an iteration, as libuv on Unix.
    pub(crate) fn close(&mut self, task: H::Task) {
        self.closing.push(task);
    }

    /// Runs `work` on a thread and `after` on the loop.
    pub(crate) fn queue_work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut H, T, &mut H::State) + 'static,
    ) -> Key {
        let key = self.expect(after);
        self.work.submit(key, Box::new(move || Box::new(work())));
        key
    }

    /// As [`queue_work`](Self::queue_work) for work that somebody else does: the ticket brings the result.
    pub(crate) fn await_work<T: Send + 'static>(
        &mut self,
        after: impl FnOnce(&mut H, T, &mut H::State) + 'static,
    ) -> (Key, Ticket) {
        let key = self.expect(after);
        (key, self.work.ticket(key))
    }

    /// Waits no more for what [`await_work`](Self::await_work) waits for; a result that comes all the same is dropped.
    pub(crate) fn forget_work(&mut self, key: Key) {
        self.after_work.remove(key);
    }

    fn expect<T: Send + 'static>(&mut self, after: impl FnOnce(&mut H, T, &mut H::State) + 'static) -> Key {
        self.after_work.insert(Box::new(move |host, result, state| match result.downcast() {
            Ok(result) => after(host, *result, state),
            Err(_) => unreachable!("work gives back the type it was queued with"),
        }))
    }

    /// Takes work back that has not begun; its callback is dropped.
    pub(crate) fn cancel_work(&mut self, key: Key) -> bool {
        self.work.cancel(key) && self.after_work.remove(key).is_some()
    }

    /// Whether there is a reason to go on (`uv_loop_alive`).
    pub(crate) fn is_alive(&self) -> bool {
        self.handles.is_alive()
            || self.timers.is_alive()
            || self.watchers.is_alive()
            || self.after_work.len() > 0
            || !self.immediates.is_empty()
            || !self.pending.is_empty()
            || !self.ticks.is_empty()
            || self.is_closing()
            || self.shared.wakeup.has_guards()
            || self.shared.len() > 0
    }

    /// What holds the loop is counted: whether a walk finds the same, for debug builds.
    fn counts_agree(&self) -> bool {
        self.handles.counts_agree() && self.timers.counts_agree() && self.watchers.counts_agree()
    }

    fn is_closing(&self) -> bool {
        !self.closing.is_empty() || !self.closing_batch.is_empty()
    }

    /// Whether the poll phase may not wait at all.
    fn is_busy(&self) -> bool {
        self.stopped
            || !self.pending.is_empty()
            || !self.ticks.is_empty()
            || !self.immediates.is_empty()
            || self.is_closing()
            || self.handles.has_ready()
            || self.watchers.has_idle()
            || self.timers.has_due()
            || (!self.running && self.watchers.has_collected())
            || self.shared.wakeup.is_pending()
            || !self.is_alive()
    }
}

impl<H: Host> Drop for EventLoop<H> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Runs the loop; true if something still holds it. A panic of a callback comes through when the host has seen to it.
pub(crate) fn run<H: Host>(host: &mut H, state: &mut H::State, mode: RunMode) -> Result<bool> {
    if host.event_loop().running {
        return Err(Error::with_code(code::ERR_REACTOR_RUNNING, "The reactor is running: `run` was called from a callback."));
    }
    host.event_loop().running = true;
    host.event_loop().batching = false;
    let result = catch_unwind(AssertUnwindSafe(|| iterate(host, state, mode)));
    let event_loop = host.event_loop();
    event_loop.running = false;
    if event_loop.timed {
        // Time that passes outside is not that of callbacks.
        event_loop.update_time();
    }
    result.unwrap_or_else(|panic| {
        host.after_panic(&*panic);
        resume_unwind(panic)
    })
}

/// Iteration after iteration, phase by phase. Mirrors `uv_run`.
fn iterate<H: Host>(host: &mut H, state: &mut H::State, mode: RunMode) -> Result<bool> {
    after_callback(host, state);
    if !host.event_loop().stopped {
        call_watchers(host, state);
    }
    let mut alive = host.event_loop().is_alive();
    if !alive {
        host.event_loop().update_time();
    } else if mode == RunMode::Default && !host.event_loop().stopped {
        host.event_loop().update_time();
        run_timers(host, state);
    }

    while alive && !host.event_loop().stopped {
        let can_sleep = host.event_loop().pending.is_empty() && !host.event_loop().watchers.has_idle();
        run_pending(host, state);
        run_watchers(host, Phase::Idle, state);
        run_watchers(host, Phase::Prepare, state);

        let may_wait = mode == RunMode::Default || (mode == RunMode::Once && can_sleep);
        let timeout = if may_wait { host.event_loop().begin_wait() } else { Some(Duration::ZERO) };
        poll::poll(host, timeout, state)?;
        for _ in 0..PENDING_ROUNDS {
            if !run_pending(host, state) {
                break;
            }
        }
        run_immediates(host, state);
        run_watchers(host, Phase::Check, state);
        run_closing(host, state);
        host.event_loop().update_time();
        let worked = run_timers(host, state);

        alive = host.event_loop().is_alive();
        if mode != RunMode::Default {
            // If no timer ran, nothing happened since the clock was read, and the end needs no other reading.
            host.event_loop().timed = worked;
            break;
        }
    }

    debug_assert!(alive || host.event_loop().counts_agree());
    host.event_loop().stopped = false;
    match host.event_loop().failure.take() {
        Some(failure) => Err(failure),
        None => Ok(alive),
    }
}

/// What follows every callback: its writes leave, then the tick queue is drained (`process._tickCallback`). In a batch of ready
/// handles writes wait for the others, as long as no tick could see it: a socket that many write to is written to once.
#[inline]
pub(crate) fn after_callback<H: Host>(host: &mut H, state: &mut H::State) {
    let event_loop = host.event_loop();
    if !event_loop.batching || !event_loop.ticks.is_empty() {
        flush_and_tick(host, state);
    }
    host.reap();
}

#[inline(never)]
fn flush_and_tick<H: Host>(host: &mut H, state: &mut H::State) {
    host.flush();
    while let Some(job) = host.event_loop().ticks.pop_front() {
        run_job(host, job, state);
        if host.event_loop().ticks.is_empty() {
            host.flush();
        }
    }
}

fn run_job<H: Host>(host: &mut H, job: Job<H>, state: &mut H::State) {
    match job {
        Job::Callback(callback) => callback(host, state),
        Job::Task(task) => host.on_task(task, state),
    }
}

/// Runs what is pending now; entries added meanwhile wait for the next round. False if there was nothing.
fn run_pending<H: Host>(host: &mut H, state: &mut H::State) -> bool {
    let batch = host.event_loop().pending.len();
    for _ in 0..batch {
        if let Some(job) = host.event_loop().pending.pop_front() {
            run_job(host, job, state);
            after_callback(host, state);
        }
    }
    batch > 0
}

fn run_watchers<H: Host>(host: &mut H, phase: Phase, state: &mut H::State) {
    host.event_loop().watchers.collect(phase);
    call_watchers(host, state);
}

/// Calls the watchers that are collected, or what a panic has left of them.
fn call_watchers<H: Host>(host: &mut H, state: &mut H::State) {
    while let Some((key, callback)) = host.event_loop().watchers.pop() {
        let put_back = |host: &mut H, callback| host.event_loop().watchers.put_back(key, callback);
        call_and_keep(host, callback, |host, callback| callback(host, key, state), put_back);
        after_callback(host, state);
    }
}

fn run_immediates<H: Host>(host: &mut H, state: &mut H::State) {
    for _ in 0..host.event_loop().immediates.batch() {
        if let Some(callback) = host.event_loop().immediates.pop() {
            callback(host, state);
            after_callback(host, state);
        }
    }
}

/// Notifies of closed handles, the last one first; what is closed meanwhile waits for the next iteration.
fn run_closing<H: Host>(host: &mut H, state: &mut H::State) {
    let event_loop = host.event_loop();
    if event_loop.closing_batch.is_empty() {
        std::mem::swap(&mut event_loop.closing, &mut event_loop.closing_batch);
    }
    while let Some(task) = host.event_loop().closing_batch.pop() {
        host.on_task(task, state);
        after_callback(host, state);
    }
}

/// Runs the timers that are due (`uv__run_timers`). False if there was none.
fn run_timers<H: Host>(host: &mut H, state: &mut H::State) -> bool {
    let now = host.event_loop().now;
    host.event_loop().timers.collect(now);
    let any = host.event_loop().timers.has_due();
    while let Some(key) = host.event_loop().pop_due() {
        match host.event_loop().timers.take_job(key) {
            Some(TimerJob::Once(callback)) => {
                host.event_loop().timers.remove(key);
                callback(host, state);
            }
            Some(TimerJob::Every(callback)) => {
                let put_back = |host: &mut H, callback| host.event_loop().timers.put_job(key, TimerJob::Every(callback));
                call_and_keep(host, callback, |host, callback| callback(host, key, state), put_back);
            }
            Some(TimerJob::Task(task)) => {
                host.event_loop().timers.put_job(key, TimerJob::Task(task));
                host.on_task(task, state);
            }
            None => {}
        }
        after_callback(host, state);
    }
    any
}

/// Runs what other threads have posted until now, and the callbacks of the work that is finished now. What comes meanwhile
/// wakes the loop again.
fn run_posted<H: Host>(host: &mut H, state: &mut H::State) {
    let shared = Arc::clone(&host.event_loop().shared);
    let _wake_again = WakeAgain(&shared.wakeup);
    let (posts, finished) = (shared.len(), host.event_loop().work.finished());
    for _ in 0..posts {
        if let Some(post) = shared.pop() {
            post(host, state);
            after_callback(host, state);
        }
    }
    for _ in 0..finished {
        let Some((key, done)) = host.event_loop().work.pop_done() else {
            break;
        };
        let Some(after) = host.event_loop().after_work.remove(key) else {
            continue;
        };
        match done {
            Ok(result) => after(host, result, state),
            Err(panic) => resume_unwind(panic),
        }
        after_callback(host, state);
    }
    if shared.len() > 0 || host.event_loop().work.finished() > 0 {
        shared.wakeup.wake();
    }
}

/// After a panic the next poll has to look at the posts and the finished work again.
struct WakeAgain<'w>(&'w remote::Wakeup);

impl Drop for WakeAgain<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.wake();
        }
    }
}
