//! D, E: a wait and a deadline count from the time it is, not from the time the loop last looked.
//!
//! A callback that works is one that moves the [`ManualClock`]. Node's figures, where named, are those of 26.10.

mod idle;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use netloop::{ManualClock, Reactor, ReactorOptions, Socket, TimerId};

const MS: Duration = Duration::from_millis(1);

/// The longest a test may take before it is given up: a bound, never an expectation.
const PATIENCE: Duration = Duration::from_secs(20);

/// The clock, and what it shows; the loop's own look at it is not disturbed.
#[derive(Clone, Debug, Default)]
struct Time {
    clock: ManualClock,
    shown: Rc<Cell<Duration>>,
}

impl Time {
    fn reactor<S>() -> (Self, Reactor<S>) {
        let time = Self::default();
        let reactor = Reactor::with_options(ReactorOptions::new().clock(&time.clock)).expect("the system gives a selector");
        (time, reactor)
    }

    /// Time passes: outside, or because a callback works.
    fn pass(&self, by: Duration) {
        self.clock.advance(by);
        self.shown.set(self.shown.get() + by);
    }

    /// What it shows, in milliseconds.
    fn ms(&self) -> u128 {
        self.shown.get().as_millis()
    }
}

type Log = Vec<(&'static str, u128)>;

/// A callback that tells when it is called, and then works for so many milliseconds.
fn tell(time: &Time, name: &'static str, work: u32) -> impl FnMut(&mut Log) + Clone + 'static {
    let time = time.clone();
    move |log| {
        log.push((name, time.ms()));
        time.pass(work * MS);
    }
}

/// Runs until nothing holds the loop or `done`, as an embedder does: it waits for as long as it is told between two iterations,
/// and the time that passes is that wait.
#[track_caller]
fn embed<S>(reactor: &mut Reactor<S>, time: &Time, state: &mut S, done: impl Fn(&S) -> bool) {
    for _ in 0..1000 {
        if !reactor.run_nowait(state).expect("every error is heard") || done(state) {
            return;
        }
        time.pass(reactor.backend_timeout().unwrap_or_default());
    }
    panic!("it never comes");
}

/// Runs without a wait, until what the kernel brings has come.
#[track_caller]
fn until<S>(reactor: &mut Reactor<S>, state: &mut S, done: impl Fn(&mut Reactor<S>, &S) -> bool) {
    let begun = Instant::now();
    while !done(reactor, state) {
        reactor.run_nowait(state).expect("every error is heard");
        assert!(begun.elapsed() < PATIENCE, "it never comes");
        std::thread::yield_now();
    }
}

fn all(count: usize) -> impl Fn(&Log) -> bool {
    move |log| log.len() >= count
}

/// Node: 10 and 110.
#[test]
fn fault_d_a_timer_behind_one_that_works_is_as_late_as_the_work_and_no_later() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let (mut first, mut second) = (tell(&time, "10 ms", 100), tell(&time, "60 ms", 0));
    reactor.set_timeout(10 * MS, move |_, log| first(log));
    reactor.set_timeout(60 * MS, move |_, log| second(log));
    let mut log = Log::new();
    embed(&mut reactor, &time, &mut log, all(2));
    assert_eq!(log, [("10 ms", 10), ("60 ms", 110)]);
}

/// Node: 50, 100, 150 …
#[test]
fn fault_d_an_interval_keeps_its_period_while_its_callback_works_for_less() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let mut interval = tell(&time, "", 20);
    reactor.set_interval(50 * MS, move |_, _, log| interval(log));
    let mut log = Log::new();
    embed(&mut reactor, &time, &mut log, all(4));
    assert_eq!(log, [("", 50), ("", 100), ("", 150), ("", 200)]);
}

/// Node: 120, 141, 162, for it reads the clock right before each callback of an interval.
#[test]
fn fault_d_an_interval_counts_from_its_own_call_and_not_from_the_pass_of_timers() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let (mut slow, mut interval) = (tell(&time, "slow", 100), tell(&time, "interval", 0));
    reactor.set_timeout(21 * MS, move |_, log| slow(log));
    reactor.set_interval(21 * MS, move |_, _, log| interval(log));
    let mut log = Log::new();
    embed(&mut reactor, &time, &mut log, all(4));
    assert_eq!(log, [("slow", 21), ("interval", 121), ("interval", 142), ("interval", 163)]);
}

#[test]
fn fault_d_an_outer_loop_is_told_to_wait_from_now_on() {
    let (time, mut reactor) = Time::reactor::<Log>();
    reactor.set_timeout(60 * MS, |_, _| ());
    reactor.run_nowait(&mut Log::new()).expect("it runs");
    for (work, wait) in [(0, 60), (25, 35), (34, 1), (1, 0), (1000, 0)] {
        time.pass(work * MS);
        assert_eq!(reactor.backend_timeout(), Some(wait * MS));
        assert_eq!(reactor.now(), Duration::ZERO, "to ask changes nothing");
    }
}

/// What takes two hours right before the loop waits, with a timer of one hour.
fn works_before_the_wait(reactor: &mut Reactor<Log>, time: &Time, callback: &str) {
    let mut work = tell(time, "work", 7_200_000);
    match callback {
        "timer" => {
            reactor.set_timeout(MS, move |_, log| work(log));
        }
        "tick of a timer" => {
            reactor.set_timeout(MS, move |reactor, _| reactor.next_tick(move |_, log| work(log)));
        }
        "tick before" => reactor.next_tick(move |_, log| work(log)),
        "prepare" => {
            reactor.on_prepare(move |reactor, watcher, log| {
                reactor.clear_watcher(watcher);
                work(log);
            });
        }
        "idle" => {
            reactor.on_idle(move |reactor, watcher, log| {
                reactor.clear_watcher(watcher);
                work(log);
            });
        }
        // The FIN leaves in the pending phase.
        "pending" => {
            let (near, far) = reactor.socket_pair().expect("a pair");
            let mut near = reactor.socket(near).expect("open");
            near.on_finish(move |socket, log| {
                socket.destroy();
                if let Some(mut far) = socket.other(far) {
                    far.destroy();
                }
                work(log);
            });
            near.end();
        }
        other => unreachable!("{other}"),
    }
}

/// The wait is the loop's own here. Were it computed before the work, it would last an hour; then another thread ends it.
#[test]
fn fault_d_the_loop_does_not_wait_for_a_timer_that_is_due_after_the_work_of_any_callback() {
    for callback in ["timer", "tick of a timer", "tick before", "prepare", "idle", "pending"] {
        let (time, mut reactor) = Time::reactor::<Log>();
        works_before_the_wait(&mut reactor, &time, callback);
        let mut timer = tell(&time, "timer", 0);
        let timer = reactor.set_timeout(3_600_000 * MS, move |_, log| timer(log));
        if callback == "timer" || callback == "tick of a timer" {
            time.pass(MS);
        }
        let (remote, (over, wait)) = (reactor.remote(), mpsc::channel::<()>());
        let rescue = std::thread::spawn(move || {
            if wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = remote.post(move |reactor, log| {
                    log.push(("it waits", 0));
                    reactor.clear_timer(timer);
                });
            }
        });
        let mut log = Log::new();
        reactor.run(&mut log).expect("every error is heard");
        drop(over);
        rescue.join().expect("no panic");
        let names: Vec<_> = log.iter().map(|entry| entry.0).collect();
        assert_eq!(names, ["work", "timer"], "{callback}");
    }
}

/// Node: 500 for `setTimeout`, `setInterval` and `refresh`, in any callback and before the loop begins: it reads the clock.
#[test]
fn fault_d_a_timer_counts_from_the_call_that_starts_it() {
    type Start = fn(&mut Socket<'_, Log>, Box<dyn FnMut(&mut Log)>) -> TimerId;
    let starts: [(&str, Start); 5] = [
        ("set_timeout", |socket, mut call| socket.reactor().set_timeout(200 * MS, move |_, log| call(log))),
        ("set_interval", |socket, mut call| socket.reactor().set_interval(200 * MS, move |_, _, log| call(log))),
        ("after", |socket, mut call| socket.after(200 * MS, move |_, log| call(log))),
        ("every", |socket, mut call| socket.every(200 * MS, move |_, log| call(log))),
        ("refresh_timer", |socket, mut call| {
            let timer = socket.reactor().set_timeout(200 * MS, move |_, log| call(log));
            assert!(socket.reactor().refresh_timer(timer));
            timer
        }),
    ];
    for (name, start) in starts {
        for before_the_loop in [true, false] {
            let (time, mut reactor) = Time::reactor::<Log>();
            let (near, _far) = reactor.socket_pair().expect("a pair");
            let (call, worker) = (tell(&time, name, 0), time.clone());
            let begin = move |reactor: &mut Reactor<Log>, _: &mut Log| {
                worker.pass(300 * MS);
                start(&mut reactor.socket(near).expect("open"), Box::new(call));
            };
            let mut log = Log::new();
            if before_the_loop {
                begin(&mut reactor, &mut log);
            } else {
                reactor.set_immediate(begin);
            }
            embed(&mut reactor, &time, &mut log, all(1));
            assert_eq!(log, [(name, 500)], "before the loop: {before_the_loop}");
        }
    }
}

#[test]
fn fault_d_a_timer_of_no_delay_runs_in_the_iteration_of_the_callback_that_worked() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let (mut work, mut timer) = (tell(&time, "work", 100), tell(&time, "timer", 0));
    reactor.set_immediate(move |reactor, log| {
        work(log);
        reactor.set_timeout(Duration::ZERO, move |_, log| timer(log));
    });
    let mut log = Log::new();
    reactor.run_nowait(&mut log).expect("it runs");
    assert_eq!(log, [("work", 0), ("timer", 100)]);
}

/// Node: A B C, all of one length first.
#[test]
fn fault_l_timers_of_different_lengths_that_are_late_together_run_by_deadline() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let [mut a, mut b, mut c] = ["A", "B", "C"].map(|name| tell(&time, name, 0));
    let worker = time.clone();
    reactor.set_timeout(20 * MS, move |_, log| a(log));
    reactor.set_timeout(26 * MS, move |_, log| c(log));
    reactor.set_timeout(10 * MS, move |reactor, _| {
        reactor.set_timeout(20 * MS, move |_, log| b(log));
        worker.pass(60 * MS);
    });
    let mut log = Log::new();
    embed(&mut reactor, &time, &mut log, all(3));
    assert_eq!(log, [("A", 70), ("C", 70), ("B", 70)]);
}
