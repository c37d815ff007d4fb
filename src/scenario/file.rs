//! The shapes of a scenario file, as serde reads them and as the JSON Schema describes them.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use crate::system::yaml::Spanned;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use semver::VersionReq;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor, value};

use crate::oracle::secret::diagnosis::Code;
use crate::system::yaml;

use super::{Generation, ScenarioSource, Stage, Strategy, UpgradeTo};

/// A scenario: what is given to Kestra, and what must come out of a flow.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "kestra-secrets scenario, schema 1")]
pub(super) struct ScenarioFile {
    /// The version of this format: 1.
    #[schemars(with = "u32", range(min = 1, max = 1))]
    pub schema: Spanned<u32>,
    /// Unique; lower-case words joined by hyphens.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub name: Spanned<String>,
    /// One sentence for the person who reads a list.
    pub about: String,
    /// Where the knowledge comes from.
    pub source: Option<ScenarioSource>,
    /// An intent: how the secrets reach the container.
    #[schemars(with = "Option<Strategy>")]
    pub strategy: Option<Spanned<Strategy>>,
    /// The chart generation that an intent is about, where it is about one.
    #[schemars(with = "Option<Generation>")]
    pub chart: Option<Spanned<Generation>>,
    /// An intent's secrets, by the name a flow calls them.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SecretFile>")]
    pub secrets: BTreeMap<String, Spanned<SecretFile>>,
    /// An intent's outputs, and the secret that each one reads, by the page's flow.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub reads: BTreeMap<String, Spanned<String>>,
    /// An intent's own flow in the place of the page's; the path is relative to the scenario's file.
    #[schemars(with = "Option<String>")]
    pub flow: Option<Spanned<String>>,
    /// Flows that must be there before the one that is run.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub flows: Vec<Spanned<String>>,
    /// What makes the flow run: an execution by REST unless this says otherwise.
    #[schemars(with = "Option<StartFile>")]
    pub start: Option<Spanned<StartFile>>,
    /// An intent's further values for the release, beside the ones the harness writes.
    #[serde(default)]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// A literal: documents as somebody published them.
    #[schemars(with = "Option<LiteralFile>")]
    pub literal: Option<Spanned<LiteralFile>>,
    /// A literal's values and what comes out may be shown.
    #[serde(default)]
    pub public: bool,
    /// What the source promised, kept beside what is expected.
    #[schemars(with = "Option<ExpectFile>")]
    pub promise: Option<Spanned<ExpectFile>>,
    /// What must come out; for an intent without it, the plaintexts.
    #[schemars(with = "Option<OneOrMany<ExpectFile>>")]
    pub expect: Option<Spanned<OneOrMany<ExpectFile>>>,
    /// What happens to the release afterwards.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>")]
    pub steps: Vec<Spanned<StepFile>>,
    /// Where it cannot be shown, and why.
    #[serde(default)]
    pub skip: SkipFile,
}

/// Where a scenario cannot be shown: there it is skipped, for this reason.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SkipFile {
    /// On `engine@VERSION`: what our adapter in the place of Kestra's web server lacks.
    pub engine: Option<String>,
}

/// What makes the flow run: exactly one of `webhook` and `trigger`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartFile {
    /// A call of the flow's webhook.
    pub webhook: Option<WebhookFile>,
    /// The flow's own trigger.
    pub trigger: Option<TriggerFile>,
}

/// A call of the flow's webhook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookFile {
    /// The key in the address.
    pub key: String,
}

/// The flow's own trigger.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerFile {
    /// The id of one of `flows`, in the same namespace: it is run first, and the trigger waits for it.
    pub after: Option<String>,
}

/// One secret: exactly one of `plain`, `hex` and `env`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretFile {
    /// The plaintext that the flow must see; the harness encodes it. It is committed with this file, so use a
    /// made-up value, never a real secret.
    pub plain: Option<String>,
    /// The same as hexadecimal digits, for what is no text.
    pub hex: Option<String>,
    /// How often `plain` or `hex` is repeated.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub repeat: Option<u32>,
    /// The environment variable's value as it is, not encoded.
    pub env: Option<String>,
    /// The plaintext may be shown in reports and logs.
    #[serde(default)]
    pub public: bool,
}

/// Documents as somebody published them; the paths are relative to the scenario's file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LiteralFile {
    /// The chart generation whose keys the documents use.
    pub chart: Generation,
    /// The path of the release's values, from the folder of this file.
    #[schemars(with = "String")]
    pub values: Spanned<String>,
    /// The paths of manifests, which are applied before the release is installed.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub manifests: Vec<Spanned<String>>,
    /// The path of the flow.
    #[schemars(with = "String")]
    pub flow: Spanned<String>,
    /// Whether the harness adds what a release needs to run small. With `false` the documents are given as they are
    /// printed, and all that is asked is whether they install: nothing is started, and the expectation is `installs`,
    /// `refused` or `blocked`.
    #[serde(default = "yes")]
    pub defaults: bool,
    /// The user and the password that the documents make Kestra ask for; they are written in the documents already.
    pub credentials: Option<CredentialsFile>,
}

fn yes() -> bool {
    true
}

/// A user of Kestra's.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsFile {
    /// An e-mail address, as Kestra wants it.
    pub username: String,
    /// At least 8 characters, with an upper, a lower and a digit.
    pub password: String,
}

/// What must come out: exactly one of `outputs`, `missing`, `failed`, `silent`, `refused`, `blocked` and `installs`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectFile {
    /// The Kestra versions this speaks of, such as `>=0.21`.
    #[schemars(with = "Option<String>")]
    pub kestra: Option<VersionReq>,
    /// The chart generation this speaks of.
    pub chart: Option<Generation>,
    /// What must be recognised in the values, such as `KS001`.
    #[serde(default)]
    pub diagnosis: Vec<Code>,
    /// The flow succeeds with these outputs, byte for byte.
    pub outputs: Option<BTreeMap<String, String>>,
    /// Kestra does not know the secret.
    pub missing: Option<MissingFile>,
    /// The flow fails for another reason.
    pub failed: Option<FailedFile>,
    /// The trigger makes no execution.
    pub silent: Option<SilentFile>,
    /// The release or the flow is refused.
    pub refused: Option<RefusedFile>,
    /// The pod is held before its container starts.
    pub blocked: Option<BlockedFile>,
    /// The documents of a literal without `defaults` install.
    pub installs: Option<InstallsFile>,
    /// What the execution's own log must hold, and must not.
    #[serde(default)]
    pub logs: SaidFile,
    /// What the server's log must hold, and must not.
    #[serde(default)]
    pub server_log: SaidFile,
}

/// What a log must hold, and what it must not.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidFile {
    /// Each is found in some line.
    #[serde(default)]
    pub has: Vec<String>,
    /// None is found in any line.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// The flow fails, and its log says why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FailedFile {
    /// What some line of its log at level ERROR must contain.
    pub says: String,
}

/// `silent: {}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SilentFile {}

/// `installs: {}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallsFile {}

/// Kestra does not know the secret: the flow fails and says so.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MissingFile {
    /// The secret's name as the flow calls it.
    pub key: String,
    /// What the server's log must contain as well.
    pub log: Option<String>,
}

/// The release or the flow is refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusedFile {
    /// Who refused.
    pub by: Stage,
    /// What the refusal must contain.
    pub says: String,
}

/// The pod is held before its container starts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockedFile {
    /// The container's waiting reason.
    pub reason: String,
    /// What the message must contain.
    pub says: Option<String>,
}

/// Exactly one of `upgrade`, `rotate` and `restart`, and what must come out then.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    /// `helm upgrade` with these secrets in the place of the ones before.
    #[schemars(with = "Option<BTreeMap<String, SecretFile>>")]
    pub upgrade: Option<BTreeMap<String, Spanned<SecretFile>>>,
    /// The Kestra and the chart that an upgrade changes to.
    pub to: Option<UpgradeTo>,
    /// The Secret object gets these values; the release is left alone.
    #[schemars(with = "Option<BTreeMap<String, SecretFile>>")]
    pub rotate: Option<BTreeMap<String, Spanned<SecretFile>>>,
    /// `kubectl rollout restart`.
    pub restart: Option<RestartFile>,
    /// What must come out afterwards.
    #[schemars(with = "Option<OneOrMany<ExpectFile>>")]
    pub expect: Option<Spanned<OneOrMany<ExpectFile>>>,
}

/// `restart: {}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestartFile {}

/// One thing, or a list of them.
pub(super) struct OneOrMany<T>(pub Vec<Spanned<T>>);

// Written out because serde's untagged enums lose the place of an error.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping or a list of mappings")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let one = T::deserialize(value::MapAccessDeserializer::new(map))?;
                // Its place is that of the whole.
                let unknown = yaml::Location::UNKNOWN;
                Ok(OneOrMany(vec![Spanned::new(one, unknown, unknown)]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(value::SeqAccessDeserializer::new(seq)).map(OneOrMany)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        let many = generator.subschema_for::<Vec<T>>();
        schemars::json_schema!({ "anyOf": [one, many] })
    }
}
