//! What stands in the environment for a plaintext, by the kinds that are told apart by it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::plain;
use crate::prove::Kind;

/// The longest of the long ones but for the very longest: as many of them as a set has must fit in few
/// environments.
const LONG: usize = 64 * 1024;

/// Base64, as Kestra wants it.
pub fn encoded(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    STANDARD.encode(bytes).into_bytes()
}

/// The text of a kind; `first` of its kind in the set, at most so long.
pub fn text_for(kind: Kind, rng: &mut StdRng, first: bool, longest: usize) -> Vec<u8> {
    match kind {
        Kind::NewlineInside => encoded(then(plain::any(rng), b"\n")),
        Kind::NewlineBehind => then(encoded(plain::any(rng)), b"\n"),
        Kind::NotEncoded if rng.random() => plain::line(rng),
        Kind::NotEncoded => plain::text(rng).into_bytes(),
        Kind::LooksEncoded => {
            let length = 4 * rng.random_range(1..6);
            (0..length)
                .map(|_| *b"adminpasswordADMIN0123456789+/".choose(rng).unwrap_or(&b'a'))
                .collect()
        }
        Kind::Twice => encoded(encoded(plain::any(rng))),
        Kind::Thrice => encoded(encoded(encoded(plain::any(rng)))),
        Kind::UrlSafe => {
            let plain = plain::bytes(rng, 1..60);
            let engine = if rng.random() { URL_SAFE } else { URL_SAFE_NO_PAD };
            engine.encode(plain).into_bytes()
        }
        Kind::NoPadding => STANDARD_NO_PAD.encode(plain::any(rng)).into_bytes(),
        Kind::PaddingShort => {
            let mut text = encoded(of_length(rng, 1));
            text.pop();
            text
        }
        Kind::PaddingLong => then(encoded(plain::any(rng)), &b"==="[..rng.random_range(1..=3)]),
        Kind::LooseBits => loose(rng),
        Kind::WhiteSpace => {
            let mut text = encoded(plain::any(rng));
            let blank = *b" \t\xa0".choose(rng).unwrap_or(&b' ');
            let at = *[0, text.len() / 2, text.len()].choose(rng).unwrap_or(&0);
            let blank = char::from(blank).to_string();
            text.splice(at..at, blank.bytes());
            text
        }
        Kind::Quoted => match rng.random_range(0..3) {
            0 => around(b"\"", encoded(plain::any(rng)), b"\""),
            1 => around(b"'", encoded(plain::any(rng)), b"'"),
            _ => encoded(around(b"\"", plain::any(rng), b"\"")),
        },
        Kind::PythonBytes => around(b"b'", encoded(plain::any(rng)), b"'"),
        Kind::Crlf if rng.random() => encoded(then(plain::any(rng), b"\r\n")),
        Kind::Crlf => then(encoded(plain::any(rng)), b"\r\n"),
        Kind::Wrapped => {
            let width = *[76, 64, 4, 1].choose(rng).unwrap_or(&76);
            let line_break: &[u8] = if rng.random() { b"\n" } else { b"\r\n" };
            lines(&encoded(plain::bytes(rng, 40..300)), width, line_break)
        }
        Kind::OtherBreaks => {
            let line_break = *["\r", "\x0b", "\x0c", "\u{85}", "\u{2028}", "\u{2029}", "\n\r"]
                .choose(rng)
                .unwrap_or(&"\r");
            let width = rng.random_range(1..30);
            lines(&encoded(plain::any(rng)), width, line_break.as_bytes())
        }
        Kind::Utf16 => encoded(utf16(rng)),
        Kind::ByteOrderMark => match rng.random_range(0..4) {
            0 => around(b"\xef\xbb\xbf", encoded(plain::any(rng)), b""),
            _ => encoded(around(b"\xef\xbb\xbf", plain::any(rng), b"")),
        },
        Kind::Percent => {
            // With padding to escape.
            let text = String::from_utf8_lossy(&encoded(of_length(rng, 2))).into_owned();
            text.replace('+', "%2B")
                .replace('/', "%2F")
                .replace('=', "%3D")
                .into_bytes()
        }
        Kind::NotUtf8 => encoded(plain::not_utf8(rng)),
        Kind::RawBytes if rng.random() => plain::not_utf8(rng),
        Kind::RawBytes => then(encoded(plain::any(rng)), b"\xff"),
        Kind::Empty => Vec::new(),
        Kind::OneByte => match rng.random_range(0..4) {
            0 => vec![*b"A= \n+".choose(rng).unwrap_or(&b'A')],
            _ => encoded([rng.random::<u8>()]),
        },
        Kind::Long => long(rng, first, longest),
        Kind::Template => match rng.random_range(0..4) {
            0 => b"{{ 'YQ==' }}".to_vec(),
            _ => encoded(around(b"{{ secret('", plain::line(rng), b"') }}")),
        },
        Kind::Damaged => damaged(rng),
        // The others are told apart by their names.
        _ => encoded(plain::any(rng)),
    }
}

fn then(mut bytes: Vec<u8>, end: &[u8]) -> Vec<u8> {
    bytes.extend_from_slice(end);
    bytes
}

fn around(start: &[u8], bytes: impl AsRef<[u8]>, end: &[u8]) -> Vec<u8> {
    [start, bytes.as_ref(), end].concat()
}

fn lines(text: &[u8], width: usize, line_break: &[u8]) -> Vec<u8> {
    text.chunks(width)
        .flat_map(|line| [line, line_break].concat())
        .collect()
}

/// A line of a length that leaves so many bytes over when divided by three.
fn of_length(rng: &mut StdRng, over: usize) -> Vec<u8> {
    let length = 3 * rng.random_range(0..12) + over;
    (0..length).map(|_| rng.random_range(b' '..=b'~')).collect()
}

/// The last character before the padding with bits that no byte needs.
fn loose(rng: &mut StdRng) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let over = rng.random_range(1..=2);
    let mut text = encoded(of_length(rng, over));
    // One byte over leaves four bits, two leave two.
    let bits = rng.random_range(1..if over == 1 { 16 } else { 4 });
    let at = text.len() - (3 - over) - 1;
    if let Some(value) = ALPHABET.iter().position(|c| *c == text[at]) {
        text[at] = ALPHABET[value | bits];
    }
    text
}

/// What PowerShell and certutil make.
fn utf16(rng: &mut StdRng) -> Vec<u8> {
    let little = rng.random::<bool>();
    let mark = rng.random::<bool>().then_some('\u{feff}');
    let text: String = mark.into_iter().chain(plain::text(rng).chars()).collect();
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

/// The first of a set is as long as can be.
fn long(rng: &mut StdRng, first: bool, longest: usize) -> Vec<u8> {
    let length = if first {
        longest / 4 * 3
    } else {
        // As many between 1 and 2 KiB as between 32 and 64.
        let size = 1usize << rng.random_range(10..16);
        rng.random_range(size..2 * size).min(LONG) / 4 * 3
    };
    let mut text = encoded((0..length).map(|_| rng.random()).collect::<Vec<u8>>());
    if first {
        text.resize(longest, b'\n');
    }
    text
}

/// Pieces that a decoder may stumble over.
const PIECES: &[&str] = &[
    "=", "==", "-", "_", "+", "/", "\n", "\r\n", " ", "\t", "\"", "'", "%3D", "\u{7f}", "\u{85}", "\u{a0}", "é",
    "\u{100}", "\u{2028}", "\u{feff}", "密", "🗝", "\u{fffd}", "A", "Q",
];

fn damaged(rng: &mut StdRng) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(&encoded(plain::any(rng))).into_owned();
    for _ in 0..rng.random_range(1..4) {
        let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = rng.random_range(0..borders.len());
        let end = (at + rng.random_range(0..2)).min(borders.len() - 1);
        let piece = if rng.random_range(0..4) == 0 {
            ""
        } else {
            PIECES.choose(rng).unwrap_or(&"=")
        };
        text.replace_range(borders[at]..borders[end], piece);
    }
    text.into_bytes()
}
