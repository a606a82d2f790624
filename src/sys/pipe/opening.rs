//! Waiting for an instance of a pipe to become free. Mirrors `pipe_connect_thread_proc`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use tokio::task::AbortHandle;

use super::{ERROR_PIPE_BUSY, WSAETIMEDOUT, driver};

/// How long a client waits, as in libuv, and how long between two attempts: the call that would wait is not to be had
/// without `unsafe`.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

type Answer = Arc<Mutex<Option<io::Result<NamedPipeClient>>>>;

/// An attempt that goes on; dropping it ends it.
#[derive(Debug)]
pub(super) struct Opening {
    path: PathBuf,
    answer: Answer,
    task: Option<AbortHandle>,
}

impl Opening {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), answer: Answer::default(), task: None }
    }

    /// Begins, unless it has begun; the waker is woken for the answer.
    pub(super) fn begin(&mut self, waker: &Waker) -> io::Result<()> {
        if self.task.is_none() {
            let (path, answer, waker) = (self.path.clone(), Arc::clone(&self.answer), waker.clone());
            let task = driver()?.spawn(async move {
                let result = open_when_free(&path).await;
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                waker.wake();
            });
            self.task = Some(task.abort_handle());
        }
        Ok(())
    }

    pub(super) fn take(&self) -> Option<io::Result<NamedPipeClient>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn open_when_free(path: &Path) -> io::Result<NamedPipeClient> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY) => {
                if Instant::now() >= deadline {
                    return Err(io::Error::from_raw_os_error(WSAETIMEDOUT));
                }
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}
