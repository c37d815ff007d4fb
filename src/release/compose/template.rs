//! `$NAME` and `${NAME…}`, as compose fills them in (compose-go's `template`).

use zeroize::Zeroizing;

/// The longest text that is filled in: Linux takes no longer variable.
const LONGEST: usize = 128 * 1024;
/// Defaults within defaults are followed so deep and no deeper.
const DEPTH: usize = 16;

/// A text with its variables filled in. No `Debug`: it may be a secret.
pub enum Filled {
    /// All of them are known.
    Text(Zeroizing<String>),
    /// One of them is given by no file.
    Unknown,
}

/// `${` that begins no variable: compose refuses the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTemplate;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TemplatePart<'t> {
    Text(&'t str),
    Variable(&'t str, Operator<'t>),
    Invalid,
}

/// What stands between the name and the closing brace; `empty` says that an empty value counts as none (`:-`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator<'t> {
    None,
    Default { empty: bool, word: &'t str },
    Alternative { empty: bool, word: &'t str },
    Required,
}

/// Fills in a text by what `lookup` knows.
///
/// # Errors
/// [`InvalidTemplate`].
pub fn fill<'v>(text: &str, lookup: &dyn Fn(&str) -> Option<&'v str>) -> Result<Filled, InvalidTemplate> {
    let filled = fill_within(text, lookup, DEPTH)?;
    Ok(filled.map_or(Filled::Unknown, Filled::Text))
}

fn fill_within<'v>(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<&'v str>,
    depth: usize,
) -> Result<Option<Zeroizing<String>>, InvalidTemplate> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut known = true;
    for part in parts(text) {
        let filled = match part {
            TemplatePart::Text(text) => Some(Zeroizing::new(text.to_owned())),
            TemplatePart::Invalid => return Err(InvalidTemplate),
            TemplatePart::Variable(name, operator) => variable(lookup(name), operator, lookup, depth)?,
        };
        // The rest of what is not known is read only for what is invalid in it.
        match filled {
            Some(text) if known && out.len() + text.len() <= LONGEST => out.push_str(&text),
            _ => known = false,
        }
    }
    Ok(known.then_some(out))
}

fn variable<'v>(
    value: Option<&'v str>,
    operator: Operator,
    lookup: &dyn Fn(&str) -> Option<&'v str>,
    depth: usize,
) -> Result<Option<Zeroizing<String>>, InvalidTemplate> {
    let whole = |value: &str| Zeroizing::new(value.to_owned());
    let given = |empty: bool| value.filter(|value| !(empty && value.is_empty()));
    match operator {
        Operator::None | Operator::Required => Ok(value.map(whole)),
        Operator::Default { empty, word } => match given(empty) {
            Some(value) => Ok(Some(whole(value))),
            // With an empty default, somebody is expected to give a value.
            None if word.is_empty() || depth == 0 => Ok(None),
            None => fill_within(word, lookup, depth - 1),
        },
        Operator::Alternative { empty, word } if depth > 0 && given(empty).is_some() => {
            fill_within(word, lookup, depth - 1)
        }
        Operator::Alternative { .. } => Ok(None),
    }
}

/// The variables that a text names, but for those within defaults.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| match part {
        TemplatePart::Variable(name, _) => Some(name),
        TemplatePart::Text(_) | TemplatePart::Invalid => None,
    })
}

/// The variable that a text is, and nothing beside it.
pub fn whole(text: &str) -> Option<&str> {
    let mut parts = parts(text);
    match (parts.next(), parts.next()) {
        (Some(TemplatePart::Variable(name, Operator::None | Operator::Default { .. } | Operator::Required)), None) => {
            Some(name)
        }
        _ => None,
    }
}

fn parts(text: &str) -> impl Iterator<Item = TemplatePart<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, length) = part(rest);
        rest = rest.get(length..).unwrap_or_default();
        Some(part)
    })
}

/// The first piece of a text that is not empty, and its length in bytes.
fn part(text: &str) -> (TemplatePart<'_>, usize) {
    let Some(after) = text.strip_prefix('$') else {
        let end = text.find('$').unwrap_or(text.len());
        return (TemplatePart::Text(&text[..end]), end);
    };
    if after.starts_with('$') {
        return (TemplatePart::Text("$"), 2);
    }
    let named = name(after);
    if !named.is_empty() {
        return (TemplatePart::Variable(named, Operator::None), 1 + named.len());
    }
    if !after.starts_with('{') {
        return (TemplatePart::Text("$"), 1);
    }
    braced(text).unwrap_or((TemplatePart::Invalid, text.len()))
}

/// `${NAME}` or `${NAME:-word}` at the start of a text.
fn braced(text: &str) -> Option<(TemplatePart<'_>, usize)> {
    let line = text.split('\n').next().unwrap_or_default();
    let close = closing_brace(line).or_else(|| line.rfind('}'))?;
    let inner = line.get(2..close)?;
    let name = name(inner);
    let rest = &inner[name.len()..];
    let (empty, rest) = match rest.strip_prefix(':') {
        Some(rest) if !rest.is_empty() => (true, rest),
        Some(_) => return None,
        None => (false, rest),
    };
    let operator = match (rest.chars().next(), rest.get(1..).unwrap_or_default()) {
        _ if name.is_empty() => return None,
        (None, _) => Operator::None,
        (Some('-'), word) => Operator::Default { empty, word },
        (Some('+'), word) => Operator::Alternative { empty, word },
        (Some('?'), _) => Operator::Required,
        _ => return None,
    };
    Some((TemplatePart::Variable(name, operator), close + 1))
}

/// The brace that closes the first one.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 1 => return Some(at),
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The name at the start of a text; empty where there is none.
fn name(text: &str) -> &str {
    let is_start = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    if is_start {
        &text[..end.unwrap_or(text.len())]
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<Option<String>, InvalidTemplate> {
        let lookup = |name: &str| match name {
            "A" => Some("alpha"),
            "EMPTY" => Some(""),
            _ => None,
        };
        fill(text, &lookup).map(|filled| match filled {
            Filled::Text(text) => Some(text.to_string()),
            Filled::Unknown => None,
        })
    }

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A", "alpha"),
            ("${A}", "alpha"),
            ("x${A}y$A.z", "xalphayalpha.z"),
            ("pa$$word", "pa$word"),
            ("$${A}", "${A}"),
            ("5$ and $1 and $", "5$ and $1 and $"),
            ("${B:-beta}", "beta"),
            ("${B-beta}", "beta"),
            ("${EMPTY:-beta}", "beta"),
            ("${EMPTY-beta}", ""),
            ("${B:-${A}}!", "alpha!"),
            ("${B:-${C:-c}}", "c"),
            ("${A:+other}", "other"),
            ("${A:?must be set}", "alpha"),
        ] {
            assert_eq!(filled(text), Ok(Some(expected.to_owned())), "{text}");
        }
        for text in ["$B", "${B}", "a${B}", "${B:-}", "${B:?no}", "${B:+c}", "${B:-${C}}"] {
            assert_eq!(filled(text), Ok(None), "{text}");
        }
        for text in ["${", "${}", "${A", "${ A}", "${A!}", "${1}", "${A:}", "${A:-x\ny}"] {
            assert_eq!(filled(text), Err(InvalidTemplate), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_one_variable_is_known_from_one_that_holds_it() {
        for text in ["$A", "${A}", "${A:-x}", "${A:?x}"] {
            assert_eq!(whole(text), Some("A"), "{text}");
        }
        for text in ["", "A", "$A ", "x${A}", "$$A", "${A:+x}"] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(names("$A-${B:-c}$$D").collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn what_multiplies_is_not_filled_in() {
        let long = "x".repeat(LONGEST / 2);
        let lookup = |_: &str| Some(long.as_str());
        assert!(matches!(fill("$A$A", &lookup), Ok(Filled::Text(_))));
        assert!(matches!(fill("$A$A$A", &lookup), Ok(Filled::Unknown)));
        let deep = "${B:-".repeat(10_000) + &"}".repeat(10_000);
        assert!(matches!(fill(&deep, &|_| None), Ok(Filled::Unknown)));
    }
}
