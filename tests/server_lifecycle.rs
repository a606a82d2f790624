//! What a server says, in order: listening, accepting, refusing and closing as Node's `net.Server` does.

mod util;

use netloop::{Outcome, Reactor, ServerId, ServerOptions, Socket, SocketId};
use util::{Trace, close, closed, run, run_some, run_until, watch, watch_quiet, watch_server, with};

/// Bound inside `listen`.
const LOCALHOST: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
/// Bound a tick later, as every textual host.
const LOCALHOST_TEXT: (&str, u16) = ("127.0.0.1", 0);

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server "V" that listens on 127.0.0.1; and its port.
fn serve<R: Outcome>(
    reactor: &mut Reactor<Trace>,
    options: ServerOptions,
    on_connection: impl FnMut(&mut Socket<'_, Trace>, &mut Trace) -> R + 'static,
) -> (ServerId, u16) {
    let mut server = reactor.create_server_with(options, on_connection);
    watch_server(&mut server, "V");
    server.listen(LOCALHOST);
    (server.id(), server.port().expect("bound inside listen"))
}

/// A server "V" that does not listen yet.
fn idle(reactor: &mut Reactor<Trace>) -> ServerId {
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server.id()
}

/// A port that is in use, by a server nobody watches.
fn occupied(reactor: &mut Reactor<Trace>) -> (ServerId, u16) {
    let mut server = reactor.create_server(|_, _| {});
    let port = server.listen(LOCALHOST).port().expect("bound inside listen");
    (server.id(), port)
}

/// A client that flows.
fn client(reactor: &mut Reactor<Trace>, port: u16, name: &str) -> SocketId {
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, name);
    socket.id()
}

/// Closes the server when this socket has closed.
fn close_after(reactor: &mut Reactor<Trace>, socket: SocketId, server: ServerId) {
    with(reactor, socket, |socket| {
        socket.on_close(move |socket, _, _| close(socket.reactor(), server));
    });
}

/// A01.
#[test]
fn a_server_listens_then_closes() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| watch(socket, "S"));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| {
        socket.end_with("hello");
        socket.on_close(move |socket, _, _| {
            socket.reactor().server(server).expect("it listens").close_then(closed("V", "closed"));
        });
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close", "closed()"]);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
    trace.check("S", &["data 5", "end", "finish", "close false"]);
    assert!(reactor.server(server).is_none(), "a closed server is gone");
}

/// A02, §2.4: no `close` between.
#[test]
fn listen_again_after_an_address_in_use() {
    let (mut reactor, mut trace) = setup();
    let (other, port) = occupied(&mut reactor);
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(([127, 0, 0, 1], port));
    assert!(!server.is_listening());
    assert_eq!(server.address(), None);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "error EADDRINUSE"));
    run_some(&mut reactor, &mut trace, 3);
    reactor.server(id).expect("a failed listen does not end a server").listen(LOCALHOST);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "listening"));
    trace.check("V", &["error EADDRINUSE", "listening"]);
    close(&mut reactor, id);
    close(&mut reactor, other);
    run(&mut reactor, &mut trace);
}

/// A03, Q-14.
#[test]
fn a_listener_of_listening_outlives_a_failed_listen() {
    let (mut reactor, mut trace) = setup();
    let (other, port) = occupied(&mut reactor);
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.once_listening(|_, trace: &mut Trace| trace.push("V", "first")).listen(([127, 0, 0, 1], port));
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "error EADDRINUSE"));
    let mut server = reactor.server(id).expect("a failed listen does not end a server");
    server.once_listening(|_, trace: &mut Trace| trace.push("V", "second")).listen(LOCALHOST);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "second"));
    close(&mut reactor, id);
    close(&mut reactor, other);
    run(&mut reactor, &mut trace);
    trace.check("V", &["error EADDRINUSE", "listening", "first", "second", "close"]);
}

/// §2.4.
#[test]
fn listen_again_inside_the_error_listener() {
    let (mut reactor, mut trace) = setup();
    let (other, port) = occupied(&mut reactor);
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(([127, 0, 0, 1], port)).on_error(move |server, _, _| {
        assert_eq!((server.is_listening(), server.address()), (false, None));
        server.listen(LOCALHOST);
        close(server.reactor(), other);
    });
    server.on_listening(|server, _| server.close());
    run(&mut reactor, &mut trace);
    trace.check("V", &["error EADDRINUSE", "listening", "close"]);
}

/// A04.
#[test]
fn close_right_after_listen_keeps_listening_away() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(0);
    server.close_then(closed("V", "closed"));
    assert!(!server.is_listening());
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "closed()"]);
}

/// A05.
#[test]
fn close_right_after_listen_at_a_textual_host_was_not_running() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(LOCALHOST_TEXT);
    server.close_then(closed("V", "closed"));
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "closed(ERR_SERVER_NOT_RUNNING)"]);
}

/// A06; the message is of §5.2.
#[test]
fn close_of_a_server_that_never_listened_still_emits_close() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    reactor.server(id).expect("just made").close_then(|_, result, trace| {
        let error = result.expect_err("it did not listen");
        trace.push("V", format!("closed {} {error}", error.code()));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "closed ERR_SERVER_NOT_RUNNING Server is not running."]);
}

/// A07, Q-02.
#[test]
fn a_second_close_emits_close_again() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(LOCALHOST);
    server.close_then(closed("V", "first"));
    server.close_then(closed("V", "second"));
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "first()", "second(ERR_SERVER_NOT_RUNNING)", "close"]);
}

/// A08.
#[test]
fn listen_right_after_close_listens() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(LOCALHOST);
    server.close();
    server.listen(LOCALHOST);
    server.once_listening(|server, _| server.close());
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "listening", "close"]);
}

/// §2.10: reuse after close is unlimited.
#[test]
fn a_server_listens_again_in_its_close_listener() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut rounds = 0;
    let mut server = reactor.server(id).expect("just made");
    server.listen(LOCALHOST).on_listening(|server, _| server.close()).on_close(move |server, _| {
        rounds += 1;
        if rounds < 3 {
            server.listen(LOCALHOST);
        }
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close", "listening", "close", "listening", "close"]);
}

/// A09, O10, Q-17: the server's `close` comes before that of its last socket.
#[test]
fn close_waits_for_the_last_connection() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| {
        watch(socket, "S");
        socket.on_close(|_, _, trace: &mut Trace| trace.push("order", "socket"));
    });
    let c = client(&mut reactor, port, "C");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection") && trace.has("C", "ready"));
    let mut server = reactor.server(id).expect("it listens");
    server.on_close(|_, trace| trace.push("order", "server"));
    server.close_then(closed("V", "closed"));
    assert_eq!((server.is_listening(), server.address(), server.connection_count()), (false, None, 1));
    run_some(&mut reactor, &mut trace, 3);
    trace.check("V", &["listening", "connection"]);
    with(&mut reactor, c, |socket| socket.end());
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close", "closed()"]);
    trace.check("S", &["end", "finish", "close false"]);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
    trace.check("order", &["server", "socket"]);
}

/// A10.
#[test]
fn close_inside_the_connection_listener_keeps_the_connection() {
    let (mut reactor, mut trace) = setup();
    let (_, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| {
        watch(socket, "S");
        let server = socket.server().expect("accepted");
        socket.reactor().server(server).expect("it listens").close_then(closed("V", "closed"));
    });
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| socket.end_with("hi"));
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close", "closed()"]);
    trace.check("S", &["data 2", "end", "finish", "close false"]);
}

/// A11; the payload of `drop` is of §2.6.
#[test]
fn one_connection_too_many_is_dropped_with_both_addresses() {
    let (mut reactor, mut trace) = setup();
    let options = ServerOptions::new().max_connections(1);
    let (id, port) = serve(&mut reactor, options, |socket, _| watch(socket, "S"));
    reactor.server(id).expect("it listens").on_drop(|_, dropped, trace: &mut Trace| {
        trace.push("local", dropped.local.as_ref().expect("TCP").to_string());
        trace.push("remote", dropped.remote.as_ref().expect("TCP").to_string());
    });
    let a = client(&mut reactor, port, "A");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection") && trace.has("A", "ready"));
    let b = client(&mut reactor, port, "B");
    with(&mut reactor, b, |socket| {
        socket.on_connect(|socket, trace| trace.push("peer", socket.local_address().expect("connected").to_string()));
        socket.on_close(move |socket, _, _| socket.other(a).expect("it is open").end());
    });
    close_after(&mut reactor, a, id);
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "drop", "close"]);
    trace.check("B", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "end", "finish", "close false"]);
    trace.check("S", &["end", "finish", "close false"]);
    trace.check("local", &[&format!("127.0.0.1:{port}")]);
    assert_eq!(trace.of("remote"), trace.of("peer"));
}

/// A12.
#[test]
fn a_limit_of_no_connections_drops_every_one() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new().max_connections(0), |socket, _| watch(socket, "S"));
    let c = client(&mut reactor, port, "C");
    close_after(&mut reactor, c, id);
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "drop", "close"]);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "end", "finish", "close false"]);
    trace.check("S", &[]);
}

/// A13.
#[cfg(unix)]
#[test]
fn a_dropped_local_connection_has_no_addresses() {
    let (mut reactor, mut trace) = setup();
    let (dir, id) = (util::TempDir::new(), idle(&mut reactor));
    let path = dir.path("v.sock");
    let mut server = reactor.server(id).expect("just made");
    server.set_max_connections(0).listen(&path).on_drop(|_, dropped, _| {
        assert_eq!((&dropped.local, &dropped.remote), (&None, &None));
    });
    let mut socket = reactor.connect(&path);
    watch(&mut socket, "C");
    let c = socket.id();
    close_after(&mut reactor, c, id);
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "drop", "close"]);
    trace.check("C", &["connectionAttempt v.sock", "connect", "ready", "end", "finish", "close false"]);
}

/// §2.6: the limit counts at every single accept, and may change at any time.
#[test]
fn the_limit_holds_inside_one_batch_of_accepts() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new().max_connections(2), |socket, _| watch(socket, "S"));
    let clients: Vec<_> = (0..5).map(|n| client(&mut reactor, port, &format!("C{n}"))).collect();
    run_until(&mut reactor, &mut trace, |_, trace| trace.of("V").len() == 6);
    assert_eq!(trace.of("V").iter().filter(|event| *event == "drop").count(), 3, "{trace:#?}");
    let mut server = reactor.server(id).expect("it listens");
    assert_eq!(server.connection_count(), 2);
    server.set_max_connections(None);
    let more = client(&mut reactor, port, "more");
    run_until(&mut reactor, &mut trace, |_, trace| trace.of("V").len() == 7);
    assert!(trace.of("V").ends_with(&["connection".to_owned()]), "{trace:#?}");
    close(&mut reactor, id);
    for socket in clients.into_iter().chain([more]) {
        with(&mut reactor, socket, |socket| socket.destroy());
    }
    run(&mut reactor, &mut trace);
}

/// A15, §2.8: no read is issued until `resume`; a `data` listener does not start it.
#[test]
fn a_connection_of_a_pausing_server_reads_nothing_until_resume() {
    let (mut reactor, mut trace) = setup();
    let options = ServerOptions::new().pause_on_connect(true);
    let (id, port) = serve(&mut reactor, options, |socket, _| watch_quiet(socket, "S"));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| socket.end_with("hi"));
    close_after(&mut reactor, c, id);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "finish") && trace.has("V", "connection"));
    let s = reactor.server(id).expect("it listens").connections().next().expect("accepted");
    with(&mut reactor, s, |socket| util::watch_data(socket, "S"));
    run_some(&mut reactor, &mut trace, 5);
    trace.check("S", &[]);
    with(&mut reactor, s, |socket| {
        assert!(socket.is_paused());
        assert_eq!((socket.bytes_read(), socket.readable_length(), socket.readable_flowing()), (0, 0, Some(false)));
        socket.resume();
    });
    run(&mut reactor, &mut trace);
    trace.check("S", &["data 2", "end", "finish", "close false"]);
}

/// §2.8: an end without data is not noticed either.
#[test]
fn a_connection_of_a_pausing_server_notices_no_end_until_resume() {
    let (mut reactor, mut trace) = setup();
    let options = ServerOptions::new().pause_on_connect(true);
    let (id, port) = serve(&mut reactor, options, |socket, _| watch_quiet(socket, "S"));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| socket.end());
    close_after(&mut reactor, c, id);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "finish") && trace.has("V", "connection"));
    run_some(&mut reactor, &mut trace, 5);
    trace.check("S", &[]);
    let s = reactor.server(id).expect("it listens").connections().next().expect("accepted");
    with(&mut reactor, s, |socket| socket.resume());
    run(&mut reactor, &mut trace);
    trace.check("S", &["end", "finish", "close false"]);
}

/// §2.8, C26: nor a reset; what came before it is still read.
#[test]
fn a_connection_of_a_pausing_server_notices_no_reset_until_resume() {
    if !util::resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let options = ServerOptions::new().pause_on_connect(true);
    let (id, port) = serve(&mut reactor, options, |socket, _| watch(socket, "S"));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| {
        socket.on_ready(|socket, _| socket.write_then("abc", |socket, _, _| socket.reset_and_destroy()));
    });
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "close false") && trace.has("V", "connection"));
    run_some(&mut reactor, &mut trace, 5);
    trace.check("S", &[]);
    let s = reactor.server(id).expect("it listens").connections().next().expect("accepted");
    with(&mut reactor, s, |socket| socket.resume());
    close(&mut reactor, id);
    run(&mut reactor, &mut trace);
    trace.check("S", &["data 3", "error ECONNRESET", "close true"]);
}

/// A18: a peer that waits in the kernel's queue is reset.
#[test]
fn close_resets_the_peers_that_were_not_accepted() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| watch(socket, "S"));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| {
        socket.on_connection_attempt(move |socket, _, _| socket.next_tick(move |socket, _| close(socket.reactor(), id)));
        socket.on_error(move |_, error, trace| trace.push("message", error.to_string()));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close"]);
    let failed = "connectionAttemptFailed 127.0.0.1:P ECONNRESET";
    trace.check("C", &["connectionAttempt 127.0.0.1:P", failed, "error ECONNRESET", "close true"]);
    trace.check("message", &[&format!("connect ECONNRESET 127.0.0.1:{port}")]);
}

/// A19, §2.9.
#[test]
fn destroy_frees_a_slot_at_once() {
    let (mut reactor, mut trace) = setup();
    let options = ServerOptions::new().max_connections(1);
    let (id, port) = serve(&mut reactor, options, |socket, _| watch(socket, "S"));
    client(&mut reactor, port, "A");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection"));
    let server = reactor.server(id).expect("it listens");
    assert_eq!(server.connection_count(), 1);
    let s = server.connections().next().expect("accepted");
    with(&mut reactor, s, |socket| socket.destroy());
    assert_eq!(reactor.server(id).expect("it listens").connection_count(), 0);
    let b = client(&mut reactor, port, "B");
    with(&mut reactor, b, |socket| socket.end());
    close_after(&mut reactor, b, id);
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "connection", "close"]);
    trace.check("B", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
}

/// §2.4: no error; only the newest proceeds, and both listeners hear of it.
#[test]
fn of_two_pending_listens_the_newest_proceeds() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.once_listening(|_, trace: &mut Trace| trace.push("V", "first")).listen(LOCALHOST_TEXT);
    server.once_listening(|server, trace: &mut Trace| {
        trace.push("V", "second");
        server.close();
    });
    server.listen(LOCALHOST_TEXT);
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "first", "second", "close"]);
}

/// §2.4, §5.2: Node throws; here it comes as `error`, and the server goes on.
#[test]
fn listen_of_a_listening_server_is_an_error_and_changes_nothing() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| watch(socket, "S"));
    let mut server = reactor.server(id).expect("it listens");
    server.listen(0).on_error(|_, error, trace: &mut Trace| trace.push("message", error.to_string()));
    server.listen(LOCALHOST_TEXT);
    assert_eq!(server.port(), Some(port));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| socket.end());
    close_after(&mut reactor, c, id);
    run(&mut reactor, &mut trace);
    let twice = "error ERR_SERVER_ALREADY_LISTEN";
    trace.check("V", &["listening", twice, twice, "connection", "close"]);
    let text = "Listen method has been called more than once without closing.";
    trace.check("message", &[text, text]);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
}

/// §2.7.
#[test]
fn close_leaves_the_connections_alone() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| {
        watch(socket, "S");
        socket.on_data(|socket, chunk, _| socket.write(chunk));
    });
    let c = client(&mut reactor, port, "C");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection") && trace.has("C", "ready"));
    close(&mut reactor, id);
    with(&mut reactor, c, |socket| socket.end_with("still here"));
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "data 10", "end", "close false"]);
    trace.check("V", &["listening", "connection", "close"]);
}

/// §2.9: `unref` before `listen` is remembered; `ref_` undoes it.
#[test]
fn an_unrefd_server_does_not_hold_the_loop() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.unref().listen(LOCALHOST);
    assert!(!server.has_ref());
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening"]);
    let mut server = reactor.server(id).expect("it listens");
    assert!(server.is_listening());
    server.ref_();
    assert!(server.has_ref());
    assert!(reactor.is_alive());
    reactor.server(id).expect("it listens").unref();
    assert!(!reactor.is_alive());
}

/// §2.9: accepted sockets are independent of it.
#[test]
fn a_connection_of_an_unrefd_server_holds_the_loop() {
    let (mut reactor, mut trace) = setup();
    let (id, port) = serve(&mut reactor, ServerOptions::new(), |socket, _| watch(socket, "S"));
    let c = client(&mut reactor, port, "C");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection") && trace.has("C", "ready"));
    reactor.server(id).expect("it listens").unref();
    with(&mut reactor, c, |socket| {
        socket.unref();
    });
    assert!(reactor.is_alive());
    with(&mut reactor, c, |socket| socket.end());
    run(&mut reactor, &mut trace);
    trace.check("S", &["end", "finish", "close false"]);
    trace.check("V", &["listening", "connection"]);
    assert!(!reactor.is_alive());
}

/// §2.8, measured: as a stream that does not read is no active handle of libuv.
#[test]
fn a_connection_that_was_never_resumed_does_not_hold_the_loop() {
    let (mut reactor, mut trace) = setup();
    let options = ServerOptions::new().pause_on_connect(true);
    let (id, port) = serve(&mut reactor, options, |socket, _| watch_quiet(socket, "S"));
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| {
        socket.unref();
    });
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection") && trace.has("C", "ready"));
    close(&mut reactor, id);
    run(&mut reactor, &mut trace);
    assert!(!reactor.is_alive());
    trace.check("S", &[]);
    let s = reactor.server(id).expect("it has a connection").connections().next().expect("accepted");
    with(&mut reactor, s, |socket| socket.destroy());
    run(&mut reactor, &mut trace);
    trace.check("S", &["close false"]);
    trace.check("V", &["listening", "connection", "close"]);
}
