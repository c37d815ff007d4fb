//! compose-go's `dotenv` parser.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::lines::is_go_space;
use super::{EnvText, EnvVariable, RefusalReason, start};

pub(super) fn read(text: &str) -> Vec<EnvVariable<'_>> {
    let mut reader = DotenvReader {
        text,
        at: start(text),
        variables: Vec::new(),
    };
    while reader.statement() {}
    reader.variables
}

struct DotenvReader<'t> {
    text: &'t str,
    at: usize,
    variables: Vec<EnvVariable<'t>>,
}

/// The bytes of a value, what compose makes of them, and why it refuses them.
type ReadValue<'t> = (Range<usize>, EnvText<'t>, Option<RefusalReason>);

impl<'t> DotenvReader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self, is: fn(char) -> bool) {
        self.at = self.text.len() - self.rest().trim_start_matches(is).len();
    }

    /// Goes on after the next line break.
    fn next_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |at| at + 1);
    }

    fn push(&mut self, name: Range<usize>, value: ReadValue<'t>, refused: Option<RefusalReason>) {
        let (value, read, bad_value) = value;
        self.variables.push(EnvVariable {
            name,
            value,
            read,
            refused: refused.or(bad_value),
            continued: None,
        });
    }

    /// One comment or one variable; whether there may be more.
    fn statement(&mut self) -> bool {
        self.skip(is_go_space);
        let rest = self.rest();
        if rest.is_empty() {
            return false;
        }
        if rest.starts_with('#') {
            self.next_line();
            return true;
        }
        let after = rest.strip_prefix("export");
        if after.is_some_and(|after| after.starts_with(['\t', '\n', '\u{c}', '\r', ' '])) {
            self.at += "export".len();
            self.skip(is_blank);
        }
        let begin = self.at;
        match self.name() {
            Some((name, NameEnd::Line)) => {
                let nothing = name.end..name.end;
                self.push(name, (nothing, EnvText::Inherited, None), None);
            }
            Some((name, NameEnd::Value)) => self.value(name, None),
            // The value is read all the same: it may be right.
            None => {
                let name = self.rest().split(['=', '\n']).next().unwrap_or_default();
                let name = begin..begin + name.len();
                self.at = name.end;
                if self.rest().starts_with('=') {
                    self.at += 1;
                    self.value(name, Some(RefusalReason::NoName));
                } else {
                    let nothing = name.end..name.end;
                    self.push(name, (nothing, EnvText::Inherited, None), Some(RefusalReason::NoName));
                    self.next_line();
                }
            }
        }
        true
    }

    /// A name and what ends it; none where a character stands in it that no name has. Of a last line without `=` and
    /// without its end, compose makes the value of a variable without a name.
    fn name(&mut self) -> Option<(Range<usize>, NameEnd)> {
        let begin = self.at;
        for (at, c) in self.rest().char_indices() {
            if is_blank(c) || matches!(c, '_' | '.' | '-' | '[' | ']') || c.is_alphanumeric() {
                continue;
            }
            let end = match c {
                '=' | ':' => NameEnd::Value,
                '\n' => NameEnd::Line,
                _ => return None,
            };
            let name = self.rest()[..at].trim_end_matches(is_go_space);
            if name.contains(' ') {
                return None;
            }
            self.at += at + c.len_utf8();
            return Some((begin..begin + name.len(), end));
        }
        (!self.rest().is_empty()).then_some((begin..begin, NameEnd::Value))
    }

    fn value(&mut self, name: Range<usize>, refused: Option<RefusalReason>) {
        self.skip(is_blank);
        let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''));
        match quote.map(|quote| self.quoted(quote)) {
            None => {
                let value = self.unquoted();
                self.push(name, value, refused);
            }
            Some(Some(value)) => self.push(name, value, refused),
            Some(None) => {
                let begin = self.at;
                self.next_line();
                let line = self.text[begin..self.at].trim_end_matches(['\r', '\n']);
                let text = EnvText::Text(Cow::Borrowed(line));
                let value = (begin..begin + line.len(), text, Some(RefusalReason::OpenQuote));
                self.push(name, value, refused);
            }
        }
    }

    fn unquoted(&mut self) -> ReadValue<'t> {
        let begin = self.at;
        let line = self.rest().split('\n').next().unwrap_or_default();
        self.next_line();
        let value = line.split(" #").next().unwrap_or_default();
        let value = value.trim_end_matches(is_go_space);
        let (read, refused) = expanded(Cow::Borrowed(value));
        (begin..begin + value.len(), read, refused)
    }

    /// What stands between quotes; none where they are not closed.
    fn quoted(&mut self, quote: char) -> Option<ReadValue<'t>> {
        let begin = self.at + quote.len_utf8();
        let mut escaped = false;
        let mut text = String::new();
        for (at, c) in self.text[begin..].char_indices() {
            if c == quote && !escaped {
                self.at = begin + at + c.len_utf8();
                let text = Cow::Owned(text);
                let (read, refused) = if quote == '"' {
                    expanded(Cow::Owned(unescaped(&text)))
                } else {
                    (EnvText::Text(text), None)
                };
                return Some((begin..begin + at, read, refused));
            }
            if c == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && c != quote {
                text.push('\\');
            }
            escaped = false;
            text.push(c);
        }
        None
    }
}

enum NameEnd {
    Line,
    Value,
}

/// A blank that does not end the line; the no-break space is one.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// The escapes of a double-quoted value; `\$` becomes `$$`, which the expansion makes a `$` of.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let Some(c) = after.chars().next() else {
            out.push('\\');
            rest = after;
            continue;
        };
        let (made, taken) = match c {
            'a' => ("\u{7}".to_owned(), 1),
            'b' => ("\u{8}".to_owned(), 1),
            'f' => ("\u{c}".to_owned(), 1),
            'n' => ("\n".to_owned(), 1),
            'r' => ("\r".to_owned(), 1),
            't' => ("\t".to_owned(), 1),
            'v' => ("\u{b}".to_owned(), 1),
            '"' | '\\' => (c.to_string(), 1),
            '$' => ("$$".to_owned(), 1),
            '0' => octal(after),
            _ => (format!("\\{c}"), c.len_utf8()),
        };
        out.push_str(&made);
        rest = &after[taken..];
    }
    out.push_str(rest);
    out
}

/// What `\0` and up to three digits say, and how many bytes they are: a character by three octal digits, else the same
/// without the zero.
fn octal(after: &str) -> (String, usize) {
    let digits = after[1..].bytes().take(3).take_while(u8::is_ascii_digit).count();
    let digits = &after[1..=digits];
    let code = u8::from_str_radix(digits, 8).ok().filter(|_| digits.len() == 3);
    let made = code.map_or_else(|| format!("\\{digits}"), |code| char::from(code).to_string());
    (made, 1 + digits.len())
}

/// What the expansion of variables leaves of a text, and whether compose refuses it: nobody here knows what a variable
/// holds.
fn expanded(text: Cow<'_, str>) -> (EnvText<'_>, Option<RefusalReason>) {
    // `template.DefaultPattern`.
    static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\$(?:(\$)|[_a-z][_a-z0-9]*|\{(?:[_a-z][_a-z0-9]*(?::?[-+?].*)?\}|(?<invalid>)))").ok()
    });
    let Some(variable) = VARIABLE.as_ref().filter(|_| text.contains('$')) else {
        return (EnvText::Text(text), None);
    };
    if variable
        .captures_iter(&text)
        .any(|found| found.name("invalid").is_some())
    {
        return (EnvText::Text(text), Some(RefusalReason::NoVariable));
    }
    if variable.captures_iter(&text).any(|found| found.get(1).is_none()) {
        return (EnvText::Interpolated, None);
    }
    (EnvText::Text(text.replace("$$", "$").into()), None)
}
