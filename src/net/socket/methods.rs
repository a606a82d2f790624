//! What a program does with a socket.

use std::fmt;
use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::bytes::Owned;
use super::{Socket, SocketState};
use crate::error::{BoxError, Error, Result};
use crate::event_loop::{Job, TimerJob};
use crate::net::emit::Done;
use crate::net::endpoint::IntoEndpoint;
use crate::net::host::Handle;
use crate::net::options::ConnectOptions;
use crate::net::outcome::Outcome;
use crate::net::timers::{TimerId, WorkId};

/// A completion callback in the form the reactor keeps.
fn boxed<S, R: Outcome>(done: impl FnOnce(&mut Socket<'_, S>, Result<()>, &mut S) -> R + 'static) -> Option<Done<S>> {
    Some(Box::new(move |socket, result, state| done(socket, result, state).into_result()))
}

impl<S> Socket<'_, S> {
    /// Connects; mirrors `socket.connect`. See [`connect_with`](Self::connect_with).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// let mut socket = reactor.new_socket(netloop::SocketOptions::new().no_delay(true));
    /// socket.connect(([127, 0, 0, 1], port)).on_connect(|socket, count| {
    ///     *count += 1;
    ///     socket.destroy();
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn connect(&mut self, to: impl IntoEndpoint) -> &mut Self {
        self.connect_with(to, ConnectOptions::new())
    }

    /// Connects, with options; mirrors `socket.connect`.
    ///
    /// The outcome comes as `connect` and `ready`, or as `error` and `close`. What is written before waits for the
    /// connection. A closed socket begins a new life with the same listeners; on a connected one nothing changes and an
    /// `error` with `EISCONN` comes.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let socket = reactor.connect(std::path::Path::new("/no/such.sock")).on_error(|_, error, errors| {
    ///     assert_eq!(error.code(), "ENOENT");
    ///     *errors += 1;
    /// }).id();
    /// let mut errors = 0;
    /// reactor.run(&mut errors)?;
    /// assert_eq!(errors, 1);
    /// # let _ = socket;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn connect_with(&mut self, to: impl IntoEndpoint, options: ConnectOptions) -> &mut Self {
        self.reactor.connect_socket(self.id, to.into_endpoint(), &options);
        self
    }

    /// Writes; false says: taken, now wait for `drain`. Mirrors `socket.write`.
    ///
    /// The boolean is Node's: bytes that wait in user space are below the high-water mark, or none waits. Bytes written in one
    /// callback leave together when it returns. After `end`, after `destroy` and beyond the `write_queue_limit` nothing is
    /// taken and it is false; the first and the last destroy the socket with `ERR_STREAM_WRITE_AFTER_END` or
    /// `ERR_WRITE_QUEUE_FULL`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// assert!(reactor.socket(near).expect("just made").write("hello"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    #[inline]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reactor.write(self.id, bytes.as_ref(), None)
    }

    /// As [`write`](Self::write); `done` is called once, when the kernel has the bytes or never will. Mirrors
    /// `socket.write(chunk, callback)`.
    ///
    /// Callbacks come in the order of the writes: on a tick if the kernel took the bytes at once, in the poll phase otherwise.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<bool>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").write_then("hello", |_, result, done| *done = result.is_ok());
    /// let mut done = false;
    /// reactor.run_nowait(&mut done)?;
    /// assert!(done);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn write_then<R: Outcome>(
        &mut self,
        bytes: impl AsRef<[u8]>,
        done: impl FnOnce(&mut Socket<'_, S>, Result<()>, &mut S) -> R + 'static,
    ) -> bool {
        self.reactor.write(self.id, bytes.as_ref(), boxed(done))
    }

    /// As [`write`](Self::write) with bytes given away: a large chunk (from 16 KiB) that has to wait is kept, not copied, and
    /// dropped when it is sent or cancelled; a small one is copied and dropped at once.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").write_owned(vec![0; 1 << 20]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn write_owned(&mut self, bytes: impl AsRef<[u8]> + 'static) -> bool {
        self.reactor.write(self.id, Owned(bytes), None)
    }

    /// [`write_owned`](Self::write_owned) with a callback.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<bool>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.write_owned_then(b"hello".to_vec(), |_, result, done| *done = result.is_ok());
    /// # let mut done = false;
    /// reactor.run_nowait(&mut done)?;
    /// assert!(done);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn write_owned_then<R: Outcome>(
        &mut self,
        bytes: impl AsRef<[u8]> + 'static,
        done: impl FnOnce(&mut Socket<'_, S>, Result<()>, &mut S) -> R + 'static,
    ) -> bool {
        self.reactor.write(self.id, Owned(bytes), boxed(done))
    }

    /// Writes several slices, as corked writes of each; the boolean is that of [`write`](Self::write). Mirrors writes between
    /// `socket.cork` and `socket.uncork`.
    ///
    /// ```
    /// use std::io::IoSlice;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> bool {
        self.cork();
        let mut room = true;
        for slice in bytes {
            room &= self.reactor.write(self.id, &**slice, None);
        }
        self.uncork();
        room && !self.writable_need_drain()
    }

    /// Formats and writes, for `write!` and `writeln!`: they give the boolean of [`write`](Self::write).
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// writeln!(socket, "{} bottles", 99);
    /// assert_eq!(socket.bytes_written(), 11);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> bool {
        match args.as_str() {
            Some(text) => self.write(text),
            None => self.write(args.to_string()),
        }
    }

    /// Writes all or nothing: an error takes nothing and leaves the socket as it is.
    ///
    /// # Errors
    ///
    /// - `ERR_WRITE_QUEUE_FULL`: the bytes would pass the `write_queue_limit`;
    /// - `ERR_STREAM_WRITE_AFTER_END`, `ERR_STREAM_DESTROYED`, `EPIPE`: the writing half is over;
    /// - `ERR_SOCKET_CLOSED`: the socket was never connected.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut socket = reactor.new_socket(netloop::SocketOptions::new());
    /// assert_eq!(socket.try_write("x").expect_err("not connected").code(), "ERR_SOCKET_CLOSED");
    /// assert!(!socket.is_destroyed());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> Result<bool> {
        if let Some((error, _)) = self.entry_mut().and_then(SocketState::refusal) {
            return Err(error);
        }
        if self.entry().is_some_and(|socket| !socket.life.is_open() && !socket.life.is_connecting()) {
            return Err(Error::with_code(crate::code::ERR_SOCKET_CLOSED, "Socket is closed"));
        }
        self.reactor.try_write(self.id, bytes.as_ref(), None).map_err(|(error, _)| error)
    }

    /// Ends the writing half: what is queued is sent, then FIN. Mirrors `socket.end`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.socket(far).expect("just made").on_end(|_, count| *count += 1);
    /// reactor.socket(near).expect("just made").end();
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn end(&mut self) {
        self.reactor.end(self.id, &b""[..], None);
    }

    /// Writes the last bytes and ends. Mirrors `socket.end(chunk)`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// socket.end_with("bye");
    /// assert!(!socket.is_writable());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn end_with(&mut self, bytes: impl AsRef<[u8]>) {
        self.reactor.end(self.id, bytes.as_ref(), None);
    }

    /// As [`end_with`](Self::end_with), empty bytes for none; `done` is called once, before `finish`, or with the error that
    /// kept it from coming. Mirrors `socket.end(chunk, callback)`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<bool>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").resume();
    /// socket.end_then("bye", |_, result, done| *done = result.is_ok());
    /// # let mut done = false;
    /// reactor.run(&mut done)?;
    /// assert!(done);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn end_then<R: Outcome>(
        &mut self,
        bytes: impl AsRef<[u8]>,
        done: impl FnOnce(&mut Socket<'_, S>, Result<()>, &mut S) -> R + 'static,
    ) {
        self.reactor.end(self.id, bytes.as_ref(), boxed(done));
    }

    /// Drops both directions at once; `close` follows. Mirrors `socket.destroy`.
    ///
    /// Unread input makes the kernel send RST instead of FIN. What the kernel has not taken is lost: [`end`](Self::end) or
    /// [`destroy_soon`](Self::destroy_soon) send it.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// socket.destroy();
    /// assert!(socket.is_destroyed());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn destroy(&mut self) {
        self.reactor.destroy(self.id, None);
    }

    /// Destroys with an error of your own: `error` comes on a tick, then `close`. Mirrors `socket.destroy(error)`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<String>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_error(|_, error, seen| *seen = error.to_string());
    /// socket.destroy_with("bad frame");
    /// # let mut seen = String::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, "bad frame");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn destroy_with(&mut self, error: impl Into<BoxError>) {
        self.reactor.destroy(self.id, Some(Error::other(error)));
    }

    /// Ends, and destroys once finished, without waiting for the peer. Mirrors `socket.destroySoon`.
    ///
    /// Nothing that was written is lost by it: after `close` the connection lingers until the peer has ended too, for a bounded
    /// time ([`ReactorOptions::linger`](crate::ReactorOptions::linger)). With `write` this is the cheap way to answer and close.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").on_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// socket.write("bye");
    /// socket.destroy_soon();
    /// # let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"bye", "the peer has it all");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn destroy_soon(&mut self) {
        self.reactor.destroy_soon(self.id);
    }

    /// Destroys with RST, so that the peer sees `ECONNRESET`. Mirrors `socket.resetAndDestroy`.
    ///
    /// While connecting it waits for `connect`. A Unix-domain socket cannot: an `error` with `ERR_INVALID_HANDLE_TYPE` comes
    /// and the socket stays open.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<netloop::Error>>::new()?;
    /// let mut server = reactor.create_server(|socket, _| socket.reset_and_destroy());
    /// let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_error(|_, error, seen| *seen = Some(error.clone()));
    /// # let mut seen = None;
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen.expect("an error").code(), netloop::code::ECONNRESET);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn reset_and_destroy(&mut self) {
        self.reactor.reset_and_destroy(self.id);
    }

    /// Wants no `data` for now. Mirrors `socket.pause`.
    ///
    /// The socket reads ahead up to its high-water mark, then the kernel's window holds the peer back. An end without data is
    /// still noticed.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<usize>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").write("hello");
    /// socket.on_data(|_, chunk, bytes| *bytes += chunk.len());
    /// socket.pause();
    /// # let mut bytes = 0;
    /// reactor.run_nowait(&mut bytes)?;
    /// assert_eq!(bytes, 0);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn pause(&mut self) {
        self.reactor.pause(self.id);
    }

    /// Wants `data`: it flows from the next tick on. Mirrors `socket.resume`; without a listener bytes are dropped.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// socket.pause();
    /// assert!(socket.is_paused());
    /// socket.resume();
    /// assert!(!socket.is_paused());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn resume(&mut self) {
        self.reactor.resume(self.id);
    }

    /// Keeps writes back until [`uncork`](Self::uncork); nests. Mirrors `socket.cork`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.cork();
    /// socket.write("head");
    /// socket.write("body");
    /// assert_eq!(socket.writable_length(), 8, "both wait");
    /// socket.uncork();
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn cork(&mut self) {
        self.reactor.flush_socket(self.id);
        if let Some(socket) = self.entry_mut() {
            socket.writable.cork();
        }
    }

    /// Sends what was corked as one vectored write. Mirrors `socket.uncork`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// socket.cork();
    /// socket.write("head");
    /// assert_eq!(socket.writable_length(), 4);
    /// socket.uncork();
    /// assert_eq!(socket.writable_length(), 0);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn uncork(&mut self) {
        if self.entry_mut().is_some_and(|socket| socket.writable.uncork()) {
            self.reactor.uncorked(self.id);
        }
    }

    /// Calls `callback` with the socket right after the callback that runs now. Mirrors `process.nextTick`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.next_tick(|socket, count| {
    ///     *count += 1;
    ///     socket.destroy();
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn next_tick<R: Outcome>(&mut self, callback: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) {
        let id = self.id;
        self.reactor.event_loop.tick(Job::Callback(Box::new(move |reactor, state| {
            reactor.call(id, state, callback);
        })));
    }

    /// Calls `callback` once, in the timer phase, `delay` from this call; cleared at `close`. Mirrors `setTimeout`.
    ///
    /// Set in a `close` listener it keeps the closed socket until it has run: for connecting again after a delay.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.connect(4000).on_error(|_, error, _| eprintln!("{error}")).on_close(|socket, _, _| {
    ///     socket.after(Duration::from_secs(1), |socket, _| { socket.connect(4000); });
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn after<R: Outcome>(
        &mut self,
        delay: Duration,
        callback: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static,
    ) -> TimerId {
        let (id, mut callback) = (self.id, Some(callback));
        // Without a period it is called once; unlike `Once` it is told its key.
        let job = TimerJob::Every(Box::new(move |reactor: &mut crate::Reactor<S>, key, state: &mut S| {
            reactor.remove_timer(key);
            if let Some(callback) = callback.take() {
                reactor.call(id, state, callback);
            }
        }));
        let timer = self.reactor.event_loop.start_timer(job, delay, None);
        self.reactor.bind_timer(id, timer)
    }

    /// Calls `callback` in the timer phase, each `period` (at least a millisecond); cleared at `close`. Mirrors
    /// `setInterval`, and counts as [`Reactor::set_interval`](crate::Reactor::set_interval).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.every(std::time::Duration::from_millis(1), |socket, count| {
    ///     *count += 1;
    ///     if *count == 3 { socket.destroy(); }
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 3);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn every<R: Outcome>(
        &mut self,
        period: Duration,
        mut callback: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static,
    ) -> TimerId {
        let (id, period) = (self.id, period.max(Duration::from_millis(1)));
        let job = TimerJob::Every(Box::new(move |reactor: &mut crate::Reactor<S>, _, state: &mut S| {
            reactor.call(id, state, &mut callback)
        }));
        let timer = self.reactor.event_loop.start_timer(job, period, Some(period));
        self.reactor.bind_timer(id, timer)
    }

    /// Runs `work` on a thread of the pool, then `done` with the socket; the result is dropped if that is closed. A panic of the
    /// work destroys the socket, as one of its callbacks does.
    ///
    /// See [`Reactor::queue_work`](crate::Reactor::queue_work).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u64>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.queue_work(|| (1..=10).product(), |socket, product, result| {
    ///     *result = product;
    ///     socket.destroy();
    /// });
    /// # let mut result = 0;
    /// reactor.run(&mut result)?;
    /// assert_eq!(result, 3_628_800);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn queue_work<T: Send + 'static, R: Outcome>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut Socket<'_, S>, T, &mut S) -> R + 'static,
    ) -> WorkId {
        let id = self.id;
        let work = || catch_unwind(AssertUnwindSafe(work));
        self.reactor.queue_work(work, move |reactor, result, state| match result {
            Ok(result) => reactor.call(id, state, |socket, state| done(socket, result, state)),
            Err(panic) => reactor.call_of(Handle::Socket(id), |_| resume_unwind(panic)),
        })
    }
}
