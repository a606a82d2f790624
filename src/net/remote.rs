//! A reactor's handle for other threads.

use std::fmt;
use std::sync::{Arc, mpsc};

use super::Reactor;
use crate::code;
use crate::error::Error;
use crate::event_loop::{LoopGuard, Post, Shared};

/// Posts callbacks to a reactor from any thread. Mirrors `uv_async_send`, with a queue so that nothing melts into one.
///
/// It does not hold the loop (a Ctrl-C handler must not); take a [`LoopGuard`] for that.
///
/// ```
/// let mut reactor = netloop::Reactor::<u32>::new()?;
/// let (remote, guard) = (reactor.remote(), reactor.keep_alive());
/// let worker = std::thread::spawn(move || {
///     let sent = remote.post(|_, count| *count += 1);
///     drop(guard);
///     sent
/// });
/// let mut count = 0;
/// reactor.run(&mut count)?;
/// worker.join().expect("no panic")?;
/// assert_eq!(count, 1);
/// # Ok::<(), netloop::Error>(())
/// ```
pub struct Remote<S = ()>(Arc<Shared<Post<Reactor<S>>>>);

/// Why a reactor could not be reached.
///
/// ```
/// use netloop::{Reactor, RemoteError};
///
/// let mut reactor = Reactor::<()>::new()?;
/// let remote = reactor.remote();
/// assert_eq!(remote.ask(|_, _| ()), Err(RemoteError::OnLoopThread));
/// drop(reactor);
/// assert_eq!(remote.post(|_, _| {}), Err(RemoteError::Gone));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteError {
    /// The reactor was dropped.
    Gone,
    /// [`Remote::ask`] on the loop's own thread would wait for itself.
    OnLoopThread,
}

impl<S> Remote<S> {
    /// Runs `callback` on the loop, in the poll phase, after everything posted before. Mirrors `uv_async_send`.
    ///
    /// # Errors
    ///
    /// [`RemoteError::Gone`] if the reactor was dropped.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (remote, guard) = (reactor.remote(), reactor.keep_alive());
    /// let worker = std::thread::spawn(move || {
    ///     let _guard = guard; // the loop waits for this thread
    ///     remote.post(|_, count| *count += 1)
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// worker.join().expect("no panic")?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn post(&self, callback: impl FnOnce(&mut Reactor<S>, &mut S) + Send + 'static) -> Result<(), RemoteError> {
        self.0.post(Box::new(callback)).map_err(|_| RemoteError::Gone)
    }

    /// Runs `callback` on the loop and waits for its answer: for metrics threads and tests.
    ///
    /// It waits until the loop runs; what holds the loop is up to you.
    ///
    /// # Errors
    ///
    /// [`RemoteError::Gone`] if the reactor is dropped before it answers, [`RemoteError::OnLoopThread`] on its own thread.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (remote, guard) = (reactor.remote(), reactor.keep_alive());
    /// let worker = std::thread::spawn(move || {
    ///     let answer = remote.ask(|_, state| *state);
    ///     drop(guard);
    ///     answer
    /// });
    /// reactor.run(&mut 7)?;
    /// assert_eq!(worker.join().expect("no panic"), Ok(7));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn ask<T: Send + 'static>(
        &self,
        callback: impl FnOnce(&mut Reactor<S>, &mut S) -> T + Send + 'static,
    ) -> Result<T, RemoteError> {
        if self.0.is_loop_thread() {
            return Err(RemoteError::OnLoopThread);
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        self.post(move |reactor, state| {
            let answer = callback(reactor, state);
            // Nobody waits only if the asking thread is gone.
            let _ = sender.send(answer);
        })?;
        receiver.recv().map_err(|_| RemoteError::Gone)
    }

    /// Holds the loop until the guard is dropped. As [`Reactor::keep_alive`], from any thread.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let guard = reactor.remote().keep_alive();
    /// assert!(reactor.is_alive());
    /// drop(guard);
    /// assert!(!reactor.is_alive());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn keep_alive(&self) -> LoopGuard {
        LoopGuard::new(&self.0.wakeup)
    }
}

impl<S> Clone for Remote<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Remote<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "The reactor is gone.",
            Self::OnLoopThread => "The loop's own thread cannot wait for the loop.",
        })
    }
}

impl std::error::Error for RemoteError {}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        let code = match error {
            RemoteError::Gone => code::ERR_REACTOR_GONE,
            RemoteError::OnLoopThread => code::ERR_REACTOR_THREAD,
        };
        Self::with_code(code, error.to_string())
    }
}

impl<S> Reactor<S> {
    /// A handle for other threads. Mirrors `uv_async_init`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let remote = reactor.remote();
    /// remote.post(|reactor, _| reactor.stop())?;
    /// assert!(remote.clone().post(|_, _| {}).is_ok(), "clones reach the same reactor");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remote(&mut self) -> Remote<S> {
        Remote(Arc::clone(&self.event_loop.shared))
    }
}
