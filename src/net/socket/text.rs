//! Text of what is read. Mirrors `Readable.prototype.setEncoding` (`lib/internal/streams/readable.js`).

use super::readable::Sink;
use super::{Socket, SocketId, SocketState};
use crate::codec::{Encoding, TextDecoder};
use crate::net::Reactor;
use crate::net::emit::Event;

impl<S> Socket<'_, S> {
    /// How [`on_text`](Self::on_text) makes text of the bytes: UTF-8 if this is never called. Mirrors `socket.setEncoding`.
    ///
    /// Holds from the next chunk on, also in the next life of the socket; a cut character held by the decoder before is lost.
    /// [`on_data`](Self::on_data) goes on to give bytes, and [`readable_length`](Self::readable_length) to count them.
    ///
    /// ```
    /// use netloop::Encoding;
    ///
    /// # let mut reactor = netloop::Reactor::<String>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with([0xca, 0xfe]);
    /// socket.set_encoding(Encoding::Hex).on_text(|_, text, seen| seen.push_str(text));
    /// # let mut seen = String::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, "cafe");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_encoding(&mut self, encoding: Encoding) -> &mut Self {
        if let Some(socket) = self.entry_mut() {
            socket.rare().text = Some(TextDecoder::new(encoding));
            if socket.readable.sink == Sink::Data {
                socket.readable.sink = Sink::Text;
            }
        }
        self
    }

    /// Somebody wants text: UTF-8 unless it was said otherwise.
    pub(super) fn decode_text(&mut self) {
        if self.readable_encoding().is_none() {
            self.set_encoding(Encoding::Utf8);
        }
    }
}

impl<S> Reactor<S> {
    /// Emits a chunk: its bytes, then its text if that is wanted.
    pub(super) fn emit_chunk(&mut self, id: SocketId, chunk: &[u8], state: &mut S) {
        if self.passing_slot(id).is_some_and(|(socket, _)| socket.readable.sink != Sink::Text) {
            self.emit(id, Event::Data(chunk), state);
            return;
        }
        let mut buffer = std::mem::take(&mut self.text_buffer);
        // Before the listeners: a new encoding is for the next chunk.
        let decoder = self.passing_slot(id).and_then(|(socket, _)| socket.decoder());
        let text = decoder.map_or("", |decoder| decoder.decode(chunk, &mut buffer));
        self.emit(id, Event::Data(chunk), state);
        self.emit_text(id, text, state);
        self.text_buffer = buffer;
    }

    /// At the end: emits what no more bytes will complete. Like bytes it has to be wanted: false if it still waits.
    pub(super) fn emit_rest(&mut self, id: SocketId, state: &mut S) -> bool {
        let Some(socket) = self.socket_entry(id) else {
            return true;
        };
        let flowing = socket.readable.is_flowing();
        let Some(decoder) = socket.decoder().filter(|decoder| decoder.has_rest()) else {
            return true;
        };
        if flowing {
            let mut rest = String::new();
            decoder.flush(&mut rest);
            self.emit_text(id, &rest, state);
        }
        flowing
    }

    fn emit_text(&mut self, id: SocketId, text: &str, state: &mut S) {
        if !text.is_empty() && self.passing_slot(id).is_some_and(|(socket, _)| !socket.life.is_destroyed()) {
            self.emit(id, Event::Text(text), state);
        }
    }
}

impl<S> SocketState<S> {
    pub(super) fn encoding(&self) -> Option<Encoding> {
        self.rare.as_ref()?.text.map(|decoder| decoder.encoding())
    }

    fn decoder(&mut self) -> Option<&mut TextDecoder> {
        self.rare.as_mut()?.text.as_mut()
    }

    /// Half a character of this life is no part of the next.
    pub(super) fn forget_partial_text(&mut self) {
        if let Some(decoder) = self.decoder() {
            *decoder = TextDecoder::new(decoder.encoding());
        }
    }
}
