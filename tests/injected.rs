//! Random chains of sockets under injected faults: reads and writes that are cut short, interrupted or refused, and events that
//! come late. Whatever happens, every byte arrives once and in order, every end and `close` comes once, and nothing is stranded.
//!
//! It runs in every build; faults are injected with `--cfg netloop_faults` and `NETLOOP_FAULTS=<seed>` (see `.ci/run`).

use std::time::Duration;

use netloop::{Reactor, ReactorOptions, Socket, SocketId, SocketOptions};

/// The longest a chain may take before it is given up: a bound, never an expectation.
const PATIENCE: Duration = Duration::from_secs(20);

/// Small random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }
}

/// What the last socket of a chain has got, and what its ends said.
#[derive(Default)]
struct Seen {
    got: Vec<u8>,
    said: Vec<&'static str>,
}

type World = Reactor<Seen>;

/// Two connected sockets, by TCP or not.
fn pair(reactor: &mut World, dice: &mut Dice) -> (SocketId, SocketId) {
    let half_open = || SocketOptions::new().allow_half_open(true);
    if dice.below(2) == 0 {
        let (near, far) = reactor.socket_pair().expect("a pair");
        for id in [near, far] {
            reactor.socket(id).expect("just made").set_allow_half_open(true);
        }
        return (near, far);
    }
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let near = reactor.new_socket(half_open()).connect(address).id();
    listener.set_nonblocking(true).expect("a socket");
    let far = loop {
        reactor.run_nowait(&mut Seen::default()).expect("nothing fails");
        if let Ok((far, _)) = listener.accept() {
            break far;
        }
    };
    (near, reactor.adopt_with(far, half_open()).id())
}

/// How the last socket of a chain reads: by `data`, by `text`, into a buffer, with pauses.
fn read(socket: &mut Socket<'_, Seen>, way: usize) {
    match way {
        0 => drop(socket.on_data(|_, chunk, seen| seen.got.extend_from_slice(chunk)).id()),
        1 => drop(socket.on_text(|_, text, seen: &mut Seen| seen.got.extend_from_slice(text.as_bytes())).id()),
        2 => {
            let listener = |_: &mut Socket<'_, Seen>, len, buffer: &mut [u8; 777], seen: &mut Seen| {
                seen.got.extend_from_slice(&buffer[..len]);
                true
            };
            socket.read_into([0; 777], listener);
        }
        _ => {
            socket.on_data(|socket, chunk, seen: &mut Seen| {
                seen.got.extend_from_slice(chunk);
                socket.pause();
                socket.next_tick(|socket, _| socket.resume());
            });
        }
    }
    socket.on_end(|socket, seen| {
        seen.said.push("end");
        socket.end();
    });
    socket.on_error(|_, error, _| panic!("{error}"));
    socket.on_close(|_, _, seen| seen.said.push("close"));
}

/// Bytes as text, so that `text` gives them back.
fn message(dice: &mut Dice, len: usize) -> Vec<u8> {
    (0..len).map(|_| b'a' + dice.below(26) as u8).collect()
}

/// One write of some bytes, in one of the ways there are.
fn write(socket: &mut Socket<'_, Seen>, dice: &mut Dice, bytes: Vec<u8>) {
    match dice.below(4) {
        0 => drop(socket.write(&bytes)),
        1 => drop(socket.write_owned(bytes)),
        2 => drop(socket.write_then(&bytes, |_, result, _| result.expect("it leaves"))),
        _ => {
            let (one, two) = bytes.split_at(bytes.len() / 2);
            socket.write_vectored(&[std::io::IoSlice::new(one), std::io::IoSlice::new(two)]);
        }
    }
}

/// A chain of one to four connections, joined by pipes or proxies, with random writes at its head; then its end.
fn chain(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let options = ReactorOptions::new().read_buffer([64, 1000, 65_536][dice.below(3)]);
    let mut reactor = World::with_options(options).expect("a reactor");
    let (head, mut last) = pair(&mut reactor, &mut dice);
    for _ in 0..dice.below(4) {
        let (near, far) = pair(&mut reactor, &mut dice);
        if dice.below(2) == 0 {
            reactor.proxy(last, near)
        } else {
            reactor.pipe(last, near)
        }
        last = far;
    }
    let way = dice.below(4);
    read(&mut reactor.socket(last).expect("open"), way);
    let (mut sent, mut seen) = (Vec::new(), Seen::default());
    let mut socket = reactor.socket(head).expect("open");
    socket.on_error(|_, error, _| panic!("{error}")).resume();
    for _ in 0..1 + dice.below(8) {
        let len = [1, 10, 1000, 20_000, 60_000][dice.below(5)];
        let bytes = message(&mut dice, len);
        sent.extend_from_slice(&bytes);
        let mut socket = reactor.socket(head).expect("open");
        if dice.below(2) == 0 {
            write(&mut socket, &mut dice, bytes);
            continue;
        }
        // Inside a callback small writes are gathered.
        let mut dice = Dice(dice.0 ^ 0x5555);
        socket.next_tick(move |socket, _| write(socket, &mut dice, bytes));
        reactor.run_nowait(&mut seen).expect("it runs");
    }
    reactor.socket(head).expect("open").next_tick(|socket, _| socket.end());
    reactor.set_timeout(PATIENCE, |_, seen| seen.said.push("stranded"));
    while !seen.said.iter().any(|&said| said == "close" || said == "stranded") {
        reactor.run_once(&mut seen).expect("it runs");
    }
    assert_eq!(seen.said, ["end", "close"], "seed {seed}, {} of {} bytes", seen.got.len(), sent.len());
    assert!(seen.got == sent, "seed {seed}: {} of {} bytes came", seen.got.len(), sent.len());
}

#[test]
fn random_chains_lose_nothing() {
    (1..=150).for_each(|seed| {
        eprintln!("seed {seed}");
        chain(seed)
    });
}
