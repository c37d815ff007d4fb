//! The axes of a matrix as its file writes them, and the rules held against them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::system::yaml::{Location, Spanned};
use clap::ValueEnum as _;

use super::MatrixKestra;
use super::file::{KestraFile, MatrixFile, MatrixRule};
use crate::cli::provider_arg::ProviderArg;
use crate::error::InputError;
use crate::kestra::{KestraRef, OfficialRef};
use crate::plan::ProviderKind;
use crate::scenario::{self, Scenario};
use crate::tools::helm::{ChartRef, GitChart};

/// Reads a matrix file, relative paths from `folder` on.
pub(super) struct MatrixReader<'a> {
    pub file: &'a str,
    pub folder: &'a Path,
}

/// What a rule names of an axis, what the axis has, and its word.
type Named<'a> = (&'a [Spanned<String>], Vec<&'a str>, &'static str);

/// The axes as they are written, for rules to name.
pub(super) struct Axes {
    pub providers: Vec<(String, ProviderArg)>,
    pub charts: Vec<(String, ChartRef)>,
    pub kubernetes: Vec<String>,
    pub helms: Vec<(String, PathBuf)>,
    pub kestras: Vec<MatrixKestra>,
    pub scenarios: Vec<Arc<Scenario>>,
}

impl MatrixReader<'_> {
    /// An error at a place of the file.
    pub fn err<T>(&self, at: Location, message: impl Into<String>, help: impl Into<String>) -> Result<T, InputError> {
        Err(InputError {
            file: self.file.into(),
            line: at.line(),
            column: at.column(),
            message: message.into(),
            help: Some(help.into()),
        })
    }

    /// Reads the axes, and checks what rules name of them.
    pub fn axes(&self, raw: &MatrixFile) -> Result<Axes, InputError> {
        if raw.schema.value != 1 {
            let message = format!("schema {} is not known", raw.schema.value);
            return self.err(raw.schema.referenced, message, "write `schema: 1`");
        }
        let words: Vec<_> = raw.scenarios.iter().map(|s| self.word(&s.value)).collect();
        let axes = Axes {
            scenarios: scenario::load(&words)?.into_iter().map(Arc::new).collect(),
            providers: self.named_axis(&raw.providers, |name| ProviderArg::from_str(name, false))?,
            charts: self.named_axis(&raw.charts, |name| name.parse().map(|chart| self.chart(chart)))?,
            kestras: self.axis(&raw.kestra, KestraFile::name, KestraFile::read)?,
            kubernetes: self.optional_axis(&raw.kubernetes, |image| Ok(image.to_owned()))?,
            helms: self.optional_axis(&raw.helm, |name| Ok((name.to_owned(), self.executable(name))))?,
        };
        let is_kind = |(_, provider): &(String, ProviderArg)| *provider == ProviderArg::Named(ProviderKind::Kind);
        if let Some(image) = raw.kubernetes.first()
            && !axes.providers.iter().any(is_kind)
        {
            let help = "add kind to `providers`, or leave the axis out";
            return self.err(image.referenced, "only kind has node images", help);
        }
        for rule in raw.exclude.iter().chain(&raw.notes) {
            self.check(rule, &axes)?;
        }
        let charts: Vec<_> = axes.charts.iter().map(|(name, _)| name.as_str()).collect();
        for kestra in &raw.kestra {
            self.known(&kestra.charts, &charts, "chart")?;
        }
        let is_bare = |chart: &&Spanned<String>| {
            let runs = |kestra: &MatrixKestra| kestra.charts.is_empty() || kestra.charts.contains(&chart.value);
            !axes.kestras.iter().any(runs)
        };
        let bare = raw.charts.iter().find(is_bare);
        if let Some(Spanned { value, referenced, .. }) = bare {
            let help = "name it in the `charts` of a Kestra, or leave it out";
            return self.err(*referenced, format!("no Kestra runs on chart {value}"), help);
        }
        Ok(axes)
    }

    /// A file beside the matrix, or a bundled scenario's name.
    fn word(&self, word: &str) -> String {
        let beside = self.folder.join(word);
        if beside.exists() {
            beside.display().to_string()
        } else {
            word.to_owned()
        }
    }

    fn chart(&self, chart: ChartRef) -> ChartRef {
        match chart {
            ChartRef::Path(path) => ChartRef::Path(self.folder.join(path)),
            ChartRef::Git(chart) => ChartRef::Git(GitChart {
                repository: self.folder.join(&chart.repository),
                ..chart
            }),
            other => other,
        }
    }

    /// A file beside the matrix, or a name on `PATH`.
    fn executable(&self, name: &str) -> PathBuf {
        let beside = self.folder.join(name);
        let beside = beside.is_file().then(|| std::path::absolute(&beside).unwrap_or(beside));
        beside.unwrap_or_else(|| name.into())
    }

    fn optional_axis<T>(
        &self,
        names: &[Spanned<String>],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, InputError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.axis(names, Clone::clone, |name| read(&name.value))
    }

    fn named_axis<T>(
        &self,
        names: &[Spanned<String>],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<(String, T)>, InputError> {
        let read = |name: &Spanned<String>| Ok((name.value.clone(), read(&name.value)?));
        self.axis(names, Clone::clone, read)
    }

    /// Reads what an axis names, each once.
    fn axis<E, T>(
        &self,
        entries: &[E],
        name: impl Fn(&E) -> Spanned<String>,
        read: impl Fn(&E) -> Result<T, String>,
    ) -> Result<Vec<T>, InputError> {
        let mut names = BTreeSet::new();
        let mut axis = Vec::new();
        for entry in entries {
            let Spanned { value, referenced, .. } = name(entry);
            match read(entry) {
                Err(why) => return self.err(referenced, format!("{value}: {why}"), "see `run --help`"),
                Ok(_) if names.contains(&value) => {
                    return self.err(referenced, format!("{value} is there twice"), "name each once");
                }
                Ok(read) => axis.push(read),
            }
            names.insert(value);
        }
        if axis.is_empty() {
            return self.err(
                Location::UNKNOWN,
                "an axis is empty",
                "name at least one provider, chart and Kestra",
            );
        }
        Ok(axis)
    }

    fn known(&self, named: &[Spanned<String>], known: &[&str], what: &str) -> Result<(), InputError> {
        match named.iter().find(|n| !known.contains(&n.value.as_str())) {
            Some(stray) => {
                let message = format!("the matrix has no {what} {}", stray.value);
                self.err(stray.referenced, message, format!("it has {}", known.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// A rule that names what is not there would change nothing, and nobody would know.
    fn check(&self, rule: &MatrixRule, axes: &Axes) -> Result<(), InputError> {
        let kestras: Vec<_> = axes.kestras.iter().flat_map(MatrixKestra::names).collect();
        let lists: [Named<'_>; 6] = [
            (
                &rule.providers,
                axes.providers.iter().map(|(n, _)| n.as_str()).collect(),
                "provider",
            ),
            (
                &rule.charts,
                axes.charts.iter().map(|(n, _)| n.as_str()).collect(),
                "chart",
            ),
            (
                &rule.kubernetes,
                axes.kubernetes.iter().map(String::as_str).collect(),
                "node image",
            ),
            (&rule.helm, axes.helms.iter().map(|(n, _)| n.as_str()).collect(), "helm"),
            (&rule.kestra, kestras.iter().map(String::as_str).collect(), "Kestra"),
            (
                &rule.scenarios,
                axes.scenarios.iter().map(|s| s.name.as_str()).collect(),
                "scenario",
            ),
        ];
        for (named, known, what) in &lists {
            self.known(named, known, what)?;
        }
        if lists.iter().all(|(named, ..)| named.is_empty()) {
            let help = "name at least one of `providers`, `kubernetes`, `helm`, `charts`, `kestra` and `scenarios`";
            return self.err(rule.why.referenced, "the rule is about everything", help);
        }
        Ok(())
    }
}

impl KestraFile {
    /// What it is called: by its image too, where it has one of its own.
    fn name(&self) -> Spanned<String> {
        let mut name = self.name.clone();
        if let Some(image) = &self.image {
            name.value = format!("{} {}", name.value, image.value);
        }
        name
    }

    fn read(&self) -> Result<MatrixKestra, String> {
        let kestra = self.name.value.parse()?;
        if matches!(&kestra, KestraRef::Official(official) if !matches!(official, OfficialRef::Exact(_))) {
            return Err("write official@VERSION with a patch: a matrix means the same tomorrow".into());
        }
        Ok(MatrixKestra {
            kestra,
            image: self.image.as_ref().map(|image| image.value.parse()).transpose()?,
            charts: self.charts.iter().map(|chart| chart.value.clone()).collect(),
            without: BTreeSet::new(),
            notes: Vec::new(),
        })
    }
}
