//! Asks Kestra for its own list of secrets, and compares it with what the containers should have. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::finding;
use super::model::{AuditFinding, ContainerAudit, list};
use super::report::{AuditReport, KeyList, KeyListAnswer};
use crate::error::InfraError;
use crate::kestra::{Client, Error};
use crate::lint::finding::printable_name;
use crate::lint::{LintRule, Severity, SeverityCounts};
use crate::oracle::secret::PREFIX;
use crate::system::words::visible;

/// The components whose process serves the API, and so the list.
const SERVE: [&str; 2] = ["standalone", "webserver"];

/// The keys that the list should hold. Which of several containers answers is not known beforehand.
#[derive(Default)]
pub struct ExpectedKeys {
    /// What each of them has.
    certain: BTreeSet<String>,
    /// What some of them has, or may have.
    possible: BTreeSet<String>,
    /// What Kestra cannot decode in any of them.
    undecodable: BTreeSet<String>,
    /// Whether there may be more than is known.
    blind: bool,
}

impl ExpectedKeys {
    /// What the audited containers should have.
    pub fn of(audits: &[ContainerAudit]) -> Self {
        let serves = |audit: &&ContainerAudit| SERVE.contains(&audit.seen.component.as_str());
        let runs = |audit: &&ContainerAudit| audit.seen.pods.iter().all(|pod| pod.waits.is_none());
        let mut asked: Vec<&ContainerAudit> = audits.iter().filter(serves).filter(runs).collect();
        if asked.is_empty() {
            asked = audits.iter().collect();
        }
        let mut expected = Self::default();
        for (n, audit) in asked.iter().enumerate() {
            let known = audit.keyring.keys().filter(|key| !audit.unknown.contains(*key));
            let known: BTreeSet<String> = known.map(str::to_owned).collect();
            expected.possible.extend(known.iter().chain(&audit.unknown).cloned());
            if n == 0 {
                expected.certain = known;
            } else {
                expected.certain.retain(|key| known.contains(key));
            }
            let dropped = audit.keyring.undecodable();
            let dropped = dropped.filter_map(|dropped| dropped.name.strip_prefix(PREFIX));
            expected.undecodable.extend(dropped.map(str::to_uppercase));
            // An environment that cannot be computed is a finding, and its keyring is empty.
            expected.blind |= audit.blind || audit.findings.iter().any(|found| found.rule == LintRule::NotKnowable);
        }
        expected.undecodable.retain(|key| !expected.possible.contains(key));
        expected
    }

    /// How the list of this namespace differs.
    pub(super) fn compare(
        &self,
        mut lists: BTreeMap<String, BTreeSet<String>>,
        namespace: &str,
    ) -> (KeyListAnswer, Vec<AuditFinding>) {
        let own = lists.remove(namespace).unwrap_or_default();
        let own: BTreeSet<String> = own.iter().map(|key| key.to_uppercase()).collect();
        let missing: Vec<String> = self.certain.difference(&own).cloned().collect();
        let more = own.difference(&self.possible).cloned();
        let (decoded, mut nobodys): (Vec<String>, Vec<String>) = more.partition(|key| self.undecodable.contains(key));
        let unknown = if self.blind {
            std::mem::take(&mut nobodys).len()
        } else {
            0
        };
        let findings = [
            (
                &missing,
                Severity::Error,
                "Kestra's own list lacks secrets that its container has",
                "restart the pods if they were added after the pods started; otherwise read Kestra's log",
            ),
            (
                &decoded,
                Severity::Error,
                "Kestra's own list has secrets that it should not be able to decode",
                "read the process with --exec: its environment may differ from what the objects give",
            ),
            (
                &nobodys,
                Severity::Warning,
                "Kestra's own list has secrets that no variable gives",
                "look for them in the image, for which --exec helps; an Enterprise edition may have them in its secrets manager",
            ),
        ];
        let findings = findings.into_iter().filter(|(keys, ..)| !keys.is_empty());
        let findings = findings.map(|(keys, severity, message, cure)| AuditFinding {
            rule: LintRule::Drift,
            severity,
            subject: list(keys),
            message: message.into(),
            cure: cure.into(),
        });
        let findings = findings.collect();
        let printable = |keys: &[String]| {
            keys.iter()
                .map(|key| printable_name(key).into())
                .collect::<Vec<String>>()
        };
        let answer = KeyListAnswer::Listed {
            agreed: own.intersection(&self.possible).count(),
            missing: printable(&missing),
            unexpected: printable(&[decoded, nobodys].concat()),
            unknown,
            inherited: lists.values().map(BTreeSet::len).sum(),
        };
        (answer, findings)
    }
}

/// Asks Kestra for the list, and writes into the report how it differs. A server that offers none is no fault.
///
/// # Errors
/// Kestra did not answer, or what it answered is no list.
pub async fn ask(
    report: &mut AuditReport,
    expected: &ExpectedKeys,
    client: &Client,
    namespace: &str,
) -> Result<(), InfraError> {
    let answer = match client.secret_keys(namespace).await {
        Ok(lists) => {
            let (answer, findings) = expected.compare(lists, namespace);
            let at = report.place.namespace.clone();
            report.findings.extend(findings.iter().map(|found| finding(&at, found)));
            report.findings.sort();
            report.counts = SeverityCounts::count(&report.findings);
            answer
        }
        Err(Error::Refused(failure)) => KeyListAnswer::NotOffered(visible(&failure.cause.to_string())),
        Err(error) => return Err(InfraError::caused_by("read Kestra's list of secrets", error)),
    };
    report.key_list = Some(KeyList {
        kestra: client.server().version.to_string(),
        engine_adapter: client.server().engine_adapter,
        namespace: namespace.into(),
        answer,
    });
    Ok(())
}
