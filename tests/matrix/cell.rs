//! One cell: set up, provoke the callback, close everything, look at what is left.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use netloop::{Handle, ManualClock, Reactor, ReactorOptions, ServerOptions, SocketId};

use super::world::{Loop, Planted, View, World, listening_port, seen, track};
use super::{Call, Kind};

/// One cell: its reactor, its clock, its state.
pub(crate) struct Cell {
    pub(crate) reactor: Loop,
    pub(crate) clock: ManualClock,
    pub(crate) world: World,
}

impl Cell {
    pub(crate) fn new(kind: Kind, call: Call) -> Self {
        let clock = ManualClock::new();
        let options = ReactorOptions::new().clock(&clock).work_threads(1);
        let reactor = Reactor::with_options(options).expect("a reactor");
        Self { reactor, clock, world: World::new(kind, call) }
    }

    /// One iteration; false if nothing holds the loop, or the planted panic came through.
    pub(crate) fn step(&mut self) -> bool {
        let result = catch_unwind(AssertUnwindSafe(|| self.reactor.run_nowait(&mut self.world)));
        match result {
            Ok(Ok(alive)) => alive,
            Ok(Err(error)) => {
                self.world.wrong.push(format!("run: {error}"));
                false
            }
            Err(panic) if panic.is::<Planted>() => {
                self.world.depth = 0;
                false
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    pub(crate) fn drive_until(&mut self, what: &str, done: impl Fn(&mut Self) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            self.step();
            self.clock.advance(Duration::from_millis(1));
            std::thread::yield_now();
        }
        panic!("waited in vain: {what}");
    }

    pub(crate) fn set_up(&mut self) {
        let kind = self.world.kind;
        let (near, far) = self.reactor.socket_pair().expect("a pair");
        for id in [near, far] {
            track(&mut self.reactor.socket(id).expect("just made"), &mut self.world);
        }
        self.world.sibling = Some(near);
        let (main, other) = self.reactor.socket_pair().expect("a pair");
        for id in [main, other] {
            track(&mut self.reactor.socket(id).expect("just made"), &mut self.world);
        }
        self.world.main = Some(main);
        self.world.armed = kind == Kind::Listening;
        self.listen();
        let (server, fires) = (self.world.server.expect("just made"), self.world.armed);
        self.drive_until("listening", |cell| match fires {
            true => cell.world.fired,
            false => cell.reactor.server(server).is_some_and(|server| server.is_listening()),
        });
        if kind == Kind::Listening || matches!(kind, Kind::ServerClose | Kind::CloseThen | Kind::ShutdownDone) {
            return;
        }
        let connects =
            [Kind::Connection, Kind::Drop, Kind::Lookup, Kind::ConnectionAttempt, Kind::Connect, Kind::Ready].contains(&kind);
        self.world.armed = connects || kind == Kind::ConnectionAttemptFailed;
        self.connect();
        if !self.world.armed && !self.world.fired {
            self.drive_until("a connection", |cell| {
                let main = cell.world.main.and_then(|id| cell.reactor.socket(id));
                cell.world.peer.is_some() && main.is_some_and(|main| !main.is_connecting())
            });
        }
    }

    pub(crate) fn listen(&mut self) {
        let options = match self.world.kind {
            Kind::Drop => ServerOptions::new().max_connections(0),
            _ => ServerOptions::new(),
        };
        let server = self
            .reactor
            .create_server_with(options, |socket: &mut View<'_>, world: &mut World| {
                track(socket, world);
                let id = socket.id();
                world.peer = Some(id);
                seen(socket.reactor(), Some(id), Kind::Connection, world);
            })
            .on_listening(|server, world| seen(server.reactor(), None, Kind::Listening, world))
            .on_drop(|server, _, world| seen(server.reactor(), None, Kind::Drop, world))
            .on_error(|server, _, world| seen(server.reactor(), None, Kind::ServerError, world))
            .on_close(|server, world| {
                world.server_closes += 1;
                seen(server.reactor(), None, Kind::ServerClose, world);
            })
            .listen(("127.0.0.1", 0))
            .id();
        self.world.server = Some(server);
    }

    /// The client of the cell takes the place of the pair.
    pub(crate) fn connect(&mut self) {
        let port = listening_port(&mut self.reactor, &self.world);
        let refused = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
        refused.bind(&any.into()).expect("bound, but it does not listen");
        let nobody = refused.local_addr().expect("bound").as_socket().expect("an IP address").port();
        let mut main = match self.world.kind {
            Kind::ConnectionAttemptFailed => self.reactor.connect(("127.0.0.1", nobody)),
            Kind::Lookup => self.reactor.connect(("localhost", port)),
            _ => self.reactor.connect(("127.0.0.1", port)),
        };
        track(&mut main, &mut self.world);
        self.world.main = Some(main.id());
        if self.world.kind == Kind::ConnectionAttemptFailed {
            // Its port must stay taken until the attempt is over.
            self.drive_until("a refusal", |cell| cell.world.fired);
        }
    }

    pub(crate) fn provoke(&mut self) {
        let Self { reactor, world, .. } = self;
        world.armed |= !world.fired;
        let main = world.main.expect("set up");
        match world.kind {
            Kind::Data => drop(reactor.socket(world.peer.expect("accepted")).expect("open").write("x")),
            Kind::End => reactor.socket(world.peer.expect("accepted")).expect("open").end(),
            Kind::ServerError => drop(reactor.server(world.server.expect("set up")).expect("it listens").listen(0)),
            Kind::ServerClose => reactor.server(world.server.expect("set up")).expect("it listens").close(),
            Kind::CloseThen => reactor
                .server(world.server.expect("set up"))
                .expect("it listens")
                .close_then(|server, _, world| seen(server.reactor(), None, Kind::CloseThen, world)),
            Kind::ShutdownDone => reactor
                .server(world.server.expect("set up"))
                .expect("it listens")
                .shutdown(Duration::from_millis(50), |server, _, world| {
                    seen(server.reactor(), None, Kind::ShutdownDone, world)
                }),
            kind if (kind as u8) < Kind::NextTick as u8 => provoke_socket(&mut reactor.socket(main).expect("open"), world),
            _ => provoke_loop(reactor, main, world),
        }
    }

    /// Closes what is left. The loop must end soon, and leave nothing.
    pub(crate) fn wind_down(&mut self) {
        for handle in self.reactor.handles().collect::<Vec<_>>() {
            match handle {
                Handle::Socket(id) => self.reactor.socket(id).expect("listed").destroy(),
                Handle::Server(id) => self.reactor.server(id).expect("listed").close(),
                Handle::Timer(id) => drop(self.reactor.clear_timer(id)),
                Handle::Watcher(id) => drop(self.reactor.clear_watcher(id)),
                other => panic!("an unknown handle: {other:?}"),
            }
        }
        let mut left = 50;
        while self.step() {
            left -= 1;
            assert!(left > 0, "the loop does not end: {:?}", self.reactor.handles().collect::<Vec<_>>());
        }
    }

    pub(crate) fn check(&mut self) {
        let handles: Vec<Handle> = self.reactor.handles().collect();
        assert_eq!(handles, [], "slots are left");
        assert!(!self.reactor.is_alive());
        let world = &self.world;
        assert_eq!(world.wrong, [""; 0]);
        for (id, lives) in &world.lives {
            assert_eq!(lives.begun, lives.closed, "closes of {id:?}, the client is {:?}", world.main);
        }
        assert_eq!(world.completions, 0, "completion callbacks that did not come");
        assert_eq!(world.added_calls, world.added_due, "calls of the added close listener");
        assert!(world.server_closes > 0 || (world.kind, world.call) == (Kind::ServerClose, Call::RemoveCurrent));
    }
}

pub(crate) fn provoke_socket(main: &mut View<'_>, world: &World) {
    match world.kind {
        Kind::Finish => main.end(),
        Kind::Drain => assert!(!main.write(vec![7; 12 << 20]), "that much fits no kernel buffer"),
        Kind::Timeout => drop(main.set_timeout(Duration::from_millis(5))),
        Kind::Pause => main.pause(),
        Kind::Resume => {
            main.pause();
            main.resume();
        }
        Kind::Error => main.destroy_with("provoked"),
        Kind::Close => main.destroy(),
        Kind::WriteThen => drop(main.write_then("x", |socket, _, world| {
            let id = socket.id();
            seen(socket.reactor(), Some(id), Kind::WriteThen, world);
        })),
        Kind::EndThen => main.end_then("x", |socket, _, world| {
            let id = socket.id();
            seen(socket.reactor(), Some(id), Kind::EndThen, world);
        }),
        // Those of the connect are on their way.
        _ => {}
    }
}

pub(crate) fn provoke_loop(reactor: &mut Loop, main: SocketId, world: &mut World) {
    let soon = Duration::from_millis(5);
    let on = move |kind| move |socket: &mut View<'_>, world: &mut World| seen(socket.reactor(), Some(main), kind, world);
    match world.kind {
        Kind::NextTick => reactor.next_tick(|reactor, world| seen(reactor, None, Kind::NextTick, world)),
        Kind::Immediate => {
            world.immediate = Some(reactor.set_immediate(|reactor, world| seen(reactor, None, Kind::Immediate, world)));
        }
        Kind::Timer => {
            world.timer = Some(reactor.set_timeout(soon, |reactor, world| seen(reactor, None, Kind::Timer, world)));
        }
        Kind::Interval => {
            world.timer = Some(reactor.set_interval(soon, |reactor, _, world| seen(reactor, None, Kind::Interval, world)));
        }
        Kind::Prepare => {
            world.watcher = Some(reactor.on_prepare(|reactor, _, world| seen(reactor, None, Kind::Prepare, world)));
        }
        Kind::Check => {
            world.watcher = Some(reactor.on_check(|reactor, _, world| seen(reactor, None, Kind::Check, world)));
        }
        Kind::Idle => world.watcher = Some(reactor.on_idle(|reactor, _, world| seen(reactor, None, Kind::Idle, world))),
        Kind::RemotePost => {
            let post = reactor.remote().post(|reactor, world: &mut World| seen(reactor, None, Kind::RemotePost, world));
            post.expect("the loop is there");
        }
        Kind::WorkDone => {
            world.work = Some(reactor.queue_work(|| (), |reactor, (), world| seen(reactor, None, Kind::WorkDone, world)));
        }
        Kind::SocketTick => reactor.socket(main).expect("open").next_tick(on(Kind::SocketTick)),
        Kind::SocketWorkDone => {
            let done = on(Kind::SocketWorkDone);
            let mut socket = reactor.socket(main).expect("open");
            world.work = Some(socket.queue_work(|| (), move |socket, (), world| done(socket, world)));
        }
        Kind::After => world.timer = Some(reactor.socket(main).expect("open").after(soon, on(Kind::After))),
        Kind::Every => world.timer = Some(reactor.socket(main).expect("open").every(soon, on(Kind::Every))),
        Kind::UnhandledError => {
            reactor.on_unhandled_error(|reactor, _, _, world| seen(reactor, None, Kind::UnhandledError, world));
            reactor.socket(main).expect("open").destroy_with("provoked");
        }
        other => unreachable!("{other:?} is provoked elsewhere"),
    }
}
