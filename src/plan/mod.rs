//! Scenarios × charts × Kestra versions, arranged into installations. Pure: no I/O.
//!
//! The installation is the unit of cost: intents share one under distinct secret names; literals and
//! whatever is meant to fail or to change never share.

mod defaults;
mod intent;
mod keys;
mod model;
mod reads;
mod shard;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use defaults::{Defaults, ImageRef};
pub use intent::{Documents, environment_values, flow, slug, written};
pub use keys::{Ignored, ignored, ignored_keys, written_for};
pub use model::{Action, Case, Installation, Options, Plan, PlanError, PlannedStep, Read, Skipped, Target};
pub use reads::reads_of;
pub use shard::{Shard, Share, TooMany, opening};

use crate::scenario::{Change, Expect, Expectation, Generation, Given, Intent, Manifest, Scenario, Step};
use crate::secret::Plain;

/// Arranges `scenarios` over `targets`.
///
/// # Errors
/// [`PlanError`] when values would be ignored by the chart or overlap with the harness's own.
pub fn build(scenarios: &[Arc<Scenario>], targets: &[Target], options: &Options) -> Result<Plan, PlanError> {
    let mut plan = Plan::default();
    for target in targets {
        let mut shared: Vec<(&Arc<Scenario>, &Expectation)> = Vec::new();
        for scenario in scenarios {
            let generation = generation(scenario, target);
            let speaks = |e: &[Expectation]| e.iter().any(|e| e.applies(&target.version, generation));
            let silent = scenario.steps.iter().position(|step| !speaks(&step.expect));
            let expectation = match (scenario.expectation(&target.version, generation), silent) {
                (Some(expectation), None) => expectation,
                (expectation, silent) => {
                    let who = match (expectation, silent) {
                        (Some(_), Some(n)) => format!("its step {}", n + 1),
                        _ => "it".to_owned(),
                    };
                    plan.skipped.push(Skipped {
                        scenario: scenario.name.clone(),
                        kestra: target.kestra.clone(),
                        why: format!(
                            "{who} expects nothing of Kestra {} with chart {generation}",
                            target.version
                        ),
                    });
                    continue;
                }
            };
            if !options.isolate && may_share(scenario, &expectation.expect) {
                shared.push((scenario, expectation));
            } else {
                plan.installations
                    .push(alone(scenario, expectation, target, generation, options)?);
            }
        }
        if let Some(installation) = together(&shared, target, options)? {
            plan.installations.push(installation);
        }
    }
    Ok(plan)
}

/// The values, and the manifests, that carry an intent's secrets to a release under their own names; `object`
/// is what its Secret is called.
pub fn documents(intent: &Intent, object: &str, generation: Generation) -> (Plain, Vec<Manifest>) {
    let names = intent::Names::with_object(object);
    let documents = intent::Documents::write(&[(intent, &names)], generation);
    (documents.values, documents.manifests)
}

/// A chart that plays both generations plays the one a literal was written for.
fn generation(scenario: &Scenario, target: &Target) -> Generation {
    let written_for = match &scenario.given {
        Given::Literal(literal) => literal.chart,
        Given::Intent(_) => Generation::V1,
    };
    target.chart.unwrap_or(written_for)
}

/// Whether a case can live with others: it changes nothing and its pod is meant to run.
fn may_share(scenario: &Scenario, expect: &Expect) -> bool {
    matches!(&scenario.given, Given::Intent(i) if i.values.is_empty())
        && scenario.steps.is_empty()
        && matches!(expect, Expect::Outputs(_) | Expect::Missing { .. })
}

fn installation(
    id: String,
    target: &Target,
    generation: Generation,
    documents: intent::Documents,
    cases: Vec<Case>,
) -> Installation {
    Installation {
        id,
        kestra: target.kestra.clone(),
        version: target.version.clone(),
        generation,
        values: documents.values,
        manifests: documents.manifests,
        cases,
    }
}

fn alone(
    scenario: &Arc<Scenario>,
    expectation: &Expectation,
    target: &Target,
    generation: Generation,
    options: &Options,
) -> Result<Installation, PlanError> {
    let id = format!("{}-{}", scenario.name, intent::slug(&target.kestra));
    let (documents, case) = match &scenario.given {
        Given::Literal(literal) => {
            let warnings = keys::ignored(&literal.values, generation)
                .into_iter()
                .map(|k| format!("chart {generation} silently ignores `{}`; {}", k.path, k.cure))
                .collect();
            values::check_overlap(scenario, &literal.values, generation, options)?;
            let reads = reads_of(&literal.flow)
                .into_iter()
                .map(|(output, secret)| {
                    (
                        output,
                        Read {
                            secret,
                            public: literal.public,
                        },
                    )
                })
                .collect();
            let case = Case {
                scenario: Arc::clone(scenario),
                flow: literal.flow.clone(),
                reads,
                expect: expectation.expect.clone(),
                diagnosis: expectation.diagnosis.clone(),
                warnings,
                steps: Vec::new(),
            };
            (
                intent::Documents {
                    values: literal.values.clone(),
                    manifests: literal.manifests.clone(),
                },
                case,
            )
        }
        Given::Intent(given) => {
            let names = intent::Names::own(given);
            let documents = intent::Documents::write(&[(given, &names)], generation);
            let documents = values::add(scenario, documents, &given.values, generation, options)?;
            let mut case = intent_case(scenario, given, &names, "secret_test", expectation);
            case.steps = steps(scenario, given, &names, target, generation, options)?;
            (documents, case)
        }
    };
    Ok(installation(id, target, generation, documents, vec![case]))
}

fn together(
    shared: &[(&Arc<Scenario>, &Expectation)],
    target: &Target,
    options: &Options,
) -> Result<Option<Installation>, PlanError> {
    if let [(scenario, expectation)] = shared {
        let generation = generation(scenario, target);
        return alone(scenario, expectation, target, generation, options).map(Some);
    }
    let generation = target.chart.unwrap_or(Generation::V1);
    let mut given = Vec::new();
    let mut cases = Vec::new();
    for (scenario, expectation) in shared {
        if let Given::Intent(intent) = &scenario.given {
            let names = intent::Names::shared(intent, &scenario.name);
            let flow = format!("secret_test_{}", scenario.name.replace('-', "_"));
            cases.push(intent_case(scenario, intent, &names, &flow, expectation));
            given.push((intent, names));
        }
    }
    if cases.is_empty() {
        return Ok(None);
    }
    let given: Vec<_> = given.iter().map(|(i, n)| (*i, n)).collect();
    let documents = intent::Documents::write(&given, generation);
    let id = format!("shared-{}", intent::slug(&target.kestra));
    Ok(Some(installation(id, target, generation, documents, cases)))
}

fn intent_case(
    scenario: &Arc<Scenario>,
    given: &crate::scenario::Intent,
    names: &intent::Names,
    flow: &str,
    expectation: &Expectation,
) -> Case {
    let reads: BTreeMap<_, _> = given
        .reads
        .iter()
        .map(|(output, secret)| {
            let public = given.secrets.get(secret).is_some_and(|s| s.plain().is_public());
            (
                output.clone(),
                Read {
                    secret: names.of(secret),
                    public,
                },
            )
        })
        .collect();
    Case {
        scenario: Arc::clone(scenario),
        flow: intent::flow(flow, &reads),
        reads,
        expect: rename(expectation.expect.clone(), names),
        diagnosis: expectation.diagnosis.clone(),
        warnings: Vec::new(),
        steps: Vec::new(),
    }
}

/// An expectation under the names of the installation.
fn rename(expect: Expect, names: &intent::Names) -> Expect {
    match expect {
        Expect::Missing { key, log } => {
            let actual = names.of(&key);
            let log = log.map(|l| l.replace(&format!("SECRET_{key}"), &format!("SECRET_{actual}")));
            Expect::Missing { key: actual, log }
        }
        other => other,
    }
}

fn steps(
    scenario: &Scenario,
    given: &crate::scenario::Intent,
    names: &intent::Names,
    target: &Target,
    generation: Generation,
    options: &Options,
) -> Result<Vec<PlannedStep>, PlanError> {
    let mut now = given.clone();
    let mut planned = Vec::new();
    for (n, Step { change, expect }) in scenario.steps.iter().enumerate() {
        let Some(expectation) = expect.iter().find(|e| e.applies(&target.version, generation)) else {
            continue;
        };
        let action = match change {
            Change::Restart => Action::Restart,
            Change::Upgrade(secrets) | Change::Rotate(secrets) => {
                now.secrets.extend(secrets.clone());
                let documents = intent::Documents::write(&[(&now, names)], generation);
                let documents = values::add(scenario, documents, &now.values, generation, options)?;
                match change {
                    Change::Rotate(_) => Action::Apply(documents.manifests),
                    _ => Action::Upgrade {
                        values: documents.values,
                        manifests: documents.manifests,
                    },
                }
            }
        };
        planned.push(PlannedStep {
            name: format!("{}-{change}", n + 1),
            action,
            expect: rename(expectation.expect.clone(), names),
        });
    }
    Ok(planned)
}
