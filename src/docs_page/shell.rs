//! Shell lines as words, as far as a recipe goes: no expansion, no redirection, nothing is ever executed.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// One command line of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellLine {
    /// Its bytes in the block, without a prompt and without a comment.
    pub span: Range<usize>,
    /// The commands of its pipe; why it is none, where it is more than a pipe.
    pub pipe: Result<Vec<ShellCommand>, &'static str>,
    /// The comment behind it.
    pub comment: Option<Range<usize>>,
    /// The lines below it that are what it prints, in a block with prompts; else the line below.
    pub below: Vec<Range<usize>>,
}

/// One command of a pipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellCommand {
    /// Its words, without quotes.
    pub words: Vec<String>,
    /// The byte behind its first word.
    pub after_name: usize,
    /// What a here-string gives it.
    pub here: Option<String>,
}

const PROMPT: &str = "$ ";

/// The command lines of a block.
pub fn lines(text: &str) -> Vec<ShellLine> {
    let all: Vec<Range<usize>> = spans(text);
    let indent = |span: &Range<usize>| text[span.clone()].len() - text[span.clone()].trim_start().len();
    let is_prompt = |span: &Range<usize>| text[span.clone()].trim_start().starts_with(PROMPT);
    let prompted = all.iter().any(is_prompt);
    let mut found: Vec<ShellLine> = Vec::new();
    let mut at = 0;
    while let Some(first) = all.get(at) {
        at += 1;
        if prompted && !is_prompt(first) {
            if let Some(line) = found.last_mut() {
                line.below.push(first.clone());
            }
            continue;
        }
        let start = first.start + indent(first) + if prompted { PROMPT.len() } else { 0 };
        let mut end = first.end;
        while text[start..end].trim_end().ends_with(['\\', '|']) && all.get(at).is_some() {
            end = all[at].end;
            at += 1;
        }
        if text[start..end].trim().is_empty() {
            continue;
        }
        let mut line = Lexer::new(text, start..end).line();
        if !prompted {
            line.below.extend(all.get(at).cloned());
        }
        found.push(line);
    }
    found
}

/// The lines of a text, without their ends.
fn spans(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let whole = text.split_inclusive('\n');
    whole
        .map(|line| {
            let span = start..start + line.trim_end_matches(['\n', '\r']).len();
            start += line.len();
            span
        })
        .collect()
}

struct Lexer<'t> {
    text: &'t str,
    span: Range<usize>,
    chars: Peekable<CharIndices<'t>>,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str, span: Range<usize>) -> Self {
        Self {
            text,
            chars: text[span.clone()].char_indices().peekable(),
            span,
        }
    }

    fn line(mut self) -> ShellLine {
        let mut comment = None;
        let pipe = self.pipe(&mut comment);
        let end = comment.as_ref().map_or(self.span.end, |c: &Range<usize>| c.start);
        let end = self.span.start + self.text[self.span.start..end].trim_end().len();
        ShellLine {
            span: self.span.start..end,
            pipe,
            comment,
            below: Vec::new(),
        }
    }

    fn pipe(&mut self, comment: &mut Option<Range<usize>>) -> Result<Vec<ShellCommand>, &'static str> {
        let mut commands = vec![ShellCommand::default()];
        let mut word: Option<String> = None;
        // A comment is looked for to the end, whatever the line is.
        let mut more = None;
        while let Some((at, c)) = self.chars.next() {
            let here = self.span.start + at;
            match c {
                '\'' => {
                    let word = word.get_or_insert_default();
                    if !self.quoted(word, '\'') {
                        more = more.or(Some("a quotation mark is not closed"));
                    }
                }
                '"' => {
                    let word = word.get_or_insert_default();
                    let from = word.len();
                    if !self.quoted(word, '"') {
                        more = more.or(Some("a quotation mark is not closed"));
                    }
                    if word[from..].contains(['$', '`']) {
                        more = more.or(Some("it holds a variable or a command"));
                    }
                }
                '\\' => match self.chars.next() {
                    Some((_, '\n' | '\r')) | None => {}
                    Some((_, next)) => word.get_or_insert_default().push(next),
                },
                '#' if word.is_none() => {
                    *comment = Some(here..self.span.end);
                    break;
                }
                '|' if self.chars.peek().is_none_or(|(_, next)| *next != '|') => {
                    end(&mut word, &mut commands, here);
                    commands.push(ShellCommand::default());
                }
                c if c.is_whitespace() => end(&mut word, &mut commands, here),
                '<' if self.text[here..].starts_with("<<<") => {
                    end(&mut word, &mut commands, here);
                    self.chars.nth(1);
                    match self.here_string() {
                        Some(text) => {
                            if let Some(last) = commands.last_mut() {
                                last.here = Some(text);
                            }
                        }
                        None => more = more.or(Some("it holds a variable or a command")),
                    }
                }
                '$' | '`' | '(' | ')' => more = more.or(Some("it holds a variable or a command")),
                '<' | '>' | ';' | '&' | '|' | '*' | '?' | '[' => more = more.or(Some("it is more than a pipe")),
                c => word.get_or_insert_default().push(c),
            }
        }
        let last = comment.as_ref().map_or(self.span.end, |c| c.start);
        end(&mut word, &mut commands, last);
        commands.retain(|c| !c.words.is_empty());
        more.map_or(Ok(commands), Err)
    }

    /// Takes a text to its closing quotation mark; false where there is none.
    fn quoted(&mut self, word: &mut String, mark: char) -> bool {
        while let Some((_, c)) = self.chars.next() {
            match c {
                c if c == mark => return true,
                '\\' if mark == '"' => match self.chars.peek().copied() {
                    Some((_, next @ ('"' | '\\'))) => {
                        self.chars.next();
                        word.push(next);
                    }
                    _ => word.push('\\'),
                },
                c => word.push(c),
            }
        }
        false
    }

    /// The word behind `<<<`, with the newline that the shell adds.
    fn here_string(&mut self) -> Option<String> {
        while self.chars.next_if(|(_, c)| *c == ' ').is_some() {}
        let mut word = String::new();
        match self.chars.peek().map(|(_, c)| *c)? {
            mark @ ('\'' | '"') => {
                self.chars.next();
                if !self.quoted(&mut word, mark) || mark == '"' && word.contains(['$', '`']) {
                    return None;
                }
            }
            _ => {
                while let Some((_, c)) = self.chars.next_if(|(_, c)| !c.is_whitespace() && !"|;&".contains(*c)) {
                    if "$`'\"\\".contains(c) {
                        return None;
                    }
                    word.push(c);
                }
            }
        }
        word.push('\n');
        Some(word)
    }
}

fn end(word: &mut Option<String>, commands: &mut [ShellCommand], at: usize) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
        if command.words.is_empty() {
            command.after_name = at;
        }
        command.words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Result<Vec<Vec<String>>, &'static str>> {
        let pipe = |line: ShellLine| line.pipe.map(|pipe| pipe.into_iter().map(|c| c.words).collect());
        lines(text).into_iter().map(pipe).collect()
    }

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        assert_eq!(
            words("echo -n 'a b'\"c \\\" \\n\"d\\ e | base64 # x | y\n"),
            [Ok(vec![
                vec!["echo".into(), "-n".into(), "a bc \" \\nd e".into()],
                vec!["base64".into()]
            ])]
        );
        assert_eq!(words("echo a |\n  base64 \\\n  -w0\nls\n").len(), 2);
    }

    #[test]
    fn what_is_more_than_a_pipe_is_not_read() {
        for text in [
            "echo $A | base64",
            "echo \"$A\" | base64",
            "echo `a` | base64",
            "echo a > b",
            "a && b",
            "a || b",
            "echo 'a",
            "base64 < file",
            "export A=$(echo -n a | base64)",
        ] {
            assert!(lines(text)[0].pipe.is_err(), "{text}");
        }
    }

    #[test]
    fn what_stands_below_a_prompt_is_what_it_prints() {
        let text = "  $ echo a | base64\n  YQo=\n\n$ ls # no\nfile's\n";
        let lines = lines(text);
        assert_eq!(lines.len(), 2);
        assert_eq!(&text[lines[0].span.clone()], "echo a | base64");
        assert_eq!(&text[lines[0].below[0].clone()], "  YQo=");
        assert_eq!(&text[lines[1].comment.clone().unwrap()], "# no");
    }

    #[test]
    fn a_here_string_ends_in_a_newline() {
        assert_eq!(
            lines("base64 <<< 'a b' | cat")[0].pipe.as_ref().unwrap()[0]
                .here
                .as_deref(),
            Some("a b\n")
        );
        assert!(lines("base64 <<< \"$A\"")[0].pipe.is_err());
    }
}
