//! What a program sets on a socket that exists.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::{Socket, SocketId, SocketState};
use crate::net::options::KeepAlive;
use crate::net::unhandled::name;
use crate::sys::Transport;

impl<S> Socket<'_, S> {
    /// Emits `timeout` when nothing happens for that long; zero or `None` for never. Mirrors `socket.setTimeout`.
    ///
    /// The timer never holds the loop. A connect, every read, and every write handed over or completed count as activity, and
    /// so does a large write that makes progress. The time counts from this call, then from the last activity: not earlier, and
    /// later by no more than the callbacks called together with it take after it. At most 2^31 - 1 milliseconds.
    ///
    /// `timeout` closes nothing. A peer that is silent may never answer an `end` with its own: so `destroy`, or `end` and
    /// `destroy` after a grace.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, far) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_timeout(Duration::from_secs(30)).on_timeout(|socket, _| socket.destroy());
    /// assert_eq!(socket.timeout(), Some(Duration::from_secs(30)));
    ///
    /// let mut polite = reactor.socket(far).expect("just made");
    /// polite.set_timeout(Duration::from_secs(30)).on_timeout(|socket, _| {
    ///     socket.end_with("bye");
    ///     socket.after(Duration::from_secs(5), |socket, _| socket.destroy());
    /// });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) -> &mut Self {
        self.reactor.set_idle_timeout(self.id, timeout.into());
        self
    }

    /// Sets `TCP_NODELAY`, now or when connected; no effect on Unix-domain sockets. Mirrors `socket.setNoDelay`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_no_delay(true).write("at once");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_no_delay(&mut self, on: bool) -> &mut Self {
        let id = self.id;
        if let Some(socket) = self.entry_mut()
            && socket.options.no_delay != on
        {
            Rc::make_mut(&mut socket.options).no_delay = on;
            socket.set_option(id, "TCP_NODELAY", |transport| transport.set_no_delay(on));
        }
        self
    }

    /// Sets TCP keep-alive probes, now or when connected; `None` turns them off. Mirrors `socket.setKeepAlive`.
    ///
    /// ```
    /// # use netloop::KeepAlive;
    /// # use std::time::Duration;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_keep_alive(KeepAlive { delay: Duration::from_secs(60), ..KeepAlive::default() });
    /// socket.set_keep_alive(None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_keep_alive(&mut self, keep_alive: impl Into<Option<KeepAlive>>) -> &mut Self {
        let keep_alive = keep_alive.into();
        let id = self.id;
        if let Some(socket) = self.entry_mut()
            && socket.options.keep_alive != keep_alive
        {
            socket.set_option(id, "SO_KEEPALIVE", |transport| transport.set_keep_alive(keep_alive.as_ref()));
            Rc::make_mut(&mut socket.options).keep_alive = keep_alive;
        }
        self
    }

    /// Sets the type of service (DSCP and ECN) of what is sent, now and in later lives; no effect on Unix-domain sockets.
    /// Mirrors `socket.setTypeOfService`.
    ///
    /// A value that is set already is not set again. A refusal by the system is logged; in Node it is thrown.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).set_type_of_service(0x10).on_connect(|socket, _| {
    ///     assert_eq!(socket.type_of_service(), 0x10);
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_type_of_service(&mut self, value: u8) -> &mut Self {
        let id = self.id;
        if let Some(socket) = self.entry_mut()
            && socket.options.type_of_service != Some(value)
        {
            Rc::make_mut(&mut socket.options).type_of_service = Some(value);
            socket.set_option(id, "type of service", |transport| transport.set_type_of_service(value));
        }
        self
    }

    /// Whether the writing half stays open when the peer ends; asked for right after `end`. Mirrors `socket.allowHalfOpen`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_allow_half_open(true).on_end(|socket, _| socket.end_with("you have ended, and now I do"));
    /// assert!(socket.allow_half_open());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_allow_half_open(&mut self, allow: bool) -> &mut Self {
        if let Some(socket) = self.entry_mut() {
            Rc::make_mut(&mut socket.options).allow_half_open = allow;
        }
        self
    }

    /// How many bytes may wait in user space from now on; what waits already stays.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_write_queue_limit(1 << 20);
    /// assert_eq!(socket.write_queue_limit(), 1 << 20);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_write_queue_limit(&mut self, bytes: usize) -> &mut Self {
        if let Some(socket) = self.entry_mut() {
            Rc::make_mut(&mut socket.options).write_queue_limit = bytes;
        }
        self
    }

    /// Lets the socket hold the loop while it reads, which is the default. Mirrors `socket.ref`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.unref().has_ref());
    /// assert!(socket.ref_().has_ref());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn ref_(&mut self) -> &mut Self {
        self.set_ref(true)
    }

    /// Lets the loop end although the socket is open. Mirrors `socket.unref`; requests under way still hold it.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// for id in [near, far] {
    ///     reactor.socket(id).expect("just made").unref();
    /// }
    /// reactor.run(&mut ())?; // returns at once
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn unref(&mut self) -> &mut Self {
        self.set_ref(false)
    }

    fn set_ref(&mut self, has_ref: bool) -> &mut Self {
        if let Some(socket) = self.entry_mut() {
            socket.has_ref = has_ref;
            self.reactor.settle_or_destroy(self.id);
        }
        self
    }
}

impl<S> SocketState<S> {
    /// What was set before there was a connection.
    pub(super) fn apply_settings(&self, id: SocketId) {
        if self.options.no_delay {
            self.set_option(id, "TCP_NODELAY", |transport| transport.set_no_delay(true));
        }
        if let Some(keep_alive) = &self.options.keep_alive {
            self.set_option(id, "SO_KEEPALIVE", |transport| transport.set_keep_alive(Some(keep_alive)));
        }
        if let Some(value) = self.options.type_of_service {
            self.set_option(id, "type of service", |transport| transport.set_type_of_service(value));
        }
    }

    /// Sets an option if there is a handle; as in Node, nobody hears of a refusal.
    fn set_option(&self, id: SocketId, option: &str, set: impl FnOnce(&Transport) -> io::Result<()>) {
        if let Some(stream) = &self.stream
            && let Err(error) = set(stream.transport())
        {
            log::debug!("{option} of {}: {error}", name(id, self.remote.as_ref()));
        }
    }
}
