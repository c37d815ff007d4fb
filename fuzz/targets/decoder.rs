//! The decoder of one environment value, against a second definition of what Java and Kestra do.

#![no_main]

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kestra_secrets::internals::oracle::secret::{Plaintext, decode};
use libfuzzer_sys::fuzz_target;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_encode_padding(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

fuzz_target!(|bytes: &[u8]| {
    let found = decode(&Plaintext::new(bytes, true)).ok();
    let text = found
        .as_ref()
        .map(|plain| std::str::from_utf8(plain.bytes()).expect("the text of secret() is UTF-8"));
    match (reference(bytes), text) {
        (None, None) => {}
        // What is malformed becomes U+FFFD, of which Java counts otherwise than Rust for surrogates alone.
        (Some(meant), Some(text)) if String::from_utf8(meant.clone()).is_err() => assert!(text.contains('\u{fffd}')),
        (Some(meant), Some(text)) => assert_eq!(meant, text.as_bytes()),
        (meant, text) => panic!("{meant:?} is meant, {text:?} is found"),
    }
    round_trip(bytes);
});

/// What must come out before it is read as UTF-8; none where Kestra drops the secret.
fn reference(value: &[u8]) -> Option<Vec<u8>> {
    let text: String = String::from_utf8_lossy(value)
        .chars()
        .filter(|c| !matches!(*c as u32, 0x0a..=0x0d | 0x85 | 0x2028 | 0x2029))
        .collect();
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let due = (4 - body.len() % 4) % 4;
    if padding == 0 || padding == due {
        LENIENT.decode(body).ok()
    } else {
        None
    }
}

/// Whatever is encoded comes out again, with line breaks wherever the bytes say and with padding or without.
fn round_trip(plain: &[u8]) {
    let Ok(text) = std::str::from_utf8(plain) else { return };
    let mut encoded = LENIENT.encode(text);
    if plain.first().is_some_and(|byte| byte % 2 == 0) {
        encoded.truncate(encoded.trim_end_matches('=').len());
    }
    for (byte, line_break) in plain
        .iter()
        .zip(["\n", "\r\n", "\u{85}", "\u{2028}", "\u{b}"].iter().cycle())
    {
        encoded.insert_str(
            usize::from(*byte) % (encoded.chars().take_while(char::is_ascii).count() + 1),
            line_break,
        );
    }
    let decoded = decode(&Plaintext::new(encoded, true)).expect("what was encoded decodes");
    assert_eq!(decoded.bytes(), text.as_bytes());
}
