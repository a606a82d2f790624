//! Writes at the wrong time, and destroying with an error or with writes in flight.

use netloop::{ServerOptions, Socket, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle};
use crate::trace::{Trace, Watch, cb, ready_state, socket, timer, watch};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C14", "write when the socket has ended by itself and is not yet destroyed", c14),
    ("C15", "write when the socket has ended by itself and is destroyed", c15),
    ("C16", "write after end", c16),
    ("C17", "write after end while connecting, with a write before them", c17),
    ("C19", "write, pause, resume and set_timeout after destroy", c19),
    ("C21", "destroy with an error in the data listener", c21),
    ("C22", "destroy with 8 MiB in flight, two writes behind them and an end", c22),
    ("C23", "destroy with an error, 8 MiB in flight, a write behind them and an end", c23),
    ("C29", "two writes of a half-open side whose peer is destroyed", c29),
    ("C40", "destroy with an error, and once more with another", c40),
];

/// Two writes, the first more than the kernel takes.
pub(crate) fn write_much(c: &mut Socket<'_, Trace>, log: &mut Trace) {
    log.note("C", "write 8 MiB ->", c.write_then(vec![0; 8 << 20], cb("C", "w1.cb")));
    log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
}

fn c14(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, _| {
            s.next_tick(|s, _| {
                s.next_tick(|s, log| {
                    log.note("S", ".readyState", ready_state(s));
                    log.note("S", "write late ->", s.write_then("late", cb("S", "w.cb")));
                    log.note("S", ".destroyed", s.is_destroyed());
                });
            });
        });
        socket(reactor, c).end();
    });
}

fn c15(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_finish(|s, _| {
            s.next_tick(|s, log| {
                log.note("S", ".destroyed", s.is_destroyed());
                log.note("S", "write late ->", s.write_then("late", cb("S", "w.cb")));
            });
        });
        socket(reactor, c).end();
    });
}

fn c16(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.end_then("x", cb("C", "end.cb"));
        log.note("C", "write y ->", c.write_then("y", cb("C", "w.cb")));
    });
}

fn c17(case: &mut Case) {
    let port = case.serve(0, ServerOptions::new(), |_, _| {});
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect(([127, 0, 0, 1], port));
    case.log.note("C", "write a ->", socket.write_then("a", cb("C", "w1.cb")));
    socket.end_then("", cb("C", "end.cb"));
    case.log.note("C", "write b ->", socket.write_then("b", cb("C", "w2.cb")));
}

fn c19(case: &mut Case) {
    let c = Watch { flow: true, ..Watch::DATA };
    case.pair(Pair { c, ..Pair::default() }, |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.destroy();
        log.note("C", "write x ->", c.write_then("x", cb("C", "w.cb")));
        c.pause();
        c.resume();
        c.set_timeout(std::time::Duration::from_millis(1));
        timer(reactor, "later", 3);
    });
}

fn c21(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_data(|s, _, _| s.destroy_with("mine"));
        socket(reactor, c).write("a");
    });
}

fn c22(case: &mut Case) {
    case.pair(Pair { s: Watch::NOTHING, ..Pair::default() }, |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        log.note("C", "write c ->", c.write_then("c", cb("C", "w3.cb")));
        c.end_then("", cb("C", "end.cb"));
        c.destroy();
    });
}

fn c23(case: &mut Case) {
    case.pair(Pair { s: Watch::NOTHING, ..Pair::default() }, |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        c.end_then("", cb("C", "end.cb"));
        c.destroy_with("mine");
    });
}

fn c29(case: &mut Case) {
    let client = SocketOptions::new().allow_half_open(true);
    case.pair(Pair { client, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, c).on_end(move |ended, _| {
            settle(ended.reactor(), move |reactor, log| {
                log.note("C", "write a ->", socket(reactor, c).write_then("a", cb("C", "w1.cb")));
                settle(reactor, move |reactor, log| {
                    log.note("C", "write b ->", socket(reactor, c).write_then("b", cb("C", "w2.cb")));
                });
            });
        });
        socket(reactor, s).destroy();
    });
}

fn c40(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.destroy_with("one");
        c.destroy_with("two");
        log.note("C", ".errored", c.errored().expect("an error"));
    });
}
