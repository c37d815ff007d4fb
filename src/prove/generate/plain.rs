//! Random plaintexts.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// Plaintexts of the world, with what is easily broken on the way.
const WORLDLY: &[&str] = &[
    "admin",
    "password",
    "correct horse battery staple",
    "{\"type\": \"service_account\", \"key\": \"-----BEGIN KEY-----\\nMIIE\\n\"}",
    "jdbc:postgresql://db:5432/kestra?user=a&password=b%40c",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "{{ secret('OTHER') }}",
    "{% if true %}x{% endif %}",
    "$(HOME)",
    "pa$$word",
    "pässwörd 密码 🗝",
    "null",
    "0123",
    "yes",
    "\t tab and blank ",
    "'it''s'\"",
    "\\n \\u0041 \\",
];

/// Any: text or bytes.
pub fn any(rng: &mut StdRng) -> Vec<u8> {
    match rng.random_range(0..8) {
        0 => bytes(rng, 1..48),
        1 => text(rng).into_bytes(),
        2 | 3 => WORLDLY
            .choose(rng)
            .map(|text| text.as_bytes().to_vec())
            .unwrap_or_default(),
        _ => line(rng),
    }
}

/// A line of printable ASCII.
pub fn line(rng: &mut StdRng) -> Vec<u8> {
    let length = rng.random_range(1..40);
    (0..length).map(|_| rng.random_range(b' '..=b'~')).collect()
}

/// Text of any characters but NUL, which no environment holds.
pub fn text(rng: &mut StdRng) -> String {
    let length = rng.random_range(1..16);
    (0..length)
        .map(|_| match rng.random_range(0..4) {
            0 => rng.random::<char>(),
            1 => *[
                '\u{1}', '\u{7f}', '\u{85}', '\u{2028}', '\u{feff}', '\u{fffd}', 'ß', '\n',
            ]
            .choose(rng)
            .unwrap_or(&'é'),
            _ => char::from(rng.random_range(b' '..=b'~')),
        })
        .filter(|&c| c != '\0')
        .collect()
}

/// Any bytes.
pub fn bytes(rng: &mut StdRng, length: std::ops::Range<usize>) -> Vec<u8> {
    let length = rng.random_range(length);
    (0..length).map(|_| rng.random()).collect()
}

/// Bytes of which at least one is no part of UTF-8; none is NUL.
pub fn not_utf8(rng: &mut StdRng) -> Vec<u8> {
    const BORDERS: &[u8] = &[0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xa0, 0xf0, 0xf5, 0xff];
    let mut bytes = line(rng);
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=bytes.len());
        bytes.insert(at, *BORDERS.choose(rng).unwrap_or(&0xff));
    }
    bytes.push(0xc3);
    bytes
}
