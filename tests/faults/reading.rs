//! A: a short read strands nothing in the kernel, whatever its reason.
//!
//! The kernel ends a read at an urgent byte (TCP), and at each message with a descriptor, at another sender, and at an urgent
//! byte (Unix-domain sockets). What follows lies there, and no event tells of it again.
#![cfg(unix)]

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use netloop::{Adopted, Reactor, ReactorOptions, ServerOptions, SocketId, SocketOptions};
use socket2::{Domain, MsgHdr, Protocol, SockRef, Socket as Peer, Type};

use crate::util::{self, Trace};

const URGENT: &[u8] = b"!";

/// What has arrived, by whatever way.
#[derive(Default)]
struct State {
    trace: Trace,
    bytes: Vec<u8>,
    accepted: Option<SocketId>,
}

impl AsMut<Trace> for State {
    fn as_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }
}

/// How the bytes of a socket are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Data,
    Text,
    ReadInto(usize),
    Pipe,
    Proxy,
    Paused,
    HalfOpen,
    Shown,
}

const WAYS: [Way; 9] =
    [Way::Data, Way::Text, Way::ReadInto(64), Way::ReadInto(2), Way::Pipe, Way::Proxy, Way::Paused, Way::HalfOpen, Way::Shown];

/// Where a socket of the loop comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Accepted,
    /// Accepted from a listener that was made elsewhere.
    Handed,
    Connected,
    Adopted,
    LocalAccepted,
    LocalConnected,
    LocalAdopted,
    Pair,
}

const TCP: [Origin; 4] = [Origin::Accepted, Origin::Handed, Origin::Connected, Origin::Adopted];
const LOCAL: [Origin; 4] = [Origin::LocalAccepted, Origin::LocalConnected, Origin::LocalAdopted, Origin::Pair];

/// One socket of the loop and its peer outside.
struct World {
    reactor: Reactor<State>,
    state: State,
    near: SocketId,
    peer: Peer,
    /// Where a pipe or a proxy leads to.
    out: Option<UnixStream>,
}

impl World {
    fn new(origin: Origin, way: Way) -> Self {
        let (mut reactor, mut state) = (util::reactor::<State>(), State::default());
        let (near, peer) = connect(&mut reactor, &mut state, origin);
        let out = take(&mut reactor, near, way);
        util::run_some(&mut reactor, &mut state, 3);
        Self { reactor, state, near, peer, out }
    }

    /// Runs until so many bytes have arrived, and checks what they are.
    ///
    /// Urgent bytes are left out: which of many in a row arrive is the kernel's affair, for a new one makes an ordinary byte of
    /// the last.
    #[track_caller]
    fn arrives(&mut self, expected: &[u8]) {
        let (want, out) = (expected.len(), &mut self.out);
        let mut bytes = Vec::new();
        util::run_until(&mut self.reactor, &mut self.state, |_, state| {
            let mut buffer = [0; 4096];
            while let Some(len) = out.as_mut().and_then(|out| out.read(&mut buffer).ok()).filter(|&len| len > 0) {
                state.bytes.extend_from_slice(&buffer[..len]);
            }
            bytes.extend(state.bytes.drain(..).filter(|&byte| byte != URGENT[0]));
            bytes.len() >= want
        });
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(expected));
    }
}

/// Makes one side a socket of the loop, which does not flow yet, and the other one of the test.
fn connect(reactor: &mut Reactor<State>, state: &mut State, origin: Origin) -> (SocketId, Peer) {
    let dir = util::TempDir::new();
    let path = dir.path("s");
    match origin {
        Origin::Accepted | Origin::Handed | Origin::LocalAccepted => accept(reactor, state, origin, &path),
        Origin::Connected => {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
            let near = begin(reactor, listener.local_addr().expect("bound").port());
            util::run_until(reactor, state, |reactor, _| !reactor.socket(near).expect("open").is_connecting());
            (near, listener.accept().expect("it has connected").0.into())
        }
        Origin::LocalConnected => {
            let listener = UnixListener::bind(&path).expect("a free path");
            let near = begin(reactor, path);
            util::run_until(reactor, state, |reactor, _| !reactor.socket(near).expect("open").is_connecting());
            (near, listener.accept().expect("it has connected").0.into())
        }
        Origin::Adopted => {
            let (near, peer) = tcp_pair(Protocol::TCP);
            (adopt(reactor, OwnedFd::from(near)), peer)
        }
        Origin::LocalAdopted => {
            let (near, peer) = UnixStream::pair().expect("a pair");
            (adopt(reactor, near), peer.into())
        }
        Origin::Pair => {
            let (near, far) = reactor.socket_pair().expect("a pair");
            let mut socket = reactor.socket(near).expect("open");
            socket.set_allow_half_open(true);
            socket.pause();
            let mut far = reactor.socket(far).expect("open");
            far.set_allow_half_open(true);
            (near, SockRef::from(&far).try_clone().expect("a descriptor"))
        }
    }
}

fn accept(reactor: &mut Reactor<State>, state: &mut State, origin: Origin, path: &Path) -> (SocketId, Peer) {
    let options = ServerOptions::new().allow_half_open(true).pause_on_connect(true);
    let mut server = reactor.create_server_with(options, |socket, state: &mut State| state.accepted = Some(socket.id()));
    match origin {
        Origin::Handed => server.adopt(TcpListener::bind(("127.0.0.1", 0)).expect("a free port")),
        Origin::LocalAccepted => server.listen(path),
        _ => server.listen(([127, 0, 0, 1], 0)),
    };
    let peer = match server.port() {
        Some(port) => TcpStream::connect(("127.0.0.1", port)).expect("it listens").into(),
        None => UnixStream::connect(path).expect("it listens").into(),
    };
    let server = server.id();
    util::run_until(reactor, state, |_, state| state.accepted.is_some());
    util::close(reactor, server);
    (state.accepted.take().expect("accepted"), peer)
}

fn begin(reactor: &mut Reactor<State>, to: impl Into<netloop::Endpoint>) -> SocketId {
    let mut socket = reactor.new_socket(SocketOptions::new().allow_half_open(true));
    socket.connect(to);
    socket.pause();
    socket.id()
}

fn adopt(reactor: &mut Reactor<State>, stream: impl Into<Adopted>) -> SocketId {
    let mut socket = reactor.adopt_with(stream, SocketOptions::new().allow_half_open(true));
    socket.pause();
    socket.id()
}

/// Two connected streams of std's kind, or of another protocol.
fn tcp_pair(protocol: Protocol) -> (Peer, Peer) {
    let listener = listener(protocol).expect("TCP is there");
    let peer = Peer::new(Domain::IPV4, Type::STREAM, Some(protocol)).expect("as the listener");
    peer.connect(&listener.local_addr().expect("bound")).expect("it listens");
    let (near, _) = listener.accept().expect("it has connected");
    (near, peer)
}

fn listener(protocol: Protocol) -> io::Result<Peer> {
    let listener = Peer::new(Domain::IPV4, Type::STREAM, Some(protocol))?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(8)?;
    Ok(listener)
}

/// Has the bytes of a socket taken in some way; gives where they come out, if that is another socket.
fn take(reactor: &mut Reactor<State>, near: SocketId, way: Way) -> Option<UnixStream> {
    if matches!(way, Way::Pipe | Way::Proxy) {
        let (inner, outer) = UnixStream::pair().expect("a pair");
        outer.set_nonblocking(true).expect("a socket");
        let inner = adopt(reactor, inner);
        match way {
            Way::Pipe => reactor.pipe(near, inner),
            _ => reactor.proxy(near, inner),
        }
        return Some(outer);
    }
    let mut socket = reactor.socket(near).expect("open");
    match way {
        Way::Text => {
            socket.on_text(|_, text, state| state.bytes.extend_from_slice(text.as_bytes()));
        }
        Way::ReadInto(room) => {
            socket.read_into(vec![0; room], |_, len, buffer, state| {
                state.bytes.extend_from_slice(&buffer[..len]);
                true
            });
        }
        _ => {
            socket.on_data(move |socket, chunk, state| {
                state.bytes.extend_from_slice(chunk);
                if way == Way::Paused {
                    socket.pause();
                    socket.next_tick(|socket, _| socket.resume());
                }
            });
        }
    }
    match way {
        Way::HalfOpen => socket.end(),
        Way::Shown => drop(SockRef::from(&socket).recv_buffer_size()),
        _ => {}
    }
    socket.resume();
    None
}

/// What the kernel ends a receive at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Urgent,
    Descriptor,
    Sender,
}

/// Sends a part, what cuts, and another part; and tells what arrives. The urgent byte of TCP does not, as in Node.
fn send(peer: &Peer, cut: Cut) -> &'static [u8] {
    match cut {
        Cut::Urgent => {
            peer.send(b"aaa").expect("room");
            peer.send_out_of_band(URGENT).expect("room");
            peer.send(b"bbb").expect("room");
            b"aaabbb"
        }
        Cut::Descriptor => {
            send_descriptor(peer, b"a", &peer.try_clone().expect("a descriptor"));
            peer.send(b"bbb").expect("room");
            b"abbb"
        }
        Cut::Sender => {
            peer.send(b"aaa").expect("room");
            let output = OwnedFd::from(peer.try_clone().expect("a descriptor"));
            let status = Command::new("printf").arg("bbb").stdout(output).status();
            assert!(status.expect("printf is there").success());
            b"aaabbb"
        }
    }
}

/// Sends bytes with a descriptor: one control message, as `cmsg(3)` lays it out where `long` has eight bytes.
fn send_descriptor(peer: &Peer, bytes: &[u8], descriptor: &impl AsRawFd) {
    let mut control = Vec::new();
    control.extend_from_slice(&20_usize.to_ne_bytes());
    for word in [libc::SOL_SOCKET, libc::SCM_RIGHTS, descriptor.as_raw_fd(), 0] {
        control.extend_from_slice(&word.to_ne_bytes());
    }
    let bytes = [IoSlice::new(bytes)];
    let sent = peer.sendmsg(&MsgHdr::new().with_buffers(&bytes).with_control(&control), 0);
    assert_eq!(sent.expect("room"), bytes[0].len());
}

/// Each way and each origin, three times over on one connection.
#[track_caller]
fn all_arrive(origins: &[Origin], cut: Cut, prepare: impl Fn(&mut World)) {
    for &origin in origins {
        for way in WAYS {
            println!("{origin:?}, {way:?}");
            let mut world = World::new(origin, way);
            prepare(&mut world);
            for _ in 0..3 {
                let expected = send(&world.peer, cut);
                world.arrives(expected);
            }
        }
    }
}

#[test]
fn fault_a_bytes_behind_an_urgent_one_arrive_by_every_way() {
    all_arrive(&TCP, Cut::Urgent, |_| ());
}

#[test]
fn fault_a_bytes_behind_a_descriptor_arrive_by_every_way() {
    all_arrive(&LOCAL, Cut::Descriptor, |_| ());
}

/// Where the kernel has urgent bytes on local sockets.
#[test]
fn fault_a_bytes_behind_an_urgent_one_of_a_local_stream_arrive() {
    let (near, far) = UnixStream::pair().expect("a pair");
    if let Err(error) = SockRef::from(&near).send_out_of_band(URGENT) {
        return println!("not checked: this system has no urgent bytes on local sockets: {error}");
    }
    drop(far);
    all_arrive(&LOCAL, Cut::Urgent, |_| ());
}

/// With `SO_PASSCRED` a receive ends where another process has written.
#[cfg(target_os = "linux")]
#[test]
fn fault_a_bytes_of_another_sender_arrive() {
    all_arrive(&LOCAL, Cut::Sender, |world| {
        let socket = world.reactor.socket(world.near).expect("open");
        SockRef::from(&socket).set_passcred(true).expect("a local socket");
    });
}

/// What was sent before the connection was accepted, and at once behind it.
#[test]
fn fault_a_bytes_sent_before_the_loop_looks_arrive() {
    let dir = util::TempDir::new();
    for path in [None, Some(dir.path("s"))] {
        let (mut reactor, mut state) = (util::reactor::<State>(), State::default());
        let mut server = reactor.create_server(|socket, _: &mut State| {
            socket.on_data(|_, chunk, state| state.bytes.extend_from_slice(chunk));
        });
        match &path {
            Some(path) => server.listen(path),
            None => server.listen(([127, 0, 0, 1], 0)),
        };
        let (peer, cut): (Peer, _) = match (&path, server.port()) {
            (Some(path), _) => (UnixStream::connect(path).expect("it listens").into(), Cut::Descriptor),
            (None, port) => (TcpStream::connect(("127.0.0.1", port.expect("bound"))).expect("it listens").into(), Cut::Urgent),
        };
        let expected = send(&peer, cut);
        util::run_until(&mut reactor, &mut state, |_, state| state.bytes.len() >= expected.len());
        assert_eq!(state.bytes, expected);
    }
}

/// A descriptor with an address of TCP may speak something else, of which it is not known what ends a read.
#[cfg(target_os = "linux")]
#[test]
fn fault_a_an_adopted_stream_of_another_protocol_is_read_to_the_end() {
    let listener = match listener(Protocol::MPTCP) {
        Ok(listener) => listener,
        Err(error) => return println!("not checked: this system has no MPTCP: {error}"),
    };
    let port = listener.local_addr().expect("bound").as_socket().expect("an address").port();
    let (mut reactor, mut state) = (util::reactor::<State>(), State::default());
    reactor.create_server(|socket, state: &mut State| state.accepted = Some(socket.id())).adopt(OwnedFd::from(listener));
    let peer = Peer::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)).expect("as the listener");
    peer.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("it listens");
    util::run_until(&mut reactor, &mut state, |_, state| state.accepted.is_some());
    let (near, far) = tcp_pair(Protocol::MPTCP);
    let adopted = adopt(&mut reactor, OwnedFd::from(near));
    for (id, peer) in [(state.accepted.expect("accepted"), peer), (adopted, far)] {
        take(&mut reactor, id, Way::Data);
        util::run_some(&mut reactor, &mut state, 3);
        let before = reactor.metrics().reads;
        peer.send(b"aaa").expect("room");
        util::run_until(&mut reactor, &mut state, |_, state| state.bytes == b"aaa");
        assert_eq!(reactor.metrics().reads - before, 2, "the second read asks");
        state.bytes.clear();
    }
}

/// Who reads the urgent byte by the descriptor takes the sign away, but a read still ends there.
#[test]
fn fault_a_an_urgent_byte_that_was_taken_by_the_descriptor_hides_nothing() {
    let take_urgent = |peer: &Peer| peer.recv_out_of_band(&mut [MaybeUninit::uninit()]).expect("it is there");
    for way in WAYS {
        let mut world = World::new(Origin::Accepted, way);
        for _ in 0..3 {
            // First as any other message, so that nothing is left to be looked at again.
            world.peer.send(b"plain").expect("room");
            world.arrives(b"plain");
            let expected = send(&world.peer, Cut::Urgent);
            let socket = world.reactor.socket(world.near).expect("open");
            take_urgent(&SockRef::from(&socket));
            world.arrives(expected);
        }
    }
    let (near, far) = tcp_pair(Protocol::TCP);
    let expected = send(&far, Cut::Urgent);
    take_urgent(&near);
    let (mut reactor, mut state) = (util::reactor::<State>(), State::default());
    let near = adopt(&mut reactor, OwnedFd::from(near));
    take(&mut reactor, near, Way::Data);
    util::run_until(&mut reactor, &mut state, |_, state| state.bytes.len() >= expected.len());
    assert_eq!(state.bytes, expected);
}

/// The loop inside another one: its descriptor and its time limit tell of everything that is left.
#[cfg(not(mio_unsupported_force_poll_poll))]
#[test]
fn fault_a_an_embedder_hears_of_what_is_left() {
    for (origin, cut) in [(Origin::Accepted, Cut::Urgent), (Origin::LocalAccepted, Cut::Descriptor)] {
        let mut world = World::new(origin, Way::Data);
        let descriptor = world.reactor.as_raw_fd();
        let mut outer = mio::Poll::new().expect("an outer loop");
        let mut source = mio::unix::SourceFd(&descriptor);
        outer.registry().register(&mut source, mio::Token(0), mio::Interest::READABLE).expect("registered");
        let mut events = mio::Events::with_capacity(4);
        for _ in 0..3 {
            let expected = send(&world.peer, cut);
            for _ in 0..100 {
                if world.state.bytes.len() == expected.len() {
                    break;
                }
                outer.poll(&mut events, world.reactor.backend_timeout()).expect("it waits");
                world.reactor.run_nowait(&mut world.state).expect("it runs");
            }
            assert_eq!(world.state.bytes, expected);
            world.state.bytes.clear();
        }
    }
}

/// Three hundred urgent bytes, each between others; the last ones are urgent too.
#[test]
fn fault_a_many_urgent_bytes_hide_nothing() {
    for way in WAYS {
        let mut world = World::new(Origin::Accepted, way);
        let mut expected = Vec::new();
        for n in 0..300 {
            let byte = [b'a' + (n % 26) as u8];
            world.peer.send(&byte).expect("room");
            expected.extend_from_slice(&byte);
            world.peer.send_out_of_band(URGENT).expect("room");
            if n % 7 == 0 {
                world.arrives(&expected);
                expected.clear();
            }
        }
        world.peer.send(b"end").expect("room");
        expected.extend_from_slice(b"end");
        world.arrives(&expected);
    }
}

/// A descriptor for each byte: none of them stays with us, and another socket has its turn meanwhile.
#[test]
fn fault_a_descriptors_that_a_peer_sends_do_not_stay() {
    const BYTES: usize = 600;
    for way in WAYS {
        let mut world = World::new(Origin::LocalAccepted, way);
        let (given, mut kept) = UnixStream::pair().expect("a pair");
        kept.set_read_timeout(Some(Duration::from_secs(20))).expect("a bound");
        let mut sent = 0;
        while sent < BYTES {
            // The kernel limits how many may be under way.
            for _ in 0..100 {
                send_descriptor(&world.peer, b"x", &given);
            }
            sent += 100;
            world.arrives(&[b'x'; 100]);
        }
        drop(given);
        assert_eq!(kept.read_to_end(&mut Vec::new()).expect("all others are closed"), 0);
    }
}

#[test]
fn fault_a_a_peer_that_cuts_every_byte_leaves_time_for_others() {
    let options = ReactorOptions::new().read_budget(4);
    let mut reactor = Reactor::<Vec<char>>::with_options(options).expect("a reactor");
    let (near, far) = UnixStream::pair().expect("a pair");
    let (other, peer) = UnixStream::pair().expect("a pair");
    reactor.adopt(near).on_data(|_, chunk, log| log.extend(chunk.iter().map(|_| 'x')));
    reactor.adopt(other).on_data(|_, _, log| log.push('o'));
    let far = Peer::from(far);
    for _ in 0..50 {
        send_descriptor(&far, b"x", &peer);
    }
    (&peer).write_all(b"o").expect("room");
    let mut log = Vec::new();
    reactor.run_nowait(&mut log).expect("it runs");
    assert!(log.contains(&'o') && log.len() < 10, "{log:?}");
    util::run_some(&mut reactor, &mut log, 50);
    assert_eq!(log.iter().filter(|&&said| said == 'x').count(), 50);
}

/// The read that asks whether anything is left may meet an error. It is told as it always was: after the bytes, in an iteration
/// of its own.
#[test]
fn fault_a_an_error_behind_a_short_read_comes_after_the_bytes() {
    let mut reactor = Reactor::<Vec<String>>::new().expect("a reactor");
    let (first, first_peer) = UnixStream::pair().expect("a pair");
    let (second, second_peer) = UnixStream::pair().expect("a pair");
    let mut last = Some(second_peer.try_clone().expect("a descriptor"));
    reactor.adopt(first).on_data(move |socket, _, log| {
        log.push("first".to_owned());
        // It goes with bytes of ours unread, which is a reset for us; our event was taken before.
        drop(last.take());
        socket.reactor().set_immediate(|_, log| log.push("immediate".to_owned()));
    });
    let second = reactor
        .adopt(second)
        .on_data(|_, chunk, log| log.push(format!("data {}", chunk.len())))
        .on_end(|_, log| log.push("end".to_owned()))
        .on_error(|_, error, log| log.push(error.code().to_owned()))
        .on_close(|_, had_error, log| log.push(format!("close {had_error}")))
        .id();
    let mut log = Vec::new();
    util::run_some(&mut reactor, &mut log, 3);
    reactor.socket(second).expect("open").write("never read");
    (&first_peer).write_all(b"go").expect("room");
    (&second_peer).write_all(b"x").expect("room");
    drop(second_peer);
    util::run_some(&mut reactor, &mut log, 5);
    // The selector says which of the two comes first.
    let first = log.iter().position(|said| said == "first").map(|at| log.remove(at));
    assert_eq!(first.as_deref(), Some("first"));
    assert_eq!(log, ["data 1", "immediate", "ECONNRESET", "close true"]);
}

/// An end behind the bytes is found in the next iteration, as libuv finds it, whatever the second read has seen.
#[test]
fn fault_a_an_end_behind_the_bytes_is_told_an_iteration_later() {
    for origin in TCP.into_iter().chain(LOCAL) {
        let mut world = World::new(origin, Way::Shown);
        let mut socket = world.reactor.socket(world.near).expect("open");
        socket
            .on_data(|socket, chunk, state| {
                state.trace.push("C", format!("data {}", chunk.len()));
                socket.reactor().set_immediate(|_, state| state.trace.push("C", "immediate"));
            })
            .on_end(|_, state| state.trace.push("C", "end"));
        world.peer.send(b"bye").expect("room");
        world.peer.shutdown(Shutdown::Write).expect("open");
        util::run_until(&mut world.reactor, &mut world.state, |_, state| state.trace.has("C", "end"));
        world.state.trace.check("C", &["data 3", "immediate", "end"]);
    }
}
