//! What was found: one model, one file per format.

mod durations;
mod evidence;
mod format;
pub mod github;
pub mod hop_tables;
pub mod html;
pub mod json;
pub mod junit;
pub mod lines;
pub mod markdown;
pub mod merge;
mod observer;
mod outcome_view;
pub mod outcome_words;
mod served;
pub mod summary;
#[cfg(test)]
pub(crate) mod tests;
mod versions;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use durations::PastDurations;
pub use format::ReportFormat;
pub use observer::{Observer, Silent};
pub use outcome_view::{OutcomeView, expected, observed, predicted};
pub use served::ServedBy;
pub use summary::Combination;

use crate::kestra::KestraRef;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{DisplayValue, Hop, HopKind};
use crate::plan::FileRemark;
use crate::scenario::ScenarioSource;
use crate::system::atomic;
use crate::verdict::Status;

/// A run and its results; the content of `report.json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "kestra-secrets report, schema 1")]
pub struct Report {
    /// The version of this format: 1.
    pub schema: u32,
    /// What was run.
    pub run: Run,
    /// One for each case and step, and each scenario that was skipped.
    pub results: Vec<CaseResult>,
}

/// What was run, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The run's id, part of the names of all it made.
    pub id: String,
    /// The version of kestra-secrets.
    pub tool: String,
    /// Where Kestra ran.
    pub provider: String,
    /// The chart, with its version.
    pub chart: String,
    /// The Kestras, as the user named them.
    pub kestra: Vec<KestraRef>,
    /// The cluster's version; none where there is no cluster.
    pub kubernetes: Option<String>,
    /// The helm that rendered, and where it was found.
    pub helm: String,
    /// When the run began.
    #[schemars(with = "String")]
    pub started: jiff::Timestamp,
    /// How long it took, in milliseconds.
    pub wall_ms: u64,
    /// What stays until `clean`, because that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptInstallation>,
    /// The part of a whole that was run; none for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Sharded>,
    /// The runs that a merged report is made of, none of them merged itself; empty for a run. What differs among
    /// them stands in the fields above side by side, the times added up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Run>,
}

/// An installation that stays until `clean`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptInstallation {
    /// Its id.
    pub installation: String,
    /// The commands that lead to its pod and its UI.
    pub reach: Vec<String>,
}

/// Which part of a whole a run was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sharded {
    /// Which, from 1.
    pub index: usize,
    /// Of how many.
    pub of: usize,
    /// A hash of the whole: only shards of one whole belong together.
    pub whole: String,
    /// The installations that were left to the other shards.
    pub left_out: usize,
}

/// Where a scenario stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioPosition {
    /// Its file, as the user named it; `bundled:` and the name for one that comes with the program.
    pub file: String,
    /// The line of its name, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

/// One case, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// The scenario, and the step behind a slash.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// Where it stands; none where it is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<ScenarioPosition>,
    /// Where its knowledge comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ScenarioSource>,
    /// How it ended.
    pub status: Status,
    /// In one sentence, what is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What the source promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<OutcomeView>,
    /// What had to come out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<OutcomeView>,
    /// What the oracle said would come out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<OutcomeView>,
    /// What came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<OutcomeView>,
    /// For each output, the way of its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hops: BTreeMap<String, Vec<Hop>>,
    /// For each output, the first hop where the value is not what it should be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_wrong: BTreeMap<String, HopKind>,
    /// What was recognised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnosis: Vec<Diagnosed>,
    /// The expectation was met, but the oracle had said otherwise.
    pub model_drift: bool,
    /// What the user should know beside the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Of a case that failed, what the user's files have to do with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_files: Vec<FileRemark>,
    /// What was real, and what was modelled or changed.
    pub provenance: Provenance,
    /// Where the time went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// Files with more, relative to the report's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// What was real, and what was modelled or changed to make it run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Where Kestra ran.
    pub provider: String,
    /// The chart, with its version and the generation it played.
    pub chart: String,
    /// The Kestra, as the user named it.
    pub kestra: KestraRef,
    /// The image it ran from; none where it was no image, or the chart's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Who served Kestra's REST API, by its own account.
    pub rest: ServedBy,
    /// The cluster's version; none where there is no cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// The version of the helm that rendered or installed the chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helm: Option<String>,
    /// What was not the real thing but our model of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modelled: Vec<String>,
    /// What was changed to make it run here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<String>,
    /// The other scenarios on the same installation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<String>,
    /// What to know of this combination, such as that nobody deploys it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was installed first, where the release was upgraded to another Kestra or chart since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgraded_from: Option<UpgradedFrom>,
}

/// The Kestra and the chart that a release had before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradedFrom {
    /// The Kestra, as the user named it.
    pub kestra: KestraRef,
    /// The chart, with its version and the generation it played.
    pub chart: String,
}

/// Something that is wrong with a secret, recognised by its value and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosed {
    /// The output that shows it.
    pub output: String,
    /// The stable code.
    pub code: Code,
    /// What is wrong.
    pub title: String,
    /// What to do.
    pub cure: String,
    /// What should be written instead, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<DisplayValue>,
}

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// What was done.
    pub name: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl Phase {
    /// The name of the phase that is Kestra's own: from the start of its process, container or pod to its first
    /// answer.
    pub const BOOT: &str = "boot";
}

impl Provenance {
    /// The Kestra that was installed first.
    pub fn installed_kestra(&self) -> &KestraRef {
        self.upgraded_from.as_ref().map_or(&self.kestra, |from| &from.kestra)
    }

    /// Where which Kestra ran from which chart. Nobody served its REST API yet, and nothing is known to be modelled.
    pub fn new(provider: impl Into<String>, chart: impl Into<String>, kestra: KestraRef) -> Self {
        Self {
            provider: provider.into(),
            chart: chart.into(),
            kestra,
            image: None,
            rest: ServedBy::Nobody,
            kubernetes: None,
            helm: None,
            modelled: Vec::new(),
            deviations: Vec::new(),
            shared_with: Vec::new(),
            upgraded_from: None,
            note: None,
        }
    }
}

impl CaseResult {
    /// How a case ended, and on what it ran; nothing else is known of it.
    pub fn new(scenario: impl Into<String>, status: Status, provenance: Provenance) -> Self {
        Self {
            scenario: scenario.into(),
            about: String::new(),
            at: None,
            source: None,
            status,
            because: None,
            help: None,
            promised: None,
            expected: None,
            predicted: None,
            observed: None,
            model_drift: false,
            hops: BTreeMap::new(),
            first_wrong: BTreeMap::new(),
            diagnosis: Vec::new(),
            warnings: Vec::new(),
            in_files: Vec::new(),
            provenance,
            phases: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

/// Writes a report's files into a folder, whose evidence is there already.
///
/// # Errors
/// What the file system says.
pub fn write(report: &Report, folder: &std::path::Path) -> std::io::Result<()> {
    for format in [
        ReportFormat::Json,
        ReportFormat::Junit,
        ReportFormat::Html,
        ReportFormat::Markdown,
    ] {
        atomic::write_private(&folder.join(format.file()), format.write(report, folder)?.as_bytes())?;
    }
    Ok(())
}
