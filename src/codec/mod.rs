//! Bytes to messages and text. Pure: no I/O, no callback.

mod encoding;
mod string_decoder;

pub use self::encoding::Encoding;
pub use self::string_decoder::StringDecoder;
pub(crate) use self::string_decoder::TextDecoder;
