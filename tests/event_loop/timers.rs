//! Timers and the cached time: rules L13 and T1 to T10.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::{Log, Loop, MS, reactor, turn};

#[test]
fn timers_fire_by_deadline_and_then_in_start_order() {
    let (mut reactor, clock) = reactor();
    for (name, after) in [("20", 20), ("10 a", 10), ("0", 0), ("10 b", 10), ("1", 1)] {
        reactor.set_timeout(after * MS, move |_, log: &mut Log| log.push(name));
    }
    clock.advance(20 * MS);
    assert_eq!(turn(&mut reactor), ["0", "1", "10 a", "10 b", "20"], "T1");
}

#[test]
fn a_timer_is_never_early_and_counts_from_the_call_that_starts_it() {
    let (mut reactor, clock) = reactor();
    reactor.set_timeout(5 * MS, |_, log: &mut Log| log.push("timer"));
    clock.advance(5 * MS - Duration::from_nanos(1));
    assert_eq!(turn(&mut reactor), [""; 0], "L14");
    clock.advance(Duration::from_nanos(1));
    assert_eq!(turn(&mut reactor), ["timer"]);

    // Work that blocked: the deadline counts from after it, whether the time was read again or not.
    clock.advance(5 * MS);
    assert_eq!(reactor.now(), 5 * MS, "it is cached");
    reactor.set_timeout(5 * MS, |_, log: &mut Log| log.push("first"));
    reactor.update_time();
    reactor.set_timeout(5 * MS, |_, log: &mut Log| log.push("second"));
    assert_eq!(turn(&mut reactor), [""; 0]);
    clock.advance(5 * MS);
    assert_eq!(turn(&mut reactor), ["first", "second"], "in the order they were set");
}

#[test]
fn the_time_stands_still_while_timers_run() {
    let (mut reactor, clock) = reactor();
    let inner = clock.clone();
    reactor.set_timeout(MS, move |reactor: &mut Loop, log: &mut Log| {
        inner.advance(10 * MS);
        // To start a timer reads the clock, and changes nothing.
        reactor.set_timeout(MS, |_, _| {});
        log.push(if reactor.now() == MS { "1 ms" } else { "moved" });
    });
    reactor.set_timeout(MS, |reactor: &mut Loop, log: &mut Log| {
        log.push(if reactor.now() == MS { "1 ms" } else { "moved" });
    });
    clock.advance(MS);
    assert_eq!(turn(&mut reactor), ["1 ms", "1 ms"], "T3");
}

#[test]
fn a_timer_of_no_delay_started_by_a_timer_waits_for_the_next_iteration() {
    fn again(reactor: &mut Loop, log: &mut Log) {
        log.push("timer");
        reactor.set_timeout(Duration::ZERO, again);
    }
    let (mut reactor, _clock) = reactor();
    reactor.set_timeout(Duration::ZERO, again);
    for _ in 0..3 {
        assert_eq!(turn(&mut reactor), ["timer"], "T4");
    }
}

#[test]
fn a_timer_of_no_delay_started_in_check_fires_in_the_same_iteration() {
    let (mut reactor, _clock) = reactor();
    reactor.on_check(|reactor, watcher, log| {
        log.push("check");
        reactor.clear_watcher(watcher);
        reactor.set_timeout(Duration::ZERO, |_, log: &mut Log| log.push("timer"));
        reactor.set_timeout(MS, |_, log: &mut Log| log.push("later"));
    });
    assert_eq!(turn(&mut reactor), ["check", "timer"], "P4");
}

#[test]
fn a_due_timer_cleared_by_another_does_not_fire() {
    let (mut reactor, clock) = reactor();
    let second = Rc::new(Cell::new(None));
    let victim = Rc::clone(&second);
    reactor.set_timeout(MS, move |reactor: &mut Loop, log: &mut Log| {
        log.push("first");
        assert!(reactor.clear_timer(victim.take().expect("set below")));
        reactor.set_timeout(Duration::ZERO, |_, log: &mut Log| log.push("restarted"));
    });
    second.set(Some(reactor.set_timeout(MS, |_, log: &mut Log| log.push("second"))));
    clock.advance(MS);
    assert_eq!(turn(&mut reactor), ["first"], "T5");
    assert_eq!(turn(&mut reactor), ["restarted"]);
    assert!(!reactor.is_alive());
}

#[test]
fn an_interval_counts_from_its_own_start_and_does_not_catch_up() {
    let (mut reactor, clock) = reactor();
    let inner = clock.clone();
    reactor.set_interval(50 * MS, move |_, _, log| {
        log.push("interval");
        // The callback takes its time.
        inner.advance(17 * MS);
    });
    clock.advance(50 * MS);
    assert_eq!(turn(&mut reactor), ["interval"]);
    clock.advance(32 * MS);
    assert_eq!(turn(&mut reactor), [""; 0]);
    clock.advance(MS);
    assert_eq!(turn(&mut reactor), ["interval"], "T6: 33 ms after the callback");
    clock.advance(500 * MS);
    assert_eq!(turn(&mut reactor), ["interval"], "ten periods, one call");
    assert_eq!(turn(&mut reactor), [""; 0]);
}

#[test]
fn a_one_shot_is_gone_in_its_callback_and_an_interval_is_not() {
    let (mut reactor, clock) = reactor();
    let own = Rc::new(Cell::new(None));
    let timer = Rc::clone(&own);
    reactor.set_timeout(Duration::ZERO, move |reactor: &mut Loop, log: &mut Log| {
        assert!(!reactor.clear_timer(timer.take().expect("set below")));
        assert!(!reactor.is_alive() || reactor.metrics().timers == 1, "T8");
        log.push("one-shot");
    });
    own.set(reactor.handles().find_map(|handle| match handle {
        netloop::Handle::Timer(id) => Some(id),
        _ => None,
    }));
    reactor.set_interval(MS, |reactor, own, log| {
        assert!(reactor.clear_timer(own), "T8");
        assert!(!reactor.clear_timer(own));
        log.push("interval");
    });
    clock.advance(MS);
    assert_eq!(turn(&mut reactor), ["one-shot", "interval"]);
    clock.advance(10 * MS);
    assert_eq!(turn(&mut reactor), [""; 0]);
    assert!(!reactor.is_alive() && reactor.metrics().timers == 0);
}

#[test]
fn an_unrefd_timer_fires_while_something_else_holds_the_loop() {
    let (mut reactor, clock) = reactor();
    let unrefd = reactor.set_timeout(MS, |_, log: &mut Log| log.push("unref'd"));
    assert!(reactor.unref_timer(unrefd));
    let late = reactor.set_timeout(3 * MS, |_, log: &mut Log| log.push("late"));
    assert!(reactor.unref_timer(late));
    reactor.set_timeout(2 * MS, |_, log: &mut Log| log.push("ref'd"));
    let mut log = Log::new();
    for _ in 0..3 {
        clock.advance(MS);
        reactor.run_nowait(&mut log).expect("it runs");
    }
    assert_eq!(log, ["unref'd", "ref'd"], "T9");
    assert!(reactor.ref_timer(late) && reactor.is_alive());
    assert_eq!(turn(&mut reactor), ["late"]);
}

#[test]
fn huge_delays_are_legal() {
    let (mut reactor, clock) = reactor();
    let timer = reactor.set_timeout(Duration::MAX, |_, log: &mut Log| log.push("the end of time"));
    reactor.set_interval(Duration::MAX, |_, _, log| log.push("the end of time"));
    let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
    assert_eq!(reactor.backend_timeout(), Some(longest), "T10, T11");
    clock.advance(Duration::from_secs(1 << 33));
    assert_eq!(turn(&mut reactor), [""; 0]);
    assert!(reactor.clear_timer(timer));
}

#[test]
fn a_refreshed_interval_counts_anew() {
    let (mut reactor, clock) = reactor();
    let interval = reactor.set_interval(10 * MS, |_, _, log| log.push("interval"));
    clock.advance(9 * MS);
    assert_eq!(turn(&mut reactor), [""; 0]);
    assert!(reactor.refresh_timer(interval), "T7");
    clock.advance(9 * MS);
    assert_eq!(turn(&mut reactor), [""; 0]);
    clock.advance(MS);
    assert_eq!(turn(&mut reactor), ["interval"]);
    assert!(reactor.clear_timer(interval));
    assert!(!reactor.refresh_timer(interval));
}

#[test]
fn a_thousand_timers_in_and_out_leave_nothing() {
    let (mut reactor, clock) = reactor();
    let timers: Vec<_> =
        (0..1000_u32).map(|n| reactor.set_timeout((n * 7919 % 997) * MS, |_, log: &mut Log| log.push("timer"))).collect();
    for timer in timers.iter().step_by(2) {
        assert!(reactor.clear_timer(*timer));
    }
    assert_eq!(reactor.metrics().timers, 500);
    clock.advance(997 * MS);
    assert_eq!(turn(&mut reactor).len(), 500);
    assert_eq!(reactor.metrics().timers, 0);
    assert!(timers.iter().all(|&timer| !reactor.clear_timer(timer)), "stale ids are harmless");
}
