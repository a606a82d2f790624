//! Connecting to addresses and paths: the scenarios of B without a lookup.

use std::sync::Arc;

use netloop::{BlockList, ConnectOptions, ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair};
use crate::trace::{Watch, cb, ready_state, socket, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("B01", "connect to an address, with a callback", b01),
    ("B03", "connect to an address where nobody listens", b03),
    ("B17", "connect, write twice, end and destroy in one go", b17),
    ("B18", "two writes and an end that wait for a connect that is refused", b18),
    ("B19", "end with data while connecting", b19),
    ("B20", "a write before connect, and one in its listener", b20),
    ("B21", "as many bytes before connect as the high-water mark says", b21),
    ("B22", "connect from an address that is not ours", b22),
    ("B23", "connect from a port that is in use", b23),
    ("B24", "connect to an address that the socket's block list has", b24),
    ("B26", "a signal aborts an open socket", b26),
    ("B27", "connect twice in one go", b27),
    ("B28", "destroy in the connect listener", b28),
    ("B33", "connect again in the close listener", b33),
    ("B34", "connect again in the error listener", b34),
    ("B37", "connect to port 0", b37),
    ("B38", "a write before connect, and a connect listener that was added after it", b38),
    ("B39", "destroy in a connect listener, with writes before connect", b39),
];

fn b01(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |socket, _| socket.end());
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::DATA);
    socket.once_connect(|_, log| log.log("C", "connect.cb"));
    socket.connect(([127, 0, 0, 1], port));
    case.log.note("C", ".readyState", ready_state(&socket));
}

fn b03(case: &mut Case) {
    let port = case.refused_port("V");
    watch(&mut case.reactor.connect(([127, 0, 0, 1], port)), "C");
}

fn b17(case: &mut Case) {
    let port = case.serve(0, ServerOptions::new(), |_, _| {});
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    case.log.note("C", "write a ->", socket.write_then("a", cb("C", "w1.cb")));
    case.log.note("C", "write b ->", socket.write_then("b", cb("C", "w2.cb")));
    socket.end_then("", cb("C", "end.cb"));
    socket.destroy();
}

fn b18(case: &mut Case) {
    let port = case.refused_port("V");
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    case.log.note("C", "write a ->", socket.write_then("a", cb("C", "w1.cb")));
    case.log.note("C", "write b ->", socket.write_then("b", cb("C", "w2.cb")));
    socket.end_then("", cb("C", "end.cb"));
}

/// A server that accepts one connection and watches it as S.
fn serve_watched(case: &mut Case) -> u16 {
    case.serve(1, ServerOptions::new(), |socket, _| watch_with(socket, "S", Watch::DATA))
}

fn b19(case: &mut Case) {
    let port = serve_watched(case);
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch_with(&mut socket, "C", Watch::DATA);
    socket.end_then("bye", cb("C", "end.cb"));
    case.log.note("C", ".readyState", ready_state(&socket));
}

fn b20(case: &mut Case) {
    let port = serve_watched(case);
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch_with(&mut socket, "C", Watch::DATA);
    socket.on_connect(|socket, log| {
        log.note("C", "write post ->", socket.write_then("post", cb("C", "post.cb")));
        socket.end();
    });
    case.log.note("C", "write pre ->", socket.write_then("pre", cb("C", "pre.cb")));
    case.log.note("C", ".bytesWritten", socket.bytes_written());
}

fn b21(case: &mut Case) {
    let port = serve_watched(case);
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch_with(&mut socket, "C", Watch::DATA);
    let log = &mut case.log;
    log.note("C", "write 65535 ->", socket.write_then(vec![0; 65535], cb("C", "w1.cb")));
    log.note("C", ".writableNeedDrain", socket.writable_need_drain());
    log.note("C", "write 1 ->", socket.write_then([0], cb("C", "w2.cb")));
    log.note("C", ".writableNeedDrain", socket.writable_need_drain());
    log.note("C", ".writableLength", socket.writable_length());
    let id = socket.id();
    socket.on_ready(move |ready, _| {
        ready.reactor().set_immediate(move |reactor, _| crate::trace::socket(reactor, id).end());
    });
}

fn b22(case: &mut Case) {
    let port = case.refused_port("V");
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(([127, 0, 0, 1], port), ConnectOptions::new().local_address([198, 51, 100, 7].into()));
}

fn b23(case: &mut Case) {
    let port = case.serve(0, ServerOptions::new(), |_, _| {});
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(([127, 0, 0, 1], port), ConnectOptions::new().local_port(port));
}

fn b24(case: &mut Case) {
    let port = case.refused_port("V");
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 1]);
    let mut socket = case.reactor.new_socket(SocketOptions::new().block_list(Arc::new(list)));
    watch(&mut socket, "C");
    socket.connect(([127, 0, 0, 1], port));
}

fn b26(case: &mut Case) {
    let signal = case.reactor.abort_signal();
    let client = SocketOptions::new().signal(signal);
    case.pair(Pair { client, ..Pair::default() }, move |reactor, _, c, log| {
        reactor.abort(signal);
        log.note("C", ".destroyed", socket(reactor, c).is_destroyed());
        log.note("C", ".readyState", ready_state(&socket(reactor, c)));
    });
}

fn b27(case: &mut Case) {
    if cfg!(windows) {
        return case.skip("a port that is held cannot be bound once more");
    }
    let local_port = case.refused_port("C");
    let port = case.serve(0, ServerOptions::new(), |_, _| {});
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    let from = ConnectOptions::new().local_address([127, 0, 0, 1].into()).local_port(local_port);
    socket.connect_with(([127, 0, 0, 1], port), from);
    socket.connect(([127, 0, 0, 1], port));
}

fn b28(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |socket, _| socket.resume());
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.once_connect(|socket, log| {
        socket.destroy();
        log.note("C", ".readyState", ready_state(socket));
    });
    socket.connect(([127, 0, 0, 1], port));
}

fn b33(case: &mut Case) {
    let port = case.serve(2, ServerOptions::new(), |socket, _| socket.end_with("hi"));
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch_with(&mut socket, "C", Watch::DATA);
    socket.on_ready(|socket, log| log.note("C", ".bytesRead", socket.bytes_read()));
    socket.once_close(move |socket, _, log| {
        log.note("C", ".readyState", ready_state(socket));
        log.note("C", ".bytesRead", socket.bytes_read());
        socket.connect(([127, 0, 0, 1], port));
        log.note("C", ".readyState", ready_state(socket));
    });
}

fn b34(case: &mut Case) {
    let port = case.refused_port("V");
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut socket, "C");
    socket.once_error(move |socket, _, log| {
        socket.connect(([127, 0, 0, 1], port));
        log.note("C", ".readyState", ready_state(socket));
    });
}

fn b37(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect(([127, 0, 0, 1], 0));
}

fn b38(case: &mut Case) {
    let port = serve_watched(case);
    let mut socket = case.reactor.connect(([127, 0, 0, 1], port));
    watch_with(&mut socket, "C", Watch::DATA);
    case.log.note("C", "write pre ->", socket.write_then("pre", cb("C", "pre.cb")));
    case.log.note("C", ".bytesWritten", socket.bytes_written());
    socket.on_connect(|socket, log| {
        log.note("C", "write post ->", socket.write_then("post", cb("C", "post.cb")));
        socket.end();
    });
}

fn b39(case: &mut Case) {
    let port = case.serve(3, ServerOptions::new(), |socket, _| {
        socket.on_data(|_, chunk, log| log.log("S", format!("data {}", chunk.len()))).on_error(|_, _, _| {});
    });
    let mut c = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut c, "C");
    case.log.note("C", "write a ->", c.write_then("a", cb("C", "w.cb")));
    c.on_connect(|socket, _| socket.destroy());
    let mut d = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut d, "D");
    d.on_connect(|socket, _| socket.destroy());
    case.log.note("D", "write b ->", d.write_then("b", cb("D", "w1.cb")));
    case.log.note("D", "write c ->", d.write_then("c", cb("D", "w2.cb")));
    d.end_then("", cb("D", "end.cb"));
    let mut e = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut e, "E");
    e.on_connect(|socket, _| socket.destroy());
    e.end_then("", cb("E", "end.cb"));
}
