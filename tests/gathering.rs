//! What listeners write to their own sockets leaves when they return: at random against a model, and corner by corner.

#[path = "gathering/model.rs"]
mod model;
mod util;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, Socket, SocketId, code};

#[test]
fn whatever_listeners_do_every_byte_arrives_once_and_in_order() {
    // `NETLOOP_SEED` repeats one.
    if let Some(seed) = std::env::var("NETLOOP_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return model::play(seed);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    for seed in (0..400).map(|n| now.wrapping_add(n)) {
        println!("seed {seed}");
        model::play(seed);
    }
}

/// What happened to the socket whose listeners write, and what its peer got.
#[derive(Default)]
struct Seen {
    got: Vec<u8>,
    events: Vec<String>,
}

/// A socket whose listeners are the test's, and a peer that keeps what it gets.
struct Scene {
    reactor: Reactor<Seen>,
    seen: Seen,
    me: SocketId,
    peer: SocketId,
}

impl Scene {
    fn new() -> Self {
        Self::with(Reactor::new().expect("a reactor"))
    }

    fn with(mut reactor: Reactor<Seen>) -> Self {
        let (me, peer) = reactor.socket_pair().expect("a pair");
        let mut far = reactor.socket(peer).expect("just made");
        far.on_data(|_, chunk, seen| seen.got.extend_from_slice(chunk)).on_error(|_, _, _| {});
        let mut near = reactor.socket(me).expect("just made");
        near.on_error(|_, error, seen| seen.events.push(error.code().to_owned()))
            .on_timeout(|_, seen| seen.events.push("timeout".to_owned()))
            .on_close(|_, _, seen| seen.events.push("close".to_owned()));
        Self { reactor, seen: Seen::default(), me, peer }
    }

    fn on_data(&mut self, mut listener: impl FnMut(&mut Socket<'_, Seen>, &mut Seen) + 'static) {
        let mut socket = self.reactor.socket(self.me).expect("open");
        socket.on_data(move |socket, _, seen| listener(socket, seen));
    }

    /// Some iterations, so that all that is under way arrives.
    fn settle(&mut self) {
        for _ in 0..20 {
            self.reactor.run_nowait(&mut self.seen).expect("every error is heard");
        }
    }

    /// Iterations until `done`: where a pair is a connection, bytes take their time.
    #[track_caller]
    fn until(&mut self, done: impl FnMut(&Seen) -> bool) {
        until(&mut self.reactor, &mut self.seen, done);
    }

    /// The peer sends one message, which is answered or not; how many writes the answer took.
    fn message(&mut self) -> u64 {
        self.settle();
        assert!(self.reactor.socket(self.peer).expect("open").write("m"));
        let before = self.reactor.metrics().writes;
        self.settle();
        self.reactor.metrics().writes - before
    }
}

#[track_caller]
fn until<S>(reactor: &mut Reactor<S>, state: &mut S, mut done: impl FnMut(&S) -> bool) {
    let heart = reactor.set_interval(Duration::from_millis(2), |_, _, _| {});
    for _ in 0..2000 {
        if done(state) {
            break;
        }
        reactor.run_once(state).expect("every error is heard");
    }
    assert!(done(state), "it never comes");
    reactor.clear_timer(heart);
}

#[test]
fn what_a_listener_has_written_is_in_its_accounts_at_once() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    let mut scene = Scene::new();
    for _ in 0..2 {
        scene.on_data(|socket, _| {
            let before = socket.bytes_written();
            for len in 1..=20 {
                let expected = socket.bytes_written() + len as u64;
                assert!(socket.write(vec![7; len]));
                assert!(socket.write(""));
                let id = socket.id();
                let seen_by_another = socket.other(id).map(|other| other.bytes_written());
                assert_eq!((socket.bytes_written(), seen_by_another), (expected, Some(expected)));
                assert_eq!((socket.writable_length(), socket.writable_need_drain()), (0, false));
            }
            assert_eq!(socket.bytes_written(), before + 210);
        });
    }
    assert_eq!(scene.message(), 1, "of both listeners");
    assert_eq!(scene.seen.got.len(), 420);
    assert_eq!(scene.reactor.socket(scene.me).expect("open").bytes_written(), 420);
}

#[test]
fn a_turn_is_one_write_whoever_takes_part() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    let mut scene = Scene::new();
    let me = scene.me;
    scene.on_data(move |socket, _| {
        socket.write("a");
        assert!(socket.reactor().socket(me).expect("open").write("b"));
        assert_eq!(socket.reactor().broadcast([me, me], "c"), 2);
        socket.write("d");
        assert!(socket.other(me).expect("open").write_owned("e"));
        socket.unref().ref_();
        socket.write("f");
    });
    scene.on_data(|socket, _| {
        socket.write_then("g", |_, result, _| result.expect("written"));
        socket.set_timeout(Duration::from_secs(60));
        socket.write("h");
    });
    for turns in 1..=3 {
        assert_eq!(scene.message(), 1);
        assert_eq!(scene.seen.got, b"abccdefgh".repeat(turns));
    }
}

#[test]
fn what_a_listener_wrote_before_it_panicked_arrives_once_and_then_the_end() {
    if util::faults_are_injected("it counts iterations") {
        return;
    }
    for outside in [false, true] {
        let mut scene = Scene::new();
        scene.on_data(|socket, _| assert!(socket.write("before ")));
        scene.on_data(|socket, seen| {
            socket.write("panic ");
            seen.events.push("it panics".to_owned());
            resume_unwind(Box::new("planned"));
        });
        scene.reactor.socket(scene.peer).expect("open").on_end(|_, seen| seen.events.push("end".to_owned()));
        scene.settle();
        assert!(scene.reactor.socket(scene.peer).expect("open").write("m"));
        let run = AssertUnwindSafe(|| scene.reactor.run_once(&mut scene.seen));
        assert!(catch_unwind(run).is_err(), "it panics");
        let mut me = scene.reactor.socket(scene.me).expect("close is to come");
        assert_eq!((me.is_destroyed(), me.bytes_written()), (true, 13));
        assert!(!outside || !me.write("outside "), "it takes no more");
        scene.settle();
        assert_eq!(scene.seen.got, b"before panic ");
        assert_eq!(scene.seen.events, ["it panics", "ERR_CALLBACK_PANICKED", "close", "end"]);
    }
}

#[test]
fn a_turn_that_grows_too_large_leaves_in_order() {
    for (chunk, count) in
        [(16 * 1024 - 1, 1), (16 * 1024 - 1, 4), (16 * 1024 - 1, 5), (15_000, 9), (16 * 1024, 2), (100_000, 1)]
    {
        let mut scene = Scene::new();
        scene.on_data(move |socket, _| {
            for n in 0..count {
                socket.write([n]);
                socket.write(vec![n; chunk]);
            }
            assert_eq!(socket.bytes_written(), (chunk as u64 + 1) * u64::from(count));
        });
        scene.message();
        let expected: Vec<u8> = (0..count).flat_map(|n| vec![n; chunk + 1]).collect();
        assert!(scene.seen.got == expected, "{count} of {chunk}: {} bytes came", scene.seen.got.len());
    }
}

#[test]
fn a_queue_limit_is_not_for_what_the_kernel_takes() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    // In Node the kernel had taken it before the next write; so what is gathered leaves when it comes to the limit.
    let mut scene = Scene::new();
    scene.reactor.socket(scene.me).expect("open").set_write_queue_limit(10);
    scene.on_data(|socket, _| {
        let before = socket.bytes_written();
        assert!(socket.write("123456"));
        assert!(socket.try_write("789012").expect("six of ten have left"));
        let error = socket.try_write("eleven byte").expect_err("more than the limit at once");
        assert_eq!((error.code(), socket.is_destroyed()), (code::ERR_WRITE_QUEUE_FULL, false));
        assert_eq!(socket.bytes_written(), before + 12);
        assert!(socket.write("3456"));
        assert_eq!((socket.bytes_written(), socket.writable_length()), (before + 16, 0));
    });
    assert_eq!(scene.message(), 3);
    assert_eq!(scene.seen.got, b"1234567890123456");
    let me = scene.me;
    scene.on_data(move |socket, seen| {
        (0..50).for_each(|_| assert!(socket.reactor().socket(me).expect("open").write("x")));
        assert!(!socket.write("eleven byte"));
        assert!(socket.is_destroyed() && seen.events.is_empty());
    });
    scene.message();
    assert_eq!(
        scene.seen.got,
        [&b"1234567890123456"[..], b"1234567890123456", &[b'x'; 50]].concat(),
        "what was gathered has left"
    );
    assert_eq!(scene.seen.events, [code::ERR_WRITE_QUEUE_FULL, "close"]);
}

#[test]
fn a_queue_limit_holds_for_what_the_kernel_refuses() {
    let mut scene = Scene::new();
    scene.reactor.socket(scene.me).expect("open").set_write_queue_limit(20_000);
    scene.on_data(|socket, seen| {
        let error = (0..100_000).find_map(|_| socket.try_write([1; 1000]).err()).expect("the kernel is full at some time");
        assert_eq!((error.code(), socket.is_destroyed()), (code::ERR_WRITE_QUEUE_FULL, false));
        seen.events.push("refused".to_owned());
        assert!((19_001..=20_000 + 64 * 1024).contains(&socket.writable_length()), "{}", socket.writable_length());
    });
    let mut far = scene.reactor.socket(scene.peer).expect("open");
    far.pause();
    far.write("m");
    scene.until(|seen| seen.events == ["refused"]);
    let written = scene.reactor.socket(scene.me).expect("open").bytes_written() as usize;
    scene.reactor.socket(scene.peer).expect("open").resume();
    assert!(written >= 20_000, "{written}");
    scene.until(|seen| seen.got.len() == written);
}

#[test]
fn a_turn_ends_well_whatever_ends_the_socket() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    type Ending = fn(&mut Socket<'_, Seen>);
    let endings: [Ending; 6] = [
        |socket| socket.end(),
        |socket| socket.end_with(""),
        |socket| socket.destroy(),
        |socket| socket.destroy_soon(),
        |socket| socket.destroy_with("with"),
        |socket| socket.reactor().stop(),
    ];
    for (at, ending) in endings.into_iter().enumerate() {
        let mut scene = Scene::new();
        scene.on_data(move |socket, _| {
            socket.write("one ");
            socket.write("two");
            ending(socket);
        });
        assert_eq!(scene.message(), 1, "{at}");
        assert_eq!(scene.seen.got, b"one two", "{at}");
        scene.reactor.socket(scene.me).into_iter().for_each(|mut socket| socket.end());
        scene.settle();
        assert_eq!(scene.reactor.sockets().count(), 0, "{at}");
        assert_eq!(scene.seen.events.iter().filter(|event| *event == "close").count(), 1, "{at}");
    }
}

#[test]
fn a_failing_listener_destroys_after_its_bytes_have_left() {
    let mut scene = Scene::new();
    let mut socket = scene.reactor.socket(scene.me).expect("open");
    socket.on_data(|socket, _, _| {
        socket.write("last words");
        Err::<(), _>("failed")
    });
    scene.message();
    assert_eq!(scene.seen.got, b"last words");
    assert_eq!(scene.seen.events.len(), 2, "error and close: {:?}", scene.seen.events);
}

#[test]
fn corked_bytes_stay_and_what_was_written_before_does_not() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    let mut scene = Scene::new();
    scene.on_data(|socket, _| {
        socket.write("free ");
        socket.cork();
        socket.write("corked ");
        assert_eq!((socket.bytes_written(), socket.writable_length()), (12, 7));
        socket.next_tick(|socket, seen| {
            assert_eq!(seen.got, b"");
            socket.write("still ");
            socket.uncork();
            assert_eq!(socket.writable_length(), 0);
            socket.write("after");
        });
    });
    scene.message();
    assert_eq!(scene.seen.got, b"free corked still after");
}

#[test]
fn listeners_that_write_to_each_others_sockets_keep_the_order_of_their_calls() {
    /// What is written to either socket is noted when it is written: which of the two is called first is the selector's matter.
    #[derive(Default)]
    struct Both {
        written: [Vec<u8>; 2],
        got: [Vec<u8>; 2],
    }

    fn write(socket: &mut Socket<'_, Both>, to: SocketId, at: usize, byte: u8, both: &mut Both) {
        both.written[at].push(byte);
        assert!(socket.other(to).expect("open").write([byte]));
    }

    let mut reactor = Reactor::<Both>::new().expect("a reactor");
    let pairs = [(); 2].map(|()| reactor.socket_pair().expect("a pair"));
    let ids = pairs.map(|(near, _)| near);
    for (at, (near, far)) in pairs.into_iter().enumerate() {
        reactor.socket(far).expect("just made").on_data(move |_, chunk, both| both.got[at].extend_from_slice(chunk));
        reactor.socket(near).expect("just made").on_data(move |socket, _, both| {
            write(socket, ids[at], at, b'1', both);
            write(socket, ids[1 - at], 1 - at, b'a', both);
            write(socket, ids[at], at, b'2', both);
            socket.next_tick(move |socket, both| write(socket, ids[at], at, b'3', both));
        });
    }
    let mut both = Both::default();
    for messages in 1..=20 {
        pairs.iter().for_each(|(_, far)| assert!(reactor.socket(*far).expect("open").write("m")));
        until(&mut reactor, &mut both, |both| both.got.iter().all(|got| got.len() == messages * 4));
        assert_eq!(both.got, both.written);
    }
    assert!(both.got[0].contains(&b'a') && both.got[1].contains(&b'a'));
}

#[test]
fn a_write_is_activity_at_the_time_it_is_made() {
    let clock = ManualClock::new();
    let mut scene = Scene::with(Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor"));
    scene.reactor.socket(scene.me).expect("open").set_timeout(Duration::from_secs(5));
    let slow = clock.clone();
    scene.on_data(move |socket, _| {
        // As long as a listener computes, and then looks at the clock.
        if socket.bytes_written() % 8 == 4 {
            slow.advance(Duration::from_secs(10));
            socket.reactor().update_time();
        }
        socket.write("done");
    });
    for times in 1..=4 {
        scene.message();
        assert_eq!(scene.seen.got, b"done".repeat(times));
        assert_eq!(scene.seen.events, [""; 0], "not idle since the write");
    }
    clock.advance(Duration::from_secs(5));
    scene.settle();
    assert_eq!(scene.seen.events, ["timeout"]);
}

#[test]
fn an_ended_socket_that_was_corked_finishes_when_it_is_uncorked() {
    let mut scene = Scene::new();
    let mut socket = scene.reactor.socket(scene.me).expect("open");
    socket.on_finish(|_, seen| seen.events.push("finish".to_owned()));
    socket.write_owned(vec![1; 4 << 20]);
    socket.write("rest");
    socket.end();
    socket.cork();
    assert!(socket.writable_length() > 4);
    while scene.reactor.socket(scene.me).expect("open").writable_length() > 4 {
        scene.reactor.run_once(&mut scene.seen).expect("every error is heard");
    }
    let mut socket = scene.reactor.socket(scene.me).expect("open");
    assert_eq!((socket.writable_length(), socket.writable_corked()), (4, 1));
    socket.uncork();
    scene.until(|seen| seen.events.iter().any(|event| event == "close"));
    assert_eq!(scene.seen.got.len(), (4 << 20) + 4);
    assert_eq!(scene.seen.events, ["finish", "close"]);
}

#[test]
fn a_text_listener_has_its_turn_too() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    let mut scene = Scene::new();
    let mut socket = scene.reactor.socket(scene.me).expect("open");
    socket.on_text(|socket, text, _| {
        let before = socket.bytes_written();
        socket.write(text);
        socket.write("-");
        assert_eq!((socket.bytes_written() - before, socket.writable_length()), (2, 0));
    });
    socket.on_text(|socket, text, _| socket.write(text.to_uppercase()));
    for turns in 1..=3 {
        assert_eq!(scene.message(), 1);
        assert_eq!(scene.seen.got, b"m-M".repeat(turns));
    }
    let mut socket = scene.reactor.socket(scene.me).expect("open");
    socket.on_text(|socket, _, _| {
        socket.write(vec![b'x'; 20_000]);
        socket.write("end");
        socket.end();
    });
    scene.message();
    let expected = [b"m-M".repeat(4), vec![b'x'; 20_000], b"end".to_vec()].concat();
    assert!(scene.seen.got == expected, "{} bytes came", scene.seen.got.len());
}
