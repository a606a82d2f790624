//! The events of a socket: one pair of methods each, written out so that a compiler's message shows the user's own closure.

use std::net::IpAddr;

use super::Socket;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::net::Handler;
use crate::net::emit::{Event, SocketListener, events};
use crate::net::handler;
use crate::net::listeners::ListenerId;
use crate::net::outcome::Outcome;

/// An emission reached a listener that did not ask for it.
fn misrouted(event: Event<'_>) -> ! {
    unreachable!("{event:?} reached another event's listener")
}

impl<S> Socket<'_, S> {
    fn listen_to(&mut self, events: u32, once: bool, call: Box<SocketListener<S>>) -> &mut Self {
        let starts = events & events::DATA != 0;
        if let Some(crate::net::host::Entry::Socket(socket)) =
            self.reactor.event_loop.handles.slot(self.id.0).map(|slot| &mut slot.handle)
        {
            socket.listeners.add(&mut self.reactor.serials, events, once, call);
            // Somebody wants chunks: unless paused explicitly, they flow from the next tick on.
            if starts && !socket.readable.is_paused() {
                self.reactor.resume(self.id);
            }
        }
        self
    }

    /// Adds a value as listener of its seven events: the state of one connection without `Rc<RefCell<…>>`.
    ///
    /// See [`Handler`].
    pub fn attach(&mut self, mut value: impl Handler<S> + 'static) -> &mut Self {
        let call =
            move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| handler::call(&mut value, socket, event, state);
        self.listen_to(handler::HANDLER_EVENTS, false, Box::new(call))
    }

    /// The listener added last: the `on_x` before this in a chain. If there is none, an id that names nothing.
    pub fn last_listener(&self) -> ListenerId {
        self.entry().and_then(|entry| entry.listeners.last()).unwrap_or(ListenerId::NONE)
    }

    /// The listener that runs now, for one that removes itself.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_data(|socket, _, _| {
    ///     if let Some(me) = socket.current_listener() { socket.remove_listener(me); }
    ///     socket.on_data(|socket, chunk, _| socket.write(chunk));
    /// });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn current_listener(&self) -> Option<ListenerId> {
        self.reactor.current_listener
    }

    /// Removes a listener; false if it is gone. One that is removed during an emission is not called any more.
    pub fn remove_listener(&mut self, listener: ListenerId) -> bool {
        self.entry_mut().is_some_and(|socket| socket.listeners.remove(listener))
    }

    /// A handler without an `on_error` of its own does not count as a listener of `error`.
    pub(in crate::net) fn leave_error_unheard(&mut self) {
        self.reactor.unheard = true;
    }

    /// A name was resolved: once per address, or once with the error. Not for IP addresses and paths.
    ///
    /// Mirrors `socket.on('lookup')`. Callbacks run when the work pool has answered, before any attempt.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_lookup(|_socket, _result, _host, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_lookup<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, Result<IpAddr, &Error>, &str, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Lookup(result, host) => listener(socket, result, host, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::LOOKUP, false, Box::new(call))
    }

    /// As [`on_lookup`](Self::on_lookup), for one call.
    pub fn once_lookup<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, Result<IpAddr, &Error>, &str, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Lookup(result, host), Some(listener)) => listener(socket, result, host, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::LOOKUP, true, Box::new(call))
    }

    /// An attempt to connect begins.
    ///
    /// Mirrors `socket.on('connectionAttempt')`. On the tick of the attempt, before the system call.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_connection_attempt(|_socket, _address, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connection_attempt<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Address, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::ConnectionAttempt(address) => listener(socket, address, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT, false, Box::new(call))
    }

    /// As [`on_connection_attempt`](Self::on_connection_attempt), for one call.
    pub fn once_connection_attempt<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Address, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::ConnectionAttempt(address), Some(listener)) => listener(socket, address, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT, true, Box::new(call))
    }

    /// An attempt has failed; another address may follow, or `error`.
    ///
    /// Mirrors `socket.on('connectionAttemptFailed')`. In the poll or pending phase.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_connection_attempt_failed(|_socket, _address, _error, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connection_attempt_failed<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Address, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::ConnectionAttemptFailed(address, error) => listener(socket, address, error, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT_FAILED, false, Box::new(call))
    }

    /// As [`on_connection_attempt_failed`](Self::on_connection_attempt_failed), for one call.
    pub fn once_connection_attempt_failed<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Address, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::ConnectionAttemptFailed(address, error), Some(listener)) => {
                listener(socket, address, error, state).into_result()
            }
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT_FAILED, true, Box::new(call))
    }

    /// The connection stands. Not for accepted sockets.
    ///
    /// Mirrors `socket.on('connect')`. In the poll phase (a path: in the pending phase), before `ready`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_connect(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connect<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Connect => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECT, false, Box::new(call))
    }

    /// As [`on_connect`](Self::on_connect), for one call.
    pub fn once_connect<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Connect, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECT, true, Box::new(call))
    }

    /// The socket can be used: right after `connect`, even if a listener of that destroyed the socket.
    ///
    /// Mirrors `socket.on('ready')`. In the same callback as `connect`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_ready(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_ready<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Ready => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::READY, false, Box::new(call))
    }

    /// As [`on_ready`](Self::on_ready), for one call.
    pub fn once_ready<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Ready, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::READY, true, Box::new(call))
    }

    /// Bytes were read, at most the reactor's read buffer (64 KiB) at once; `chunk` is lent for the call. No write of the peer is kept together or apart.
    ///
    /// Mirrors `socket.on('data')`. In the poll phase, or on the tick of [`resume`](Self::resume) for what was buffered. Adding the first listener starts the flow on the next tick, unless the socket is paused.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_data(|_socket, _chunk, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_data<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &[u8], &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Data(chunk) => listener(socket, chunk, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::DATA, false, Box::new(call))
    }

    /// As [`on_data`](Self::on_data), for one call.
    pub fn once_data<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &[u8], &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Data(chunk), Some(listener)) => listener(socket, chunk, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::DATA, true, Box::new(call))
    }

    /// The peer has ended its half, and all it sent was emitted. Comes on a paused socket too if nothing is buffered. Unless half-open is allowed, the socket then ends itself on the next tick.
    ///
    /// Mirrors `socket.on('end')`. On a tick.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_end(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_end<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::End => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::END, false, Box::new(call))
    }

    /// As [`on_end`](Self::on_end), for one call.
    pub fn once_end<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::End, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::END, true, Box::new(call))
    }

    /// [`end`](Self::end) is carried out: all bytes and the FIN are with the kernel.
    ///
    /// Mirrors `socket.on('finish')`. On a tick of the pending phase, after the callbacks of `end`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_finish(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_finish<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Finish => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::FINISH, false, Box::new(call))
    }

    /// As [`on_finish`](Self::on_finish), for one call.
    pub fn once_finish<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Finish, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::FINISH, true, Box::new(call))
    }

    /// The write queue is empty, after a `write` that returned false; not after `end`.
    ///
    /// Mirrors `socket.on('drain')`. In the poll phase, before the callbacks of the writes that emptied it.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_drain(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_drain<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Drain => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::DRAIN, false, Box::new(call))
    }

    /// As [`on_drain`](Self::on_drain), for one call.
    pub fn once_drain<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Drain, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::DRAIN, true, Box::new(call))
    }

    /// Nothing happened for the time given to [`set_timeout`](Self::set_timeout). The socket stays open; the next activity arms it again.
    ///
    /// Mirrors `socket.on('timeout')`. In the timer phase.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_timeout(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_timeout<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Timeout => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::TIMEOUT, false, Box::new(call))
    }

    /// As [`on_timeout`](Self::on_timeout), for one call.
    pub fn once_timeout<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Timeout, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::TIMEOUT, true, Box::new(call))
    }

    /// [`pause`](Self::pause) stopped the flow.
    ///
    /// Mirrors `socket.on('pause')`. On a tick (in Node inside the call).
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_pause(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_pause<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Pause => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::PAUSE, false, Box::new(call))
    }

    /// As [`on_pause`](Self::on_pause), for one call.
    pub fn once_pause<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Pause, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::PAUSE, true, Box::new(call))
    }

    /// The flow begins.
    ///
    /// Mirrors `socket.on('resume')`. On the tick of [`resume`](Self::resume).
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_resume(|_socket, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_resume<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Resume => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::RESUME, false, Box::new(call))
    }

    /// As [`on_resume`](Self::on_resume), for one call.
    pub fn once_resume<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Resume, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::RESUME, true, Box::new(call))
    }

    /// The socket failed, or was destroyed with an error; `close` follows. Unheard errors: see [`UnhandledErrors`](crate::UnhandledErrors).
    ///
    /// Mirrors `socket.on('error')`. On a tick.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_error(|_socket, _error, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_error<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Error(error) => listener(socket, error, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::ERROR, false, Box::new(call))
    }

    /// As [`on_error`](Self::on_error), for one call.
    pub fn once_error<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Error(error), Some(listener)) => listener(socket, error, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::ERROR, true, Box::new(call))
    }

    /// The last event: the handle is closed; the argument says whether an error was the cause. A `connect` in here begins a new life with the same listeners; otherwise the id is stale once the listeners have run.
    ///
    /// Mirrors `socket.on('close')`. In the closing phase; for a socket that never had a handle on a tick.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_close(|_socket, _had_error, count| *count += 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_close<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, bool, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match event {
            Event::Close(had_error) => listener(socket, had_error, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CLOSE, false, Box::new(call))
    }

    /// As [`on_close`](Self::on_close), for one call.
    pub fn once_close<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, bool, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S| match (event, listener.take()) {
            (Event::Close(had_error), Some(listener)) => listener(socket, had_error, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CLOSE, true, Box::new(call))
    }
}
