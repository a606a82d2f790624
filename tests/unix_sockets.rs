//! Unix-domain sockets: paths, their files, and where they differ from TCP.
#![cfg(unix)]

mod pair;
mod util;

use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use netloop::{ListenOptions, Reactor, ReadyState, ServerId};
use pair::{each_way, flowing};
use util::{TempDir, Trace, done};

/// Listens at a path and runs until nothing is left: with what the server said.
fn listen_and_run(path: &Path) -> Trace {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let mut server = reactor.create_server(|_, _| ());
    util::watch_server(&mut server, "V");
    server.on_listening(|server, _| server.close());
    server.listen(path);
    util::run(&mut reactor, &mut trace);
    trace
}

/// Connects to a path and runs until nothing is left.
fn connect_and_run(path: &Path) -> Trace {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    util::watch(&mut reactor.connect(path), "C");
    util::run(&mut reactor, &mut trace);
    trace
}

#[cfg(target_os = "linux")]
fn path_of_length(length: usize) -> (TempDir, PathBuf) {
    let dir = TempDir::new();
    let rest = length - dir.dir().as_os_str().len() - 1;
    let path = dir.path(&"x".repeat(rest));
    assert_eq!(path.as_os_str().len(), length);
    (dir, path)
}

#[test]
fn a_client_that_ends_gets_the_answer_of_a_half_open_server() {
    // C60
    let dir = TempDir::new();
    each_way(&flowing().half_open(true, false).unix(dir.path("a.sock")), |pair| {
        let s = pair.s;
        pair.see_s().on_end(move |socket, _| {
            socket.reactor().set_immediate(move |reactor, _| util::with(reactor, s, |s| s.end_with("answer")));
        });
        pair.c(|c, _| c.end_with("question"));
        pair.run();
        pair.check("C", &["finish", "data 6", "end", "close false"]);
        pair.check("S", &["data 8", "end", "finish", "close false"]);
    });
}

#[test]
fn both_sides_have_no_address() {
    let dir = TempDir::new();
    let mut pair = flowing().unix(dir.path("a.sock")).connect();
    let s = pair.see_s();
    assert_eq!((s.local_address(), s.remote_address(), s.local_port(), s.remote_port()), (None, None, None, None));
    let c = pair.see_c();
    assert_eq!((c.local_address(), c.remote_address(), c.remote_family()), (None, None, None));
    assert_eq!(c.ready_state(), ReadyState::Open);
}

#[test]
fn a_reset_is_refused_and_the_socket_stays_open() {
    // C38: Node throws.
    let dir = TempDir::new();
    each_way(&flowing().unix(dir.path("a.sock")), |pair| {
        pair.s(|s, _| s.reset_and_destroy());
        pair.settle();
        pair.check("S", &["error ERR_INVALID_HANDLE_TYPE"]);
        assert_eq!(pair.see_s().ready_state(), ReadyState::Open);
        pair.s(|s, _| s.end_with("still here"));
        pair.run();
        pair.check("S", &["error ERR_INVALID_HANDLE_TYPE", "finish", "end", "close false"]);
        pair.check("C", &["data 10", "end", "finish", "close false"]);
    });
}

#[test]
fn the_first_write_to_a_peer_that_is_gone_fails() {
    let dir = TempDir::new();
    each_way(&flowing().half_open(false, true).unix(dir.path("a.sock")), |pair| {
        pair.s(|s, _| s.destroy());
        pair.until("C", "end");
        pair.settle();
        pair.c(|c, trace| {
            let room = c.write_then("x", done("C", "w.cb"));
            trace.push("C", format!("write {room}"));
        });
        pair.run();
        pair.check("C", &["end", "write false", "w.cb(EPIPE)", "error EPIPE", "close true"]);
        pair.check("S", &["close false"]);
    });
}

#[test]
fn unread_input_at_destroy_resets_the_peer() {
    let dir = TempDir::new();
    each_way(&flowing().paused_on_connect().unix(dir.path("a.sock")), |pair| {
        pair.c(|c, _| c.write("abc"));
        pair.settle();
        pair.s(|s, _| s.destroy());
        pair.run();
        pair.check("C", &["error ECONNRESET", "close true"]);
        pair.check("S", &["close false"]);
    });
}

#[test]
fn the_settings_of_tcp_have_no_effect() {
    let dir = TempDir::new();
    let mut pair = flowing().unix(dir.path("a.sock")).connect();
    pair.see_s().set_no_delay(true).set_keep_alive(None).end_with("fine");
    pair.run();
    pair.check("S", &["finish", "end", "close false"]);
    pair.check("C", &["data 4", "end", "finish", "close false"]);
}

#[test]
fn the_file_is_there_when_listen_returns_and_gone_when_close_returns() {
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let mut server = reactor.create_server(|_, _| ());
    util::watch_server(&mut server, "V");
    server.listen(&path);
    assert!(path.exists() && server.is_listening());
    assert_eq!(server.address().and_then(|address| address.path().map(Path::to_owned)), Some(path.clone()));
    server.close();
    assert!(!path.exists() && !server.is_listening());
    assert_eq!(server.address(), None, "Q-01");
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["close"]);
}

#[test]
fn close_removes_whatever_lies_at_the_path() {
    //
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let mut reactor = util::reactor::<Trace>();
    let id = reactor.create_server(|_, _| ()).listen(&path).id();
    std::fs::remove_file(&path).expect("the socket's file");
    std::fs::write(&path, "somebody else's").expect("a file");
    util::close(&mut reactor, id);
    assert!(!path.exists());
}

#[test]
fn any_existing_file_is_in_the_way_and_stays() {
    let dir = TempDir::new();
    let regular = dir.path("regular");
    std::fs::write(&regular, "kept").expect("a file");
    listen_and_run(&regular).check("V", &["error EADDRINUSE"]);
    assert_eq!(std::fs::read_to_string(&regular).expect("it is there"), "kept");

    let stale = dir.path("stale");
    drop(UnixListener::bind(&stale).expect("a socket"));
    listen_and_run(&stale).check("V", &["error EADDRINUSE"]);
    assert!(stale.exists());
    connect_and_run(&stale).check(
        "C",
        &["connectionAttempt stale", "connectionAttemptFailed stale ECONNREFUSED", "error ECONNREFUSED", "close true"],
    );
    connect_and_run(&regular).check(
        "C",
        &["connectionAttempt regular", "connectionAttemptFailed regular ECONNREFUSED", "error ECONNREFUSED", "close true"],
    );
}

#[test]
fn a_missing_directory_is_told_apart_by_listen_and_connect() {
    let dir = TempDir::new();
    let path = dir.path("no").join("a.sock");
    listen_and_run(&path).check("V", &["error EACCES"]);
    connect_and_run(&path)
        .check("C", &["connectionAttempt a.sock", "connectionAttemptFailed a.sock ENOENT", "error ENOENT", "close true"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_of_107_bytes_is_accepted_and_one_of_109_is_not() {
    let (_dir, path) = path_of_length(107);
    listen_and_run(&path).check("V", &["listening", "close"]);
    let (_dir, path) = path_of_length(109);
    listen_and_run(&path).check("V", &["error EINVAL"]);
    let trace = connect_and_run(&path);
    let list = trace.of("C");
    assert_eq!(list[list.len() - 2..], ["error EINVAL", "close true"]);
    assert!(!list.iter().any(|said| said.starts_with("connectionAttemptFailed")), "{list:?}");
}

#[test]
fn a_client_that_connects_and_is_gone_at_once_is_still_accepted() {
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    reactor.create_server(|socket, _| util::watch(socket, "S")).listen(&path);
    let mut client = reactor.connect(&path);
    util::watch(&mut client, "C");
    client.on_connect(|client, _| client.destroy());
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("S", "close false"));
    trace.check("C", &["connectionAttempt a.sock", "connect", "ready", "close false"]);
    trace.check("S", &["end", "finish", "close false"]);
}

#[test]
fn connecting_takes_its_place_before_the_immediates() {
    // §4.2: tick, the server's connection, the client's connect and ready, then the immediate.
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (util::reactor(), Trace::default());
    reactor.create_server(|_, trace: &mut Trace| trace.push("log", "connection")).listen(&path);
    util::run_some(&mut reactor, &mut trace, 3);
    reactor.connect(&path).on_connect(|_, trace| trace.push("log", "connect")).on_ready(|_, trace| trace.push("log", "ready"));
    reactor.set_immediate(|_, trace| trace.push("log", "immediate"));
    reactor.next_tick(|_, trace| trace.push("log", "tick"));
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("log", "immediate") && trace.has("log", "connection"));
    let mut order: Vec<&str> = trace.of("log").iter().map(String::as_str).collect();
    order.retain(|&entry| entry != "connection");
    assert_eq!(order, ["tick", "connect", "ready", "immediate"]);
}

/// A server "V" that listens at a path and takes it if nobody else listens there.
fn reclaim(reactor: &mut Reactor<Trace>, path: &Path) -> ServerId {
    let mut server = reactor.create_server(|socket, _| socket.end_with("hello"));
    util::watch_server(&mut server, "V");
    server.listen_with(path, ListenOptions::new().reclaim_stale(true)).id()
}

/// What is in the way of a server that would reclaim the path stays there.
#[track_caller]
fn check_kept(path: &Path) {
    let before = std::fs::symlink_metadata(path).expect("something is there");
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let id = reclaim(&mut reactor, path);
    assert!(!reactor.server(id).is_some_and(|server| server.is_listening()));
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["error EADDRINUSE"]);
    let after = std::fs::symlink_metadata(path).expect("it is still there");
    assert_eq!((before.file_type(), before.len()), (after.file_type(), after.len()));
}

#[test]
fn a_stale_socket_file_is_reclaimed_on_request() {
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    drop(UnixListener::bind(&path).expect("a socket"));
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let id = reclaim(&mut reactor, &path);
    assert!(reactor.server(id).is_some_and(|server| server.is_listening()), "inside listen");
    let mut client = reactor.connect(&path);
    util::watch(&mut client, "C");
    client.on_close(move |client, _, _| util::close(client.reactor(), id));
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close"]);
    assert!(trace.has("C", "data 5"), "{trace:?}");
    assert!(!path.exists());
}

#[test]
fn where_nothing_lies_there_is_nothing_to_reclaim() {
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let id = reclaim(&mut reactor, &path);
    reactor.server(id).expect("it listens").on_listening(|server, _| server.close());
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close"]);
    assert!(!path.exists());
}

#[test]
fn a_live_listener_keeps_its_path() {
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let live = UnixListener::bind(&path).expect("a socket");
    check_kept(&path);
    let (mut probe, _) = live.accept().expect("it was asked whether it lives");
    assert_eq!(probe.read(&mut [0]).expect("nothing was said"), 0);
    let _client = UnixStream::connect(&path).expect("it still listens");
    live.accept().expect("the client");
}

/// The probe neither waits nor takes a full backlog for a refusal.
#[cfg(target_os = "linux")]
#[test]
fn a_live_listener_with_a_full_backlog_keeps_its_path() {
    use socket2::{Domain, SockAddr, Socket, Type};
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let address = SockAddr::unix(&path).expect("short enough");
    let socket = || Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    let live = socket();
    live.bind(&address).expect("a free path");
    live.listen(0).expect("a listener");
    let mut waiting = Vec::new();
    let full = loop {
        let client = socket();
        client.set_nonblocking(true).expect("a flag of every system");
        match client.connect(&address) {
            Ok(()) => waiting.push(client),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100, "a backlog of 0 has no end");
    };
    assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock);
    check_kept(&path);
}

#[test]
fn what_is_no_socket_file_is_never_reclaimed() {
    let dir = TempDir::new();
    let (file, folder, stale) = (dir.path("file"), dir.path("folder"), dir.path("stale"));
    std::fs::write(&file, "kept").expect("a file");
    check_kept(&file);
    std::fs::create_dir(&folder).expect("a folder");
    check_kept(&folder);
    drop(UnixListener::bind(&stale).expect("a socket"));
    for (name, target) in [("link", &stale), ("dangling", &dir.path("nothing"))] {
        let link = dir.path(name);
        std::os::unix::fs::symlink(target, &link).expect("a link");
        check_kept(&link);
    }
    assert!(stale.exists());
}

#[test]
fn a_live_socket_of_another_type_keeps_its_path() {
    let dir = TempDir::new();
    let path = dir.path("datagrams");
    let live = UnixDatagram::bind(&path).expect("a socket");
    check_kept(&path);
    drop(live);
}

/// whoever takes paths from the dead does not take them from the living.
#[test]
fn close_of_a_reclaiming_server_removes_only_its_own_file() {
    let dir = TempDir::new();
    let path = dir.path("a.sock");
    let mut reactor = util::reactor::<Trace>();
    let id = reclaim(&mut reactor, &path);
    std::fs::rename(&path, dir.path("elsewhere")).expect("the socket's file");
    let heir = UnixListener::bind(&path).expect("the path is free");
    util::close(&mut reactor, id);
    UnixStream::connect(&path).expect("the heir's file is still there");
    heir.accept().expect("the client");
}
