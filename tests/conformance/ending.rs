//! Ending and destroying a connection, where nothing fails.

use netloop::ServerOptions;

use crate::Scenario;
use crate::case::{Case, Pair, settle, until};
use crate::trace::{Watch, cb, ready_state, socket};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C01", "the accepted side ends with data", c01),
    ("C06", "a side that allows half-open connections and never ends", c06),
    ("C20", "destroy in the data listener, with one more chunk in the buffer", c20),
    ("C24", "two small writes, end and destroy in one go", c24),
];

fn c01(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, _, _| socket(reactor, s).end_then("bye", cb("S", "end.cb")));
}

fn c06(case: &mut Case) {
    let server = ServerOptions::new().allow_half_open(true);
    case.pair(Pair { server, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).on_end(move |ended, _| {
            settle(ended.reactor(), move |reactor, log| {
                log.note("S", ".readyState", ready_state(&socket(reactor, s)));
                log.end();
            });
        });
        socket(reactor, c).end_with("bye");
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
