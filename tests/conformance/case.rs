//! One scenario at work: a reactor, a trace, the set-ups of `trace.js`, and a bounded run.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use netloop::{Endpoint, Reactor, ServerOptions, Socket, SocketId, SocketOptions};

use crate::trace::{Trace, Watch, watch_with};
use crate::util::{TempDir, refused_port};

/// The longest a scenario may take, and the most iterations: bounds, never expectations.
const PATIENCE: Duration = Duration::from_secs(5);
const ITERATIONS: u32 = 1_000_000;
const SETTLE_ROUNDS: u32 = 200;

/// What a scenario gets. It sets up, and the harness runs the loop to its end.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) reactor: Reactor<Trace>,
    /// The reactor's state: the last argument of every callback.
    pub(crate) log: Trace,
    skipped: Option<String>,
    held_ports: Vec<socket2::Socket>,
    folder: Option<TempDir>,
}

/// How a scenario came out.
#[derive(Debug)]
pub(crate) enum Ran {
    Done(Trace),
    Skipped(String),
    Failed(String, Trace),
}

/// Runs a scenario to its end.
pub(crate) fn run(scenario: fn(&mut Case)) -> Ran {
    let reactor = match Reactor::new() {
        Ok(reactor) => reactor,
        Err(error) => return Ran::Failed(format!("no reactor: {error}"), Trace::default()),
    };
    let mut case = Case { reactor, log: Trace::default(), skipped: None, held_ports: Vec::new(), folder: None };
    let result = catch_unwind(AssertUnwindSafe(|| {
        scenario(&mut case);
        if case.skipped.is_some() { Ok(()) } else { case.run() }
    }));
    match (result, case.skipped) {
        (Ok(Ok(())), Some(reason)) => Ran::Skipped(reason),
        (Ok(Ok(())), None) => Ran::Done(case.log),
        (Ok(Err(why)), _) => Ran::Failed(why, case.log),
        (Err(panic), _) => Ran::Failed(format!("a panic: {}", panic_text(&*panic)), case.log),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}

impl Case {
    /// This system cannot run the scenario. Return after it.
    pub(crate) fn skip(&mut self, reason: &str) {
        self.skipped = Some(reason.to_owned());
    }

    /// A named port of 127.0.0.1 that refuses connections until the scenario is over.
    pub(crate) fn refused_port(&mut self, symbol: &str) -> u16 {
        let (held, port) = refused_port();
        self.held_ports.push(held);
        self.log.name_port(port, symbol);
        port
    }

    /// A named path of which nothing is there yet; skips the scenario where there are no Unix-domain sockets.
    pub(crate) fn temp_path(&mut self, symbol: &str) -> Option<PathBuf> {
        if !cfg!(unix) {
            self.skip("no Unix-domain sockets");
            return None;
        }
        let path = self.folder.get_or_insert_with(TempDir::new).path(symbol);
        self.log.name_path(&path, symbol);
        Some(path)
    }

    /// Whether `::1` can be used; otherwise the scenario is skipped.
    #[allow(dead_code)]
    pub(crate) fn has_ipv6(&mut self) -> bool {
        let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
        if !has_ipv6 {
            self.skip("no ::1");
        }
        has_ipv6
    }

    /// An unwatched server of 127.0.0.1 whose port, named V, is returned. It closes when `count` connections have come; with a
    /// count of 0 it stays and does not hold the loop.
    pub(crate) fn serve(
        &mut self,
        count: usize,
        options: ServerOptions,
        connection: impl FnMut(&mut Socket<'_, Trace>, &mut Trace) + 'static,
    ) -> u16 {
        self.serve_at(count, options, ([127, 0, 0, 1], 0).into(), connection).expect("a port")
    }

    fn serve_at(
        &mut self,
        mut count: usize,
        options: ServerOptions,
        at: Endpoint,
        mut connection: impl FnMut(&mut Socket<'_, Trace>, &mut Trace) + 'static,
    ) -> Option<u16> {
        let is_unrefd = count == 0;
        let mut server = self.reactor.create_server_with(options, move |socket, log| {
            count = count.saturating_sub(1);
            let id = socket.server();
            if let (0, false, Some(mut server)) = (count, is_unrefd, id.and_then(|id| socket.reactor().server(id))) {
                server.close();
            }
            connection(socket, log);
        });
        server.listen(at);
        if is_unrefd {
            server.unref();
        }
        let port = server.port();
        if let Some(port) = port {
            self.log.name_port(port, "V");
        }
        port
    }

    /// A connection between S, which was accepted, and C, both watched from the beginning. `start(reactor, s, c, log)` runs in
    /// an immediate when both sides are there.
    pub(crate) fn pair(
        &mut self,
        setup: Pair,
        start: impl FnOnce(&mut Reactor<Trace>, SocketId, SocketId, &mut Trace) + 'static,
    ) {
        let Pair { server, client, s, c, unix } = setup;
        let meet = Meeting::new(start);
        let path = if unix { self.temp_path("V") } else { None };
        if unix && path.is_none() {
            return;
        }
        let at = path.clone().map_or_else(|| ([127, 0, 0, 1], 0).into(), Endpoint::from);
        let accepted = meet.clone();
        let port = self.serve_at(1, server, at, move |socket, log| {
            watch_with(socket, "S", s);
            log.keep("S", socket.id());
            accepted.arrive(socket.reactor(), log);
        });
        let mut socket = self.reactor.new_socket(client);
        watch_with(&mut socket, "C", c);
        socket.once_ready(move |socket, log| {
            log.keep("C", socket.id());
            if let Some(port) = socket.local_port() {
                log.name_port(port, "C");
            }
            meet.arrive(socket.reactor(), log);
        });
        match (path, port) {
            (Some(path), _) => socket.connect(path),
            (None, port) => socket.connect(([127, 0, 0, 1], port.expect("a port"))),
        };
    }

    fn run(&mut self) -> Result<(), String> {
        let is_late = Rc::new(Cell::new(false));
        let late = is_late.clone();
        let watchdog = self.reactor.set_timeout(PATIENCE, move |reactor, _| {
            late.set(true);
            reactor.stop();
        });
        self.reactor.unref_timer(watchdog);
        let rounds = Rc::new(Cell::new(0));
        let counted = rounds.clone();
        let check = self.reactor.on_check(move |reactor, _, log| {
            counted.set(counted.get() + 1);
            if log.is_over() || counted.get() > ITERATIONS {
                reactor.stop();
            }
        });
        self.reactor.unref_watcher(check);
        let result = self.reactor.run(&mut self.log);
        let alive = || self.reactor.handles().collect::<Vec<_>>();
        match result {
            Err(error) => Err(format!("`run` returned {error}")),
            Ok(()) if is_late.get() => Err(format!("it does not end within {PATIENCE:?}: {:?}", alive())),
            Ok(()) if rounds.get() > ITERATIONS => {
                Err(format!("it does not end within {ITERATIONS} iterations: {:?}", alive()))
            }
            Ok(()) => Ok(()),
        }
    }
}

/// How a [`Case::pair`] is made.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) server: ServerOptions,
    pub(crate) client: SocketOptions,
    /// What is recorded of the accepted side.
    pub(crate) s: Watch,
    /// What is recorded of the connecting side.
    pub(crate) c: Watch,
    /// At a path instead of a port.
    pub(crate) unix: bool,
}

impl Default for Pair {
    fn default() -> Self {
        Self { server: ServerOptions::new(), client: SocketOptions::new(), s: Watch::DATA, c: Watch::DATA, unix: false }
    }
}

type Start = Box<dyn FnOnce(&mut Reactor<Trace>, SocketId, SocketId, &mut Trace)>;

/// Starts when both sides have arrived.
#[derive(Clone)]
struct Meeting(Rc<RefCell<Option<Start>>>);

impl Meeting {
    fn new(start: impl FnOnce(&mut Reactor<Trace>, SocketId, SocketId, &mut Trace) + 'static) -> Self {
        Self(Rc::new(RefCell::new(Some(Box::new(start)))))
    }

    fn arrive(&self, reactor: &mut Reactor<Trace>, log: &Trace) {
        if let (Some(s), Some(c)) = (log.kept("S"), log.kept("C")) {
            let start = self.0.borrow_mut().take();
            if let Some(start) = start {
                reactor.set_immediate(move |reactor, log| start(reactor, s, c, log));
            }
        }
    }
}

/// Calls `then` in the first immediate that finds `condition` true.
pub(crate) fn until(
    reactor: &mut Reactor<Trace>,
    mut condition: impl FnMut(&mut Reactor<Trace>, &mut Trace) -> bool + 'static,
    then: impl FnOnce(&mut Reactor<Trace>, &mut Trace) + 'static,
) {
    reactor.set_immediate(move |reactor, log| {
        if condition(reactor, log) {
            then(reactor, log);
        } else {
            until(reactor, condition, then);
        }
    });
}

/// Calls `then` after many iterations: what has not come by then does not come. Wait for the last expected event first.
pub(crate) fn settle(reactor: &mut Reactor<Trace>, then: impl FnOnce(&mut Reactor<Trace>, &mut Trace) + 'static) {
    let mut rounds = 0;
    let condition = move |_: &mut Reactor<Trace>, _: &mut Trace| {
        rounds += 1;
        rounds > SETTLE_ROUNDS
    };
    until(reactor, condition, then);
}
