//! Words for a person.

/// So many of something, as one says it: `1 case`, `2 cases`.
pub fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
