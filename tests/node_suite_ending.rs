//! What Node's own tests pin down of ending, of resets and of idle timeouts, where no other test here does.

mod pair;
mod util;

use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, Socket, SocketOptions, code};
use pair::{each_way, flowing};
use util::{Trace, close, done, refused_port, run, run_some, watch};

/// test-net-end-destroyed, test-net-allow-half-open: nor is it in the next tick, or in `finish`.
#[test]
fn a_socket_that_hears_the_end_is_not_destroyed_yet() {
    let tell = |name: &'static str, what: &'static str| {
        move |socket: &mut Socket<'_, Trace>, trace: &mut Trace| {
            trace.push(name, format!("{what}: destroyed {}", socket.is_destroyed()));
        }
    };
    each_way(&flowing(), |pair| {
        pair.see_s().on_end(tell("S", "end"));
        pair.see_c().on_end(tell("C", "end")).on_end(move |c, _| c.next_tick(tell("C", "tick"))).on_finish(tell("C", "finish"));
        pair.s(|s, _| s.end_with(vec![0; 1024]));
        pair.run();
        pair.check("S", &["finish", "end", "end: destroyed false", "close false"]);
        let ending = ["data 1024", "end", "end: destroyed false", "tick: destroyed false", "finish", "finish: destroyed false"];
        pair.check("C", &[&ending[..], &["close false"]].concat());
    });
}

/// test-net-connect-options-allowhalfopen.
#[test]
fn a_half_open_client_of_a_half_open_server_writes_after_the_end() {
    each_way(&flowing().half_open(true, true), |pair| {
        let c = pair.c;
        pair.see_c().on_end(move |client, _| {
            client.reactor().set_immediate(move |reactor, trace: &mut Trace| {
                let mut client = reactor.socket(c).expect("half open");
                trace.push("C", format!("readable {} writable {}", client.is_readable(), client.is_writable()));
                assert!(client.write("1"));
                client.end();
            });
        });
        pair.s(|s, _| s.end());
        pair.run();
        pair.check("C", &["end", "readable false writable true", "finish", "close false"]);
        pair.check("S", &["finish", "data 1", "end", "close false"]);
    });
}

/// test-net-write-after-end-nt: here the writer has ended itself.
#[test]
fn a_write_in_the_end_listener_after_ones_own_end_fails_a_tick_later() {
    each_way(&flowing(), |pair| {
        pair.see_c().on_end(|c, trace| {
            let room = c.write_then("late", done("C", "w.cb"));
            trace.push("C", format!("write {room}"));
        });
        pair.s(|s, _| s.end());
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("C", &["finish", "end", "write false", "w.cb(EPIPE)", "error EPIPE", "close true"]);
        pair.check("S", &["finish", "end", "close false"]);
    });
}

/// test-net-socket-close-after-end.
#[test]
fn a_socket_that_has_ended_closes_when_its_data_was_taken() {
    each_way(&flowing(), |pair| {
        pair.see_s().pause();
        pair.s(|s, _| s.end_with("foo"));
        pair.c(|c, _| c.end_with("foo"));
        pair.until("S", "finish");
        pair.until("C", "close false");
        pair.settle();
        pair.check("S", &["finish"]);
        pair.s(|s, _| s.resume());
        pair.run();
        pair.check("S", &["finish", "data 3", "end", "close false"]);
    });
}

/// test-net-socket-reset-send, test-net-connect-reset-after-destroy.
#[test]
fn a_write_after_a_reset_tells_its_callback_only() {
    if !util::resets_arrive() {
        return;
    }
    each_way(&flowing(), |pair| {
        pair.c(|c, trace| {
            c.reset_and_destroy();
            c.destroy();
            let room = c.write_then("late", done("C", "w.cb"));
            trace.push("C", format!("write {room}"));
        });
        pair.run();
        pair.check("C", &["write false", "w.cb(ERR_STREAM_DESTROYED)", "close false"]);
        pair.check("S", &["error ECONNRESET", "close true"]);
    });
}

/// test-net-socket-reset-twice.
#[test]
fn a_reset_in_the_error_listener_changes_nothing() {
    let (mut reactor, mut trace, (_held, port)) = (util::reactor(), Trace::default(), refused_port());
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket.on_error(|socket, error, _| {
        assert_eq!(error.code(), code::ECONNREFUSED);
        socket.reset_and_destroy();
    });
    run(&mut reactor, &mut trace);
    let failed = "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED";
    trace.check("C", &["connectionAttempt 127.0.0.1:P", failed, "error ECONNREFUSED", "close true"]);
}

/// test-net-connect-reset-before-connected.
#[test]
fn a_reset_and_then_destroy_while_connecting_closes_without_an_error() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    let (port, server) = (server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen"), server.id());
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket.reset_and_destroy();
    socket.destroy();
    close(&mut reactor, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &["close false"]);
    trace.check("S", &[]);
}

/// test-net-can-reset-timeout, test-net-socket-timeout.
#[test]
fn a_write_in_the_timeout_listener_arms_the_timer_again() {
    let clock = ManualClock::new();
    each_way(&flowing().clock(&clock), |pair| {
        pair.see_s().set_timeout(Duration::from_millis(100)).once_timeout(|s, trace| {
            trace.push("S", "once");
            s.write("again");
        });
        pair.settle();
        for _ in 0..3 {
            pair.advance(99);
            pair.advance(1);
        }
        pair.check("S", &["timeout", "once", "timeout"]);
        pair.check("C", &["data 5"]);
    });
}

/// test-net-timeout-no-handle, test-net-socket-timeout-unref.
#[test]
fn a_socket_without_a_connection_times_out_and_does_not_hold_the_loop() {
    let (clock, mut trace) = (ManualClock::new(), Trace::default());
    let mut reactor: Reactor<Trace> = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a selector");
    let mut socket = reactor.new_socket(SocketOptions::new());
    util::watch_quiet(&mut socket, "C");
    socket.set_timeout(Duration::from_millis(50));
    let id = socket.id();
    assert!(!reactor.is_alive());
    run(&mut reactor, &mut trace);
    trace.check("C", &[]);
    // A loop that nothing holds runs nothing.
    let _guard = reactor.keep_alive();
    clock.advance(Duration::from_millis(50));
    run_some(&mut reactor, &mut trace, 2);
    trace.check("C", &["timeout"]);
    assert!(reactor.socket(id).is_some_and(|socket| socket.is_pending() && !socket.is_destroyed()));
}

/// test-net-socket-timeout-unref: nor does that of a connection.
#[test]
fn the_timer_of_a_connection_does_not_hold_the_loop() {
    let mut pair = flowing().connect();
    pair.see_s().set_timeout(Duration::from_secs(3600)).unref();
    assert!(pair.reactor.is_alive(), "the other end");
    pair.see_c().set_timeout(Duration::from_secs(3600)).unref();
    assert!(!pair.reactor.is_alive());
}

/// A server whose connections are "S", and the port it listens at until the first of them comes.
fn serve(reactor: &mut Reactor<Trace>, says: &'static str) -> u16 {
    let mut server = reactor.create_server(move |socket, _| {
        watch(socket, "S");
        socket.write(says);
        let server = socket.server().expect("accepted");
        close(socket.reactor(), server);
    });
    server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen")
}

/// test-net-socket-constructor: `readable: false`.
#[test]
fn a_socket_that_does_not_read_closes_when_it_has_finished() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let port = serve(&mut reactor, "");
    let mut socket = reactor.new_socket(SocketOptions::new().readable(false));
    util::watch_quiet(&mut socket, "C");
    socket.connect(([127, 0, 0, 1], port)).on_ready(|socket, trace| {
        trace.push("C", format!("{:?} {} {}", socket.ready_state(), socket.is_readable(), socket.is_writable()));
        socket.end_with("x");
    });
    run(&mut reactor, &mut trace);
    let said = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "WriteOnly false true", "finish", "close false"];
    trace.check("C", &said);
    trace.check("S", &["data 1", "end", "finish", "close false"]);
}

/// test-net-socket-constructor: `writable: false`. It closes when its peer has ended, or when somebody writes all the same.
#[test]
fn a_socket_that_does_not_write_closes_when_its_peer_has_ended() {
    for writes in [false, true] {
        let (mut reactor, mut trace) = (util::reactor(), Trace::default());
        let port = serve(&mut reactor, "hello");
        let mut socket = reactor.new_socket(SocketOptions::new().writable(false));
        watch(&mut socket, "C");
        socket.connect(([127, 0, 0, 1], port)).on_ready(|socket, trace| {
            trace.push("C", format!("{:?} {} {}", socket.ready_state(), socket.is_readable(), socket.is_writable()));
        });
        let id = socket.id();
        util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "data 5"));
        let peer = reactor.sockets().find(|&other| other != id).expect("accepted");
        if writes {
            let room = reactor.socket(id).expect("open").write_then("x", done("C", "w.cb"));
            trace.push("C", format!("write {room}"));
        } else {
            reactor.socket(peer).expect("open").end();
        }
        run(&mut reactor, &mut trace);
        let begin = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "ReadOnly true false", "data 5"];
        let failed = ["write false", "w.cb(ERR_STREAM_WRITE_AFTER_END)", "error ERR_STREAM_WRITE_AFTER_END", "close true"];
        let end: &[&str] = if writes { &failed } else { &["end", "close false"] };
        trace.check("C", &[&begin, end].concat());
        trace.check("S", if writes { &["end", "finish", "close false"] } else { &["finish", "end", "close false"] });
    }
}
