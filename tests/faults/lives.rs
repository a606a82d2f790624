//! N: small differences from Node, found by playing random lives in both.

use netloop::{Reactor, Result, Socket};

use crate::util::{Trace, reactor, run, watch, watch_quiet};

/// A connected socket of a pair, which the program acts on in an immediate; what it says from then on.
#[track_caller]
fn check_act(act: fn(&mut Socket<'_, Trace>, &mut Trace), expected: &[&str]) {
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (reactor(), Trace::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("open").on_error(|_, _, _| {}).resume();
    let mut socket = reactor.socket(near).expect("open");
    socket.pause();
    watch_quiet(&mut socket, "S");
    socket.on_resume(|_, trace| trace.push("S", "resume"));
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        trace.clear();
        act(&mut reactor.socket(near).expect("open"), trace);
    });
    run(&mut reactor, &mut trace);
    trace.check("S", expected);
}

#[test]
fn fault_n_a_resume_before_a_destroy_is_told_before_close() {
    let act = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        socket.resume();
        socket.destroy();
    };
    check_act(act, &["resume", "close false"]);
    let act = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        socket.destroy();
        socket.resume();
    };
    check_act(act, &["close false"]);
}

#[test]
fn fault_n_the_first_data_listener_resumes_before_a_destroy_too() {
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (reactor(), Trace::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("open").on_error(|_, _, _| {}).resume();
    let mut socket = reactor.socket(near).expect("open");
    watch(&mut socket, "S");
    socket.on_resume(|_, trace| trace.push("S", "resume")).on_text(|_, _, _| {}).destroy();
    run(&mut reactor, &mut trace);
    trace.check("S", &["resume", "close false"]);
}

/// A completion callback that notes its result.
fn note(name: &'static str) -> impl FnOnce(&mut Socket<'_, Trace>, Result, &mut Trace) {
    move |_, result, trace| {
        let said = result.map_or_else(|error| error.code().to_owned(), |()| "done".to_owned());
        trace.push("S", format!("{name} {said}"));
    }
}

#[test]
fn fault_n_an_end_after_a_destroy_counts_for_later_writes() {
    let act = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        socket.destroy();
        socket.end();
        assert!(socket.writable_ended() && !socket.write_then("x", note("write")));
        socket.end_then("", note("end"));
    };
    check_act(act, &["write ERR_STREAM_WRITE_AFTER_END", "end ERR_STREAM_DESTROYED", "close false"]);
    // Not after a destroy with an error, nor if the chunk of the `end` was refused.
    let act = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        socket.destroy_with("planned");
        socket.end();
        assert!(!socket.writable_ended() && !socket.write_then("x", note("write")));
        socket.end_then("", note("end"));
    };
    check_act(act, &["error ERR_USER", "write ERR_STREAM_DESTROYED", "end ERR_STREAM_DESTROYED", "close true"]);
    let act = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        socket.destroy();
        socket.end_then("x", note("end"));
        assert!(!socket.writable_ended() && !socket.write_then("x", note("write")));
    };
    check_act(act, &["end ERR_STREAM_DESTROYED", "write ERR_STREAM_DESTROYED", "close false"]);
}

/// What is asked for while connecting, a letter a call: reset, write, listen for `connect`, end. Then what the socket and its peer say.
#[track_caller]
fn check_connecting(calls: &str, expected: &[&str], peer: &[&str]) {
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (reactor(), Trace::default());
    let mut server = reactor.create_server(|socket, _: &mut Trace| {
        watch(socket, "P");
        socket.resume();
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    socket.on_ready(|_, trace| trace.push("S", "ready"));
    socket.on_drain(|_, trace| trace.push("S", "drain"));
    socket.on_error(|_, error, trace| trace.push("S", format!("error {}", error.code())));
    socket.on_close(|_, had_error, trace| trace.push("S", format!("close {had_error}")));
    for call in calls.chars() {
        match call {
            'r' => socket.reset_and_destroy(),
            'w' => assert!(socket.write_then("x", note("write"))),
            'l' => drop(socket.on_connect(|_, trace| trace.push("S", "connect")).id()),
            _ => socket.end_then("", note("end")),
        }
    }
    run(&mut reactor, &mut trace);
    trace.check("S", expected);
    if crate::util::resets_arrive() {
        trace.check("P", peer);
    }
}

#[test]
fn fault_n_a_reset_before_a_write_comes_first_when_the_socket_connects() {
    let reset = ["error ECONNRESET", "close true"];
    check_connecting("rw", &["write ERR_SOCKET_CLOSED", "ready", "close false"], &reset);
    check_connecting("lrw", &["connect", "write ERR_SOCKET_CLOSED", "ready", "close false"], &reset);
    check_connecting("rlw", &["connect", "write ERR_SOCKET_CLOSED", "ready", "close false"], &reset);
    check_connecting("rwe", &["write ERR_SOCKET_CLOSED", "end ERR_SOCKET_CLOSED", "ready", "close false"], &reset);
    check_connecting("re", &["ready", "end ERR_STREAM_DESTROYED", "close false"], &reset);
}

#[test]
fn fault_n_a_write_before_a_reset_leaves() {
    let got = ["data 1", "error ECONNRESET", "close true"];
    check_connecting("wr", &["write done", "ready", "close false"], &got);
    check_connecting("wrl", &["write done", "connect", "ready", "close false"], &got);
    check_connecting("wlr", &["write done", "connect", "ready", "close false"], &got);
}

/// A `connect` listener begins another connection: what was deferred for the first one is not that one's.
#[test]
fn fault_n_what_is_deferred_belongs_to_one_connection() {
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (reactor(), Trace::default());
    let mut server = reactor.create_server(|socket, _: &mut Trace| {
        watch(socket, "P");
        socket.resume();
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    socket.on_close(|_, _, trace| trace.push("S", "close")).on_finish(|_, trace| trace.push("S", "finish"));
    socket.once_connect(move |socket, _| {
        socket.destroy();
        socket.connect(([127, 0, 0, 1], port)).write_then("second", note("second"));
        socket.end_then("", note("end"));
    });
    socket.write_then("first", note("first"));
    run(&mut reactor, &mut trace);
    let said = trace.of("S");
    assert_eq!(said.iter().filter(|entry| *entry == "first ERR_SOCKET_CLOSED").count(), 1, "{said:?}");
    let rest: Vec<_> = said.iter().filter(|entry| !entry.starts_with("first")).map(String::as_str).collect();
    assert_eq!(rest, ["close", "second done", "end done", "finish", "close"]);
    assert_eq!(trace.of("P").iter().filter(|entry| *entry == "data 6").count(), 1, "{:?}", trace.of("P"));
}
