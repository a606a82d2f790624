//! More of C: what happens when an end, a reset or a destroy comes at an odd moment.

use netloop::{ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle};
use crate::failing::write_much;
use crate::trace::{Watch, cb, outcome, ready_state, socket, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C08b", "pause before connecting, without a data listener: nothing is read", c08b),
    ("C08c", "pause before connecting, with a data listener from before: it is read and kept", c08c),
    ("C13b", "end with data in the data listener, the FIN being there too", c13b),
    ("C18d", "end in its own callback and in the finish listener", c18d),
    ("C19e", "end with a callback after it has finished and was destroyed with an error", c19e),
    ("C20b", "destroy in the data listener, the FIN being there too", c20b),
    ("C21b", "destroy with an error in the end listener", c21b),
    ("C21c", "destroy with an error in the finish listener", c21c),
    ("C22d", "writes in the callbacks of writes that destroy cancelled", c22d),
    ("C23c", "destroy with an error when the second batch is in flight", c23c),
    ("C26b", "FIN without data to a socket paused from the beginning", c26b),
    ("C26c", "a reset to a socket paused from the beginning, which is destroyed later", c26c),
    ("C27b", "a reset to a socket paused from the beginning, which ends later", c27b),
    ("C34b", "reset_and_destroy while it connects, with two writes", c34b),
    ("C34c", "reset_and_destroy while it connects where nobody listens", c34c),
    ("C37b", "reset_and_destroy in the callback of 8 MiB, with a write and an end behind them", c37b),
    ("C38b", "reset_and_destroy while it connects to a path is refused", c38b),
    ("C41b", "the peer ends while 8 MiB are in flight to it, and is destroyed without reading them", c41b),
    ("C41c", "the peer ends while 8 MiB are in flight to it, and resets", c41c),
    ("C43b", "write 6 MiB, end, and end once more with data", c43b),
    ("C44b", "cork behind 6 MiB, uncork when they are written", c44b),
];

/// The accepted side does not read until it is told to.
fn paused() -> Pair {
    Pair { server: ServerOptions::new().pause_on_connect(true), ..Pair::default() }
}

/// The accepted side reads, and nothing of it is recorded.
fn unwatched() -> Pair {
    Pair { s: Watch::NOTHING, ..Pair::default() }
}

fn pause_before_connecting(case: &mut Case, watched: Watch) {
    let port = case.serve(1, ServerOptions::new(), |s, _| s.end_with("hi"));
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut c, "C", watched);
    c.pause();
    c.once_connect(|c, _| {
        let id = c.id();
        settle(c.reactor(), move |reactor, log| {
            log.note("C", ".readableLength", socket(reactor, id).readable_length());
            socket(reactor, id).resume();
        });
    });
    c.connect(([127, 0, 0, 1], port));
}

fn c08b(case: &mut Case) {
    pause_before_connecting(case, Watch::QUIET);
}

fn c08c(case: &mut Case) {
    pause_before_connecting(case, Watch { flow: true, ..Watch::DATA });
}

fn c13b(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, s).on_data(|s, _, _| s.end_then("late", cb("S", "end.cb")));
        socket(reactor, c).end_with("bye");
        settle(reactor, move |reactor, log| {
            log.note("S", ".bytesRead", socket(reactor, s).bytes_read());
            socket(reactor, s).resume();
        });
    });
}

fn c18d(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.on_finish(|c, _| c.end_then("", cb("C", "c3")));
        c.end_then("", |c, result, log| {
            log.log("C", outcome("c1", &result));
            c.end_then("", cb("C", "c2"));
        });
    });
}

fn c19e(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.on_finish(|c, _| {
            c.destroy_with("mine");
            c.end_then("", cb("C", "c2"));
        });
        c.end_then("", cb("C", "c1"));
    });
}

fn c20b(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, s).on_data(|s, _, _| s.destroy());
        socket(reactor, c).end_with("bye");
        settle(reactor, move |reactor, _| socket(reactor, s).resume());
    });
}

fn c21b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, _| s.destroy_with("mine"));
        socket(reactor, c).end_with("bye");
    });
}

fn c21c(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.on_finish(|c, _| c.destroy_with("mine"));
        c.end_with("bye");
    });
}

fn c22d(case: &mut Case) {
    case.pair(unwatched(), |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        let room = c.write_then(vec![0; 8 << 20], |c, result, log| {
            log.log("C", outcome("w1.cb", &result));
            log.note("C", "write x ->", c.write_then("x", cb("C", "w3.cb")));
        });
        log.note("C", "write 8 MiB ->", room);
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.destroy();
    });
}

fn c23c(case: &mut Case) {
    let client = SocketOptions::new().write_queue_limit(usize::MAX);
    case.pair(Pair { client, ..unwatched() }, |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        let room = c.write_then(vec![0; 8 << 20], |c, result, log| {
            log.log("C", outcome("w1.cb", &result));
            log.note("C", "write d ->", c.write_then("d", cb("C", "w4.cb")));
            c.end_then("", cb("C", "end.cb"));
            c.destroy_with("mine");
        });
        log.note("C", "write 8 MiB ->", room);
        log.note("C", "write 8 MiB ->", c.write_then(vec![0; 8 << 20], cb("C", "w2.cb")));
        log.note("C", "write c ->", c.write_then("c", cb("C", "w3.cb")));
    });
}

fn c26b(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, c).end();
        settle(reactor, move |reactor, log| {
            log.note("S", ".readyState", ready_state(&socket(reactor, s)));
            socket(reactor, s).resume();
        });
    });
}

fn c26c(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, c).reset_and_destroy();
        settle(reactor, move |reactor, log| {
            log.note("S", ".readyState", ready_state(&socket(reactor, s)));
            socket(reactor, s).destroy();
        });
    });
}

fn c27b(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, c).reset_and_destroy();
        settle(reactor, move |reactor, _| {
            socket(reactor, s).end_then("", cb("S", "end.cb"));
            settle(reactor, move |reactor, _| socket(reactor, s).destroy());
        });
    });
}

fn c34b(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |s, _| {
        s.on_error(|_, _, _| {});
    });
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut c, "C", Watch::DATA);
    c.connect(([127, 0, 0, 1], port));
    case.log.note("C", "write a ->", c.write_then("a", cb("C", "w1.cb")));
    case.log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
    c.reset_and_destroy();
}

fn c34c(case: &mut Case) {
    let port = case.refused_port("V");
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch(&mut c, "C");
    c.connect(([127, 0, 0, 1], port));
    c.reset_and_destroy();
}

fn c37b(case: &mut Case) {
    let client = SocketOptions::new().write_queue_limit(usize::MAX);
    case.pair(Pair { client, ..unwatched() }, |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        let room = c.write_then(vec![0; 8 << 20], |c, result, log| {
            log.log("C", outcome("w1.cb", &result));
            c.reset_and_destroy();
        });
        log.note("C", "write 8 MiB ->", room);
        log.note("C", "write 8 MiB ->", c.write_then(vec![0; 8 << 20], cb("C", "w2.cb")));
        c.end_then("", cb("C", "end.cb"));
    });
}

fn c38b(case: &mut Case) {
    let Some(path) = case.temp_path("V") else { return };
    let mut server = case.reactor.create_server(|s, _| {
        s.end_with("x");
        let server = s.server().expect("it was accepted");
        s.reactor().server(server).expect("it listens").close();
    });
    server.listen(path.as_path());
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut c, "C", Watch::DATA);
    c.connect(path.as_path());
    c.reset_and_destroy();
    case.log.note("C", ".connecting", c.is_connecting());
}

fn c41b(case: &mut Case) {
    case.pair(Pair { s: Watch::QUIET, ..paused() }, |reactor, s, c, log| {
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        c.on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, _| socket(reactor, s).destroy());
        });
        socket(reactor, s).end();
    });
}

fn c41c(case: &mut Case) {
    let client = SocketOptions::new().allow_half_open(true);
    case.pair(Pair { client, s: Watch::QUIET, ..paused() }, |reactor, s, c, log| {
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        c.on_end(move |ended, _| {
            ended.reactor().set_immediate(move |reactor, _| socket(reactor, s).reset_and_destroy());
        });
        socket(reactor, s).end();
    });
}

fn c43b(case: &mut Case) {
    case.pair(unwatched(), |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        log.note("C", "write 6 MiB ->", c.write_then(vec![0; 6 << 20], cb("C", "w.cb")));
        c.end_then("", cb("C", "c1"));
        c.end_then("x", cb("C", "c2"));
    });
}

fn c44b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, log| {
        let mut corked = socket(reactor, c);
        let room = corked.write_then(vec![0; 6 << 20], |c, result, log| {
            log.log("C", outcome("w1.cb", &result));
            log.note("C", ".writableLength", c.writable_length());
            c.uncork();
            log.note("C", ".writableLength", c.writable_length());
        });
        log.note("C", "write 6 MiB ->", room);
        corked.cork();
        log.note("C", "write b ->", corked.write_then("b", cb("C", "w2.cb")));
        log.note("C", "write c ->", corked.write_then("c", cb("C", "w3.cb")));
        corked.on_drain(move |drained, _| {
            drained.reactor().set_immediate(move |reactor, _| socket(reactor, c).end());
        });
    });
}
