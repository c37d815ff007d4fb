//! Go's `base64.StdEncoding`, which is how the API server reads a Secret's `data`.
//!
//! Own code, because no Base64 library has this mixture: line breaks anywhere are ignored (padding
//! included), padding is required, trailing bits may be set, and the offset in the refusal counts as
//! Go counts.

use crate::oracle::sextet;

/// Decodes `text`; the error is the `N` of Go's `illegal base64 data at input byte N`.
///
/// Follows `Encoding.decodeQuantum`.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let src = text.as_bytes();
    let mut out = Vec::with_capacity(src.len() / 4 * 3);
    let mut quantum = [0u8; 4];
    let mut filled = 0;
    let mut at = 0;
    while at < src.len() {
        let byte = src[at];
        at += 1;
        if let Some(six_bits) = sextet(byte) {
            quantum[filled] = six_bits;
            filled += 1;
            if filled == 4 {
                out.extend(&three_bytes(quantum));
                filled = 0;
            }
        } else if byte == b'=' {
            let end = padding(src, at, filled)?;
            quantum[filled..].fill(0);
            out.extend(&three_bytes(quantum)[..filled - 1]);
            return if end == src.len() { Ok(out) } else { Err(end) };
        } else if !is_line_break(byte) {
            return Err(at - 1);
        }
    }
    if filled == 0 { Ok(out) } else { Err(at - filled) }
}

/// Reads on from the first `=`, which stands before `at` and after `filled` characters of a
/// quantum; returns where the padding and the line breaks behind it end.
fn padding(src: &[u8], at: usize, filled: usize) -> Result<usize, usize> {
    let mut at = at;
    match filled {
        0 | 1 => return Err(at - 1),
        2 => {
            at = skip_line_breaks(src, at);
            match src.get(at) {
                None => return Err(src.len()),
                Some(b'=') => at += 1,
                Some(_) => return Err(at - 1),
            }
        }
        _ => {}
    }
    Ok(skip_line_breaks(src, at))
}

fn skip_line_breaks(src: &[u8], from: usize) -> usize {
    src[from..]
        .iter()
        .position(|&byte| !is_line_break(byte))
        .map_or(src.len(), |skipped| from + skipped)
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn three_bytes([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine};
    use proptest::prelude::*;

    #[test]
    fn line_breaks_are_ignored_and_trailing_bits_dropped() {
        for (text, expected) in [
            ("", &b""[..]),
            ("\r\n", b""),
            ("YWRtaW4=", b"admin"),
            ("YWRtaW4=\n", b"admin"),
            ("YW\nRt\r\naW4=", b"admin"),
            ("YQ==", b"a"),
            ("YQ=\n=\r\n", b"a"),
            ("YR==", b"a"),
            ("+/+/", b"\xfb\xff\xbf"),
        ] {
            assert_eq!(decode(text), Ok(expected.to_vec()), "{text:?}");
        }
    }

    #[test]
    fn refusals_name_the_byte_that_go_names() {
        for (text, offset) in [
            ("admin", 4),
            ("p@ss", 1),
            ("=", 0),
            ("Y", 0),
            ("YQ", 0),
            ("Y=", 1),
            ("YQ=", 3),
            ("YQ=x", 2),
            ("YQ==x", 4),
            ("YWI=x", 4),
            ("YQ==\nx", 5),
            ("YQ\n", 1),
            ("YWRtaW4= ", 8),
            ("YWRtaW4", 4),
            ("-_-_", 0),
            ("\u{e9}", 0),
        ] {
            assert_eq!(decode(text), Err(offset), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn encoded_bytes_decode_to_themselves(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&BASE64_STANDARD.encode(&bytes)), Ok(bytes));
        }
    }
}
