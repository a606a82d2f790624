//! The options of `listen`, and listening at names.

mod util;

use std::net::{IpAddr, SocketAddr};

use netloop::{ListenOptions, Reactor, ServerId};
use util::{Trace, close, run, run_until, watch, watch_server};

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server that does not listen yet.
fn idle(reactor: &mut Reactor<Trace>, name: &str) -> ServerId {
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, name);
    server.id()
}

/// §6: exactly these rights, whatever the umask says.
#[cfg(unix)]
#[test]
fn a_socket_file_is_opened_to_everybody() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let (mut reactor, mut trace) = setup();
    let dir = util::TempDir::new();
    for (readable, writable, expected) in [(true, false, 0o444), (false, true, 0o222), (true, true, 0o666)] {
        let path = dir.path("v.sock");
        let options = ListenOptions::new().readable_all(readable).writable_all(writable);
        let mut server = reactor.create_server(|_, _| {});
        watch_server(&mut server, "V");
        server.listen_with(&path, options);
        let file = std::fs::metadata(&path).expect("it is there when listen returns");
        assert_eq!((file.permissions().mode() & 0o777, file.file_type().is_socket()), (expected, true));
        server.on_listening(|server, _| server.close());
        run(&mut reactor, &mut trace);
        assert!(!path.exists());
    }
    trace.check("V", &["listening", "close", "listening", "close", "listening", "close"]);
}

/// §2.4: Node throws.
#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_has_no_rights_to_set() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    let (mut reactor, mut trace) = setup();
    let name = format!("\0netloop-{}", std::process::id());
    let path = Path::new(OsStr::from_bytes(name.as_bytes())).to_owned();
    for options in [ListenOptions::new().readable_all(true), ListenOptions::new().writable_all(true)] {
        let id = idle(&mut reactor, "V");
        let mut server = reactor.server(id).expect("just made");
        server.listen_with(&path, options);
        assert!(!server.is_listening());
        let again = path.clone();
        server.once_error(move |server, _, _| {
            server.listen(&again);
            assert!(server.is_listening(), "nobody has taken the name");
        });
        server.on_listening(|server, _| server.close());
        run(&mut reactor, &mut trace);
    }
    let one = ["error ERR_INVALID_ARG_VALUE", "listening", "close"];
    trace.check("V", &[one, one].concat());
}

#[test]
fn the_options_of_a_path_mean_nothing_for_a_port() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor, "V");
    let options = ListenOptions::new().readable_all(true).writable_all(true).reclaim_stale(true);
    let mut server = reactor.server(id).expect("just made");
    server.listen_with(([127, 0, 0, 1], 0), options).on_listening(|server, _| server.close());
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close"]);
}

/// §2.2.
#[cfg(target_os = "linux")]
#[test]
fn a_shared_port_is_shared_only_with_the_flag() {
    let (mut reactor, mut trace) = setup();
    let shared = || ListenOptions::new().reuse_port(true);
    let (first, second, third) = (idle(&mut reactor, "1"), idle(&mut reactor, "2"), idle(&mut reactor, "3"));
    let port = reactor.server(first).expect("just made").listen_with(([127, 0, 0, 1], 0), shared()).port().expect("bound");
    reactor.server(second).expect("just made").listen_with(([127, 0, 0, 1], port), shared());
    reactor.server(third).expect("just made").listen(([127, 0, 0, 1], port));
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("3", "error EADDRINUSE"));
    trace.check("1", &["listening"]);
    trace.check("2", &["listening"]);
    trace.check("3", &["error EADDRINUSE"]);
    close(&mut reactor, first);
    close(&mut reactor, second);
    run(&mut reactor, &mut trace);
}

/// The other way round: who has a port alone does not share it.
#[cfg(target_os = "linux")]
#[test]
fn a_port_without_the_flag_is_not_shared() {
    let (mut reactor, mut trace) = setup();
    let (first, second) = (idle(&mut reactor, "1"), idle(&mut reactor, "2"));
    let port = reactor.server(first).expect("just made").listen(([127, 0, 0, 1], 0)).port().expect("bound");
    let mut server = reactor.server(second).expect("just made");
    server.listen_with(([127, 0, 0, 1], port), ListenOptions::new().reuse_port(true));
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("2", "error EADDRINUSE"));
    close(&mut reactor, first);
    run(&mut reactor, &mut trace);
    trace.check("2", &["error EADDRINUSE"]);
}

/// §2.2: clients of the other family are refused, until somebody else takes the port there.
#[test]
fn ipv6_only_leaves_ipv4_to_others() {
    let (mut reactor, mut trace) = setup();
    let (six, four) = (idle(&mut reactor, "six"), idle(&mut reactor, "four"));
    let any: SocketAddr = (IpAddr::from([0u16; 8]), 0).into();
    let mut server = reactor.server(six).expect("just made");
    let port = server.listen_with(any, ListenOptions::new().ipv6_only(true)).port().expect("bound");
    watch(&mut reactor.connect(([127, 0, 0, 1], port)), "refused");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("refused", "close true"));
    assert!(trace.has("refused", "error ECONNREFUSED"), "{trace:?}");

    reactor.server(four).expect("just made").listen(([0, 0, 0, 0], port));
    for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])] {
        let mut client = reactor.connect((ip, port));
        watch(&mut client, "C");
        client.end();
    }
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("six", "connection") && trace.has("four", "connection"));
    close(&mut reactor, six);
    close(&mut reactor, four);
    run(&mut reactor, &mut trace);
    trace.check("four", &["listening", "connection", "close"]);
}

/// §2.3: bound when the lookup returns, told on the next tick.
#[test]
fn a_name_is_bound_when_its_lookup_returns() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor, "V");
    let mut server = reactor.server(id).expect("just made");
    server.listen(("localhost", 0));
    assert_eq!((server.is_listening(), server.address()), (false, None));
    server.on_listening(|server, trace| {
        let ip = server.address().and_then(|address| address.ip()).expect("TCP");
        trace.push("V", format!("loopback {}", ip.is_loopback()));
        server.close();
    });
    reactor.next_tick(move |reactor, trace: &mut Trace| {
        let bound = reactor.server(id).is_some_and(|server| server.is_listening());
        trace.push("V", format!("tick, bound {bound}"));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["tick, bound false", "listening", "loopback true", "close"]);
}

/// §2.3: what fails after the lookup is an ordinary failure of `listen`.
#[test]
fn a_name_whose_port_is_taken_is_in_use() {
    let (mut reactor, mut trace) = setup();
    let (first, second) = (idle(&mut reactor, "1"), idle(&mut reactor, "2"));
    reactor.server(first).expect("just made").listen(("localhost", 0));
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("1", "listening"));
    let port = reactor.server(first).expect("it listens").port().expect("bound");
    reactor.server(second).expect("just made").listen(("localhost", port));
    run_until(&mut reactor, &mut trace, |_, trace| !trace.of("2").is_empty());
    close(&mut reactor, first);
    run(&mut reactor, &mut trace);
    trace.check("2", &["error EADDRINUSE"]);
}

/// §2.3, §5.1. No system resolves a name with a NUL inside, and none is asked.
#[test]
fn a_name_that_nobody_knows_is_an_error() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor, "V");
    let mut server = reactor.server(id).expect("just made");
    server.listen(("no\0such", 80));
    server.on_error(|server, error, _| {
        assert_eq!((error.syscall(), error.hostname(), error.address()), (Some("getaddrinfo"), Some("no\0such"), None));
        assert_eq!(error.to_string(), "getaddrinfo ENOTFOUND no\0such");
        assert_eq!((server.is_listening(), server.address()), (false, None));
        server.listen(([127, 0, 0, 1], 0)).on_listening(|server, _| server.close());
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["error ENOTFOUND", "listening", "close"]);
}

/// §2.3: no `listening`, no `error`.
#[test]
fn close_cancels_the_lookup_of_a_listen() {
    for host in ["localhost", "no\0such"] {
        let (mut reactor, mut trace) = setup();
        let id = idle(&mut reactor, "V");
        let mut server = reactor.server(id).expect("just made");
        server.listen((host, 0));
        // The lookup is under way once the tick has passed.
        server.reactor().next_tick(move |reactor, _| {
            reactor.server(id).expect("it waits").close_then(util::closed("V", "cb"));
        });
        run(&mut reactor, &mut trace);
        trace.check("V", &["close", "cb(ERR_SERVER_NOT_RUNNING)"]);
    }
}

/// §2.3, §2.4.
#[test]
fn a_newer_listen_cancels_the_lookup_of_an_older_one() {
    for host in ["localhost", "no\0such"] {
        let (mut reactor, mut trace) = setup();
        let id = idle(&mut reactor, "V");
        reactor.server(id).expect("just made").listen((host, 0));
        reactor.next_tick(move |reactor, _| {
            let mut server = reactor.server(id).expect("it waits");
            server.listen(([127, 0, 0, 1], 0));
            assert!(server.is_listening());
        });
        run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "listening"));
        let bound = reactor.server(id).and_then(|server| server.address());
        util::run_some(&mut reactor, &mut trace, 20);
        assert_eq!(reactor.server(id).and_then(|server| server.address()), bound);
        close(&mut reactor, id);
        run(&mut reactor, &mut trace);
        trace.check("V", &["listening", "close"]);
    }
}
