//! Waking the loop from other threads. Mirrors `uv_async_send` (libuv `src/unix/async.c`).
//!
//! There is one waker per selector. Posts travel in a queue, so that many wake-ups may melt into one and nothing is lost: the
//! queue is emptied after the flag is cleared.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use mio::Waker;

use super::readiness::Readiness;
use super::table::Key;

/// What a loop shares with other threads. `P` is a posted callback.
#[derive(Debug)]
pub(crate) struct Shared<P> {
    pub(crate) wakeup: Arc<Wakeup>,
    posts: Mutex<Posts<P>>,
    thread: ThreadId,
}

#[derive(Debug)]
struct Posts<P> {
    queue: VecDeque<P>,
    /// The loop is gone; nothing is taken any more.
    closed: bool,
}

/// The part that knows no callback type: the waker, and what holds the loop from outside.
#[derive(Debug)]
pub(crate) struct Wakeup {
    waker: Waker,
    pending: AtomicBool,
    guards: AtomicUsize,
    /// Handles that are ready without the selector's knowledge.
    rung: Mutex<Vec<(Key, Readiness)>>,
}

impl Wakeup {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waker, pending: AtomicBool::new(false), guards: AtomicUsize::new(0), rung: Mutex::default() }
    }

    /// Tells the loop that a handle is ready, and wakes it.
    pub(super) fn ring(&self, key: Key, readiness: Readiness) {
        self.rung().push((key, readiness));
        self.wake();
    }

    /// What was rung; to be taken after the flag too, or something could be left.
    pub(super) fn take_rung(&self) -> Vec<(Key, Readiness)> {
        std::mem::take(&mut self.rung())
    }

    fn rung(&self) -> MutexGuard<'_, Vec<(Key, Readiness)>> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the loop, once for any number of calls until it answers.
    pub(crate) fn wake(&self) {
        if self.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.waker.wake() {
            log::error!("the loop cannot be woken: {error}");
        }
    }

    /// Clears the flag; what is sent after this wakes the loop again.
    pub(crate) fn take_pending(&self) -> bool {
        self.pending.swap(false, Ordering::AcqRel)
    }

    /// Whether a wake-up was not taken yet: a panic may have come between.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    pub(crate) fn has_guards(&self) -> bool {
        self.guards.load(Ordering::Acquire) > 0
    }
}

impl<P> Shared<P> {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            wakeup: Arc::new(Wakeup::new(waker)),
            posts: Mutex::new(Posts { queue: VecDeque::new(), closed: false }),
            thread: std::thread::current().id(),
        }
    }

    fn posts(&self) -> MutexGuard<'_, Posts<P>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a post and wakes the loop; gives it back if the loop is gone.
    pub(crate) fn post(&self, post: P) -> Result<(), P> {
        {
            let mut posts = self.posts();
            if posts.closed {
                return Err(post);
            }
            posts.queue.push_back(post);
        }
        self.wakeup.wake();
        Ok(())
    }

    /// The oldest post, and how many there are: the loop takes a batch at a time.
    pub(crate) fn pop(&self) -> Option<P> {
        self.posts().queue.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.posts().queue.len()
    }

    pub(crate) fn is_loop_thread(&self) -> bool {
        self.thread == std::thread::current().id()
    }

    /// The loop goes: what is still queued is dropped, which ends whoever waits for it.
    pub(crate) fn close(&self) {
        let left = {
            let mut posts = self.posts();
            posts.closed = true;
            std::mem::take(&mut posts.queue)
        };
        drop(left);
    }
}

/// Holds the loop until it is dropped: `run` does not return while one is alive, unless it is stopped.
///
/// Made by [`Reactor::keep_alive`](crate::Reactor::keep_alive); it may be dropped on any thread. Mirrors an active, ref'd
/// `uv_async_t`.
///
/// ```
/// let mut reactor = netloop::Reactor::new()?;
/// let guard = reactor.keep_alive();
/// let worker = std::thread::spawn(move || drop(guard));
/// reactor.run(&mut ())?; // returns once the thread has dropped the guard
/// worker.join().expect("no panic");
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Debug)]
pub struct LoopGuard(Arc<Wakeup>);

impl LoopGuard {
    pub(crate) fn new(wakeup: &Arc<Wakeup>) -> Self {
        wakeup.guards.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(wakeup))
    }
}

impl Drop for LoopGuard {
    fn drop(&mut self) {
        self.0.guards.fetch_sub(1, Ordering::AcqRel);
        self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::{Table, WAKE};

    #[test]
    fn what_rings_on_another_thread_wakes_the_loop_once_and_is_all_there() {
        let mut poll = mio::Poll::new().expect("a selector");
        let wakeup = Arc::new(Wakeup::new(Waker::new(poll.registry(), WAKE).expect("a waker")));
        let keys: Vec<Key> = {
            let mut table = Table::default();
            (0..3).map(|number| table.insert(number)).collect()
        };
        let (bell, rings) = (Arc::clone(&wakeup), keys.clone());
        let ringer = std::thread::spawn(move || rings.iter().for_each(|&key| bell.ring(key, Readiness::READABLE)));
        ringer.join().expect("no panic");
        let mut events = mio::Events::with_capacity(8);
        poll.poll(&mut events, None).expect("it is woken");
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [WAKE]);
        assert!(wakeup.take_pending() && !wakeup.take_pending());
        assert_eq!(wakeup.take_rung(), keys.iter().map(|&key| (key, Readiness::READABLE)).collect::<Vec<_>>());
        assert_eq!(wakeup.take_rung(), []);
    }
}
