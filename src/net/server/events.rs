//! The events of a server.

use super::{Dropped, Server};
use crate::error::Error;
use crate::net::emit::{ServerEvent, ServerListener, events};
use crate::net::listeners::ListenerId;
use crate::net::outcome::Outcome;
use crate::net::socket::Socket;

/// An emission reached a listener that did not ask for it.
fn misrouted(event: ServerEvent<'_>) -> ! {
    unreachable!("{event:?} reached another event's listener")
}

impl<S> Server<'_, S> {
    fn listen_to(&mut self, events: u32, once: bool, call: Box<ServerListener<S>>) -> &mut Self {
        if let Some(crate::net::host::Entry::Server(server)) =
            self.reactor.event_loop.handles.slot(self.id.0).map(|slot| &mut slot.handle)
        {
            server.listeners.add(&mut self.reactor.serials, events, once, call);
        }
        self
    }

    /// The listener added last: the `on_x` before this in a chain. If there is none, an id that names nothing.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// let listener = server.on_close(|_, _| {}).last_listener();
    /// assert!(server.remove_listener(listener));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn last_listener(&self) -> ListenerId {
        self.entry().and_then(|entry| entry.listeners.last()).unwrap_or(ListenerId::NONE)
    }

    /// The listener that runs now, for one that removes itself.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.create_server(|_, _| {}).listen(0).unref().on_listening(|server, count| {
    ///     *count += 1;
    ///     if let Some(me) = server.current_listener() { server.remove_listener(me); }
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn current_listener(&self) -> Option<ListenerId> {
        self.reactor.current_listener
    }

    /// Removes a listener; false if it is gone. Mirrors `server.off`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// let listener = server.on_error(|_, _, _| {}).last_listener();
    /// assert!(server.remove_listener(listener));
    /// assert!(!server.remove_listener(listener));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remove_listener(&mut self, listener: ListenerId) -> bool {
        self.entry_mut().is_some_and(|server| server.listeners.remove(listener))
    }

    /// A connection was accepted; after the listener given to `create_server`. An `Err` destroys the socket.
    ///
    /// Mirrors `server.on('connection')`. In the poll phase; ticks run between two connections.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.on_connection(|socket, count| {
    ///     *count += 1;
    ///     socket.destroy();
    /// });
    /// # let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// # reactor.connect(([127, 0, 0, 1], port)).on_error(|_, _, _| {});
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connection<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match event {
            ServerEvent::Connection(id) => server.reactor.call(id, state, &mut listener),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECTION, false, Box::new(call))
    }

    /// As [`on_connection`](Self::on_connection), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.create_server(|_, _| {}).once_connection(|socket, _| socket.end_with("you are the first\n"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_connection<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match (event, listener.take()) {
            (ServerEvent::Connection(id), Some(listener)) => server.reactor.call(id, state, listener),
            (_, None) => {}
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECTION, true, Box::new(call))
    }

    /// It listens.
    ///
    /// Mirrors `server.on('listening')`. On the tick after the bind.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<u16>>::new()?;
    /// reactor.create_server(|_, _| {}).listen(0).unref().on_listening(|server, port| *port = server.port());
    /// # let mut port = None;
    /// reactor.run(&mut port)?;
    /// assert!(port.is_some());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_listening(&mut self, mut listener: impl FnMut(&mut Server<'_, S>, &mut S) + 'static) -> &mut Self {
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match event {
            ServerEvent::Listening => listener(server, state),
            other => misrouted(other),
        };
        self.listen_to(events::LISTENING, false, Box::new(call))
    }

    /// As [`on_listening`](Self::on_listening), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<u16>>::new()?;
    /// reactor.create_server(|_, _| {}).listen(0).unref().once_listening(|server, port| *port = server.port());
    /// # let mut port = None;
    /// reactor.run(&mut port)?;
    /// assert!(port.is_some());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_listening(&mut self, listener: impl FnOnce(&mut Server<'_, S>, &mut S) + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match (event, listener.take()) {
            (ServerEvent::Listening, Some(listener)) => listener(server, state),
            (_, None) => {}
            (other, _) => misrouted(other),
        };
        self.listen_to(events::LISTENING, true, Box::new(call))
    }

    /// A connection was closed at once: there were `max_connections` already.
    ///
    /// Mirrors `server.on('drop')`. In the poll phase.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.set_max_connections(0).on_drop(|_, dropped, count| *count += 1);
    /// # let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// # reactor.connect(([127, 0, 0, 1], port)).on_error(|_, _, _| {});
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_drop(&mut self, mut listener: impl FnMut(&mut Server<'_, S>, &Dropped, &mut S) + 'static) -> &mut Self {
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match event {
            ServerEvent::Drop(dropped) => listener(server, dropped, state),
            other => misrouted(other),
        };
        self.listen_to(events::DROP, false, Box::new(call))
    }

    /// As [`on_drop`](Self::on_drop), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.create_server(|_, _| {}).once_drop(|server, _, _| { server.set_max_connections(None); });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_drop(&mut self, listener: impl FnOnce(&mut Server<'_, S>, &Dropped, &mut S) + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match (event, listener.take()) {
            (ServerEvent::Drop(dropped), Some(listener)) => listener(server, dropped, state),
            (_, None) => {}
            (other, _) => misrouted(other),
        };
        self.listen_to(events::DROP, true, Box::new(call))
    }

    /// A listen has failed; it may listen again at once. Unheard errors: see [`UnhandledErrors`](crate::UnhandledErrors).
    ///
    /// Mirrors `server.on('error')`. On a tick; that of a name which is not found in the poll phase.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<String>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.on_error(|_, error, seen| *seen = error.code().into());
    /// server.listen(0).unref().listen(0);
    /// # let mut seen = String::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, "ERR_SERVER_ALREADY_LISTEN");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_error(&mut self, mut listener: impl FnMut(&mut Server<'_, S>, &Error, &mut S) + 'static) -> &mut Self {
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match event {
            ServerEvent::Error(error) => listener(server, error, state),
            other => misrouted(other),
        };
        self.listen_to(events::ERROR, false, Box::new(call))
    }

    /// As [`on_error`](Self::on_error), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// reactor.create_server(|_, _| {}).listen(0).unref().listen(0).once_error(|_, _listens_already, count| *count += 1);
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_error(&mut self, listener: impl FnOnce(&mut Server<'_, S>, &Error, &mut S) + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match (event, listener.take()) {
            (ServerEvent::Error(error), Some(listener)) => listener(server, error, state),
            (_, None) => {}
            (other, _) => misrouted(other),
        };
        self.listen_to(events::ERROR, true, Box::new(call))
    }

    /// It does not listen and the last connection is destroyed. A `listen` in here keeps the server; otherwise the id
    /// is stale once the listeners have run.
    ///
    /// Mirrors `server.on('close')`. On a tick, before the `close` of that last connection.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.listen(0).on_close(|_, count| *count += 1).close();
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_close(&mut self, mut listener: impl FnMut(&mut Server<'_, S>, &mut S) + 'static) -> &mut Self {
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match event {
            ServerEvent::Close => listener(server, state),
            other => misrouted(other),
        };
        self.listen_to(events::CLOSE, false, Box::new(call))
    }

    /// As [`on_close`](Self::on_close), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.listen(0).once_close(|_, count| *count += 1).close();
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_close(&mut self, listener: impl FnOnce(&mut Server<'_, S>, &mut S) + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |server: &mut Server<'_, S>, event: ServerEvent<'_>, state: &mut S| match (event, listener.take()) {
            (ServerEvent::Close, Some(listener)) => listener(server, state),
            (_, None) => {}
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CLOSE, true, Box::new(call))
    }
}
