//! What Node's own tests pin down of data, counters and callbacks, where no other test here does.

mod pair;
mod util;

use std::cell::RefCell;
use std::io::{IoSlice, Read};
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

use netloop::{Encoding, Endpoint, Reactor, ReadyState, Socket, SocketOptions};
use pair::{each_way, flowing, quiet};
use util::{Trace, close, run, run_until, watch, with};

/// The pings to come, and whether each waits for an immediate.
const PINGS: u32 = 1000;

/// The client of [`ping`]: a ping for each pong, and with the last one the end.
fn ask(client: &mut Socket<'_, Trace>, delayed: bool) {
    client.set_encoding(Encoding::Ascii).on_connect(|client, _| {
        assert_eq!((client.ready_state(), client.is_readable(), client.is_writable()), (ReadyState::Open, true, true));
        client.write("PING");
    });
    let (mut pongs, id) = (0, client.id());
    client.on_text(move |client, text, trace| {
        assert_eq!(text, "PONG");
        pongs += 1;
        if pongs > PINGS {
            assert_eq!(client.ready_state(), ReadyState::ReadOnly);
            return trace.push("pongs", pongs.to_string());
        }
        assert_eq!(client.ready_state(), ReadyState::Open);
        let next = move |client: &mut Socket<'_, Trace>| {
            client.write("PING");
            if pongs == PINGS {
                client.end();
            }
        };
        match delayed {
            true => drop(client.reactor().set_immediate(move |reactor, _| with(reactor, id, next))),
            false => next(client),
        }
    });
}

/// test-net-pingpong, its long form, and test-net-pingpong-delay: the server may be half-open.
fn ping(at: &Endpoint, delayed: bool) {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let options = netloop::ServerOptions::new().allow_half_open(true).no_delay(true);
    let mut server = reactor.create_server_with(options, |socket, _| {
        util::watch_quiet(socket, "S");
        socket.set_encoding(Encoding::Utf8).on_text(|socket, text, _| {
            assert_eq!((text, socket.ready_state()), ("PING", ReadyState::Open));
            assert!(socket.writable_length() <= 4);
            socket.write("PONG");
        });
        socket.on_end(|socket, _| {
            assert_eq!(
                (socket.ready_state(), socket.is_writable(), socket.is_readable()),
                (ReadyState::WriteOnly, true, false)
            );
            socket.end();
        });
        socket.on_close(|socket, _, _| {
            assert_eq!((socket.ready_state(), socket.is_writable(), socket.is_readable()), (ReadyState::Closed, false, false));
            let server = socket.server().expect("accepted");
            close(socket.reactor(), server);
        });
    });
    server.listen(at.clone());
    let id = server.id();
    run_until(&mut reactor, &mut trace, |reactor, _| reactor.server(id).is_some_and(|server| server.is_listening()));
    let at = match reactor.server(id).and_then(|server| server.address()).expect("bound") {
        address @ netloop::Address::Unix(_) => Endpoint::from(address),
        address => Endpoint::from((address.ip().expect("TCP"), address.port().expect("TCP"))),
    };
    let mut client = reactor.connect(at);
    util::watch_quiet(&mut client, "C");
    ask(&mut client, delayed);
    run(&mut reactor, &mut trace);
    trace.check("pongs", &[&(PINGS + 1).to_string()]);
    trace.check("S", &["end", "finish", "close false"]);
    assert_eq!(trace.of("C")[1..], ["connect", "ready", "finish", "end", "close false"]);
}

#[test]
fn a_thousand_pings_are_answered_one_by_one() {
    for delayed in [false, true] {
        ping(&Endpoint::from(([127, 0, 0, 1], 0)), delayed);
        ping(&Endpoint::from(("localhost", 0)), delayed);
        if std::net::TcpListener::bind(("::1", 0)).is_ok() {
            ping(&Endpoint::from(("::1", 0)), delayed);
        }
    }
}

/// test-pipe-stream.
#[cfg(unix)]
#[test]
fn a_thousand_pings_are_answered_at_a_path() {
    let dir = util::TempDir::new();
    ping(&Endpoint::from(dir.path("v.sock")), false);
    ping(&Endpoint::from(dir.path("w.sock")), true);
}

/// test-net-binary.
#[test]
fn every_byte_comes_back_and_is_its_latin1_character() {
    let heard = Rc::new(RefCell::new((Vec::new(), String::new())));
    let (bytes, text) = (Rc::clone(&heard), Rc::clone(&heard));
    let mut pair = quiet().connect();
    pair.see_s().on_data(|s, chunk, _| s.write(chunk));
    let mut c = pair.see_c();
    c.set_encoding(Encoding::Latin1);
    c.on_data(move |_, chunk, _| bytes.borrow_mut().0.extend_from_slice(chunk));
    c.on_text(move |_, chunk, _| text.borrow_mut().1.push_str(chunk));
    for byte in 0..=255_u8 {
        c.write([byte]);
    }
    c.end();
    pair.run();
    let heard = heard.borrow();
    assert!(heard.0.iter().copied().eq(0..=255));
    assert!(heard.1.chars().eq((0..=255_u8).map(char::from)));
}

const TEN_MEGABYTES: usize = 10 << 20;

/// test-net-bytes-written-large, test-net-bytes-read.
#[test]
fn ten_megabytes_count_the_same_in_every_form_of_writing() {
    let halves: fn(&mut Socket<'_, Trace>) -> bool = |s| {
        let half = vec![1; TEN_MEGABYTES / 2];
        s.write_vectored(&[IoSlice::new(&half), IoSlice::new(&half)])
    };
    let forms: [fn(&mut Socket<'_, Trace>) -> bool; 4] = [
        |s| s.write(vec![1; TEN_MEGABYTES]),
        |s| s.write_owned(vec![1; TEN_MEGABYTES]),
        |s| s.write("é".repeat(TEN_MEGABYTES / 2)),
        halves,
    ];
    for form in forms {
        each_way(&flowing(), |pair| {
            pair.see_s().on_finish(|s, trace| trace.push("S", format!("{} written", s.bytes_written())));
            let mut before = 0;
            pair.see_c().on_data(move |c, _, _| {
                assert!(c.bytes_read() > before);
                before = c.bytes_read();
            });
            pair.see_c().on_close(|c, _, _| assert_eq!(c.bytes_read(), TEN_MEGABYTES as u64));
            pair.see_c().on_end(|c, trace| trace.push("C", format!("{} read", c.bytes_read())));
            pair.s(move |s, _| {
                form(s);
                assert_eq!(s.bytes_written(), TEN_MEGABYTES as u64);
                s.end();
            });
            pair.run();
            pair.check("S", &["finish", "10485760 written", "end", "close false"]);
            pair.check("C", &["data 10485760", "end", "10485760 read", "finish", "close false"]);
        });
    }
}

/// test-net-connect-buffer, test-net-connect-buffer2: with a mark of zero what waits for the connection is already too much.
#[test]
fn bytes_written_while_connecting_are_counted_once_and_arrive() {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen");
    let mut socket = reactor.new_socket(SocketOptions::new().high_water_mark(0));
    watch(&mut socket, "C");
    socket.connect(([127, 0, 0, 1], port));
    let text = "L'État, c'est ";
    assert!(!socket.write_then(text, |socket, result, trace: &mut Trace| {
        result.expect("it is written");
        trace.push("C", format!("{} written, pending {}", socket.bytes_written(), socket.is_pending()));
    }));
    assert_eq!((socket.bytes_written(), socket.ready_state()), (15, ReadyState::Opening));
    socket.end_with("moi");
    assert_eq!((socket.bytes_written(), socket.ready_state()), (18, ReadyState::Opening));
    socket.on_close(|socket, _, trace: &mut Trace| {
        trace.push("C", format!("{} written, pending {}", socket.bytes_written(), socket.is_pending()));
    });
    run(&mut reactor, &mut trace);
    let counted = "18 written, pending false";
    let begin = ["connectionAttempt 127.0.0.1:P", "connect", counted, "ready", "finish", "end", "close false"];
    trace.check("C", &[&begin[..], &["18 written, pending true"]].concat());
    trace.check("S", &["data 18", "end", "finish", "close false"]);
}

/// test-net-sync-cork.
#[test]
fn a_write_between_cork_and_uncork_is_never_refused() {
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            for _ in 0..100 {
                s.cork();
                assert!(s.write("a"));
                s.uncork();
            }
            s.end();
        });
        pair.run();
        pair.check("C", &["data 100", "end", "finish", "close false"]);
    });
}

/// test-pipe-writev.
#[cfg(unix)]
#[test]
fn corked_writes_arrive_together_at_a_path() {
    let dir = util::TempDir::new();
    each_way(&quiet().unix(dir.path("v.sock")), |pair| {
        pair.see_c().on_data(|_, chunk, trace| trace.push("C", String::from_utf8_lossy(chunk)));
        pair.s(|s, _| {
            s.cork();
            s.write("abc");
            s.write("def");
            s.uncork();
        });
        pair.until("C", "abcdef");
        pair.check("C", &["abcdef"]);
    });
}

/// test-net-write-callbacks.
#[test]
fn half_a_million_write_callbacks_come_once_and_in_order() {
    const WRITES: u32 = 500_000;
    let mut reactor = Reactor::<(u32, u64)>::new().expect("a reactor");
    let (near, far) = reactor.socket_pair().expect("two sockets");
    reactor.socket(far).expect("just made").on_data(|_, chunk, seen: &mut (u32, u64)| seen.1 += chunk.len() as u64);
    let mut socket = reactor.socket(near).expect("just made");
    for number in 0..WRITES {
        socket.write_then("hello", move |_, result, seen: &mut (u32, u64)| {
            result.expect("it is read");
            assert_eq!(seen.0, number);
            seen.0 += 1;
        });
    }
    socket.end();
    let mut seen = (0, 0);
    reactor.run(&mut seen).expect("it runs");
    assert_eq!(seen, (WRITES, u64::from(WRITES) * 5));
}

/// test-net-many-clients.
#[test]
fn a_hundred_and_fifty_clients_get_forty_kilobytes_each() {
    const CLIENTS: usize = 150;
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let mut server = reactor.create_server(|socket, _| socket.end_with(vec![7; 40 * 1024]));
    let (port, id) = (server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen"), server.id());
    let mut left = CLIENTS;
    server.on_connection(move |socket, _| {
        left -= 1;
        if left == 0 {
            close(socket.reactor(), id);
        }
    });
    let names: Vec<_> = (0..CLIENTS).map(|number| format!("C{number}")).collect();
    for name in &names {
        watch(&mut reactor.connect(([127, 0, 0, 1], port)), name);
    }
    run(&mut reactor, &mut trace);
    for name in &names {
        trace.check(name, &["connectionAttempt 127.0.0.1:P", "connect", "ready", "data 40960", "end", "finish", "close false"]);
    }
}

/// A peer of the system's own on another thread, and what it returns.
fn with_peer<T: Send + 'static>(
    on_connection: impl FnMut(&mut Socket<'_, Trace>, &mut Trace) + 'static,
    peer: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Trace, T) {
    let (mut reactor, mut trace) = (util::reactor(), Trace::default());
    let mut on_connection = on_connection;
    let mut server = reactor.create_server(move |socket, trace: &mut Trace| {
        watch(socket, "S");
        on_connection(socket, trace);
        let server = socket.server().expect("accepted");
        close(socket.reactor(), server);
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen");
    let peer = thread::spawn(move || peer(TcpStream::connect(("127.0.0.1", port)).expect("it listens")));
    run(&mut reactor, &mut trace);
    (trace, peer.join().expect("no panic"))
}

/// test-net-response-size.
#[test]
fn small_writes_add_up_for_a_peer_elsewhere() {
    let answer = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        for _ in 0..30 {
            socket.write("hello\r\n");
        }
        socket.end_with("good bye");
    };
    let (trace, read) = with_peer(answer, |mut peer| {
        let mut all = String::new();
        peer.read_to_string(&mut all).map(|_| all).expect("text, then the end")
    });
    assert_eq!(read, "hello\r\n".repeat(30) + "good bye");
    let mut said = trace.of("S").to_vec();
    said.sort();
    assert_eq!(said, ["close false", "end", "finish"]);
}

/// test-net-GH-5504: the peer reads a part of 64 megabytes and goes.
#[test]
fn a_peer_that_stops_reading_and_goes_ends_the_socket() {
    if !util::resets_arrive() {
        return;
    }
    let write = |socket: &mut Socket<'_, Trace>, _: &mut Trace| {
        socket.set_write_queue_limit(usize::MAX).write_owned(vec![1; 64 << 20]);
        socket.end();
    };
    let (trace, read) = with_peer(write, |mut peer| {
        let mut part = vec![0; 1 << 20];
        peer.read_exact(&mut part).map(|()| part.len()).expect("a megabyte")
    });
    assert_eq!(read, 1 << 20);
    let said = trace.of("S");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(["error ECONNRESET", "error EPIPE"].contains(&said[0].as_str()), "{said:?}");
    assert_eq!(said[1], "close true");
}

/// test-net-pause-resume-connecting: only the last word counts, and nothing is lost.
#[test]
fn pauses_and_resumes_before_the_connection_end_in_the_last_of_them() {
    let orders: [(&[bool], bool); 5] = [
        (&[true], true),
        (&[false, true], true),
        (&[false], false),
        (&[true, false, true], true),
        (&[true, true, false], false),
    ];
    for (order, flows) in orders {
        let (mut reactor, mut trace) = (util::reactor(), Trace::default());
        let mut server = reactor.create_server(|socket, _| socket.end_with("abc"));
        let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen");
        let mut socket = reactor.new_socket(SocketOptions::new());
        socket.connect(([127, 0, 0, 1], port));
        order.iter().for_each(|resumes| if *resumes { socket.resume() } else { socket.pause() });
        watch(&mut socket, "C");
        let id = socket.id();
        run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "ready"));
        if !flows {
            util::run_some(&mut reactor, &mut trace, 20);
            trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready"]);
            with(&mut reactor, id, |socket| socket.resume());
        }
        run(&mut reactor, &mut trace);
        let all = ["connectionAttempt 127.0.0.1:P", "connect", "ready", "data 3", "end", "finish", "close false"];
        trace.check("C", &all);
    }
}
