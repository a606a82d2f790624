//! C: what empties a queue takes what was there when it began: a chain that fills it again holds back nothing else.
//!
//! Each link of a chain takes 2 ms of a [`ManualClock`], and the chain ends by count. Node calls a timer of 20 ms after 22 ms and
//! 8 links of finished work.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use netloop::{ConnectOptions, ManualClock, Reactor, ReactorOptions, Socket, SocketOptions, WatcherId};

const MS: Duration = Duration::from_millis(1);

/// So long is a chain that nothing comes between.
const LONG: u32 = 300;

/// The longest a test may take before it is given up: a bound, never an expectation.
const PATIENCE: Duration = Duration::from_secs(20);

/// How far the chain has come, and when the others had their turn.
#[derive(Default)]
struct World {
    clock: ManualClock,
    links: u32,
    /// The iteration of the last link, and how many there were in it; the most there were in one.
    turn: (u64, u32),
    most: u32,
    data: Option<u32>,
    timer: Option<u32>,
}

type Loop = Reactor<World>;

impl World {
    /// A link of the chain; whether there shall be another one.
    fn link(&mut self, reactor: &Loop) -> bool {
        self.clock.advance(2 * MS);
        self.links += 1;
        let iteration = reactor.metrics().iterations;
        let before = if self.turn.0 == iteration { self.turn.1 } else { 0 };
        self.turn = (iteration, before + 1);
        self.most = self.most.max(before + 1);
        self.links < LONG && self.timer.is_none()
    }
}

/// Begins the chain, beside a timer of 20 ms and a socket with a byte to read. Both have their turn while it goes on, and no
/// iteration has more than `most` links.
#[track_caller]
fn check(most: u32, begin: impl FnOnce(&mut Loop)) {
    let mut world = World::default();
    let mut reactor = Loop::with_options(ReactorOptions::new().clock(&world.clock)).expect("the system gives a selector");
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("open").on_data(|_, _, world| world.data = Some(world.links));
    reactor.socket(far).expect("open").write("x");
    reactor.set_timeout(20 * MS, |_, world: &mut World| world.timer = Some(world.links));
    begin(&mut reactor);
    let begun = Instant::now();
    while (world.data.is_none() || world.timer.is_none()) && begun.elapsed() < PATIENCE {
        reactor.run_nowait(&mut world).expect("every error is heard");
        std::thread::yield_now();
    }
    let (data, timer) = (world.data.expect("it is read"), world.timer.expect("it fires"));
    assert!(timer >= 10, "the chain goes on: {timer} links before the timer");
    assert!(timer < 10 + most, "{timer} links before the timer");
    assert!(data <= 10 + most, "{data} links before the socket");
    assert!(world.most <= most, "{} links in one iteration", world.most);
}

#[test]
fn fault_c_finished_work_that_queues_more() {
    fn chain(reactor: &mut Loop) {
        let (begun, begins) = mpsc::channel();
        reactor.queue_work(
            || (),
            |reactor, (), world| {
                if world.link(reactor) {
                    chain(reactor);
                }
            },
        );
        // The only worker comes here when it has told of the work before: that is finished now.
        reactor.queue_work(move || begun.send(()), |_, _, _| ());
        begins.recv().expect("a worker");
    }
    let options = |clock: &ManualClock| ReactorOptions::new().clock(clock).work_threads(1);
    let mut world = World::default();
    let mut reactor = Loop::with_options(options(&world.clock)).expect("the system gives a selector");
    reactor.set_timeout(20 * MS, |_, world: &mut World| world.timer = Some(world.links));
    chain(&mut reactor);
    reactor.run(&mut world).expect("no error");
    assert_eq!((world.timer, world.most), (Some(10), 1), "one link an iteration");
}

/// Begins a lookup that is answered at once, and again when the answer is told.
fn look_up(reactor: &mut Loop) {
    let options = ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1"]));
    reactor.connect_with(("one.test", 1), options).on_error(|_, _, _| ()).on_lookup(|socket, _, _, world| {
        socket.destroy();
        if world.link(socket.reactor()) {
            look_up(socket.reactor());
        }
    });
}

#[test]
fn fault_c_answers_of_lookups_that_ask_again() {
    check(1, look_up);
}

#[test]
fn fault_c_posts_that_post() {
    fn chain(reactor: &mut Loop) {
        let remote = reactor.remote();
        let post = move |reactor: &mut Loop, world: &mut World| {
            if world.link(reactor) {
                chain(reactor);
            }
        };
        remote.post(post).expect("the loop is there");
    }
    check(1, chain);
}

#[test]
fn fault_c_immediates_that_set_immediates() {
    fn chain(reactor: &mut Loop) {
        reactor.set_immediate(|reactor, world| {
            if world.link(reactor) {
                chain(reactor);
            }
        });
    }
    check(1, chain);
}

#[test]
fn fault_c_timers_without_delay_that_set_timers() {
    fn chain(reactor: &mut Loop) {
        reactor.set_timeout(Duration::ZERO, |reactor, world| {
            if world.link(reactor) {
                chain(reactor);
            }
        });
    }
    check(1, chain);
}

#[test]
fn fault_c_watchers_that_start_watchers() {
    type Watch = fn(&mut Loop, Callback) -> WatcherId;
    type Callback = Box<dyn FnMut(&mut Loop, WatcherId, &mut World)>;
    fn chain(reactor: &mut Loop, watch: Watch) {
        watch(
            reactor,
            Box::new(move |reactor, watcher, world| {
                reactor.clear_watcher(watcher);
                if world.link(reactor) {
                    chain(reactor, watch);
                }
            }),
        );
    }
    for watch in [Loop::on_prepare, Loop::on_check, Loop::on_idle] as [Watch; 3] {
        check(1, |reactor| chain(reactor, watch));
    }
}

#[test]
fn fault_c_closes_that_close_others() {
    fn chain(reactor: &mut Loop) {
        let (near, _far) = reactor.socket_pair().expect("a pair");
        let mut near = reactor.socket(near).expect("open");
        near.on_close(|socket, _, world| {
            if world.link(socket.reactor()) {
                chain(socket.reactor());
            }
        });
        near.destroy();
    }
    check(1, chain);
}

/// The pending phase runs again after the poll phase, at most eight times.
#[test]
fn fault_c_ends_that_are_sent_and_end_others() {
    fn chain(reactor: &mut Loop) {
        let (near, _far) = reactor.socket_pair().expect("a pair");
        let mut near = reactor.socket(near).expect("open");
        near.on_finish(|socket, world| {
            if world.link(socket.reactor()) {
                chain(socket.reactor());
            }
        });
        near.end();
    }
    check(9, chain);
}

#[test]
fn fault_c_connects_that_fail_and_connect_again() {
    check(1, |reactor| {
        let mut socket = reactor.connect(Path::new("/no/such.sock"));
        socket.on_error(|_, _, _| ()).on_close(|socket, _, world| {
            if world.link(socket.reactor()) {
                socket.connect(Path::new("/no/such.sock"));
            }
        });
    });
}

#[test]
fn fault_c_sockets_that_answer_each_other() {
    fn answer(socket: &mut Socket<'_, World>, chunk: &[u8], world: &mut World) {
        if world.link(socket.reactor()) {
            socket.write(chunk);
        }
    }
    // Both may have their turn in one iteration, for one batch of events.
    check(2, |reactor| {
        let (near, far) = reactor.socket_pair().expect("a pair");
        for id in [near, far] {
            reactor.socket(id).expect("open").on_data(answer);
        }
        reactor.socket(near).expect("open").write("ball");
    });
}

/// As many as a turn of the server takes.
#[test]
fn fault_c_connections_that_make_connections() {
    let clients = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&clients);
    check(16, move |reactor| {
        let port = Rc::new(Cell::new(0));
        let own = Rc::clone(&port);
        let connect = move || TcpStream::connect((Ipv4Addr::LOCALHOST, own.get())).expect("the backlog takes it");
        let again = connect.clone();
        let mut server = reactor.create_server(move |socket, world: &mut World| {
            if world.link(socket.reactor()) {
                clients.borrow_mut().push(again());
            }
        });
        port.set(server.listen((Ipv4Addr::LOCALHOST, 0)).port().expect("bound"));
        kept.borrow_mut().push(connect());
    });
}

/// A callback of a write that was cancelled before its connection is called after `close`: it may begin a new life, whose end is
/// that of the next iteration.
#[test]
fn fault_c_cancelled_writes_that_write_in_a_new_life() {
    fn connect(socket: &mut Socket<'_, World>) {
        socket.connect((Ipv4Addr::LOCALHOST, 1));
        socket.write_then("x", |socket, result, world| {
            assert!(result.is_err());
            if world.link(socket.reactor()) {
                connect(socket);
            }
        });
        socket.destroy();
    }
    check(1, |reactor| connect(&mut reactor.new_socket(SocketOptions::new())));
}

/// The callback of an `end` that begins a new life and ends it: that end is told when it has come.
#[test]
fn fault_c_ends_that_end_a_new_life() {
    fn end(socket: &mut Socket<'_, World>, port: u16) {
        socket.end_then("x", move |socket, result, world| {
            assert!(result.is_ok(), "told when the FIN is sent: {result:?}");
            if world.link(socket.reactor()) {
                socket.destroy();
                socket.connect((Ipv4Addr::LOCALHOST, port));
                end(socket, port);
            }
        });
    }
    check(1, |reactor| {
        let mut server = reactor.create_server(|_, _| ());
        let port = server.listen((Ipv4Addr::LOCALHOST, 0)).port().expect("bound");
        end(&mut reactor.connect((Ipv4Addr::LOCALHOST, port)), port);
    });
}

/// Thrown by the tests; it skips the panic hook, so that nothing is printed.
struct Planted;

/// Queues two callbacks in a phase; the one that is called first panics.
fn queue_two(queue: &str, reactor: &mut Loop) {
    fn call(world: &mut World) {
        world.links += 1;
        if world.links == 1 {
            resume_unwind(Box::new(Planted));
        }
    }
    for _ in 0..2 {
        match queue {
            "immediates" => {
                reactor.set_immediate(move |_, world| call(world));
            }
            "timers" => {
                reactor.set_timeout(Duration::ZERO, move |_, world| call(world));
            }
            "posts" => {
                reactor.remote().post(move |_, world| call(world)).expect("the loop is there");
            }
            "work" => {
                reactor.queue_work(|| (), move |_, (), world| call(world));
            }
            "closing" | "pending" | "ready" => {
                let (near, far) = reactor.socket_pair().expect("a pair");
                let mut near = reactor.socket(near).expect("open");
                match queue {
                    "closing" => near.on_close(move |_, _, world| call(world)).destroy(),
                    "pending" => near.on_finish(move |_, world| call(world)).end(),
                    _ => {
                        near.on_data(move |_, _, world| call(world));
                        near.other(far).expect("open").write("x");
                    }
                }
            }
            watchers => {
                let watch = match watchers {
                    "prepare" => Loop::on_prepare,
                    "check" => Loop::on_check,
                    other => unreachable!("{other}"),
                };
                watch(
                    reactor,
                    Box::new(move |reactor: &mut Loop, watcher, world: &mut World| {
                        reactor.clear_watcher(watcher);
                        call(world);
                    }),
                );
            }
        }
    }
}

/// After a panic the rest is still to be done: an outer loop must not wait, nor does this one.
#[test]
fn fault_c_what_a_panic_has_left_in_a_queue_forbids_waiting() {
    for queue in ["immediates", "timers", "posts", "work", "closing", "pending", "ready", "prepare", "check"] {
        let mut world = World::default();
        let options = ReactorOptions::new().clock(&world.clock).work_threads(1);
        let mut reactor = Loop::with_options(options).expect("the system gives a selector");
        let guard = reactor.keep_alive();
        queue_two(queue, &mut reactor);
        if queue == "work" {
            // Both are finished when the only worker comes here.
            let (begun, begins) = mpsc::channel();
            reactor.queue_work(move || begun.send(()), |_, _, _| ());
            begins.recv().expect("a worker");
        }
        let begun = Instant::now();
        while catch_unwind(AssertUnwindSafe(|| reactor.run_nowait(&mut world))).is_ok() {
            assert!(begun.elapsed() < PATIENCE, "{queue}: no panic");
        }
        assert_eq!((world.links, reactor.backend_timeout()), (1, Some(Duration::ZERO)), "{queue}: one is left");
        // This waits forever if it is not told of the other one.
        reactor.set_timeout(1000 * MS, |_, _| ());
        reactor.run_once(&mut world).expect("no other panic");
        assert_eq!(world.links, 2, "{queue}");
        drop(guard);
    }
}
