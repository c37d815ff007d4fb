//! What comes of linting: findings at their places, and what was read.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::allow::Allowances;
use super::edit::Edit;
use super::key_path::KeyPaths;
use super::{Coverage, Finding, LintReport, LintRule, ReadAs, Severity, SeverityCounts, judge};
use crate::oracle::secret::diagnosis::Code;
use crate::release::document::Document;
use crate::release::input::{SourceFile, Unreadable};
use crate::release::tree;

/// A finding, the source it is in, and what would cure it.
pub struct LocatedFinding {
    /// The number of the source.
    pub source: usize,
    /// The finding.
    pub finding: Finding,
    /// The names that lead to it in its file.
    pub key_path: String,
    /// The edit of that source; none where nobody can tell what is meant.
    pub edit: Option<Edit>,
}

/// What came of linting, with all that `fix` needs.
#[derive(Default)]
pub struct Linted {
    /// Findings in the order of source, line and column.
    pub located: Vec<LocatedFinding>,
    /// The values for Kestra's chart.
    pub values: Vec<ReadAs>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Helm templates that were left out.
    pub templates: Vec<String>,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// The variables of secrets that Kestra is given, and where the value of each stands.
    pub given: Vec<(String, NodePosition)>,
}

/// Where something stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodePosition {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Gives findings their lines, without those that a comment allows; a finding stands at its byte, or where its scalar
/// begins.
pub(super) fn located(
    documents: &[Document],
    all: impl Iterator<Item = (judge::UnplacedFinding, Option<usize>)>,
) -> Vec<LocatedFinding> {
    let allowed: Vec<OnceCell<Allowances>> = documents.iter().map(|_| OnceCell::new()).collect();
    let placed = all.filter_map(|(found, byte)| {
        let document = documents.get(found.at.source)?;
        let byte = byte.filter(|_| document.anchor.is_none());
        let place = document
            .source
            .line_and_column(byte.unwrap_or_else(|| document.position(found.at.node)));
        Some((
            *document,
            place,
            allowed
                .get(found.at.source)?
                .get_or_init(|| Allowances::read(document.source))
                .allows(found.rule, place.0),
            found,
        ))
    });
    let placed: Vec<_> = placed.collect();
    let paths: Vec<OnceCell<KeyPaths>> = documents.iter().map(|_| OnceCell::new()).collect();
    // Who allows one fault of a value allows that it stays as it is.
    let kept: HashSet<_> = placed
        .iter()
        .filter(|(_, _, allowed, _)| *allowed)
        .map(|(_, _, _, found)| found.at)
        .collect();
    let told = placed.into_iter().filter(|(_, _, allowed, _)| !allowed);
    told.map(|(document, (line, column), _, found)| {
        // What stands as a text inside a file is not rewritten.
        let edit = found
            .edit
            .filter(|_| !kept.contains(&found.at) && !document.is_embedded());
        let paths = paths
            .get(found.at.source)
            .map(|paths| paths.get_or_init(|| KeyPaths::new(document.tree)));
        LocatedFinding {
            source: document.file,
            key_path: paths.map(|paths| paths.of(found.at.node)).unwrap_or_default(),
            finding: Finding {
                file: document.source.name.clone(),
                line,
                column,
                rule: found.rule,
                severity: found.severity,
                subject: found.subject,
                message: found.message,
                cure: found.cure,
                fixable: edit.is_some() && document.source.path.is_some() && document.source.given,
                fingerprint: None,
            },
            edit,
        }
    })
    .collect()
}

impl Linted {
    /// A text that is no YAML: a template says so itself, anything else is bad input.
    pub(super) fn malformed(&mut self, source: &SourceFile, malformed: &tree::Malformed) {
        let is_template = source.text.contains("{{") && source.text.contains("}}");
        if is_template && !source.named {
            self.templates.push(source.name.clone());
            return;
        }
        let (line, column) = source.line_and_column(malformed.at);
        let (message, help) = if is_template {
            (
                "is a template and no YAML before it is rendered",
                Some(
                    "lint what `helm template` prints: `helm template RELEASE CHART -f values.yaml | kestra-secrets lint -`",
                ),
            )
        } else {
            (malformed.message.as_str(), None)
        };
        self.unreadable.push(Unreadable {
            file: source.name.clone(),
            line,
            column,
            message: message.into(),
            help: help.map(Into::into),
        });
    }

    /// What was not read may give what no other file gives: a flow that asks for it is only suspect then.
    pub(super) fn doubt_what_is_not_given(&mut self) {
        let unread = self.coverage.unread.iter().map(|unread| &unread.file);
        let Some(file) = unread.chain(self.unreadable.iter().map(|u| &u.file)).next() else {
            return;
        };
        for located in &mut self.located {
            if located.finding.rule == LintRule::Fault(Code::NotGiven) {
                located.finding.severity = Severity::Warning;
                located
                    .finding
                    .message
                    .push_str(&format!(", unless {file} does, which was not read"));
            }
        }
    }

    /// The findings, for a person or a machine; `files` is how many were read.
    pub fn report(self, files: usize) -> LintReport {
        let findings: Vec<Finding> = self.located.into_iter().map(|located| located.finding).collect();
        LintReport {
            schema: 1,
            files,
            counts: SeverityCounts::count(&findings),
            findings,
            values: self.values,
            unreadable: self.unreadable,
            templates: self.templates,
            coverage: self.coverage,
            baseline: None,
        }
    }
}
