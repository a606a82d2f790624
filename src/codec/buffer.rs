//! What all decoders share: the piece of a frame that was cut, the place in the stream, the error, and the cursor over a chunk.

use std::fmt;
use std::mem;
use std::ops::Range;

use crate::code;
use crate::error::{Error, Result};

/// An empty buffer up to this size stays for the next cut frame; a larger one is given back, so that a connection without
/// a frame under way costs little.
const KEEP: usize = 1024;
/// The least it grows to.
const FIRST: usize = 64;

/// How one codec tells frames apart.
pub(super) trait Format: fmt::Debug {
    /// What the bytes from the start of a frame are: those of `head`, then those of `tail`.
    fn find(&mut self, head: &[u8], tail: &[u8]) -> Found;

    /// Takes off the frame that is whole at the front of `chunk`: the short way, which most frames go. `None` says nothing;
    /// then ask `find`.
    #[inline]
    fn take<'c>(&mut self, chunk: &mut &'c [u8]) -> Option<&'c [u8]> {
        let Found::Frame { content, end } = self.find(&[], chunk) else {
            return None;
        };
        let frame = &chunk[content];
        *chunk = &chunk[end..];
        Some(frame)
    }

    /// What `rest`, in which `find` saw a part of a frame, is when nothing comes any more.
    fn at_end(&mut self, rest: &[u8]) -> Found;

    /// The most bytes a frame can have, with everything around it.
    fn longest(&self) -> usize;
}

/// What [`Format::find`] saw.
pub(super) enum Found {
    /// A whole frame: its content, and where the next one begins.
    Frame { content: Range<usize>, end: usize },
    /// The beginning of a frame, or nothing.
    Part,
    /// A frame beyond the limit; its length, if it says so itself.
    TooLong { what: &'static str, len: Option<u64>, limit: usize },
}

/// Bytes of frames that are not taken yet.
#[derive(Clone, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Where the first frame that is not taken begins in `bytes`.
    at: usize,
    /// Where it begins in the stream.
    offset: u64,
    /// The first error, for ever.
    error: Option<Error>,
}

impl Buffer {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), at: 0, offset: 0, error: None }
    }

    /// One that never decodes.
    pub(super) const fn failed(error: Error) -> Self {
        Self { bytes: Vec::new(), at: 0, offset: 0, error: Some(error) }
    }

    /// Nothing is kept, nothing has failed: frames begin where the next chunk does.
    #[inline]
    fn is_clear(&self) -> bool {
        self.bytes.is_empty() && self.error.is_none()
    }

    /// The next frame of the bytes kept and those of `chunk`, which loses what is taken or kept.
    pub(super) fn next<'s, 'c: 's, F>(&'s mut self, format: &mut F, chunk: &mut &'c [u8]) -> Result<Option<&'s [u8]>>
    where
        F: Format + ?Sized,
    {
        self.release();
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let found = format.find(&self.bytes[self.at..], chunk);
        self.settle(found, format.longest(), chunk)
    }

    /// The next frame when nothing comes any more.
    pub(super) fn finish(&mut self, format: &mut dyn Format) -> Result<Option<&[u8]>> {
        self.release();
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let found = match format.find(rest, &[]) {
            Found::Part => format.at_end(rest),
            found => found,
        };
        if let Found::Part = found {
            let held = rest.len();
            let text = format!("the stream ends {held} bytes into the frame at offset {}", self.offset);
            return Err(self.fail(code::ERR_FRAME_INCOMPLETE, text));
        }
        self.settle(found, format.longest(), &mut &[][..])
    }

    /// Keeps what nobody took. Behind an error there are no frames to keep.
    #[inline]
    pub(super) fn keep<F: Format + ?Sized>(&mut self, rest: &[u8], format: &F) {
        self.release();
        if !rest.is_empty() && self.error.is_none() {
            self.append(rest, format.longest());
        }
    }

    fn settle<'s, 'c: 's>(&'s mut self, found: Found, longest: usize, chunk: &mut &'c [u8]) -> Result<Option<&'s [u8]>> {
        match found {
            Found::Frame { content, end } => {
                self.offset += end as u64;
                let held = self.bytes.len() - self.at;
                let (used, rest) = chunk.split_at(end.saturating_sub(held));
                *chunk = rest;
                if held == 0 {
                    return Ok(Some(&used[content]));
                }
                self.append(used, longest);
                let from = self.at;
                self.at += end;
                Ok(Some(&self.bytes[from..][content]))
            }
            Found::Part => {
                self.append(mem::take(chunk), longest);
                Ok(None)
            }
            Found::TooLong { what, len, limit } => {
                let says = len.map(|len| format!(", it has {len}")).unwrap_or_default();
                let text = format!("{what} at offset {} is longer than {limit} bytes{says}", self.offset);
                Err(self.fail(code::ERR_FRAME_TOO_LONG, text))
            }
        }
    }

    fn append(&mut self, more: &[u8], longest: usize) {
        // Moved only once as much is gone as is left, so that each byte is moved once at most.
        if self.at > 0 && self.at >= self.bytes.len() - self.at {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        let (len, wanted) = (self.bytes.len(), self.bytes.len().saturating_add(more.len()));
        if wanted > longest {
            self.bytes.reserve(more.len());
        } else if wanted > self.bytes.capacity() {
            // Doubled, but a frame never costs more than the longest one.
            let target = (2 * self.bytes.capacity()).max(FIRST).min(longest).max(wanted);
            self.bytes.reserve_exact(target - len);
        }
        self.bytes.extend_from_slice(more);
    }

    /// Forgets what was lent out, once all of it is.
    #[inline]
    fn release(&mut self) {
        if self.at > 0 && self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
            if self.bytes.capacity() > KEEP {
                self.bytes = Vec::new();
            }
        }
    }

    fn fail(&mut self, code: &'static str, text: String) -> Error {
        let error = Error::with_code(code, text);
        *self = Self { offset: self.offset, ..Self::failed(error.clone()) };
        error
    }
}

/// Sizes only: what peers send is nobody else's business.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Buffer");
        text.field("held", &(self.bytes.len() - self.at)).field("offset", &self.offset).field("error", &self.error).finish()
    }
}

/// The frames of a chunk, after what the decoder had kept. Made by `feed`.
///
/// Dropping it keeps what was not taken, in the decoder: it comes first the next time.
///
/// ```
/// use netloop::codec::LengthPrefixed;
///
/// let mut decoder = LengthPrefixed::u8();
/// let mut frames = decoder.feed(b"\x01a\x01b");
/// assert_eq!(frames.next_frame()?, Some(&b"a"[..]));
/// drop(frames);
/// assert_eq!(decoder.feed(b"\x01c").next_frame()?, Some(&b"b"[..]));
/// assert_eq!(decoder.next_frame()?, Some(&b"c"[..]));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Debug)]
pub struct Frames<'a>(Cursor<'a, dyn Format>);

impl<'a> Frames<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, format: &'a mut (dyn Format + 'static), chunk: &'a [u8]) -> Self {
        Self(Cursor::new(buffer, format, chunk))
    }

    /// The next frame, without its length, and without its delimiter unless that is
    /// [kept](super::Delimited::keep_ending); `None` when the rest of the chunk is a part of a frame.
    ///
    /// It is lent until the next call: from the chunk where it lies whole there, otherwise from the decoder.
    ///
    /// # Errors
    ///
    /// [`ERR_FRAME_TOO_LONG`](crate::code::ERR_FRAME_TOO_LONG), again at every later call.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u16();
    /// let mut frames = decoder.feed(b"\0\x02hi\0\0\0");
    /// assert_eq!(frames.next_frame()?, Some(&b"hi"[..]));
    /// assert_eq!(frames.next_frame()?, Some(&b""[..]));
    /// assert_eq!(frames.next_frame()?, None); // half a prefix, kept
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        self.0.next()
    }
}

/// A chunk, and the decoder it is for.
#[derive(Debug)]
pub(super) struct Cursor<'a, F: Format + ?Sized> {
    buffer: &'a mut Buffer,
    format: &'a mut F,
    /// What is not taken yet.
    chunk: &'a [u8],
    /// How long `chunk` was when the buffer last knew its place in the stream.
    counted: usize,
    /// The buffer is clear: a frame that is whole in `chunk` is no business of it.
    direct: bool,
}

impl<'a, F: Format + ?Sized> Cursor<'a, F> {
    #[inline]
    pub(super) fn new(buffer: &'a mut Buffer, format: &'a mut F, chunk: &'a [u8]) -> Self {
        let direct = buffer.is_clear();
        Self { buffer, format, chunk, counted: chunk.len(), direct }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        if self.direct {
            if let Some(frame) = self.format.take(&mut self.chunk) {
                return Ok(Some(frame));
            }
            if self.chunk.is_empty() {
                return Ok(None);
            }
        }
        self.next_by_buffer()
    }

    /// The same where the frame begins in what was kept, or is to be kept.
    #[inline(never)]
    fn next_by_buffer(&mut self) -> Result<Option<&[u8]>> {
        if self.direct {
            self.count();
            self.direct = false;
        } else {
            self.buffer.release();
            if self.buffer.is_clear() {
                self.direct = true;
                return self.next();
            }
        }
        let frame = self.buffer.next(self.format, &mut self.chunk);
        self.counted = self.chunk.len();
        frame
    }

    /// Tells the buffer what was taken without it.
    #[inline]
    fn count(&mut self) {
        self.buffer.offset += (self.counted - self.chunk.len()) as u64;
        self.counted = self.chunk.len();
    }
}

impl<F: Format + ?Sized> Drop for Cursor<'_, F> {
    #[inline]
    fn drop(&mut self) {
        self.count();
        self.buffer.keep(self.chunk, self.format);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of four bytes.
    #[derive(Debug)]
    struct Fours;

    impl Format for Fours {
        fn find(&mut self, head: &[u8], tail: &[u8]) -> Found {
            if head.len() + tail.len() < 4 { Found::Part } else { Found::Frame { content: 0..4, end: 4 } }
        }
        fn at_end(&mut self, _: &[u8]) -> Found {
            Found::Part
        }
        fn longest(&self) -> usize {
            4
        }
    }

    /// Frames of any number of bytes below 100,000, whose last one is the only zero that ends a piece.
    #[derive(Debug)]
    struct Zeros;

    impl Format for Zeros {
        fn find(&mut self, head: &[u8], tail: &[u8]) -> Found {
            let (end, last) = (head.len() + tail.len(), tail.last().or(head.last()));
            if last == Some(&0) { Found::Frame { content: 0..end - 1, end } } else { Found::Part }
        }
        fn at_end(&mut self, _: &[u8]) -> Found {
            Found::Part
        }
        fn longest(&self) -> usize {
            100_000
        }
    }

    #[test]
    fn a_cut_frame_costs_no_more_than_the_longest() {
        let (mut buffer, mut fours) = (Buffer::new(), Fours);
        for chunk in [b"abc".as_slice(), b"defgh", b"ijk"] {
            let mut frames = Frames::new(&mut buffer, &mut fours, chunk);
            while frames.next_frame().expect("no bad frames").is_some() {}
            drop(frames);
            assert!(buffer.bytes.capacity() <= 4, "{} bytes", buffer.bytes.capacity());
        }
        assert_eq!((buffer.bytes.len(), buffer.offset), (3, 8));
    }

    #[test]
    fn an_empty_buffer_stays_if_it_is_small_and_goes_if_it_is_large() {
        for (len, stays) in [(100, true), (50_000, false)] {
            let mut buffer = Buffer::new();
            buffer.keep(&vec![1; len], &Zeros);
            let taken = buffer.next(&mut Zeros, &mut &[0][..]).expect("no bad frames").map(<[u8]>::len);
            assert_eq!(taken, Some(len));
            assert!(buffer.next(&mut Zeros, &mut &[][..]).expect("no bad frames").is_none());
            assert_eq!((buffer.bytes.len(), buffer.bytes.capacity() > 0), (0, stays));
        }
    }

    #[test]
    fn growing_byte_by_byte_stops_at_the_longest() {
        let mut buffer = Buffer::new();
        let mut grown = 0;
        for _ in 0..99_999 {
            let before = buffer.bytes.capacity();
            assert!(buffer.next(&mut Zeros, &mut &[1][..]).expect("no bad frames").is_none());
            grown += usize::from(buffer.bytes.capacity() != before);
        }
        assert!(grown < 20, "grown {grown} times");
        assert!(buffer.bytes.capacity() <= 100_000, "{} bytes", buffer.bytes.capacity());
    }

    /// One frame taken of each two given: what is kept grows, what was taken does not pile up before it.
    #[test]
    fn bytes_taken_make_room() {
        let (mut buffer, mut fours) = (Buffer::new(), Fours);
        for _ in 0..1000 {
            let mut frames = Frames::new(&mut buffer, &mut fours, b"abcdefgh");
            assert_eq!(frames.next_frame().expect("no bad frames").map(<[u8]>::len), Some(4));
        }
        assert_eq!((buffer.bytes.len() - buffer.at, buffer.offset), (4000, 4000));
        assert!(buffer.bytes.len() <= 8004, "{} bytes", buffer.bytes.len());
    }

    #[test]
    fn debug_shows_no_content() {
        let mut buffer = Buffer::new();
        buffer.keep(b"abc", &Fours);
        assert_eq!(format!("{buffer:?}"), "Buffer { held: 3, offset: 0, error: None }");
    }
}
