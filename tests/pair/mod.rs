//! Two connected sockets for traces: `s` was accepted, `c` connected.
// Every test file uses its own part of this.
#![allow(dead_code)]

use std::path::PathBuf;
use std::time::Duration;

use netloop::{
    Endpoint, ManualClock, Reactor, ReactorOptions, ServerOptions, Socket, SocketId, SocketOptions, UnhandledErrors,
};
use socket2::SockRef;

use crate::util::{self, Trace};

/// How the two are made.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) server: ServerOptions,
    pub(crate) client: SocketOptions,
    /// Whether `s` has a `data` listener.
    pub(crate) s_reads: bool,
    /// Whether `c` has one.
    pub(crate) c_reads: bool,
    /// A Unix-domain socket there instead of TCP.
    pub(crate) path: Option<PathBuf>,
    pub(crate) clock: Option<ManualClock>,
}

/// Both read.
pub(crate) fn flowing() -> Setup {
    Setup { s_reads: true, c_reads: true, ..Setup::default() }
}

/// Nobody has a `data` listener.
pub(crate) fn quiet() -> Setup {
    Setup::default()
}

impl Setup {
    /// Whether a half-open `s` and `c` are allowed.
    pub(crate) fn half_open(mut self, s: bool, c: bool) -> Self {
        self.server = self.server.allow_half_open(s);
        self.client = self.client.allow_half_open(c);
        self
    }

    pub(crate) fn paused_on_connect(mut self) -> Self {
        self.server = self.server.pause_on_connect(true);
        self
    }

    /// The high-water marks of `s`.
    pub(crate) fn high_water_mark(mut self, bytes: usize) -> Self {
        self.server = self.server.high_water_mark(bytes);
        self
    }

    /// How much `s` may queue.
    pub(crate) fn write_queue_limit(mut self, bytes: usize) -> Self {
        self.server = self.server.write_queue_limit(bytes);
        self
    }

    pub(crate) fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    pub(crate) fn unix(mut self, path: PathBuf) -> Self {
        self.path = Some(path);
        self
    }

    /// `s` does not read.
    pub(crate) fn s_quiet(mut self) -> Self {
        self.s_reads = false;
        self
    }

    /// `c` does not read.
    pub(crate) fn c_quiet(mut self) -> Self {
        self.c_reads = false;
        self
    }

    /// Connects. What was said until then is forgotten; the server is closed.
    pub(crate) fn connect(self) -> Pair {
        let options = ReactorOptions::new();
        let options = match &self.clock {
            Some(clock) => options.clock(clock),
            None => options,
        };
        let mut reactor = Reactor::with_options(options).expect("the system gives a selector");
        reactor.set_unhandled_errors(UnhandledErrors::Node);
        let reads = self.s_reads;
        let mut server = reactor.create_server_with(self.server, move |socket, trace: &mut Trace| {
            trace.push("V", "connection");
            watch(socket, "S", reads);
        });
        match &self.path {
            Some(path) => server.listen(path),
            None => server.listen(([127, 0, 0, 1], 0)),
        };
        let at: Endpoint = match &self.path {
            Some(path) => Endpoint::from(path),
            None => Endpoint::from(([127, 0, 0, 1], server.port().expect("a literal address is bound at once"))),
        };
        let server = server.id();
        let mut client = reactor.new_socket(self.client);
        watch(&mut client, "C", self.c_reads);
        let c = client.connect(at).id();
        let mut trace = Trace::default();
        util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "ready") && trace.has("V", "connection"));
        trace.clear();
        let s = reactor.server(server).and_then(|server| server.connections().next()).expect("one was accepted");
        util::close(&mut reactor, server);
        Pair { reactor, trace, s, c, outside: false, clock: self.clock }
    }
}

fn watch(socket: &mut Socket<'_, Trace>, name: &str, reads: bool) {
    if reads {
        util::watch(socket, name);
    } else {
        util::watch_quiet(socket, name);
    }
}

/// Two connected sockets.
pub(crate) struct Pair {
    pub(crate) reactor: Reactor<Trace>,
    pub(crate) trace: Trace,
    pub(crate) s: SocketId,
    pub(crate) c: SocketId,
    /// Whether [`Pair::s`] and [`Pair::c`] act outside of callbacks.
    outside: bool,
    clock: Option<ManualClock>,
}

/// Plays a scenario twice: once it acts in callbacks, where small writes are gathered, and once outside of them.
#[track_caller]
pub(crate) fn each_way(setup: &Setup, scenario: impl Fn(&mut Pair)) {
    for outside in [false, true] {
        let mut pair = setup.clone().connect();
        pair.outside = outside;
        scenario(&mut pair);
    }
}

impl Pair {
    /// Does something to `s`: in an immediate, or at once.
    pub(crate) fn s<R>(&mut self, act: impl FnOnce(&mut Socket<'_, Trace>, &mut Trace) -> R + 'static) {
        self.act(self.s, act);
    }

    /// Does something to `c`.
    pub(crate) fn c<R>(&mut self, act: impl FnOnce(&mut Socket<'_, Trace>, &mut Trace) -> R + 'static) {
        self.act(self.c, act);
    }

    fn act<R>(&mut self, id: SocketId, act: impl FnOnce(&mut Socket<'_, Trace>, &mut Trace) -> R + 'static) {
        if self.outside {
            act(&mut self.reactor.socket(id).expect("it is there"), &mut self.trace);
        } else {
            self.reactor.set_immediate(move |reactor, trace| {
                act(&mut reactor.socket(id).expect("it is there"), trace);
            });
        }
    }

    /// A look at `s`.
    pub(crate) fn see_s(&mut self) -> Socket<'_, Trace> {
        self.reactor.socket(self.s).expect("it is there")
    }

    /// A look at `c`.
    pub(crate) fn see_c(&mut self) -> Socket<'_, Trace> {
        self.reactor.socket(self.c).expect("it is there")
    }

    /// Makes the kernel's buffers small, so that megabytes get stuck.
    pub(crate) fn narrow(&mut self) {
        for id in [self.s, self.c] {
            let socket = self.reactor.socket(id).expect("it is there");
            let kernel = SockRef::from(&socket);
            kernel.set_send_buffer_size(16 * 1024).expect("a buffer size");
            kernel.set_recv_buffer_size(16 * 1024).expect("a buffer size");
        }
    }

    /// Runs until nothing holds the loop.
    #[track_caller]
    pub(crate) fn run(&mut self) {
        util::run(&mut self.reactor, &mut self.trace);
        assert_eq!(self.reactor.sockets().count(), 0, "no socket is left: {:#?}", self.trace);
    }

    /// Runs until one has said something.
    #[track_caller]
    pub(crate) fn until(&mut self, name: &str, entry: &str) {
        util::run_until(&mut self.reactor, &mut self.trace, |_, trace| trace.has(name, entry));
    }

    /// Runs until something is true of the two.
    #[track_caller]
    pub(crate) fn until_true(&mut self, mut done: impl FnMut(&mut Reactor<Trace>) -> bool) {
        util::run_until(&mut self.reactor, &mut self.trace, |reactor, _| done(reactor));
    }

    /// Runs some iterations in which everything that is under way arrives.
    pub(crate) fn settle(&mut self) {
        util::run_some(&mut self.reactor, &mut self.trace, 20);
    }

    /// Moves the clock and lets the loop see it.
    pub(crate) fn advance(&mut self, millis: u64) {
        self.clock.as_ref().expect("a clock of its own").advance(Duration::from_millis(millis));
        self.settle();
    }

    /// Everything an object said since the last time is exactly this.
    #[track_caller]
    pub(crate) fn check(&self, name: &str, expected: &[&str]) {
        self.trace.check(name, expected);
    }
}
