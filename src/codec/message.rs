//! A message with metadata: `length | message | metadata`.

use crate::code;
use crate::error::{Error, Result};

use super::buffer::{Buffer, Format, Found};
use super::length_prefixed::{MAX_FRAME, length};

/// The bytes of the length: what Node's `writeInt32BE` writes.
const WIDTH: usize = 4;
/// A signed number of four bytes; a negative one counts as one above this.
const MAX_MESSAGE: usize = i32::MAX as usize;

/// A message and what is said about it, as `length | message | metadata`.
///
/// The length has four bytes, the highest first, and counts the message only. The metadata is what remains, so the frame
/// itself does not tell where it ends: either the stream ends there, which is [`MessageFrame`], or a frame around it does:
///
/// ```
/// use netloop::codec::{LengthPrefixed, Message};
///
/// let inner = Message { message: b"hello world", metadata: &[0] }.encode()?;
/// let mut stream = LengthPrefixed::header(inner.len())?.to_vec();
/// stream.extend_from_slice(&inner);
///
/// let mut frames = LengthPrefixed::default();
/// let mut frames = frames.feed(&stream);
/// let frame = frames.next_frame()?.expect("it is whole");
/// assert_eq!(Message::parse(frame)?, Message { message: b"hello world", metadata: &[0] });
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What the length counts.
    pub message: &'a [u8],
    /// What remains.
    pub metadata: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a whole frame apart. Nothing is copied.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_INCOMPLETE`] if there are fewer bytes than the length says.
    ///
    /// ```
    /// use netloop::codec::Message;
    ///
    /// let frame = Message::parse(b"\0\0\0\x02hi, there")?;
    /// assert_eq!((frame.message, frame.metadata), (&b"hi"[..], &b", there"[..]));
    /// assert!(Message::parse(b"\0\0\0\x02h").is_err());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn parse(frame: &'a [u8]) -> Result<Self> {
        let whole = || {
            let len = usize::try_from(length(WIDTH, false, frame, &[])?).ok()?;
            frame[WIDTH..].split_at_checked(len)
        };
        let Some((message, metadata)) = whole() else {
            let text = format!("a frame of {} bytes ends before its message does", frame.len());
            return Err(Error::with_code(code::ERR_FRAME_INCOMPLETE, text));
        };
        Ok(Self { message, metadata })
    }

    /// What to write before a message of so many bytes; message and metadata follow.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`] above 2³¹ - 1 bytes.
    ///
    /// ```
    /// assert_eq!(netloop::codec::Message::header(258)?, [0, 0, 1, 2]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn header(len: usize) -> Result<[u8; 4]> {
        let len = i32::try_from(len).map_err(|_| {
            let text = format!("a message of {len} bytes is longer than {MAX_MESSAGE} bytes");
            Error::with_code(code::ERR_FRAME_TOO_LONG, text)
        })?;
        Ok(len.to_be_bytes())
    }

    /// The whole frame as one piece.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`] above 2³¹ - 1 bytes of message.
    ///
    /// ```
    /// let frame = netloop::codec::Message { message: b"hi", metadata: b"!" };
    /// assert_eq!(frame.encode()?, b"\0\0\0\x02hi!");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn encode(&self) -> Result<Vec<u8>> {
        Ok([&Self::header(self.message.len())?, self.message, self.metadata].concat())
    }
}

/// Decodes one [`Message`], whose metadata goes on to the end of the stream.
///
/// ```
/// use netloop::{Handler, Socket, codec::MessageFrame};
///
/// #[derive(Default)]
/// struct Inbox { frame: MessageFrame }
///
/// impl Handler<Vec<String>> for Inbox {
///     fn on_data(&mut self, _: &mut Socket<'_, Vec<String>>, chunk: &[u8], _: &mut Vec<String>) -> netloop::Result {
///         self.frame.push(chunk)
///     }
///     fn on_end(&mut self, _: &mut Socket<'_, Vec<String>>, seen: &mut Vec<String>) -> netloop::Result {
///         if let Some(frame) = self.frame.finish()? {
///             seen.push(format!("{} {:?}", String::from_utf8_lossy(frame.message), frame.metadata));
///         }
///         Ok(())
///     }
/// }
///
/// let mut reactor = netloop::Reactor::new()?;
/// let (near, far) = reactor.socket_pair()?;
/// reactor.socket(far).expect("just made").attach(Inbox::default());
/// let mut near = reactor.socket(near).expect("just made");
/// near.write(b"\0\0\0\x0bhello world\0");
/// near.end();
/// near.resume();
/// let mut seen = Vec::new();
/// reactor.run(&mut seen)?;
/// assert_eq!(seen, ["hello world [0]"]);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageFrame {
    buffer: Buffer,
    limit: Limit,
}

impl MessageFrame {
    /// One of at most 8 MiB.
    ///
    /// ```
    /// let mut decoder = netloop::codec::MessageFrame::new();
    /// assert_eq!(decoder.finish()?, None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Buffer::new(), limit: Limit { max: MAX_FRAME } }
    }

    /// The most bytes of message and metadata together; 8 MiB unless set. A peer can make the decoder hold that much.
    ///
    /// ```
    /// use netloop::{code, codec::MessageFrame};
    ///
    /// let mut decoder = MessageFrame::new().max_length(5);
    /// decoder.push(b"\0\0\0\x04abcdX")?;
    /// assert_eq!(decoder.push(b"Y").expect_err("one more").code(), code::ERR_FRAME_TOO_LONG);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub const fn max_length(mut self, bytes: usize) -> Self {
        self.limit.max = bytes;
        self
    }

    /// Takes a chunk in.
    ///
    /// # Errors
    ///
    /// [`code::ERR_FRAME_TOO_LONG`] as soon as the length says so, or more came than is allowed; again at every later call.
    ///
    /// ```
    /// let mut decoder = netloop::codec::MessageFrame::new();
    /// let error = decoder.push(b"\xff\xff\xff\xff").expect_err("4 GiB, or -1");
    /// assert_eq!(error.to_string(), "message at offset 0 is longer than 8388608 bytes, it has 4294967295");
    /// ```
    pub fn push(&mut self, mut chunk: &[u8]) -> Result {
        self.buffer.next(&mut self.limit, &mut chunk).map(drop)
    }

    /// To call at `end`: the message, if anything came. Afterwards `None`.
    ///
    /// # Errors
    ///
    /// - [`code::ERR_FRAME_INCOMPLETE`]: the stream ended before the message did.
    /// - [`code::ERR_FRAME_TOO_LONG`], if `push` has said so.
    ///
    /// ```
    /// use netloop::codec::{Message, MessageFrame};
    ///
    /// let mut decoder = MessageFrame::new();
    /// decoder.push(b"\0\0")?;
    /// decoder.push(b"\0\x02hi!")?;
    /// assert_eq!(decoder.finish()?, Some(Message { message: b"hi", metadata: b"!" }));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn finish(&mut self) -> Result<Option<Message<'_>>> {
        self.buffer.finish(&mut self.limit)?.map(Message::parse).transpose()
    }
}

impl Default for MessageFrame {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    max: usize,
}

impl Limit {
    fn value(self) -> usize {
        self.max.min(MAX_MESSAGE)
    }
}

impl Format for Limit {
    fn find(&mut self, head: &[u8], tail: &[u8]) -> Found {
        let limit = self.value();
        let says = length(WIDTH, false, head, tail);
        match says.map(usize::try_from) {
            Some(Ok(len)) if len <= limit => {}
            None => return Found::Part,
            Some(_) => return Found::TooLong { what: "message", len: says.map(u64::from), limit },
        }
        if head.len() + tail.len() > self.longest() {
            return Found::TooLong { what: "message with metadata", len: None, limit };
        }
        Found::Part
    }

    fn at_end(&mut self, rest: &[u8]) -> Found {
        let whole = Message::parse(rest).is_ok();
        if whole { Found::Frame { content: 0..rest.len(), end: rest.len() } } else { Found::Part }
    }

    fn longest(&self) -> usize {
        self.value().saturating_add(WIDTH)
    }
}
