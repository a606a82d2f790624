//! Ending and destroying a connection, where nothing fails.

use netloop::{ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle, until};
use crate::trace::{Watch, cb, ready_state, socket};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C01", "the accepted side ends with data", c01),
    ("C02", "the connecting side ends with data", c02),
    ("C03", "the connecting side ends, and the other, half-open, writes and ends later", c03),
    ("C04", "the accepted side ends, and the other, half-open, writes and ends later", c04),
    ("C05", "both sides end at once, one of them half-open", c05),
    ("C06", "a side that allows half-open connections and never ends", c06),
    ("C11", "the accepted side ends with data, and the other never reads", c11),
    ("C12", "write in the end listener, before the socket ends by itself", c12),
    ("C13", "end with data in the end listener", c13),
    ("C18", "end, and end once more when it has finished", c18),
    ("C20", "destroy in the data listener, with one more chunk in the buffer", c20),
    ("C24", "two small writes, end and destroy in one go", c24),
    ("C31", "destroy_soon on an idle connection", c31),
    ("C32", "write 4 MiB, write once more, destroy_soon", c32),
    ("C39", "destroy, and once more with an error", c39),
];

/// The server's options for an accepted side that may stay half-open.
fn half_open() -> Pair {
    Pair { server: ServerOptions::new().allow_half_open(true), ..Pair::default() }
}

fn c01(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, _, _| socket(reactor, s).end_then("bye", cb("S", "end.cb")));
}

fn c02(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| socket(reactor, c).end_then("bye", cb("C", "end.cb")));
}

fn c03(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, s).on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, log| {
                log.note("S", "write more ->", socket(reactor, s).write_then("more", cb("S", "w1.cb")));
                reactor.set_immediate(move |reactor, _| socket(reactor, s).end_then("last", cb("S", "end.cb")));
            });
        });
        socket(reactor, c).end_then("bye", cb("C", "end.cb"));
    });
}

fn c04(case: &mut Case) {
    let client = SocketOptions::new().allow_half_open(true);
    case.pair(Pair { client, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, c).on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, log| {
                log.note("C", "write more ->", socket(reactor, c).write_then("more", cb("C", "w1.cb")));
                reactor.set_immediate(move |reactor, _| socket(reactor, c).end_then("last", cb("C", "end.cb")));
            });
        });
        socket(reactor, s).end_then("bye", cb("S", "end.cb"));
    });
}

fn c05(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, s).end_then("a", cb("S", "end.cb"));
        socket(reactor, c).end_then("b", cb("C", "end.cb"));
    });
}

fn c06(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, s).on_end(move |ended, _| {
            settle(ended.reactor(), move |reactor, log| {
                log.note("S", ".readyState", ready_state(&socket(reactor, s)));
                log.end();
            });
        });
        socket(reactor, c).end_with("bye");
    });
}

fn c11(case: &mut Case) {
    case.pair(Pair { c: Watch::QUIET, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).end_with("data");
        let is_there = move |reactor: &mut _, _: &mut _| {
            socket(reactor, c).readable_length() == 4 && socket(reactor, s).writable_finished()
        };
        until(reactor, is_there, move |reactor, _| {
            settle(reactor, move |reactor, log| {
                log.note("S", ".readyState", ready_state(&socket(reactor, s)));
                log.note("C", ".readyState", ready_state(&socket(reactor, c)));
                log.note("C", ".readableLength", socket(reactor, c).readable_length());
                log.end();
            });
        });
    });
}

fn c12(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, log| log.note("S", "write late ->", s.write_then("late", cb("S", "w.cb"))));
        socket(reactor, c).end();
    });
}

fn c13(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, _| s.end_then("late", cb("S", "end.cb")));
        socket(reactor, c).end();
    });
}

fn c18(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut ending = socket(reactor, c);
        ending.on_finish(move |finished, _| {
            finished.reactor().set_immediate(move |reactor, _| socket(reactor, c).end_then("", cb("C", "c2")));
        });
        ending.end_then("", cb("C", "c1"));
    });
}

fn c20(case: &mut Case) {
    case.pair(Pair { s: Watch::CHUNKS, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).on_data(|s, _, _| s.destroy()).pause();
        socket(reactor, c).write("a");
        let has_read = move |count| move |reactor: &mut _, _: &mut _| socket(reactor, s).readable_length() == count;
        until(reactor, has_read(1), move |reactor, _| {
            socket(reactor, c).write("b");
            until(reactor, has_read(2), move |reactor, _| socket(reactor, s).resume());
        });
    });
}

fn c24(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        log.note("C", "write a ->", c.write_then("a", cb("C", "w1.cb")));
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.end_then("", cb("C", "end.cb"));
        c.destroy();
    });
}

fn c31(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.destroy_soon();
        log.note("C", ".destroyed", c.is_destroyed());
    });
}

fn c32(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        log.note("C", "write 4 MiB ->", c.write_then(vec![0; 4 << 20], cb("C", "w1.cb")));
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.destroy_soon();
    });
}

fn c39(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.destroy();
        c.destroy_with("late");
        log.note("C", ".errored", c.errored().map_or_else(|| "null".to_owned(), ToString::to_string));
    });
}
