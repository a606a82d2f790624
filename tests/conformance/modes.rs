//! Other ways to read than `data`: into a buffer, as text, by a pipe.

use std::cell::Cell;
use std::rc::Rc;

use netloop::{Encoding, Reactor, ServerOptions, SocketId, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle, until};
use crate::trace::{Trace, Watch, socket, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C51", "reading into a buffer of 4 bytes", c51),
    ("C52", "text whose characters are cut", c52),
    ("C53", "an echo by pipe", c53),
    ("C59", "destroy at the first of several reads: into a buffer, and in the data listener", c59),
    ("C61", "the encoding stays when the socket connects again", c61),
];

fn c51(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        let calls = Rc::new(Cell::new(0));
        let called = calls.clone();
        socket(reactor, c).read_into([0; 4], move |_, count, bytes, log| {
            called.set(called.get() + 1);
            log.log("C", format!("onread {:?}", String::from_utf8_lossy(&bytes[..count])));
            called.get() != 3
        });
        socket(reactor, s).write("0123456789");
        until(
            reactor,
            move |_, _| calls.get() == 3,
            move |reactor, log| {
                log.note("C", ".isPaused()", socket(reactor, c).is_paused());
                let mut s = socket(reactor, s);
                s.on_finish(move |s, _| {
                    settle(s.reactor(), move |reactor, log| {
                        let mut c = socket(reactor, c);
                        log.note("C", ".bytesRead", c.bytes_read());
                        c.resume();
                    });
                });
                s.end_with("xyz");
            },
        );
    });
}

fn c52(case: &mut Case) {
    case.pair(Pair { c: Watch::TEXT, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, c).set_encoding(Encoding::Utf8);
        send_each(reactor, s, c, &[b"a\xe2", b"\x82", b"\xacb", b"\xe2\x82"]);
    });
}

/// Sends each part when the one before has been read, and ends with the last.
fn send_each(reactor: &mut Reactor<Trace>, s: SocketId, c: SocketId, parts: &'static [&'static [u8]]) {
    let Some((part, rest)) = parts.split_first() else { return };
    if rest.is_empty() {
        return socket(reactor, s).end_with(part);
    }
    let total = socket(reactor, c).bytes_read() + part.len() as u64;
    socket(reactor, s).write(part);
    let is_read = move |reactor: &mut Reactor<Trace>, _: &mut Trace| socket(reactor, c).bytes_read() == total;
    until(reactor, is_read, move |reactor, _| send_each(reactor, s, c, rest));
}

fn c53(case: &mut Case) {
    let server = ServerOptions::new().allow_half_open(true);
    case.pair(Pair { server, ..Pair::default() }, |reactor, s, c, _| {
        reactor.pipe(s, s);
        socket(reactor, c).end_with("hello");
    });
}

fn c59(case: &mut Case) {
    let port = case.serve(2, ServerOptions::new(), |socket, _| {
        socket.on_error(|_, _, _| {});
        socket.end_with(vec![0; 1 << 20]);
    });
    let mut buffered = case.reactor.new_socket(SocketOptions::new());
    watch(&mut buffered, "B");
    buffered.read_into([0; 4], |socket, count, _, log| {
        log.note("B", "onread", count);
        socket.destroy();
        true
    });
    buffered.connect(([127, 0, 0, 1], port));
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.on_data(|socket, _, log| {
        log.log("C", "data");
        socket.destroy();
        log.note("C", ".readableLength", socket.readable_length());
    });
    socket.connect(([127, 0, 0, 1], port));
}

fn c61(case: &mut Case) {
    let mut answers = [&b"a\xe2\x82"[..], b"\xacb\xe2\x82\xac"].into_iter();
    let port = case.serve(2, ServerOptions::new(), move |socket, _| {
        socket.end_with(answers.next().expect("one for each of the two"));
    });
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::TEXT);
    socket.set_encoding(Encoding::Utf8);
    socket.once_close(move |socket, _, _| {
        socket.connect(([127, 0, 0, 1], port));
    });
    socket.connect(([127, 0, 0, 1], port));
}
