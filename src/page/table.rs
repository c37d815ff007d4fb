//! What became of documented ways: promised and got, side by side.

use std::collections::BTreeMap;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

use super::claim::Claim;
use crate::report::{CaseResult, Report, Seen};
use crate::secret::diagnosis::Code;
use crate::verdict::Status;

/// One way on one Kestra.
#[derive(Debug, Clone)]
pub struct Row {
    /// The edition of the page, or the lines on it.
    pub place: String,
    /// The way.
    pub strategy: String,
    /// As the user named it.
    pub kestra: String,
    /// The chart, and the generation that it played.
    pub chart: String,
    /// What the page promises.
    pub promised: String,
    /// What came out.
    pub got: String,
    /// Whether that is the same.
    pub kept: Kept,
    /// What was recognised, each with the secrets that show it.
    pub diagnosis: String,
    /// Whether the corrected documents keep the promise; none where there are none.
    pub corrected: Option<Kept>,
}

/// Whether a promise was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Byte for byte.
    Kept,
    /// Something else came out.
    Broken,
    /// Nobody said what must come out.
    Nothing,
    /// The environment broke, or it says nothing of this Kestra.
    NotRun,
}

impl Kept {
    fn of(result: &CaseResult) -> Self {
        match (&result.promised, &result.observed) {
            _ if matches!(result.status, Status::Error | Status::Skipped) => Self::NotRun,
            (Some(Seen::Outputs(promised)), Some(Seen::Outputs(_))) if promised.is_empty() => Self::Nothing,
            (Some(Seen::Outputs(promised)), Some(Seen::Outputs(observed))) => {
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
pub fn rows(claims: &[Claim], report: &Report) -> Vec<Row> {
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
            let corrected = claim
                .corrected
                .as_ref()
                .and_then(|scenario| result(&scenario.name))
                .map(Kept::of);
            rows.push(row(claim, &claim.strategy, whole, corrected));
            // Which of its secrets failed a flow, and what the others are, only flows of their own can say.
            if matches!(whole.observed, Some(Seen::Failed { .. })) {
                for (key, scenario) in &claim.alone {
                    let alone = result(&scenario.name);
                    rows.extend(alone.map(|result| row(claim, &format!("  {key} alone"), result, None)));
                }
            }
        }
    }
    rows
}

fn row(claim: &Claim, strategy: &str, result: &CaseResult, corrected: Option<Kept>) -> Row {
    let seen = |seen: &Option<Seen>| seen.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut codes: BTreeMap<Code, Vec<&str>> = BTreeMap::new();
    for finding in &result.diagnosis {
        codes.entry(finding.code).or_default().push(&finding.output);
    }
    let codes = codes
        .iter()
        .map(|(code, outputs)| format!("{code} {}", outputs.join(", ")));
    Row {
        place: claim.place.clone(),
        strategy: strategy.to_owned(),
        kestra: result.provenance.kestra.clone(),
        chart: result.provenance.chart.clone(),
        promised: seen(&result.promised),
        got: match &result.observed {
            None => result.because.clone().unwrap_or_default(),
            Some(Seen::Failed { state, errors }) => {
                let words = errors.first().map(|words| format!(": {}", in_short(words)));
                format!("{state}{}", words.unwrap_or_default())
            }
            Some(seen) => seen.to_string(),
        },
        kept: Kept::of(result),
        diagnosis: codes.collect::<Vec<_>>().join("\n"),
        corrected,
    }
}

/// Kestra's words without the class that says them and the template it says them of.
fn in_short(words: &str) -> &str {
    let words = words.split_once("Exception: ").map_or(words, |(_, words)| words);
    words.split_once(" ({{").map_or(words, |(words, _)| words)
}

/// The table; `places` is what the first column is called.
pub fn table(places: &str, rows: &[Row]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        places,
        "strategy",
        "kestra",
        "promised",
        "got",
        "verdict",
        "diagnosis",
        "corrected",
    ]);
    for row in rows {
        let cell = |kept: Option<Kept>| match kept.map(Kept::word) {
            Some((word, color)) => Cell::new(word).fg(color),
            None => Cell::new(""),
        };
        table.add_row([
            Cell::new(&row.place),
            Cell::new(&row.strategy),
            Cell::new(&row.kestra),
            Cell::new(&row.promised),
            Cell::new(&row.got),
            cell(Some(row.kept)),
            Cell::new(&row.diagnosis),
            cell(row.corrected),
        ]);
    }
    table
}

/// The charts that were used, each once.
pub fn charts(rows: &[Row]) -> Vec<String> {
    let mut charts: Vec<String> = rows
        .iter()
        .map(|row| row.chart.clone())
        .filter(|chart| !chart.is_empty())
        .collect();
    charts.sort();
    charts.dedup();
    charts
}
