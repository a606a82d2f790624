//! Frames that begin with their length.

use std::array;
use std::fmt;
use std::ops::Deref;

use crate::code;
use crate::error::{Error, Result};

use super::buffer::{Buffer, Format, Found, Frames};

/// As much as tokio's `LengthDelimitedCodec` allows; half of a socket's write queue, so that a frame can be sent on.
pub(super) const MAX_FRAME: usize = 8 * 1024 * 1024;

/// Frames that begin with their length: one, two or four bytes, the highest first unless set.
///
/// The length counts the bytes after it. The default is [`LengthPrefixed::u32`].
///
/// ```
/// use netloop::{Handler, Socket, codec::LengthPrefixed};
///
/// #[derive(Default)]
/// struct Session { frames: LengthPrefixed }
///
/// impl Handler for Session {
///     fn on_data(&mut self, socket: &mut Socket<'_>, chunk: &[u8], _: &mut ()) -> netloop::Result {
///         let mut frames = self.frames.feed(chunk);
///         while let Some(frame) = frames.next_frame()? {
///             socket.write(LengthPrefixed::header(frame.len())?);
///             socket.write(frame);
///         }
///         Ok(())
///     }
///     fn on_end(&mut self, _: &mut Socket<'_>, _: &mut ()) -> netloop::Result {
///         self.frames.finish().map(drop) // an error, if a frame is cut off
///     }
/// }
/// # let mut reactor = netloop::Reactor::new()?;
/// # let (near, far) = reactor.socket_pair()?;
/// # reactor.socket(far).expect("just made").attach(Session::default());
/// # reactor.socket(near).expect("just made").on_data(|_, chunk, _| assert_eq!(chunk, b"\0\0\0\x02hi")).end_with(b"\0\0\0\x02hi");
/// # reactor.run(&mut ())?;
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LengthPrefixed {
    buffer: Buffer,
    prefix: Prefix,
}

impl LengthPrefixed {
    /// A length of one byte: frames up to 255 bytes.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u8();
    /// assert_eq!(decoder.feed(b"\x02hi").next_frame()?, Some(&b"hi"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn u8() -> Self {
        Self::with_width(1)
    }

    /// A length of two bytes: frames up to 65,535 bytes.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u16();
    /// assert_eq!(decoder.feed(b"\0\x02hi").next_frame()?, Some(&b"hi"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn u16() -> Self {
        Self::with_width(2)
    }

    /// A length of four bytes: the default.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u32();
    /// assert_eq!(decoder.feed(b"\0\0\0\x02hi").next_frame()?, Some(&b"hi"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn u32() -> Self {
        Self::with_width(4)
    }

    const fn with_width(width: usize) -> Self {
        Self { buffer: Buffer::new(), prefix: Prefix { width, little_endian: false, max: MAX_FRAME } }
    }

    /// The lowest byte of the length comes first.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u16().little_endian();
    /// assert_eq!(decoder.feed(b"\x02\0hi").next_frame()?, Some(&b"hi"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn little_endian(mut self) -> Self {
        self.prefix.little_endian = true;
        self
    }

    /// The longest frame in bytes, without its length; 8 MiB unless set. A peer can make the decoder hold that much.
    ///
    /// ```
    /// use netloop::{code, codec::LengthPrefixed};
    ///
    /// let mut decoder = LengthPrefixed::u32().max_length(1024);
    /// let error = decoder.feed(b"\0\0\x04\x01").next_frame().expect_err("one more");
    /// assert_eq!(error.code(), code::ERR_FRAME_TOO_LONG);
    /// assert_eq!(error.to_string(), "frame at offset 0 is longer than 1024 bytes, it has 1025");
    /// ```
    #[must_use]
    pub const fn max_length(mut self, bytes: usize) -> Self {
        self.prefix.max = bytes;
        self
    }

    /// The frames of a chunk, as a cursor to call [`Frames::next_frame`] on. Frames whole in the chunk are not copied.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u8();
    /// let mut frames = decoder.feed(b"\x01a\x02bc\x03d");
    /// assert_eq!(frames.next_frame()?, Some(&b"a"[..]));
    /// assert_eq!(frames.next_frame()?, Some(&b"bc"[..]));
    /// assert_eq!(frames.next_frame()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Frames<'a> {
        Frames::new(&mut self.buffer, &mut self.prefix, chunk)
    }

    /// Copies a chunk, for [`LengthPrefixed::next_frame`]. [`LengthPrefixed::feed`] does not copy.
    ///
    /// Take the frames before the next `push`: what is not taken is kept, however much it is.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u8();
    /// decoder.push(b"\x02h");
    /// assert_eq!(decoder.next_frame()?, None);
    /// decoder.push(b"i");
    /// assert_eq!(decoder.next_frame()?, Some(&b"hi"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.keep(chunk, &self.prefix);
    }

    /// The next frame of what was pushed, or left in a dropped cursor.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`], again at every later call.
    ///
    /// ```
    /// let mut decoder = netloop::codec::LengthPrefixed::u8();
    /// decoder.push(b"\x01a\x01b");
    /// let mut seen = Vec::new();
    /// while let Some(frame) = decoder.next_frame()? {
    ///     seen.extend_from_slice(frame);
    /// }
    /// assert_eq!(seen, b"ab");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        self.buffer.next(&mut self.prefix, &mut &[][..])
    }

    /// To call at `end`: whole frames that were left, if there are any, then `None`.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_INCOMPLETE`] if the stream ended in the middle of a frame.
    ///
    /// ```
    /// use netloop::{code, codec::LengthPrefixed};
    ///
    /// let mut decoder = LengthPrefixed::u8();
    /// decoder.push(b"\x02h");
    /// assert_eq!(decoder.next_frame()?, None);
    /// assert_eq!(decoder.finish().expect_err("one byte is missing").code(), code::ERR_FRAME_INCOMPLETE);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn finish(&mut self) -> Result<Option<&[u8]>> {
        self.buffer.finish(&mut self.prefix)
    }

    /// What to write before a frame of so many bytes, for a peer that decodes with [`LengthPrefixed::default`].
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`] above 8 MiB, which that peer would refuse.
    ///
    /// ```
    /// assert_eq!(netloop::codec::LengthPrefixed::header(258)?, [0, 0, 1, 2]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn header(len: usize) -> Result<[u8; 4]> {
        Ok(Self::u32().header_for(len)?.bytes)
    }

    /// The same for a peer that decodes with one like `self`: a constant serves both ends.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`] above [`LengthPrefixed::max_length`], or what the bytes of the length can tell.
    ///
    /// ```
    /// use netloop::codec::LengthPrefixed;
    ///
    /// const FRAMES: LengthPrefixed = LengthPrefixed::u16().little_endian().max_length(1024);
    ///
    /// assert_eq!(*FRAMES.header_for(258)?, [2, 1]);
    /// assert!(FRAMES.header_for(1025).is_err());
    /// let mut decoder = FRAMES;
    /// assert_eq!(decoder.feed(b"\x02\0hi").next_frame()?, Some(&b"hi"[..]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn header_for(&self, len: usize) -> Result<Header> {
        self.prefix.header(len)
    }
}

impl Default for LengthPrefixed {
    fn default() -> Self {
        Self::u32()
    }
}

/// A length, ready to be written: the bytes of [`LengthPrefixed::header_for`].
///
/// ```
/// let header = netloop::codec::LengthPrefixed::u16().header_for(2)?;
/// assert_eq!(header.as_ref(), b"\0\x02");
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The last ones are unused below four.
    bytes: [u8; 4],
    width: usize,
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.width]
    }
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Header").field(&&**self).finish()
    }
}

/// The form of the length.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    /// 1, 2 or 4 bytes.
    width: usize,
    little_endian: bool,
    max: usize,
}

impl Prefix {
    fn limit(self) -> usize {
        let widest = u32::MAX >> (32 - 8 * self.width);
        self.max.min(usize::try_from(widest).unwrap_or(usize::MAX))
    }

    fn header(self, len: usize) -> Result<Header> {
        let limit = self.limit();
        let Some(short) = u32::try_from(len).ok().filter(|_| len <= limit) else {
            let text = format!("a frame of {len} bytes is longer than {limit} bytes");
            return Err(Error::with_code(code::ERR_FRAME_TOO_LONG, text));
        };
        let mut bytes = short.to_le_bytes();
        if !self.little_endian {
            bytes[..self.width].reverse();
        }
        Ok(Header { bytes, width: self.width })
    }
}

/// The length at the front, if all of it is there.
#[inline]
pub(super) fn length(width: usize, little_endian: bool, head: &[u8], tail: &[u8]) -> Option<u32> {
    let bytes = match tail.first_chunk() {
        Some(first) if head.is_empty() => *first,
        _ if head.len() + tail.len() < width => return None,
        _ => {
            let mut front = head.iter().chain(tail).copied();
            array::from_fn(|_| front.next().unwrap_or(0))
        }
    };
    let spare = 32 - 8 * width;
    Some(if little_endian { u32::from_le_bytes(bytes) << spare >> spare } else { u32::from_be_bytes(bytes) >> spare })
}

impl Format for Prefix {
    #[inline]
    fn find(&mut self, head: &[u8], tail: &[u8]) -> Found {
        let Some(says) = length(self.width, self.little_endian, head, tail) else {
            return Found::Part;
        };
        let limit = self.limit();
        match usize::try_from(says) {
            Ok(len) if len <= limit => {
                let end = self.width.saturating_add(len);
                let whole = head.len() + tail.len() >= end;
                if whole { Found::Frame { content: self.width..end, end } } else { Found::Part }
            }
            _ => Found::TooLong { what: "frame", len: Some(says.into()), limit },
        }
    }

    fn at_end(&mut self, _: &[u8]) -> Found {
        Found::Part
    }

    fn longest(&self) -> usize {
        self.limit().saturating_add(self.width)
    }
}
