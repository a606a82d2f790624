//! The write path: `uv__try_write` and the write loop of libuv's `stream.c`.

use std::io::{self, IoSlice};

use super::Stream;
use super::queue::{ByteQueue, SLICES};
use crate::event_loop::Readiness;
use crate::sys;

/// How writing stopped.
#[derive(Debug)]
pub(crate) enum Flushed {
    /// All bytes are with the kernel.
    All,
    /// The kernel is full; an event will tell.
    Blocked,
    /// The kernel is out of buffers and will not tell: try again in a while.
    Retry,
    Failed(io::Error),
}

impl Stream {
    /// Writes `bytes` and tells how many the kernel took.
    pub(crate) fn write(&self, readiness: &mut Readiness, bytes: &[u8], writes: &mut u64) -> (usize, Flushed) {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            *writes += 1;
            match self.judge(self.transport.write(rest), rest.len(), readiness) {
                Ok((more, flushed)) => {
                    taken += more;
                    if let Some(flushed) = flushed {
                        return (taken, flushed);
                    }
                }
                Err(flushed) => return (taken, flushed),
            }
        }
        (taken, Flushed::All)
    }

    /// One write of bytes that are in no queue. What the kernel does not take is put into one, and [`flush`](Self::flush) told.
    #[inline]
    pub(crate) fn try_write(&self, bytes: &[u8], writes: &mut u64) -> io::Result<usize> {
        *writes += 1;
        self.transport.write(bytes)
    }

    /// Writes the queue, `limit` bytes at most, and tells how many bytes left it. `first` is a write of the queue's bytes that
    /// was made already: how many were offered, and what the kernel said.
    #[inline]
    pub(crate) fn flush(
        &self,
        readiness: &mut Readiness,
        queue: &mut ByteQueue,
        limit: usize,
        writes: &mut u64,
        mut first: Option<(usize, io::Result<usize>)>,
    ) -> (usize, Flushed) {
        // Nearly always all lies in one piece, and the kernel takes it.
        if first.is_none()
            && let Some(bytes) = queue.copied().filter(|bytes| bytes.len() <= limit)
        {
            let (offered, result) = (bytes.len(), self.try_write(bytes, writes));
            if matches!(result, Ok(taken) if taken == offered) {
                readiness.insert(Readiness::WRITABLE);
                queue.empty_copied();
                return (offered, Flushed::All);
            }
            first = Some((offered, result));
        }
        self.flush_on(readiness, queue, limit, writes, first)
    }

    /// Writes piece by piece, after the first write if there was one.
    #[inline(never)]
    fn flush_on(
        &self,
        readiness: &mut Readiness,
        queue: &mut ByteQueue,
        limit: usize,
        writes: &mut u64,
        mut first: Option<(usize, io::Result<usize>)>,
    ) -> (usize, Flushed) {
        let mut taken = 0;
        while !queue.is_empty() && taken < limit {
            let (offered, result) = first.take().unwrap_or_else(|| {
                *writes += 1;
                self.write_next(queue, limit - taken)
            });
            if offered == 0 {
                match queue.drop_broken() {
                    0 => return (taken, Flushed::All),
                    owed => taken += owed,
                }
                continue;
            }
            match self.judge(result, offered, readiness) {
                Ok((more, flushed)) => {
                    taken += more;
                    queue.advance(more);
                    if let Some(flushed) = flushed {
                        return (taken, flushed);
                    }
                }
                Err(flushed) => return (taken, flushed),
            }
        }
        (taken, Flushed::All)
    }

    /// Whether a short write may stand for the one that would say "would block".
    fn short_write_is_full(&self) -> bool {
        self.transport.short_write_is_full() && !self.exposed.get()
    }

    /// One write of what comes next; how many bytes were offered, and what the kernel said.
    fn write_next(&self, queue: &ByteQueue, limit: usize) -> (usize, io::Result<usize>) {
        if limit < queue.len() {
            let bytes = queue.first();
            let bytes = &bytes[..bytes.len().min(limit)];
            return (bytes.len(), self.transport.write(bytes));
        }
        if let Some(bytes) = queue.single() {
            return (bytes.len(), self.transport.write(bytes));
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = queue.slices(&mut slices);
        let slices = &slices[..filled];
        (slices.iter().map(|slice| slice.len()).sum(), self.transport.write_vectored(slices))
    }

    /// What one write says: bytes taken and whether to stop.
    fn judge(
        &self,
        result: io::Result<usize>,
        offered: usize,
        readiness: &mut Readiness,
    ) -> Result<(usize, Option<Flushed>), Flushed> {
        match result {
            Ok(taken) if taken < offered && self.short_write_is_full() => {
                readiness.remove(Readiness::WRITABLE);
                Ok((taken, Some(Flushed::Blocked)))
            }
            Ok(taken) => {
                readiness.insert(Readiness::WRITABLE);
                Ok((taken, None))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok((0, None)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                readiness.remove(Readiness::WRITABLE);
                Err(Flushed::Blocked)
            }
            Err(error) if sys::is_blocked(&error) => Err(Flushed::Retry),
            Err(error) => Err(Flushed::Failed(error)),
        }
    }
}
