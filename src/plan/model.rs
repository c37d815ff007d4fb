//! What a plan is made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use miette::Diagnostic;
use thiserror::Error;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Defaults, slug};
use crate::kestra::KestraRef;
use crate::oracle::secret::Plaintext;
use crate::scenario::Credentials;
use crate::scenario::{Expected, Generation, Manifest, Scenario, Start};

/// A plan that cannot be made; the exit code is 2.
#[derive(Debug, Error, Diagnostic)]
pub enum PlanError {
    /// The chart would take no notice of a value.
    #[error("{file}:{line}:{column}: scenario {scenario}: chart {chart} silently ignores `{key}`")]
    Ignored {
        /// The scenario's file.
        file: String,
        /// The line of the scenario's name.
        line: u64,
        /// Its column.
        column: u64,
        /// The scenario's name.
        scenario: String,
        /// The chart's generation.
        chart: Generation,
        /// The key.
        key: String,
        /// The right key.
        #[help]
        help: String,
    },
    /// Two sources of values speak of the same key.
    #[error("scenario {scenario}: `{key}` is set by the scenario and by {other}")]
    Overlap {
        /// The scenario's name.
        scenario: String,
        /// The key, with dots.
        key: String,
        /// Who else sets it.
        other: &'static str,
        /// What to do.
        #[help]
        help: String,
    },
    /// The values are not a YAML mapping.
    #[error("scenario {scenario}: the values are not YAML that helm could read: {why}")]
    NotValues {
        /// The scenario's name.
        scenario: String,
        /// The parser's words.
        why: String,
    },
}

/// One combination that scenarios run against.
#[derive(Debug, Clone)]
pub struct PlanTarget {
    /// Which Kestra.
    pub kestra: KestraRef,
    /// Its version.
    pub version: semver::Version,
    /// The generation that the chart plays.
    pub chart: ChartMode,
}

impl PlanTarget {
    /// What an installation of it is called: unique in a plan where the names are.
    pub fn id(&self, name: &str) -> String {
        let generation = match self.chart {
            ChartMode::AsWritten | ChartMode::Only(_) => String::new(),
            ChartMode::Own(generation) => format!("-{generation}"),
        };
        format!("{name}-{}", slug(&format!("{}{generation}", self.kestra)))
    }
}

/// The generation of value keys that a chart plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartMode {
    /// The one that each scenario is written for; intents are written for 1.x.
    AsWritten,
    /// This one, whatever a scenario is written for.
    Only(Generation),
    /// This one, and what is written for another is left to another target.
    Own(Generation),
}

impl ChartMode {
    /// What it plays for something written for a generation, or for any.
    pub fn generation(self, written_for: Option<Generation>) -> Generation {
        match self {
            Self::AsWritten => written_for.unwrap_or(Generation::V1),
            Self::Only(generation) | Self::Own(generation) => generation,
        }
    }

    /// Whether what is written for a generation is this target's to see to.
    pub fn sees_to(self, written_for: Option<Generation>) -> bool {
        !matches!((self, written_for), (Self::Own(generation), Some(written_for)) if generation != written_for)
    }
}

/// How installations are made.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Every case gets an installation of its own.
    pub isolate: bool,
    /// What is added to the user's values; none leaves them alone.
    pub defaults: Option<Defaults>,
    /// The image that runs is the one that the values name, or the chart's own.
    pub values_name_the_image: bool,
    /// The Kestras that an upgrade may change to.
    pub kestras: Vec<(KestraRef, semver::Version)>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order they should start.
    pub installations: Vec<Installation>,
    /// Scenarios that say nothing about a target, and why.
    pub skipped: Vec<SkippedCase>,
}

impl Plan {
    /// Whether there is nothing to do and nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.installations.is_empty() && self.skipped.is_empty()
    }
}

/// A scenario that is not run against a target.
#[derive(Debug, Clone)]
pub struct SkippedCase {
    /// The scenario's name.
    pub scenario: String,
    /// The target's Kestra.
    pub kestra: KestraRef,
    /// The generation that the target's chart plays.
    pub generation: Generation,
    /// Why.
    pub why: String,
}

/// The Kestra and the chart of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseVersion {
    /// Which Kestra.
    pub kestra: KestraRef,
    /// The Kestra's version.
    pub version: semver::Version,
    /// The generation the chart plays.
    pub generation: Generation,
}

/// One release of Kestra, and the cases it serves.
#[derive(Debug)]
pub struct Installation {
    /// Unique in a plan; fit for a Kubernetes name.
    pub id: String,
    /// Which Kestra.
    pub kestra: KestraRef,
    /// The Kestra's version.
    pub version: semver::Version,
    /// The generation the chart plays.
    pub generation: Generation,
    /// The values that are the user's, as bytes.
    pub values: Plaintext,
    /// Manifests applied before the release.
    pub manifests: Vec<Manifest>,
    /// Nothing of the harness's is added, and nothing is started: all that is asked is whether it installs.
    pub as_printed: bool,
    /// What Kestra asks for; none where it is what the harness gives it.
    pub credentials: Option<Credentials>,
    /// The last Kestra that uses its database, where that outlives upgrades; none where each start finds an empty one.
    pub keeps_database_for: Option<KestraRef>,
    /// Whom it serves; never empty.
    pub cases: Vec<Case>,
}

impl Installation {
    /// The same release without its cases.
    pub fn bare(&self) -> Self {
        Self {
            id: self.id.clone(),
            kestra: self.kestra.clone(),
            version: self.version.clone(),
            generation: self.generation,
            values: self.values.clone(),
            manifests: self.manifests.clone(),
            as_printed: self.as_printed,
            credentials: self.credentials.clone(),
            keeps_database_for: self.keeps_database_for.clone(),
            cases: Vec::new(),
        }
    }

    /// Takes another Kestra and another chart.
    pub fn upgrade_to(&mut self, to: &ReleaseVersion) {
        self.kestra.clone_from(&to.kestra);
        self.version.clone_from(&to.version);
        self.generation = to.generation;
    }
}

/// What a place in a user's file has to do with a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FileRemark {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What stands there, or is wrong there.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// One scenario against one installation.
#[derive(Debug, Clone)]
pub struct Case {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The flow's source.
    pub flow: String,
    /// The flow's outputs and the secret each one reads, under the name used in this installation.
    pub reads: BTreeMap<String, OutputRead>,
    /// What must be so, under the names used in this installation.
    pub wanted: Expected,
    /// What the user should know beforehand.
    pub warnings: Vec<String>,
    /// What the user's files say of the secret: of use when it does not arrive.
    pub in_files: Vec<FileRemark>,
    /// What happens afterwards, ready to be done.
    pub steps: Vec<PlannedStep>,
}

impl Case {
    /// Whether what an output shows may be shown.
    pub fn is_public(&self, output: &str) -> bool {
        self.scenario.given.is_public(output)
    }

    /// Whether the flow does nothing but read secrets, so that the environment alone says what comes out.
    pub fn is_foretold(&self) -> bool {
        self.scenario.start == Start::Execution && self.flow.matches("secret(").count() == self.reads.len()
    }
}

/// An output and the secret it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRead {
    /// The secret's name as the flow calls it.
    pub secret: String,
    /// Whether the plaintext may be shown.
    pub public: bool,
}

/// A step with its documents written.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// The word for it: `upgrade`, `rotate`, `restart`.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// What must be so then.
    pub wanted: Expected,
    /// What the user should know of it.
    pub warnings: Vec<String>,
}

/// What is done to a release.
#[derive(Debug, Clone)]
pub enum Action {
    /// Apply the manifests, then `helm upgrade` with the values.
    Upgrade {
        /// The new values.
        values: Plaintext,
        /// The new manifests.
        manifests: Vec<Manifest>,
        /// The Kestra and the chart, where others take the place of those that are installed.
        to: Option<Box<ReleaseVersion>>,
    },
    /// Apply the manifests and nothing more.
    Apply(Vec<Manifest>),
    /// Restart the pods.
    Restart,
}

impl Action {
    /// The manifests it applies, where it applies any.
    pub fn manifests(&self) -> Option<&[Manifest]> {
        match self {
            Self::Upgrade { manifests, .. } | Self::Apply(manifests) => Some(manifests),
            Self::Restart => None,
        }
    }

    /// The values it gives helm, where it gives any.
    pub fn values(&self) -> Option<&Plaintext> {
        match self {
            Self::Upgrade { values, .. } => Some(values),
            Self::Apply(_) | Self::Restart => None,
        }
    }

    /// The Kestra and the chart that it changes to.
    pub fn upgrades_to(&self) -> Option<&ReleaseVersion> {
        match self {
            Self::Upgrade { to, .. } => to.as_deref(),
            Self::Apply(_) | Self::Restart => None,
        }
    }
}
