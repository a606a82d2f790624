//! I: a socket that the crate closes by itself after its end loses nothing that was sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, SocketId, SocketOptions};

type World = Reactor<Vec<String>>;

fn watch(reactor: &mut World, id: SocketId, name: &'static str) {
    let mut socket = reactor.socket(id).expect("just made");
    socket.on_finish(move |_, log| log.push(format!("{name} finish")));
    socket.on_end(move |_, log| log.push(format!("{name} end")));
    socket.on_error(move |_, error, log| log.push(format!("{name} {}", error.code())));
    socket.on_close(move |_, had_error, log| log.push(format!("{name} close {had_error}")));
}

/// A connection: ours, and the peer's end outside of the loop.
fn connection(reactor: &mut World, options: SocketOptions) -> (SocketId, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let peer = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (ours, _) = listener.accept().expect("it connects");
    (reactor.adopt_with(ours, options).id(), peer)
}

/// Iterations until `done`.
#[track_caller]
fn until(reactor: &mut World, log: &mut Vec<String>, mut done: impl FnMut(&mut World, &[String]) -> bool) {
    // So that no turn waits for long.
    let timer = reactor.set_interval(Duration::from_millis(1), |_, _, _| {});
    for _ in 0..20_000 {
        if done(reactor, log) {
            reactor.clear_timer(timer);
            return;
        }
        reactor.run_once(log).expect("it runs");
    }
    panic!("it does not come: {log:?}, {:?}", reactor.metrics());
}

fn closed(log: &[String], name: &str) -> bool {
    log.iter().any(|entry| entry.starts_with(&format!("{name} close")))
}

/// The client sends 400 kB, and reads when all is over. The upstream reads 1 kB, answers 500 kB, ends, and closes with the rest
/// unread, which is a reset for us.
#[test]
fn fault_i_a_proxy_delivers_an_answer_whose_server_leaves_input_unread() {
    let mut reactor = World::new().expect("a reactor");
    let mut log = Vec::new();
    let (a, mut client) = connection(&mut reactor, SocketOptions::new());
    let (b, mut upstream) = connection(&mut reactor, SocketOptions::new());
    socket2::SockRef::from(&upstream).set_recv_buffer_size(32_768).expect("it can be set");
    // The request waits for the upstream, and most of it with the kernel at our front.
    let socket = reactor.socket(b).expect("open");
    socket2::SockRef::from(&socket).set_send_buffer_size(32_768).expect("it can be set");
    watch(&mut reactor, a, "A");
    watch(&mut reactor, b, "B");
    reactor.proxy(a, b);
    let (is_over, over) = mpsc::channel::<()>();
    let (has_ended, ended) = mpsc::channel::<()>();
    let client = std::thread::spawn(move || {
        // The end of the answer may come first.
        client.write_all(&[1; 400_000]).expect("it is read, or dropped");
        over.recv().expect_err("released by dropping");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).map(|_| answer)
    });
    let upstream = std::thread::spawn(move || {
        upstream.read_exact(&mut [0; 1024]).expect("a request");
        upstream.write_all(&[2; 500_000]).expect("it is read");
        upstream.shutdown(Shutdown::Write).expect("connected");
        ended.recv().expect_err("released by dropping");
    });
    until(&mut reactor, &mut log, |_, log| log.iter().any(|entry| entry == "B end"));
    drop(has_ended);
    upstream.join().expect("no panic");
    until(&mut reactor, &mut log, |_, log| closed(log, "A") && closed(log, "B"));
    drop(is_over);
    let mut client = Some(client);
    until(&mut reactor, &mut log, |_, _| client.as_ref().is_some_and(|client| client.is_finished()));
    let answer = client.take().expect("it was not joined").join().expect("no panic");
    assert_eq!(answer.map(|answer| (answer.len(), answer.iter().all(|&byte| byte == 2))).ok(), Some((500_000, true)));
    until(&mut reactor, &mut log, |reactor, _| reactor.metrics().lingering == 0);
    reactor.run(&mut log).expect("nothing is left");
}

/// Peers that send and send before they read, each way of closing after an end.
#[test]
fn fault_i_an_answer_arrives_though_the_peer_was_still_sending() {
    for close in ["destroy_soon", "destroy_soon after finish", "not readable"] {
        let (mut reactor, mut log) = (World::new().expect("a reactor"), Vec::new());
        let options = SocketOptions::new().readable(close != "not readable");
        let (ours, mut peer) = connection(&mut reactor, options);
        watch(&mut reactor, ours, "S");
        // More than the kernel takes before it is read.
        socket2::SockRef::from(&peer).set_recv_buffer_size(32_768).expect("it can be set");
        peer.write_all(&[1; 100_000]).expect("there is room");
        let mut socket = reactor.socket(ours).expect("open");
        socket.pause();
        let answer = vec![2; 500_000];
        socket.write(&answer);
        match close {
            "destroy_soon" => socket.destroy_soon(),
            "not readable" => socket.end(),
            _ => {
                socket.end();
                socket.on_finish(|socket, _| socket.destroy_soon());
            }
        }
        let (is_closed, wait) = mpsc::channel::<()>();
        let peer = std::thread::spawn(move || {
            let mut got = vec![0; 100_000];
            peer.read_exact(&mut got).expect("the first part");
            wait.recv().expect_err("released by dropping");
            // The answer is under way still, and so is this.
            peer.write_all(&[3; 50_000]).expect("it is dropped");
            peer.read_to_end(&mut got).map(|_| got.len())
        });
        until(&mut reactor, &mut log, |_, log| closed(log, "S"));
        drop(is_closed);
        until(&mut reactor, &mut log, |_, _| peer.is_finished());
        assert_eq!(peer.join().expect("no panic").ok(), Some(500_000), "{close}");
        assert_eq!(log.last().map(String::as_str), Some("S close false"), "{close}: {log:?}");
        reactor.run(&mut log).expect("nothing is left");
        assert_eq!(reactor.metrics().lingering, 0, "{close}");
    }
}

#[cfg(unix)]
#[test]
fn fault_i_a_local_stream_ends_without_a_reset() {
    use std::os::unix::net::UnixStream;
    let (mut reactor, mut log) = (World::new().expect("a reactor"), Vec::new());
    let (ours, mut peer) = UnixStream::pair().expect("a pair");
    let ours = reactor.adopt(ours).id();
    watch(&mut reactor, ours, "S");
    peer.write_all(b"unread").expect("there is room");
    let mut socket = reactor.socket(ours).expect("open");
    socket.pause();
    socket.write("an answer");
    socket.destroy_soon();
    until(&mut reactor, &mut log, |_, log| closed(log, "S"));
    let mut answer = String::new();
    peer.read_to_string(&mut answer).expect("an end, and no reset");
    drop(peer);
    assert_eq!((answer.as_str(), log.as_slice()), ("an answer", &["S finish".to_owned(), "S close false".to_owned()][..]));
    reactor.run(&mut log).expect("nothing is left");
}

/// A server that turns a peer away in its `connection` listener, when the request is there already, and when it is not.
#[test]
fn fault_i_a_peer_that_is_turned_away_hears_why() {
    for request in [&b""[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let (mut reactor, mut log) = (World::new().expect("a reactor"), Vec::new());
        let mut server = reactor.create_server(|socket, _| {
            socket.write("too busy");
            socket.destroy_soon();
        });
        let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it listens");
        let mut peer = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        peer.write_all(request).expect("there is room");
        until(&mut reactor, &mut log, |reactor, _| reactor.metrics().accepts > 0 && reactor.metrics().sockets == 0);
        assert_eq!(reactor.metrics().lingering, usize::from(!request.is_empty()), "only where there is a reason");
        let mut heard = String::new();
        peer.read_to_string(&mut heard).expect("an end, and no reset");
        assert_eq!(heard, "too busy");
        drop(peer);
        reactor.run(&mut log).expect("nothing is left");
        assert_eq!(reactor.metrics().lingering, 0);
    }
}

fn manual() -> (World, ManualClock) {
    let clock = ManualClock::new();
    (World::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor"), clock)
}

/// Closes a socket whose peer stays.
fn linger(reactor: &mut World) -> TcpStream {
    let (ours, peer) = connection(reactor, SocketOptions::new());
    let mut log = Vec::new();
    watch(reactor, ours, "S");
    reactor.socket(ours).expect("open").destroy_soon();
    for _ in 0..4 {
        reactor.run_nowait(&mut log).expect("it runs");
    }
    assert_eq!(log, ["S finish", "S close false"]);
    peer
}

#[test]
fn fault_i_a_silent_peer_is_waited_for_no_longer_than_two_seconds() {
    let (mut reactor, clock) = manual();
    let mut peer = linger(&mut reactor);
    assert!(reactor.is_alive() && reactor.metrics().lingering == 1, "it holds the loop");
    clock.advance(Duration::from_millis(1999));
    reactor.run_nowait(&mut Vec::new()).expect("it runs");
    assert_eq!(reactor.metrics().lingering, 1);
    clock.advance(Duration::from_millis(1));
    reactor.run(&mut Vec::new()).expect("it runs");
    assert_eq!((reactor.metrics().lingering, reactor.handles().count()), (0, 0));
    assert_eq!(peer.read(&mut [0]).expect("an end"), 0);
}

#[test]
fn fault_i_a_peer_that_sends_a_byte_now_and_then_is_cut_after_half_a_minute() {
    let (mut reactor, clock) = manual();
    let mut peer = linger(&mut reactor);
    for second in 0..30 {
        assert_eq!(reactor.metrics().lingering, 1, "after {second} s");
        peer.write_all(b"x").expect("it lingers");
        let read = reactor.metrics().bytes_read;
        while reactor.metrics().bytes_read == read {
            reactor.run_nowait(&mut Vec::new()).expect("it runs");
        }
        clock.advance(Duration::from_secs(1));
        reactor.run_nowait(&mut Vec::new()).expect("it runs");
    }
    assert_eq!((reactor.metrics().lingering, reactor.is_alive()), (0, false));
}

#[test]
fn fault_i_a_peer_that_sends_without_end_is_cut_after_64_mib() {
    let (mut reactor, mut log) = (World::new().expect("a reactor"), Vec::new());
    let (ours, mut peer) = connection(&mut reactor, SocketOptions::new());
    watch(&mut reactor, ours, "S");
    reactor.socket(ours).expect("open").destroy_soon();
    let peer = std::thread::spawn(move || {
        let chunk = vec![0; 1 << 20];
        // At most what is dropped, and what two kernels may hold.
        (0..1000).take_while(|_| peer.write_all(&chunk).is_ok()).count()
    });
    reactor.run(&mut log).expect("it runs");
    let sent = peer.join().expect("no panic");
    assert!((64..200).contains(&sent), "it is cut after {sent} MiB");
    assert!(reactor.metrics().bytes_read <= (64 << 20) + 65_536, "{:?}", reactor.metrics());
}

#[test]
fn fault_i_a_socket_may_begin_another_life_while_its_last_connection_lingers() {
    let (mut reactor, mut log) = (World::new().expect("a reactor"), Vec::new());
    let mut server = reactor.create_server(|socket, _| socket.end_with("hello again"));
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it listens");
    let (ours, mut peer) = connection(&mut reactor, SocketOptions::new());
    let mut socket = reactor.socket(ours).expect("open");
    socket.once_close(move |socket, _, log: &mut Vec<String>| {
        log.push("close".to_owned());
        socket.connect(([127, 0, 0, 1], port));
        socket.on_data(|_, chunk, log| log.push(String::from_utf8_lossy(chunk).into_owned()));
    });
    socket.write("bye");
    socket.destroy_soon();
    until(&mut reactor, &mut log, |_, log| log.len() == 2);
    assert_eq!((log.as_slice(), reactor.metrics().lingering), (&["close".to_owned(), "hello again".to_owned()][..], 1));
    peer.write_all(&[0; 100_000]).expect("it is dropped");
    peer.shutdown(Shutdown::Write).expect("connected");
    reactor.run(&mut log).expect("it runs");
    let mut got = String::new();
    peer.read_to_string(&mut got).expect("an end, and no reset");
    assert_eq!((got.as_str(), reactor.metrics().sockets, reactor.metrics().lingering), ("bye", 0, 0));
}

#[test]
fn fault_i_a_closed_socket_that_waits_for_its_timer_lingers_as_well() {
    let (mut reactor, mut log) = (World::new().expect("a reactor"), Vec::new());
    let (ours, mut peer) = connection(&mut reactor, SocketOptions::new());
    let mut socket = reactor.socket(ours).expect("open");
    socket.on_close(|socket, _, _| {
        socket.after(Duration::from_millis(1), |_, log: &mut Vec<String>| log.push("timer".to_owned()));
    });
    socket.write("bye");
    socket.destroy_soon();
    peer.write_all(b"unread").expect("there is room");
    until(&mut reactor, &mut log, |_, log| log.len() == 1);
    assert_eq!((reactor.metrics().sockets, reactor.metrics().lingering), (0, 1));
    let mut got = String::new();
    peer.read_to_string(&mut got).expect("an end, and no reset");
    drop(peer);
    reactor.run(&mut log).expect("it runs");
    assert_eq!((got.as_str(), reactor.metrics().lingering), ("bye", 0));
}

#[test]
fn fault_i_what_the_program_destroys_is_closed_at_once_and_so_is_all_without_a_time_to_linger() {
    for destroys in [true, false] {
        let linger = Duration::from_secs(if destroys { 2 } else { 0 });
        let mut reactor = World::with_options(ReactorOptions::new().linger(linger)).expect("a reactor");
        let (ours, mut peer) = connection(&mut reactor, SocketOptions::new());
        peer.write_all(b"unread").expect("there is room");
        let mut socket = reactor.socket(ours).expect("open");
        socket.pause();
        socket.on_finish(move |socket, _| {
            if destroys {
                socket.destroy();
            }
        });
        if destroys {
            socket.end()
        } else {
            socket.destroy_soon()
        }
        reactor.run(&mut Vec::new()).expect("it runs");
        assert_eq!((reactor.metrics().lingering, reactor.handles().count()), (0, 0));
    }
}
