//! The failure catalogue, the loop itself: timers, waiting, signals, and handles that are used again (F15–F22).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use netloop::{ManualClock, Reactor, ReactorOptions, SocketId};

/// No test runs that long; a loop that sleeps for ever is ended by it.
const LIMIT: Duration = Duration::from_secs(30);

const MILLI: Duration = Duration::from_millis(1);

/// Signals interrupt waits and so add polls: tests that count polls do not run beside the one that sends signals.
static POLLS_COUNT: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    POLLS_COUNT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_reactor<S>() -> Reactor<S> {
    let mut reactor = Reactor::new().expect("a reactor");
    let watchdog = reactor.set_timeout(LIMIT, |_, _| panic!("the loop waits for something that never comes"));
    reactor.unref_timer(watchdog);
    reactor
}

/// A reactor whose time is moved by hand.
fn manual<S>() -> (ManualClock, Reactor<S>) {
    let clock = ManualClock::new();
    let reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor");
    (clock, reactor)
}

#[derive(Default)]
struct Counts {
    idles: u32,
    fired: Vec<u32>,
}

fn again_at_once(reactor: &mut Reactor<Counts>, counts: &mut Counts) {
    counts.fired.push(counts.idles);
    if counts.fired.len() < 50 {
        reactor.set_timeout(Duration::ZERO, again_at_once);
    }
}

#[test]
fn f15_a_timer_armed_with_zero_in_its_own_callback_fires_once_a_turn() {
    let mut reactor = new_reactor();
    let idle = reactor.on_idle(|_, _, counts: &mut Counts| counts.idles += 1);
    reactor.unref_watcher(idle);
    reactor.set_timeout(Duration::ZERO, again_at_once);
    let mut counts = Counts::default();
    reactor.run(&mut counts).expect("no failure");
    // The first fires before the first turn.
    assert_eq!(counts.fired, (0..50).collect::<Vec<_>>());
}

#[test]
fn f15_a_timer_cleared_by_another_of_the_same_pass_never_fires() {
    for clears in [true, false] {
        let (clock, mut reactor) = manual::<Vec<&str>>();
        let second = Rc::new(Cell::new(None));
        let other = Rc::clone(&second);
        reactor.set_timeout(MILLI, move |reactor, log| {
            log.push("first");
            let due = other.get().expect("set below");
            if clears {
                assert!(reactor.clear_timer(due), "it is due and has not fired");
                reactor.set_timeout(Duration::ZERO, |_, log| log.push("instead"));
            }
        });
        second.set(Some(reactor.set_timeout(MILLI, |_, log| log.push("second"))));
        let mut log = Vec::new();
        clock.advance(MILLI);
        reactor.run_nowait(&mut log).expect("no failure");
        assert_eq!(log, if clears { vec!["first"] } else { vec!["first", "second"] });
        reactor.run_nowait(&mut log).expect("no failure");
        assert_eq!(log, ["first", if clears { "instead" } else { "second" }]);
        assert!(!reactor.is_alive());
    }
}

#[test]
fn f16_a_repeating_timer_fires_once_a_turn_however_late_it_is() {
    let (clock, mut reactor) = manual::<u32>();
    let mut calls = 0;
    reactor.set_interval(10 * MILLI, |_, _, calls| *calls += 1);
    for (late, expected) in [(20, 1), (9, 1), (1, 2), (1000, 3), (9, 3), (1, 4)] {
        clock.advance(late * MILLI);
        if expected > calls {
            reactor.run_once(&mut calls).expect("no failure");
        } else {
            reactor.run_nowait(&mut calls).expect("no failure");
        }
        assert_eq!(calls, expected, "after {late} more milliseconds");
    }
}

/// Numbers that look random; the same each time.
fn next_random(seed: &Cell<u64>) -> u64 {
    let mut x = seed.get();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    seed.set(x);
    x
}

/// Sets a timer of 1 ms at an odd moment, again and again.
fn never_early(reactor: &mut Reactor<u32>, seed: Rc<Cell<u64>>) {
    let phase = Instant::now();
    let odd = Duration::from_nanos(next_random(&seed) % 200_000);
    while phase.elapsed() < odd {
        std::hint::spin_loop();
    }
    let before = Instant::now();
    reactor.update_time();
    reactor.set_timeout(MILLI, move |reactor, left| {
        let waited = before.elapsed();
        assert!(waited >= MILLI, "fired after {waited:?}");
        if *left > 0 {
            *left -= 1;
            never_early(reactor, seed);
        }
    });
}

#[test]
fn f17_no_timer_fires_early_whatever_its_phase() {
    let mut reactor = new_reactor();
    let seed = Rc::new(Cell::new(0x9E37_79B9_7F4A_7C15));
    for _ in 0..10 {
        never_early(&mut reactor, Rc::clone(&seed));
    }
    let mut left = 990;
    reactor.run(&mut left).expect("no failure");
    assert_eq!(left, 0);
}

#[test]
fn f18_time_spent_before_a_timer_is_set_does_not_count() {
    for updates in [false, true] {
        let (clock, mut reactor) = manual::<u32>();
        clock.advance(50 * MILLI);
        // Node reads the clock when the timer is set; a program that does so itself finds no difference.
        if updates {
            reactor.update_time();
        }
        reactor.set_timeout(40 * MILLI, |reactor, polls| *polls = reactor.metrics().polls as u32 + 1);
        let mut fired_after = 0;
        for step in [Duration::ZERO, 39 * MILLI, MILLI - Duration::from_nanos(1)] {
            clock.advance(step);
            assert!(reactor.run_nowait(&mut fired_after).expect("no failure"));
            assert_eq!(fired_after, 0);
        }
        clock.advance(Duration::from_nanos(1));
        reactor.run_nowait(&mut fired_after).expect("no failure");
        assert!(fired_after > 0);
    }
}

#[test]
fn f19_a_fraction_of_a_millisecond_takes_no_busy_loop() {
    let _alone = alone();
    for micros in [1, 300, 999, 1001, 2300] {
        let mut reactor = new_reactor::<u32>();
        reactor.set_timeout(Duration::from_micros(micros), |_, fired| *fired += 1);
        let mut fired = 0;
        reactor.run(&mut fired).expect("no failure");
        assert_eq!(fired, 1);
        let polls = reactor.metrics().polls;
        assert!(polls <= 2, "{polls} polls for {micros} µs");
    }
}

#[test]
fn f19_a_timer_far_away_neither_overflows_nor_spins() {
    let _alone = alone();
    let day = Duration::from_secs(24 * 3600);
    for far in [40 * day, 1000 * 365 * day, Duration::MAX] {
        let mut reactor = new_reactor::<u32>();
        let timer = reactor.set_timeout(far, |_, fired| *fired += 1);
        reactor.set_timeout(50 * MILLI, |reactor, _| reactor.stop());
        let mut fired = 0;
        reactor.run(&mut fired).expect("no failure");
        let polls = reactor.metrics().polls;
        assert!(polls <= 3, "{polls} polls with a timer in {far:?}");
        assert_eq!(fired, 0);
        assert!(reactor.clear_timer(timer));
    }
    let (clock, mut reactor) = manual::<u32>();
    reactor.set_timeout(40 * day, |_, fired| *fired += 1);
    let wait = reactor.backend_timeout().expect("a timer is set");
    assert!(wait > 24 * day && wait <= 40 * day, "{wait:?}");
    let mut fired = 0;
    for (step, expected) in [(25 * day, 0), (15 * day - MILLI, 0), (MILLI, 1)] {
        clock.advance(step);
        reactor.run_nowait(&mut fired).expect("no failure");
        assert_eq!(fired, expected, "after {step:?} more");
    }
}

#[cfg(unix)]
#[test]
fn f20_signals_neither_end_a_wait_with_an_error_nor_begin_it_anew() {
    use std::process::{Child, Command};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let _alone = alone();
    let arrived = Arc::new(AtomicBool::new(false));
    let handler = signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&arrived)).expect("a handler");
    // On Linux a signal can be meant for this thread alone.
    let target = std::fs::read_link("/proc/thread-self")
        .ok()
        .and_then(|path| path.file_name()?.to_str().map(str::to_owned))
        .unwrap_or_else(|| std::process::id().to_string());
    // Ends with us, or after ten seconds and more.
    let script = "i=0; while [ $i -lt 2000 ] && kill -USR1 $0 2>/dev/null; do i=$((i+1)); sleep 0.005; done";
    let signaller = Command::new("sh").args(["-c", script, &target]).spawn().expect("sh");

    let mut reactor = new_reactor::<(Child, u32)>();
    let before = Instant::now();
    reactor.update_time();
    reactor.set_timeout(100 * MILLI, move |_, (signaller, fired)| {
        assert!(before.elapsed() >= 100 * MILLI, "never early");
        *fired += 1;
        let still = signaller.try_wait().expect("our child");
        assert!(still.is_none(), "the wait began anew at each signal: {still:?}");
    });
    let mut state = (signaller, 0);
    reactor.run(&mut state).expect("an interrupted wait is no error");
    let (mut signaller, fired) = state;
    signaller.kill().expect("our child");
    signaller.wait().expect("our child");
    signal_hook::low_level::unregister(handler);
    let metrics = reactor.metrics();
    assert_eq!((fired, metrics.iterations), (1, 1), "one wait, one timer");
    assert!(arrived.load(Ordering::Relaxed), "the handler ran");
    if cfg!(target_os = "linux") {
        assert!(metrics.polls > metrics.iterations, "no signal interrupted a wait: {metrics:?}");
    }
}

#[derive(Default)]
struct Reuse {
    /// The first two, of which one kills the other.
    pair: Vec<SocketId>,
    /// What was made in the place of the dead.
    late: Vec<SocketId>,
    heard: Vec<SocketId>,
    closed: Vec<SocketId>,
}

#[test]
fn f21_an_event_of_a_dead_socket_reaches_no_socket_made_since() {
    let mut reactor = new_reactor::<Reuse>();
    let mut reuse = Reuse::default();
    for _ in 0..2 {
        let (near, far) = reactor.socket_pair().expect("a pair");
        // In flight at once: both readers are reported in one batch.
        reactor.socket(near).expect("new").write("x");
        let mut socket = reactor.socket(far).expect("new");
        socket.on_close(|socket, _, reuse: &mut Reuse| reuse.closed.push(socket.id()));
        socket.on_data(|socket, _, reuse| {
            let me = socket.id();
            reuse.heard.push(me);
            let victim = reuse.pair.iter().copied().find(|&id| id != me).expect("two of them");
            socket.other(victim).expect("its event is in the batch").destroy();
            let (a, b) = socket.reactor().socket_pair().expect("a pair");
            for id in [a, b] {
                let mut fresh = socket.other(id).expect("new");
                fresh.on_data(|socket, _, reuse| reuse.heard.push(socket.id()));
                reuse.late.push(id);
            }
        });
        reuse.pair.push(far);
    }
    for _ in 0..20 {
        reactor.run_nowait(&mut reuse).expect("no failure");
    }
    assert_eq!(reuse.heard.len(), 1, "one of the two: {:?}", reuse.heard);
    assert_eq!(reuse.closed.len(), 1);
    assert_ne!(reuse.heard[0], reuse.closed[0]);
    assert!(reactor.socket(reuse.closed[0]).is_none(), "a stale id finds nothing");
    reactor.socket(reuse.late[0]).expect("alive").write("y");
    for _ in 0..20 {
        reactor.run_nowait(&mut reuse).expect("no failure");
    }
    assert_eq!(reuse.heard[1..], [reuse.late[1]], "the new one hears what is meant for it");
}

#[test]
fn f21_slots_used_again_and_again_within_batches_mix_nothing_up() {
    // Each message carries the number of its pair; whoever hears another one has got a dead socket's event.
    type Live = RefCell<Vec<SocketId>>;
    fn pair(reactor: &mut Reactor<u32>, number: u32, live: Rc<Live>, seed: Rc<Cell<u64>>) {
        let (near, far) = reactor.socket_pair().expect("a pair");
        live.borrow_mut().push(far);
        reactor.socket(near).expect("new").write(number.to_le_bytes());
        reactor.socket(near).expect("new").on_end(|socket, _| socket.destroy());
        reactor.socket(far).expect("new").on_data(move |socket, chunk, left| {
            assert_eq!(chunk, number.to_le_bytes());
            live.borrow_mut().retain(|&id| id != socket.id());
            if *left == 0 {
                return;
            }
            *left -= 1;
            // Kill somebody, take two new slots, and go.
            let victim = {
                let mut live = live.borrow_mut();
                let at = (next_random(&seed) as usize) % live.len().max(1);
                (!live.is_empty()).then(|| live.swap_remove(at))
            };
            if let Some(mut victim) = victim.and_then(|id| socket.other(id)) {
                victim.destroy();
            }
            for _ in 0..2 {
                let number = next_random(&seed) as u32;
                pair(socket.reactor(), number, Rc::clone(&live), Rc::clone(&seed));
            }
            socket.destroy();
        });
    }
    let mut reactor = new_reactor();
    let (live, seed) = (Rc::new(Live::default()), Rc::new(Cell::new(42)));
    for number in 0..50 {
        pair(&mut reactor, number, Rc::clone(&live), Rc::clone(&seed));
    }
    let mut left = 1000;
    while left > 0 || !live.borrow().is_empty() {
        reactor.run_once(&mut left).expect("no failure");
    }
    for id in reactor.sockets().collect::<Vec<_>>() {
        reactor.socket(id).expect("listed").destroy();
    }
    reactor.run(&mut left).expect("no failure");
    assert_eq!(reactor.metrics().sockets, 0);
}

#[cfg(unix)]
#[test]
fn f22_a_duplicate_of_a_closed_descriptor_gives_no_events() {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::fd::AsFd;

    let mut reactor = new_reactor::<Vec<SocketId>>();
    let mut server = reactor.create_server(|socket, accepted: &mut Vec<SocketId>| {
        accepted.push(socket.id());
        socket.on_data(|socket, chunk, _| socket.write(chunk));
    });
    server.listen(([127, 0, 0, 1], 0));
    let address = (std::net::Ipv4Addr::LOCALHOST, server.port().expect("it listens"));
    let mut accepted = Vec::new();
    let mut peer = TcpStream::connect(address).expect("connected");
    while accepted.is_empty() {
        reactor.run_once(&mut accepted).expect("no failure");
    }
    let mut socket = reactor.socket(accepted[0]).expect("open");
    let duplicate = socket.as_fd().try_clone_to_owned().expect("a descriptor is left");
    socket.destroy();
    while reactor.socket(accepted[0]).is_some() {
        reactor.run_nowait(&mut accepted).expect("no failure");
    }
    let before = reactor.metrics().events;
    for _ in 0..20 {
        peer.write_all(b"junk").expect("the duplicate keeps the connection");
        reactor.run_nowait(&mut accepted).expect("no failure");
    }
    assert_eq!(reactor.metrics().events, before);
    let mut duplicate = TcpStream::from(duplicate);
    duplicate.set_nonblocking(false).expect("an option");
    let mut bytes = [0; 80];
    duplicate.read_exact(&mut bytes).expect("they are all there");
    // The descriptor's number is used again by the next connection.
    let mut next = TcpStream::connect(address).expect("connected");
    next.write_all(b"hello").expect("room");
    while reactor.metrics().bytes_written < 5 {
        reactor.run_once(&mut accepted).expect("no failure");
    }
    let mut answer = [0; 5];
    next.read_exact(&mut answer).expect("on its way");
    assert_eq!((accepted.len(), &answer[..]), (2, &b"hello"[..]));
}
