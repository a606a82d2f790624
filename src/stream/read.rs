//! The read path: `uv__read` and `uv__stream_eof` of libuv's `stream.c`.

use std::io;
use std::num::NonZeroU8;

use super::Stream;
use crate::event_loop::Readiness;

/// What one read gave.
#[derive(Debug)]
pub(crate) enum Read {
    Data(usize),
    /// The peer's FIN.
    Eof,
    /// Nothing now; an event will tell.
    Blocked,
    Failed(io::Error),
}

impl Stream {
    /// Reads once, and drops what there is; how many bytes those are. For a stream that is closed next, whatever it gives.
    pub(crate) fn look(&self) -> usize {
        let mut dropped = [0; 16];
        loop {
            match self.transport.read(&mut dropped) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.unwrap_or(0),
            }
        }
    }

    /// Reads once into `buffer`, which is not empty. If that takes more than one system call, the others are added to `more`.
    ///
    /// After a read that fills less than the buffer, bytes may be left that no event tells of again. Either it is known that
    /// none are, or a second read asks. If that finds bytes, they belong to the same chunk, and the cache says that there may
    /// be more. Data and FIN may arrive as one edge, and then no other follows: the signs of an end stay until an end is read.
    #[inline]
    pub(crate) fn read(&self, readiness: &mut Readiness, buffer: &mut [u8], more: &mut u64) -> Read {
        self.note_doubts(readiness);
        self.read_on(readiness, buffer, more)
    }

    /// Notes in the cache that a short read proves nothing, where that is so.
    #[inline]
    pub(crate) fn note_doubts(&self, readiness: &mut Readiness) {
        if self.exposed.get() || !self.transport.short_read_is_last() {
            readiness.insert(Readiness::DOUBTS);
        }
    }

    /// As [`read`](Self::read) if the doubts are noted already: a settled socket's are.
    #[inline]
    pub(crate) fn read_on(&self, readiness: &mut Readiness, buffer: &mut [u8], more: &mut u64) -> Read {
        let read = match self.transport.read(buffer) {
            Ok(read) if read > 0 && !readiness.doubts_short_reads() => {
                if read < buffer.len() {
                    readiness.remove(Readiness::READABLE);
                }
                read
            }
            result => {
                let mut nothing = Read::Blocked;
                let read;
                (read, *readiness) = self.judge_read(result, *readiness, buffer, more, &mut nothing);
                if read == 0 {
                    return nothing;
                }
                read
            }
        };
        Read::Data(read)
    }

    /// What any other read says: how many bytes, or else why there are none, and the cache as it is then. By value, so that the
    /// caller needs no place in memory for what it seldom needs.
    #[inline(never)]
    fn judge_read(
        &self,
        mut result: io::Result<usize>,
        mut readiness: Readiness,
        buffer: &mut [u8],
        more: &mut u64,
        nothing: &mut Read,
    ) -> (usize, Readiness) {
        let read = loop {
            match result {
                Ok(0) => *nothing = self.end(),
                Ok(read) if read == buffer.len() => break read,
                Ok(read) => break self.ask_for_more(&mut readiness, buffer, read, more),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => readiness.remove(Readiness::INPUT),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    *more += 1;
                    result = self.transport.read(buffer);
                    continue;
                }
                Err(error) => *nothing = Read::Failed(error),
            }
            break 0;
        };
        (read, readiness)
    }

    /// The peer's FIN, or the error that was met before it was due.
    fn end(&self) -> Read {
        match self.late.take() {
            Some(number) => Read::Failed(io::Error::from_raw_os_error(number.get().into())),
            None => Read::Eof,
        }
    }

    /// Asks once whether anything is left after a short read that does not prove it. An end or an error is not told before the
    /// bytes are: the next turn finds it, as it finds one that was announced.
    fn ask_for_more(&self, readiness: &mut Readiness, buffer: &mut [u8], len: usize, more: &mut u64) -> usize {
        if readiness.has_any(Readiness::READ_CLOSED) || readiness.has_any(Readiness::ERROR) {
            return len;
        }
        loop {
            *more += 1;
            match self.transport.read(&mut buffer[len..]) {
                Ok(0) => readiness.insert(Readiness::READ_CLOSED),
                Ok(read) => return len + read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => readiness.remove(Readiness::INPUT),
                Err(error) => {
                    // Those of Unix are small numbers. Windows and std have others, and another read makes them again.
                    let number = error.raw_os_error().and_then(|number| u8::try_from(number).ok());
                    self.late.set(number.and_then(NonZeroU8::new));
                    readiness.insert(Readiness::READ_CLOSED);
                }
            }
            return len;
        }
    }
}
