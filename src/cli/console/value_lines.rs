//! Expected and got, side by side, byte by byte.

use textwrap::core::display_width;

use crate::oracle::secret::{DisplayValue, escaped};
use crate::system::words::count;

/// How much of two long values is shown before the first byte in which they differ.
const CONTEXT: usize = 12;

/// The two lines of a value that is not as expected, and, where only a part of it is shown, where the bytes part.
pub fn value_lines(expected: Option<&DisplayValue>, got: Option<&DisplayValue>, room: usize) -> Vec<String> {
    let nothing = "nothing".to_owned();
    let size = |value: Option<&DisplayValue>| value.map(|v| count(v.size(), "byte")).unwrap_or_default();
    let room = room.saturating_sub("expected  ".len() + 3 + size(expected).len().max(size(got).len()));
    let bytes = |value: Option<&'_ DisplayValue>| match value {
        Some(DisplayValue::Public(bytes)) => Some(bytes.clone()),
        _ => None,
    };
    let differ = bytes(expected).zip(bytes(got)).map(|(a, b)| first_difference(&a, &b));
    let from = differ.unwrap_or_default().saturating_sub(CONTEXT);
    let text = |value: Option<&DisplayValue>| value.map_or(nothing.clone(), |value| excerpt(value, from, room));
    let texts = [text(expected), text(got)];
    let width = texts.iter().map(|text| display_width(text)).max().unwrap_or_default();
    let line = |label: &str, text: &str, size: String| {
        let padding = " ".repeat(width - display_width(text));
        format!("{label}  {text}{padding}   {size}").trim_end().to_owned()
    };
    let mut lines = vec![
        line("expected", &texts[0], size(expected)),
        line("got     ", &texts[1], size(got)),
    ];
    let is_cut = texts.iter().any(|text| text.contains('…'));
    if let Some(at) = differ.filter(|_| is_cut) {
        lines.push(format!("they differ from byte {} on", at + 1));
    }
    lines
}

/// The number of the first byte in which they differ, from 0.
fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// A value, or as much of it as there is room for; a private one by its hash.
fn excerpt(value: &DisplayValue, from: usize, room: usize) -> String {
    let bytes = match value {
        DisplayValue::Private { hmac, .. } => return format!("[private, #{}]", hex::encode(hmac)),
        DisplayValue::Public(bytes) => bytes,
    };
    // Escaping makes a text longer, never shorter.
    if bytes.len() <= room {
        let whole = escaped(bytes);
        if display_width(&whole) <= room {
            return whole;
        }
    }
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let start = (0..=from.min(bytes.len()))
        .rev()
        .find(|at| !is_inside(*at))
        .unwrap_or(0);
    let before = if start > 0 { "…" } else { "" };
    let mut shown = format!("{before}\"\"");
    let mut end = start;
    while end < bytes.len() {
        let next = (end + 1..bytes.len()).find(|at| !is_inside(*at)).unwrap_or(bytes.len());
        let longer = format!("{before}{}", escaped(&bytes[start..next]));
        if display_width(&longer) + 1 > room {
            break;
        }
        (shown, end) = (longer, next);
    }
    let after = if end < bytes.len() { "…" } else { "" };
    format!("{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: impl Into<Vec<u8>>) -> DisplayValue {
        DisplayValue::Public(text.into())
    }

    #[test]
    fn a_newline_is_seen_and_both_lengths_stand_in_a_column() {
        assert_eq!(
            value_lines(Some(&public("hunter2")), Some(&public("hunter2\n")), 60),
            [
                r#"expected  "hunter2"     7 bytes"#,
                r#"got       "hunter2\n"   8 bytes"#,
            ]
        );
    }

    #[test]
    fn a_private_value_is_shown_by_length_and_hash() {
        let private = |len, byte| DisplayValue::Private { len, hmac: [byte; 8] };
        assert_eq!(
            value_lines(Some(&private(1, 0)), Some(&private(2, 255)), 60),
            [
                "expected  [private, #0000000000000000]   1 byte",
                "got       [private, #ffffffffffffffff]   2 bytes",
            ]
        );
    }

    #[test]
    fn what_did_not_come_is_nothing() {
        let lines = value_lines(Some(&public("a")), None, 60);
        assert_eq!(lines, [r#"expected  "a"       1 byte"#, "got       nothing"]);
    }

    #[test]
    fn two_long_values_are_shown_around_the_byte_in_which_they_differ() {
        let long = "x".repeat(500);
        let lines = value_lines(Some(&public(long.clone())), Some(&public(format!("{long}\n"))), 60);
        assert_eq!(
            lines,
            [
                r#"expected  …"xxxxxxxxxxxx"     500 bytes"#,
                r#"got       …"xxxxxxxxxxxx\n"   501 bytes"#,
                "they differ from byte 501 on",
            ]
        );
        let lines = value_lines(Some(&public("é".repeat(300))), Some(&public("ü".repeat(300))), 60);
        assert!(lines.iter().all(|line| display_width(line) <= 60), "{lines:?}");
        assert!(lines[0].contains("é") && lines[0].ends_with("600 bytes"), "{lines:?}");
    }
}
