//! B, P: every write path meets a peer that is gone, and a kernel that takes a part, in the same way.
#![cfg(unix)]

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use netloop::{Reactor, SocketId, SocketOptions};
use signal_hook::consts::SIGPIPE;

use crate::util::{self, Trace};

/// Set for the program that a test starts: itself, with `SIGPIPE` as it is by default. std ignores that signal in every program.
const CHILD: &str = "NETLOOP_TEST_SIGPIPE";

/// True in the child, where a broken pipe ends the program from here on.
fn is_child() -> bool {
    let is_child = std::env::var_os(CHILD).is_some();
    if is_child {
        signal_hook::flag::register_conditional_default(SIGPIPE, Arc::new(AtomicBool::new(true))).expect("a handler");
    }
    is_child
}

/// Runs one test of this file in a child; what it says is said here.
fn run_child(test: &str) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    let command = command.args(["--exact", &format!("writing::{test}"), "--nocapture"]).env(CHILD, "1");
    let output = command.output().expect("it starts");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output.status
}

/// What writes to a socket.
type Way = (&'static str, fn(&mut Reactor<Trace>, SocketId));

const WAYS: [Way; 14] = [
    ("write", |reactor, id| util::with(reactor, id, |socket| _ = socket.write("x"))),
    ("write, large", |reactor, id| util::with(reactor, id, |socket| _ = socket.write(vec![0; 40_000]))),
    ("write_owned, corked", |reactor, id| {
        util::with(reactor, id, |socket| {
            socket.cork();
            socket.write_owned(vec![0; 20_000]);
            socket.write_owned(vec![0; 20_000]);
            socket.uncork();
        });
    }),
    ("write, corked", |reactor, id| {
        util::with(reactor, id, |socket| {
            socket.cork();
            socket.write("small");
            socket.write(vec![0; 20_000]);
            socket.write("small");
            socket.uncork();
        });
    }),
    ("write_vectored", |reactor, id| {
        let large = vec![0; 20_000];
        util::with(reactor, id, |socket| _ = socket.write_vectored(&[IoSlice::new(b"x"), IoSlice::new(&large)]));
    }),
    ("write_then", |reactor, id| {
        util::with(reactor, id, |socket| _ = socket.write_then("x", |_, _, _| ()));
    }),
    ("try_write", |reactor, id| util::with(reactor, id, |socket| _ = socket.try_write("x"))),
    ("write!", |reactor, id| util::with(reactor, id, |socket| _ = write!(socket, "{}", 1))),
    ("writer", |reactor, id| util::with(reactor, id, |socket| _ = socket.writer().write_all(b"x"))),
    ("broadcast", |reactor, id| _ = reactor.broadcast([id, id], "x")),
    ("broadcast, large", |reactor, id| _ = reactor.broadcast([id, id], vec![0; 20_000])),
    ("end_with", |reactor, id| util::with(reactor, id, |socket| socket.end_with("x"))),
    ("gathered and large", |reactor, id| {
        util::with(reactor, id, |socket| {
            socket.write("gathered");
            socket.write_owned(vec![0; 20_000]);
            socket.write("gathered");
        });
    }),
    ("cut short", |reactor, id| util::with(reactor, id, |socket| _ = socket.write_owned(vec![0; 12 << 20]))),
];

/// Kinds of a socket whose peer is gone; nothing of the loop has seen that yet.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp,
    Local,
    AdoptedTcp,
    AdoptedLocal,
}

const KINDS: [Kind; 4] = [Kind::Tcp, Kind::Local, Kind::AdoptedTcp, Kind::AdoptedLocal];

fn broken(reactor: &mut Reactor<Trace>, trace: &mut Trace, kind: Kind) -> SocketId {
    let options = SocketOptions::new().allow_half_open(true);
    let id = match kind {
        Kind::Tcp | Kind::AdoptedTcp => {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
            let port = listener.local_addr().expect("bound").port();
            let id = match kind {
                Kind::Tcp => {
                    let id = reactor.new_socket(options).connect(port).id();
                    util::run_until(reactor, trace, |reactor, _| !reactor.socket(id).expect("open").is_connecting());
                    id
                }
                _ => {
                    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
                    reactor.adopt_with(stream, options).id()
                }
            };
            let peer = listener.accept().expect("it has connected").0;
            util::run_some(reactor, trace, 2);
            // Its end, and then a reset as the answer to a byte: the next write is a broken pipe.
            drop(peer);
            let socket = reactor.socket(id).expect("open");
            let kernel = socket2::SockRef::from(&socket);
            kernel.send(b"x").expect("room");
            let begin = Instant::now();
            while kernel.peer_addr().is_ok() && begin.elapsed() < Duration::from_secs(20) {
                std::thread::yield_now();
            }
            id
        }
        Kind::Local => {
            let (id, far) = reactor.socket_pair().expect("a pair");
            util::with(reactor, id, |socket| _ = socket.set_allow_half_open(true));
            util::with(reactor, far, |socket| socket.destroy());
            id
        }
        Kind::AdoptedLocal => reactor.adopt_with(UnixStream::pair().expect("a pair").0, options).id(),
    };
    util::with(reactor, id, |socket| {
        socket.on_error(|_, error, trace| trace.push("error", error.code()));
    });
    id
}

/// A local socket, `cork`, two `write_owned` of 20 000 bytes, `uncork`: that ended the program.
#[test]
fn fault_b_no_write_to_a_peer_that_is_gone_raises_a_signal() {
    if !is_child() {
        let status = run_child("fault_b_no_write_to_a_peer_that_is_gone_raises_a_signal");
        assert!(status.success(), "{status}");
        return;
    }
    for kind in KINDS {
        for (name, way) in WAYS {
            for in_callback in [false, true] {
                println!("{kind:?}, {name}, in a callback: {in_callback}");
                let (mut reactor, mut trace) = (util::reactor(), Trace::default());
                let id = broken(&mut reactor, &mut trace, kind);
                if in_callback {
                    reactor.next_tick(move |reactor, _| way(reactor, id));
                } else {
                    way(&mut reactor, id);
                }
                util::run(&mut reactor, &mut trace);
                trace.check("error", &["EPIPE"]);
            }
        }
    }
}

/// What a listener answers to the bytes that a peer left behind, and what a pipe passes on to another that is gone.
#[test]
fn fault_b_no_answer_and_no_pipe_to_a_peer_that_is_gone_raises_a_signal() {
    if !is_child() {
        let status = run_child("fault_b_no_answer_and_no_pipe_to_a_peer_that_is_gone_raises_a_signal");
        assert!(status.success(), "{status}");
        return;
    }
    for len in [1, 20_000] {
        let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
        let (near, mut peer) = UnixStream::pair().expect("a pair");
        let id = reactor
            .adopt(near)
            .on_data(move |socket, _, _| _ = socket.write(vec![0; len]))
            .on_error(|_, error, trace| trace.push("error", error.code()))
            .id();
        util::run_some(&mut reactor, &mut trace, 2);
        peer.write_all(b"question").expect("room");
        drop(peer);
        util::run(&mut reactor, &mut trace);
        trace.check("error", &["EPIPE"]);
        assert!(reactor.socket(id).is_none());

        for kind in KINDS {
            let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
            let (near, mut peer) = UnixStream::pair().expect("a pair");
            let from = reactor.adopt(near).id();
            util::run_some(&mut reactor, &mut trace, 2);
            let to = broken(&mut reactor, &mut trace, kind);
            peer.write_all(&vec![0; len]).expect("room");
            reactor.proxy(from, to);
            drop(peer);
            util::run(&mut reactor, &mut trace);
            assert_eq!(reactor.sockets().count(), 0, "{trace:?}");
        }
    }
}

/// The tests above can fail: what std's vectored write does in such a child.
#[test]
fn fault_b_a_signal_would_be_seen() {
    if !is_child() {
        assert_eq!(run_child("fault_b_a_signal_would_be_seen").signal(), Some(SIGPIPE));
        return;
    }
    let (mut near, far) = UnixStream::pair().expect("a pair");
    drop(far);
    let result = near.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")]);
    unreachable!("it has ended the program: {result:?}");
}

/// Small buffers, a peer that reads in small pieces: room comes again after each short write, told by the selector or asked for.
#[test]
fn fault_p_what_a_short_write_left_follows_when_there_is_room() {
    const LEN: usize = 1 << 20;
    for adopted in [false, true] {
        for local in [false, true] {
            for vectored in [false, true] {
                println!("adopted: {adopted}, local: {local}, vectored: {vectored}");
                let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
                let (id, mut peer) = narrow(&mut reactor, &mut trace, adopted, local);
                let bytes: Vec<u8> = (0..LEN).map(|n| (n % 251) as u8).collect();
                let mut socket = reactor.socket(id).expect("open");
                if vectored {
                    socket.cork();
                    bytes.chunks(20_000).for_each(|part| _ = socket.write_owned(Vec::from(part)));
                    socket.uncork();
                } else {
                    socket.write_owned(bytes.clone());
                }
                let (mut got, mut part) = (Vec::new(), [0; 3000]);
                let begin = Instant::now();
                while got.len() < LEN && begin.elapsed() < Duration::from_secs(20) {
                    match peer.read(&mut part) {
                        Ok(len) => got.extend_from_slice(&part[..len]),
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                    reactor.run_nowait(&mut trace).expect("it runs");
                }
                assert!(got == bytes, "{} of {LEN} bytes", got.len());
                util::run_some(&mut reactor, &mut trace, 3);
                assert_eq!(reactor.socket(id).expect("open").writable_length(), 0);
            }
        }
    }
}

/// A socket with small buffers, and its peer, which does not block.
fn narrow(reactor: &mut Reactor<Trace>, trace: &mut Trace, adopted: bool, local: bool) -> (SocketId, socket2::Socket) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let dir = util::TempDir::new();
    let path = dir.path("s");
    let local_listener = UnixListener::bind(&path).expect("a free path");
    let id = match (adopted, local) {
        (true, true) => reactor.adopt(UnixStream::connect(&path).expect("it listens")).id(),
        (true, false) => reactor.adopt(TcpStream::connect(("127.0.0.1", port)).expect("it listens")).id(),
        (false, true) => reactor.connect(&path).id(),
        (false, false) => reactor.connect(port).id(),
    };
    util::run_until(reactor, trace, |reactor, _| !reactor.socket(id).expect("open").is_connecting());
    let peer: socket2::Socket = match local {
        true => local_listener.accept().expect("it has connected").0.into(),
        false => listener.accept().expect("it has connected").0.into(),
    };
    peer.set_nonblocking(true).expect("a socket");
    peer.set_recv_buffer_size(16 * 1024).expect("a socket");
    (id, peer)
}
