//! Bytes made visible to a person.

/// Letters and symbols by their category, but drawn as nothing or as a blank.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// The bytes in double quotes with everything spelt out that an eye would miss or mistake: `"admin\n"`.
///
/// Line breaks, tabs, quotes and backslashes are written as in Rust or JSON; controls, combining marks,
/// direction marks, blanks other than the space and characters without width as `\u{…}`; bytes that
/// are not UTF-8 as `\xNN`. Different bytes never look alike by their escapes.
pub fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' => out.push(c),
                '\0' => out.push_str("\\u{0}"),
                c if BLANK.contains(&c) => out.extend(c.escape_unicode()),
                // Escapes quotes, backslashes, combining marks and what Unicode calls unprintable.
                c => out.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            out += &format!("\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        for (bytes, shown) in [
            (&b"admin\n"[..], r#""admin\n""#),
            (b"a\r\n\tb\0", r#""a\r\n\tb\u{0}""#),
            (br#"it's "x"\"#, r#""it's \"x\"\\""#),
            ("e\u{301}".as_bytes(), r#""e\u{301}""#),
            (
                "a\u{202e}b\u{200b}c\u{feff}".as_bytes(),
                r#""a\u{202e}b\u{200b}c\u{feff}""#,
            ),
            ("a\u{a0}b\u{3164}".as_bytes(), r#""a\u{a0}b\u{3164}""#),
            ("pässwörd 密码".as_bytes(), "\"pässwörd 密码\""),
            (b"\xff\xfea\xe2\x82", r#""\xff\xfea\xe2\x82""#),
            (b"", r#""""#),
        ] {
            assert_eq!(escaped(bytes), shown);
        }
    }
}
