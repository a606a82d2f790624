//! Waking the loop from other threads. Mirrors `uv_async_send` (libuv `src/unix/async.c`).
//!
//! There is one waker per selector. Posts travel in a queue, so that many wake-ups may melt into one and nothing is lost: the
//! queue is emptied after the flag is cleared.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
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
    /// One of the three below.
    state: AtomicU8,
    /// The system refuses wake-ups, and that was logged.
    failing: AtomicBool,
    guards: AtomicUsize,
    /// Handles that are ready without the selector's knowledge.
    rung: Mutex<Vec<(Key, Readiness)>>,
}

/// Nothing is to be told.
const QUIET: u8 = 0;
/// Something is, and the system was asked to wake the loop.
const SENT: u8 = 1;
/// Something is, but the system has refused: the next one asks it again. If the loop is awake it need not be told.
const UNSENT: u8 = 2;

/// How often the system is asked for one wake-up. A signal may come between, and memory may be short for a moment.
const TRIES: usize = 8;

impl Wakeup {
    pub(super) fn new(waker: Waker) -> Self {
        let (state, failing, guards) = (AtomicU8::new(QUIET), AtomicBool::new(false), AtomicUsize::new(0));
        Self { waker, state, failing, guards, rung: Mutex::default() }
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
        self.wake_by(|| self.waker.wake());
    }

    fn wake_by(&self, mut send: impl FnMut() -> io::Result<()>) {
        if self.state.swap(SENT, Ordering::AcqRel) == SENT {
            return;
        }
        let mut result = send();
        for _ in 1..TRIES {
            if result.is_ok() {
                break;
            }
            result = send();
        }
        match result {
            Ok(()) if self.failing.load(Ordering::Relaxed) => {
                self.failing.store(false, Ordering::Relaxed);
                log::warn!("the loop can be woken again");
            }
            Ok(()) => {}
            Err(error) => {
                // The loop may have taken it meanwhile; then nothing is left to be told.
                let _ = self.state.compare_exchange(SENT, UNSENT, Ordering::AcqRel, Ordering::Relaxed);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    log::error!("the loop cannot be woken, what other threads want waits for the next event: {error}");
                }
            }
        }
    }

    /// Clears the flag; what is sent after this wakes the loop again.
    pub(crate) fn take_pending(&self) -> bool {
        self.state.swap(QUIET, Ordering::AcqRel) != QUIET
    }

    /// Whether a wake-up was not taken yet: a panic may have come between, or the system has refused it.
    pub(crate) fn is_pending(&self) -> bool {
        self.state.load(Ordering::Acquire) != QUIET
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

    fn refusal() -> io::Result<()> {
        Err(io::ErrorKind::OutOfMemory.into())
    }

    fn wakeup() -> (mio::Poll, Wakeup) {
        let poll = mio::Poll::new().expect("a selector");
        let waker = Waker::new(poll.registry(), WAKE).expect("a waker");
        (poll, Wakeup::new(waker))
    }

    #[test]
    fn fault_p_a_wake_up_that_was_refused_is_asked_for_again() {
        let (mut poll, wakeup) = wakeup();
        let mut answers = [Err(io::ErrorKind::Interrupted.into()), refusal(), Ok(())].into_iter();
        wakeup.wake_by(|| answers.next().expect("no more are asked for"));
        assert!(answers.next().is_none(), "it was asked until it said yes");
        wakeup.wake_by(|| panic!("one is on its way"));
        assert!(wakeup.take_pending() && !wakeup.is_pending());

        let mut asked = 0;
        wakeup.wake_by(|| {
            asked += 1;
            refusal()
        });
        assert_eq!(asked, TRIES, "it is not asked without end");
        assert!(wakeup.is_pending(), "the loop does not go to sleep with it");
        wakeup.wake();
        let mut events = mio::Events::with_capacity(8);
        poll.poll(&mut events, None).expect("it is woken");
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [WAKE]);
        assert!(wakeup.take_pending() && !wakeup.is_pending());
    }

    /// The loop was awake, and has looked before the refusal was known.
    #[test]
    fn fault_p_a_refused_wake_up_that_the_loop_has_seen_is_over() {
        let (_poll, wakeup) = wakeup();
        wakeup.wake_by(|| {
            wakeup.take_pending();
            refusal()
        });
        assert!(!wakeup.is_pending());
    }

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
