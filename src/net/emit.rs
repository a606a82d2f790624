//! Emitting events: listeners are called one by one, each free to do anything.
//!
//! The rule of the whole crate is kept here: take the closure out, end every borrow, call, look the object up again.

use std::net::IpAddr;
use std::ops::Range;

use super::Reactor;
use super::host::{Entry, Handle};
use super::listeners::{ListenerId, Taken};
use super::server::{Dropped, Server, ServerId};
use super::socket::{Socket, SocketId, SocketState};
use crate::address::Address;
use crate::error::{Error, Result};
use crate::event_loop::call_with;

/// An event of a socket with its arguments, in Node's order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'e> {
    Lookup(Result<IpAddr, &'e Error>, &'e str),
    ConnectionAttempt(&'e Address),
    ConnectionAttemptFailed(&'e Address, &'e Error),
    ConnectionAttemptTimeout(&'e Address),
    Connect,
    Ready,
    Data(&'e [u8]),
    Text(&'e str),
    End,
    Finish,
    Drain,
    Timeout,
    Pause,
    Resume,
    Error(&'e Error),
    Close(bool),
}

/// An event of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServerEvent<'e> {
    Listening,
    Connection(SocketId),
    Drop(&'e Dropped),
    Error(&'e Error),
    Close,
}

/// The bit of each event in a listener's mask. No emitter has the events of both a socket and a server.
pub(crate) mod events {
    pub(crate) const LOOKUP: u32 = 1 << 0;
    pub(crate) const CONNECTION_ATTEMPT: u32 = 1 << 1;
    pub(crate) const CONNECTION_ATTEMPT_FAILED: u32 = 1 << 2;
    pub(crate) const CONNECT: u32 = 1 << 3;
    pub(crate) const READY: u32 = 1 << 4;
    pub(crate) const DATA: u32 = 1 << 5;
    pub(crate) const END: u32 = 1 << 6;
    pub(crate) const FINISH: u32 = 1 << 7;
    pub(crate) const DRAIN: u32 = 1 << 8;
    pub(crate) const TIMEOUT: u32 = 1 << 9;
    pub(crate) const PAUSE: u32 = 1 << 10;
    pub(crate) const RESUME: u32 = 1 << 11;
    pub(crate) const ERROR: u32 = 1 << 12;
    pub(crate) const CLOSE: u32 = 1 << 13;
    pub(crate) const CONNECTION_ATTEMPT_TIMEOUT: u32 = 1 << 14;
    pub(crate) const TEXT: u32 = 1 << 15;
    // Those of a server, beside `ERROR` and `CLOSE`.
    pub(crate) const LISTENING: u32 = 1 << 0;
    pub(crate) const CONNECTION: u32 = 1 << 1;
    pub(crate) const DROP: u32 = 1 << 2;
}

impl Event<'_> {
    fn bit(self) -> u32 {
        match self {
            Event::Lookup(..) => events::LOOKUP,
            Event::ConnectionAttempt(_) => events::CONNECTION_ATTEMPT,
            Event::ConnectionAttemptFailed(..) => events::CONNECTION_ATTEMPT_FAILED,
            Event::ConnectionAttemptTimeout(_) => events::CONNECTION_ATTEMPT_TIMEOUT,
            Event::Connect => events::CONNECT,
            Event::Ready => events::READY,
            Event::Data(_) => events::DATA,
            Event::Text(_) => events::TEXT,
            Event::End => events::END,
            Event::Finish => events::FINISH,
            Event::Drain => events::DRAIN,
            Event::Timeout => events::TIMEOUT,
            Event::Pause => events::PAUSE,
            Event::Resume => events::RESUME,
            Event::Error(_) => events::ERROR,
            Event::Close(_) => events::CLOSE,
        }
    }
}

impl ServerEvent<'_> {
    fn bit(self) -> u32 {
        match self {
            ServerEvent::Listening => events::LISTENING,
            ServerEvent::Connection(_) => events::CONNECTION,
            ServerEvent::Drop(_) => events::DROP,
            ServerEvent::Error(_) => events::ERROR,
            ServerEvent::Close => events::CLOSE,
        }
    }

    /// What a panic of a listener of this event destroys: of a connection, the accepted socket. A peer that was dropped, and a
    /// server that is closed, are gone already.
    fn culprit(self, server: ServerId) -> Option<Handle> {
        match self {
            ServerEvent::Connection(socket) => Some(Handle::Socket(socket)),
            ServerEvent::Listening | ServerEvent::Error(_) => Some(Handle::Server(server)),
            ServerEvent::Drop(_) | ServerEvent::Close => None,
        }
    }
}

/// A listener of a socket.
pub(crate) type SocketListener<S> = dyn FnMut(&mut Socket<'_, S>, &Event<'_>, &mut S) -> Result;

/// A listener of a server.
pub(crate) type ServerListener<S> = dyn FnMut(&mut Server<'_, S>, ServerEvent<'_>, &mut S);

/// A completion callback of a write or an end, called once.
pub(crate) type Done<S> = Box<dyn FnOnce(&mut Socket<'_, S>, Result, &mut S) -> Result>;

impl<S> Reactor<S> {
    /// Emits an event of a socket; true if somebody heard it.
    pub(super) fn emit(&mut self, id: SocketId, event: Event<'_>, state: &mut S) -> bool {
        let until = self.serials.mark();
        let first = self.passing_slot(id).and_then(|(socket, _)| socket.listeners.take_first(event.bit(), until));
        let Some(first) = first else {
            return false;
        };
        let (is_only, after) = (first.is_only, first.id.serial());
        let heard = self.call_listener(id, first, &event, state);
        heard | (!is_only && self.emit_part(id, &event, after..until, state))
    }

    /// The same for the listeners added after the first mark and up to the second.
    pub(super) fn emit_part(&mut self, id: SocketId, event: &Event<'_>, marks: Range<u64>, state: &mut S) -> bool {
        let (bit, until) = (event.bit(), marks.end);
        let (mut after, mut heard) = (marks.start, false);
        while let Some(taken) = self.passing_slot(id).and_then(|(socket, _)| socket.listeners.take_next(bit, after, until)) {
            after = taken.id.serial();
            heard |= self.call_listener(id, taken, event, state);
        }
        heard
    }

    /// Calls a listener and puts it back; true if it counts as one.
    fn call_listener(&mut self, id: SocketId, taken: Taken<SocketListener<S>>, event: &Event<'_>, state: &mut S) -> bool {
        let listener = taken.id;
        self.unheard = false;
        let (result, call) = self.invoke(id, taken, event, state);
        self.put_back(id, listener, call);
        if let Err(error) = result {
            self.destroy(id, Some(error));
        }
        !self.unheard
    }

    /// Calls a listener, which the caller puts back. If it panics, that is done here, and the socket is noted.
    #[inline(always)]
    pub(super) fn invoke(
        &mut self,
        id: SocketId,
        taken: Taken<SocketListener<S>>,
        event: &Event<'_>,
        state: &mut S,
    ) -> (Result, Box<SocketListener<S>>) {
        let listener = taken.id;
        self.current_listener = Some(listener);
        let done = call_with(
            self,
            taken.call,
            |reactor, call| call(&mut Socket::new(reactor, id), event, state),
            |reactor, call| {
                reactor.put_back(id, listener, call);
                reactor.panicked = Some(Handle::Socket(id));
            },
        );
        self.current_listener = None;
        done
    }

    fn put_back(&mut self, id: SocketId, listener: ListenerId, call: Box<SocketListener<S>>) {
        self.current_listener = None;
        if let Some((socket, _)) = self.passing_slot(id) {
            socket.listeners.put_back(listener, call);
        }
    }

    /// Emits an event of a server; true if a listener heard it.
    pub(super) fn emit_server(&mut self, id: ServerId, event: ServerEvent<'_>, state: &mut S) -> bool {
        let (bit, until) = (event.bit(), self.serials.mark());
        let mut next = self.server_entry(id).and_then(|server| server.listeners.take_first(bit, until));
        let heard = next.is_some();
        while let Some(Taken { id: listener, call, is_only }) = next {
            self.current_listener = Some(listener);
            let (_, call) = call_with(
                self,
                call,
                |reactor, call| call(&mut Server::new(reactor, id), event, state),
                |reactor, call| {
                    reactor.put_back_server(id, listener, call);
                    reactor.panicked = event.culprit(id);
                },
            );
            self.put_back_server(id, listener, call);
            let listeners = self.server_entry(id).filter(|_| !is_only).map(|server| &mut server.listeners);
            next = listeners.and_then(|listeners| listeners.take_next(bit, listener.serial(), until));
        }
        heard
    }

    fn put_back_server(&mut self, id: ServerId, listener: ListenerId, call: Box<ServerListener<S>>) {
        self.current_listener = None;
        if let Some(server) = self.server_entry(id) {
            server.listeners.put_back(listener, call);
        }
    }

    /// Emits `error`, and sees to it if nobody hears.
    pub(super) fn emit_error(&mut self, id: SocketId, error: &Error, setup: bool, state: &mut S) {
        if !self.emit(id, Event::Error(error), state) {
            self.unhandled_error(Handle::Socket(id), error, setup, state);
        }
    }

    /// Calls the completion callback of a write or an end.
    pub(super) fn complete(&mut self, id: SocketId, done: Done<S>, result: Result, state: &mut S) {
        let call = |reactor: &mut Self| done(&mut Socket::new(reactor, id), result, state);
        if let Err(error) = self.call_of(Handle::Socket(id), call) {
            self.destroy(id, Some(error));
        }
    }

    /// Calls completion callbacks one after the other, `limit` at most.
    pub(super) fn complete_all(
        &mut self,
        id: SocketId,
        limit: usize,
        mut pop: impl FnMut(&mut SocketState<S>) -> Option<(Done<S>, Result)>,
        state: &mut S,
    ) {
        for _ in 0..limit {
            let Some((done, result)) = self.socket_entry(id).and_then(&mut pop) else {
                return;
            };
            self.complete(id, done, result, state);
        }
    }

    /// Whether anybody listens for an event of a socket.
    pub(super) fn has_listener(&self, id: SocketId, event: u32) -> bool {
        match self.event_loop.handles.get(id.0) {
            Some(Entry::Socket(socket)) => socket.listeners.has(event),
            _ => false,
        }
    }
}
