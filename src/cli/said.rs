//! What is said of a report beside the table: to GitHub, where it runs there.

use std::fs::OpenOptions;
use std::io::Write as _;

use clap::{Args, ValueEnum};

use crate::report::{Report, github, markdown};
use crate::system::stdout;

/// How a command that runs cases tells how they ended.
#[derive(Args)]
pub struct OutputArgs {
    /// How to tell what went wrong [default: github where `GITHUB_ACTIONS` is true, else text]. A Markdown summary
    /// is appended to the file that `GITHUB_STEP_SUMMARY` names
    #[arg(long, value_enum)]
    format: Option<OutputFormat>,
}

/// How a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// The table and what to know of it
    Text,
    /// The same, and an annotation for each case that is not as expected
    Github,
}

impl OutputArgs {
    /// Tells it, after the table.
    pub fn tell(&self, report: &Report) {
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
