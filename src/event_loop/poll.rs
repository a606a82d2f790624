//! The poll phase and the handle table. Mirrors `uv__io_poll` (libuv `src/unix/linux.c`) and `uv__io_start`.
//!
//! libuv asks the kernel anew each iteration; mio reports edges. So each slot caches its readiness, and whoever leaves work
//! undone puts its handle on the ready list: then the next poll does not wait and calls it again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Token};

use super::readiness::Readiness;
use super::remote::Wakeup;
use super::table::{Key, Table};
use super::{EVENTS, EventLoop, Host, WAKE, after_callback, run_posted};
use crate::sys::{self, Bell, Watched};

/// How many ready handles share one flush of what they wrote: enough for a crowd, few enough to let nobody wait for long.
const BATCH: usize = 64;

/// How often a full batch of events is followed by another poll within one iteration.
const FULL_BATCHES: usize = 48;

/// The handles, their cached readiness, and who is to be called.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    table: Table<Slot<T>>,
    ready: Vec<Key>,
    held: usize,
}

/// A handle in its slot.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    pub(crate) readiness: Readiness,
    /// On the ready list.
    listed: bool,
    /// Active and ref'd, or with a request under way: keeps the loop going.
    held: bool,
    pub(crate) handle: T,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self { table: Table::default(), ready: Vec::new(), held: 0 }
    }
}

impl<T> Handles<T> {
    pub(crate) fn insert(&mut self, handle: T) -> Key {
        self.table.insert(Slot { readiness: Readiness::default(), listed: false, held: false, handle })
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.table.remove(key)?;
        self.held -= usize::from(slot.held);
        Some(slot.handle)
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.table.get(key).map(|slot| &slot.handle)
    }

    #[inline]
    pub(crate) fn slot(&mut self, key: Key) -> Option<&mut Slot<T>> {
        self.table.get_mut(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.table.iter().map(|(key, slot)| (key, &slot.handle))
    }

    /// Says whether this handle holds the loop.
    pub(crate) fn hold(&mut self, key: Key, held: bool) {
        if let Some(slot) = self.table.get_mut(key) {
            self.held = self.held + usize::from(held) - usize::from(slot.held);
            slot.held = held;
        }
    }

    pub(crate) fn is_held(&self, key: Key) -> bool {
        self.table.get(key).is_some_and(|slot| slot.held)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.held > 0
    }

    /// What is counted is what a walk finds.
    pub(super) fn counts_agree(&self) -> bool {
        let count = |is: fn(&Slot<T>) -> bool| self.table.iter().filter(|(_, slot)| is(slot)).count();
        // One that is freed is passed over when its turn comes.
        self.held == count(|slot| slot.held) && self.ready.len() >= count(|slot| slot.listed)
    }

    /// Puts a handle on the ready list: it is called in the next poll phase, which does not wait.
    #[inline]
    pub(crate) fn list(&mut self, key: Key) {
        if let Some(slot) = self.table.get_mut(key)
            && !std::mem::replace(&mut slot.listed, true)
        {
            self.ready.push(key);
        }
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A handle whose turn has come: it may be listed again. [`Host::on_ready`] begins with this.
    #[inline]
    pub(crate) fn begin_turn(&mut self, key: Key) -> Option<&mut Slot<T>> {
        let slot = self.table.get_mut(key)?;
        slot.listed = false;
        Some(slot)
    }

    /// Notes what was reported of a handle; false if it is gone.
    #[inline]
    fn merge(&mut self, key: Key, readiness: Readiness) -> bool {
        let Some(slot) = self.table.get_mut(key) else {
            return false;
        };
        slot.readiness.insert(readiness);
        if !std::mem::replace(&mut slot.listed, true) {
            self.ready.push(key);
        }
        true
    }

    /// Notes what rang.
    fn merge_rung(&mut self, wakeup: &Wakeup) {
        for (key, readiness) in wakeup.take_rung() {
            self.merge(key, readiness);
        }
    }
}

/// Registers the source of one handle under its key, and counts the calls.
#[derive(Debug)]
pub(crate) struct Registrar<'l> {
    registry: &'l mio::Registry,
    key: Key,
    wakeup: &'l Arc<Wakeup>,
    registrations: &'l mut u64,
}

impl Registrar<'_> {
    /// Asks the selector to report on a source.
    pub(crate) fn register(&mut self, source: &mut impl Watched, interest: Interest) -> io::Result<()> {
        *self.registrations += 1;
        source.attach(|| self.bell());
        self.registry.register(source, self.token()?, interest)
    }

    /// Changes what is reported; the selector looks again at what is ready.
    pub(crate) fn reregister(&mut self, source: &mut impl Watched, interest: Interest) -> io::Result<()> {
        *self.registrations += 1;
        self.registry.reregister(source, self.token()?, interest)
    }

    fn token(&self) -> io::Result<Token> {
        self.key.to_token().ok_or_else(|| io::Error::new(io::ErrorKind::OutOfMemory, "more handles than a token can name"))
    }

    pub(crate) fn deregister(&mut self, source: &mut impl Watched) {
        *self.registrations += 1;
        // mio's poll(2) takes a source off by itself when it hangs up.
        if let Err(error) = self.registry.deregister(source)
            && error.kind() != io::ErrorKind::NotFound
        {
            log::debug!("handle {:?} cannot be taken off the selector: {error}", self.key);
        }
    }

    /// Rings for this handle. A bell that is kept too long is harmless: keys are not used twice.
    fn bell(&self) -> Bell {
        let (wakeup, key) = (Arc::clone(self.wakeup), self.key);
        Arc::new(move |readable, writable| {
            for (ready, bit) in [(readable, Readiness::READABLE), (writable, Readiness::WRITABLE)] {
                if ready {
                    wakeup.ring(key, bit);
                }
            }
        })
    }
}

impl<H: Host> EventLoop<H> {
    /// A handle together with what registers its source: the two are borrowed side by side.
    pub(crate) fn slot_and_registrar(&mut self, key: Key) -> Option<(&mut Slot<H::Handle>, Registrar<'_>)> {
        let slot = self.handles.table.get_mut(key)?;
        let (registry, wakeup) = (self.poll.registry(), &self.shared.wakeup);
        Some((slot, Registrar { registry, key, wakeup, registrations: &mut self.counters.registrations }))
    }

    /// The selector, for embedding the loop into another one (`uv_backend_fd`).
    #[cfg(not(mio_unsupported_force_poll_poll))]
    #[allow(dead_code, reason = "Windows has no descriptor to show")]
    pub(crate) fn registry(&self) -> &mio::Registry {
        self.poll.registry()
    }

    /// Waits, and merges what is reported into the cache. True if the batch was full.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let mut events = self.events.take().unwrap_or_else(|| Events::with_capacity(EVENTS));
        let waits = timeout != Some(Duration::ZERO);
        // Who waits has just read the clock.
        let before = self.now;
        let mut left = timeout;
        let result = loop {
            self.counters.polls += 1;
            match self.poll.poll(&mut events, left) {
                // A signal: wait for the rest of the time, not for all of it again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    let waited = Duration::from_nanos(self.clock.now().saturating_sub(before));
                    left = timeout.map(|timeout| timeout.saturating_sub(waited));
                }
                result => break result,
            }
        };
        if waits {
            // No callback ran meanwhile: nothing can bear the time before.
            self.now = self.clock.now();
            self.counters.idle += self.now.saturating_sub(before);
        } else {
            self.update_time();
        }
        let mut count = 0;
        if result.is_ok() {
            for event in &events {
                count += 1;
                let key = self.handles.table.key_of(event.token());
                let readiness = Readiness::from(event);
                if sys::comes_late() && event.token() != WAKE {
                    self.shared.wakeup.ring(key, readiness);
                    continue;
                }
                let found = self.handles.merge(key, readiness);
                if !found && event.token() == WAKE {
                    self.handles.merge_rung(&self.shared.wakeup);
                }
            }
            self.counters.events += count as u64;
        }
        self.events = Some(events);
        result.map(|()| count == EVENTS)
    }
}

/// The poll phase.
pub(super) fn poll<H: Host>(host: &mut H, timeout: Option<Duration>, state: &mut H::State) -> crate::Result<()> {
    host.event_loop().counters.iterations += 1;
    let mut timeout = timeout;
    for _ in 0..FULL_BATCHES {
        let full = host.event_loop().wait(timeout).map_err(|error| crate::Error::system("poll", error))?;
        call_ready(host, state);
        if !full {
            break;
        }
        timeout = Some(Duration::ZERO);
    }
    if host.event_loop().shared.wakeup.take_pending() {
        let event_loop = host.event_loop();
        // What rang since the wait.
        event_loop.handles.merge_rung(&event_loop.shared.wakeup);
        run_posted(host, state);
    }
    Ok(())
}

/// Calls every ready handle once. What they write leaves when all have had their turn, or a number of them. One that is listed
/// again meanwhile waits for the next phase.
fn call_ready<H: Host>(host: &mut H, state: &mut H::State) {
    let due = host.event_loop().handles.ready.len();
    let mut turns = Turns { host, over: 0, due };
    while turns.over < due {
        let event_loop = turns.host.event_loop();
        let key = event_loop.handles.ready[turns.over];
        event_loop.batching = !(turns.over + 1).is_multiple_of(BATCH);
        turns.host.on_ready(key, state);
        turns.over += 1;
    }
    drop(turns);
    host.event_loop().batching = false;
    after_callback(host, state);
}

/// Takes those off the ready list that were called. After a panic the one that was being called comes there again, behind the
/// others: the selector will not tell again what is left to be done on it.
struct Turns<'h, H: Host> {
    host: &'h mut H,
    over: usize,
    due: usize,
}

impl<H: Host> Drop for Turns<'_, H> {
    fn drop(&mut self) {
        let handles = &mut self.host.event_loop().handles;
        let called = handles.ready.drain(..self.due.min(self.over + 1)).next_back();
        if let Some(key) = called.filter(|_| self.over < self.due) {
            handles.list(key);
        }
    }
}
