//! `new String(bytes, UTF_8)` of the JDK.

use zeroize::Zeroizing;

/// Reads bytes as UTF-8 with one U+FFFD for each malformed sequence, as long as Java thinks it is.
///
/// Java and Rust agree that a sequence ends before the first byte that cannot continue it, but for one
/// thing: to Java an encoded surrogate (`ED A0..BF 80..BF`, or a beginning of it) is one malformed
/// sequence, to Rust each of its bytes is (`java.lang.String.decodeUTF8_UTF16`).
pub(super) fn decode(bytes: &[u8]) -> Zeroizing<String> {
    // U+FFFD takes three bytes. A String that grew would leave its old copy in memory.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(3)));
    let mut surrogate = Surrogate::No;
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            surrogate = Surrogate::No;
        }
        text.push_str(chunk.valid());
        if chunk.invalid().is_empty() {
            continue;
        }
        let (part, next) = match (surrogate, chunk.invalid()) {
            (_, [0xed]) => (false, Surrogate::Lead),
            (Surrogate::Lead, [0xa0..=0xbf]) => (true, Surrogate::Second),
            (Surrogate::Second, [0x80..=0xbf]) => (true, Surrogate::No),
            _ => (false, Surrogate::No),
        };
        surrogate = next;
        if !part {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// How much of an encoded surrogate has been seen.
#[derive(Clone, Copy)]
enum Surrogate {
    No,
    Lead,
    Second,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_sequences_have_the_length_that_java_gives_them() {
        for (bytes, replacements) in [
            (&b"\xff\xfe"[..], 2),
            (b"\xc0\x80", 2),
            (b"\xe0\x80\x80", 3),
            (b"\xe2\x82", 1),
            (b"\xf0\x90\x80", 1),
            (b"\xf4\x90\x80\x80", 4),
            (b"\xed\xa0\x80", 1),
            (b"\xed\xa0\x80\x80", 2),
            (b"\xed\xa0\x80\xed\xb0\x80", 2),
            (b"\xed\xa0", 1),
            (b"\xed", 1),
            (b"\xed\xed\xa0", 2),
        ] {
            assert_eq!(*decode(bytes), "\u{fffd}".repeat(replacements), "{bytes:02x?}");
        }
        assert_eq!(*decode(b"\xed\xa0a\xa0"), "\u{fffd}a\u{fffd}");
        assert_eq!(*decode("pässwörd 密码 🗝".as_bytes()), "pässwörd 密码 🗝");
    }
}
