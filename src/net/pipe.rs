//! Passing bytes on: what one socket reads another writes. Mirrors `Readable.prototype.pipe` and `unpipe`
//! (`lib/internal/streams/readable.js`); a proxy is two pipes and a common end.

use std::collections::BTreeMap;

use super::Reactor;
use super::emit::{Event, events};
use super::listeners::ListenerId;
use super::socket::{Socket, SocketId};
use crate::event_loop::step;

/// Options of [`Reactor::pipe_with`].
///
/// ```
/// use netloop::{PipeOptions, Reactor};
///
/// let mut reactor = Reactor::<()>::new()?;
/// let (near, far) = reactor.socket_pair()?;
/// reactor.pipe_with(near, near, PipeOptions::new().end(false));
/// # let _ = far;
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PipeOptions {
    end: bool,
}

impl Default for PipeOptions {
    fn default() -> Self {
        Self { end: true }
    }
}

impl PipeOptions {
    /// Node's defaults.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.pipe_with(near, far, netloop::PipeOptions::new());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the end of the source ends the destination. Default: true.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.pipe_with(near, far, netloop::PipeOptions::new().end(false));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[must_use]
    pub fn end(mut self, end: bool) -> Self {
        self.end = end;
        self
    }
}

/// A pipe, kept by its source.
pub(super) struct Pipe {
    /// The destination said stop; its `drain` is awaited. Known to the oldest of several pipes between the same two.
    waits: bool,
    on_source: ListenerId,
    on_destination: ListenerId,
}

/// The pipes of one source. One is the rule, and any number allowed.
#[derive(Default)]
pub(super) struct Pipes {
    /// With its destination; older than those to the same one in `more`.
    one: Option<(SocketId, Pipe)>,
    /// The others, by destination and age.
    more: BTreeMap<(SocketId, u64), Pipe>,
    made: u64,
    /// How many destinations said stop.
    awaited: usize,
}

impl Pipes {
    fn is_empty(&self) -> bool {
        self.one.is_none()
    }

    fn add(&mut self, to: SocketId, pipe: Pipe) {
        self.made += 1;
        if self.one.is_none() {
            self.one = Some((to, pipe));
        } else {
            self.more.insert((to, self.made), pipe);
        }
    }

    /// The oldest pipe to a destination.
    fn first(&mut self, to: SocketId) -> Option<&mut Pipe> {
        match &mut self.one {
            Some((one, pipe)) if *one == to => Some(pipe),
            _ => self.more.range_mut((to, 0)..=(to, u64::MAX)).inspect(|_| step()).next().map(|(_, pipe)| pipe),
        }
    }

    /// Takes it away.
    fn take_first(&mut self, to: SocketId) -> Option<Pipe> {
        let pipe = match self.one.take_if(|(one, _)| *one == to) {
            Some((_, pipe)) => {
                self.one = self.more.pop_first().map(|((to, _), pipe)| (to, pipe));
                pipe
            }
            None => {
                let (&key, _) = self.more.range((to, 0)..=(to, u64::MAX)).inspect(|_| step()).next()?;
                self.more.remove(&key)?
            }
        };
        if pipe.waits {
            match self.first(to) {
                Some(next) => next.waits = true,
                None => self.awaited -= 1,
            }
        }
        Some(pipe)
    }

    /// A destination said stop, or go on; true if that is news.
    fn set_waits(&mut self, to: SocketId, waits: bool) -> bool {
        let is_news = self.first(to).is_some_and(|pipe| std::mem::replace(&mut pipe.waits, waits) != waits);
        match (is_news, waits) {
            (false, _) => {}
            (true, true) => self.awaited += 1,
            (true, false) => self.awaited -= 1,
        }
        is_news
    }
}

impl<S> Reactor<S> {
    /// Writes to `to` what `from` reads, with backpressure. Mirrors `from.pipe(to)`. See [`pipe_with`](Self::pipe_with).
    ///
    /// A socket piped to itself is an echo server:
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// let mut server = reactor.create_server(|socket, _| {
    ///     let id = socket.id();
    ///     socket.reactor().pipe(id, id);
    /// });
    /// # let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// # let mut client = reactor.connect(([127, 0, 0, 1], port));
    /// # client.on_data(|_, chunk, seen| seen.extend_from_slice(chunk)).end_with("hello");
    /// # let mut seen = Vec::new();
    /// # reactor.run(&mut seen)?;
    /// # assert_eq!(seen, b"hello");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn pipe(&mut self, from: SocketId, to: SocketId) {
        self.pipe_with(from, to, PipeOptions::new());
    }

    /// As [`pipe`](Self::pipe), with options. Mirrors `from.pipe(to, options)`.
    ///
    /// - A write that returns false pauses `from`; the `drain` of `to` resumes it. A source with several destinations waits
    ///   for all of them. So at most the high-water mark and one chunk waits at `to`, and as much is read ahead at `from`.
    ///   The `write_queue_limit` of `to` has to be above that.
    /// - The `end` of `from` ends `to`, unless the options say no.
    /// - `finish`, `error` or `close` of `to` undo the pipe, as [`unpipe`](Self::unpipe) does.
    /// - Errors are not passed on, as in Node: a source that fails leaves `to` open, and a destination that fails leaves
    ///   `from` open and paused. [`proxy`](Self::proxy) ends both.
    ///
    /// With a stale id nothing happens. What a source reads with [`read_into`](crate::Socket::read_into) goes to that listener,
    /// not into the pipe.
    ///
    /// ```
    /// use netloop::PipeOptions;
    ///
    /// let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// let (near, from) = reactor.socket_pair()?;
    /// let (to, far) = reactor.socket_pair()?;
    /// reactor.pipe_with(from, to, PipeOptions::new().end(false));
    /// reactor.socket(from).expect("just made").on_end(move |from, _| {
    ///     if let Some(mut to) = from.other(to) { to.end_with(", and that is all") }
    /// });
    /// reactor.socket(near).expect("just made").end_with("some bytes");
    /// reactor.socket(far).expect("just made").on_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"some bytes, and that is all");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn pipe_with(&mut self, from: SocketId, to: SocketId, options: PipeOptions) {
        if self.socket(from).is_none() || self.socket(to).is_none() {
            return;
        }
        let end = options.end;
        let on_source = self.listen_to(from, events::DATA | events::END, move |socket, event| match event {
            Event::Data(chunk) => socket.reactor().pass_on(from, to, chunk),
            _ => socket.reactor().pass_end_on(from, to, end),
        });
        let wanted = events::DRAIN | events::FINISH | events::ERROR | events::CLOSE;
        let on_destination = self.listen_to(to, wanted, move |socket, event| match event {
            Event::Drain => socket.reactor().on_pipe_drain(from, to),
            Event::Error(_) => {
                // Misuse is an error that a socket survives.
                if socket.is_destroyed() {
                    socket.reactor().unpipe(from, to);
                }
                socket.leave_error_unheard();
            }
            _ => socket.reactor().unpipe(from, to),
        });
        let Some(source) = self.socket_entry(from) else {
            return;
        };
        source.rare().pipes.get_or_insert_default().add(to, Pipe { waits: false, on_source, on_destination });
        if source.has_ended() {
            self.next_tick(move |reactor, _| reactor.pass_end_on(from, to, end));
        }
        if self.socket(to).is_some_and(|to| to.writable_need_drain()) {
            self.await_drain(from, to);
        } else if let Some(mut from) = self.socket(from) {
            from.resume();
        }
    }

    /// Undoes a [`pipe`](Self::pipe), or one of them if there are several between the two. Mirrors `from.unpipe(to)`.
    ///
    /// A source without another destination is paused: what it reads would be lost. If nothing is piped from one to the
    /// other, nothing happens. Called by a `data` listener that is older than the pipe, it keeps the chunk of that moment from
    /// the destination; in Node that chunk is still written.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, far) = reactor.socket_pair()?;
    /// reactor.pipe(near, near);
    /// reactor.unpipe(near, near);
    /// assert!(reactor.socket(near).expect("just made").is_paused());
    /// # let _ = far;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn unpipe(&mut self, from: SocketId, to: SocketId) {
        let Some(pipe) = self.remove_pipe(from, to) else {
            return;
        };
        let is_last = self.pipes(from).is_none_or(|pipes| pipes.is_empty());
        if is_last && let Some(mut from) = self.socket(from) {
            from.pause();
        }
        if pipe.waits {
            self.resume_unless_awaited(from);
        }
    }

    /// Joins two sockets: what one reads the other writes, both ways, with backpressure, until both are closed.
    ///
    /// Two [pipes](Self::pipe_with), and more than Node has:
    ///
    /// - **Half-close.** The `end` of one ends the other, and the way back stays open: half-open is allowed on both from now
    ///   on. Bytes that wait are written before the FIN.
    /// - **Connecting.** Either may still connect; bytes and FIN for it wait, up to the high-water mark.
    /// - **Errors** of both count as heard; a listener of yours hears them too.
    /// - **Close.** When one is closed, the other does not outlive it. If the one failed before its `end`, its stream is cut
    ///   short, and so is the other's: it is [reset](crate::Socket::reset_and_destroy), without regard to what waits.
    ///   Where there is no reset (a Unix-domain socket), or nothing to cut (one of them was never connected), it is destroyed.
    ///   In all other cases the other is [destroyed soon](crate::Socket::destroy_soon): what it has got is still written, and
    ///   unread input of its peer does not make the kernel drop it.
    /// - **A stale id**, or a destroyed socket: the other is destroyed at once.
    ///
    /// A peer that never ends, or never reads, is waited for: [`set_timeout`](crate::Socket::set_timeout) puts a bound to it.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// # let mut server = reactor.create_server(|socket, _| socket.end_with("it works"));
    /// # let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// let mut proxy = reactor.create_server(move |client, _| {
    ///     let id = client.id();
    ///     let upstream = client.reactor().connect(([127, 0, 0, 1], port)).id();
    ///     client.reactor().proxy(id, upstream);
    /// });
    /// # let port = proxy.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// # reactor.connect(([127, 0, 0, 1], port)).on_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// # let mut seen = Vec::new();
    /// # reactor.run(&mut seen)?;
    /// # assert_eq!(seen, b"it works");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn proxy(&mut self, a: SocketId, b: SocketId) {
        let gone = |reactor: &mut Self, id| reactor.socket(id).is_none_or(|socket| socket.is_destroyed());
        if gone(self, a) || gone(self, b) {
            self.destroy(a, None);
            self.destroy(b, None);
            return;
        }
        for id in [a, b] {
            if let Some(mut socket) = self.socket(id)
                && !socket.allow_half_open()
            {
                socket.set_allow_half_open(true);
            }
        }
        self.pipe(a, b);
        self.tie(a, b);
        if a != b {
            self.pipe(b, a);
            self.tie(b, a);
        }
    }

    /// Sees to it that `other` does not outlive `id`.
    fn tie(&mut self, id: SocketId, other: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let (mut ended, mut connected) = (socket.has_ended(), socket.is_connected());
        let life = self.socket_entry(other).map(|other| other.life_number());
        let wanted = events::CONNECT | events::END | events::ERROR | events::CLOSE;
        self.listen_to(id, wanted, move |socket, event| match event {
            Event::Connect => connected = true,
            Event::End => ended = true,
            Event::Error(error) => log::debug!("a proxied socket failed, {}: {error}", socket.reactor().socket_name(id)),
            Event::Close(had_error) => {
                // Both may begin new lives, on their own.
                if let Some(me) = socket.current_listener() {
                    socket.remove_listener(me);
                }
                let reactor = socket.reactor();
                reactor.remove_pipe(id, other);
                if reactor.socket_entry(other).map(|other| other.life_number()) != life {
                    return;
                }
                if had_error && !ended {
                    reactor.cut(other, connected);
                } else if let Some(mut other) = reactor.socket(other) {
                    // Without a connection it could wait for long, for nothing.
                    match other.is_connecting() && other.writable_length() == 0 {
                        true => other.destroy(),
                        false => other.destroy_soon(),
                    }
                }
            }
            _ => {}
        });
    }

    /// Ends a socket so that its peer cannot take what it has got for the whole.
    fn cut(&mut self, id: SocketId, reset: bool) {
        let can_reset = self.socket_entry(id).is_some_and(|socket| socket.can_reset());
        match self.socket(id) {
            Some(mut socket) if reset && can_reset => socket.reset_and_destroy(),
            _ => self.destroy(id, None),
        }
    }

    fn pipes(&mut self, from: SocketId) -> Option<&mut Pipes> {
        self.socket_entry(from)?.pipes()
    }

    /// Takes the first pipe between the two away, with its listeners.
    fn remove_pipe(&mut self, from: SocketId, to: SocketId) -> Option<Pipe> {
        let pipe = self.pipes(from)?.take_first(to)?;
        for (id, listener) in [(from, pipe.on_source), (to, pipe.on_destination)] {
            if let Some(mut socket) = self.socket(id) {
                socket.remove_listener(listener);
            }
        }
        Some(pipe)
    }

    fn listen_to(
        &mut self,
        id: SocketId,
        wanted: u32,
        mut listener: impl FnMut(&mut Socket<'_, S>, Event<'_>) + 'static,
    ) -> ListenerId {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, _: &mut S| {
            listener(socket, *event);
            Ok(())
        };
        let socket = self.socket(id);
        socket.map_or(ListenerId::NONE, |mut socket| socket.listen_to(wanted, false, Box::new(call)).last_listener())
    }

    fn pass_on(&mut self, from: SocketId, to: SocketId, chunk: &[u8]) {
        if Socket::new(self, to).write(chunk) {
            return;
        }
        match self.socket(to) {
            Some(_) => self.await_drain(from, to),
            None => self.unpipe(from, to),
        }
    }

    /// The source has ended. `finish` of the destination will undo the pipe.
    fn pass_end_on(&mut self, from: SocketId, to: SocketId, end: bool) {
        match self.socket(to) {
            Some(mut to) if end => to.end(),
            _ => self.unpipe(from, to),
        }
    }

    fn await_drain(&mut self, from: SocketId, to: SocketId) {
        if let Some(pipes) = self.pipes(from) {
            pipes.set_waits(to, true);
        }
        if let Some(mut from) = self.socket(from) {
            from.pause();
        }
    }

    /// Mirrors `pipeOnDrain`.
    fn on_pipe_drain(&mut self, from: SocketId, to: SocketId) {
        if self.pipes(from).is_some_and(|pipes| pipes.set_waits(to, false)) {
            self.resume_unless_awaited(from);
        }
    }

    fn resume_unless_awaited(&mut self, from: SocketId) {
        let awaited = self.pipes(from).is_some_and(|pipes| pipes.awaited > 0);
        if !awaited
            && self.has_listener(from, events::DATA)
            && let Some(mut from) = self.socket(from)
        {
            from.resume();
        }
    }

    /// A source is about to be freed: its destinations need not listen any more.
    pub(super) fn forget_pipes(&mut self, from: SocketId) {
        let Some(Pipes { one, more, .. }) = self.pipes(from).map(std::mem::take) else {
            return;
        };
        for (to, pipe) in one.into_iter().chain(more.into_iter().map(|((to, _), pipe)| (to, pipe))) {
            if let Some(mut to) = self.socket(to) {
                to.remove_listener(pipe.on_destination);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::{Table, steps};

    fn pipe() -> Pipe {
        Pipe { waits: false, on_source: ListenerId::NONE, on_destination: ListenerId::NONE }
    }

    #[test]
    fn fault_o_a_pipe_takes_some_steps_of_however_many() {
        const MANY: usize = 10_000;
        let mut table = Table::default();
        let one = SocketId(table.insert(()));
        let sockets: Vec<SocketId> = (0..MANY).map(|_| SocketId(table.insert(()))).collect();
        // To as many destinations, and as often to one.
        for destinations in [sockets, vec![one; MANY]] {
            let (mut pipes, of_one) = (Pipes::default(), destinations[0] == one);
            let taken = steps(|| {
                destinations.iter().for_each(|&to| pipes.add(to, pipe()));
                destinations.iter().for_each(|&to| _ = pipes.set_waits(to, true));
                assert_eq!(pipes.awaited, if of_one { 1 } else { MANY });
                destinations.iter().skip(1).for_each(|&to| _ = pipes.set_waits(to, false));
                assert!(destinations.iter().rev().all(|&to| pipes.take_first(to).is_some()));
            });
            assert!(taken <= 4 * MANY, "{taken} steps");
            assert!(pipes.is_empty() && pipes.awaited == 0);
        }
    }

    /// Beside a list of pipes in the order they were made, and the destinations that said stop.
    #[test]
    fn fault_o_pipes_come_and_go_as_in_a_list() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
        println!("seed {now}");
        let mut seed = now | 1;
        let mut random = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        let mut table = Table::default();
        let sockets: Vec<SocketId> = (0..20).map(|_| SocketId(table.insert(()))).collect();
        let mut pipes = Pipes::default();
        let (mut model, mut awaited): (Vec<SocketId>, Vec<SocketId>) = (Vec::new(), Vec::new());
        for _ in 0..5000 {
            let to = sockets[random(sockets.len())];
            let is_piped = model.contains(&to);
            match random(4) {
                0 => {
                    pipes.add(to, pipe());
                    model.push(to);
                }
                1 => {
                    assert_eq!(pipes.take_first(to).is_some(), is_piped);
                    model.iter().position(|other| *other == to).map(|at| model.remove(at));
                    awaited.retain(|other| model.contains(other));
                }
                waits => {
                    let waits = waits == 2;
                    let is_news = is_piped && awaited.contains(&to) != waits;
                    assert_eq!(pipes.set_waits(to, waits), is_news);
                    awaited.retain(|other| *other != to);
                    awaited.extend(Some(to).filter(|_| waits && is_piped));
                }
            }
            assert_eq!((pipes.is_empty(), pipes.awaited), (model.is_empty(), awaited.len()));
            assert_eq!(pipes.one.iter().len() + pipes.more.len(), model.len());
        }
    }
}
