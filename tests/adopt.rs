//! Streams and listeners that somebody else made.

mod util;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use netloop::{Address, Adopted, Reactor, ReadyState, ServerId, SocketId, SocketOptions};
use util::{Trace, close, run, run_some, run_until, watch, watch_quiet, watch_server, with};

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// Two connected TCP streams of std, which block.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (far, _) = listener.accept().expect("the other end");
    (near, far)
}

/// Adopts a stream as "C", which flows.
fn adopt(reactor: &mut Reactor<Trace>, stream: impl Into<Adopted>) -> SocketId {
    let mut socket = reactor.adopt(stream);
    watch(&mut socket, "C");
    socket.id()
}

#[test]
fn an_adopted_stream_is_open_from_the_start() {
    let (mut reactor, mut trace) = setup();
    let (near, mut far) = tcp_pair();
    let (local, remote) = (near.local_addr().expect("open"), near.peer_addr().expect("open"));
    let c = adopt(&mut reactor, near);
    let mut socket = reactor.socket(c).expect("just made");
    assert_eq!((socket.ready_state(), socket.is_pending(), socket.is_connecting()), (ReadyState::Open, false, false));
    assert_eq!((socket.local_address(), socket.remote_address()), (Some(Address::Tcp(local)), Some(Address::Tcp(remote))));
    assert_eq!(socket.server(), None);
    assert!(socket.write("hello"));
    socket.end();
    let mut said = String::new();
    far.write_all(b"answer").expect("room");
    far.shutdown(Shutdown::Write).expect("open");
    run(&mut reactor, &mut trace);
    far.read_to_string(&mut said).expect("text, then the end");
    assert_eq!(said, "hello");
    // Who is first of these is the kernel's affair.
    let mut list = trace.of("C").to_vec();
    list.retain(|said| said != "finish");
    assert_eq!(list, ["data 6", "end", "close false"]);
}

/// In the middle of its life: bytes lie there, the peer has ended, our own end is sent.
#[test]
fn an_adopted_stream_goes_on_where_it_was() {
    let (mut reactor, mut trace) = setup();
    let (near, mut far) = tcp_pair();
    far.write_all(b"before").expect("room");
    drop(far);
    adopt(&mut reactor, near);
    run(&mut reactor, &mut trace);
    trace.check("C", &["data 6", "end", "finish", "close false"]);

    trace.clear();
    let (near, mut far) = tcp_pair();
    near.shutdown(Shutdown::Write).expect("open");
    adopt(&mut reactor, near);
    run_some(&mut reactor, &mut trace, 3);
    trace.check("C", &[]);
    far.write_all(b"after").expect("we still read");
    drop(far);
    run(&mut reactor, &mut trace);
    trace.check("C", &["data 5", "end", "finish", "close false"]);
}

/// As in Node, an adopted stream reads ahead at once; nothing is lost.
#[test]
fn an_adopted_stream_reads_ahead_without_a_listener() {
    let (mut reactor, mut trace) = setup();
    let (near, mut far) = tcp_pair();
    far.write_all(b"hi").expect("room");
    let mut socket = reactor.adopt(near);
    watch_quiet(&mut socket, "C");
    let c = socket.id();
    run_until(&mut reactor, &mut trace, |reactor, _| reactor.socket(c).is_some_and(|socket| socket.readable_length() == 2));
    with(&mut reactor, c, |socket| util::watch_data(socket, "C"));
    drop(far);
    run(&mut reactor, &mut trace);
    trace.check("C", &["data 2", "end", "finish", "close false"]);
}

#[test]
fn an_adopted_stream_may_have_options() {
    let (mut reactor, mut trace) = setup();
    let signal = reactor.abort_signal();
    let options = || SocketOptions::new().allow_half_open(true).write_queue_limit(100).signal(signal);
    let (near, _far) = tcp_pair();
    let mut socket = reactor.adopt_with(near, options());
    watch(&mut socket, "C");
    assert_eq!((socket.allow_half_open(), socket.write_queue_limit()), (true, 100));
    reactor.abort(signal);
    run(&mut reactor, &mut trace);
    trace.check("C", &["error ABORT_ERR", "close true"]);
    let (near, _far) = tcp_pair();
    let mut late = reactor.adopt_with(near, options());
    watch(&mut late, "D");
    run(&mut reactor, &mut trace);
    trace.check("D", &["error ABORT_ERR", "close true"]);
}

#[test]
fn an_adopted_stream_that_was_reset_says_so() {
    if !util::resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let (near, far) = tcp_pair();
    socket2::SockRef::from(&far).set_linger(Some(std::time::Duration::ZERO)).expect("a flag of every system");
    drop(far);
    adopt(&mut reactor, near);
    run(&mut reactor, &mut trace);
    trace.check("C", &["error ECONNRESET", "close true"]);
}

/// The selector watches the open file, which a duplicate keeps: it must be told when ours is closed.
#[test]
fn a_duplicate_of_an_adopted_descriptor_does_not_keep_it_watched() {
    let (mut reactor, mut trace) = setup();
    let (near, mut far) = tcp_pair();
    let duplicate = near.try_clone().expect("a descriptor");
    let c = adopt(&mut reactor, near);
    run_some(&mut reactor, &mut trace, 2);
    with(&mut reactor, c, |socket| socket.destroy());
    run(&mut reactor, &mut trace);
    trace.check("C", &["close false"]);
    far.write_all(b"nobody reads this").expect("the duplicate is open");
    let before = reactor.metrics().events;
    // Without anything that holds it the loop would not poll.
    let _guard = reactor.keep_alive();
    run_some(&mut reactor, &mut trace, 3);
    assert_eq!(reactor.metrics().events, before);
    drop(duplicate);
}

/// §2.2: `listening` on the tick after, the address at once.
#[test]
fn an_adopted_listener_listens_at_once() {
    let (mut reactor, mut trace) = setup();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    // It waits in the backlog since before.
    let client = TcpStream::connect(address).expect("it listens");
    reactor.next_tick(|_, trace: &mut Trace| trace.push("V", "tick before"));
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    watch_server(&mut server, "V");
    server.adopt(listener);
    assert!(server.is_listening());
    assert_eq!(server.address(), Some(Address::Tcp(address)));
    let id = server.id();
    drop(client);
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("S", "close false"));
    close(&mut reactor, id);
    assert!(TcpStream::connect(address).is_err(), "the listener is closed");
    run(&mut reactor, &mut trace);
    trace.check("V", &["tick before", "listening", "connection", "close"]);
}

/// A server "V" that does not listen yet.
fn idle(reactor: &mut Reactor<Trace>) -> ServerId {
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server.id()
}

#[test]
fn an_adopted_listener_supersedes_a_pending_lookup() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut server = reactor.server(id).expect("just made");
    assert_eq!(server.listen(("localhost", 0)).adopt(listener).port(), Some(port));
    server.on_listening(move |server, _| {
        assert_eq!(server.port(), Some(port));
        server.close();
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "close"]);
}

#[test]
fn a_server_that_listens_adopts_no_other_listener() {
    let (mut reactor, mut trace) = setup();
    let id = idle(&mut reactor);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let mut server = reactor.server(id).expect("just made");
    let port = server.listen(([127, 0, 0, 1], 0)).port();
    assert_eq!(server.adopt(listener).port(), port);
    assert!(TcpStream::connect(address).is_err(), "it is closed");
    server.on_error(|server, _, _| server.close());
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "error ERR_SERVER_ALREADY_LISTEN", "close"]);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use netloop::{AdoptedListener, code};
    use socket2::{Domain, Socket, Type};

    #[test]
    fn a_local_stream_is_adopted() {
        let (mut reactor, mut trace) = setup();
        let (near, mut far) = UnixStream::pair().expect("two sockets");
        far.write_all(b"hi").expect("room");
        adopt(&mut reactor, near);
        drop(far);
        run(&mut reactor, &mut trace);
        trace.check("C", &["data 2", "end", "finish", "close false"]);
    }

    #[test]
    fn a_descriptor_is_adopted_for_what_it_is() {
        let (mut reactor, mut trace) = setup();
        let (near, far) = UnixStream::pair().expect("two sockets");
        adopt(&mut reactor, OwnedFd::from(near));
        drop(far);
        let (near, far) = tcp_pair();
        let mut socket = reactor.adopt(OwnedFd::from(near));
        assert!(socket.remote_address().is_some());
        watch(&mut socket, "T");
        drop(far);
        run(&mut reactor, &mut trace);
        trace.check("C", &["end", "finish", "close false"]);
        trace.check("T", &["end", "finish", "close false"]);
    }

    /// What is said of a descriptor that is no connected stream.
    #[track_caller]
    fn check_refused(stream: impl Into<Adopted>, expected: &str, message: &str) {
        let (mut reactor, mut trace) = setup();
        let c = adopt(&mut reactor, stream);
        let mut socket = reactor.socket(c).expect("its close comes later");
        assert!(socket.is_destroyed() && !socket.write("lost"));
        let message = message.to_owned();
        socket.on_error(move |_, error, _| assert_eq!(error.to_string(), message));
        run(&mut reactor, &mut trace);
        trace.check("C", &[&format!("error {expected}"), "close true"]);
        assert_eq!(reactor.handles().count(), 0);
    }

    /// §3.1.
    #[test]
    fn what_is_no_stream_socket_is_refused() {
        let refused = |descriptor: OwnedFd, kind: &str| {
            check_refused(descriptor, code::ERR_INVALID_FD_TYPE, &format!("Unsupported fd type: {kind}"));
        };
        refused(std::fs::File::open("/dev/null").expect("a device").into(), "FILE");
        refused(std::fs::File::open(std::env::current_exe().expect("this test")).expect("a file").into(), "FILE");
        refused(std::fs::File::open("/").expect("a folder").into(), "UNKNOWN");
        refused(UdpSocket::bind(("127.0.0.1", 0)).expect("a socket").into(), "UDP");
        refused(UnixDatagram::unbound().expect("a socket").into(), "UNKNOWN");
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        refused(writer.into(), "PIPE");
        assert_eq!(reader.read(&mut [0]).expect("the end"), 0, "it is closed");
        refused(reader.into(), "PIPE");
    }

    /// What is said of a stream without a peer that is not connected before the next tick. Until then it is not destroyed.
    #[track_caller]
    fn check_without_peer(stream: impl Into<OwnedFd>, expected: &str, message: &str) {
        let (mut reactor, mut trace) = setup();
        let c = adopt(&mut reactor, stream.into());
        let mut socket = reactor.socket(c).expect("its close comes later");
        assert!(!socket.is_destroyed());
        let message = message.to_owned();
        socket.on_error(move |_, error, _| assert_eq!(error.to_string(), message));
        reactor.next_tick(move |reactor, _| assert!(reactor.socket(c).is_none_or(|socket| socket.is_destroyed())));
        run(&mut reactor, &mut trace);
        trace.check("C", &[&format!("error {expected}"), "close true"]);
        assert_eq!(reactor.handles().count(), 0);
    }

    /// In Node the first waits for ever.
    #[test]
    fn a_stream_without_a_peer_fails_as_a_read_of_it_would() {
        check_without_peer(TcpListener::bind(("127.0.0.1", 0)).expect("a free port"), "ENOTCONN", "read ENOTCONN");
        check_without_peer(bound().0, "ENOTCONN", "read ENOTCONN");
        let unconnected = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        check_without_peer(unconnected, "ENOTCONN", "read ENOTCONN");
        let dir = util::TempDir::new();
        let local = UnixListener::bind(dir.path("a.sock")).expect("a socket");
        let unconnected = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        if cfg!(target_os = "linux") {
            check_without_peer(local, "EINVAL", "read EINVAL");
            check_without_peer(unconnected, "EINVAL", "read EINVAL");
        }
    }

    /// A socket that is bound and not connected, and its port.
    fn bound() -> (Socket, u16) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
        let port = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("bound").port();
        (socket, port)
    }

    /// A server "S" for one connection that says where its peer comes from; its port.
    fn server(reactor: &mut Reactor<Trace>) -> u16 {
        let mut server = reactor.create_server(|socket, trace: &mut Trace| {
            trace.push("S", socket.remote_address().map_or("no address".to_owned(), |address| address.to_string()));
            socket.destroy();
        });
        server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound")
    }

    /// Node: `new net.Socket({ fd }).connect(port)` of a bound socket comes from its port.
    #[test]
    fn fault_n_a_bound_socket_that_is_adopted_connects_from_its_port() {
        for host in ["127.0.0.1", "localhost"] {
            let (mut reactor, mut trace) = setup();
            let port = server(&mut reactor);
            let (socket, from) = bound();
            let lookup = |request: netloop::LookupRequest| {
                assert!(!request.wants_all());
                request.answer(["127.0.0.1", "::1"]);
            };
            let mut client = reactor.adopt(OwnedFd::from(socket));
            watch(&mut client, "C");
            client.connect_with((host, port), netloop::ConnectOptions::new().lookup(lookup));
            client.on_connect(move |socket, _| assert_eq!(socket.local_port(), Some(from)));
            assert!(client.is_connecting());
            run(&mut reactor, &mut trace);
            let looked_up = if host == "localhost" { &["lookup 127.0.0.1 localhost"][..] } else { &[] };
            let events = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "end", "finish", "close false"];
            trace.check("C", &[looked_up, &events].concat());
            trace.check("S", &[&format!("127.0.0.1:{from}")]);
        }
    }

    /// The options of a socket stay, and it need not be bound. The next life has a descriptor of its own.
    #[test]
    fn fault_n_an_adopted_socket_keeps_its_options_for_one_connection() {
        let (mut reactor, mut trace) = setup();
        let port = server(&mut reactor);
        let unbound = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        unbound.set_keepalive(true).expect("an option of every system");
        let mut client = reactor.adopt(OwnedFd::from(unbound));
        watch(&mut client, "C");
        client.connect(([127, 0, 0, 1], port));
        let mut lives = 0;
        client.on_connect(move |socket, trace| {
            let kept = socket2::SockRef::from(&*socket).keepalive().expect("it is open");
            trace.push("C", format!("kept {kept}"));
        });
        client.on_close(move |socket, _, _| {
            lives += 1;
            if lives == 1 {
                socket.connect(([127, 0, 0, 1], port));
            }
        });
        run(&mut reactor, &mut trace);
        let life = |kept| ["connectionAttempt 127.0.0.1:P", "connect", kept, "ready", "end", "finish", "close false"];
        trace.check("C", &[life("kept true"), life("kept false")].concat());
    }

    #[test]
    fn fault_n_a_local_socket_that_is_adopted_connects_to_a_path() {
        let (mut reactor, mut trace) = setup();
        let dir = util::TempDir::new();
        let path = dir.path("a.sock");
        let id = idle(&mut reactor);
        reactor.server(id).expect("just made").listen(&path);
        let unconnected = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        let mut client = reactor.adopt(OwnedFd::from(unconnected));
        watch(&mut client, "C");
        client.connect(&path).on_close(move |client, _, _| close(client.reactor(), id)).end();
        run(&mut reactor, &mut trace);
        trace.check("V", &["listening", "connection", "close"]);
        trace.check("C", &["connectionAttempt a.sock", "connect", "ready", "finish", "end", "close false"]);
    }

    /// What cannot be: another family, a local end beside the one that it has, a listener. Each is one error, and the
    /// descriptor is closed.
    #[test]
    fn fault_n_a_connect_that_an_adopted_socket_cannot_make_is_an_error() {
        let said = |socket: Socket, connect: &dyn Fn(&mut netloop::Socket<'_, Trace>)| {
            let (mut reactor, mut trace) = setup();
            let duplicate = socket.try_clone().expect("a descriptor");
            let mut client = reactor.adopt(OwnedFd::from(socket));
            watch(&mut client, "C");
            connect(&mut client);
            client.on_error(|_, error, trace| trace.push("C", error.to_string()));
            run(&mut reactor, &mut trace);
            drop(reactor);
            drop(duplicate);
            trace.of("C").to_vec()
        };
        if cfg!(target_os = "linux") {
            let (socket, from) = bound();
            let events = said(socket, &|socket| _ = socket.connect(("::1", 9)));
            let text = format!("connect EAFNOSUPPORT ::1:9 - Local (127.0.0.1:{from})");
            assert_eq!(events, ["connectionAttempt [::1]:9", "error EAFNOSUPPORT", &text, "close true"]);
            let listener = Socket::from(TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
            let events = said(listener, &|socket| _ = socket.connect(([127, 0, 0, 1], 9)));
            assert_eq!(events[..2], ["connectionAttempt 127.0.0.1:9", "error EISCONN"]);
        }
        let local = netloop::ConnectOptions::new().local_address([127, 0, 0, 1].into());
        for options in [local, netloop::ConnectOptions::new().local_port(9)] {
            let events = said(bound().0, &|socket| _ = socket.connect_with(([127, 0, 0, 1], 9), options.clone()));
            let text = "local_address and local_port cannot be used with an adopted socket";
            assert_eq!(events, ["error ERR_INVALID_ARG_VALUE", text, "close true"]);
        }
        let events = said(bound().0, &|socket| socket.destroy());
        assert_eq!(events, ["close false"]);
    }

    /// The descriptor goes with the socket, whatever becomes of the connect.
    #[test]
    fn fault_n_an_adopted_socket_that_never_connects_is_closed() {
        let ends: [fn(&mut netloop::Socket<'_, Trace>); 4] = [
            |_| {},
            |socket| socket.destroy(),
            |socket| _ = socket.connect(("no\0such", 9)),
            |socket| _ = socket.connect_with(("a.test", 9), netloop::ConnectOptions::new().lookup(drop)),
        ];
        for end in ends {
            let (mut reactor, mut trace) = setup();
            let (socket, from) = bound();
            let mut client = reactor.adopt(OwnedFd::from(socket));
            client.on_error(|_, _, _| {});
            // In `close`, not when the slot is freed.
            client.on_close(move |_, _, _| drop(TcpListener::bind(("127.0.0.1", from)).expect("the port is free")));
            end(&mut client);
            watch(&mut client, "C");
            run(&mut reactor, &mut trace);
            assert!(trace.has("C", "close true") || trace.has("C", "close false"), "{trace:?}");
        }
    }

    /// As of a connect that was set up before `run`.
    #[test]
    fn a_refusal_that_nobody_hears_ends_run() {
        let mut reactor = Reactor::<()>::new().expect("the system gives a selector");
        reactor.adopt(OwnedFd::from(UdpSocket::bind(("127.0.0.1", 0)).expect("a socket")));
        assert_eq!(reactor.run(&mut ()).expect_err("nobody hears it").code(), code::ERR_INVALID_FD_TYPE);
    }

    /// As in Node, it has no address, and its file stays.
    #[test]
    fn a_local_listener_is_adopted_without_its_file() {
        let (mut reactor, mut trace) = setup();
        let dir = util::TempDir::new();
        let path = dir.path("a.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let id = idle(&mut reactor);
        assert_eq!(reactor.server(id).expect("just made").adopt(listener).address(), None);
        let mut client = reactor.connect(&path);
        watch(&mut client, "C");
        client.on_close(move |client, _, _| close(client.reactor(), id)).end();
        run(&mut reactor, &mut trace);
        trace.check("V", &["listening", "connection", "close"]);
        assert!(path.exists());
    }

    #[test]
    fn a_bound_socket_listens_when_it_is_adopted() {
        let (mut reactor, mut trace) = setup();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any.into()).expect("a free port");
        let id = idle(&mut reactor);
        let mut server = reactor.server(id).expect("just made");
        let port = server.adopt(OwnedFd::from(socket)).port().expect("bound");
        TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        server.on_connection(move |socket, _| close(socket.reactor(), id));
        run(&mut reactor, &mut trace);
        trace.check("V", &["listening", "connection", "close"]);
    }

    /// §2.2, §2.5.
    #[test]
    fn what_cannot_listen_is_invalid() {
        let (stream, _far) = tcp_pair();
        let (local, _other) = UnixStream::pair().expect("two sockets");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let wrong: [AdoptedListener; 7] = [
            OwnedFd::from(std::fs::File::open("/dev/null").expect("a device")).into(),
            OwnedFd::from(UdpSocket::bind(("127.0.0.1", 0)).expect("a socket")).into(),
            OwnedFd::from(UnixDatagram::unbound().expect("a socket")).into(),
            OwnedFd::from(reader).into(),
            OwnedFd::from(writer).into(),
            OwnedFd::from(stream).into(),
            OwnedFd::from(local).into(),
        ];
        for listener in wrong {
            let (mut reactor, mut trace) = setup();
            let id = idle(&mut reactor);
            let mut server = reactor.server(id).expect("just made");
            server.adopt(listener);
            assert_eq!((server.is_listening(), server.address()), (false, None));
            server.on_error(|server, error, _| {
                util::check_error(error, ("EINVAL", "listen", "", None), "listen EINVAL: invalid argument");
                server.listen(([127, 0, 0, 1], 0)).on_listening(|server, _| server.close());
            });
            run(&mut reactor, &mut trace);
            trace.check("V", &["error EINVAL", "listening", "close"]);
        }
    }
}
