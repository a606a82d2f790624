//! The failure catalogue, sockets: connecting, resets, half-sent replies, wake-ups from threads, idle timeouts (F23–F41).

mod util;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, ServerId, ServerOptions, Socket, SocketId, SocketOptions};
use socket2::SockRef;

/// No test runs that long; a loop that sleeps for ever is ended by it.
const LIMIT: Duration = Duration::from_secs(30);

const MILLI: Duration = Duration::from_millis(1);

/// What the sockets of one test have seen, in order.
#[derive(Default)]
struct Seen {
    sockets: Vec<SocketId>,
    bytes: Vec<u8>,
    events: Vec<String>,
}

impl Seen {
    fn has(&self, event: &str) -> bool {
        self.events.iter().any(|seen| seen == event)
    }

    fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|seen| *seen == event).count()
    }
}

fn watched<S>(mut reactor: Reactor<S>) -> Reactor<S> {
    let watchdog = reactor.set_timeout(LIMIT, |_, _| panic!("the loop waits for something that never comes"));
    reactor.unref_timer(watchdog);
    reactor
}

fn new_reactor<S>() -> Reactor<S> {
    watched(Reactor::new().expect("a reactor"))
}

/// Logs what a socket does; runs of chunks are one `data`.
fn log_all<'s, 'r>(socket: &'s mut Socket<'r, Seen>) -> &'s mut Socket<'r, Seen> {
    socket
        .on_connect(|_, seen| seen.events.push("connect".into()))
        .on_data(|_, chunk, seen| {
            seen.bytes.extend_from_slice(chunk);
            if seen.events.last().is_none_or(|last| last != "data") {
                seen.events.push("data".into());
            }
        })
        .on_end(|_, seen| seen.events.push("end".into()))
        .on_finish(|_, seen| seen.events.push("finish".into()))
        .on_timeout(|_, seen| seen.events.push("timeout".into()))
        .on_error(|_, error, seen| {
            let syscall = error.syscall().unwrap_or("no call");
            seen.events.push(format!("error {syscall} {}", error.code()));
        })
        .on_close(|_, had_error, seen| seen.events.push(format!("close {had_error}")))
}

/// A server that logs what its sockets do, and where it listens.
fn listen(reactor: &mut Reactor<Seen>, options: ServerOptions) -> (ServerId, SocketAddr) {
    let mut server = reactor.create_server_with(options, |socket, seen: &mut Seen| {
        seen.sockets.push(socket.id());
        log_all(socket);
    });
    server.listen(([127, 0, 0, 1], 0));
    let port = server.port().expect("it listens");
    (server.id(), SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Turns the loop, which may wait, until `done` holds.
fn run_until<S>(reactor: &mut Reactor<S>, state: &mut S, done: impl Fn(&S) -> bool) {
    for _ in 0..1_000_000 {
        if done(state) {
            return;
        }
        reactor.run_once(state).expect("no failure");
    }
    panic!("the loop turns without an end");
}

/// A connection accepted by the loop, and its peer.
fn accepted(reactor: &mut Reactor<Seen>, seen: &mut Seen, options: ServerOptions) -> (SocketId, TcpStream) {
    let (server, address) = listen(reactor, options);
    let peer = TcpStream::connect(address).expect("connected");
    peer.set_read_timeout(Some(LIMIT)).expect("an option");
    run_until(reactor, seen, |seen| !seen.sockets.is_empty());
    reactor.server(server).expect("it listens").close();
    (seen.sockets[0], peer)
}

#[cfg(unix)]
#[test]
fn f23_a_local_connect_into_a_full_backlog_fails_and_never_hangs() {
    let path = std::env::temp_dir().join(format!("netloop-f23-{}.sock", std::process::id()));
    let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&socket2::SockAddr::unix(&path).expect("a short path")).expect("a free path");
    listener.listen(1).expect("bound");
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    for _ in 0..4 {
        let mut socket = reactor.connect(path.as_path());
        log_all(&mut socket).on_connect(|socket, _| socket.destroy());
    }
    reactor.run(&mut seen).expect("each has its listener");
    std::fs::remove_file(&path).expect("it is ours");
    let (connected, failed) = (seen.count("connect"), seen.count("close true"));
    assert_eq!((connected + failed, seen.count("close false")), (4, connected), "{:?}", seen.events);
    assert!(connected >= 1 && failed >= 1, "{:?}", seen.events);
    if cfg!(target_os = "linux") {
        assert_eq!((connected, seen.count("error connect EAGAIN")), (2, 2), "{:?}", seen.events);
    }
}

#[test]
fn f24_a_refused_connect_gives_one_error_and_no_connect() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    for writes in [false, true] {
        let (mut reactor, mut seen) = (new_reactor(), Seen::default());
        for _ in 0..20 {
            let mut socket = reactor.connect(address);
            log_all(&mut socket).on_ready(|_, seen: &mut Seen| seen.events.push("ready".into()));
            if writes {
                socket.write_then("never sent", |_, result, seen| {
                    seen.events.push(format!("write {}", result.expect_err("no connection").code()));
                });
            }
        }
        reactor.run(&mut seen).expect("each has its listener");
        assert_eq!(seen.count("error connect ECONNREFUSED"), 20);
        assert_eq!(seen.count("close true"), 20);
        let writes = if writes { 20 } else { 0 };
        assert_eq!(seen.count("write ERR_SOCKET_CLOSED_BEFORE_CONNECTION"), writes);
        assert_eq!(seen.events.len(), 40 + writes, "{:?}", seen.events);
        assert_eq!(reactor.metrics().sockets, 0);
    }
}

#[test]
fn f25_no_post_of_any_thread_is_lost_and_each_thread_keeps_its_order() {
    const THREADS: usize = 4;
    const POSTS: u64 = 100_000;
    let mut reactor = new_reactor::<Vec<u64>>();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (remote, guard) = (reactor.remote(), reactor.keep_alive());
            thread::spawn(move || {
                for number in 0..POSTS {
                    let posted = remote.post(move |_, next: &mut Vec<u64>| {
                        assert_eq!(next[thread], number, "in order, none lost, none twice");
                        next[thread] += 1;
                    });
                    posted.expect("the loop is there");
                }
                drop(guard);
            })
        })
        .collect();
    let mut next = vec![0; THREADS];
    reactor.run(&mut next).expect("no failure");
    assert_eq!(next, [POSTS; THREADS], "the loop ends only when all have come");
    for thread in threads {
        thread.join().expect("no panic");
    }
    let events = reactor.metrics().events;
    assert!(events <= THREADS as u64 * (POSTS + 1), "{events} events");
}

#[test]
fn f25_a_wake_up_during_a_callback_is_not_lost() {
    // Each answer asks the next question while the loop is inside the callback that will make it wait again.
    let mut reactor = new_reactor::<u32>();
    let (asks, questions) = mpsc::channel::<()>();
    let (remote, guard) = (reactor.remote(), reactor.keep_alive());
    let next = asks.clone();
    let answerer = thread::spawn(move || {
        for number in 1..=2000 {
            questions.recv().expect("asked");
            let next = next.clone();
            let posted = remote.post(move |_, count: &mut u32| {
                *count += 1;
                assert_eq!(*count, number);
                next.send(()).expect("it listens");
            });
            posted.expect("the loop is there");
        }
        drop((guard, questions.recv()));
    });
    asks.send(()).expect("it listens");
    let mut count = 0;
    reactor.run(&mut count).expect("no failure");
    answerer.join().expect("no panic");
    assert_eq!(count, 2000);
}

#[test]
fn f25_a_wake_up_while_sockets_are_registered_is_not_lost() {
    // The answer is posted while the loop changes registrations: mio's poll(2) backend lets these eat a wake-up.
    let mut reactor = new_reactor::<u32>();
    let (asks, questions) = mpsc::channel::<()>();
    let (remote, guard) = (reactor.remote(), reactor.keep_alive());
    let next = asks.clone();
    let answerer = thread::spawn(move || {
        for _ in 0..500 {
            questions.recv().expect("asked");
            let next = next.clone();
            let posted = remote.post(move |reactor, count: &mut u32| {
                *count += 1;
                next.send(()).expect("it listens");
                for _ in 0..10 {
                    let (near, far) = reactor.socket_pair().expect("a pair");
                    reactor.socket(near).expect("new").destroy();
                    reactor.socket(far).expect("new").destroy();
                }
            });
            posted.expect("the loop is there");
        }
        drop((guard, questions.recv()));
    });
    asks.send(()).expect("it listens");
    let mut count = 0;
    reactor.run(&mut count).expect("no failure");
    answerer.join().expect("no panic");
    assert_eq!(count, 500);
}

#[test]
fn f26_a_reply_sent_before_the_peer_cut_us_off_is_read_before_the_write_fails() {
    if !util::resets_arrive() {
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let (go, gone) = mpsc::channel();
    let address = listener.local_addr().expect("bound");
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        gone.recv().expect("the client is blocked");
        stream.write_all(b"413 too large").expect("open");
        // What we have not read makes this a reset.
    });
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let mut socket = reactor.connect(address);
    let id = log_all(&mut socket).id();
    socket.write_then(vec![1; 8 << 20], |_, result, seen: &mut Seen| {
        seen.events.push(format!("write {}", result.expect_err("cut off").code()));
    });
    run_until(&mut reactor, &mut seen, |seen| seen.has("connect"));
    let mut last = u64::MAX;
    while std::mem::replace(&mut last, reactor.metrics().bytes_written) != last {
        reactor.run_nowait(&mut seen).expect("no failure");
    }
    assert!(reactor.socket(id).expect("open").writable_length() > 0, "blocked");
    go.send(()).expect("it waits");
    peer.join().expect("no panic");
    reactor.run(&mut seen).expect("the error has a listener");
    assert_eq!(seen.bytes, b"413 too large", "{:?}", seen.events);
    assert_eq!(seen.events[..2], ["connect", "data"]);
    assert!(seen.events[2..].iter().any(|event| event.starts_with("error ")), "{:?}", seen.events);
    assert!(!seen.has("end") && !seen.has("finish"), "{:?}", seen.events);
    assert_eq!(seen.events.last().map(String::as_str), Some("close true"));
}

#[test]
fn f27_a_reset_behind_unread_bytes_is_never_a_clean_end() {
    if !util::resets_arrive() {
        return;
    }
    // Whether the loop waits for the peer or meets data and reset at once, and with nothing, little or much to read.
    for (bytes, paused) in [(0, false), (2, false), (2, true), (50_000, false), (50_000, true)] {
        let (mut reactor, mut seen) = (new_reactor(), Seen::default());
        let (id, mut peer) = accepted(&mut reactor, &mut seen, ServerOptions::new().pause_on_connect(paused));
        peer.write_all(&vec![7; bytes]).expect("room");
        SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("an option");
        drop(peer);
        if paused {
            reactor.socket(id).expect("open").resume();
        }
        reactor.run(&mut seen).expect("the error has a listener");
        let expected: &[&str] = match bytes {
            0 => &["error read ECONNRESET", "close true"],
            _ => &["data", "error read ECONNRESET", "close true"],
        };
        assert_eq!((seen.bytes.len(), &seen.events[..]), (bytes, &expected.iter().map(|&e| e.into()).collect::<Vec<_>>()[..]));
    }
}

#[test]
fn f28_destroying_with_unread_input_resets_and_ending_gracefully_does_not() {
    // Destroyed with a byte of the peer unread: it gets what we sent, then a reset.
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (id, mut peer) = accepted(&mut reactor, &mut seen, ServerOptions::new().pause_on_connect(true));
    peer.write_all(b"x").expect("room");
    let mut socket = reactor.socket(id).expect("open");
    socket.write("bye");
    socket.destroy();
    reactor.run(&mut seen).expect("no failure");
    let mut text = [0; 3];
    peer.read_exact(&mut text).expect("sent before the close");
    assert_eq!(&text, b"bye");
    if cfg!(target_os = "linux") {
        assert_eq!(peer.read(&mut text).expect_err("a reset").kind(), std::io::ErrorKind::ConnectionReset);
    }
    assert_eq!(seen.events, ["close false"]);

    // Ended, with the rest read: a FIN.
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (id, mut peer) = accepted(&mut reactor, &mut seen, ServerOptions::new());
    peer.write_all(b"x").expect("room");
    reactor.socket(id).expect("open").end_with("bye");
    run_until(&mut reactor, &mut seen, |seen| seen.has("data") && seen.has("finish"));
    peer.shutdown(Shutdown::Write).expect("open");
    reactor.run(&mut seen).expect("no failure");
    let mut text = String::new();
    peer.read_to_string(&mut text).expect("a clean end");
    assert_eq!((text.as_str(), seen.bytes.as_slice()), ("bye", &b"x"[..]));
    assert_eq!(seen.events.last().map(String::as_str), Some("close false"));
}

#[test]
fn f29_at_close_finished_writes_succeed_and_the_rest_are_cancelled_before_close() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (id, _peer) = accepted(&mut reactor, &mut seen, ServerOptions::new());
    reactor.next_tick(move |reactor, _| {
        let mut socket = reactor.socket(id).expect("open");
        for (name, len) in [("w1", 10), ("w2", 8 << 20), ("w3", 1000), ("w4", 0)] {
            socket.write_then(vec![1; len], move |_, result, seen: &mut Seen| {
                seen.events.push(format!("{name} {}", result.map_or_else(|error| error.code(), |()| "ok")));
            });
        }
        reactor.set_immediate(move |reactor, _| reactor.socket(id).expect("open").destroy());
    });
    reactor.run(&mut seen).expect("no failure");
    assert_eq!(seen.events, ["w1 ok", "w2 ECANCELED", "w3 ECANCELED", "w4 ECANCELED", "close false"]);
}

/// Moments at which a program may start a timer (F33).
const MOMENTS: [&str; 16] = [
    "before",
    "tick",
    "immediate",
    "idle",
    "prepare",
    "check",
    "timer",
    "interval",
    "work",
    "post",
    "connection",
    "connect",
    "data",
    "end",
    "finish",
    "close",
];

/// Starts the timer of F33; there is one.
fn start_timer(reactor: &mut Reactor<u32>) {
    reactor.set_timeout(MILLI, |reactor, fired| {
        *fired += 1;
        // The keeper of the loop goes: nothing else would have woken it.
        reactor.stop();
    });
}

fn start_timer_at(reactor: &mut Reactor<u32>, moment: &str) {
    match moment {
        "before" => start_timer(reactor),
        "tick" => reactor.next_tick(|reactor, _| start_timer(reactor)),
        "immediate" => drop(reactor.set_immediate(|reactor, _| start_timer(reactor))),
        "idle" => drop(reactor.on_idle(|reactor, id, _| {
            reactor.clear_watcher(id);
            start_timer(reactor);
        })),
        "prepare" => drop(reactor.on_prepare(|reactor, id, _| {
            reactor.clear_watcher(id);
            start_timer(reactor);
        })),
        "check" => {
            reactor.on_check(|reactor, id, _| {
                reactor.clear_watcher(id);
                start_timer(reactor);
            });
            // So that the poll before it does not wait.
            reactor.set_immediate(|_, _| {});
        }
        "timer" => drop(reactor.set_timeout(MILLI, |reactor, _| start_timer(reactor))),
        "interval" => drop(reactor.set_interval(MILLI, |reactor, id, _| {
            reactor.clear_timer(id);
            start_timer(reactor);
        })),
        "work" => drop(reactor.queue_work(|| (), |reactor, (), _| start_timer(reactor))),
        "post" => reactor.remote().post(|reactor, _| start_timer(reactor)).expect("it is there"),
        _ => start_timer_in_socket(reactor, moment.to_owned()),
    }
}

fn start_timer_in_socket(reactor: &mut Reactor<u32>, moment: String) {
    let at = moment.clone();
    let mut server = reactor.create_server(move |socket, _| {
        if at == "connection" {
            start_timer(socket.reactor());
        }
        socket.on_data(|socket, chunk, _| socket.end_with(chunk));
    });
    server.listen(([127, 0, 0, 1], 0));
    let address = (Ipv4Addr::LOCALHOST, server.port().expect("it listens"));
    let mut client = reactor.connect(address);
    client.write("x");
    match moment.as_str() {
        "connect" => client.on_connect(|socket, _| start_timer(socket.reactor())),
        "data" => client.on_data(|socket, _, _| start_timer(socket.reactor())),
        "end" => client.on_data(|_, _, _| {}).on_end(|socket, _| start_timer(socket.reactor())),
        "finish" => client.on_data(|_, _, _| {}).on_finish(|socket, _| start_timer(socket.reactor())),
        "close" => client.on_data(|_, _, _| {}).on_close(|socket, _, _| start_timer(socket.reactor())),
        _ => &mut client,
    };
}

#[test]
fn f33_a_timer_started_in_any_callback_fires_without_other_traffic() {
    for moment in MOMENTS {
        // The watchdog is what fails if the loop sleeps past the timer; the guard keeps it asleep.
        let mut reactor = new_reactor();
        let _guard = reactor.keep_alive();
        start_timer_at(&mut reactor, moment);
        let mut fired = 0;
        reactor.run(&mut fired).expect("no failure");
        assert_eq!(fired, 1, "started at {moment}");
    }
}

#[test]
fn f34_idle_timeouts_cost_one_timer_a_socket_however_much_is_read() {
    const IDLE: usize = 100_000;
    const PAIRS: usize = 50;
    let clock = ManualClock::new();
    let mut reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor");
    let mut seen = Seen::default();
    for _ in 0..IDLE {
        // No connection, no descriptor: the timer is the same.
        reactor.new_socket(SocketOptions::new()).set_timeout(1000 * MILLI).on_timeout(|socket, _: &mut Seen| socket.destroy());
    }
    let mut writers = Vec::new();
    for _ in 0..PAIRS {
        let (near, far) = reactor.socket_pair().expect("a pair");
        log_all(&mut reactor.socket(far).expect("new")).set_timeout(1000 * MILLI);
        writers.push(near);
    }
    assert_eq!(reactor.metrics().timers, IDLE + PAIRS);
    for _ in 0..90 {
        clock.advance(10 * MILLI);
        for &writer in &writers {
            reactor.socket(writer).expect("open").write("x");
        }
        reactor.run_nowait(&mut seen).expect("no failure");
        assert_eq!(reactor.metrics().timers, IDLE + PAIRS, "no timer is made for a chunk");
    }
    assert_eq!((seen.bytes.len(), seen.count("timeout")), (90 * PAIRS, 0));
    clock.advance(100 * MILLI);
    reactor.run_nowait(&mut seen).expect("no failure");
    reactor.run_nowait(&mut seen).expect("no failure");
    let left = reactor.metrics();
    assert_eq!((left.timers, left.sockets), (PAIRS, 2 * PAIRS), "the idle ones have gone");
    // The busy ones were last heard of at 900 ms.
    clock.advance(899 * MILLI);
    reactor.run_nowait(&mut seen).expect("no failure");
    assert_eq!(seen.count("timeout"), 0);
    clock.advance(MILLI);
    reactor.run_nowait(&mut seen).expect("no failure");
    assert_eq!(seen.count("timeout"), PAIRS);
    clock.advance(5000 * MILLI);
    reactor.run_nowait(&mut seen).expect("no failure");
    assert_eq!(seen.count("timeout"), PAIRS, "once, until something happens");
    for id in reactor.sockets().collect::<Vec<_>>() {
        reactor.socket(id).expect("listed").destroy();
    }
    reactor.run(&mut seen).expect("no failure");
    assert_eq!((reactor.metrics().timers, reactor.metrics().sockets), (0, 0));
}

#[test]
fn f35_a_write_that_moves_is_no_idle_socket_and_one_that_stands_still_is() {
    const TOTAL: usize = 30_000_000;
    let clock = ManualClock::new();
    let mut reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor");
    let mut seen = Seen::default();
    let options = ServerOptions::new().write_queue_limit(usize::MAX);
    let (id, mut peer) = accepted(&mut reactor, &mut seen, options);
    peer.set_nonblocking(true).expect("an option");
    let mut socket = reactor.socket(id).expect("open");
    socket.set_timeout(500 * MILLI);
    assert!(!socket.write(vec![1; TOTAL]), "more than the kernel takes");
    let (mut buffer, mut read, mut moves) = (vec![0; 1 << 20], 0, 0);
    // A slow reader: it empties the kernel's buffers once in a while.
    while reactor.metrics().bytes_written < TOTAL as u64 {
        let before = reactor.metrics().bytes_written;
        for _ in 0..1_000_000 {
            read += peer.read(&mut buffer).unwrap_or(0);
            reactor.run_nowait(&mut seen).expect("no failure");
            if reactor.metrics().bytes_written > before {
                break;
            }
        }
        assert!(reactor.metrics().bytes_written > before, "nothing moves");
        moves += 1;
        clock.advance(450 * MILLI);
        reactor.run_nowait(&mut seen).expect("no failure");
        assert!(!seen.has("timeout"), "after {moves} moves, {read} bytes read");
    }
    assert!(moves > 3, "the write outlasts the timeout: {moves} moves");
    clock.advance(2000 * MILLI);
    reactor.run_nowait(&mut seen).expect("no failure");
    clock.advance(2000 * MILLI);
    reactor.run_nowait(&mut seen).expect("no failure");
    assert_eq!(seen.count("timeout"), 1, "nothing moves any more");
    reactor.socket(id).expect("open").destroy();
    reactor.run(&mut seen).expect("no failure");
}

#[test]
fn f41_peers_that_reset_before_they_are_accepted_do_not_harm_the_server() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (server, address) = listen(&mut reactor, ServerOptions::new().no_delay(true));
    for round in 1..=3 {
        for _ in 0..20 {
            let peer = TcpStream::connect(address).expect("the backlog has room");
            SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("an option");
        }
        let mut peer = TcpStream::connect(address).expect("the backlog has room");
        peer.write_all(b"alive").expect("room");
        drop(peer);
        run_until(&mut reactor, &mut seen, |seen| seen.bytes.len() == round * 5 && seen.count("end") == round);
    }
    assert!(reactor.server(server).expect("it listens").is_listening());
    reactor.server(server).expect("it listens").close();
    reactor.run(&mut seen).expect("resets harm nobody");
    assert_eq!(seen.bytes, b"alive".repeat(3));
    let clean = seen.count("close false");
    assert_eq!(clean + seen.count("close true"), seen.sockets.len(), "each closes once");
    assert!(clean >= 3);
    assert_eq!(seen.count("end"), 3, "a reset is no end: {:?}", seen.events);
    assert_eq!((reactor.metrics().sockets, reactor.metrics().servers), (0, 0));
}
