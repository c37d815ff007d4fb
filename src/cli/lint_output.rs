//! Where `lint` writes: one format to standard output, any number to files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, ValueEnum};
use miette::IntoDiagnostic as _;
use serde_json::Value;

use crate::lint::baseline::BaselineUse;
use crate::lint::{LintReport, format};
use crate::release::input::SourceFile;
use crate::system::{atomic, stdout, terminal};

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For people: each finding, with its cure below
    #[value(alias = "text")]
    Human,
    /// JSON, as described by `kestra-secrets schema`
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub workflow runs
    Github,
    /// GitLab's code quality report
    Gitlab,
    /// Logging commands for Azure Pipelines
    Azure,
}

impl LintFormat {
    /// The report in this format; for people, the arguments that `lint --fix` would need.
    fn text(self, report: &LintReport, arguments: &[String]) -> miette::Result<String> {
        let json = |value: serde_json::Result<String>| Ok(format!("{}\n", value.into_diagnostic()?));
        match self {
            Self::Human => Ok(format::human(report, arguments)),
            Self::Json => json(serde_json::to_string_pretty(report)),
            Self::Sarif => json(serde_json::to_string_pretty(&format::sarif(report))),
            Self::Gitlab => json(serde_json::to_string_pretty(&format::gitlab(report))),
            Self::Github => Ok(format::github(report)),
            Self::Azure => Ok(format::azure(report)),
        }
    }
}

/// A format, and the file that it goes to; none for standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatTarget {
    format: LintFormat,
    file: Option<PathBuf>,
}

impl FormatTarget {
    /// A format on standard output.
    pub fn stdout(format: LintFormat) -> Self {
        Self { format, file: None }
    }
}

impl FromStr for FormatTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("name a file after `=`".into()),
            Some((name, file)) => (name, Some(file.into())),
            None => (text, None),
        };
        let format = LintFormat::from_str(name, false)?;
        Ok(Self { format, file })
    }
}

/// Reads a [`FormatTarget`]. Its own type, so that help lists the formats.
#[derive(Clone)]
pub struct FormatTargetParser;

impl TypedValueParser for FormatTargetParser {
    type Value = FormatTarget;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<FormatTarget, clap::Error> {
        let text = value.to_string_lossy();
        let formats = || self.possible_values().into_iter().flatten();
        let name = text.split('=').next().unwrap_or_default();
        if formats().any(|known| known.matches(name, false)) {
            return text.parse::<FormatTarget>().map_err(|why| {
                let name = arg.map_or_else(String::new, ToString::to_string);
                let message = format!("invalid value '{text}' for '{name}': {why}\n");
                clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
            });
        }
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        if let Some(arg) = arg {
            error.insert(ContextKind::InvalidArg, ContextValue::String(arg.to_string()));
        }
        error.insert(ContextKind::InvalidValue, ContextValue::String(text.into_owned()));
        let names = formats().map(|known| known.get_name().to_owned()).collect();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = LintFormat::value_variants().iter();
        Some(Box::new(all.filter_map(ValueEnum::to_possible_value)))
    }
}

/// Where each report goes; no two go to one place.
pub struct ReportOutputs {
    stdout: Option<LintFormat>,
    files: Vec<(LintFormat, PathBuf)>,
}

impl ReportOutputs {
    /// Of the formats that were asked for.
    ///
    /// # Errors
    /// Two for one place, and a place where no file can be.
    pub fn new(targets: &[FormatTarget]) -> miette::Result<Self> {
        let mut outputs = Self {
            stdout: None,
            files: Vec::new(),
        };
        for FormatTarget { format, file } in targets {
            match file {
                Some(file) => outputs.add(*format, file)?,
                None if outputs.stdout.is_none() => outputs.stdout = Some(*format),
                None => miette::bail!(
                    help = "send all but one to files: --format sarif=kestra.sarif",
                    "two formats go to standard output"
                ),
            }
        }
        Ok(outputs)
    }

    fn add(&mut self, format: LintFormat, file: &Path) -> miette::Result<()> {
        let name = file.display();
        if self.files.iter().any(|(_, other)| is_same(other, file)) {
            miette::bail!(help = "give each format a file of its own", "two formats go to {name}");
        }
        if file.is_dir() {
            miette::bail!(help = "name a file in it", "{name} is a folder");
        }
        let folder = atomic::folder(file);
        if !folder.is_dir() {
            let folder = folder.display();
            miette::bail!(
                help = format!("make it first: mkdir -p {folder}"),
                "there is no folder {folder} to write {name} to"
            );
        }
        self.files.push((format, file.to_owned()));
        Ok(())
    }

    /// Refuses to write over what is read.
    ///
    /// # Errors
    /// A file that is an output and one of the sources, or the baseline.
    pub fn keep_off(&self, sources: &[SourceFile], baseline: Option<&Path>) -> miette::Result<()> {
        // In a folder stands what an earlier run wrote.
        let sources = sources.iter().filter(|source| source.named || !is_report(&source.text));
        let read = sources.filter_map(|source| source.path.as_deref()).chain(baseline);
        let read: Vec<_> = read.collect();
        for (_, file) in &self.files {
            if read.iter().any(|read| is_same(read, file)) {
                miette::bail!(
                    help = "name another file for the report",
                    "{} is read, and a report would be written over it",
                    file.display()
                );
            }
        }
        Ok(())
    }

    /// The format on standard output.
    pub fn on_stdout(&self) -> Option<LintFormat> {
        self.stdout
    }

    /// Writes the report to every place: the files first, since those who read standard output may have had enough.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, report: &LintReport, arguments: &[String], human_on_stderr: bool) -> miette::Result<()> {
        for (format, file) in &self.files {
            let text = format.text(report, arguments)?;
            let text = anstream::adapter::strip_str(&text).to_string();
            let name = file.display();
            atomic::write(file, text.as_bytes()).map_err(|e| {
                miette::miette!(help = "its folder must take a new file", "failed to write {name}: {e}")
            })?;
        }
        match self.stdout {
            Some(LintFormat::Human) if human_on_stderr => terminal::print(&LintFormat::Human.text(report, arguments)?),
            Some(LintFormat::Human) => stdout::prose(&LintFormat::Human.text(report, arguments)?),
            Some(format) => stdout::print(&format.text(report, arguments)?),
            // A person who asked for files alone still sees how it ended.
            None => {
                let files = self.files.iter().map(|(_, file)| file.display().to_string());
                let known = report.baseline.as_ref().map(BaselineUse::summary);
                let said = [report.counts.to_string()].into_iter().chain(known);
                let written = format!("written to {}", files.collect::<Vec<_>>().join(", "));
                terminal::line(&said.chain([written]).collect::<Vec<_>>().join("; "));
            }
        }
        Ok(())
    }
}

/// Whether a text is a report in JSON, SARIF or GitLab's format.
fn is_report(text: &str) -> bool {
    match serde_json::from_str(text) {
        Ok(Value::Array(issues)) => issues.iter().all(|issue| issue.get("check_name").is_some()),
        Ok(report) => report.get("runs").is_some() || report.get("findings").is_some(),
        Err(_) => false,
    }
}

/// Whether two names lead to one file, be it there or not.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let there = std::fs::canonicalize(path).ok();
        let folder = std::fs::canonicalize(atomic::folder(path)).ok();
        there.or_else(|| Some(folder?.join(path.file_name()?)))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(targets: &[&str]) -> miette::Result<ReportOutputs> {
        let targets: Vec<FormatTarget> = targets.iter().map(|target| target.parse().unwrap()).collect();
        ReportOutputs::new(&targets)
    }

    #[test]
    fn each_format_has_a_place_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |format: &str, file: &str| format!("{format}={}", folder.path().join(file).display());
        let (json, sarif) = (at("json", "a"), at("sarif", "b"));
        let all = outputs(&[&json, &sarif, "text"]).unwrap();
        assert!(all.on_stdout() == Some(LintFormat::Human) && all.files.len() == 2);
        for wrong in [
            vec!["json", "text"],
            vec![&json, &at("sarif", "./a")],
            vec![&at("json", "nowhere/a")],
            vec![&at("json", "")],
        ] {
            assert!(outputs(&wrong).is_err(), "{wrong:?}");
        }
        assert!("json=".parse::<FormatTarget>().is_err());
    }
}
