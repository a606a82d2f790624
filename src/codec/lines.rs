//! Lines of text.

use crate::error::Result;

use super::buffer::{Buffer, Cursor};
use super::delimited::Delimiter;

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
    ending: Delimiter<[u8; 1]>,
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
        FedLines(Cursor { buffer: &mut self.buffer, format: &mut self.ending, chunk })
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
pub struct FedLines<'a>(Cursor<'a, Delimiter<[u8; 1]>>);

impl FedLines<'_> {
    /// The next line, without its ending; `None` when the rest of the chunk is a part of a line.
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
