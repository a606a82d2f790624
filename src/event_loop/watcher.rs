//! Idle, prepare and check watchers, and immediates. Mirrors libuv's `src/unix/loop-watcher.c` and Node's `setImmediate`.

use std::collections::VecDeque;

use super::table::{Key, Table};

/// The phase a watcher runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Prepare,
    Check,
}

/// The watchers, in start order. `W` is a watcher's callback.
#[derive(Debug)]
pub(crate) struct Watchers<W> {
    slots: Table<Watcher<W>>,
    /// Start order; cleared ones leave at once.
    order: Vec<(Phase, Key)>,
    /// What the pass that runs now has still to call.
    batch: VecDeque<Key>,
    held: usize,
}

#[derive(Debug)]
struct Watcher<W> {
    has_ref: bool,
    /// Absent while it runs.
    callback: Option<W>,
}

impl<W> Default for Watchers<W> {
    fn default() -> Self {
        Self { slots: Table::default(), order: Vec::new(), batch: VecDeque::new(), held: 0 }
    }
}

impl<W> Watchers<W> {
    pub(crate) fn insert(&mut self, phase: Phase, callback: W) -> Key {
        let key = self.slots.insert(Watcher { has_ref: true, callback: Some(callback) });
        self.order.push((phase, key));
        self.held += 1;
        key
    }

    pub(crate) fn remove(&mut self, key: Key) -> bool {
        let Some(watcher) = self.slots.remove(key) else {
            return false;
        };
        self.order.retain(|&(_, other)| other != key);
        self.held -= usize::from(watcher.has_ref);
        true
    }

    pub(crate) fn set_ref(&mut self, key: Key, has_ref: bool) -> bool {
        let Some(watcher) = self.slots.get_mut(key) else {
            return false;
        };
        let had_ref = std::mem::replace(&mut watcher.has_ref, has_ref);
        self.held = self.held + usize::from(has_ref) - usize::from(had_ref);
        true
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.held > 0
    }

    /// What is counted is what a walk finds.
    pub(super) fn counts_agree(&self) -> bool {
        self.held == self.slots.iter().filter(|(_, watcher)| watcher.has_ref).count() && self.order.len() == self.slots.len()
    }

    pub(crate) fn has_idle(&self) -> bool {
        self.order.iter().any(|&(phase, _)| phase == Phase::Idle)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.order.iter().map(|&(_, key)| key)
    }

    /// Lists the watchers of a phase; one started from here on waits for the next iteration.
    pub(crate) fn collect(&mut self, phase: Phase) {
        self.batch.clear();
        self.batch.extend(self.order.iter().filter(|entry| entry.0 == phase).map(|entry| entry.1));
    }

    /// Whether a pass was broken off by a panic: the rest is still to be called.
    pub(crate) fn has_collected(&self) -> bool {
        !self.batch.is_empty()
    }

    /// The next one of the list that is still there, with its callback taken out.
    pub(crate) fn pop(&mut self) -> Option<(Key, W)> {
        while let Some(key) = self.batch.pop_front() {
            if let Some(callback) = self.slots.get_mut(key).and_then(|watcher| watcher.callback.take()) {
                return Some((key, callback));
            }
        }
        None
    }

    pub(crate) fn put_back(&mut self, key: Key, callback: W) {
        if let Some(watcher) = self.slots.get_mut(key) {
            watcher.callback = Some(callback);
        }
    }
}

/// Callbacks for the next check phase, in order.
#[derive(Debug)]
pub(crate) struct Immediates<C> {
    slots: Table<C>,
    order: VecDeque<Key>,
}

impl<C> Default for Immediates<C> {
    fn default() -> Self {
        Self { slots: Table::default(), order: VecDeque::new() }
    }
}

impl<C> Immediates<C> {
    pub(crate) fn insert(&mut self, callback: C) -> Key {
        let key = self.slots.insert(callback);
        self.order.push_back(key);
        key
    }

    pub(crate) fn remove(&mut self, key: Key) -> bool {
        self.slots.remove(key).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    /// How many to look at in this phase: what they add waits for the next.
    pub(crate) fn batch(&self) -> usize {
        self.order.len()
    }

    /// The next one; `None` inside if it was cleared.
    pub(crate) fn pop(&mut self) -> Option<C> {
        let key = self.order.pop_front()?;
        self.slots.remove(key)
    }
}
