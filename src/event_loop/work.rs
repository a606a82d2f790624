//! Blocking work on a few threads, its result back on the loop. Mirrors `uv_queue_work` (libuv `src/threadpool.c`).
//!
//! The pool belongs to one loop and starts its threads when there is work for them. When the loop goes, queued work is
//! dropped; what runs already finds nobody who waits for its result.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::remote::Wakeup;
use super::steps::prune;
use super::table::Key;

/// The result of a piece of work, or the panic it ended with.
pub(crate) type Done = std::thread::Result<Box<dyn Any + Send>>;

type Job = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

#[derive(Debug)]
pub(crate) struct WorkPool {
    shared: Arc<Shared>,
    threads: usize,
    limit: usize,
}

struct Shared {
    state: Mutex<State>,
    available: Condvar,
    wakeup: Arc<Wakeup>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct State {
    /// In the order they came. Those taken back are passed over, and forgotten now and then.
    queue: VecDeque<Key>,
    /// What no thread has begun.
    jobs: HashMap<Key, Job>,
    done: VecDeque<(Key, Done)>,
    /// Threads that sleep, or were just started.
    idle: usize,
    closed: bool,
}

impl State {
    fn push(&mut self, key: Key, job: Job) {
        self.queue.push_back(key);
        self.jobs.insert(key, job);
    }

    /// The oldest job.
    fn pop(&mut self) -> Option<(Key, Job)> {
        while let Some(key) = self.queue.pop_front() {
            if let Some(job) = self.jobs.remove(&key) {
                return Some((key, job));
            }
        }
        None
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a job and reports; then so many threads more are idle.
    fn complete(&self, key: Key, job: Job, idle: usize) {
        let done = catch_unwind(AssertUnwindSafe(job));
        {
            let mut state = self.state();
            state.done.push_back((key, done));
            state.idle += idle;
        }
        self.wakeup.wake();
    }

    /// A worker's life: take the oldest job, run it, report. It counts as idle from its start.
    fn work(&self) {
        loop {
            let mut state = self.state();
            let (key, job) = loop {
                if state.closed {
                    return;
                }
                if let Some(job) = state.pop() {
                    state.idle -= 1;
                    break job;
                }
                state = self.available.wait(state).unwrap_or_else(PoisonError::into_inner);
            };
            drop(state);
            self.complete(key, job, 1);
        }
    }
}

/// Brings the result of work that somebody else does, once, from any thread.
pub(crate) struct Ticket {
    key: Key,
    shared: Arc<Shared>,
}

impl Ticket {
    pub(crate) fn complete(self, result: Box<dyn Any + Send>) {
        self.shared.state().done.push_back((self.key, Ok(result)));
        self.shared.wakeup.wake();
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

impl WorkPool {
    pub(crate) fn new(limit: usize, wakeup: Arc<Wakeup>) -> Self {
        let (queue, jobs, done) = (VecDeque::new(), HashMap::new(), VecDeque::new());
        let state = State { queue, jobs, done, idle: 0, closed: false };
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), available: Condvar::new(), wakeup }),
            threads: 0,
            limit: limit.max(1),
        }
    }

    /// Queues a job; threads are started while jobs wait for one and the limit allows it.
    pub(crate) fn submit(&mut self, key: Key, job: Job) {
        self.shared.state().push(key, job);
        self.start_threads(|shared| {
            let thread = std::thread::Builder::new().name("netloop-work".to_owned());
            thread.spawn(move || shared.work()).map(drop)
        });
        self.shared.available.notify_one();
    }

    /// Starts as many as are missing, also those that could not be had when an earlier job was queued.
    fn start_threads(&mut self, start: impl Fn(Arc<Shared>) -> io::Result<()>) {
        while self.threads < self.limit && self.lacks_threads() {
            self.shared.state().idle += 1;
            match start(Arc::clone(&self.shared)) {
                Ok(()) => self.threads += 1,
                Err(error) => {
                    self.shared.state().idle -= 1;
                    return self.do_without(&error);
                }
            }
        }
    }

    fn lacks_threads(&self) -> bool {
        let state = self.shared.state();
        state.jobs.len() > state.idle
    }

    /// Without a single thread the job would never run; better late here than never.
    fn do_without(&mut self, error: &io::Error) {
        if self.threads > 0 {
            return log::debug!("no further thread for queued work: {error}");
        }
        log::warn!("no thread for queued work, it runs on the loop: {error}");
        let job = self.shared.state().pop();
        if let Some((key, job)) = job {
            self.shared.complete(key, job, 0);
        }
    }

    /// For work that is not done here.
    pub(crate) fn ticket(&self, key: Key) -> Ticket {
        Ticket { key, shared: Arc::clone(&self.shared) }
    }

    /// Takes a job back that has not begun.
    pub(crate) fn cancel(&self, key: Key) -> bool {
        let job = {
            let mut state = self.shared.state();
            let State { queue, jobs, .. } = &mut *state;
            let job = jobs.remove(&key);
            prune(queue, jobs.len(), |key| jobs.contains_key(&key));
            job
        };
        job.is_some()
    }

    /// How many results wait for the loop: it takes a batch at a time.
    pub(crate) fn finished(&self) -> usize {
        self.shared.state().done.len()
    }

    pub(crate) fn pop_done(&self) -> Option<(Key, Done)> {
        self.shared.state().done.pop_front()
    }
}

impl Drop for WorkPool {
    fn drop(&mut self) {
        let queued = {
            let mut state = self.shared.state();
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        drop(queued);
        self.shared.available.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::table::Table;
    use crate::event_loop::{WAKE, steps};

    /// Threads that fail to start are started with a later job, all of them; without any the job runs where it is queued.
    #[test]
    fn fault_p_threads_that_could_not_be_had_are_started_later() {
        let poll = mio::Poll::new().expect("a selector");
        let waker = mio::Waker::new(poll.registry(), WAKE).expect("a waker");
        let mut pool = WorkPool::new(3, Arc::new(Wakeup::new(waker)));
        let mut keys = Table::default();
        let mut queue = |pool: &WorkPool| {
            let key = keys.insert(());
            pool.shared.state().push(key, Box::new(|| Box::new(())));
            key
        };
        let refuse = |_| Err(io::ErrorKind::WouldBlock.into());
        let first = queue(&pool);
        pool.start_threads(refuse);
        assert_eq!(pool.pop_done().map(|(key, _)| key), Some(first));

        // None of these takes a job.
        let started = |_| Ok(());
        queue(&pool);
        pool.start_threads(started);
        pool.start_threads(started);
        assert_eq!((pool.threads, pool.shared.state().idle), (1, 1), "one for one job");
        queue(&pool);
        pool.start_threads(refuse);
        queue(&pool);
        pool.start_threads(refuse);
        assert!(pool.pop_done().is_none(), "they wait for the one that there is");
        queue(&pool);
        pool.start_threads(started);
        assert_eq!((pool.threads, pool.shared.state().idle), (3, 3), "the missing ones too, up to the limit");
    }

    #[test]
    fn fault_o_taking_work_back_takes_some_steps_each_and_the_rest_runs_in_order() {
        const MANY: usize = 10_000;
        let poll = mio::Poll::new().expect("a selector");
        let wakeup = Arc::new(Wakeup::new(mio::Waker::new(poll.registry(), WAKE).expect("a waker")));
        let (mut pool, mut keys) = (WorkPool::new(1, wakeup), Table::default());
        let (release, wait) = std::sync::mpsc::channel::<()>();
        // Keeps the only thread busy.
        pool.submit(keys.insert(()), Box::new(move || Box::new(wait.recv().is_ok())));
        let queued: Vec<Key> = (0..MANY).map(|_| keys.insert(())).collect();
        for (number, &key) in queued.iter().enumerate() {
            pool.submit(key, Box::new(move || Box::new(number)));
        }
        // All but each hundredth, from the middle on.
        let gone: Vec<Key> = (0..MANY).map(|n| (n + MANY / 2) % MANY).filter(|n| n % 100 != 0).map(|n| queued[n]).collect();
        let taken = steps(|| gone.iter().for_each(|&key| assert!(pool.cancel(key) && !pool.cancel(key))));
        assert!(taken <= 3 * MANY, "{taken} steps");
        drop(release);
        let mut ran = Vec::new();
        while ran.len() < 1 + MANY / 100 {
            match pool.pop_done() {
                Some((key, _)) => ran.push(key),
                None => std::thread::yield_now(),
            }
        }
        assert!(ran[1..].iter().eq(queued.iter().step_by(100)), "in the order they came");
    }
}
