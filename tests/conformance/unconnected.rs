//! Sockets that were never connected: the scenarios of B about them.

use netloop::{Error, SocketOptions};

use crate::Scenario;
use crate::case::{Case, settle};
use crate::trace::{cb, immediate, ready_state, socket, tick, watch};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("B29", "destroy a socket that was never connected", b29),
    ("B30", "destroy a socket that was never connected, with an error", b30),
    ("B31", "write to a socket that was never connected", b31),
    ("B32", "end a socket that was never connected", b32),
];

fn b29(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    case.log.note("C", ".readyState", ready_state(&socket));
    socket.destroy();
    case.log.note("C", ".readyState", ready_state(&socket));
    tick(&mut case.reactor, "tick");
    immediate(&mut case.reactor, "imm");
}

fn b30(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.destroy_with(Error::other("planted"));
    tick(&mut case.reactor, "tick");
    immediate(&mut case.reactor, "imm");
}

fn b31(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    case.log.note("C", "write a ->", socket.write_then("a", cb("C", "w.cb")));
    case.log.note("C", ".destroyed", socket.is_destroyed());
}

fn b32(case: &mut Case) {
    let mut ended = case.reactor.new_socket(SocketOptions::new());
    watch(&mut ended, "C");
    ended.end_then("", cb("C", "end.cb"));
    case.log.note("C", ".readyState", ready_state(&ended));
    let id = ended.id();
    ended.on_finish(move |ended, _| {
        settle(ended.reactor(), move |reactor, log| {
            log.note("C", ".readyState", ready_state(&socket(reactor, id)));
            log.note("C", ".destroyed", socket(reactor, id).is_destroyed());
        });
    });
}
