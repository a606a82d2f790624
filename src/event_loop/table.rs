//! A slab whose keys carry a generation: a key that outlives its entry finds nothing, never the entry that took its slot.

use std::fmt;
use std::num::NonZeroU64;

use slab::Slab;

/// Names an entry of one [`Table`]: a slot that is used again gets another generation, the upper half, never zero. After four
/// billion uses of one slot a key comes again; a stale one does harm only if it was kept as long and is used in that very one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(NonZeroU64);

/// On 64-bit systems a token is the key. One of 32 bits has room for 20 of the index and the lower 12 of the generation: enough
/// to tell a handle from those before it in its slot, of which an event may be under way.
const INDEX_BITS: u32 = if usize::BITS == 64 { 32 } else { 20 };
const INDEX_MASK: usize = usize::MAX >> (usize::BITS - INDEX_BITS);

impl Key {
    /// Names nothing: the last index is not handed out.
    pub(crate) const NONE: Self = Self(NonZeroU64::MAX);

    #[inline]
    fn new(index: usize, generation: u32) -> Self {
        NonZeroU64::new(u64::from(generation) << 32 | index as u64).map_or(Self::NONE, Self)
    }

    #[inline]
    fn index(self) -> usize {
        self.0.get() as u32 as usize
    }

    fn generation(self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    /// The key as a registration token; `None` if it has no room for the index. `usize::MAX` is never among them.
    #[inline]
    pub(crate) fn to_token(self) -> Option<mio::Token> {
        (self.index() < INDEX_MASK).then(|| self.token())
    }

    #[inline]
    fn token(self) -> mio::Token {
        mio::Token((self.generation() as usize) << (INDEX_BITS % usize::BITS) | self.index())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.generation())
    }
}

/// The entries with their keys, and beside them the generations that come next, which outlive the entries.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slab: Slab<Entry<T>>,
    next: Vec<u32>,
}

#[derive(Debug)]
struct Entry<T> {
    key: Key,
    value: T,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slab: Slab::new(), next: Vec::new() }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, value: T) -> Key {
        let vacant = self.slab.vacant_entry();
        let index = vacant.key();
        if index == self.next.len() {
            self.next.push(1);
        }
        let key = Key::new(index, self.next[index]);
        vacant.insert(Entry { key, value });
        debug_assert!(index < u32::MAX as usize, "memory does not hold so many");
        key
    }

    /// Frees the slot; from here on the key is stale.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        self.next[key.index()] = key.generation().wrapping_add(1).max(1);
        Some(self.slab.remove(key.index()).value)
    }

    /// The key that has this token.
    #[inline]
    pub(crate) fn key_of(&self, token: mio::Token) -> Key {
        let index = token.0 & INDEX_MASK;
        if usize::BITS == 64 {
            return Key::new(index, (token.0 >> (INDEX_BITS % usize::BITS)) as u32);
        }
        let key = self.slab.get(index).map(|entry| entry.key);
        key.filter(|key| key.token() == token).unwrap_or(Key::NONE)
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let entry = self.slab.get(key.index())?;
        (entry.key == key).then_some(&entry.value)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.slab.get_mut(key.index())?;
        (entry.key == key).then_some(&mut entry.value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slab.iter().map(|(_, entry)| (entry.key, &entry.value))
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing_after_the_slot_is_used_again() {
        let mut table = Table::default();
        let first = table.insert("first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second");
        assert_eq!(first.index(), second.index(), "the slot is used again");
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&"second"));
    }

    #[test]
    fn keys_survive_the_way_through_a_token() {
        let mut table = Table::default();
        for value in 0..3 {
            let key = table.insert(value);
            assert_eq!(key.to_token().map(|token| table.key_of(token)), Some(key));
        }
        assert_eq!(table.get(table.key_of(mio::Token(usize::MAX))), None, "the waker's");
        assert_eq!(Key::NONE.to_token(), None);
    }

    /// A token of 32 bits has no room for all of a generation: the keys have.
    #[test]
    fn fault_f_no_key_comes_again_soon() {
        let mut table = Table::default();
        let first = table.insert(0);
        let token = first.to_token();
        table.remove(first);
        for n in 1..10_000 {
            let key = table.insert(n);
            assert_eq!((key.index(), key == first, table.get(first)), (first.index(), false, None));
            let found = key.to_token().map(|token| table.key_of(token));
            assert_eq!(found, Some(key));
            assert!(usize::BITS == 32 || key.to_token() != token);
            table.remove(key);
        }
    }
}
