//! What an intent gives: its secrets, its flow, and what makes the flow run.

use std::collections::BTreeMap;

use crate::system::yaml::{Location, Spanned};

use super::ScenarioReader;
use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::scenario::file::{SecretFile, StartFile};
use crate::scenario::{Intent, Secret, Start, Strategy, reads_of};
use crate::system::yaml;

impl ScenarioReader<'_> {
    /// The flow that an intent brings along, in the place of the page's.
    pub(super) fn own_flow(
        &self,
        path: Option<&Spanned<String>>,
        reads: &BTreeMap<String, Spanned<String>>,
    ) -> Result<Option<String>, InputError> {
        match path {
            Some(path) if !reads.is_empty() => self.err(
                path.referenced,
                "a flow says itself what it reads",
                "keep `flow`, or `reads` for the page's flow",
            ),
            path => path.map(|path| self.documents.flow(path)).transpose(),
        }
    }

    pub(super) fn intent(
        &self,
        strategy: &Spanned<Strategy>,
        secrets: BTreeMap<String, Spanned<SecretFile>>,
        flow: Option<String>,
        reads: BTreeMap<String, Spanned<String>>,
        values: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Intent, InputError> {
        if secrets.is_empty() {
            return self.err(
                strategy.referenced,
                "the intent has no secrets",
                "add `secrets: {DB_PASSWORD: {plain: …}}`",
            );
        }
        let secrets = self.secrets(secrets)?;
        let reads = match &flow {
            Some(flow) => reads_of(flow),
            None => self.reads(&secrets, reads)?,
        };
        Ok(Intent {
            chart: None,
            strategy: strategy.value,
            secrets,
            reads,
            flow,
            values,
        })
    }

    /// What the page's flow reads: every secret under its own name where nothing is said.
    fn reads(
        &self,
        secrets: &BTreeMap<String, Secret>,
        reads: BTreeMap<String, Spanned<String>>,
    ) -> Result<BTreeMap<String, String>, InputError> {
        for (output, secret) in &reads {
            if !secrets.contains_key(&secret.value) {
                return self.err(
                    secret.referenced,
                    format!("output {output} reads {}, which is not given", secret.value),
                    "name one of the keys of `secrets`",
                );
            }
        }
        if reads.is_empty() {
            return Ok(secrets.keys().map(|k| (k.to_lowercase(), k.clone())).collect());
        }
        Ok(reads.into_iter().map(|(o, s)| (o, s.value)).collect())
    }

    pub(super) fn start(&self, raw: Spanned<StartFile>, flows: &[String]) -> Result<Start, InputError> {
        let at = raw.referenced;
        let after = match (raw.value.webhook, raw.value.trigger) {
            (Some(webhook), None) => return Ok(Start::Webhook { key: webhook.key }),
            (None, Some(trigger)) => trigger.after,
            _ => {
                return self.err(
                    at,
                    "a start is exactly one of `webhook` and `trigger`",
                    "leave `start` out for an execution by REST",
                );
            }
        };
        if let Some(id) = &after
            && !flows.iter().any(|flow| flow_id(flow).as_ref() == Some(id))
        {
            return self.err(
                at,
                format!("the trigger waits for {id}, which is none of `flows`"),
                "name the id of one of them; it is run first",
            );
        }
        Ok(Start::Trigger { after })
    }

    pub(super) fn secrets(
        &self,
        raw: BTreeMap<String, Spanned<SecretFile>>,
    ) -> Result<BTreeMap<String, Secret>, InputError> {
        raw.into_iter()
            .map(|(name, s)| self.secret(&name, s).map(|secret| (name, secret)))
            .collect()
    }

    fn secret(&self, name: &str, raw: Spanned<SecretFile>) -> Result<Secret, InputError> {
        let SecretFile {
            plain,
            hex,
            repeat,
            env,
            public,
        } = raw.value;
        let plain = match (plain, hex) {
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(digits)) => match hex::decode(&digits) {
                Ok(bytes) => Some(bytes),
                // The error names a digit, which would tell a part of the secret.
                Err(_) => {
                    return self.err(
                        raw.referenced,
                        format!("secret {name}: `hex` is not pairs of hexadecimal digits"),
                        "write two digits a byte, such as `00ff`; quote what could be a number",
                    );
                }
            },
            (None, None) => None,
            (Some(_), Some(_)) => return self.not_one(name, raw.referenced),
        };
        let times = repeat.unwrap_or(1);
        if !(1..=1 << 20).contains(&times) || plain.as_ref().is_some_and(|p| p.len() * times as usize > 1 << 20) {
            return self.err(
                raw.referenced,
                format!("secret {name} is repeated {times} times"),
                "repeat it at least once, and to 1 MiB at most: a Secret holds no more",
            );
        }
        match (plain, env) {
            (Some(plain), None) => Ok(Secret::Plain(Plaintext::new(plain.repeat(times as usize), public))),
            (None, Some(env)) if repeat.is_none() => Ok(Secret::Env(Plaintext::new(env, public))),
            _ => self.not_one(name, raw.referenced),
        }
    }

    fn not_one<T>(&self, name: &str, at: Location) -> Result<T, InputError> {
        self.err(
            at,
            format!("secret {name} needs exactly one of `plain`, `hex` and `env`"),
            "`plain` is what the flow must see and is encoded for you; `env` is given as it is, without `repeat`",
        )
    }
}

/// The id of a flow; none where the source is none that Kestra would take.
fn flow_id(source: &str) -> Option<String> {
    let flow: serde_json::Value = yaml::from_str(source).ok()?;
    Some(flow.get("id")?.as_str()?.to_owned())
}
