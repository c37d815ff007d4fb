//! Words for a person.

/// So many of something, as one says it: `1 case`, `2 cases`.
pub fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Names in a sentence: `a`, `a and b`, `a, b and c`; of more than five the rest is `…`.
pub fn listed(names: &[impl AsRef<str>], last: &str) -> String {
    const LISTED: usize = 5;
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.len() > LISTED {
        names.truncate(LISTED);
        return format!("{}, …", names.join(", "));
    }
    match names.split_last() {
        Some((end, [])) => (*end).to_owned(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}

/// How like two names are that may be meant for each other, of 1.
const ALIKE: f64 = 0.6;

/// The known name that a mistyped one is probably meant for.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let like = |known: &'a str| (strsim::normalized_damerau_levenshtein(name, known), known);
    let nearest = known.into_iter().map(like).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest.filter(|(alike, _)| *alike > ALIKE).map(|(_, name)| name)
}

/// Text of others with what an eye would miss spelt out as `\u001b`, which JSON reads too; line breaks and tabs stay. A
/// terminal obeys escape sequences, whoever wrote them, and a character of direction hides what is around it.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_break = c == '\r' && rest.peek() == Some(&'\n');
        if matches!(c, '\n' | '\t') || is_break || !(c.is_control() || is_format(c)) {
            out.push(c);
        } else {
            out += &format!("\\u{:04x}", u32::from(c));
        }
    }
    out
}

fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        for (text, shown) in [
            ("a\tb\r\nc\n", "a\tb\r\nc\n"),
            ("\u{1b}[2Ja\rb\0", "\\u001b[2Ja\\u000db\\u0000"),
            ("rtl\u{202e}evil\u{feff}", "rtl\\u202eevil\\ufeff"),
            ("pässwörd 密码 🗝", "pässwörd 密码 🗝"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
