//! What each hop of a secret must be, as a pure function: no I/O and no tokio.

pub mod environment;
pub mod secret;

/// The six bits of a character of RFC 4648's first alphabet, which Go and Java agree on.
pub(crate) fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
