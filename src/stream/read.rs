//! The read path: `uv__read` and `uv__stream_eof` of libuv's `stream.c`.

use std::io;

use super::Stream;
use crate::event_loop::Readiness;
use crate::sys;

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
    /// Reads once into `buffer`, which is not empty.
    ///
    /// A short read proves that nothing is left only on some selectors, and only without a sign of the end: data and FIN may
    /// arrive as one edge, and then no other follows.
    #[inline]
    pub(crate) fn read(&self, readiness: &mut Readiness, buffer: &mut [u8]) -> Read {
        loop {
            return match self.transport.read(buffer) {
                Ok(0) => Read::Eof,
                Ok(read) => {
                    // The signs of an end stay, and with them the wish to read on.
                    if read < buffer.len() && sys::SHORT_READ_MEANS_EMPTY {
                        readiness.remove(Readiness::READABLE);
                    }
                    Read::Data(read)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    readiness.remove(Readiness::INPUT);
                    Read::Blocked
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Read::Failed(error),
            };
        }
    }
}
