//! What an audit has to say. Nothing in here is a value: [`DisplayValue`](crate::oracle::secret::DisplayValue) is all there is of one.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::Unread;
use crate::lint::{self, Finding, SeverityCounts};
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Hop, HopValue};

/// All that an audit has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditReport {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Where it was looked.
    pub place: AuditedPlace,
    /// How many errors, warnings and notes there are.
    pub counts: SeverityCounts,
    /// The containers of Kestra; those of several pods that are alike are told once.
    pub containers: Vec<ContainerSeen>,
    /// In the order of component, rule and variable.
    pub findings: Vec<Finding>,
    /// What may not be read.
    pub unread: Vec<Unread>,
    /// What Kestra's own list of its secrets said; none where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_list: Option<KeyList>,
    /// What a flow said of the same secrets; none where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowAnswer>,
}

/// Where an audit looked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditedPlace {
    /// The context of the kubeconfig.
    pub context: String,
    /// The namespace.
    pub namespace: String,
    /// The labels that the pods were found by.
    pub selector: String,
    /// The API server's version.
    pub kubernetes: String,
}

/// A container of Kestra, in one pod or in several that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ContainerSeen {
    /// Kestra's component, such as `standalone` or `worker`, by the chart's label; else the pod's name.
    pub component: String,
    /// The container's name.
    pub container: String,
    /// The pods.
    pub pods: Vec<InPod>,
    /// The Kestra whose rules were applied.
    #[schemars(with = "String")]
    pub kestra: semver::Version,
    /// How that version is known.
    pub kestra_by: String,
    /// Whether the process itself was looked at.
    pub observed: bool,
    /// Its secrets, and what may have been meant for one.
    pub variables: Vec<AuditedVariable>,
}

/// One pod of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InPod {
    /// Its name.
    pub name: String,
    /// When the container started, in UTC; none when it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Why it does not run, in the kubelet's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
}

/// A variable of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditedVariable {
    /// Its name; what no name can be is told by its length.
    pub name: String,
    /// What a flow calls it; none where Kestra does not take it for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where its value comes from.
    pub origin: VariableOrigin,
    /// Other sources of the same name that lost, weakest first.
    pub shadowed: Vec<VariableOrigin>,
    /// What `secret()` gives; none where the value is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives: Option<HopValue>,
    /// Its way, hop by hop.
    pub hops: Vec<Hop>,
    /// What is wrong with it.
    pub diagnosis: Vec<Code>,
    /// Whether the container may have an older value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
    /// What a flow got; none where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<SecretAnswer>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VariableOrigin {
    /// Of which kind.
    pub kind: OriginKind,
    /// The object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The key in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What `envFrom` puts before the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The place in the container's spec, such as `env[2]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}

/// The kinds of origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OriginKind {
    /// `value` in the pod's spec, so in the chart's values.
    Value,
    /// A key of a Secret.
    Secret,
    /// A key of a `ConfigMap`.
    ConfigMap,
    /// A Service of the namespace.
    ServiceLink,
    /// A field of the pod.
    Field,
    /// The image or the container runtime.
    Image,
    /// Only the process has it: no object leads to it.
    Process,
}

impl fmt::Display for VariableOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object.as_deref().unwrap_or_default();
        let kind = match self.kind {
            OriginKind::Value => return write!(f, "value ({})", self.entry.as_deref().unwrap_or("env")),
            OriginKind::Field => return write!(f, "field ({})", self.entry.as_deref().unwrap_or("env")),
            OriginKind::ServiceLink => return write!(f, "the link to Service {object}"),
            OriginKind::Image => return f.write_str("the image"),
            OriginKind::Process => return f.write_str("the process alone"),
            OriginKind::Secret => "Secret",
            OriginKind::ConfigMap => "ConfigMap",
        };
        write!(f, "{kind} {object}")?;
        if let Some(key) = &self.key {
            write!(f, " key {key}")?;
        }
        let entry = self.entry.as_deref().unwrap_or_default();
        match &self.prefix {
            Some(prefix) => write!(f, " ({entry}, prefix {prefix})"),
            None => write!(f, " ({entry})"),
        }
    }
}

/// Whether a container has an older value than its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stale {
    /// The object changed after the container started; in this key or in another.
    Maybe,
    /// The process was looked at, and has another value.
    Certainly,
}

/// What a flow got of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretAnswer {
    /// What was foretold.
    Agrees,
    /// A text, and another one.
    Differs,
    /// A text; which one it should be is not known.
    Found,
    /// No secret, in Kestra's words.
    Missing(String),
}

/// What Kestra's own list of its secrets said. It holds names alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyList {
    /// The Kestra that was asked, by its own account.
    pub kestra: String,
    /// Whether our adapter around Kestra's engine served its REST API, rather than Kestra's web server.
    pub engine_adapter: bool,
    /// The namespace of Kestra that it was asked for.
    pub namespace: String,
    /// What came of it.
    pub answer: KeyListAnswer,
}

/// What came of asking for the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyListAnswer {
    /// A list, compared with what the containers that may have answered should have.
    Listed {
        /// How many of its secrets are as foretold.
        agreed: usize,
        /// What each of these containers should have, and the list lacks.
        missing: Vec<String>,
        /// What it holds, though none of them should have it.
        unexpected: Vec<String>,
        /// How many more it holds that may come from what could not be read.
        unknown: usize,
        /// How many it holds for other namespaces: those come from no environment.
        inherited: usize,
    },
    /// No list, in the server's words: it has none, or does not show it to this user.
    NotOffered(String),
}

/// What a flow said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FlowAnswer {
    /// The Kestra that ran it, by its own account.
    pub kestra: String,
    /// Whether our adapter around Kestra's engine served its REST API, rather than Kestra's web server.
    pub engine_adapter: bool,
    /// How many secrets it was asked for.
    pub asked: usize,
    /// How many answers are as foretold.
    pub agreed: usize,
    /// The flows that were made and taken away again.
    pub flows: Vec<String>,
    /// Their executions, taken away too.
    pub executions: Vec<String>,
}

impl AuditReport {
    /// The findings as lint reports its own, for the formats that both have.
    pub fn as_lint(&self) -> lint::LintReport {
        lint::LintReport {
            schema: 1,
            files: 0,
            counts: self.counts,
            findings: self.findings.clone(),
            values: Vec::new(),
            unreadable: Vec::new(),
            templates: Vec::new(),
            coverage: lint::Coverage::default(),
            baseline: None,
        }
    }
}

/// The JSON Schema of [`AuditReport`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(AuditReport).to_value()
}
