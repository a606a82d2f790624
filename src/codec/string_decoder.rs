//! Bytes to text, however they are cut into chunks. Mirrors Node's `StringDecoder` (`src/string_decoder.cc`).

use std::char::{REPLACEMENT_CHARACTER, decode_utf16};

use super::Encoding;

/// Decodes a stream of bytes: a character that is cut by the end of a chunk is held back until the rest of it comes.
/// Mirrors Node's `string_decoder.StringDecoder`.
///
/// Whatever the cuts, the texts together are the same. What is not valid becomes U+FFFD, as
/// [`String::from_utf8_lossy`] does it; nothing is an error.
///
/// ```
/// use netloop::{Encoding, StringDecoder};
///
/// let mut decoder = StringDecoder::new(Encoding::Utf8);
/// assert_eq!(decoder.write(b"5 \xe2\x82"), "5 ");
/// assert_eq!(decoder.write(b"\xac each"), "€ each");
/// assert_eq!(decoder.end(), "");
/// ```
#[derive(Clone, Debug)]
pub struct StringDecoder {
    decoder: TextDecoder,
    text: String,
}

impl StringDecoder {
    /// A decoder that holds nothing.
    ///
    /// ```
    /// let mut decoder = netloop::StringDecoder::new(netloop::Encoding::Hex);
    /// assert_eq!(decoder.write(&[0x0f, 0xf0]), "0ff0");
    /// ```
    pub fn new(encoding: Encoding) -> Self {
        Self { decoder: TextDecoder::new(encoding), text: String::new() }
    }

    /// What it decodes. Mirrors `decoder.encoding`.
    ///
    /// ```
    /// # use netloop::{Encoding, StringDecoder};
    /// assert_eq!(StringDecoder::new("binary".parse()?).encoding(), Encoding::Latin1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn encoding(&self) -> Encoding {
        self.decoder.encoding
    }

    /// The text that is complete with these bytes. Mirrors `decoder.write`.
    ///
    /// Valid UTF-8 that begins with a whole character is lent from `bytes`, as is ASCII with `Latin1` and `Ascii`; everything
    /// else from a buffer of the decoder, which is used again.
    ///
    /// ```
    /// let mut decoder = netloop::StringDecoder::new(netloop::Encoding::Base64);
    /// assert_eq!(decoder.write(b"a"), "");
    /// assert_eq!(decoder.write(b"bc"), "YWJj");
    /// ```
    pub fn write<'t>(&'t mut self, bytes: &'t [u8]) -> &'t str {
        self.decoder.decode(bytes, &mut self.text)
    }

    /// The text of what was held back; the decoder can be used again. Mirrors `decoder.end()`.
    ///
    /// ```
    /// let mut decoder = netloop::StringDecoder::new(netloop::Encoding::Utf8);
    /// assert_eq!(decoder.write(b"\xe2\x82"), "");
    /// assert_eq!(decoder.end(), "\u{fffd}");
    /// assert_eq!(decoder.write(b"next"), "next");
    /// ```
    pub fn end(&mut self) -> &str {
        self.end_with(b"")
    }

    /// The text of the last bytes and of what was held back. Mirrors `decoder.end(bytes)`.
    ///
    /// ```
    /// let mut decoder = netloop::StringDecoder::new(netloop::Encoding::Base64);
    /// assert_eq!(decoder.end_with(b"ab"), "YWI=");
    /// ```
    pub fn end_with<'t>(&'t mut self, bytes: &[u8]) -> &'t str {
        self.text.clear();
        self.decoder.append(bytes, &mut self.text);
        self.decoder.flush(&mut self.text);
        &self.text
    }
}

/// The state of a decoder, without a buffer for its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextDecoder {
    encoding: Encoding,
    /// How many bytes of `bytes` are held back.
    held: u8,
    bytes: [u8; 4],
}

impl TextDecoder {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, held: 0, bytes: [0; 4] }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The text that is complete with these bytes: they themselves if that can be, otherwise what is put into `text`.
    pub(crate) fn decode<'t>(&mut self, bytes: &'t [u8], text: &'t mut String) -> &'t str {
        if let Some(text) = self.lend(bytes) {
            return text;
        }
        text.clear();
        self.append(bytes, text);
        text
    }

    /// Puts the text of what is held back behind `text`, and forgets it.
    pub(crate) fn flush(&mut self, text: &mut String) {
        if self.has_rest() {
            match self.encoding {
                Encoding::Utf8 => push_utf8(text, self.held()),
                Encoding::Utf16Le => text.push(REPLACEMENT_CHARACTER),
                _ => push_base64(text, self.held(), self.encoding),
            }
        }
        self.held = 0;
    }

    /// Whether a flush would give text: an odd byte of UTF-16 is dropped.
    pub(crate) fn has_rest(&self) -> bool {
        self.held > u8::from(self.encoding == Encoding::Utf16Le)
    }

    fn held(&self) -> &[u8] {
        &self.bytes[..usize::from(self.held)]
    }

    /// Holds back what follows a split, at most four bytes in all.
    fn hold(&mut self, bytes: impl Iterator<Item = u8>) {
        for byte in bytes {
            self.bytes[usize::from(self.held)] = byte;
            self.held += 1;
        }
    }

    /// The text without a copy.
    fn lend<'t>(&mut self, bytes: &'t [u8]) -> Option<&'t str> {
        if self.held > 0 {
            return None;
        }
        match self.encoding {
            Encoding::Utf8 => {
                let (whole, tail) = bytes.split_at(bytes.len() - incomplete_tail(bytes));
                let text = str::from_utf8(whole).ok()?;
                self.hold(tail.iter().copied());
                Some(text)
            }
            Encoding::Latin1 | Encoding::Ascii if bytes.is_ascii() => str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn append(&mut self, bytes: &[u8], text: &mut String) {
        match self.encoding {
            Encoding::Utf8 => self.append_utf8(bytes, text),
            Encoding::Utf16Le => self.append_utf16(bytes, text),
            Encoding::Latin1 => text.extend(bytes.iter().map(|&byte| char::from(byte))),
            Encoding::Ascii => text.extend(bytes.iter().map(|&byte| char::from(byte & 0x7f))),
            Encoding::Base64 | Encoding::Base64Url => self.append_base64(bytes, text),
            Encoding::Hex => {
                let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                text.extend(digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
            }
        }
    }

    fn append_utf8(&mut self, mut bytes: &[u8], text: &mut String) {
        if let Some(&lead) = self.held().first() {
            let missing = sequence_len(lead) - self.held().len();
            let found = bytes.iter().take(missing).take_while(|byte| is_continuation(byte)).count();
            let (more, rest) = bytes.split_at(found);
            self.hold(more.iter().copied());
            if found < missing && rest.is_empty() {
                return;
            }
            // Whole, or broken off by a byte that begins something else.
            push_utf8(text, self.held());
            (self.held, bytes) = (0, rest);
        }
        let (whole, tail) = bytes.split_at(bytes.len() - incomplete_tail(bytes));
        push_utf8(text, whole);
        self.hold(tail.iter().copied());
    }

    /// A high surrogate at the end waits for its other half. Node hands it out if it was itself cut, since its strings can be
    /// put together again; ours can not.
    fn append_utf16(&mut self, bytes: &[u8], text: &mut String) {
        let (before, len) = (*self, usize::from(self.held) + bytes.len());
        let mut bytes = before.held().iter().chain(bytes).copied();
        let last = (len / 2 * 2).checked_sub(1).and_then(|at| bytes.clone().nth(at));
        let waits = last.is_some_and(|high| high & 0xfc == 0xd8);
        let whole = len / 2 - usize::from(waits);
        let units = (0..whole).map_while(|_| Some(u16::from_le_bytes([bytes.next()?, bytes.next()?])));
        text.extend(decode_utf16(units).map(|unit| unit.unwrap_or(REPLACEMENT_CHARACTER)));
        self.held = 0;
        self.hold(bytes);
    }

    /// Groups of three bytes; one or two wait.
    fn append_base64(&mut self, mut bytes: &[u8], text: &mut String) {
        if self.held > 0 {
            let (more, rest) = bytes.split_at(bytes.len().min(3 - usize::from(self.held)));
            self.hold(more.iter().copied());
            if self.held < 3 {
                return;
            }
            push_base64(text, self.held(), self.encoding);
            (self.held, bytes) = (0, rest);
        }
        let (whole, tail) = bytes.split_at(bytes.len() / 3 * 3);
        push_base64(text, whole, self.encoding);
        self.hold(tail.iter().copied());
    }
}

fn is_continuation(byte: &u8) -> bool {
    byte & 0xc0 == 0x80
}

/// How long a sequence is by its first byte, which may be one that no valid sequence has.
fn sequence_len(lead: u8) -> usize {
    match lead {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    }
}

/// How many bytes at the end look like the beginning of a sequence.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let last = bytes.iter().rev().take(3).enumerate().find(|(_, byte)| !is_continuation(byte));
    match last {
        Some((at, &lead)) if sequence_len(lead) > at + 1 => at + 1,
        _ => 0,
    }
}

/// One U+FFFD for each piece that no character can begin with, as all browsers do it.
fn push_utf8(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(REPLACEMENT_CHARACTER);
        }
    }
}

fn push_base64(text: &mut String, bytes: &[u8], encoding: Encoding) {
    let url = encoding == Encoding::Base64Url;
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let (plus, slash) = if url { ('-', '_') } else { ('+', '/') };
    text.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            match (bits >> (18 - 6 * at)) as usize & 63 {
                _ if at > group.len() && url => {}
                _ if at > group.len() => text.push('='),
                62 => text.push(plus),
                63 => text.push(slash),
                digit => text.push(char::from(digits[digit])),
            }
        }
    }
}
