//! Connecting to names, and what their lookups answer: the scenarios of B with a lookup. `attempts.rs` has several addresses.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use netloop::{ConnectOptions, Error, LookupRequest, ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::{Case, settle};
use crate::trace::{Watch, cb, ready_state, socket, tick, watch, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("B02", "connect to a name that has one address", b02),
    ("B11", "a lookup that fails", b11),
    ("B12", "a lookup for one address that answers with a text that is none", b12),
    ("B13", "a lookup for one address that answers with a family that is none", b13),
    ("B14", "destroy before the lookup for all addresses has answered, with a write that waits", b14),
    ("B15", "destroy before the lookup for one address has answered", b15),
    ("B16", "destroy in the first of two lookup events", b16),
    ("B35", "an idle timeout that is shorter than the lookup", b35),
    ("B36", "a lookup that answers at once", b36),
];

/// Options whose lookup answers with these addresses.
pub(crate) fn answering(addresses: &'static [&'static str]) -> ConnectOptions {
    ConnectOptions::new().lookup(move |request| request.answer(addresses.iter().copied()))
}

/// Options whose lookup hands out its request.
fn asking() -> (ConnectOptions, mpsc::Receiver<LookupRequest>) {
    let (sender, requests) = mpsc::channel();
    (ConnectOptions::new().lookup(move |request| sender.send(request).expect("somebody waits")), requests)
}

fn b02(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |socket, _| socket.end());
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::DATA);
    let asked = Rc::new(RefCell::new(String::new()));
    let told = asked.clone();
    let options = ConnectOptions::new().lookup(move |request| {
        let number = if request.wants_all() { "all" } else { "one" };
        let family = request.family().map_or_else(|| "any".to_owned(), |family| format!("{family:?}"));
        *told.borrow_mut() = format!("{} {number} {family}", request.host());
        request.answer(["127.0.0.1"]);
    });
    socket.connect_with(("one.test", port), options);
    case.log.note("C", ".readyState", ready_state(&socket));
    socket.on_lookup(move |_, _, _, log| log.log("lookup", asked.take()));
    socket.on_ready(|socket, log| {
        log.note("C", ".remoteAddress", socket.remote_address().and_then(|address| address.ip()).expect("it is connected"));
    });
}

fn b11(case: &mut Case) {
    let failing = || {
        ConnectOptions::new().lookup(|request| {
            let text = format!("no network for {}", request.host());
            request.fail(Error::with_code("ERR_NO_DNS", text));
        })
    };
    for (name, options) in [("C", failing()), ("D", failing().auto_select_family(false))] {
        let mut socket = case.reactor.new_socket(SocketOptions::new());
        watch(&mut socket, name);
        socket.connect_with(("no.test", 1), options);
    }
}

fn b12(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(("bad.test", 1), answering(&["bad"]).auto_select_family(false));
}

/// The nearest there is: a text that says so.
fn b13(case: &mut Case) {
    for (name, options) in [("C", answering(&["127.0.0.1 of 5"])), ("D", answering(&["127.0.0.1 of 100"]))] {
        let mut socket = case.reactor.new_socket(SocketOptions::new());
        watch(&mut socket, name);
        socket.connect_with(("bad.test", 1), options.auto_select_family(false));
    }
}

/// In an immediate `destroy`, and much later the answer.
fn destroy_and_answer(case: &mut Case, all: bool) {
    let (options, requests) = asking();
    let mut late = case.reactor.new_socket(SocketOptions::new());
    watch(&mut late, "C");
    late.connect_with(("late.test", 1), options.auto_select_family(all));
    let id = late.id();
    if all {
        case.log.note("C", "write a ->", late.write_then("a", cb("C", "w.cb")));
    }
    case.reactor.set_immediate(move |reactor, _| {
        socket(reactor, id).destroy();
        settle(reactor, move |_, _| requests.try_recv().expect("it was asked").answer(["127.0.0.1"]));
    });
}

fn b14(case: &mut Case) {
    destroy_and_answer(case, true);
}

fn b15(case: &mut Case) {
    destroy_and_answer(case, false);
}

fn b16(case: &mut Case) {
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    socket.connect_with(("two.test", 1), answering(&["127.0.0.1", "127.0.0.2"]));
    socket.on_lookup(|socket, _, _, _| socket.destroy());
}

fn b35(case: &mut Case) {
    let port = case.serve(1, ServerOptions::new(), |socket, _| socket.end());
    let (options, requests) = asking();
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch_with(&mut socket, "C", Watch::DATA);
    socket.once_timeout(move |socket, _| {
        let answer = move |_: &mut _, _: &mut _| requests.try_recv().expect("it was asked").answer(["127.0.0.1"]);
        socket.reactor().set_immediate(answer);
    });
    socket.set_timeout(Some(Duration::from_millis(100)));
    socket.connect_with(("slow.test", port), options);
}

fn b36(case: &mut Case) {
    let port = case.refused_port("V");
    let mut socket = case.reactor.new_socket(SocketOptions::new());
    watch(&mut socket, "C");
    case.log.log("log", "before");
    socket.connect_with(("quick.test", port), answering(&["127.0.0.1"]));
    case.log.log("log", "after");
    tick(&mut case.reactor, "tick");
}
