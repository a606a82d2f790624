//! `text` events: decoding in the course of a connection, the rest at its end, and the order with `data`.

mod pair;
mod util;

use netloop::{Encoding, Reactor, SocketId, code};
use pair::{Pair, each_way, quiet};
use util::{Trace, watch_quiet};

/// `c` tells its texts.
fn watch_text(pair: &mut Pair) {
    pair.see_c().on_text(|_, text, trace| trace.push("C", format!("text {text}")));
}

/// `s` sends bytes, and they arrive as one chunk.
fn send(pair: &mut Pair, bytes: &'static [u8]) {
    pair.s(move |s, _| s.write(bytes));
    pair.settle();
}

#[test]
fn a_cut_character_comes_whole_and_a_broken_one_before_the_end() {
    // C52
    each_way(&quiet(), |pair| {
        watch_text(pair);
        for bytes in [&b"a\xe2"[..], b"\x82", b"\xacb"] {
            send(pair, bytes);
        }
        pair.s(|s, _| s.end_with([0xe2, 0x82]));
        pair.run();
        pair.check("C", &["text a", "text €b", "text \u{fffd}", "end", "finish", "close false"]);
    });
}

#[test]
fn data_listeners_get_the_bytes_of_a_chunk_before_text_listeners_get_its_text() {
    each_way(&quiet(), |pair| {
        watch_text(pair);
        pair.see_c().on_data(|_, chunk, trace| trace.push("C", format!("bytes {chunk:x?}")));
        watch_text(pair);
        send(pair, b"x\xc3");
        send(pair, b"\xa9");
        pair.s(|s, _| s.end());
        pair.run();
        let (first, second) = (["bytes [78, c3]", "text x", "text x"], ["bytes [a9]", "text é", "text é"]);
        pair.check("C", &[&first[..], &second, &["end", "finish", "close false"]].concat());
    });
}

#[test]
fn another_encoding_replaces_the_decoder_and_what_it_held_is_lost() {
    let mut pair = quiet().connect();
    watch_text(&mut pair);
    pair.see_c().on_text(|socket, _, _| {
        socket.set_encoding(Encoding::Hex);
    });
    send(&mut pair, b"a\xe2");
    send(&mut pair, b"\x82\xac");
    pair.s(|s, _| s.end());
    pair.run();
    pair.check("C", &["text a", "text 82ac", "end", "finish", "close false"]);
}

#[test]
fn an_encoding_set_by_a_data_listener_is_for_the_next_chunk() {
    let mut pair = quiet().connect();
    pair.see_c().on_data(|socket, _, _| {
        socket.set_encoding(Encoding::Base64);
    });
    watch_text(&mut pair);
    send(&mut pair, b"abc");
    send(&mut pair, b"abc");
    pair.s(|s, _| s.end());
    pair.run();
    pair.check("C", &["text abc", "text YWJj", "end", "finish", "close false"]);
}

#[test]
fn the_rest_waits_on_a_paused_socket_and_the_end_behind_it() {
    let mut pair = quiet().connect();
    watch_text(&mut pair);
    pair.see_c().on_text(|socket, _, _| {
        socket.pause();
    });
    send(&mut pair, b"a\xe2\x82");
    pair.s(|s, _| s.end());
    pair.settle();
    pair.check("C", &["text a"]);
    pair.see_c().resume();
    pair.run();
    pair.check("C", &["text a", "text \u{fffd}", "end", "finish", "close false"]);
}

#[test]
fn an_odd_byte_of_utf16_is_dropped_and_nothing_waits_for_it() {
    let mut pair = quiet().connect();
    watch_text(&mut pair);
    pair.see_c().set_encoding(Encoding::Utf16Le).on_text(|socket, _, _| {
        socket.pause();
    });
    send(&mut pair, b"a\0b");
    pair.s(|s, _| s.end());
    pair.run();
    pair.check("C", &["text a", "end", "finish", "close false"]);
}

/// Connects to `port`, closes by `close` when `a` has come, and connects once more.
fn two_lives(first: &'static [u8], second: &'static [u8], close: fn(&mut netloop::Socket<'_, Trace>)) -> Vec<String> {
    let mut reactor: Reactor<Trace> = util::reactor();
    let mut count = 0;
    let mut server = reactor.create_server(move |socket, _| {
        count += 1;
        match count {
            1 => drop(socket.write(first)),
            _ => socket.end_with(second),
        }
        socket.on_error(|_, _, _| {}).resume();
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    let server = server.id();
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    let mut lives = 0;
    socket.set_encoding(Encoding::Utf8).on_text(move |socket, text, trace| {
        trace.push("C", format!("text {text}"));
        close(socket);
    });
    socket.on_close(move |socket, _, trace| {
        trace.push("C", format!("close {:?}", socket.readable_encoding()));
        lives += 1;
        match lives {
            1 => drop(socket.connect(([127, 0, 0, 1], port))),
            _ => util::close(socket.reactor(), server),
        }
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    trace.of("C").to_vec()
}

#[test]
fn the_decoder_stays_over_a_reconnect_without_what_it_held() {
    // C61: the first `end` flushes.
    let lives = two_lives(b"a\xe2\x82", b"\xe2\x82\xacb", |socket| socket.destroy_soon());
    assert_eq!(lives, ["text a", "close Some(Utf8)", "text €b", "close Some(Utf8)"]);
    // Node puts the halves of two connections together.
    let lives = two_lives(b"a\xe2\x82", b"\xacb", |socket| socket.destroy());
    assert_eq!(lives, ["text a", "close Some(Utf8)", "text \u{fffd}b", "close Some(Utf8)"]);
}

#[test]
fn there_is_no_text_after_destroy() {
    each_way(&quiet(), |pair| {
        watch_text(pair);
        pair.see_c().on_data(|socket, _, trace| {
            trace.push("C", "bytes");
            socket.destroy();
        });
        pair.s(|s, _| s.end_with("hello"));
        pair.run();
        pair.check("C", &["bytes", "close false"]);
    });
}

#[test]
fn an_error_of_a_text_listener_destroys_the_socket() {
    let mut pair = quiet().connect();
    pair.see_c().on_text(|_, text, _| text.parse::<u8>().map(drop));
    pair.s(|s, _| s.end_with("no number"));
    pair.run();
    pair.check("C", &["error ERR_USER", "close true"]);
    assert_eq!(code::ERR_USER, "ERR_USER");
}

#[test]
fn a_text_listener_starts_the_flow_and_an_encoding_does_not() {
    let mut pair = quiet().connect();
    assert_eq!(pair.see_c().readable_encoding(), None);
    pair.see_c().set_encoding(Encoding::Latin1);
    assert_eq!((pair.see_c().readable_encoding(), pair.see_c().readable_flowing()), (Some(Encoding::Latin1), None));
    pair.see_c().once_text(|_, text, trace| trace.push("C", format!("once {text}")));
    assert_eq!((pair.see_c().readable_encoding(), pair.see_c().readable_flowing()), (Some(Encoding::Latin1), Some(true)));
    let listener = pair.see_c().on_text(|_, _, trace| trace.push("C", "removed")).last_listener();
    assert!(pair.see_c().remove_listener(listener));
    send(&mut pair, b"\xe9");
    pair.s(|s, _| s.end_with("more"));
    pair.run();
    pair.check("C", &["once é", "end", "finish", "close false"]);
}

#[test]
fn what_waits_is_counted_in_bytes_and_decoded_when_it_is_emitted() {
    let mut pair = quiet().connect();
    pair.see_c().set_encoding(Encoding::Utf8).pause();
    pair.see_c().resume();
    pair.settle();
    pair.see_c().pause();
    send(&mut pair, "€€".as_bytes());
    send(&mut pair, "€".as_bytes());
    // 3 in Node, which counts characters.
    assert_eq!(pair.see_c().readable_length(), 9);
    watch_text(&mut pair);
    pair.see_c().set_encoding(Encoding::Hex).resume();
    pair.s(|s, _| s.end());
    pair.run();
    pair.check("C", &["text e282ace282ac", "text e282ac", "end", "finish", "close false"]);
}

#[test]
fn a_large_text_arrives_intact() {
    each_way(&quiet(), |pair| {
        pair.narrow();
        let text = "жабь😀x".repeat(40_000);
        let sent = text.clone();
        pair.see_c().on_text(|_, text, trace| {
            assert!(!text.contains('\u{fffd}'), "a character is cut");
            trace.push("T", text);
        });
        pair.s(move |s, _| {
            s.write_owned(sent.into_bytes());
            s.end();
        });
        pair.run();
        assert!(pair.trace.of("T").concat() == text);
    });
}

#[test]
fn cuts_on_the_way_change_nothing() {
    let mut seed = u64::from(std::process::id()) << 20 | 1;
    println!("seed {seed}");
    let mut random = move |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % limit
    };
    let mut reactor: Reactor<Trace> = util::reactor();
    let (near, far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(far).expect("open");
    watch_quiet(&mut socket, "C");
    socket.on_text(|_, text, trace| trace.push("T", text));
    let (mut trace, mut sent) = (Trace::default(), Vec::new());
    for _ in 0..2000 {
        let pieces = ["a", "é", "€", "😀"].map(str::as_bytes);
        let piece = pieces[random(4)];
        let chunk = match random(6) {
            0 => vec![random(256) as u8],
            _ => piece[random(piece.len())..].to_vec(),
        };
        sent.extend_from_slice(&chunk);
        util::with(&mut reactor, near, |socket| {
            socket.write_owned(chunk);
        });
        reactor.run_nowait(&mut trace).expect("it runs");
    }
    util::with(&mut reactor, near, |socket| socket.end());
    util::run(&mut reactor, &mut trace);
    assert_eq!(trace.of("T").concat(), String::from_utf8_lossy(&sent));
    trace.check("C", &["end", "finish", "close false"]);
}

/// Counts the texts of a message that goes round.
fn rounds(reactor: &mut Reactor<u32>, near: SocketId, count: u32) {
    let (mut texts, mut iterations) = (0, 0);
    reactor.socket(near).expect("open").write("ping €");
    while texts < count {
        reactor.run_nowait(&mut texts).expect("it runs");
        iterations += 1;
        assert!(iterations < 100_000, "the message is lost");
    }
    while reactor.socket(near).is_some_and(|socket| socket.bytes_written() > socket.bytes_read()) {
        reactor.run_nowait(&mut texts).expect("it runs");
    }
}

#[test]
fn text_allocates_nothing_per_message() {
    if util::faults_are_injected("it counts allocations") {
        return;
    }
    for encoding in [Encoding::Utf8, Encoding::Hex, Encoding::Base64] {
        let mut reactor = Reactor::<u32>::new().expect("a reactor");
        let (near, far) = reactor.socket_pair().expect("a pair");
        reactor.socket(far).expect("open").on_data(|socket, chunk, _| socket.write(chunk));
        reactor.socket(near).expect("open").set_encoding(encoding).on_text(|socket, text, texts| {
            *texts += 1;
            assert!(text.len() > 5);
            if !texts.is_multiple_of(100) {
                socket.write("ping €");
            }
        });
        rounds(&mut reactor, near, 100);
        let counted = allocation_counter::measure(|| rounds(&mut reactor, near, 100));
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{encoding}");
    }
}

/// The rest of a text comes right before `end`, which does not come after a panic.
#[test]
fn a_panic_over_the_last_text_is_followed_by_close() {
    let (mut reactor, mut trace) = (util::reactor::<Trace>(), Trace::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(near).expect("just made").end_with("a");
    reactor.socket(near).expect("just made").resume();
    let mut socket = reactor.socket(far).expect("just made");
    socket.set_encoding(Encoding::Base64);
    watch_quiet(&mut socket, "F");
    socket.on_text(|_, text, trace| -> bool {
        trace.push("F", text);
        panic!("planted")
    });
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reactor.run(&mut trace)));
    caught.expect_err("it unwinds");
    util::run(&mut reactor, &mut trace);
    trace.check("F", &["YQ==", "error ERR_CALLBACK_PANICKED", "close true"]);
}
