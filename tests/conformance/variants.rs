//! More of ending, destroying and failing: variants of the rows of C, at the turns that are easily got wrong.

use std::cell::Cell;
use std::rc::Rc;

use netloop::{ServerOptions, Socket, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle, until};
use crate::failing::write_much;
use crate::trace::{Trace, Watch, cb, outcome, ready_state, socket, timer};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C05b", "both sides end at once, both half-open", c05b),
    ("C05c", "both sides end at once, none of them half-open", c05c),
    ("C09b", "pause in the data listener, with one more chunk in the buffer", c09b),
    ("C10b", "the data listener is removed: what comes then is thrown away", c10b),
    ("C12b", "half-open is allowed in the end listener", c12b),
    ("C12c", "half-open is forbidden in the end listener", c12c),
    ("C16b", "write after end has finished", c16b),
    ("C16c", "write in the finish listener", c16c),
    ("C18b", "end twice without data", c18b),
    ("C18c", "end with data after end", c18c),
    ("C19b", "end with a callback after destroy", c19b),
    ("C19c", "end with a callback after destroy with an error", c19c),
    ("C19d", "write in the close listener", c19d),
    ("C22b", "destroy while corked", c22b),
    ("C22c", "destroy a moment later, with 8 MiB in flight that nobody reads", c22c),
    ("C23b", "destroy with an error while corked", c23b),
    ("C24b", "two small writes, end and destroy with an error", c24b),
    ("C24c", "destroy in the callback of the first of two small writes", c24c),
    ("C28b", "the peer is destroyed with 8 MiB in flight, a write behind them and an end", c28b),
    ("C29b", "the first write at a path whose peer is destroyed", c29b),
    ("C30b", "destroy at a path with bytes in the kernel that nobody has read", c30b),
    ("C32b", "destroy_soon, and destroy before it has finished", c32b),
    ("C33b", "reset_and_destroy when our end has finished and the peer has seen it", c33b),
    ("C36c", "reset_and_destroy after end, in one go", c36c),
    ("C40b", "destroy in the error listener and in the close listener", c40b),
    ("C42b", "a drain listener writes as much again, three times", c42b),
    ("C42c", "empty writes, alone and behind 6 MiB", c42c),
    ("C42d", "the callback of 6 MiB destroys", c42d),
    ("C42e", "destroy in the drain listener", c42e),
];

fn half_open() -> Pair {
    Pair { server: ServerOptions::new().allow_half_open(true), ..Pair::default() }
}

/// The accepted side does not read until it is told to.
fn paused() -> Pair {
    Pair { server: ServerOptions::new().pause_on_connect(true), s: Watch::QUIET, ..Pair::default() }
}

/// Two small writes, each with a callback.
fn write_twice(c: &mut Socket<'_, Trace>, log: &mut Trace) {
    log.note("C", "write a ->", c.write_then("a", cb("C", "w1.cb")));
    log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
}

fn both_end(case: &mut Case, setup: Pair) {
    case.pair(setup, |reactor, s, c, _| {
        socket(reactor, s).end_then("a", cb("S", "end.cb"));
        socket(reactor, c).end_then("b", cb("C", "end.cb"));
    });
}

fn c05b(case: &mut Case) {
    both_end(case, Pair { client: SocketOptions::new().allow_half_open(true), ..half_open() });
}

fn c05c(case: &mut Case) {
    both_end(case, Pair::default());
}

fn c09b(case: &mut Case) {
    case.pair(Pair { s: Watch::CHUNKS, ..Pair::default() }, |reactor, s, c, _| {
        let mut pausing = socket(reactor, s);
        pausing.pause();
        pausing.once_data(move |first, _, _| {
            first.pause();
            settle(first.reactor(), move |reactor, log| {
                let mut s = socket(reactor, s);
                log.note("S", ".readableLength", s.readable_length());
                s.resume();
            });
        });
        socket(reactor, c).write("a");
        let has_read = move |count| move |reactor: &mut _, _: &mut _| socket(reactor, s).readable_length() == count;
        until(reactor, has_read(1), move |reactor, _| {
            socket(reactor, c).end_with("bc");
            until(reactor, has_read(3), move |reactor, _| socket(reactor, s).resume());
        });
    });
}

fn c10b(case: &mut Case) {
    case.pair(Pair { s: Watch::QUIET, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).once_data(move |s, chunk, log| {
            log.log("S", format!("data {}", chunk.len()));
            s.reactor().set_immediate(move |reactor, _| socket(reactor, c).end_with("bye"));
        });
        socket(reactor, c).write("a");
    });
}

fn c12b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_end(move |ended, _| {
            ended.set_allow_half_open(true);
            settle(ended.reactor(), move |reactor, log| {
                log.note("S", ".readyState", ready_state(&socket(reactor, s)));
                socket(reactor, s).end_with("late");
            });
        });
        socket(reactor, c).end();
    });
}

fn c12c(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, _| {
            s.set_allow_half_open(false);
        });
        socket(reactor, c).end();
    });
}

fn c16b(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, c).on_finish(move |finished, _| {
            finished.reactor().set_immediate(move |reactor, log| {
                log.note("C", "write late ->", socket(reactor, c).write_then("late", cb("C", "w.cb")));
            });
        });
        socket(reactor, s).on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, _| socket(reactor, s).destroy());
        });
        socket(reactor, c).end_then("", cb("C", "end.cb"));
    });
}

fn c16c(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, c).on_finish(|c, log| log.note("C", "write late ->", c.write_then("late", cb("C", "w.cb"))));
        socket(reactor, s).on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, _| socket(reactor, s).destroy());
        });
        socket(reactor, c).end_then("", cb("C", "end.cb"));
    });
}

fn c18b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.end_then("x", cb("C", "c1"));
        c.end_then("", cb("C", "c2"));
    });
}

fn c18c(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.end_then("x", cb("C", "c1"));
        c.end_then("y", cb("C", "c2"));
    });
}

fn c19b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.destroy();
        c.end_then("", cb("C", "end.cb"));
        timer(reactor, "later", 3);
    });
}

fn c19c(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.destroy_with("mine");
        c.end_then("", cb("C", "end.cb"));
        timer(reactor, "later", 3);
    });
}

fn c19d(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.on_close(|c, _, log| log.note("C", "write x ->", c.write_then("x", cb("C", "w.cb"))));
        c.destroy();
    });
}

fn c22b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.cork();
        write_twice(&mut c, log);
        c.destroy();
    });
}

fn c22c(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, log| {
        write_much(&mut socket(reactor, c), log);
        reactor.set_immediate(move |reactor, _| {
            socket(reactor, c).destroy();
            socket(reactor, s).destroy();
        });
    });
}

fn c23b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        c.cork();
        write_twice(&mut c, log);
        c.destroy_with("mine");
    });
}

fn c24b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        write_twice(&mut c, log);
        c.end_then("", cb("C", "end.cb"));
        c.destroy_with("mine");
    });
}

fn c24c(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        let room = c.write_then("a", |c, result, log| {
            log.log("C", outcome("w1.cb", &result));
            c.destroy();
        });
        log.note("C", "write a ->", room);
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.end_then("", cb("C", "end.cb"));
    });
}

fn c28b(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, log| {
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        c.end_then("", cb("C", "end.cb"));
        reactor.set_immediate(move |reactor, _| socket(reactor, s).destroy());
    });
}

fn c29b(case: &mut Case) {
    let client = SocketOptions::new().allow_half_open(true);
    case.pair(Pair { client, unix: true, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, c).on_end(move |ended, _| {
            settle(ended.reactor(), move |reactor, log| {
                log.note("C", "write a ->", socket(reactor, c).write_then("a", cb("C", "w1.cb")));
            });
        });
        socket(reactor, s).destroy();
    });
}

fn c30b(case: &mut Case) {
    case.pair(Pair { unix: true, ..paused() }, |reactor, s, c, _| {
        socket(reactor, c).write("abc");
        settle(reactor, move |reactor, _| socket(reactor, s).destroy());
    });
}

fn c32b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        log.note("C", "write a ->", c.write_then("a", cb("C", "w.cb")));
        c.destroy_soon();
        c.destroy_soon();
        c.destroy();
    });
}

fn c33b(case: &mut Case) {
    case.pair(half_open(), |reactor, s, c, _| {
        socket(reactor, s).on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, _| {
                socket(reactor, c).reset_and_destroy();
                settle(reactor, move |reactor, _| socket(reactor, s).end());
            });
        });
        socket(reactor, c).end();
    });
}

fn c36c(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_close(|s, _, _| settle(s.reactor(), |_, log| log.end()));
        let mut c = socket(reactor, c);
        c.end_then("", cb("C", "end.cb"));
        c.reset_and_destroy();
    });
}

fn c40b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.on_error(|c, _, _| c.destroy_with("two"));
        c.on_close(|c, _, _| c.destroy_with("three"));
        c.destroy_with("one");
    });
}

fn c42b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let left = Rc::new(Cell::new(3));
        let counted = left.clone();
        let write = move |c: &mut Socket<'_, Trace>, log: &mut Trace| {
            counted.set(counted.get() - 1);
            let done = cb("C", &format!("w{}.cb", counted.get()));
            log.note("C", "write 6 MiB ->", c.write_then(vec![0; 6 << 20], done));
        };
        let mut c = socket(reactor, c);
        write(&mut c, log);
        c.on_drain(move |c, log| if left.get() == 0 { c.end() } else { write(c, log) });
    });
}

fn c42c(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut writing = socket(reactor, c);
        log.note("C", "write nothing ->", writing.write_then("", cb("C", "w1.cb")));
        log.note("C", "write 6 MiB ->", writing.write_then(vec![0; 6 << 20], cb("C", "w2.cb")));
        log.note("C", "write nothing ->", writing.write_then("", cb("C", "w3.cb")));
        writing.on_drain(move |drained, _| {
            drained.reactor().set_immediate(move |reactor, _| socket(reactor, c).end());
        });
    });
}

fn c42d(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        let room = c.write_then(vec![0; 6 << 20], |c, result, log| {
            log.log("C", outcome("w1.cb", &result));
            c.destroy();
        });
        log.note("C", "write 6 MiB ->", room);
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.end_then("", cb("C", "end.cb"));
    });
}

fn c42e(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        log.note("C", "write 6 MiB ->", c.write_then(vec![0; 6 << 20], cb("C", "w1.cb")));
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.on_drain(|c, _| c.destroy());
    });
}
