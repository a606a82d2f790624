//! What has to hold on every system, without Unix-domain sockets: TCP on 127.0.0.1, timers, and the remote.

mod util;

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use netloop::{
    ManualClock, Reactor, ReactorOptions, RemoteError, ServerId, ServerOptions, ShutdownReport, Socket, SocketId, code,
};

/// What both sides saw, each in its own order: how the two interleave is up to the system.
#[derive(Default)]
struct Log {
    server: Vec<String>,
    client: Vec<String>,
}

impl Log {
    fn server(&mut self, line: impl Into<String>) {
        self.server.push(line.into());
    }

    fn client(&mut self, line: impl Into<String>) {
        self.client.push(line.into());
    }
}

/// A reactor whose `run` fails rather than hangs.
fn reactor<S>() -> Reactor<S> {
    let mut reactor = Reactor::new().expect("a selector");
    let limit = reactor.set_timeout(Duration::from_secs(60), |_, _| panic!("the loop still runs"));
    assert!(reactor.unref_timer(limit));
    reactor
}

/// Listens at a free port; what binds is known at once.
#[track_caller]
fn serve(reactor: &mut Reactor<Log>, options: ServerOptions, on_connection: fn(&mut Socket<'_, Log>)) -> (ServerId, u16) {
    let mut server = reactor.create_server_with(options, move |socket, log: &mut Log| {
        log.server("connection");
        on_connection(socket);
        socket
            .on_end(|_, log| log.server("end"))
            .on_error(|_, error, log| log.server(format!("error {}", error.code())))
            .on_close(|_, had_error, log| log.server(format!("close {had_error}")));
    });
    server.on_listening(|_, log| log.server("listening")).on_close(|_, log| log.server("server close"));
    server.listen(([127, 0, 0, 1], 0));
    (server.id(), server.port().expect("a port at once"))
}

/// Connects, logs every event, and closes the server at the end.
fn dial<'r>(reactor: &'r mut Reactor<Log>, port: u16, server: Option<ServerId>) -> Socket<'r, Log> {
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    socket
        .on_connect(|_, log| log.client("connect"))
        .on_data(|_, chunk, log| log.client(format!("data {}", String::from_utf8_lossy(chunk))))
        .on_end(|_, log| log.client("end"))
        .on_finish(|_, log| log.client("finish"))
        .on_error(|_, error, log| log.client(format!("error {}", error.code())))
        .on_close(move |socket, had_error, log| {
            log.client(format!("close {had_error}"));
            if let Some(mut server) = server.and_then(|server| socket.reactor().server(server)) {
                server.close();
            }
        });
    socket
}

fn echo(socket: &mut Socket<'_, Log>) {
    socket.on_data(|socket, chunk, _| socket.write(chunk));
}

#[test]
fn an_echo_runs_through_the_whole_lifecycle() {
    let (mut reactor, mut log) = (reactor(), Log::default());
    let (server, port) = serve(&mut reactor, ServerOptions::new(), echo);
    dial(&mut reactor, port, Some(server))
        .on_connect(|socket, _| socket.write("hello"))
        .on_data(|socket, _, _| socket.end())
        .on_close(|socket, _, _| assert_eq!((socket.bytes_written(), socket.bytes_read()), (5, 5)));
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log.server, ["listening", "connection", "end", "close false", "server close"]);
    assert_eq!(log.client, ["connect", "data hello", "finish", "end", "close false"]);
    assert_eq!(reactor.metrics().sockets + reactor.metrics().servers, 0);
}

#[test]
fn many_clients_at_once_are_all_served() {
    let (mut reactor, mut log) = (reactor(), Log::default());
    let (server, port) = serve(&mut reactor, ServerOptions::new(), echo);
    for number in 0..50 {
        dial(&mut reactor, port, None)
            .on_connect(move |socket, _| write!(socket, "{number}"))
            .on_data(|socket, _, _| socket.end())
            .on_close(move |socket, _, log| {
                let closed = log.client.iter().filter(|line| *line == "close false").count();
                if let Some(mut server) = socket.reactor().server(server).filter(|_| closed == 50) {
                    server.close();
                }
            });
    }
    reactor.run(&mut log).expect("it runs");
    let mut answers: Vec<u32> =
        log.client.iter().filter_map(|line| line.strip_prefix("data ")).map(|text| text.parse().expect("a number")).collect();
    answers.sort_unstable();
    assert!(answers.into_iter().eq(0..50));
}

#[test]
fn a_refused_connect_has_nodes_code_and_text() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let (mut reactor, mut log) = (reactor(), Log::default());
    dial(&mut reactor, free.port(), None).on_error(move |_, error, _| {
        assert_eq!(error.code(), code::ECONNREFUSED);
        assert_eq!(error.syscall(), Some("connect"));
        assert_eq!(error.to_string(), format!("connect ECONNREFUSED {free}"));
    });
    reactor.run(&mut log).expect("the error was heard");
    assert_eq!(log.client, ["error ECONNREFUSED", "close true"]);
}

#[test]
fn a_port_in_use_is_refused_to_a_second_server() {
    let (mut reactor, mut log) = (reactor(), Log::default());
    let (first, port) = serve(&mut reactor, ServerOptions::new(), echo);
    let second = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], port)).id();
    reactor.server(second).expect("just made").on_error(move |server, error, log: &mut Log| {
        log.server(error.to_string());
        server.reactor().server(first).expect("it listens").close();
    });
    reactor.run(&mut log).expect("the error was heard");
    let text = format!("listen EADDRINUSE: address already in use 127.0.0.1:{port}");
    assert_eq!(log.server, ["listening".to_owned(), text, "server close".to_owned()]);
}

#[test]
fn a_half_open_server_answers_after_the_end() {
    let (mut reactor, mut log) = (reactor(), Log::default());
    let (server, port) = serve(&mut reactor, ServerOptions::new().allow_half_open(true), |socket| {
        socket.on_data(|_, chunk, log| log.server(format!("data {}", String::from_utf8_lossy(chunk))));
        socket.on_end(|socket, _| socket.end_with("answer"));
    });
    dial(&mut reactor, port, Some(server)).end_with("question");
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log.server, ["listening", "connection", "data question", "end", "close false", "server close"]);
    assert_eq!(log.client, ["connect", "finish", "data answer", "end", "close false"]);
}

#[test]
fn a_reset_reaches_the_peer_as_econnreset() {
    if !util::resets_arrive() {
        return;
    }
    let (mut reactor, mut log) = (reactor(), Log::default());
    let (server, port) = serve(&mut reactor, ServerOptions::new(), |socket| {
        socket.on_data(|socket, _, _| socket.reset_and_destroy());
    });
    dial(&mut reactor, port, Some(server)).write("x");
    reactor.run(&mut log).expect("the error was heard");
    assert_eq!(log.server, ["listening", "connection", "close false", "server close"]);
    assert_eq!(log.client, ["connect", "error ECONNRESET", "close true"]);
}

const TOTAL: u64 = 32 << 20;
const BLOCK: usize = 48 * 1024;

/// One direction of a transfer: the bytes are a counter, so that a lost, doubled or moved block shows.
#[derive(Default)]
struct Transfer {
    sent: u64,
    received: u64,
    peak: usize,
    drains: u32,
    pauses: u32,
    faults: u32,
}

fn byte_at(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn produce(socket: &mut Socket<'_, Transfer>, transfer: &mut Transfer) {
    while transfer.sent < TOTAL {
        let len = (TOTAL - transfer.sent).min(BLOCK as u64);
        let block: Vec<u8> = (transfer.sent..transfer.sent + len).map(byte_at).collect();
        let room = socket.write(&block);
        transfer.sent += len;
        transfer.peak = transfer.peak.max(socket.writable_length());
        if !room {
            return;
        }
    }
    socket.end();
}

fn consume(socket: &mut Socket<'_, Transfer>, chunk: &[u8], transfer: &mut Transfer) {
    transfer.faults += chunk.iter().zip(transfer.received..).filter(|&(&byte, offset)| byte != byte_at(offset)).count() as u32;
    let before = transfer.received >> 20;
    transfer.received += chunk.len() as u64;
    if transfer.received >> 20 != before {
        transfer.pauses += 1;
        socket.pause();
        socket.after(Duration::from_millis(1), |socket, _| socket.resume());
    }
}

#[test]
fn a_big_transfer_to_a_slow_reader_arrives_whole_with_a_bounded_queue() {
    let (mut reactor, mut transfer) = (reactor(), Transfer::default());
    let mut server = reactor.create_server(|socket, _| {
        socket.on_data(consume);
    });
    server.listen(([127, 0, 0, 1], 0));
    let (id, port) = (server.id(), server.port().expect("a port at once"));
    reactor
        .connect(([127, 0, 0, 1], port))
        .on_connect(produce)
        .on_drain(|socket, transfer| {
            transfer.drains += 1;
            produce(socket, transfer);
        })
        .on_close(move |socket, had_error, _| {
            assert!(!had_error);
            socket.reactor().server(id).expect("it listens").close();
        });
    reactor.run(&mut transfer).expect("it runs");
    assert_eq!((transfer.sent, transfer.received, transfer.faults), (TOTAL, TOTAL, 0));
    assert!(transfer.drains > 0 && transfer.pauses >= 32, "{} drains, {} pauses", transfer.drains, transfer.pauses);
    // The mark, and the block that passed it.
    assert!(transfer.peak < 64 * 1024 + BLOCK, "{} bytes queued", transfer.peak);
}

#[test]
fn a_server_shuts_down_with_an_idle_client_connected() {
    let (mut reactor, mut log) = (reactor(), Log::default());
    let (server, port) = serve(&mut reactor, ServerOptions::new(), |socket| {
        socket.write("welcome");
    });
    dial(&mut reactor, port, None).on_data(move |socket, _, _| {
        let mut server = socket.reactor().server(server).expect("it listens");
        server.shutdown(Duration::from_secs(30), |_, ShutdownReport { ended, destroyed, .. }, log| {
            log.server(format!("{ended} ended, {destroyed} destroyed"));
        });
    });
    reactor.run(&mut log).expect("it runs");
    // The server's `close` comes on a tick of the last `destroy`, before the socket's own, as in Node.
    assert_eq!(log.server, ["listening", "connection", "end", "server close", "1 ended, 0 destroyed", "close false"]);
    assert_eq!(log.client, ["connect", "data welcome", "end", "finish", "close false"]);
}

#[test]
fn a_socket_pair_talks_both_ways() {
    let (mut reactor, mut log) = (reactor::<Vec<String>>(), Vec::new());
    let (near, far) = reactor.socket_pair().expect("a pair");
    let talk = |reactor: &mut Reactor<Vec<String>>, id: SocketId, text: &'static str| {
        let mut socket = reactor.socket(id).expect("just made");
        socket.end_with(text);
        socket
            .on_data(move |_, chunk, log| log.push(format!("to {text}: {}", String::from_utf8_lossy(chunk))))
            .on_close(move |_, had_error, log| log.push(format!("{text} closed {had_error}")));
    };
    talk(&mut reactor, near, "near");
    talk(&mut reactor, far, "far");
    reactor.run(&mut log).expect("it runs");
    log.sort();
    assert_eq!(log, ["far closed false", "near closed false", "to far: near", "to near: far"]);
}

#[test]
fn timers_fire_in_the_order_of_their_times_and_never_early() {
    let (mut reactor, mut fired) = (reactor::<Vec<u64>>(), Vec::new());
    let start = reactor.now();
    for delay in [30_u64, 10, 20, 10, 1] {
        let delay_time = Duration::from_millis(delay);
        reactor.set_timeout(delay_time, move |reactor, fired| {
            assert!(reactor.now() >= start + delay_time, "{:?} instead of {delay_time:?}", reactor.now() - start);
            fired.push(delay);
        });
    }
    reactor.run(&mut fired).expect("it runs");
    assert_eq!(fired, [1, 10, 10, 20, 30]);
}

#[test]
fn an_idle_timeout_is_told_once_a_period() {
    let (clock, mut log) = (ManualClock::new(), Vec::new());
    let options = ReactorOptions::new().clock(&clock);
    let mut reactor = Reactor::<Vec<&str>>::with_options(options).expect("a selector");
    let (near, _far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("just made");
    socket.set_timeout(Duration::from_secs(30)).on_timeout(|_, log| log.push("timeout"));
    for (seconds, expected) in [(29, 0), (1, 1)] {
        clock.advance(Duration::from_secs(seconds));
        reactor.run_nowait(&mut log).expect("it runs");
        assert_eq!(log.len(), expected);
    }
}

#[test]
fn a_remote_wakes_the_loop_and_keeps_the_order_of_its_posts() {
    let (mut reactor, mut seen) = (reactor::<Vec<u32>>(), Vec::new());
    let (remote, guard) = (reactor.remote(), reactor.keep_alive());
    let other = thread::spawn(move || {
        for number in 0..100 {
            remote.post(move |_, seen| seen.push(number))?;
        }
        // By now the loop waits, or will: the answer needs it awake.
        let count = remote.ask(|_, seen| seen.len())?;
        drop(guard);
        Ok::<_, RemoteError>(count)
    });
    reactor.run(&mut seen).expect("it runs");
    assert_eq!(other.join().expect("no panic").expect("the loop is there"), 100);
    assert!(seen.into_iter().eq(0..100));
}

#[test]
fn queued_work_comes_back_on_the_loops_thread() {
    let (mut reactor, mut results) = (reactor::<Vec<u64>>(), Vec::new());
    let here = thread::current().id();
    for number in 1..=8_u64 {
        reactor.queue_work(
            move || (1..=number).product(),
            move |_, result, results: &mut Vec<u64>| {
                assert_eq!(thread::current().id(), here);
                results.push(result);
            },
        );
    }
    reactor.run(&mut results).expect("it runs");
    results.sort_unstable();
    assert_eq!(results, [1, 2, 6, 24, 120, 720, 5040, 40320]);
}
