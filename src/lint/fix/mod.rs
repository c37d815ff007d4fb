//! Corrects values byte by byte, and leaves everything else unchanged.

mod diff;
mod write;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use zeroize::Zeroizing;

pub use write::{replace, replaceable};

use super::edit::{self, Edit};
use super::{ExpectedValues, LintOptions, Linted, lint_as};
use crate::release::input::SourceFile;
use crate::release::tree::{Id, Scalar, Tree};

/// Undoing one layer can reveal the next. More layers than this do not occur.
const ROUNDS: usize = 8;

/// A file that can be written anew.
pub struct Fixed {
    /// The number of the source.
    pub source: usize,
    /// What to write. No `Debug`: it holds secrets.
    pub text: Zeroizing<String>,
    /// How many values and names changed.
    pub changed: usize,
    /// A unified diff without any value.
    pub diff: String,
}

/// The result of fixing.
pub struct FixOutcome {
    /// The files to write.
    pub fixed: Vec<Fixed>,
    /// The findings that are left in the fixed files.
    pub left: Linted,
}

/// Makes every edit that needs no guess, until none is left.
pub fn fix(sources: &[SourceFile], options: LintOptions) -> FixOutcome {
    fix_as(sources, options, &ExpectedValues::default())
}

/// The same, with the expected values of secrets.
pub fn fix_as(sources: &[SourceFile], options: LintOptions, meanings: &ExpectedValues) -> FixOutcome {
    let mut now: Vec<SourceFile> = sources
        .iter()
        .map(|source| source.with_text(source.text.as_str()))
        .collect();
    // Where an edit would change more than its value, it is not made again.
    let mut refused: HashSet<(usize, usize)> = HashSet::new();
    let mut left = lint_as(&now, options, meanings);
    for _ in 0..ROUNDS {
        let mut any = false;
        for source in 0..now.len() {
            let Some(current) = now.get(source).filter(|s| s.given && s.path.is_some()) else {
                continue;
            };
            let edits = edits(&left, source, &refused);
            let good = without_harm(current, &edits);
            let kept: HashSet<usize> = good.iter().map(|edit| edit.range.start).collect();
            refused.extend(
                edits
                    .iter()
                    .filter(|e| !kept.contains(&e.range.start))
                    .map(|e| (source, e.range.start)),
            );
            if good.is_empty() {
                continue;
            }
            any = true;
            let new = current.with_text(edit::apply(&current.text, &good));
            if let Some(old) = now.get_mut(source) {
                *old = new;
            }
        }
        if !any {
            break;
        }
        left = lint_as(&now, options, meanings);
    }
    for located in &mut left.located {
        located.finding.fixable = false;
    }
    let fixed = sources.iter().zip(now).enumerate();
    let fixed = fixed.filter_map(|(source, (before, after))| {
        if before.text == after.text {
            return None;
        }
        Some(Fixed {
            source,
            changed: changed(before, &after),
            diff: diff::diff(before, &after),
            text: after.text,
        })
    });
    FixOutcome {
        fixed: fixed.collect(),
        left,
    }
}

fn edits(linted: &Linted, source: usize, refused: &HashSet<(usize, usize)>) -> Vec<Edit> {
    let located = linted.located.iter().filter(|located| located.source == source);
    let mut edits: Vec<Edit> = located.filter_map(|located| located.edit.clone()).collect();
    edits.retain(|edit| !refused.contains(&(source, edit.range.start)));
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    // A value's faults all lead to one edit.
    edits.dedup();
    edits.dedup_by(|next, last| next.range.start < last.range.end);
    edits
}

/// Those of the edits that change nothing but what they are for.
fn without_harm(source: &SourceFile, edits: &[Edit]) -> Vec<Edit> {
    if edits.is_empty() || only_those_changed(source, &edit::apply(&source.text, edits), edits) {
        return edits.to_vec();
    }
    let (one, other) = edits.split_at(edits.len() / 2);
    if one.is_empty() {
        return Vec::new();
    }
    [without_harm(source, one), without_harm(source, other)].concat()
}

/// Whether the new text is the same tree as the old one but for the scalars that were edited.
fn only_those_changed(before: &SourceFile, after: &str, edits: &[Edit]) -> bool {
    let after = SourceFile::new("", None, after, before.form.clone());
    let (Ok(old), Ok(new)) = (before.tree(), after.tree()) else {
        return false;
    };
    let edits: HashMap<usize, &Edit> = edits.iter().map(|edit| (edit.range.start, edit)).collect();
    let as_wanted =
        |((_, old, span), (_, new, _)): ScalarPair| match edits.get(&span.start).filter(|_| !span.is_empty()) {
            None => old.text == new.text,
            Some(edit) => {
                let wanted = std::str::from_utf8(edit.text.bytes()).unwrap_or_default();
                new.text.trim_end() == wanted.trim_matches(['"', '\''])
            }
        };
    old.len() == new.len() && old.scalars().zip(new.scalars()).all(as_wanted)
}

/// The scalars that are other than they were.
fn changed(before: &SourceFile, after: &SourceFile) -> usize {
    let (Ok(old), Ok(new)) = (before.tree(), after.tree()) else {
        return 0;
    };
    changes(&old, &new).count()
}

/// One scalar with its bytes.
type ScalarBytes<'t> = (Id, &'t Scalar<'t>, &'t Range<usize>);

/// The same scalar before and after.
type ScalarPair<'t> = (ScalarBytes<'t>, ScalarBytes<'t>);

/// The scalars that differ in text or in style.
fn changes<'t>(old: &'t Tree<'t>, new: &'t Tree<'t>) -> impl Iterator<Item = ScalarPair<'t>> {
    let pairs = old.scalars().zip(new.scalars());
    pairs.filter(|((_, a, _), (_, b, _))| a.text != b.text || a.style != b.style)
}

#[cfg(test)]
mod tests;
