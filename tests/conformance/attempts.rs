//! Names with several addresses, which are tried one after the other: the scenarios of B about them.

use std::sync::Arc;
use std::time::Duration;

use netloop::{BlockList, ConnectOptions, ServerOptions, Socket, SocketOptions};

use crate::Scenario;
use crate::case::Case;
use crate::lookup::answering;
use crate::trace::{Trace, Watch, cb, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("B04", "a name with two addresses, the first of which refuses", b04),
    ("B05", "a name with two addresses that both refuse", b05),
    ("B06", "a name with many addresses: families in turn, each address once, no rubbish", b06),
    ("B07", "a name with two addresses, the first of which does not answer in time", b07),
    ("B08", "a name with two addresses, the first too slow, and the second refuses", b08),
    ("B09", "destroy during the attempt at the first of two addresses, with a write that waits", b09),
    ("B10", "destroy in the listeners of connectionAttemptTimeout and connectionAttemptFailed", b10),
    ("B25", "a name with two addresses, the first of which the socket's block list has", b25),
];

/// The two addresses at which a black hole and another port of the same number may be.
const TWO: &[&str] = &["127.0.0.1", "127.0.0.2"];

fn note_attempted(socket: &Socket<'_, Trace>, log: &mut Trace) {
    let attempted = socket.attempted_addresses().iter().map(|address| {
        let (ip, port) = (address.ip().expect("TCP"), address.port().expect("TCP"));
        format!("{ip}:{port}")
    });
    log.note("C", ".attempted", attempted.collect::<Vec<_>>().join(","));
}

fn b04(case: &mut Case) {
    if !case.has_ipv6() {
        return;
    }
    let port = case.serve(1, ServerOptions::new(), |socket, _| socket.end());
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::DATA);
    socket.connect_with(("two.test", port), answering(&["::1", "127.0.0.1"]));
    socket.on_ready(|socket, log| note_attempted(socket, log));
}

fn b05(case: &mut Case) {
    if !case.has_ipv6() {
        return;
    }
    let port = case.refused_port("V");
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(("two.test", port), answering(&["127.0.0.1", "::1"]));
    socket.on_error(|socket, _, log| note_attempted(socket, log));
}

fn b06(case: &mut Case) {
    if !case.has_ipv6() {
        return;
    }
    let port = case.refused_port("V");
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    let many = answering(&["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "127.0.0.2", "bad"]);
    socket.connect_with(("many.test", port), many);
    socket.on_error(|socket, _, log| note_attempted(socket, log));
}

fn impatient() -> ConnectOptions {
    answering(TWO).attempt_timeout(Duration::from_millis(50))
}

fn b07(case: &mut Case) {
    let Some(port) = case.black_hole("V") else {
        return;
    };
    case.serve_at(1, ServerOptions::new(), ([127, 0, 0, 2], port).into(), |socket, _| socket.end()).expect("a port");
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::DATA);
    socket.connect_with(("two.test", port), impatient());
    socket.on_ready(|socket, log| note_attempted(socket, log));
}

fn b08(case: &mut Case) {
    let Some(port) = case.black_hole("V") else {
        return;
    };
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(("two.test", port), impatient());
    socket.on_error(|socket, _, log| note_attempted(socket, log));
}

fn b09(case: &mut Case) {
    let Some(port) = case.black_hole("V") else {
        return;
    };
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(("two.test", port), answering(TWO));
    case.log.note("C", "write a ->", socket.write_then("a", cb("C", "w.cb")));
    let id = socket.id();
    socket.on_connection_attempt(move |attempting, _, _| {
        attempting.reactor().set_immediate(move |reactor, _| crate::trace::socket(reactor, id).destroy());
    });
}

fn b10(case: &mut Case) {
    let Some(port) = case.black_hole("V") else {
        return;
    };
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(("two.test", port), impatient());
    socket.on_connection_attempt_timeout(|socket, _, _| socket.destroy());
    let port = case.refused_port("W");
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "D");
    socket.connect_with(("two.test", port), answering(TWO));
    socket.on_connection_attempt_failed(|socket, _, _, _| socket.destroy());
}

fn b25(case: &mut Case) {
    if !case.has_ipv6() {
        return;
    }
    let port = case.serve(1, ServerOptions::new(), |socket, _| socket.end());
    let mut list = BlockList::new();
    list.add_address(std::net::Ipv6Addr::LOCALHOST);
    let mut socket = case.reactor.new_socket(SocketOptions::new().block_list(Arc::new(list)));
    watch_with(&mut socket, "C", Watch::DATA);
    socket.connect_with(("two.test", port), answering(&["::1", "127.0.0.1"]));
    socket.on_ready(|socket, log| note_attempted(socket, log));
}
