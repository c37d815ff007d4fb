//! What the outputs of a task show of a text.

use semver::Version;
use zeroize::Zeroizing;

use super::{Plaintext, SecretRead};

/// Six characters, by which JSON writes NUL down; in a text of their own they stand behind a backslash.
const NUL: &str = "\\u0000";
/// Each time takes six characters out, so there is an end; this one is never met.
const PASSES: usize = 1000;

/// Whether the outputs keep a NUL, on H2; none where nobody has looked.
///
/// Kestra takes `\u0000` out of the JSON of all that its queues carry since `JdbcJsonbUtils.valueOf` came
/// (kestra#15647, April 2026), for `PostgreSQL` holds no NUL.
/// - Kept: seen on the newest patch of each minor from 0.20 to 1.2, and on 1.3.0.
/// - Taken out: seen on 1.3.31 and 2.0.0.
/// - Between 1.3.0 and 1.3.31 it was not looked for.
fn keeps_nul(kestra: &Version) -> Option<bool> {
    match (kestra.major, kestra.minor, kestra.patch) {
        (0, ..) | (1, 0..=2, _) | (1, 3, 0) => Some(true),
        (1, 3, 1..31) => None,
        _ => Some(false),
    }
}

/// What a task's outputs show of a text that `secret()` gave it: one of these. There is none where the execution
/// never ends, or may not.
pub fn reported(text: &Plaintext, kestra: &Version) -> Vec<Plaintext> {
    let kept = || Some(text.clone());
    let (one, other) = match keeps_nul(kestra) {
        Some(true) => (kept(), kept()),
        Some(false) => (without_nul(text), without_nul(text)),
        None => (kept(), without_nul(text)),
    };
    match (one, other) {
        (Some(one), Some(other)) if one == other => vec![one],
        (Some(one), Some(other)) => vec![one, other],
        _ => Vec::new(),
    }
}

impl SecretRead {
    /// The same as a task's outputs show it; none where nothing can be said of that.
    pub fn reported(self, kestra: &Version) -> Option<Self> {
        let texts = match self {
            Self::Text(text) => vec![text],
            Self::OneOf(texts) => texts,
            other => return Some(other),
        };
        let mut shown: Vec<Plaintext> = Vec::new();
        for one in texts.iter().flat_map(|text| reported(text, kestra)) {
            if !shown.contains(&one) {
                shown.push(one);
            }
        }
        match shown.len() {
            0 => None,
            1 => shown.pop().map(Self::Text),
            _ => Some(Self::OneOf(shown)),
        }
    }
}

/// A text without its NULs; `None` when the execution never ends. The text itself is whole, but on its way into the
/// database:
/// - a NUL is lost (`secret('X') | length` is 3, the output has two characters);
/// - of a text with a backslash, `u0000` and something, the backslash is left and what is behind it is taken for
///   an escape: the output of `a\u0000b` is `a` and a backspace;
/// - where that makes no escape, as at the end of a text, the queue refuses the result and the execution stays
///   `RUNNING` for ever.
fn without_nul(text: &Plaintext) -> Option<Plaintext> {
    let mut shown = Zeroizing::new(String::from_utf8(text.bytes().to_vec()).ok()?);
    for _ in 0..PASSES {
        let json = Zeroizing::new(serde_json::to_string(&*shown).ok()?);
        if !json.contains(NUL) {
            break;
        }
        shown = Zeroizing::new(serde_json::from_str(&json.replace(NUL, "")).ok()?);
    }
    Some(text.map(|_| shown.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version::new(0, 20, 7);
    const NEW: Version = Version::new(2, 0, 0);

    #[test]
    fn outputs_have_no_nul_and_a_written_one_eats_its_neighbour() {
        for (text, shown) in [
            ("admin", Some("admin")),
            ("a\0b", Some("ab")),
            ("\0\0", Some("")),
            (r"a\u0000b", Some("a\u{8}")),
            (r"a\u0000", None),
            (r"a\u0000x", None),
            (r"\u0001 \n é", Some(r"\u0001 \n é")),
        ] {
            let shown: Vec<Plaintext> = shown.into_iter().map(Plaintext::from).collect();
            assert_eq!(reported(&text.into(), &NEW), shown, "{text:?}");
            assert_eq!(reported(&text.into(), &Version::new(1, 3, 31)), shown, "{text:?}");
        }
    }

    #[test]
    fn outputs_of_0_20_keep_a_nul() {
        for text in ["admin", "a\0b", r"a\u0000"] {
            assert_eq!(reported(&text.into(), &OLD), [text.into()]);
            assert_eq!(reported(&text.into(), &Version::new(1, 2, 0)), [text.into()]);
        }
    }

    #[test]
    fn untested_versions_may_report_either() {
        let unseen = Version::new(1, 3, 1);
        assert_eq!(reported(&"admin".into(), &unseen), ["admin".into()]);
        assert_eq!(reported(&"a\0b".into(), &unseen), ["a\0b".into(), "ab".into()]);
        assert_eq!(reported(&r"a\u0000".into(), &unseen), []);
        let read = SecretRead::Text("a\0b".into()).reported(&unseen);
        assert_eq!(read, Some(SecretRead::OneOf(vec!["a\0b".into(), "ab".into()])));
    }

    #[test]
    fn what_is_shown_of_one_of_several_is_one_of_theirs() {
        let several = SecretRead::OneOf(vec!["a\0".into(), "a".into(), "b".into()]);
        let shown = several.reported(&NEW);
        assert_eq!(shown, Some(SecretRead::OneOf(vec!["a".into(), "b".into()])));
        assert_eq!(SecretRead::Text(r"a\u0000".into()).reported(&NEW), None);
        assert_eq!(SecretRead::EmptyString.reported(&OLD), Some(SecretRead::EmptyString));
    }

    #[test]
    fn reported_text_is_as_public_as_its_source() {
        assert!(
            reported(&Plaintext::new("a", true), &NEW)
                .iter()
                .all(Plaintext::is_public)
        );
        assert!(!reported(&"a\0".into(), &NEW).iter().any(Plaintext::is_public));
    }
}
