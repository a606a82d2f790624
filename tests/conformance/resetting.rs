//! Resets: by the peer, by `reset_and_destroy`, and by the kernel when bytes are left unread.

use netloop::{ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle, until};
use crate::failing::write_much;
use crate::trace::{Watch, cb, ready_state, socket, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C25", "the peer resets an idle connection that flows", c25),
    ("C25b", "the peer resets an idle connection that is paused", c25b),
    ("C25c", "the peer resets a connection that has bytes nobody has read", c25c),
    ("C25d", "the count of bytes nobody has read, after a reset", c25d),
    ("C26", "data and a reset to a socket paused from the beginning, which resumes later", c26),
    ("C27", "data and a reset to a socket paused from the beginning, which writes later", c27),
    ("C28", "the peer resets with 8 MiB in flight, a write behind them and an end", c28),
    ("C30", "destroy with bytes in the kernel that nobody has read", c30),
    ("C33", "reset_and_destroy of a connection", c33),
    ("C34", "reset_and_destroy while it connects", c34),
    ("C35", "reset_and_destroy of a socket that was never connected", c35),
    ("C36", "reset_and_destroy twice", c36),
    ("C36b", "reset_and_destroy after destroy resets nothing", c36b),
    ("C37", "reset_and_destroy with 8 MiB in flight, a write behind them and an end", c37),
    ("C38", "reset_and_destroy at a path is refused, and the socket stays open", c38),
];

/// The accepted side does not read until it is told to.
fn paused() -> Pair {
    Pair { server: ServerOptions::new().pause_on_connect(true), ..Pair::default() }
}

fn c25(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, _, _| socket(reactor, s).reset_and_destroy());
}

fn c25b(case: &mut Case) {
    let c = Watch { flow: true, ..Watch::DATA };
    case.pair(Pair { c, ..Pair::default() }, |reactor, s, c, _| {
        let mut c = socket(reactor, c);
        c.pause();
        c.on_error(|c, _, log| log.note("C", ".isPaused()", c.is_paused()));
        socket(reactor, s).reset_and_destroy();
    });
}

fn c25c(case: &mut Case) {
    case.pair(Pair { c: Watch::QUIET, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).write("abc");
        let mut unread = socket(reactor, c);
        unread.on_error(|c, _, _| {
            c.on_data(|_, _, log| log.log("C", "data too late"));
        });
        unread.on_close(|c, _, log| log.note("C", ".bytesRead", c.bytes_read()));
        let has_read = move |reactor: &mut _, _: &mut _| socket(reactor, c).readable_length() == 3;
        until(reactor, has_read, move |reactor, log| {
            log.note("C", ".readableLength", socket(reactor, c).readable_length());
            socket(reactor, s).reset_and_destroy();
        });
    });
}

fn c25d(case: &mut Case) {
    case.pair(Pair { c: Watch::QUIET, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).write("abc");
        socket(reactor, c).on_error(|c, _, log| log.note("C", ".readableLength", c.readable_length()));
        let has_read = move |reactor: &mut _, _: &mut _| socket(reactor, c).readable_length() == 3;
        until(reactor, has_read, move |reactor, _| socket(reactor, s).reset_and_destroy());
    });
}

fn c26(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, c).write("abc");
        settle(reactor, move |reactor, _| {
            socket(reactor, c).reset_and_destroy();
            settle(reactor, move |reactor, log| {
                log.note("S", ".bytesRead", socket(reactor, s).bytes_read());
                socket(reactor, s).resume();
            });
        });
    });
}

fn c27(case: &mut Case) {
    case.pair(paused(), |reactor, s, c, _| {
        socket(reactor, c).write("abc");
        settle(reactor, move |reactor, _| {
            socket(reactor, c).reset_and_destroy();
            settle(reactor, move |reactor, log| {
                log.note("S", "write x ->", socket(reactor, s).write_then("x", cb("S", "w.cb")));
            });
        });
    });
}

fn c28(case: &mut Case) {
    case.pair(Pair { s: Watch::QUIET, ..paused() }, |reactor, s, c, log| {
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        c.end_then("", cb("C", "end.cb"));
        reactor.set_immediate(move |reactor, _| socket(reactor, s).reset_and_destroy());
    });
}

fn c30(case: &mut Case) {
    case.pair(Pair { s: Watch::QUIET, ..paused() }, |reactor, s, c, _| {
        socket(reactor, c).write("abc");
        settle(reactor, move |reactor, _| socket(reactor, s).destroy());
    });
}

fn c33(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| socket(reactor, c).reset_and_destroy());
}

fn c34(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |socket, _| watch_with(socket, "S", Watch::DATA));
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::DATA);
    socket.connect(([127, 0, 0, 1], port));
    socket.reset_and_destroy();
    case.log.note("C", ".destroyed", socket.is_destroyed());
}

fn c35(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.reset_and_destroy();
}

fn c36(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.reset_and_destroy();
        c.reset_and_destroy();
    });
}

fn c36b(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.destroy();
        c.reset_and_destroy();
    });
}

fn c37(case: &mut Case) {
    case.pair(Pair { s: Watch::NOTHING, ..Pair::default() }, |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        write_much(&mut c, log);
        c.end_then("", cb("C", "end.cb"));
        c.reset_and_destroy();
    });
}

fn c38(case: &mut Case) {
    case.pair(Pair { unix: true, ..Pair::default() }, |reactor, _, c, log| {
        let mut refused = socket(reactor, c);
        refused.reset_and_destroy();
        log.note("C", ".readyState", ready_state(&refused));
        reactor.set_immediate(move |reactor, _| socket(reactor, c).end_with("x"));
    });
}
