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

/// Where what is read goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sink {
    /// To `data` listeners.
    #[default]
    Data,
    /// To these and, decoded, to `text` listeners.
    Text,
    /// Into the caller's own buffer.
    Buffer,
}

/// What was read and is not yet emitted. Boxed when it is first needed: a flowing socket never does.
#[derive(Debug, Default)]
pub(crate) struct Readable {
    pub(crate) flow: Flow,
    pub(crate) sink: Sink,
    /// Nothing is read until `resume`: only where the caller's own buffer is filled.
    pub(crate) stopped: bool,
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
    /// So many bytes of the first chunk have been taken.
    taken: usize,
    len: usize,
}

impl Readable {
    /// For a new life of the same socket: the flow stays, as in Node.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.buffer = None;
        self.started = false;
        self.stopped = self.sink == Sink::Buffer && self.is_paused();
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
    /// that a bare FIN or a reset is noticed; into the caller's own buffer nothing is read ahead.
    #[inline]
    pub(crate) fn wants_more(&self, high_water_mark: usize) -> bool {
        let len = self.len();
        self.started && !self.stopped && (len == 0 || (len < high_water_mark && self.sink != Sink::Buffer))
    }

    /// Chunks go straight to the listeners.
    pub(crate) fn is_passing_on(&self) -> bool {
        self.is_flowing() && self.sink != Sink::Buffer && self.buffer.is_none()
    }

    /// Whether bytes that were read before the caller's own buffer was there are to go into it now.
    pub(crate) fn feeds_buffer(&self) -> bool {
        self.sink == Sink::Buffer && !self.stopped && self.len() > 0
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
        let mut chunk = buffer.chunks.pop_front()?;
        chunk.drain(..std::mem::take(&mut buffer.taken));
        buffer.len -= chunk.len();
        if buffer.chunks.is_empty() {
            debug_assert_eq!(buffer.len, 0, "bytes are counted that are in no chunk");
            self.buffer = None;
        }
        Some(chunk)
    }

    /// Moves the oldest bytes into `space`, as many as it has room for but not beyond one chunk.
    pub(crate) fn pop_into(&mut self, space: &mut [u8]) -> usize {
        let Some(buffer) = &mut self.buffer else {
            return 0;
        };
        let Some(left) = buffer.chunks.front().map(|chunk| &chunk[buffer.taken..]) else {
            return 0;
        };
        let (len, whole) = (left.len().min(space.len()), left.len() <= space.len());
        space[..len].copy_from_slice(&left[..len]);
        buffer.taken += len;
        buffer.len -= len;
        if whole {
            buffer.chunks.pop_front();
            buffer.taken = 0;
        }
        if buffer.chunks.is_empty() {
            debug_assert_eq!(buffer.len, 0, "bytes are counted that are in no chunk");
            self.buffer = None;
        }
        len
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
    fn bytes_are_moved_in_pieces_that_fit() {
        let mut readable = Readable::default();
        readable.push(b"01234");
        readable.push(b"567");
        readable.push(b"89");
        let mut space = [0; 4];
        let mut pieces = Vec::new();
        for _ in 0..3 {
            let len = readable.pop_into(&mut space);
            pieces.push(space[..len].to_vec());
        }
        assert_eq!(pieces, [&b"0123"[..], b"4", b"567"]);
        assert_eq!((readable.pop_into(&mut space[..1]), readable.len()), (1, 1));
        assert_eq!((readable.pop().as_deref(), readable.len()), (Some(&b"9"[..]), 0));
        assert_eq!(readable.pop_into(&mut space), 0);
    }

    #[test]
    fn a_mark_of_zero_still_reads_while_empty() {
        let mut readable = Readable { started: true, ..Readable::default() };
        assert!(readable.wants_more(0));
        readable.push(b"1");
        assert!(!readable.wants_more(0));
    }
}
