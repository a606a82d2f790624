//! Listening and closing. Mirrors `setupListenHandle`, `Server.prototype.close` and `_emitCloseIfDrained` (`lib/net.js`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::ServerId;
use crate::address::Address;
use crate::code;
use crate::error::{Error, Place};
use crate::event_loop::{is_long, prune};
use crate::net::Reactor;
use crate::net::emit::ServerEvent;
use crate::net::endpoint::{Endpoint, Target};
use crate::net::host::{Entry, Handle, Task};
use crate::net::ip::{is_ip, parse_ip, zone};
use crate::net::options::ListenOptions;
use crate::net::socket::SocketId;
use crate::stream::Listener;
use crate::sys::{self, TcpListenOptions, Unresolved};

/// What `close` says of a server that does not listen.
pub(super) fn not_running() -> Error {
    Error::with_code(code::ERR_SERVER_NOT_RUNNING, "Server is not running.")
}

impl<S> Reactor<S> {
    pub(super) fn listen(&mut self, id: ServerId, endpoint: Endpoint, options: ListenOptions) {
        let Some(life) = self.begin_listen(id) else {
            return;
        };
        self.bind_listen_signal(id, options.signal);
        match &endpoint.0 {
            Target::Port(_) | Target::Addr(_) | Target::Path(_) => self.bind(id, &endpoint, &options),
            Target::Host(..) => {
                if let Some(server) = self.server_entry(id) {
                    server.pending = Some((endpoint, options));
                    self.event_loop.tick_task(Task::Bind(id, life));
                }
            }
        }
    }

    /// Begins another life of the server, unless it listens: that is an `error`.
    pub(super) fn begin_listen(&mut self, id: ServerId) -> Option<u64> {
        let setup = !self.event_loop.is_running();
        let server = self.server_entry(id)?;
        if server.listener.is_some() {
            let text = "Listen method has been called more than once without closing.";
            self.fail_server(id, Error::with_code(code::ERR_SERVER_ALREADY_LISTEN, text), setup);
            return None;
        }
        server.life_number += 1;
        (server.setup, server.closed, server.pending) = (setup, false, None);
        Some(server.life_number)
    }

    /// The tick of a listen at a textual host: a literal is bound, a name looked up first.
    pub(in crate::net) fn on_bind(&mut self, id: ServerId, life: u64) {
        let Some(server) = self.server_entry(id).filter(|server| server.life_number == life) else {
            return;
        };
        // While it is pending the server is not taken for dead.
        let Some((Endpoint(Target::Host(host, port)), options)) = server.pending.clone() else {
            return;
        };
        if is_ip(&host).is_some() {
            server.pending = None;
            self.bind(id, &Endpoint(Target::Host(host, port)), &options);
            return;
        }
        let asked = host.clone();
        let work = move || sys::resolve(&asked, None);
        self.event_loop.queue_work(work, move |reactor: &mut Self, answer, state| {
            reactor.on_listen_lookup(id, life, (&host, port), answer, &options, state);
        });
    }

    fn on_listen_lookup(
        &mut self,
        id: ServerId,
        life: u64,
        (host, port): (&str, u16),
        answer: Result<Vec<SocketAddr>, Unresolved>,
        options: &ListenOptions,
        state: &mut S,
    ) {
        let Some(server) = self.server_entry(id).filter(|server| server.life_number == life) else {
            return;
        };
        server.pending = None;
        let (addresses, code, error) = match answer {
            Ok(addresses) => (addresses, code::ENOTFOUND, None),
            Err(Unresolved { code, source }) => (Vec::new(), code, Some(source)),
        };
        match choose(&addresses) {
            Some(mut address) => {
                address.set_port(port);
                self.bind(id, &Endpoint::from(address), options);
            }
            None => {
                let setup = server.setup;
                self.emit_server_error(id, &Error::lookup(host, code, error), setup, state);
            }
        }
    }

    /// Binds and listens now; what comes of it is told on a tick.
    fn bind(&mut self, id: ServerId, endpoint: &Endpoint, options: &ListenOptions) {
        self.start_listening(id, open(endpoint, options));
        let listener = self.server_entry(id).and_then(|server| server.listener.as_mut());
        if let Some(listener) = listener.filter(|_| !options.reclaim_stale) {
            listener.take_any_file();
        }
    }

    /// Watches a listener; what comes of it is told on a tick.
    pub(super) fn start_listening(&mut self, id: ServerId, listener: Result<Listener, Error>) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        let Entry::Server(server) = &mut slot.handle else {
            return;
        };
        let (setup, life) = (server.setup, server.life_number);
        let listening = listener.and_then(|mut listener| match listener.register(&mut registrar) {
            Ok(()) => Ok(listener),
            Err(error) => Err(Error::listen(listener.address().as_ref(), error)),
        });
        match listening {
            Ok(listener) => {
                server.listener = Some(listener);
                self.hold_server(id);
                self.event_loop.tick_task(Task::Listening(id, life));
            }
            Err(error) => self.fail_server(id, error, setup),
        }
    }

    pub(in crate::net) fn on_listening(&mut self, id: ServerId, life: u64, state: &mut S) {
        let current = self.server_entry(id).filter(|server| server.life_number == life && server.listener.is_some());
        if let Some(server) = current {
            server.setup = false;
            self.emit_server(id, ServerEvent::Listening, state);
        }
    }

    /// Queues an `error` for the next tick.
    pub(in crate::net) fn fail_server(&mut self, id: ServerId, error: Error, setup: bool) {
        if let Some(server) = self.server_entry(id) {
            server.errors.push_back((error, setup));
            self.event_loop.tick_task(Task::ServerError(id));
        }
    }

    pub(in crate::net) fn on_server_error(&mut self, id: ServerId, state: &mut S) {
        if let Some((error, setup)) = self.server_entry(id).and_then(|server| server.errors.pop_front()) {
            self.emit_server_error(id, &error, setup, state);
        }
    }

    fn emit_server_error(&mut self, id: ServerId, error: &Error, setup: bool, state: &mut S) {
        if !self.emit_server(id, ServerEvent::Error(error), state) {
            self.unhandled_error(Handle::Server(id), error, setup, state);
        }
    }

    /// Closes the listening handle now; `close` follows when the last connection has gone.
    pub(in crate::net) fn close_server(&mut self, id: ServerId) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        let Entry::Server(server) = &mut slot.handle else {
            return;
        };
        server.life_number += 1;
        server.pending = None;
        let retry = server.retry.take();
        if let Some(listener) = server.listener.take() {
            listener.close(&mut registrar);
        }
        if let Some(retry) = retry {
            self.event_loop.timers.remove(retry);
        }
        self.hold_server(id);
        self.close_if_drained(id);
    }

    fn close_if_drained(&mut self, id: ServerId) {
        if self.server_entry(id).is_some_and(|server| server.is_drained()) {
            self.event_loop.tick_task(Task::ServerClose(id));
        }
    }

    pub(in crate::net) fn on_server_close(&mut self, id: ServerId, state: &mut S) {
        if let Some(server) = self.server_entry(id) {
            server.closed = server.is_drained() && server.pending.is_none();
            server.closes += 1;
            // Before the listeners: a panic of one keeps nothing from being freed.
            self.graveyard.push(id.0);
            self.emit_server(id, ServerEvent::Close, state);
        }
    }

    /// A connection is destroyed: its server counts it no more, and may have waited for it. Mirrors the end of
    /// `Socket.prototype._destroy`.
    pub(in crate::net) fn leave_server(&mut self, id: SocketId) {
        let Some(server_id) = self.socket_entry(id).and_then(|socket| socket.server()) else {
            return;
        };
        if let Some(server) = self.server_entry(server_id) {
            debug_assert!(server.connections > 0, "a connection that was not counted leaves");
            server.connections = server.connections.saturating_sub(1);
            if is_long(&server.accepted, server.connections) {
                self.forget_connections(server_id);
            }
            self.close_if_drained(server_id);
        }
    }

    #[inline(never)]
    fn forget_connections(&mut self, id: ServerId) {
        let (mut accepted, count) = match self.server_entry(id) {
            Some(server) => (std::mem::take(&mut server.accepted), server.connections),
            None => return,
        };
        prune(&mut accepted, count, |key| self.is_connection(key, id));
        if let Some(server) = self.server_entry(id) {
            server.accepted = accepted;
        }
    }
}

/// Opens the listening socket of an endpoint that needs no lookup.
fn open(endpoint: &Endpoint, options: &ListenOptions) -> Result<Listener, Error> {
    match &endpoint.0 {
        Target::Port(port) => open_any(*port, options),
        Target::Addr(address) => open_tcp(*address, None, options),
        Target::Path(path) => open_local(path, options),
        Target::Host(host, port) => match parse_ip(host, *port) {
            Some(address) => open_tcp(address, zone(host), options),
            None => Err(Error::lookup(host, code::ENOTFOUND, None)),
        },
    }
}

fn open_local(path: &Path, options: &ListenOptions) -> Result<Listener, Error> {
    let (readable, writable) = (options.readable_all, options.writable_all);
    if (readable || writable) && sys::is_abstract(path) {
        let text = "The options readable_all and writable_all cannot be set for a path in the abstract namespace";
        return Err(Error::with_code(code::ERR_INVALID_ARG_VALUE, text));
    }
    let listen = || sys::listen_local(path, options.backlog_or_default(), readable || writable);
    let result = match listen() {
        Err(error) if options.reclaim_stale && error.kind() == io::ErrorKind::AddrInUse && sys::remove_stale(path) => listen(),
        result => result,
    };
    let address = Address::Unix(path.to_owned());
    let (acceptor, file) = result.map_err(|error| Error::listen(Some(&address), error))?;
    let listener = Listener::at(path.to_owned(), acceptor, file);
    if readable || writable {
        sys::set_access(path, file, readable, writable)
            .map_err(|error| Error::connect("uv_pipe_chmod", &address, None, error))?;
    }
    Ok(listener)
}

/// Every address: IPv6 and with it IPv4, or IPv4 alone where there is no IPv6. An address in use is reported for IPv6.
fn open_any(port: u16, options: &ListenOptions) -> Result<Listener, Error> {
    match open_tcp((Ipv6Addr::UNSPECIFIED, port).into(), None, options) {
        Err(error) if error.code() != code::EADDRINUSE => open_tcp((Ipv4Addr::UNSPECIFIED, port).into(), None, options),
        result => result,
    }
}

/// The zone is that of the address as it was given in text, for the error.
fn open_tcp(address: SocketAddr, zone: Option<&str>, options: &ListenOptions) -> Result<Listener, Error> {
    let tcp = TcpListenOptions {
        backlog: options.backlog_or_default(),
        ipv6_only: options.ipv6_only,
        reuse_port: options.reuse_port,
    };
    let failed = |error| Error::listen(Some(Place::new(&Address::Tcp(address), zone)), error);
    let acceptor = sys::listen_tcp(address, tcp).map_err(failed)?;
    Ok(Listener::new(acceptor))
}

/// What a listen takes of the addresses of a name: the first that is not link-local, or else the first.
fn choose(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    addresses.iter().find(|address| !is_link_local(address)).or(addresses.first()).copied()
}

/// fe80::/10: such an address needs a scope that a lookup does not give.
fn is_link_local(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn chosen(addresses: &[&str], expected: Option<&str>) {
        let parse = |text: &str| -> SocketAddr { text.parse().expect("a literal") };
        let addresses: Vec<SocketAddr> = addresses.iter().map(|text| parse(text)).collect();
        assert_eq!(choose(&addresses), expected.map(parse));
    }

    #[test]
    fn listen_passes_over_link_local_addresses() {
        chosen(&["[fe80::1]:1", "[febf::1]:1", "[2001:db8::1]:1", "127.0.0.1:1"], Some("[2001:db8::1]:1"));
        chosen(&["[fe80::1]:1", "127.0.0.1:1"], Some("127.0.0.1:1"));
        chosen(&["[fec0::1]:1", "127.0.0.1:1"], Some("[fec0::1]:1"));
        chosen(&["169.254.0.1:1", "[::1]:1"], Some("169.254.0.1:1"));
        chosen(&["[fe80::2]:1", "[fe80::1]:1"], Some("[fe80::2]:1"));
        chosen(&[], None);
    }
}
