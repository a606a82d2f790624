//! `proxy`: two sockets joined, with backpressure, half-close and a common end.

mod line;
mod util;

use std::sync::{Arc, Condvar, Mutex};

use line::{Kind, Line, World, bytes};
use netloop::{Reactor, SocketId, code};

/// The most that may wait in one place: the high-water mark, and the chunk that passed it.
const BOUND: usize = 2 * 64 * 1024;

fn proxied(front: Kind, back: Kind) -> Line {
    let mut line = Line::new(front, back).watched();
    line.reactor.proxy(line.a, line.b);
    line
}

const KINDS: [(Kind, Kind); 4] =
    [(Kind::Tcp, Kind::Tcp), (Kind::Unix, Kind::Tcp), (Kind::Tcp, Kind::Unix), (Kind::Unix, Kind::Unix)];

#[track_caller]
fn check_bounds(line: &Line) {
    let (queued, ahead) = (line.world.most_queued, line.world.most_ahead);
    assert!(queued <= BOUND && ahead <= BOUND, "{queued} bytes queued, {ahead} read ahead");
}

#[test]
fn a_client_that_ends_first_gets_its_whole_answer() {
    for (front, back) in KINDS {
        let mut line = proxied(front, back).narrow();
        line.measure();
        let (c, u) = (line.c, line.u);
        line.see(u).on_end(|u, _| {
            u.write_owned(bytes(2_000_000));
            u.end();
        });
        line.see(c).end_with("question");
        line.run();
        assert!(line.world.got("C") == bytes(2_000_000) && line.world.got("U") == b"question", "{front:?} {back:?}");
        line.check("C", &["finish", "end", "close false"]);
        line.check("U", &["end", "finish", "close false"]);
        for middle in ["A", "B"] {
            assert!(line.world.trace.has(middle, "close false"), "{:?}", line.world.trace);
        }
        check_bounds(&line);
    }
}

#[test]
fn an_upstream_that_ends_first_is_still_sent_to() {
    let mut line = proxied(Kind::Tcp, Kind::Tcp).narrow();
    let (c, u) = (line.c, line.u);
    line.see(u).end_with("greeting, and no more");
    line.see(c).on_end(|c, _| {
        c.write_owned(bytes(2_000_000));
        c.end();
    });
    line.run();
    assert!(line.world.got("U") == bytes(2_000_000) && line.world.got("C") == b"greeting, and no more");
    line.check("C", &["end", "finish", "close false"]);
    line.check("U", &["finish", "end", "close false"]);
}

#[test]
fn an_answer_is_delivered_whole_though_its_server_closes_at_once() {
    for (front, back) in KINDS {
        let mut line = proxied(front, back).narrow();
        line.measure();
        let (c, u) = (line.c, line.u);
        line.see(c).pause();
        line.see(c).set_allow_half_open(false).write("question");
        line.until_got("U", 8);
        line.see(u).write_owned(bytes(1_000_000));
        line.see(u).destroy_soon();
        let b = line.b;
        line.until_paused(b);
        line.see(c).resume();
        line.run();
        assert!(line.world.got("C") == bytes(1_000_000), "{front:?} {back:?}");
        line.check("C", &["end", "finish", "close false"]);
        check_bounds(&line);
    }
}

#[test]
fn neither_way_ever_queues_more_than_the_mark_and_a_chunk() {
    if util::faults_are_injected("with the smallest buffers full both ways TCP itself backs off for longer than a test waits") {
        return;
    }
    let mut line = proxied(Kind::Tcp, Kind::Tcp).narrow();
    line.measure();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    for id in [c, u] {
        line.see(id).pause();
        line.see(id).write_owned(bytes(4_000_000));
        line.see(id).end();
    }
    line.until_paused(a);
    line.until_paused(b);
    line.settle();
    check_bounds(&line);
    assert!(line.see(c).writable_length() > 3_000_000 && line.see(u).writable_length() > 3_000_000);
    line.see(u).resume();
    line.until("U", "end");
    assert!(line.see(b).is_paused(), "one way waits, the other does not");
    line.see(c).resume();
    line.run();
    assert!(line.world.got("U") == bytes(4_000_000) && line.world.got("C") == bytes(4_000_000));
    check_bounds(&line);
}

#[test]
fn a_reset_of_one_side_is_a_reset_of_the_other() {
    if !util::resets_arrive() {
        return;
    }
    for front in [true, false] {
        let mut line = proxied(Kind::Tcp, Kind::Tcp);
        let (resets, hears, fails) = if front { (line.c, "U", "A") } else { (line.u, "C", "B") };
        line.see(resets).write("cut sho");
        line.until_got(hears, 7);
        line.see(resets).reset_and_destroy();
        line.run();
        let reset = format!("error {}", code::ECONNRESET);
        line.check(fails, &[&reset, "close true"]);
        line.check(if front { "B" } else { "A" }, &["close false"]);
        line.check(hears, &[&reset, "close true"]);
    }
}

/// The peer of `from` writes until something waits at `to`, whose peer does not read; all it wrote has come through `from`.
/// Says how much that is.
#[track_caller]
fn fill(line: &mut Line, peer: SocketId, from: SocketId, to: SocketId) -> usize {
    let (all, mut sent) = (bytes(10_000_000), 0);
    while line.see(to).writable_length() == 0 {
        line.see(peer).write(&all[sent..sent + 10_000]);
        sent += 10_000;
        util::run_until(&mut line.reactor, &mut line.world, |reactor, _| {
            reactor.socket(from).is_some_and(|from| from.bytes_read() == sent as u64)
        });
    }
    assert_eq!(line.see(from).readable_length(), 0);
    sent
}

#[test]
fn a_reset_drops_what_waits_for_the_other_side() {
    if util::faults_are_injected("it says how much the kernel holds") {
        return;
    }
    if !util::resets_arrive() {
        return;
    }
    let mut line = proxied(Kind::Tcp, Kind::Tcp).narrow();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    line.see(u).pause();
    let sent = fill(&mut line, c, a, b);
    line.see(c).reset_and_destroy();
    line.until("B", "close false");
    line.see(u).resume();
    line.run();
    assert!(bytes(sent).starts_with(line.world.got("U")) && line.world.got("U").len() < sent);
    assert!(!line.world.trace.has("U", "end"), "a stream that was cut short does not look whole");
}

#[test]
fn where_there_is_no_reset_the_other_side_is_destroyed() {
    if !util::resets_arrive() {
        return;
    }
    let mut line = proxied(Kind::Tcp, Kind::Unix);
    let c = line.c;
    line.see(c).reset_and_destroy();
    let u = line.u;
    line.see(u).set_allow_half_open(false);
    line.run();
    line.check("A", &[&format!("error {}", code::ECONNRESET), "close true"]);
    line.check("B", &["close false"]);
    line.check("U", &["end", "finish", "close false"]);
}

#[test]
fn a_failure_of_a_local_socket_resets_the_other_side() {
    if !util::resets_arrive() {
        return;
    }
    let mut line = proxied(Kind::Unix, Kind::Tcp);
    let (c, u) = (line.c, line.u);
    line.see(c).pause();
    line.see(u).write_owned(bytes(1_000_000));
    util::run_until(&mut line.reactor, &mut line.world, |reactor, _| {
        reactor.socket(c).is_some_and(|c| c.readable_length() >= 64 * 1024)
    });
    // What lies unread in the kernel makes this a failure for the peer.
    line.see(c).destroy();
    line.run();
    for failed in ["A", "U"] {
        assert!(line.world.trace.has(failed, "close true"), "{:?}", line.world.trace);
    }
    assert!(!line.world.trace.has("U", "end"));
}

/// Its stream was whole: a failure of the way back does not spoil it.
#[test]
fn a_stream_that_has_ended_is_delivered_though_its_socket_fails_later() {
    let mut line = proxied(Kind::Tcp, Kind::Tcp).narrow();
    let (a, b, c, u) = (line.a, line.b, line.c, line.u);
    line.see(u).set_allow_half_open(false).pause();
    let sent = fill(&mut line, c, a, b);
    line.see(c).end();
    line.until("A", "end");
    line.see(c).reset_and_destroy();
    line.until("C", "close false");
    line.see(u).write("nobody hears");
    line.until("A", "close true");
    line.see(u).resume();
    line.run();
    assert!(line.world.got("U") == bytes(sent), "{:?}", line.world.trace);
    assert!(line.world.trace.has("U", "end"), "{:?}", line.world.trace);
}

#[test]
fn destroying_one_side_ends_the_other_and_writes_what_it_has_got() {
    for front in [true, false] {
        let mut line = proxied(Kind::Tcp, Kind::Tcp).narrow();
        let (sends, destroyed, other) = if front { (line.c, line.a, line.b) } else { (line.u, line.b, line.a) };
        let (gets, name) = if front { (line.u, "U") } else { (line.c, "C") };
        line.see(sends).set_allow_half_open(false);
        line.see(gets).set_allow_half_open(false).pause();
        let sent = fill(&mut line, sends, destroyed, other);
        line.see(destroyed).destroy();
        line.settle();
        line.see(gets).resume();
        line.run();
        assert!(line.world.got(name) == bytes(sent));
        assert!(line.world.trace.has(name, "end"));
    }
}

#[test]
fn destroying_both_sides_at_once_leaves_nothing() {
    let mut line = proxied(Kind::Tcp, Kind::Unix);
    let (a, b) = (line.a, line.b);
    line.see(a).destroy_with("one");
    line.see(b).destroy_with("two");
    for id in [line.c, line.u] {
        line.see(id).set_allow_half_open(false);
    }
    line.run();
    for middle in ["A", "B"] {
        assert_eq!(line.world.trace.of(middle)[1..], ["close true"]);
    }
}

/// A front whose peer has sent `len` bytes, joined to a socket that connects to what `connect` says.
fn with_upstream(len: usize, connect: impl FnOnce(&mut Reactor<World>) -> SocketId) -> Line {
    let mut line = Line::tcp();
    let (b, u) = (line.b, line.u);
    line.see(b).destroy();
    line.see(u).destroy();
    line.until_gone(u);
    let c = line.c;
    line.see(c).set_allow_half_open(false).write_owned(bytes(len));
    line.b = connect(&mut line.reactor);
    let mut line = line.watched();
    line.reactor.proxy(line.a, line.b);
    line
}

#[test]
fn an_upstream_that_refuses_destroys_the_client() {
    let (_held, port) = util::refused_port();
    for len in [0, 1000] {
        let mut line = with_upstream(len, |reactor| reactor.connect(([127, 0, 0, 1], port)).id());
        line.run();
        line.check(
            "B",
            &[
                "connectionAttempt 127.0.0.1:P",
                "connectionAttemptFailed 127.0.0.1:P ECONNREFUSED",
                "error ECONNREFUSED",
                "close true",
            ],
        );
        line.check("A", &["close false"]);
        // Nothing is cut short where nothing came; but unread bytes make the kernel say so.
        if len == 0 {
            line.check("C", &["end", "finish", "close false"]);
        }
        assert!(line.world.trace.of("C").last().is_some_and(|last| last.starts_with("close")));
    }
}

/// Holds every thread of the work pool, so that no lookup comes through, until it is dropped.
struct NoLookups(Arc<(Mutex<bool>, Condvar)>);

impl NoLookups {
    fn new(reactor: &mut Reactor<World>) -> Self {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        for _ in 0..16 {
            let gate = Arc::clone(&gate);
            let wait = move || {
                let open = gate.0.lock().expect("nobody panics with it");
                drop(gate.1.wait_while(open, |open| !*open).expect("nobody panics with it"));
            };
            reactor.queue_work(wait, |_, (), _| ());
        }
        Self(gate)
    }
}

impl Drop for NoLookups {
    fn drop(&mut self) {
        *self.0.0.lock().expect("nobody panics with it") = true;
        self.0.1.notify_all();
    }
}

/// A server on this reactor whose one connection collects as `U` and answers the end with `answer`.
fn answering(reactor: &mut Reactor<World>) -> u16 {
    let mut server = reactor.create_server(|socket, _| {
        line::collect(socket, "U");
        socket.set_allow_half_open(true).on_end(|socket, _| socket.end_with("answer"));
        if let Some(mut server) = socket.server().and_then(|server| socket.reactor().server(server)) {
            server.close();
        }
    });
    server.listen(([127, 0, 0, 1], 0)).port().expect("it is bound")
}

#[test]
fn backpressure_holds_while_the_upstream_is_connecting() {
    let mut gate = None;
    let mut line = with_upstream(5_000_000, |reactor| {
        gate = Some(NoLookups::new(reactor));
        let port = answering(reactor);
        reactor.connect(("localhost", port)).id()
    });
    line.measure();
    let (a, b, c) = (line.a, line.b, line.c);
    line.see(c).end();
    line.until_paused(a);
    line.settle();
    assert!(line.see(b).is_connecting() && line.see(a).is_paused());
    assert!((1..=BOUND).contains(&line.see(b).writable_length()));
    check_bounds(&line);
    drop(gate);
    line.run();
    assert!(line.world.got("U") == bytes(5_000_000));
    assert_eq!(line.world.got("C"), b"answer");
    check_bounds(&line);
}

#[test]
fn a_client_that_ends_while_the_upstream_connects_is_answered() {
    let mut gate = None;
    let mut line = with_upstream(5, |reactor| {
        gate = Some(NoLookups::new(reactor));
        let port = answering(reactor);
        reactor.connect(("localhost", port)).id()
    });
    let c = line.c;
    line.see(c).set_allow_half_open(true).end();
    line.until("A", "end");
    drop(gate);
    line.run();
    assert_eq!((line.world.got("U"), line.world.got("C")), (&bytes(5)[..], &b"answer"[..]));
}

#[test]
fn a_client_that_resets_while_the_upstream_connects_takes_it_along() {
    if !util::resets_arrive() {
        return;
    }
    let mut gate = None;
    let mut line = with_upstream(5, |reactor| {
        gate = Some(NoLookups::new(reactor));
        reactor.connect(("localhost", 1)).id()
    });
    let c = line.c;
    line.see(c).reset_and_destroy();
    line.until("B", "close false");
    line.check("B", &["close false"]);
    drop(gate);
    line.run();
}

#[test]
fn with_a_stale_or_destroyed_one_the_other_is_destroyed() {
    for (front, stale) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut line = Line::tcp().watched();
        let (a, b) = (line.a, line.b);
        let (gone, other, name) = if front { (a, b, "B") } else { (b, a, "A") };
        for id in [line.c, line.u] {
            line.see(id).set_allow_half_open(false);
        }
        line.see(gone).destroy();
        if stale {
            line.until_gone(gone);
        }
        line.reactor.proxy(a, b);
        assert!(line.see(other).is_destroyed());
        line.reactor.proxy(a, b);
        line.run();
        line.check(name, &["close false"]);
    }
}

#[test]
fn a_socket_joined_to_itself_echoes() {
    let mut line = Line::tcp();
    let (a, c) = (line.a, line.c);
    line.reactor.proxy(a, a);
    line.see(c).end_with("once");
    for id in [line.b, line.u] {
        line.see(id).destroy();
    }
    line.run();
    assert_eq!(line.world.got("C"), b"once");
}

#[test]
fn errors_are_heard_with_and_without_a_listener_of_the_program() {
    if !util::resets_arrive() {
        return;
    }
    for watched in [true, false] {
        let mut line = Line::tcp();
        if watched {
            line = line.watched();
        }
        let (a, b, c) = (line.a, line.b, line.c);
        line.reactor.proxy(a, b);
        line.see(c).reset_and_destroy();
        // An unheard error would end the run here.
        line.run();
        assert_eq!(line.world.trace.has("A", "close true"), watched);
    }
}

/// A `close` listener that connects again begins a life of its own: what becomes of it is nothing to the other side, which is
/// still writing what it got, and the end of that is nothing to the new life.
#[test]
fn a_new_life_of_one_side_is_not_joined_any_more() {
    for fails in [true, false] {
        let mut line = Line::tcp().narrow();
        let (a, b, c, u) = (line.a, line.b, line.c, line.u);
        let mut server = line.reactor.create_server(move |socket, world: &mut World| {
            line::collect(socket, "S");
            socket.write("fresh");
            world.trace.push("S", "connection");
            if let Some(mut server) = socket.server().and_then(|server| socket.reactor().server(server)) {
                server.close();
            }
        });
        let port = server.listen(([127, 0, 0, 1], 0)).port().expect("it is bound");
        line.see(a).once_close(move |a, _, _| {
            a.connect(([127, 0, 0, 1], port));
            line::collect(a, "A");
            a.resume();
            a.on_error(|_, _, _| ()).on_close(|_, had_error, world| world.trace.push("A", format!("close {had_error}")));
        });
        line.reactor.proxy(a, b);
        for id in [c, u] {
            line.see(id).set_allow_half_open(false);
        }
        line.see(u).pause();
        let sent = fill(&mut line, c, a, b);
        line.see(a).destroy();
        line.until_got("A", 5);
        if fails {
            line.see(a).destroy_with("the new life fails");
            line.until("A", "close true");
        }
        line.see(u).resume();
        line.until_gone(b);
        if !fails {
            line.see(a).end_with("still here");
        }
        line.run();
        assert!(line.world.got("U") == bytes(sent), "fails: {fails}");
        assert_eq!(line.world.got("A"), b"fresh");
        assert_eq!(line.world.got("S"), if fails { &b""[..] } else { b"still here" });
    }
}

#[test]
fn listeners_of_the_program_run_beside_the_proxy() {
    let mut line = proxied(Kind::Tcp, Kind::Tcp);
    let (a, c) = (line.a, line.c);
    line::collect(&mut line.see(a), "A");
    let u = line.u;
    line.see(u).set_allow_half_open(false);
    line.see(c).end_with("for both");
    line.run();
    assert_eq!((line.world.got("A"), line.world.got("U")), (&b"for both"[..], &b"for both"[..]));
    line.check("A", &["end", "finish", "close false"]);
    line.check("B", &["finish", "end", "close false"]);
}

/// A generator of numbers that a seed decides (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

/// What one end has done.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    sent: usize,
    ended: bool,
    /// Reset or destroyed, and nobody may rely on anything.
    rude: bool,
    /// Reset before it ended.
    cut: bool,
}

fn act(line: &mut Line, id: SocketId, all: &[u8], done: &mut Done, numbers: &mut Numbers, choices: u64) {
    let choice = numbers.next(choices);
    let len = 1 << numbers.next(18);
    util::with(&mut line.reactor, id, |socket| match choice {
        0..=54 if socket.is_writable() && done.sent + len <= all.len() => {
            socket.write(&all[done.sent..done.sent + len]);
            done.sent += len;
        }
        55..=74 => socket.pause(),
        75..=95 => socket.resume(),
        96..=97 => {
            socket.end();
            done.ended = true;
        }
        98 if socket.remote_address().is_some_and(|address| address.path().is_none()) => {
            done.cut |= !socket.is_destroyed() && !done.ended;
            done.rude = true;
            socket.reset_and_destroy();
        }
        99 => {
            done.rude = true;
            socket.destroy();
        }
        _ => {}
    });
}

/// What a pair of ends does at random is passed on: to the byte if nobody cut it short, and never more, or after a cut an end.
fn play(seed: u64, all: &[u8]) {
    let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (front, back) = KINDS[numbers.next(4) as usize];
    let mut line = proxied(front, back).narrow();
    line.measure();
    let (c, u) = (line.c, line.u);
    let mut done = [Done::default(); 2];
    // Half of them stay polite.
    let choices = if seed.is_multiple_of(2) { 98 } else { 100 };
    for _ in 0..numbers.next(150) {
        act(&mut line, c, all, &mut done[0], &mut numbers, choices);
        act(&mut line, u, all, &mut done[1], &mut numbers, choices);
        for _ in 0..numbers.next(4) {
            line.reactor.run_nowait(&mut line.world).expect("every error is heard");
        }
    }
    for id in [c, u] {
        util::with(&mut line.reactor, id, |socket| {
            socket.end();
            socket.resume();
        });
    }
    line.run();
    check_bounds(&line);
    let whole = !done.iter().any(|done| done.rude);
    for (by, sender, receiver) in [(done[0], "C", "U"), (done[1], "U", "C")] {
        let got = line.world.got(receiver);
        let about =
            format!("seed {seed}: {front:?} {back:?} {sender} {by:?}, {receiver} got {}: {:#?}", got.len(), line.world.trace);
        assert!(all[..by.sent].starts_with(got), "{about}");
        assert!(!whole || got.len() == by.sent, "{about}");
        assert!(!whole || line.world.trace.has(receiver, "end"), "{about}");
        assert!(!by.cut || back == Kind::Unix || front == Kind::Unix || !line.world.trace.has(receiver, "end"), "{about}");
    }
}

#[test]
fn random_lives_lose_nothing_and_leave_nothing() {
    let all = bytes(8_000_000);
    for seed in 1..=40 {
        play(seed, &all);
    }
}
