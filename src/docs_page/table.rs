//! What became of documented ways: promised and got, side by side.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::claim::Claim;
use crate::kestra::KestraRef;
use crate::oracle::secret::diagnosis::Code;
use crate::provider::AS_PRINTED;
use crate::report::{CaseResult, OutcomeView, Report};
use crate::verdict::Status;

/// How wide a refusal's words are at most: they are long, and the table is wide.
const WORDS: u16 = 40;

/// One way on one Kestra.
#[derive(Debug, Clone)]
pub struct PageRow {
    /// The edition of the page, or the lines on it.
    pub place: String,
    /// The way.
    pub strategy: String,
    /// As the user named it.
    pub kestra: KestraRef,
    /// The chart, and the generation that it played.
    pub chart: String,
    /// What the page promises.
    pub promised: String,
    /// Whether the documents install as they are printed; none where another row of the same documents says it.
    pub printed: Option<Printed>,
    /// What came out.
    pub got: String,
    /// Whether that is the same.
    pub kept: PromiseKept,
    /// What was recognised, each with the secrets that show it.
    pub diagnosis: String,
    /// Whether the corrected documents install as they are printed and keep the promise; none where there are none.
    pub corrected: Option<PromiseKept>,
}

impl PageRow {
    /// Whether the documents do not install as they are printed.
    pub fn is_refused(&self) -> bool {
        matches!(self.printed, Some(Printed::Refused(_)))
    }
}

/// What came of documents to which nothing was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printed {
    /// They install.
    Installs,
    /// They do not: who refused them, or holds the pod, in whose words.
    Refused(String),
    /// The environment broke, or it says nothing of this Kestra.
    NotRun,
}

impl Printed {
    fn from_result(result: &CaseResult) -> Self {
        match &result.observed {
            _ if matches!(result.status, Status::Error | Status::Skipped) => Self::NotRun,
            Some(OutcomeView::Installs {}) => Self::Installs,
            Some(OutcomeView::Refused { by, says }) => {
                let says = says.as_deref().map(own_words).unwrap_or_default();
                Self::Refused(format!("REFUSED by {by}: {says}"))
            }
            Some(other) => Self::Refused(other.to_string()),
            None => Self::NotRun,
        }
    }

    fn cell(&self) -> Cell {
        match self {
            Self::Installs => Cell::new("installs").fg(Color::Green),
            Self::Refused(says) => Cell::new(says).fg(Color::Red),
            Self::NotRun => Cell::new("not run").fg(Color::Yellow),
        }
    }
}

/// The chart's own words of those that helm puts around them.
fn own_words(says: &str) -> &str {
    let line = says.lines().find(|line| line.contains("): ")).unwrap_or(says);
    line.split_once("): ").map_or(line, |(_, words)| words)
}

/// Whether a promise was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseKept {
    /// Byte for byte.
    Kept,
    /// Something else came out.
    Broken,
    /// Nobody said what must come out.
    Nothing,
    /// The environment broke, or it says nothing of this Kestra.
    NotRun,
}

impl PromiseKept {
    fn from_result(result: &CaseResult) -> Self {
        match (&result.promised, &result.observed) {
            _ if matches!(result.status, Status::Error | Status::Skipped) => Self::NotRun,
            (Some(OutcomeView::Outputs(promised)), Some(OutcomeView::Outputs(_))) if promised.is_empty() => {
                Self::Nothing
            }
            (Some(OutcomeView::Outputs(promised)), Some(OutcomeView::Outputs(observed))) => {
                let same = promised
                    .iter()
                    .all(|(output, value)| observed.get(output) == Some(value));
                if same { Self::Kept } else { Self::Broken }
            }
            _ => Self::Broken,
        }
    }

    fn word(self) -> (&'static str, Color) {
        match self {
            Self::Kept => ("kept", Color::Green),
            Self::Broken => ("BROKEN", Color::Red),
            Self::Nothing => ("no promise", Color::DarkGrey),
            Self::NotRun => ("not run", Color::Yellow),
        }
    }
}

/// The rows of a report, in the order of the claims.
pub fn rows(claims: &[Claim], report: &Report) -> Vec<PageRow> {
    let mut rows = Vec::new();
    for claim in claims {
        for kestra in &report.run.kestra {
            let result = |name: &str| {
                let mut results = report.results.iter();
                results.find(|r| r.scenario == name && r.provenance.kestra == *kestra)
            };
            let Some(whole) = result(&claim.scenario.name) else {
                continue;
            };
            let printed = result(&claim.as_printed.name).map(Printed::from_result);
            let corrected = claim.corrected.as_ref().and_then(|corrected| {
                let kept = PromiseKept::from_result(result(&corrected.scenario.name)?);
                Some(match Printed::from_result(result(&corrected.as_printed.name)?) {
                    Printed::Installs => kept,
                    Printed::Refused(_) => PromiseKept::Broken,
                    Printed::NotRun => PromiseKept::NotRun,
                })
            });
            let mut row_of_all = row(claim, &claim.strategy, whole);
            if matches!(printed, Some(Printed::Refused(_))) && claim.lacks_configuration() {
                let end = if row_of_all.diagnosis.is_empty() { "" } else { "\n" };
                let code = format!("{} as printed{end}", Code::NoConfiguration);
                row_of_all.diagnosis.insert_str(0, &code);
            }
            rows.push(PageRow {
                printed,
                corrected,
                ..row_of_all
            });
            // Which of its secrets failed a flow, and what the others are, only flows of their own can say.
            if matches!(whole.observed, Some(OutcomeView::Failed { .. })) {
                for (key, scenario) in &claim.alone {
                    let alone = result(&scenario.name);
                    rows.extend(alone.map(|result| row(claim, &format!("  {key} alone"), result)));
                }
            }
        }
    }
    rows
}

fn row(claim: &Claim, strategy: &str, result: &CaseResult) -> PageRow {
    let seen = |seen: &Option<OutcomeView>| seen.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut codes: BTreeMap<Code, Vec<&str>> = BTreeMap::new();
    for finding in &result.diagnosis {
        codes.entry(finding.code).or_default().push(&finding.output);
    }
    let codes = codes
        .iter()
        .map(|(code, outputs)| format!("{code} {}", outputs.join(", ")));
    PageRow {
        place: claim.place.clone(),
        strategy: strategy.to_owned(),
        kestra: result.provenance.kestra.clone(),
        chart: result.provenance.chart.clone(),
        promised: seen(&result.promised),
        printed: None,
        got: match &result.observed {
            None => result.because.clone().unwrap_or_default(),
            Some(OutcomeView::Refused { by, says }) => {
                format!(
                    "refused by {by}: {}",
                    says.as_deref().map(own_words).unwrap_or_default()
                )
            }
            Some(OutcomeView::Failed { state, errors }) => {
                let words = errors.first().map(|words| format!(": {}", in_short(words)));
                format!("{state}{}", words.unwrap_or_default())
            }
            Some(seen) => seen.to_string(),
        },
        kept: PromiseKept::from_result(result),
        diagnosis: codes.collect::<Vec<_>>().join("\n"),
        corrected: None,
    }
}

/// Kestra's words without the class that says them and the template it says them of.
fn in_short(words: &str) -> &str {
    let words = words.split_once("Exception: ").map_or(words, |(_, words)| words);
    words.split_once(" ({{").map_or(words, |(words, _)| words)
}

/// What was done to documents as they are printed, each way once.
pub fn how_printed(claims: &[Claim], report: &Report) -> BTreeSet<String> {
    let names: BTreeSet<&str> = claims.iter().map(|claim| claim.as_printed.name.as_str()).collect();
    let results = report.results.iter().filter(|r| names.contains(r.scenario.as_str()));
    let deviations = results.flat_map(|r| &r.provenance.deviations);
    deviations.filter(|how| how.starts_with(AS_PRINTED)).cloned().collect()
}

/// The table; `places` is what the first column is called, and `defaults` says whether the harness added its own.
pub fn table(places: &str, rows: &[PageRow], defaults: bool) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        places,
        "strategy",
        "kestra",
        "promised",
        "as printed",
        if defaults { "with our defaults" } else { "got" },
        "verdict",
        "diagnosis",
        "corrected",
    ]);
    for row in rows {
        let cell = |kept: Option<PromiseKept>| match kept.map(PromiseKept::word) {
            Some((word, color)) => Cell::new(word).fg(color),
            None => Cell::new(""),
        };
        table.add_row([
            Cell::new(&row.place),
            Cell::new(&row.strategy),
            Cell::new(&row.kestra),
            Cell::new(&row.promised),
            row.printed.as_ref().map_or_else(|| Cell::new(""), Printed::cell),
            Cell::new(&row.got),
            cell(Some(row.kept)),
            Cell::new(&row.diagnosis),
            cell(row.corrected),
        ]);
    }
    if let Some(column) = table.column_mut(4) {
        column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(WORDS)));
    }
    table
}

/// The charts that were used, each once.
pub fn charts(rows: &[PageRow]) -> Vec<String> {
    let mut charts: Vec<String> = rows
        .iter()
        .map(|row| row.chart.clone())
        .filter(|chart| !chart.is_empty())
        .collect();
    charts.sort();
    charts.dedup();
    charts
}
