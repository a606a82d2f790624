//! A block list at work: on a server, where the peer hears nothing, and on a socket, which tells why it does not connect.

mod util;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use netloop::{BlockList, ConnectOptions, LookupRequest, Reactor, ServerId, ServerOptions, SocketOptions, code};
use util::{Trace, close, run, run_until, watch, watch_server, with};

/// A server "V" that blocks 127.0.0.1.
fn serve(reactor: &mut Reactor<Trace>, options: ServerOptions, host: impl Into<IpAddr>) -> (ServerId, u16) {
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 1]);
    let options = options.block_list(Arc::new(list));
    let mut server = reactor.create_server_with(options, |socket, _| watch(socket, "S"));
    watch_server(&mut server, "V");
    server.listen((host.into(), 0));
    (server.id(), server.port().expect("bound inside listen"))
}

/// Connects a client "C" and runs until both are closed.
fn visit(reactor: &mut Reactor<Trace>, server: ServerId, port: u16, sends: &str) -> Trace {
    let mut trace = Trace::default();
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    if !sends.is_empty() {
        socket.write(sends);
    }
    socket.on_close(move |socket, _, trace: &mut Trace| {
        let count = socket.reactor().server(server).expect("it listens").connection_count();
        trace.push("count", count.to_string());
        close(socket.reactor(), server);
    });
    run(reactor, &mut trace);
    trace.check("S", &[]);
    trace.check("count", &["0"]);
    trace
}

const SEEN_BY_THE_BLOCKED: [&str; 6] = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "end", "finish", "close false"];

/// A14.
#[test]
fn a_blocked_peer_is_closed_without_a_word() {
    let mut reactor = util::reactor();
    let (server, port) = serve(&mut reactor, ServerOptions::new(), [127, 0, 0, 1]);
    let trace = visit(&mut reactor, server, port, "");
    trace.check("V", &["listening", "close"]);
    trace.check("C", &SEEN_BY_THE_BLOCKED);
}

/// A14, and what it sends is nobody's.
#[test]
fn the_bytes_of_a_blocked_peer_reach_nobody() {
    let mut reactor = util::reactor();
    let (server, port) = serve(&mut reactor, ServerOptions::new(), [127, 0, 0, 1]);
    let trace = visit(&mut reactor, server, port, "let me in");
    trace.check("V", &["listening", "close"]);
    assert!(trace.has("C", "connect"), "{trace:#?}");
}

/// Where IPv6 is missing, `::` cannot be bound and there is nothing to see.
#[test]
fn an_ipv4_rule_blocks_on_a_dual_stack_server() {
    if std::net::TcpListener::bind(("::", 0)).is_err() {
        return;
    }
    let mut reactor = util::reactor();
    let (server, port) = serve(&mut reactor, ServerOptions::new(), Ipv6Addr::UNSPECIFIED);
    let trace = visit(&mut reactor, server, port, "");
    trace.check("V", &["listening", "close"]);
    trace.check("C", &SEEN_BY_THE_BLOCKED);
}

/// As in Node: the limit is looked at first.
#[test]
fn one_blocked_peer_too_many_is_dropped() {
    let mut reactor = util::reactor();
    let (server, port) = serve(&mut reactor, ServerOptions::new().max_connections(0), [127, 0, 0, 1]);
    let trace = visit(&mut reactor, server, port, "");
    trace.check("V", &["listening", "drop", "close"]);
    trace.check("C", &SEEN_BY_THE_BLOCKED);
}

#[test]
fn the_next_peer_is_not_held_up_by_blocked_ones() {
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 2]);
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let options = ServerOptions::new().block_list(Arc::new(list));
    let mut server = reactor.create_server_with(options, |socket, _| watch(socket, "S"));
    watch_server(&mut server, "V");
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen");
    let id = server.id();
    let from = |last: u8| ConnectOptions::new().local_address([127, 0, 0, last].into());
    // Not every system has more than one address of its own.
    let other = if std::net::TcpListener::bind(("127.0.0.2", 0)).is_ok() { 2 } else { 1 };
    let clients = [("B1", other), ("C", 1), ("B2", other)];
    let clients = clients.map(|(name, last)| {
        let mut socket = reactor.connect_with(([127, 0, 0, 1], port), from(last));
        watch(&mut socket, name);
        socket.id()
    });
    run_until(&mut reactor, &mut trace, |_, trace| {
        ["B1", "B2"].iter().all(|name| trace.has(name, if other == 2 { "close false" } else { "ready" }))
            && trace.has("C", "ready")
    });
    let expected = if other == 2 { 1 } else { 3 };
    run_until(&mut reactor, &mut trace, |_, trace| trace.of("V").len() > expected);
    assert_eq!(reactor.server(id).expect("it listens").connection_count(), expected);
    close(&mut reactor, id);
    for client in clients {
        with(&mut reactor, client, |socket| socket.destroy());
    }
    run(&mut reactor, &mut trace);
    assert_eq!(trace.of("V").iter().filter(|event| *event == "connection").count(), expected);
}

/// §6: there is no address to look at.
#[cfg(unix)]
#[test]
fn a_block_list_does_not_concern_local_peers() {
    let mut list = BlockList::new();
    list.add_cidrs(["0.0.0.0/0", "::/0"]).expect("everybody");
    let (dir, mut reactor, mut trace) = (util::TempDir::new(), util::reactor(), Trace::default());
    let path = dir.path("v.sock");
    let options = ServerOptions::new().block_list(Arc::new(list));
    let mut server = reactor.create_server_with(options, |socket, _| watch(socket, "S"));
    watch_server(&mut server, "V");
    let id = server.listen(&path).id();
    let mut client = reactor.connect(&path);
    watch(&mut client, "C");
    client.end_with("hello");
    client.on_close(move |socket, _, _| close(socket.reactor(), id));
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close"]);
    trace.check("S", &["data 5", "end", "finish", "close false"]);
}
/// B24.
#[test]
fn a_blocked_target_is_an_error_after_the_attempt_is_announced() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 1]);
    let mut socket = reactor.new_socket(SocketOptions::new().block_list(Arc::new(list)));
    watch(&mut socket, "C");
    socket.on_error(|_, error, _| {
        util::check_error(error, (code::ERR_IP_BLOCKED, "", "", None), "IP(127.0.0.1) is blocked by net.BlockList")
    });
    socket.connect(([127, 0, 0, 1], 9));
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt 127.0.0.1:9", "error ERR_IP_BLOCKED", "close true"]);
}

/// B25.
#[test]
fn a_blocked_address_is_passed_over_without_an_attempt() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 1]);
    let mut socket = reactor.new_socket(SocketOptions::new().block_list(Arc::new(list)));
    watch(&mut socket, "C");
    let answer = |request: LookupRequest| request.answer(["127.0.0.1", "127.0.0.2"]);
    socket.connect_with(("two.test", 1), ConnectOptions::new().lookup(answer).auto_select_family(true));
    run(&mut reactor, &mut trace);
    let expected = [
        "lookup 127.0.0.1 two.test",
        "lookup 127.0.0.2 two.test",
        "connectionAttemptFailed 127.0.0.1:1 ERR_IP_BLOCKED",
        "connectionAttempt 127.0.0.2:1",
        "connectionAttemptFailed 127.0.0.2:1 ECONNREFUSED",
        "error ERR_IP_BLOCKED",
        "close true",
    ];
    trace.check("C", &expected);
}
