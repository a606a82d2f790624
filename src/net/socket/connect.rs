//! Connecting. Mirrors `Socket.prototype.connect`, `internalConnect` and `afterConnect` (`lib/net.js`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::SocketId;
use super::writable::Writable;
use super::write::destroyed;
use crate::address::{Address, Family};
use crate::code;
use crate::error::Error;
use crate::event_loop::{Readiness, after_callback};
use crate::net::Reactor;
use crate::net::emit::{Done, Event};
use crate::net::endpoint::{Endpoint, Target};
use crate::net::host::{Entry, Task};
use crate::net::options::ConnectOptions;
use crate::stream::{Connecting, Stream};
use crate::sys::{self, Bound};

/// An attempt to connect to one address.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) address: Address,
    local: Option<IpAddr>,
    local_port: u16,
    /// `connectionAttempt` was emitted.
    told: bool,
}

impl Attempt {
    pub(super) fn new(address: Address, options: &ConnectOptions) -> Self {
        Self { address, local: options.local_address, local_port: options.local_port, told: false }
    }

    /// Where to connect from, if that was asked for.
    fn local(&self, target: SocketAddr) -> Option<SocketAddr> {
        let any = any_of(target);
        match self.local {
            None if self.local_port == 0 => None,
            local => Some((local.unwrap_or(any), self.local_port).into()),
        }
    }

    /// Binds the local end, if it was asked for.
    pub(super) fn bind(&self, target: SocketAddr) -> Result<Option<Bound>, Error> {
        let Some(local) = self.local(target) else {
            return Ok(None);
        };
        match sys::bind_tcp(target, local) {
            Ok(bound) => Ok(Some(bound)),
            Err(error) => Err(Error::connect("bind", &Address::Tcp(local), None, error)),
        }
    }

    /// The error of a system call that failed without waiting: it names the local end, and without a descriptor there is none.
    pub(super) fn failed_at_once(&self, target: SocketAddr, error: io::Error) -> Error {
        let local = if sys::is_out_of_descriptors(&error) {
            "undefined:undefined".to_owned()
        } else {
            let local = self.local(target).unwrap_or((any_of(target), 0).into());
            format!("{}:{}", local.ip(), local.port())
        };
        Error::connect("connect", &self.address, Some(local), error)
    }

    /// The error of an attempt that failed later: it names the local end if a port was asked for.
    fn failed(&self, error: io::Error) -> Error {
        let local = match self.address {
            Address::Tcp(target) => self.local(target).filter(|local| local.port() != 0),
            Address::Unix(_) => None,
        };
        match local {
            Some(local) => Error::connect_from(&self.address, Address::Tcp(local), error),
            None => Error::connect("connect", &self.address, None, error),
        }
    }
}

/// The unspecified address of the target's family.
fn any_of(target: SocketAddr) -> IpAddr {
    if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// What Node's `connect` throws for options that cannot be meant.
fn check(endpoint: &Endpoint, options: &ConnectOptions) -> Result<(), Error> {
    if let Target::Host(host, _) = &endpoint.0
        && host.contains('\0')
    {
        let text = format!(
            "The property 'options.host' must be a string without null bytes. Received '{}'",
            host.replace('\0', "\\x00")
        );
        return Err(Error::with_code(code::ERR_INVALID_ARG_VALUE, text));
    }
    if options.family == Some(Family::Unix) {
        let text = "The property 'options.family' must be one of: 0, 4, 6. Received Unix";
        return Err(Error::with_code(code::ERR_INVALID_ARG_VALUE, text));
    }
    if options.attempt_timeout.is_some_and(|timeout| timeout.is_zero()) {
        let text = "The value of \"options.autoSelectFamilyAttemptTimeout\" is out of range. It must be >= 1 && <= 2147483647. \
                    Received 0";
        return Err(Error::with_code(code::ERR_OUT_OF_RANGE, text));
    }
    Ok(())
}

impl<S> Reactor<S> {
    /// Node's `connect`. Addresses are tried from the next tick on, a path at once, a name when it is resolved; whatever
    /// happens is told by events.
    pub(super) fn connect_socket(&mut self, id: SocketId, endpoint: Endpoint, options: &ConnectOptions) {
        let setup = !self.event_loop.is_running();
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.is_open() {
            let error = Error::cancelled("connect", code::EISCONN);
            self.queue_error(id, error, setup);
            return;
        }
        if socket.life.needs_revival() {
            let left = socket.revive();
            for (done, error) in left {
                self.reject(id, Some(done), error);
            }
        }
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        socket.setup = setup;
        let (readable, writable) = (socket.options.readable, socket.options.writable);
        socket.life.connect(readable, writable);
        let life = socket.life_number;
        if options.timeout.is_some() {
            self.set_idle_timeout(id, options.timeout);
        }
        self.touch(id);
        self.settle_or_destroy(id);
        if let Err(error) = check(&endpoint, options) {
            return self.destroy_on_tick(id, life, error);
        }
        if self.bind_connect_signal(id, life, options) {
            return;
        }
        match endpoint.0 {
            Target::Port(port) => self.look_up_and_connect(id, life, "localhost".to_owned(), port, options),
            Target::Addr(address) => self.queue_attempt(id, life, Attempt::new(Address::Tcp(address), options)),
            Target::Host(host, port) if host.is_empty() => {
                self.look_up_and_connect(id, life, "localhost".to_owned(), port, options)
            }
            Target::Host(host, port) => match host.parse::<IpAddr>() {
                Ok(ip) => self.queue_attempt(id, life, Attempt::new(Address::Tcp((ip, port).into()), options)),
                Err(_) => self.look_up_and_connect(id, life, host, port, options),
            },
            Target::Path(path) => self.connect_path(id, life, path, options),
        }
    }

    fn queue_attempt(&mut self, id: SocketId, life: u32, attempt: Attempt) {
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().attempts.push_back(attempt);
            self.event_loop.tick_task(Task::Attempt(id, life));
        }
    }

    pub(super) fn is_connecting(&mut self, id: SocketId, life: u32) -> bool {
        self.socket_in_life(id, life).is_some_and(|socket| socket.life.is_connecting())
    }

    /// Destroys on the next tick, if the socket still connects then. Mirrors `connectErrorNT`.
    pub(super) fn destroy_on_tick(&mut self, id: SocketId, life: u32, error: Error) {
        if let Some(socket) = self.socket_in_life(id, life) {
            socket.rare().doom.get_or_insert(error);
            self.event_loop.tick_task(Task::ConnectError(id, life));
        }
    }

    pub(in crate::net) fn on_connect_error(&mut self, id: SocketId, life: u32) {
        let doom = self.socket_entry(id).and_then(|socket| socket.rare().doom.take());
        if let Some(error) = doom.filter(|_| self.is_connecting(id, life)) {
            self.destroy(id, Some(error));
        }
    }

    /// The tick of an attempt at an address that needs no lookup.
    pub(in crate::net) fn on_attempt(&mut self, id: SocketId, life: u32, state: &mut S) {
        let attempt = self.socket_entry(id).and_then(|socket| socket.rare().attempts.pop_front());
        if let Some(attempt) = attempt.filter(|_| self.is_connecting(id, life)) {
            self.attempt(id, life, attempt, state);
        }
    }

    /// The only attempt. Mirrors `internalConnect`.
    pub(super) fn attempt(&mut self, id: SocketId, life: u32, mut attempt: Attempt, state: &mut S) {
        let Address::Tcp(target) = attempt.address else {
            return;
        };
        let bound = match attempt.bind(target) {
            Ok(bound) => bound,
            Err(error) => return self.destroy(id, Some(error)),
        };
        let go_on = move |reactor: &mut Self, attempt, state: &mut S| reactor.attempt(id, life, attempt, state);
        if !self.tell_attempt(id, life, &mut attempt, go_on, state) {
            return;
        }
        if let Some(error) = self.blocked(id, target.ip()) {
            return self.destroy(id, Some(error));
        }
        if let Some(stream) = self.socket_entry(id).and_then(|socket| socket.stream.as_ref()) {
            let local = stream.transport().local_address();
            let error = Error::connect_code(code::EALREADY, &attempt.address, local.as_ref());
            return self.destroy(id, Some(error));
        }
        match sys::connect_tcp(target, bound) {
            Ok(transport) => self.watch_attempt(id, transport, attempt),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // Loopback may refuse at once; the program hears of it as of any other refusal.
                self.defer_connect_error(id, life, attempt, error);
            }
            Err(error) => self.destroy(id, Some(attempt.failed_at_once(target, error))),
        }
    }

    /// `connectionAttempt`, once; false if the listeners have ended the attempt. After a panic in one, `go_on` takes it up.
    pub(super) fn tell_attempt(
        &mut self,
        id: SocketId,
        life: u32,
        attempt: &mut Attempt,
        go_on: impl FnOnce(&mut Self, Attempt, &mut S) + 'static,
        state: &mut S,
    ) -> bool {
        if !std::mem::replace(&mut attempt.told, true) {
            let again = attempt.clone();
            let go_on = move |reactor: &mut Self, state: &mut S| {
                if reactor.is_connecting(id, life) {
                    go_on(reactor, again, state);
                }
            };
            self.emit_or(id, Event::ConnectionAttempt(&attempt.address), go_on, state);
        }
        self.is_connecting(id, life)
    }

    /// Why the socket may not connect there, if its block list says so.
    pub(super) fn blocked(&mut self, id: SocketId, ip: IpAddr) -> Option<Error> {
        self.socket_entry(id)?.options.blocked(ip)
    }

    pub(super) fn watch_attempt(&mut self, id: SocketId, transport: sys::Transport, attempt: Attempt) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return;
        };
        slot.readiness = Readiness::default();
        let mut stream = Stream::new(transport);
        let watched = stream.watch_connect(&mut registrar);
        socket.stream = Some(stream);
        socket.rare().attempt = Some(attempt);
        if let Err(error) = watched {
            self.destroy(id, Some(Error::system("epoll_ctl", error)));
        }
    }

    /// A path is tried inside `connect`. Success is told by the selector, a failure in the pending phase. Mirrors
    /// `uv_pipe_connect`.
    fn connect_path(&mut self, id: SocketId, life: u32, path: PathBuf, options: &ConnectOptions) {
        let attempt = Attempt::new(Address::Unix(path.clone()), options);
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.stream.is_some() {
            let error = Error::connect_code(code::EALREADY, &attempt.address, None);
            self.destroy(id, Some(error));
            return;
        }
        self.event_loop.tick_task(Task::ConnectStarted(id, life));
        match sys::connect_local(&path) {
            Ok(transport) => self.watch_attempt(id, transport, attempt),
            Err(error) => self.defer_connect_error(id, life, attempt, error),
        }
    }

    pub(super) fn defer_connect_error(&mut self, id: SocketId, life: u32, attempt: Attempt, error: io::Error) {
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().connect_error = Some(error);
            socket.rare().attempt = Some(attempt);
            self.event_loop.defer(Task::ConnectFailed(id, life));
        }
    }

    /// `connectionAttempt` of a path, which Node emits inside `connect`.
    pub(in crate::net) fn on_connect_started(&mut self, id: SocketId, life: u32, state: &mut S) {
        if !self.is_connecting(id, life) {
            return;
        }
        let address = self.socket_entry(id).and_then(|socket| socket.rare().attempt.as_ref().map(|a| a.address.clone()));
        let Some(address) = address else {
            return;
        };
        self.emit(id, Event::ConnectionAttempt(&address), state);
        // A path the system cannot hold was never tried: no attempt has failed.
        let invalid = |error: &mut io::Error| sys::error_code(error) == code::EINVAL;
        if self.is_connecting(id, life)
            && let Some(error) = self.socket_entry(id).and_then(|socket| socket.rare().connect_error.take_if(invalid))
        {
            let error = Error::connect("connect", &address, Some("undefined:undefined".to_owned()), error);
            self.destroy(id, Some(error));
        }
    }

    /// The pending phase of a connect that failed at once.
    pub(in crate::net) fn on_connect_failed(&mut self, id: SocketId, life: u32, state: &mut S) {
        if !self.is_connecting(id, life) {
            return;
        }
        if let Some(error) = self.socket_entry(id).and_then(|socket| socket.rare().connect_error.take()) {
            self.connect_failed(id, error, state);
        }
    }

    /// An event on a connecting socket: hints prove nothing, `SO_ERROR` and the peer's name do.
    pub(super) fn resolve_connect(&mut self, id: SocketId, state: &mut S) {
        let outcome = self.socket_slot(id).and_then(|(socket, readiness)| {
            let stream = socket.stream.as_ref()?;
            Some(stream.resolve_connect(*readiness))
        });
        match outcome {
            Some(Connecting::Connected) => self.connected(id, state),
            Some(Connecting::Failed(error)) => self.connect_failed(id, error, state),
            Some(Connecting::Pending) | None => {}
        }
        after_callback(self, state);
    }

    /// `connect` and what waited for it. Mirrors `afterConnect`.
    fn connected(&mut self, id: SocketId, state: &mut S) {
        let Some((socket, readiness)) = self.socket_slot(id) else {
            return;
        };
        let life = socket.life_number;
        readiness.insert(Stream::fresh());
        socket.life.open();
        socket.setup = false;
        socket.remote = socket.stream.as_ref().and_then(|stream| stream.transport().remote_address());
        socket.apply_settings();
        if socket.rare.is_some() {
            self.forget_candidates(id, false);
        }
        self.touch(id);
        self.settle_or_destroy(id);
        // What was written while connecting leaves in its turn among the listeners: Node adds one for it.
        let end = self.serials.mark();
        let parked = self.socket_entry(id).and_then(|socket| socket.rare.as_ref()?.parked).unwrap_or(end);
        let go_on = move |reactor: &mut Self, state: &mut S| {
            if reactor.socket_in_life(id, life).is_some() {
                reactor.flush_parked(id, state);
                reactor.ready(id, life, state);
            }
        };
        self.or_tick(go_on, |reactor| {
            reactor.emit_part(id, &Event::Connect, 0..parked, state);
            reactor.flush_parked(id, state);
            reactor.emit_part(id, &Event::Connect, parked..end, state);
        });
        self.ready(id, life, state);
    }

    /// `ready`, and the first read.
    fn ready(&mut self, id: SocketId, life: u32, state: &mut S) {
        self.emit_or(id, Event::Ready, move |reactor, _| reactor.start_reading(id, life), state);
        self.start_reading(id, life);
    }

    fn start_reading(&mut self, id: SocketId, life: u32) {
        let Some(socket) = self.socket_in_life(id, life) else {
            return;
        };
        if socket.life.is_open() && !socket.readable.is_paused() {
            socket.readable.started = true;
        }
        self.settle_or_destroy(id);
    }

    /// What was asked for while connecting: writes, the end, the reset.
    fn flush_parked(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let reset = socket.rare.as_mut().is_some_and(|rare| std::mem::take(&mut rare.reset_on_connect));
        if socket.life.is_open() {
            if socket.writable.in_flight() {
                self.touch(id);
                self.flush_queue(id);
                self.land(id, state);
            } else {
                self.finish_maybe(id);
            }
        }
        if let Some(rare) = self.socket_entry(id).and_then(|socket| socket.rare.as_mut())
            && rare.parked.take().is_some()
        {
            // A listener before may have destroyed it.
            self.on_cancelled(id, state);
        }
        if reset {
            self.reset_and_destroy(id);
        }
    }

    /// The first write while connecting: it waits for its turn among the listeners of `connect`.
    pub(super) fn park(&mut self, id: SocketId) {
        let mark = self.serials.mark();
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().parked = Some(mark);
            self.take_off(id);
        }
    }

    /// `connectionAttemptFailed`; then the next address, or the end.
    fn connect_failed(&mut self, id: SocketId, error: io::Error, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let life = socket.life_number;
        let Some(attempt) = socket.rare().attempt.take() else {
            return;
        };
        let error = attempt.failed(error);
        if self.candidates(id).is_some() {
            self.clear_attempt_timer(id);
            self.candidate_failed(id, life, &attempt.address, error, state);
            return self.next_candidate(id, life, state);
        }
        self.set_attempt_failed(id, true);
        let again = error.clone();
        let go_on = move |reactor: &mut Self, _: &mut S| reactor.give_up(id, life, again);
        self.emit_or(id, Event::ConnectionAttemptFailed(&attempt.address, &error), go_on, state);
        self.give_up(id, life, error);
    }

    /// The only attempt has failed, and that was told.
    fn give_up(&mut self, id: SocketId, life: u32, error: Error) {
        self.set_attempt_failed(id, false);
        if self.is_connecting(id, life) {
            self.destroy(id, Some(error));
        }
    }

    fn set_attempt_failed(&mut self, id: SocketId, failed: bool) {
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().attempt_failed = failed;
        }
    }

    /// Closes the handle of an attempt that failed, without the socket.
    pub(super) fn drop_attempt(&mut self, id: SocketId) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        slot.readiness = Readiness::default();
        if let Entry::Socket(socket) = &mut slot.handle
            && let Some(stream) = socket.stream.take()
        {
            stream.close(&mut registrar);
        }
    }
}

impl<S> super::SocketState<S> {
    /// A new life of the same socket: listeners, options and settings stay, everything else begins anew.
    /// Returns callbacks of the old one that wait for what will not happen any more, with their errors.
    fn revive(&mut self) -> Vec<(Done<S>, Error)> {
        let errored = self.errored.take();
        let mut left = Vec::new();
        while let Some(request) = self.outgoing.as_mut().and_then(|outgoing| outgoing.pop_waiting()) {
            left.push((request.done, errored.clone().unwrap_or_else(|| destroyed("write"))));
        }
        while let Some(done) = self.pop_end_done() {
            left.push((done, errored.clone().unwrap_or_else(|| destroyed("end"))));
        }
        self.life_number = self.life_number.wrapping_add(1);
        self.bytes_read = 0;
        self.remote = None;
        self.server = None;
        self.ended_by_peer = false;
        self.reset_on_close = false;
        self.destroy_on_finish = false;
        self.shut_down = false;
        self.readable.reset();
        self.writable = Writable::default();
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.begin_life();
        }
        let rare = self.rare();
        rare.reset_on_connect = false;
        rare.doom = None;
        rare.parked = None;
        rare.attempted.clear();
        left
    }
}
