//! What the outputs of a task show of a text.

use zeroize::Zeroizing;

use super::Plain;

/// Six characters, by which JSON writes NUL down; in a text of their own they stand behind a backslash.
const NUL: &str = "\\u0000";
/// Each time takes six characters out, so there is an end; this one is never met.
const PASSES: usize = 1000;

/// What a task's outputs show of a text that `secret()` gave it; `None` when the execution never ends.
///
/// The text itself is whole. But on its way into the database Kestra takes `\u0000` out of the JSON of all that
/// its queues carry (`JdbcJsonbUtils.valueOf`), since `PostgreSQL` holds no NUL:
/// - a NUL is not in the outputs (seen on 1.3.31 and 2.0.0: `secret('X') | length` is 3, the output has two);
/// - of a text with a backslash, `u0000` and something, the backslash is left and what is behind it is taken for
///   an escape: the output of `a\u0000b` is `a` and a backspace;
/// - where that makes no escape, as at the end of a text, the queue refuses the result and the execution stays
///   `RUNNING` for ever.
pub fn reported(text: &Plain) -> Option<Plain> {
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
            let found = reported(&text.into());
            assert_eq!(found.as_ref().map(Plain::bytes), shown.map(str::as_bytes), "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_is_as_public_as_the_text() {
        assert!(reported(&Plain::new("a", true)).is_some_and(|p| p.is_public()));
        assert!(reported(&"a\0".into()).is_some_and(|p| !p.is_public()));
    }
}
