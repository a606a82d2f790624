//! Data and its flow: sides that do not read, and writes the kernel does not take whole.

use netloop::{ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle, until};
use crate::trace::{Watch, cb, outcome, ready_state, socket};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C07", "FIN without data: S has no listener for data, C has none but for close", c07),
    ("C08", "FIN without data to a paused side", c08),
    ("C09", "data and FIN to a paused side that resumes later", c09),
    ("C10", "data and FIN to a side without a data listener, which comes later", c10),
    ("C41", "the peer ends while 8 MiB are in flight to it", c41),
    ("C42", "write 6 MiB to a side that reads", c42),
    ("C43", "write 6 MiB and end: there is no drain", c43),
    ("C44", "five writes of 4 MiB: the drain is before the last callbacks", c44),
];

fn c07(case: &mut Case) {
    case.pair(Pair { s: Watch::QUIET, c: Watch::NOTHING, ..Pair::default() }, |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.on_close(|c, had_error, log| {
            log.note("C", ".readableEnded", c.readable_ended());
            log.note("C", ".writableFinished", c.writable_finished());
            log.log("C", format!("close {had_error}"));
        });
        c.end();
    });
}

fn c08(case: &mut Case) {
    let s = Watch { flow: true, ..Watch::DATA };
    case.pair(Pair { s, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, log| log.note("S", ".isPaused()", s.is_paused())).pause();
        socket(reactor, c).end();
    });
}

fn c09(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).pause();
        socket(reactor, c).end_with("bye");
        let has_read = move |reactor: &mut _, _: &mut _| socket(reactor, s).readable_length() == 3;
        until(reactor, has_read, move |reactor, _| {
            settle(reactor, move |reactor, log| {
                let mut s = socket(reactor, s);
                log.note("S", ".readableLength", s.readable_length());
                log.note("S", ".readyState", ready_state(&s));
                s.resume();
            });
        });
    });
}

fn c10(case: &mut Case) {
    case.pair(Pair { s: Watch::QUIET, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, c).end_with("bye");
        let has_read = move |reactor: &mut _, _: &mut _| socket(reactor, s).readable_length() == 3;
        until(reactor, has_read, move |reactor, _| {
            settle(reactor, move |reactor, log| {
                let mut s = socket(reactor, s);
                log.note("S", ".readableLength", s.readable_length());
                s.on_data(|_, chunk, log| log.log("S", format!("data {}", chunk.len())));
            });
        });
    });
}

fn c41(case: &mut Case) {
    let server = ServerOptions::new().pause_on_connect(true);
    case.pair(Pair { server, ..Pair::default() }, |reactor, s, c, log| {
        let mut writing = socket(reactor, c);
        log.note("C", "write 8 MiB ->", writing.write_then(vec![0; 8 << 20], cb("C", "w.cb")));
        writing.on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, log| {
                log.note("C", ".readyState", ready_state(&socket(reactor, c)));
                socket(reactor, s).resume();
            });
        });
        socket(reactor, s).end();
    });
}

fn c42(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        let room = c.write_then(vec![0; 6 << 20], |c, result, log| {
            log.log("C", outcome("w.cb", &result));
            log.note("C", ".writableLength", c.writable_length());
            c.end();
        });
        log.note("C", "write 6 MiB ->", room);
        log.note("C", ".writableLength", c.writable_length());
    });
}

fn c43(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut c = socket(reactor, c);
        log.note("C", "write 6 MiB ->", c.write_then(vec![0; 6 << 20], cb("C", "w.cb")));
        c.end_then("", cb("C", "end.cb"));
    });
}

fn c44(case: &mut Case) {
    // 20 MiB are more than the limit allows (D-08).
    let client = SocketOptions::new().write_queue_limit(usize::MAX);
    case.pair(Pair { client, ..Pair::default() }, |reactor, _, c, log| {
        let mut writing = socket(reactor, c);
        for at in 0..5 {
            let done = cb("C", &format!("w{at}.cb"));
            log.note("C", &format!("write {at} ->"), writing.write_then(vec![0; 4 << 20], done));
        }
        writing.on_drain(move |drained, _| {
            drained.reactor().set_immediate(move |reactor, _| socket(reactor, c).end());
        });
    });
}
