//! Input that cannot be used, with its place.

use std::sync::LazyLock;

use miette::Diagnostic;
use regex::Regex;
use serde_saphyr::Location;
use thiserror::Error;

/// Input that cannot be used; the exit code is 2.
#[derive(Debug, Error, Diagnostic)]
#[error("{file}{place}: {message}", place = place(*line, *column))]
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

fn place(line: u64, column: u64) -> String {
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

    /// A mistake at a place.
    pub(super) fn at(file: &str, at: Location, message: impl Into<String>, help: &str) -> Self {
        Self {
            file: file.into(),
            line: at.line(),
            column: at.column(),
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// A YAML error. No snippet is shown and quoted values are dropped: the line may hold a plaintext.
    pub fn yaml(file: &str, error: &serde_saphyr::Error, help: &str) -> Self {
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
        Self::at(file, at, text, help)
    }
}
