//! Reading into the caller's own buffer. Mirrors the `onread` option of `net.Socket` (`lib/net.js`, `useUserBuffer`).

use super::readable::Sink;
use super::{Socket, SocketId};
use crate::code;
use crate::error::Error;
use crate::event_loop::{Readiness, after_callback, call_and_keep};
use crate::net::Reactor;
use crate::net::host::Handle;
use crate::stream::Read;

/// A buffer and its listener, whatever their types are.
pub(in crate::net) trait ReadBuffer<S> {
    /// Where the next bytes go.
    fn space(&mut self) -> &mut [u8];
    /// Tells of bytes that are in the space; false is for stop.
    fn filled(&mut self, socket: &mut Socket<'_, S>, len: usize, state: &mut S) -> bool;
}

struct WithListener<B, F> {
    buffer: B,
    listener: F,
}

impl<S, B, F> ReadBuffer<S> for WithListener<B, F>
where
    B: AsMut<[u8]>,
    F: FnMut(&mut Socket<'_, S>, usize, &mut B, &mut S) -> bool,
{
    fn space(&mut self) -> &mut [u8] {
        self.buffer.as_mut()
    }

    fn filled(&mut self, socket: &mut Socket<'_, S>, len: usize, state: &mut S) -> bool {
        (self.listener)(socket, len, &mut self.buffer, state)
    }
}

/// How a read into the caller's buffer went.
enum Filled {
    Read(Read),
    /// The listener was told; whether there may be more.
    Told(bool),
    NoSpace,
}

impl<S> Socket<'_, S> {
    /// Reads into a buffer of yours from now on, instead of emitting `data` and `text`: no copy, and nothing is read ahead.
    /// Mirrors the `onread` option of `net.Socket`.
    ///
    /// The kernel fills `buffer` from its beginning, and `listener` is called with how many bytes those are, once for each
    /// read. If it returns false, nothing more is read until [`resume`](Self::resume): it may return what
    /// [`write`](Self::write) does. To keep a filled buffer, it may put another one in its place.
    ///
    /// [`pause`](Self::pause) and `resume` act at once. `end` comes as always. An empty buffer destroys the socket with
    /// `read ENOBUFS`.
    ///
    /// It holds for the next lives of the socket too, and a second call replaces buffer and listener. What was read before
    /// and waits is given to the listener first, copied.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with("0123456789");
    /// socket.read_into([0; 4], |_, len, buffer, seen| {
    ///     seen.extend_from_slice(&buffer[..len]); // "0123", "4567", "89"
    ///     true
    /// });
    /// # let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"0123456789");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn read_into<B: AsMut<[u8]> + 'static>(
        &mut self,
        buffer: B,
        listener: impl FnMut(&mut Socket<'_, S>, usize, &mut B, &mut S) -> bool + 'static,
    ) -> &mut Self {
        let Some(socket) = self.entry_mut() else {
            return self;
        };
        socket.rare().reader = Some(Box::new(WithListener { buffer, listener }));
        if socket.readable.sink != Sink::Buffer {
            socket.readable.sink = Sink::Buffer;
            socket.readable.stopped = socket.readable.is_paused();
        }
        if socket.readable.len() > 0 && !socket.readable.stopped {
            self.reactor.resume(self.id);
        }
        self.reactor.settle_or_destroy(self.id);
        self
    }
}

impl<S> Reactor<S> {
    /// The read loop of `read_chunks`, into the caller's buffer.
    pub(super) fn read_into_buffer(&mut self, id: SocketId, state: &mut S) {
        for _ in 0..self.options.read_budget.max(1) {
            let Some((socket, readiness)) = self.socket_slot(id) else {
                return;
            };
            if !socket.is_reading() || !readiness.has_any(Readiness::INPUT) {
                return;
            }
            let filled = self.with_reader(id, |reactor, reader| reactor.fill(id, reader, state));
            match filled {
                Some(Filled::Read(read)) => return self.on_read_end(id, read, state),
                Some(Filled::Told(more)) => {
                    after_callback(self, state);
                    if !more {
                        return;
                    }
                }
                Some(Filled::NoSpace) => {
                    self.no_space(id);
                    return after_callback(self, state);
                }
                None => return,
            }
        }
    }

    /// Gives the listener what was read before it was there.
    pub(super) fn flow_into_buffer(&mut self, id: SocketId, state: &mut S) {
        while self.socket_entry(id).is_some_and(|socket| socket.readable.feeds_buffer()) {
            let moved = self.with_reader(id, |reactor, reader| {
                let socket = reactor.socket_entry(id)?;
                let len = socket.readable.pop_into(reader.space());
                (len > 0).then(|| reactor.tell(id, reader, len, state))
            });
            match moved {
                Some(Some(())) => {}
                Some(None) => self.no_space(id),
                None => return,
            }
        }
    }

    /// One read.
    fn fill(&mut self, id: SocketId, reader: &mut dyn ReadBuffer<S>, state: &mut S) -> Filled {
        let now = self.event_loop.now();
        let space = reader.space();
        let room = space.len();
        let Some((socket, readiness)) = self.socket_slot(id).filter(|_| room > 0) else {
            return Filled::NoSpace;
        };
        let mut reads = 1;
        let read = match &socket.stream {
            Some(stream) => stream.read(readiness, space, &mut reads),
            None => Read::Blocked,
        };
        let Read::Data(len) = read else {
            self.counters.reads += reads;
            return Filled::Read(read);
        };
        let arm = socket.count_read(len, now);
        self.counters.reads += reads;
        self.counters.bytes_read += len as u64;
        if arm {
            self.touch(id);
        }
        self.tell(id, reader, len, state);
        Filled::Told(len == room)
    }

    /// Calls the listener, which may say stop.
    fn tell(&mut self, id: SocketId, reader: &mut dyn ReadBuffer<S>, len: usize, state: &mut S) {
        let goes_on = reader.filled(&mut Socket::new(self, id), len, state);
        if let Some(socket) = self.socket_entry(id)
            && !goes_on
            && !socket.reads_out()
        {
            socket.readable.stopped = true;
        }
    }

    fn no_space(&mut self, id: SocketId) {
        self.touch(id);
        self.destroy(id, Some(Error::cancelled("read", code::ENOBUFS)));
    }

    /// Calls with the reader taken out; it is put back unless it has replaced itself.
    fn with_reader<R>(&mut self, id: SocketId, call: impl FnOnce(&mut Self, &mut dyn ReadBuffer<S>) -> R) -> Option<R> {
        let reader = self.socket_entry(id)?.rare().reader.take()?;
        let put_back = |reactor: &mut Self, reader| {
            if let Some(socket) = reactor.socket_entry(id) {
                socket.rare().reader.get_or_insert(reader);
            }
        };
        let call = |reactor: &mut Self, reader: &mut Box<dyn ReadBuffer<S>>| {
            reactor.call_of(Handle::Socket(id), |reactor| call(reactor, reader.as_mut()))
        };
        Some(call_and_keep(self, reader, call, put_back))
    }
}
