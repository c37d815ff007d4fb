//! Cases that live in one installation: intents under names that no two of them bear, and literals whose
//! documents are the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use semver::Version;

use super::intent::{IntentDocuments, Names};
use super::{Installation, PlanError, PlanOptions, PlanTarget, alone, case, installation};
use crate::scenario::{Expect, Expectation, Input, Intent, Scenario, Stage, Start};

/// Scenarios that were found to fit together, each with what it expects.
pub(super) type SharedScenarios<'a> = Vec<(&'a Arc<Scenario>, &'a Expectation)>;

/// Whether a case can live with others: it changes nothing, its pod is meant to run, and what it calls its
/// secrets is nobody else's, nor two things to Kestra.
pub(super) fn fits(scenario: &Scenario, expect: &Expect, kestra: &Version, others: &SharedScenarios) -> bool {
    let Input::Intent(intent) = &scenario.given else {
        return false;
    };
    let mut taken: BTreeSet<_> = others.iter().flat_map(|(other, _)| known(other)).collect();
    runs(expect)
        && !may_end_the_server(scenario, kestra)
        && intent.values.is_empty()
        && intent.chart.is_none()
        && scenario.steps.is_empty()
        && known(scenario).into_iter().all(|n| taken.insert(n))
}

/// Whether two installations of literals are the same release but for the flows that are run on it.
pub(super) fn same(one: &Installation, other: &Installation) -> bool {
    let literal = |i: &Installation| {
        let mut cases = i.cases.iter();
        cases.all(|c| {
            let shares = runs(&c.wanted.expect) && !may_end_the_server(&c.scenario, &i.version);
            matches!(c.scenario.given, Input::Literal(_)) && shares
        })
    };
    one.kestra == other.kestra
        && one.generation == other.generation
        && one.as_printed == other.as_printed
        && literal(one)
        && literal(other)
        && one.values == other.values
        && one.manifests == other.manifests
}

/// Whether the pod is meant to run.
fn runs(expect: &Expect) -> bool {
    match expect {
        Expect::Outputs(_) | Expect::Missing { .. } | Expect::Failed { .. } | Expect::Silent => true,
        Expect::Refused { by, .. } => matches!(by, Stage::Flow | Stage::Webhook),
        Expect::Blocked { .. } | Expect::Installs => false,
    }
}

/// Whether a scenario can bring down the Kestra that it runs on: its flow is deleted in the end, and on 0.20.7 that of
/// a flow whose schedule runs was seen to end in a lock time-out of H2's, which shuts the server down. On 1.3.31 and
/// 2.0.0 it never was; what is between is taken for those.
fn may_end_the_server(scenario: &Scenario, kestra: &Version) -> bool {
    // Not `kestra < 0.21.0`: a snapshot of 0.21.0 precedes it but behaves like it.
    (kestra.major, kestra.minor) < (0, 21) && scenario.start == Start::Trigger { after: None }
}

/// What Kestra knows a scenario's secrets by where they share an installation.
fn known(scenario: &Scenario) -> Vec<String> {
    let Input::Intent(intent) = &scenario.given else {
        return Vec::new();
    };
    let names = Names::shared(intent, &scenario.name);
    intent
        .secrets
        .keys()
        .map(|secret| names.name_of(secret).to_uppercase())
        .collect()
}

/// One installation for all of them; none where there are none.
pub(super) fn together(
    shared: &SharedScenarios,
    target: &PlanTarget,
    options: &PlanOptions,
) -> Result<Option<Installation>, PlanError> {
    let Some((first, expectation)) = shared.first() else {
        return Ok(None);
    };
    let generation = target.chart.generation(None);
    if shared.len() == 1 {
        // What shares has no steps.
        return alone(first, expectation, &[], target, generation, options).map(Some);
    }
    let mut given: Vec<(&Intent, Names)> = Vec::new();
    let mut cases = Vec::new();
    for (scenario, expectation) in shared {
        if let Input::Intent(intent) = &scenario.given {
            let names = Names::shared(intent, &scenario.name);
            let flow = format!("secret_test_{}", scenario.name.replace('-', "_"));
            cases.push(case::of_intent(scenario, intent, &names, &flow, &expectation.wanted));
            given.push((intent, names));
        }
    }
    let given: Vec<_> = given.iter().map(|(i, n)| (*i, n)).collect();
    let documents = IntentDocuments::write(&given, generation);
    Ok(Some(installation(
        target.id("shared"),
        target,
        generation,
        (documents.values(), documents.manifests),
        cases,
    )))
}
