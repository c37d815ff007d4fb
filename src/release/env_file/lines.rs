//! The readers that take a line as it is: docker, kubectl, kustomize.

use std::borrow::Cow;

use super::{EnvDialect, EnvText, EnvVariable, RefusalReason, start};

/// What Go's `bufio.Scanner` takes for one line at most.
const LONGEST: usize = 64 * 1024;

pub(super) fn read(text: &str, dialect: EnvDialect) -> Vec<EnvVariable<'_>> {
    let mut next = start(text);
    let mut variables = Vec::new();
    for whole in text[next..].split_inclusive('\n') {
        let begin = next;
        next += whole.len();
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        // The scanner drops one carriage return with the line's end, also at the end of the file.
        let line = line.strip_suffix('\r').unwrap_or(line);
        let trimmed = line.trim_start_matches(is_go_space);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let end = begin + line.len();
        let at = end - trimmed.len();
        let name = trimmed.split('=').next().unwrap_or_default();
        let value = (at + name.len() + 1).min(end)..end;
        variables.push(EnvVariable {
            name: at..at + name.len(),
            read: if name.len() == trimmed.len() {
                EnvText::Inherited
            } else {
                EnvText::Text(Cow::Borrowed(&text[value.clone()]))
            },
            value,
            refused: if whole.len() > LONGEST || whole.len() == LONGEST && !whole.ends_with('\n') {
                Some(RefusalReason::TooLong)
            } else if is_name(name, dialect) {
                None
            } else {
                Some(RefusalReason::NoName)
            },
            continued: None,
        });
    }
    variables
}

fn is_name(name: &str, dialect: EnvDialect) -> bool {
    match dialect {
        EnvDialect::Docker => !name.is_empty() && !name.contains([' ', '\t']),
        // `validation.IsEnvVarName`.
        _ => {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !name.is_empty()
                && name.chars().all(plain)
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name != "."
                && !name.starts_with("..")
        }
    }
}

/// Go's `unicode.IsSpace`, which is Rust's.
pub(super) fn is_go_space(c: char) -> bool {
    c.is_whitespace()
}
