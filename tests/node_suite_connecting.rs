//! What Node's own tests pin down of connecting, where no other test here does.

mod util;

use netloop::{ConnectOptions, Family, LookupRequest, Reactor, SocketId, SocketOptions};
use util::{Trace, close, done, refused_port, run, run_until, watch, with};

const ATTEMPT: &str = "connectionAttempt 127.0.0.1:P";
const REFUSED: &str = "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED";

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server at 127.0.0.1 that does not hold the loop; its connections are "S".
fn serve(reactor: &mut Reactor<Trace>) -> u16 {
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen")
}

fn lookup(answer: impl Fn(LookupRequest) + 'static) -> ConnectOptions {
    ConnectOptions::new().lookup(answer)
}

/// test-net-connect-options-ipv6: the family is asked for, and the client may go on when the server has ended.
#[test]
fn a_name_is_connected_by_ipv6_and_may_be_half_open() {
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        return println!("skipped: this system has no IPv6");
    }
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, _| {
        watch(socket, "S");
        socket.set_allow_half_open(true).end();
        let server = socket.server().expect("accepted");
        close(socket.reactor(), server);
    });
    let port = server.listen("[::1]:0".parse::<netloop::Endpoint>().expect("an address")).port().expect("bound");
    let options = lookup(|request| {
        assert_eq!((request.host(), request.family()), ("dummy.test", Some(Family::IPv6)));
        request.answer(["::1"]);
    });
    let mut client = reactor.new_socket(SocketOptions::new().allow_half_open(true));
    watch(&mut client, "C");
    client.connect_with(("dummy.test", port), options.family(Family::IPv6));
    let id = client.id();
    client.on_end(move |client, _| {
        client.reactor().set_immediate(move |reactor, trace: &mut Trace| {
            with(reactor, id, |client| {
                trace.push("C", format!("writable {}", client.is_writable()));
                client.end();
            });
        });
    });
    run(&mut reactor, &mut trace);
    let begin = ["lookup ::1 dummy.test", "connectionAttempt [::1]:P", "connect", "ready", "end", "writable true"];
    trace.check("C", &[&begin[..], &["finish", "close false"]].concat());
    trace.check("S", &["finish", "end", "close false"]);
}

/// test-net-connect-immediate-finish.
#[test]
fn an_end_before_a_lookup_that_fails_leaves_the_error() {
    let (mut reactor, mut trace) = setup();
    let mut socket = reactor.connect(("no..name", 9));
    watch(&mut socket, "C");
    socket.end_then("", done("C", "end"));
    run(&mut reactor, &mut trace);
    trace.check("C", &["lookup ENOTFOUND no..name", "end(ENOTFOUND)", "error ENOTFOUND", "close true"]);
}

/// test-net-localport.
#[test]
fn a_client_connects_from_the_port_it_was_given() {
    let (mut reactor, mut trace, (_held, local)) = (util::reactor(), Trace::default(), refused_port());
    let mut server = reactor.create_server(move |socket, _| {
        watch(socket, "S");
        assert_eq!(socket.remote_port(), Some(local));
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen");
    let mut socket = reactor.connect_with(([127, 0, 0, 1], port), ConnectOptions::new().local_port(local));
    watch(&mut socket, "C");
    socket.on_connect(move |socket, _| {
        assert_eq!((socket.local_port(), socket.remote_port()), (Some(local), Some(port)));
        socket.end();
    });
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready", "finish", "end", "close false"]);
    trace.check("S", &["end", "finish", "close false"]);
}

/// test-net-socket-local-address, test-net-remote-address-port, test-net-bytes-stats: in each life of one socket both ends say
/// the same of themselves, `close` still knows the peer, and the counters are those of this life.
#[test]
fn both_ends_agree_on_their_addresses_and_bytes_in_every_life() {
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, _| {
        watch(socket, "S");
        socket.on_data(|socket, chunk, _| {
            socket.write(chunk);
        });
        socket.on_end(|socket, trace| {
            let (local, remote) = (socket.local_address(), socket.remote_address());
            let ends = format!("{} {}", remote.expect("open"), local.expect("open"));
            trace.push("ends of S", ends);
        });
        let ports = (socket.remote_port(), socket.remote_family());
        socket.on_close(move |socket, _, trace| {
            assert_eq!((socket.remote_port(), socket.remote_family()), ports, "still known");
            trace.push("S", format!("{} read, {} written", socket.bytes_read(), socket.bytes_written()));
        });
    });
    let (port, server) = (server.listen(([127, 0, 0, 1], 0)).port().expect("bound"), server.id());
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket.on_connect(|socket, trace| {
        let (local, remote) = (socket.local_address(), socket.remote_address());
        trace.push("ends of C", format!("{} {}", local.expect("open"), remote.expect("open")));
        socket.end_with("hello");
    });
    let mut lives = 0;
    socket.on_close(move |socket, _, trace| {
        assert_eq!((socket.remote_port(), socket.local_port()), (Some(port), None));
        trace.push("C", format!("{} read, {} written", socket.bytes_read(), socket.bytes_written()));
        lives += 1;
        match lives {
            1 | 2 => _ = socket.connect(([127, 0, 0, 1], port)),
            _ => close(socket.reactor(), server),
        }
    });
    run(&mut reactor, &mut trace);
    let life = [ATTEMPT, "connect", "ready", "finish", "data 5", "end", "close false", "5 read, 5 written"];
    trace.check("C", &[life, life, life].concat());
    assert_eq!(trace.of("ends of C").len(), 3);
    assert_eq!(trace.of("ends of C"), trace.of("ends of S"));
}

/// test-net-reconnect-error.
#[test]
fn twenty_refusals_in_a_row_are_twenty_whole_lives() {
    let (mut reactor, mut trace, (_held, port)) = (util::reactor(), Trace::default(), refused_port());
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    let mut lives = 0;
    socket.on_close(move |socket, had_error, _| {
        assert!(had_error);
        lives += 1;
        if lives < 20 {
            socket.connect(([127, 0, 0, 1], port));
        }
    });
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, REFUSED, "error ECONNREFUSED", "close true"].repeat(20));
}

/// test-net-autoselectfamily: B04 with addresses of one family.
#[test]
fn the_next_address_is_tried_when_one_refuses() {
    let (mut reactor, mut trace) = setup();
    let port = serve(&mut reactor);
    let options = lookup(|request| request.answer(["127.0.0.2", "127.0.0.1"]));
    let mut socket = reactor.connect_with(("two.test", port), options);
    watch(&mut socket, "C");
    socket.on_ready(move |socket, _| {
        let tried: Vec<_> = socket.attempted_addresses().iter().map(ToString::to_string).collect();
        assert_eq!(tried, [format!("127.0.0.2:{port}"), format!("127.0.0.1:{port}")]);
        socket.end();
    });
    run(&mut reactor, &mut trace);
    let lookups = ["lookup 127.0.0.2 two.test", "lookup 127.0.0.1 two.test"];
    let attempts = ["connectionAttempt 127.0.0.2:P", "connectionAttemptFailed 127.0.0.2:P ECONNREFUSED", ATTEMPT];
    trace.check("C", &[&lookups[..], &attempts, &["connect", "ready", "finish", "end", "close false"]].concat());
}

/// test-net-autoselectfamily: the others are not tried then.
#[test]
fn the_first_address_that_answers_is_the_last_one_tried() {
    let (mut reactor, mut trace) = setup();
    let port = serve(&mut reactor);
    let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
    let mut socket = reactor.connect_with(("two.test", port), options);
    watch(&mut socket, "C");
    socket.on_ready(move |socket, _| {
        let tried: Vec<_> = socket.attempted_addresses().iter().map(ToString::to_string).collect();
        assert_eq!(tried, [format!("127.0.0.1:{port}")]);
        socket.end();
    });
    run(&mut reactor, &mut trace);
    let lookups = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test"];
    trace.check("C", &[&lookups[..], &[ATTEMPT, "connect", "ready", "finish", "end", "close false"]].concat());
}

/// test-net-autoselectfamily-ipv4first: the families take turns, and the one of the first address begins.
#[test]
fn the_family_of_the_first_address_begins() {
    let (_held, port) = refused_port();
    let (four, six) = (["127.0.0.1", "127.0.0.2"], "::1");
    let cases = [
        ([four[0], four[1], six], ["127.0.0.1", "[::1]", "127.0.0.2"]),
        ([six, four[0], four[1]], ["[::1]", four[0], four[1]]),
    ];
    for (answer, expected) in cases {
        let (mut reactor, mut trace) = setup();
        watch(&mut reactor.connect_with(("mixed.test", port), lookup(move |request| request.answer(answer))), "C");
        run(&mut reactor, &mut trace);
        let attempts: Vec<_> = trace.of("C").iter().filter_map(|said| said.strip_prefix("connectionAttempt ")).collect();
        assert_eq!(attempts, expected.map(|host| format!("{host}:P")));
    }
}

/// Connects "C" to a server and waits until both ends are there.
fn connected(reactor: &mut Reactor<Trace>, trace: &mut Trace) -> SocketId {
    let mut server = reactor.create_server(|socket, trace: &mut Trace| {
        trace.push("V", "connection");
        socket.unref();
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    let id = socket.id();
    run_until(reactor, trace, |_, trace| trace.has("C", "ready") && trace.has("V", "connection"));
    id
}

/// test-net-connect-unref.
#[test]
fn an_unrefd_connection_does_not_hold_the_loop() {
    let (mut reactor, mut trace) = setup();
    let id = connected(&mut reactor, &mut trace);
    assert!(reactor.is_alive());
    with(&mut reactor, id, |socket| {
        socket.unref();
    });
    run(&mut reactor, &mut trace);
    assert!(reactor.socket(id).is_some_and(|socket| !socket.is_destroyed()));
}

/// test-net-connect-paused-connection: it has a reference, but nobody has asked it to read.
#[test]
fn a_connection_that_was_paused_before_it_was_there_does_not_hold_the_loop() {
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, trace: &mut Trace| {
        trace.push("V", "connection");
        socket.unref();
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    util::watch_quiet(&mut socket, "C");
    socket.pause();
    let id = socket.id();
    run(&mut reactor, &mut trace);
    trace.check("C", &[ATTEMPT, "connect", "ready"]);
    assert!(reactor.socket(id).is_some_and(|socket| socket.has_ref() && !socket.is_destroyed()));
}

/// test-net-persistent-ref-unref: what was said last before `connect` counts.
#[test]
fn references_given_before_the_connection_count_in_their_order() {
    for held in [true, false] {
        let (mut reactor, mut trace) = setup();
        let port = serve(&mut reactor);
        let mut socket = reactor.new_socket(SocketOptions::new());
        match held {
            true => socket.unref().ref_(),
            false => socket.ref_().unref(),
        };
        watch(&mut socket, "C");
        let id = socket.connect(([127, 0, 0, 1], port)).id();
        run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "ready") && trace.has("C", "connect"));
        assert_eq!(reactor.socket(id).expect("open").has_ref(), held);
        reactor.sockets().collect::<Vec<_>>().into_iter().filter(|&other| other != id).for_each(|other| {
            with(&mut reactor, other, |socket| {
                socket.unref();
            });
        });
        assert_eq!(reactor.is_alive(), held);
    }
}

#[cfg(target_os = "linux")]
mod dead {
    use super::*;
    use std::time::Duration;

    use netloop::{ManualClock, ReactorOptions};
    use util::{black_hole, run_some};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn manual() -> (Reactor<Trace>, ManualClock, Trace) {
        let clock = ManualClock::new();
        let reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("the system gives a selector");
        (reactor, clock, Trace::default())
    }

    /// test-net-connect-timeout.
    #[test]
    fn a_connect_to_a_dead_address_times_out_and_closes() {
        let ((_listener, _fill, port), (mut reactor, clock, mut trace)) = (black_hole(), manual());
        let mut socket = reactor.connect(([127, 0, 0, 1], port));
        watch(&mut socket, "C");
        socket.set_timeout(MS(50)).on_timeout(|socket, trace| {
            trace.push("C", format!("connecting {}", socket.is_connecting()));
            socket.destroy();
        });
        run_some(&mut reactor, &mut trace, 5);
        clock.advance(MS(49));
        run_some(&mut reactor, &mut trace, 2);
        trace.check("C", &[ATTEMPT]);
        clock.advance(MS(1));
        run(&mut reactor, &mut trace);
        trace.check("C", &[ATTEMPT, "timeout", "connecting true", "close false"]);
    }

    /// test-net-autoselectfamily-attempt-timeout-default-value.
    #[test]
    fn an_attempt_has_half_a_second_unless_told_otherwise() {
        let ((_listener, _fill, port), (mut reactor, clock, mut trace)) = (black_hole(), manual());
        let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
        watch(&mut reactor.connect_with(("two.test", port), options), "C");
        run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", ATTEMPT));
        run_some(&mut reactor, &mut trace, 3);
        clock.advance(MS(499));
        run_some(&mut reactor, &mut trace, 3);
        assert!(!trace.has("C", "connectionAttemptTimeout 127.0.0.1:P"));
        clock.advance(MS(1));
        run(&mut reactor, &mut trace);
        assert!(trace.has("C", "connectionAttemptTimeout 127.0.0.1:P"), "{trace:?}");
    }
}
