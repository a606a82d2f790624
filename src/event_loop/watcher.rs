//! Idle, prepare and check watchers, and immediates. Mirrors libuv's `src/unix/loop-watcher.c` and Node's `setImmediate`.

use std::collections::VecDeque;

use super::steps::prune;
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
    /// Those of each phase.
    phases: [InPhase; 3],
    /// What the pass that runs now has still to call.
    batch: VecDeque<Key>,
    held: usize,
}

/// The watchers of one phase.
#[derive(Debug, Default)]
struct InPhase {
    /// Start order. Cleared ones are passed over, and forgotten now and then.
    order: VecDeque<Key>,
    count: usize,
}

#[derive(Debug)]
struct Watcher<W> {
    phase: Phase,
    has_ref: bool,
    /// Absent while it runs.
    callback: Option<W>,
}

impl<W> Default for Watchers<W> {
    fn default() -> Self {
        Self { slots: Table::default(), phases: Default::default(), batch: VecDeque::new(), held: 0 }
    }
}

impl<W> Watchers<W> {
    pub(crate) fn insert(&mut self, phase: Phase, callback: W) -> Key {
        let key = self.slots.insert(Watcher { phase, has_ref: true, callback: Some(callback) });
        let in_phase = &mut self.phases[phase as usize];
        in_phase.order.push_back(key);
        in_phase.count += 1;
        self.held += 1;
        key
    }

    pub(crate) fn remove(&mut self, key: Key) -> bool {
        let Some(watcher) = self.slots.remove(key) else {
            return false;
        };
        let in_phase = &mut self.phases[watcher.phase as usize];
        in_phase.count -= 1;
        prune(&mut in_phase.order, in_phase.count, |key| self.slots.get(key).is_some());
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
        self.held == self.slots.iter().filter(|(_, watcher)| watcher.has_ref).count()
            && self.phases.iter().map(|in_phase| in_phase.count).sum::<usize>() == self.slots.len()
    }

    pub(crate) fn has_idle(&self) -> bool {
        self.phases[Phase::Idle as usize].count > 0
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let in_order = self.phases.iter().flat_map(|in_phase| &in_phase.order);
        in_order.copied().filter(|&key| self.slots.get(key).is_some())
    }

    /// Lists the watchers of a phase; one started from here on waits for the next iteration.
    pub(crate) fn collect(&mut self, phase: Phase) {
        self.batch.clear();
        let in_phase = &self.phases[phase as usize];
        if in_phase.count > 0 {
            self.batch.extend(&in_phase.order);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::steps;

    fn called(watchers: &mut Watchers<usize>, phase: Phase) -> Vec<usize> {
        watchers.collect(phase);
        let mut called = Vec::new();
        while let Some((key, number)) = watchers.pop() {
            called.push(number);
            watchers.put_back(key, number);
        }
        called
    }

    #[test]
    fn watchers_are_called_in_start_order_whichever_were_cleared() {
        let mut watchers = Watchers::default();
        let phases = [Phase::Idle, Phase::Prepare, Phase::Check];
        let mut left: Vec<(usize, Key)> = (0..300).map(|n| (n, watchers.insert(phases[n % 3], n))).collect();
        for round in 0..290 {
            let (_, gone) = left.remove(round * 7 % left.len());
            assert!(watchers.remove(gone) && !watchers.remove(gone));
            for (at, phase) in phases.into_iter().enumerate() {
                let expected: Vec<usize> = left.iter().map(|&(n, _)| n).filter(|n| n % 3 == at).collect();
                assert_eq!(called(&mut watchers, phase), expected, "{phase:?} in round {round}");
            }
            assert_eq!(watchers.has_idle(), left.iter().any(|(n, _)| n % 3 == 0));
            assert!(watchers.counts_agree() && watchers.keys().count() == left.len());
        }
    }

    #[test]
    fn fault_o_clearing_watchers_takes_some_steps_each() {
        const MANY: usize = 10_000;
        let mut watchers = Watchers::default();
        let keys: Vec<Key> = (0..MANY).map(|n| watchers.insert(Phase::Check, n)).collect();
        let taken = steps(|| keys.iter().for_each(|&key| assert!(watchers.remove(key))));
        assert!(taken <= 3 * MANY, "{taken} steps");
        assert!(watchers.phases.iter().all(|in_phase| in_phase.order.len() <= 17), "what is cleared takes no memory");
    }
}
