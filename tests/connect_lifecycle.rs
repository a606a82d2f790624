//! What a socket says, in order, from `connect` on: success, refusal, misuse, and everything that ends it before.

mod util;

use netloop::{ConnectOptions, Error, Outcome, Reactor, ReadyState, ServerId, Socket, SocketId, SocketOptions, code};
use util::{Trace, check_error, close, done, mask_ports, refused_port, run, watch, watch_quiet, with};

const ATTEMPT: &str = "connectionAttempt 127.0.0.1:P";
const REFUSED: &str = "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED";

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server whose sockets are watched as "S"; and its port.
fn serve(reactor: &mut Reactor<Trace>) -> (ServerId, u16) {
    serve_with(reactor, |_, _| {})
}

fn serve_with<R: Outcome>(
    reactor: &mut Reactor<Trace>,
    mut on_connection: impl FnMut(&mut Socket<'_, Trace>, &mut Trace) -> R + 'static,
) -> (ServerId, u16) {
    let mut server = reactor.create_server(move |socket, trace| {
        watch(socket, "S");
        on_connection(socket, trace)
    });
    server.listen(([127, 0, 0, 1], 0));
    (server.id(), server.port().expect("bound inside listen"))
}

/// A socket "C" that connects and flows.
fn connect(reactor: &mut Reactor<Trace>, port: u16) -> Socket<'_, Trace> {
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket
}

/// A socket "C" without a connection.
fn fresh(reactor: &mut Reactor<Trace>) -> Socket<'_, Trace> {
    let mut socket = reactor.new_socket(SocketOptions::new());
    watch_quiet(&mut socket, "C");
    socket
}

/// Closes the server in the socket's `close`.
fn and_close(socket: &mut Socket<'_, Trace>, server: ServerId) {
    socket.on_close(move |socket, _, _| close(socket.reactor(), server));
}

/// Keeps the socket's error for a look at its fields.
fn keep_error(socket: &mut Socket<'_, Trace>) -> std::sync::mpsc::Receiver<Error> {
    let (sender, receiver) = std::sync::mpsc::channel();
    socket.on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits"));
    receiver
}

/// B01; a textual literal is no different.
#[test]
fn an_address_is_attempted_then_connected_then_ready() {
    for textual in [false, true] {
        let (mut reactor, mut trace) = setup();
        let (server, port) = serve(&mut reactor);
        let mut socket = match textual {
            false => reactor.connect(([127, 0, 0, 1], port)),
            true => reactor.connect(("127.0.0.1", port)),
        };
        watch(&mut socket, "C");
        socket.once_connect(|_, trace| trace.push("C", "callback"));
        assert!(socket.is_connecting() && socket.is_pending());
        assert_eq!(socket.ready_state(), ReadyState::Opening);
        and_close(&mut socket, server);
        socket.on_ready(|socket, _| {
            assert!(!socket.is_connecting() && !socket.is_pending());
            assert_eq!(socket.ready_state(), ReadyState::Open);
            socket.end();
        });
        run(&mut reactor, &mut trace);
        trace.check("C", &[ATTEMPT, "connect", "callback", "ready", "finish", "end", "close false"]);
        trace.check("S", &["end", "finish", "close false"]);
    }
}

/// §6: the same of a path, which has no addresses.
#[cfg(unix)]
#[test]
fn a_path_is_attempted_then_connected_then_ready() {
    let (mut reactor, mut trace) = setup();
    let dir = util::TempDir::new();
    let path = dir.path("v.sock");
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    util::watch_server(&mut server, "V");
    let id = server.listen(&path).id();
    let mut socket = reactor.connect(&path);
    watch(&mut socket, "C");
    and_close(&mut socket, id);
    socket.on_ready(|socket, _| {
        assert_eq!((socket.local_address(), socket.remote_address()), (None, None));
        socket.end_with("hi");
    });
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt v.sock", "connect", "ready", "finish", "end", "close false"]);
    trace.check("S", &["data 2", "end", "finish", "close false"]);
    trace.check("V", &["listening", "connection", "close"]);
}

/// B03, §5.1, §3.3: at `connectionAttemptFailed` the socket looks open.
#[test]
fn a_refused_connect_fails_then_closes() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    let mut socket = connect(&mut reactor, port);
    let error = keep_error(&mut socket);
    socket.on_connection_attempt_failed(move |socket, address, error, _| {
        assert_eq!((address.port(), error.code()), (Some(port), code::ECONNREFUSED));
        assert_eq!(socket.ready_state(), ReadyState::Open);
        assert_eq!((socket.is_connecting(), socket.is_pending(), socket.is_destroyed()), (false, false, false));
    });
    socket.on_error(|socket, _, _| {
        assert_eq!(socket.ready_state(), ReadyState::Closed);
        assert_eq!((socket.is_connecting(), socket.is_pending(), socket.is_destroyed()), (false, true, true));
    });
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, REFUSED, "error ECONNREFUSED", "close true"]);
    let message = format!("connect ECONNREFUSED 127.0.0.1:{port}");
    check_error(&error.try_recv().expect("heard"), ("ECONNREFUSED", "connect", "127.0.0.1", Some(port)), &message);
}

/// B17.
#[test]
fn destroy_before_the_connection_fails_what_was_written() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.write_then("a", done("C", "a"));
    socket.write_then("b", done("C", "b"));
    socket.end_then("", done("C", "end"));
    socket.destroy();
    assert_eq!((socket.is_connecting(), socket.ready_state()), (false, ReadyState::Closed));
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    let unconnected = |what: &str| format!("{what}(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)");
    trace.check("C", &["close false", &unconnected("a"), &unconnected("b"), &unconnected("end")]);
    trace.check("S", &[]);
}

/// B17 without a write: the end is cancelled on a tick.
#[test]
fn destroy_before_the_connection_fails_an_end() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.end_then("", done("C", "end"));
    socket.destroy();
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &["end(ERR_STREAM_DESTROYED)", "close false"]);
}

/// B18.
#[test]
fn a_refusal_fails_what_was_written() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    let mut socket = connect(&mut reactor, port);
    socket.write_then("a", done("C", "a"));
    socket.write_then("b", done("C", "b"));
    socket.end_then("c", done("C", "end"));
    run(&mut reactor, &mut trace);
    let unconnected = "a(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)";
    let expected = [ATTEMPT, REFUSED, "error ECONNREFUSED", "close true", unconnected, "b(ECONNREFUSED)", "end(ECONNREFUSED)"];
    trace.check("C", &expected);
}

/// B18 without a write: the end fails before `error`.
#[test]
fn a_refusal_fails_an_end_first() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    connect(&mut reactor, port).end_then("", done("C", "end"));
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, REFUSED, "end(ECONNREFUSED)", "error ECONNREFUSED", "close true"]);
}

/// B19.
#[test]
fn an_end_while_connecting_waits_for_the_connection() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.end_then("bye", done("C", "end"));
    assert_eq!(socket.ready_state(), ReadyState::Opening);
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready", "end()", "finish", "end", "close false"]);
    trace.check("S", &["data 3", "end", "finish", "close false"]);
}

/// B20: the first write is done between `connect` and `ready`, the others after.
#[test]
fn the_first_write_before_the_connection_is_done_before_ready() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.write_then("a", done("C", "first"));
    socket.write_then("b", done("C", "second"));
    socket.on_connect(|socket, _| socket.write_then("c", done("C", "third")));
    socket.on_ready(|socket, _| socket.end());
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    let written = ["first()", "ready", "second()", "third()"];
    trace.check("C", &[&[ATTEMPT, "connect"][..], &written, &["finish", "end", "close false"]].concat());
    trace.check("S", &["data 3", "end", "finish", "close false"]);
}

/// B21.
#[test]
fn a_full_queue_drains_between_connect_and_ready() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    assert!(socket.write(vec![0; 65_535]));
    assert!(!socket.write([0]));
    assert_eq!((socket.bytes_written(), socket.writable_length()), (65_536, 65_536));
    socket.on_ready(|socket, _| socket.end());
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "drain", "ready", "finish", "end", "close false"]);
    trace.check("S", &["data 65536", "end", "finish", "close false"]);
}

/// B22: what was written fails as with a refusal.
#[test]
fn a_bad_local_end_fails_what_was_written() {
    let (mut reactor, mut trace) = setup();
    let options = ConnectOptions::new().local_address([198, 51, 100, 7].into());
    let mut socket = reactor.connect_with(([127, 0, 0, 1], 9), options);
    watch(&mut socket, "C");
    socket.write_then("a", done("C", "a"));
    socket.write_then("b", done("C", "b"));
    run(&mut reactor, &mut trace);
    let written = ["a(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)", "b(EADDRNOTAVAIL)"];
    trace.check("C", &[&["error EADDRNOTAVAIL", "close true"][..], &written].concat());
}

/// B27, §5.1.
#[test]
fn a_second_connect_while_connecting_fails_the_first() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve_with(&mut reactor, |socket, _| {
        let server = socket.server().expect("accepted");
        close(socket.reactor(), server);
    });
    let mut socket = connect(&mut reactor, port);
    let error = keep_error(&mut socket);
    socket.connect(([127, 0, 0, 1], port));
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, ATTEMPT, "error EALREADY", "close true"]);
    trace.check("S", &["end", "finish", "close false"]);
    let error = error.try_recv().expect("heard");
    assert_eq!(mask_ports(&error.to_string()), "connect EALREADY 127.0.0.1:P - Local (127.0.0.1:P)");
    check_error(&error, ("EALREADY", "connect", "127.0.0.1", Some(port)), &error.to_string());
    assert!(reactor.server(server).is_none());
}

/// an error, and nothing changes.
#[test]
fn connect_on_a_connected_socket_is_an_error_and_changes_nothing() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.on_ready(move |socket, _| {
        socket.connect(([127, 0, 0, 1], port));
        assert_eq!((socket.ready_state(), socket.remote_port()), (ReadyState::Open, Some(port)));
    });
    socket.on_error(|socket, _, _| {
        assert_eq!(socket.ready_state(), ReadyState::Open);
        socket.end_with("still here");
    });
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready", "error EISCONN", "finish", "end", "close false"]);
    trace.check("S", &["data 10", "end", "finish", "close false"]);
}

/// B28: `ready` comes with its `connect`.
#[test]
fn destroy_in_the_connect_listener_still_brings_ready() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.on_connect(|socket, _| socket.destroy());
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready", "close false"]);
}

///
#[test]
fn destroy_in_the_attempt_listener_drops_the_attempt() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.on_connection_attempt(|socket, _, _| socket.destroy());
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "close false"]);
    trace.check("S", &[]);
}

/// §3.3: the refusal itself is swallowed then.
#[test]
fn destroy_in_the_listener_of_a_failed_attempt_closes_without_an_error() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    connect(&mut reactor, port).on_connection_attempt_failed(|socket, _, _, _| socket.destroy());
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, REFUSED, "close false"]);
}

/// What becomes of a socket that never connects. `close` has no argument in Node, which counts as false.
#[track_caller]
fn check_unconnected(act: impl FnOnce(&mut Socket<'_, Trace>), expected: &[&str]) -> (Reactor<Trace>, Trace, SocketId) {
    let (mut reactor, mut trace) = setup();
    let mut socket = fresh(&mut reactor);
    let id = socket.id();
    act(&mut socket);
    run(&mut reactor, &mut trace);
    trace.check("C", expected);
    (reactor, trace, id)
}

/// B29.
#[test]
fn destroy_without_a_connection_closes() {
    let (mut reactor, _, id) = check_unconnected(|socket| socket.destroy(), &["close false"]);
    assert!(reactor.socket(id).is_none());
}

/// B30.
#[test]
fn destroy_with_an_error_without_a_connection_closes_without_one() {
    check_unconnected(|socket| socket.destroy_with("mine"), &["error ERR_USER", "close false"]);
}

/// B31, §5.2.
#[test]
fn write_without_a_connection_fails_and_closes() {
    let expected = ["write(ERR_SOCKET_CLOSED)", "error ERR_SOCKET_CLOSED", "Socket is closed", "close false"];
    let act = |socket: &mut Socket<'_, Trace>| {
        socket.on_error(|_, error, trace| trace.push("C", error.to_string()));
        assert!(!socket.write_then("x", done("C", "write")));
    };
    check_unconnected(act, &expected);
}

/// B32, §3.6: it stays read-only without `close`; a later connect begins anew.
#[test]
fn end_without_a_connection_finishes_and_stays() {
    let (mut reactor, mut trace, id) = check_unconnected(|socket| socket.end_then("", done("C", "end")), &["end()", "finish"]);
    trace.clear();
    let (server, port) = serve(&mut reactor);
    with(&mut reactor, id, |socket| {
        assert_eq!((socket.ready_state(), socket.is_pending()), (ReadyState::ReadOnly, true));
        assert!(socket.writable_finished());
        and_close(socket, server);
        socket.on_ready(|socket, _| {
            assert_eq!(socket.ready_state(), ReadyState::Open);
            socket.end_with("x");
        });
        socket.connect(([127, 0, 0, 1], port)).resume();
    });
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready", "finish", "end", "close false"]);
    trace.check("S", &["data 1", "end", "finish", "close false"]);
}

/// C35, §5.2.
#[test]
fn reset_without_a_connection_is_an_error() {
    let act = |socket: &mut Socket<'_, Trace>| {
        socket.on_error(|_, error, trace| trace.push("C", error.to_string()));
        socket.reset_and_destroy();
    };
    check_unconnected(act, &["error ERR_SOCKET_CLOSED", "Socket is closed", "close false"]);
}

/// C58.
#[test]
fn destroy_soon_without_a_connection_finishes_then_closes() {
    check_unconnected(|socket| socket.destroy_soon(), &["finish", "close false"]);
}

/// B33: the whole sequence again, with counters that begin anew.
#[test]
fn connect_in_the_close_listener_begins_a_new_life() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    let mut lives = 0;
    socket.end_with("abc");
    socket.on_close(move |socket, _, _| {
        lives += 1;
        assert_eq!(socket.bytes_written(), 3);
        if lives == 3 {
            close(socket.reactor(), server);
            return;
        }
        socket.connect(([127, 0, 0, 1], port));
        assert_eq!((socket.bytes_written(), socket.ready_state()), (0, ReadyState::Opening));
        assert!(!socket.is_destroyed() && socket.is_pending());
        socket.end_with("abc");
    });
    run(&mut reactor, &mut trace);
    let life = [ATTEMPT, "connect", "ready", "finish", "end", "close false"];
    trace.check("C", &[life, life, life].concat());
    let peer = ["data 3", "end", "finish", "close false"];
    trace.check("S", &[peer, peer, peer].concat());
}

/// B34: the old handle's `close` comes after the new attempt.
#[test]
fn connect_in_the_error_listener_begins_before_the_old_close() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    let mut again = true;
    connect(&mut reactor, port).on_error(move |socket, _, _| {
        if std::mem::take(&mut again) {
            socket.connect(([127, 0, 0, 1], port));
        }
    });
    run(&mut reactor, &mut trace);
    let second = [ATTEMPT, "close true", REFUSED, "error ECONNREFUSED", "close true"];
    trace.check("C", &[&[ATTEMPT, REFUSED, "error ECONNREFUSED"][..], &second].concat());
}

/// C34.
#[test]
fn reset_while_connecting_waits_for_the_connection() {
    if util::faults_are_injected("a reset that comes before a late accept leaves nothing to accept") {
        return;
    }
    if !util::resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.reset_and_destroy();
    assert!(socket.is_connecting());
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready", "close false"]);
    trace.check("S", &["error ECONNRESET", "close true"]);
}

/// C34 with a write: it leaves before the reset.
#[test]
fn reset_while_connecting_sends_what_was_written() {
    if !util::resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.write_then("q", done("C", "write"));
    socket.reset_and_destroy();
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "write()", "ready", "close false"]);
    trace.check("S", &["data 1", "error ECONNRESET", "close true"]);
}

/// §6: a peer that goes at once is accepted all the same. (`connectionAttempt` of a path is told on a tick, and not at all
/// if the socket is gone by then.)
#[cfg(unix)]
#[test]
fn destroy_right_after_connect_at_a_path_is_still_accepted() {
    let (mut reactor, mut trace) = setup();
    let dir = util::TempDir::new();
    let path = dir.path("v.sock");
    let mut server = reactor.create_server(|socket, _| {
        watch(socket, "S");
        let server = socket.server().expect("accepted");
        close(socket.reactor(), server);
    });
    util::watch_server(&mut server, "V");
    server.listen(&path);
    let mut socket = reactor.connect(&path);
    watch(&mut socket, "C");
    socket.destroy();
    run(&mut reactor, &mut trace);
    trace.check("C", &["close false"]);
    trace.check("S", &["end", "finish", "close false"]);
    trace.check("V", &["listening", "connection", "close"]);
}

/// C57.
#[test]
fn destroy_soon_while_connecting_sends_what_was_written() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let mut socket = connect(&mut reactor, port);
    socket.write_then("q", done("C", "write"));
    socket.destroy_soon();
    and_close(&mut socket, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "write()", "ready", "finish", "close false"]);
    trace.check("S", &["data 1", "end", "finish", "close false"]);
}
