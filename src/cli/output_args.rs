//! What is said of a report beside the table: to GitHub, where it runs there.

use std::fs::OpenOptions;
use std::io::Write as _;

use clap::{Args, ValueEnum};

use crate::report::{Report, github, lines, markdown};
use crate::system::stdout;

/// How a command that runs cases tells how they ended.
#[derive(Args)]
pub struct OutputArgs {
    /// Print results as text, for GitHub with annotations, or as JSON lines that `report merge` reads [default: github if
    /// `GITHUB_ACTIONS` is true, otherwise text]. If `GITHUB_STEP_SUMMARY` names a file, a Markdown summary is appended to it
    #[arg(long, value_enum, help_heading = "Output")]
    format: Option<OutputFormat>,
}

/// How a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// Results and a summary
    Text,
    /// The same, with an annotation for each case that is not as expected
    Github,
    /// The whole report, a line for the run and one for each result: for a pod, whose log is all that stays
    Jsonl,
}

impl OutputArgs {
    /// Whether standard output is for a program, which wants nothing else there.
    pub fn is_for_programs(&self) -> bool {
        self.format == Some(OutputFormat::Jsonl)
    }

    /// Tells it, after the table.
    pub fn tell(&self, report: &Report) {
        if self.is_for_programs() {
            match lines::lines(report) {
                Ok(text) => stdout::print(&text),
                Err(e) => tracing::warn!("failed to write the report as lines: {e}"),
            }
        }
        let there = std::env::var("GITHUB_ACTIONS").is_ok_and(|v| v == "true");
        if self.format == Some(OutputFormat::Github) || (self.format.is_none() && there) {
            stdout::print(&github::github(report));
        }
        if let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|f| !f.is_empty()) {
            let summary = markdown::markdown(report);
            let opened = OpenOptions::new().append(true).create(true).open(&file);
            if let Err(e) = opened.and_then(|mut f| f.write_all(summary.as_bytes())) {
                tracing::warn!("failed to append the summary to {}: {e}", file.display());
            }
        }
    }
}
