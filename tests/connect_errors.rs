//! What a failed `connect` says: code, system call, address, port and message, as Node's errors have them.

mod util;

use std::net::SocketAddr;
use std::sync::mpsc;

use netloop::{ConnectOptions, Error, Reactor, Socket};
use util::{Trace, check_error, close, refused_port, run, run_until, watch};

const ATTEMPT: &str = "connectionAttempt 127.0.0.1:P";
const REFUSED: &str = "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED";

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// Keeps the socket's error for a look at its fields.
fn keep_error(socket: &mut Socket<'_, Trace>) -> mpsc::Receiver<Error> {
    let (sender, receiver) = mpsc::channel();
    socket.on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits"));
    receiver
}

/// B03, §5.1: IPv6 stands in no brackets.
#[test]
fn a_refused_ipv6_connect_names_the_address_bare() {
    let (mut reactor, mut trace) = setup();
    // Nobody listens at the IPv6 side of a port that is held at both.
    let held = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).expect("a socket");
    held.bind(&"[::1]:0".parse::<SocketAddr>().expect("a literal").into()).expect("a free port");
    let address = held.local_addr().ok().and_then(|address| address.as_socket()).expect("bound");
    let mut socket = reactor.connect(address);
    watch(&mut socket, "C");
    let error = keep_error(&mut socket);
    run(&mut reactor, &mut trace);
    let failed = "connectionAttemptFailed [::1]:P ECONNREFUSED";
    trace.check("C", &["connectionAttempt [::1]:P", failed, "error ECONNREFUSED", "close true"]);
    let message = format!("connect ECONNREFUSED ::1:{}", address.port());
    check_error(&error.try_recv().expect("heard"), ("ECONNREFUSED", "connect", "::1", Some(address.port())), &message);
}

/// B37: port 0 is no field and stands in no message.
#[test]
fn port_0_is_refused_without_a_port() {
    let (mut reactor, mut trace) = setup();
    let mut socket = reactor.connect(([127, 0, 0, 1], 0));
    watch(&mut socket, "C");
    let error = keep_error(&mut socket);
    run(&mut reactor, &mut trace);
    let failed = "connectionAttemptFailed 127.0.0.1:0 ECONNREFUSED";
    trace.check("C", &["connectionAttempt 127.0.0.1:0", failed, "error ECONNREFUSED", "close true"]);
    let message = "connect ECONNREFUSED 127.0.0.1";
    check_error(&error.try_recv().expect("heard"), ("ECONNREFUSED", "connect", "127.0.0.1", None), message);
}

/// §5.1: the local end stands in the message if its port was asked for.
#[test]
fn a_refusal_names_the_local_end_that_was_asked_for() {
    for (with_address, with_port, local) in [(true, true, "127.0.0.1"), (false, true, "0.0.0.0"), (true, false, "")] {
        let (mut reactor, mut trace) = setup();
        let ((_held, port), (held_too, local_port)) = (refused_port(), refused_port());
        // Two may not have it there.
        let _held_too = Some(held_too).filter(|_| cfg!(unix));
        let mut options = ConnectOptions::new();
        if with_address {
            options = options.local_address([127, 0, 0, 1].into());
        }
        if with_port {
            options = options.local_port(local_port);
        }
        let mut socket = reactor.connect_with(([127, 0, 0, 1], port), options);
        watch(&mut socket, "C");
        let error = keep_error(&mut socket);
        run(&mut reactor, &mut trace);
        trace.check("C", &[ATTEMPT, REFUSED, "error ECONNREFUSED", "close true"]);
        let mut message = format!("connect ECONNREFUSED 127.0.0.1:{port}");
        if with_port {
            message.push_str(&format!(" - Local ({local}:{local_port})"));
        }
        let error = error.try_recv().expect("heard");
        check_error(&error, ("ECONNREFUSED", "connect", "127.0.0.1", Some(port)), &message);
        let expected = with_port.then(|| format!("{local}:{local_port}"));
        assert_eq!(error.local_address().map(ToString::to_string), expected);
    }
}

/// §5.1: a failure inside the call is no failed attempt, and names the local end.
#[cfg(target_os = "linux")]
#[test]
fn an_unreachable_network_fails_inside_the_attempt() {
    let (mut reactor, mut trace) = setup();
    let mut socket = reactor.connect(([255, 255, 255, 255], 9));
    watch(&mut socket, "C");
    let error = keep_error(&mut socket);
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt 255.255.255.255:9", "error ENETUNREACH", "close true"]);
    let message = "connect ENETUNREACH 255.255.255.255:9 - Local (0.0.0.0:0)";
    check_error(&error.try_recv().expect("heard"), ("ENETUNREACH", "connect", "255.255.255.255", Some(9)), message);
}

/// The error of a connect at a path.
#[cfg(unix)]
#[track_caller]
fn check_path(path: &std::path::Path, code: &str, local: &str, failed: bool) {
    let (mut reactor, mut trace) = setup();
    let mut socket = reactor.connect(path);
    watch(&mut socket, "C");
    let error = keep_error(&mut socket);
    run(&mut reactor, &mut trace);
    let (shown, name) = (path.display().to_string(), util::place(&netloop::Address::Unix(path.to_owned())));
    let mut expected = vec![format!("connectionAttempt {name}")];
    if failed {
        expected.push(format!("connectionAttemptFailed {name} {code}"));
    }
    expected.extend([format!("error {code}"), "close true".to_owned()]);
    assert_eq!(trace.of("C"), expected);
    let message = format!("connect {code} {shown}{local}");
    check_error(&error.try_recv().expect("heard"), (code, "connect", &shown, None), &message);
}

/// §5.1, §6.
#[cfg(unix)]
#[test]
fn a_path_without_a_listener_fails() {
    let dir = util::TempDir::new();
    check_path(&dir.path("none.sock"), "ENOENT", "", true);
    check_path(&dir.path("no/dir.sock"), "ENOENT", "", true);
    std::fs::write(dir.path("file"), "").expect("a file");
    check_path(&dir.path("file"), "ECONNREFUSED", "", true);
    check_path(dir.dir(), "ECONNREFUSED", "", true);
    drop(std::os::unix::net::UnixListener::bind(dir.path("stale.sock")).expect("a socket"));
    check_path(&dir.path("stale.sock"), "ECONNREFUSED", "", true);
}

/// §5.1, §6: it is not even tried.
#[cfg(unix)]
#[test]
fn a_path_that_the_system_cannot_hold_is_invalid() {
    let dir = util::TempDir::new();
    check_path(&dir.path(&"x".repeat(200)), "EINVAL", " - Local (undefined:undefined)", false);
}

/// B22, B23: what is wrong with the local end comes before any attempt.
#[test]
fn a_bad_local_end_is_an_error_of_bind() {
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    let (port, server) = (server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen"), server.id());
    let from = |ip: &str| ConnectOptions::new().local_address(ip.parse().expect("a literal"));
    let cases = [
        (from("198.51.100.7"), "EADDRNOTAVAIL", "198.51.100.7", None),
        (from("198.51.100.7").local_port(4567), "EADDRNOTAVAIL", "198.51.100.7", Some(4567)),
        (ConnectOptions::new().local_port(port), "EADDRINUSE", "0.0.0.0", Some(port)),
        (from("127.0.0.1").local_port(port), "EADDRINUSE", "127.0.0.1", Some(port)),
        (from("::1"), "EINVAL", "::1", None),
    ];
    let mut errors = Vec::new();
    for (options, code, ip, local_port) in cases {
        let mut socket = reactor.connect_with(([127, 0, 0, 1], port), options);
        watch(&mut socket, &format!("{code} {ip} {local_port:?}"));
        errors.push((keep_error(&mut socket), code, ip, local_port));
    }
    run_until(&mut reactor, &mut trace, |reactor, _| reactor.sockets().next().is_none());
    close(&mut reactor, server);
    run(&mut reactor, &mut trace);
    for (error, code, ip, local_port) in errors {
        trace.check(&format!("{code} {ip} {local_port:?}"), &[&format!("error {code}"), "close true"]);
        let port = local_port.map_or(String::new(), |port| format!(":{port}"));
        let message = format!("bind {code} {ip}{port}");
        check_error(&error.try_recv().expect("heard"), (code, "bind", ip, local_port), &message);
    }
    trace.check("S", &[]);
}

/// Nothing of a refused connect is left behind, however many there are.
#[test]
fn refused_connects_leave_nothing_behind() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    for n in 0..250 {
        watch(&mut reactor.connect(([127, 0, 0, 1], port)), &format!("C{n}"));
    }
    run(&mut reactor, &mut trace);
    for n in 0..250 {
        trace.check(&format!("C{n}"), &[ATTEMPT, REFUSED, "error ECONNREFUSED", "close true"]);
    }
    assert_eq!((reactor.metrics().sockets, reactor.handles().count()), (0, 0));
}
