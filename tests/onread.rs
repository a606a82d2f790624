//! `read_into`: reading into the caller's own buffer, as Node's `onread` option does it.

mod pair;
mod util;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use netloop::{Reactor, Socket};
use pair::{Pair, each_way, quiet};
use util::{Trace, watch_flow};

/// `c` reads into four bytes and tells what came; `then` says whether to go on.
fn read_fours(pair: &mut Pair, mut then: impl FnMut(&mut Socket<'_, Trace>, usize) -> bool + 'static) {
    let mut count = 0;
    pair.see_c().read_into([0; 4], move |socket, len, buffer: &mut [u8; 4], trace| {
        trace.push("C", format!("read {}", String::from_utf8_lossy(&buffer[..len])));
        count += 1;
        then(socket, count)
    });
}

fn send(pair: &mut Pair, bytes: &'static str) {
    pair.s(move |s, _| s.write(bytes));
    pair.settle();
}

#[test]
fn a_small_buffer_is_filled_again_and_again_and_false_stops_until_resume() {
    // C51
    each_way(&quiet(), |pair| {
        read_fours(pair, |_, count| count != 3);
        pair.s(|s, _| s.end_with("0123456789"));
        pair.settle();
        pair.check("C", &["read 0123", "read 4567", "read 89"]);
        assert_eq!((pair.see_c().is_paused(), pair.see_c().readable_flowing(), pair.see_c().bytes_read()), (false, None, 10));
        pair.see_c().resume();
        pair.run();
        pair.check("C", &["read 0123", "read 4567", "read 89", "end", "finish", "close false"]);
    });
}

#[test]
fn destroy_in_the_listener_is_the_last_read() {
    // C59
    each_way(&quiet(), |pair| {
        read_fours(pair, |socket, _| {
            socket.destroy();
            true
        });
        pair.s(|s, _| {
            s.write("0123456789");
            s.on_error(|_, _, _| {});
        });
        pair.run();
        pair.check("C", &["read 0123", "close false"]);
    });
}

#[test]
fn pause_and_resume_act_at_once() {
    each_way(&quiet(), |pair| {
        watch_flow(&mut pair.see_c(), "C");
        read_fours(pair, |socket, count| {
            if count == 1 {
                socket.pause();
            }
            true
        });
        pair.s(|s, _| s.end_with("0123456789"));
        pair.settle();
        pair.check("C", &["read 0123", "pause"]);
        assert_eq!((pair.see_c().bytes_read(), pair.see_c().readable_length()), (4, 0), "nothing is read ahead");
        pair.see_c().resume();
        pair.run();
        pair.check("C", &["read 0123", "pause", "resume", "read 4567", "read 89", "end", "finish", "close false"]);
    });
}

#[test]
fn a_listener_that_resumes_and_says_stop_goes_on() {
    let mut pair = quiet().connect();
    read_fours(&mut pair, |socket, count| {
        socket.resume();
        count != 1
    });
    pair.s(|s, _| s.end_with("0123456789"));
    pair.run();
    pair.check("C", &["read 0123", "read 4567", "read 89", "end", "finish", "close false"]);
}

#[test]
fn a_paused_socket_reads_nothing_into_the_buffer() {
    let mut pair = quiet().paused_on_connect().connect();
    pair.see_s().read_into([0; 4], |_, len, _, trace| {
        trace.push("S", format!("read {len}"));
        true
    });
    pair.c(|c, _| c.end_with("012345"));
    pair.settle();
    pair.check("S", &[]);
    assert_eq!(pair.see_s().bytes_read(), 0);
    pair.see_s().resume();
    pair.run();
    pair.check("S", &["read 4", "read 2", "end", "finish", "close false"]);
}

#[test]
fn data_and_text_listeners_are_not_called() {
    each_way(&quiet(), |pair| {
        read_fours(pair, |_, _| true);
        pair.see_c().on_data(|_, _, trace| trace.push("C", "data")).on_text(|_, _, trace| trace.push("C", "text"));
        pair.s(|s, _| s.end_with("01234"));
        pair.run();
        pair.check("C", &["read 0123", "read 4", "end", "finish", "close false"]);
    });
}

#[test]
fn an_empty_buffer_is_an_error() {
    let mut pair = quiet().connect();
    let empty: [u8; 0] = [];
    pair.see_c().read_into(empty, |_, _, _, _| unreachable!("there is no room"));
    let seen = Rc::new(Cell::new(false));
    let told = Rc::clone(&seen);
    pair.see_c().on_error(move |_, error, _| {
        util::check_error(error, ("ENOBUFS", "read", "", None), "read ENOBUFS");
        told.set(true);
    });
    pair.s(|s, _| {
        s.write("x");
        s.on_error(|_, _, _| {});
    });
    pair.run();
    pair.check("C", &["error ENOBUFS", "close true"]);
    assert!(seen.get());
}

#[test]
fn bytes_land_in_the_callers_buffer_without_a_copy_or_an_allocation() {
    let mut reactor = Reactor::<u64>::new().expect("a reactor");
    let (near, far) = reactor.socket_pair().expect("a pair");
    let buffer = vec![0_u8; 4096].into_boxed_slice();
    let place = buffer.as_ptr();
    reactor.socket(near).expect("open").on_data(|_, _, _| unreachable!("the buffer gets it")).read_into(
        buffer,
        move |socket, len, buffer, total: &mut u64| {
            assert_eq!(buffer.as_ptr(), place);
            *total += len as u64;
            socket.write(&buffer[..len])
        },
    );
    reactor.socket(far).expect("open").on_data(|socket, chunk, total: &mut u64| {
        assert_eq!(chunk, [7; 1000]);
        if !(*total).is_multiple_of(100_000) {
            socket.write(chunk);
        }
    });
    let mut total = 0;
    let mut play = |reactor: &mut Reactor<u64>, until: u64| {
        assert!(reactor.socket(far).expect("open").write([7; 1000]));
        for _ in 0..100_000 {
            reactor.run_nowait(&mut total).expect("it runs");
            if total == until && reactor.socket(far).is_some_and(|socket| socket.bytes_read() == until) {
                return;
            }
        }
        panic!("the message is lost at {total}");
    };
    play(&mut reactor, 100_000);
    let counted = allocation_counter::measure(|| play(&mut reactor, 200_000));
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

#[test]
fn a_listener_may_keep_the_filled_buffer_and_put_another_in_its_place() {
    let mut pair = quiet().connect();
    let kept = Rc::new(Cell::new(Vec::new()));
    let keep = Rc::clone(&kept);
    pair.see_c().read_into(vec![0; 4], move |_, len, buffer, _| {
        // As Node's buffer function: a new one after every read.
        let mut filled = std::mem::replace(buffer, vec![0; buffer.len() + 1]);
        filled.truncate(len);
        let mut all = keep.take();
        all.push(filled);
        keep.set(all);
        true
    });
    pair.s(|s, _| s.end_with("0123456789"));
    pair.run();
    assert_eq!(kept.take(), [&b"0123"[..], b"45678", b"9"]);
}

#[test]
fn a_data_listener_may_switch_over_and_what_waits_comes_first() {
    // Once with chunks that are read one by one, once with chunks that were read ahead.
    for ahead in [false, true] {
        let mut pair = quiet().connect();
        let mut seen = 0;
        pair.see_c().on_data(move |socket, chunk, trace| {
            seen += 1;
            trace.push("C", format!("head {}", String::from_utf8_lossy(chunk)));
            socket.read_into(vec![0; 4], |_, len, buffer, trace| {
                trace.push("C", format!("read {}", String::from_utf8_lossy(&buffer[..len])));
                true
            });
            assert_eq!(seen, 1);
        });
        if ahead {
            pair.see_c().pause();
        }
        for chunk in ["abc", "0123456", "78"] {
            send(&mut pair, chunk);
        }
        assert_eq!(pair.see_c().readable_length(), if ahead { 12 } else { 0 });
        pair.see_c().resume();
        pair.s(|s, _| s.end_with("9"));
        pair.run();
        let reads = ["head abc", "read 0123", "read 456", "read 78", "read 9", "end", "finish", "close false"];
        pair.check("C", &reads);
    }
}

#[test]
fn what_was_read_ahead_waits_for_resume_after_a_stop() {
    let mut pair = quiet().connect();
    send(&mut pair, "0123456");
    pair.s(|s, _| s.end());
    pair.settle();
    assert_eq!(pair.see_c().readable_length(), 7, "nobody asked for it");
    read_fours(&mut pair, |_, _| false);
    pair.settle();
    pair.check("C", &["read 0123"]);
    pair.see_c().resume();
    // Nothing is left that a stop could hold back.
    pair.run();
    pair.check("C", &["read 0123", "read 456", "end", "finish", "close false"]);
}

#[test]
fn a_stopped_socket_does_not_hold_the_loop() {
    let mut pair = quiet().s_quiet().connect();
    read_fours(&mut pair, |_, _| false);
    pair.see_s().unref();
    send(&mut pair, "01234567");
    util::run(&mut pair.reactor, &mut pair.trace);
    pair.check("C", &["read 0123"]);
    assert_eq!(pair.see_c().bytes_read(), 4);
}

#[test]
fn the_next_life_reads_into_the_buffer_too_and_begins_unstopped() {
    let mut reactor: Reactor<Trace> = util::reactor();
    let mut server = reactor.create_server(|socket, _| {
        socket.on_error(|_, _, _| {}).resume();
        socket.end_with("01234");
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    let server = server.id();
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    let mut lives = 0;
    socket.read_into([0; 8], |socket, len, _, trace: &mut Trace| {
        trace.push("C", format!("read {len}"));
        let id = socket.id();
        socket.reactor().set_immediate(move |reactor, _| util::with(reactor, id, |socket| socket.destroy()));
        false
    });
    socket.on_close(move |socket, _, trace| {
        trace.push("C", "close");
        lives += 1;
        match lives {
            1 => drop(socket.connect(([127, 0, 0, 1], port))),
            _ => util::close(socket.reactor(), server),
        }
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    trace.check("C", &["read 5", "close", "read 5", "close"]);
}

#[test]
fn a_panic_in_the_listener_destroys_the_socket() {
    let mut pair = quiet().connect();
    read_fours(&mut pair, |_, count| {
        assert!(count != 1, "once");
        true
    });
    pair.see_s().end_with("01234567");
    let caught = catch_unwind(AssertUnwindSafe(|| pair.run()));
    assert!(caught.is_err());
    pair.run();
    pair.check("C", &["read 0123", "error ERR_CALLBACK_PANICKED", "close true"]);
}

#[test]
fn writes_answer_makes_a_relay_that_never_queues_much() {
    let mut pair = quiet().connect();
    pair.narrow();
    let total = 3_000_000_u64;
    let (c, highest) = (pair.c, Rc::new(Cell::new(0)));
    let seen = Rc::clone(&highest);
    pair.see_s().on_data(|_, chunk, trace| trace.push("back", format!("data {}", chunk.len())));
    // `c` echoes what it reads, and reads on when that has left.
    pair.see_c().on_drain(|socket, _| socket.resume()).read_into(vec![0; 16_384], move |socket, len, buffer, _| {
        let goes_on = socket.write(&buffer[..len]);
        seen.set(seen.get().max(socket.writable_length()));
        goes_on
    });
    pair.see_s().write_owned(vec![b'x'; total as usize]);
    pair.until_true(move |reactor| reactor.socket(c).is_some_and(|socket| socket.bytes_read() == total));
    util::with(&mut pair.reactor, pair.s, |s| s.end());
    pair.run();
    pair.check("back", &[&format!("data {total}")]);
    assert!(highest.get() < 200_000, "{} bytes waited", highest.get());
}

#[test]
fn a_stop_does_not_delay_the_shutdown_of_the_server() {
    let mut reactor: Reactor<Trace> = util::reactor();
    let mut server = reactor.create_server(|socket, _| {
        // Refused once the server is shut down, and so false each time.
        socket.read_into([0; 4], |socket, len, buffer, _| socket.write(&buffer[..len]));
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    let server = server.id();
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    client.on_data(move |socket, _, _| {
        let mut server = socket.reactor().server(server).expect("it is not closed");
        server.shutdown(Duration::from_secs(3600), |_, report, trace: &mut Trace| {
            trace.push("V", format!("ended {} destroyed {}", report.ended, report.destroyed));
        });
    });
    client.on_end(|socket, _| {
        socket.write("0123456789");
    });
    client.write("0123");
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    trace.check("V", &["ended 1 destroyed 0"]);
}

/// The listener is kept, as those of events are: it fills its buffer in the next life of the socket.
#[test]
fn a_panic_over_what_waited_ends_this_life_only() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("just made").end_with("hello");
    reactor.socket(near).expect("just made").resume();
    reactor.socket(far).expect("just made").pause();
    let has_read =
        |reactor: &mut Reactor<Trace>, _: &mut Trace| reactor.socket(far).is_some_and(|socket| socket.readable_length() == 5);
    util::run_until(&mut reactor, &mut trace, has_read);
    let mut server = reactor.create_server(|socket, _| socket.end_with("again"));
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    let mut socket = reactor.socket(far).expect("it waits");
    let mut panicked = false;
    socket.read_into([0; 2], move |_, len, buffer, trace| {
        trace.push("F", format!("read {}", String::from_utf8_lossy(&buffer[..len])));
        assert!(std::mem::replace(&mut panicked, true), "planted");
        true
    });
    socket.on_end(|_, trace| trace.push("F", "end"));
    socket.once_close(move |socket, _, trace| {
        trace.push("F", "close");
        socket.connect(([127, 0, 0, 1], port));
    });
    socket.resume();
    catch_unwind(AssertUnwindSafe(|| reactor.run(&mut trace))).expect_err("it unwinds");
    util::run(&mut reactor, &mut trace);
    trace.check("F", &["read he", "close", "read ag", "read ai", "read n", "end"]);
}
