//! E: idle timeouts, the grace of a shutdown and the time of each address count from what they are said to count from.

use std::cell::Cell;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use netloop::{Reactor, Socket, SocketId};

use super::{Log, MS, Time, all, embed, tell, until};

type Answer = fn(&mut Socket<'_, Log>);

/// How a listener answers: on its own socket, or by another one.
const ANSWERS: [(&str, Answer); 9] = [
    ("write", |socket| assert!(socket.write("answer"))),
    ("write, in two", |socket| assert!(socket.write("ans") && socket.write("wer"))),
    ("write_owned", |socket| assert!(socket.write_owned(vec![b'a'; 6]))),
    ("write_then", |socket| assert!(socket.write_then("answer", |_, _, _| ()))),
    ("writer", |socket| socket.writer().write_all(b"answer").expect("there is room")),
    ("a large write", |socket| assert!(socket.write_owned(vec![0; 40_000]))),
    ("cork", |socket| {
        socket.cork();
        assert!(socket.write("ans") && socket.write("wer"));
        socket.uncork();
    }),
    ("broadcast", |socket| {
        let id = socket.id();
        assert_eq!(socket.reactor().broadcast([id], "answer"), 1);
    }),
    ("by another socket", |socket| {
        let (id, other) = (socket.id(), socket.reactor().socket_pair().expect("a pair").0);
        let mut other = socket.other(other).expect("open");
        assert!(other.other(id).expect("open").write("answer"));
    }),
];

type Call = Box<dyn FnMut(&mut Socket<'_, Log>, &mut Log)>;

/// Has a socket hear what it is asked, in one of these ways.
fn hear(way: &str, socket: &mut Socket<'_, Log>, mut call: Call) {
    match way {
        "data" => socket.on_data(move |socket, _, log| call(socket, log)),
        "data, by two" => socket.on_data(|_, _, _| ()).on_data(move |socket, _, log| call(socket, log)),
        "text" => socket.on_text(move |socket, _, log| call(socket, log)),
        "read_into" => socket.read_into(vec![0; 100], move |socket, _, _, log| {
            call(socket, log);
            true
        }),
        other => unreachable!("{other}"),
    };
}

/// A socket with an idle timeout of 200 ms that tells of it, and its peer, which drops what comes.
fn idle_pair(reactor: &mut Reactor<Log>, time: &Time) -> (SocketId, SocketId) {
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("open").resume();
    let mut timeout = tell(time, "timeout", 0);
    reactor.socket(near).expect("open").set_timeout(200 * MS).on_timeout(move |_, log| timeout(log));
    (near, far)
}

/// Node: 200 ms after the answer, whatever the work before it.
#[test]
fn fault_e_the_idle_timeout_counts_from_the_answer() {
    for way_in in ["data", "data, by two", "text", "read_into"] {
        for (way_out, answer) in ANSWERS {
            for work in [0, 150, 300] {
                let (time, mut reactor) = Time::reactor::<Log>();
                let (near, far) = idle_pair(&mut reactor, &time);
                let mut heard = tell(&time, "heard", work);
                let call = move |socket: &mut Socket<'_, Log>, log: &mut Log| {
                    heard(log);
                    answer(socket);
                };
                hear(way_in, &mut reactor.socket(near).expect("open"), Box::new(call));
                let mut log = Log::new();
                reactor.run_nowait(&mut log).expect("it flows");
                time.pass(100 * MS);
                reactor.socket(far).expect("open").write("?");
                until(&mut reactor, &mut log, |_, log| !log.is_empty());
                embed(&mut reactor, &time, &mut log, all(2));
                let expected = [("heard", 100), ("timeout", 100 + u128::from(work) + 200)];
                assert_eq!(log, expected, "{way_in}, {way_out}, after {work} ms");
            }
        }
    }
}

/// A server over TCP that destroys on `timeout`, as the book shows: it does not cut the connection it has just served.
#[test]
fn fault_e_a_connection_that_was_served_after_much_work_is_not_cut() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let server_time = time.clone();
    let mut server = reactor.create_server(move |socket, _| {
        let (mut work, mut timeout) = (tell(&server_time, "asked", 300), tell(&server_time, "timeout", 0));
        socket.set_timeout(200 * MS).on_data(move |socket, _, log| {
            work(log);
            socket.write("answer");
        });
        socket.on_timeout(move |socket, log| {
            timeout(log);
            socket.destroy();
        });
    });
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    let (mut answered, mut closed) = (tell(&time, "answered", 0), tell(&time, "closed", 0));
    client.write("?");
    client.on_data(move |_, _, log| answered(log)).on_close(move |_, _, log| closed(log));
    let mut log = Log::new();
    until(&mut reactor, &mut log, |_, log| log.len() == 2);
    assert_eq!(log, [("asked", 0), ("answered", 300)]);
    embed(&mut reactor, &time, &mut log, all(3));
    assert_eq!(log[2..], [("timeout", 500)]);
    until(&mut reactor, &mut log, |_, log| log.len() == 4);
    assert_eq!(log[3].0, "closed");
}

type Act = Box<dyn FnOnce(&mut Reactor<Log>)>;

/// Does it in this phase of the next iteration.
fn act_in(phase: &str, reactor: &mut Reactor<Log>, act: Act) {
    let mut once = Some(act);
    let mut act = move |reactor: &mut Reactor<Log>| {
        if let Some(act) = once.take() {
            act(reactor);
        }
    };
    match phase {
        "outside of run" => act(reactor),
        "tick" => reactor.next_tick(move |reactor, _| act(reactor)),
        "immediate" => {
            reactor.set_immediate(move |reactor, _| act(reactor));
        }
        "timer" => {
            reactor.set_timeout(Duration::ZERO, move |reactor, _| act(reactor));
        }
        "closing" => {
            let (near, _far) = reactor.socket_pair().expect("a pair");
            let mut near = reactor.socket(near).expect("open");
            near.on_close(move |socket, _, _| act(socket.reactor()));
            near.destroy();
        }
        "pending" => {
            let (near, _far) = reactor.socket_pair().expect("a pair");
            let mut near = reactor.socket(near).expect("open");
            near.on_finish(move |socket, _| act(socket.reactor()));
            near.end();
        }
        "data of another" => {
            let (near, far) = reactor.socket_pair().expect("a pair");
            let mut near = reactor.socket(near).expect("open");
            near.on_data(move |socket, _, _| act(socket.reactor()));
            near.other(far).expect("open").write("x");
        }
        "work" => {
            reactor.queue_work(|| (), move |reactor, (), _| act(reactor));
        }
        watcher => {
            let watch = match watcher {
                "prepare" => Reactor::on_prepare,
                "check" => Reactor::on_check,
                "idle" => Reactor::on_idle,
                other => unreachable!("{other}"),
            };
            watch(
                reactor,
                Box::new(move |reactor: &mut Reactor<Log>, watcher, _: &mut Log| {
                    reactor.clear_watcher(watcher);
                    act(reactor);
                }),
            );
        }
    }
}

#[test]
fn fault_e_activity_is_stamped_in_every_phase_and_outside_of_run() {
    let phases = [
        "outside of run",
        "tick",
        "immediate",
        "timer",
        "closing",
        "pending",
        "data of another",
        "work",
        "prepare",
        "check",
        "idle",
    ];
    for phase in phases {
        for (size, work) in [(6, 150), (6, 300), (40_000, 150), (40_000, 300)] {
            let (time, mut reactor) = Time::reactor::<Log>();
            let (near, _far) = idle_pair(&mut reactor, &time);
            let mut log = Log::new();
            reactor.run_nowait(&mut log).expect("it flows");
            // An outer loop has waited meanwhile.
            time.pass(30 * MS);
            let (worker, done) = (time.clone(), Rc::new(Cell::new(false)));
            let acted = Rc::clone(&done);
            let act = move |reactor: &mut Reactor<Log>| {
                worker.pass(work * MS);
                reactor.socket(near).expect("open").write(vec![0; size]);
                acted.set(true);
            };
            act_in(phase, &mut reactor, Box::new(act));
            until(&mut reactor, &mut log, |_, _| done.get());
            embed(&mut reactor, &time, &mut log, all(1));
            assert_eq!(log, [("timeout", 30 + u128::from(work) + 200)], "{phase}, {size} bytes, after {work} ms");
        }
    }
}

/// What a pipe passes on is written when the listeners of the source before it have worked.
#[test]
fn fault_e_the_idle_timeout_counts_from_what_is_piped() {
    for joined in ["pipe", "proxy"] {
        let (time, mut reactor) = Time::reactor::<Log>();
        let (near, _far) = idle_pair(&mut reactor, &time);
        let (source, feeder) = reactor.socket_pair().expect("a pair");
        let mut work = tell(&time, "work", 300);
        reactor.socket(source).expect("open").on_data(move |_, _, log| work(log));
        match joined {
            "pipe" => reactor.pipe(source, near),
            _ => reactor.proxy(source, near),
        }
        let mut log = Log::new();
        reactor.run_nowait(&mut log).expect("it flows");
        time.pass(100 * MS);
        reactor.socket(feeder).expect("open").write("x");
        until(&mut reactor, &mut log, |_, log| !log.is_empty());
        embed(&mut reactor, &time, &mut log, all(2));
        assert_eq!(log, [("work", 100), ("timeout", 600)], "{joined}");
    }
}

/// Node: 200 ms after the answer again. The first activity after a `timeout` starts the timer.
#[test]
fn fault_e_an_answer_after_a_timeout_starts_the_time_anew() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let (near, far) = idle_pair(&mut reactor, &time);
    let mut heard = tell(&time, "heard", 300);
    reactor.socket(near).expect("open").on_data(move |socket, _, log| {
        heard(log);
        socket.write("answer");
    });
    let mut log = Log::new();
    embed(&mut reactor, &time, &mut log, all(1));
    time.pass(1000 * MS);
    reactor.socket(far).expect("open").write("?");
    until(&mut reactor, &mut log, |_, log| log.len() == 2);
    embed(&mut reactor, &time, &mut log, all(3));
    assert_eq!(log, [("timeout", 200), ("heard", 1200), ("timeout", 1700)]);
}

/// Node: 200 ms after the call, also when the callback works on: 300 here.
#[test]
fn fault_e_an_idle_timeout_that_is_set_counts_from_the_call() {
    for (before, after, expected) in [(300, 0, 500), (0, 300, 300), (150, 100, 350)] {
        let (time, mut reactor) = Time::reactor::<Log>();
        let (near, _far) = reactor.socket_pair().expect("a pair");
        let (mut timeout, worker) = (tell(&time, "timeout", 0), time.clone());
        reactor.set_immediate(move |reactor, _| {
            worker.pass(before * MS);
            reactor.socket(near).expect("open").set_timeout(200 * MS).on_timeout(move |_, log| timeout(log));
            worker.pass(after * MS);
        });
        let mut log = Log::new();
        embed(&mut reactor, &time, &mut log, all(1));
        assert_eq!(log, [("timeout", expected)], "set after {before} ms, before {after} ms");
    }
}

/// Node: 300 and 200, for it reads the clock at each activity. Here the time of the work counts as activity.
#[test]
fn fault_e_work_after_the_answer_puts_the_idle_timeout_off_too() {
    for work in [150, 300] {
        let (time, mut reactor) = Time::reactor::<Log>();
        let (near, far) = idle_pair(&mut reactor, &time);
        let mut answered = tell(&time, "answered", work);
        reactor.socket(near).expect("open").on_data(move |socket, _, log| {
            socket.write("answer");
            answered(log);
        });
        reactor.socket(far).expect("open").write("?");
        let mut log = Log::new();
        until(&mut reactor, &mut log, |_, log| !log.is_empty());
        embed(&mut reactor, &time, &mut log, all(2));
        assert_eq!(log, [("answered", 0), ("timeout", u128::from(work) + 200)]);
    }
}

/// Work in other iterations is no activity of a socket, however long it takes.
#[test]
fn fault_e_work_that_begins_later_does_not_put_the_idle_timeout_off() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let (near, far) = idle_pair(&mut reactor, &time);
    let mut heard = tell(&time, "heard", 0);
    reactor.socket(near).expect("open").on_data(move |_, _, log| heard(log));
    time.pass(MS);
    reactor.socket(far).expect("open").write("?");
    let mut log = Log::new();
    until(&mut reactor, &mut log, |_, log| !log.is_empty());
    let mut work = tell(&time, "work", 400);
    reactor.set_timeout(100 * MS, move |_, log| work(log));
    embed(&mut reactor, &time, &mut log, all(3));
    assert_eq!(log, [("heard", 1), ("work", 101), ("timeout", 501)], "due at 201, and late for the work alone");
}

/// After 300 ms of work a grace of 200 ms was none.
#[test]
fn fault_e_the_grace_of_a_shutdown_counts_from_the_call() {
    let (time, mut reactor) = Time::reactor::<Log>();
    let (mut accepted, closed) = (tell(&time, "accepted", 0), tell(&time, "closed", 0));
    let mut server = reactor.create_server(move |socket, log| {
        let mut closed = closed.clone();
        socket.on_close(move |_, _, log| closed(log));
        accepted(log);
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    let server = server.id();
    // A peer that never ends.
    let peer = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let mut log = Log::new();
    until(&mut reactor, &mut log, |_, log| !log.is_empty());
    let (mut done, worker) = (tell(&time, "done", 0), time.clone());
    reactor.set_immediate(move |reactor, _| {
        worker.pass(300 * MS);
        reactor.server(server).expect("it listens").shutdown(200 * MS, move |_, report, log: &mut Log| {
            assert_eq!((report.ended, report.destroyed), (0, 1));
            done(log);
        });
    });
    embed(&mut reactor, &time, &mut log, all(3));
    assert_eq!(log, [("accepted", 0), ("done", 500), ("closed", 500)]);
    drop(peer);
}

/// Each address has its whole time: the listener that hears of the attempt before it may work.
#[cfg(target_os = "linux")]
#[test]
fn fault_e_every_address_is_given_its_whole_time() {
    use netloop::ConnectOptions;

    // Where every address of 127.0.0.0/8 hangs: the queue is full, and no program accepts.
    let hole = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    hole.bind(&std::net::SocketAddr::from(([0, 0, 0, 0], 0)).into()).expect("a free port");
    hole.listen(0).expect("it listens");
    let port = hole.local_addr().ok().and_then(|address| address.as_socket()).expect("bound").port();
    let at = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let _fill: Vec<_> = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&at, 50 * MS).ok()).take(16).collect();

    for (at_attempt, at_timeout) in [(0, 180), (180, 0), (180, 180), (300, 300)] {
        let (time, mut reactor) = Time::reactor::<Log>();
        let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"];
        let options = ConnectOptions::new().lookup(move |request| request.answer(addresses)).attempt_timeout(200 * MS);
        let (mut attempt, mut timeout) = (tell(&time, "attempt", at_attempt), tell(&time, "timeout", at_timeout));
        reactor
            .connect_with(("four.test", port), options)
            .on_connection_attempt(move |_, _, log| attempt(log))
            .on_connection_attempt_timeout(move |_, _, log| timeout(log))
            .on_error(|_, _, _| ());
        let mut log = Log::new();
        until(&mut reactor, &mut log, |_, log| !log.is_empty());
        embed(&mut reactor, &time, &mut log, |log| log.len() == 7);
        let (attempt, timeout) = (u128::from(at_attempt), u128::from(at_timeout));
        let round = attempt + 200 + timeout;
        let expected: Log = (0..3)
            .flat_map(|n| [("attempt", n * round), ("timeout", n * round + attempt + 200)])
            .chain([("attempt", 3 * round)])
            .collect();
        assert_eq!(log, expected, "work of {at_attempt} and {at_timeout} ms");
    }
}
