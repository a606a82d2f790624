//! Deviations from Node that no scenario of `tests/conformance` shows; the table in the book names these tests.

mod util;

use std::time::Duration;

use netloop::{ConnectOptions, Reactor, SocketOptions, code};
use util::{Trace, refused_port, run, watch, watch_flow};

#[test]
fn a_pause_is_told_on_a_tick() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let (near, _) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("just made");
    watch_flow(&mut socket, "S");
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        reactor.socket(near).expect("open").pause();
        trace.push("S", "paused");
        reactor.next_tick(move |reactor, trace: &mut Trace| {
            trace.push("S", "tick");
            reactor.socket(near).expect("open").destroy();
        });
    });
    run(&mut reactor, &mut trace);
    trace.check("S", &["paused", "pause", "tick"]);
}

#[cfg(unix)]
#[test]
fn an_attempt_at_a_path_is_told_on_a_tick() {
    let (mut reactor, mut trace, dir) = (util::reactor(), Trace::default(), util::TempDir::new());
    let mut socket = reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect(dir.path("none.sock"));
    trace.push("C", "called");
    run(&mut reactor, &mut trace);
    let failed = "connectionAttemptFailed none.sock ENOENT";
    trace.check("C", &["called", "connectionAttempt none.sock", failed, "error ENOENT", "close true"]);
}

#[test]
fn an_unheard_error_ends_run_only_if_it_was_set_up_before() {
    let (_held, port) = refused_port();
    let mut reactor = Reactor::<()>::new().expect("a reactor");
    reactor.connect(([127, 0, 0, 1], port));
    assert_eq!(reactor.run(&mut ()).expect_err("set up before").code(), code::ECONNREFUSED);
    reactor.set_immediate(move |reactor, ()| {
        reactor.connect(([127, 0, 0, 1], port));
    });
    reactor.run(&mut ()).expect("set up in a callback");
    assert_eq!(reactor.sockets().count(), 0, "closed all the same");
}

#[test]
fn the_write_queue_counts_bytes_and_not_characters() {
    let mut reactor = Reactor::<()>::new().expect("a reactor");
    let mut socket = reactor.new_socket(SocketOptions::new());
    socket.connect(([127, 0, 0, 1], 1)).write("\u{20ac}\u{20ac}");
    assert_eq!((socket.writable_length(), socket.bytes_written()), (6, 6), "two euro signs");
}

/// Elsewhere the kernel may take all of it.
#[cfg(unix)]
#[test]
fn what_destroy_cancels_leaves_the_counters_at_once() {
    let mut reactor = Reactor::<()>::new().expect("a reactor");
    let (near, _) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("just made");
    socket.write(vec![1; 8 << 20]);
    assert!(socket.writable_length() > 0, "the kernel does not take it all");
    let written = socket.bytes_written();
    socket.write("abc");
    assert_eq!(socket.bytes_written(), written + 3);
    socket.destroy();
    assert_eq!((socket.writable_length(), socket.bytes_written()), (0, written), "not only before `close`");
}

#[test]
fn a_timeout_that_fired_is_gone() {
    let mut reactor = Reactor::<u32>::new().expect("a reactor");
    let timer = reactor.set_timeout(Duration::ZERO, |_, fired| *fired += 1);
    let mut fired = 0;
    reactor.run(&mut fired).expect("nothing fails");
    assert!(!reactor.refresh_timer(timer));
    reactor.run(&mut fired).expect("nothing fails");
    assert_eq!(fired, 1);
}

#[cfg(unix)]
#[test]
fn dropping_the_reactor_removes_the_socket_file() {
    let dir = util::TempDir::new();
    let path = dir.path("a.sock");
    let mut reactor = Reactor::<()>::new().expect("a reactor");
    assert!(reactor.create_server(|_, _| {}).listen(&path).is_listening() && path.exists());
    drop(reactor);
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_write_on_a_connection_that_just_broke_is_gathered() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    watch(&mut reactor.socket(near).expect("just made"), "S");
    reactor.set_immediate(move |reactor, _| reactor.socket(far).expect("open").destroy());
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        let room = reactor.socket(near).expect("open").write_then("x", util::done("S", "w"));
        trace.push("S", format!("write {room}"));
        reactor.next_tick(|_, trace: &mut Trace| trace.push("S", "tick"));
    });
    run(&mut reactor, &mut trace);
    trace.check("S", &["write true", "tick", "w(EPIPE)", "error EPIPE", "close true"]);
}

/// The text is no name for any resolver, so that no network is asked.
#[test]
fn a_name_without_an_address_is_enotfound_and_then_close() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    watch(&mut reactor.connect(("no..name", 1)), "C");
    run(&mut reactor, &mut trace);
    trace.check("C", &["lookup ENOTFOUND no..name", "error ENOTFOUND", "close true"]);
}

#[test]
fn the_timeout_option_counts_on_a_socket_too() {
    let mut reactor: Reactor<Trace> = util::reactor();
    let options = ConnectOptions::new().timeout(Duration::from_secs(60));
    let mut socket = reactor.new_socket(SocketOptions::new());
    socket.connect_with(([127, 0, 0, 1], 1), options);
    assert_eq!(socket.timeout(), Some(Duration::from_secs(60)));
}

#[test]
fn what_was_read_ahead_comes_by_data() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let (near, far) = reactor.socket_pair().expect("two descriptors");
    reactor.socket(near).expect("just made").end_with("hello");
    reactor.socket(far).expect("just made").pause();
    util::run_until(&mut reactor, &mut trace, |reactor, _| {
        reactor.socket(far).is_some_and(|socket| socket.readable_length() == 5)
    });
    let mut socket = reactor.socket(far).expect("it waits");
    watch(&mut socket, "F");
    socket.resume();
    run(&mut reactor, &mut trace);
    trace.check("F", &["data 5", "end", "finish", "close false"]);
}

#[test]
fn an_end_before_a_later_address_is_tried_holds() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    let mut socket = reactor.connect_with(("two.test", port), answering(["127.0.0.2", "127.0.0.1"]));
    watch(&mut socket, "C");
    socket.on_connection_attempt_failed(|socket, _, _, _| socket.end_with("bye"));
    socket.on_connect(|socket, trace| trace.push("C", format!("writable {}", socket.is_writable())));
    run(&mut reactor, &mut trace);
    let end = ["connect", "writable false", "ready", "finish", "end", "close false"];
    assert!(trace.of("C").ends_with(&end.map(String::from)), "{trace:#?}");
    trace.check("S", &["data 3", "end", "finish", "close false"]);
}

fn answering(addresses: [&'static str; 2]) -> ConnectOptions {
    ConnectOptions::new().lookup(move |request| request.answer(addresses))
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_connect_by_name_is_an_error_as_one_by_address() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let (_listener, _fill, port) = util::black_hole();
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket.connect_with(("two.test", port), answering(["127.0.0.1", "127.0.0.2"]));
    run(&mut reactor, &mut trace);
    let attempt = "connectionAttempt 127.0.0.1:P";
    let found = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test"];
    trace.check("C", &[attempt, found[0], found[1], attempt, "error EALREADY", "close true"]);
}

#[test]
fn an_idle_timeout_stays_over_a_reconnect() {
    let clock = netloop::ManualClock::new();
    let options = netloop::ReactorOptions::new().clock(&clock);
    let mut reactor: Reactor<Trace> = Reactor::with_options(options).expect("the system gives a selector");
    let mut trace = Trace::default();
    let port = reactor.create_server(|_, _| ()).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    socket.set_timeout(Duration::from_secs(1));
    socket.once_connect(|socket, _| socket.destroy());
    socket.once_close(move |socket, _, _| {
        socket.connect(([127, 0, 0, 1], port)).once_connect(|_, trace: &mut Trace| trace.push("C", "again"));
    });
    socket.on_timeout(|socket, trace| {
        trace.push("C", "timeout");
        socket.destroy();
    });
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "again"));
    clock.advance(Duration::from_secs(1));
    run(&mut reactor, &mut trace);
    trace.check("C", &["again", "timeout"]);
}

#[test]
fn a_write_of_an_old_life_does_not_end_the_new_one() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let (_held, refused) = refused_port();
    let port = reactor.create_server(|socket, _| socket.end()).listen(([127, 0, 0, 1], 0)).unref().port();
    let port = port.expect("it is bound");
    let mut socket = reactor.connect(([127, 0, 0, 1], refused));
    socket.write_then("x", util::done("C", "w"));
    socket.once_error(move |socket, _, _| {
        socket.connect(([127, 0, 0, 1], port));
        watch(socket, "C");
    });
    run(&mut reactor, &mut trace);
    assert!(trace.has("C", "connect") && trace.of("C").ends_with(&["close false".to_owned()]), "{trace:#?}");
}
