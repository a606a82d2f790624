//! The end of a socket: `destroy`, errors of the peer, resets, `destroy_soon`. The whole event list of both ends, as Node 26
//! has it.

mod pair;
mod util;

use std::time::Duration;

use netloop::{Reactor, SocketOptions};
use pair::{Pair, Setup, each_way, flowing, quiet};
use util::{BROKEN, Trace, done};

const MEGABYTE: usize = 1 << 20;

#[test]
fn both_end_at_once_and_finish_before_they_read() {
    if util::faults_are_injected("a late event changes the order of the two directions") {
        return;
    }
    // C05
    for half_open in [false, true] {
        each_way(&flowing().half_open(half_open, half_open), |pair| {
            pair.s(|s, _| s.end_then("x", done("S", "end.cb")));
            pair.c(|c, _| c.end_then("x", done("C", "end.cb")));
            pair.run();
            pair.check("S", &["end.cb()", "finish", "data 1", "end", "close false"]);
            pair.check("C", &["end.cb()", "finish", "data 1", "end", "close false"]);
        });
    }
}

#[test]
fn calls_after_destroy_do_nothing_but_fail_their_callbacks() {
    // C19
    each_way(&flowing(), |pair| {
        pair.s(|s, trace| {
            s.destroy();
            let room = s.write_then("late", done("S", "w.cb"));
            trace.push("S", format!("write {room}"));
            s.pause();
            s.resume();
            s.cork();
            s.uncork();
            s.set_timeout(Duration::from_millis(1));
            assert_eq!(s.timeout(), None);
        });
        pair.run();
        pair.check("S", &["write false", "w.cb(ERR_STREAM_DESTROYED)", "close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn an_end_after_destroy_tells_its_callback() {
    //
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.destroy();
            s.end_then("", done("S", "end.cb"));
        });
        pair.run();
        pair.check("S", &["end.cb(ERR_STREAM_DESTROYED)", "close false"]);
    });
}

#[test]
fn destroy_in_the_data_listener_ends_with_close() {
    // C20
    each_way(&flowing(), |pair| {
        pair.see_s().on_data(|s, _, _| s.destroy());
        pair.c(|c, _| c.write("abc"));
        pair.run();
        pair.check("S", &["data 3", "close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn destroy_with_an_error_in_the_data_listener_tells_it() {
    // C21
    each_way(&flowing(), |pair| {
        pair.see_s().on_data(|s, _, _| s.destroy_with("no"));
        pair.c(|c, _| c.write("abc"));
        pair.run();
        pair.check("S", &["data 3", "error ERR_USER", "close true"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn no_buffered_data_comes_after_destroy() {
    //
    each_way(&flowing().s_quiet(), |pair| {
        pair.see_s().pause();
        for chunk in ["a", "bb"] {
            pair.c(move |c, _| c.write(chunk));
            pair.settle();
        }
        pair.see_s().on_data(|s, chunk, trace| {
            trace.push("S", format!("chunk {}", chunk.len()));
            s.destroy();
        });
        pair.s(|s, _| s.resume());
        pair.run();
        pair.check("S", &["chunk 1", "close false"]);
    });
}

#[test]
fn a_listener_that_fails_destroys_its_socket() {
    each_way(&flowing(), |pair| {
        pair.see_s().on_data(|_, chunk, _| std::str::from_utf8(chunk).map(drop));
        pair.c(|c, _| c.write([0xff]));
        pair.run();
        pair.check("S", &["data 1", "error ERR_USER", "close true"]);
    });
}

/// `s` has 8 MB on the way that nobody reads, two writes behind them, and an end.
fn stuck(pair: &mut Pair) {
    pair.narrow();
    pair.s(|s, _| {
        s.write_owned_then(vec![1; 8 * MEGABYTE], done("S", "w1"));
        s.write_then("two", done("S", "w2"));
        s.write_then("three", done("S", "w3"));
        s.end_then("", done("S", "end.cb"));
    });
    pair.settle();
    pair.check("S", &[]);
}

#[test]
fn destroy_cancels_everything_that_is_on_its_way() {
    // C22
    each_way(&flowing().c_quiet(), |pair| {
        stuck(pair);
        pair.s(|s, _| s.destroy());
        pair.until("S", "close false");
        pair.check("S", &["w1(ECANCELED)", "w2(ECANCELED)", "w3(ECANCELED)", "end.cb(ECANCELED)", "close false"]);
    });
}

#[test]
fn destroy_with_an_error_gives_it_to_what_had_not_begun() {
    // C23
    each_way(&flowing().c_quiet(), |pair| {
        stuck(pair);
        pair.s(|s, _| s.destroy_with("no"));
        pair.until("S", "close true");
        let expected = ["error ERR_USER", "w1(ECANCELED)", "w2(ERR_USER)", "w3(ERR_USER)", "end.cb(ERR_USER)", "close true"];
        pair.check("S", &expected);
    });
}

#[test]
fn what_the_kernel_has_taken_survives_destroy() {
    // C24
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.write_then("a", done("S", "w1"));
            s.write_then("b", done("S", "w2"));
            s.end_then("", done("S", "end.cb"));
            s.destroy();
        });
        pair.run();
        pair.check("S", &["w1()", "end.cb(ERR_STREAM_DESTROYED)", "w2()", "close false"]);
        pair.check("C", &["data 2", "end", "finish", "close false"]);
    });
}

#[test]
fn a_reset_is_noticed_by_an_idle_socket_flowing_or_not() {
    if !util::resets_arrive() {
        return;
    }
    // C25
    let reset = |pair: &mut Pair| {
        pair.c(|c, _| c.reset_and_destroy());
        pair.run();
        pair.check("S", &["error ECONNRESET", "close true"]);
        pair.check("C", &["close false"]);
    };
    each_way(&flowing(), reset);
    each_way(&quiet(), reset);
    each_way(&flowing(), |pair| {
        pair.see_s().pause();
        reset(pair);
    });
}

#[test]
fn a_reset_loses_what_was_read_but_not_emitted() {
    if !util::resets_arrive() {
        return;
    }
    // C25
    each_way(&quiet(), |pair| {
        pair.c(|c, _| c.write("abc"));
        pair.settle();
        assert_eq!(pair.see_s().readable_length(), 3);
        pair.c(|c, _| c.reset_and_destroy());
        pair.run();
        pair.check("S", &["error ECONNRESET", "close true"]);
    });
}

fn paused_and_reset() -> Pair {
    let mut pair = flowing().paused_on_connect().connect();
    pair.c(|c, _| c.write("abc"));
    pair.settle();
    pair.c(|c, _| c.reset_and_destroy());
    pair.settle();
    pair.check("S", &[]);
    pair.check("C", &["close false"]);
    pair
}

#[test]
fn a_reset_stays_invisible_while_reading_is_off_and_the_data_comes_first() {
    if !util::resets_arrive() {
        return;
    }
    // C26
    let mut pair = paused_and_reset();
    pair.s(|s, _| s.resume());
    pair.run();
    pair.check("S", &["data 3", "error ECONNRESET", "close true"]);
}

#[test]
fn a_write_meets_a_reset_that_nobody_has_read() {
    if !util::resets_arrive() {
        return;
    }
    // C27
    let mut pair = paused_and_reset();
    pair.s(|s, trace| {
        let room = s.write_then("x", done("S", "w.cb"));
        trace.push("S", format!("write {room} writable {} destroyed {}", s.is_writable(), s.is_destroyed()));
    });
    pair.run();
    let tried = "write false writable false destroyed false";
    pair.check("S", &[tried, "w.cb(ECONNRESET)", "error ECONNRESET", "close true"]);
}

#[test]
fn a_reset_under_a_pending_write_fails_the_read_and_then_the_writes() {
    if util::faults_are_injected("a late event lets the write meet the reset first") {
        return;
    }
    if !util::resets_arrive() {
        return;
    }
    // C28
    each_way(&flowing().c_quiet(), |pair| {
        stuck(pair);
        pair.c(|c, _| c.reset_and_destroy());
        pair.run();
        let expected =
            ["error ECONNRESET", "w1(ECANCELED)", "w2(ECONNRESET)", "w3(ECONNRESET)", "end.cb(ECONNRESET)", "close true"];
        pair.check("S", &expected);
    });
}

#[test]
fn the_second_write_to_a_peer_that_is_gone_fails() {
    // C29
    each_way(&flowing().half_open(false, true), |pair| {
        pair.s(|s, _| s.destroy());
        pair.until("C", "end");
        pair.c(|c, trace| {
            let room = c.write_then("x", done("C", "w1"));
            trace.push("C", format!("write {room}"));
        });
        pair.settle();
        pair.check("C", &["end", "write true", "w1()"]);
        pair.c(|c, trace| {
            let room = c.write_then("y", done("C", "w2"));
            trace.push("C", format!("write {room}"));
        });
        pair.run();
        let (failed, error) = (format!("w2({BROKEN})"), format!("error {BROKEN}"));
        pair.check("C", &["end", "write true", "w1()", "write false", &failed, &error, "close true"]);
        pair.check("S", &["close false"]);
    });
}

#[test]
fn unread_input_at_destroy_resets_the_peer() {
    if !util::resets_arrive() {
        return;
    }
    // C30
    each_way(&flowing().paused_on_connect(), |pair| {
        pair.c(|c, _| c.write("abc"));
        pair.settle();
        pair.s(|s, _| s.destroy());
        pair.run();
        pair.check("S", &["close false"]);
        pair.check("C", &["error ECONNRESET", "close true"]);
    });
}

#[test]
fn destroy_soon_of_an_idle_socket_does_not_wait_for_the_peer() {
    // C31
    each_way(&flowing(), |pair| {
        pair.s(|s, _| s.destroy_soon());
        pair.run();
        pair.check("S", &["finish", "close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn destroy_soon_sends_what_is_queued() {
    // C32
    each_way(&flowing(), |pair| {
        pair.narrow();
        pair.s(|s, _| {
            s.write_owned_then(vec![1; 4 * MEGABYTE], done("S", "w1"));
            s.write_then("tail", done("S", "w2"));
            s.destroy_soon();
        });
        pair.run();
        pair.check("S", &["w1()", "w2()", "finish", "close false"]);
        pair.check("C", &["data 4194308", "end", "finish", "close false"]);
    });
}

#[test]
fn reset_and_destroy_closes_here_and_fails_there() {
    if !util::resets_arrive() {
        return;
    }
    // C33
    each_way(&flowing(), |pair| {
        pair.s(|s, _| s.reset_and_destroy());
        pair.run();
        pair.check("S", &["close false"]);
        pair.check("C", &["error ECONNRESET", "close true"]);
    });
}

#[test]
fn a_second_reset_and_one_after_destroy_do_nothing() {
    if !util::resets_arrive() {
        return;
    }
    // C36
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.reset_and_destroy();
            s.reset_and_destroy();
        });
        pair.run();
        pair.check("S", &["close false"]);
        pair.check("C", &["error ECONNRESET", "close true"]);
    });
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.destroy();
            s.reset_and_destroy();
        });
        pair.run();
        pair.check("S", &["close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn a_reset_cancels_what_is_on_its_way() {
    if !util::resets_arrive() {
        return;
    }
    // C37
    each_way(&flowing().c_quiet(), |pair| {
        stuck(pair);
        pair.s(|s, _| s.reset_and_destroy());
        pair.until("S", "close false");
        pair.check("S", &["w1(ECANCELED)", "w2(ECANCELED)", "w3(ECANCELED)", "end.cb(ECANCELED)", "close false"]);
        // One that has read ahead to its mark has not noticed yet.
        util::with(&mut pair.reactor, pair.c, |c| c.resume());
        pair.run();
        pair.check("C", &["error ECONNRESET", "close true"]);
    });
}

#[test]
fn a_reset_right_after_end_resets_and_closes() {
    if !util::resets_arrive() {
        return;
    }
    //
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.end_then("", done("S", "end.cb"));
            s.reset_and_destroy();
        });
        pair.run();
        pair.check("S", &["end.cb(ERR_STREAM_DESTROYED)", "close false"]);
        pair.check("C", &["error ECONNRESET", "close true"]);
    });
}

#[test]
fn an_error_after_destroy_is_swallowed() {
    // C39
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.destroy();
            s.destroy_with("late");
            assert!(s.errored().is_none());
        });
        pair.run();
        pair.check("S", &["close false"]);
    });
}

#[test]
fn the_first_of_two_errors_is_told() {
    // C40
    each_way(&flowing(), |pair| {
        pair.see_s().on_error(|_, error, trace| trace.push("S", error.to_string()));
        pair.s(|s, _| {
            s.destroy_with("one");
            s.destroy_with("two");
        });
        pair.run();
        pair.check("S", &["error ERR_USER", "one", "close true"]);
    });
}

#[test]
fn an_error_is_remembered_and_the_first_one_counts() {
    let mut pair = flowing().connect();
    let mut s = pair.see_s();
    s.destroy_with("first");
    s.destroy_with("second");
    assert_eq!(s.errored().map(ToString::to_string).as_deref(), Some("first"));
    pair.run();
    pair.check("S", &["error ERR_USER", "close true"]);
}

#[test]
fn destroy_in_the_error_listener_changes_nothing() {
    if !util::resets_arrive() {
        return;
    }
    each_way(&flowing(), |pair| {
        pair.see_s().on_error(|s, _, _| {
            s.destroy_with("again");
            s.reset_and_destroy();
        });
        pair.c(|c, _| c.reset_and_destroy());
        pair.run();
        pair.check("S", &["error ECONNRESET", "close true"]);
    });
}

#[test]
fn a_client_that_is_destroyed_right_after_its_attempt_has_been_connected() {
    // C54
    let mut reactor = util::reactor::<Trace>();
    let server = reactor.create_server(|socket, _| util::watch(socket, "S")).listen(([127, 0, 0, 1], 0)).id();
    let port = reactor.server(server).and_then(|server| server.port()).expect("it listens");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch(&mut client, "C");
    let id = client.id();
    client.on_connection_attempt(move |c, _, _| {
        c.reactor().set_immediate(move |reactor, _| util::with(reactor, id, |c| c.destroy()));
    });
    let mut trace = Trace::default();
    util::run_until(&mut reactor, &mut trace, |_, trace| trace.has("S", "close false"));
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "close false"]);
    trace.check("S", &["end", "finish", "close false"]);
}

#[test]
fn destroy_in_the_end_listener_leaves_out_finish() {
    // C55
    each_way(&flowing(), |pair| {
        pair.see_s().on_end(|s, _| s.destroy());
        pair.c(|c, _| c.end_with("abc"));
        pair.run();
        pair.check("S", &["data 3", "end", "close false"]);
        pair.check("C", &["finish", "end", "close false"]);
    });
}

#[test]
fn destroy_in_the_finish_listener_leaves_out_end() {
    // C56
    each_way(&flowing(), |pair| {
        pair.see_c().on_finish(|c, _| c.destroy());
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("C", &["finish", "close false"]);
        pair.check("S", &["end", "finish", "close false"]);
    });
}

#[test]
fn after_close_the_id_is_stale() {
    let mut pair = flowing().connect();
    let (s, c) = (pair.s, pair.c);
    pair.s(|s, _| s.destroy());
    pair.run();
    assert!(pair.reactor.socket(s).is_none() && pair.reactor.socket(c).is_none());
    assert_eq!(pair.reactor.metrics().sockets, 0);
}

#[test]
fn a_socket_without_a_connection_closes_too() {
    // B29, B30: `close` without an argument counts as false.
    for error in [None, Some("no")] {
        let mut reactor: Reactor<Trace> = util::reactor();
        let mut socket = reactor.new_socket(SocketOptions::new());
        util::watch(&mut socket, "X");
        match error {
            Some(error) => socket.destroy_with(error),
            None => socket.destroy(),
        }
        let mut trace = Trace::default();
        util::run(&mut reactor, &mut trace);
        match error {
            Some(_) => trace.check("X", &["error ERR_USER", "close false"]),
            None => trace.check("X", &["close false"]),
        }
    }
}

/// Every way to an end, by both sides: `close` comes once and last, `error` exactly where it says true.
#[test]
fn close_comes_once_and_last_whatever_ended_the_socket() {
    // O1, O12
    type Act = fn(&mut netloop::Socket<'_, Trace>);
    let ends: [Act; 6] = [
        |s| s.end_with("x"),
        |s| s.destroy(),
        |s| s.destroy_with("no"),
        |s| s.reset_and_destroy(),
        |s| s.destroy_soon(),
        |s| {
            s.end();
            s.write("late");
        },
    ];
    let setup: Setup = flowing();
    for here in ends {
        for there in ends {
            each_way(&setup, |pair| {
                pair.s(move |s, _| here(s));
                pair.c(move |c, _| there(c));
                pair.run();
                for name in ["S", "C"] {
                    let list = pair.trace.of(name);
                    let count = |prefix: &str| list.iter().filter(|said| said.starts_with(prefix)).count();
                    let last = list.last().map(String::as_str).unwrap_or_default();
                    assert_eq!(count("close"), 1, "{name}: {:#?}", pair.trace);
                    assert!(last.starts_with("close"), "{name}: {:#?}", pair.trace);
                    assert_eq!(count("error"), usize::from(last == "close true"), "{name}: {:#?}", pair.trace);
                }
            });
        }
    }
}
