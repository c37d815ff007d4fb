//! Text wrapped by words to fit a terminal.

use std::borrow::Cow;

use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

/// A space at which no line breaks. It stands in a command while the text around it is wrapped.
const NO_BREAK: char = '\u{a0}';

/// A text behind a label; further lines begin below the text. What stands between backticks stays on one line if it
/// fits there, for a command that is broken cannot be copied.
pub fn labelled(label: &str, text: &str, width: usize) -> Vec<String> {
    let indent = " ".repeat(display_width(label));
    let mut out = Vec::new();
    for line in text.lines() {
        let label = if out.is_empty() { label } else { &indent };
        // The columns of a table that fits stay as they are.
        if display_width(label) + display_width(line) <= width {
            out.push(format!("{label}{line}").trim_end().to_owned());
            continue;
        }
        let options = Options::new(width)
            .initial_indent(label)
            .subsequent_indent(&indent)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        let line = unbroken(line, width.saturating_sub(display_width(label)));
        let wrapped = textwrap::wrap(&line, options);
        out.extend(wrapped.into_iter().map(|line| line.trim_end().replace(NO_BREAK, " ")));
    }
    out
}

/// Each line of a text that is too wide is wrapped; what goes on stands two columns further in. A word that is wider
/// than the terminal, such as a path, is left to the terminal.
pub fn prose(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if display_width(line) <= width {
            out += line;
        } else {
            let start = line.len() - line.trim_start_matches(' ').len();
            let indent = " ".repeat(start + 2);
            let options = Options::new(width)
                .initial_indent(&line[..start])
                .subsequent_indent(&indent)
                .word_separator(WordSeparator::AsciiSpace)
                .word_splitter(WordSplitter::NoHyphenation)
                .break_words(false);
            let words = unbroken(&line[start..], width.saturating_sub(indent.len()));
            out += &textwrap::fill(&words, options).replace(NO_BREAK, " ");
        }
        out += end;
    }
    out
}

/// The text, with its commands as one word each, if they fit.
fn unbroken(text: &str, width: usize) -> Cow<'_, str> {
    if !text.contains('`') || text.contains(NO_BREAK) {
        return Cow::Borrowed(text);
    }
    let parts = text.split('`').enumerate().map(|(number, part)| {
        // Of two backticks, a comma and a full stop the last three stand beside the command.
        let fits = number % 2 == 1 && display_width(part) + 3 <= width;
        if fits {
            part.replace(' ', "\u{a0}")
        } else {
            part.to_owned()
        }
    });
    Cow::Owned(parts.collect::<Vec<_>>().join("`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_wide_goes_on_two_columns_further_in() {
        let text = "a.yaml:1:2: error: it ends in a newline\n  cure: encode it again\n";
        let wrapped = "a.yaml:1:2: error: it\n  ends in a newline\n  cure: encode it\n    again\n";
        assert_eq!(prose(text, 22), wrapped);
    }

    #[test]
    fn a_command_that_fits_stays_on_one_line() {
        assert_eq!(
            prose("write what `base64 -w0` prints", 22),
            "write what\n  `base64 -w0` prints"
        );
        assert_eq!(prose("write `base64 -w0` now", 10), "write\n  `base64\n  -w0` now");
    }

    #[test]
    fn a_path_that_is_too_wide_is_not_broken() {
        assert_eq!(
            prose("in /a/long/path/of/mine it is", 12),
            "in\n  /a/long/path/of/mine\n  it is"
        );
    }

    #[test]
    fn colours_take_no_room_and_tables_stay() {
        let table = "a   b\n\u{1b}[31mred\u{1b}[0m  c\n";
        assert_eq!(prose(table, 8), table);
        assert_eq!(prose("", 8), "");
    }
}
