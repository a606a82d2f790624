//! The state of one cell, the events it counts, and the calls it makes.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::time::Duration;

use netloop::{ImmediateId, Reactor, ServerId, Socket, SocketId, TimerId, WatcherId, WorkId, code};

use super::{Call, Kind};

/// Thrown by the cells that panic; anything else that unwinds is a bug.
pub(crate) struct Planted;

/// How often a socket was opened, and how often it said so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lives {
    pub(crate) begun: u32,
    pub(crate) closed: u32,
}

/// The state of one cell.
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) call: Call,
    pub(crate) armed: bool,
    pub(crate) fired: bool,
    pub(crate) depth: u32,
    pub(crate) lives: BTreeMap<SocketId, Lives>,
    pub(crate) wrong: Vec<String>,
    pub(crate) main: Option<SocketId>,
    pub(crate) peer: Option<SocketId>,
    pub(crate) sibling: Option<SocketId>,
    pub(crate) server: Option<ServerId>,
    pub(crate) server_closes: u32,
    pub(crate) timer: Option<TimerId>,
    pub(crate) watcher: Option<WatcherId>,
    pub(crate) immediate: Option<ImmediateId>,
    pub(crate) work: Option<WorkId>,
    pub(crate) cleared: bool,
    /// Destroyed by the cell's call: nothing but `error` and `close` may come.
    pub(crate) destroyed: Option<SocketId>,
    /// Completion callbacks that have still to come.
    pub(crate) completions: i32,
    /// Calls of a `close` listener that was added in the cell, and how many are right.
    pub(crate) added_calls: u32,
    pub(crate) added_due: u32,
}

impl World {
    pub(crate) fn new(kind: Kind, call: Call) -> Self {
        Self {
            kind,
            call,
            armed: false,
            fired: false,
            depth: 0,
            lives: BTreeMap::new(),
            wrong: Vec::new(),
            main: None,
            peer: None,
            sibling: None,
            server: None,
            server_closes: 0,
            timer: None,
            watcher: None,
            immediate: None,
            work: None,
            cleared: false,
            destroyed: None,
            completions: 0,
            added_calls: 0,
            added_due: 0,
        }
    }

    pub(crate) fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }

    /// Books an event of a socket: none may come after its last `close`.
    pub(crate) fn book(&mut self, id: SocketId, kind: Kind) {
        let lives = self.lives.entry(id).or_default();
        if lives.closed >= lives.begun {
            self.wrong.push(format!("{kind:?} after close"));
        }
        lives.closed += u32::from(kind == Kind::Close);
        let late = matches!(kind, Kind::Data | Kind::End | Kind::Drain | Kind::Timeout | Kind::Connect)
            // As in Node, `finish` follows the callbacks of `end` in one go, whatever they do.
            || (kind == Kind::Finish && self.kind != Kind::EndThen);
        if late && self.destroyed == Some(id) {
            self.wrong.push(format!("{kind:?} after destroy"));
        }
    }
}

pub(crate) type Loop = Reactor<World>;
pub(crate) type View<'r> = Socket<'r, World>;

/// An event of a socket.
pub(crate) fn event(socket: &mut View<'_>, kind: Kind, world: &mut World) {
    let id = socket.id();
    world.book(id, kind);
    seen(socket.reactor(), Some(id), kind, world);
}

/// A callback runs: the only one, and in the cell's turn it makes the cell's call.
pub(crate) fn seen(reactor: &mut Loop, subject: Option<SocketId>, kind: Kind, world: &mut World) {
    world.depth += 1;
    world.expect(world.depth == 1, "a callback ran inside a call");
    let repeats = matches!(kind, Kind::Interval | Kind::Every | Kind::Prepare | Kind::Check | Kind::Idle);
    world.expect(!(world.cleared && repeats), "a cleared timer or watcher ran");
    let subject = subject.or(world.main);
    // In `connection` the accepted socket is the subject, in all others the client.
    let in_turn = world.armed && kind == world.kind && (kind == Kind::Connection || subject == world.main);
    if let Some(subject) = subject.filter(|_| in_turn) {
        (world.armed, world.fired) = (false, true);
        act(reactor, subject, world);
    }
    world.depth -= 1;
}

pub(crate) fn act(reactor: &mut Loop, subject: SocketId, world: &mut World) {
    let call = world.call;
    match call {
        Call::Panic | Call::PanicThenDrop => resume_unwind(Box::new(Planted)),
        Call::Stop => reactor.stop(),
        Call::RunAgain => {
            let results = [reactor.run(world).err(), reactor.run_once(world).err(), reactor.run_nowait(world).err()];
            let all = results.iter().all(|error| error.as_ref().is_some_and(|e| e.code() == code::ERR_REACTOR_RUNNING));
            world.expect(all, "run in a callback must be refused");
        }
        Call::DestroySibling => {
            let sibling = world.sibling.expect("set up");
            reactor.socket(sibling).expect("nobody closed it").destroy();
        }
        Call::CloseListener => {
            if let Some(mut server) = world.server.and_then(|id| reactor.server(id)) {
                server.close();
            }
        }
        Call::ListenAgain => {
            if let Some(mut server) = world.server.and_then(|id| reactor.server(id)) {
                server.listen(("127.0.0.1", 0));
            }
        }
        Call::ConnectNew => {
            let port = listening_port(reactor, world);
            track(&mut reactor.connect(("127.0.0.1", port)), world);
        }
        Call::RemoveCurrent => remove_current(reactor, subject, world),
        Call::Clear => {
            world.cleared = true;
            if let Some(timer) = world.timer {
                reactor.clear_timer(timer);
            }
            if let Some(watcher) = world.watcher {
                reactor.clear_watcher(watcher);
            }
            if let Some(immediate) = world.immediate {
                world.expect(!reactor.clear_immediate(immediate), "an immediate that runs is gone already");
            }
            if let Some(work) = world.work {
                world.expect(!reactor.cancel_work(work), "work that is done cannot be cancelled");
            }
        }
        _ => {
            let port = listening_port(reactor, world);
            act_on_socket(&mut reactor.socket(subject).expect("a socket exists in its callbacks"), port, world);
        }
    }
}

pub(crate) fn act_on_socket(socket: &mut View<'_>, port: u16, world: &mut World) {
    if matches!(world.call, Call::Destroy | Call::DestroyWith) {
        world.destroyed = Some(socket.id());
    }
    match world.call {
        Call::Destroy => socket.destroy(),
        Call::DestroyWith => socket.destroy_with("planted error"),
        Call::End => socket.end(),
        Call::EndWith => socket.end_with("last words"),
        Call::Write => {
            socket.write("some bytes");
        }
        Call::WriteThen => {
            world.completions += 1;
            socket.write_then("some bytes", |socket, _, world| {
                world.completions -= 1;
                let id = socket.id();
                seen(socket.reactor(), Some(id), Kind::WriteThen, world);
            });
        }
        Call::Pause => socket.pause(),
        Call::Resume => socket.resume(),
        Call::CorkUncork => {
            socket.cork();
            socket.write("some");
            socket.write("bytes");
            socket.uncork();
        }
        Call::ResetAndDestroy => socket.reset_and_destroy(),
        Call::DestroySoon => socket.destroy_soon(),
        Call::ConnectSame => {
            let id = socket.id();
            // Whoever is destroyed begins a new life; the close of the old one may be still to come.
            let revived = u32::from(socket.is_destroyed());
            world.lives.entry(id).or_default().begun += revived;
            socket.connect(("127.0.0.1", port));
        }
        Call::AddListener => {
            world.added_due = u32::from(world.kind != Kind::Close);
            socket.on_data(|socket, _, world| event(socket, Kind::Data, world)).on_close(|_, _, world| world.added_calls += 1);
        }
        Call::SetTimeout => {
            socket.set_timeout(Duration::from_millis(15));
        }
        other => unreachable!("{other:?} is not made on a socket"),
    }
}

pub(crate) fn remove_current(reactor: &mut Loop, subject: SocketId, world: &mut World) {
    let of_server =
        matches!(world.kind, Kind::Connection | Kind::Listening | Kind::Drop | Kind::ServerError | Kind::ServerClose);
    let of_socket = (Kind::Lookup as u8..=Kind::Close as u8).contains(&(world.kind as u8));
    let mut socket = reactor.socket(subject).expect("a socket exists in its callbacks");
    let current = socket.current_listener();
    if of_socket {
        let removed = current.is_some_and(|current| socket.remove_listener(current));
        world.expect(removed, "the listener that runs can be removed");
    } else if of_server {
        let server = world.server.and_then(|id| reactor.server(id));
        let removed = current.zip(server).is_some_and(|(current, mut server)| server.remove_listener(current));
        world.expect(removed, "the listener that runs can be removed");
    } else if !matches!(world.kind, Kind::CloseThen | Kind::ShutdownDone) {
        world.expect(current.is_none(), "no listener runs here");
    }
}

/// Where to connect; port 9 of nobody once the server is closed.
pub(crate) fn listening_port(reactor: &mut Loop, world: &World) -> u16 {
    world.server.and_then(|id| reactor.server(id)).and_then(|server| server.port()).unwrap_or(9)
}

pub(crate) fn track(socket: &mut View<'_>, world: &mut World) {
    world.lives.insert(socket.id(), Lives { begun: 1, closed: 0 });
    socket
        .on_lookup(|socket, _, _, world| event(socket, Kind::Lookup, world))
        .on_connection_attempt(|socket, _, world| event(socket, Kind::ConnectionAttempt, world))
        .on_connection_attempt_failed(|socket, _, _, world| event(socket, Kind::ConnectionAttemptFailed, world))
        .on_connect(|socket, world| event(socket, Kind::Connect, world))
        .on_ready(|socket, world| event(socket, Kind::Ready, world))
        .on_data(|socket, _, world| event(socket, Kind::Data, world))
        .on_end(|socket, world| event(socket, Kind::End, world))
        .on_finish(|socket, world| event(socket, Kind::Finish, world))
        .on_drain(|socket, world| event(socket, Kind::Drain, world))
        .on_timeout(|socket, world| event(socket, Kind::Timeout, world))
        .on_pause(|socket, world| event(socket, Kind::Pause, world))
        .on_resume(|socket, world| event(socket, Kind::Resume, world))
        .on_close(|socket, _, world| event(socket, Kind::Close, world));
    if world.kind != Kind::UnhandledError {
        socket.on_error(|socket, _, world| event(socket, Kind::Error, world));
    }
}
