//! O: what a program can make long is not walked for each of its parts. Steps are counted in the unit tests of each structure;
//! here many of each kind are used at once, beside what must come of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use netloop::{ListenerId, ManualClock, Reactor, ReactorOptions, Socket, TimerId};

const MANY: usize = 20_000;

/// Numbers below a bound, again the same by the same seed; without one from the clock, which is printed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let named = std::env::var("NETLOOP_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = named.unwrap_or(since.as_nanos() as u64);
        println!("NETLOOP_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

type Log = Vec<usize>;

fn reactor() -> Reactor<Log> {
    Reactor::new().expect("a selector")
}

/// Runs until so much was said.
#[track_caller]
fn until(reactor: &mut Reactor<Log>, log: &mut Log, len: usize) {
    let heart = reactor.set_interval(Duration::from_millis(2), |_, _, _| {});
    for _ in 0..5000 {
        if log.len() >= len {
            break;
        }
        reactor.run_once(log).expect("every error is heard");
    }
    reactor.clear_timer(heart);
    assert_eq!(log.len(), len, "it never comes");
}

#[test]
fn fault_o_many_timers_of_one_socket_run_in_order() {
    let (clock, mut dice) = (ManualClock::new(), Dice::new());
    let mut reactor = Reactor::<Log>::with_options(ReactorOptions::new().clock(&clock)).expect("a selector");
    let (id, _) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(id).expect("open");
    let mut set: Vec<(u64, usize, TimerId)> = (0..MANY)
        .map(|number| {
            let millis = dice.below(1000) as u64;
            (millis, number, socket.after(Duration::from_millis(millis), move |_, log| log.push(number)))
        })
        .collect();
    for n in (0..MANY / 4).rev() {
        let (_, _, timer) = set.swap_remove(n * 3);
        assert!(reactor.clear_timer(timer) && !reactor.clear_timer(timer));
    }
    let mut log = Log::new();
    clock.advance(Duration::from_secs(1));
    reactor.run_nowait(&mut log).expect("it runs");
    set.sort_unstable_by_key(|&(millis, number, _)| (millis, number));
    assert!(log.iter().eq(set.iter().map(|(_, number, _)| number)), "{} of {}", log.len(), set.len());
}

#[test]
fn fault_o_a_closed_socket_goes_with_the_last_of_many_timers() {
    let mut reactor = reactor();
    let mut socket = reactor.new_socket(netloop::SocketOptions::new());
    let timers = Rc::new(RefCell::new(Vec::new()));
    let set = Rc::clone(&timers);
    socket.on_close(move |socket, _, _| {
        set.borrow_mut().extend((0..MANY).map(|_| socket.after(Duration::from_secs(100), |_, _| {})));
    });
    socket.destroy();
    let (id, mut log) = (socket.id(), Log::new());
    reactor.run_nowait(&mut log).expect("it runs");
    for timer in timers.take() {
        assert!(reactor.socket(id).is_some(), "a timer is left");
        assert!(reactor.clear_timer(timer));
    }
    reactor.run(&mut log).expect("nothing holds it");
    assert!(reactor.socket(id).is_none(), "none is left");
}

#[test]
fn fault_o_many_listeners_are_added_called_and_removed() {
    let mut reactor = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("open");
    let ids: Vec<ListenerId> =
        (0..MANY).map(|number| socket.on_data(move |_, _, log| log.push(number)).last_listener()).collect();
    let mut log = Log::new();
    reactor.socket(far).expect("open").write("m");
    until(&mut reactor, &mut log, MANY);
    assert!(log.iter().copied().eq(0..MANY));
    let mut socket = reactor.socket(near).expect("open");
    assert!(ids.into_iter().all(|id| socket.remove_listener(id)));
    log.clear();
    socket.on_data(|_, _, log| log.push(7));
    reactor.socket(far).expect("open").write("m");
    until(&mut reactor, &mut log, 1);
}

/// What a listener does when it is called.
#[derive(Clone, Copy)]
enum Act {
    Nothing,
    /// Removes one by its place among all.
    Remove(usize),
    /// Adds one, which is first called at the next emission.
    Add,
}

/// The listeners of `data`.
#[derive(Clone, Default)]
struct Model {
    /// In order: a number, and whether it goes with its first call.
    listeners: Vec<(usize, bool)>,
    /// By number, of all there ever were.
    ids: Vec<ListenerId>,
    /// What those do that are called next, the last one first.
    acts: Vec<Act>,
}

impl Model {
    /// A listener is called: what it does.
    fn call(&mut self, number: usize) -> Act {
        self.listeners.retain(|&(other, once)| !once || other != number);
        self.acts.pop().unwrap_or(Act::Nothing)
    }

    fn remove(&mut self, place: usize) -> Option<usize> {
        let len = self.listeners.len();
        (len > 0).then(|| self.listeners.remove(place % len).0)
    }

    /// Who is called in an emission, by number.
    fn emission(mut self) -> Vec<usize> {
        let (mut left, mut called, mut added) = (self.listeners.clone(), Vec::new(), self.ids.len());
        while !left.is_empty() {
            let (number, _) = left.remove(0);
            called.push(number);
            match self.call(number) {
                Act::Nothing => {}
                Act::Remove(place) => {
                    let gone = self.remove(place);
                    left.retain(|&(other, _)| Some(other) != gone);
                }
                Act::Add => {
                    self.listeners.push((added, false));
                    added += 1;
                }
            }
        }
        called
    }
}

fn add(socket: &mut Socket<'_, Log>, model: &Rc<RefCell<Model>>, once: bool) {
    let (number, shared) = (model.borrow().ids.len(), Rc::clone(model));
    let call = move |socket: &mut Socket<'_, Log>, _: &[u8], log: &mut Log| {
        log.push(number);
        let act = shared.borrow_mut().call(number);
        match act {
            Act::Nothing => {}
            Act::Remove(place) => remove(socket, &shared, place),
            Act::Add => add(socket, &shared, false),
        }
    };
    let id = if once { socket.once_data(call) } else { socket.on_data(call) }.last_listener();
    let mut model = model.borrow_mut();
    model.listeners.push((number, once));
    model.ids.push(id);
}

fn remove(socket: &mut Socket<'_, Log>, model: &RefCell<Model>, place: usize) {
    let mut model = model.borrow_mut();
    if let Some(gone) = model.remove(place) {
        assert!(socket.remove_listener(model.ids[gone]) && !socket.remove_listener(model.ids[gone]));
    }
}

#[test]
fn fault_o_listeners_that_come_and_go_in_emissions_are_called_in_order() {
    let mut dice = Dice::new();
    for most in [4, 8, 60, 200] {
        let (mut reactor, model) = (reactor(), Rc::new(RefCell::new(Model::default())));
        let (near, far) = reactor.socket_pair().expect("a pair");
        for _ in 0..100 {
            let mut socket = reactor.socket(near).expect("open");
            (0..dice.below(most / 2)).for_each(|_| remove(&mut socket, &model, dice.below(1000)));
            while model.borrow().listeners.len() < most && dice.below(most) > 0 {
                add(&mut socket, &model, dice.below(4) == 0);
            }
            let act = |dice: &mut Dice| match dice.below(6) {
                0 => Act::Remove(dice.below(1000)),
                1 => Act::Add,
                _ => Act::Nothing,
            };
            model.borrow_mut().acts = (0..most).map(|_| act(&mut dice)).collect();
            let expected = model.borrow().clone().emission();
            let mut log = Log::new();
            if !expected.is_empty() {
                reactor.socket(far).expect("open").write("m");
                until(&mut reactor, &mut log, expected.len());
            }
            assert_eq!(log, expected);
        }
    }
}

#[test]
fn fault_o_many_callbacks_of_writes_that_never_leave_are_called_once_each() {
    for corked in [false, true] {
        let mut reactor = reactor();
        let (near, far) = reactor.socket_pair().expect("a pair");
        reactor.socket(far).expect("open").pause();
        let mut socket = reactor.socket(near).expect("open");
        socket.set_write_queue_limit(usize::MAX);
        let is_refused = (0..1000).any(|_| !socket.write_owned(vec![0; 1 << 20]) && socket.writable_length() > 0);
        assert!(is_refused, "more than the kernel takes");
        if corked {
            socket.cork();
        }
        reactor.set_immediate(move |reactor, _| {
            let mut socket = reactor.socket(near).expect("open");
            for number in 0..MANY {
                socket.write_then("m", move |_, result, log: &mut Log| {
                    result.expect_err("it never leaves");
                    log.push(number);
                });
            }
            socket.destroy();
        });
        let mut log = Log::new();
        until(&mut reactor, &mut log, MANY);
        assert!(log.iter().copied().eq(0..MANY));
    }
}

#[test]
fn fault_o_many_callbacks_of_writes_that_leave_are_called_in_order() {
    let mut reactor = reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("open").resume();
    reactor.set_immediate(move |reactor, _| {
        let mut socket = reactor.socket(near).expect("open");
        socket.set_write_queue_limit(usize::MAX);
        for number in 0..MANY {
            // Long enough that the kernel refuses some.
            socket.write_then([7; 200], move |_, result, log: &mut Log| {
                result.expect("it leaves");
                log.push(number);
            });
        }
    });
    let mut log = Log::new();
    until(&mut reactor, &mut log, MANY);
    assert!(log.iter().copied().eq(0..MANY));
}

#[test]
fn fault_o_many_destinations_of_one_source_get_every_byte() {
    const DESTINATIONS: usize = 60;
    const BYTES: usize = 400_000;
    let mut reactor = reactor();
    let (source, from) = reactor.socket_pair().expect("a pair");
    for _ in 0..DESTINATIONS {
        let (to, far) = reactor.socket_pair().expect("a pair");
        // None of them reads before it has its turn, so all say stop.
        let mut reader = reactor.socket(far).expect("open");
        reader.on_data(|_, chunk, log| log.extend(std::iter::repeat_n(1, chunk.len()))).pause();
        reactor.pipe(from, to);
        reactor.set_timeout(Duration::from_millis(5), move |reactor, _| reactor.socket(far).expect("open").resume());
    }
    reactor.socket(source).expect("open").write_owned(vec![7; BYTES]);
    let mut log = Log::new();
    until(&mut reactor, &mut log, DESTINATIONS * BYTES);
}

#[test]
fn fault_o_many_watchers_and_pieces_of_work_are_taken_back() {
    let mut reactor = Reactor::<Log>::with_options(ReactorOptions::new().work_threads(1)).expect("a selector");
    let (release, wait) = std::sync::mpsc::channel::<()>();
    reactor.queue_work(move || wait.recv().is_ok(), |_, _, _| {});
    let work: Vec<_> = (0..MANY).map(|n| reactor.queue_work(move || n, |_, n, log| log.push(n))).collect();
    let watchers: Vec<_> = (0..MANY).map(|n| reactor.on_check(move |_, _, log| log.push(n))).collect();
    let mut log = Log::new();
    reactor.run_nowait(&mut log).expect("it runs");
    assert!(log.iter().copied().eq(0..MANY), "the watchers");
    let odd = |n: &usize| n % 2 == 1;
    assert!((0..MANY).rev().filter(odd).all(|n| reactor.clear_watcher(watchers[n]) && reactor.cancel_work(work[n])));
    log.clear();
    reactor.run_nowait(&mut log).expect("it runs");
    assert!(log.iter().copied().eq((0..MANY).step_by(2)), "the watchers that are left");
    assert!(watchers.into_iter().step_by(2).all(|watcher| reactor.clear_watcher(watcher)));
    log.clear();
    drop(release);
    reactor.run(&mut log).expect("it runs");
    assert!(log.iter().copied().eq((0..MANY).step_by(2)), "the work that is left");
}
