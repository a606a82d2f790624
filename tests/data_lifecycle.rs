//! Data, FIN and half-open connections: the whole event list of both ends, as Node 26 has it; pausing, and the properties of
//! a socket in each state.

mod pair;
mod util;

use netloop::{Family, ReadyState, Socket, SocketOptions};
use pair::{each_way, flowing, quiet};
use util::{Trace, done};

#[test]
fn the_accepted_side_ends_with_data_and_the_other_follows() {
    // C01
    each_way(&flowing(), |pair| {
        pair.s(|s, _| s.end_then("bye", done("S", "end.cb")));
        pair.run();
        pair.check("S", &["end.cb()", "finish", "end", "close false"]);
        pair.check("C", &["data 3", "end", "finish", "close false"]);
    });
}

#[test]
fn the_connecting_side_ends_with_data_and_the_other_follows() {
    // C02
    each_way(&flowing(), |pair| {
        pair.c(|c, _| c.end_then("bye", done("C", "end.cb")));
        pair.run();
        pair.check("C", &["end.cb()", "finish", "end", "close false"]);
        pair.check("S", &["data 3", "end", "finish", "close false"]);
    });
}

#[test]
fn a_half_open_server_side_answers_after_the_end() {
    // C03
    each_way(&flowing().half_open(true, false), |pair| {
        let s = pair.s;
        pair.see_s().on_end(move |socket, _| {
            socket.reactor().set_immediate(move |reactor, _| {
                util::with(reactor, s, |s| {
                    s.write("more");
                    s.end_with("last");
                });
            });
        });
        pair.c(|c, _| c.end_with("x"));
        pair.run();
        pair.check("C", &["finish", "data 8", "end", "close false"]);
        pair.check("S", &["data 1", "end", "finish", "close false"]);
    });
}

#[test]
fn a_half_open_client_answers_after_the_end() {
    // C04
    each_way(&flowing().half_open(false, true), |pair| {
        let c = pair.c;
        pair.see_c().on_end(move |socket, _| {
            socket.write("more");
            socket.reactor().set_immediate(move |reactor, _| util::with(reactor, c, |c| c.end_with("last")));
        });
        pair.s(|s, _| s.end_with("bye"));
        pair.run();
        pair.check("S", &["finish", "data 8", "end", "close false"]);
        pair.check("C", &["data 3", "end", "finish", "close false"]);
    });
}

#[test]
fn a_half_open_side_that_never_ends_stays_open() {
    // C06
    each_way(&flowing().half_open(true, false), |pair| {
        pair.c(|c, _| c.end_with("x"));
        pair.until("S", "end");
        pair.settle();
        pair.check("S", &["data 1", "end"]);
        pair.check("C", &["finish"]);
        assert_eq!(pair.see_s().ready_state(), ReadyState::WriteOnly);
        assert!(!pair.see_s().is_destroyed());
        pair.s(|s, _| s.end());
        pair.run();
        pair.check("S", &["data 1", "end", "finish", "close false"]);
        pair.check("C", &["finish", "end", "close false"]);
    });
}

#[test]
fn a_fin_without_data_ends_a_socket_that_nobody_reads() {
    // C07
    each_way(&quiet(), |pair| {
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "finish", "close false"]);
        pair.check("C", &["finish", "end", "close false"]);
    });
}

#[test]
fn a_fin_without_data_ends_a_paused_socket() {
    // C08, Q-16
    each_way(&flowing(), |pair| {
        pair.see_s().pause();
        pair.settle();
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "finish", "close false"]);
    });
}

#[test]
fn data_and_fin_wait_in_a_paused_socket_until_it_resumes() {
    // C09
    each_way(&flowing(), |pair| {
        pair.see_s().pause();
        pair.c(|c, _| c.end_with("abc"));
        pair.until("C", "finish");
        pair.settle();
        pair.check("S", &[]);
        assert_eq!(pair.see_s().readable_length(), 3);
        assert_eq!(pair.see_s().readable_flowing(), Some(false));
        pair.s(|s, _| s.resume());
        pair.run();
        pair.check("S", &["data 3", "end", "finish", "close false"]);
    });
}

#[test]
fn data_and_fin_wait_until_somebody_listens() {
    // C10
    each_way(&quiet(), |pair| {
        pair.c(|c, _| c.end_with("abc"));
        pair.until("C", "finish");
        pair.settle();
        pair.check("S", &[]);
        assert_eq!(pair.see_s().readable_flowing(), None);
        pair.s(|s, _| util::watch_data(s, "S"));
        pair.run();
        pair.check("S", &["data 3", "end", "finish", "close false"]);
    });
}

#[test]
fn data_that_the_client_never_reads_keeps_both_sides_open() {
    // C11
    each_way(&flowing().c_quiet(), |pair| {
        pair.s(|s, _| s.end_with("data"));
        pair.until("S", "finish");
        pair.settle();
        pair.check("S", &["finish"]);
        pair.check("C", &[]);
        assert_eq!(pair.see_s().ready_state(), ReadyState::ReadOnly);
        assert_eq!(pair.see_c().ready_state(), ReadyState::Open);
        assert!(pair.reactor.is_alive());
    });
}

#[test]
fn what_is_written_in_the_end_listener_leaves_before_the_fin() {
    // C12
    each_way(&flowing(), |pair| {
        pair.see_s().on_end(|s, _| s.write_then("late", done("S", "w.cb")));
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "w.cb()", "finish", "close false"]);
        pair.check("C", &["finish", "data 4", "end", "close false"]);
    });
}

#[test]
fn ending_with_data_in_the_end_listener_sends_it() {
    // C13
    each_way(&flowing(), |pair| {
        pair.see_s().on_end(|s, _| s.end_then("late", done("S", "end.cb")));
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "end.cb()", "finish", "close false"]);
        pair.check("C", &["finish", "data 4", "end", "close false"]);
    });
}

#[test]
fn a_write_after_the_automatic_end_is_the_peers_fault() {
    // C14: the tick after the next one comes after the automatic end.
    each_way(&flowing(), |pair| {
        pair.see_s().on_end(|s, _| {
            s.next_tick(|s, _| {
                s.next_tick(|s, trace| {
                    let room = s.write_then("late", done("S", "w.cb"));
                    trace.push("S", format!("write {room}"));
                });
            });
        });
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "write false", "w.cb(EPIPE)", "error EPIPE", "close true"]);
        pair.check("C", &["finish", "end", "close false"]);
    });
}

#[test]
fn a_write_after_the_automatic_end_and_destroy_tells_only_its_callback() {
    // C15
    each_way(&flowing(), |pair| {
        pair.see_s().on_finish(|s, _| {
            s.next_tick(|s, trace| {
                trace.push("S", format!("destroyed {}", s.is_destroyed()));
                s.write_then("late", done("S", "w.cb"));
            });
        });
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "finish", "destroyed true", "w.cb(EPIPE)", "close false"]);
    });
}

#[test]
fn a_write_after_end_fails_both_callbacks_and_the_socket() {
    // C16
    each_way(&flowing(), |pair| {
        pair.s(|s, trace| {
            s.end_then("x", done("S", "end.cb"));
            let room = s.write_then("y", done("S", "w.cb"));
            trace.push("S", format!("write {room}"));
        });
        pair.run();
        pair.check(
            "S",
            &[
                "write false",
                "w.cb(ERR_STREAM_WRITE_AFTER_END)",
                "end.cb(ERR_STREAM_WRITE_AFTER_END)",
                "error ERR_STREAM_WRITE_AFTER_END",
                "close true",
            ],
        );
        pair.check("C", &["data 1", "end", "finish", "close false"]);
    });
}

#[test]
fn a_write_after_end_while_connecting_leaves_the_parked_write_to_the_close() {
    // C17
    let mut reactor = util::reactor::<Trace>();
    let server = reactor.create_server(|_, _| ()).listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch(&mut client, "C");
    client.write_then("a", done("C", "w1"));
    client.end_then("x", done("C", "end.cb"));
    client.write_then("y", done("C", "w2"));
    let mut trace = Trace::default();
    util::close(&mut reactor, server);
    util::run(&mut reactor, &mut trace);
    trace.check(
        "C",
        &[
            "w2(ERR_STREAM_WRITE_AFTER_END)",
            "error ERR_STREAM_WRITE_AFTER_END",
            "close true",
            "w1(ERR_SOCKET_CLOSED_BEFORE_CONNECTION)",
            "end.cb(ERR_STREAM_WRITE_AFTER_END)",
        ],
    );
}

#[test]
fn a_second_end_after_finish_tells_its_callback_so() {
    // C18
    each_way(&flowing(), |pair| {
        pair.see_s().once_finish(|s, _| s.end_then("", done("S", "c2")));
        pair.s(|s, _| s.end_then("", done("S", "c1")));
        pair.run();
        pair.check("S", &["c1()", "finish", "c2(ERR_STREAM_ALREADY_FINISHED)", "end", "close false"]);
    });
}

#[test]
fn a_second_end_before_finish_comes_to_the_same() {
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.end_then("x", done("S", "c1"));
            s.end_then("", done("S", "c2"));
        });
        pair.run();
        pair.check("S", &["c1()", "c2()", "finish", "end", "close false"]);
        pair.check("C", &["data 1", "end", "finish", "close false"]);
    });
}

#[test]
fn half_open_is_asked_for_when_the_end_has_been_heard() {
    each_way(&flowing(), |pair| {
        pair.see_s().on_end(|s, _| {
            s.set_allow_half_open(true);
        });
        pair.c(|c, _| c.end());
        pair.until("S", "end");
        pair.settle();
        pair.check("S", &["end"]);
        assert_eq!(pair.see_s().ready_state(), ReadyState::WriteOnly);
    });
}

#[test]
fn a_paused_socket_reads_ahead_to_its_high_water_mark_and_no_further() {
    each_way(&flowing(), |pair| {
        pair.see_s().pause();
        pair.c(|c, _| c.write_owned(vec![1; 1 << 20]));
        let s = pair.s;
        pair.until_true(move |reactor| reactor.socket(s).is_some_and(|s| s.readable_length() >= 65536));
        pair.settle();
        let ahead = pair.see_s().readable_length();
        assert!((65536..2 * 65536).contains(&ahead), "{ahead}");
        assert_eq!(pair.see_s().bytes_read(), ahead as u64);
        pair.check("S", &[]);
        pair.s(|s, _| s.resume());
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["data 1048576", "end", "finish", "close false"]);
    });
}

#[test]
fn beyond_the_mark_even_a_fin_is_not_noticed() {
    if util::faults_are_injected("it says how much one read takes") {
        return;
    }
    each_way(&flowing().high_water_mark(4), |pair| {
        pair.see_s().pause();
        pair.c(|c, _| c.write("abc"));
        pair.settle();
        assert_eq!(pair.see_s().readable_length(), 3, "below the mark: reading goes on");
        pair.c(|c, _| c.write("defghijk"));
        pair.settle();
        assert_eq!(pair.see_s().readable_length(), 11, "a mark does not split what was read");
        pair.c(|c, _| c.end_with("lmn"));
        pair.settle();
        assert_eq!(pair.see_s().readable_length(), 11, "reading has stopped");
        pair.check("S", &[]);
        pair.s(|s, _| s.resume());
        pair.run();
        pair.check("S", &["data 14", "end", "finish", "close false"]);
    });
}

/// Records the size of every single chunk.
fn watch_chunks(socket: &mut Socket<'_, Trace>, name: &'static str) {
    socket.on_data(move |_, chunk, trace| trace.push(name, format!("chunk {}", chunk.len())));
}

#[test]
fn a_flowing_socket_gets_what_was_read_whole_whatever_the_mark() {
    each_way(&flowing().s_quiet().high_water_mark(3), |pair| {
        watch_chunks(&mut pair.see_s(), "S");
        pair.settle();
        pair.c(|c, _| c.write("0123456789"));
        pair.until("S", "chunk 10");
    });
}

#[test]
fn buffered_chunks_come_one_by_one_and_a_pause_between_them_holds() {
    each_way(&flowing().s_quiet(), |pair| {
        pair.see_s().pause();
        watch_chunks(&mut pair.see_s(), "S");
        for chunk in ["a", "bb", "ccc"] {
            pair.c(move |c, _| c.write(chunk));
            pair.settle();
        }
        assert_eq!(pair.see_s().readable_length(), 6);
        let mut first = true;
        pair.see_s().on_data(move |s, _, _| {
            if std::mem::take(&mut first) {
                s.pause();
            }
        });
        pair.s(|s, _| s.resume());
        pair.settle();
        pair.check("S", &["chunk 1"]);
        assert_eq!(pair.see_s().readable_length(), 5);
        pair.s(|s, _| s.resume());
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["chunk 1", "chunk 2", "chunk 3", "end", "finish", "close false"]);
    });
}

#[test]
fn a_listener_of_data_does_not_undo_a_pause() {
    each_way(&quiet(), |pair| {
        pair.see_s().pause();
        pair.s(|s, _| util::watch_data(s, "S"));
        pair.c(|c, _| c.write("abc"));
        pair.settle();
        pair.check("S", &[]);
        assert!(pair.see_s().is_paused());
        assert_eq!(pair.see_s().readable_length(), 3);
    });
}

#[test]
fn a_removed_listener_of_data_does_not_stop_the_flow() {
    each_way(&quiet(), |pair| {
        let listener = pair.see_s().on_data(|_, _, trace| trace.push("S", "heard")).last_listener();
        pair.settle();
        assert!(pair.see_s().remove_listener(listener));
        pair.c(|c, _| c.write("lost"));
        pair.settle();
        let s = pair.see_s();
        assert_eq!((s.bytes_read(), s.readable_length(), s.readable_flowing()), (4, 0, Some(true)));
        pair.check("S", &[]);
    });
}

#[test]
fn resuming_without_a_listener_drops_the_data_and_lets_it_end() {
    each_way(&quiet(), |pair| {
        pair.c(|c, _| c.end_with("abc"));
        pair.settle();
        pair.check("S", &[]);
        pair.s(|s, _| s.resume());
        pair.run();
        pair.check("S", &["end", "finish", "close false"]);
    });
}

#[test]
fn pause_and_resume_are_told_once_per_change() {
    each_way(&quiet(), |pair| {
        util::watch_flow(&mut pair.see_s(), "S");
        pair.s(|s, _| {
            s.resume();
            s.resume();
        });
        pair.settle();
        pair.check("S", &["resume"]);
        pair.s(|s, _| {
            s.pause();
            s.pause();
        });
        pair.settle();
        pair.check("S", &["resume", "pause"]);
        pair.s(|s, _| s.resume());
        pair.settle();
        pair.check("S", &["resume", "pause", "resume"]);
    });
}

#[test]
fn a_socket_paused_on_connect_reads_nothing_before_it_resumes() {
    // A15
    each_way(&flowing().paused_on_connect(), |pair| {
        pair.c(|c, _| c.end_with("hi"));
        pair.until("C", "finish");
        pair.settle();
        let s = pair.see_s();
        assert_eq!((s.bytes_read(), s.readable_length(), s.is_paused()), (0, 0, true));
        assert_eq!(s.readable_flowing(), Some(false));
        pair.check("S", &[]);
        pair.s(|s, _| s.resume());
        pair.run();
        pair.check("S", &["data 2", "end", "finish", "close false"]);
    });
}

/// A client that `prepare` has its way with right after `connect`, to a server that ends with three bytes.
fn client_of_three_bytes(prepare: impl FnOnce(&mut Socket<'_, Trace>)) -> (netloop::Reactor<Trace>, Trace, netloop::SocketId) {
    let mut reactor = util::reactor::<Trace>();
    let server = reactor.create_server(|socket, _| socket.end_with("abc")).listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch_quiet(&mut client, "C");
    prepare(&mut client);
    let (id, mut trace) = (client.id(), Trace::default());
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "ready"));
    util::close(&mut reactor, server);
    util::run_some(&mut reactor, &mut trace, 20);
    (reactor, trace, id)
}

#[test]
fn a_pause_before_the_connection_keeps_reading_off() {
    let (mut reactor, mut trace, id) = client_of_three_bytes(|client| client.pause());
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready"]);
    let mut client = reactor.socket(id).expect("it is open");
    assert_eq!((client.bytes_read(), client.readable_length()), (0, 0));
    util::watch_data(&mut client, "C");
    client.resume();
    trace.clear();
    util::run(&mut reactor, &mut trace);
    trace.check("C", &["data 3", "end", "finish", "close false"]);
}

#[test]
fn a_pause_after_somebody_asked_for_data_only_keeps_it_back() {
    let (mut reactor, mut trace, id) = client_of_three_bytes(|client| {
        util::watch_data(client, "C");
        client.pause();
    });
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready"]);
    let mut client = reactor.socket(id).expect("it is open");
    assert_eq!((client.bytes_read(), client.readable_length()), (3, 3));
    client.resume();
    trace.clear();
    util::run(&mut reactor, &mut trace);
    trace.check("C", &["data 3", "end", "finish", "close false"]);
}

/// readyState, pending, connecting, destroyed, readable, writable, writableEnded, writableFinished, readableEnded.
type Flags = (ReadyState, [bool; 8]);

fn flags(socket: &Socket<'_, Trace>) -> Flags {
    let flags = [
        socket.is_pending(),
        socket.is_connecting(),
        socket.is_destroyed(),
        socket.is_readable(),
        socket.is_writable(),
        socket.writable_ended(),
        socket.writable_finished(),
        socket.readable_ended(),
    ];
    (socket.ready_state(), flags)
}

const T: bool = true;
const F: bool = false;

#[test]
fn a_new_and_a_connecting_socket_say_so() {
    let mut reactor = util::reactor::<Trace>();
    let server = reactor.create_server(|_, _| ()).listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let mut socket = reactor.new_socket(SocketOptions::new());
    assert_eq!(flags(&socket), (ReadyState::Open, [T, F, F, T, T, F, F, F]));
    assert_eq!((socket.local_address(), socket.remote_address(), socket.timeout()), (None, None, None));
    assert_eq!((socket.bytes_read(), socket.bytes_written(), socket.writable_length()), (0, 0, 0));
    assert_eq!((socket.readable_high_water_mark(), socket.writable_high_water_mark()), (65536, 65536));
    assert_eq!((socket.readable_flowing(), socket.is_paused(), socket.errored().is_none()), (None, F, T));
    assert_eq!((socket.server(), socket.allow_half_open(), socket.has_ref()), (None, F, T));

    socket.connect(([127, 0, 0, 1], port));
    assert_eq!(flags(&socket), (ReadyState::Opening, [T, T, F, T, T, F, F, F]));
    assert_eq!((socket.local_address(), socket.remote_address()), (None, None));
    socket.end();
    assert_eq!(flags(&socket), (ReadyState::Opening, [T, T, F, T, F, T, F, F]));
    socket.destroy();
    assert_eq!(flags(&socket), (ReadyState::Closed, [T, F, T, F, F, T, F, F]));
}

#[test]
fn a_connected_socket_tells_each_step_of_its_end() {
    let mut pair = flowing().half_open(false, true).connect();
    assert_eq!(flags(&pair.see_s()), (ReadyState::Open, [F, F, F, T, T, F, F, F]));
    assert_eq!(flags(&pair.see_c()), (ReadyState::Open, [F, F, F, T, T, F, F, F]));
    let (s_local, s_remote) = (pair.see_s().local_address(), pair.see_s().remote_address());
    let c = pair.see_c();
    assert_eq!((c.remote_address(), c.local_address()), (s_local.clone(), s_remote));
    assert_eq!((c.remote_family(), c.remote_port()), (Some(Family::IPv4), s_local.and_then(|at| at.port())));

    pair.see_s().end();
    assert_eq!(flags(&pair.see_s()), (ReadyState::ReadOnly, [F, F, F, T, F, T, F, F]));
    pair.until("S", "finish");
    assert_eq!(flags(&pair.see_s()), (ReadyState::ReadOnly, [F, F, F, T, F, T, T, F]));
    pair.until("C", "end");
    assert_eq!(flags(&pair.see_c()), (ReadyState::WriteOnly, [F, F, F, F, T, F, F, T]));
    pair.see_c().end();
    assert_eq!(flags(&pair.see_c()), (ReadyState::Closed, [F, F, F, F, F, T, F, T]));
    pair.run();
}

#[test]
fn a_destroyed_socket_tells_how_far_it_came() {
    let mut pair = flowing().connect();
    pair.c(|c, _| c.write("abc"));
    pair.until("S", "data 3");
    let mut s = pair.see_s();
    let (server, remote) = (s.server(), s.remote_address());
    assert!(server.is_some());
    s.write("hello");
    s.destroy();
    assert_eq!(flags(&s), (ReadyState::Closed, [T, F, T, F, F, F, F, F]));
    assert_eq!((s.bytes_read(), s.bytes_written(), s.writable_length()), (3, 5, 0));
    assert_eq!((s.local_address(), s.remote_address()), (None, remote));
    assert!(s.readable_aborted() && s.errored().is_none());
    pair.run();
    pair.check("S", &["data 3", "close false"]);
}
