//! Values that go where a decoder may go wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use kestra_secrets::internals::oracle::secret::PREFIX;

/// What values are made of, one character or malformed sequence each: both alphabets, padding, every
/// line break and some that are none, quotes, Latin-1, what is beyond it, and bytes that are not UTF-8.
const PIECES: &[&[u8]] = &[
    b"A",
    b"Z",
    b"a",
    b"z",
    b"0",
    b"9",
    b"Y",
    b"Q",
    b"+",
    b"/",
    b"=",
    b"=",
    b"==",
    b"-",
    b"_",
    b"\n",
    b"\r",
    b"\r\n",
    b"\x0b",
    b"\x0c",
    b" ",
    b"\t",
    b"\x1c",
    b"\x1e",
    b"\0",
    b"\"",
    b"'",
    b"%3D",
    b"\x7f",
    b"\xc2\x80",
    b"\xc2\x85",
    b"\xc2\xa0",
    b"\xc3\xa9",
    b"\xc3\xbf",
    b"\xc4\x80",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xa9",
    b"\xef\xbb\xbf",
    b"\xe5\xaf\x86",
    b"\xf0\x9f\x97\x9d",
    b"\xef\xbf\xbd",
    b"\x85",
    b"\xed\xa0\x80",
    b"\xff",
];

/// Bytes at every border of UTF-8's grammar.
const BORDERS: &[u8] = &[
    0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff,
];

/// Random values, always the same for one seed.
pub fn random(seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut rng = StdRng::seed_from_u64(seed);
    std::iter::repeat_with(move || value(&mut rng))
}

/// Every value of up to two characters of Latin-1, and of up to four of the telling ones.
pub fn short() -> Vec<Vec<u8>> {
    let latin1: Vec<Vec<u8>> = (0..=255u8).map(|c| char::from(c).to_string().into_bytes()).collect();
    let telling: Vec<Vec<u8>> = b"AQ/+=-\n\r ".iter().map(|c| vec![*c]).collect();
    sequences(&latin1, 2)
        .into_iter()
        .chain(sequences(&telling, 4))
        .collect()
}

/// Every text of up to three bytes at the borders of UTF-8, in Base64 and as it is, and every one of four
/// that begins like a long sequence, in Base64.
pub fn malformed() -> Vec<Vec<u8>> {
    let borders: Vec<Vec<u8>> = BORDERS.iter().map(|b| vec![*b]).collect();
    let wanted = |text: &Vec<u8>| text.len() < 4 || text[0] >= 0xe0;
    let encoded = sequences(&borders, 4)
        .into_iter()
        .filter(wanted)
        .map(|text| STANDARD.encode(text).into_bytes());
    encoded.chain(sequences(&borders, 3)).collect()
}

fn sequences(pieces: &[Vec<u8>], longest: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last
            .iter()
            .flat_map(|start| pieces.iter().map(move |piece| [&start[..], piece].concat()))
            .collect();
        all.extend_from_slice(&last);
    }
    all
}

/// Names that a rule of Java's decides: prefixes in every case, the empty key, capitals that are longer than
/// their small letter or have several, letters that stand by themselves, and bytes that are not UTF-8.
const ODD_NAMES: &[&[u8]] = &[
    b"SECRET_",
    b"SECRET",
    b"secret_FOO",
    b"Secret_x",
    b"XSECRET_A",
    b" SECRET_A",
    b"SECRET__",
    b"SECRET_SECRET_",
    b"SECRET_a b",
    b"SECRET_MY-KEY",
    b"SECRET_my.key",
    "SECRET_stra\u{df}e".as_bytes(),
    "SECRET_STRASSE".as_bytes(),
    "SECRET_STRA\u{1e9e}E".as_bytes(),
    "SECRET_\u{149}".as_bytes(),
    "SECRET_\u{2bc}N".as_bytes(),
    "SECRET_\u{fb01}x".as_bytes(),
    "SECRET_\u{ff}".as_bytes(),
    // Turkish has rules of its own, which hold in no UTF-8 locale of a server.
    "SECRET_\u{131}_".as_bytes(),
    "SECRET_I_".as_bytes(),
    "SECRET_i_".as_bytes(),
    "SECRET_\u{130}_".as_bytes(),
    // Three sigmas, two micro signs, Kelvin and K, titlecase digraphs.
    "SECRET_\u{3c3}".as_bytes(),
    "SECRET_\u{3c2}".as_bytes(),
    "SECRET_\u{3a3}".as_bytes(),
    "SECRET_\u{b5}".as_bytes(),
    "SECRET_\u{3bc}".as_bytes(),
    "SECRET_\u{212a}".as_bytes(),
    "SECRET_k".as_bytes(),
    "SECRET_\u{1c5}".as_bytes(),
    "SECRET_\u{1c6}".as_bytes(),
    "SECRET_\u{10428}".as_bytes(),
    "SECRET_\u{5bc6}\u{1f5dd}".as_bytes(),
    b"SECRET_\xff",
    b"SECRET_\xed\xa0\x80",
    b"SECRET_\xc3",
    b"SECR\xff_A",
];

/// An environment with names in every case, so that some collide, and values as random as the others.
pub fn environment(seed: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0xe7);
    let mut environment: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let names = (0..400).map(|n| {
        let name = format!("SECRET_Key_{}", n % 250);
        let mut name = name.into_bytes();
        for byte in &mut name[PREFIX.len()..] {
            if rng.random() {
                byte.make_ascii_uppercase();
            }
        }
        name
    });
    let names: Vec<Vec<u8>> = ODD_NAMES.iter().map(|name| name.to_vec()).chain(names).collect();
    let mut values = random(seed ^ 0x5e).filter(|value| !value.contains(&0) && value.len() < 2_000);
    for name in names {
        if !environment.iter().any(|(other, _)| *other == name) {
            environment.extend(values.next().map(|value| (name, value)));
        }
    }
    environment
}

fn value(rng: &mut StdRng) -> Vec<u8> {
    match rng.random_range(0..10) {
        0 => STANDARD.encode(text(rng)).into_bytes(),
        1 => {
            let mut value = STANDARD.encode(text(rng)).into_bytes();
            for _ in 0..rng.random_range(1..4) {
                mutate(rng, &mut value);
            }
            value
        }
        2 => (0..rng.random_range(0..12)).flat_map(|_| piece(rng)).collect(),
        3 => wrapped(rng),
        4 => STANDARD_NO_PAD.encode(text(rng)).into_bytes(),
        5 => URL_SAFE.encode(bytes(rng)).into_bytes(),
        6 => STANDARD.encode(STANDARD.encode(text(rng))).into_bytes(),
        7 => (0..rng.random_range(0..16))
            .map(|_| *b"adminpasswordADMIN0123456789".choose(rng).unwrap_or(&b'a'))
            .collect(),
        8 => text(rng),
        _ => {
            // Long enough for the JIT's vectorised decoder, with one fault somewhere or none.
            let mut value = STANDARD
                .encode(
                    (0..rng.random_range(100..1500))
                        .map(|_| rng.random())
                        .collect::<Vec<u8>>(),
                )
                .into_bytes();
            if rng.random() {
                mutate(rng, &mut value);
            }
            value
        }
    }
}

/// A plaintext: any bytes, bytes at the borders of UTF-8, or text.
fn text(rng: &mut StdRng) -> Vec<u8> {
    match rng.random_range(0..3) {
        0 => bytes(rng),
        1 => (0..rng.random_range(0..12))
            .map(|_| *BORDERS.choose(rng).unwrap_or(&0))
            .collect(),
        _ => (0..rng.random_range(0..12))
            .map(|_| rng.random::<char>())
            .collect::<String>()
            .into_bytes(),
    }
}

fn bytes(rng: &mut StdRng) -> Vec<u8> {
    (0..rng.random_range(0..30)).map(|_| rng.random()).collect()
}

fn piece(rng: &mut StdRng) -> Vec<u8> {
    PIECES.choose(rng).map(|piece| piece.to_vec()).unwrap_or_default()
}

/// Puts a piece somewhere: in between, in place of a byte, or in place of all that follows.
fn mutate(rng: &mut StdRng, value: &mut Vec<u8>) {
    let at = rng.random_range(0..=value.len());
    let end = match rng.random_range(0..4) {
        0 => at,
        1 | 2 => (at + 1).min(value.len()),
        _ => value.len(),
    };
    let piece = if rng.random_range(0..4) == 0 {
        Vec::new()
    } else {
        piece(rng)
    };
    value.splice(at..end, piece);
}

/// Base64 in lines, broken by any line break.
fn wrapped(rng: &mut StdRng) -> Vec<u8> {
    let breaks: [&[u8]; 8] = [
        b"\n",
        b"\r\n",
        b"\r",
        b"\x0b",
        b"\x0c",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\n\n",
    ];
    let width = rng.random_range(1..80);
    let line_break = *breaks.choose(rng).unwrap_or(&breaks[0]);
    STANDARD
        .encode(text(rng))
        .as_bytes()
        .chunks(width)
        .flat_map(|line| [line, line_break].concat())
        .collect()
}
