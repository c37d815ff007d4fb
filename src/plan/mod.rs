//! Scenarios × charts × Kestra versions, arranged into installations. Pure: no I/O.
//!
//! The installation is the unit of cost: intents share one under distinct secret names; literals and
//! whatever is meant to fail or to change never share.

mod defaults;
mod intent;
mod keys;
mod reads;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use miette::Diagnostic;
use thiserror::Error;

pub use defaults::Defaults;
pub use reads::reads_of;

use crate::scenario::{Change, Expect, Generation, Given, Manifest, Scenario, Step};
use crate::secret::Plain;

/// A plan that cannot be made; the exit code is 2.
#[derive(Debug, Error, Diagnostic)]
pub enum PlanError {
    /// The chart would take no notice of a value.
    #[error("{file}:{line}:{column}: scenario {scenario}: chart {chart} silently ignores `{key}`")]
    Ignored {
        /// The scenario's file.
        file: String,
        /// The line of the scenario's name.
        line: u64,
        /// Its column.
        column: u64,
        /// The scenario's name.
        scenario: String,
        /// The chart's generation.
        chart: Generation,
        /// The key.
        key: String,
        /// The right key.
        #[help]
        help: String,
    },
    /// Two sources of values speak of the same key.
    #[error("scenario {scenario}: `{key}` is set by the scenario and by {other}")]
    Overlap {
        /// The scenario's name.
        scenario: String,
        /// The key, with dots.
        key: String,
        /// Who else sets it.
        other: &'static str,
        /// What to do.
        #[help]
        help: String,
    },
    /// The values are not a YAML mapping.
    #[error("scenario {scenario}: the values are not YAML that helm could read: {why}")]
    NotValues {
        /// The scenario's name.
        scenario: String,
        /// The parser's words.
        why: String,
    },
}

/// One combination that scenarios run against.
#[derive(Debug, Clone)]
pub struct Target {
    /// How the user names the Kestra, such as `engine@2.0.0`.
    pub kestra: String,
    /// Its version.
    pub version: semver::Version,
    /// The chart's generation; none when the chart plays both.
    pub chart: Option<Generation>,
}

/// How installations are made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Every case gets an installation of its own.
    pub isolate: bool,
    /// What is added to the user's values; none leaves them alone.
    pub defaults: Option<Defaults>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order they should start.
    pub installations: Vec<Installation>,
    /// Scenarios that say nothing about a target, and why.
    pub skipped: Vec<Skipped>,
}

/// A scenario that is not run against a target.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// The scenario's name.
    pub scenario: String,
    /// The target's Kestra.
    pub kestra: String,
    /// Why.
    pub why: String,
}

/// One release of Kestra, and the cases it serves.
#[derive(Debug)]
pub struct Installation {
    /// Unique in a plan; fit for a Kubernetes name.
    pub id: String,
    /// How the user names the Kestra.
    pub kestra: String,
    /// The Kestra's version.
    pub version: semver::Version,
    /// The generation the chart plays.
    pub generation: Generation,
    /// The values that are the user's, as bytes.
    pub values: Plain,
    /// Manifests applied before the release.
    pub manifests: Vec<Manifest>,
    /// Whom it serves; never empty.
    pub cases: Vec<Case>,
}

impl Installation {
    /// The same release without its cases.
    pub fn bare(&self) -> Self {
        Self {
            id: self.id.clone(),
            kestra: self.kestra.clone(),
            version: self.version.clone(),
            generation: self.generation,
            values: self.values.clone(),
            manifests: self.manifests.clone(),
            cases: Vec::new(),
        }
    }
}

/// One scenario against one installation.
#[derive(Debug, Clone)]
pub struct Case {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The flow's source.
    pub flow: String,
    /// The flow's outputs and the secret each one reads, under the name used in this installation.
    pub reads: BTreeMap<String, Read>,
    /// What must come out, under the names used in this installation.
    pub expect: Expect,
    /// What the user should know beforehand.
    pub warnings: Vec<String>,
    /// What happens afterwards, ready to be done.
    pub steps: Vec<PlannedStep>,
}

impl Case {
    /// Whether what an output shows may be shown.
    pub fn is_public(&self, output: &str) -> bool {
        match &self.scenario.given {
            Given::Literal(literal) => literal.public,
            Given::Intent(_) => self.reads.get(output).is_some_and(|r| r.public),
        }
    }
}

/// An output and the secret it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The secret's name as the flow calls it.
    pub secret: String,
    /// Whether the plaintext may be shown.
    pub public: bool,
}

/// A step with its documents written.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// The word for it: `upgrade`, `rotate`, `restart`.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// What must come out then.
    pub expect: Expect,
}

/// What is done to a release.
#[derive(Debug, Clone)]
pub enum Action {
    /// Apply the manifests, then `helm upgrade` with the values.
    Upgrade {
        /// The new values.
        values: Plain,
        /// The new manifests.
        manifests: Vec<Manifest>,
    },
    /// Apply the manifests and nothing more.
    Apply(Vec<Manifest>),
    /// Restart the pods.
    Restart,
}

/// Arranges `scenarios` over `targets`.
///
/// # Errors
/// [`PlanError`] when values would be ignored by the chart or overlap with the harness's own.
pub fn build(scenarios: &[Arc<Scenario>], targets: &[Target], options: &Options) -> Result<Plan, PlanError> {
    let mut plan = Plan::default();
    for target in targets {
        let mut shared: Vec<(&Arc<Scenario>, Expect)> = Vec::new();
        for scenario in scenarios {
            let generation = generation(scenario, target);
            let Some(expectation) = scenario.expectation(&target.version, generation) else {
                plan.skipped.push(Skipped {
                    scenario: scenario.name.clone(),
                    kestra: target.kestra.clone(),
                    why: format!(
                        "it expects nothing of Kestra {} with chart {generation}",
                        target.version
                    ),
                });
                continue;
            };
            let expect = expectation.expect.clone();
            if !options.isolate && may_share(scenario, &expect) {
                shared.push((scenario, expect));
            } else {
                plan.installations
                    .push(alone(scenario, expect, target, generation, options)?);
            }
        }
        if let Some(installation) = together(&shared, target, options)? {
            plan.installations.push(installation);
        }
    }
    Ok(plan)
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
    expect: Expect,
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
                expect,
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
            let mut case = intent_case(scenario, given, &names, "secret_test".into(), expect);
            case.steps = steps(scenario, given, &names, target, generation)?;
            (documents, case)
        }
    };
    Ok(installation(id, target, generation, documents, vec![case]))
}

fn together(
    shared: &[(&Arc<Scenario>, Expect)],
    target: &Target,
    options: &Options,
) -> Result<Option<Installation>, PlanError> {
    if let [(scenario, expect)] = shared {
        let generation = generation(scenario, target);
        return alone(scenario, expect.clone(), target, generation, options).map(Some);
    }
    let generation = target.chart.unwrap_or(Generation::V1);
    let mut given = Vec::new();
    let mut cases = Vec::new();
    for (scenario, expect) in shared {
        if let Given::Intent(intent) = &scenario.given {
            let names = intent::Names::shared(intent, &scenario.name);
            let flow = format!("secret_test_{}", scenario.name.replace('-', "_"));
            cases.push(intent_case(scenario, intent, &names, flow, expect.clone()));
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
    flow: String,
    expect: Expect,
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
        flow: intent::flow(&flow, &reads),
        reads,
        expect: rename(expect, names),
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
