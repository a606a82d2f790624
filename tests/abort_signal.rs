//! Abort signals: what they end, when, and for how long they hold.

mod util;

use netloop::{AbortSignal, ConnectOptions, Error, ListenOptions, Reactor, ServerId, Socket, SocketId, SocketOptions, code};
use util::{Trace, close, done, run, run_some, run_until, watch, watch_server};

const LOCALHOST: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A signal that was aborted before.
fn aborted(reactor: &mut Reactor<Trace>) -> AbortSignal {
    let signal = reactor.abort_signal();
    reactor.abort(signal);
    signal
}

/// A server "V" that ends what its clients end; and its port.
fn serve(reactor: &mut Reactor<Trace>) -> (ServerId, u16) {
    let mut server = reactor.create_server(|socket, _| {
        socket.on_data(|_, _, _| {}).on_error(|_, _, _| {});
    });
    watch_server(&mut server, "V");
    let port = server.listen(LOCALHOST).port().expect("bound inside listen");
    (server.id(), port)
}

/// A client "C" of that port, with a signal.
fn client(reactor: &mut Reactor<Trace>, port: u16, signal: AbortSignal) -> SocketId {
    let mut socket = reactor.connect_with(([127, 0, 0, 1], port), ConnectOptions::new().signal(signal));
    watch(&mut socket, "C");
    socket.id()
}

/// A server "V" that listens with a signal.
fn listen(reactor: &mut Reactor<Trace>, signal: AbortSignal) -> ServerId {
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server.listen_with(LOCALHOST, ListenOptions::new().signal(signal)).id()
}

fn is_destroyed(socket: &mut Socket<'_, Trace>) -> bool {
    socket.is_destroyed() && !socket.is_connecting() && socket.errored().map(Error::code) == Some(code::ABORT_ERR)
}

/// B26.
#[test]
fn an_abort_destroys_an_open_socket_at_once() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let c = client(&mut reactor, port, signal);
    let mut socket = reactor.socket(c).expect("just made");
    socket.on_connect(move |socket, trace| {
        socket.next_tick(|_, trace| trace.push("C", "tick"));
        socket.reactor().abort(signal);
        assert!(is_destroyed(socket));
        socket.reactor().set_immediate(|_, trace: &mut Trace| trace.push("C", "immediate"));
        trace.push("C", "aborted");
        close(socket.reactor(), server);
    });
    socket.on_error(|_, error, _| {
        assert_eq!((error.to_string().as_str(), error.syscall()), ("The operation was aborted", None));
    });
    run(&mut reactor, &mut trace);
    let expected =
        ["connectionAttempt 127.0.0.1:P", "connect", "aborted", "ready", "tick", "error ABORT_ERR", "immediate", "close true"];
    trace.check("C", &expected);
}

#[test]
fn an_abort_fails_the_writes_that_wait() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let c = client(&mut reactor, port, signal);
    reactor.socket(c).expect("just made").on_connect(move |socket, _| {
        socket.cork();
        socket.write_then("x", done("C", "w.cb"));
        socket.reactor().abort(signal);
        close(socket.reactor(), server);
    });
    run(&mut reactor, &mut trace);
    let expected = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "w.cb(ABORT_ERR)", "error ABORT_ERR", "close true"];
    trace.check("C", &expected);
}

#[test]
fn an_abort_while_connecting_leaves_an_error_and_a_close() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let c = client(&mut reactor, port, signal);
    let mut socket = reactor.socket(c).expect("just made");
    socket.write_then("x", done("C", "w1.cb"));
    socket.write_then("y", done("C", "w2.cb"));
    reactor.abort(signal);
    assert!(is_destroyed(&mut reactor.socket(c).expect("its close comes later")));
    close(&mut reactor, server);
    run(&mut reactor, &mut trace);
    let before = "w1.cb(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)";
    trace.check("C", &["error ABORT_ERR", "close true", before, "w2.cb(ABORT_ERR)"]);
}

#[test]
fn an_abort_during_a_lookup_leaves_an_error_and_a_close() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    watch(&mut reactor.connect_with(("localhost", 9), ConnectOptions::new().signal(signal)), "C");
    reactor.abort(signal);
    run(&mut reactor, &mut trace);
    trace.check("C", &["error ABORT_ERR", "close true"]);
}

/// §3.4.
#[test]
fn an_abort_inside_an_attempt_leaves_an_error_and_a_close() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let c = client(&mut reactor, port, signal);
    reactor.socket(c).expect("just made").on_connection_attempt(move |socket, _, _| socket.reactor().abort(signal));
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "close true"));
    close(&mut reactor, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "error ABORT_ERR", "close true"]);
}

/// Node connects in spite of it.
#[test]
fn nothing_is_tried_with_a_signal_that_was_aborted_before() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = aborted(&mut reactor);
    let c = client(&mut reactor, port, signal);
    let mut socket = reactor.socket(c).expect("just made");
    assert!(socket.is_connecting() && !socket.is_destroyed());
    socket.write_then("x", done("C", "w.cb"));
    watch(&mut reactor.connect_with(("localhost", port), ConnectOptions::new().signal(signal)), "name");
    let mut made = reactor.new_socket(SocketOptions::new().signal(signal));
    watch(&mut made, "made");
    made.connect(([127, 0, 0, 1], port));
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "close true"));
    run_some(&mut reactor, &mut trace, 5);
    close(&mut reactor, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &["error ABORT_ERR", "close true", "w.cb(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)"]);
    trace.check("name", &["error ABORT_ERR", "close true"]);
    trace.check("made", &["error ABORT_ERR", "close true"]);
    trace.check("V", &["listening", "close"]);
}

/// a path would be tried inside `connect`.
#[cfg(unix)]
#[test]
fn no_path_is_tried_with_a_signal_that_was_aborted_before() {
    let (mut reactor, mut trace) = setup();
    let dir = util::TempDir::new();
    let path = dir.path("v.sock");
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    let server = server.listen(&path).id();
    let signal = aborted(&mut reactor);
    watch(&mut reactor.connect_with(&path, ConnectOptions::new().signal(signal)), "C");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "close true"));
    run_some(&mut reactor, &mut trace, 5);
    close(&mut reactor, server);
    run(&mut reactor, &mut trace);
    trace.check("C", &["error ABORT_ERR", "close true"]);
    trace.check("V", &["listening", "close"]);
}

#[test]
fn a_socket_that_was_never_connected_is_aborted_too() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let mut socket = reactor.new_socket(SocketOptions::new().signal(signal));
    watch(&mut socket, "live");
    let id = socket.id();
    reactor.abort(signal);
    assert!(is_destroyed(&mut reactor.socket(id).expect("its close comes later")));
    let mut socket = reactor.new_socket(SocketOptions::new().signal(signal));
    watch(&mut socket, "before");
    assert!(!socket.is_destroyed(), "on the next tick");
    run(&mut reactor, &mut trace);
    trace.check("live", &["error ABORT_ERR", "close false"]);
    trace.check("before", &["error ABORT_ERR", "close false"]);
}

#[test]
fn a_signal_holds_for_one_life_of_a_socket() {
    for by_socket in [true, false] {
        let (mut reactor, mut trace) = setup();
        let (server, port) = serve(&mut reactor);
        let signal = reactor.abort_signal();
        let mut socket = match by_socket {
            true => reactor.new_socket(SocketOptions::new().signal(signal)),
            false => reactor.new_socket(SocketOptions::new()),
        };
        watch(&mut socket, "C");
        let first = if by_socket { ConnectOptions::new() } else { ConnectOptions::new().signal(signal) };
        socket.connect_with(([127, 0, 0, 1], port), first);
        socket.once_connect(move |socket, _| {
            socket.once_connect(move |socket, trace| {
                socket.reactor().abort(signal);
                trace.push("C", format!("destroyed {}", socket.is_destroyed()));
                socket.end();
            });
            socket.destroy();
        });
        socket.once_close(move |socket, _, _| {
            socket.connect(([127, 0, 0, 1], port)).on_close(move |socket, _, _| close(socket.reactor(), server));
        });
        run(&mut reactor, &mut trace);
        let attempt = "connectionAttempt 127.0.0.1:P";
        let first = [attempt, "connect", "ready", "close false"];
        let second = [attempt, "connect", "destroyed false", "ready", "finish", "end", "close false"];
        trace.check("C", &[&first[..], &second[..]].concat());
    }
}

/// An aborted socket may be used again, without the signal.
#[test]
fn a_socket_connects_again_after_an_abort() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let mut socket = reactor.new_socket(SocketOptions::new().signal(signal));
    watch(&mut socket, "C");
    socket.connect(([127, 0, 0, 1], port)).once_connect(move |socket, _| socket.reactor().abort(signal));
    socket.once_close(move |socket, _, _| {
        socket.connect(([127, 0, 0, 1], port)).on_close(move |socket, _, _| close(socket.reactor(), server));
        socket.end();
    });
    run(&mut reactor, &mut trace);
    let attempt = "connectionAttempt 127.0.0.1:P";
    let first = [attempt, "connect", "ready", "error ABORT_ERR", "close true"];
    let second = [attempt, "connect", "ready", "finish", "end", "close false"];
    trace.check("C", &[&first[..], &second[..]].concat());
}

#[test]
fn an_abort_after_the_close_of_a_socket_does_nothing() {
    let (mut reactor, mut trace) = setup();
    let (server, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let c = client(&mut reactor, port, signal);
    reactor.socket(c).expect("just made").on_close(move |socket, _, _| {
        socket.reactor().abort(signal);
        close(socket.reactor(), server);
    });
    reactor.socket(c).expect("just made").end();
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
}

/// In the order of binding; a second abort does nothing.
#[test]
fn one_signal_ends_many() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let other = reactor.abort_signal();
    for name in ["a", "b", "c"] {
        let mut socket = reactor.new_socket(SocketOptions::new().signal(signal));
        socket.on_error(move |_, error, trace: &mut Trace| trace.push("log", format!("{name} {}", error.code())));
    }
    let kept = reactor.new_socket(SocketOptions::new().signal(other)).id();
    listen(&mut reactor, signal);
    reactor.abort(signal);
    reactor.abort(signal);
    assert!(reactor.is_aborted(signal) && !reactor.is_aborted(other));
    run(&mut reactor, &mut trace);
    trace.check("log", &["a ABORT_ERR", "b ABORT_ERR", "c ABORT_ERR"]);
    trace.check("V", &["close"]);
    assert!(reactor.socket(kept).is_some_and(|socket| !socket.is_destroyed()));
}

/// An abort in a listener of the same abort's `error`.
#[test]
fn an_error_listener_may_abort_another_signal() {
    let (mut reactor, mut trace) = setup();
    let (first, second) = (reactor.abort_signal(), reactor.abort_signal());
    for (name, signal, next) in [("first", first, second), ("second", second, first)] {
        let mut socket = reactor.new_socket(SocketOptions::new().signal(signal));
        watch(&mut socket, name);
        socket.on_error(move |socket, _, _| socket.reactor().abort(next));
    }
    reactor.abort(first);
    run(&mut reactor, &mut trace);
    trace.check("first", &["error ABORT_ERR", "close false"]);
    trace.check("second", &["error ABORT_ERR", "close false"]);
}

#[test]
fn another_thread_aborts_by_a_remote() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let id = listen(&mut reactor, signal);
    let remote = reactor.remote();
    let thread = std::thread::spawn(move || remote.post(move |reactor, _| reactor.abort(signal)));
    run(&mut reactor, &mut trace);
    thread.join().expect("it only posts").expect("the reactor is there");
    assert!(reactor.server(id).is_none());
    trace.check("V", &["listening", "close"]);
}

/// Nobody hears it: a connect that was set up before `run` makes `run` return it.
#[test]
fn an_abort_of_a_connect_that_nobody_hears_ends_run() {
    let mut reactor = Reactor::<()>::new().expect("the system gives a selector");
    let signal = reactor.abort_signal();
    reactor.connect_with(([127, 0, 0, 1], 9), ConnectOptions::new().signal(signal));
    reactor.abort(signal);
    assert_eq!(reactor.run(&mut ()).expect_err("nobody hears it").code(), code::ABORT_ERR);
}

/// A16, §2.9.
#[test]
fn an_abort_closes_a_server_at_once() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let id = listen(&mut reactor, signal);
    reactor.server(id).expect("it listens").on_listening(move |server, _| {
        server.reactor().next_tick(|_, trace: &mut Trace| trace.push("V", "tick"));
        server.reactor().abort(signal);
        assert!(!server.is_listening());
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "tick", "close"]);
}

#[test]
fn an_abort_right_after_listen_keeps_listening_away() {
    for host in ["127.0.0.1", "localhost"] {
        let (mut reactor, mut trace) = setup();
        let signal = reactor.abort_signal();
        let mut server = reactor.create_server(|_, _| {});
        watch_server(&mut server, "V");
        server.listen_with((host, 0), ListenOptions::new().signal(signal));
        reactor.abort(signal);
        run(&mut reactor, &mut trace);
        trace.check("V", &["close"]);
    }
}

/// A17.
#[test]
fn a_server_whose_signal_was_aborted_before_closes_on_the_next_tick() {
    let (mut reactor, mut trace) = setup();
    let signal = aborted(&mut reactor);
    let id = listen(&mut reactor, signal);
    assert!(reactor.server(id).is_some_and(|server| server.is_listening()), "for a tick");
    reactor.next_tick(move |reactor, trace: &mut Trace| {
        let listening = reactor.server(id).is_some_and(|server| server.is_listening());
        trace.push("V", format!("tick, listening {listening}"));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["tick, listening false", "close"]);
}

#[test]
fn a_listen_at_a_textual_host_is_cancelled_by_a_signal_that_was_aborted_before() {
    for host in ["127.0.0.1", "localhost"] {
        let (mut reactor, mut trace) = setup();
        let signal = aborted(&mut reactor);
        let mut server = reactor.create_server(|_, _| {});
        watch_server(&mut server, "V");
        server.listen_with((host, 0), ListenOptions::new().signal(signal));
        run(&mut reactor, &mut trace);
        trace.check("V", &["close"]);
    }
}

#[test]
fn the_connections_of_an_aborted_server_stay() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let mut server = reactor.create_server(move |socket, _| {
        watch(socket, "S");
        socket.reactor().abort(signal);
    });
    watch_server(&mut server, "V");
    server.listen_with(LOCALHOST, ListenOptions::new().signal(signal));
    let port = server.port().expect("bound");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket.end();
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close"]);
    trace.check("S", &["end", "finish", "close false"]);
}

/// A server's signal holds until `close`, not beyond it.
#[test]
fn a_server_that_listens_again_is_free_of_its_old_signal() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let id = listen(&mut reactor, signal);
    let mut server = reactor.server(id).expect("it listens");
    server.once_close(move |server, _| {
        server.listen(LOCALHOST);
        server.reactor().abort(signal);
        assert!(server.is_listening());
    });
    server.close();
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "listening"));
    close(&mut reactor, id);
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "listening", "close"]);
}

/// As in Node: a failed listen has no `close`, so the signal still holds and closes what does not listen.
#[test]
fn a_signal_holds_beyond_a_failed_listen() {
    let (mut reactor, mut trace) = setup();
    let (other, port) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "W");
    server.listen_with(([127, 0, 0, 1], port), ListenOptions::new().signal(signal));
    server.on_error(move |server, _, _| server.reactor().abort(signal));
    let before = aborted(&mut reactor);
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "X");
    server.listen_with(([127, 0, 0, 1], port), ListenOptions::new().signal(before));
    close(&mut reactor, other);
    run(&mut reactor, &mut trace);
    trace.check("W", &["error EADDRINUSE", "close"]);
    trace.check("X", &["error EADDRINUSE", "close"]);
}

#[test]
fn the_signal_of_a_refused_listen_does_not_count() {
    let (mut reactor, mut trace) = setup();
    let (id, _) = serve(&mut reactor);
    let signal = reactor.abort_signal();
    reactor.server(id).expect("it listens").listen_with(LOCALHOST, ListenOptions::new().signal(signal));
    reactor.abort(signal);
    assert!(reactor.server(id).is_some_and(|server| server.is_listening()));
    close(&mut reactor, id);
    run(&mut reactor, &mut trace);
    trace.check("V", &["error ERR_SERVER_ALREADY_LISTEN", "close"]);
}
