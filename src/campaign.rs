//! A plan carried out: each group of installations brought up, its cases run one after the other and
//! judged, and everything taken down again whatever happened.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt as _;

use crate::attempt::attempt;
use crate::plan::{Case, Installation, Plan, Skipped};
use crate::provider::trace::{Trace, trace};
use crate::provider::{Forecast, Group, Installed, Pod, Pods, Provider, Site};
use crate::report::{At, CaseResult, Finding, Phase, Provenance, expected, observed, predicted};
use crate::scenario::{Generation, Manifest, Wanted};
use crate::secret::diagnosis::Code;
use crate::secret::{RunKey, first_wrong};
use crate::verdict::{Attempt, Infra, Prediction, Status, judge};

/// Carries out a plan; at most as many installations at a time as the provider bears. When the run is
/// cancelled the cases that are left are not reported.
pub async fn carry_out(provider: &Provider, site: &Site, key: &RunKey, plan: Plan) -> Vec<CaseResult> {
    let scene = Scene { provider, site, key };
    let mut results: Vec<CaseResult> = plan.skipped.iter().map(|s| scene.skipped(s)).collect();
    let groups = provider.group(site, plan.installations).await;
    let mut served = futures::stream::iter(groups)
        .map(|group| async {
            match group {
                Ok(group) => scene.serve(group).await,
                Err((installation, infra)) => scene.lost(&[installation], &infra, &[]),
            }
        })
        .buffer_unordered(provider.capacity());
    while let Some(more) = served.next().await {
        results.extend(more);
    }
    results.sort_by(|a, b| place(a).cmp(&place(b)));
    results
}

struct Scene<'a> {
    provider: &'a Provider,
    site: &'a Site,
    key: &'a RunKey,
}

impl Scene<'_> {
    async fn serve(&self, group: Group) -> Vec<CaseResult> {
        if self.site.cancel.is_cancelled() {
            return Vec::new();
        }
        if let Some(why) = self.provider.unfit(&group) {
            return self.unfit(&group, why);
        }
        let who = group.installations[0].id.clone();
        self.site.observer.phase(&who, "install");
        let clock = Instant::now();
        let installed = self.provider.install(self.site, &group).await;
        let took = clock.elapsed();
        let results = match installed {
            Err(infra) => self.lost(&group.installations, &infra, &timed("install", took, None)),
            Ok(mut installed) => {
                let phases = timed("install", took, installed.boot());
                self.cases(&group, installed, phases).await
            }
        };
        for installation in &group.installations {
            self.site.observer.finished(&installation.id);
        }
        results
    }

    async fn cases(&self, group: &Group, mut installed: Installed, boot: Vec<Phase>) -> Vec<CaseResult> {
        let mut results = Vec::new();
        for (installation, forecast) in group.installations.iter().zip(&group.forecasts) {
            for case in &installation.cases {
                let provenance = self.provenance(group, installation, forecast.pods());
                let about = About::of(installation, case, forecast.pod(), provenance);
                // The boot is counted once, to the first case it served.
                let phases = if results.is_empty() { boot.clone() } else { Vec::new() };
                let Some(result) = self.case(&installed, &about, phases).await else {
                    return self.leave(installed, results).await;
                };
                results.push(result);
                for step in &case.steps {
                    self.site.observer.phase(&installation.id, &step.name);
                    let about = About {
                        name: format!("{}/{}", case.scenario.name, step.name),
                        wanted: &step.wanted,
                        own: None,
                        manifests: step.action.manifests().unwrap_or(about.manifests),
                        ..about.clone()
                    };
                    let clock = Instant::now();
                    installed = match installed.change(self.site, &step.action).await {
                        Ok(changed) => changed,
                        Err(infra) => {
                            results.push(self.told(self.judged(&about, &Prediction::Unknown, &Err(infra), Vec::new())));
                            return results;
                        }
                    };
                    let phases = timed(&step.name, clock.elapsed(), installed.boot());
                    let Some(result) = self.case(&installed, &about, phases).await else {
                        return self.leave(installed, results).await;
                    };
                    results.push(result);
                }
            }
        }
        self.leave(installed, results).await
    }

    /// Takes the installation down, or leaves it where that is asked for. What is left behind is reported by the ledger, not by a case.
    async fn leave(&self, installed: Installed, results: Vec<CaseResult>) -> Vec<CaseResult> {
        let wrong = results.iter().any(|r| matches!(r.status, Status::Fail | Status::Error));
        if let Err(infra) = installed.leave(self.site, wrong).await {
            tracing::warn!("{infra}");
        }
        results
    }

    /// One case; none when the run was cancelled meanwhile.
    async fn case(&self, installed: &Installed, about: &About<'_>, mut phases: Vec<Phase>) -> Option<CaseResult> {
        self.site.observer.phase(&about.installation.id, &about.name);
        let clock = Instant::now();
        let attempt = match installed.client() {
            Err(outcome) => Ok(outcome.clone()),
            Ok(client) => tokio::select! {
                attempt = attempt(client, about.case, about.wanted, installed, &self.site.redactor) => attempt,
                () = self.site.cancel.cancelled() => return None,
            },
        };
        phases.push(Phase {
            name: "flow".into(),
            ms: ms(clock.elapsed()),
        });
        let version = &about.installation.version;
        let (prediction, traces) = match about.own.or(installed.pod()) {
            Some(pod) => (
                if about.case.is_foretold() {
                    pod.predict(about.case, version)
                } else {
                    Prediction::Unknown
                },
                trace(
                    pod,
                    about.manifests,
                    about.case,
                    &about.wanted.expect,
                    version,
                    &attempt,
                ),
            ),
            None => (Forecast::prediction_of(installed), BTreeMap::new()),
        };
        let result = self.judged(about, &prediction, &attempt, phases);
        let mut result = self.traced(result, traces, &about.case.wanted.diagnosis);
        if matches!(result.status, Status::Fail | Status::Error) {
            result.evidence.extend(installed.evidence(self.site).await);
        }
        Some(self.told(result))
    }

    /// Adds the way of each value, and what is wrong with it.
    fn traced(&self, mut result: CaseResult, traces: BTreeMap<String, Trace>, wanted: &[Code]) -> CaseResult {
        for (output, Trace { hops, diagnosis }) in traces {
            if let Some(at) = first_wrong(&hops) {
                result.first_wrong.insert(output.clone(), at);
            }
            result.diagnosis.extend(diagnosis.codes.iter().map(|code| Finding {
                output: output.clone(),
                code: *code,
                title: code.title().into(),
                cure: code.cure().into(),
                corrected: diagnosis.corrected.as_ref().map(|c| self.key.show(c)),
            }));
            result
                .hops
                .insert(output, hops.iter().map(|h| h.show(self.key)).collect());
        }
        let missed = wanted
            .iter()
            .find(|code| result.diagnosis.iter().all(|f| f.code != **code));
        if let (Status::Pass, Some(code)) = (result.status, missed) {
            result.status = Status::Fail;
            result.because = Some(format!("{} was not recognised: {}", code.code(), code.title()));
        }
        result
    }

    fn told(&self, result: CaseResult) -> CaseResult {
        self.site.observer.case(&result);
        result
    }

    fn judged(&self, about: &About<'_>, prediction: &Prediction, attempt: &Attempt, phases: Vec<Phase>) -> CaseResult {
        let verdict = judge(&about.wanted.expect, prediction, attempt);
        let scenario = &about.case.scenario;
        CaseResult {
            scenario: about.name.clone(),
            about: scenario.about.clone(),
            at: (scenario.at.0 > 0).then(|| At {
                file: scenario.file.clone(),
                line: scenario.at.0,
                column: scenario.at.1,
            }),
            source: scenario.source.clone(),
            status: verdict.status,
            because: verdict.because,
            help: attempt.as_ref().err().and_then(|i| i.help.clone()),
            promised: scenario.promise.as_ref().map(|p| expected(p, self.key)),
            expected: Some(expected(&about.wanted.expect, self.key)),
            predicted: predicted(prediction, self.key),
            observed: attempt.as_ref().ok().map(|o| observed(o, self.key)),
            model_drift: verdict.model_drift,
            warnings: about.case.warnings.clone(),
            provenance: about.provenance.clone(),
            phases,
            ..CaseResult::empty()
        }
    }

    fn lost(&self, installations: &[Installation], infra: &Infra, phases: &[Phase]) -> Vec<CaseResult> {
        if self.site.cancel.is_cancelled() {
            return Vec::new();
        }
        cases_of(installations)
            .map(|(installation, case)| {
                let provenance = self.provider.provenance(self.site, installation, None);
                let about = About::of(installation, case, None, provenance);
                let mut result = self.judged(&about, &Prediction::Unknown, &Err(infra.clone()), phases.to_vec());
                result.evidence.extend(self.site.kept(installation));
                self.told(result)
            })
            .collect()
    }

    /// What the provider cannot run: skipped, unless that is not to be.
    fn unfit(&self, group: &Group, why: &str) -> Vec<CaseResult> {
        if self.site.no_skip {
            return self.lost(&group.installations, &Infra::new("run it here", why), &[]);
        }
        cases_of(&group.installations)
            .map(|(installation, case)| {
                self.skipped(&Skipped {
                    scenario: case.scenario.name.clone(),
                    kestra: installation.kestra.clone(),
                    generation: installation.generation,
                    why: why.to_owned(),
                })
            })
            .collect()
    }

    fn skipped(&self, skipped: &Skipped) -> CaseResult {
        let result = CaseResult {
            scenario: skipped.scenario.clone(),
            status: Status::Skipped,
            because: Some(skipped.why.clone()),
            provenance: Provenance {
                kestra: skipped.kestra.clone(),
                chart: format!("{} as {}", self.site.chart, skipped.generation),
                provider: self.provider.name().to_string(),
                ..Provenance::default()
            },
            ..CaseResult::empty()
        };
        self.told(result)
    }

    fn provenance(&self, group: &Group, installation: &Installation, pods: Option<&Pods>) -> Provenance {
        let names = group
            .installations
            .iter()
            .flat_map(|i| &i.cases)
            .map(|c| c.scenario.name.clone())
            .collect();
        let mut provenance = self.provider.provenance(self.site, installation, pods);
        provenance.deviations.extend(unusual(installation));
        Provenance {
            shared_with: names,
            ..provenance
        }
    }
}

/// What is to be known of a chart and a Kestra that were not made for each other.
fn unusual(installation: &Installation) -> Option<String> {
    let pair = (installation.generation, installation.version.major);
    matches!(pair, (Generation::V0, 1..)).then(|| {
        format!(
            "chart 0.x was published with Kestra up to 0.23: nobody is known to deploy it with {}",
            installation.version
        )
    })
}

/// A case or a step of it, about to be judged.
#[derive(Clone)]
struct About<'a> {
    installation: &'a Installation,
    case: &'a Case,
    name: String,
    wanted: &'a Wanted,
    /// The pod by its own documents; twins share one that came from another's.
    own: Option<&'a Pod>,
    /// The manifests as they were applied last.
    manifests: &'a [Manifest],
    provenance: Provenance,
}

impl<'a> About<'a> {
    fn of(installation: &'a Installation, case: &'a Case, own: Option<&'a Pod>, provenance: Provenance) -> Self {
        Self {
            installation,
            case,
            name: case.scenario.name.clone(),
            wanted: &case.wanted,
            own,
            manifests: &installation.manifests,
            provenance,
        }
    }
}

/// What was done and how long it took, with Kestra's own boot apart.
fn timed(name: &str, took: Duration, boot: Option<Duration>) -> Vec<Phase> {
    let ours = Phase {
        name: name.into(),
        ms: ms(took.saturating_sub(boot.unwrap_or_default())),
    };
    let boot = boot.map(|boot| Phase {
        name: Phase::BOOT.into(),
        ms: ms(boot),
    });
    std::iter::once(ours).chain(boot).collect()
}

fn cases_of(installations: &[Installation]) -> impl Iterator<Item = (&Installation, &Case)> {
    installations.iter().flat_map(|i| i.cases.iter().map(move |c| (i, c)))
}

/// Where a result stands among the others.
fn place(result: &CaseResult) -> [&str; 3] {
    [&result.provenance.kestra, &result.provenance.chart, &result.scenario]
}

fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
