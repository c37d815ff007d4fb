//! Values and manifests that carry plaintexts to Kestra, ready to apply.

mod env_file;
mod env_lines;
mod yaml;

use std::collections::BTreeMap;

use miette::Diagnostic;
use serde_json::{Map, Value, json};
use thiserror::Error;

pub use env_file::read as env_file;
pub use env_lines::{PlainVariable, encoded_lines};

use crate::oracle::environment::api_server::MAX_SIZE;
use crate::oracle::environment::{MAX_EXEC_BYTES, MAX_STRING_BYTES, survives_shell};
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Location, PREFIX, Plaintext};
use crate::plan;
use crate::scenario::{Generation, Intent, Secret, Strategy};

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Order {
    /// How the secrets reach the container.
    pub strategy: Strategy,
    /// The chart's generation.
    pub generation: Generation,
    /// What the Secret is called.
    pub object: String,
    /// Who makes the Secret.
    pub producer: Producer,
    /// The secrets.
    pub secrets: Secrets,
}

/// Who makes the Secret.
#[derive(Debug, Clone)]
pub enum Producer {
    /// The manifest holds it.
    Plain,
    /// External Secrets makes it of what a store holds; no plaintext is written.
    ExternalSecrets(Store),
}

/// Where External Secrets finds the plaintexts.
#[derive(Debug, Clone)]
pub struct Store {
    /// `SecretStore` or `ClusterSecretStore`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The key in it of which each secret is a property; none where each secret is a key of its own.
    pub key: Option<String>,
}

/// Secrets by the name a flow calls them; without a plaintext where a store holds it.
#[derive(Debug, Clone, Default)]
pub struct Secrets(BTreeMap<String, Option<Plaintext>>);

/// Two documents of YAML, each with comments that say what to do with it. They hold Base64 and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedDocuments {
    /// For helm.
    pub values: String,
    /// For kubectl; none where the values hold it all.
    pub manifest: Option<String>,
}

/// Why a secret cannot be carried so.
#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
#[error("{what}")]
pub struct Unfit {
    what: String,
    #[help]
    help: String,
}

impl Unfit {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}

impl Secrets {
    /// Adds one by the name a flow calls it, or by its variable's name. Returns the flow's.
    ///
    /// # Errors
    /// [`Unfit`] for a name that does not reach Kestra or is there already, in whatever case; never with a value.
    pub fn add(&mut self, name: &str, plain: Option<Plaintext>) -> Result<String, Unfit> {
        let key = Self::key(name)?;
        let variable = format!("{PREFIX}{key}");
        if self.0.keys().any(|other| other.eq_ignore_ascii_case(key)) {
            return Err(Unfit::new(
                format!("{key} is given twice"),
                "Kestra ignores case (KS017); keep one of them",
            ));
        }
        if let Some(plain) = &plain {
            fits(&variable, plain)?;
        }
        self.0.insert(key.to_owned(), plain);
        Ok(key.to_owned())
    }

    /// What a flow calls a secret that is named so, or by its variable's name.
    ///
    /// # Errors
    /// [`Unfit`] for a name that does not reach Kestra.
    pub fn key(name: &str) -> Result<&str, Unfit> {
        let key = name.strip_prefix(PREFIX).unwrap_or(name);
        if key.is_empty() || !survives_shell(&format!("{PREFIX}{key}")) {
            return Err(Unfit::new(
                format!("{name:?} is not a valid name for a secret"),
                "use letters, digits and `_`: the shell that starts Kestra drops variables with other names (KS024)",
            ));
        }
        Ok(key)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn encoded(&self) -> impl Iterator<Item = (String, usize)> {
        let size = |plain: &Plaintext| Location::Env.encode(plain).bytes().len();
        self.0
            .iter()
            .map(move |(key, plain)| (format!("{PREFIX}{key}"), plain.as_ref().map_or(0, size)))
    }
}

fn fits(variable: &str, plain: &Plaintext) -> Result<(), Unfit> {
    if std::str::from_utf8(plain.bytes()).is_err() {
        return Err(Unfit::new(
            format!("{variable} is {} ({})", "not UTF-8", Code::NotUtf8),
            "a flow would get U+FFFD for malformed bytes: encode the value with `base64 -w0` first, and decode it in the task",
        ));
    }
    let bytes = variable.len() + "=".len() + Location::Env.encode(plain).bytes().len() + "\0".len();
    if bytes > MAX_STRING_BYTES {
        return Err(Unfit::new(
            format!(
                "{variable} would have {bytes} bytes, more than the {MAX_STRING_BYTES} that Linux accepts ({})",
                Code::TooLong
            ),
            Code::TooLong.cure(),
        ));
    }
    Ok(())
}

impl Order {
    /// Writes the documents.
    ///
    /// # Errors
    /// [`Unfit`] for secrets that are too much for a Secret or an environment, and for a producer that
    /// the strategy has no use for.
    pub fn documents(&self) -> Result<EncodedDocuments, Unfit> {
        let by_store = matches!(self.producer, Producer::ExternalSecrets(_));
        if by_store && self.strategy == Strategy::ExtraEnv {
            return Err(Unfit::new(
                "the strategy extra-env has no Secret that External Secrets could create",
                "use --strategy extra-env-from or secret-key-ref",
            ));
        }
        let all: usize = self
            .secrets
            .encoded()
            .map(|(name, size)| name.len() + size + "=\0".len() + 8)
            .sum();
        let of_secret: usize = self.secrets.encoded().map(|(_, size)| size).sum();
        if all > MAX_EXEC_BYTES {
            let what =
                format!("the variables would have {all} bytes, more than the {MAX_EXEC_BYTES} of an environment");
            return Err(Unfit::new(what, "mount the longest as files"));
        }
        if self.strategy != Strategy::ExtraEnv && of_secret > MAX_SIZE {
            let what = format!("the values would have {of_secret} bytes, more than the {MAX_SIZE} of a Secret");
            return Err(Unfit::new(
                what,
                "create several Secrets, each with its own --secret-name",
            ));
        }
        let (values, manifests) = plan::documents(&self.intent(), &self.object, self.generation);
        let json = |text: &Plaintext| serde_json::from_slice(text.bytes()).unwrap_or(Value::Null);
        let manifest = manifests
            .first()
            .map(|manifest| json(&manifest.text))
            .map(|secret| match &self.producer {
                Producer::Plain => format!("{}{}", self.about_secret(), yaml::document(&secret)),
                Producer::ExternalSecrets(store) => {
                    format!(
                        "{}{}",
                        self.about_external_secret(),
                        yaml::document(&self.external_secret(&secret, store))
                    )
                }
            });
        Ok(EncodedDocuments {
            values: format!("{}{}", self.about_values(), yaml::document(&json(&values))),
            manifest,
        })
    }

    fn intent(&self) -> Intent {
        // Where a store holds the plaintext, nothing of the Secret but its keys is used.
        let secret = |plain: &Option<Plaintext>| Secret::Plain(plain.clone().unwrap_or_else(|| "".into()));
        Intent {
            chart: None,
            strategy: self.strategy,
            secrets: self
                .secrets
                .0
                .iter()
                .map(|(key, plain)| (key.clone(), secret(plain)))
                .collect(),
            reads: BTreeMap::new(),
            flow: None,
            values: Map::new(),
        }
    }

    /// What makes the `secret` of a store's plaintexts: its template encodes them for Kestra, and Kubernetes
    /// encodes by itself.
    fn external_secret(&self, secret: &Value, store: &Store) -> Value {
        let keys = secret["data"].as_object().into_iter().flatten().map(|(key, _)| key);
        let template: Map<String, Value> = keys
            .map(|key| {
                let name = key.strip_prefix(PREFIX).unwrap_or(key);
                (key.clone(), format!("{{{{ .{name} | b64enc }}}}").into())
            })
            .collect();
        let taken = self.secrets.0.keys().map(|name| match &store.key {
            Some(key) => json!({"secretKey": name, "remoteRef": {"key": key, "property": name}}),
            None => json!({"secretKey": name, "remoteRef": {"key": name}}),
        });
        json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": self.object},
            "spec": {
                "refreshInterval": "1h",
                "secretStoreRef": {"kind": store.kind, "name": store.name},
                "target": {"name": self.object, "template": {"engineVersion": "v2", "data": template}},
                "data": taken.collect::<Vec<_>>(),
            },
        })
    }

    fn about_values(&self) -> String {
        let reads = self
            .secrets
            .0
            .keys()
            .map(|name| format!("#   {{{{ secret('{name}') }}}}\n"));
        format!(
            "# values.yaml for chart {}, beside your own:\n\
             #   helm upgrade --install kestra kestra/kestra -f your-values.yaml -f values.yaml\n\
             # Helm puts a list in the place of another: entries of your own under the same key belong in here.\n\
             # In a flow:\n{}",
            self.generation,
            reads.collect::<String>()
        )
    }

    fn about_secret(&self) -> String {
        format!(
            "# secret.yaml, before the release, into its namespace:\n\
             #   kubectl apply -f secret.yaml\n\
             # Encoded twice: Kubernetes takes one layer off, Kestra the other. A change of {} reaches no pod\n\
             # that is running: `kubectl rollout restart` it.\n",
            self.object
        )
    }

    fn about_external_secret(&self) -> String {
        format!(
            "# external-secret.yaml, before the release, into its namespace:\n\
             #   kubectl apply -f external-secret.yaml\n\
             # The store holds plaintexts, and `b64enc` encodes them for Kestra. A change of {} reaches no pod\n\
             # that is running: `kubectl rollout restart` it.\n",
            self.object
        )
    }
}

#[cfg(test)]
mod tests;
