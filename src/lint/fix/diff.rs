//! What `lint --fix` would change, as a unified diff that shows no values.
//!
//! Only the lines that change are shown, and of them nothing but keys and names: every other scalar is replaced
//! by its length, and a comment, which may well quote the value, by a mark.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::changes;
use crate::oracle::secret::PREFIX;
use crate::release::input::SourceFile;
use crate::release::tree::{Id, Scalar, Tree};
use crate::system::words::count;

/// The lines that differ; empty when the texts cannot be compared.
pub fn diff(before: &SourceFile, after: &SourceFile) -> String {
    let (Ok(old), Ok(new)) = (before.tree(), after.tree()) else {
        return String::new();
    };
    let new_ids = changes(&old, &new).map(|(_, (id, _, _))| id).collect();
    let sides = [
        Side::new('-', before, &old, HashSet::new()),
        Side::new('+', after, &new, new_ids),
    ];
    let mut out = format!("--- {0}\n+++ {0}\n", before.name);
    let mut done = 0;
    for ((_, _, old_span), (_, _, new_span)) in changes(&old, &new) {
        let [(from, first), (to, second)] = [(0, old_span), (1, new_span)].map(|(side, span)| sides[side].lines(span));
        // Two changes of one line are one hunk.
        if from.start < done {
            continue;
        }
        done = from.end;
        // Writing to a string does not fail.
        let _ = writeln!(out, "@@ -{first} +{second} @@");
        for (side, range) in sides.iter().zip([from, to]) {
            for line in side.masked(range).lines() {
                let _ = writeln!(out, "{}{line}", side.sign);
            }
        }
    }
    out
}

/// One of the two texts.
struct Side<'t> {
    sign: char,
    source: &'t SourceFile,
    names: HashSet<Id>,
    /// Scalars to say of that they are others now.
    changed: HashSet<Id>,
    /// What is written, in the order of the file.
    scalars: Vec<(Id, &'t Scalar<'t>, &'t Range<usize>)>,
}

impl<'t> Side<'t> {
    fn new(sign: char, source: &'t SourceFile, tree: &'t Tree<'t>, changed: HashSet<Id>) -> Self {
        let mut scalars: Vec<_> = tree.scalars().filter(|(_, _, span)| !span.is_empty()).collect();
        scalars.sort_by_key(|(_, _, span)| span.start);
        Self {
            sign,
            source,
            names: tree.names(),
            changed,
            scalars,
        }
    }

    /// The whole lines that a scalar is on: their bytes, and how a hunk calls them.
    fn lines(&self, span: &Range<usize>) -> (Range<usize>, String) {
        let text = self.source.text.as_str();
        let first = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = span.start + text[span.clone()].trim_end().len();
        let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let (line, _) = self.source.line_and_column(first);
        let several = match text[first..last].matches('\n').count() {
            0 => String::new(),
            more => format!(",{}", more + 1),
        };
        (first..last, format!("{line}{several}"))
    }

    /// A piece of the text with nothing but its structure, keys and names.
    fn masked(&self, range: Range<usize>) -> String {
        let text = self.source.text.as_str();
        let mut out = String::new();
        let mut at = range.start;
        let from = self.scalars.partition_point(|(_, _, span)| span.end <= range.start);
        for (id, scalar, span) in self
            .scalars
            .iter()
            .skip(from)
            .take_while(|(_, _, span)| span.start < range.end)
        {
            let (start, end) = (span.start.max(range.start), span.end.min(range.end));
            out.push_str(&between(text.get(at..start).unwrap_or_default()));
            if self.names.contains(id) && scalar.text.bytes().all(is_name) {
                out.push_str(text.get(start..end).unwrap_or_default());
            } else {
                // Of a literal of kustomize's the name may be seen.
                let (name, value) = match scalar.text.split_once('=') {
                    Some((name, value)) if name.starts_with(PREFIX) && name.bytes().all(is_name) => (name, value),
                    _ => ("", scalar.text.as_ref()),
                };
                let equals = if name.is_empty() { "" } else { "=" };
                let new = if self.changed.contains(id) { "other " } else { "" };
                let bytes = count(value.trim_end().len(), &format!("{new}byte"));
                let _ = write!(out, "{name}{equals}[{bytes}]");
            }
            at = end;
        }
        out.push_str(&between(text.get(at..range.end).unwrap_or_default()));
        out
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// What stands between scalars, without comments.
fn between(text: &str) -> String {
    let without = |line: &str| {
        line.split_once('#')
            .map_or(line.to_owned(), |(before, _)| format!("{before}# …"))
    };
    text.split('\n').map(without).collect::<Vec<_>>().join("\n")
}
