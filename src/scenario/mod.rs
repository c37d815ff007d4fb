//! What is given to Kestra, and what must come out.
//!
//! One YAML file is one scenario. An *intent* names a strategy and plaintexts, and the harness encodes
//! them and writes the values; a *literal* is a page's values, manifests and flow, taken as bytes.

#[cfg(not(target_family = "wasm"))]
mod catalogue;
mod credentials;
mod documents;
mod expect;
mod file;
mod parse;
mod private;
mod reads;
pub mod schema;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(not(target_family = "wasm"))]
pub use catalogue::{Catalogue, load};
pub use credentials::Credentials;
pub use expect::{Expect, Expectation, Expected, LogCheck, Stage};
pub use parse::parse;
pub use private::private_texts;
pub use reads::reads_of;

use crate::oracle::secret::Plaintext;

/// A scenario: what is given, what the world promised, and what really must come out.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Unique in a catalogue; lower-case words joined by hyphens.
    pub name: String,
    /// One sentence for the person who reads a list.
    pub about: String,
    /// Where the knowledge comes from.
    pub source: Option<ScenarioSource>,
    /// What is given to the release.
    pub given: Input,
    /// Flows that must be there before the one that is run.
    pub flows: Vec<String>,
    /// What makes the flow run.
    pub start: Start,
    /// What a page promised; never judged against, always shown.
    pub promise: Option<Expect>,
    /// What must come out, by versions; the first that applies is the one.
    pub expect: Vec<Expectation>,
    /// What happens to the release afterwards, each step with its own expectation.
    pub steps: Vec<ScenarioStep>,
    /// Why it cannot be shown on an engine behind our adapter; none where it can.
    pub not_on_engine: Option<String>,
    /// The file it was read from, as a person would name it.
    pub file: String,
    /// Line and column of the name in that file.
    pub at: (u64, u64),
}

impl Scenario {
    /// One that stands in no file: what is given, and the outputs that must come out, whatever Kestra and chart. `by`
    /// stands where a file would.
    pub(crate) fn of_outputs(
        by: &str,
        name: &str,
        about: &str,
        given: Input,
        outputs: BTreeMap<String, Plaintext>,
    ) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            source: None,
            given,
            flows: Vec::new(),
            start: Start::default(),
            promise: None,
            expect: vec![Expectation {
                kestra: None,
                chart: None,
                wanted: Expected::only(Expect::Outputs(outputs)),
            }],
            steps: Vec::new(),
            not_on_engine: None,
            file: by.into(),
            at: (0, 0),
        }
    }

    /// The first expectation that speaks of this Kestra and this chart generation.
    pub fn expectation(&self, kestra: &semver::Version, chart: Generation) -> Option<&Expectation> {
        self.expect.iter().find(|e| e.applies(kestra, chart))
    }
}

/// Where a scenario's knowledge comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSource {
    /// The published page, by the last part of its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The page's edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// An issue, as `repository#number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
}

impl fmt::Display for ScenarioSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.page, &self.edition, &self.issue];
        let words: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        f.write_str(&words.join(", "))
    }
}

/// What is given to the release.
#[derive(Debug, Clone)]
pub enum Input {
    /// The harness encodes and writes values, Secret and flow.
    Intent(Intent),
    /// Values, manifests and flow as published, byte for byte.
    Literal(Literal),
}

impl Input {
    /// The chart generation whose keys the documents use; none when the harness writes them for any.
    pub fn written_for(&self) -> Option<Generation> {
        match self {
            Self::Literal(literal) => Some(literal.chart),
            Self::Intent(intent) => intent.chart,
        }
    }

    /// Whether what an output shows may be shown.
    pub fn is_public(&self, output: &str) -> bool {
        match self {
            Self::Literal(literal) => literal.public,
            Self::Intent(intent) => intent.is_public(output),
        }
    }
}

/// What makes a scenario's flow run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// An execution by REST, as the page does it.
    #[default]
    Execution,
    /// A call of the flow's webhook with this key.
    Webhook {
        /// The key, as the caller writes it into the address.
        key: String,
    },
    /// The flow's own trigger.
    Trigger {
        /// One of the scenario's other flows, which is run first because the trigger waits for it.
        after: Option<String>,
    },
}

/// Plaintexts and the strategy that must carry them.
#[derive(Debug, Clone)]
pub struct Intent {
    /// How the secrets reach the container.
    pub strategy: Strategy,
    /// The chart generation that it is about; none for any.
    pub chart: Option<Generation>,
    /// The secrets by the name a flow calls them.
    pub secrets: BTreeMap<String, Secret>,
    /// The flow's outputs that are a secret and nothing else, and the secret that each one reads.
    pub reads: BTreeMap<String, String>,
    /// A flow of the scenario's own; none for the page's, which the harness writes from `reads`.
    pub flow: Option<String>,
    /// More values for the release, beside the ones the harness writes.
    pub values: serde_json::Map<String, serde_json::Value>,
}

impl Intent {
    /// What a flow of the scenario's own makes of several secrets is as private as the most private of them.
    fn is_public(&self, output: &str) -> bool {
        let secret = self.reads.get(output).and_then(|s| self.secrets.get(s));
        match secret {
            Some(secret) => secret.plain().is_public(),
            None => self.secrets.values().all(|s| s.plain().is_public()),
        }
    }
}

/// One secret of an intent.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A plaintext; the harness encodes it as Kestra wants it.
    Plain(Plaintext),
    /// The environment variable's value, given as it is.
    Env(Plaintext),
}

impl Secret {
    /// The bytes as they stand in the scenario.
    pub fn plain(&self) -> &Plaintext {
        match self {
            Self::Plain(p) | Self::Env(p) => p,
        }
    }
}

/// How an intent's secrets reach the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Encoded values in the chart's own values.
    ExtraEnv,
    /// A whole Secret by `envFrom`.
    ExtraEnvFrom,
    /// Single keys of a Secret by `secretKeyRef`.
    SecretKeyRef,
    /// A whole Secret by `envFrom`, whose keys get their `SECRET_` from `prefix`.
    #[cfg_attr(not(target_family = "wasm"), value(skip))]
    EnvFromPrefix,
    /// A whole Secret by `envFrom`, written as `stringData`.
    #[cfg_attr(not(target_family = "wasm"), value(skip))]
    StringData,
    /// A whole `ConfigMap` by `envFrom`.
    #[cfg_attr(not(target_family = "wasm"), value(skip))]
    ConfigMap,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtraEnv => "extra-env",
            Self::ExtraEnvFrom => "extra-env-from",
            Self::SecretKeyRef => "secret-key-ref",
            Self::EnvFromPrefix => "env-from-prefix",
            Self::StringData => "string-data",
            Self::ConfigMap => "config-map",
        })
    }
}

/// Documents as somebody published them.
#[derive(Debug, Clone)]
pub struct Literal {
    /// The chart generation whose keys the documents use.
    pub chart: Generation,
    /// The release's values.
    pub values: Plaintext,
    /// The file they stand in.
    pub values_file: String,
    /// Manifests applied before the release is installed.
    pub manifests: Vec<Manifest>,
    /// The flow's source.
    pub flow: String,
    /// Whether what comes out may be shown.
    pub public: bool,
    /// Nothing of the harness's is added and nothing is started: all that is asked is whether they install.
    pub as_printed: bool,
    /// What the documents make Kestra ask for, in the place of the credentials that the harness gives it.
    pub credentials: Option<Credentials>,
}

/// A manifest and the file it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file's name, for errors.
    pub file: String,
    /// Its bytes.
    pub text: Plaintext,
}

/// A generation of the chart: the keys that give a container its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Generation {
    /// `extraEnv`, `extraSecretEnvFrom`, `configuration`.
    #[serde(rename = "0.x")]
    V0,
    /// `common.extraEnv`, `common.extraEnvFrom`, `configurations.application`.
    #[serde(rename = "1.x")]
    V1,
    /// As 1.x, with the `controller` component.
    #[serde(rename = "2.x")]
    V2,
}

impl Generation {
    /// The generation of a chart by its version.
    pub fn of_chart(version: &semver::Version) -> Self {
        match version.major {
            0 => Self::V0,
            1 => Self::V1,
            _ => Self::V2,
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0 => "0.x",
            Self::V1 => "1.x",
            Self::V2 => "2.x",
        })
    }
}

/// Something that happens to a release after its first run, and what must come out then.
#[derive(Debug, Clone)]
pub struct ScenarioStep {
    /// What happens.
    pub change: Change,
    /// What must come out afterwards.
    pub expect: Vec<Expectation>,
}

/// What an upgrade takes in the place of the Kestra and the chart that are installed. The values stay as they are, and
/// so does the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpgradeTo {
    /// The newest Kestra of the run among these versions, such as `>=2`, if it is newer than the installed one. A run
    /// that has none skips the scenario.
    #[schemars(with = "Option<String>")]
    pub kestra: Option<semver::VersionReq>,
    /// The chart of this generation.
    pub chart: Option<Generation>,
}

/// What may happen to a release.
#[derive(Debug, Clone)]
pub enum Change {
    /// `helm upgrade`, with these secrets in the place of the ones before.
    Upgrade(BTreeMap<String, Secret>, UpgradeTo),
    /// The Secret object gets these values; the release is left alone.
    Rotate(BTreeMap<String, Secret>),
    /// `kubectl rollout restart`.
    Restart,
}

impl Change {
    /// The change with the Kestra and the chart that it takes.
    pub fn describe(&self) -> String {
        let Self::Upgrade(_, UpgradeTo { kestra, chart }) = self else {
            return self.to_string();
        };
        let kestra = kestra.iter().map(|range| format!(" to Kestra {range}"));
        let chart = chart.iter().map(|chart| format!(" to chart {chart}"));
        format!("{self}{}", kestra.chain(chart).collect::<String>())
    }
}

/// The word for it.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade(..) => "upgrade",
            Self::Rotate(_) => "rotate",
            Self::Restart => "restart",
        })
    }
}
