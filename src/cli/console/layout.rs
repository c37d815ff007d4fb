//! How wide the console is, and text wrapped by words to fit it.

use std::io::IsTerminal;

use textwrap::core::display_width;

use crate::system::terminal::{self, Verbosity};
use crate::system::words::visible;
use crate::system::wrap;

/// The width of output that goes into a pipe or a file, and the most that is used of a wide terminal.
const WIDEST: usize = 120;
/// Below this nothing can be laid out; a narrower terminal breaks the lines itself.
const NARROWEST: usize = 40;

/// How wide the console is, and how much it tells.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub width: usize,
    pub verbosity: Verbosity,
}

impl Layout {
    /// Of standard output.
    pub fn of_stdout() -> Self {
        Self::of_stream(&std::io::stdout())
    }

    /// Of standard error.
    pub fn of_stderr() -> Self {
        Self::of_stream(&std::io::stderr())
    }

    fn of_stream(stream: &(impl IsTerminal + std::os::fd::AsFd)) -> Self {
        Self {
            width: terminal::width(stream).unwrap_or(WIDEST).clamp(NARROWEST, WIDEST),
            verbosity: terminal::loudness(),
        }
    }

    pub fn is_verbose(self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    pub fn is_quiet(self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// A text behind a label, wrapped by words; further lines begin below the text.
    pub fn labelled(self, label: &str, text: &str) -> Vec<String> {
        wrap::labelled(label, text, self.width)
    }

    /// One line, cut where it does not fit.
    pub fn cut(self, line: &str) -> String {
        if display_width(line) <= self.width {
            return line.to_owned();
        }
        let mut cut = String::new();
        for c in line.chars() {
            if display_width(&cut) + display_width(c.encode_utf8(&mut [0; 4])) >= self.width {
                break;
            }
            cut.push(c);
        }
        format!("{}…", cut.trim_end())
    }
}

/// Text of others, in which no character moves the cursor.
pub fn harmless(text: &str) -> String {
    visible(text).replace("\r\n", "\n").replace('\r', "\\r")
}

/// The same on one line.
pub fn harmless_line(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: usize) -> Layout {
        Layout {
            width,
            verbosity: Verbosity::Normal,
        }
    }

    #[test]
    fn a_long_text_goes_on_below_itself() {
        let lines = layout(24).labelled("  cure  ", "encode with `base64 -w0` once");
        assert_eq!(lines, ["  cure  encode with", "        `base64 -w0`", "        once"]);
    }

    #[test]
    fn line_breaks_of_the_text_stay() {
        assert_eq!(layout(80).labelled("got  ", "a\nb"), ["got  a", "     b"]);
    }

    #[test]
    fn a_wide_character_counts_as_two_columns() {
        assert_eq!(layout(6).cut("密密密密"), "密密…");
        assert_eq!(layout(8).cut("密密密密"), "密密密密");
        let lines = layout(7).labelled("", "密密密 密密密");
        assert_eq!(lines, ["密密密", "密密密"]);
    }

    #[test]
    fn a_word_without_a_space_is_broken_to_fit() {
        let lines = layout(10).labelled("  ", &"x".repeat(12));
        assert!(lines.iter().all(|line| display_width(line) <= 10), "{lines:?}");
    }
}
