//! Walks of lists that a program can make long: unit tests count their steps, and lists of keys are kept short.

use std::collections::VecDeque;

use super::table::Key;

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// One step of a walk. It costs nothing outside of unit tests.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
}

/// How many steps a call takes, on this thread.
#[cfg(test)]
pub(crate) fn steps(call: impl FnOnce()) -> usize {
    let before = STEPS.get();
    call();
    STEPS.get() - before
}

/// So few stale keys are not worth a walk.
const FEW: usize = 16;

/// Whether that is worth it.
#[inline]
pub(crate) fn is_long(keys: &VecDeque<Key>, live: usize) -> bool {
    keys.len() > FEW + 2 * live
}

/// Forgets the stale keys of a list once they are more than the live ones. So the list is as long as what it names, and a key
/// costs some steps in all.
#[inline]
pub(crate) fn prune(keys: &mut VecDeque<Key>, live: usize, mut is_live: impl FnMut(Key) -> bool) {
    if is_long(keys, live) {
        keys.retain(|&key| {
            step();
            is_live(key)
        });
    }
}
