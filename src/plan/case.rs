//! The case of an intent: its flow, what it reads and what is wanted, under the names of its installation.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;

use super::intent::{self, IntentDocuments, Names};
use super::{
    Action, Case, ChartMode, OutputRead, PlanError, PlanOptions, PlanTarget, PlannedStep, ReleaseVersion, keys, values,
};
use crate::scenario::{Change, Expect, Expectation, Expected, Generation, Intent, LogCheck, Scenario, ScenarioStep};

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

/// The Kestra and the chart of the release after each step, or why it cannot come to that.
pub(super) fn releases_after(
    scenario: &Scenario,
    target: &PlanTarget,
    generation: Generation,
    options: &PlanOptions,
) -> Result<Vec<ReleaseVersion>, String> {
    let mut now = ReleaseVersion {
        kestra: target.kestra.clone(),
        version: target.version.clone(),
        generation,
    };
    let mut after = Vec::new();
    for ScenarioStep { change, .. } in &scenario.steps {
        if let Change::Upgrade(_, to) = change {
            if let Some(range) = &to.kestra {
                let fits = |version: &Version| range.matches(version) && *version > now.version;
                let newer = options.kestras.iter().filter(|(_, version)| fits(version));
                let newest = newer.max_by(|a, b| a.1.cmp(&b.1)).cloned();
                (now.kestra, now.version) = newest.ok_or_else(|| {
                    let from = &now.version;
                    format!("it upgrades to a Kestra {range} that is newer than {from}, and the run has none")
                })?;
            }
            if let Some(chart) = to.chart {
                if matches!(target.chart, ChartMode::Only(_)) && chart != now.generation {
                    return Err(format!(
                        "it upgrades to a chart {chart}, and the run's chart is {}",
                        now.generation
                    ));
                }
                now.generation = chart;
            }
        }
        after.push(now.clone());
    }
    Ok(after)
}

/// What happens to the release afterwards, with its documents written; `after` is what it is then and what is expected.
pub(super) fn steps(
    scenario: &Scenario,
    given: &Intent,
    names: &Names,
    after: &[(ReleaseVersion, &Expectation)],
    (target, generation): (&PlanTarget, Generation),
    options: &PlanOptions,
) -> Result<Vec<PlannedStep>, PlanError> {
    let mut now = given.clone();
    let mut planned = Vec::new();
    let mut before = (target.version.clone(), generation);
    for (n, (ScenarioStep { change, .. }, (release, expectation))) in scenario.steps.iter().zip(after).enumerate() {
        let is = (release.version.clone(), release.generation);
        let to = (is != before).then(|| Box::new(release.clone()));
        before = is;
        let action = match change {
            Change::Restart => Action::Restart,
            Change::Upgrade(secrets, _) | Change::Rotate(secrets) => {
                now.secrets.extend(secrets.clone());
                // The keys stay those of the chart that was installed first: an upgrade changes no values by itself.
                let documents = IntentDocuments::write(&[(&now, names)], generation);
                let documents = values::add(scenario, documents, &now.values, generation, options)?;
                match change {
                    Change::Rotate(_) => Action::Apply(documents.manifests),
                    _ => Action::Upgrade {
                        values: documents.values(),
                        manifests: documents.manifests,
                        to,
                    },
                }
            }
        };
        let ignored = match &action {
            Action::Upgrade {
                values, to: Some(to), ..
            } => keys::warnings(values, to.generation),
            _ => Vec::new(),
        };
        planned.push(PlannedStep {
            name: format!("{}-{change}", n + 1),
            action,
            wanted: rename(expectation.wanted.clone(), names),
            warnings: ignored,
        });
    }
    Ok(planned)
}
