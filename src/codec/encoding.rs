//! The names of the encodings, as in Node.

use std::fmt;
use std::str::FromStr;

use crate::code;
use crate::error::Error;

/// How bytes become text: Node's encodings.
///
/// Parsing knows Node's names in any case: `utf8` and `utf-8` (and the empty text), `utf16le`, `utf-16le`, `ucs2` and `ucs-2`,
/// `latin1` and `binary`, `ascii`, `base64`, `base64url`, `hex`. Everything else is `ERR_UNKNOWN_ENCODING`.
///
/// ```
/// use netloop::{Encoding, code};
///
/// assert_eq!("UCS-2".parse::<Encoding>()?, Encoding::Utf16Le);
/// assert_eq!(Encoding::Utf16Le.to_string(), "utf16le");
/// let error = "zz".parse::<Encoding>().expect_err("no such encoding");
/// assert_eq!((error.code(), error.to_string().as_str()), (code::ERR_UNKNOWN_ENCODING, "Unknown encoding: zz"));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8; what is not valid becomes U+FFFD.
    #[default]
    Utf8,
    /// UTF-16, low byte first; half a surrogate pair becomes U+FFFD.
    Utf16Le,
    /// Each byte is the code point of that number.
    Latin1,
    /// As Latin-1, without the highest bit of each byte.
    Ascii,
    /// Four characters for three bytes, padded with `=`.
    Base64,
    /// The same with `-` and `_`, without padding.
    Base64Url,
    /// Two lower-case digits for each byte.
    Hex,
}

impl Encoding {
    /// Node's name of it.
    ///
    /// ```
    /// assert_eq!(netloop::Encoding::Latin1.name(), "latin1");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Utf16Le => "utf16le",
            Self::Latin1 => "latin1",
            Self::Ascii => "ascii",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hex",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Encoding {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name.to_ascii_lowercase().as_str() {
            "" | "utf8" | "utf-8" => Ok(Self::Utf8),
            "utf16le" | "utf-16le" | "ucs2" | "ucs-2" => Ok(Self::Utf16Le),
            "latin1" | "binary" => Ok(Self::Latin1),
            "ascii" => Ok(Self::Ascii),
            "base64" => Ok(Self::Base64),
            "base64url" => Ok(Self::Base64Url),
            "hex" => Ok(Self::Hex),
            _ => Err(Error::with_code(code::ERR_UNKNOWN_ENCODING, format!("Unknown encoding: {name}"))),
        }
    }
}
