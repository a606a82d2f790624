//! Where a server listens: when its address is there, what it looks like, and what a failed `listen` says.

mod util;

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;

use netloop::{Error, IntoEndpoint, ListenOptions, Reactor, ServerId};
use util::{Trace, check_error, close, run, watch, watch_server};

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server "V" that does not listen yet.
fn idle(reactor: &mut Reactor<Trace>) -> ServerId {
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server.id()
}

/// The error of a `listen`, which is all that comes of it.
#[track_caller]
fn listen_error(at: impl IntoEndpoint) -> Error {
    let (mut reactor, mut trace) = setup();
    let (sender, receiver) = mpsc::channel();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(at).on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits"));
    assert_eq!((server.is_listening(), server.address()), (false, None));
    run(&mut reactor, &mut trace);
    let error = receiver.try_recv().expect("an error");
    trace.check("V", &[&format!("error {}", error.code())]);
    error
}

/// §2.3, O11: bound inside `listen`, told on a tick of its own.
#[test]
fn a_port_is_bound_inside_listen_and_told_a_tick_later() {
    let (mut reactor, mut trace) = setup();
    reactor.next_tick(|_, trace: &mut Trace| trace.push("V", "tick before"));
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    assert_eq!((server.is_listening(), server.address(), server.connection_count()), (false, None, 0));
    server.listen(0);
    assert!(server.is_listening());
    let address = server.address().expect("bound");
    assert_ne!(address.port(), Some(0));
    server.on_listening(move |server, _| {
        assert_eq!(server.address(), Some(address.clone()));
        server.close();
    });
    reactor.next_tick(|_, trace: &mut Trace| trace.push("V", "tick after"));
    reactor.set_immediate(|_, trace: &mut Trace| trace.push("V", "immediate"));
    run(&mut reactor, &mut trace);
    trace.check("V", &["tick before", "listening", "tick after", "close", "immediate"]);
}

/// §2.3: a textual host is bound a tick later, and told the tick after that.
#[test]
fn a_textual_host_is_bound_a_tick_after_listen() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let mut server = reactor.server(id).expect("just made");
    server.listen(("127.0.0.1", 0));
    assert_eq!((server.is_listening(), server.address()), (false, None));
    server.on_listening(|server, _| server.close());
    reactor.next_tick(move |reactor, trace: &mut Trace| {
        let bound = reactor.server(id).expect("it listens").is_listening();
        trace.push("V", format!("tick after, bound {bound}"));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["tick after, bound true", "listening", "close"]);
}

/// §2.5.
#[test]
fn an_address_has_the_family_it_was_bound_in() {
    let (mut reactor, mut trace) = setup();
    for (host, expected) in [("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "::")] {
        let at: SocketAddr = (host.parse::<IpAddr>().expect("a literal"), 0).into();
        let mut server = reactor.create_server(|_, _| {});
        let address = server.listen(at).address().expect("bound");
        assert_eq!(address.ip().map(|ip| ip.to_string()).as_deref(), Some(expected));
        server.close();
        assert_eq!(server.address(), None);
    }
    run(&mut reactor, &mut trace);
}

/// §2.3: without a host, IPv4 peers come as mapped addresses.
#[test]
fn every_address_takes_both_families() {
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, trace: &mut Trace| {
        watch(socket, "S");
        let (local, remote) = (socket.local_address().expect("open"), socket.remote_address().expect("open"));
        assert_eq!((local.ip(), local.family()), (remote.ip(), remote.family()));
        trace.push("seen", format!("{:?} {}", remote.family(), remote.ip().expect("TCP")));
    });
    let port = server.listen(0).port().expect("bound");
    let id = server.id();
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut client, "C");
    client.on_close(move |socket, _, _| close(socket.reactor(), id)).end();
    run(&mut reactor, &mut trace);
    trace.check("seen", &["IPv6 ::ffff:127.0.0.1"]);
}

/// §2.3, §6, Q-01, Q-20: the file comes inside `listen` and goes inside `close`.
#[cfg(unix)]
#[test]
fn a_path_is_bound_inside_listen_and_removed_inside_close() {
    let (mut reactor, mut trace) = setup();
    let (dir, id) = (util::TempDir::new(), idle(&mut reactor));
    let path = dir.path("v.sock");
    let mut server = reactor.server(id).expect("just made");
    server.listen(&path);
    assert!(path.exists());
    assert_eq!((server.address(), server.port()), (Some(netloop::Address::Unix(path.clone())), None));
    let at = path.clone();
    server.on_listening(move |server, _| {
        server.close();
        assert!(!at.exists());
        assert_eq!(server.address(), None);
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close"]);
}

/// §2.5.
#[cfg(unix)]
#[test]
fn a_relative_path_stays_relative() {
    let (mut reactor, mut trace) = setup();
    let dir = util::TempDir::new();
    let here = std::env::current_dir().expect("a working directory");
    let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
    let path = up.join(dir.path("r.sock").strip_prefix("/").expect("absolute"));
    let mut server = reactor.create_server(|_, _| {});
    assert_eq!(server.listen(&path).address(), Some(netloop::Address::Unix(path.clone())));
    assert!(dir.path("r.sock").exists());
    server.close();
    run(&mut reactor, &mut trace);
    assert!(!dir.path("r.sock").exists());
}

/// §2.2, §2.3: with `ipv6_only` an IPv4 server may take the same port.
#[test]
fn ipv6_only_leaves_the_ipv4_port_free() {
    let (mut reactor, mut trace) = setup();
    let first = idle(&mut reactor);
    let mut server = reactor.server(first).expect("just made");
    let any: SocketAddr = (IpAddr::from([0u16; 8]), 0).into();
    let port = server.listen_with(any, ListenOptions::new().ipv6_only(true)).port().expect("bound");
    let second = idle(&mut reactor);
    assert_eq!(reactor.server(second).expect("just made").listen(([127, 0, 0, 1], port)).port(), Some(port));
    close(&mut reactor, first);
    close(&mut reactor, second);
    run(&mut reactor, &mut trace);
    trace.check("V", &["close", "close"]);
}

/// §5.1: an address in use, of either family and of none.
#[test]
fn a_listen_error_names_the_address_in_use() {
    for (host, bare) in [("127.0.0.1", false), ("::1", false), ("::", true)] {
        let (mut reactor, mut trace) = setup();
        let ip: IpAddr = host.parse().expect("a literal");
        let mut server = reactor.create_server(|_, _| {});
        let port = server.listen((ip, 0)).port().expect("bound");
        let error = if bare { listen_error(port) } else { listen_error((ip, port)) };
        let message = format!("listen EADDRINUSE: address already in use {host}:{port}");
        check_error(&error, ("EADDRINUSE", "listen", host, Some(port)), &message);
        let text = listen_error((host, port));
        check_error(&text, ("EADDRINUSE", "listen", host, Some(port)), &message);
        server.close();
        run(&mut reactor, &mut trace);
    }
}

/// §5.1: a port of 0 is no field and stands in no message.
#[test]
fn a_listen_error_names_a_foreign_address() {
    let message = "listen EADDRNOTAVAIL: address not available 198.51.100.7";
    let error = listen_error(([198, 51, 100, 7], 0));
    check_error(&error, ("EADDRNOTAVAIL", "listen", "198.51.100.7", None), message);
    let error = listen_error(([198, 51, 100, 7], 4567));
    check_error(&error, ("EADDRNOTAVAIL", "listen", "198.51.100.7", Some(4567)), &format!("{message}:4567"));
}

/// The error of a `listen` at a path.
#[cfg(unix)]
#[track_caller]
fn check_path(path: std::path::PathBuf, code: &str, text: &str) {
    let shown = path.display().to_string();
    let error = listen_error(&path);
    check_error(&error, (code, "listen", &shown, None), &format!("listen {code}: {text} {shown}"));
}

/// §5.1, §6: whatever lies at the path stays there.
#[cfg(unix)]
#[test]
fn a_path_that_exists_is_in_use() {
    let dir = util::TempDir::new();
    let file = dir.path("file");
    std::fs::write(&file, "mine").expect("a file");
    check_path(file.clone(), "EADDRINUSE", "address already in use");
    assert_eq!(std::fs::read(&file).expect("still there"), b"mine");
    let stale = dir.path("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).expect("a socket"));
    check_path(stale.clone(), "EADDRINUSE", "address already in use");
    assert!(stale.exists());
}

/// §5.1, §6: as libuv has it, a missing directory is a missing permission.
#[cfg(unix)]
#[test]
fn a_path_in_a_missing_directory_is_not_permitted() {
    check_path(util::TempDir::new().path("no/x.sock"), "EACCES", "permission denied");
}

/// §5.1, §6: nothing is cut off.
#[cfg(unix)]
#[test]
fn a_path_that_the_system_cannot_hold_is_invalid() {
    let dir = util::TempDir::new();
    check_path(dir.path(&"x".repeat(10_000)), "EINVAL", "invalid argument");
    check_path(dir.path("nul\0inside"), "EINVAL", "invalid argument");
}

/// Listens and connects at a path of so many bytes.
#[cfg(target_os = "linux")]
#[track_caller]
fn check_length(bytes: usize) {
    let (mut reactor, mut trace) = setup();
    let dir = util::TempDir::new();
    let path = dir.path(&"x".repeat(bytes - dir.path("").as_os_str().len()));
    assert_eq!(path.as_os_str().len(), bytes);
    let mut server = reactor.create_server(|_, _| {});
    let id = server.listen(&path).id();
    assert_eq!(server.address(), Some(netloop::Address::Unix(path.clone())));
    let mut client = reactor.connect(&path);
    watch(&mut client, "C");
    client.on_close(move |socket, _, _| close(socket.reactor(), id)).end();
    run(&mut reactor, &mut trace);
    let name = util::place(&netloop::Address::Unix(path));
    trace.check("C", &[&format!("connectionAttempt {name}"), "connect", "ready", "finish", "end", "close false"]);
}

/// §6.
#[cfg(target_os = "linux")]
#[test]
fn a_path_of_107_bytes_is_not_too_long() {
    check_length(107);
}

/// §6; Node takes 108 bytes too, without the terminating zero: a documented deviation.
#[cfg(target_os = "linux")]
#[test]
fn a_path_of_108_bytes_is_too_long() {
    let dir = util::TempDir::new();
    let room = 108 - dir.path("").as_os_str().len();
    check_path(dir.path(&"x".repeat(room)), "EINVAL", "invalid argument");
}
