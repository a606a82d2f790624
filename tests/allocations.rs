//! Nothing allocates per message: echo, gathered writes and idle timeouts run on what the reactor already has.

use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, SocketId};

/// Round trips before and while the allocations are counted.
const WARM_UP: u64 = 200;
const MEASURED: u64 = 1000;

/// What the callbacks count.
#[derive(Debug, Default)]
struct Echo {
    round_trips: u64,
    target: u64,
}

fn reactor(clock: &ManualClock) -> Reactor<Echo> {
    Reactor::with_options(ReactorOptions::new().clock(clock)).expect("a reactor")
}

/// One end sends a message back, the other counts and sends the next until the target is reached.
fn echo_between(reactor: &mut Reactor<Echo>, near: SocketId, far: SocketId) {
    reactor.socket(far).expect("open").on_data(|socket, chunk, _| socket.write(chunk));
    reactor.socket(near).expect("open").on_data(|socket, chunk, echo: &mut Echo| {
        echo.round_trips += 1;
        if echo.round_trips < echo.target {
            socket.write(chunk);
        }
    });
}

/// Plays `more` round trips, with the clock moving.
fn play(reactor: &mut Reactor<Echo>, near: SocketId, clock: &ManualClock, echo: &mut Echo, more: u64) {
    echo.target += more;
    assert!(reactor.socket(near).expect("open").write([b'm'; 64]));
    let mut iterations = 0;
    while echo.round_trips < echo.target {
        clock.advance(Duration::from_millis(1));
        assert!(reactor.run_nowait(echo).expect("it runs"));
        iterations += 1;
        assert!(iterations < 1_000_000, "the message is lost");
    }
}

#[track_caller]
fn check_no_allocations(reactor: &mut Reactor<Echo>, near: SocketId, clock: &ManualClock, echo: &mut Echo) {
    play(reactor, near, clock, echo, WARM_UP);
    let counted = allocation_counter::measure(|| play(reactor, near, clock, echo, MEASURED));
    assert_eq!(echo.round_trips, WARM_UP + MEASURED);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "allocations in {MEASURED} round trips");
}

/// A connected client and its peer on the server's side.
fn tcp_pair(reactor: &mut Reactor<Echo>, echo: &mut Echo) -> (SocketId, SocketId) {
    let server = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let near = reactor.connect(([127, 0, 0, 1], port)).set_no_delay(true).id();
    for _ in 0..10_000 {
        assert!(reactor.run_nowait(echo).expect("it runs"));
        let peer = reactor.server(server).and_then(|server| server.connections().next());
        if let Some(far) = peer.filter(|_| !reactor.socket(near).expect("open").is_connecting()) {
            return (near, far);
        }
    }
    panic!("no connection");
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}

#[test]
fn an_echo_between_a_pair_allocates_nothing() {
    let (clock, mut echo) = (ManualClock::new(), Echo::default());
    let mut reactor = reactor(&clock);
    let (near, far) = reactor.socket_pair().expect("a pair");
    echo_between(&mut reactor, near, far);
    check_no_allocations(&mut reactor, near, &clock, &mut echo);
}

#[test]
fn an_echo_over_tcp_allocates_nothing() {
    let (clock, mut echo) = (ManualClock::new(), Echo::default());
    let mut reactor = reactor(&clock);
    let (near, far) = tcp_pair(&mut reactor, &mut echo);
    echo_between(&mut reactor, near, far);
    check_no_allocations(&mut reactor, near, &clock, &mut echo);
}

#[test]
fn an_echo_under_an_idle_timeout_allocates_nothing() {
    let (clock, mut echo) = (ManualClock::new(), Echo::default());
    let mut reactor = reactor(&clock);
    let (near, far) = tcp_pair(&mut reactor, &mut echo);
    echo_between(&mut reactor, near, far);
    for id in [near, far] {
        // Short, so that the timer comes to its end now and then, finds activity and starts anew.
        let mut socket = reactor.socket(id).expect("open");
        socket.set_timeout(Duration::from_millis(5)).on_timeout(|_, _| panic!("there was activity in time"));
    }
    check_no_allocations(&mut reactor, near, &clock, &mut echo);
}

#[test]
fn setting_the_idle_timeout_again_with_each_write_allocates_nothing() {
    let (clock, mut echo) = (ManualClock::new(), Echo::default());
    let mut reactor = reactor(&clock);
    let (near, far) = tcp_pair(&mut reactor, &mut echo);
    echo_between(&mut reactor, near, far);
    reactor.socket(near).expect("open").on_data(|socket, _, _| {
        socket.set_timeout(Duration::from_secs(60));
    });
    check_no_allocations(&mut reactor, near, &clock, &mut echo);
}

#[test]
fn sixteen_gathered_writes_a_turn_allocate_nothing() {
    let (clock, mut echo) = (ManualClock::new(), Echo::default());
    let mut reactor = reactor(&clock);
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("open").on_data(|socket, chunk, _| {
        for byte in chunk.chunks(chunk.len().div_ceil(16)) {
            socket.write(byte);
        }
    });
    reactor.socket(near).expect("open").on_data(|socket, chunk, echo: &mut Echo| {
        echo.round_trips += 1;
        if echo.round_trips < echo.target {
            socket.write(chunk);
        }
    });
    check_no_allocations(&mut reactor, near, &clock, &mut echo);
}

#[test]
fn pausing_and_resuming_each_turn_allocates_nothing() {
    let (clock, mut echo) = (ManualClock::new(), Echo::default());
    let mut reactor = reactor(&clock);
    let (near, far) = tcp_pair(&mut reactor, &mut echo);
    echo_between(&mut reactor, near, far);
    reactor.socket(far).expect("open").on_data(|socket, _, _| {
        socket.pause();
        socket.resume();
    });
    check_no_allocations(&mut reactor, near, &clock, &mut echo);
}
