//! What a socket tells of itself.

use std::fmt;
use std::time::Duration;

use super::state::{Reading, Writing};
use super::{Socket, SocketState};
use crate::address::{Address, Family};
use crate::codec::Encoding;
use crate::error::Error;
use crate::net::server::ServerId;
use crate::stream::Stream;

/// Node's `readyState`.
///
/// ```
/// use netloop::ReadyState;
///
/// # let mut reactor = netloop::Reactor::<()>::new()?;
/// let socket = reactor.new_socket(netloop::SocketOptions::new().readable(false));
/// assert_eq!(socket.ready_state(), ReadyState::WriteOnly);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadyState {
    /// It connects.
    Opening,
    /// Both halves are open.
    Open,
    /// Our half has ended.
    ReadOnly,
    /// The peer's half has ended.
    WriteOnly,
    /// Both have.
    Closed,
}

impl<S> SocketState<S> {
    fn is_readable(&self) -> bool {
        !self.life.is_destroyed() && self.life.reading != Reading::Ended
    }

    /// Node's `connecting` is false while `connectionAttemptFailed` is emitted.
    fn is_connecting(&self) -> bool {
        self.life.is_connecting() && !self.has_failed_attempt()
    }

    fn has_failed_attempt(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.attempt_failed)
    }

    fn ready_state(&self) -> ReadyState {
        match (self.is_connecting(), self.is_readable(), self.is_writable()) {
            (true, _, _) => ReadyState::Opening,
            (false, true, true) => ReadyState::Open,
            (false, true, false) => ReadyState::ReadOnly,
            (false, false, true) => ReadyState::WriteOnly,
            (false, false, false) => ReadyState::Closed,
        }
    }
}

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident -> $type:ty: |$socket:ident| $value:expr, or $otherwise:expr;)*) => {
        impl<S> Socket<'_, S> {
            $($(#[$doc])* pub fn $name(&self) -> $type {
                match self.entry() {
                    Some($socket) => $value,
                    None => $otherwise,
                }
            })*
        }
    };
}

properties! {
    /// The server that accepted it.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// let id = server.id();
    /// server.on_connection(move |socket, _| assert_eq!(socket.server(), Some(id)));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    server -> Option<ServerId>: |socket| socket.server, or None;
    /// Whether it connects. Mirrors `socket.connecting`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// assert!(reactor.connect(([127, 0, 0, 1], port)).is_connecting());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    is_connecting -> bool: |socket| socket.is_connecting(), or false;
    /// Whether it has no connection: never had, is still connecting, or was destroyed. Mirrors `socket.pending`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.is_pending());
    /// assert!(reactor.new_socket(netloop::SocketOptions::new()).is_pending());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    is_pending -> bool: |socket| !(socket.life.is_open() || socket.has_failed_attempt()), or true;
    /// Whether it was destroyed. Mirrors `socket.destroyed`, and `closed`, which in Node is true at the same time.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.is_destroyed());
    /// socket.destroy();
    /// assert!(socket.is_destroyed());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    is_destroyed -> bool: |socket| socket.life.is_destroyed(), or true;
    /// Whether the flow was stopped explicitly. Mirrors `socket.isPaused()`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.is_paused());
    /// socket.pause();
    /// assert!(socket.is_paused());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    is_paused -> bool: |socket| socket.readable.is_paused(), or false;
    /// Node's `socket.readyState`.
    ///
    /// ```
    /// use netloop::ReadyState;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.ready_state(), ReadyState::Open);
    /// socket.end();
    /// assert_eq!(socket.ready_state(), ReadyState::ReadOnly);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    ready_state -> ReadyState: |socket| socket.ready_state(), or ReadyState::Closed;
    /// Whether `end` has not come and nothing destroyed it. Mirrors `socket.readable`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(socket.is_readable());
    /// socket.destroy();
    /// assert!(!socket.is_readable());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    is_readable -> bool: |socket| socket.is_readable(), or false;
    /// Whether it takes writes. Mirrors `socket.writable`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(socket.is_writable());
    /// socket.end();
    /// assert!(!socket.is_writable());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    is_writable -> bool: |socket| socket.is_writable(), or false;
    /// Whether `end` was emitted. Mirrors `socket.readableEnded`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<bool>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end();
    /// assert!(!socket.readable_ended());
    /// socket.on_end(|socket, ended| *ended = socket.readable_ended());
    /// # let mut ended = false;
    /// reactor.run(&mut ended)?;
    /// assert!(ended);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    readable_ended -> bool: |socket| socket.life.reading == Reading::Ended, or true;
    /// Whether `end` was called. Mirrors `socket.writableEnded`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.writable_ended());
    /// socket.end();
    /// assert!(socket.writable_ended());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    writable_ended -> bool: |socket| socket.life.is_ending(), or true;
    /// Whether `finish` was emitted. Mirrors `socket.writableFinished`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<bool>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_finish(|socket, finished| *finished = socket.writable_finished()).end();
    /// assert!(!socket.writable_finished());
    /// # let mut finished = false;
    /// reactor.run(&mut finished)?;
    /// assert!(finished);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    writable_finished -> bool: |socket| socket.life.writing == Writing::Finished, or true;
    /// Whether it was destroyed before `end`. Mirrors `socket.readableAborted`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.readable_aborted());
    /// socket.destroy();
    /// assert!(socket.readable_aborted());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    readable_aborted -> bool: |socket| socket.life.is_destroyed() && socket.life.reading != Reading::Ended, or false;
    /// Whether `data` flows: `None` until somebody has asked. Mirrors `socket.readableFlowing`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.readable_flowing(), None);
    /// socket.on_data(|_, _, _| {});
    /// assert_eq!(socket.readable_flowing(), Some(true));
    /// socket.pause();
    /// assert_eq!(socket.readable_flowing(), Some(false));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    readable_flowing -> Option<bool>: |socket| match socket.readable.flow {
        super::readable::Flow::Initial => None,
        super::readable::Flow::Flowing => Some(true),
        super::readable::Flow::Paused => Some(false),
    }, or None;
    /// Bytes read and not yet emitted. Mirrors `socket.readableLength`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.socket(far).expect("just made").write("hello");
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.socket(near).expect("just made").readable_length(), 5, "nobody asked for it");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    readable_length -> usize: |socket| socket.readable.len(), or 0;
    /// What `text` is decoded from; `None` without a [`set_encoding`](Self::set_encoding) or a `text` listener. Mirrors
    /// `socket.readableEncoding`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.readable_encoding(), None);
    /// socket.on_text(|_, _, _| {});
    /// assert_eq!(socket.readable_encoding(), Some(netloop::Encoding::Utf8));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    readable_encoding -> Option<Encoding>: |socket| socket.encoding(), or None;
    /// Bytes up to which a paused socket reads ahead. Mirrors `socket.readableHighWaterMark`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.readable_high_water_mark(), 65_536);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    readable_high_water_mark -> usize: |socket| socket.options.high_water_mark, or 0;
    /// Bytes of writes that are not complete. Mirrors `socket.writableLength` and `bufferSize`; in bytes, never characters.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.cork();
    /// socket.write("hello");
    /// assert_eq!(socket.writable_length(), 5);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    writable_length -> usize: |socket| socket.writable.len(), or 0;
    /// Bytes from which on `write` returns false. Mirrors `socket.writableHighWaterMark`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.writable_high_water_mark(), 65_536);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    writable_high_water_mark -> usize: |socket| socket.options.high_water_mark, or 0;
    /// Whether `drain` will come. Mirrors `socket.writableNeedDrain`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// let go_on = socket.write_owned(vec![0; 1 << 22]);
    /// assert_eq!(socket.writable_need_drain(), !go_on);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    writable_need_drain -> bool: |socket| {
        socket.writable.needs_drain() && !socket.life.is_ending() && !socket.life.is_destroyed()
    }, or false;
    /// How many times it is corked. Mirrors `socket.writableCorked`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.cork();
    /// socket.cork();
    /// assert_eq!(socket.writable_corked(), 2);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    writable_corked -> u32: |socket| socket.writable.corked(), or 0;
    /// How many bytes may wait in user space.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.write_queue_limit(), 16 << 20);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    write_queue_limit -> usize: |socket| socket.options.write_queue_limit, or 0;
    /// Bytes read in this life. Mirrors `socket.bytesRead`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.socket(far).expect("just made").write("hello");
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.socket(near).expect("just made").bytes_read(), 5);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    bytes_read -> u64: |socket| socket.bytes_read, or 0;
    /// The last idle timeout set. Mirrors `socket.timeout`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert_eq!(socket.timeout(), None);
    /// assert_eq!(socket.set_timeout(Duration::from_secs(30)).timeout(), Some(Duration::from_secs(30)));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    timeout -> Option<Duration>: |socket| socket.idle.as_ref().and_then(|idle| idle.timeout), or None;
    /// Whether half-open is allowed. Mirrors `socket.allowHalfOpen`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(!socket.allow_half_open());
    /// assert!(socket.set_allow_half_open(true).allow_half_open());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    allow_half_open -> bool: |socket| socket.options.allow_half_open, or false;
    /// The type of service the connection has, as the system gives it; otherwise the last one set, or 0. Mirrors
    /// `socket.getTypeOfService`.
    ///
    /// TCP keeps the two lowest bits (ECN) for itself: 0xff reads back as 0xfc.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut socket = reactor.new_socket(netloop::SocketOptions::new());
    /// assert_eq!(socket.type_of_service(), 0);
    /// assert_eq!(socket.set_type_of_service(0x10).type_of_service(), 0x10);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    type_of_service -> u8: |socket| {
        let stream = socket.stream.as_ref().filter(|_| socket.life.is_open());
        let known = stream.and_then(|stream| stream.transport().type_of_service());
        known.or(socket.options.type_of_service).unwrap_or(0)
    }, or 0;
    /// Whether it holds the loop while it reads. Mirrors `handle.hasRef()`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(socket.has_ref());
    /// assert!(!socket.unref().has_ref());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    has_ref -> bool: |socket| socket.has_ref, or false;
    /// Our own address; `None` without a connection and for Unix-domain sockets. Mirrors `socket.localAddress`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connect(|socket, _| {
    ///     assert!(socket.local_address().expect("it is connected").port() > Some(0));
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    local_address -> Option<Address>: |socket| {
        if socket.life.is_open() { socket.stream.as_ref().map(Stream::transport).and_then(|t| t.local_address()) } else { None }
    }, or None;
    /// The peer's address, kept in `close`; `None` before the connection and for Unix-domain sockets. Mirrors
    /// `socket.remoteAddress`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connect(move |socket, _| {
    ///     let peer = socket.remote_address().expect("it is connected");
    ///     assert_eq!(peer.to_string(), format!("127.0.0.1:{port}"));
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    remote_address -> Option<Address>: |socket| socket.remote.clone(), or None;
}

impl<S> Socket<'_, S> {
    /// Bytes taken by `write` in this life, queued ones too; after `destroy` without what never left. Mirrors
    /// `socket.bytesWritten`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.write("hello");
    /// assert_eq!(socket.bytes_written(), 5);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn bytes_written(&self) -> u64 {
        let turn = &self.reactor.turn;
        let written_now = if turn.is_of(self.id) { turn.len() } else { 0 };
        self.entry().map_or(0, |socket| socket.writable.submitted() + written_now as u64)
    }

    /// The addresses that were tried so far, if a name had several. Mirrors `autoSelectFamilyAttemptedAddresses`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// let options = netloop::ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
    /// reactor.connect_with(("two.test", port), options).on_connect(move |socket, _| {
    ///     let tried: Vec<_> = socket.attempted_addresses().iter().map(|address| address.to_string()).collect();
    ///     assert_eq!(tried, [format!("127.0.0.1:{port}")]);
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn attempted_addresses(&self) -> &[Address] {
        self.entry().and_then(|socket| socket.rare.as_ref()).map_or(&[], |rare| &rare.attempted)
    }

    /// Our own port; `None` without a TCP connection. Mirrors `socket.localPort`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connect(move |socket, _| {
    ///     assert_ne!(socket.local_port(), Some(port));
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn local_port(&self) -> Option<u16> {
        self.local_address()?.port()
    }

    /// The peer's port, kept in `close`; `None` before the connection and for Unix-domain sockets. Mirrors
    /// `socket.remotePort`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connect(move |socket, _| {
    ///     assert_eq!(socket.remote_port(), Some(port));
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remote_port(&self) -> Option<u16> {
        self.entry()?.remote.as_ref()?.port()
    }

    /// The peer's address family, kept in `close`. Mirrors `socket.remoteFamily`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// reactor.connect(([127, 0, 0, 1], port)).on_connect(|socket, _| {
    ///     assert_eq!(socket.remote_family(), Some(netloop::Family::IPv4));
    ///     socket.destroy();
    /// });
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remote_family(&self) -> Option<Family> {
        self.entry()?.remote.as_ref().map(Address::family)
    }

    /// The first error of this life. Mirrors `socket.errored`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// assert!(socket.errored().is_none());
    /// socket.destroy_with("bad frame");
    /// assert_eq!(socket.errored().expect("just now").to_string(), "bad frame");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn errored(&self) -> Option<&Error> {
        self.entry()?.errored.as_ref()
    }
}

impl<S> fmt::Debug for Socket<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id)
            .field("ready_state", &self.ready_state())
            .field("local", &self.local_address())
            .field("remote", &self.remote_address())
            .finish()
    }
}
