//! Lines of text.

use crate::error::Result;

use super::buffer::{Buffer, Cursor};
use super::delimited::{Delimiter, LineFeed};

/// Lines that end with `\n`; a `\r` before it belongs to the ending. They are bytes: whether they are UTF-8 is up to you.
///
/// ```
/// use netloop::{Reactor, codec::Lines};
///
/// let mut reactor = Reactor::<Vec<String>>::new()?;
/// let (near, far) = reactor.socket_pair()?;
/// let mut lines = Lines::new().max_length(1024);
/// reactor.socket(far).expect("just made").on_data(move |socket, chunk, seen| -> netloop::Result {
///     let mut lines = lines.feed(chunk);
///     while let Some(line) = lines.next_line()? {
///         match line {
///             b"quit" => socket.end(),
///             line => seen.push(String::from_utf8_lossy(line).into_owned()),
///         }
///     }
///     Ok(())
/// });
/// reactor.socket(near).expect("just made").end_with("one\r\ntwo\nquit\n");
/// reactor.socket(near).expect("just made").resume();
/// let mut seen = Vec::new();
/// reactor.run(&mut seen)?;
/// assert_eq!(seen, ["one", "two"]);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lines {
    buffer: Buffer,
    ending: Delimiter<LineFeed>,
}

impl Lines {
    /// Lines of at most 64 KiB.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Lines::new();
    /// assert_eq!(decoder.feed(b"hello\r\n").next_line()?, Some(&b"hello"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Buffer::new(), ending: Delimiter::LINE_FEED }
    }

    /// The longest line in bytes, without its ending; 64 KiB unless set. A peer can make the decoder hold that much.
    ///
    /// ```
    /// use netloop::{code, codec::Lines};
    ///
    /// let mut decoder = Lines::new().max_length(3);
    /// assert_eq!(decoder.feed(b"abc\r\n").next_line()?, Some(&b"abc"[..]));
    /// let error = decoder.feed(b"abcd\n").next_line().expect_err("one more");
    /// assert_eq!(error.code(), code::ERR_FRAME_TOO_LONG);
    /// assert_eq!(error.to_string(), "line at offset 5 is longer than 3 bytes");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn max_length(mut self, bytes: usize) -> Self {
        self.ending.max = bytes;
        self
    }

    /// Whether lines come with their ending, `\n` or `\r\n` as it was sent; without unless set. For programs that pass lines
    /// on: nothing has to be copied to put the ending back.
    ///
    /// Only what a stream has behind its last `\n` comes without one, by [`Lines::finish`]. [`Lines::max_length`] counts the
    /// content alone, as always.
    ///
    /// ```
    /// use netloop::{Reactor, codec::Lines};
    ///
    /// let mut reactor = Reactor::<Vec<u8>>::new()?;
    /// let (near, far) = reactor.socket_pair()?;
    /// let mut lines = Lines::new().max_length(1024).keep_ending(true);
    /// reactor.socket(far).expect("just made").on_data(move |socket, chunk, _| -> netloop::Result {
    ///     let mut lines = lines.feed(chunk);
    ///     while let Some(line) = lines.next_line()? {
    ///         socket.write(line);
    ///     }
    ///     Ok(())
    /// });
    /// let mut near = reactor.socket(near).expect("just made");
    /// near.on_data(|_, chunk, seen| seen.extend_from_slice(chunk)).end_with("a\r\n\nbc\nd");
    /// let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"a\r\n\nbc\n");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn keep_ending(mut self, keep: bool) -> Self {
        self.ending.keep_ending = keep;
        self
    }

    /// The lines of a chunk, as a cursor to call [`FedLines::next_line`] on. Lines whole in the chunk are not copied.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Lines::new();
    /// let mut lines = decoder.feed(b"a\nbc\nd");
    /// assert_eq!(lines.next_line()?, Some(&b"a"[..]));
    /// assert_eq!(lines.next_line()?, Some(&b"bc"[..]));
    /// assert_eq!(lines.next_line()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> FedLines<'a> {
        FedLines(Cursor::new(&mut self.buffer, &mut self.ending, chunk))
    }

    /// Copies a chunk, for [`Lines::next_line`]. [`Lines::feed`] does not copy.
    ///
    /// Take the lines before the next `push`: what is not taken is kept, however much it is.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Lines::new();
    /// decoder.push(b"a\nb");
    /// assert_eq!(decoder.next_line()?, Some(&b"a"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.keep(chunk, &self.ending);
    }

    /// The next line of what was pushed, or left in a dropped cursor.
    ///
    /// # Errors
    ///
    /// [`ERR_FRAME_TOO_LONG`](crate::code::ERR_FRAME_TOO_LONG), again at every later call.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Lines::new();
    /// decoder.push(b"a\nb");
    /// assert_eq!(decoder.next_line()?, Some(&b"a"[..]));
    /// assert_eq!(decoder.next_line()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn next_line(&mut self) -> Result<Option<&[u8]>> {
        self.buffer.next(&mut self.ending, &mut &[][..])
    }

    /// To call at `end`: lines that were left, then what came after the last `\n`, then `None`.
    ///
    /// A `\r` at the very end is a part of the last line.
    ///
    /// # Errors
    ///
    /// [`ERR_FRAME_TOO_LONG`](crate::code::ERR_FRAME_TOO_LONG).
    ///
    /// ```
    /// let mut decoder = netloop::codec::Lines::new();
    /// decoder.push(b"a\nb");
    /// assert_eq!(decoder.next_line()?, Some(&b"a"[..]));
    /// assert_eq!(decoder.finish()?, Some(&b"b"[..]));
    /// assert_eq!(decoder.finish()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn finish(&mut self) -> Result<Option<&[u8]>> {
        self.buffer.finish(&mut self.ending)
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

/// The lines of a chunk, after what the decoder had kept. Made by [`Lines::feed`].
///
/// Dropping it keeps what was not taken, in the decoder: it comes first the next time.
///
/// ```
/// let mut decoder = netloop::codec::Lines::new();
/// assert_eq!(decoder.feed(b"a\nb\n").next_line()?, Some(&b"a"[..]));
/// assert_eq!(decoder.feed(b"c\n").next_line()?, Some(&b"b"[..]));
/// assert_eq!(decoder.next_line()?, Some(&b"c"[..]));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Debug)]
pub struct FedLines<'a>(Cursor<'a, Delimiter<LineFeed>>);

impl FedLines<'_> {
    /// The next line, without its ending unless [`Lines::keep_ending`] is set; `None` when the rest of the chunk is a part of
    /// a line.
    ///
    /// It is lent until the next call: from the chunk where it lies whole there, otherwise from the decoder.
    ///
    /// # Errors
    ///
    /// [`ERR_FRAME_TOO_LONG`](crate::code::ERR_FRAME_TOO_LONG), again at every later call.
    ///
    /// ```
    /// let mut decoder = netloop::codec::Lines::new();
    /// let mut lines = decoder.feed(b"a\n\nb");
    /// assert_eq!(lines.next_line()?, Some(&b"a"[..]));
    /// assert_eq!(lines.next_line()?, Some(&b""[..]));
    /// assert_eq!(lines.next_line()?, None); // `b` is kept
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn next_line(&mut self) -> Result<Option<&[u8]>> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a stream that comes in these pieces; the last ones by `finish`.
    fn decode(mut decoder: Lines, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
        let mut seen = Vec::new();
        for piece in pieces {
            let mut lines = decoder.feed(piece);
            while let Some(line) = lines.next_line()? {
                seen.push(line.to_vec());
            }
        }
        while let Some(line) = decoder.finish()? {
            seen.push(line.to_vec());
        }
        Ok(seen)
    }

    #[test]
    fn kept_endings_are_those_that_were_sent_wherever_a_line_is_cut() {
        for stream in [&b"one\r\ntwo\n\n\r\n\rx\r\r\nlast"[..], b"\n", b"\r\n", b"a\n", b"a\r", b"\r", b""] {
            let expected: Vec<&[u8]> = stream.split_inclusive(|&byte| byte == b'\n').collect();
            for (first, second) in
                (0..=stream.len()).flat_map(|first| (first..=stream.len()).map(move |second| (first, second)))
            {
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                let lines = decode(Lines::new().keep_ending(true), &pieces).expect("short lines");
                assert_eq!(lines, expected, "{stream:?} cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn the_limit_does_not_count_a_kept_ending() {
        let decoder = Lines::new().max_length(3).keep_ending(true);
        for ending in ["", "\n", "\r\n"] {
            let (fits, longer) = (format!("abc{ending}"), format!("abcd{ending}"));
            for cut in 0..=fits.len() {
                let (first, second) = fits.as_bytes().split_at(cut);
                assert_eq!(decode(decoder.clone(), &[first, second]).expect("it fits"), [fits.as_bytes()]);
                let (first, second) = longer.as_bytes().split_at(cut);
                let error = decode(decoder.clone(), &[first, second]).expect_err("one more");
                assert_eq!(error.to_string(), "line at offset 0 is longer than 3 bytes");
            }
        }
    }

    #[test]
    fn a_whole_line_is_lent_with_its_ending_and_a_cut_one_is_put_together() {
        let mut decoder = Lines::new().keep_ending(true);
        let chunk = b"one\r\ntw";
        let mut lines = decoder.feed(chunk);
        let line = lines.next_line().expect("short").expect("whole");
        assert_eq!((line, line.as_ptr()), (&b"one\r\n"[..], chunk.as_ptr()));
        assert_eq!(lines.next_line().expect("short"), None);
        drop(lines);
        decoder.push(b"o\n\n");
        assert_eq!(decoder.next_line().expect("short"), Some(&b"two\n"[..]));
        assert_eq!(decoder.next_line().expect("short"), Some(&b"\n"[..]));
        assert_eq!(decoder.next_line().expect("short"), None);
    }

    #[test]
    fn a_good_line_behind_a_bad_one_is_not_told() {
        let mut decoder = Lines::new().max_length(3);
        let mut lines = decoder.feed(b"one\nlong\ntwo\n");
        assert_eq!(lines.next_line().expect("short"), Some(&b"one"[..]));
        for _ in 0..2 {
            let error = lines.next_line().expect_err("one more than three");
            assert_eq!(error.to_string(), "line at offset 4 is longer than 3 bytes");
        }
        drop(lines);
        assert!(decoder.feed(b"ok\n").next_line().is_err());
        decoder.push(b"ok\n");
        assert!(decoder.next_line().is_err() && decoder.finish().is_err());
    }

    #[test]
    fn endings_are_kept_no_longer_when_that_is_taken_back() {
        let decoder = Lines::new().keep_ending(true).keep_ending(false);
        assert_eq!(decode(decoder, &[b"a\r\nb\nc"]).expect("short"), [b"a", b"b", b"c"]);
    }
}
