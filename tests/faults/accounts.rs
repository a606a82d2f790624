//! M: two accounts of one thing agree, whatever the kernel takes of a batch.
#![cfg(unix)]

use std::cell::Cell;
use std::io::{IoSlice, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use netloop::{Reactor, Socket, SocketId};
use socket2::SockRef;

use crate::util::{self, Trace};

/// Below and above the size from which on a chunk is not gathered.
const SMALL: usize = 15_000;
const LARGE: usize = 16 * 1024;

/// A socket of the reactor's and its peer outside of it.
struct Line {
    reactor: Reactor<Trace>,
    id: SocketId,
    peer: Box<dyn ReadWrite>,
}

trait ReadWrite: Read + Write + Send {}

impl<T: Read + Write + Send> ReadWrite for T {}

impl Line {
    fn tcp() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let near = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (far, _) = listener.accept().expect("it has connected");
        let mut reactor = util::reactor();
        let id = reactor.adopt(near).id();
        Self { reactor, id, peer: Box::new(far) }
    }

    fn local() -> Self {
        let (near, far) = UnixStream::pair().expect("a pair");
        let mut reactor = util::reactor();
        let id = reactor.adopt(near).id();
        Self { reactor, id, peer: Box::new(far) }
    }

    /// Plays on both transports until the kernel was full when it mattered: room may come at any time, for what is on its way
    /// to the peer arrives. True says so.
    #[track_caller]
    fn each(mut play: impl FnMut(Self) -> bool) {
        for make in [Self::local, Self::tcp] {
            assert!((0..200).any(|_| play(make())), "there is always room");
        }
    }

    /// Plays in a callback, right after the kernel has taken all that it can hold. How much that was, and what came of it.
    fn when_full(&mut self, play: impl FnOnce(&mut Socket<'_, Trace>) -> bool + 'static) -> Rc<Cell<(usize, bool)>> {
        let id = self.id;
        let taken = fill(&self.reactor.socket(id).expect("adopted"));
        let outcome = Rc::new(Cell::new((taken, false)));
        let told = Rc::clone(&outcome);
        self.reactor.set_immediate(move |reactor, _| {
            let mut socket = reactor.socket(id).expect("open");
            let taken = taken + fill(&socket);
            told.set((taken, play(&mut socket)));
        });
        outcome
    }
}

/// Writes past the loop until the kernel takes no byte more; how many it took.
fn fill(socket: &Socket<'_, Trace>) -> usize {
    let (kernel, bytes) = (SockRef::from(socket), [0; 65_536]);
    let mut taken = 0;
    for size in [65_536, 4096, 1] {
        while let Ok(more) = kernel.send(&bytes[..size]) {
            taken += more;
        }
    }
    taken
}

/// The ways to write a large chunk.
type Way = fn(&mut Socket<'_, Trace>, usize);

const WAYS: [(&str, Way); 8] = [
    ("write", |socket, len| _ = socket.write(vec![2; len])),
    ("write_owned", |socket, len| _ = socket.write_owned(vec![2; len])),
    ("write_then", |socket, len| _ = socket.write_then(vec![2; len], |_, _, _| {})),
    ("try_write", |socket, len| _ = socket.try_write(vec![2; len])),
    ("writer", |socket, len| socket.writer().write_all(&vec![2; len]).expect("within the limit")),
    ("write_vectored", |socket, len| {
        let bytes = vec![2; len / 2];
        socket.write_vectored(&[IoSlice::new(&bytes), IoSlice::new(&bytes)]);
    }),
    ("broadcast", |socket, len| {
        let id = socket.id();
        assert_eq!(socket.reactor().broadcast([id], vec![2; len]), 1);
    }),
    ("end_with", |socket, len| socket.end_with(vec![2; len])),
];

/// Writes a small chunk, then a large one, then destroys the socket: of what the kernel has refused the first one counts, as it
/// was begun. False if the kernel had room.
fn write_and_destroy(socket: &mut Socket<'_, Trace>, name: &str, way: Way) -> bool {
    let before = socket.bytes_written();
    socket.write_then([1; SMALL], util::done("C", "first"));
    way(socket, LARGE);
    assert_eq!(socket.bytes_written(), before + (SMALL + LARGE) as u64, "{name}");
    let is_full = socket.writable_length() == SMALL + LARGE;
    socket.destroy();
    if is_full {
        assert_eq!(socket.bytes_written(), before + SMALL as u64, "{name}: the second write was never begun");
        socket.on_close(move |socket, _, _| assert_eq!(socket.bytes_written(), before + SMALL as u64));
    }
    is_full
}

#[test]
fn fault_m_what_waits_behind_a_batch_is_not_in_it() {
    for (name, way) in WAYS {
        Line::each(|mut line| {
            util::watch_quiet(&mut line.reactor.socket(line.id).expect("adopted"), "C");
            let outcome = line.when_full(move |socket| write_and_destroy(socket, name, way));
            let mut trace = Trace::default();
            util::run(&mut line.reactor, &mut trace);
            let (_, is_full) = outcome.get();
            if is_full {
                trace.check("C", &["first(ECANCELED)", "close false"]);
            }
            is_full
        });
    }
}

#[test]
fn fault_m_what_a_listener_wrote_in_its_turn_is_a_batch_of_its_own() {
    for (name, way) in WAYS {
        Line::each(|mut line| {
            fill(&line.reactor.socket(line.id).expect("adopted"));
            let is_full = Rc::new(Cell::new(false));
            let mut socket = line.reactor.socket(line.id).expect("adopted");
            util::watch_quiet(&mut socket, "C");
            let full = Rc::clone(&is_full);
            socket.on_data(move |socket, _, _| {
                fill(socket);
                let before = socket.bytes_written();
                assert!(socket.write([1; SMALL]), "{name}: it is gathered");
                way(socket, LARGE);
                assert_eq!(socket.bytes_written(), before + (SMALL + LARGE) as u64, "{name}");
                full.set(socket.writable_length() == SMALL + LARGE);
                socket.destroy();
                if full.get() {
                    assert_eq!(socket.bytes_written(), before + SMALL as u64, "{name}: the second write was never begun");
                }
            });
            let mut trace = Trace::default();
            // Until it is steady: only then it has a turn.
            util::run_some(&mut line.reactor, &mut trace, 5);
            line.peer.write_all(b"m").expect("there is room in this direction");
            util::run(&mut line.reactor, &mut trace);
            trace.check("C", &["close false"]);
            is_full.get()
        });
    }
}

#[test]
fn fault_m_a_callback_comes_when_its_own_write_has_left() {
    // So long that no kernel takes all of it at once.
    const LONG: usize = 12 << 20;
    Line::each(|mut line| {
        // Made before: that takes time, in which room may come.
        let long = vec![2; LONG];
        let outcome = line.when_full(move |socket| {
            let told = |name: &'static str| {
                move |socket: &mut Socket<'_, Trace>, result: netloop::Result<()>, trace: &mut Trace| {
                    result.expect("it was sent");
                    trace.push("C", format!("{name}, {} wait", socket.writable_length()));
                }
            };
            socket.write_then([1; SMALL], told("first"));
            socket.write_owned_then(long, told("second"));
            let is_full = socket.writable_length() == SMALL + LONG;
            socket.end();
            is_full
        });
        let mut peer = line.peer;
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).expect("no reset");
            got
        });
        let mut trace = Trace::default();
        util::run(&mut line.reactor, &mut trace);
        let (got, (taken, is_full)) = (reader.join().expect("no panic"), outcome.get());
        let expected = [vec![0; taken], vec![1; SMALL], vec![2; LONG]].concat();
        assert!(got == expected, "{} bytes came of {}", got.len(), expected.len());
        if is_full {
            let told = trace.of("C");
            // Over TCP the reader may have made room for all of it meanwhile.
            assert!([LONG, 0].map(|left| format!("first, {left} wait")).contains(&told[0]), "{told:?}");
            assert_eq!(told[1..], ["second, 0 wait"]);
        }
        is_full
    });
}

#[test]
fn fault_m_a_small_write_outside_of_the_loop_waits_behind_what_is_gathered() {
    // A panic leaves gathered bytes behind; the next write is made before the loop runs again, and is not gathered.
    Line::each(|mut line| {
        let id = line.id;
        line.when_full(|socket| {
            socket.write([1; SMALL]);
            resume_unwind(Box::new("planned"));
        });
        let mut trace = Trace::default();
        let run = AssertUnwindSafe(|| line.reactor.run(&mut trace));
        assert!(catch_unwind(run).is_err(), "it panics");
        let mut socket = line.reactor.socket(id).expect("open");
        let before = socket.bytes_written() - SMALL as u64;
        socket.write([2; 100]);
        let is_full = socket.writable_length() == SMALL + 100;
        socket.destroy();
        assert!(!is_full || socket.bytes_written() == before + SMALL as u64);
        util::run(&mut line.reactor, &mut trace);
        is_full
    });
}

#[test]
fn fault_m_a_callback_of_the_life_before_has_no_part_in_the_bytes_of_the_next() {
    let mut reactor = util::reactor();
    let mut server = reactor.create_server(|socket, _| socket.resume());
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch_quiet(&mut client, "C");
    client.once_ready(move |socket, _| {
        socket.write_then("in the first life", util::done("C", "first"));
        socket.destroy();
        socket.connect(([127, 0, 0, 1], port));
        socket.write_then("in the second", util::done("C", "second"));
        assert_eq!(socket.bytes_written(), 13);
        socket.once_ready(|socket, _| socket.end());
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    let attempt = "connectionAttempt 127.0.0.1:P";
    let first = [attempt, "connect", "ready", "first()"];
    let second = [attempt, "close false", "connect", "second()", "ready", "finish", "end", "close false"];
    trace.check("C", &[&first[..], &second].concat());
}

#[test]
fn fault_m_a_callback_of_the_life_before_hears_no_error_of_the_next() {
    let mut reactor = util::reactor();
    let mut server = reactor.create_server(|socket, _| socket.resume());
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    client.once_ready(move |socket, _| {
        util::watch_quiet(socket, "C");
        socket.write_then("in the first life", util::done("C", "first"));
        socket.destroy();
        socket.connect(([127, 0, 0, 1], port));
        socket.write_then("in the second", util::done("C", "second"));
        socket.destroy();
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    let second = "second(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)";
    trace.check("C", &["first()", "close false", second, "close false"]);
}
