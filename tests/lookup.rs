//! Connecting by name: whose lookup is asked what, what its answers do, and what hostile ones cannot.

mod util;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use netloop::{ConnectOptions, Error, Family, LookupRequest, ManualClock, Reactor, ReactorOptions};
use util::{Trace, done, refused_port, run, run_some, run_until, watch, watch_server};

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server at 127.0.0.1 that does not hold the loop.
fn port(reactor: &mut Reactor<Trace>) -> u16 {
    let mut server = reactor.create_server(|socket, _| socket.destroy());
    server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound")
}

fn lookup(answer: impl Fn(LookupRequest) + 'static) -> ConnectOptions {
    ConnectOptions::new().lookup(answer)
}

/// Connects by name with options; what the socket says.
fn said(name: &str, options: ConnectOptions) -> Trace {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    watch(&mut reactor.connect_with((name, port), options), "C");
    run(&mut reactor, &mut trace);
    assert_eq!(reactor.metrics().sockets, 0);
    trace
}

const A1: &str = "connectionAttempt 127.0.0.1:P";
const F1: &str = "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED";
const A2: &str = "connectionAttempt 127.0.0.2:P";
const F2: &str = "connectionAttemptFailed 127.0.0.2:P ECONNREFUSED";

/// §3.3: the options a lookup gets; B01: an address literal asks nobody.
#[test]
fn a_lookup_is_asked_for_what_the_options_say() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&asked);
    let options = lookup(move |request| {
        seen.borrow_mut().push((request.host().to_owned(), request.family(), request.wants_all()));
        request.answer([[127, 0, 0, 1]]);
    });
    let (mut reactor, mut trace) = setup();
    let port = port(&mut reactor);
    reactor.connect_with(("a.test", port), options.clone());
    reactor.connect_with(("b.test", port), options.clone().family(Family::IPv4));
    reactor.connect_with(("c.test", port), options.clone().local_address([127, 0, 0, 1].into()));
    reactor.connect_with(("d.test", port), options.clone().auto_select_family(false));
    reactor.connect_with(("127.0.0.1", port), options.clone());
    reactor.connect_with(([127, 0, 0, 1], port), options.clone());
    reactor.connect_with(port, options.clone());
    reactor.connect_with(("", port), options);
    for id in reactor.sockets().collect::<Vec<_>>() {
        reactor.socket(id).expect("just made").on_connect(|socket, _| socket.destroy());
    }
    run(&mut reactor, &mut trace);
    let expected = [
        ("a.test", None, true),
        ("b.test", Some(Family::IPv4), false),
        ("c.test", None, false),
        ("d.test", None, false),
        ("localhost", None, true),
        ("localhost", None, true),
    ];
    let asked = asked.borrow();
    let asked: Vec<_> = asked.iter().map(|(host, family, all)| (host.as_str(), *family, *all)).collect();
    assert_eq!(asked, expected);
}

/// A lookup that never answers: letting the request go is an answer too.
#[test]
fn a_request_that_is_dropped_fails_the_connect() {
    let trace = said("lost.test", lookup(drop));
    trace.check("C", &["lookup ECANCELED lost.test", "error ECANCELED", "close true"]);
}

#[test]
fn a_lookup_that_panics_destroys_the_socket() {
    let (mut reactor, mut trace) = setup();
    watch(&mut reactor.connect_with(("bad.test", 1), lookup(|_| panic!("planted"))), "C");
    catch_unwind(AssertUnwindSafe(|| reactor.run(&mut trace))).expect_err("it unwinds");
    run(&mut reactor, &mut trace);
    trace.check("C", &["error ERR_CALLBACK_PANICKED", "close true"]);
}

/// B11, §5.1: the error reaches `lookup` and `error` as it was given.
#[test]
fn a_lookup_may_fail_with_an_error_of_its_own() {
    let trace = said("no.test", lookup(|request| request.fail(Error::with_code("ERR_NO_DNS", "no network"))));
    trace.check("C", &["lookup ERR_NO_DNS no.test", "error ERR_NO_DNS", "close true"]);
}

/// an empty answer is a name without addresses.
#[test]
fn an_empty_answer_is_enotfound() {
    for all in [true, false] {
        let options = lookup(|request| request.answer([] as [&str; 0])).auto_select_family(all);
        said("empty.test", options).check("C", &["lookup ENOTFOUND empty.test", "error ENOTFOUND", "close true"]);
    }
}

/// B12: rubbish is passed over; if there is nothing else it is the error.
#[test]
fn an_entry_that_is_no_address_is_told_and_never_tried() {
    let rubbish = |all| lookup(|request| request.answer(["no address", "::1%"])).auto_select_family(all);
    let invalid = "lookup ERR_INVALID_IP_ADDRESS bad.test";
    said("bad.test", rubbish(true)).check("C", &[invalid, invalid, "error ERR_INVALID_IP_ADDRESS", "close true"]);
    said("bad.test", rubbish(false)).check("C", &[invalid, "error ERR_INVALID_IP_ADDRESS", "close true"]);
    let mixed = said("bad.test", lookup(|request| request.answer(["", "127.0.0.1"])));
    mixed.check("C", &[invalid, "lookup 127.0.0.1 bad.test", A1, F1, "error ECONNREFUSED", "close true"]);
}

/// B05, B06: each address once, and one error of all.
#[test]
fn addresses_are_tried_once_each_and_fail_together() {
    let (mut reactor, mut trace) = setup();
    let (_held, port) = refused_port();
    let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2", "127.0.0.1"]));
    let mut socket = reactor.connect_with(("two.test", port), options);
    watch(&mut socket, "C");
    let (sender, errors) = mpsc::channel();
    socket.on_error(move |socket, error, _| {
        let tried: Vec<_> = socket.attempted_addresses().iter().map(ToString::to_string).collect();
        sender.send((tried, error.clone())).expect("somebody waits");
    });
    run(&mut reactor, &mut trace);
    let said = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test", "lookup 127.0.0.1 two.test"];
    trace.check("C", &[&said[..], &[A1, F1, A2, F2, "error ECONNREFUSED", "close true"]].concat());
    let (tried, error) = errors.try_recv().expect("heard");
    assert_eq!(tried, [format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}")]);
    let inner: Vec<_> = error.errors().iter().map(ToString::to_string).collect();
    let refused = |ip| format!("connect ECONNREFUSED {ip}:{port}");
    assert_eq!(inner, [refused("127.0.0.1"), refused("127.0.0.2")]);
    assert_eq!(error.to_string(), inner.join("; "));
}

#[test]
fn a_request_without_an_answer_holds_the_loop_while_its_socket_waits() {
    let (mut reactor, mut trace) = setup();
    let (sender, requests) = mpsc::channel();
    let options = lookup(move |request| sender.send(request).expect("somebody waits"));
    watch(&mut reactor.connect_with(("slow.test", 1), options), "C");
    run_some(&mut reactor, &mut trace, 3);
    assert!(reactor.is_alive());
    drop(requests.try_recv().expect("it was asked"));
    run(&mut reactor, &mut trace);
    trace.check("C", &["lookup ECANCELED slow.test", "error ECANCELED", "close true"]);
}

/// Ports of an answer do not count, so the same address with two of them is one.
#[test]
fn the_ports_of_an_answer_are_passed_over() {
    let socket = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let trace = said("ports.test", lookup(move |request| request.answer([socket(80), socket(81)])));
    let found = "lookup 127.0.0.1 ports.test";
    trace.check("C", &[found, found, A1, F1, "error ECONNREFUSED", "close true"]);
}

/// B14, B15: an answer for a socket that is gone is nobody's.
#[test]
fn an_answer_after_destroy_does_nothing() {
    for all in [true, false] {
        let (mut reactor, mut trace) = setup();
        let (sender, requests) = mpsc::channel();
        let options = lookup(move |request| sender.send(request).expect("somebody waits")).auto_select_family(all);
        let mut socket = reactor.connect_with(("late.test", 1), options);
        watch(&mut socket, "C");
        socket.write_then("x", done("C", "w"));
        let id = socket.id();
        run_some(&mut reactor, &mut trace, 2);
        let request = requests.try_recv().expect("it was asked");
        reactor.socket(id).expect("it waits").destroy();
        run(&mut reactor, &mut trace);
        assert!(!reactor.is_alive(), "the request holds the loop no more");
        request.answer([[127, 0, 0, 1]]);
        run(&mut reactor, &mut trace);
        trace.check("C", &["close false", "w(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)"]);
    }
}

#[test]
fn an_answer_for_an_old_life_does_not_touch_the_new_one() {
    let (mut reactor, mut trace) = setup();
    let port = port(&mut reactor);
    let (sender, requests) = mpsc::channel();
    let options = lookup(move |request| sender.send(request).expect("somebody waits"));
    let mut socket = reactor.connect_with(("old.test", 1), options.clone());
    watch(&mut socket, "C");
    socket.once_close(move |socket, _, _| {
        socket.connect_with(("new.test", port), options.clone());
    });
    let id = socket.id();
    run_some(&mut reactor, &mut trace, 1);
    reactor.socket(id).expect("it waits").destroy();
    run_some(&mut reactor, &mut trace, 2);
    let (old, new) = (requests.try_recv().expect("asked"), requests.try_recv().expect("asked again"));
    assert_eq!((old.host(), new.host()), ("old.test", "new.test"));
    old.answer(["::1"]);
    run_some(&mut reactor, &mut trace, 2);
    new.answer([[127, 0, 0, 1]]);
    run(&mut reactor, &mut trace);
    let life = ["close false", "lookup 127.0.0.1 new.test", A1, "connect", "ready", "end", "finish", "close false"];
    trace.check("C", &life);
}

#[test]
fn an_answer_after_the_reactor_is_gone_goes_nowhere() {
    let (mut reactor, mut trace) = setup();
    let (sender, requests) = mpsc::channel();
    reactor.connect_with(("gone.test", 1), lookup(move |request| sender.send(request).expect("somebody waits")));
    run_some(&mut reactor, &mut trace, 1);
    drop(reactor);
    let request = requests.try_recv().expect("it was asked");
    std::thread::spawn(move || request.answer(["::1"])).join().expect("no panic");
}

/// What Node's `connect` throws comes as `error`; nothing is tried.
#[test]
fn options_that_cannot_be_meant_are_errors() {
    let zero = ConnectOptions::new().attempt_timeout(Duration::ZERO);
    said("localhost", zero).check("C", &["error ERR_OUT_OF_RANGE", "close true"]);
    let unix = ConnectOptions::new().family(Family::Unix);
    said("localhost", unix).check("C", &["error ERR_INVALID_ARG_VALUE", "close true"]);
    said("a\0b", ConnectOptions::new()).check("C", &["error ERR_INVALID_ARG_VALUE", "close true"]);
}

/// B10, B16, Q-08: destroying in any of the events ends it, with nothing after but `close`.
#[test]
fn destroy_in_any_event_of_the_attempts_is_the_end() {
    let two = || lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
    let both = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test"];
    let cases: [(&str, &[&str]); 3] =
        [("lookup", &both[..1]), ("attempt", &[both[0], both[1], A1]), ("failed", &[both[0], both[1], A1, F1])];
    for (event, expected) in cases {
        let (mut reactor, mut trace) = setup();
        let (_held, port) = refused_port();
        let mut socket = reactor.connect_with(("two.test", port), two());
        watch(&mut socket, "C");
        match event {
            "lookup" => socket.on_lookup(|socket, _, _, _| socket.destroy()),
            "attempt" => socket.on_connection_attempt(|socket, _, _| socket.destroy()),
            _ => socket.on_connection_attempt_failed(|socket, _, _, _| socket.destroy()),
        };
        run(&mut reactor, &mut trace);
        trace.check("C", &[expected, &["close false"]].concat());
    }
}

#[cfg(target_os = "linux")]
fn manual() -> (Reactor<Trace>, ManualClock, Trace) {
    let clock = ManualClock::new();
    let reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("the system gives a selector");
    (reactor, clock, Trace::default())
}

/// Runs turns until the trace says so.
#[cfg(target_os = "linux")]
fn run_to(reactor: &mut Reactor<Trace>, trace: &mut Trace, entry: &str) {
    for _ in 0..10_000 {
        if trace.has("C", entry) {
            return;
        }
        reactor.run_nowait(trace).expect("every error is heard");
        std::thread::yield_now();
    }
    panic!("no {entry}: {trace:#?}");
}

/// B07, B08: an address that hangs is given up, and its handle closed; the last one has no limit.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_hangs_is_given_up_after_the_attempt_timeout() {
    let (_listener, _fill, port) = util::black_hole();
    let (mut reactor, clock, mut trace) = manual();
    let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"])).attempt_timeout(Duration::from_millis(50));
    let mut socket = reactor.connect_with(("two.test", port), options);
    watch(&mut socket, "C");
    let (sender, errors) = mpsc::channel();
    socket.on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits"));
    run_to(&mut reactor, &mut trace, A1);
    run_some(&mut reactor, &mut trace, 3);
    clock.advance(Duration::from_millis(49));
    run_some(&mut reactor, &mut trace, 3);
    assert!(!trace.has("C", "connectionAttemptTimeout 127.0.0.1:P"));
    clock.advance(Duration::from_millis(1));
    run(&mut reactor, &mut trace);
    let two = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test", A1, "connectionAttemptTimeout 127.0.0.1:P"];
    trace.check("C", &[&two[..], &[A2, F2, "error ETIMEDOUT", "close true"]].concat());
    let error = errors.try_recv().expect("heard");
    let inner: Vec<_> = error.errors().iter().map(|error| (error.code(), error.to_string())).collect();
    let timed_out = (netloop::code::ETIMEDOUT, format!("connect ETIMEDOUT 127.0.0.1:{port}"));
    assert_eq!(inner, [timed_out, (netloop::code::ECONNREFUSED, format!("connect ECONNREFUSED 127.0.0.2:{port}"))]);
}

/// L7: a panic in the listener that hears of it ends the connect.
#[cfg(target_os = "linux")]
#[test]
fn no_further_address_is_tried_after_a_panic() {
    let (_listener, _fill, port) = util::black_hole();
    let (mut reactor, clock, mut trace) = manual();
    let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"])).attempt_timeout(Duration::from_millis(50));
    let mut socket = reactor.connect_with(("two.test", port), options);
    watch(&mut socket, "C");
    socket.on_connection_attempt_timeout(|_, _, _| -> () { std::panic::resume_unwind(Box::new("planted")) });
    run_to(&mut reactor, &mut trace, A1);
    run_some(&mut reactor, &mut trace, 3);
    clock.advance(Duration::from_millis(50));
    let unwinds = catch_unwind(AssertUnwindSafe(|| reactor.run(&mut trace)));
    assert!(unwinds.is_err());
    run(&mut reactor, &mut trace);
    let two = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test", A1, "connectionAttemptTimeout 127.0.0.1:P"];
    trace.check("C", &[&two[..], &["error ERR_CALLBACK_PANICKED", "close true"]].concat());
}

/// B09, B10: `destroy` during an attempt is told as its failure, in the event that tells of the time-out it is not.
#[cfg(target_os = "linux")]
#[test]
fn destroy_while_an_address_hangs_stops_the_timer() {
    let two = ["lookup 127.0.0.1 two.test", "lookup 127.0.0.2 two.test", A1];
    for in_event in [false, true] {
        let (_listener, _fill, port) = util::black_hole();
        let (mut reactor, clock, mut trace) = manual();
        let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]))
            .attempt_timeout(Duration::ZERO + Duration::from_millis(1));
        let mut socket = reactor.connect_with(("two.test", port), options);
        watch(&mut socket, "C");
        socket.on_connection_attempt_timeout(|socket, _, _| socket.destroy());
        let id = socket.id();
        run_to(&mut reactor, &mut trace, A1);
        run_some(&mut reactor, &mut trace, 3);
        clock.advance(Duration::from_millis(9));
        run_some(&mut reactor, &mut trace, 3);
        if in_event {
            clock.advance(Duration::from_millis(1));
        } else {
            reactor.socket(id).expect("it connects").destroy();
        }
        run(&mut reactor, &mut trace);
        let told =
            if in_event { "connectionAttemptTimeout 127.0.0.1:P" } else { "connectionAttemptFailed 127.0.0.1:P ECANCELED" };
        trace.check("C", &[&two[..], &[told, "close false"]].concat());
        assert_eq!(reactor.metrics().timers, 0);
    }
}

/// The defaults of a reactor stand in for what the options do not say.
#[test]
fn a_reactor_has_its_own_defaults() {
    let options = ReactorOptions::new().auto_select_family(false);
    let mut reactor: Reactor<Trace> = Reactor::with_options(options).expect("the system gives a selector");
    let (mut trace, (_held, port)) = (Trace::default(), refused_port());
    let two = || lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
    watch(&mut reactor.connect_with(("one.test", port), two()), "C");
    watch(&mut reactor.connect_with(("two.test", port), two().auto_select_family(true)), "D");
    run(&mut reactor, &mut trace);
    trace.check("C", &["lookup 127.0.0.1 one.test", A1, F1, "error ECONNREFUSED", "close true"]);
    assert!(trace.has("D", F2));
}

/// B35: the option is the idle timer, and a slow lookup is no activity.
#[test]
fn a_connect_may_have_an_idle_timeout_from_its_first_moment() {
    let clock = ManualClock::new();
    let mut reactor: Reactor<Trace> =
        Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("the system gives a selector");
    let mut trace = Trace::default();
    let (sender, requests) = mpsc::channel();
    let options = lookup(move |request| sender.send(request).expect("somebody waits")).timeout(Duration::from_millis(30));
    let port = port(&mut reactor);
    watch(&mut reactor.connect_with(("slow.test", port), options), "C");
    run_some(&mut reactor, &mut trace, 2);
    clock.advance(Duration::from_millis(30));
    run_some(&mut reactor, &mut trace, 2);
    trace.check("C", &["timeout"]);
    requests.try_recv().expect("asked").answer([[127, 0, 0, 1]]);
    run(&mut reactor, &mut trace);
    let rest = ["timeout", "lookup 127.0.0.1 slow.test", A1, "connect", "ready", "end", "finish", "close false"];
    trace.check("C", &rest);
}

/// The system's own lookup, without a name server: `localhost` is in every table.
#[test]
fn the_systems_lookup_honours_the_family() {
    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|socket, _| socket.end());
    watch_server(&mut server, "V");
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    watch(&mut reactor.connect_with(("localhost", port), ConnectOptions::new().family(Family::IPv4)), "C");
    run(&mut reactor, &mut trace);
    trace.check("C", &["lookup 127.0.0.1 localhost", A1, "connect", "ready", "end", "finish", "close false"]);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("V", "connection"));
}
