//! Writes YAML that every parser reads alike: blocks, and every text in double quotes.

use std::fmt::Write as _;

use serde_json::Value;

/// A document, with a line end behind it.
pub fn document(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (n, (key, value)) in map.iter().enumerate() {
                // What comes first in a list's item stands behind its dash.
                if n > 0 || !out.ends_with("- ") {
                    out.push_str(&"  ".repeat(indent));
                }
                out.push_str(&if is_word(key) { key.clone() } else { quoted(key) });
                out.push(':');
                match value {
                    Value::Object(map) if !map.is_empty() => {
                        out.push('\n');
                        block(value, indent + 1, out);
                    }
                    Value::Array(list) if !list.is_empty() => {
                        out.push('\n');
                        block(value, indent + 1, out);
                    }
                    leaf => {
                        out.push(' ');
                        block(leaf, indent, out);
                    }
                }
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (n, item) in list.iter().enumerate() {
                if n > 0 || !out.ends_with("- ") {
                    out.push_str(&"  ".repeat(indent));
                }
                out.push_str("- ");
                block(item, indent + 1, out);
            }
        }
        Value::String(text) => {
            out.push_str(&quoted(text));
            out.push('\n');
        }
        // JSON's own words for the rest are YAML's too.
        other => {
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// Whether no YAML takes it for anything but a text: the keys of Kubernetes and of charts.
fn is_word(key: &str) -> bool {
    let letters = key.len() > 2 && key.bytes().all(|b| b.is_ascii_alphabetic()) && key.starts_with(char::is_lowercase);
    letters && !matches!(key, "yes" | "off" | "true" | "false" | "null" | "nan" | "inf")
}

/// In double quotes, ASCII alone: no line break, quote or invisible character stands as it is.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            ' '..='~' => write!(out, "{c}"),
            '\0'..='\u{ff}' => write!(out, "\\x{:02x}", u32::from(c)),
            '\u{100}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(c)),
            _ => write!(out, "\\U{:08x}", u32::from(c)),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::yaml;
    use serde_json::json;

    #[test]
    fn a_document_is_written_in_blocks() {
        let value =
            json!({"common": {"extraEnv": [{"name": "A", "valueFrom": {"key": "NO"}}, "x"], "empty": [], "n": 1}});
        assert_eq!(
            document(&value),
            "common:\n  extraEnv:\n    - name: \"A\"\n      valueFrom:\n        key: \"NO\"\n    - \"x\"\n  empty: []\n  \"n\": 1\n"
        );
    }

    #[test]
    fn every_text_is_read_back_as_it_was_key_or_value() {
        for text in [
            "",
            "a",
            "y",
            "no",
            "true",
            "null",
            "~",
            "0x1F",
            "1e3",
            "12:30",
            "2024-01-01",
            "- a",
            "a: b",
            "# a",
            "a\nb\r\n",
            "\u{85}\u{2028}\u{feff}",
            "é密🗝",
            "\"'\\",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "{{ a }}",
            " a ",
            "\0\u{7f}",
        ] {
            let value = json!({text: text, "list": [text, {text: text}, [[text, text]]]});
            assert_eq!(yaml::from_str::<Value>(&document(&value)).unwrap(), value, "{text:?}");
        }
    }
}
