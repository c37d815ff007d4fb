//! The formats a report is written in.

use std::io;
use std::path::Path;

use clap::ValueEnum;

use super::{Report, github, html, json, junit, markdown, versions};

/// A format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One page for a browser, that needs nothing else
    Html,
    /// One Markdown page, short: for a pull request
    Markdown,
    /// JUnit XML, for the viewers of CI systems
    Junit,
    /// Annotations for GitHub's workflow runs
    Github,
    /// report.json
    Json,
    /// One Markdown page: what comes out of each scenario on each version of Kestra, and where it changes
    Versions,
}

impl ReportFormat {
    /// The file of this format in a report's folder.
    pub fn file(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Markdown => "summary.md",
            Self::Junit => "junit.xml",
            Self::Github => "annotations.txt",
            Self::Json => "report.json",
            Self::Versions => "versions.md",
        }
    }

    /// Writes a report; `folder` holds its evidence.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(self, report: &Report, folder: &Path) -> io::Result<String> {
        match self {
            Self::Html => html::html(report, folder),
            Self::Markdown => Ok(markdown::markdown(report)),
            Self::Junit => junit::junit(report),
            Self::Github => Ok(github::github(report)),
            Self::Json => json::json(report),
            Self::Versions => Ok(versions::versions(report)),
        }
    }
}
