//! K: a panic destroys the object whose listener panicked; everything else goes on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use netloop::{ConnectOptions, Handler, ListenOptions, Reactor, Server, ServerOptions, Socket, SocketId, code};

type Log = Vec<String>;
type World = Reactor<Log>;

/// Thrown by the tests; it skips the panic hook, so that nothing is printed.
struct Planted;

fn throw() -> ! {
    resume_unwind(Box::new(Planted))
}

/// Turns of the loop that are more than enough for every case. What the system does takes more of them where it is far away.
const TURNS: usize = if cfg!(windows) { 400 } else { 60 };

/// Runs until nothing is left to do; how many panics came through.
fn run(reactor: &mut World, log: &mut Log) -> usize {
    let run = |_| catch_unwind(AssertUnwindSafe(|| reactor.run_nowait(log).expect("it runs"))).is_err();
    (0..TURNS).map(run).filter(|&panicked| panicked).count()
}

fn watch(socket: &mut Socket<'_, Log>) {
    socket.on_error(|_, error, log| log.push(format!("error {}", error.code())));
    socket.on_close(|_, had_error, log| log.push(format!("close {had_error}")));
}

const DESTROYED: [&str; 2] = ["error ERR_CALLBACK_PANICKED", "close true"];

/// Two sockets that have nothing to do with the panic: what one writes after it comes to the other.
struct Bystanders(SocketId, SocketId);

impl Bystanders {
    fn new(reactor: &mut World) -> Self {
        let (near, far) = reactor.socket_pair().expect("a pair");
        reactor.socket(far).expect("open").on_data(|socket, chunk, _| socket.write(chunk));
        reactor.socket(near).expect("open").on_data(|_, chunk, log| log.push(format!("echo {}", chunk.len())));
        Self(near, far)
    }

    #[track_caller]
    fn check(self, reactor: &mut World) {
        reactor.socket(self.0).expect("it stays open").write("hello");
        let mut log = Log::new();
        assert_eq!((run(reactor, &mut log), log), (0, vec!["echo 5".to_owned()]));
        for id in [self.0, self.1] {
            reactor.socket(id).expect("it stays open").destroy();
        }
        assert_eq!(run(reactor, &mut Log::new()), 0);
        assert_eq!(reactor.handles().count(), 0, "nothing is left: {:?}", reactor.handles().collect::<Vec<_>>());
    }
}

/// A socket of a pair, a panic of the callback that `plant` adds, and what the peer does. The socket is destroyed, its peer hears
/// the end, and all others go on.
#[track_caller]
fn check_socket(name: &str, plant: fn(&mut Socket<'_, Log>), act: fn(&mut World, SocketId, SocketId)) {
    let mut reactor = World::new().expect("a reactor");
    let others = Bystanders::new(&mut reactor);
    let (victim, peer) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(victim).expect("open");
    plant(&mut socket);
    watch(&mut socket);
    reactor.socket(peer).expect("open").resume();
    let mut log = Log::new();
    let before = run(&mut reactor, &mut log);
    act(&mut reactor, victim, peer);
    let panics = before + run(&mut reactor, &mut log);
    assert_eq!((panics, log.as_slice()), (1, &DESTROYED.map(str::to_owned)[..]), "{name}");
    assert!(reactor.socket(victim).is_none(), "{name}: its slot is freed");
    assert!(
        reactor.socket(peer).is_none_or(|mut peer| {
            peer.destroy();
            peer.is_destroyed()
        }),
        "{name}"
    );
    assert_eq!(run(&mut reactor, &mut log), 0, "{name}");
    others.check(&mut reactor);
}

fn write(reactor: &mut World, _: SocketId, peer: SocketId) {
    reactor.socket(peer).expect("open").write("x");
}

fn end(reactor: &mut World, _: SocketId, peer: SocketId) {
    reactor.socket(peer).expect("open").end();
}

fn nothing(_: &mut World, _: SocketId, _: SocketId) {}

#[test]
fn fault_k_a_panic_in_a_listener_of_what_is_read_destroys_the_socket() {
    check_socket(
        "data",
        |socket| {
            socket.on_data(|_, _, _| -> () { throw() });
        },
        write,
    );
    check_socket(
        "text",
        |socket| {
            socket.on_text(|_, _, _| -> () { throw() });
        },
        write,
    );
    check_socket(
        "end",
        |socket| {
            socket.on_end(|_, _| -> () { throw() }).resume();
        },
        end,
    );
    check_socket(
        "read_into",
        |socket| {
            socket.read_into([0; 8], |_, _, _, _| throw());
        },
        write,
    );
    check_socket(
        "resume",
        |socket| {
            socket.on_resume(|_, _| -> () { throw() }).resume();
        },
        nothing,
    );
    check_socket(
        "pause",
        |socket| {
            socket.on_pause(|_, _| -> () { throw() }).pause();
        },
        nothing,
    );
}

#[test]
fn fault_k_a_panic_in_a_listener_of_what_is_written_destroys_the_socket() {
    let drain = |socket: &mut Socket<'_, Log>| {
        socket.on_drain(|_, _| -> () { throw() });
        assert!(!socket.write(vec![0; 10_000_000]));
    };
    check_socket("drain", drain, nothing);
    check_socket("finish", |socket| socket.on_finish(|_, _| -> () { throw() }).end(), nothing);
    check_socket(
        "write_then",
        |socket| {
            socket.write_then("x", |_, _, _| -> () { throw() });
        },
        nothing,
    );
    check_socket(
        "write_owned_then",
        |socket| {
            socket.write_owned_then("x", |_, _, _| -> () { throw() });
        },
        nothing,
    );
    check_socket("end_then", |socket| socket.end_then("x", |_, _, _| -> () { throw() }), nothing);
}

#[test]
fn fault_k_a_panic_in_a_callback_bound_to_a_socket_destroys_it() {
    use std::time::Duration;
    check_socket("next_tick", |socket| socket.next_tick(|_, _| -> () { throw() }), nothing);
    check_socket(
        "after",
        |socket| {
            socket.after(Duration::ZERO, |_, _| -> () { throw() });
        },
        nothing,
    );
    let timeout = |socket: &mut Socket<'_, Log>| {
        socket.on_timeout(|_, _| -> () { throw() }).set_timeout(Duration::from_nanos(1));
    };
    check_socket("timeout", timeout, nothing);
}

struct Throws;

impl Handler<Log> for Throws {
    fn on_data(&mut self, _: &mut Socket<'_, Log>, _: &[u8], _: &mut Log) -> netloop::Result {
        throw()
    }

    fn on_close(&mut self, _: &mut Socket<'_, Log>, had_error: bool, log: &mut Log) {
        log.push(format!("handler hears close {had_error}"));
    }
}

#[test]
fn fault_k_a_handler_that_panicked_still_hears_close() {
    let mut reactor = World::new().expect("a reactor");
    let (victim, peer) = reactor.socket_pair().expect("a pair");
    reactor.socket(victim).expect("open").attach(Throws);
    reactor.socket(peer).expect("open").end_with("x");
    let mut log = Log::new();
    assert_eq!(run(&mut reactor, &mut log), 1);
    assert_eq!(log, ["handler hears close true"]);
}

#[test]
fn fault_k_a_panic_of_a_sockets_work_destroys_it() {
    for in_work in [true, false] {
        let mut reactor = World::new().expect("a reactor");
        let (victim, _) = reactor.socket_pair().expect("a pair");
        let mut socket = reactor.socket(victim).expect("open");
        watch(&mut socket);
        let work = move || {
            if in_work {
                throw()
            }
        };
        socket.queue_work(work, |_, (), _| -> () { throw() });
        let (mut log, mut panics) = (Log::new(), 0);
        while panics == 0 {
            panics += usize::from(catch_unwind(AssertUnwindSafe(|| reactor.run_once(&mut log).expect("it runs"))).is_err());
        }
        run(&mut reactor, &mut log);
        assert_eq!(log, DESTROYED, "in the work: {in_work}");
    }
}

/// Connects by a name whose addresses `lookup` gives, and panics in one kind of listener.
#[track_caller]
fn check_connect(name: &str, listens: bool, plant: fn(&mut Socket<'_, Log>)) {
    let mut reactor = World::new().expect("a reactor");
    let others = Bystanders::new(&mut reactor);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let listener = Some(listener).filter(|_| listens);
    let options = ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1"]));
    let mut socket = reactor.connect_with(("name", port), options);
    plant(&mut socket);
    watch(&mut socket);
    socket.write_then("x", |_, result, log: &mut Log| {
        log.push(result.map_or_else(|error| format!("write {}", error.code()), |()| "written".to_owned()));
    });
    let mut log = Log::new();
    assert_eq!(run(&mut reactor, &mut log), 1, "{name}");
    assert_eq!(log.iter().filter(|entry| entry.starts_with("writ")).count(), 1, "{name}: {log:?}");
    log.retain(|entry| !entry.starts_with("writ"));
    assert_eq!(log, DESTROYED, "{name}");
    drop(listener);
    others.check(&mut reactor);
}

#[test]
fn fault_k_a_panic_in_a_listener_of_connecting_destroys_the_socket() {
    check_connect("lookup", true, |socket| {
        socket.on_lookup(|_, _, _, _| -> () { throw() });
    });
    check_connect("attempt", true, |socket| {
        socket.on_connection_attempt(|_, _, _| -> () { throw() });
    });
    check_connect("failed", false, |socket| {
        socket.on_connection_attempt_failed(|_, _, _, _| -> () { throw() });
    });
    check_connect("connect", true, |socket| {
        socket.on_connect(|_, _| -> () { throw() });
    });
    check_connect("ready", true, |socket| {
        socket.on_ready(|_, _| -> () { throw() });
    });
}

#[test]
fn fault_k_a_panic_of_a_lookup_function_destroys_the_socket() {
    let mut reactor = World::new().expect("a reactor");
    let mut socket = reactor.connect_with(("name", 1), ConnectOptions::new().lookup(|_| throw()));
    watch(&mut socket);
    let mut log = Log::new();
    assert_eq!((run(&mut reactor, &mut log), log.as_slice()), (1, &DESTROYED.map(str::to_owned)[..]));
    assert_eq!(reactor.handles().count(), 0);
    assert!(!reactor.is_alive(), "the answer is not waited for");
}

#[test]
fn fault_k_a_panic_in_error_or_close_comes_once_and_frees_the_socket() {
    for event in ["error", "close"] {
        let mut reactor = World::new().expect("a reactor");
        let others = Bystanders::new(&mut reactor);
        let (victim, peer) = reactor.socket_pair().expect("a pair");
        let mut socket = reactor.socket(victim).expect("open");
        watch(&mut socket);
        match event {
            "error" => {
                socket.on_error(|_, _, _| throw());
            }
            _ => {
                socket.on_close(|_, _, _| throw());
            }
        }
        socket.destroy_with("planned");
        reactor.socket(peer).expect("open").destroy();
        let mut log = Log::new();
        assert_eq!(
            (run(&mut reactor, &mut log), log.as_slice()),
            (1, &["error ERR_USER".to_owned(), "close true".to_owned()][..])
        );
        others.check(&mut reactor);
    }
}

#[test]
fn fault_k_completions_that_were_due_come_once_each() {
    // The first of three callbacks of writes that the kernel has panics: the others are told so, those of `end` too.
    let mut reactor = World::new().expect("a reactor");
    let (victim, peer) = reactor.socket_pair().expect("a pair");
    reactor.socket(peer).expect("open").resume();
    let mut socket = reactor.socket(victim).expect("open");
    watch(&mut socket);
    let tell = |name: &'static str| {
        move |_: &mut Socket<'_, Log>, result: netloop::Result, log: &mut Log| {
            log.push(result.map_or_else(|error| format!("{name} {}", error.code()), |()| format!("{name} done")));
        }
    };
    socket.next_tick(move |socket, _| {
        socket.write_then("a", |_, _, _| -> () { throw() });
        socket.write_then("b", tell("b"));
        socket.write_then("c", tell("c"));
        socket.end_then("", tell("end"));
    });
    let mut log = Log::new();
    assert_eq!(run(&mut reactor, &mut log), 1);
    let end = format!("end {}", code::ERR_CALLBACK_PANICKED);
    // As in Node, the first completion after a destroy takes along what waits.
    assert_eq!(log, ["b done", &end, "c done", DESTROYED[0], DESTROYED[1]]);
}

#[test]
fn fault_k_callbacks_of_an_end_that_was_sent_hear_no_error() {
    let mut reactor = World::new().expect("a reactor");
    let (victim, peer) = reactor.socket_pair().expect("a pair");
    reactor.socket(peer).expect("open").resume();
    let mut socket = reactor.socket(victim).expect("open");
    watch(&mut socket);
    socket.end_then("", |_, _, _| -> () { throw() });
    socket.end_then("", |_, result, log: &mut Log| log.push(format!("end {}", result.is_ok())));
    let mut log = Log::new();
    assert_eq!(run(&mut reactor, &mut log), 1);
    assert_eq!(log, ["end true", DESTROYED[0], DESTROYED[1]]);
}

#[test]
fn fault_k_requests_that_destroy_cancels_are_told_once_each_after_a_panic_of_one() {
    let mut reactor = World::new().expect("a reactor");
    let (victim, peer) = reactor.socket_pair().expect("a pair");
    reactor.socket(peer).expect("open").pause();
    let mut socket = reactor.socket(victim).expect("open");
    watch(&mut socket);
    for number in 0..3 {
        // The peer does not read, so the kernel is full.
        let len = if number == 0 { 10_000_000 } else { 1_000_000 };
        socket.write_then(vec![0; len], move |_, result, log: &mut Log| {
            log.push(format!("write {number} {}", result.expect_err("it is cancelled").code()));
            if number == 0 {
                throw();
            }
        });
    }
    socket.destroy();
    reactor.socket(peer).expect("open").destroy();
    let mut log = Log::new();
    assert_eq!(run(&mut reactor, &mut log), 1);
    log.sort_unstable();
    assert_eq!(log, ["close false", "write 0 ECANCELED", "write 1 ECANCELED", "write 2 ECANCELED"]);
}

#[test]
fn fault_k_requests_of_a_socket_that_never_connected_are_told_once_each() {
    let mut reactor = World::new().expect("a reactor");
    let mut socket = reactor.connect_with(("name", 1), ConnectOptions::new().lookup(|_| {}));
    socket.on_close(|_, _, _| throw());
    for name in ["a", "b"] {
        socket.write_then(name, move |_, result, log: &mut Log| {
            log.push(format!("{name} {}", result.expect_err("it never left").code()));
        });
    }
    socket.destroy();
    let mut log = Log::new();
    assert_eq!(run(&mut reactor, &mut log), 1);
    assert_eq!(log.len(), 2, "each once: {log:?}");
    assert!(log[0].starts_with("a ") && log[1].starts_with("b "), "{log:?}");
}

fn watch_server(server: &mut Server<'_, Log>) {
    server.on_error(|_, error, log| log.push(format!("server error {}", error.code())));
    server.on_close(|_, log| log.push("server close".to_owned()));
}

#[test]
fn fault_k_a_panic_in_connection_destroys_the_accepted_socket_alone() {
    let mut reactor = World::new().expect("a reactor");
    let mut server = reactor.create_server(|socket, _| {
        watch(socket);
        throw()
    });
    watch_server(&mut server);
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    let server = server.id();
    let mut log = Log::new();
    for round in 1..=3 {
        let client = reactor.connect(([127, 0, 0, 1], port)).on_error(|_, _, _| {}).id();
        let mut panics = 0;
        while reactor.socket(client).is_some() {
            panics += usize::from(catch_unwind(AssertUnwindSafe(|| reactor.run_once(&mut log).expect("it runs"))).is_err());
        }
        assert_eq!((panics, log.len()), (1, 2 * round), "{log:?}");
    }
    assert_eq!(log, [DESTROYED; 3].concat());
    assert_eq!(reactor.server(server).expect("it listens on").connection_count(), 0);
    reactor.server(server).expect("it listens on").close();
    assert_eq!(run(&mut reactor, &mut log), 0);
    assert_eq!((log.last().map(String::as_str), reactor.handles().count()), (Some("server close"), 0));
}

#[test]
fn fault_k_a_panic_in_listening_or_error_closes_the_server() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let taken_port = taken.local_addr().expect("it is bound").port();
    for (event, port) in [("listening", 0), ("error", taken_port)] {
        let mut reactor = World::new().expect("a reactor");
        let others = Bystanders::new(&mut reactor);
        let mut server = reactor.create_server(|_, _| {});
        watch_server(&mut server);
        server.on_listening(|_, _| throw()).listen_with(([127, 0, 0, 1], port), ListenOptions::new());
        let mut first = true;
        server.on_error(move |_, _, _| {
            if std::mem::take(&mut first) && port != 0 {
                throw()
            }
        });
        let mut log = Log::new();
        assert_eq!(run(&mut reactor, &mut log), 1, "{event}");
        let first = (port != 0).then_some("server error EADDRINUSE").into_iter();
        let expected: Vec<_> = first.chain(["server error ERR_CALLBACK_PANICKED", "server close"]).collect();
        log.sort_by_key(|entry| entry.ends_with("close"));
        assert_eq!(log, expected, "{event}");
        others.check(&mut reactor);
    }
}

#[test]
fn fault_k_a_panic_in_drop_leaves_the_server_listening() {
    let mut reactor = World::new().expect("a reactor");
    let mut server = reactor.create_server_with(ServerOptions::new().max_connections(0), |_, _| {});
    watch_server(&mut server);
    let port = server.on_drop(|_, _, _| throw()).listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    let server = server.id();
    let mut log = Log::new();
    for _ in 0..2 {
        let client = reactor.connect(([127, 0, 0, 1], port)).on_error(|_, _, _| {}).id();
        let mut panics = 0;
        while reactor.socket(client).is_some() || panics == 0 {
            panics += usize::from(catch_unwind(AssertUnwindSafe(|| reactor.run_once(&mut log).expect("it runs"))).is_err());
        }
        assert_eq!((panics, log.len()), (1, 0), "{log:?}");
    }
    assert!(reactor.server(server).expect("it stays").is_listening());
}

#[test]
fn fault_k_a_panic_that_no_error_listener_hears_does_not_end_the_next_run() {
    let mut reactor = World::new().expect("a reactor");
    // Set up before `run`, so that its own failure would end it.
    reactor.connect_with(("name", 1), ConnectOptions::new().lookup(|_| throw()));
    assert_eq!(run(&mut reactor, &mut Log::new()), 1);
    reactor.set_unhandled_errors(netloop::UnhandledErrors::Node);
    let (victim, _peer) = reactor.socket_pair().expect("a pair");
    reactor.socket(victim).expect("open").next_tick(|_, _| -> () { throw() });
    assert_eq!(run(&mut reactor, &mut Log::new()), 1);
    assert!(reactor.socket(victim).is_none());
}

#[test]
fn fault_k_the_error_and_the_state_tell_of_the_panic_at_once() {
    let mut reactor = World::new().expect("a reactor");
    let (victim, _peer) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(victim).expect("open");
    socket.on_error(|_, error, log| log.push(error.to_string()));
    socket.next_tick(|_, _| -> () { resume_unwind(Box::new("no such key")) });
    let mut log = Log::new();
    assert!(catch_unwind(AssertUnwindSafe(|| reactor.run(&mut log))).is_err());
    assert!(reactor.socket(victim).expect("close is to come").is_destroyed(), "when the panic comes out of `run`");
    assert_eq!(run(&mut reactor, &mut log), 0);
    assert_eq!(log, ["a callback panicked: no such key"]);
}

#[test]
fn fault_k_a_panic_in_a_proxied_socket_cuts_the_other_one() {
    let mut reactor = World::new().expect("a reactor");
    let (near, a) = reactor.socket_pair().expect("a pair");
    let (b, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(a).expect("open").on_data(|_, _, _| -> () { throw() });
    reactor.proxy(a, b);
    reactor.socket(near).expect("open").write("x");
    for id in [near, far] {
        reactor.socket(id).expect("open").resume();
    }
    assert_eq!(run(&mut reactor, &mut Log::new()), 1);
    assert_eq!(reactor.sockets().count(), 0, "both are closed, and so their peers have ended");
}

/// Bytes that can be seen so often.
struct Seen(std::cell::Cell<u32>, Vec<u8>);

impl AsRef<[u8]> for Seen {
    fn as_ref(&self) -> &[u8] {
        let left = self.0.get();
        if left == 0 {
            throw();
        }
        self.0.set(left - 1);
        &self.1
    }
}

#[test]
fn fault_k_a_panic_of_bytes_that_are_on_their_way_destroys_the_socket() {
    for often in 0..12 {
        let mut reactor = World::new().expect("a reactor");
        let others = Bystanders::new(&mut reactor);
        let (victim, peer) = reactor.socket_pair().expect("a pair");
        reactor.socket(peer).expect("open").on_error(|_, _, _| {}).resume();
        let mut socket = reactor.socket(victim).expect("open");
        watch(&mut socket);
        socket.next_tick(move |socket, _| {
            socket.write_owned(vec![0; 1_000_000]);
            socket.write_owned(Seen(std::cell::Cell::new(often), vec![1; 1_000_000]));
            socket.end();
        });
        let mut log = Log::new();
        let panics = run(&mut reactor, &mut log);
        let expected = if panics == 0 { &["close false"][..] } else { &DESTROYED[..] };
        assert!(panics < 2 && log == expected, "seen {often} times: {panics} panics, {log:?}");
        assert!(often > 0 || panics == 1);
        others.check(&mut reactor);
    }
}
