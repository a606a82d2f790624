//! Frames: where one message ends in a stream of bytes and the next begins. And text: [`StringDecoder`]. Pure: no socket,
//! no loop, no I/O.
//!
//! TCP keeps bytes in order, but not the sizes of writes: `data` brings half a message, or three and a half. A decoder turns
//! these chunks into messages, and gives the same ones however the bytes were cut.
//!
//! | codec | on the wire | limit unless set |
//! | --- | --- | --- |
//! | [`LengthPrefixed`] | length (1, 2 or 4 bytes), then that many bytes | 8 MiB |
//! | [`Lines`] | text, then `\n` or `\r\n` | 64 KiB |
//! | [`Delimited`] | bytes, then a delimiter of your own | 64 KiB |
//! | [`MessageFrame`] | length (4 bytes), message, metadata to the end of the stream | 8 MiB |
//!
//! A decoder belongs to one direction of one connection. Give it each chunk with `feed`, and take the frames:
//!
//! ```
//! use netloop::codec::LengthPrefixed;
//!
//! let mut decoder = LengthPrefixed::default();
//! let mut seen = Vec::new();
//! for chunk in [&b"\0\0\0\x02hi\0\0"[..], b"\0\x05there"] {
//!     let mut frames = decoder.feed(chunk);
//!     while let Some(frame) = frames.next_frame()? {
//!         seen.push(frame.to_vec());
//!     }
//! }
//! assert_eq!(seen, [&b"hi"[..], b"there"]);
//! # Ok::<(), netloop::Error>(())
//! ```
//!
//! # Copies and memory
//!
//! A frame that lies whole in the chunk is lent from there. Only the pieces of a frame that is cut are copied into the
//! decoder, which thus holds at most one frame of the longest length allowed, and none in between. What `feed` was given and
//! you did not take (after a `break` or a `?`) is kept, and comes first the next time.
//!
//! # Errors
//!
//! - [`ERR_FRAME_TOO_LONG`](crate::code::ERR_FRAME_TOO_LONG): told as soon as it is known, for a length at its prefix.
//! - [`ERR_FRAME_INCOMPLETE`](crate::code::ERR_FRAME_INCOMPLETE): the stream ended in the middle of a frame (`finish`).
//!
//! The text names the offset of the frame in the stream. Behind a bad frame nobody knows where the next begins, so a decoder
//! repeats its error for ever and drops what comes. The next connection needs a new one.

mod buffer;
mod delimited;
mod encoding;
mod length_prefixed;
mod lines;
mod message;
mod string_decoder;

pub use self::buffer::Frames;
pub use self::delimited::Delimited;
pub use self::encoding::Encoding;
pub use self::length_prefixed::{Header, LengthPrefixed};
pub use self::lines::{FedLines, Lines};
pub use self::message::{Message, MessageFrame};
pub use self::string_decoder::StringDecoder;
pub(crate) use self::string_decoder::TextDecoder;
