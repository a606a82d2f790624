//! `pipe` and `unpipe`: what one socket reads another writes.

mod line;
mod util;

use line::{Kind, Line, World, bytes, collect};
use netloop::{PipeOptions, SocketId, code};
use util::Trace;

/// The most that may wait: the high-water mark, and the chunk that passed it.
const BOUND: usize = 2 * 64 * 1024;

fn pipe(line: &mut Line) {
    let (a, b) = (line.a, line.b);
    line.reactor.pipe(a, b);
}

#[test]
fn a_socket_piped_to_itself_echoes_and_ends() {
    // C53
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let mut server = reactor.create_server(|socket, _: &mut Trace| {
        let id = socket.id();
        socket.reactor().pipe(id, id);
        util::watch(socket, "S");
        if let Some(mut server) = socket.server().and_then(|server| socket.reactor().server(server)) {
            server.close();
        }
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("it is bound");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch(&mut client, "C");
    client.end_with("hello");
    util::run(&mut reactor, &mut trace);
    trace.check("S", &["data 5", "end", "finish", "close false"]);
    let of_c = trace.of("C");
    assert_eq!(of_c[of_c.len() - 4..], ["finish", "data 5", "end", "close false"], "{of_c:?}");
    assert_eq!(reactor.metrics().sockets, 0);
}

#[test]
fn megabytes_echo_unchanged_with_a_bounded_queue() {
    if util::faults_are_injected("with the smallest buffers full both ways TCP itself backs off for longer than a test waits") {
        return;
    }
    let mut line = Line::tcp().narrow();
    let (a, c) = (line.a, line.c);
    line.reactor.pipe(a, a);
    line.measure();
    line.see(c).write_owned(bytes(3_000_000));
    line.see(c).end();
    let (b, u) = (line.b, line.u);
    line.see(b).destroy();
    line.see(u).destroy();
    line.run();
    assert!(line.world.got("C") == bytes(3_000_000));
    assert!(
        line.world.most_queued <= BOUND && line.world.most_ahead <= BOUND,
        "{} {}",
        line.world.most_queued,
        line.world.most_ahead
    );
}

#[test]
fn bytes_and_the_end_are_passed_on() {
    let mut line = Line::tcp().watched();
    pipe(&mut line);
    let (c, b) = (line.c, line.b);
    line.see(c).write_owned(bytes(300_000));
    line.see(c).end();
    line.see(b).set_allow_half_open(true);
    line.until("U", "end");
    assert!(line.world.got("U") == bytes(300_000));
    line.check("A", &["end", "finish", "close false"]);
    assert!(!line.see(b).is_destroyed(), "its peer has not ended");
    let u = line.u;
    line.see(u).end();
    line.run();
    line.check("U", &["end", "finish", "close false"]);
}

#[test]
fn a_destination_may_be_left_open() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    line.reactor.pipe_with(a, b, PipeOptions::new().end(false));
    line.see(c).end_with("one");
    line.until("C", "close false");
    line.settle();
    assert_eq!(line.world.got("U"), b"one");
    assert!(line.see(b).is_writable());
    line.see(b).end_with(", two");
    line.see(u).end();
    line.run();
    assert_eq!(line.world.got("U"), b"one, two");
}

#[test]
fn an_end_that_came_before_the_pipe_is_passed_on_too() {
    for end in [true, false] {
        let mut line = Line::tcp().watched();
        let (a, b, c, u) = (line.a, line.b, line.c, line.u);
        line.see(a).set_allow_half_open(true).resume();
        line.see(c).end();
        line.until("A", "end");
        line.reactor.pipe_with(a, b, PipeOptions::new().end(end));
        line.settle();
        assert_eq!(line.see(b).is_writable(), !end);
        for id in [a, b, u] {
            util::with(&mut line.reactor, id, |socket| socket.end());
        }
        line.run();
    }
}

#[test]
fn a_slow_destination_pauses_the_source_and_drain_resumes_it() {
    let mut line = Line::tcp().narrow();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    line.see(u).pause();
    pipe(&mut line);
    line.measure();
    line.see(c).write_owned(bytes(5_000_000));
    line.until_paused(a);
    assert!(line.see(b).writable_need_drain());
    assert!((1..=BOUND).contains(&line.see(b).writable_length()));
    assert!(line.see(c).writable_length() > 4_000_000, "the source's peer is held back");
    line.see(u).resume();
    line.see(c).end();
    line.until("U", "end");
    assert!(line.world.got("U") == bytes(5_000_000));
    assert!(line.world.most_queued <= BOUND && line.world.most_ahead <= BOUND);
    line.see(u).end();
    line.run();
}

#[test]
fn a_destination_that_waits_for_drain_already_pauses_from_the_start() {
    let mut line = Line::tcp().narrow();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    line.see(u).pause();
    assert!(!line.see(b).write_owned(bytes(1_000_000)));
    pipe(&mut line);
    assert!(line.see(a).is_paused());
    line.see(c).end_with("and these");
    line.settle();
    let waiting = line.see(b).writable_length();
    assert!(waiting <= 1_000_000, "nothing was added to {waiting}");
    line.see(u).resume();
    line.until("U", "end");
    let expected = [bytes(1_000_000).as_slice(), b"and these"].concat();
    assert!(line.world.got("U") == expected);
    line.see(u).end();
    line.run();
}

/// One more destination beside `b`, and the end behind it.
fn second(line: &mut Line) -> (SocketId, SocketId) {
    let (far, near) = line::pair(&mut line.reactor, &mut line.world, Kind::Tcp);
    let mut socket = line.see(far);
    collect(&mut socket, "V");
    socket.resume();
    (near, far)
}

#[test]
fn a_source_with_two_destinations_waits_for_the_slower() {
    let mut line = Line::tcp().narrow();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    let (near, _) = second(&mut line);
    line.see(u).pause();
    line.reactor.pipe(a, b);
    line.reactor.pipe(a, near);
    line.see(c).write_owned(bytes(3_000_000));
    line.see(c).end();
    line.until_paused(a);
    line.settle();
    let fast = line.world.got("V").len();
    assert!(fast > 0 && fast < 1_000_000, "the faster one waits too: {fast}");
    line.see(u).resume();
    line.until("U", "end");
    line.see(u).end();
    line.run();
    assert!(line.world.got("U") == bytes(3_000_000));
    assert!(line.world.got("V") == bytes(3_000_000));
}

#[test]
fn the_drain_of_one_destination_does_not_flood_the_other() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    let (near, _) = second(&mut line);
    for to in [b, near] {
        line.see(to).cork();
        line.reactor.pipe(a, to);
    }
    line.measure();
    line.see(c).write_owned(bytes(3_000_000));
    line.see(c).end();
    line.until_paused(a);
    assert!(line.see(b).writable_need_drain() && line.see(near).writable_need_drain());
    let waiting = line.see(b).writable_length();
    line.see(near).uncork();
    line.until_got("V", waiting);
    line.settle();
    assert!(line.see(a).is_paused());
    assert_eq!(line.see(b).writable_length(), waiting);
    line.see(b).uncork();
    line.until("U", "end");
    line.see(u).end();
    line.run();
    assert!(line.world.got("U") == bytes(3_000_000) && line.world.got("V") == bytes(3_000_000));
    assert!(line.world.most_queued <= BOUND, "{}", line.world.most_queued);
}

#[test]
fn a_slow_destination_that_goes_no_longer_holds_the_others_back() {
    if util::faults_are_injected("it says how much waits after how many iterations") {
        return;
    }
    for destroys in [true, false] {
        let mut line = Line::tcp().narrow();
        let (a, b, c, u) = (line.a, line.b, line.c, line.u);
        let (near, _) = second(&mut line);
        line.see(u).pause();
        line.reactor.pipe(a, b);
        line.reactor.pipe(a, near);
        line.see(c).write_owned(bytes(3_000_000));
        line.see(c).end();
        line.until_paused(a);
        if destroys {
            line.see(b).destroy();
        } else {
            line.reactor.unpipe(a, b);
            line.see(b).end();
        }
        line.see(u).resume();
        line.until_gone(a);
        util::with(&mut line.reactor, u, |u| u.destroy());
        line.run();
        assert!(line.world.got("V") == bytes(3_000_000), "destroys: {destroys}");
    }
}

#[test]
fn unpipe_pauses_a_source_without_destination() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    pipe(&mut line);
    line.see(c).write("one");
    line.until_got("U", 3);
    line.reactor.unpipe(a, b);
    line.reactor.unpipe(a, b); // Nothing is left to undo.
    line.see(c).write("two");
    line.settle();
    assert!(line.see(a).is_paused());
    assert_eq!(line.world.got("U"), b"one");
    pipe(&mut line);
    line.until_got("U", 6);
    assert_eq!(line.world.got("U"), b"onetwo", "nothing was lost");
    for id in [c, u] {
        line.see(id).end();
    }
    line.run();
}

#[test]
fn two_pipes_between_the_same_sockets_double_every_chunk() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    pipe(&mut line);
    pipe(&mut line);
    line.see(c).write("x");
    line.until_got("U", 2);
    line.reactor.unpipe(a, b);
    line.see(c).write("y");
    line.until_got("U", 3);
    assert_eq!(line.world.got("U"), b"xxy");
    line.see(c).end();
    line.see(u).end();
    line.run();
}

#[test]
fn a_destination_that_closes_leaves_the_source_open_and_paused() {
    let mut line = Line::tcp().watched();
    let (a, b, c) = (line.a, line.b, line.c);
    pipe(&mut line);
    line.see(b).destroy();
    line.see(c).write("too late");
    line.until("B", "close false");
    line.settle();
    assert!(line.see(a).is_paused() && !line.see(a).is_destroyed());
    line.see(c).destroy();
    line.see(a).destroy();
    let u = line.u;
    util::with(&mut line.reactor, u, |u| u.destroy());
    line.run();
}

#[test]
fn a_pipe_hears_no_error_of_its_destination() {
    let mut line = Line::tcp();
    let (b, u) = (line.b, line.u);
    pipe(&mut line);
    line.see(b).destroy_with("nobody listens");
    let error = line.reactor.run(&mut line.world).expect_err("unheard, under Node's rule");
    assert_eq!(error.to_string(), "nobody listens");
    for id in [line.c, line.a, u] {
        util::with(&mut line.reactor, id, |socket| socket.destroy());
    }
    line.run();
}

#[test]
fn a_source_that_fails_leaves_the_destination_open() {
    if !util::resets_arrive() {
        return;
    }
    let mut line = Line::tcp().watched();
    let (b, c) = (line.b, line.c);
    pipe(&mut line);
    line.see(c).write("whole");
    line.until_got("U", 5);
    line.see(c).reset_and_destroy();
    line.until("A", "close true");
    line.settle();
    line.check("A", &[&format!("error {}", code::ECONNRESET), "close true"]);
    assert!(line.see(b).is_writable());
    let u = line.u;
    line.see(b).end();
    line.see(u).end();
    line.run();
}

/// A destination that is used by one source after another keeps no listener of those that are gone.
#[test]
fn a_source_that_is_freed_takes_its_listeners_along() {
    let mut line = Line::tcp();
    let (a, b, u) = (line.a, line.b, line.u);
    for _ in 0..3 {
        let (far, near) = line::pair(&mut line.reactor, &mut line.world, Kind::Unix);
        line.reactor.pipe_with(near, b, PipeOptions::new().end(false));
        let listener = line.see(b).last_listener();
        line.see(near).destroy();
        line.see(far).destroy();
        line.until_gone(near);
        assert!(!line.see(b).remove_listener(listener), "it is gone already");
    }
    for id in [line.c, a, b, u] {
        line.see(id).destroy();
    }
    line.run();
}

#[test]
fn with_a_stale_id_nothing_happens() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    let (far, gone) = line::pair(&mut line.reactor, &mut line.world, Kind::Unix);
    line.see(far).destroy();
    line.see(gone).destroy();
    line.until_gone(gone);
    let before = line.see(a).last_listener();
    line.reactor.pipe(a, gone);
    line.reactor.pipe(gone, a);
    line.reactor.pipe(gone, gone);
    line.reactor.unpipe(a, gone);
    assert_eq!(line.see(a).last_listener(), before);
    assert_eq!(line.see(a).readable_flowing(), None);
    for id in [a, b, c, u] {
        line.see(id).destroy();
    }
    line.run();
}

#[test]
fn listeners_of_the_program_run_beside_the_pipe() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    pipe(&mut line);
    let mut socket = line.see(a);
    collect(&mut socket, "A");
    socket.on_end(|_, world: &mut World| world.trace.push("A", "end"));
    line.see(c).end_with("for both");
    line.until("U", "end");
    assert_eq!((line.world.got("A"), line.world.got("U")), (&b"for both"[..], &b"for both"[..]));
    line.check("A", &["end"]);
    line.see(u).end();
    line.see(b).end();
    line.run();
}

/// D-21.
#[test]
fn listeners_of_error_added_before_the_pipe_come_before_it() {
    let mut line = Line::tcp();
    let (a, b) = (line.a, line.b);
    let tell = move |when: &'static str| {
        move |b: &mut netloop::Socket<'_, World>, _: &netloop::Error, world: &mut World| {
            let paused = b.other(a).is_some_and(|a| a.is_paused());
            world.trace.push("B", format!("{when}: {paused}"));
        }
    };
    line.see(b).on_error(tell("before"));
    pipe(&mut line);
    line.see(b).on_error(tell("after")).destroy_with("bad frame");
    util::run_until(&mut line.reactor, &mut line.world, |reactor, _| reactor.socket(b).is_none());
    line.check("B", &["before: false", "after: true"]);
    for id in [line.c, line.a, line.u] {
        util::with(&mut line.reactor, id, |socket| socket.destroy());
    }
    line.run();
}

/// D-22.
#[test]
fn a_drain_that_the_pipe_does_not_wait_for_leaves_a_pause_alone() {
    let mut line = Line::tcp();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    pipe(&mut line);
    line.see(c).write("one");
    line.until_got("U", 3);
    line.see(a).pause();
    line.see(b).on_drain(|_, world| world.trace.push("B", "drain"));
    assert!(!line.see(b).write_owned(bytes(10_000_000)));
    line.until("B", "drain");
    assert!(line.see(a).is_paused());
    for id in [a, b, c, u] {
        line.see(id).destroy();
    }
    line.run();
}

/// What the kernel takes at once costs no allocation.
#[test]
fn a_pipe_allocates_nothing_per_chunk() {
    if util::faults_are_injected("it counts allocations") {
        return;
    }
    let mut reactor = util::reactor::<u64>();
    let (c, a) = reactor.socket_pair().expect("two sockets");
    let (u, b) = reactor.socket_pair().expect("two sockets");
    reactor.proxy(a, b);
    util::with(&mut reactor, u, |u| {
        u.on_data(|u, chunk, _| u.write(chunk));
    });
    util::with(&mut reactor, c, |c| {
        c.on_data(|c, chunk, left: &mut u64| {
            *left -= 1;
            if *left > 0 {
                c.write(chunk);
            }
        });
    });
    let mut play = |rounds: u64| {
        let mut left = rounds;
        util::with(&mut reactor, c, |c| {
            c.write([b'm'; 64]);
        });
        for _ in 0..100 * rounds {
            if left == 0 {
                break;
            }
            reactor.run_nowait(&mut left).expect("every error is heard");
        }
        assert_eq!(left, 0, "the message is lost");
    };
    play(100);
    let counted = allocation_counter::measure(|| play(1000));
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}
