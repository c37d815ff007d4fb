//! What `lint` writes, in which formats.

use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

use super::formats::{FindingFormat, ReportOutputs, json};
use crate::lint::baseline::BaselineUse;
use crate::lint::{LintReport, format};
use crate::release::input::SourceFile;
use crate::system::{stdout, terminal};

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

impl FindingFormat for LintFormat {
    const HUMAN: Self = Self::Human;
}

impl LintFormat {
    /// The report in this format; for people, the arguments that `lint --fix` would need.
    fn text(self, report: &LintReport, arguments: &[String]) -> miette::Result<String> {
        match self {
            Self::Human => Ok(format::human(report, arguments)),
            Self::Json => json(report),
            Self::Sarif => json(&format::sarif(report)),
            Self::Gitlab => json(&format::gitlab(report)),
            Self::Github => Ok(format::github(report)),
            Self::Azure => Ok(format::azure(report)),
        }
    }
}

impl ReportOutputs<LintFormat> {
    /// Refuses to write over the sources and the baseline.
    ///
    /// # Errors
    /// A file that is an output and one of them.
    pub fn keep_off_sources(&self, sources: &[SourceFile], baseline: Option<&Path>) -> miette::Result<()> {
        // In a folder stands what an earlier run wrote.
        let sources = sources.iter().filter(|source| source.named || !is_report(&source.text));
        self.keep_off(sources.filter_map(|source| source.path.as_deref()).chain(baseline))
    }

    /// Writes the report to every place.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_lint(&self, report: &LintReport, arguments: &[String], human_on_stderr: bool) -> miette::Result<()> {
        let human = if human_on_stderr {
            terminal::print
        } else {
            stdout::prose
        };
        self.write(
            |format| format.text(report, arguments),
            human,
            || {
                let known = report.baseline.as_ref().map(BaselineUse::summary);
                let said = [report.counts.to_string()].into_iter().chain(known);
                said.collect::<Vec<_>>().join("; ")
            },
        )
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
