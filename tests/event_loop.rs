//! The loop, after libuv's tests: phases, run modes, stop, alive, time, timers, watchers, ref and unref, walk, embedding.

#[path = "event_loop/panics.rs"]
mod panics;
#[path = "event_loop/threads.rs"]
mod threads;
#[path = "event_loop/timers.rs"]
mod timers;

use std::time::Duration;

use netloop::{Handle, ManualClock, Reactor, ReactorOptions, Socket, code};

/// What has happened, in order.
type Log = Vec<&'static str>;
type Loop = Reactor<Log>;

const MS: Duration = Duration::from_millis(1);

fn reactor() -> (Loop, ManualClock) {
    let clock = ManualClock::new();
    (Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor"), clock)
}

/// One iteration; its log.
#[track_caller]
fn turn(reactor: &mut Loop) -> Log {
    let mut log = Log::new();
    reactor.run_nowait(&mut log).expect("it runs");
    log
}

fn unref(socket: &mut Socket<'_, Log>) {
    socket.unref();
}

#[test]
fn phases_run_in_libuvs_order() {
    let (mut reactor, _clock) = reactor();
    let (near, _far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_close(|_, _, log| log.push("close"));
    reactor.set_timeout(Duration::ZERO, |_, log: &mut Log| log.push("timer"));
    reactor.on_check(|_, _, log| log.push("check"));
    reactor.set_immediate(|_, log: &mut Log| log.push("immediate"));
    reactor.on_prepare(move |reactor, _, log| {
        log.push("prepare");
        reactor.next_tick(|_, log: &mut Log| log.push("tick"));
        if let Some(mut near) = reactor.socket(near) {
            near.destroy();
        }
    });
    reactor.on_idle(|_, _, log| log.push("idle"));
    assert_eq!(turn(&mut reactor), ["idle", "prepare", "tick", "immediate", "check", "close", "timer"], "L1, L4");
    assert_eq!(turn(&mut reactor), ["idle", "prepare", "tick", "check"]);
}

#[test]
fn run_fires_due_timers_before_the_first_iteration_and_the_other_modes_after_it() {
    for default in [true, false] {
        let (mut reactor, _clock) = reactor();
        reactor.set_timeout(Duration::ZERO, |_, log: &mut Log| log.push("timer"));
        reactor.on_idle(|reactor, watcher, log| {
            log.push("idle");
            reactor.clear_watcher(watcher);
        });
        let mut log = Log::new();
        match default {
            true => reactor.run(&mut log).expect("it runs"),
            false => assert!(!reactor.run_once(&mut log).expect("it runs"), "nothing is left"),
        }
        let expected = if default { ["timer", "idle"] } else { ["idle", "timer"] };
        assert_eq!(log, expected, "L2");
    }
}

#[test]
fn a_loop_that_nothing_holds_runs_no_phase() {
    let (mut reactor, clock) = reactor();
    let watchers = [
        reactor.on_prepare(|_, _, log| log.push("prepare")),
        reactor.on_check(|_, _, log| log.push("check")),
        reactor.on_idle(|_, _, log| log.push("idle")),
    ];
    for watcher in watchers {
        assert!(reactor.unref_watcher(watcher));
    }
    let timer = reactor.set_timeout(Duration::ZERO, |_, log: &mut Log| log.push("timer"));
    assert!(reactor.unref_timer(timer));
    assert!(!reactor.is_alive());
    clock.advance(7 * MS);
    let mut log = Log::new();
    reactor.run(&mut log).expect("it runs");
    assert!(!reactor.run_once(&mut log).expect("it runs"));
    assert!(!reactor.run_nowait(&mut log).expect("it runs"));
    assert_eq!(log, [""; 0], "T9");
    assert_eq!((reactor.metrics().iterations, reactor.now()), (0, 7 * MS));
}

#[test]
fn stop_lets_the_iteration_end_and_run_goes_on_where_it_was() {
    let (mut reactor, _clock) = reactor();
    reactor.on_prepare(|reactor, _, log| {
        log.push("prepare");
        reactor.stop();
    });
    reactor.on_check(|_, _, log| log.push("check"));
    let mut log = Log::new();
    for _ in 0..3 {
        reactor.run(&mut log).expect("it runs");
        assert_eq!(std::mem::take(&mut log), ["prepare", "check"], "L9");
        assert!(reactor.is_alive());
    }
}

#[test]
fn stop_before_run_makes_it_run_nothing_once() {
    let (mut reactor, _clock) = reactor();
    reactor.set_timeout(Duration::ZERO, |_, log: &mut Log| log.push("timer"));
    reactor.on_prepare(|reactor, watcher, log| {
        log.push("prepare");
        reactor.clear_watcher(watcher);
    });
    reactor.stop();
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO));
    let mut log = Log::new();
    assert!(reactor.run_once(&mut log).expect("it runs"), "something still holds it");
    assert_eq!(log, [""; 0]);
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["timer", "prepare"]);
}

#[test]
fn run_once_makes_one_iteration_per_idle_call() {
    let (mut reactor, _clock) = reactor();
    let idle = reactor.on_idle(|_, _, log| log.push("idle"));
    let mut log = Log::new();
    for calls in 1..=64 {
        assert!(reactor.run_once(&mut log).expect("it runs"));
        assert_eq!(log.len(), calls);
    }
    assert!(reactor.clear_watcher(idle));
    assert!(!reactor.run_once(&mut log).expect("it runs"));
    assert_eq!(log.len(), 64);
}

#[test]
fn run_nowait_does_not_wait_for_a_timer() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    reactor.set_timeout(Duration::from_secs(3600), |_, log| log.push("timer"));
    assert_eq!(turn(&mut reactor), [""; 0]);
    assert!(reactor.is_alive());
}

#[test]
fn run_is_refused_inside_a_callback() {
    let (mut reactor, _clock) = reactor();
    reactor.set_timeout(Duration::ZERO, |reactor: &mut Loop, log: &mut Log| {
        let error = reactor.run_nowait(log).expect_err("it runs already");
        assert_eq!(error.code(), code::ERR_REACTOR_RUNNING);
        log.push("refused");
    });
    assert_eq!(turn(&mut reactor), ["refused"], "L6");
}

#[test]
fn what_holds_the_loop_and_what_does_not() {
    let (mut reactor, _clock) = reactor();
    assert!(!reactor.is_alive());
    let timer = reactor.set_timeout(MS, |_, _| {});
    assert!(reactor.is_alive());
    assert!(reactor.clear_timer(timer) && !reactor.is_alive());
    let immediate = reactor.set_immediate(|_, _| {});
    assert!(reactor.is_alive());
    assert!(reactor.clear_immediate(immediate) && !reactor.is_alive());
    let watcher = reactor.on_check(|_, _, _| {});
    assert!(reactor.is_alive());
    assert!(reactor.clear_watcher(watcher) && !reactor.is_alive());
    reactor.next_tick(|_, _| {});
    assert!(reactor.is_alive());
    assert_eq!(turn(&mut reactor), [""; 0]);
    assert!(!reactor.is_alive());

    let server = reactor.create_server(|_, _| {}).id();
    assert!(!reactor.is_alive(), "a server that does not listen");
    reactor.server(server).expect("not closed").listen(([127, 0, 0, 1], 0));
    turn(&mut reactor);
    assert!(reactor.is_alive());
    reactor.server(server).expect("listening").close();
    while reactor.run_nowait(&mut Log::new()).expect("it runs") {}

    let (near, far) = reactor.socket_pair().expect("a pair");
    assert!(reactor.is_alive(), "connected sockets read ahead, listener or not");
    reactor.socket(far).expect("open").unref();
    assert!(reactor.is_alive());
    reactor.socket(near).expect("open").unref().unref();
    assert!(!reactor.is_alive(), "unref does not count, H2");
    reactor.socket(near).expect("open").destroy();
    assert!(reactor.is_alive(), "one that closes, ref'd or not");
    reactor.socket(far).expect("open").destroy();
    while reactor.run_nowait(&mut Log::new()).expect("it runs") {}
    assert_eq!(reactor.handles().count(), 0);
}

#[test]
fn an_unrefd_server_or_socket_lets_the_loop_end() {
    let (mut reactor, _clock) = reactor();
    reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref();
    let (near, far) = reactor.socket_pair().expect("a pair");
    for id in [near, far] {
        reactor.socket(id).expect("open").unref().on_data(|_, _, log| log.push("data"));
    }
    let interval = reactor.set_interval(MS, |_, _, log| log.push("interval"));
    assert!(reactor.unref_timer(interval));
    reactor.run(&mut Log::new()).expect("it returns");
    assert_eq!(reactor.handles().count(), 4);
}

#[test]
fn requests_of_an_unrefd_socket_are_awaited() {
    let (mut reactor, _clock) = reactor();
    let server = reactor.create_server(|socket, _| unref(socket)).listen(([127, 0, 0, 1], 0)).unref().id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    socket.unref().on_connect(|_, log| log.push("connect"));
    socket.write_then("x", |_, result, log: &mut Log| log.push(if result.is_ok() { "written" } else { "failed" }));
    let mut log = Log::new();
    reactor.run(&mut log).expect("it returns");
    assert_eq!(log, ["connect", "written"], "L8, tcp_ref3 and tcp_ref4");
}

#[test]
fn handles_are_a_snapshot_of_what_lives() {
    let (mut reactor, _clock) = reactor();
    let server = reactor.create_server(|_, _| {}).id();
    let timer = reactor.set_timeout(MS, |_, _| {});
    let watcher = reactor.on_idle(|_, _, _| {});
    let (near, far) = reactor.socket_pair().expect("a pair");
    let all: Vec<Handle> = reactor.handles().collect();
    let expected =
        [Handle::Server(server), Handle::Socket(near), Handle::Socket(far), Handle::Timer(timer), Handle::Watcher(watcher)];
    assert_eq!(all, expected);
    for handle in all {
        match handle {
            Handle::Socket(id) => reactor.socket(id).expect("listed").destroy(),
            Handle::Server(id) => reactor.server(id).expect("listed").close(),
            Handle::Timer(id) => assert!(reactor.clear_timer(id)),
            Handle::Watcher(id) => assert!(reactor.clear_watcher(id)),
            other => panic!("unknown: {other:?}"),
        }
    }
    assert_eq!(reactor.handles().count(), 3, "those that close are there until they have");
    while reactor.run_nowait(&mut Log::new()).expect("it runs") {}
    assert_eq!(reactor.handles().count(), 0, "L16, L17");
}

#[test]
fn watchers_run_in_start_order_and_see_changes_at_the_next_iteration() {
    let (mut reactor, _clock) = reactor();
    reactor.on_prepare(|reactor, first, log| {
        log.push("first");
        reactor.clear_watcher(first);
        reactor.on_prepare(|_, _, log| log.push("late"));
    });
    reactor.on_prepare(|_, _, log| log.push("second"));
    assert_eq!(turn(&mut reactor), ["first", "second"], "P2");
    assert_eq!(turn(&mut reactor), ["second", "late"], "P1, in start order");
}

#[test]
fn a_watcher_cleared_before_its_turn_is_not_called() {
    let (mut reactor, _clock) = reactor();
    let third = std::rc::Rc::new(std::cell::Cell::new(None));
    let victim = std::rc::Rc::clone(&third);
    reactor.on_idle(move |reactor, _, log| {
        log.push("clears");
        if let Some(victim) = victim.take() {
            assert!(reactor.clear_watcher(victim));
        }
    });
    third.set(Some(reactor.on_idle(|_, _, log| log.push("cleared"))));
    assert_eq!(turn(&mut reactor), ["clears"], "P2");
    assert_eq!(turn(&mut reactor), ["clears"]);
}

#[test]
fn prepare_and_check_come_in_pairs_and_are_counted() {
    let (mut reactor, _clock) = reactor();
    reactor.on_prepare(|_, _, log| log.push("prepare"));
    reactor.on_check(|_, _, log| log.push("check"));
    reactor.set_interval(MS, |_, _, _| {});
    for iteration in 1..=21 {
        assert_eq!(turn(&mut reactor), ["prepare", "check"], "P4");
        assert_eq!(reactor.metrics().iterations, iteration);
    }
}

#[test]
fn an_idle_watcher_starves_nobody() {
    let (mut reactor, clock) = reactor();
    let idle = reactor.on_idle(|_, _, _| {});
    reactor.set_timeout(3 * MS, |_, log: &mut Log| log.push("timer"));
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, _, log| log.push("data"));
    reactor.socket(far).expect("open").write("x");
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO));
    let mut log = Log::new();
    for _ in 0..10 {
        clock.advance(MS);
        reactor.run_once(&mut log).expect("P3: it does not wait");
    }
    assert_eq!(log, ["data", "timer"]);
    assert!(reactor.clear_watcher(idle));
}

#[test]
fn backend_timeout_is_the_next_timers_or_none() {
    let (mut reactor, clock) = reactor();
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "nothing holds it");
    let guard = reactor.keep_alive();
    assert_eq!(reactor.backend_timeout(), None);
    let timer = reactor.set_timeout(1000 * MS, |_, _| {});
    assert!(reactor.unref_timer(timer));
    assert_eq!(reactor.backend_timeout(), Some(1000 * MS), "L10: unref'd ones too");
    clock.advance(400 * MS);
    assert_eq!((reactor.now(), reactor.backend_timeout()), (Duration::ZERO, Some(600 * MS)), "counted from now on");
    clock.advance(Duration::from_micros(599_500));
    assert_eq!(reactor.backend_timeout(), Some(MS), "T11: rounded up");
    clock.advance(1000 * MS);
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO));
    drop(guard);
}

#[test]
fn backend_timeout_is_zero_while_there_is_work() {
    let (mut reactor, _clock) = reactor();
    let guard = reactor.keep_alive();
    let immediate = reactor.set_immediate(|_, _| {});
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO));
    assert!(reactor.clear_immediate(immediate));
    assert_eq!(reactor.backend_timeout(), None);
    reactor.next_tick(|_, _| {});
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO));
    turn(&mut reactor);
    assert_eq!(reactor.backend_timeout(), None);
    let (near, _far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").destroy();
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "one is closing");
    drop(guard);
}

#[test]
fn unread_bytes_that_the_selector_will_not_tell_of_again_forbid_waiting() {
    let options = ReactorOptions::new().read_buffer(4).read_budget(1);
    let mut reactor = Reactor::<Log>::with_options(options).expect("a reactor");
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, _, log| log.push("data"));
    turn(&mut reactor);
    reactor.socket(far).expect("open").write("1234567890ab");
    for _ in 0..2 {
        assert_eq!(turn(&mut reactor), ["data"]);
        assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO), "L11, M7");
    }
    assert_eq!(turn(&mut reactor), ["data"]);
}

#[cfg(all(unix, not(mio_unsupported_force_poll_poll)))]
#[test]
fn the_loop_can_be_embedded_into_another() {
    use std::os::fd::AsRawFd;

    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|socket, _, log| {
        log.push("data");
        socket.after(2 * MS, |socket, log| {
            log.push("timer");
            socket.destroy();
        });
    });
    reactor.socket(far).expect("open").on_close(|_, _, log| log.push("far close"));
    let fd = reactor.as_raw_fd();
    let mut outer = mio::Poll::new().expect("an outer loop");
    let registry = outer.registry();
    registry.register(&mut mio::unix::SourceFd(&fd), mio::Token(0), mio::Interest::READABLE).expect("registered");
    let mut events = mio::Events::with_capacity(4);
    let mut log = Log::new();
    let mut alive = reactor.run_nowait(&mut log).expect("it runs");
    reactor.socket(far).expect("open").resume();
    reactor.socket(far).expect("open").write("x");
    for _ in 0..1000 {
        if !alive {
            break;
        }
        outer.poll(&mut events, reactor.backend_timeout()).expect("the outer loop waits");
        alive = reactor.run_nowait(&mut log).expect("it runs");
    }
    assert_eq!(log, ["data", "timer", "far close"]);
    assert!(!alive && reactor.handles().count() == 0);
}
