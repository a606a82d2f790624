//! Two connections, and a program between them: `c ═ a │ b ═ u`. The ends keep what they get.
// Every test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;

use netloop::{Reactor, Socket, SocketId, UnhandledErrors};
use socket2::SockRef;

use crate::util::{self, Trace};

/// What the ends have got, and what everybody said.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) trace: Trace,
    pub(crate) got: BTreeMap<&'static str, Vec<u8>>,
    /// The most that waited at a destination, and the most that was read ahead.
    pub(crate) most_queued: usize,
    pub(crate) most_ahead: usize,
}

impl AsMut<Trace> for World {
    fn as_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }
}

/// The kind of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Unix,
}

pub(crate) struct Line {
    pub(crate) reactor: Reactor<World>,
    pub(crate) world: World,
    pub(crate) c: SocketId,
    pub(crate) a: SocketId,
    pub(crate) b: SocketId,
    pub(crate) u: SocketId,
}

/// Bytes in which a gap or a doubling shows.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len as u64).map(|place| (place.wrapping_mul(0x9E37_79B9) >> 13) as u8).collect()
}

/// Keeps what a socket gets.
pub(crate) fn collect(socket: &mut Socket<'_, World>, name: &'static str) {
    socket.on_data(move |_, chunk, world| world.got.entry(name).or_default().extend_from_slice(chunk));
}

pub(crate) fn pair(reactor: &mut Reactor<World>, world: &mut World, kind: Kind) -> (SocketId, SocketId) {
    match kind {
        Kind::Unix => reactor.socket_pair().expect("two sockets"),
        Kind::Tcp => tcp_pair(reactor, world),
    }
}

fn tcp_pair(reactor: &mut Reactor<World>, world: &mut World) -> (SocketId, SocketId) {
    let mut server = reactor.create_server(|_, _| ());
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("it is bound");
    let server = server.id();
    let near = reactor.connect(([127, 0, 0, 1], port)).pause_now().id();
    let mut far = None;
    util::run_until(reactor, world, |reactor, _| {
        far = reactor.server(server).and_then(|server| server.connections().next());
        far.is_some() && reactor.socket(near).is_some_and(|near| !near.is_pending())
    });
    util::close(reactor, server);
    (near, far.expect("one was accepted"))
}

/// A socket that is not to read before the test says so.
trait PauseNow {
    fn pause_now(&mut self) -> &mut Self;
}

impl<S> PauseNow for Socket<'_, S> {
    fn pause_now(&mut self) -> &mut Self {
        self.pause();
        self
    }
}

impl Line {
    /// Both ends collect, allow half-open, and tell their events as C and U; nobody looks at the middle.
    pub(crate) fn new(front: Kind, back: Kind) -> Self {
        let (mut reactor, mut world) = (util::reactor::<World>(), World::default());
        reactor.set_unhandled_errors(UnhandledErrors::Node);
        let (c, a) = pair(&mut reactor, &mut world, front);
        let (u, b) = pair(&mut reactor, &mut world, back);
        for (id, name) in [(c, "C"), (u, "U")] {
            let mut socket = reactor.socket(id).expect("just made");
            socket.set_allow_half_open(true);
            util::watch_quiet(&mut socket, name);
            collect(&mut socket, name);
            socket.resume();
        }
        Self { reactor, world, c, a, b, u }
    }

    pub(crate) fn tcp() -> Self {
        Self::new(Kind::Tcp, Kind::Tcp)
    }

    /// Makes the kernel's buffers small, so that megabytes get stuck.
    pub(crate) fn narrow(mut self) -> Self {
        for id in [self.c, self.a, self.b, self.u] {
            let socket = self.see(id);
            let kernel = SockRef::from(&socket);
            kernel.set_send_buffer_size(16 * 1024).expect("a buffer size");
            kernel.set_recv_buffer_size(16 * 1024).expect("a buffer size");
        }
        self
    }

    /// The middle tells its events too, as A and B.
    pub(crate) fn watched(mut self) -> Self {
        for (id, name) in [(self.a, "A"), (self.b, "B")] {
            util::watch_quiet(&mut self.see(id), name);
        }
        self
    }

    #[track_caller]
    pub(crate) fn see(&mut self, id: SocketId) -> Socket<'_, World> {
        self.reactor.socket(id).expect("it is there")
    }

    /// Notes after each callback of the poll phase how much waits at the two in the middle.
    pub(crate) fn measure(&mut self) {
        let ids = [self.a, self.b];
        let watcher = move |reactor: &mut Reactor<World>, world: &mut World| {
            for id in ids {
                if let Some(socket) = reactor.socket(id) {
                    world.most_queued = world.most_queued.max(socket.writable_length());
                    world.most_ahead = world.most_ahead.max(socket.readable_length());
                }
            }
        };
        for id in ids {
            let mut socket = self.see(id);
            socket.on_data(move |socket, _, world| watcher(socket.reactor(), world));
            socket.on_drain(move |socket, world| watcher(socket.reactor(), world));
        }
    }

    /// Runs until nothing holds the loop; then no socket is left.
    #[track_caller]
    pub(crate) fn run(&mut self) {
        util::run(&mut self.reactor, &mut self.world);
        assert_eq!(self.reactor.metrics().sockets, 0, "a socket is left: {:#?}", self.world.trace);
    }

    #[track_caller]
    pub(crate) fn until(&mut self, name: &str, entry: &str) {
        util::run_until(&mut self.reactor, &mut self.world, |_, world| world.trace.has(name, entry));
    }

    #[track_caller]
    pub(crate) fn until_got(&mut self, name: &str, len: usize) {
        util::run_until(&mut self.reactor, &mut self.world, |_, world| world.got(name).len() >= len);
    }

    #[track_caller]
    pub(crate) fn until_paused(&mut self, id: SocketId) {
        util::run_until(&mut self.reactor, &mut self.world, |reactor, _| {
            reactor.socket(id).is_some_and(|socket| socket.is_paused())
        });
    }

    #[track_caller]
    pub(crate) fn until_gone(&mut self, id: SocketId) {
        util::run_until(&mut self.reactor, &mut self.world, |reactor, _| reactor.socket(id).is_none());
    }

    /// Lets everything happen that can: a bounded number of iterations that do not wait.
    pub(crate) fn settle(&mut self) {
        util::run_some(&mut self.reactor, &mut self.world, 200);
    }

    #[track_caller]
    pub(crate) fn check(&self, name: &str, expected: &[&str]) {
        self.world.trace.check(name, expected);
    }
}

impl World {
    pub(crate) fn got(&self, name: &str) -> &[u8] {
        self.got.get(name).map_or(&[], Vec::as_slice)
    }
}
