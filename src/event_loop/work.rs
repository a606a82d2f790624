//! Blocking work on a few threads, its result back on the loop. Mirrors `uv_queue_work` (libuv `src/threadpool.c`).
//!
//! The pool belongs to one loop and starts its threads when there is work for them. When the loop goes, queued work is
//! dropped; what runs already finds nobody who waits for its result.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::remote::Wakeup;
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
    queue: VecDeque<(Key, Job)>,
    done: VecDeque<(Key, Done)>,
    sleeping: usize,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complete(&self, key: Key, job: Job) {
        let done = catch_unwind(AssertUnwindSafe(job));
        self.state().done.push_back((key, done));
        self.wakeup.wake();
    }

    /// A worker's life: take the oldest job, run it, report.
    fn work(&self) {
        loop {
            let mut state = self.state();
            let (key, job) = loop {
                if state.closed {
                    return;
                }
                if let Some(job) = state.queue.pop_front() {
                    break job;
                }
                state.sleeping += 1;
                state = self.available.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.sleeping -= 1;
            };
            drop(state);
            self.complete(key, job);
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
        let state = State { queue: VecDeque::new(), done: VecDeque::new(), sleeping: 0, closed: false };
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), available: Condvar::new(), wakeup }),
            threads: 0,
            limit: limit.max(1),
        }
    }

    /// Queues a job; a thread is started while all are busy and the limit allows one.
    pub(crate) fn submit(&mut self, key: Key, job: Job) {
        let waiting = {
            let mut state = self.shared.state();
            state.queue.push_back((key, job));
            state.queue.len() > state.sleeping
        };
        if waiting && self.threads < self.limit {
            self.start_thread();
        }
        self.shared.available.notify_one();
    }

    fn start_thread(&mut self) {
        let shared = Arc::clone(&self.shared);
        match std::thread::Builder::new().name("netloop-work".to_owned()).spawn(move || shared.work()) {
            Ok(_detached) => self.threads += 1,
            Err(error) if self.threads == 0 => {
                // Without a single thread the job would never run; better late here than never.
                log::warn!("no thread for queued work, it runs on the loop: {error}");
                let job = self.shared.state().queue.pop_front();
                if let Some((key, job)) = job {
                    self.shared.complete(key, job);
                }
            }
            Err(error) => log::debug!("no further thread for queued work: {error}"),
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
            let at = state.queue.iter().position(|(queued, _)| *queued == key);
            at.and_then(|at| state.queue.remove(at))
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
            std::mem::take(&mut state.queue)
        };
        drop(queued);
        self.shared.available.notify_all();
    }
}
