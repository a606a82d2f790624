//! Codecs: the same frames however a stream is cut, without copies, within their memory, and to the last byte.

use std::fmt::Debug;

use netloop::codec::{Delimited, FedLines, Frames, Header, LengthPrefixed, Lines, Message, MessageFrame};
use netloop::{Error, Handler, Reactor, Result, Socket, code};

/// Deterministic numbers. `SEED=n` runs another series.
struct Random(u64);

impl Random {
    fn new(salt: u64) -> Self {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x9e37_79b9_7f4a_7c15_u64);
        println!("SEED={seed}");
        Self((seed ^ salt.wrapping_mul(0x2545_f491_4f6c_dd1d)).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    /// Mostly short, now and then long.
    fn len(&mut self, max: usize) -> usize {
        match self.below(8) {
            0 => 0,
            1 => max,
            2 => max.saturating_sub(1),
            3..=5 => self.below(max.min(9) + 1),
            _ => self.below(max + 1),
        }
    }

    fn bytes(&mut self, len: usize, alphabet: &[u8]) -> Vec<u8> {
        (0..len).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// A stream cut anywhere, also into nothing.
    fn cut<'s>(&mut self, mut stream: &'s [u8]) -> Vec<&'s [u8]> {
        let most = [1, 2, 5, 40, 1000, usize::MAX][self.below(6)];
        let mut chunks = Vec::new();
        while !stream.is_empty() {
            let (chunk, rest) = stream.split_at(self.below(stream.len().min(most) + 1));
            chunks.push(chunk);
            stream = rest;
        }
        chunks
    }
}

/// What all decoders of many frames can do, so that one test serves them.
trait Decoder: Clone + Debug {
    type Cursor<'a>: Cursor
    where
        Self: 'a;
    fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Self::Cursor<'a>;
    fn push(&mut self, chunk: &[u8]);
    fn next(&mut self) -> Result<Option<&[u8]>>;
    fn finish(&mut self) -> Result<Option<&[u8]>>;
}

trait Cursor {
    fn next(&mut self) -> Result<Option<&[u8]>>;
}

impl Cursor for Frames<'_> {
    fn next(&mut self) -> Result<Option<&[u8]>> {
        self.next_frame()
    }
}

impl Cursor for FedLines<'_> {
    fn next(&mut self) -> Result<Option<&[u8]>> {
        self.next_line()
    }
}

macro_rules! decoder {
    ($type:ident, $cursor:ident, $next:ident) => {
        impl Decoder for $type {
            type Cursor<'a> = $cursor<'a>;
            fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> $cursor<'a> {
                $type::feed(self, chunk)
            }
            fn push(&mut self, chunk: &[u8]) {
                $type::push(self, chunk);
            }
            fn next(&mut self) -> Result<Option<&[u8]>> {
                self.$next()
            }
            fn finish(&mut self) -> Result<Option<&[u8]>> {
                $type::finish(self)
            }
        }
    };
}
decoder!(LengthPrefixed, Frames, next_frame);
decoder!(Delimited, Frames, next_frame);
decoder!(Lines, FedLines, next_line);

/// The frames of a stream, and how it ended: with an error or without.
type Outcome = (Vec<Vec<u8>>, Option<(&'static str, String)>);

fn told(error: &Error) -> (&'static str, String) {
    (error.code(), error.to_string())
}

/// Takes a stream by any mixture of cursors, dropped early or late, and pushes.
fn decode(decoder: &mut impl Decoder, chunks: &[&[u8]], random: &mut Random) -> Outcome {
    let mut seen = Vec::new();
    let outcome = try_decode(decoder, chunks, random, &mut seen);
    (seen, outcome.err().as_ref().map(told))
}

fn try_decode(decoder: &mut impl Decoder, chunks: &[&[u8]], random: &mut Random, seen: &mut Vec<Vec<u8>>) -> Result {
    for chunk in chunks {
        if random.below(4) == 0 {
            decoder.push(chunk);
            while let Some(frame) = decoder.next()? {
                seen.push(frame.to_vec());
            }
            continue;
        }
        let mut frames = decoder.feed(chunk);
        let mut patience = if random.below(3) == 0 { random.below(3) } else { usize::MAX };
        while patience > 0 {
            let Some(frame) = frames.next()? else { break };
            seen.push(frame.to_vec());
            patience -= 1;
        }
    }
    while let Some(frame) = decoder.finish()? {
        seen.push(frame.to_vec());
    }
    Ok(())
}

/// Many ways of cutting one stream give one outcome.
#[track_caller]
fn check_cuts(decoder: &impl Decoder, stream: &[u8], expected: &Outcome, random: &mut Random) {
    for _ in 0..12 {
        let chunks = random.cut(stream);
        let outcome = decode(&mut decoder.clone(), &chunks, random);
        assert!(outcome == *expected, "{decoder:?}\n{stream:?}\ncut as {chunks:?}\n{outcome:?}\nexpected {expected:?}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decode(&mut decoder.clone(), &bytes, random), *expected, "byte by byte");
    assert_eq!(decode(&mut decoder.clone(), &[stream], random), *expected, "in one piece");
}

/// All prefixes; each with limits far below, just at and above what its prefix can tell.
fn prefixed() -> Vec<(LengthPrefixed, usize)> {
    let mut all = Vec::new();
    for (codec, most) in
        [(LengthPrefixed::u8 as fn() -> LengthPrefixed, 255), (LengthPrefixed::u16, 65_535), (LengthPrefixed::u32, usize::MAX)]
    {
        for max in [0, 1, 7, 255, 300, usize::MAX] {
            all.push((codec().max_length(max), max.min(most)));
            all.push((codec().little_endian().max_length(max), max.min(most)));
        }
    }
    all
}

#[test]
fn length_prefixed_frames_survive_any_cut() {
    let mut random = Random::new(1);
    for (codec, limit) in prefixed() {
        for _ in 0..20 {
            let (mut stream, mut frames) = (Vec::new(), Vec::new());
            for _ in 0..random.below(12) {
                let len = random.len(limit.min(700));
                let frame = random.bytes(len, &[0, 1, 2, 255]);
                stream.extend_from_slice(&codec.header_for(frame.len()).expect("within the limit"));
                stream.extend_from_slice(&frame);
                frames.push(frame);
            }
            check_cuts(&codec, &stream, &(frames.clone(), None), &mut random);
            // The last frame is cut off: somewhere in its header or its content.
            let Some(last) = frames.pop() else { continue };
            let whole = codec.header_for(last.len()).expect("within the limit").len() + last.len();
            let (missing, offset) = (1 + random.below(whole), stream.len() - whole);
            stream.truncate(stream.len() - missing);
            let text = format!("the stream ends {} bytes into the frame at offset {offset}", whole - missing);
            let error = (missing < whole).then_some((code::ERR_FRAME_INCOMPLETE, text));
            check_cuts(&codec, &stream, &(frames, error), &mut random);
        }
    }
}

#[test]
fn length_prefixed_frames_before_a_bad_one_come_in_any_cut() {
    let mut random = Random::new(2);
    for (codec, limit) in prefixed() {
        // A length that the prefix can tell and the limit forbids.
        let wide = |len: usize| codec.clone().max_length(usize::MAX).header_for(len).ok();
        let Some(bad) = limit.checked_add(1 + random.below(3)).and_then(|len| Some((len, wide(len)?))) else { continue };
        let (mut stream, mut frames) = (Vec::new(), Vec::new());
        for _ in 0..random.below(5) {
            let frame = random.bytes(limit.min(50), b"ab");
            stream.extend_from_slice(&codec.header_for(frame.len()).expect("within the limit"));
            stream.extend_from_slice(&frame);
            frames.push(frame);
        }
        let text = format!("frame at offset {} is longer than {limit} bytes, it has {}", stream.len(), bad.0);
        stream.extend_from_slice(&bad.1);
        stream.extend(random.bytes(40, b"xyz"));
        check_cuts(&codec, &stream, &(frames, Some((code::ERR_FRAME_TOO_LONG, text))), &mut random);
    }
}

/// A second, slow definition of delimited frames.
fn reference(stream: &[u8], delimiter: &[u8], is_lines: bool, max: usize, keep: bool) -> Outcome {
    let what = if is_lines { "line" } else { "frame" };
    let (mut frames, mut at) = (Vec::new(), 0);
    while at < stream.len() {
        let rest = &stream[at..];
        let found = rest.windows(delimiter.len()).position(|window| window == delimiter);
        let content = match found {
            Some(end) if is_lines => rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]),
            Some(end) => &rest[..end],
            None => rest,
        };
        if content.len() > max {
            let text = format!("{what} at offset {at} is longer than {max} bytes");
            return (frames, Some((code::ERR_FRAME_TOO_LONG, text)));
        }
        let end = found.map_or(rest.len(), |end| end + delimiter.len());
        frames.push(if keep { rest[..end].to_vec() } else { content.to_vec() });
        at += end;
    }
    (frames, None)
}

#[test]
fn delimited_frames_survive_any_cut() {
    let mut random = Random::new(3);
    for delimiter in ["\n", "\0", "ab", "\r\n\r\n", "aab", "aaaa", "abcab"] {
        for max in [0, 1, 2, 5, 30, usize::MAX] {
            for _ in 0..25 {
                // Made of the delimiter's own bytes, so that beginnings of it are everywhere.
                let alphabet = [delimiter.as_bytes(), b"xa"].concat();
                let mut stream = Vec::new();
                for _ in 0..random.below(10) {
                    let len = random.len(max.min(40));
                    stream.extend(random.bytes(len, &alphabet));
                    stream.extend_from_slice(delimiter.as_bytes());
                }
                let len = random.below(6);
                stream.extend(random.bytes(len, &alphabet));
                for keep in [false, true] {
                    let decoder = Delimited::new(delimiter).max_length(max).keep_ending(keep);
                    let expected = reference(&stream, delimiter.as_bytes(), false, max, keep);
                    check_cuts(&decoder, &stream, &expected, &mut random);
                }
            }
        }
    }
}

#[test]
fn lines_survive_any_cut() {
    let mut random = Random::new(4);
    for max in [0, 1, 2, 5, 30, usize::MAX] {
        for _ in 0..100 {
            let len = random.below(120);
            let stream = random.bytes(len, b"ab\r\n\n");
            for keep in [false, true] {
                let expected = reference(&stream, b"\n", true, max, keep);
                check_cuts(&Lines::new().max_length(max).keep_ending(keep), &stream, &expected, &mut random);
            }
        }
    }
}

#[test]
fn messages_survive_any_cut() {
    let mut random = Random::new(5);
    for _ in 0..300 {
        let (len, more) = (random.len(300), random.below(20));
        let (message, metadata) = (random.bytes(len, &[0, 255]), random.bytes(more, b"meta"));
        let stream = Message { message: &message, metadata: &metadata }.encode().expect("short");
        let mut decoder = MessageFrame::new().max_length(len + more);
        for chunk in random.cut(&stream) {
            decoder.push(chunk).expect("within the limit");
        }
        let mut cut = decoder.clone();
        assert_eq!(decoder.finish().expect("whole"), Some(Message { message: &message, metadata: &metadata }));
        assert_eq!(decoder.finish().expect("whole"), None);
        assert_eq!(cut.push(b"x").expect_err("one more than allowed").code(), code::ERR_FRAME_TOO_LONG);
        assert_eq!(cut.finish().expect_err("for ever").code(), code::ERR_FRAME_TOO_LONG);
        // Cut off inside the length or the message.
        let short = &stream[..1 + random.below(3 + len)];
        let mut decoder = MessageFrame::new();
        random.cut(short).into_iter().for_each(|chunk| decoder.push(chunk).expect("within the limit"));
        let text = format!("the stream ends {} bytes into the frame at offset 0", short.len());
        assert_eq!(told(&decoder.finish().expect_err("too short")), (code::ERR_FRAME_INCOMPLETE, text));
    }
}

/// What the encoder of Node programs writes: `writeInt32BE`, message, metadata.
#[test]
fn a_message_is_nodes_int32_be_then_message_then_the_rest() {
    let frame = Message { message: b"hello world", metadata: &[0] }.encode().expect("short");
    assert_eq!(frame, b"\0\0\0\x0bhello world\0");
    assert_eq!(Message::header(11).expect("short"), [0, 0, 0, 11]);
    assert_eq!(Message::header(i32::MAX as usize).expect("the longest"), [0x7f, 255, 255, 255]);
    assert_eq!(Message::header(i32::MAX as usize + 1).expect_err("one more").code(), code::ERR_FRAME_TOO_LONG);
    let empty = Message::parse(b"\0\0\0\0").expect("nothing is a message");
    assert_eq!((empty.message, empty.metadata), (&b""[..], &b""[..]));
    for short in [&b""[..], b"\0\0\0", b"\0\0\0\x01", b"\xff\xff\xff\xfe12345"] {
        assert_eq!(Message::parse(short).expect_err("too short").code(), code::ERR_FRAME_INCOMPLETE, "{short:?}");
    }
    let negative = MessageFrame::new().max_length(usize::MAX).push(&(-1_i32).to_be_bytes()).expect_err("negative");
    assert_eq!(negative.to_string(), "message at offset 0 is longer than 2147483647 bytes, it has 4294967295");
}

#[test]
fn headers_tell_what_the_decoder_reads_and_refuse_what_it_refuses() {
    let bytes = |codec: LengthPrefixed, len| codec.header_for(len).map(|header: Header| header.to_vec());
    assert_eq!(bytes(LengthPrefixed::u8(), 255).expect("fits"), [255]);
    assert_eq!(bytes(LengthPrefixed::u16(), 258).expect("fits"), [1, 2]);
    assert_eq!(bytes(LengthPrefixed::u16().little_endian(), 258).expect("fits"), [2, 1]);
    assert_eq!(bytes(LengthPrefixed::u32(), 0x0001_0203).expect("fits"), [0, 1, 2, 3]);
    assert_eq!(bytes(LengthPrefixed::u32().little_endian(), 0x0001_0203).expect("fits"), [3, 2, 1, 0]);
    for (codec, len, limit) in [
        (LengthPrefixed::u8(), 256, 255),
        (LengthPrefixed::u16(), 65_536, 65_535),
        (LengthPrefixed::u32(), 8_388_609, 8_388_608),
        (LengthPrefixed::u32().max_length(10), 11, 10),
        (LengthPrefixed::u8().max_length(0), 1, 0),
    ] {
        let error = bytes(codec.clone(), len).expect_err("too long");
        let text = format!("a frame of {len} bytes is longer than {limit} bytes");
        assert_eq!(told(&error), (code::ERR_FRAME_TOO_LONG, text));
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(bytes(codec, limit).is_ok());
    }
    assert_eq!(LengthPrefixed::header(8_388_608).expect("the longest"), [0, 128, 0, 0]);
    assert_eq!(LengthPrefixed::header(8_388_609).expect_err("one more").code(), code::ERR_FRAME_TOO_LONG);
}

#[test]
fn the_longest_frame_passes_and_one_byte_more_does_not() {
    let mut prefixed = LengthPrefixed::u16().max_length(3);
    assert_eq!(prefixed.feed(b"\0\x03abc").next_frame().expect("fits"), Some(&b"abc"[..]));
    assert!(prefixed.feed(b"\0\x04").next_frame().is_err());
    let mut delimited = Delimited::new("--").max_length(3);
    assert_eq!(delimited.feed(b"abc--").next_frame().expect("fits"), Some(&b"abc"[..]));
    assert!(delimited.feed(b"abcd--").next_frame().is_err());
    for ending in ["\n", "\r\n"] {
        let mut lines = Lines::new().max_length(3);
        assert_eq!(lines.feed(format!("abc{ending}").as_bytes()).next_line().expect("fits"), Some(&b"abc"[..]));
        assert!(lines.feed(format!("abcd{ending}").as_bytes()).next_line().is_err());
    }
    let mut lines = Lines::new().max_length(3);
    lines.push(b"abc\r");
    assert_eq!(lines.next_line().expect("an ending may come"), None);
    assert_eq!(lines.finish().expect_err("it did not").to_string(), "line at offset 0 is longer than 3 bytes");
}

#[test]
fn a_decoder_begins_anew_after_finish() {
    let mut delimited = Delimited::new("\r\n\r\n");
    assert_eq!(delimited.feed(&[b'x'; 100]).next_frame().expect("no limit near"), None);
    assert_eq!(delimited.finish().expect("whole").map(<[u8]>::len), Some(100));
    assert_eq!(delimited.finish().expect("all taken"), None);
    assert_eq!(delimited.feed(b"a\r\n").next_frame().expect("short"), None);
    assert_eq!(delimited.feed(b"\r\nb").next_frame().expect("short"), Some(&b"a"[..]));
    let mut lines = Lines::new();
    assert_eq!(lines.feed(b"the last one").next_line().expect("short"), None);
    assert_eq!(lines.finish().expect("whole"), Some(&b"the last one"[..]));
    assert_eq!(lines.feed(b"ab").next_line().expect("short"), None);
    lines.push(b"c\nd\n");
    assert_eq!(lines.next_line().expect("short"), Some(&b"abc"[..]));
}

#[test]
fn a_frame_without_a_delimiter_is_refused_as_soon_as_none_can_fit() {
    let mut lines = Lines::new().max_length(3);
    assert_eq!(lines.feed(b"abc\r").next_line().expect("an ending may come"), None);
    assert_eq!(lines.feed(b"\r").next_line().expect_err("none can").code(), code::ERR_FRAME_TOO_LONG);
    let mut delimited = Delimited::new("--").max_length(3);
    assert_eq!(delimited.feed(b"abc-").next_frame().expect("an ending may come"), None);
    assert_eq!(delimited.feed(b"x").next_frame().expect_err("none can").code(), code::ERR_FRAME_TOO_LONG);
}

/// One value a connection, and `push`: the frames come back, a cut-off one is an error.
#[test]
fn a_session_echoes_frames_with_push() {
    #[derive(Default)]
    struct Session {
        frames: LengthPrefixed,
        seen: u64,
    }
    impl Handler<(u64, Vec<u8>)> for Session {
        fn on_data(&mut self, socket: &mut Socket<'_, (u64, Vec<u8>)>, chunk: &[u8], _: &mut (u64, Vec<u8>)) -> Result {
            self.frames.push(chunk);
            while let Some(frame) = self.frames.next_frame()? {
                self.seen += 1;
                socket.write(LengthPrefixed::header(frame.len())?);
                socket.write(frame);
            }
            Ok(())
        }
        fn on_error(&mut self, _: &mut Socket<'_, (u64, Vec<u8>)>, error: &Error, _: &mut (u64, Vec<u8>)) {
            assert_eq!(told(error).1, "frame at offset 14 is longer than 8388608 bytes, it has 8388609");
        }
        fn on_close(&mut self, _: &mut Socket<'_, (u64, Vec<u8>)>, had_error: bool, state: &mut (u64, Vec<u8>)) {
            assert!(had_error);
            state.0 += self.seen;
        }
    }
    let mut reactor = Reactor::<(u64, Vec<u8>)>::new().expect("a selector");
    let (near, far) = reactor.socket_pair().expect("a pair");
    reactor.socket(far).expect("open").attach(Session::default());
    let mut near = reactor.socket(near).expect("open");
    near.on_data(|near, chunk, state| {
        state.1.extend_from_slice(chunk);
        // All of it came back: now a bad one.
        if state.1.len() == 14 {
            near.write([0, 128, 0, 1]);
        }
    });
    near.write(b"\0\0\0\x04four\0\0\0\x02hi");
    let mut state = (0, Vec::new());
    reactor.run(&mut state).expect("it ends");
    assert_eq!(state, (2, b"\0\0\0\x04four\0\0\0\x02hi".to_vec()));
}

/// Runs a cursor to its end and says which frames lie in the chunk.
#[track_caller]
fn lent(decoder: &mut impl Decoder, chunk: &[u8]) -> Vec<bool> {
    let (range, mut lent) = (chunk.as_ptr_range(), Vec::new());
    let mut frames = decoder.feed(chunk);
    while let Some(frame) = frames.next().expect("good frames") {
        let frame = frame.as_ptr_range();
        lent.push(range.start <= frame.start && frame.end <= range.end);
    }
    lent
}

#[test]
fn a_frame_whole_in_the_chunk_is_lent_from_there_and_only_a_cut_one_is_copied() {
    let mut prefixed = LengthPrefixed::u8();
    assert_eq!(lent(&mut prefixed, b"\x01a\x00\x03bcd\x02e"), [true, true, true]);
    assert_eq!(lent(&mut prefixed, b"f\x01g\x01h\x05"), [false, true, true]);
    assert_eq!(lent(&mut prefixed, b"ijkl"), [false; 0]);
    assert_eq!(lent(&mut prefixed, b"m\x01n"), [false, true]);
    let mut lines = Lines::new();
    assert_eq!(lent(&mut lines, b"a\r\n\nbcd\nef"), [true, true, true]);
    assert_eq!(lent(&mut lines, b"g\nh\n"), [false, true]);
    let mut delimited = Delimited::new("--");
    assert_eq!(lent(&mut delimited, b"a----bcd-"), [true, true]);
    assert_eq!(lent(&mut delimited, b"-e--"), [false, true]);
}

#[test]
fn frames_whole_in_their_chunks_allocate_nothing() {
    let (mut prefixed, mut lines, mut delimited) = (LengthPrefixed::u8(), Lines::new(), Delimited::new("\r\n"));
    let info = allocation_counter::measure(|| {
        for _ in 0..100 {
            lent_count(&mut prefixed, b"\x01a\x02bc\x00");
            lent_count(&mut lines, b"a\r\nbc\n\n");
            lent_count(&mut delimited, b"a\r\nbc\r\n\r\n");
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    // Small cut frames share one small buffer.
    lent_count(&mut prefixed, b"\x02a");
    let info = allocation_counter::measure(|| (0..100).for_each(|_| lent_count(&mut prefixed, b"b\x02a")));
    assert_eq!(info.count_total, 0, "{info:?}");
}

fn lent_count(decoder: &mut impl Decoder, chunk: &[u8]) {
    let mut frames = decoder.feed(chunk);
    while frames.next().expect("good frames").is_some() {}
}

#[test]
fn a_length_of_four_gigabytes_is_refused_before_anything_is_kept() {
    let block = vec![b'x'; 64 * 1024];
    let mut decoder = LengthPrefixed::default();
    let info = allocation_counter::measure(|| {
        assert!(decoder.feed(b"\xff\xff\xff\xff").next_frame().is_err());
        for _ in 0..100 {
            let error = decoder.feed(&block).next_frame().expect_err("for ever");
            assert_eq!(error.to_string(), "frame at offset 0 is longer than 8388608 bytes, it has 4294967295");
            decoder.push(&block);
            assert!(decoder.next_frame().is_err() && decoder.finish().is_err());
        }
    });
    // The texts of the messages.
    assert!(info.bytes_max < 2048, "{info:?}");
}

/// What a peer can make a decoder hold, in pieces of every size.
#[test]
fn a_decoder_holds_at_most_one_longest_frame() {
    for piece in [1, 7, 1000, 4096] {
        let max = 10_000;
        let stream: Vec<u8> = (0..5).flat_map(|_| [&b"\0\0\x27\x10"[..], &vec![b'x'; max]].concat()).collect();
        let mut decoder = LengthPrefixed::u32().max_length(max);
        let info = allocation_counter::measure(|| stream.chunks(piece).for_each(|chunk| lent_count(&mut decoder, chunk)));
        // While it grows the old piece exists too.
        assert!(info.bytes_max as usize <= 2 * (max + 4), "pieces of {piece}: {info:?}");
        assert!(info.count_total < 100, "pieces of {piece}: {info:?}");
        assert_eq!(info.bytes_current, 0, "nothing is held between frames: {info:?}");
        let mut lines = Lines::new().max_length(max);
        let info = allocation_counter::measure(|| {
            let outcome = stream.chunks(piece).try_for_each(|chunk| lines.feed(chunk).next_line().map(drop));
            assert_eq!(outcome.expect_err("no line ends").code(), code::ERR_FRAME_TOO_LONG);
        });
        assert!(info.bytes_max as usize <= 2 * (max + 2) + 1024, "pieces of {piece}: {info:?}");
    }
}

#[test]
fn an_early_return_loses_nothing() {
    fn first(decoder: &mut LengthPrefixed, chunk: &[u8]) -> Result<Vec<u8>> {
        let mut frames = decoder.feed(chunk);
        let frame = frames.next_frame()?.ok_or_else(|| Error::other("none"))?.to_vec();
        if frame == b"stop" { Err(Error::other("stopped")) } else { Ok(frame) }
    }
    let mut decoder = LengthPrefixed::u8();
    assert!(first(&mut decoder, b"\x04stop\x01a\x01b\x02").is_err());
    assert_eq!(first(&mut decoder, b"cd\x01e").expect("kept"), b"a");
    assert_eq!(first(&mut decoder, b"").expect("kept"), b"b");
    let mut rest = Vec::new();
    while let Some(frame) = decoder.next_frame().expect("kept") {
        rest.push(frame.to_vec());
    }
    assert_eq!(rest, [&b"cd"[..], b"e"]);
    assert_eq!(decoder.finish().expect("all taken"), None);
}

#[test]
fn a_cursor_that_was_never_asked_keeps_its_chunk() {
    let mut lines = Lines::new();
    drop(lines.feed(b"a\nb"));
    drop(lines.feed(b"c\n"));
    assert_eq!(lines.next_line().expect("short"), Some(&b"a"[..]));
    assert_eq!(lines.next_line().expect("short"), Some(&b"bc"[..]));
    assert_eq!(lines.next_line().expect("short"), None);
}

#[test]
fn finish_gives_what_was_left_then_the_unfinished_line_then_nothing() {
    let mut lines = Lines::new();
    lines.push(b"a\nb\nc\r");
    for expected in [Some(&b"a"[..]), Some(b"b"), Some(b"c\r"), None, None] {
        assert_eq!(lines.finish().expect("short"), expected);
    }
}

#[test]
fn an_empty_delimiter_is_an_error_that_lasts() {
    let mut decoder = Delimited::new([]);
    for _ in 0..2 {
        assert_eq!(decoder.feed(b"abc").next_frame().expect_err("no frames").code(), code::ERR_INVALID_ARG_VALUE);
        assert_eq!(decoder.finish().expect_err("no frames").code(), code::ERR_INVALID_ARG_VALUE);
    }
}

/// The offset counts from the first byte of the stream, headers included.
#[test]
fn the_offset_of_a_bad_frame_counts_all_frames_before_it() {
    let mut decoder = LengthPrefixed::u8().max_length(200);
    let frame = [&[200][..], &[b'x'; 200]].concat();
    for chunk in frame.repeat(1000).chunks(333) {
        lent_count(&mut decoder, chunk);
    }
    let error = decoder.feed(&[201]).next_frame().expect_err("one more");
    assert_eq!(error.to_string(), "frame at offset 201000 is longer than 200 bytes, it has 201");
}

#[test]
fn decoders_can_move_to_another_thread_with_their_session() {
    fn check<T: Send + Sync + Clone + Debug + 'static>() {}
    check::<LengthPrefixed>();
    check::<Delimited>();
    check::<Lines>();
    check::<MessageFrame>();
}
