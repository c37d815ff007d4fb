//! Asks Kestra itself: a short-lived flow hashes each secret under a key of this run, and outputs a few digits of
//! the hash.

use std::collections::{BTreeMap, BTreeSet};

use rand::distr::{Alphanumeric, SampleString};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::judge::finding;
use super::model::{AuditFinding, ContainerAudit};
use super::report::{AuditReport, FlowAnswer, SecretAnswer};
use crate::error::InfraError;
use crate::kestra::Client;
use crate::lint::{LintRule, Severity, SeverityCounts};
use crate::oracle::secret::{Plaintext, SecretRead};
use crate::run::probe::{Observed, ProbeConfig, ProbedKey, SecretProbe};
use crate::system::words::visible;

/// How many hexadecimal digits of each hash are output. Kestra keeps deleted flows, and so the key, in its database.
/// Sixteen bits tell two values apart with an error of 1 in 65,536, yet do not let anybody confirm a guessed password.
const DIGITS: usize = 4;
/// The components whose process renders the templates of tasks.
const RENDER: [&str; 2] = ["standalone", "worker"];

/// The secrets to ask for, and what each should be.
#[derive(Default)]
pub struct Questions {
    /// By key: every text that some worker has, or `None` if the text is not known.
    present: BTreeMap<String, Option<Vec<Plaintext>>>,
    missing: BTreeSet<String>,
}

impl Questions {
    /// The questions that the audited containers raise.
    pub fn about(audits: &[ContainerAudit]) -> Self {
        let renders = |audit: &&ContainerAudit| RENDER.contains(&audit.seen.component.as_str());
        let mut asked: Vec<&ContainerAudit> = audits.iter().filter(renders).collect();
        if asked.is_empty() {
            asked = audits.iter().collect();
        }
        let mut questions = Self::default();
        for audit in &asked {
            for variable in &audit.seen.variables {
                let Some(key) = &variable.key else { continue };
                match audit.keyring.secret(key, &audit.seen.kestra) {
                    _ if audit.unknown.contains(key) => drop(questions.present.insert(key.clone(), None)),
                    SecretRead::Text(text) => questions.expect(key, [text]),
                    SecretRead::OneOf(texts) => questions.expect(key, texts),
                    SecretRead::EmptyString => questions.expect(key, [Plaintext::new("", true)]),
                    SecretRead::Fails(_) => drop(questions.missing.insert(key.clone())),
                }
            }
        }
        let present: Vec<&String> = questions.present.keys().collect();
        questions.missing.retain(|key| !present.contains(&key));
        questions
    }

    fn expect(&mut self, key: &str, texts: impl IntoIterator<Item = Plaintext>) {
        if let Some(known) = self.present.entry(key.to_owned()).or_insert_with(|| Some(Vec::new())) {
            known.extend(texts);
        }
    }
}

/// Asks Kestra, writes the answers into the report, and deletes the flow and its executions in any case.
///
/// # Errors
/// Kestra did not answer, or something could not be deleted.
pub async fn ask(
    report: &mut AuditReport,
    questions: &Questions,
    client: &Client,
    namespace: &str,
    cancel: CancellationToken,
) -> Result<(), InfraError> {
    let random = || Alphanumeric.sample_string(&mut rand::rng(), 24);
    let key = random();
    let prefix = format!("audit_{}", random().to_lowercase());
    let show = key.clone();
    let manner = ProbeConfig {
        show: Box::new(move |secret| template(&show, secret)),
        cancel: Some(cancel),
        ..ProbeConfig::plainly(namespace, &prefix)
    };
    let reader = SecretProbe::new(client, manner);
    let names: Vec<&String> = questions.present.keys().chain(&questions.missing).collect();
    let numbered: Vec<ProbedKey<'_>> = names.iter().enumerate().map(|(n, name)| (n, name.as_str())).collect();
    let (present, missing) = numbered.split_at(questions.present.len());
    let observed = reader.observe(present, missing).await;
    let executions = reader.executions();
    let removed = reader.remove().await;
    tracing::debug!(executions, "asked Kestra for the secrets");
    let observed = match (observed, &removed) {
        (Ok(observed), _) => observed,
        (Err(asked), Ok(_)) => return Err(asked),
        (Err(asked), Err(left)) => {
            let both = asked.reworded(|cause| format!("{cause}; and then it {left}"));
            return Err(both.help(left.help.clone().unwrap_or_default()));
        }
    };
    let answers: BTreeMap<&str, SecretAnswer> = numbered
        .iter()
        .filter_map(|(n, name)| Some((*name, answer(questions, name, observed.get(n)?, &key))))
        .collect();
    let made = removed?;
    let expected = |name: &str, answer: &SecretAnswer| match answer {
        SecretAnswer::Agrees | SecretAnswer::Found => true,
        SecretAnswer::Differs => false,
        SecretAnswer::Missing(_) => questions.missing.contains(name),
    };
    report.flow = Some(FlowAnswer {
        kestra: client.server().version.to_string(),
        engine_adapter: client.server().engine_adapter,
        asked: answers.len(),
        agreed: answers.iter().filter(|(name, answer)| expected(name, answer)).count(),
        flows: made.flows.iter().map(ToString::to_string).collect(),
        executions: made.executions.iter().map(|execution| execution.id.clone()).collect(),
    });
    for (name, answer) in &answers {
        if !expected(name, answer) {
            report
                .findings
                .push(finding(&report.place.namespace, &unexpected(questions, name, answer)));
        }
    }
    report.findings.sort();
    report.counts = SeverityCounts::count(&report.findings);
    for variable in report.containers.iter_mut().flat_map(|seen| &mut seen.variables) {
        variable.flow = variable.key.as_deref().and_then(|key| answers.get(key)).cloned();
    }
    Ok(())
}

fn answer(questions: &Questions, name: &str, observed: &Observed, key: &str) -> SecretAnswer {
    let digest = match observed {
        Observed::Missing(words) | Observed::Never(words) => return SecretAnswer::Missing(visible(words)),
        Observed::Text(digest) => digest,
    };
    match questions.present.get(name) {
        Some(Some(texts)) => {
            let is = |text: &Plaintext| digest.bytes().eq_ignore_ascii_case(self::digest(key, text).as_bytes());
            if texts.iter().any(is) {
                SecretAnswer::Agrees
            } else {
                SecretAnswer::Differs
            }
        }
        Some(None) => SecretAnswer::Found,
        None => SecretAnswer::Differs,
    }
}

fn unexpected(questions: &Questions, name: &str, answer: &SecretAnswer) -> AuditFinding {
    let (message, cure) = match answer {
        SecretAnswer::Missing(words) => (
            format!("a flow cannot read it, though the container has it: {words}"),
            "restart the pods if it was added after they started; otherwise read Kestra's log",
        ),
        _ if questions.missing.contains(name) => (
            "a flow can read it, though it should not exist".to_owned(),
            "read the process with --exec: its environment may differ from what the objects give",
        ),
        _ => (
            "a flow gets another value than the container's variable gives".to_owned(),
            "restart the pods if the value changed after they started, and read the process with --exec",
        ),
    };
    AuditFinding {
        rule: LintRule::Drift,
        severity: Severity::Error,
        subject: format!("secret('{name}')"),
        message,
        cure: cure.into(),
    }
}

/// The template that Kestra renders for a secret: `sha256` of the key and of `sha256` of key and secret, as HMAC does
/// it. The filters are Pebble's own, so every Kestra has them.
fn template(key: &str, secret: &str) -> String {
    format!("(('{key}' ~ (('{key}' ~ {secret}) | sha256)) | sha256) | slice(0, {DIGITS})")
}

/// The same digest, computed here.
fn digest(key: &str, text: &Plaintext) -> String {
    let inner = Sha256::new().chain_update(key).chain_update(text.bytes()).finalize();
    let outer = Sha256::new()
        .chain_update(key)
        .chain_update(hex::encode(inner))
        .finalize();
    hex::encode(outer).chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_short_and_depends_on_the_key() {
        // `s=$(printf %s kadmin | sha256sum | cut -c-64); printf %s "k$s" | sha256sum | cut -c-4`
        assert_eq!(digest("k", &"admin".into()), "d8b5");
        assert_ne!(digest("k", &"admin".into()), digest("k", &"admin\n".into()));
        assert_ne!(digest("k", &"admin".into()), digest("l", &"admin".into()));
    }

    #[test]
    fn the_template_contains_no_value() {
        assert_eq!(
            template("k", "secret(vars.s0)"),
            "(('k' ~ (('k' ~ secret(vars.s0)) | sha256)) | sha256) | slice(0, 4)"
        );
    }
}
