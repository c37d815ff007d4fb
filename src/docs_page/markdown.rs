//! A Markdown page as blocks of code, headings and prose, each with its line.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use similar::{DiffOp, TextDiff};

/// A page.
#[derive(Debug, Clone)]
pub struct Markdown {
    /// The page's whole text.
    pub text: String,
    /// Its blocks of code, in their order.
    pub blocks: Vec<Block>,
    /// How many headings it has.
    pub headings: usize,
    /// Its prose, as far as there is code in it.
    pub passages: Vec<Passage>,
}

/// A block of code.
#[derive(Debug, Clone)]
pub struct Block {
    /// The line of the page on which its text begins, from 1.
    pub line: usize,
    /// The first word behind the fence, in lower case; empty where there is none.
    pub info: String,
    /// Its text, without what stands before each line where the block is within a list or a quotation.
    pub text: String,
    /// The number of headings before it.
    pub section: usize,
}

impl Block {
    /// The line of the page on which a byte of the text stands.
    pub fn line_of(&self, at: usize) -> usize {
        self.line + self.text.get(..at).unwrap_or_default().matches('\n').count()
    }

    /// The lines that it takes, for a person.
    pub fn lines(&self) -> String {
        let last = self.line + self.text.trim_end().matches('\n').count();
        format!("{}–{last}", self.line)
    }
}

/// A paragraph, an item of a list or a row of a table.
#[derive(Debug, Clone)]
pub struct Passage {
    /// Where it begins, from 1.
    pub line: usize,
    /// What it says, in order.
    pub words: Vec<Prose>,
}

/// A piece of prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prose {
    /// As it is.
    Text(String),
    /// Between backticks.
    Code(String),
}

/// Reads a page.
pub fn read(text: &str) -> Markdown {
    let mut reader = MarkdownReader {
        lines: Lines::new(text),
        page: Markdown {
            text: text.to_owned(),
            blocks: Vec::new(),
            headings: 0,
            passages: Vec::new(),
        },
        code: None,
        open: Vec::new(),
    };
    // Front matter is read as prose: one that is not closed would swallow the page to the next rule.
    let options = Options::ENABLE_TABLES;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.take(event, &range);
    }
    reader.page
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(
            [0].into_iter()
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        )
    }

    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}

struct MarkdownReader {
    lines: Lines,
    page: Markdown,
    /// The block that is open.
    code: Option<Block>,
    /// The passages that are open, one within the other, and headings among them.
    open: Vec<Passage>,
}

impl MarkdownReader {
    fn take(&mut self, event: Event, range: &Range<usize>) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => {
                        info.split([' ', ',', '{']).next().unwrap_or_default().to_lowercase()
                    }
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some(Block {
                    line: 0,
                    info,
                    text: String::new(),
                    section: self.page.headings,
                });
            }
            Event::End(TagEnd::CodeBlock) => self.page.blocks.extend(self.code.take().filter(|b| b.line > 0)),
            Event::Text(text) => match &mut self.code {
                Some(block) => {
                    if block.line == 0 {
                        block.line = self.lines.line(range.start);
                    }
                    block.text.push_str(&text);
                }
                None => self.say(Prose::Text(text.into_string())),
            },
            Event::Code(code) => self.say(Prose::Code(code.into_string())),
            Event::SoftBreak | Event::HardBreak => self.say(Prose::Text(" ".into())),
            Event::Start(Tag::Paragraph | Tag::Item | Tag::TableRow | Tag::TableHead | Tag::Heading { .. }) => {
                let line = self.lines.line(range.start);
                self.open.push(Passage {
                    line,
                    words: Vec::new(),
                });
            }
            Event::End(TagEnd::TableCell) => self.say(Prose::Text(" | ".into())),
            Event::End(TagEnd::Heading(_)) => {
                self.open.pop();
                self.page.headings += 1;
            }
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableRow | TagEnd::TableHead) => {
                let has_code = |p: &Passage| p.words.iter().any(|w| matches!(w, Prose::Code(_)));
                self.page.passages.extend(self.open.pop().filter(has_code));
            }
            _ => {}
        }
    }

    fn say(&mut self, words: Prose) {
        if let Some(passage) = self.open.last_mut() {
            passage.words.push(words);
        }
    }
}

impl Markdown {
    /// The page with other texts in the place of some blocks'; the lines that stay keep every byte, and new ones
    /// begin and end as the ones in whose place they stand. None where a block's lines are not to be found in the
    /// page, as when a tab stands for half an indentation.
    pub fn with_blocks(&self, new: &[(usize, String)]) -> Option<String> {
        let page: Vec<&str> = self.text.split_inclusive('\n').collect();
        let mut edited: Vec<(Range<usize>, String)> = Vec::new();
        for (number, text) in new {
            let block = self.blocks.get(*number)?;
            let first = block.line - 1;
            let old: Vec<&str> = block.text.split_inclusive('\n').collect();
            let fresh: Vec<&str> = text.split_inclusive('\n').collect();
            for op in TextDiff::from_slices(&old, &fresh).ops() {
                let (gone, come) = (op.old_range(), op.new_range());
                if matches!(op, DiffOp::Equal { .. }) {
                    continue;
                }
                // A line that only comes in begins as the one before it.
                let like = gone.start.min(old.len().checked_sub(1)?);
                let (prefix, end) = around(page.get(first + like)?, old.get(like)?)?;
                let lines = fresh.get(come)?.iter().map(|line| [prefix, bare(line), end].concat());
                edited.push((first + gone.start..first + gone.end, lines.collect()));
            }
        }
        edited.sort_by_key(|(lines, _)| lines.start);
        let mut whole = String::new();
        let mut done = 0;
        for (lines, text) in edited {
            whole.extend(page.get(done..lines.start)?.iter().copied());
            whole.push_str(&text);
            done = lines.end;
        }
        whole.extend(page.get(done..)?.iter().copied());
        Some(whole)
    }
}

/// What stands before a block's line in the page, and how the line ends there.
fn around<'t>(page: &'t str, line: &str) -> Option<(&'t str, &'t str)> {
    let text = bare(page);
    let end = &page[text.len()..];
    Some((text.strip_suffix(bare(line))?, if end.is_empty() { "\n" } else { end }))
}

fn bare(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// A unified diff, as `patch -p0` and `git apply -p0` take it.
pub fn diff(file: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    TextDiff::from_lines(old, new)
        .unified_diff()
        .header(file, file)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "---\ntitle: x\n---\n# One\n\n- item\n\n  ```yaml title=\"a\"\n  a: 1\n    b\n  ```\n\n> ```sh\n> echo\n> ```\n\n## Two `x`\n\n`A` is `b`\nand `c`.\n\n| a | b |\n|---|---|\n| `A` | `b` |\n\n1. `A` with `b`\n2. none\n\n```\nlast\n";

    #[test]
    fn blocks_know_their_lines_wherever_they_stand() {
        let page = read(PAGE);
        let told: Vec<_> = page
            .blocks
            .iter()
            .map(|b| (b.line, b.info.as_str(), b.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [(9, "yaml", "a: 1\n  b\n"), (14, "sh", "echo\n"), (30, "", "last\n")]
        );
        let sections: Vec<_> = page.blocks.iter().map(|b| b.section).collect();
        // The end of the front matter underlines a heading.
        assert_eq!(sections, [2, 2, 3]);
        let lines: Vec<_> = page.passages.iter().map(|p| p.line).collect();
        assert_eq!(lines, [19, 24, 26]);
    }

    #[test]
    fn a_block_is_written_anew_with_what_stands_before_its_lines() {
        let page = read(PAGE);
        let new = [(0, "a: 2\n  b\nc\n".to_owned()), (1, "printf\n".to_owned())];
        let whole = page.with_blocks(&new).unwrap();
        assert_eq!(
            diff("p.md", PAGE, &whole)
                .lines()
                .filter(|l| l.starts_with(['+', '-']))
                .collect::<Vec<_>>(),
            [
                "--- p.md",
                "+++ p.md",
                "-  a: 1",
                "+  a: 2",
                "+  c",
                "-> echo",
                "+> printf"
            ]
        );
        assert_eq!(
            diffy::apply(PAGE, &diffy::Patch::from_str(&diff("p.md", PAGE, &whole)).unwrap()).unwrap(),
            whole
        );
    }

    #[test]
    fn front_matter_that_is_not_closed_swallows_no_block() {
        let page = read("---\ntitle: x---\n\n# One\n\n```yaml\na: 1\n```\n\n---\n\n# Two\n");
        assert_eq!(page.blocks.len(), 1);
        assert_eq!(page.blocks[0].section, 1);
    }

    #[test]
    fn windows_line_ends_stay() {
        let text = PAGE.replace('\n', "\r\n");
        let page = read(&text);
        assert_eq!(page.blocks.len(), 3);
        let whole = page.with_blocks(&[(1, "printf\n".into())]).unwrap();
        assert_eq!(whole, text.replace("> echo", "> printf"));
    }
}
