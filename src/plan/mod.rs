//! Scenarios × charts × Kestra versions, arranged into installations. Pure: no I/O.
//!
//! The installation is the unit of cost: intents share one under distinct secret names, literals one where
//! their documents are the same to the byte; whatever is meant not to run, or to change, never shares.

mod case;
mod defaults;
mod image;
mod intent;
mod keys;
mod model;
mod provider_kind;
mod shard;
mod share;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

pub use crate::scenario::reads_of;
pub use defaults::{Defaults, ImageRef};
pub use intent::{EnvFrom, IntentDocuments, environment_values, flow, slug, written};
pub use keys::{ignored, ignored_keys, misspelt, written_for};
pub use model::{
    Action, Case, ChartMode, FileRemark, Installation, OutputRead, Plan, PlanError, PlanOptions, PlanTarget,
    PlannedStep, ReleaseVersion, SkippedCase,
};
pub use provider_kind::ProviderKind;
pub use shard::{Shard, Simulation, opening, tenths};
pub use values::merge;

use crate::oracle::secret::Plaintext;
use crate::scenario::{Expectation, Generation, Input, Intent, Manifest, Scenario, ScenarioStep};

/// Arranges `scenarios` over `targets`.
///
/// # Errors
/// [`PlanError`] when values would be ignored by the chart or overlap with the harness's own.
pub fn build(scenarios: &[Arc<Scenario>], targets: &[PlanTarget], options: &PlanOptions) -> Result<Plan, PlanError> {
    let mut plan = Plan::default();
    for target in targets {
        let mut shared: Vec<(&Arc<Scenario>, &Expectation)> = Vec::new();
        for scenario in scenarios.iter().filter(|s| target.chart.sees_to(s.given.written_for())) {
            let generation = target.chart.generation(scenario.given.written_for());
            let skipped = |why| SkippedCase {
                scenario: scenario.name.clone(),
                kestra: target.kestra.clone(),
                generation,
                why,
            };
            if let Some(why) = scenario.not_on_engine.as_ref().filter(|_| target.kestra.is_engine()) {
                plan.skipped.push(skipped(why.clone()));
                continue;
            }
            let expected = match expected_of(scenario, target, generation, options) {
                Ok(expected) => expected,
                Err(why) => {
                    plan.skipped.push(skipped(why));
                    continue;
                }
            };
            let wanted = &expected.installed.wanted;
            if !options.isolate && share::fits(scenario, &wanted.expect, &target.version, &shared) {
                shared.push((scenario, expected.installed));
            } else {
                let more = alone(
                    scenario,
                    expected.installed,
                    &expected.after,
                    target,
                    generation,
                    options,
                )?;
                match plan
                    .installations
                    .iter_mut()
                    .find(|known| !options.isolate && share::same(known, &more))
                {
                    Some(known) => known.cases.extend(more.cases),
                    None => plan.installations.push(more),
                }
            }
        }
        if let Some(installation) = share::together(&shared, target, options)? {
            plan.installations.push(installation);
        }
    }
    Ok(plan)
}

/// What a scenario expects of a target.
struct ExpectedOf<'s> {
    /// Of the release as it is installed.
    installed: &'s Expectation,
    /// Of the release as each of the scenario's steps leaves it.
    after: Vec<(ReleaseVersion, &'s Expectation)>,
}

/// What a scenario expects of a target, or why it cannot be run there with all its steps.
fn expected_of<'s>(
    scenario: &'s Scenario,
    target: &PlanTarget,
    generation: Generation,
    options: &PlanOptions,
) -> Result<ExpectedOf<'s>, String> {
    if let Input::Intent(intent) = &scenario.given
        && let Some(about) = intent.chart.filter(|about| *about != generation)
    {
        return Err(format!("it is about chart {about}"));
    }
    let silent = |who: &str, version: &semver::Version, generation| {
        format!("{who} expects nothing of Kestra {version} with chart {generation}")
    };
    let installed = scenario.expectation(&target.version, generation);
    let installed = installed.ok_or_else(|| silent("it", &target.version, generation))?;
    let releases = case::releases_after(scenario, target, generation, options)?;
    let expects = |(n, (step, release)): (usize, (&'s ScenarioStep, ReleaseVersion))| {
        let ReleaseVersion {
            version, generation, ..
        } = &release;
        let expectation = step.expect.iter().find(|e| e.applies(version, *generation));
        let expectation = expectation.ok_or_else(|| silent(&format!("its step {}", n + 1), version, *generation))?;
        Ok((release, expectation))
    };
    let after = scenario.steps.iter().zip(releases).enumerate().map(expects);
    Ok(ExpectedOf {
        installed,
        after: after.collect::<Result<_, String>>()?,
    })
}

/// The values, and the manifests, that carry an intent's secrets to a release under their own names; `object`
/// is what its Secret is called.
pub fn documents(intent: &Intent, object: &str, generation: Generation) -> (Plaintext, Vec<Manifest>) {
    let names = intent::Names::with_object(object);
    let documents = intent::IntentDocuments::write(&[(intent, &names)], generation);
    (documents.values(), documents.manifests)
}

fn installation(
    id: String,
    target: &PlanTarget,
    generation: Generation,
    (values, manifests): (Plaintext, Vec<Manifest>),
    cases: Vec<Case>,
) -> Installation {
    Installation {
        id,
        kestra: target.kestra.clone(),
        version: target.version.clone(),
        generation,
        values,
        manifests,
        as_printed: false,
        credentials: None,
        keeps_database_for: None,
        cases,
    }
}

fn alone(
    scenario: &Arc<Scenario>,
    installed: &Expectation,
    after: &[(ReleaseVersion, &Expectation)],
    target: &PlanTarget,
    generation: Generation,
    options: &PlanOptions,
) -> Result<Installation, PlanError> {
    let wanted = &installed.wanted;
    let id = target.id(&scenario.name);
    let (documents, case) = match &scenario.given {
        Input::Literal(literal) => {
            let mut warnings = keys::warnings(&literal.values, generation);
            if !literal.as_printed {
                let values = values::parse(scenario, &literal.values)?;
                values::check_overlap(scenario, &values, generation, options)?;
                warnings.extend(image::warning(&values, target, options));
            }
            let reads = reads_of(&literal.flow)
                .into_iter()
                .map(|(output, secret)| {
                    let public = scenario.given.is_public(&output);
                    (output, OutputRead { secret, public })
                })
                .collect();
            let case = Case {
                scenario: Arc::clone(scenario),
                flow: literal.flow.clone(),
                reads,
                wanted: wanted.clone(),
                warnings,
                in_files: Vec::new(),
                steps: Vec::new(),
            };
            ((literal.values.clone(), literal.manifests.clone()), case)
        }
        Input::Intent(given) => {
            let names = intent::Names::own(given);
            let documents = intent::IntentDocuments::write(&[(given, &names)], generation);
            let documents = values::add(scenario, documents, &given.values, generation, options)?;
            let mut case = case::of_intent(scenario, given, &names, "secret_test", wanted);
            let own = serde_json::Value::Object(given.values.clone());
            case.warnings.extend(image::warning(&own, target, options));
            case.steps = case::steps(scenario, given, &names, after, (target, generation), options)?;
            ((documents.values(), documents.manifests), case)
        }
    };
    let (as_printed, credentials) = match &scenario.given {
        Input::Literal(literal) => (literal.as_printed, literal.credentials.clone()),
        Input::Intent(_) => (false, None),
    };
    let last_kestra = case
        .steps
        .iter()
        .filter_map(|step| step.action.upgrades_to())
        .next_back();
    Ok(Installation {
        as_printed,
        credentials,
        keeps_database_for: last_kestra.map(|release| release.kestra.clone()),
        ..installation(id, target, generation, documents, vec![case])
    })
}
