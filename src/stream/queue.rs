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

/// A queue of bytes. Invariant: `len` is the sum of the chunks' promised lengths less `offset`.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    /// Each with the length it had when it came: a caller's `AsRef` may change its mind.
    chunks: VecDeque<(Chunk, usize)>,
    /// How much of the first chunk is gone.
    offset: usize,
    len: usize,
    /// An emptied buffer for the next copy.
    spare: Vec<u8>,
}

/// A copied chunk takes more until it is this long.
pub(crate) const COPY_LIMIT: usize = 64 * 1024;

/// Slices handed to the kernel at once.
pub(super) const SLICES: usize = 64;

impl ByteQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies bytes to the end.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if let Some((Chunk::Copied(last), len)) = self.chunks.back_mut()
            && *len + bytes.len() <= COPY_LIMIT
        {
            last.extend_from_slice(bytes);
            *len += bytes.len();
            return;
        }
        let mut copy = std::mem::take(&mut self.spare);
        copy.extend_from_slice(bytes);
        self.chunks.push_back((Chunk::Copied(copy), bytes.len()));
    }

    /// Appends a chunk whose first `skip` bytes have left already.
    pub(crate) fn push(&mut self, chunk: Chunk, skip: usize) {
        let len = chunk.bytes().len();
        if len <= skip {
            return;
        }
        if skip == 0 {
            self.len += len;
            self.chunks.push_back((chunk, len));
        } else if self.chunks.is_empty() {
            self.len += len - skip;
            self.offset = skip;
            self.chunks.push_back((chunk, len));
        } else {
            // Only the first chunk can have an offset.
            self.copy(&chunk.bytes()[skip..]);
        }
    }

    /// The bytes that go next, as many as fit; returns how many slices were filled.
    pub(super) fn slices<'q>(&'q self, slices: &mut [IoSlice<'q>; SLICES]) -> usize {
        let mut filled = 0;
        let mut offset = self.offset;
        for ((chunk, len), slice) in self.chunks.iter().zip(slices.iter_mut()) {
            let bytes = chunk.bytes();
            *slice = IoSlice::new(bytes.get(offset..*len).unwrap_or_default());
            offset = 0;
            filled += 1;
        }
        filled
    }

    /// The first chunk's rest, if it is the only one.
    pub(super) fn single(&self) -> Option<&[u8]> {
        match self.chunks.len() {
            1 => self.chunks.front().map(|(chunk, len)| chunk.bytes().get(self.offset..*len).unwrap_or_default()),
            _ => None,
        }
    }

    /// Forgets bytes that the kernel has taken.
    pub(super) fn advance(&mut self, mut taken: usize) {
        self.len -= taken.min(self.len);
        while let Some((_, len)) = self.chunks.front() {
            let left = len - self.offset;
            if taken < left {
                self.offset += taken;
                return;
            }
            taken -= left;
            self.offset = 0;
            if let Some((Chunk::Copied(mut bytes), _)) = self.chunks.pop_front()
                && bytes.capacity() > self.spare.capacity()
            {
                bytes.clear();
                self.spare = bytes;
            }
        }
    }

    /// Drops a first chunk that gives fewer bytes than it promised, so that the queue cannot stall on it.
    pub(super) fn drop_broken(&mut self) -> bool {
        match self.chunks.front() {
            Some((chunk, len)) if chunk.bytes().len() < *len => {
                self.len -= (len - self.offset).min(self.len);
                self.offset = 0;
                self.chunks.pop_front();
                true
            }
            _ => false,
        }
    }

    /// Empties the queue; a buffer for the next copy stays if it is no larger than `keep`.
    pub(crate) fn clear(&mut self, keep: usize) {
        let taken = self.len;
        self.advance(taken);
        self.chunks.clear();
        self.offset = 0;
        if self.spare.capacity() > keep {
            self.spare = Vec::new();
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
        queue.push(Chunk::Shared(Arc::from(&b"xyz"[..])), 1);
        assert_eq!(contents(&queue), b"dyz");
        queue.advance(3);
        assert!(queue.is_empty() && queue.chunks.is_empty());
        let spare = queue.spare.as_ptr();
        queue.copy(b"e");
        assert_eq!(queue.single().map(<[u8]>::as_ptr), Some(spare), "the buffer is used again");
    }

    #[test]
    fn an_offset_survives_partial_writes() {
        let mut queue = ByteQueue::default();
        queue.push(Chunk::Owned(Box::new(vec![1, 2, 3, 4])), 1);
        queue.push(Chunk::Owned(Box::new("ab")), 0);
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
                1 => queue.push(Chunk::Shared(bytes.into()), 0),
                _ => queue.push(Chunk::Owned(Box::new(bytes)), 0),
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
