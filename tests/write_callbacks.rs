//! Writing: the boolean, the counters, the callbacks and `drain`, corking, the queue limit, and idle timeouts with a write under
//! way.

mod pair;
mod util;

use std::time::Duration;

use netloop::{ManualClock, Socket, SocketOptions};
use pair::{each_way, flowing};
use util::{Trace, done};

const MEGABYTE: usize = 1 << 20;

/// Writes with a callback and records the boolean.
fn write(socket: &mut Socket<'_, Trace>, trace: &mut Trace, bytes: usize, label: &'static str) {
    let room = socket.write_owned_then(vec![1; bytes], done("S", label));
    trace.push("S", room.to_string());
}

/// writableLength, bytesWritten, writableNeedDrain.
fn counters(socket: &Socket<'_, Trace>) -> (usize, u64, bool) {
    (socket.writable_length(), socket.bytes_written(), socket.writable_need_drain())
}

#[test]
fn a_large_write_says_false_and_drain_comes_before_its_callback() {
    // C42
    each_way(&flowing(), |pair| {
        pair.narrow();
        pair.s(|s, trace| write(s, trace, 6 * MEGABYTE, "w.cb"));
        pair.until("S", "w.cb()");
        pair.check("S", &["false", "drain", "w.cb()"]);
        assert_eq!(counters(&pair.see_s()), (0, 6 * MEGABYTE as u64, false));
    });
}

#[test]
fn no_drain_comes_after_end() {
    // C43
    each_way(&flowing(), |pair| {
        pair.narrow();
        pair.s(|s, trace| {
            write(s, trace, 6 * MEGABYTE, "w.cb");
            assert!(s.writable_need_drain());
            s.end_then("", done("S", "end.cb"));
            assert!(!s.writable_need_drain());
        });
        pair.run();
        pair.check("S", &["false", "w.cb()", "end.cb()", "finish", "end", "close false"]);
        pair.check("C", &["data 6291456", "end", "finish", "close false"]);
    });
}

#[test]
fn what_waits_behind_the_first_write_completes_as_one_batch() {
    // C44: Node's `drain` comes when the batch of the buffered ones has been handed over whole.
    each_way(&flowing().write_queue_limit(usize::MAX), |pair| {
        pair.narrow();
        pair.s(|s, _| {
            for label in ["w0", "w1", "w2", "w3", "w4"] {
                s.write_owned_then(vec![1; 4 * MEGABYTE], done("S", label));
            }
        });
        pair.until("S", "w4()");
        pair.check("S", &["w0()", "drain", "w1()", "w2()", "w3()", "w4()"]);
    });
}

#[test]
fn the_first_write_completes_when_it_has_left_whatever_follows() {
    each_way(&flowing(), |pair| {
        pair.narrow();
        pair.s(|s, _| {
            s.write_owned_then(vec![1; 2 * MEGABYTE], done("S", "w1"));
            s.write_owned_then(vec![1; 2 * MEGABYTE], done("S", "w2"));
        });
        pair.until("S", "w1()");
        pair.check("S", &["w1()"]);
        let left = pair.see_s().writable_length();
        assert_eq!(left, 2 * MEGABYTE, "the second one is on its way");
        pair.until("S", "w2()");
        pair.check("S", &["w1()", "drain", "w2()"]);
    });
}

#[test]
fn a_fin_of_the_peer_lets_our_megabytes_leave_first() {
    // C41
    each_way(&flowing(), |pair| {
        pair.narrow();
        pair.see_c().pause();
        let c = pair.c;
        pair.see_s().on_end(move |s, _| {
            s.reactor().set_immediate(move |reactor, _| util::with(reactor, c, |c| c.resume()));
        });
        pair.s(|s, _| s.write_owned_then(vec![1; 8 << 20], done("S", "w.cb")));
        pair.c(|c, _| c.end());
        pair.run();
        pair.check("S", &["end", "w.cb()", "finish", "close false"]);
        pair.check("C", &["finish", "data 8388608", "end", "close false"]);
    });
}

#[test]
fn nested_corks_leave_as_one_chunk() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    // C45
    each_way(&flowing().c_quiet(), |pair| {
        pair.see_c().on_data(|_, chunk, trace| trace.push("C", format!("chunk {}", chunk.len())));
        pair.s(|s, _| {
            s.cork();
            s.write_then("a", done("S", "w1"));
            s.cork();
            s.write_then("b", done("S", "w2"));
            s.uncork();
            assert_eq!((s.writable_corked(), s.writable_length(), s.bytes_written()), (1, 2, 2));
            s.uncork();
            assert_eq!((s.writable_corked(), s.writable_length(), s.bytes_written()), (0, 0, 2));
        });
        pair.until("C", "chunk 2");
        pair.check("S", &["w1()", "w2()"]);
        pair.check("C", &["chunk 2"]);
    });
}

#[test]
fn the_boolean_counts_what_waits_and_not_what_was_written() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    // C46
    each_way(&flowing().high_water_mark(10), |pair| {
        pair.s(|s, trace| {
            write(s, trace, 20, "w1");
            s.cork();
            write(s, trace, 9, "w2");
            assert_eq!(counters(s), (9, 29, false));
            write(s, trace, 1, "w3");
            assert_eq!(counters(s), (10, 30, true));
            s.uncork();
            assert_eq!(counters(s), (0, 30, true));
        });
        pair.until("S", "w3()");
        pair.check("S", &["true", "true", "false", "drain", "w1()", "w2()", "w3()"]);
        pair.until("C", "data 30");
    });
}

#[test]
fn a_mark_of_zero_lets_pass_what_the_kernel_takes() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    each_way(&flowing().high_water_mark(0), |pair| {
        pair.s(|s, trace| {
            write(s, trace, 3, "w1");
            s.cork();
            write(s, trace, 1, "w2");
            s.uncork();
        });
        pair.until("S", "w2()");
        pair.check("S", &["true", "false", "drain", "w1()", "w2()"]);
    });
}

#[test]
fn a_write_that_the_kernel_takes_whole_is_true_though_it_is_above_the_mark() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    each_way(&flowing(), |pair| {
        pair.s(|s, trace| write(s, trace, 100_000, "w.cb"));
        pair.until("C", "data 100000");
        pair.check("S", &["true", "w.cb()"]);
    });
}

#[test]
fn an_empty_write_is_legal_and_its_callback_comes() {
    each_way(&flowing(), |pair| {
        pair.s(|s, trace| {
            write(s, trace, 0, "w1");
            s.cork();
            write(s, trace, 0, "w2");
            s.uncork();
            assert_eq!(counters(s), (0, 0, false));
        });
        pair.until("S", "w2()");
        pair.settle();
        pair.check("S", &["true", "true", "w1()", "w2()"]);
        pair.check("C", &[]);
    });
}

#[test]
fn end_undoes_every_cork() {
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.cork();
            s.cork();
            s.write_then("a", done("S", "w1"));
            s.write_then("b", done("S", "w2"));
            s.end_then("c", done("S", "end.cb"));
            assert_eq!(s.writable_corked(), 0);
        });
        pair.run();
        pair.check("S", &["w1()", "w2()", "end.cb()", "finish", "end", "close false"]);
        pair.check("C", &["data 3", "end", "finish", "close false"]);
    });
}

#[test]
fn destroy_while_corked_fails_the_callbacks_before_the_error() {
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.cork();
            s.write_then("a", done("S", "w1"));
            s.write_then("b", done("S", "w2"));
            s.destroy_with("no");
        });
        pair.run();
        pair.check("S", &["w1(ERR_USER)", "w2(ERR_USER)", "error ERR_USER", "close true"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.cork();
            s.write_then("a", done("S", "w1"));
            s.destroy();
        });
        pair.run();
        pair.check("S", &["w1(ERR_STREAM_DESTROYED)", "close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn the_counters_hold_what_is_in_flight_and_drop_what_never_began() {
    each_way(&flowing().c_quiet(), |pair| {
        pair.narrow();
        pair.s(|s, _| {
            s.write_owned(vec![1; 8 * MEGABYTE]);
            s.write("abc");
            assert_eq!(counters(s), (8 * MEGABYTE + 3, 8 * MEGABYTE as u64 + 3, true));
        });
        pair.settle();
        assert_eq!(counters(&pair.see_s()), (8 * MEGABYTE + 3, 8 * MEGABYTE as u64 + 3, true));
        pair.see_s().on_close(|s, _, trace| trace.push("S", format!("{:?}", counters(s))));
        pair.s(|s, _| s.destroy());
        pair.until("S", "close false");
        pair.check("S", &["close false", &format!("(0, {}, false)", 8 * MEGABYTE)]);
    });
}

#[test]
fn the_counters_of_a_connecting_socket_hold_everything() {
    let mut reactor = util::reactor::<Trace>();
    let port = reactor.create_server(|_, _| ()).listen(([127, 0, 0, 1], 0)).port().expect("it listens");
    let mut client = reactor.new_socket(SocketOptions::new());
    client.connect(([127, 0, 0, 1], port));
    assert!(client.write("abc") && client.write("de"));
    assert_eq!(counters(&client), (5, 5, false));
    client.cork();
    assert!(client.write("f"));
    assert_eq!(counters(&client), (6, 6, false));
    assert!(client.write(vec![1; 65535 - 6]), "one below the mark");
    assert!(!client.write("x"));
    assert_eq!(counters(&client), (65536, 65536, true));
}

#[test]
fn the_callbacks_of_small_writes_come_in_order_before_a_later_tick() {
    if util::faults_are_injected("it counts writes, or bytes that the kernel takes at once") {
        return;
    }
    each_way(&flowing(), |pair| {
        pair.s(|s, _| {
            s.write_then("a", |s, _, trace| {
                trace.push("S", "w1");
                s.write_then("b", done("S", "w2"));
                s.next_tick(|_, trace| trace.push("S", "tick"));
            });
        });
        pair.until("S", "tick");
        pair.check("S", &["w1", "w2()", "tick"]);
    });
}

#[test]
fn a_write_beyond_the_limit_destroys_the_socket() {
    each_way(&flowing().write_queue_limit(100), |pair| {
        pair.s(|s, trace| {
            s.cork();
            write(s, trace, 60, "w1");
            write(s, trace, 40, "w2");
            write(s, trace, 1, "w3");
            trace.push("S", format!("destroyed {}", s.is_destroyed()));
        });
        pair.run();
        let list = pair.trace.of("S");
        assert_eq!(list[..4], ["true", "true", "false", "destroyed true"]);
        assert_eq!(list[list.len() - 2..], ["error ERR_WRITE_QUEUE_FULL", "close true"]);
        let mut callbacks = list[4..list.len() - 2].to_vec();
        callbacks.sort();
        let full = ["w1(ERR_WRITE_QUEUE_FULL)", "w2(ERR_WRITE_QUEUE_FULL)", "w3(ERR_WRITE_QUEUE_FULL)"];
        assert_eq!(callbacks, full, "each once");
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn try_write_beyond_the_limit_leaves_the_socket_alone() {
    each_way(&flowing().write_queue_limit(100), |pair| {
        pair.s(|s, _| {
            s.cork();
            assert!(s.try_write([1; 60]).expect("there is room"));
            assert_eq!(s.try_write([1; 41]).expect_err("one too many").code(), "ERR_WRITE_QUEUE_FULL");
            assert_eq!(counters(s), (60, 60, false));
            assert!(s.try_write([1; 40]).expect("exactly full"));
            assert!(s.try_write([]).expect("nothing is no byte too many"));
            assert!(!s.is_destroyed() && s.errored().is_none());
            s.uncork();
            s.end();
        });
        pair.run();
        pair.check("S", &["finish", "end", "close false"]);
        pair.check("C", &["data 100", "end", "finish", "close false"]);
    });
}

#[test]
fn try_write_tells_why_the_writing_half_is_over() {
    let mut pair = flowing().connect();
    let mut s = pair.see_s();
    s.end();
    assert_eq!(s.try_write("x").expect_err("ended").code(), "ERR_STREAM_WRITE_AFTER_END");
    assert!(!s.is_destroyed());
    s.destroy();
    assert!(s.try_write("x").is_err());
    let mut c = pair.see_c();
    c.destroy();
    assert_eq!(c.try_write("x").expect_err("destroyed").code(), "ERR_STREAM_DESTROYED");
    pair.run();
    pair.check("S", &["close false"]);
}

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn an_idle_timeout_comes_once_until_there_is_activity() {
    // C47
    let clock = ManualClock::new();
    each_way(&flowing().clock(&clock), |pair| {
        pair.s(|s, _| {
            s.set_timeout(MS(60));
        });
        pair.settle();
        pair.advance(59);
        pair.check("S", &[]);
        pair.advance(1);
        pair.check("S", &["timeout"]);
        pair.advance(600);
        pair.check("S", &["timeout"]);
        pair.s(|s, _| s.write("x"));
        pair.settle();
        pair.advance(59);
        pair.check("S", &["timeout"]);
        pair.advance(1);
        pair.check("S", &["timeout", "timeout"]);
        pair.check("C", &["data 1"]);
    });
}

#[test]
fn destroy_in_the_timeout_listener_closes() {
    // C48
    let clock = ManualClock::new();
    each_way(&flowing().clock(&clock), |pair| {
        pair.see_s().set_timeout(MS(60)).on_timeout(|s, _| s.destroy());
        pair.advance(60);
        pair.check("S", &["timeout", "close false"]);
        pair.check("C", &["end", "finish", "close false"]);
    });
}

#[test]
fn activity_puts_the_timeout_off() {
    // C49: a read, a paused read, a write.
    for what in 0..3 {
        let clock = ManualClock::new();
        each_way(&flowing().clock(&clock), |pair| {
            pair.see_s().set_timeout(MS(60));
            if what == 1 {
                pair.see_s().pause();
            }
            pair.advance(40);
            match what {
                0 | 1 => pair.c(|c, _| c.write("x")),
                _ => pair.s(|s, _| s.write("x")),
            }
            pair.settle();
            pair.advance(59);
            assert!(!pair.trace.has("S", "timeout"), "{what}");
            pair.advance(1);
            assert!(pair.trace.has("S", "timeout"), "{what}");
        });
    }
}

#[test]
fn a_write_that_is_stuck_times_out_at_the_second_expiry() {
    // C50, Q-15
    let clock = ManualClock::new();
    each_way(&flowing().c_quiet().clock(&clock).write_queue_limit(usize::MAX), |pair| {
        pair.narrow();
        pair.s(|s, _| {
            s.set_timeout(MS(60));
            s.write_owned(vec![1; 64 * MEGABYTE]);
        });
        pair.settle();
        pair.advance(60);
        pair.check("S", &[]);
        pair.advance(59);
        pair.check("S", &[]);
        pair.advance(1);
        pair.check("S", &["timeout"]);
    });
}

#[test]
fn a_write_that_makes_progress_does_not_time_out() {
    let clock = ManualClock::new();
    each_way(&flowing().c_quiet().clock(&clock).write_queue_limit(usize::MAX), |pair| {
        pair.narrow();
        pair.s(|s, _| {
            s.set_timeout(MS(60));
            s.write_owned(vec![1; 32 * MEGABYTE]);
        });
        pair.settle();
        for _ in 0..5 {
            let before = pair.see_s().bytes_written() as usize - pair.see_c().bytes_read() as usize;
            pair.see_c().resume();
            let c = pair.c;
            let enough = before - 2 * MEGABYTE;
            pair.until_true(move |reactor| {
                reactor.socket(c).is_some_and(|c| (32 * MEGABYTE).saturating_sub(c.bytes_read() as usize) <= enough)
            });
            pair.see_c().pause();
            pair.settle();
            assert!(pair.see_s().writable_length() > 0);
            pair.advance(60);
            pair.check("S", &[]);
        }
        pair.advance(60);
        pair.check("S", &["timeout"]);
    });
}

#[test]
fn zero_and_none_clear_the_timeout() {
    let clock = ManualClock::new();
    for off in [Some(Duration::ZERO), None] {
        let mut pair = flowing().clock(&clock).connect();
        pair.see_s().set_timeout(MS(60));
        pair.advance(30);
        pair.see_s().set_timeout(off);
        pair.advance(600);
        pair.check("S", &[]);
    }
}
