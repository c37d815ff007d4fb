//! The results of cases: judged, lost with their installation, or skipped.

use std::collections::BTreeMap;

use super::Scheduler;
use super::case_context::{CaseContext, unusual_pair};
use crate::error::InfraError;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Plaintext, first_wrong};
use crate::plan::{Case, Installation, ReleaseVersion, SkippedCase};
use crate::provider::trace::{OutputTrace, TracedCase};
use crate::provider::{Forecast, InstallationGroup, Installed, Pods};
use crate::report::{
    CaseResult, Diagnosed, Phase, Provenance, ScenarioPosition, UpgradedFrom, expected, observed, predicted,
};
use crate::scenario::Expect;
use crate::verdict::{CaseOutcome, Outcome, Prediction, Status, judge};

impl Scheduler<'_> {
    /// Judges what came of a case, and follows each value on its way.
    pub(super) fn judge(
        &self,
        installed: &Installed,
        context: &CaseContext<'_>,
        outcome: &CaseOutcome,
        phases: Vec<Phase>,
    ) -> CaseResult {
        let version = context.version;
        let pod = context.own.or(installed.pod());
        let (prediction, traces) = match pod.filter(|_| !context.installation.as_printed) {
            Some(pod) => {
                let prediction = if context.case.is_foretold() {
                    pod.predict(context.case, version)
                } else {
                    Prediction::Unknown
                };
                let traced = TracedCase {
                    manifests: context.manifests,
                    values: context.values,
                    generation: context.generation,
                    case: context.case,
                    expect: &context.wanted.expect,
                    version,
                    attempt: outcome,
                };
                let pods = installed.pods().map(Pods::each).unwrap_or_default();
                (prediction, traced.trace(pod, &pods))
            }
            None => (Forecast::prediction_of(installed), BTreeMap::new()),
        };
        let result = self.result(context, &prediction, outcome, phases);
        let result = self.with_traces(result, traces, &context.wanted.diagnosis);
        with_wrong_expectation(result, context, outcome)
    }

    /// Adds the way of each value, and what is wrong with it.
    fn with_traces(
        &self,
        mut result: CaseResult,
        traces: BTreeMap<String, OutputTrace>,
        wanted: &[Code],
    ) -> CaseResult {
        for (output, OutputTrace { hops, diagnosis }) in traces {
            if let Some(at) = first_wrong(&hops) {
                result.first_wrong.insert(output.clone(), at);
            }
            // Of what the user's files say of it, that nothing gives it is the least.
            let files_tell = !result.in_files.is_empty();
            let codes = diagnosis
                .codes
                .iter()
                .filter(|code| !(files_tell && **code == Code::NotGiven));
            result.diagnosis.extend(codes.map(|code| Diagnosed {
                output: output.clone(),
                code: *code,
                title: code.title().into(),
                cure: code.cure().into(),
                corrected: diagnosis.corrected.as_ref().map(|c| self.key.show(c)),
            }));
            let hops = hops.iter().map(|hop| hop.show(self.key)).collect();
            result.hops.insert(output, hops);
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

    /// The verdict on a case, without the way of its values.
    pub(super) fn result(
        &self,
        context: &CaseContext<'_>,
        prediction: &Prediction,
        outcome: &CaseOutcome,
        phases: Vec<Phase>,
    ) -> CaseResult {
        let verdict = judge(&context.wanted.expect, prediction, outcome);
        let scenario = &context.case.scenario;
        CaseResult {
            about: scenario.about.clone(),
            at: (scenario.at.0 > 0).then(|| ScenarioPosition {
                file: scenario.file.clone(),
                line: scenario.at.0,
                column: scenario.at.1,
            }),
            source: scenario.source.clone(),
            because: verdict.because,
            help: outcome.as_ref().err().and_then(|i| i.help.clone()),
            promised: scenario.promise.as_ref().map(|p| expected(p, self.key)),
            expected: Some(expected(&context.wanted.expect, self.key)),
            predicted: predicted(prediction, self.key),
            observed: outcome.as_ref().ok().map(|o| observed(o, self.key)),
            model_drift: verdict.model_drift,
            warnings: context.warnings.clone(),
            in_files: if verdict.status == Status::Fail {
                context.case.in_files.clone()
            } else {
                Vec::new()
            },
            phases,
            ..CaseResult::new(&context.name, verdict.status, context.provenance.clone())
        }
    }

    /// Installations that broke before any of their cases ran.
    pub(super) fn lose(&self, installations: &[Installation], infra: &InfraError, phases: &[Phase]) -> Vec<CaseResult> {
        if self.site.cancel.is_cancelled() {
            return Vec::new();
        }
        cases_of(installations)
            .filter(|(installation, case)| !self.queue_retry(installation, case, infra))
            .map(|(installation, case)| {
                let provenance = self.provider.provenance(self.site, installation, None);
                let context = CaseContext::new(installation, case, None, provenance);
                let outcome = Err(infra.clone());
                let mut result = self.result(&context, &Prediction::Unknown, &outcome, phases.to_vec());
                result.evidence.extend(self.site.kept(installation));
                self.publish(result)
            })
            .collect()
    }

    /// What the provider cannot run: skipped, unless that is not to be.
    pub(super) fn skip_group(&self, group: &InstallationGroup, why: &str) -> Vec<CaseResult> {
        if self.site.no_skip {
            return self.lose(&group.installations, &InfraError::new("run it here", why), &[]);
        }
        cases_of(&group.installations)
            .map(|(installation, case)| {
                self.skip(&SkippedCase {
                    scenario: case.scenario.name.clone(),
                    kestra: installation.kestra.clone(),
                    generation: installation.generation,
                    why: why.to_owned(),
                })
            })
            .collect()
    }

    pub(super) fn skip(&self, skipped: &SkippedCase) -> CaseResult {
        let provider = self.provider.kind().name();
        // In the company of the cases that were run.
        let provenance = Provenance {
            image: self.provider.image_of(self.site, &skipped.kestra),
            kubernetes: self.provider.kubernetes().map(ToOwned::to_owned),
            ..self.site.provenance(provider, &skipped.kestra, skipped.generation)
        };
        self.publish(CaseResult {
            because: Some(skipped.why.clone()),
            ..CaseResult::new(&skipped.scenario, Status::Skipped, provenance)
        })
    }

    /// Tells whoever watches the run of a result that is final.
    pub(super) fn publish(&self, result: CaseResult) -> CaseResult {
        self.site.observer.case(&result);
        result
    }

    pub(super) fn provenance(
        &self,
        group: &InstallationGroup,
        installation: &Installation,
        pods: Option<&Pods>,
    ) -> Provenance {
        let cases = group.installations.iter().flat_map(|i| &i.cases);
        let shared_with = cases.map(|case| case.scenario.name.clone()).collect();
        Provenance {
            shared_with,
            ..self.provenance_of(installation, pods)
        }
    }

    /// The same once an installation was upgraded, which nobody shares.
    pub(super) fn provenance_after(
        &self,
        context: &CaseContext<'_>,
        to: &ReleaseVersion,
        installed: &Installed,
    ) -> Provenance {
        let mut upgraded = context.installation.bare();
        upgraded.upgrade_to(to);
        Provenance {
            shared_with: context.provenance.shared_with.clone(),
            upgraded_from: Some(UpgradedFrom {
                kestra: context.installation.kestra.clone(),
                chart: self.site.chart_as(context.installation.generation),
            }),
            ..self.provenance_of(&upgraded, installed.pods())
        }
    }

    fn provenance_of(&self, installation: &Installation, pods: Option<&Pods>) -> Provenance {
        let mut provenance = self.provider.provenance(self.site, installation, pods);
        provenance.deviations.extend(unusual_pair(installation));
        provenance
    }
}

fn cases_of(installations: &[Installation]) -> impl Iterator<Item = (&Installation, &Case)> {
    installations.iter().flat_map(|i| i.cases.iter().map(move |c| (i, c)))
}

/// Says so where the expectation is to blame, and not what was given to Kestra.
fn with_wrong_expectation(mut result: CaseResult, context: &CaseContext<'_>, outcome: &CaseOutcome) -> CaseResult {
    let (Expect::Outputs(expected), Ok(Outcome::Ran(ran))) = (&context.wanted.expect, outcome) else {
        return result;
    };
    let got = |output: &String| ran.outputs.get(output).map(Plaintext::bytes);
    let wrong: Vec<_> = expected
        .iter()
        .filter(|(output, plain)| got(output) != Some(plain.bytes()))
        .collect();
    if result.status != Status::Fail || wrong.is_empty() {
        return result;
    }
    let file = &context.case.scenario.file;
    let lacks_newline = |(output, plain): &(&String, &Plaintext)| {
        got(output).is_some_and(|got| plain.bytes().strip_suffix(b"\n") == Some(got))
    };
    if wrong.iter().all(lacks_newline) {
        // No hop is wrong, and no value is to be written otherwise.
        for (output, _) in wrong {
            result.first_wrong.remove(output);
            result.diagnosis.retain(|finding| finding.output != *output);
        }
        result.help = Some(format!(
            "only the expectation ends in a newline, nothing else differs: remove the last newline from {file} \
             (`printf %s` writes none)"
        ));
        return result;
    }
    let is_clean = |(output, _): &(&String, &Plaintext)| {
        !result.first_wrong.contains_key(*output) && result.diagnosis.iter().all(|finding| finding.output != **output)
    };
    if wrong.iter().all(is_clean) && result.predicted == result.observed {
        result.help = Some(format!(
            "Kestra got what was given to it; only `expect` says something else: correct it in {file}"
        ));
    }
    result
}
