//! Finds secrets that Kestra would misread, from files alone.
//!
//! [`release`](crate::release) reads files into texts and trees that know their bytes. [`gather`] turns every
//! kind of document into the same [`facts`]: containers with their variables, and objects with their keys. [`judge`]
//! turns facts into findings by the rules of [`diagnosis`](crate::oracle::secret::diagnosis), each with the
//! [`edit`](mod@edit) that would cure it. [`fix`] makes the edits.
//!
//! A finding never holds a value, only its length.

pub mod allow;
pub mod baseline;
pub mod chart_reach;
pub mod configuration;
pub mod edit;
pub mod facts;
pub mod finding;
#[cfg(not(target_family = "wasm"))]
pub mod fix;
pub mod format;
pub mod gather;
mod generated;
pub mod judge;
mod key_path;
mod linted;
pub mod meanings;
pub mod origin;
mod whereabouts;

pub use baseline::{Baseline, FileNames};
pub use chart_reach::{ChartReach, MarkedRelease, releases};
pub use finding::{Coverage, Finding, LintReport, LintRule, ReachBy, ReachSource, ReadAs, Severity, SeverityCounts};
pub use generated::generated;
pub use linted::{Linted, NodePosition};
pub use meanings::ExpectedValues;
pub use whereabouts::whereabouts;

use std::collections::{BTreeSet, HashSet};

use crate::release::chart_keys::is_secret;
use crate::release::described::with_embedded;
use crate::release::document::{Document, NodeRef};
use crate::release::embedded::embedded;
use crate::release::input::{FileForm, SourceFile, Unreadable};
use crate::release::installs::{installs, named_files};
use crate::release::tree;
use crate::release::walk::{self, Inputs};
use crate::scenario::Generation;
use facts::FileFacts;
use linted::located;

/// What the user says of the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct LintOptions {
    /// The generation of the chart that values are for; none to go by the version beside them, or by their keys.
    pub generation: Option<Generation>,
    /// Take everything that may be Kestra's for Kestra's.
    pub assume_kestra: bool,
}

/// Reads what the arguments name (files, folders, `-`), and what kustomizations among them name, and lints it.
pub fn run(arguments: &[String], options: LintOptions) -> (Vec<SourceFile>, Linted) {
    let inputs = read(arguments, walk::LARGEST);
    let linted = lint(&inputs.sources, options);
    with_inputs(inputs, linted)
}

/// Adds what of the inputs could not be linted.
pub fn with_inputs(inputs: Inputs, mut linted: Linted) -> (Vec<SourceFile>, Linted) {
    let Inputs {
        sources,
        unreadable,
        unread,
        others,
        ..
    } = inputs;
    linted.coverage.unread.extend(unread);
    linted.coverage.without_secrets += others;
    linted.unreadable.extend(unreadable);
    linted.unreadable.sort();
    linted.doubt_what_is_not_given();
    (sources, linted)
}

/// Files name others, which may name others again: so many times and no more.
const ROUNDS: usize = 4;

/// Reads what the arguments name, and what kustomizations, compose files and the like among them name; each file up to so
/// many bytes.
pub fn read(arguments: &[String], most: u64) -> Inputs {
    let mut inputs = walk::read(arguments, most);
    // A wrapper chart says under which key the values beside it stand.
    for source in 0..inputs.sources.len() {
        let is_values = |source: &SourceFile| {
            let stem = source.path.as_deref().and_then(|path| path.file_stem()?.to_str());
            source.named && stem.is_some_and(|stem| stem.starts_with("values"))
        };
        if inputs.sources.get(source).is_some_and(is_values) {
            inputs.beside(source, "Chart.yaml", FileForm::Yaml);
        }
    }
    for _ in 0..ROUNDS {
        let known = inputs.sources.len();
        for (source, file, form) in references(&inputs.sources) {
            inputs.beside(source, &file, form);
        }
        if inputs.sources.len() == known {
            break;
        }
    }
    inputs
}

/// The files that sources name.
fn references(sources: &[SourceFile]) -> Vec<(usize, String, FileForm)> {
    let names_files = |source: &SourceFile| {
        ["Generator", "helmCharts", "releases", "services"]
            .iter()
            .any(|w| source.text.contains(w))
    };
    let trees: Vec<_> = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| names_files(source))
        .filter_map(|(index, source)| Some((index, source, source.tree().ok()?)))
        .collect();
    let documents = trees.iter().map(|(index, source, tree)| Document {
        index: *index,
        file: *index,
        source,
        tree,
        anchor: None,
    });
    let documents: Vec<_> = documents.collect();
    let values = named_files(&documents).into_iter();
    let values = values.map(|(source, file)| (source, file, FileForm::Yaml));
    values.chain(gather::references(&documents)).collect()
}

/// Lints sources together: what refers to what is followed among them.
pub fn lint(sources: &[SourceFile], options: LintOptions) -> Linted {
    lint_as(sources, options, &ExpectedValues::default())
}

/// The same where somebody said what secrets are meant to be: a value is right when it gives that.
pub fn lint_as(sources: &[SourceFile], options: LintOptions, meanings: &ExpectedValues) -> Linted {
    lint_with(sources, options, meanings, None)
}

/// The same where the chart that the values are for was rendered.
pub fn lint_rendered(sources: &[SourceFile], options: LintOptions, reach: &ChartReach) -> Linted {
    lint_with(sources, options, &ExpectedValues::default(), Some(reach))
}

fn lint_with(
    sources: &[SourceFile],
    options: LintOptions,
    meanings: &ExpectedValues,
    reach: Option<&ChartReach>,
) -> Linted {
    let mut linted = Linted::default();
    let judged = with_facts(sources, options, reach, &mut linted, |documents, facts| {
        let facts = facts?;
        let judgement = judge::judge(documents, facts, options, meanings)?;
        Some(judged(documents, facts, judgement, reach))
    });
    let unread = linted.unreadable.len() + linted.templates.len();
    match judged {
        Some(judged) => {
            let without_secrets = (sources.len() - unread).saturating_sub(judged.coverage.without_secrets);
            linted = Linted {
                unreadable: linted.unreadable,
                templates: linted.templates,
                ..judged
            };
            linted.coverage.without_secrets = without_secrets;
        }
        None => {
            let name = sources.first().map_or("", |source| &source.name);
            let why = "the files multiply by aliases and references beyond a million entries";
            linted.unreadable.push(Unreadable::whole(name, why, None));
        }
    }
    linted
}

/// Reads the sources into documents and facts; no facts where aliases make more of them than anybody has written. What
/// is no YAML is noted in `linted`.
fn with_facts<T>(
    sources: &[SourceFile],
    options: LintOptions,
    reach: Option<&ChartReach>,
    linted: &mut Linted,
    then: impl FnOnce(&[Document], Option<&FileFacts>) -> T,
) -> T {
    let trees: Vec<_> = sources
        .iter()
        .map(|source| {
            source.tree().unwrap_or_else(|malformed| {
                linted.malformed(source, &malformed);
                tree::Tree::default()
            })
        })
        .collect();
    let files = Document::of_files(sources.iter().zip(&trees));
    let inside = embedded(&files);
    let inside_trees: Vec<_> = inside
        .iter()
        .map(|text| {
            text.tree().unwrap_or_else(|malformed| {
                linted.malformed(text.source, &malformed);
                tree::Tree::default()
            })
        })
        .collect();
    let documents = with_embedded(files, &inside, &inside_trees);
    let installs = installs(&documents, &inside);
    let composed = gather::projects(&documents);
    let facts = composed
        .as_ref()
        .and_then(|composed| gather::gather(&documents, &installs, composed, options, reach));
    then(&documents, facts.as_ref())
}

/// What comes of the facts and their judgement. Its coverage counts the files that hold secrets as those that hold none;
/// who knows how many there are turns it round.
fn judged(
    documents: &[Document],
    facts: &FileFacts,
    judgement: judge::Judgement,
    reach: Option<&ChartReach>,
) -> Linted {
    let mut coverage = coverage(documents, facts, &judgement.secrets);
    (coverage.unsure, coverage.outside) = (judgement.unsure, judgement.outside);
    coverage.reach = reach_source(facts, reach);
    coverage.unread = reach.map(|reach| reach.unrendered.clone()).unwrap_or_default();
    let found = judgement.found.into_iter().map(|found| (found, None));
    let calls = judgement.calls.into_iter().map(|(found, byte)| (found, Some(byte)));
    let mut located = located(documents, found.chain(calls));
    located.sort_by(|a, b| (a.source, &a.finding).cmp(&(b.source, &b.finding)));
    located.dedup_by(|a, b| a.source == b.source && a.finding == b.finding);
    Linted {
        located,
        values: read_as(documents, facts),
        given: given(documents, facts),
        coverage,
        ..Linted::default()
    }
}

/// What it was that told where values go.
fn reach_source(facts: &FileFacts, reach: Option<&ChartReach>) -> Option<ReachSource> {
    if facts.values.is_empty() {
        return None;
    }
    // What the chart refused was judged by its keys.
    Some(match reach.filter(|reach| reach.releases().next().is_some()) {
        Some(reach) => ReachSource {
            by: ReachBy::Rendering,
            charts: vec![reach.chart.clone()],
        },
        None => {
            let generations: BTreeSet<_> = facts
                .values
                .iter()
                .map(|values| values.generation.to_string())
                .collect();
            ReachSource {
                by: ReachBy::Keys,
                charts: generations.into_iter().collect(),
            }
        }
    })
}

/// The variables of secrets, with the places of their values.
fn given(documents: &[Document], facts: &facts::FileFacts) -> Vec<(String, NodePosition)> {
    let secrets = facts.variables().into_iter().filter(|(name, _)| is_secret(name));
    secrets
        .filter_map(|(name, entry)| {
            let document = documents.get(entry.value_at.source)?;
            let (line, column) = document.line_and_column(entry.value_at.node);
            let file = document.source.name.clone();
            Some((name, NodePosition { file, line, column }))
        })
        .collect()
}

/// What was read: the secrets that were judged, and what the flows ask for.
fn coverage(documents: &[Document], facts: &FileFacts, secrets: &HashSet<NodeRef>) -> Coverage {
    let file = |at: &NodeRef| Some(documents.get(at.source)?.file);
    let files: HashSet<_> = secrets.iter().filter_map(file).collect();
    let flows = facts.flows.iter().filter_map(file);
    let with_secrets: HashSet<_> = files.iter().copied().chain(flows).collect();
    let asked = facts.calls.iter().filter_map(|call| call.key).map(str::to_uppercase);
    Coverage {
        secrets: secrets.len(),
        files: files.len(),
        flows: facts.flows.len(),
        asked: asked.collect::<HashSet<_>>().len(),
        without_secrets: with_secrets.len(),
        ..Coverage::default()
    }
}

/// What values were read as, with their lines.
fn read_as(documents: &[Document], facts: &FileFacts) -> Vec<ReadAs> {
    let mut all: Vec<ReadAs> = facts
        .values
        .iter()
        .filter_map(|values| {
            let document = documents.get(values.at.source)?;
            Some(ReadAs {
                file: document.source.name.clone(),
                line: document.line_and_column(values.at.node).0,
                chart: values.generation,
                because: values.because.clone(),
                guessed: values.guessed,
            })
        })
        .collect();
    all.sort();
    all.dedup();
    all
}
