//! Input that cannot be used, with its place.

use std::sync::LazyLock;

use crate::system::yaml::{self, Location};
use miette::Diagnostic;
use regex::Regex;
use thiserror::Error;

/// Input that cannot be used; the exit code is 2.
#[derive(Debug, Error, Diagnostic)]
#[error("{file}{place}: {message}", place = position(*line, *column))]
pub struct InputError {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1; 0 when the mistake has no place.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[help]
    pub help: Option<String>,
}

fn position(line: u64, column: u64) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(":{line}:{column}")
    }
}

impl InputError {
    /// A mistake in a file that has no line of its own.
    pub fn whole(file: impl Into<String>, message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            message: message.into(),
            help,
        }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// The place of the first byte that is not UTF-8.
    pub fn text(file: &str, bytes: Vec<u8>) -> Result<String, Self> {
        String::from_utf8(bytes).map_err(|e| {
            let utf16 = e.as_bytes().starts_with(b"\xff\xfe") || e.as_bytes().starts_with(b"\xfe\xff");
            let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            Self {
                file: file.into(),
                line: before.split(|b| *b == b'\n').count() as u64,
                column: String::from_utf8_lossy(&before[start..]).chars().count() as u64 + 1,
                message: if utf16 { "is UTF-16, not UTF-8" } else { "is not UTF-8" }.into(),
                help: utf16.then(|| "convert it with `iconv -f UTF-16 -t UTF-8`".into()),
            }
        })
    }

    /// A mistake at a place.
    pub(crate) fn at(file: &str, at: Location, message: impl Into<String>, help: &str) -> Self {
        Self {
            file: file.into(),
            line: at.line(),
            column: at.column(),
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// A YAML error. No snippet is shown and quoted values are dropped: the line may hold a plaintext.
    pub fn yaml(file: &str, error: &yaml::Error, help: &str) -> Self {
        static QUOTED: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"(?s)\b(string|character|byte array) ["`'].*["`']"#).ok());
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let text = error.without_snippet().to_string();
        // The place stands in front already.
        let place = format!(" at line {}, column {}", at.line(), at.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        // And what the parser advises is for programmers.
        let text = text.split_once("; use from_str").map_or(text, |(said, _)| said);
        let text = text
            .split_once(", set DuplicateKeyPolicy")
            .map_or(text, |(said, _)| said);
        let text = QUOTED
            .as_ref()
            .map_or(String::new(), |re| re.replace(text, "a $1").into_owned());
        if text == "expected mapping start" {
            return Self::at(file, at, Self::NO_MAPPING, help);
        }
        Self::at(file, at, within_bounds(&text).unwrap_or(text), help)
    }

    /// What is said where a mapping is expected and something else is written.
    pub const NO_MAPPING: &str = "expected a mapping such as `{key: value}` here";

    /// The same mistake with other advice.
    pub fn with_help(self, help: &str) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

/// What the parser says of a text beyond its bounds, in words for people: it names its own types.
fn within_bounds(said: &str) -> Option<String> {
    let what = match said.strip_prefix("budget breached: ")?.split(' ').next()? {
        "Depth" => "it is nested deeper than 64 levels",
        "Nodes" | "Events" => "it has more than 250,000 values, those counted again that an alias repeats",
        "ScalarBytes" => "its values have more than 64 MiB, those counted again that an alias repeats",
        "Documents" => "it has more than 1,024 documents",
        _ => "it is larger than anything that is meant",
    };
    Some(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let read: Result<serde_json::Value, _> = yaml::from_str(text);
        InputError::yaml("x", &read.unwrap_err(), "").to_string()
    }

    #[test]
    fn a_text_beyond_the_parsers_bounds_is_told_in_words() {
        let nested = format!("{}a", "- ".repeat(65));
        assert_eq!(read(&nested), "x:1:129: it is nested deeper than 64 levels");
        let ten = |of: &str| [of; 10].join(",");
        let multiplied = (1..7).fold(format!("a0: &a0 [{}]\n", ten("x")), |text, n| {
            format!("{text}a{n}: &a{n} [{}]\n", ten(&format!("*a{}", n - 1)))
        });
        assert!(
            read(&multiplied).ends_with("that an alias repeats"),
            "{}",
            read(&multiplied)
        );
    }

    #[test]
    fn what_is_not_utf_8_has_a_place() {
        let told = |bytes: &[u8]| InputError::text("x", bytes.to_vec()).map_err(|e| e.to_string());
        assert_eq!(told(b"a: b"), Ok("a: b".into()));
        assert_eq!(
            told(
                "a\né: "
                    .as_bytes()
                    .iter()
                    .chain(b"\xff")
                    .copied()
                    .collect::<Vec<_>>()
                    .as_slice()
            ),
            Err("x:2:4: is not UTF-8".into())
        );
        assert_eq!(told(b"\xff\xfea"), Err("x:1:1: is UTF-16, not UTF-8".into()));
    }
}
