//! The order of phases: the rows of "phase interleavings". All objects are one list.

use std::path::Path;
use std::time::Duration;

use netloop::{ConnectOptions, Error, Reactor, SocketId, SocketOptions};

use crate::Scenario;
use crate::case::{Case, Pair};
use crate::trace::{Trace, Watch, cb, immediate, outcome, server_cb, socket, tick, timer, watch, watch_server, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("P01", "listen between two ticks", p01),
    ("P02", "ticks and immediates between data, end and close", p02),
    ("P03", "destroy in a timer, then queue a tick, an immediate and a timer", p03),
    ("P04", "destroy with an error between two ticks", p04),
    ("P05", "close the server, then destroy its one connection", p05),
    ("P06", "a refused connection", p06),
    ("P07", "a failed lookup", p07),
    ("P08", "end in an immediate", p08),
    ("P09", "two writes, end, a tick and an immediate", p09),
    ("P10", "a large write is done", p10),
    ("P11", "two writes and end where the peer is gone", p11),
    ("P12", "connect to a path, in a tick before the loop and in a callback of the poll phase", p12),
];

/// Only C is watched.
fn only_c() -> Pair {
    Pair { s: Watch::NOTHING, c: Watch::QUIET, ..Pair::default() }
}

fn p01(case: &mut Case) {
    tick(&mut case.reactor, "tickA");
    let mut server = case.reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    let id = server.id();
    server.once_listening(move |server, _| {
        server.reactor().set_immediate(move |reactor, _| reactor.server(id).expect("it listens").close());
    });
    server.listen(0);
    tick(&mut case.reactor, "tickB");
    immediate(&mut case.reactor, "imm");
}

fn p02(case: &mut Case) {
    case.pair(Pair { c: Watch::NOTHING, ..Pair::default() }, |reactor, s, c, _| {
        let mut s = socket(reactor, s);
        s.on_data(|s, _, _| {
            tick(s.reactor(), "data.tick");
            immediate(s.reactor(), "data.imm");
        });
        s.on_end(|s, _| {
            tick(s.reactor(), "end.tick");
            immediate(s.reactor(), "end.imm");
        });
        s.on_close(|s, _, _| tick(s.reactor(), "close.tick"));
        socket(reactor, c).end_with("bye");
    });
}

fn p03(case: &mut Case) {
    case.pair(only_c(), |reactor, _, c, _| {
        reactor.set_timeout(Duration::from_millis(1), move |reactor, _| {
            socket(reactor, c).destroy();
            tick(reactor, "tick");
            immediate(reactor, "imm");
            timer(reactor, "timer1", 1);
        });
    });
}

fn p04(case: &mut Case) {
    case.pair(Pair { c: Watch::DATA, ..only_c() }, |reactor, s, c, _| {
        socket(reactor, c).on_data(|c, _, _| {
            tick(c.reactor(), "tick0");
            c.destroy_with("gone");
            tick(c.reactor(), "tick1");
            immediate(c.reactor(), "imm");
        });
        socket(reactor, s).write("x");
    });
}

fn p05(case: &mut Case) {
    let mut server = case.reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    let id = server.id();
    server.on_connection(move |s, _| {
        watch_with(s, "S", Watch::DATA);
        s.on_data(move |s, _, _| {
            s.reactor().server(id).expect("it listens").close_then(server_cb("V", "close.cb"));
            s.destroy();
            tick(s.reactor(), "tick");
            immediate(s.reactor(), "imm");
        });
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    server.once_listening(move |server, _| {
        let mut c = server.reactor().connect(([127, 0, 0, 1], port));
        c.resume();
        c.write("x");
    });
    case.log.name_port(port, "V");
}

fn p06(case: &mut Case) {
    let port = case.refused_port("V");
    let mut c = case.reactor.connect(([127, 0, 0, 1], port));
    watch(&mut c, "C");
    c.on_connection_attempt_failed(|c, _, _, _| {
        tick(c.reactor(), "tick");
        immediate(c.reactor(), "imm");
    });
}

fn p07(case: &mut Case) {
    let options = ConnectOptions::new().lookup(|request| request.fail(Error::with_code("ERR_NO_DNS", "no network")));
    let mut c = case.reactor.connect_with(("nosuch.test", 9), options);
    watch(&mut c, "C");
    c.on_lookup(|c, _, _, _| tick(c.reactor(), "tick"));
}

fn p08(case: &mut Case) {
    case.pair(only_c(), |reactor, s, c, _| {
        socket(reactor, s).resume();
        socket(reactor, c).end_then("", cb("C", "end.cb"));
        tick(reactor, "tick");
        immediate(reactor, "imm");
    });
}

fn p09(case: &mut Case) {
    case.pair(only_c(), |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        log.note("C", "write a ->", c.write_then("a", cb("C", "w1.cb")));
        log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
        c.end_then("", cb("C", "end.cb"));
        tick(reactor, "tick");
        immediate(reactor, "imm");
    });
}

fn p10(case: &mut Case) {
    case.pair(only_c(), |reactor, s, c, log| {
        socket(reactor, s).resume();
        let mut c = socket(reactor, c);
        c.on_drain(|c, _| {
            tick(c.reactor(), "drain.tick");
            immediate(c.reactor(), "drain.imm");
        });
        let is_more_welcome = c.write_then(vec![0; 6 << 20], |c, result, log| {
            log.log("C", outcome("w.cb", &result));
            tick(c.reactor(), "w.tick");
            immediate(c.reactor(), "w.imm");
            c.destroy();
        });
        log.note("C", "write 6 MB ->", is_more_welcome);
    });
}

fn p11(case: &mut Case) {
    let client = SocketOptions::new().allow_half_open(true);
    case.pair(Pair { unix: true, client, ..only_c() }, |reactor, s, c, _| {
        socket(reactor, c).on_end(|c, log| {
            log.note("C", "write a ->", c.write_then("a", cb("C", "w1.cb")));
            log.note("C", "write b ->", c.write_then("b", cb("C", "w2.cb")));
            c.end_then("", cb("C", "end.cb"));
            tick(c.reactor(), "tick");
            immediate(c.reactor(), "imm");
        });
        socket(reactor, s).destroy();
    });
}

fn p12(case: &mut Case) {
    fn connect(reactor: &mut Reactor<Trace>, name: &'static str, path: &Path) -> SocketId {
        let mut socket = reactor.new_socket(SocketOptions::new());
        watch(&mut socket, name);
        let id = socket.connect(path).id();
        tick(reactor, if name == "C" { "C.tick" } else { "D.tick" });
        immediate(reactor, if name == "C" { "C.imm" } else { "D.imm" });
        id
    }
    let Some(path) = case.temp_path("V") else { return };
    let mut server = case.reactor.create_server(|_, _| {});
    let at = path.clone();
    server.once_listening(move |server, _| {
        let c = connect(server.reactor(), "C", &at);
        socket(server.reactor(), c).on_ready(move |c, _| {
            let d = connect(c.reactor(), "D", &at);
            socket(c.reactor(), d).on_ready(|d, _| {
                d.reactor().set_immediate(|_, log| log.end());
            });
        });
    });
    server.listen(path);
}
