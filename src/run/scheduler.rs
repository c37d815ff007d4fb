//! A plan carried out: each group of installations brought up, its cases run one after the other and
//! judged, and everything taken down again whatever happened.

mod about;
mod again;

use std::collections::BTreeMap;
use std::time::Instant;

use futures::StreamExt as _;

use self::about::{CaseContext, ms, place, timed, unusual};
use self::again::RetryQueue;
use crate::error::InfraError;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{RunKey, first_wrong};
use crate::plan::{Case, Installation, Plan, SkippedCase};
use crate::provider::trace::{OutputTrace, trace};
use crate::provider::{Forecast, InstallationGroup, Installed, Pods, Provider, RunContext};
use crate::report::{CaseResult, Diagnosed, Phase, Provenance, ScenarioPosition, expected, observed, predicted};
use crate::run::case::attempt;
use crate::verdict::{CaseOutcome, Prediction, Status, judge};

/// Carries out a plan; at most as many installations at a time as the provider bears. What broke and may be whole by
/// then is tried once more at the end, on installations of its own; what was judged never is. When the run is
/// cancelled the cases that are left are not reported.
pub async fn carry_out(provider: &Provider, site: &RunContext, key: &RunKey, plan: Plan) -> Vec<CaseResult> {
    let mut scene = Scheduler {
        provider,
        site,
        key,
        again: Some(RetryQueue::default()),
    };
    let mut results: Vec<CaseResult> = plan.skipped.iter().map(|s| scene.skipped(s)).collect();
    results.extend(scene.pass(plan.installations).await);
    let broke = scene.again.take().map(RetryQueue::installations).unwrap_or_default();
    results.extend(scene.pass(broke).await);
    results.sort_by(|a, b| place(a).cmp(&place(b)));
    results
}

struct Scheduler<'a> {
    provider: &'a Provider,
    site: &'a RunContext,
    key: &'a RunKey,
    /// What is to be tried again; none when it is the last time.
    again: Option<RetryQueue>,
}

impl Scheduler<'_> {
    async fn pass(&self, installations: Vec<Installation>) -> Vec<CaseResult> {
        let groups = self.provider.group(self.site, installations).await;
        let served = futures::stream::iter(groups).map(|group| async {
            match group {
                Ok(group) => self.serve(group).await,
                Err((installation, infra)) => self.lost(&[installation], &infra, &[]),
            }
        });
        let results: Vec<_> = served.buffer_unordered(self.provider.capacity()).collect().await;
        results.into_iter().flatten().collect()
    }

    async fn serve(&self, group: InstallationGroup) -> Vec<CaseResult> {
        if self.site.cancel.is_cancelled() {
            return Vec::new();
        }
        if let Some(why) = self.provider.unsupported_reason(&group) {
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

    async fn cases(&self, group: &InstallationGroup, mut installed: Installed, boot: Vec<Phase>) -> Vec<CaseResult> {
        let mut results: Vec<CaseResult> = Vec::new();
        for (installation, forecast) in group.installations.iter().zip(&group.forecasts) {
            for case in &installation.cases {
                let own = results.len();
                let provenance = self.provenance(group, installation, forecast.pods());
                let mut about = CaseContext::of(installation, case, forecast.pod(), provenance);
                // The boot is counted once, to the first case it served.
                let mut phases = if results.is_empty() { boot.clone() } else { Vec::new() };
                // The case itself, and then after each step.
                let mut steps = case.steps.iter();
                loop {
                    about.provenance.rest = installed.served_by();
                    match self.case(&installed, &about, phases).await {
                        Ok(result) => results.push(result),
                        Err(Unjudged::Broke(infra)) => {
                            self.broke(&about, infra, own, &mut results);
                            break;
                        }
                        Err(Unjudged::Cancelled) => return self.leave(installed, results).await,
                    }
                    let Some(step) = steps.next() else { break };
                    self.site.observer.phase(&installation.id, &step.name);
                    about = about.after(step);
                    let clock = Instant::now();
                    installed = match installed.change(self.site, &step.action).await {
                        Ok(changed) => changed,
                        Err(infra) => {
                            self.broke(&about, infra, own, &mut results);
                            return results;
                        }
                    };
                    phases = timed(&step.name, clock.elapsed(), installed.boot());
                }
            }
        }
        self.leave(installed, results).await
    }

    /// A case, or a step of it, that broke: with what there is of it since `own` it is put down for another try, unless
    /// a part of it was found wrong, which no try may make good.
    fn broke(&self, about: &CaseContext<'_>, infra: InfraError, own: usize, results: &mut Vec<CaseResult>) {
        let wrong = results[own..].iter().any(|r| r.status == Status::Fail);
        if !wrong && self.again(about.installation, about.case, &infra) {
            results.truncate(own);
        } else if !self.site.cancel.is_cancelled() {
            results.push(self.told(self.judged(about, &Prediction::Unknown, &Err(infra), Vec::new())));
        }
    }

    /// Puts a case down for another try, where that is worth while.
    fn again(&self, installation: &Installation, case: &Case, infra: &InfraError) -> bool {
        let Some(again) = self
            .again
            .as_ref()
            .filter(|_| infra.transient && !self.site.cancel.is_cancelled())
        else {
            return false;
        };
        self.site.observer.again(&case.scenario.name, infra);
        again.add(installation, case, infra);
        true
    }

    /// Takes the installation down, or leaves it where that is asked for. What is left behind is reported by the
    /// ledger, not by a case.
    async fn leave(&self, installed: Installed, results: Vec<CaseResult>) -> Vec<CaseResult> {
        let wrong = results.iter().any(|r| matches!(r.status, Status::Fail | Status::Error));
        if let Err(infra) = installed.teardown(self.site, wrong).await {
            tracing::warn!("{infra}");
        }
        results
    }

    /// One case.
    async fn case(
        &self,
        installed: &Installed,
        about: &CaseContext<'_>,
        mut phases: Vec<Phase>,
    ) -> Result<CaseResult, Unjudged> {
        self.site.observer.phase(&about.installation.id, &about.name);
        let clock = Instant::now();
        let attempt = match installed.client() {
            Err(outcome) => Ok(outcome.clone()),
            Ok(client) => tokio::select! {
                attempt = attempt(client, about.case, about.wanted, installed, &self.site.redactor) => attempt,
                () = self.site.cancel.cancelled() => return Err(Unjudged::Cancelled),
            },
        };
        // Whatever came out: of other pods it would say nothing, and why it failed is then known.
        let attempt = installed.unchanged().await.and(attempt);
        if let (Err(infra), true) = (&attempt, self.again.is_some())
            && infra.transient
        {
            installed.evidence(self.site).await;
            return Err(Unjudged::Broke(infra.clone()));
        }
        phases.push(Phase {
            name: "flow".into(),
            ms: ms(clock.elapsed()),
        });
        let version = &about.installation.version;
        let pod = about.own.or(installed.pod());
        let (prediction, traces) = match pod.filter(|_| !about.installation.as_printed) {
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
        let mut result = self.traced(result, traces, &about.wanted.diagnosis);
        if matches!(result.status, Status::Fail | Status::Error) {
            result.evidence.extend(installed.evidence(self.site).await);
        }
        Ok(self.told(result))
    }

    /// Adds the way of each value, and what is wrong with it.
    fn traced(&self, mut result: CaseResult, traces: BTreeMap<String, OutputTrace>, wanted: &[Code]) -> CaseResult {
        for (output, OutputTrace { hops, diagnosis }) in traces {
            if let Some(at) = first_wrong(&hops) {
                result.first_wrong.insert(output.clone(), at);
            }
            result.diagnosis.extend(diagnosis.codes.iter().map(|code| Diagnosed {
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

    fn judged(
        &self,
        about: &CaseContext<'_>,
        prediction: &Prediction,
        attempt: &CaseOutcome,
        phases: Vec<Phase>,
    ) -> CaseResult {
        let verdict = judge(&about.wanted.expect, prediction, attempt);
        let scenario = &about.case.scenario;
        CaseResult {
            scenario: about.name.clone(),
            about: scenario.about.clone(),
            at: (scenario.at.0 > 0).then(|| ScenarioPosition {
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

    fn lost(&self, installations: &[Installation], infra: &InfraError, phases: &[Phase]) -> Vec<CaseResult> {
        if self.site.cancel.is_cancelled() {
            return Vec::new();
        }
        cases_of(installations)
            .filter(|(installation, case)| !self.again(installation, case, infra))
            .map(|(installation, case)| {
                let provenance = self.provider.provenance(self.site, installation, None);
                let about = CaseContext::of(installation, case, None, provenance);
                let mut result = self.judged(&about, &Prediction::Unknown, &Err(infra.clone()), phases.to_vec());
                result.evidence.extend(self.site.kept(installation));
                self.told(result)
            })
            .collect()
    }

    /// What the provider cannot run: skipped, unless that is not to be.
    fn unfit(&self, group: &InstallationGroup, why: &str) -> Vec<CaseResult> {
        if self.site.no_skip {
            return self.lost(&group.installations, &InfraError::new("run it here", why), &[]);
        }
        cases_of(&group.installations)
            .map(|(installation, case)| {
                self.skipped(&SkippedCase {
                    scenario: case.scenario.name.clone(),
                    kestra: installation.kestra.clone(),
                    generation: installation.generation,
                    why: why.to_owned(),
                })
            })
            .collect()
    }

    fn skipped(&self, skipped: &SkippedCase) -> CaseResult {
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

    fn provenance(&self, group: &InstallationGroup, installation: &Installation, pods: Option<&Pods>) -> Provenance {
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

fn cases_of(installations: &[Installation]) -> impl Iterator<Item = (&Installation, &Case)> {
    installations.iter().flat_map(|i| i.cases.iter().map(move |c| (i, c)))
}

/// Why a case was not judged.
enum Unjudged {
    /// The run was cancelled meanwhile.
    Cancelled,
    /// The environment broke, and may be whole again.
    Broke(InfraError),
}
