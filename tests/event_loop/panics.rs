//! A panic in a callback unwinds out of `run`; its object is destroyed, and everything else goes on (L7).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use netloop::{ConnectOptions, Reactor, ReactorOptions, Socket};

use super::{Log, Loop, MS, reactor, turn};

/// Thrown by the tests; it skips the panic hook, so that nothing is printed.
struct Planted;

fn throw() {
    resume_unwind(Box::new(Planted));
}

/// Throws at its first call.
fn throw_first(log: &Log, mark: &str) {
    if log.iter().filter(|&&entry| entry == mark).count() == 1 {
        throw();
    }
}

/// Runs iterations until the planted panic comes through, and as many after it; everything that was logged.
#[track_caller]
fn run_through_a_panic(reactor: &mut Loop, before: &mut dyn FnMut()) -> Log {
    let (mut log, mut panics) = (Log::new(), 0);
    for _ in 0..40 {
        before();
        match catch_unwind(AssertUnwindSafe(|| reactor.run_nowait(&mut log))) {
            Ok(result) => drop(result.expect("it runs")),
            Err(panic) => {
                assert!(panic.is::<Planted>(), "a panic of our own");
                panics += 1;
            }
        }
    }
    assert_eq!(panics, 1);
    log
}

#[test]
fn an_interval_goes_on_after_a_panic() {
    let (mut reactor, clock) = reactor();
    reactor.set_interval(10 * MS, |_, _, log| {
        log.push("interval");
        throw_first(log, "interval");
    });
    let log = run_through_a_panic(&mut reactor, &mut || clock.advance(MS));
    assert_eq!(log, ["interval"; 4]);
}

#[test]
fn timers_due_in_the_same_pass_fire_after_a_panic() {
    let (mut reactor, clock) = reactor();
    reactor.set_timeout(MS, |_, _| throw());
    reactor.set_timeout(MS, |_, log: &mut Log| log.push("second"));
    let log = run_through_a_panic(&mut reactor, &mut || clock.advance(MS));
    assert_eq!(log, ["second"]);
    assert!(!reactor.is_alive());
}

#[test]
fn watchers_go_on_after_a_panic() {
    for phase in ["prepare", "check", "idle"] {
        let (mut reactor, _clock) = reactor();
        let callback = move |_: &mut Loop, _, log: &mut Log| {
            log.push(phase);
            throw_first(log, phase);
        };
        let watcher = match phase {
            "prepare" => reactor.on_prepare(callback),
            "check" => reactor.on_check(callback),
            _ => reactor.on_idle(callback),
        };
        let log = run_through_a_panic(&mut reactor, &mut || {});
        assert_eq!(log, [phase; 40]);
        assert!(reactor.clear_watcher(watcher));
        assert!(!reactor.is_alive());
    }
}

#[test]
fn ticks_and_immediates_behind_a_panic_run_later() {
    let (mut reactor, _clock) = reactor();
    reactor.next_tick(|_, _| throw());
    reactor.next_tick(|_, log| log.push("tick"));
    reactor.set_immediate(|_, log: &mut Log| log.push("immediate"));
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["tick", "immediate"]);

    reactor.set_immediate(|_, _| throw());
    reactor.set_immediate(|_, log: &mut Log| log.push("second"));
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["second"]);
    assert!(!reactor.is_alive());
}

#[test]
fn posts_behind_a_panic_run_later() {
    let (mut reactor, _clock) = reactor();
    let remote = reactor.remote();
    remote.post(|_, _| throw()).expect("the loop is there");
    remote.post(|_, log| log.push("second")).expect("the loop is there");
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["second"]);
    assert!(!reactor.is_alive());
}

#[test]
fn a_post_in_the_batch_of_a_panic_forbids_waiting() {
    let (mut reactor, _clock) = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, _, _| throw());
    turn(&mut reactor);
    reactor.socket(far).expect("open").write("x");
    reactor.remote().post(|_, log| log.push("post")).expect("the loop is there");
    let result = catch_unwind(AssertUnwindSafe(|| reactor.run_nowait(&mut Log::new())));
    assert!(result.is_err_and(|panic| panic.is::<Planted>()));
    assert_eq!(reactor.backend_timeout(), Some(std::time::Duration::ZERO), "the wake-up is taken, and will not come again");
    assert_eq!(turn(&mut reactor), ["post"]);
}

/// The only worker has reported what was queued before, and is busy until the sender is dropped.
fn wait_for_work(reactor: &mut Loop) -> mpsc::Sender<()> {
    let (begun, begins) = mpsc::channel::<()>();
    let (release, wait) = mpsc::channel::<()>();
    let work = move || {
        begun.send(()).expect("the test waits");
        wait.recv().expect_err("released by dropping");
    };
    reactor.queue_work(work, |_, (), log: &mut Log| log.push("last"));
    begins.recv().expect("a worker");
    release
}

#[test]
fn a_panic_in_work_unwinds_out_of_run_and_other_results_come_later() {
    let mut reactor = Loop::with_options(ReactorOptions::new().work_threads(1)).expect("a reactor");
    reactor.queue_work(throw, |_, (), log: &mut Log| log.push("never"));
    reactor.queue_work(|| (), |_, (), log: &mut Log| log.push("second"));
    let release = wait_for_work(&mut reactor);
    let mut log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["second"], "P10, P11");
    drop(release);
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["second", "last"]);
    assert!(!reactor.is_alive());
}

#[test]
fn results_of_work_behind_a_panic_come_later() {
    let mut reactor = Loop::with_options(ReactorOptions::new().work_threads(1)).expect("a reactor");
    reactor.queue_work(|| (), |_, (), _| throw());
    reactor.queue_work(|| (), |_, (), log: &mut Log| log.push("second"));
    let release = wait_for_work(&mut reactor);
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["second"]);
    drop(release);
}

#[test]
fn a_socket_whose_listener_panicked_is_destroyed_with_what_it_has_not_read() {
    let options = ReactorOptions::new().read_buffer(4);
    let mut reactor = Reactor::<Log>::with_options(options).expect("a reactor");
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, _, log| {
        log.push("data");
        throw_first(log, "data");
    });
    reactor.socket(near).expect("open").on_end(|_, log| log.push("end")).on_close(|_, _, log| log.push("close"));
    turn(&mut reactor);
    reactor.socket(far).expect("open").end_with("1234567890ab");
    reactor.socket(far).expect("open").resume();
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["data", "close"]);
    assert_eq!(reactor.handles().count(), 0);
}

#[test]
fn other_sockets_of_the_batch_are_served_after_a_panic() {
    let (mut reactor, _clock) = reactor();
    let pairs: Vec<_> = (0..3).map(|_| reactor.socket_pair().expect("a pair")).collect();
    for &(near, _) in &pairs {
        reactor.socket(near).expect("open").on_data(|_, _, log| {
            log.push("data");
            throw_first(log, "data");
        });
    }
    turn(&mut reactor);
    for &(_, far) in &pairs {
        reactor.socket(far).expect("open").write("x");
    }
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["data"; 3]);
}

#[test]
fn waiting_connections_are_accepted_after_a_panic() {
    let (mut reactor, _clock) = reactor();
    let server = reactor.create_server(|_, log: &mut Log| {
        log.push("connection");
        throw_first(log, "connection");
    });
    let server = { server }.listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("the backlog takes it")).collect();
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["connection"; 3], "M8: one edge for all of them");
    drop(clients);
}

#[test]
fn a_panic_in_close_frees_the_socket() {
    let (mut reactor, _clock) = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    for id in [near, far] {
        reactor.socket(id).expect("open").on_close(|_, _, log| {
            log.push("close");
            throw_first(log, "close");
        });
        reactor.socket(id).expect("open").destroy();
    }
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["close", "close"]);
    assert_eq!(reactor.handles().count(), 0);
    assert!(!reactor.is_alive());
}

#[test]
fn a_panic_in_a_servers_close_frees_the_server() {
    let (mut reactor, _clock) = reactor();
    let mut server = reactor.create_server(|_, _| {});
    server.listen(([127, 0, 0, 1], 0)).on_close(|_, _| throw());
    server.close();
    run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(reactor.handles().count(), 0);
    assert!(!reactor.is_alive());
}

#[test]
fn what_was_written_before_a_panic_arrives() {
    let (mut reactor, _clock) = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, chunk, log| log.push(if chunk == b"kept" { "kept" } else { "?" }));
    reactor.next_tick(move |reactor, _| {
        reactor.socket(far).expect("open").write("kept");
        throw();
    });
    let log = run_through_a_panic(&mut reactor, &mut || {});
    assert_eq!(log, ["kept"]);
}

#[test]
fn a_reactor_can_be_dropped_after_a_panic_in_any_phase() {
    let (mut reactor, _clock) = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, _, _| throw());
    reactor.socket(far).expect("open").write("x");
    let result = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..10 {
            reactor.run_nowait(&mut Log::new()).expect("it runs");
        }
    }));
    assert!(result.is_err_and(|panic| panic.is::<Planted>()));
    drop(reactor);
}

/// Logs an event, and throws if it is the one.
fn note(log: &mut Log, event: &'static str, thrown: &str) {
    log.push(event);
    if event == thrown {
        throw_first(log, event);
    }
}

fn note_all(socket: &mut Socket<'_, Log>, thrown: &'static str) {
    socket
        .on_lookup(move |_, _, _, log| note(log, "lookup", thrown))
        .on_connection_attempt(move |_, _, log| note(log, "attempt", thrown))
        .on_connection_attempt_failed(move |_, _, _, log| note(log, "failed", thrown))
        .on_connection_attempt_timeout(move |_, _, log| note(log, "timeout", thrown))
        .on_connect(move |_, log| note(log, "connect", thrown))
        .on_ready(move |_, log| note(log, "ready", thrown))
        .on_error(move |_, _, log| note(log, "error", thrown))
        .on_close(move |_, _, log| note(log, "close", thrown));
}

/// Connects to 127.0.0.1 by its name, also where `::1` is tried before and refuses.
fn connect_through_a_panic(answer: &'static [&'static str], listens: bool, thrown: &'static str) -> Log {
    let (mut reactor, _clock) = reactor();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let listener = Some(listener).filter(|_| listens);
    let options = ConnectOptions::new().lookup(move |request| request.answer(answer.iter().copied()));
    let mut socket = reactor.connect_with(("name", port), options);
    note_all(&mut socket, thrown);
    let log = run_through_a_panic(&mut reactor, &mut || {});
    drop(listener);
    log
}

#[test]
fn a_connect_ends_with_a_panic_of_any_listener() {
    let all = ["lookup", "attempt", "connect", "ready", "error", "close"];
    for (at, thrown) in all.into_iter().enumerate().take(4) {
        let log = connect_through_a_panic(&["127.0.0.1"], true, thrown);
        assert_eq!(log, [&all[..=at], &["error", "close"]].concat(), "{thrown}");
    }
    let all = ["lookup", "attempt", "failed", "error", "close"];
    for (at, thrown) in all.into_iter().enumerate() {
        let log = connect_through_a_panic(&["127.0.0.1"], false, thrown);
        assert_eq!(log, [&all[..=at.min(2)], &["error", "close"]].concat(), "{thrown}");
    }
}

#[test]
fn a_connect_to_one_of_several_ends_with_a_panic_of_any_listener() {
    let all = ["lookup", "lookup", "attempt", "failed", "attempt", "connect", "ready"];
    for (upto, thrown) in [(1, "lookup"), (3, "attempt"), (4, "failed"), (6, "connect"), (7, "ready")] {
        let log = connect_through_a_panic(&["::1", "127.0.0.1"], true, thrown);
        assert_eq!(log, [&all[..upto], &["error", "close"]].concat(), "{thrown}");
    }
}

#[test]
fn the_callback_of_what_was_asked_for_while_connecting_is_called_after_a_panic() {
    let (mut reactor, _clock) = reactor();
    let mut server = reactor.create_server(|socket, _| {
        socket.on_data(|_, _, log| log.push("data")).on_end(|_, log| log.push("end"));
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it listens");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    socket.on_connect(|_, log| note(log, "connect", "connect"));
    socket.end_then("parked", |_, result, log| log.push(if result.is_ok() { "?" } else { "failed" }));
    socket.on_ready(|_, log| log.push("ready")).resume();
    let mut log = run_through_a_panic(&mut reactor, &mut || {});
    log.sort_unstable();
    assert_eq!(log, ["connect", "end", "failed"], "the bytes were to leave after this listener");
    assert_eq!(reactor.sockets().count(), 0);
}

/// What a socket tells that was paused until its peer had ended.
fn exchange_through_a_panic(thrown: &'static str) -> Log {
    let (mut reactor, _clock) = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").pause();
    for chunk in ["1", "2"] {
        reactor.socket(far).expect("open").write(chunk);
        turn(&mut reactor);
    }
    let mut far = reactor.socket(far).expect("open");
    far.end();
    far.resume();
    while reactor.socket(near).is_some_and(|near| near.bytes_read() < 2) {
        turn(&mut reactor);
    }
    turn(&mut reactor);
    let mut socket = reactor.socket(near).expect("open");
    socket
        .on_resume(move |_, log| note(log, "resume", thrown))
        .on_data(move |_, _, log| note(log, "data", thrown))
        .on_end(move |_, log| note(log, "end", thrown))
        .on_finish(move |_, log| note(log, "finish", thrown))
        .on_close(move |_, _, log| note(log, "close", thrown));
    socket.resume();
    run_through_a_panic(&mut reactor, &mut || {})
}

#[test]
fn nothing_but_close_follows_a_panic_of_an_exchange() {
    let all = ["resume", "data", "data", "end", "finish", "close"];
    for (upto, thrown) in [(1, "resume"), (2, "data"), (4, "end"), (5, "finish"), (5, "close")] {
        let log = exchange_through_a_panic(thrown);
        assert_eq!(log, [&all[..upto], &["close"]].concat(), "{thrown}");
    }
}

#[test]
fn the_hook_of_unhandled_errors_is_kept_after_a_panic() {
    let (mut reactor, _clock) = reactor();
    reactor.on_unhandled_error(|_, _, _, log| note(log, "unheard", "unheard"));
    let (near, far) = reactor.socket_pair().expect("a pair");
    for id in [near, far] {
        reactor.socket(id).expect("open").destroy_with("no longer wanted");
    }
    assert_eq!(run_through_a_panic(&mut reactor, &mut || {}), ["unheard", "unheard"]);
}

/// What sockets of one batch have written waits for the others; a panic in one of them must not keep it back.
#[test]
fn what_was_written_before_a_panic_of_the_same_batch_leaves_in_the_next_run() {
    let mut reactor = Reactor::<Vec<u8>>::new().expect("a selector");
    let (near, far) = reactor.socket_pair().expect("a pair");
    let (bad, worse) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("just made").on_data(|socket, chunk, heard| {
        heard.extend_from_slice(chunk);
        socket.destroy();
    });
    reactor.socket(far).expect("just made").on_data(|socket, chunk, _| socket.write(chunk));
    reactor.socket(worse).expect("just made").on_data(|socket, _, _| {
        socket.destroy();
        throw();
    });
    reactor.socket(near).expect("just made").write("echo");
    reactor.socket(bad).expect("just made").end_with("x");
    reactor.socket(bad).expect("just made").resume();
    let mut heard = Vec::new();
    catch_unwind(AssertUnwindSafe(|| reactor.run(&mut heard))).expect_err("it unwinds");
    reactor.run(&mut heard).expect("it runs again");
    assert_eq!((heard.as_slice(), reactor.metrics().sockets), (&b"echo"[..], 0));
}

/// The selector learns of a connection after its listener.
#[test]
fn a_connection_whose_listener_panicked_is_closed_and_the_next_is_read() {
    let mut reactor = Reactor::<u32>::new().expect("a selector");
    let mut server = reactor.create_server(|_, count| {
        *count += 1;
        if *count == 1 {
            throw();
        }
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    let clients = [b"a", b"b"].map(|byte| {
        let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        client.write_all(byte).expect("connected");
        client
    });
    // So that no turn waits for long.
    reactor.set_interval(MS, |_, _, _| {});
    let (mut count, mut panics) = (0, 0);
    while reactor.metrics().bytes_read < 1 {
        assert!(reactor.metrics().iterations < 1000, "{:?}", reactor.metrics());
        panics += u32::from(catch_unwind(AssertUnwindSafe(|| reactor.run_once(&mut count))).is_err());
    }
    assert_eq!((count, panics, reactor.metrics().sockets), (2, 1, 1));
    let [mut first, _second] = clients;
    // With its byte unread, which the kernel answers by a reset.
    assert!(first.read(&mut [0]).map_or(true, |read| read == 0), "it is closed");
}

#[test]
fn sockets_whose_listeners_always_panic_leave_the_others_their_turn() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let (good_peer, good) = reactor.socket_pair().expect("a pair");
    reactor.socket(good).expect("just made").on_data(|_, _, log| log.push("good"));
    let (mut log, mut panics) = (Log::new(), 0);
    for round in 0..10 {
        let (bad_peer, bad) = reactor.socket_pair().expect("a pair");
        reactor.socket(bad).expect("just made").on_data(|_, _, _| throw());
        reactor.socket(bad_peer).expect("just made").write("always something to read");
        if round == 3 {
            reactor.socket(good_peer).expect("it stays").write("hello");
        }
        panics += usize::from(catch_unwind(AssertUnwindSafe(|| reactor.run_nowait(&mut log))).is_err());
        assert!(round < 5 || !log.is_empty(), "it waits no longer than until the run after next");
    }
    assert!(log == ["good"] && panics >= 8, "each has its turns: {log:?}, {panics} panics");
}
