//! The order of ticks, immediates and timers against events, and the hard rules of order between events.

mod pair;
mod util;

use std::time::Duration;

use netloop::{Reactor, Socket, SocketId};
use pair::{each_way, flowing};
use util::{BROKEN, Trace, done};

/// Queues a tick, an immediate and a timer that record themselves with `S`.
fn queue(reactor: &mut Reactor<Trace>, prefix: &'static str) {
    reactor.next_tick(move |_, trace| trace.push("S", format!("{prefix}tick")));
    reactor.set_immediate(move |_, trace| trace.push("S", format!("{prefix}immediate")));
}

/// Acts on a socket in an immediate, whatever the pair would do.
fn in_immediate(reactor: &mut Reactor<Trace>, id: SocketId, act: impl FnOnce(&mut Socket<'_, Trace>, &mut Trace) + 'static) {
    reactor.set_immediate(move |reactor, trace| act(&mut reactor.socket(id).expect("it is there"), trace));
}

#[test]
fn listening_comes_a_tick_after_the_bind_in_its_place_among_the_ticks() {
    // O11
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    reactor.set_immediate(|reactor, _| {
        reactor.next_tick(|_, trace| trace.push("V", "tick A"));
        let mut server = reactor.create_server(|_, _| ());
        util::watch_server(&mut server, "V");
        server.listen(0).on_listening(|server, _| server.close());
        reactor.next_tick(|_, trace| trace.push("V", "tick B"));
        reactor.set_immediate(|_, trace| trace.push("V", "immediate"));
    });
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["tick A", "listening", "tick B", "close", "immediate"]);
}

#[test]
fn connect_and_ready_come_in_one_callback_before_its_ticks() {
    // O4, O5
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let mut server = reactor.create_server(|socket, _| {
        socket.end();
        let server = socket.server().expect("it was accepted");
        util::close(socket.reactor(), server);
    });
    server.listen(([127, 0, 0, 1], 0));
    let port = server.port().expect("it listens");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch(&mut client, "S");
    client.on_connect(|client, _| queue(client.reactor(), ""));
    util::run(&mut reactor, &mut trace);
    let expected = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "tick", "immediate", "end", "finish", "close false"];
    trace.check("S", &expected);
}

#[test]
fn data_and_end_come_in_turns_of_their_own() {
    let mut pair = flowing().connect();
    pair.see_s().on_data(|s, _, _| queue(s.reactor(), "data."));
    pair.see_s().on_end(|s, _| queue(s.reactor(), "end."));
    pair.see_s().on_finish(|s, _| s.next_tick(|_, trace| trace.push("S", "finish.tick")));
    pair.see_s().on_close(|s, _, _| queue(s.reactor(), "close."));
    pair.see_c().end_with("abc");
    pair.run();
    let expected = [
        "data 3",
        "data.tick",
        "data.immediate",
        "end",
        "end.tick",
        "finish",
        "finish.tick",
        "end.immediate",
        "close false",
        "close.tick",
        "close.immediate",
    ];
    pair.check("S", &expected);
}

#[test]
fn close_comes_after_ticks_and_immediates_and_before_timers() {
    // O2: destroyed in a timer.
    let mut pair = flowing().connect();
    let s = pair.s;
    pair.reactor.set_timeout(Duration::ZERO, move |reactor, _| {
        util::with(reactor, s, |s| s.destroy());
        reactor.set_timeout(Duration::ZERO, |_, trace| trace.push("S", "timer"));
        queue(reactor, "");
    });
    pair.run();
    pair.check("S", &["tick", "immediate", "close false", "timer"]);
}

#[test]
fn an_error_is_a_tick_and_close_a_phase() {
    // O1, O2
    let mut pair = flowing().connect();
    in_immediate(&mut pair.reactor, pair.s, |s, _| {
        s.next_tick(|_, trace| trace.push("S", "tick before"));
        s.destroy_with("no");
        s.next_tick(|_, trace| trace.push("S", "tick after"));
        s.reactor().set_immediate(|_, trace| trace.push("S", "immediate"));
    });
    pair.run();
    let list = pair.trace.of("S");
    assert_eq!(list[..3], ["tick before", "error ERR_USER", "tick after"]);
    // Node runs an immediate that is set in an immediate in the next turn: after `close`.
    assert_eq!(list[3..], ["close true", "immediate"]);
}

#[test]
fn an_immediate_set_in_a_poll_callback_comes_between_error_and_close() {
    // O2
    let mut pair = flowing().connect();
    pair.see_s().on_data(|s, _, _| {
        s.reactor().set_immediate(|_, trace| trace.push("S", "immediate"));
        s.destroy_with("no");
    });
    pair.see_c().write("x");
    pair.run();
    pair.check("S", &["data 1", "error ERR_USER", "immediate", "close true"]);
}

#[test]
fn a_server_closes_before_its_last_socket_does() {
    // O10, Q-17
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let server = reactor.create_server(|socket, _| {
        util::watch(socket, "S");
        let server = socket.server().expect("it was accepted");
        let mut server = socket.reactor().server(server).expect("it is there");
        server.on_close(|_, trace| trace.push("S", "V close"));
        server.close_then(util::closed("S", "V close.cb"));
        socket.destroy();
        queue(socket.reactor(), "");
    });
    let port = { server }.listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    reactor.connect(([127, 0, 0, 1], port));
    util::run(&mut reactor, &mut trace);
    trace.check("S", &["V close", "V close.cb()", "tick", "immediate", "close false"]);
}

#[test]
fn a_refused_connection_fails_in_the_order_of_node() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let mut client = reactor.connect(free.expect("a port"));
    util::watch(&mut client, "S");
    client.on_connection_attempt_failed(|client, _, _, _| queue(client.reactor(), ""));
    util::run(&mut reactor, &mut trace);
    let expected = [
        "connectionAttempt 127.0.0.1:P",
        "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED",
        "tick",
        "error ECONNREFUSED",
        "immediate",
        "close true",
    ];
    trace.check("S", &expected);
}

#[test]
fn finish_of_an_end_in_an_immediate_comes_before_the_next_immediate() {
    let mut pair = flowing().half_open(false, true).connect();
    in_immediate(&mut pair.reactor, pair.s, |s, _| {
        s.end_then("", done("S", "end.cb"));
        queue(s.reactor(), "");
    });
    pair.until("S", "immediate");
    pair.check("S", &["tick", "end.cb()", "finish", "immediate"]);
}

#[test]
fn write_callbacks_then_ticks_then_the_end_callback_and_finish() {
    // O7
    let mut pair = flowing().half_open(false, true).connect();
    in_immediate(&mut pair.reactor, pair.s, |s, _| {
        s.write_then("a", done("S", "w1"));
        s.write_then("b", done("S", "w2"));
        s.end_then("c", done("S", "end.cb"));
        queue(s.reactor(), "");
    });
    pair.until("S", "immediate");
    pair.check("S", &["w1()", "w2()", "tick", "end.cb()", "finish", "immediate"]);
    pair.until("C", "end");
    pair.check("C", &["data 3", "end"]);
}

#[test]
fn ticks_of_a_late_write_completion_come_before_its_immediates() {
    let mut pair = flowing().connect();
    pair.narrow();
    pair.see_s().on_drain(|s, _| queue(s.reactor(), "drain."));
    pair.see_s().write_owned_then(vec![1; 6 << 20], |s, _, trace| {
        trace.push("S", "w.cb");
        queue(s.reactor(), "w.");
    });
    pair.until("S", "w.immediate");
    pair.check("S", &["drain", "w.cb", "drain.tick", "w.tick", "drain.immediate", "w.immediate"]);
}

#[test]
fn a_write_that_fails_at_once_tells_its_callbacks_before_the_next_tick() {
    let mut pair = flowing().half_open(false, true).connect();
    pair.see_s().destroy();
    pair.until("C", "end");
    pair.see_c().write("x");
    pair.settle();
    pair.trace.clear();
    in_immediate(&mut pair.reactor, pair.c, |c, _| {
        c.write_then("a", done("S", "w1"));
        c.write_then("b", done("S", "w2"));
        c.end_then("", done("S", "end.cb"));
        queue(c.reactor(), "");
        c.on_error(|_, error, trace| trace.push("S", format!("error {}", error.code())));
        c.on_close(|_, had_error, trace| trace.push("S", format!("close {had_error}")));
    });
    pair.run();
    let expected = ["w1(EPIPE)", "w2(EPIPE)", "end.cb(EPIPE)", "tick", "error EPIPE", "close true", "immediate"];
    let expected = expected.map(|said| said.replace("EPIPE", BROKEN));
    pair.check("S", &expected.each_ref().map(String::as_str));
}

#[test]
fn a_read_is_told_before_a_write_completion_of_the_same_socket() {
    // O8
    let mut pair = flowing().connect();
    pair.narrow();
    pair.see_c().pause();
    pair.see_s().write_owned_then(vec![1; 1 << 20], done("S", "w.cb"));
    pair.settle();
    pair.check("S", &[]);
    // Both come ready outside of the loop: the peer's bytes, and room for ours.
    pair.see_c().write("x");
    pair.see_c().resume();
    pair.until("S", "w.cb()");
    pair.check("S", &["data 1", "drain", "w.cb()"]);
}

/// Connects as many sockets as there are names; each accepted one ends when the other does.
fn many(names: [&'static str; 3]) -> (Reactor<Trace>, Vec<SocketId>) {
    let mut reactor = util::reactor::<Trace>();
    let mut ids = Vec::new();
    for name in names {
        let (near, far) = reactor.socket_pair().expect("a pair");
        reactor.socket(far).expect("just made").resume();
        let mut socket = reactor.socket(near).expect("just made");
        socket.resume();
        socket
            .on_finish(move |_, trace| trace.push("log", format!("{name} finish")))
            .on_error(move |_, _, trace| trace.push("log", format!("{name} error")))
            .on_close(move |_, _, trace| trace.push("log", format!("{name} close")));
        ids.push(near);
    }
    (reactor, ids)
}

#[test]
fn sockets_destroyed_in_one_callback_close_in_reverse_and_err_in_order() {
    // O3, Q-21
    let (mut reactor, ids) = many(["a", "b", "c"]);
    reactor.set_immediate(move |reactor, _| {
        for id in ids {
            util::with(reactor, id, |socket| socket.destroy_with("no"));
        }
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    trace.check("log", &["a error", "b error", "c error", "c close", "b close", "a close"]);
}

#[test]
fn sockets_ended_in_one_callback_finish_in_that_order() {
    // O3
    let (mut reactor, ids) = many(["a", "b", "c"]);
    reactor.set_immediate(move |reactor, _| {
        for id in ids {
            util::with(reactor, id, |socket| socket.end());
        }
    });
    let mut trace = Trace::default();
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("log", "c finish"));
    assert_eq!(trace.of("log")[..3], ["a finish", "b finish", "c finish"]);
}

#[test]
fn no_event_begins_after_destroy() {
    // O13: the peer's data and FIN are there, a write has completed, a timeout is set.
    each_way(&flowing(), |pair| {
        pair.c(|c, _| c.end_with("abc"));
        pair.s(|s, _| {
            s.write_then("x", done("S", "w.cb"));
            s.set_timeout(Duration::from_millis(1));
            s.end();
            s.destroy();
        });
        pair.until("S", "close false");
        pair.settle();
        let list: Vec<&str> = pair.trace.of("S").iter().map(String::as_str).filter(|&said| said != "data 3").collect();
        assert_eq!(list, ["w.cb()", "close false"]);
    });
}

#[test]
fn a_clean_close_comes_after_both_end_and_finish() {
    // O6
    each_way(&flowing(), |pair| {
        pair.see_s().on_data(|s, chunk, _| s.write(chunk));
        pair.c(|c, _| c.end_with("echo"));
        pair.run();
        pair.check("S", &["data 4", "end", "finish", "close false"]);
        pair.check("C", &["finish", "data 4", "end", "close false"]);
    });
}
