//! The events of a connection's life: from `lookup` to `close`.

use std::net::IpAddr;

use super::misrouted;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::net::Socket;
use crate::net::emit::{Event, events};
use crate::net::outcome::Outcome;

impl<S> Socket<'_, S> {
    /// A name was resolved: once per address, or once with the error. Not for IP addresses and paths.
    ///
    /// Mirrors `socket.on('lookup')`. In the poll phase, when the lookup has answered, before any attempt.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(("localhost", port)).on_lookup(|_, address, host, _| match address {
    ///     Ok(address) => println!("{host} is {address}"),
    ///     Err(error) => println!("{error}"),
    /// });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_lookup<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, Result<IpAddr, &Error>, &str, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Lookup(result, host) => listener(socket, result, host, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::LOOKUP, false, Box::new(call))
    }

    /// As [`on_lookup`](Self::on_lookup), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(("localhost", port)).once_lookup(|_, address, host, _| println!("{host} is {address:?}"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_lookup<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, Result<IpAddr, &Error>, &str, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Lookup(result, host), Some(listener)) => listener(socket, result, host, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::LOOKUP, true, Box::new(call))
    }

    /// An attempt to connect begins.
    ///
    /// Mirrors `socket.on('connectionAttempt')`. Before the system call: for an address on a tick, for a name when its
    /// lookup has answered or the address before has failed. For a path on a tick after the system call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<netloop::Address>>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connection_attempt(|socket, address, tried| {
    ///     tried.push(address.clone());
    ///     socket.destroy();
    /// });
    /// # let mut tried = Vec::new();
    /// reactor.run(&mut tried)?;
    /// assert_eq!(tried[0].port(), Some(port));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connection_attempt<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Address, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::ConnectionAttempt(address) => listener(socket, address, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT, false, Box::new(call))
    }

    /// As [`on_connection_attempt`](Self::on_connection_attempt), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<u16>>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).once_connection_attempt(|socket, address, tried| {
    ///     *tried = address.port();
    ///     socket.destroy();
    /// });
    /// # let mut tried = None;
    /// reactor.run(&mut tried)?;
    /// assert_eq!(tried, Some(port));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_connection_attempt<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Address, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::ConnectionAttempt(address), Some(listener)) => listener(socket, address, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT, true, Box::new(call))
    }

    /// An attempt has failed; another address may follow, or `error`.
    ///
    /// Mirrors `socket.on('connectionAttemptFailed')`. In the poll or pending phase; of an attempt that
    /// `destroy` ended, in the closing phase.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor
    ///     .connect(([127, 0, 0, 1], port))
    ///     .on_connection_attempt_failed(|_, address, error, _| println!("not {address}: {error}"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connection_attempt_failed<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Address, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::ConnectionAttemptFailed(address, error) => listener(socket, address, error, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT_FAILED, false, Box::new(call))
    }

    /// As [`on_connection_attempt_failed`](Self::on_connection_attempt_failed), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor
    ///     .connect(([127, 0, 0, 1], port))
    ///     .once_connection_attempt_failed(|_, address, error, _| println!("not {address}: {error}"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_connection_attempt_failed<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Address, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::ConnectionAttemptFailed(address, error), Some(listener)) => {
                listener(socket, address, error, state).into_result()
            }
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT_FAILED, true, Box::new(call))
    }

    /// An attempt has taken too long and is given up; the next address is tried. Never for the last one.
    ///
    /// Mirrors `socket.on('connectionAttemptTimeout')`. In the timers phase, after [`attempt_timeout`](crate::ConnectOptions::attempt_timeout).
    ///
    /// ```no_run
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor
    ///     .connect(("example.com", 80))
    ///     .on_connection_attempt_timeout(|_, address, _| println!("{address} is slow"));
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connection_attempt_timeout<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Address, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::ConnectionAttemptTimeout(address) => listener(socket, address, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT_TIMEOUT, false, Box::new(call))
    }

    /// As [`on_connection_attempt_timeout`](Self::on_connection_attempt_timeout), for one call.
    ///
    /// ```no_run
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor
    ///     .connect(("example.com", 80))
    ///     .once_connection_attempt_timeout(|_, address, _| println!("{address} is slow"));
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_connection_attempt_timeout<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Address, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::ConnectionAttemptTimeout(address), Some(listener)) => listener(socket, address, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CONNECTION_ATTEMPT_TIMEOUT, true, Box::new(call))
    }

    /// The connection stands. Not for accepted sockets.
    ///
    /// Mirrors `socket.on('connect')`. In the poll phase, before `ready`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connect(|_, log| log.push("connect")).on_ready(|socket, log| {
    ///     log.push("ready");
    ///     socket.destroy();
    /// });
    /// # let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["connect", "ready"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_connect<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Connect => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CONNECT, false, Box::new(call))
    }

    /// As [`on_connect`](Self::on_connect), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).once_connect(|socket, count| {
    ///     *count += 1;
    ///     socket.destroy();
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_connect<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
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
    /// # let mut reactor = netloop::Reactor::<bool>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_ready(|socket, is_pending| {
    ///     *is_pending = socket.is_pending();
    ///     socket.destroy();
    /// });
    /// # let mut is_pending = true;
    /// reactor.run(&mut is_pending)?;
    /// assert!(!is_pending);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_ready<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Ready => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::READY, false, Box::new(call))
    }

    /// As [`on_ready`](Self::on_ready), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).once_ready(|socket, count| {
    ///     *count += 1;
    ///     socket.destroy();
    /// });
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_ready<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Ready, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::READY, true, Box::new(call))
    }

    /// Nothing happened for the time given to [`set_timeout`](Self::set_timeout). The socket stays open; the next
    /// activity arms it again.
    ///
    /// Mirrors `socket.on('timeout')`. In the timer phase.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<()>::with_options(ReactorOptions::new().clock(&clock))?;
    /// # let (near, _) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_timeout(Duration::from_secs(30)).on_timeout(|socket, _| socket.destroy());
    /// clock.advance(Duration::from_secs(30));
    /// reactor.run(&mut ())?;
    /// assert!(reactor.socket(near).is_none());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_timeout<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Timeout => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::TIMEOUT, false, Box::new(call))
    }

    /// As [`on_timeout`](Self::on_timeout), for one call.
    ///
    /// ```
    /// # use netloop::{ManualClock, Reactor, ReactorOptions};
    /// # use std::time::Duration;
    /// # let clock = ManualClock::new();
    /// # let mut reactor = Reactor::<u32>::with_options(ReactorOptions::new().clock(&clock))?;
    /// # let (near, _) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.set_timeout(Duration::from_secs(30)).once_timeout(|_, count| *count += 1);
    /// clock.advance(Duration::from_secs(30));
    /// # let mut count = 0;
    /// reactor.run_nowait(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_timeout<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Timeout, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::TIMEOUT, true, Box::new(call))
    }

    /// The socket failed, or was destroyed with an error; `close` follows. Unheard errors: see
    /// [`UnhandledErrors`](crate::UnhandledErrors).
    ///
    /// Mirrors `socket.on('error')`. On a tick.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<String>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_error(|_, error, log| log.push(error.to_string())).on_close(|_, _, log| log.push("close".into()));
    /// socket.destroy_with("bad frame");
    /// # let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["bad frame", "close"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_error<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Error(error) => listener(socket, error, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::ERROR, false, Box::new(call))
    }

    /// As [`on_error`](Self::on_error), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<String>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.once_error(|_, error, seen| *seen = error.to_string());
    /// socket.destroy_with("bad frame");
    /// # let mut seen = String::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, "bad frame");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_error<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &Error, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Error(error), Some(listener)) => listener(socket, error, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::ERROR, true, Box::new(call))
    }

    /// The last event: the handle is closed; the argument says whether an error was the cause. A `connect` in here
    /// begins a new life with the same listeners; otherwise the id is stale once the listeners have run.
    ///
    /// Mirrors `socket.on('close')`. In the closing phase; for a socket that never had a handle on a tick, with false.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<bool>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_close(|_, had_error, seen| *seen = Some(had_error)).end();
    /// # let mut seen = None;
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, Some(false));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_close<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, bool, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Close(had_error) => listener(socket, had_error, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::CLOSE, false, Box::new(call))
    }

    /// As [`on_close`](Self::on_close), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Option<bool>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.once_close(|_, had_error, seen| *seen = Some(had_error));
    /// socket.destroy();
    /// # let mut seen = None;
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, Some(false));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_close<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, bool, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Close(had_error), Some(listener)) => listener(socket, had_error, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::CLOSE, true, Box::new(call))
    }
}
