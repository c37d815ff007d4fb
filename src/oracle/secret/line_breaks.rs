//! Java's regular expression `\R`.

/// Removes what `replaceAll("\\R", "")` removes: line feed, vertical tab, form feed, carriage return,
/// next line, line separator and paragraph separator (`java.util.regex.Pattern.LineEnding`).
///
/// That `\R` takes CR LF as one is of no consequence when both go.
pub(super) fn removed(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| !matches!(c, '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_separators_that_are_no_line_breaks_stay() {
        let text = "a\nb\r\nc\rd\u{b}e\u{c}f\u{85}g\u{2028}h\u{2029}i j\tk\u{1e}l\u{a0}m";
        assert_eq!(removed(text).collect::<String>(), "abcdefghi j\tk\u{1e}l\u{a0}m");
    }
}
