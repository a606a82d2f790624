//! The failure catalogue, streams and listeners: what made other loops deaf, blind or busy (F1, F2, F4, F6, F7, F9–F12).

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use netloop::{KeepAlive, Reactor, ReactorOptions, ServerId, ServerOptions, SocketId, SocketOptions};
use socket2::SockRef;

/// No test runs that long; a loop that sleeps for ever is ended by it.
const LIMIT: Duration = Duration::from_secs(30);

/// How long an idle loop is watched, and how often it may turn meanwhile.
const WINDOW: Duration = Duration::from_millis(100);
const QUIET: u64 = 20;

/// What the sockets of one test have seen.
#[derive(Default)]
struct Seen {
    sockets: Vec<SocketId>,
    bytes: Vec<u8>,
    events: Vec<&'static str>,
}

fn reactor_with<S>(options: ReactorOptions) -> Reactor<S> {
    let mut reactor = Reactor::with_options(options).expect("a reactor");
    let watchdog = reactor.set_timeout(LIMIT, |_, _| panic!("the loop waits for something that never comes"));
    reactor.unref_timer(watchdog);
    reactor
}

fn new_reactor<S>() -> Reactor<S> {
    reactor_with(ReactorOptions::new())
}

/// A server that logs what its sockets do, and where it listens.
fn listen(reactor: &mut Reactor<Seen>, options: ServerOptions) -> (ServerId, SocketAddr) {
    let mut server = reactor.create_server_with(options, |socket, seen: &mut Seen| {
        seen.sockets.push(socket.id());
        socket
            .on_data(|_, chunk, seen| seen.bytes.extend_from_slice(chunk))
            .on_end(|_, seen| seen.events.push("end"))
            .on_drain(|_, seen| seen.events.push("drain"))
            .on_error(|_, _, seen| seen.events.push("error"))
            .on_close(|_, had_error, seen| seen.events.push(if had_error { "close after error" } else { "close" }));
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

/// How often the loop turns while nothing happens.
fn idle_turns<S>(reactor: &mut Reactor<S>, state: &mut S) -> u64 {
    let before = reactor.metrics().iterations;
    reactor.set_timeout(WINDOW, |reactor, _| reactor.stop());
    reactor.run(state).expect("no failure");
    reactor.metrics().iterations - before
}

/// Ends what a test has left open; then nothing may be left.
fn tear_down<S>(mut reactor: Reactor<S>, state: &mut S) {
    let servers: Vec<_> = reactor.handles().collect();
    for handle in servers {
        match handle {
            netloop::Handle::Server(id) => reactor.server(id).expect("listed").close(),
            netloop::Handle::Socket(id) => reactor.socket(id).expect("listed").destroy(),
            _ => {}
        }
    }
    reactor.run(state).expect("no failure");
    let left = reactor.metrics();
    assert_eq!((left.sockets, left.servers), (0, 0));
}

#[test]
fn f01_all_connections_queued_before_the_first_poll_are_accepted() {
    for budget in [1, 3, 16, 100] {
        let mut reactor = reactor_with(ReactorOptions::new().accept_budget(budget));
        let mut seen = Seen::default();
        let (_, address) = listen(&mut reactor, ServerOptions::new());
        let peers: Vec<_> = (0..20).map(|_| TcpStream::connect(address).expect("the backlog has room")).collect();
        run_until(&mut reactor, &mut seen, |seen| seen.sockets.len() >= peers.len());
        let turns = reactor.metrics().iterations;
        assert!(turns <= 20 / budget as u64 + 3, "{turns} turns with a budget of {budget}");
        assert_eq!(seen.sockets.len(), 20);
        tear_down(reactor, &mut seen);
    }
}

/// The bytes one read may take in F2, and how many of them a turn.
const FLOOD_BUFFER: usize = 4096;
const FLOOD_BUDGET: usize = 2;
const FLOOD: usize = 16 * 1024 * 1024;

#[derive(Default)]
struct Race {
    flooded: usize,
    this_turn: usize,
    most_a_turn: usize,
    pings: u64,
    slowest: u64,
    sent_at: u64,
    over: bool,
}

#[test]
fn f02_a_flood_is_read_whole_and_lets_a_second_peer_have_its_turn() {
    let mut reactor = reactor_with(ReactorOptions::new().read_buffer(FLOOD_BUFFER).read_budget(FLOOD_BUDGET));
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("new").on_data(|socket, chunk, _: &mut Race| socket.write(chunk));
    reactor.socket(near).expect("new").on_data(|socket, _, race: &mut Race| {
        let now = socket.reactor().metrics().iterations;
        race.pings += 1;
        race.slowest = race.slowest.max(now - race.sent_at);
        race.sent_at = now;
        match race.over {
            true => socket.end(),
            false => assert!(socket.write("ping"), "it is tiny"),
        }
    });
    let mut server = reactor.create_server(|socket, _: &mut Race| {
        socket
            .on_data(|_, chunk, race| {
                race.flooded += chunk.len();
                race.this_turn += chunk.len();
                race.most_a_turn = race.most_a_turn.max(race.this_turn);
            })
            .on_close(|socket, _, race| {
                race.over = true;
                let server = socket.server().expect("accepted");
                socket.reactor().server(server).expect("it listens").close();
            });
    });
    server.listen(([127, 0, 0, 1], 0));
    let address = SocketAddr::from(([127, 0, 0, 1], server.port().expect("it listens")));
    let turn = reactor.on_prepare(|_, _, race| race.this_turn = 0);
    reactor.unref_watcher(turn);
    let flood = thread::spawn(move || {
        let mut peer = TcpStream::connect(address).expect("connected");
        peer.write_all(&vec![7; FLOOD]).expect("all is read");
    });
    let mut race = Race::default();
    reactor.socket(near).expect("new").write("ping");
    reactor.run(&mut race).expect("no failure");
    flood.join().expect("no panic");
    assert_eq!(race.flooded, FLOOD);
    assert!(race.most_a_turn <= FLOOD_BUFFER * FLOOD_BUDGET, "{} bytes in one turn", race.most_a_turn);
    assert!(race.slowest <= 4, "an answer took {} turns", race.slowest);
    let least = (FLOOD / (FLOOD_BUFFER * FLOOD_BUDGET)) as u64 / 4;
    assert!(race.pings >= least, "{} answers, at least {least} expected", race.pings);
}

#[test]
fn f04_data_and_fin_in_one_edge_give_data_then_end() {
    // The whole life of the peer may pass before the first poll, or between accepting and the next poll.
    for accept_first in [false, true] {
        let (mut reactor, mut seen) = (new_reactor(), Seen::default());
        let (_, address) = listen(&mut reactor, ServerOptions::new());
        let mut peer = TcpStream::connect(address).expect("connected");
        if accept_first {
            run_until(&mut reactor, &mut seen, |seen| !seen.sockets.is_empty());
        }
        peer.write_all(b"hello").expect("room");
        drop(peer);
        run_until(&mut reactor, &mut seen, |seen| seen.events.contains(&"close"));
        assert_eq!((&seen.bytes[..], &seen.events[..]), (&b"hello"[..], &["end", "close"][..]), "{accept_first}");
        tear_down(reactor, &mut seen);
    }
}

#[test]
fn f04_data_and_end_in_one_edge_on_a_local_pair() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(far).expect("new");
    socket.on_data(|_, chunk, seen: &mut Seen| seen.bytes.extend_from_slice(chunk));
    socket.on_end(|_, seen| seen.events.push("end")).on_close(|_, _, seen| seen.events.push("close"));
    let mut socket = reactor.socket(near).expect("new");
    socket.write("hello");
    socket.destroy();
    reactor.run(&mut seen).expect("no failure");
    assert_eq!((&seen.bytes[..], &seen.events[..]), (&b"hello"[..], &["end", "close"][..]));
}

#[test]
fn f06_a_paused_reader_gets_all_bytes_before_the_end() {
    // The small one is with our kernel as a whole, FIN and all, before reading goes on; the large one is not.
    for (size, fits) in [(100_000, true), (1 << 20, false)] {
        let (mut reactor, mut seen) = (new_reactor(), Seen::default());
        let (_, address) = listen(&mut reactor, ServerOptions::new().pause_on_connect(true));
        let peer = thread::spawn(move || {
            let mut peer = TcpStream::connect(address).expect("connected");
            peer.write_all(&vec![5; size]).expect("all is read");
            peer.shutdown(Shutdown::Write).expect("open");
            // Until the reader is done.
            drop(peer.read(&mut [0]));
        });
        run_until(&mut reactor, &mut seen, |seen| !seen.sockets.is_empty());
        for _ in 0..1000 {
            reactor.run_nowait(&mut seen).expect("no failure");
            thread::yield_now();
        }
        assert_eq!((seen.bytes.len(), seen.events.len()), (0, 0), "it is paused (fits: {fits})");
        reactor.socket(seen.sockets[0]).expect("open").resume();
        run_until(&mut reactor, &mut seen, |seen| seen.events.contains(&"close"));
        peer.join().expect("no panic");
        assert_eq!((seen.bytes.len(), &seen.events[..]), (size, &["end", "close"][..]));
        tear_down(reactor, &mut seen);
    }
}

#[test]
fn f06_a_reader_that_pauses_at_every_chunk_gets_all_bytes_before_the_end() {
    const TOTAL: usize = 1 << 20;
    let mut reactor = new_reactor();
    let mut server = reactor.create_server(|socket, _: &mut usize| {
        socket
            .on_data(|socket, chunk, count| {
                *count += chunk.len();
                socket.pause();
                let id = socket.id();
                socket.reactor().set_immediate(move |reactor, _| reactor.socket(id).expect("no end came").resume());
            })
            .on_end(|_, count| assert_eq!(*count, TOTAL, "the end came before the tail"))
            .on_close(|socket, _, _| {
                let server = socket.server().expect("accepted");
                socket.reactor().server(server).expect("it listens").close();
            });
    });
    server.listen(([127, 0, 0, 1], 0));
    let address = SocketAddr::from(([127, 0, 0, 1], server.port().expect("it listens")));
    let peer = thread::spawn(move || {
        let mut peer = TcpStream::connect(address).expect("connected");
        peer.write_all(&vec![5; TOTAL]).expect("all is read");
    });
    let mut count = 0;
    reactor.run(&mut count).expect("no failure");
    peer.join().expect("no panic");
    assert_eq!(count, TOTAL);
}

#[test]
fn f07_writing_to_a_half_open_peer_that_does_not_read_is_quiet() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (_, address) = listen(&mut reactor, ServerOptions::new().allow_half_open(true));
    let mut peer = TcpStream::connect(address).expect("connected");
    peer.shutdown(Shutdown::Write).expect("open");
    run_until(&mut reactor, &mut seen, |seen| seen.events.contains(&"end"));
    let total = 10_000_000;
    let mut socket = reactor.socket(seen.sockets[0]).expect("half open");
    assert!(!socket.write(vec![1; total]), "more than the kernel takes");
    let turns = idle_turns(&mut reactor, &mut seen);
    assert!(turns <= QUIET, "{turns} turns");
    assert!(reactor.socket(seen.sockets[0]).expect("half open").writable_length() > 0);
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).expect("a clean end");
        bytes.len()
    });
    reactor.socket(seen.sockets[0]).expect("half open").end();
    run_until(&mut reactor, &mut seen, |seen| seen.events.contains(&"close"));
    assert_eq!(reader.join().expect("no panic"), total);
    assert_eq!(seen.events, ["end", "close"]);
    tear_down(reactor, &mut seen);
}

#[test]
fn f09_a_connection_whose_options_fail_does_not_stop_the_next() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    // No kernel takes so long a time: setting it fails on each accepted socket.
    let refused = KeepAlive { delay: Duration::from_secs(1 << 30), ..KeepAlive::default() };
    let (_, address) = listen(&mut reactor, ServerOptions::new().keep_alive(refused).no_delay(true));
    for number in 0..5 {
        let mut peer = TcpStream::connect(address).expect("connected");
        if number % 2 == 0 {
            // Reset before it is accepted: whatever is set on it may fail too.
            SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("an option");
            drop(peer);
            reactor.run_nowait(&mut seen).expect("no failure");
            continue;
        }
        peer.write_all(b"x").expect("room");
        let before = seen.bytes.len();
        run_until(&mut reactor, &mut seen, |seen| seen.bytes.len() > before);
    }
    assert_eq!(seen.bytes, b"xx");
    tear_down(reactor, &mut seen);
}

#[test]
fn f09_a_connection_handler_that_closes_or_fails_does_not_stop_the_next() {
    let mut reactor = new_reactor::<u32>();
    let mut server = reactor.create_server(|socket, count: &mut u32| {
        *count += 1;
        match *count % 3 {
            0 => return Err("refused"),
            1 => socket.destroy(),
            _ => socket.reset_and_destroy(),
        }
        Ok(())
    });
    server.listen(([127, 0, 0, 1], 0));
    let address = SocketAddr::from(([127, 0, 0, 1], server.port().expect("it listens")));
    let mut count = 0;
    for number in 1..=12 {
        let mut peer = TcpStream::connect(address).expect("the listener is there");
        run_until(&mut reactor, &mut count, |&count| count == number);
        let end = peer.read(&mut [0]).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{end:?}");
    }
    tear_down(reactor, &mut count);
}

#[test]
fn f10_a_talking_peer_nobody_reads_does_not_keep_waking_the_loop() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (_, address) = listen(&mut reactor, ServerOptions::new().pause_on_connect(true));
    let mut peer = TcpStream::connect(address).expect("connected");
    run_until(&mut reactor, &mut seen, |seen| !seen.sockets.is_empty());
    let before = reactor.metrics();
    for _ in 0..300 {
        peer.write_all(&[9; 100]).expect("room");
        reactor.run_nowait(&mut seen).expect("no failure");
    }
    let after = reactor.metrics();
    assert!(after.events - before.events <= QUIET, "{} events", after.events - before.events);
    assert!(after.registrations - before.registrations <= 2, "{before:?} {after:?}");
    assert_eq!(after.reads, before.reads);
    let turns = idle_turns(&mut reactor, &mut seen);
    assert!(turns <= QUIET, "{turns} turns");
    reactor.socket(seen.sockets[0]).expect("open").resume();
    run_until(&mut reactor, &mut seen, |seen| seen.bytes.len() >= 30_000);
    assert_eq!(seen.bytes, vec![9; 30_000]);
    drop(peer);
    run_until(&mut reactor, &mut seen, |seen| seen.events.contains(&"close"));
    assert_eq!(seen.events, ["end", "close"]);
    tear_down(reactor, &mut seen);
}

#[test]
fn f10_the_end_of_an_unread_peer_is_found_when_reading_begins() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    let mut reader = reactor.socket(far).expect("new");
    reader.on_data(|_, chunk, seen: &mut Seen| seen.bytes.extend_from_slice(chunk));
    reader.on_end(|_, seen| seen.events.push("end")).on_close(|_, _, seen| seen.events.push("close"));
    reader.pause();
    // Past the mark nothing is read any more; from then on the selector has to be silent.
    reactor.socket(near).expect("open").write(vec![1; 70_000]);
    for _ in 0..100 {
        reactor.run_nowait(&mut seen).expect("no failure");
    }
    let before = reactor.metrics();
    for _ in 0..200 {
        reactor.socket(near).expect("open").write("x");
        reactor.run_nowait(&mut seen).expect("no failure");
    }
    let events = reactor.metrics().events - before.events;
    assert!(events <= QUIET, "{events} events");
    reactor.socket(near).expect("open").destroy_soon();
    let turns = idle_turns(&mut reactor, &mut seen);
    assert!(turns <= QUIET, "{turns} turns");
    reactor.socket(far).expect("open").resume();
    run_until(&mut reactor, &mut seen, |seen| seen.events.contains(&"close"));
    assert_eq!((seen.bytes.len(), &seen.events[..]), (70_200, &["end", "close"][..]));
}

#[test]
fn f11_resuming_in_the_end_listener_gives_no_second_end_and_no_spin() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let ends = Rc::new(Cell::new(0));
    let count = Rc::clone(&ends);
    let mut server = reactor.create_server_with(ServerOptions::new().allow_half_open(true), move |socket, seen: &mut Seen| {
        seen.sockets.push(socket.id());
        let count = Rc::clone(&count);
        socket.on_data(|_, chunk, seen| seen.bytes.extend_from_slice(chunk));
        socket.on_end(move |socket, _| {
            count.set(count.get() + 1);
            socket.pause();
            socket.resume();
        });
        socket.on_close(|_, _, seen| seen.events.push("close"));
    });
    server.listen(([127, 0, 0, 1], 0));
    let mut peer =
        TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], server.port().expect("it listens")))).expect("connected");
    peer.shutdown(Shutdown::Write).expect("open");
    run_until(&mut reactor, &mut seen, |_| ends.get() > 0);
    let reads = reactor.metrics().reads;
    let turns = idle_turns(&mut reactor, &mut seen);
    assert!(turns <= QUIET, "{turns} turns");
    assert!(reactor.metrics().reads - reads <= 1, "at most one more read finds the end");
    assert_eq!(ends.get(), 1);
    let mut socket = reactor.socket(seen.sockets[0]).expect("half open");
    socket.resume();
    socket.end_with("bye");
    run_until(&mut reactor, &mut seen, |seen| !seen.events.is_empty());
    let mut text = String::new();
    peer.read_to_string(&mut text).expect("a clean end");
    assert_eq!((text.as_str(), ends.get()), ("bye", 1));
    tear_down(reactor, &mut seen);
}

/// Writes until the kernel is full, lets the other end read, and counts what an idle window brings.
fn drain_then_watch(reactor: &mut Reactor<Seen>, seen: &mut Seen, writer: SocketId, reader: SocketId) {
    reactor.socket(reader).expect("open").pause();
    let mut socket = reactor.socket(writer).expect("open");
    socket.on_drain(|_, seen: &mut Seen| seen.events.push("drain"));
    assert!(!socket.write(vec![3; 8 << 20]), "more than the kernel takes");
    reactor.socket(reader).expect("open").resume();
    run_until(reactor, seen, |seen| seen.events.contains(&"drain") && seen.bytes.len() == 8 << 20);
    let before = reactor.metrics();
    let turns = idle_turns(reactor, seen);
    let after = reactor.metrics();
    assert!(turns <= QUIET, "{turns} turns");
    assert!(after.events - before.events <= 2, "{} events while idle", after.events - before.events);
    assert_eq!((after.writes, after.bytes_read), (before.writes, before.bytes_read));
}

#[test]
fn f12_after_the_drain_of_a_local_socket_nothing_wakes_the_loop() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    let mut reader = reactor.socket(far).expect("new");
    reader.on_data(|_, chunk, seen: &mut Seen| seen.bytes.extend_from_slice(chunk));
    drain_then_watch(&mut reactor, &mut seen, near, far);
    // Whoever reads small messages does not wake their writer.
    let before = reactor.metrics().events;
    for _ in 0..100 {
        reactor.socket(near).expect("open").write("x");
        reactor.run_nowait(&mut seen).expect("no failure");
    }
    let events = reactor.metrics().events - before;
    assert!(events <= 110, "{events} events for 100 messages");
    tear_down(reactor, &mut seen);
}

#[test]
fn f12_after_the_drain_of_a_tcp_socket_nothing_wakes_the_loop() {
    let (mut reactor, mut seen) = (new_reactor(), Seen::default());
    let (_, address) = listen(&mut reactor, ServerOptions::new());
    let writer = reactor.new_socket(SocketOptions::new()).connect(address).id();
    run_until(&mut reactor, &mut seen, |seen| !seen.sockets.is_empty());
    let reader = seen.sockets[0];
    while reactor.socket(writer).expect("open").is_connecting() {
        reactor.run_once(&mut seen).expect("no failure");
    }
    drain_then_watch(&mut reactor, &mut seen, writer, reader);
    tear_down(reactor, &mut seen);
}
