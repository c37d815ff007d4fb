//! `java.util.Base64.getDecoder()`, with its words.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::oracle::sextet;

/// Why Java refuses a value; `Display` is the message of Java's exception, to the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JavaBase64Error {
    /// A single character.
    #[error("Input byte[] should at least have 2 bytes for base64 bytes")]
    TooShort,
    /// A character outside the alphabet. Java prints a signed byte, so `é` is `-17`; a character that
    /// is not Latin-1 was turned into `?`, which is `3f`.
    #[error("Illegal base64 character {}", signed_hex(*.0))]
    IllegalCharacter(i8),
    /// Padding where none may be, or one `=` where two are due.
    #[error("Input byte array has wrong 4-byte ending unit")]
    WrongEnding,
    /// A last unit of one character, which is less than a byte.
    #[error("Last unit does not have enough valid bits")]
    NotEnoughBits,
    /// Something follows the padding; the offset is that of the first such byte, after line breaks
    /// were removed.
    #[error("Input byte array has incorrect ending byte at {0}")]
    AfterPadding(usize),
}

/// `Integer.toString(b, 16)`.
fn signed_hex(byte: i8) -> String {
    format!("{}{:x}", if byte < 0 { "-" } else { "" }, byte.unsigned_abs())
}

/// Decodes one byte per character (Latin-1), as Java sees them.
///
/// More lenient than most decoders: padding may be left out whole, and the unused bits of the last
/// character may be anything. `Base64.Decoder.decode0` is the source.
pub(super) fn decode(latin1: &[u8]) -> Result<Zeroizing<Vec<u8>>, JavaBase64Error> {
    if latin1.len() == 1 {
        return Err(JavaBase64Error::TooShort);
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(latin1.len() / 4 * 3 + 3));
    let mut bits: u32 = 0;
    let mut held = 0;
    let mut rest = latin1;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'=' {
            match (held, rest) {
                (2, [b'=', after @ ..]) => rest = after,
                (0 | 2, _) => return Err(JavaBase64Error::WrongEnding),
                _ => {}
            }
            break;
        }
        let six = sextet(*byte).ok_or(JavaBase64Error::IllegalCharacter(byte.cast_signed()))?;
        bits = bits << 6 | u32::from(six);
        held += 1;
        if held == 4 {
            let [_, a, b, c] = bits.to_be_bytes();
            plain.extend([a, b, c]);
            (bits, held) = (0, 0);
        }
    }
    match held {
        1 => return Err(JavaBase64Error::NotEnoughBits),
        2 => plain.push((bits >> 4).to_be_bytes()[3]),
        3 => plain.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
        _ => {}
    }
    if rest.is_empty() {
        Ok(plain)
    } else {
        Err(JavaBase64Error::AfterPadding(latin1.len() - rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_decodes_what_others_refuse() {
        for (encoded, plain) in [
            (&b""[..], &b""[..]),
            (b"YWRtaW4=", b"admin"),
            (b"YQ", b"a"),
            (b"YWI", b"ab"),
            (b"YR==", b"a"),
            (b"YWJjZA", b"abcd"),
            (b"password", b"\xa5\xab\x2c\xc2\x8a\xdd"),
            (b"////", b"\xff\xff\xff"),
        ] {
            assert_eq!(decode(encoded).map(|p| p.to_vec()).as_deref(), Ok(plain), "{encoded:?}");
        }
    }

    #[test]
    fn each_refusal_has_the_words_of_java() {
        for (encoded, words) in [
            (&b"A"[..], "Input byte[] should at least have 2 bytes for base64 bytes"),
            (b"=", "Input byte[] should at least have 2 bytes for base64 bytes"),
            (b"YQ=", "Input byte array has wrong 4-byte ending unit"),
            (b"YQ=x", "Input byte array has wrong 4-byte ending unit"),
            (b"====", "Input byte array has wrong 4-byte ending unit"),
            (b"admin", "Last unit does not have enough valid bits"),
            (b"A=", "Last unit does not have enough valid bits"),
            (b"YQ==\xa0", "Input byte array has incorrect ending byte at 4"),
            (b"YWI=====", "Input byte array has incorrect ending byte at 4"),
            (b"YQ-_", "Illegal base64 character 2d"),
            (b"YWRt aW4=", "Illegal base64 character 20"),
            (b"p\xe9", "Illegal base64 character -17"),
            (b"p\x80", "Illegal base64 character -80"),
            (b"a\0", "Illegal base64 character 0"),
        ] {
            assert_eq!(
                decode(encoded).map(|_| ()).map_err(|e| e.to_string()),
                Err(words.to_owned()),
                "{encoded:?}"
            );
        }
    }
}
