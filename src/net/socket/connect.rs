//! Connecting. Mirrors `Socket.prototype.connect`, `internalConnect` and `afterConnect` (`lib/net.js`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;

use super::writable::Writable;
use super::write::destroyed;
use super::{Deferred, SocketId};
use crate::address::{Address, Family};
use crate::code;
use crate::error::{Error, Place, PlaceIp};
use crate::event_loop::{Readiness, after_callback};
use crate::net::Reactor;
use crate::net::emit::{Done, Event};
use crate::net::endpoint::{Endpoint, Target};
use crate::net::host::{Entry, Task};
use crate::net::ip::{in_zone, is_ipv6, parse_ip, zone};
use crate::net::options::ConnectOptions;
use crate::stream::{Connecting, Stream};
use crate::sys::{self, Bound};

/// An attempt to connect to one address.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) address: Address,
    /// The zone of the address as it was given in text.
    zone: Option<Rc<str>>,
    local: Option<IpAddr>,
    local_zone: Option<Rc<str>>,
    local_port: u16,
}

impl Attempt {
    pub(super) fn new(address: Address, options: &ConnectOptions) -> Self {
        let local_zone = options.local_zone.clone().filter(|_| options.local_address.is_some_and(|local| local.is_ipv6()));
        let (local, local_port) = (options.local_address, options.local_port);
        Self { address, zone: None, local, local_zone, local_port }
    }

    /// The address as errors show it.
    pub(super) fn place(&self) -> Place<'_> {
        Place::new(&self.address, self.zone.as_deref())
    }

    /// Where to connect from, if that was asked for.
    fn local(&self, target: SocketAddr) -> Option<SocketAddr> {
        let any = any_of(target);
        match self.local {
            None if self.local_port == 0 => None,
            Some(IpAddr::V6(local)) => Some(in_zone(local, self.local_port, self.local_zone.as_deref())),
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
            Err(error) => Err(Error::connect("bind", self.local_place(&Address::Tcp(local)), None, error)),
        }
    }

    fn local_place<'a>(&'a self, local: &'a Address) -> Place<'a> {
        Place::new(local, self.local_zone.as_deref())
    }

    /// The error of a system call that failed without waiting: it names the local end, which is `from` if that is known, and
    /// without a descriptor there is none.
    pub(super) fn failed_at_once(&self, target: SocketAddr, from: Option<SocketAddr>, error: io::Error) -> Error {
        let local = if sys::is_out_of_descriptors(&error) {
            "undefined:undefined".to_owned()
        } else {
            let local = from.or_else(|| self.local(target)).unwrap_or((any_of(target), 0).into());
            format!("{}:{}", PlaceIp(&local, self.local_zone.as_deref()), local.port())
        };
        Error::connect("connect", self.place(), Some(local), error)
    }

    /// The error of an attempt that failed later: it names the local end if a port was asked for.
    fn failed(&self, error: io::Error) -> Error {
        let local = match self.address {
            Address::Tcp(target) => self.local(target).filter(|local| local.port() != 0),
            Address::Unix(_) => None,
        };
        match local {
            Some(local) => Error::connect_from(self.place(), self.local_place(&Address::Tcp(local)), error),
            None => Error::connect("connect", self.place(), None, error),
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
    if let (Some(IpAddr::V6(local)), Some(zone)) = (options.local_address, &options.local_zone) {
        let text = format!("{local}%{zone}");
        if !is_ipv6(&text) {
            return Err(Error::with_code(code::ERR_INVALID_IP_ADDRESS, format!("Invalid IP address: {text}")));
        }
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
            self.part_from_stream(id);
            let left = self.socket_entry(id).map(super::SocketState::revive).unwrap_or_default();
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
        if let Err(error) = check(&endpoint, options).and_then(|()| self.check_adopted(id, options)) {
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
            Target::Host(host, port) => match parse_ip(&host, port) {
                Some(address) => {
                    let attempt = Attempt::new(Address::Tcp(address), options);
                    self.queue_attempt(id, life, Attempt { zone: zone(&host).map(Rc::from), ..attempt });
                }
                None => self.look_up_and_connect(id, life, host, port, options),
            },
            Target::Path(path) => self.connect_path(id, life, path, options),
        }
    }

    /// A descriptor that was adopted has its local end.
    fn check_adopted(&mut self, id: SocketId, options: &ConnectOptions) -> Result<(), Error> {
        let is_bound = options.local_address.is_some() || options.local_port != 0;
        if is_bound && self.has_unconnected(id) {
            let text = "local_address and local_port cannot be used with an adopted socket";
            return Err(Error::with_code(code::ERR_INVALID_ARG_VALUE, text));
        }
        Ok(())
    }

    /// Whether the next attempt is made with a descriptor that was adopted.
    pub(super) fn has_unconnected(&mut self, id: SocketId) -> bool {
        self.socket_entry(id).and_then(|socket| socket.rare.as_ref()).is_some_and(|rare| rare.unconnected.is_some())
    }

    fn take_unconnected(&mut self, id: SocketId) -> Option<Bound> {
        self.socket_entry(id)?.rare.as_mut()?.unconnected.take().map(|(bound, _)| bound)
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
    pub(super) fn attempt(&mut self, id: SocketId, life: u32, attempt: Attempt, state: &mut S) {
        let Address::Tcp(target) = attempt.address else {
            return;
        };
        let bound = match attempt.bind(target) {
            Ok(bound) => bound,
            Err(error) => return self.destroy(id, Some(error)),
        };
        if !self.tell_attempt(id, life, &attempt, state) {
            return;
        }
        if let Some(error) = self.blocked(id, target, attempt.zone.as_deref()) {
            return self.destroy(id, Some(error));
        }
        if let Some(stream) = self.socket_entry(id).and_then(|socket| socket.stream.as_ref()) {
            let local = stream.transport().local_address();
            let error = Error::connect_code(code::EALREADY, attempt.place(), local.as_ref());
            return self.destroy(id, Some(error));
        }
        let adopted = self.take_unconnected(id);
        let (is_adopted, from) = (adopted.is_some(), adopted.as_ref().and_then(Bound::local_address));
        match sys::connect_tcp(target, adopted.or(bound)) {
            Ok(transport) => {
                self.watch_attempt(id, transport, attempt);
                if is_adopted {
                    self.expose(id);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // Loopback may refuse at once; the program hears of it as of any other refusal.
                self.defer_connect_error(id, life, attempt, error);
            }
            Err(error) => self.destroy(id, Some(attempt.failed_at_once(target, from, error))),
        }
    }

    /// There may be duplicates of the descriptor.
    pub(super) fn expose(&mut self, id: SocketId) {
        if let Some(socket) = self.socket_entry(id) {
            socket.expose();
        }
    }

    /// `connectionAttempt`; false if the listeners have ended the attempt.
    pub(super) fn tell_attempt(&mut self, id: SocketId, life: u32, attempt: &Attempt, state: &mut S) -> bool {
        self.emit(id, Event::ConnectionAttempt(&attempt.address), state);
        self.is_connecting(id, life)
    }

    /// Why the socket may not connect there, if its block list says so.
    pub(super) fn blocked(&mut self, id: SocketId, target: SocketAddr, zone: Option<&str>) -> Option<Error> {
        let blocked = self.socket_entry(id)?.options.blocks(target.ip());
        blocked.then(|| Error::ip_blocked(PlaceIp(&target, zone)))
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
        let adopted = self.take_unconnected(id);
        let is_adopted = adopted.is_some();
        match sys::connect_local(&path, adopted) {
            Ok(transport) => {
                self.watch_attempt(id, transport, attempt);
                if is_adopted {
                    self.expose(id);
                }
            }
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
        socket.apply_settings(id);
        if socket.rare.is_some() {
            self.forget_candidates(id, false);
        }
        self.touch(id);
        self.settle_or_destroy(id);
        let (mut heard, end) = (0, self.serials.mark());
        let rare = self.socket_entry(id).and_then(|socket| socket.rare.as_mut());
        for (mark, step) in rare.map(|rare| rare.deferred.clone()).unwrap_or_default() {
            self.emit_part(id, &Event::Connect, heard..mark, state);
            heard = mark;
            if self.is_connecting_again(id) {
                break;
            }
            match step {
                Deferred::Writes => self.flush_deferred(id, state),
                Deferred::Reset => self.reset_and_destroy(id),
            }
        }
        self.emit_part(id, &Event::Connect, heard..end, state);
        if !self.is_connecting_again(id) {
            self.forget_deferred(id);
            self.finish_maybe(id);
        }
        self.emit(id, Event::Ready, state);
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

    /// What was written while connecting leaves. If a listener or a reset before it has destroyed the socket, its callbacks are told
    /// here, as in Node.
    fn flush_deferred(&mut self, id: SocketId, state: &mut S) {
        if self.socket_entry(id).is_some_and(|socket| socket.life.is_open() && socket.writable.in_flight()) {
            self.touch(id);
            self.flush_queue(id);
            self.land(id, state);
        }
        self.on_cancelled(id, state);
        if let Some(rare) = self.socket_entry(id).and_then(|socket| socket.rare.as_mut()) {
            rare.deferred.retain(|&(_, step)| step != Deferred::Writes);
        }
    }

    /// A listener of `connect` has destroyed the socket and connected it again: what is deferred belongs to the next connection.
    fn is_connecting_again(&mut self, id: SocketId) -> bool {
        self.socket_entry(id).is_some_and(|socket| socket.life.is_connecting())
    }

    fn forget_deferred(&mut self, id: SocketId) {
        if let Some(rare) = self.socket_entry(id).and_then(|socket| socket.rare.as_mut()) {
            rare.deferred.clear();
        }
    }

    /// The first write while connecting: it waits for its turn among the listeners of `connect`.
    pub(super) fn defer_writes(&mut self, id: SocketId) {
        self.defer_until_connect(id, Deferred::Writes);
        self.take_off(id);
    }

    pub(super) fn defer_until_connect(&mut self, id: SocketId, step: Deferred) {
        let mark = self.serials.mark();
        if let Some(socket) = self.socket_entry(id) {
            let deferred = &mut socket.rare().deferred;
            if deferred.iter().all(|&(_, other)| other != step) {
                deferred.push((mark, step));
            }
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
            self.candidate_failed(id, &attempt.address, error, state);
            return self.next_candidate(id, life, state);
        }
        self.set_attempt_failed(id, true);
        self.emit(id, Event::ConnectionAttemptFailed(&attempt.address, &error), state);
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
        rare.doom = None;
        rare.deferred.clear();
        rare.unconnected = None;
        rare.attempted.clear();
        left
    }
}
