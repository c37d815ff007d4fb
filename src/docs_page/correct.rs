//! What makes documents, and a page of them, true.

use std::collections::BTreeMap;

use super::document::{BlockKind, source};
use super::recipe::{Reading, Recipe, recipes};
use super::{MarkdownPage, Note};
use super::{configuration, mount};
use crate::lint::edit::{self, Edit};
use crate::lint::{ExpectedValues, LintOptions, fix};
use crate::oracle::secret::Plaintext;
use crate::plan;
use crate::release::input::SourceFile;
use crate::scenario::Generation;

/// A page as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectedPage {
    /// Its whole text.
    pub text: String,
    /// What could not be corrected.
    pub notes: Vec<Note>,
}

/// The texts that documents have to have so that what is meant arrives, as `fix` writes them. `keys` are the secrets
/// that a flow asks for. None where values mount a file and cannot be written anew without a guess.
pub fn documents(
    sources: &[SourceFile],
    generation: Generation,
    only_mounts: bool,
    keys: &[String],
    meanings: &ExpectedValues,
) -> Option<Vec<String>> {
    let anew = only_mounts.then(|| mount::as_variables(sources, keys, meanings));
    let texts = match anew {
        Some(anew) => anew?,
        None => sources.iter().map(|source| source.text.to_string()).collect(),
    };
    let sources: Vec<SourceFile> = sources
        .iter()
        .zip(texts)
        .map(|(source, text)| source.with_text(text))
        .collect();
    let options = LintOptions {
        generation: Some(generation),
        assume_kestra: true,
    };
    let outcome = fix::fix_as(&sources, options, meanings);
    let fixed: BTreeMap<usize, &str> = outcome
        .fixed
        .iter()
        .map(|fixed| (fixed.source, fixed.text.as_str()))
        .collect();
    let texts = sources.iter().enumerate().map(|(number, source)| {
        let text = fixed.get(&number).copied().unwrap_or(&source.text);
        source.with_text(spelt(&source.with_text(text)))
    });
    let mut sources: Vec<SourceFile> = texts.collect();
    if configuration::is_due(&sources, generation)
        && let Some(first) = sources.first_mut()
        && let Some(text) = configuration::given(first)
    {
        *first = first.with_text(text);
    }
    Some(sources.into_iter().map(|source| source.text.to_string()).collect())
}

/// The text with keys that no chart has written as the chart has them.
fn spelt(source: &SourceFile) -> String {
    let text = source.text.as_str();
    let edits = source.tree().ok().and_then(|tree| {
        let root = *tree.roots.first()?;
        let edits = plan::misspelt().filter_map(|(wrong, right)| {
            let (key, _) = tree.entry(root, wrong).filter(|_| tree.get(root, right).is_none())?;
            edit::rewrite(text, tree.node(key), tree.scalar(key)?, &Plaintext::new(right, true))
        });
        Some(edits.collect::<Vec<Edit>>())
    });
    edit::apply(text, &edits.unwrap_or_default())
}

/// The page as it has to be so that all its strategies keep what it promises and its recipes give what it says.
pub fn page(page: &MarkdownPage) -> CorrectedPage {
    let mut new: BTreeMap<usize, String> = BTreeMap::new();
    let mut notes = Vec::new();
    for (number, strategy) in page.strategies.iter().enumerate() {
        let blocks: Vec<usize> = strategy.blocks().collect();
        let sources: Vec<SourceFile> = blocks
            .iter()
            .filter_map(|block| page.markdown.blocks.get(*block))
            .map(|block| source(&page.name, &block.text))
            .collect();
        let line = blocks
            .first()
            .and_then(|block| page.markdown.blocks.get(*block))
            .map_or(0, |block| block.line);
        let mut note = |says: &str| {
            let says = says.to_owned();
            notes.push(Note {
                line,
                wrong: true,
                says,
            });
        };
        let keys: Vec<String> = strategy.flow.reads.values().cloned().collect();
        let meanings = page.meanings(number);
        let Some(texts) = documents(&sources, strategy.generation, strategy.only_mounts, &keys, &meanings) else {
            note("these values cannot be written anew without a guess: give variables with `common.extraEnv`");
            continue;
        };
        let written: Vec<SourceFile> = sources.iter().zip(&texts).map(|(s, text)| s.with_text(text)).collect();
        if configuration::is_due(&written, strategy.generation) {
            note(
                "chart 1.x refuses these values (KS026), and where `configurations.application` is due cannot be told",
            );
        }
        for ((block, source), text) in blocks.iter().zip(&sources).zip(texts) {
            if *text == **source.text {
                continue;
            }
            match new.get(block) {
                Some(other) if *other != text => note("a block of these is needed otherwise by another strategy"),
                _ => {
                    new.insert(*block, text);
                }
            }
        }
    }
    for (number, kind) in page.kinds.iter().enumerate() {
        if let (BlockKind::Shell(readings), Some(block)) = (kind, page.markdown.blocks.get(number)) {
            let text = mended(&block.text, readings);
            if text != block.text {
                new.insert(number, text);
            }
        }
    }
    let new: Vec<(usize, String)> = new.into_iter().collect();
    let text = page.markdown.with_blocks(&new).unwrap_or_else(|| {
        let says =
            "the corrected blocks cannot be put back into the page: its indentation mixes tabs and spaces".into();
        notes.push(Note {
            line: 1,
            wrong: true,
            says,
        });
        page.markdown.text.clone()
    });
    CorrectedPage { text, notes }
}

/// Shell lines with recipes that encode what is meant, and beside them what they give.
fn mended(text: &str, readings: &[Reading]) -> String {
    let mut edits = Vec::new();
    for reading in readings {
        let Reading::Recipe(recipe) = reading else { continue };
        let mut result = recipe.result.clone();
        if let Some(at) = recipe.lacks_n {
            edits.push(insert(at, " -n"));
            result = with_n(text, recipe, at).unwrap_or(result);
        }
        if let Some((printed, span)) = recipe.printed.as_ref().filter(|(printed, _)| *printed != result) {
            let there = text.get(span.clone()) == Some(printed.as_str());
            edits.extend(there.then(|| Edit {
                range: span.clone(),
                text: Plaintext::new(result, true),
            }));
        }
    }
    edits.sort_by_key(|edit| edit.range.start);
    edit::apply(text, &edits)
}

fn insert(at: usize, text: &str) -> Edit {
    Edit {
        range: at..at,
        text: Plaintext::new(text, true),
    }
}

/// What the recipe gives with `-n`.
fn with_n(text: &str, recipe: &Recipe, at: usize) -> Option<String> {
    let command = [text.get(recipe.span.start..at)?, " -n", text.get(at..recipe.span.end)?].concat();
    match recipes(&command).into_iter().next()? {
        Reading::Recipe(recipe) => Some(recipe.result),
        Reading::Unknown(..) => None,
    }
}
