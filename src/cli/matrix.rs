//! `run --matrix`: charts × Kestras × providers × scenarios, less what nobody wants, as sessions.

mod file;
mod reader;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::system::yaml::Spanned;

use super::provider_arg::ProviderArg;
use crate::error::InputError;
use crate::kestra::KestraRef;
use crate::plan::{ImageRef, ProviderKind};
use crate::scenario::Scenario;
use crate::system::bounded;
use crate::system::yaml;
use crate::tools::helm::ChartRef;
use file::{MatrixFile, MatrixRule};
use reader::{Axes, MatrixReader};

/// A matrix that was read.
#[derive(Debug)]
pub struct Matrix {
    /// All scenarios of it.
    pub scenarios: Vec<Arc<Scenario>>,
    /// What is run, one after the other; those first that somebody deploys.
    pub sessions: Vec<MatrixSession>,
    /// The combinations that are left out whole, and why.
    pub excluded: Vec<(String, String)>,
}

/// One chart on one provider, with the Kestras that run on it.
#[derive(Debug)]
pub struct MatrixSession {
    /// Where Kestra runs.
    pub provider: ProviderArg,
    /// The image of kind's nodes; none for the usual one.
    pub node_image: Option<String>,
    /// The executable of helm; none for the usual one.
    pub helm: Option<PathBuf>,
    /// The chart.
    pub chart: ChartRef,
    /// The Kestras, no two of one name.
    pub kestras: Vec<MatrixKestra>,
}

impl MatrixSession {
    /// Whether all of it needs a word, such as a pair that nobody deploys.
    fn is_noted(&self) -> bool {
        let whole = |kestra: &MatrixKestra| kestra.notes.iter().any(|(scenarios, _)| scenarios.is_empty());
        self.kestras.iter().all(whole)
    }
}

/// A Kestra with its scenarios.
#[derive(Debug, Clone)]
pub struct MatrixKestra {
    /// Which.
    pub kestra: KestraRef,
    /// Its image, where that was named.
    pub image: Option<ImageRef>,
    /// The charts that it runs on, as their axis names them; none for all.
    pub charts: BTreeSet<String>,
    /// The scenarios that are left out, by name.
    pub without: BTreeSet<String>,
    /// What to know of its cases: scenarios by name, none for all, and the note.
    pub notes: Vec<(Vec<String>, String)>,
}

/// Reads a matrix; relative paths in it start at its folder.
///
/// # Errors
/// [`InputError`] with file, line and column for bad YAML, a name that no axis has, or a rule that fits nothing.
pub fn read(path: &Path) -> Result<Matrix, InputError> {
    let file = path.display().to_string();
    let bytes = bounded::file(path, bounded::DOCUMENT)
        .map_err(|e| InputError::whole(&file, format!("failed to read: {e}"), None))?;
    let text = InputError::text(&file, bytes)?;
    parse(&file, &text, path.parent().unwrap_or(Path::new("")))
}

/// The JSON Schema of a matrix file.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(MatrixFile).to_value()
}

fn parse(file: &str, text: &str, folder: &Path) -> Result<Matrix, InputError> {
    let raw: MatrixFile = yaml::from_str(text).map_err(|e| {
        let help = "the format is described by schemas/matrix.schema.json (`kestra-secrets schema matrix`)";
        InputError::yaml(file, &e, help)
    })?;
    let reader = MatrixReader { file, folder };
    let matrix = combine(&raw, &reader.axes(&raw)?);
    if matrix.sessions.is_empty() {
        let help = "every combination is excluded";
        return reader.err(raw.schema.referenced, "nothing is left to run", help);
    }
    Ok(matrix)
}

/// Every combination of the axes that the rules leave, in sessions.
fn combine(raw: &MatrixFile, axes: &Axes) -> Matrix {
    let mut matrix = Matrix {
        scenarios: axes.scenarios.clone(),
        sessions: Vec::new(),
        excluded: Vec::new(),
    };
    let mut noted = Vec::new();
    for place in places(axes) {
        for (chart_name, chart) in &axes.charts {
            let mut sessions: Vec<MatrixSession> = Vec::new();
            for entry in &axes.kestras {
                let Some(entry) = allowed(entry, &place, chart_name, raw, axes, &mut matrix.excluded) else {
                    continue;
                };
                // Images of one Kestra bear one name, and a session tells its Kestras apart by name.
                let free = |s: &&mut MatrixSession| s.kestras.iter().all(|other| other.kestra != entry.kestra);
                match sessions.iter_mut().find(free) {
                    Some(session) => session.kestras.push(entry),
                    None => sessions.push(MatrixSession {
                        provider: place.provider,
                        node_image: place.node_image.map(ToOwned::to_owned),
                        helm: place.helm.map(|(_, path)| path.clone()),
                        chart: chart.clone(),
                        kestras: vec![entry],
                    }),
                }
            }
            let (late, soon): (Vec<_>, Vec<_>) = sessions.into_iter().partition(MatrixSession::is_noted);
            matrix.sessions.extend(soon);
            noted.extend(late);
        }
    }
    matrix.sessions.append(&mut noted);
    matrix
}

/// Where sessions run, and the helm that they use.
struct MatrixPlace<'a> {
    provider_name: &'a str,
    provider: ProviderArg,
    node_image: Option<&'a str>,
    helm: Option<&'a (String, PathBuf)>,
}

/// Every provider with every helm, kind on every node image.
fn places(axes: &Axes) -> Vec<MatrixPlace<'_>> {
    let mut places = Vec::new();
    for (provider_name, provider) in &axes.providers {
        let is_kind = *provider == ProviderArg::Named(ProviderKind::Kind);
        let images = axes
            .kubernetes
            .iter()
            .filter(|_| is_kind)
            .map(|image| Some(image.as_str()));
        for node_image in or_none(images) {
            for helm in or_none(axes.helms.iter().map(Some)) {
                places.push(MatrixPlace {
                    provider_name,
                    provider: *provider,
                    node_image,
                    helm,
                });
            }
        }
    }
    places
}

/// What an axis names; once nothing where it names nothing.
fn or_none<T>(named: impl Iterator<Item = Option<T>>) -> Vec<Option<T>> {
    let named: Vec<_> = named.collect();
    if named.is_empty() { vec![None] } else { named }
}

/// A Kestra with what the rules leave of it in a place and on a chart.
fn allowed(
    entry: &MatrixKestra,
    place: &MatrixPlace<'_>,
    chart: &str,
    raw: &MatrixFile,
    axes: &Axes,
    excluded: &mut Vec<(String, String)>,
) -> Option<MatrixKestra> {
    if !entry.charts.is_empty() && !entry.charts.contains(chart) {
        return None;
    }
    let has = |named: &[Spanned<String>], name: &str| named.is_empty() || named.iter().any(|n| n.value == name);
    let called = entry.names();
    let fits = |rule: &&MatrixRule| {
        let kestra = rule.kestra.is_empty() || called.iter().any(|name| has(&rule.kestra, name));
        let helm = place.helm.map_or("", |(name, _)| name);
        has(&rule.providers, place.provider_name)
            && has(&rule.kubernetes, place.node_image.unwrap_or_default())
            && has(&rule.helm, helm)
            && has(&rule.charts, chart)
            && kestra
    };
    let names = |rule: &MatrixRule| rule.scenarios.iter().map(|s| s.value.clone()).collect::<Vec<_>>();
    let mut entry = entry.clone();
    for rule in raw.exclude.iter().filter(fits) {
        entry.without.extend(names(rule));
        if rule.scenarios.is_empty() || entry.without.len() == axes.scenarios.len() {
            excluded.push((
                format!("{} with {chart} on {place}", entry.name()),
                rule.why.value.clone(),
            ));
            return None;
        }
    }
    entry.notes = raw
        .notes
        .iter()
        .filter(fits)
        .map(|rule| (names(rule), rule.why.value.clone()))
        .collect();
    Some(entry)
}

impl fmt::Display for MatrixPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.provider_name)?;
        self.node_image.iter().try_for_each(|image| write!(f, " {image}"))?;
        self.helm.iter().try_for_each(|(name, _)| write!(f, " by {name}"))
    }
}

impl Matrix {
    /// What it is, in one line.
    pub fn headline(&self, path: &Path) -> String {
        let kestras: usize = self.sessions.iter().map(|s| s.kestras.len()).sum();
        let mut line = format!(
            "matrix {}: {} scenarios, {kestras} combinations of chart, Kestra and provider in {} runs",
            path.display(),
            self.scenarios.len(),
            self.sessions.len()
        );
        if !self.excluded.is_empty() {
            // A rule may leave out many.
            let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
            for (what, why) in &self.excluded {
                match by_reason.iter_mut().find(|(known, _)| known == why) {
                    Some((_, left_out)) => left_out.push(what),
                    None => by_reason.push((why, vec![what])),
                }
            }
            let told: Vec<_> = by_reason
                .iter()
                .map(|(why, left_out)| match left_out[..] {
                    [one] => format!("{one}: {why}"),
                    _ => format!("{} combinations: {why}", left_out.len()),
                })
                .collect();
            // Writing to a string does not fail.
            let _ = write!(line, "; {} excluded ({})", self.excluded.len(), told.join("; "));
        }
        line
    }
}

impl MatrixKestra {
    /// What it is called: by its image too, where it has one of its own.
    fn name(&self) -> String {
        match &self.image {
            Some(image) => format!("{} {image}", self.kestra),
            None => self.kestra.to_string(),
        }
    }

    /// Whatever a rule may call it: the Kestra, the image, or both.
    fn names(&self) -> Vec<String> {
        let image = self.image.as_ref().map(ToString::to_string);
        let mut names = vec![self.name(), self.kestra.to_string()];
        names.extend(image);
        names
    }

    /// What to know of a scenario's cases on it.
    pub fn note(&self, scenario: &str) -> Option<String> {
        let fits = |(of, _): &&(Vec<String>, String)| of.is_empty() || of.iter().any(|name| name == scenario);
        let notes: Vec<_> = self.notes.iter().filter(fits).map(|(_, note)| note.as_str()).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// The folder of one session's own report below the whole's.
pub fn folder_of(report: &Path, session: usize) -> PathBuf {
    report.join("parts").join((session + 1).to_string())
}

#[cfg(test)]
mod tests;
