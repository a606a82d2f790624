//! `StringDecoder` against what Node's was recorded to do, and against whole texts cut at random.

use netloop::{Encoding, StringDecoder, code};

/// Made by `tests/string_decoder/record.js`.
const NODE: &str = include_str!("string_decoder/node.txt");

const ALL: [Encoding; 7] = [
    Encoding::Utf8,
    Encoding::Utf16Le,
    Encoding::Latin1,
    Encoding::Ascii,
    Encoding::Base64,
    Encoding::Base64Url,
    Encoding::Hex,
];

/// Numbers at random (xorshift). `NETLOOP_SEED` repeats a run.
struct Rng(u64);

impl Rng {
    fn seeded() -> Self {
        let chosen = std::env::var("NETLOOP_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = chosen.unwrap_or_else(|| u64::from(std::process::id()) << 16 | 1);
        println!("NETLOOP_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// What each `write` gave, then what `end` gave.
fn decode(encoding: Encoding, chunks: &[&[u8]]) -> Vec<String> {
    let mut decoder = StringDecoder::new(encoding);
    let mut texts: Vec<_> = chunks.iter().map(|chunk| decoder.write(chunk).to_owned()).collect();
    texts.push(decoder.end().to_owned());
    texts
}

fn whole(encoding: Encoding, bytes: &[u8]) -> String {
    decode(encoding, &[bytes]).concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn units(text: &str) -> Vec<u16> {
    unhex(text).chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect()
}

/// Whether Node gave half a pair at the end of a text: ours waits for the other half, so only the whole is the same.
fn cuts_a_pair(node: &[Vec<u16>]) -> bool {
    let (_, texts) = node.split_last().expect("the end is one");
    texts.iter().any(|text| text.last().is_some_and(|unit| unit & 0xfc00 == 0xd800))
}

#[test]
fn every_recorded_case_gives_what_node_gives() {
    let mut cases = 0;
    for line in NODE.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('|');
        let mut part = || parts.next().expect("four parts");
        let (encoding, chunks, given, end) = (part(), part(), part(), part());
        let chunks: Vec<_> = chunks.split(',').map(unhex).collect();
        let node: Vec<_> = given.split(',').chain([end]).map(units).collect();
        let chunks: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
        let ours = decode(encoding.parse().expect("a name"), &chunks);
        match cuts_a_pair(&node) {
            true => assert_eq!(ours.concat(), String::from_utf16_lossy(&node.concat()), "{line}"),
            false => assert_eq!(ours, node.iter().map(|text| String::from_utf16_lossy(text)).collect::<Vec<_>>(), "{line}"),
        }
        cases += 1;
    }
    assert!(cases > 200, "only {cases} cases");
}

#[test]
fn a_surrogate_pair_in_four_pieces_is_one_character() {
    // Node gives U+D83D with the second byte and U+DC4D with the fourth.
    assert_eq!(decode(Encoding::Utf16Le, &[b"\x3d", b"\xd8", b"\x4d", b"\xdc"]), ["", "", "", "\u{1f44d}", ""]);
    assert_eq!(decode(Encoding::Utf16Le, &[b"\x3d\xd8\x4d"]), ["", "\u{fffd}"], "the odd byte is dropped");
}

/// Bytes that make many beginnings of characters, whole ones and broken ones.
fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"a",
        "é".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\x80",
        b"\xe2\x82",
        b"\xf0\x9f",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0",
        b"\x3d\xd8",
        b"\x4d\xdc",
    ];
    let mut bytes = Vec::new();
    for _ in 0..rng.below(12) {
        match rng.below(4) {
            0 => bytes.push(rng.below(256) as u8),
            _ => bytes.extend_from_slice(PIECES[rng.below(PIECES.len())]),
        }
    }
    bytes
}

#[test]
fn cuts_change_nothing() {
    let mut rng = Rng::seeded();
    for _ in 0..4000 {
        let bytes = random_bytes(&mut rng);
        for encoding in ALL {
            let mut chunks = Vec::new();
            let mut left = bytes.as_slice();
            while !left.is_empty() {
                // Empty ones too.
                let (chunk, rest) = left.split_at(rng.below(left.len().min(5) + 1));
                chunks.push(chunk);
                left = rest;
            }
            assert_eq!(decode(encoding, &chunks).concat(), whole(encoding, &bytes), "{encoding} {chunks:x?}");
        }
        assert_eq!(whole(Encoding::Utf8, &bytes), String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn invalid_utf8_is_the_same_at_every_split() {
    let cases: [&[u8]; 9] = [
        b"a\x80b",
        b"\xff\xfea",
        b"x\xc0\x80y",
        b"\xed\xa0\x80!",
        b"\xe0\x80\x80",
        b"\xf4\x90\x80\x80z",
        b"\xf5\x80\xc3\xa9",
        b"\xe2\x82\xf0\x9f\x98",
        b"\xc3\xc3\xa9\xe1\x80\xf0",
    ];
    for bytes in cases {
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(decode(Encoding::Utf8, &chunks).concat(), String::from_utf8_lossy(bytes), "{chunks:x?}");
            }
        }
    }
}

#[test]
fn the_end_flushes_and_the_decoder_begins_anew() {
    let mut decoder = StringDecoder::new(Encoding::Utf8);
    assert_eq!(decoder.end_with(b"a\xe2\x82"), "a\u{fffd}");
    assert_eq!(decoder.end(), "");
    assert_eq!(decoder.write(b"\xac"), "\u{fffd}", "nothing is left of the first life");
    let mut decoder = StringDecoder::new(Encoding::Base64);
    assert_eq!((decoder.write(b"a").to_owned(), decoder.end_with(b"b").to_owned()), (String::new(), "YWI=".to_owned()));
    assert_eq!(decoder.end_with(b"abc"), "YWJj");
}

#[test]
fn valid_text_is_lent_and_not_copied() {
    let lent = |encoding, bytes: &[u8], len| {
        let mut decoder = StringDecoder::new(encoding);
        let text = decoder.write(bytes);
        assert_eq!((text.as_ptr(), text.len()), (bytes.as_ptr(), len), "{encoding}");
    };
    lent(Encoding::Utf8, "5 € each".as_bytes(), 10);
    lent(Encoding::Utf8, b"cut \xe2\x82", 4);
    lent(Encoding::Latin1, b"plain", 5);
    lent(Encoding::Ascii, b"plain", 5);
    let mut decoder = StringDecoder::new(Encoding::Hex);
    let (first, capacity) = (decoder.write(&[1; 64]).as_ptr(), 128);
    assert_eq!(
        (decoder.write(&[2; 64]).as_ptr(), decoder.write(&[3; 64]).len()),
        (first, capacity),
        "the buffer is used again"
    );
}

#[test]
fn names_are_nodes_in_any_case() {
    let names =
        ["", "UTF8", "Utf-8", "utf16le", "UTF-16LE", "ucs2", "UCS-2", "latin1", "BINARY", "ascii", "Base64", "base64URL"];
    let parsed: Vec<_> = names.map(|name| name.parse::<Encoding>().expect("Node knows it").name()).into();
    assert_eq!(
        parsed,
        [
            "utf8",
            "utf8",
            "utf8",
            "utf16le",
            "utf16le",
            "utf16le",
            "utf16le",
            "latin1",
            "latin1",
            "ascii",
            "base64",
            "base64url"
        ]
    );
    for encoding in ALL {
        assert_eq!(encoding.name().parse::<Encoding>().expect("its own name"), encoding);
    }
    for name in ["utf16", "utf-16", "latin-1", "us-ascii", "base64-url", "buffer", "zz", " utf8", "utf_8"] {
        let error = name.parse::<Encoding>().expect_err("Node does not know it");
        assert_eq!((error.code(), error.to_string()), (code::ERR_UNKNOWN_ENCODING, format!("Unknown encoding: {name}")));
    }
}
