//! What the selector has reported and no operation has disproved yet.
//!
//! mio reports edges: after a read that was left half done it says nothing more. So each handle remembers. A bit is set by
//! events and cleared only by an operation that would block, or proves that the next one would; the two `closed` bits are
//! final.

use mio::event::Event;

use crate::sys;

/// The readiness cache of one handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness(u8);

impl Readiness {
    pub(crate) const READABLE: Self = Self(1);
    pub(crate) const WRITABLE: Self = Self(2);
    /// The peer has ended, or the connection is gone. A hint: the verdict comes from `read`.
    pub(crate) const READ_CLOSED: Self = Self(4);
    /// Writing is over. A hint as well.
    pub(crate) const WRITE_CLOSED: Self = Self(8);
    pub(crate) const ERROR: Self = Self(16);
    /// There is urgent data, at which a read ends; comes with `READABLE`.
    pub(crate) const PRIORITY: Self = Self(32);
    /// A short read of this stream proves nothing. No event, and never cleared.
    pub(crate) const DOUBTS: Self = Self(64);

    /// Something to read: bytes, the end, or an error.
    pub(crate) const INPUT: Self = Self(1 | 4 | 16 | 32);
    /// Something for the writing side: room, or an error.
    pub(crate) const OUTPUT: Self = Self(2 | 8 | 16);

    #[inline]
    pub(crate) fn has_any(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    /// There is room to write, and no sign that a write may fail.
    #[inline]
    pub(crate) fn is_clear(self) -> bool {
        self.0 & Self::OUTPUT.0 == Self::WRITABLE.0
    }

    /// Whether a read that is short may have left something.
    #[inline]
    pub(crate) fn doubts_short_reads(self) -> bool {
        self.0 & (Self::PRIORITY.0 | Self::DOUBTS.0) != 0
    }

    #[inline]
    pub(crate) fn insert(&mut self, bits: Self) {
        self.0 |= bits.0;
    }

    #[inline]
    pub(crate) fn remove(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }
}

impl From<&Event> for Readiness {
    #[inline]
    fn from(event: &Event) -> Self {
        let mut readiness = Self(if event.is_readable() { Self::READABLE.0 } else { 0 });
        readiness.0 |= if event.is_writable() { Self::WRITABLE.0 } else { 0 };
        // Nearly never, and together a single test.
        if sys::says_more(event) {
            for (reported, bit) in [
                (event.is_read_closed(), Self::READ_CLOSED),
                (event.is_write_closed(), Self::WRITE_CLOSED),
                (event.is_error(), Self::ERROR),
                (event.is_priority(), Self::PRIORITY),
            ] {
                readiness.0 |= if reported { bit.0 } else { 0 };
            }
        }
        readiness
    }
}
