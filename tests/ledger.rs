//! The ledger of system calls: what a turn costs in steady state, by the counters of [`Reactor::metrics`].
//!
//! Under mio's poll(2) selector some numbers differ, each for one of two reasons, which the tests name: a short read of TCP does
//! not prove there that nothing is left, so one more read asks (M10); and closing a descriptor does not take it off (M16).

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use netloop::{Metrics, Reactor, SocketId};

/// mio's poll(2) selector.
const POLL: bool = cfg!(mio_unsupported_force_poll_poll);
/// As does Windows: only a read that would block arms it again, and a socket is taken off before it is closed.
const REARMS: bool = POLL || cfg!(windows);
/// Whether a short read of TCP leaves a doubt: elsewhere than on epoll, which tells of urgent data.
const DOUBTS: bool = POLL || cfg!(not(any(target_os = "linux", target_os = "android")));

/// What happened between two looks at the counters.
#[derive(Debug, Default, PartialEq, Eq)]
struct Calls {
    polls: u64,
    reads: u64,
    writes: u64,
    accepts: u64,
    registrations: u64,
    shutdowns: u64,
}

fn calls(before: &Metrics, after: &Metrics) -> Calls {
    Calls {
        polls: after.polls - before.polls,
        reads: after.reads - before.reads,
        writes: after.writes - before.writes,
        accepts: after.accepts - before.accepts,
        registrations: after.registrations - before.registrations,
        shutdowns: after.shutdowns - before.shutdowns,
    }
}

/// Lets the loop come to rest.
fn settle(reactor: &mut Reactor) {
    for _ in 0..10 {
        reactor.run_nowait(&mut ()).expect("it runs");
    }
}

/// The calls of `turn`, after rest, and with the loop at rest again; `polls` counts only those of `turn` itself.
fn measure(reactor: &mut Reactor, turn: impl FnOnce(&mut Reactor)) -> Calls {
    settle(reactor);
    let before = reactor.metrics();
    turn(reactor);
    let polls = reactor.metrics().polls - before.polls;
    settle(reactor);
    Calls { polls, ..calls(&before, &reactor.metrics()) }
}

/// A blocking client and the socket it talks to, whose listeners are the caller's.
fn accept_one(reactor: &mut Reactor) -> (TcpStream, SocketId) {
    let accepted = Rc::new(Cell::new(None));
    let slot = Rc::clone(&accepted);
    let mut server = reactor.create_server(move |socket, ()| slot.set(Some(socket.id())));
    let server = server.listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    client.set_nodelay(true).expect("a TCP socket");
    while accepted.get().is_none() {
        reactor.run_once(&mut ()).expect("it runs");
    }
    (client, accepted.get().expect("accepted"))
}

fn echo(reactor: &mut Reactor, id: SocketId) {
    reactor.socket(id).expect("open").on_data(|socket, chunk, ()| socket.write(chunk));
}

#[test]
fn an_echo_turn_is_one_wait_one_read_and_one_write() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut client, id) = accept_one(&mut reactor);
    echo(&mut reactor, id);
    let mut reply = [0; 64];
    for _ in 0..50 {
        let calls = measure(&mut reactor, |reactor| {
            client.write_all(&[1; 64]).expect("open");
            reactor.run_once(&mut ()).expect("it runs");
            client.read_exact(&mut reply).expect("echoed");
        });
        // poll(2) and Windows: a second read asks whether there is more.
        assert_eq!(calls, Calls { polls: 1, reads: 1 + u64::from(DOUBTS), writes: 1, ..Calls::default() });
    }
}

#[test]
fn a_batch_of_sockets_shares_one_wait() {
    const CLIENTS: u64 = 32;
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut clients, ids): (Vec<_>, Vec<_>) = (0..CLIENTS).map(|_| accept_one(&mut reactor)).unzip();
    for &id in &ids {
        echo(&mut reactor, id);
    }
    let calls = measure(&mut reactor, |reactor| {
        clients.iter_mut().for_each(|client| client.write_all(b"m").expect("open"));
        while reactor.metrics().bytes_written < CLIENTS {
            reactor.run_once(&mut ()).expect("it runs");
        }
    });
    let reads = CLIENTS * (1 + u64::from(DOUBTS));
    if cfg!(windows) {
        // It tells of them one by one, as it comes to them.
        assert_eq!((calls.reads, calls.writes), (reads, CLIENTS));
    } else {
        assert_eq!(calls, Calls { polls: 1, reads, writes: CLIENTS, ..Calls::default() });
    }
}

/// A local stream gives no sign of what ends a read too early: a second read asks in the same turn. Under poll(2) and on
/// Windows, where a pair is TCP, it has to be asked in any case.
#[test]
fn a_message_of_a_local_stream_is_one_wait_two_reads_and_one_write() {
    const PAIRS: u64 = 32;
    let mut reactor = Reactor::new().expect("a reactor");
    let pairs: Vec<_> = (0..PAIRS).map(|_| reactor.socket_pair().expect("a pair")).collect();
    for &(near, far) in &pairs {
        echo(&mut reactor, far);
        // The other ends do not read, so that the ledger is that of the echo.
        reactor.socket(near).expect("open").pause();
    }
    let calls = measure(&mut reactor, |reactor| {
        for &(near, _) in &pairs {
            assert!(reactor.socket(near).expect("open").write("m"));
        }
        let before = reactor.metrics();
        reactor.run_nowait(&mut ()).expect("it runs");
        let echoed = calls(&before, &reactor.metrics());
        assert_eq!(echoed, Calls { polls: 1, reads: 2 * PAIRS, writes: PAIRS, ..Calls::default() });
    });
    assert_eq!(calls.polls, 1);
    // Those that wrote first: outside of any callback, so each at once.
    assert_eq!(calls.writes, 2 * PAIRS);
    assert_eq!(calls.registrations, 0);
}

/// What was made elsewhere, or whose descriptor was shown, may be more than TCP: there too a second read asks.
#[cfg(unix)]
#[test]
fn a_message_of_a_stream_that_was_adopted_or_shown_is_one_wait_two_reads_and_one_write() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (shown, id) = accept_one(&mut reactor);
    socket2::SockRef::from(&reactor.socket(id).expect("open")).recv_buffer_size().expect("an option");
    echo(&mut reactor, id);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let adopted = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    reactor.adopt(listener.accept().expect("it has connected").0).on_data(|socket, chunk, ()| socket.write(chunk));
    for mut client in [shown, adopted] {
        let mut reply = [0; 64];
        let calls = measure(&mut reactor, |reactor| {
            client.write_all(&[1; 64]).expect("open");
            reactor.run_once(&mut ()).expect("it runs");
            client.read_exact(&mut reply).expect("echoed");
        });
        assert_eq!(calls, Calls { polls: 1, reads: 2, writes: 1, ..Calls::default() });
    }
}

#[test]
fn sixteen_small_writes_in_one_callback_are_one_write() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut client, id) = accept_one(&mut reactor);
    reactor.socket(id).expect("open").on_data(|socket, _, ()| {
        for _ in 0..16 {
            assert!(socket.write([7; 10]));
        }
    });
    let mut reply = [0; 160];
    let calls = measure(&mut reactor, |reactor| {
        client.write_all(b"x").expect("open");
        reactor.run_once(&mut ()).expect("it runs");
        client.read_exact(&mut reply).expect("all of it");
    });
    // poll(2) and Windows: a second read asks whether there is more.
    assert_eq!(calls, Calls { polls: 1, reads: 1 + u64::from(DOUBTS), writes: 1, ..Calls::default() });
    assert_eq!(reply, [7; 160]);
}

#[test]
fn the_writes_of_a_callbacks_ticks_are_one_more_write() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut client, id) = accept_one(&mut reactor);
    reactor.socket(id).expect("open").on_data(|socket, _, ()| {
        for _ in 0..4 {
            socket.write("in the callback");
            socket.next_tick(|socket, ()| socket.write("in a tick"));
        }
    });
    let mut reply = [0; 4 * (15 + 9)];
    let calls = measure(&mut reactor, |reactor| {
        client.write_all(b"x").expect("open");
        reactor.run_once(&mut ()).expect("it runs");
        client.read_exact(&mut reply).expect("all of it");
    });
    assert_eq!(calls.writes, 2);
}

#[test]
fn writes_outside_of_callbacks_go_straight_to_the_kernel() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (_client, id) = accept_one(&mut reactor);
    settle(&mut reactor);
    let before = reactor.metrics();
    for _ in 0..16 {
        assert!(reactor.socket(id).expect("open").write("x"));
    }
    assert_eq!(calls(&before, &reactor.metrics()), Calls { writes: 16, ..Calls::default() });
}

#[test]
fn pause_and_resume_touch_no_registration() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut client, id) = accept_one(&mut reactor);
    echo(&mut reactor, id);
    let mut reply = [0; 1];
    let calls = measure(&mut reactor, |reactor| {
        for turn in 1..=100 {
            reactor.socket(id).expect("open").pause();
            reactor.run_nowait(&mut ()).expect("it runs");
            client.write_all(b"x").expect("open");
            reactor.socket(id).expect("open").resume();
            while reactor.metrics().bytes_written < turn {
                reactor.run_once(&mut ()).expect("it runs");
            }
            client.read_exact(&mut reply).expect("echoed");
        }
    });
    assert_eq!((calls.registrations, calls.writes), (0, 100));
}

#[test]
fn drain_touches_no_registration() {
    const CYCLES: u64 = 5;
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut client, id) = accept_one(&mut reactor);
    let drains = Rc::new(Cell::new(0));
    let count = Rc::clone(&drains);
    reactor.socket(id).expect("open").on_drain(move |_, ()| count.set(count.get() + 1));
    client.set_nonblocking(true).expect("a TCP socket");
    // Else the kernel lets it grow until everything fits.
    socket2::SockRef::from(&client).set_recv_buffer_size(64 * 1024).expect("a TCP socket");
    let mut sink = vec![0; 1 << 20];
    let calls = measure(&mut reactor, |reactor| {
        for cycle in 1..=CYCLES {
            assert!(!reactor.socket(id).expect("open").write_owned(vec![0; 12 << 20]), "more than the kernel takes");
            while drains.get() < cycle {
                while client.read(&mut sink).is_ok() {}
                reactor.run_nowait(&mut ()).expect("it runs");
            }
            while client.read(&mut sink).is_ok() {}
        }
    });
    assert_eq!(calls.registrations, 0, "M12");
}

#[test]
fn a_connection_is_registered_once_in_its_life() {
    let mut reactor = Reactor::new().expect("a reactor");
    let mut server = reactor.create_server(|socket, ()| {
        socket.on_data(|socket, chunk, ()| socket.write(chunk));
    });
    let server = server.listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    settle(&mut reactor);
    let before = reactor.metrics();
    let client = reactor.connect(([127, 0, 0, 1], port)).on_data(|socket, _, ()| socket.end()).id();
    reactor.socket(client).expect("connecting").write("hello");
    while reactor.metrics().sockets > 0 || reactor.metrics().accepts == 0 {
        reactor.run_once(&mut ()).expect("it runs");
    }
    let calls = calls(&before, &reactor.metrics());
    // Both ends once, and the listener to ask for others. poll(2) and Windows: and each end is taken off before it is closed.
    assert_eq!(calls.registrations, if REARMS { 5 } else { 3 });
    assert_eq!(calls.accepts, 1);
    // The write that waited for the connection, and its echo.
    assert_eq!(calls.writes, 2);
}

/// A peer that is greeted and left within the listener is never registered, and no accept is tried that would find no peer: it
/// costs more than all the rest of the ledger. One read looks for input that would make the close a reset; the close sends the FIN.
#[test]
fn a_greeting_is_one_accept_and_one_write() {
    let mut reactor = Reactor::new().expect("a reactor");
    let mut server = reactor.create_server(|socket, ()| {
        socket.write("hello");
        socket.destroy_soon();
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    let mut greeting = String::new();
    for _ in 0..20 {
        let calls = measure(&mut reactor, |reactor| {
            let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
            while reactor.metrics().bytes_written < greeting.len() as u64 + 5 {
                reactor.run_once(&mut ()).expect("it runs");
            }
            client.read_to_string(&mut greeting).expect("greeted, and an end");
        });
        assert_eq!(calls, Calls { polls: 1, accepts: 1, writes: 1, registrations: 1, reads: 1, shutdowns: 0 });
    }
}

/// Peers who wait together are taken together, after two turns that had one each.
#[test]
fn a_crowd_of_connections_is_accepted_in_a_few_turns() {
    const PEERS: u64 = 20;

    let mut reactor = Reactor::new().expect("a reactor");
    let port = reactor.create_server(|_, ()| {}).listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    for _ in 0..3 {
        let mut clients = Vec::new();
        let calls = measure(&mut reactor, |reactor| {
            clients.extend((0..PEERS).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("room in the queue")));
            while (reactor.metrics().sockets as u64) < PEERS {
                reactor.run_once(&mut ()).expect("it runs");
            }
        });
        // The one more finds nobody. Each is registered, and twice the listener is asked.
        assert_eq!((calls.polls, calls.accepts, calls.registrations), (4, PEERS + 1, PEERS + 2));
        for id in reactor.sockets().collect::<Vec<_>>() {
            reactor.socket(id).expect("accepted").destroy();
        }
        settle(&mut reactor);
    }
}

#[test]
fn an_idle_reactor_with_many_connections_waits_once() {
    let mut reactor = Reactor::new().expect("a reactor");
    for _ in 0..500 {
        let (near, far) = reactor.socket_pair().expect("two descriptors; a thousand are needed");
        echo(&mut reactor, near);
        echo(&mut reactor, far);
    }
    settle(&mut reactor);
    let fired = Rc::new(Cell::new(false));
    let seen = Rc::clone(&fired);
    reactor.set_timeout(Duration::from_millis(5), move |_, ()| seen.set(true));
    let before = reactor.metrics();
    reactor.run_once(&mut ()).expect("it runs");
    assert!(fired.get(), "the wait ended with the timer");
    assert_eq!(calls(&before, &reactor.metrics()), Calls { polls: 1, ..Calls::default() });
    assert_eq!(reactor.metrics().events, before.events);
}

/// Those who are ready together write to each member once, whatever they say.
#[test]
fn a_crowd_that_talks_at_once_is_one_write_a_member() {
    const MEMBERS: usize = 20;
    let mut reactor = Reactor::new().expect("a reactor");
    let (mut clients, ids): (Vec<_>, Vec<_>) = (0..MEMBERS).map(|_| accept_one(&mut reactor)).unzip();
    let members = Rc::new(ids);
    for &id in members.iter() {
        let members = Rc::clone(&members);
        reactor.socket(id).expect("open").on_data(move |socket, chunk, ()| {
            socket.reactor().broadcast(members.iter().copied(), chunk);
        });
    }
    let calls = measure(&mut reactor, |_| clients.iter_mut().for_each(|client| client.write_all(&[1; 32]).expect("open")));
    let (least, most) = (MEMBERS as u64, (MEMBERS * MEMBERS) as u64);
    // Windows tells of them one by one, as it comes to them.
    assert!(if cfg!(windows) { calls.writes < most } else { calls.writes == least }, "{calls:?}");
    let mut heard = vec![0; 32 * MEMBERS];
    clients.iter_mut().for_each(|client| client.read_exact(&mut heard).expect("told"));
}
