//! L: what the book says is what the crate does.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use netloop::{ConnectOptions, ListenerId, Reactor, SocketOptions};

use crate::util::{self, Trace, refused_port, run, run_until, watch, with};

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// Records where each iteration stands, in the list `L`, until `done`.
fn watch_phases(reactor: &mut Reactor<Trace>, done: impl Fn(&Trace) -> bool + 'static) {
    let prepare = reactor.on_prepare(|_, _, trace: &mut Trace| trace.push("L", "prepare"));
    reactor.on_check(move |reactor, check, trace| {
        trace.push("L", "check");
        if done(trace) {
            reactor.clear_watcher(prepare);
            reactor.clear_watcher(check);
        }
    });
}

/// The entries of the list without iterations in which nothing happened.
fn phases(trace: &Trace) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for entry in trace.of("L") {
        if entry == "check" && told.last().is_some_and(|last| last == "prepare") {
            told.pop();
        } else {
            told.push(entry.clone());
        }
    }
    told
}

#[test]
fn fault_l_a_socket_without_a_handle_closes_on_a_tick_and_one_with_a_handle_in_the_closing_phase() {
    let (mut reactor, mut trace) = setup();
    let (near, _far) = reactor.socket_pair().expect("a pair");
    let fresh = reactor.new_socket(SocketOptions::new()).id();
    for (id, name) in [(near, "pair"), (fresh, "fresh")] {
        with(&mut reactor, id, |socket| {
            socket.on_error(move |_, error, trace| trace.push("L", format!("{name} {error}")));
            socket.on_close(move |_, had_error, trace| trace.push("L", format!("{name} close {had_error}")));
        });
    }
    watch_phases(&mut reactor, |trace| trace.has("L", "immediate"));
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        with(reactor, near, |socket| socket.destroy_with("x"));
        with(reactor, fresh, |socket| socket.destroy_with("x"));
        reactor.next_tick(|_, trace: &mut Trace| trace.push("L", "tick"));
        trace.push("L", "immediate");
    });
    reactor.set_timeout(std::time::Duration::ZERO, |_, trace: &mut Trace| trace.push("L", "timer"));
    run(&mut reactor, &mut trace);
    let told = ["timer", "prepare", "immediate", "pair x", "fresh x", "fresh close false", "tick", "check", "pair close true"];
    assert_eq!(phases(&trace), told);
}

/// Prepare watchers run between the pending and the poll phase, check watchers after the poll phase.
#[cfg(unix)]
#[test]
fn fault_l_a_connect_at_a_path_is_told_in_the_poll_phase_and_its_failure_in_the_pending_phase() {
    let (dir, (mut reactor, mut trace)) = (util::TempDir::new(), setup());
    let path = dir.path("a.sock");
    let server = reactor.create_server(|_, _| ()).listen(&path).unref().id();
    let nowhere = dir.path("none.sock");
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        trace.push("L", "called");
        reactor.connect(&path).on_connect(|socket, trace| {
            trace.push("L", "connect");
            socket.destroy();
        });
        reactor
            .connect(&nowhere)
            .on_connection_attempt_failed(|_, _, _, trace| trace.push("L", "failed"))
            .on_error(|_, error, trace| trace.push("L", error.code()));
    });
    watch_phases(&mut reactor, |trace| trace.has("L", "connect"));
    run(&mut reactor, &mut trace);
    // What polling puts off comes at once, but this was put off by an immediate.
    assert_eq!(phases(&trace), ["prepare", "called", "check", "failed", "ENOENT", "prepare", "connect", "check"]);
    util::close(&mut reactor, server);
}

#[test]
fn fault_l_an_attempt_is_told_on_a_tick_for_an_address_and_in_the_poll_phase_for_a_name() {
    for (host, expected) in [
        ("127.0.0.1", &["prepare", "called", "attempt", "check"][..]),
        ("one.test", &["prepare", "called", "check", "prepare", "lookup", "attempt", "check"][..]),
    ] {
        let (mut reactor, mut trace) = setup();
        let (_held, port) = refused_port();
        reactor.set_immediate(move |reactor, trace: &mut Trace| {
            trace.push("L", "called");
            let options = ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1"]));
            reactor
                .connect_with((host, port), options)
                .on_lookup(|_, _, _, trace| trace.push("L", "lookup"))
                .on_connection_attempt(|_, _, trace| trace.push("L", "attempt"))
                .on_error(|_, _, _| {});
        });
        watch_phases(&mut reactor, |trace| trace.has("L", "attempt"));
        run(&mut reactor, &mut trace);
        assert_eq!(phases(&trace), expected, "{host}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn fault_l_an_attempt_that_destroy_ends_is_told_in_the_closing_phase() {
    let (mut reactor, mut trace) = setup();
    let (_listener, _fill, port) = util::black_hole();
    let options = ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
    reactor
        .connect_with(("two.test", port), options)
        .on_connection_attempt(|socket, _, _| {
            let id = socket.id();
            socket.reactor().set_immediate(move |reactor, trace: &mut Trace| {
                trace.push("L", "destroy");
                with(reactor, id, |socket| socket.destroy());
            });
        })
        .on_connection_attempt_failed(|_, _, error, trace| trace.push("L", error.code()))
        .on_close(|_, _, trace| trace.push("L", "close"));
    watch_phases(&mut reactor, |trace| trace.has("L", "destroy"));
    run(&mut reactor, &mut trace);
    assert_eq!(phases(&trace), ["prepare", "destroy", "check", "ECANCELED", "close"]);
}

/// The text is no name for any resolver, so that no network is asked.
#[test]
fn fault_l_the_error_of_a_listen_comes_on_a_tick_or_when_its_name_is_looked_up() {
    let (mut reactor, mut trace) = setup();
    let taken = reactor.create_server(|_, _| ()).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        trace.push("L", "called");
        for (host, name) in [("no..name", "name"), ("127.0.0.1", "literal")] {
            let mut server = reactor.create_server(|_, _| ());
            server.on_error(move |_, error, trace| trace.push("L", format!("{name} {}", error.code())));
            server.listen((host, taken));
        }
        let mut server = reactor.create_server(|_, _| ());
        server.on_error(|_, error, trace| trace.push("L", format!("address {}", error.code())));
        server.listen(([127, 0, 0, 1], taken));
    });
    watch_phases(&mut reactor, |trace| trace.has("L", "name ENOTFOUND"));
    run(&mut reactor, &mut trace);
    let told = ["called", "address EADDRINUSE", "literal EADDRINUSE", "check", "prepare", "name ENOTFOUND", "check"];
    assert_eq!(phases(&trace)[1..], told);
}

/// Elsewhere the kernel may not take all of it.
#[cfg(unix)]
#[test]
fn fault_l_what_was_corked_and_leaves_at_once_drains_on_a_tick() {
    let (mut reactor, mut trace) = setup();
    let (near, _far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("just made");
    socket.on_drain(|socket, trace| {
        trace.push("L", "drain");
        socket.destroy();
    });
    reactor.set_immediate(move |reactor, trace: &mut Trace| {
        with(reactor, near, |socket| {
            socket.cork();
            let room = socket.write(vec![0; socket.writable_high_water_mark()]);
            socket.uncork();
            trace.push("L", format!("room {room}, {} wait", socket.writable_length()));
        });
        reactor.next_tick(|_, trace: &mut Trace| trace.push("L", "tick"));
    });
    watch_phases(&mut reactor, |trace| trace.has("L", "tick"));
    run(&mut reactor, &mut trace);
    assert_eq!(phases(&trace), ["prepare", "room false, 0 wait", "drain", "tick", "check"]);
}

#[test]
fn fault_l_a_tick_of_the_end_listener_may_still_write() {
    let (mut reactor, mut trace) = setup();
    let (near, far) = reactor.socket_pair().expect("a pair");
    watch(&mut reactor.socket(near).expect("just made"), "N");
    let mut peer = reactor.socket(far).expect("just made");
    peer.on_end(|peer, _| {
        peer.next_tick(|peer, trace| {
            let room = peer.write("late");
            trace.push("F", format!("write {room}"));
        });
    });
    peer.on_close(|_, had_error, trace| trace.push("F", format!("close {had_error}")));
    peer.resume();
    with(&mut reactor, near, |socket| socket.end());
    run(&mut reactor, &mut trace);
    trace.check("F", &["write true", "close false"]);
    trace.check("N", &["finish", "data 4", "end", "close false"]);
}

/// Node calls it once more: its emission walks over a copy of the list.
#[test]
fn fault_l_a_listener_removed_by_one_before_it_is_not_called() {
    let (mut reactor, mut trace) = setup();
    let (near, far) = reactor.socket_pair().expect("a pair");
    let second: Rc<RefCell<Option<ListenerId>>> = Rc::default();
    let gone = Rc::clone(&second);
    let mut socket = reactor.socket(far).expect("just made");
    socket.on_data(move |socket, _, trace| {
        trace.push("S", "first");
        if let Some(second) = gone.take() {
            trace.push("S", format!("removed {}", socket.remove_listener(second)));
        }
    });
    second.replace(Some(socket.on_data(|_, _, trace| trace.push("S", "second")).last_listener()));
    socket.on_data(|_, _, trace| trace.push("S", "third"));
    with(&mut reactor, near, |socket| socket.end_with("x"));
    run(&mut reactor, &mut trace);
    trace.check("S", &["first", "removed true", "third"]);
}

/// One socket is piped to another, and a listener of its `data` undoes that at the first chunk.
#[track_caller]
fn unpipe_at_the_first_chunk(listens_first: bool, expected: &[&str]) {
    let (mut reactor, mut trace) = setup();
    let (peer, from) = reactor.socket_pair().expect("a pair");
    let (to, far) = reactor.socket_pair().expect("a pair");
    let listen = |reactor: &mut Reactor<Trace>| {
        with(reactor, from, |socket| {
            socket.on_data(move |socket, chunk, trace| {
                trace.push("from", format!("data {}", chunk.len()));
                socket.reactor().unpipe(from, to);
            });
        });
    };
    if listens_first {
        listen(&mut reactor);
    }
    reactor.pipe(from, to);
    if !listens_first {
        listen(&mut reactor);
    }
    watch(&mut reactor.socket(far).expect("just made"), "far");
    with(&mut reactor, peer, |socket| {
        socket.write("one");
    });
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("from", "data 3"));
    assert!(reactor.socket(from).is_some_and(|socket| socket.is_paused()), "what it reads now would be lost");
    with(&mut reactor, peer, |socket| socket.end_with("two!"));
    with(&mut reactor, to, |socket| socket.end());
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("far", "end"));
    trace.check("from", &["data 3"]);
    assert_eq!(trace.of("far")[..expected.len()], *expected, "{trace:#?}");
}

/// In Node the destination gets the chunk in both orders: row D-70.
#[test]
fn fault_l_unpipe_in_an_older_data_listener_keeps_the_chunk_back() {
    unpipe_at_the_first_chunk(true, &["end"]);
}

#[test]
fn fault_l_unpipe_in_a_younger_data_listener_comes_after_the_chunk() {
    unpipe_at_the_first_chunk(false, &["data 3", "end"]);
}

/// Each chapter stands in the list of the crate's page, in that of the README, and in the book.
#[test]
fn fault_l_every_list_of_chapters_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (lib, readme, book) = (read("src/lib.rs"), read("README.md"), read("src/book.rs"));
    let mut chapters = 0;
    for entry in fs::read_dir(root.join("docs/book")).expect("the chapters") {
        let name = entry.expect("a readable folder").file_name().into_string().expect("text");
        let module = format!("_{}", name.trim_end_matches(".md").replace('-', "_"));
        assert!(lib.contains(&format!("(_book::{module})")), "{name} is not in src/lib.rs");
        assert!(readme.contains(&format!("(docs/book/{name})")), "{name} is not in README.md");
        assert!(book.contains(&format!("pub mod {module} ")), "{name} is not in src/book.rs");
        chapters += 1;
    }
    assert!(chapters >= 14, "only {chapters} chapters found");
}
