//! One server: its state, and the view through which it is used. Mirrors `net.Server` (`lib/net.js`).

mod accept;
mod adopt;
mod events;
mod listen;
mod shutdown;

use std::collections::VecDeque;
use std::fmt;

pub use self::accept::Dropped;
pub use self::adopt::AdoptedListener;
pub use self::shutdown::ShutdownReport;
use super::Reactor;
use super::emit::ServerListener;
use super::host::Entry;
use super::listeners::Listeners;
use super::options::{ListenOptions, ServerOptions};
use super::outcome::Outcome;
use super::socket::{Socket, SocketId};
use crate::address::Address;
use crate::error::{Error, Result};
use crate::event_loop::{Key, Readiness, step};
use crate::net::endpoint::{Endpoint, IntoEndpoint};
use crate::net::unhandled::name;
use crate::stream::Listener;

/// Names a server: small, `Copy`, to be stored anywhere. Stale once its `close` is over.
///
/// ```
/// let mut reactor = netloop::Reactor::new()?;
/// let id = reactor.create_server(|_, _| {}).listen(0).id();
/// reactor.server(id).expect("it listens").close();
/// reactor.run(&mut ())?;
/// assert!(reactor.server(id).is_none());
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub(in crate::net) Key);

/// A server: a short-lived view, made of the reactor and an id. Mirrors `net.Server`.
///
/// ```
/// let mut reactor = netloop::Reactor::new()?;
/// reactor
///     .create_server(|socket, _| socket.end_with("hello\n"))
///     .on_error(|_, error, _| eprintln!("{error}"))
///     .on_listening(|server, _| {
///         println!("listening on {:?}", server.address());
///         server.close();
///     })
///     .listen(0);
/// reactor.run(&mut ())?;
/// # Ok::<(), netloop::Error>(())
/// ```
pub struct Server<'r, S = ()> {
    reactor: &'r mut Reactor<S>,
    id: ServerId,
}

/// Everything about one server.
pub(crate) struct ServerState<S> {
    listener: Option<Listener>,
    pub(in crate::net) listeners: Listeners<ServerListener<S>>,
    options: ServerOptions,
    /// How many of the accepted sockets are not destroyed.
    connections: usize,
    /// These, in the order they came. Those that are destroyed are passed over, and forgotten now and then.
    accepted: VecDeque<Key>,
    crowd: accept::Crowd,
    /// Counts listens and closes, so that a late step of another is known.
    life_number: u64,
    /// What is to be bound when its tick comes or its name is resolved.
    pending: Option<(Endpoint, ListenOptions)>,
    errors: VecDeque<(Error, bool)>,
    /// Accepting waits for a free descriptor.
    retry: Option<Key>,
    trouble: accept::Trouble,
    has_ref: bool,
    /// The listen under way was set up before `run`.
    setup: bool,
    /// `close` was emitted since the last listen.
    closed: bool,
    /// How often it was emitted at all.
    closes: u64,
}

impl<S> ServerState<S> {
    fn new(options: ServerOptions) -> Self {
        Self {
            listener: None,
            listeners: Listeners::default(),
            options,
            connections: 0,
            accepted: VecDeque::new(),
            crowd: accept::Crowd::default(),
            life_number: 0,
            pending: None,
            errors: VecDeque::new(),
            retry: None,
            trouble: accept::Trouble::default(),
            has_ref: true,
            setup: false,
            closed: false,
            closes: 0,
        }
    }

    pub(in crate::net) fn is_dead(&self) -> bool {
        self.closed && self.listener.is_none() && self.pending.is_none() && self.connections == 0
    }

    /// As a line of the log names it.
    fn name(&self, id: ServerId) -> String {
        name(id, self.listener.as_ref().and_then(Listener::address).as_ref())
    }

    /// Counts `close` events: until the next one an abort signal holds.
    pub(in crate::net) fn closes(&self) -> u64 {
        self.closes
    }

    /// No handle and no connection: `close` is due (`_emitCloseIfDrained`).
    fn is_drained(&self) -> bool {
        self.listener.is_none() && self.connections == 0
    }
}

impl<S> Reactor<S> {
    /// Makes a server; `on_connection` is called for each accepted socket. Mirrors `net.createServer`.
    ///
    /// It does nothing until [`listen`](Server::listen).
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|socket, _| {
    ///     socket.on_data(|socket, chunk, _| socket.write(chunk));
    /// });
    /// assert!(!server.is_listening());
    /// server.listen(0);
    /// assert!(server.is_listening());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn create_server<R: Outcome>(
        &mut self,
        on_connection: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static,
    ) -> Server<'_, S> {
        self.create_server_with(ServerOptions::new(), on_connection)
    }

    /// As [`create_server`](Self::create_server), with options.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::ServerOptions::new().no_delay(true).max_connections(100);
    /// let server = reactor.create_server_with(options, |socket, _| socket.end_with("hello\n"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn create_server_with<R: Outcome>(
        &mut self,
        options: ServerOptions,
        on_connection: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static,
    ) -> Server<'_, S> {
        let id = ServerId(self.event_loop.handles.insert(Entry::Server(Box::new(ServerState::new(options)))));
        let mut server = Server::new(self, id);
        server.on_connection(on_connection);
        server
    }

    /// A view of a server; `None` once its `close` is over.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let id = reactor.create_server(|_, _| {}).listen(0).id();
    /// assert!(reactor.server(id).expect("it is there").is_listening());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn server(&mut self, id: ServerId) -> Option<Server<'_, S>> {
        self.server_entry(id)?;
        Some(Server::new(self, id))
    }

    pub(in crate::net) fn server_entry(&mut self, id: ServerId) -> Option<&mut ServerState<S>> {
        self.server_slot(id).map(|(server, _)| server)
    }

    fn server_slot(&mut self, id: ServerId) -> Option<(&mut ServerState<S>, &mut Readiness)> {
        let slot = self.event_loop.handles.slot(id.0)?;
        match &mut slot.handle {
            Entry::Server(server) => Some((server, &mut slot.readiness)),
            Entry::Socket(_) | Entry::Lingering(_) => None,
        }
    }

    /// Whether this is a socket that the server has accepted, and not destroyed.
    fn is_connection(&self, key: Key, server: ServerId) -> bool {
        match self.event_loop.handles.get(key) {
            Some(Entry::Socket(socket)) => socket.is_connection_of(server),
            _ => false,
        }
    }

    /// A listening server holds the loop if it is ref'd.
    fn hold_server(&mut self, id: ServerId) {
        let held = self.server_entry(id).is_some_and(|server| server.has_ref && server.listener.is_some());
        self.event_loop.handles.hold(id.0, held);
    }
}

impl<'r, S> Server<'r, S> {
    pub(in crate::net) fn new(reactor: &'r mut Reactor<S>, id: ServerId) -> Self {
        Self { reactor, id }
    }

    /// The server's id.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let id = reactor.create_server(|_, _| {}).id();
    /// assert_eq!(reactor.server(id).expect("it is there").id(), id);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn id(&self) -> ServerId {
        self.id
    }

    /// The reactor it lives on.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.reactor().set_immediate(|_, _| println!("soon"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn reactor(&mut self) -> &mut Reactor<S> {
        self.reactor
    }

    fn entry(&self) -> Option<&ServerState<S>> {
        match self.reactor.event_loop.handles.get(self.id.0)? {
            Entry::Server(server) => Some(server),
            Entry::Socket(_) | Entry::Lingering(_) => None,
        }
    }

    fn entry_mut(&mut self) -> Option<&mut ServerState<S>> {
        self.reactor.server_entry(self.id)
    }

    /// Listens; mirrors `server.listen`. See [`listen_with`](Self::listen_with).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|socket, _| socket.end_with("hello\n"));
    /// assert_ne!(server.listen(([127, 0, 0, 1], 0)).port(), Some(0), "the real one");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn listen(&mut self, at: impl IntoEndpoint) -> &mut Self {
        self.listen_with(at, ListenOptions::new())
    }

    /// Listens, with options; mirrors `server.listen`.
    ///
    /// A port, an address or a path is bound inside the call, so that [`port`](Self::port) answers at once; a textual host is
    /// bound on a tick, or when it is resolved. The outcome comes on a tick, as `listening` or as `error` (`EADDRINUSE`,
    /// `EACCES`, `EADDRNOTAVAIL`, `EINVAL`, …), after which it may listen again. On a server that listens already an `error`
    /// with `ERR_SERVER_ALREADY_LISTEN` comes and nothing changes.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut first = reactor.create_server(|_, _| {});
    /// let port = first.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    /// reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], port));
    /// let error = reactor.run(&mut ()).expect_err("nobody hears the error of a listen that was set up before");
    /// assert_eq!(error.code(), netloop::code::EADDRINUSE);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn listen_with(&mut self, at: impl IntoEndpoint, options: ListenOptions) -> &mut Self {
        self.reactor.listen(self.id, at.into_endpoint(), options);
        self
    }

    /// Stops listening at once; `close` comes when the last connection has gone. Mirrors `server.close`.
    ///
    /// Connections are left alone: see [`shutdown`](Self::shutdown). A call on a server without connections is answered by a
    /// `close` event of its own, as in Node.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.listen(0);
    /// server.close();
    /// assert!(!server.is_listening());
    /// reactor.run(&mut ())?; // nothing holds it any more
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn close(&mut self) {
        self.reactor.close_server(self.id);
    }

    /// As [`close`](Self::close); `done` is called with the next `close` event, with `ERR_SERVER_NOT_RUNNING` if the server
    /// did not listen. Mirrors `server.close(callback)`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<Vec<bool>>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.listen(0);
    /// server.close_then(|_, result, log| log.push(result.is_ok()));
    /// server.close_then(|_, result, log| log.push(result.is_ok()));
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, [true, false]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn close_then(&mut self, done: impl FnOnce(&mut Server<'_, S>, Result<()>, &mut S) + 'static) {
        let listened = self.is_listening();
        self.once_close(move |server, state| {
            let result = if listened { Ok(()) } else { Err(listen::not_running()) };
            done(server, result, state);
        });
        self.close();
    }

    /// The bound address; `None` when it does not listen. Mirrors `server.address()`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert_eq!(server.address(), None);
    /// let address = server.listen(([127, 0, 0, 1], 0)).address().expect("it is bound");
    /// assert_eq!(address.port(), server.port());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn address(&self) -> Option<Address> {
        self.entry()?.listener.as_ref()?.address()
    }

    /// The bound port, the real one after listening at 0; `None` when it does not listen, and for a path. Mirrors
    /// `server.address().port`.
    ///
    /// A textual host is bound later, as in Node: right after `listen(("127.0.0.1", 0))` there is no port yet, after
    /// `listen(([127, 0, 0, 1], 0))` there is.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert_eq!(server.port(), None);
    /// assert!(server.listen(0).port().is_some_and(|port| port != 0));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.address()?.port()
    }

    /// Whether it listens. Mirrors `server.listening`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert!(!server.is_listening());
    /// assert!(server.listen(0).is_listening());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn is_listening(&self) -> bool {
        self.entry().is_some_and(|server| server.listener.is_some())
    }

    /// How many accepted sockets are not destroyed. Mirrors `server.getConnections`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// reactor.create_server(|_, _| {}).on_listening(|server, _| assert_eq!(server.connection_count(), 0));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn connection_count(&self) -> usize {
        self.entry().map_or(0, |server| server.connections)
    }

    /// The accepted sockets that are not destroyed, in the order they came.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let server = reactor.create_server(|_, _| {});
    /// assert_eq!(server.connections().count(), server.connection_count());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn connections(&self) -> impl Iterator<Item = SocketId> {
        let accepted = self.entry().into_iter().flat_map(|server| &server.accepted).inspect(|_| step());
        accepted.copied().filter(|&key| self.reactor.is_connection(key, self.id)).map(SocketId)
    }

    /// Connections beyond this many are dropped from now on; `None` for no limit. Mirrors `server.maxConnections`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// server.set_max_connections(100); // more are dropped
    /// server.set_max_connections(None); // all are taken
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_max_connections(&mut self, max: impl Into<Option<usize>>) -> &mut Self {
        if let Some(server) = self.entry_mut() {
            server.options.max_connections = max.into();
        }
        self
    }

    /// Lets the server hold the loop, which is the default. Mirrors `server.ref`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert!(server.listen(0).unref().ref_().has_ref());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn ref_(&mut self) -> &mut Self {
        self.set_ref(true)
    }

    /// Lets the loop end although the server listens. Mirrors `server.unref`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::new()?;
    /// reactor.create_server(|_, _| {}).listen(0).unref();
    /// reactor.run(&mut ())?; // returns
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn unref(&mut self) -> &mut Self {
        self.set_ref(false)
    }

    /// Whether it holds the loop while it listens. Mirrors `handle.hasRef()` and `uv_has_ref`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert!(server.has_ref());
    /// assert!(!server.unref().has_ref());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn has_ref(&self) -> bool {
        self.entry().is_some_and(|server| server.has_ref)
    }

    fn set_ref(&mut self, has_ref: bool) -> &mut Self {
        if let Some(server) = self.entry_mut() {
            server.has_ref = has_ref;
        }
        self.reactor.hold_server(self.id);
        self
    }
}

impl<S> fmt::Debug for Server<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id)
            .field("address", &self.address())
            .field("connections", &self.connection_count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::steps;

    fn state_of(reactor: &Reactor<()>, id: ServerId) -> (usize, usize) {
        match reactor.event_loop.handles.get(id.0) {
            Some(Entry::Server(server)) => (server.connections, server.accepted.len()),
            _ => (0, 0),
        }
    }

    fn connect(reactor: &mut Reactor<()>, port: u16, server: ServerId) -> Vec<SocketId> {
        let (before, _) = state_of(reactor, server);
        reactor.connect(([127, 0, 0, 1], port));
        while state_of(reactor, server).0 == before {
            reactor.run_once(&mut ()).expect("it runs");
        }
        reactor.server(server).expect("it listens").connections().collect()
    }

    #[test]
    fn fault_o_the_connections_of_a_server_are_not_looked_for_among_all_sockets() {
        let mut reactor = Reactor::<()>::new().expect("a selector");
        for _ in 0..20 {
            let mut server = reactor.create_server(|_, _| {});
            let (id, port) = (server.listen(([127, 0, 0, 1], 0)).id(), server.port().expect("bound"));
            let (mut expected, mut ids) = (Vec::new(), Vec::new());
            for count in 1..=3 {
                let taken = steps(|| ids = reactor.server(id).expect("it listens").connections().collect());
                assert_eq!((taken, &ids), (count - 1, &expected), "the other sockets are passed by");
                ids = connect(&mut reactor, port, id);
                expected.push(ids[count - 1]);
            }
            assert_eq!(ids, expected, "in the order they came");
        }
    }

    #[test]
    fn fault_o_connections_that_go_are_forgotten() {
        let mut reactor = Reactor::<()>::new().expect("a selector");
        let mut server = reactor.create_server(|_, _| {});
        let (id, port) = (server.listen(([127, 0, 0, 1], 0)).id(), server.port().expect("bound"));
        let stays = connect(&mut reactor, port, id)[0];
        let taken = steps(|| {
            for _ in 0..300 {
                let connections = connect(&mut reactor, port, id);
                assert_eq!((connections.len(), connections[0]), (2, stays));
                reactor.destroy(connections[1], None);
                let (count, kept) = state_of(&reactor, id);
                assert!(count == 1 && kept <= 20, "{kept} are kept for {count}");
            }
        });
        // Each round looks at all of them, of which some are gone.
        assert!(taken <= 300 * 40, "{taken} steps");
        assert_eq!(reactor.server(id).expect("it listens").connections().collect::<Vec<_>>(), [stays]);
    }
}
