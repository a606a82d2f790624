//! What Node's own tests pin down of servers, where no other test here does.

mod util;

use netloop::{Reactor, ServerId, SocketId};
use util::{Trace, close, closed, run, run_until, watch, watch_server, with};

const LOCALHOST: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server "V" that does not listen yet; its connections are "S".
fn idle(reactor: &mut Reactor<Trace>) -> ServerId {
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    watch_server(&mut server, "V");
    server.id()
}

/// A client that flows.
fn client(reactor: &mut Reactor<Trace>, port: u16, name: &str) -> SocketId {
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, name);
    socket.id()
}

/// test-net-server-listen-remove-callback.
#[test]
fn the_callback_of_a_listen_is_not_that_of_the_next() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut lives = ["second", "third"].into_iter();
    let mut server = reactor.server(id).expect("just made");
    server.once_listening(|_, trace| trace.push("V", "first")).listen(LOCALHOST);
    server.on_listening(|server, _| server.close());
    server.on_close(move |server, _| {
        if let Some(name) = lives.next() {
            server.once_listening(move |_, trace| trace.push("V", name)).listen(LOCALHOST);
        }
    });
    run(&mut reactor, &mut trace);
    let said = ["listening", "first", "close", "listening", "second", "close", "listening", "third", "close"];
    trace.check("V", &said);
}

/// test-net-server-reset.
#[test]
fn a_server_that_resets_all_its_connections_closes() {
    if !util::resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let port = reactor.server(id).expect("just made").listen(LOCALHOST).port().expect("bound inside listen");
    for name in ["A", "B", "C"] {
        client(&mut reactor, port, name);
    }
    run_until(&mut reactor, &mut trace, |reactor, trace| {
        reactor.server(id).is_some_and(|server| server.connection_count() == 3)
            && ["A", "B", "C"].iter().all(|name| trace.has(name, "ready"))
    });
    trace.clear();
    let mut server = reactor.server(id).expect("it listens");
    server.close_then(closed("V", "closed"));
    let connections: Vec<_> = server.connections().collect();
    connections.into_iter().for_each(|socket| with(&mut reactor, socket, |socket| socket.reset_and_destroy()));
    assert_eq!(reactor.server(id).expect("its close comes later").connection_count(), 0);
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "closed()"]);
    trace.check("S", &["close false"; 3]);
    for name in ["A", "B", "C"] {
        trace.check(name, &["error ECONNRESET", "close true"]);
    }
}

/// test-net-local-address-port.
#[test]
fn a_connection_has_the_local_address_its_server_listens_at() {
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, trace: &mut Trace| {
        trace.push("S", socket.local_address().expect("connected").to_string());
        assert_eq!(socket.local_port(), socket.local_address().and_then(|address| address.port()));
        let server = socket.server().expect("accepted");
        close(socket.reactor(), server);
    });
    let address = server.listen(LOCALHOST).address().expect("bound inside listen");
    let mut client = reactor.connect(address.clone());
    watch(&mut client, "C");
    client.on_connect(|client, _| client.end());
    run(&mut reactor, &mut trace);
    trace.check("S", &[&address.to_string()]);
}

/// test-net-after-close: of a socket that was connected and of its server, in their `close` listeners.
#[test]
fn calls_in_the_close_listener_are_harmless() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    let port = server.listen(LOCALHOST).port().expect("bound inside listen");
    server.on_close(|server, trace| {
        assert_eq!((server.address(), server.port(), server.is_listening(), server.connection_count()), (None, None, false, 0));
        server.set_max_connections(1).ref_().unref();
        trace.push("V", format!("{} connections", server.connections().count()));
    });
    let c = client(&mut reactor, port, "C");
    with(&mut reactor, c, |socket| {
        socket.end();
        socket.on_close(move |socket, _, _| {
            socket.set_no_delay(true).set_keep_alive(None).set_timeout(None).ref_().unref();
            socket.pause();
            socket.resume();
            socket.cork();
            socket.uncork();
            assert_eq!((socket.writable_length(), socket.local_address(), socket.remote_port()), (0, None, Some(port)));
            assert!(socket.is_destroyed() && socket.is_pending());
            close(socket.reactor(), id);
        });
    });
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
    trace.check("V", &["listening", "connection", "close", "0 connections"]);
    assert_eq!(reactor.handles().count(), 0);
}

/// test-net-during-close.
#[test]
fn addresses_may_be_asked_for_while_the_server_closes() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    let port = server.listen(LOCALHOST).port().expect("bound inside listen");
    server.on_listening(move |server, _| {
        let c = client(server.reactor(), port, "C");
        server.close();
        let socket = server.reactor().socket(c).expect("it connects");
        assert_eq!((socket.remote_address(), socket.remote_family(), socket.remote_port()), (None, None, None));
        assert_eq!((server.address(), server.port()), (None, None));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close"]);
}

/// test-pipe-unref, test-pipe-address.
#[cfg(unix)]
#[test]
fn an_unrefd_server_at_a_path_does_not_hold_the_loop() {
    let (mut reactor, mut trace, dir) = (util::reactor(), Trace::default(), util::TempDir::new());
    let (id, path) = (idle(&mut reactor), dir.path("v.sock"));
    reactor.server(id).expect("just made").unref().listen(&path);
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening"]);
    assert_eq!(reactor.server(id).expect("it listens").address(), Some(netloop::Address::Unix(path)));
}
