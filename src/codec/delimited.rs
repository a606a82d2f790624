//! Frames that end with a delimiter.

use std::fmt;

use crate::code;
use crate::error::{Error, Result};

use super::buffer::{Buffer, Format, Found, Frames};

/// As much as the loop reads at once.
pub(super) const MAX_TEXT: usize = 64 * 1024;

/// Frames that end with a delimiter of one or more bytes, which is not part of them unless asked for.
///
/// ```
/// use netloop::codec::Delimited;
///
/// let mut decoder = Delimited::new("\r\n\r\n").max_length(8192);
/// let mut frames = decoder.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET");
/// assert_eq!(frames.next_frame()?, Some(&b"GET / HTTP/1.1\r\nHost: x"[..]));
/// assert_eq!(frames.next_frame()?, None);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delimited {
    buffer: Buffer,
    delimiter: Delimiter<Box<[u8]>>,
}

impl Delimited {
    /// Frames that end with `delimiter`. With an empty one every call reports
    /// [`code::ERR_INVALID_ARG_VALUE`].
    ///
    /// ```
    /// use netloop::{code, codec::Delimited};
    ///
    /// let mut decoder = Delimited::new([0]);
    /// assert_eq!(decoder.feed(b"{}\0").next_frame()?, Some(&b"{}"[..]));
    /// let error = Delimited::new("").next_frame().expect_err("no delimiter");
    /// assert_eq!(error.code(), code::ERR_INVALID_ARG_VALUE);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub fn new(delimiter: impl AsRef<[u8]>) -> Self {
        let bytes = delimiter.as_ref();
        let buffer = if bytes.is_empty() {
            Buffer::failed(Error::with_code(code::ERR_INVALID_ARG_VALUE, "the delimiter of frames is empty"))
        } else {
            Buffer::new()
        };
        Self { buffer, delimiter: Delimiter::new("frame", bytes.into(), false) }
    }

    /// The longest frame in bytes, without its delimiter; 64 KiB unless set. A peer can make the decoder hold that much.
    ///
    /// ```
    /// use netloop::{code, codec::Delimited};
    ///
    /// let mut decoder = Delimited::new(";").max_length(3);
    /// assert_eq!(decoder.feed(b"abc;").next_frame()?, Some(&b"abc"[..]));
    /// let error = decoder.feed(b"abcd").next_frame().expect_err("one more");
    /// assert_eq!(error.to_string(), "frame at offset 4 is longer than 3 bytes");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.delimiter.max = bytes;
        self
    }

    /// Whether frames come with the delimiter that ends them; without unless set. For programs that pass frames on.
    ///
    /// Only what a stream has behind its last delimiter comes without one, by [`Delimited::finish`]. [`Delimited::max_length`]
    /// counts the content alone, as always.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Delimited::new("--").max_length(2).keep_ending(true);
    /// assert_eq!(decoder.feed(b"ab--c").next_frame()?, Some(&b"ab--"[..]));
    /// assert_eq!(decoder.finish()?, Some(&b"c"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub fn keep_ending(mut self, keep: bool) -> Self {
        self.delimiter.keep_ending = keep;
        self
    }

    /// The frames of a chunk, as a cursor to call [`Frames::next_frame`] on. Frames whole in the chunk are not copied.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Delimited::new(";");
    /// let mut frames = decoder.feed(b"a;bc;d");
    /// assert_eq!(frames.next_frame()?, Some(&b"a"[..]));
    /// assert_eq!(frames.next_frame()?, Some(&b"bc"[..]));
    /// assert_eq!(frames.next_frame()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Frames<'a> {
        Frames::new(&mut self.buffer, &mut self.delimiter, chunk)
    }

    /// Copies a chunk, for [`Delimited::next_frame`]. [`Delimited::feed`] does not copy.
    ///
    /// Take the frames before the next `push`: what is not taken is kept, however much it is.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Delimited::new(";");
    /// decoder.push(b"a;b");
    /// assert_eq!(decoder.next_frame()?, Some(&b"a"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.keep(chunk, &self.delimiter);
    }

    /// The next frame of what was pushed, or left in a dropped cursor.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`], again at every later call.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Delimited::new(";");
    /// decoder.push(b"a;b");
    /// assert_eq!(decoder.next_frame()?, Some(&b"a"[..]));
    /// assert_eq!(decoder.next_frame()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        self.buffer.next(&mut self.delimiter, &mut &[][..])
    }

    /// To call at `end`: frames that were left, then what came after the last delimiter, then `None`.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`].
    ///
    /// ```
    /// let mut decoder = netloop::codec::Delimited::new(";");
    /// decoder.push(b"a;b");
    /// assert_eq!(decoder.next_frame()?, Some(&b"a"[..]));
    /// assert_eq!(decoder.next_frame()?, None);
    /// assert_eq!(decoder.finish()?, Some(&b"b"[..]));
    /// assert_eq!(decoder.finish()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn finish(&mut self) -> Result<Option<&[u8]>> {
        self.buffer.finish(&mut self.delimiter)
    }
}

/// What ends a frame.
#[derive(Clone, Debug)]
pub(super) struct Delimiter<B> {
    what: &'static str,
    bytes: B,
    /// A `\r` before the delimiter belongs to it.
    strip_cr: bool,
    /// Frames come with the delimiter.
    pub(super) keep_ending: bool,
    pub(super) max: usize,
    /// No delimiter begins before this byte of the frame: nothing is searched twice.
    scanned: usize,
}

/// `\n`, known when compiling.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineFeed;

impl AsRef<[u8]> for LineFeed {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        b"\n"
    }
}

impl Delimiter<LineFeed> {
    pub(super) const LINE_FEED: Self = Self::new("line", LineFeed, true);
}

impl<B> Delimiter<B> {
    const fn new(what: &'static str, bytes: B, strip_cr: bool) -> Self {
        Self { what, bytes, strip_cr, keep_ending: false, max: MAX_TEXT, scanned: 0 }
    }
}

impl<B: AsRef<[u8]>> Delimiter<B> {
    /// Where the first delimiter begins in the bytes of `head` and `tail`.
    #[inline]
    fn position(&self, head: &[u8], tail: &[u8]) -> Option<usize> {
        if self.scanned < head.len()
            && let Some(at) = self.position_in_head(head, tail)
        {
            return Some(at);
        }
        // `take` may have searched it.
        let from = self.scanned.saturating_sub(head.len());
        find(&tail[from..], self.bytes.as_ref()).map(|at| head.len() + from + at)
    }

    fn position_in_head(&self, head: &[u8], tail: &[u8]) -> Option<usize> {
        let bytes = self.bytes.as_ref();
        if let Some(at) = find(&head[self.scanned..], bytes) {
            return Some(self.scanned + at);
        }
        let cut = head.len().saturating_sub(bytes.len() - 1).max(self.scanned);
        (cut..head.len()).find(|at| {
            let (first, rest) = bytes.split_at(head.len() - at);
            head.ends_with(first) && tail.starts_with(rest)
        })
    }

    /// What is in a frame before the delimiter.
    #[inline]
    fn content<'f>(&self, frame: &'f [u8]) -> &'f [u8] {
        let content = &frame[..frame.len() - self.bytes.as_ref().len()];
        if self.strip_cr { content.strip_suffix(b"\r").unwrap_or(content) } else { content }
    }

    fn too_long(&self) -> Found {
        Found::TooLong { what: self.what, len: None, limit: self.max }
    }
}

impl<B: AsRef<[u8]> + fmt::Debug> Format for Delimiter<B> {
    #[inline]
    fn find(&mut self, head: &[u8], tail: &[u8]) -> Found {
        let Some(at) = self.position(head, tail) else {
            let len = head.len() + tail.len();
            self.scanned = (len + 1).saturating_sub(self.bytes.as_ref().len()).max(self.scanned);
            return if len >= self.longest() { self.too_long() } else { Found::Part };
        };
        self.scanned = 0;
        let byte = |at: usize| head.get(at).or_else(|| tail.get(at - head.len()));
        let strip = self.strip_cr && at > 0 && byte(at - 1) == Some(&b'\r');
        let (content, end) = (at - usize::from(strip), at + self.bytes.as_ref().len());
        if content > self.max {
            return self.too_long();
        }
        Found::Frame { content: 0..if self.keep_ending { end } else { content }, end }
    }

    #[inline]
    fn take<'c>(&mut self, chunk: &mut &'c [u8]) -> Option<&'c [u8]> {
        match split(chunk, self.bytes.as_ref()) {
            Some((frame, rest)) if frame.len() <= self.max => {
                *chunk = rest;
                Some(if self.keep_ending { frame } else { self.content(frame) })
            }
            // No delimiter, or one so late that `find` has to look at the limit: it goes on from here.
            found => {
                let searched = found.map_or(chunk.len() + 1, |(frame, _)| frame.len());
                self.scanned = searched.saturating_sub(self.bytes.as_ref().len());
                None
            }
        }
    }

    fn at_end(&mut self, rest: &[u8]) -> Found {
        self.scanned = 0;
        if rest.len() > self.max { self.too_long() } else { Found::Frame { content: 0..rest.len(), end: rest.len() } }
    }

    fn longest(&self) -> usize {
        self.max.saturating_add(self.bytes.as_ref().len()).saturating_add(self.strip_cr.into())
    }
}

/// What `bytes` have up to the end of the first `wanted`, and the rest.
#[inline]
fn split<'b>(bytes: &'b [u8], wanted: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    match wanted {
        &[byte] => split_at_byte(bytes, byte),
        _ => find(bytes, wanted).map(|at| bytes.split_at(at + wanted.len())),
    }
}

/// Where `wanted` begins first in `bytes`.
#[inline]
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (&first, rest) = wanted.split_first()?;
    let mut from = 0;
    loop {
        let (before, behind) = split_at_byte(&bytes[from..], first)?;
        from += before.len();
        if rest.is_empty() || behind.starts_with(rest) {
            return Some(from - 1);
        }
    }
}

/// What `bytes` have up to the end of the first `byte`, and the rest.
///
/// The way into `memchr` and back takes 50 instructions, more than a short line does when it is searched here. Behind the first
/// 32 bytes `memchr` is the faster one.
#[inline]
fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let searched = bytes.first_chunk().map_or(0, |near| others(near, byte));
    if *bytes.get(searched)? == byte {
        return Some(bytes.split_at(searched + 1));
    }
    memchr::memchr(byte, &bytes[searched..]).map(|at| bytes.split_at(searched + at + 1))
}

/// How many bytes at the front are surely others than `byte`; the next one may be it.
///
/// Eight are looked at together: what is left of `byte` by the exclusive or is zero, and zero less one has its highest bit set.
/// So has most of what differs from `byte` in that bit; hence the doubt.
#[inline]
fn others(near: &[u8; 32], byte: u8) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    for (n, word) in near.as_chunks::<8>().0.iter().enumerate() {
        let difference = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        let marks = difference.wrapping_sub(ONES) & (ONES << 7);
        if marks != 0 {
            return 8 * n + marks.trailing_zeros() as usize / 8;
        }
    }
    near.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_split_behind_the_first_of_a_kind_whatever_the_others_are() {
        for (byte, other) in [b'\n', 0, 0x7f, 0x80, 0xff].into_iter().flat_map(|byte| (0..=255).map(move |other| (byte, other)))
        {
            for len in [0, 1, 7, 8, 9, 31, 32, 33, 70] {
                let mut bytes = vec![other; len];
                if byte != other {
                    assert_eq!(split_at_byte(&bytes, byte), None, "{byte} in {len} times {other}");
                }
                for at in (0..len).rev() {
                    bytes[at] = byte;
                    let first = if byte == other { 0 } else { at };
                    assert_eq!(split_at_byte(&bytes, byte), Some(bytes.split_at(first + 1)), "{byte} in {bytes:?}");
                }
            }
        }
    }

    #[test]
    fn no_ascii_is_taken_for_another() {
        for (byte, other) in (0..128).flat_map(|byte| (0..128).map(move |other| (byte, other))).filter(|(a, b)| a != b) {
            let mut near = [other; 32];
            assert_eq!(others(&near, byte), 32);
            for at in (0..32).rev() {
                near[at] = byte;
                assert_eq!(others(&near, byte), at);
            }
        }
    }

    /// Whatever is before it in the same eight bytes.
    #[test]
    fn bytes_that_look_like_it_do_not_hide_a_byte() {
        for before in 0..=255 {
            for at in 1..32 {
                let mut bytes = [b'x'; 40];
                (bytes[at - 1], bytes[at]) = (before, b'\n');
                let first = if before == b'\n' { at - 1 } else { at };
                assert_eq!(split_at_byte(&bytes, b'\n'), Some(bytes.split_at(first + 1)), "{bytes:?}");
            }
        }
    }

    #[test]
    fn a_delimiter_is_found_behind_its_own_beginnings() {
        assert_eq!(find(b"aaab", b"aab"), Some(1));
        assert_eq!(find(b"ababac", b"abac"), Some(2));
        assert_eq!(find(b"aba", b"abac"), None);
        assert_eq!(find(b"anything", b""), None);
    }

    /// Byte by byte, what is searched each time is at most the length of the delimiter.
    #[test]
    fn no_byte_is_searched_twice() {
        for bytes in [&b"\n"[..], b"\r\n\r\n"] {
            let mut decoder = Delimited::new(bytes);
            for fed in 1..10_000 {
                assert_eq!(decoder.feed(b"\r").next_frame().expect("no bad frame"), None);
                assert_eq!(fed - decoder.delimiter.scanned, (bytes.len() - 1).min(fed), "after {fed} bytes");
            }
        }
    }
}
