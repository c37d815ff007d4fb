//! The case of an intent: its flow, what it reads and what is wanted, under the names of its installation.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::intent::{self, IntentDocuments, Names};
use super::{Action, Case, OutputRead, PlanError, PlanOptions, PlanTarget, PlannedStep, values};
use crate::scenario::{Change, Expect, Expected, Generation, Intent, LogCheck, Scenario, ScenarioStep};

/// One scenario's part in an installation.
pub(super) fn of_intent(
    scenario: &Arc<Scenario>,
    given: &Intent,
    names: &Names,
    flow: &str,
    wanted: &Expected,
) -> Case {
    let reads: BTreeMap<_, _> = given
        .reads
        .iter()
        .map(|(output, secret)| {
            let public = scenario.given.is_public(output);
            (
                output.clone(),
                OutputRead {
                    secret: names.name_of(secret),
                    public,
                },
            )
        })
        .collect();
    Case {
        scenario: Arc::clone(scenario),
        flow: given.flow.clone().unwrap_or_else(|| intent::flow(flow, &reads)),
        reads,
        wanted: rename(wanted.clone(), names),
        warnings: Vec::new(),
        in_files: Vec::new(),
        steps: Vec::new(),
    }
}

/// What is wanted, under the names of the installation.
fn rename(wanted: Expected, names: &Names) -> Expected {
    let Expect::Missing { key } = &wanted.expect else {
        return wanted;
    };
    let actual = names.name_of(key);
    let line = |line: String| line.replace(&format!("SECRET_{key}"), &format!("SECRET_{actual}"));
    Expected {
        server_log: LogCheck {
            has: wanted.server_log.has.into_iter().map(line).collect(),
            ..wanted.server_log
        },
        expect: Expect::Missing { key: actual },
        ..wanted
    }
}

/// What happens to the release afterwards, with its documents written.
pub(super) fn steps(
    scenario: &Scenario,
    given: &Intent,
    names: &Names,
    target: &PlanTarget,
    generation: Generation,
    options: &PlanOptions,
) -> Result<Vec<PlannedStep>, PlanError> {
    let mut now = given.clone();
    let mut planned = Vec::new();
    for (n, ScenarioStep { change, expect }) in scenario.steps.iter().enumerate() {
        let Some(expectation) = expect.iter().find(|e| e.applies(&target.version, generation)) else {
            continue;
        };
        let action = match change {
            Change::Restart => Action::Restart,
            Change::Upgrade(secrets) | Change::Rotate(secrets) => {
                now.secrets.extend(secrets.clone());
                let documents = IntentDocuments::write(&[(&now, names)], generation);
                let documents = values::add(scenario, documents, &now.values, generation, options)?;
                match change {
                    Change::Rotate(_) => Action::Apply(documents.manifests),
                    _ => Action::Upgrade {
                        values: documents.values(),
                        manifests: documents.manifests,
                    },
                }
            }
        };
        planned.push(PlannedStep {
            name: format!("{}-{change}", n + 1),
            action,
            wanted: rename(expectation.wanted.clone(), names),
        });
    }
    Ok(planned)
}
