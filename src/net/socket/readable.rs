//! The reading half's buffer and flow: Node's `ReadableState`. Pure: no I/O, no callback.

use std::collections::VecDeque;

/// `readableFlowing`: whether anybody wants chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Nobody has asked yet.
    #[default]
    Initial,
    Flowing,
    Paused,
}

/// What was read and is not yet emitted. Boxed when it is first needed: a flowing socket never does.
#[derive(Debug, Default)]
pub(crate) struct Readable {
    pub(crate) flow: Flow,
    /// Reading was asked for: by construction, a `data` listener or `resume`.
    pub(crate) started: bool,
    /// A resume is on the tick queue.
    pub(crate) resume_scheduled: bool,
    /// An `end` is on the tick queue.
    pub(crate) end_scheduled: bool,
    buffer: Option<Box<Buffer>>,
}

#[derive(Debug, Default)]
struct Buffer {
    chunks: VecDeque<Vec<u8>>,
    len: usize,
}

impl Readable {
    /// For a new life of the same socket: the flow stays, as in Node.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.buffer = None;
        self.started = false;
        self.end_scheduled = false;
    }

    #[inline]
    pub(crate) fn is_flowing(&self) -> bool {
        self.flow == Flow::Flowing
    }

    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.flow == Flow::Paused
    }

    /// Bytes waiting to be emitted.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.len)
    }

    /// Whether to read on: below the high-water mark, and always while nothing waits. A paused socket reads ahead up to it, so
    /// that a bare FIN or a reset is noticed.
    #[inline]
    pub(crate) fn wants_more(&self, high_water_mark: usize) -> bool {
        let len = self.len();
        self.started && (len == 0 || len < high_water_mark)
    }

    #[inline]
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let buffer = self.buffer.get_or_insert_default();
        buffer.len += chunk.len();
        buffer.chunks.push_back(chunk.to_vec());
    }

    /// The oldest chunk, whole as it was read.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        let buffer = self.buffer.as_mut()?;
        let chunk = buffer.chunks.pop_front();
        buffer.len -= chunk.as_ref().map_or(0, Vec::len);
        if buffer.chunks.is_empty() {
            self.buffer = None;
        }
        chunk
    }

    /// Drops what waits: after a destroy it is lost, as in Node.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.buffer = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_goes_on_until_the_mark_is_reached() {
        let mut readable = Readable::default();
        assert!(!readable.wants_more(8), "not started");
        readable.started = true;
        assert!(readable.wants_more(8));
        readable.push(b"12345");
        assert!(readable.wants_more(8));
        readable.push(b"678");
        assert!(!readable.wants_more(8));
        assert_eq!(readable.pop().as_deref(), Some(&b"12345"[..]), "chunks stay whole");
        assert!(readable.wants_more(8));
        assert_eq!((readable.len(), readable.pop().map(|chunk| chunk.len()), readable.pop()), (3, Some(3), None));
    }

    #[test]
    fn a_mark_of_zero_still_reads_while_empty() {
        let mut readable = Readable { started: true, ..Readable::default() };
        assert!(readable.wants_more(0));
        readable.push(b"1");
        assert!(!readable.wants_more(0));
    }
}
