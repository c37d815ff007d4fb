//! The entries of `environment`.

use std::collections::HashSet;

use super::environment::WrittenAt;
use super::service::{Piece, ProjectReader, is_null};
use super::{ComposeMistake, ComposeValue, ComposeVariable, NodeRef, template};
use crate::release::scalar;
use crate::release::tree::{Id, Style, Tag};

impl ProjectReader<'_, '_> {
    /// `environment` of all pieces.
    pub(super) fn environment(
        &mut self,
        pieces: &[Piece],
        mistakes: &mut Vec<(NodeRef, ComposeMistake)>,
    ) -> Option<Vec<ComposeVariable>> {
        let mut all: Vec<ComposeVariable> = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let tree = self.sources[piece.source].1;
            let Some((key, environment)) = tree.entry(piece.service, "environment") else {
                continue;
            };
            if self.replaces(*piece, key, environment) {
                all.clear();
            }
            let entries = tree.entries(environment);
            self.spend(entries.len() + tree.items(environment).len())?;
            // What a merge key brings in gives way to the mapping's own.
            let own = tree
                .written(environment)
                .iter()
                .filter(|(key, _)| tree.text(*key) != Some("<<"))
                .count();
            let mut names = HashSet::new();
            for (entry, (key, value)) in entries.into_iter().enumerate() {
                let new = tree.text(key).is_some_and(|name| names.insert(name));
                if new || entry < own {
                    all.extend(self.entry(*piece, number, key, value, mistakes));
                }
            }
            for item in tree.items(environment) {
                all.extend(self.item(*piece, number, *item, mistakes));
            }
        }
        Some(all)
    }

    /// `NAME: value`.
    fn entry(
        &self,
        piece: Piece,
        number: usize,
        key: Id,
        value: Id,
        mistakes: &mut Vec<(NodeRef, ComposeMistake)>,
    ) -> Option<ComposeVariable> {
        let tree = self.tree(piece);
        let at = |node| NodeRef {
            source: piece.source,
            node,
        };
        let name = tree.text(key)?;
        let Some(scalar) = tree.scalar(value) else {
            mistakes.push((at(key), ComposeMistake::Entry));
            return None;
        };
        let written = if is_null(tree, value) {
            self.dotenv.inherited(name, at(key))
        } else if scalar.tag == Tag::Other {
            let (value, at) = (ComposeValue::Tagged, at(value));
            WrittenAt { value, at, tied: true }
        } else {
            self.filled(&scalar.text, at(value), mistakes)
        };
        let WrittenAt {
            mut value,
            at: value_at,
            tied,
        } = written;
        if let ComposeValue::Text { typed, .. } = &mut value {
            *typed = scalar.style == Style::Plain && scalar.tag == Tag::None && is_rewritten(&scalar.text);
        }
        Some(ComposeVariable {
            name: name.to_owned(),
            name_at: at(key),
            value,
            value_at,
            literal: false,
            tied,
            piece: number,
        })
    }

    /// `- NAME=value`, or `- NAME`.
    fn item(
        &self,
        piece: Piece,
        number: usize,
        item: Id,
        mistakes: &mut Vec<(NodeRef, ComposeMistake)>,
    ) -> Option<ComposeVariable> {
        let tree = self.tree(piece);
        let at = NodeRef {
            source: piece.source,
            node: item,
        };
        let Some(text) = tree.text(item) else {
            let first = tree.written(item).first().map_or(item, |(key, _)| *key);
            mistakes.push((NodeRef { node: first, ..at }, ComposeMistake::Entry));
            return None;
        };
        if text
            .split('=')
            .next()
            .is_some_and(|name| name.ends_with(char::is_whitespace))
        {
            mistakes.push((at, ComposeMistake::Entry));
            return None;
        }
        let (name, written) = match text.split_once('=') {
            Some((name, value)) => (name, self.filled(value, at, mistakes)),
            None => (text, self.dotenv.inherited(text, at)),
        };
        Some(ComposeVariable {
            name: name.to_owned(),
            name_at: at,
            literal: written.at == at,
            value: written.value,
            value_at: written.at,
            tied: written.tied,
            piece: number,
        })
    }

    fn filled(&self, text: &str, at: NodeRef, mistakes: &mut Vec<(NodeRef, ComposeMistake)>) -> WrittenAt {
        self.dotenv.fill(text, at).unwrap_or_else(|template::InvalidTemplate| {
            mistakes.push((at, ComposeMistake::Template));
            let value = ComposeValue::Shell;
            WrittenAt { value, at, tied: true }
        })
    }
}

/// Whether YAML writes a plain scalar in another way than it stands here: compose gives a number as Go prints it.
fn is_rewritten(plain: &str) -> bool {
    let digits = plain.strip_prefix('-').unwrap_or(plain);
    let is_plain_integer = !digits.is_empty()
        && digits.len() < 20
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    let is_bool = ["true", "false"].contains(&plain);
    // YAML 1.2, as compose reads it, has no `yes` and `on`.
    let is_word = plain.starts_with(|c: char| c.is_ascii_alphabetic())
        && !plain.eq_ignore_ascii_case("true")
        && !plain.eq_ignore_ascii_case("false");
    !scalar::is_text(plain) && !is_plain_integer && !is_bool && !is_word
}
