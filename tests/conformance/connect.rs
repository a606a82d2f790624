//! Connecting to addresses and paths: the scenarios of B without a lookup.

use netloop::{ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::Case;
use crate::trace::{Watch, cb, ready_state, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("B01", "connect to an address, with a callback", b01),
    ("B03", "connect to an address where nobody listens", b03),
    ("B17", "connect, write twice, end and destroy in one go", b17),
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
