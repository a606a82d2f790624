//! Windows named pipes: names, connecting, and where they differ from Unix-domain sockets.
#![cfg(windows)]

mod pair;
mod util;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mio::windows::NamedPipe;
use netloop::{Endpoint, ListenOptions, Reactor, ReadyState, Socket};
use pair::{each_way, flowing};
use util::{Trace, check_error, done};

/// A name that nobody else has.
fn name() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(r"\\.\pipe\netloop-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)).into()
}

/// A client as other programs have them: it blocks.
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Listens at a path and closes; with what the server said.
fn listen_and_run(path: &Path) -> Trace {
    listen_with_and_run(path, ListenOptions::new())
}

fn listen_with_and_run(path: &Path, options: ListenOptions) -> Trace {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let mut server = reactor.create_server(|_, _| ());
    util::watch_server(&mut server, "V");
    server.on_listening(|server, _| server.close());
    server.listen_with(path, options);
    util::run(&mut reactor, &mut trace);
    trace
}

/// Connects to a path and runs until nothing is left; without the name of the path.
fn connect_and_run(path: &Path) -> Vec<String> {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    util::watch(&mut reactor.connect(path), "C");
    util::run(&mut reactor, &mut trace);
    trace.of("C").iter().map(|said| drop_name(said)).collect()
}

/// `connectionAttempt NAME …` without the name.
fn drop_name(said: &str) -> String {
    match said.split_once(' ') {
        Some((event, rest)) if event.starts_with("connectionAttempt") => {
            let code = rest.rsplit_once(' ').map_or("", |(_, code)| code);
            format!("{event} {code}").trim_end().to_owned()
        }
        _ => said.to_owned(),
    }
}

/// Whether the system refuses a second first instance of a pipe, as Windows does; Wine 8 makes one more.
fn names_are_guarded() -> bool {
    let path = name();
    let first = NamedPipe::new(&path).expect("a free name");
    let guarded = NamedPipe::new(&path).is_err();
    drop(first);
    if !guarded {
        eprintln!("not checked: this system lets two servers have one name");
    }
    guarded
}

/// Gives back what comes, and stops reading while the peer does not.
fn echo(socket: &mut Socket<'_, Trace>) {
    socket.on_data(|socket, chunk, _| {
        if !socket.write(chunk) {
            socket.pause();
        }
    });
    socket.on_drain(|socket, _| socket.resume());
}

#[test]
fn a_megabyte_comes_back_whole_and_in_order() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    let server = reactor.create_server(|socket, _| echo(socket)).listen(&path).id();
    let bytes: Vec<u8> = (0..1_u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut client = reactor.connect(&path);
    assert!(!client.write(&bytes), "beyond the high-water mark");
    util::watch_quiet(&mut client, "C");
    let (expected, mut at) = (bytes.clone(), 0);
    client.on_data(move |client, chunk, trace: &mut Trace| {
        assert_eq!(chunk, &expected[at..at + chunk.len()], "at {at}");
        at += chunk.len();
        if at == expected.len() {
            trace.push("C", "all");
            client.end();
        }
    });
    client.on_close(move |client, _, _| util::close(client.reactor(), server));
    util::run(&mut reactor, &mut trace);
    assert_eq!(
        trace.of("C").iter().filter(|said| !said.starts_with("connectionAttempt")).collect::<Vec<_>>(),
        ["connect", "ready", "drain", "all", "finish", "end", "close false"]
    );
}

#[test]
fn clients_come_one_after_another_and_at_once() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    let server = reactor.create_server(|socket, _| echo(socket)).listen(&path).id();
    // More at once than instances wait: the others find the pipe busy, and wait.
    for (round, count) in [1, 1, 1, 20].into_iter().enumerate() {
        for client in 0..count {
            let label = format!("{round}.{client}");
            let mut socket = reactor.connect(&path);
            socket.write(&label);
            socket.on_data(move |socket, chunk, trace: &mut Trace| {
                assert_eq!(chunk, label.as_bytes());
                trace.push("log", "answer");
                socket.end();
            });
            socket.on_close(|_, had_error, trace| trace.push("log", format!("close {had_error}")));
        }
        let closed = |trace: &Trace| trace.of("log").iter().filter(|said| *said == "close false").count();
        util::run_until(&mut reactor, &mut trace, |_, trace| closed(trace) == count);
        assert_eq!(trace.of("log").len(), 2 * count);
        trace.clear();
    }
    util::close(&mut reactor, server);
    util::run(&mut reactor, &mut trace);
}

#[test]
fn the_peer_of_who_has_ended_can_still_answer() {
    each_way(&flowing().half_open(true, false).unix(name()), |pair| {
        pair.see_s().on_data(|socket, _, _| socket.end_with("answer"));
        pair.c(|c, _| c.end_with("question"));
        pair.run();
        // When the system has taken the last bytes is nobody's promise.
        for (name, data) in [("C", "data 6"), ("S", "data 8")] {
            let said = pair.trace.of(name);
            assert_eq!(said.iter().filter(|said| *said != "finish").collect::<Vec<_>>(), [data, "end", "close false"]);
            assert_eq!(said.iter().filter(|said| *said == "finish").count(), 1, "{name}: {said:?}");
        }
    });
}

#[test]
fn who_has_ended_closes_after_a_silence_and_the_peer_sees_the_end() {
    for server_ends in [false, true] {
        each_way(&flowing().half_open(true, true).unix(name()), |pair| {
            // The peer does not end by itself: a half-open pipe does not last.
            if server_ends {
                pair.see_c().on_end(|c, _| c.end());
                pair.s(|s, _| s.end_with("bye"));
            } else {
                pair.see_s().on_end(|s, _| s.end());
                pair.c(|c, _| c.end_with("bye"));
            }
            pair.run();
            let (first, second) = if server_ends { ("S", "C") } else { ("C", "S") };
            pair.check(first, &["finish", "end", "close false"]);
            pair.check(second, &["data 3", "end", "finish", "close false"]);
        });
    }
}

#[test]
fn both_may_end_at_once() {
    each_way(&flowing().unix(name()), |pair| {
        pair.s(|s, _| s.end_with("from s"));
        pair.c(|c, _| c.end_with("from c"));
        pair.run();
        for (name, data) in [("S", "data 6"), ("C", "data 6")] {
            let said = pair.trace.of(name);
            assert_eq!(said.last().map(String::as_str), Some("close false"), "{name}: {said:?}");
            for once in [data, "end", "finish"] {
                assert_eq!(said.iter().filter(|entry| *entry == once).count(), 1, "{name}: {said:?}");
            }
        }
    });
}

#[test]
fn destroy_is_an_end_for_the_peer() {
    each_way(&flowing().unix(name()), |pair| {
        pair.s(|s, _| s.destroy());
        pair.run();
        pair.check("S", &["close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
    each_way(&flowing().unix(name()), |pair| {
        pair.c(|c, _| c.destroy());
        pair.run();
        pair.check("C", &["close false"]);
        pair.check("S", &["end", "finish", "close false"]);
    });
}

#[test]
fn what_was_written_before_the_end_arrives_however_late_the_peer_reads() {
    let mut pair = flowing().unix(name()).paused_on_connect().connect();
    let bytes = vec![7; 300_000];
    pair.c(move |c, _| c.end_with(bytes));
    pair.settle();
    assert!(!pair.trace.has("C", "finish"), "the system cannot hold it all");
    pair.s(|s, _| s.resume());
    pair.run();
    pair.check("S", &["data 300000", "end", "finish", "close false"]);
    pair.check("C", &["finish", "end", "close false"]);
}

#[test]
fn a_write_to_a_peer_that_is_gone_fails() {
    each_way(&flowing().half_open(false, true).unix(name()), |pair| {
        pair.s(|s, _| s.destroy());
        pair.until("C", "end");
        pair.settle();
        pair.c(|c, _| c.write_then("x", done("C", "w.cb")));
        pair.run();
        pair.check("C", &["end", "w.cb(EPIPE)", "error EPIPE", "close true"]);
        pair.check("S", &["close false"]);
    });
}

#[test]
fn both_sides_have_no_address() {
    let mut pair = flowing().unix(name()).connect();
    let s = pair.see_s();
    assert_eq!((s.local_address(), s.remote_address(), s.local_port(), s.remote_port()), (None, None, None, None));
    let c = pair.see_c();
    assert_eq!((c.local_address(), c.remote_address(), c.remote_family()), (None, None, None));
    assert_eq!(c.ready_state(), ReadyState::Open);
    pair.see_s().set_no_delay(true).set_keep_alive(None).reset_and_destroy();
    pair.settle();
    pair.check("S", &["error ERR_INVALID_HANDLE_TYPE"]);
    assert_eq!(pair.see_s().ready_state(), ReadyState::Open);
}

#[test]
fn a_name_that_nobody_has_is_enoent() {
    let failed = ["connectionAttempt", "connectionAttemptFailed ENOENT", "error ENOENT", "close true"];
    let path = name();
    assert_eq!(connect_and_run(&path), failed);
    // No pipe can have such a name, and no file is opened instead.
    let file = std::env::temp_dir().join(format!("netloop-{}.txt", std::process::id()));
    std::fs::write(&file, "kept").expect("a file");
    for path in [&file, &PathBuf::from("netloop-no-such-file"), &PathBuf::from(r"\\.\pipes\netloop")] {
        assert_eq!(connect_and_run(path), failed, "{}", path.display());
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "kept");
    std::fs::remove_file(&file).expect("it is there");

    let (mut reactor, mut errors) = (Reactor::<Vec<netloop::Error>>::new().expect("a selector"), Vec::new());
    reactor.connect(&path).on_error(|_, error, errors: &mut Vec<netloop::Error>| errors.push(error.clone()));
    reactor.run(&mut errors).expect("every error is heard");
    let text = path.display().to_string();
    check_error(&errors[0], ("ENOENT", "connect", &text, None), &format!("connect ENOENT {text}"));
}

#[test]
fn only_the_name_of_a_pipe_can_be_listened_at() {
    for path in [r"C:\netloop.sock", "netloop.sock", r"\\.\pipes\netloop", r"\\server\pipe\netloop"] {
        listen_and_run(Path::new(path)).check("V", &["error EACCES"]);
    }
    for path in ["\\\\.\\pipe\\net\0loop".to_owned(), format!(r"\\.\pipe\{}", "x".repeat(250))] {
        listen_and_run(Path::new(&path)).check("V", &["error EINVAL"]);
        assert_eq!(connect_and_run(Path::new(&path)), ["connectionAttempt", "error EINVAL", "close true"]);
    }
    let path = name().display().to_string().replacen(r"\\.\", r"\\?\", 1);
    listen_and_run(Path::new(&path)).check("V", &["listening", "close"]);
}

#[test]
fn the_rights_of_a_pipe_cannot_be_set() {
    for options in [ListenOptions::new().readable_all(true), ListenOptions::new().writable_all(true)] {
        listen_with_and_run(&name(), options).check("V", &["error ENOTSUP"]);
    }
}

#[test]
fn a_name_in_use_is_eaddrinuse_and_free_again_after_close() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    let server = reactor.create_server(|_, _| ()).listen(&path).id();
    let address = reactor.server(server).and_then(|server| server.address());
    assert_eq!(address.map(Endpoint::from), Some(Endpoint::from(&path)));
    if names_are_guarded() {
        listen_and_run(&path).check("V", &["error EADDRINUSE"]);
    }
    for _ in 0..20 {
        util::close(&mut reactor, server);
        assert_eq!(open(&path).map_err(|error| error.kind()).err(), Some(std::io::ErrorKind::NotFound));
        let mut again = reactor.server(server).expect("it is there");
        assert!(again.listen(&path).is_listening());
    }
    util::close(&mut reactor, server);
    util::run(&mut reactor, &mut trace);
    listen_and_run(&path).check("V", &["listening", "close"]);
}

#[test]
fn a_closed_server_keeps_its_clients_and_they_keep_the_name() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    let mut server = reactor.create_server(|socket, _| echo(socket));
    util::watch_server(&mut server, "V");
    let server = server.listen(&path).id();
    let mut client = reactor.connect(&path);
    util::watch(&mut client, "C");
    let client = client.id();
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "ready") && trace.has("V", "connection"));
    util::close(&mut reactor, server);
    util::with(&mut reactor, client, |client| {
        client.write("ping");
    });
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "data 4"));
    assert!(!trace.has("V", "close"));
    if names_are_guarded() {
        listen_and_run(&path).check("V", &["error EADDRINUSE"]);
    }
    util::with(&mut reactor, client, |client| client.end());
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close"]);
    listen_and_run(&path).check("V", &["listening", "close"]);
}

#[test]
fn a_client_that_connects_and_is_gone_at_once_is_still_accepted() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    reactor.create_server(|socket, _| util::watch(socket, "S")).listen(&path);
    let mut client = reactor.connect(&path);
    util::watch(&mut client, "C");
    client.on_connect(|client, _| client.destroy());
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("S", "close false"));
    trace.check("S", &["end", "finish", "close false"]);
    assert_eq!(trace.of("C")[1..], ["connect", "ready", "close false"]);
    // The same before anybody has looked.
    trace.clear();
    drop(open(&path).expect("an instance waits"));
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("S", "close false"));
    trace.check("S", &["end", "finish", "close false"]);
}

#[test]
fn a_program_that_blocks_is_served() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    let mut server = reactor.create_server(|socket, _| echo(socket));
    let id = server.id();
    server.on_connection(move |socket, _| util::close(socket.reactor(), id));
    server.listen(&path);
    let guard = reactor.keep_alive();
    let client = std::thread::spawn(move || {
        let mut file = open(&path).expect("an instance waits");
        file.write_all(b"question").expect("the server reads");
        let mut answer = [0; 8];
        file.read_exact(&mut answer).expect("the server answers");
        drop((file, guard));
        answer
    });
    util::run(&mut reactor, &mut trace);
    assert_eq!(&client.join().expect("no panic"), b"question");
}

#[test]
fn a_busy_pipe_is_waited_for() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let path = name();
    // One instance, and it is taken.
    let pipe = NamedPipe::new(&path).expect("a free name");
    let taken = open(&path).expect("the instance");
    let mut client = reactor.connect(&path);
    util::watch(&mut client, "C");
    client.on_connect(|client, _| client.destroy());
    let mut other = reactor.connect(&path);
    util::watch(&mut other, "D");
    let other = other.id();
    reactor.set_timeout(Duration::from_millis(30), move |reactor, trace: &mut Trace| {
        assert_eq!(trace.of("C").len(), 1, "the attempt goes on: {trace:?}");
        util::with(reactor, other, |other| other.destroy());
        drop(taken);
        pipe.disconnect().expect("it was connected");
        let _ = pipe.connect();
        // It has to be there until the client is.
        reactor.set_timeout(Duration::from_secs(60), move |_, _| drop(pipe));
        reactor.stop();
    });
    util::run(&mut reactor, &mut trace);
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "close false"));
    assert_eq!(trace.of("C")[1..], ["connect", "ready", "close false"]);
    assert_eq!(trace.of("D")[1..], ["close false"]);
}
