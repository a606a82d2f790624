//! The order of phases: the rows of "phase interleavings". All objects are one list.

use std::time::Duration;

use crate::Scenario;
use crate::case::{Case, Pair};
use crate::trace::{Watch, immediate, socket, tick, timer, watch_server};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("P01", "listen between two ticks", p01),
    ("P03", "destroy in a timer, then queue a tick, an immediate and a timer", p03),
];

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

fn p03(case: &mut Case) {
    case.pair(Pair { s: Watch::NOTHING, c: Watch::QUIET, ..Pair::default() }, |reactor, _, c, _| {
        reactor.set_timeout(Duration::from_millis(1), move |reactor, _| {
            socket(reactor, c).destroy();
            tick(reactor, "tick");
            immediate(reactor, "imm");
            timer(reactor, "timer1", 1);
        });
    });
}
