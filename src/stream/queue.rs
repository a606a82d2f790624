//! Bytes on their way to the kernel: small ones copied together, large ones kept as they are.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

/// One piece of the queue.
pub(crate) enum Chunk {
    /// Copied, and open for more.
    Copied(Vec<u8>),
    /// Shared with other queues.
    Shared(Arc<[u8]>),
    /// The caller's own value, dropped when sent or cancelled.
    Owned(Box<dyn AsRef<[u8]>>),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Owned(bytes) => (**bytes).as_ref(),
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({})", self.bytes().len())
    }
}

/// A queue of bytes: chunks, and behind them the copied bytes that are open for more.
///
/// Invariant: `len` is what the chunks promise plus the open bytes, less `offset`.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    /// Each with the length it had when it came: a caller's `AsRef` may change its mind.
    chunks: VecDeque<(Chunk, usize)>,
    /// Copied, behind all chunks. Small writes go no further than here.
    open: Vec<u8>,
    /// How much of the first piece is gone: of the first chunk, or of the open bytes if there is none.
    offset: usize,
    len: usize,
    /// An emptied buffer for when the open one becomes a chunk.
    spare: Vec<u8>,
}

/// So many copied bytes become a chunk, and the next ones begin another.
const COPY_LIMIT: usize = 64 * 1024;

/// The least that the buffer of copied bytes begins with.
const FIRST: usize = 64;

/// Slices handed to the kernel at once.
pub(super) const SLICES: usize = 64;

impl ByteQueue {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies bytes to the end.
    #[inline]
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if bytes.len() <= self.open.capacity() - self.open.len() {
            self.open.extend_from_slice(bytes);
        } else {
            self.copy_and_grow(bytes);
        }
    }

    /// The same where the open buffer has not enough room. It grows up to the limit and is filled up to it before the next one is
    /// begun: a full queue owns hardly more memory than it has bytes.
    #[inline(never)]
    fn copy_and_grow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.open.len() >= COPY_LIMIT {
                self.seal();
            }
            let (now, later) = bytes.split_at(bytes.len().min(COPY_LIMIT - self.open.len()));
            self.reserve(now.len());
            self.open.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Makes room for more open bytes, which do not pass the limit.
    fn reserve(&mut self, more: usize) {
        let wanted = self.open.len() + more;
        if wanted > self.open.capacity() {
            let is_long = matches!(self.chunks.back(), Some((Chunk::Copied(_), COPY_LIMIT)));
            let room = if is_long { COPY_LIMIT } else { (2 * self.open.capacity()).clamp(FIRST, COPY_LIMIT) };
            self.open.reserve_exact(room.max(wanted) - self.open.len());
        }
    }

    /// Makes a chunk of the open bytes.
    fn seal(&mut self) {
        if !self.open.is_empty() {
            let sealed = std::mem::replace(&mut self.open, std::mem::take(&mut self.spare));
            let len = sealed.len();
            self.chunks.push_back((Chunk::Copied(sealed), len));
        }
    }

    /// Appends `len` bytes of a chunk, behind its first `skip`, which have left already. The chunk holds at least that many now.
    pub(crate) fn push(&mut self, chunk: Chunk, skip: usize, len: usize) {
        if len == 0 {
            return;
        }
        self.seal();
        if skip > 0 && !self.chunks.is_empty() {
            // Only the first piece can have an offset.
            self.copy(&chunk.bytes()[skip..skip + len]);
            return;
        }
        self.len += len;
        self.offset += skip;
        self.chunks.push_back((chunk, skip + len));
    }

    /// The first piece.
    pub(super) fn first(&self) -> &[u8] {
        match self.chunks.front() {
            Some((chunk, len)) => chunk.bytes().get(self.offset..*len).unwrap_or_default(),
            None => self.open.get(self.offset..).unwrap_or_default(),
        }
    }

    /// The bytes that go next, as many as fit; returns how many slices were filled.
    pub(super) fn slices<'q>(&'q self, slices: &mut [IoSlice<'q>; SLICES]) -> usize {
        let mut filled = 0;
        let mut offset = self.offset;
        let chunks = self.chunks.iter().map(|(chunk, len)| (chunk.bytes(), *len));
        for ((bytes, len), slice) in chunks.chain([(&self.open[..], self.open.len())]).zip(slices.iter_mut()) {
            *slice = IoSlice::new(bytes.get(offset..len).unwrap_or_default());
            offset = 0;
            filled += 1;
        }
        filled
    }

    /// All bytes, if they are copied ones in one piece.
    #[inline]
    pub(super) fn copied(&self) -> Option<&[u8]> {
        self.open.get(self.offset..).filter(|bytes| bytes.len() == self.len && self.len > 0)
    }

    /// The kernel has taken what [`copied`](Self::copied) gave.
    #[inline]
    pub(super) fn empty_copied(&mut self) {
        self.open.clear();
        (self.offset, self.len) = (0, 0);
    }

    /// All bytes, if they lie in one piece.
    pub(super) fn single(&self) -> Option<&[u8]> {
        if self.chunks.is_empty() {
            return self.open.get(self.offset..);
        }
        match self.chunks.len() {
            1 if self.open.is_empty() => {
                self.chunks.front().map(|(chunk, len)| chunk.bytes().get(self.offset..*len).unwrap_or_default())
            }
            _ => None,
        }
    }

    /// Forgets bytes that the kernel has taken.
    #[inline]
    pub(super) fn advance(&mut self, taken: usize) {
        self.len -= taken.min(self.len);
        self.offset += taken;
        if !self.chunks.is_empty() {
            self.drop_sent_chunks();
        }
        if self.len == 0 && self.chunks.is_empty() {
            self.open.clear();
            self.offset = 0;
        }
        debug_assert!(!self.chunks.is_empty() || self.offset + self.len == self.open.len(), "{self:?}");
    }

    fn drop_sent_chunks(&mut self) {
        while let Some((_, len)) = self.chunks.front() {
            if self.offset < *len {
                return;
            }
            self.offset -= len;
            if let Some((Chunk::Copied(mut bytes), _)) = self.chunks.pop_front()
                && bytes.capacity() > self.spare.capacity()
            {
                bytes.clear();
                self.spare = bytes;
            }
        }
    }

    /// Drops a first chunk that gives fewer bytes than it promised, so that the queue cannot stall on it. Returns how many
    /// bytes it still owed.
    pub(super) fn drop_broken(&mut self) -> usize {
        match self.chunks.front() {
            Some((chunk, len)) if chunk.bytes().len() < *len => {
                let owed = (len - self.offset).min(self.len);
                self.len -= owed;
                self.offset = 0;
                self.chunks.pop_front();
                owed
            }
            _ => 0,
        }
    }

    /// Drops what is queued, and the buffers.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether buffers larger than `keep` are kept for the next copies.
    #[inline]
    pub(crate) fn keeps_more_than(&self, keep: usize) -> bool {
        self.open.capacity() > keep || self.spare.capacity() > keep
    }

    /// Gives buffers larger than `keep` back.
    pub(crate) fn shrink(&mut self, keep: usize) {
        for buffer in [&mut self.open, &mut self.spare] {
            if buffer.capacity() > keep {
                *buffer = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(queue: &ByteQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = queue.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn small_writes_become_one_chunk() {
        let mut queue = ByteQueue::default();
        queue.copy(b"ab");
        queue.copy(b"cd");
        assert_eq!((queue.len, queue.single()), (4, Some(&b"abcd"[..])));
        queue.advance(3);
        assert_eq!(queue.single(), Some(&b"d"[..]));
        queue.push(Chunk::Shared(Arc::from(&b"xyz"[..])), 1, 2);
        assert_eq!(contents(&queue), b"dyz");
        queue.advance(3);
        assert!(queue.is_empty() && queue.chunks.is_empty());
        let buffer = queue.open.as_ptr();
        queue.copy(b"e");
        assert_eq!(queue.single().map(<[u8]>::as_ptr), Some(buffer), "the buffer is used again");
    }

    #[test]
    fn what_waits_costs_hardly_more_than_its_bytes() {
        for len in [1, 100, 4096, 6000, 12_288, 13_107, 16_383, 65_535, 65_536, 65_537, 200_000] {
            let mut queue = ByteQueue::default();
            let bytes: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let times = 1_000_000 / len;
            (0..times).for_each(|_| queue.copy(&bytes));
            let owned: usize = queue.open.capacity() + queue.chunks.iter().map(|(chunk, _)| capacity(chunk)).sum::<usize>();
            assert!(owned < queue.len + COPY_LIMIT, "{owned} for {} bytes in pieces of {len}", queue.len);
            assert!(contents(&queue) == bytes.repeat(times), "in pieces of {len}");
        }
        let mut queue = ByteQueue::default();
        (0..1000).for_each(|_| queue.copy(b"1"));
        assert!(queue.open.capacity() <= 2000, "a short queue owns {}", queue.open.capacity());
    }

    fn capacity(chunk: &Chunk) -> usize {
        match chunk {
            Chunk::Copied(bytes) => bytes.capacity(),
            Chunk::Shared(_) | Chunk::Owned(_) => unreachable!("all of it was copied"),
        }
    }

    #[test]
    fn an_offset_survives_partial_writes() {
        let mut queue = ByteQueue::default();
        queue.push(Chunk::Owned(Box::new(vec![1, 2, 3, 4])), 1, 3);
        queue.push(Chunk::Owned(Box::new("ab")), 0, 2);
        assert_eq!((queue.len, contents(&queue)), (5, vec![2, 3, 4, b'a', b'b']));
        queue.advance(4);
        assert_eq!(contents(&queue), b"b");
    }

    #[test]
    fn any_split_gives_the_same_bytes() {
        let mut queue = ByteQueue::default();
        let (mut sent, mut expected, mut n) = (Vec::new(), Vec::new(), 0_usize);
        for round in 0..400 {
            let bytes: Vec<u8> = (0..round % 37).map(|byte| (byte + round) as u8).collect();
            expected.extend_from_slice(&bytes);
            match round % 3 {
                0 => queue.copy(&bytes),
                1 => queue.push(Chunk::Shared(bytes.clone().into()), 0, bytes.len()),
                _ => queue.push(Chunk::Owned(Box::new(bytes.clone())), 0, bytes.len()),
            }
            n = (n * 7 + 3) % 23;
            let next = contents(&queue);
            let taken = n.min(next.len());
            sent.extend_from_slice(&next[..taken]);
            queue.advance(taken);
        }
        while !queue.is_empty() {
            let next = contents(&queue);
            sent.extend_from_slice(&next);
            queue.advance(next.len());
        }
        assert_eq!(sent, expected);
    }
}
