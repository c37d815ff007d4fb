//! A page of documentation: what is in it, what it means, and what makes it true. Pure; nothing on a page is ever
//! executed.

pub mod claim;
mod configuration;
pub mod correct;
pub mod document;
pub mod markdown;
pub mod meaning;
mod mount;
pub mod recipe;
pub mod shell;
pub mod strategy;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};

use document::BlockKind;
use markdown::Markdown;
use meaning::{Because, MeantValue};
use recipe::{Reading, Recipe};
use strategy::PageStrategy;

use crate::lint::ExpectedValues;
use crate::oracle::secret::Plaintext;
use crate::plan;

/// A page that was read.
#[derive(Debug, Clone)]
pub struct MarkdownPage {
    /// Its file, as the user named it.
    pub name: String,
    /// Its text in blocks.
    pub markdown: Markdown,
    /// What each block is.
    pub kinds: Vec<BlockKind>,
    /// The ways that it shows, in their order.
    pub strategies: Vec<PageStrategy>,
    /// What each secret is meant to be, for each strategy.
    pub meant: Vec<BTreeMap<String, MeantValue>>,
    /// What is to be said of it, in the order of its lines.
    pub notes: Vec<Note>,
}

/// Something to say of a line of a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The line, from 1.
    pub line: usize,
    /// Whether the page is wrong there.
    pub wrong: bool,
    /// What is to be said.
    pub says: String,
}

/// Reads a page.
pub fn read(name: &str, text: &str) -> MarkdownPage {
    let markdown = markdown::read(text);
    let kinds: Vec<BlockKind> = markdown.blocks.iter().map(document::classify).collect();
    let strategies = strategy::strategies(&markdown, &kinds);
    let mut page = MarkdownPage {
        name: name.to_owned(),
        markdown,
        kinds,
        strategies,
        meant: Vec::new(),
        notes: Vec::new(),
    };
    page.note_blocks();
    page.find_meanings();
    page.notes.sort();
    page.notes.dedup();
    page
}

impl MarkdownPage {
    /// The recipes, each with its block and its line.
    pub fn recipes(&self) -> Vec<(usize, usize, &Recipe)> {
        let shells = self.kinds.iter().enumerate().zip(&self.markdown.blocks);
        shells
            .flat_map(|((number, kind), block)| {
                let readings: &[Reading] = if let BlockKind::Shell(readings) = kind {
                    readings
                } else {
                    &[]
                };
                readings.iter().filter_map(move |reading| match reading {
                    Reading::Recipe(recipe) => Some((number, block.line_of(recipe.span.start), recipe)),
                    Reading::Unknown(..) => None,
                })
            })
            .collect()
    }

    /// What is meant in a strategy, for `lint`; where a recipe of the page gives what arrives, that is what its
    /// reader has at hand.
    pub fn meanings(&self, strategy: usize) -> ExpectedValues {
        let mut meanings = ExpectedValues::default();
        for (key, meant) in self.meant.get(strategy).into_iter().flatten() {
            let of_it = self.recipes();
            let results = of_it
                .iter()
                .filter(|(_, _, r)| r.plain.as_bytes() == meant.plain.bytes());
            let results = results
                .map(|(_, _, recipe)| Plaintext::new(recipe.result.as_str(), true))
                .collect();
            meanings.say(key, meant.plain.clone(), results);
        }
        meanings
    }

    fn note(&mut self, line: usize, wrong: bool, says: impl Into<String>) {
        let says = says.into();
        self.notes.push(Note { line, wrong, says });
    }

    fn note_blocks(&mut self) {
        let mut notes = Vec::new();
        for (kind, block) in self.kinds.iter().zip(&self.markdown.blocks) {
            match kind {
                BlockKind::Other(Some(why)) => notes.push((block.line, false, (*why).to_owned())),
                BlockKind::Values(values) => {
                    let misspelt = plan::misspelt().filter(|(wrong, _)| values.keys.iter().any(|key| key == wrong));
                    notes.extend(misspelt.map(|(wrong, right)| {
                        (
                            block.line,
                            false,
                            format!("no chart of Kestra has the key `{wrong}`: write `{right}`"),
                        )
                    }));
                }
                BlockKind::Shell(readings) => {
                    for reading in readings {
                        let told = of_recipe(reading);
                        let at = match reading {
                            Reading::Recipe(recipe) => recipe.span.start,
                            Reading::Unknown(span, _) => span.start,
                        };
                        notes.extend(told.into_iter().map(|(wrong, says)| (block.line_of(at), wrong, says)));
                    }
                }
                _ => {}
            }
        }
        for strategy in &self.strategies {
            let line = strategy
                .values
                .first()
                .and_then(|number| self.markdown.blocks.get(*number))
                .map_or(0, |b| b.line);
            for name in &strategy.missing {
                notes.push((
                    line,
                    true,
                    format!("nothing on the page makes {name}, which these values name"),
                ));
            }
            if strategy.only_mounts {
                let says =
                    "these values mount a file of Kestra's configuration: `secret()` reads the environment alone";
                notes.push((line, true, says.to_owned()));
            }
        }
        for (line, wrong, says) in notes {
            self.note(line, wrong, says);
        }
    }

    fn find_meanings(&mut self) {
        let read = self.strategies.iter().flat_map(|s| s.flow.reads.values());
        let given = self
            .strategies
            .iter()
            .flat_map(|s| s.given.iter().map(|given| &given.key));
        let keys: BTreeSet<String> = read.chain(given).map(|key| key.to_uppercase()).collect();
        let meaning::ProseStatement {
            plains: said,
            contradictions,
        } = meaning::said(&self.markdown, &keys);
        let found = self.recipes();
        let placed: Vec<_> = found.iter().map(|(_, line, recipe)| (*line, *recipe)).collect();
        let mut notes = Vec::new();
        for (key, one, other) in contradictions {
            let says = format!("{key} is said to be something else than on line {one}: neither is taken");
            notes.push((other, true, says));
        }
        let mut all: Vec<BTreeMap<String, MeantValue>> = Vec::new();
        for strategy in &self.strategies {
            let mut meant = BTreeMap::new();
            for given in &strategy.given {
                let by_value = meaning::of_value(given, &placed);
                let by_page = said.get(&given.key);
                if let (Some(said), Some(made)) = (by_page, &by_value)
                    && let (Because::Said(line), Because::Recipe(other)) = (said.because, made.because)
                    && said.plain != made.plain
                {
                    let says = format!(
                        "{} is said to be something else than the recipe of line {other} encodes",
                        given.key
                    );
                    notes.push((line, true, says));
                }
                meant.extend(by_page.cloned().or(by_value).map(|m| (given.key.clone(), m)));
            }
            all.push(meant);
        }
        // What one strategy does not give at all, another one or the page tells.
        let mut known: BTreeMap<String, MeantValue> = said;
        for (key, meant) in all.iter().flatten() {
            known.entry(key.clone()).or_insert_with(|| meant.clone());
        }
        for (strategy, meant) in self.strategies.iter().zip(&mut all) {
            for key in strategy.flow.reads.values().map(|key| key.to_uppercase()) {
                if let Some(elsewhere) = known.get(&key) {
                    meant.entry(key).or_insert_with(|| elsewhere.clone());
                }
            }
        }
        self.meant = all;
        for (line, wrong, says) in notes {
            self.note(line, wrong, says);
        }
    }
}

/// What is to be said of a recipe.
fn of_recipe(reading: &Reading) -> Vec<(bool, String)> {
    let recipe = match reading {
        Reading::Unknown(_, why) => return vec![(false, format!("what this gives cannot be told: {why}"))],
        Reading::Recipe(recipe) => recipe,
    };
    let mut said = Vec::new();
    if !recipe.is_right() {
        said.push((true, "the recipe encodes a newline (KS001)".to_owned()));
    }
    if let Some((printed, _)) = &recipe.printed
        && *printed != recipe.result
    {
        let says = format!("the recipe gives {}, not {printed}", recipe.result);
        said.push((true, says));
    }
    said
}

#[cfg(test)]
mod tests;
