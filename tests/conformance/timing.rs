//! Corks, idle timeouts, and the moment of a destroy: C45 to C50, C54 to C60.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use netloop::{Reactor, ServerOptions, Socket, SocketId, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair, settle};
use crate::trace::{Trace, Watch, cb, ready_state, socket, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("C45", "two writes under two corks leave together", c45),
    ("C46", "what write answers at a high-water mark of 10, with and without a cork", c46),
    ("C47", "an idle timeout comes once, and once more after a write", c47),
    ("C48", "destroy in the callback of setTimeout", c48),
    ("C49", "what puts the idle timeout off: bytes read, bytes read while paused, a write", c49),
    ("C50", "a write that is stuck is noticed at the second idle timeout", c50),
    ("C54", "destroy in the immediate after the attempt", c54),
    ("C55", "destroy in the end listener", c55),
    ("C56", "destroy in the finish listener", c56),
    ("C57", "connect, write and destroySoon in one go", c57),
    ("C58", "destroySoon on a socket that was never connected", c58),
    ("C60", "a half-open server at a path ends later than its client", c60),
];

/// Calls `then` with the socket after that many milliseconds.
fn later(reactor: &mut Reactor<Trace>, ms: u64, id: SocketId, then: impl FnOnce(&mut Socket<'_, Trace>, &mut Trace) + 'static) {
    reactor.set_timeout(Duration::from_millis(ms), move |reactor, log| then(&mut socket(reactor, id), log));
}

fn c45(case: &mut Case) {
    case.pair(Pair { s: Watch::CHUNKS, ..Pair::default() }, |reactor, s, c_id, log| {
        let mut c = socket(reactor, c_id);
        c.cork();
        log.note("C", "write a ->", c.write_then("a", cb("C", "w1.cb")));
        c.cork();
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.uncork();
        log.note("C", ".writableCorked", c.writable_corked());
        log.note("C", ".writableLength", c.writable_length());
        c.uncork();
        log.note("C", ".writableLength", c.writable_length());
        socket(reactor, s).on_data(move |s, _, _| socket(s.reactor(), c_id).end());
    });
}

fn c46(case: &mut Case) {
    let client = SocketOptions::new().high_water_mark(10);
    case.pair(Pair { client, ..Pair::default() }, |reactor, _, id, log| {
        let mut c = socket(reactor, id);
        log.note("C", "write 20 ->", c.write_then([b'a'; 20], cb("C", "w1.cb")));
        c.cork();
        log.note("C", "write 9 ->", c.write_then([b'b'; 9], cb("C", "w2.cb")));
        log.note("C", "write 1 ->", c.write_then("c", cb("C", "w3.cb")));
        log.note("C", ".writableNeedDrain", c.writable_need_drain());
        c.uncork();
        c.on_drain(move |c, _| {
            c.reactor().set_immediate(move |reactor, _| socket(reactor, id).end());
        });
    });
}

fn c47(case: &mut Case) {
    case.pair(Pair { s: Watch::NOTHING, ..Pair::default() }, |reactor, s, id, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, id);
        let mut count = 0;
        c.on_timeout(move |c, _| {
            count += 1;
            let is_first = count == 1;
            // Two more of these times without another one.
            later(c.reactor(), 60, id, move |c, log| match is_first {
                true => log.note("C", "write ->", c.write("x")),
                false => c.end(),
            });
        });
        c.set_timeout(Duration::from_millis(30));
        log.note("C", ".timeout", c.timeout().expect("just set").as_millis());
    });
}

fn c48(case: &mut Case) {
    case.pair(Pair::default(), |reactor, _, c, _| {
        let mut c = socket(reactor, c);
        c.set_timeout(Duration::from_millis(20));
        c.once_timeout(|c, log| {
            log.log("C", "timeout.cb");
            c.destroy();
        });
    });
}

fn c49(case: &mut Case) {
    const IDLE: u64 = 400;
    let port = case.serve(3, ServerOptions::new(), |socket, _| {
        socket.on_error(|_, _, _| {});
        socket.resume();
        let id = socket.id();
        later(socket.reactor(), IDLE / 2, id, |socket, _| {
            socket.write("x");
        });
    });
    let mut connect = |name: &'static str, connected: fn(&mut Socket<'_, Trace>)| {
        let mut socket = case.reactor.new_socket(SocketOptions::new());
        watch(&mut socket, name);
        socket.once_connect(move |socket, _| {
            socket.set_timeout(Duration::from_millis(IDLE));
            let id = socket.id();
            // Begun at the same time, it comes first only if the other one has been put off.
            later(socket.reactor(), IDLE, id, move |_, log| log.log(name, "timer"));
            connected(socket);
        });
        socket.on_timeout(move |socket, log| {
            log.note(name, ".bytesRead", socket.bytes_read());
            socket.destroy();
        });
        socket.connect(([127, 0, 0, 1], port));
    };
    connect("R", |socket| socket.resume());
    connect("P", |r| {
        let id = r.id();
        r.reactor().set_immediate(move |reactor, _| socket(reactor, id).pause());
    });
    connect("W", |socket| {
        socket.pause();
        let id = socket.id();
        later(socket.reactor(), IDLE / 2, id, |socket, log| log.note("W", "write ->", socket.write("x")));
    });
}

fn c50(case: &mut Case) {
    const IDLE: Duration = Duration::from_millis(100);
    let server = ServerOptions::new().pause_on_connect(true);
    let client = SocketOptions::new().write_queue_limit(usize::MAX);
    case.pair(Pair { server, client, s: Watch::NOTHING, ..Pair::default() }, |reactor, s, c, log| {
        let mut c = socket(reactor, c);
        log.note("C", "write 64 MB ->", c.write(vec![0; 64 << 20]));
        c.set_timeout(IDLE);
        let second = Rc::new(Cell::new(None));
        let started = second.clone();
        c.on_timeout(move |c, _| {
            c.destroy();
            socket(c.reactor(), s).destroy();
            started.take().map(|timer| c.reactor().clear_timer(timer));
        });
        reactor.set_timeout(IDLE, move |reactor, log| {
            log.log("C", "first timer");
            second.set(Some(reactor.set_timeout(IDLE, |_, log| log.log("C", "second timer"))));
        });
    });
}

fn c54(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |s, _| watch_with(s, "S", Watch::DATA));
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut c, "C", Watch::DATA);
    c.on_connection_attempt(|c, _, _| {
        let id = c.id();
        c.reactor().set_immediate(move |reactor, _| socket(reactor, id).destroy());
    });
    c.connect(([127, 0, 0, 1], port));
}

fn c55(case: &mut Case) {
    case.pair(Pair::default(), |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, _| s.destroy());
        socket(reactor, c).end_with("bye");
    });
}

fn c56(case: &mut Case) {
    let server = ServerOptions::new().allow_half_open(true);
    case.pair(Pair { server, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).on_end(|s, _| s.end());
        let mut c = socket(reactor, c);
        c.on_finish(|c, _| c.destroy());
        c.end_with("bye");
    });
}

fn c57(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |s, _| watch_with(s, "S", Watch::DATA));
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut c, "C", Watch::DATA);
    c.connect(([127, 0, 0, 1], port));
    case.log.note("C", "write q ->", c.write_then("q", cb("C", "w.cb")));
    c.destroy_soon();
    case.log.note("C", ".readyState", ready_state(&c));
}

fn c58(case: &mut Case) {
    let mut c = case.reactor.new_socket(SocketOptions::new());
    watch(&mut c, "C");
    c.destroy_soon();
    case.log.note("C", ".destroyed", c.is_destroyed());
}

fn c60(case: &mut Case) {
    let server = ServerOptions::new().allow_half_open(true);
    case.pair(Pair { unix: true, server, ..Pair::default() }, |reactor, s, c, _| {
        socket(reactor, s).on_end(move |ended, _| {
            settle(ended.reactor(), move |reactor, _| socket(reactor, s).end_with("last"));
        });
        socket(reactor, c).end_with("bye");
    });
}
