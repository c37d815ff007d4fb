//! Runs a plan: brings up each group of installations, runs its cases one after the other, has them judged, and takes
//! everything down again whatever happened.

mod case_context;
mod results;
mod retry_queue;

use std::time::Instant;

use futures::StreamExt as _;

use self::case_context::{CaseContext, milliseconds, result_order, timed_phases};
use self::retry_queue::RetryQueue;
use crate::error::InfraError;
use crate::oracle::secret::RunKey;
use crate::plan::{Case, Installation, Plan};
use crate::provider::{InstallationGroup, Installed, Provider, RunContext};
use crate::report::{CaseResult, Phase};
use crate::run::case::run_case;
use crate::verdict::{Prediction, Status};

/// Runs a plan; at most as many installations at a time as the provider bears. What the environment broke is tried once
/// more at the end, on installations of its own, where that may help; what was judged never is. When the run is
/// cancelled the cases that are left are not reported.
pub async fn carry_out(provider: &Provider, site: &RunContext, key: &RunKey, plan: Plan) -> Vec<CaseResult> {
    let mut scheduler = Scheduler {
        provider,
        site,
        key,
        retries: Some(RetryQueue::default()),
    };
    let mut results: Vec<CaseResult> = plan.skipped.iter().map(|s| scheduler.skip(s)).collect();
    results.extend(scheduler.run_installations(plan.installations).await);
    let retries = scheduler.retries.take();
    let broken = retries.map(RetryQueue::installations).unwrap_or_default();
    results.extend(scheduler.run_installations(broken).await);
    results.sort_by(|a, b| result_order(a).cmp(&result_order(b)));
    results
}

struct Scheduler<'a> {
    provider: &'a Provider,
    site: &'a RunContext,
    key: &'a RunKey,
    /// What is to be tried again; none when it is the last time.
    retries: Option<RetryQueue>,
}

/// Why a case was not judged.
enum Unjudged {
    /// The run was cancelled meanwhile.
    Cancelled,
    /// The environment broke, and may be whole again.
    Broken(InfraError),
}

impl Scheduler<'_> {
    async fn run_installations(&self, installations: Vec<Installation>) -> Vec<CaseResult> {
        let groups = self.provider.group(self.site, installations).await;
        let runs = futures::stream::iter(groups).map(|group| async {
            match group {
                Ok(group) => self.run_group(group).await,
                Err((installation, infra)) => self.lose(&[installation], &infra, &[]),
            }
        });
        let results: Vec<_> = runs.buffer_unordered(self.provider.capacity()).collect().await;
        results.into_iter().flatten().collect()
    }

    async fn run_group(&self, group: InstallationGroup) -> Vec<CaseResult> {
        if self.site.cancel.is_cancelled() {
            return Vec::new();
        }
        if let Some(why) = self.provider.unsupported_reason(&group) {
            return self.skip_group(&group, why);
        }
        self.site.observer.phase(&group.installations[0].id, "install");
        let clock = Instant::now();
        let installed = self.provider.install(self.site, &group).await;
        let took = clock.elapsed();
        let results = match installed {
            Err(infra) => self.lose(&group.installations, &infra, &timed_phases("install", took, None)),
            Ok(mut installed) => {
                let boot = timed_phases("install", took, installed.boot());
                self.run_cases(&group, installed, boot).await
            }
        };
        for installation in &group.installations {
            self.site.observer.finished(&installation.id);
        }
        results
    }

    /// Runs the cases of all installations of a group on the one that serves them, and takes it down.
    async fn run_cases(&self, group: &InstallationGroup, installed: Installed, boot: Vec<Phase>) -> Vec<CaseResult> {
        let mut results: Vec<CaseResult> = Vec::new();
        let mut running = installed;
        for (installation, forecast) in group.installations.iter().zip(&group.forecasts) {
            for case in &installation.cases {
                let provenance = self.provenance(group, installation, forecast.pods());
                let context = CaseContext::new(installation, case, forecast.pod(), provenance);
                // The boot is counted once, to the first case it served.
                let phases = if results.is_empty() { boot.clone() } else { Vec::new() };
                running = match self.run_steps(context, running, phases, &mut results).await {
                    Some(running) => running,
                    None => return results,
                };
            }
        }
        self.teardown(running, &results).await;
        results
    }

    /// Runs the case itself and then each of its steps. Gives the installation back, unless an interruption or a step
    /// that broke ended it.
    async fn run_steps(
        &self,
        mut context: CaseContext<'_>,
        mut installed: Installed,
        mut phases: Vec<Phase>,
        results: &mut Vec<CaseResult>,
    ) -> Option<Installed> {
        let first = results.len();
        let mut steps = context.case.steps.iter();
        loop {
            context.provenance.rest = installed.served_by();
            match self.run_case(&installed, &context, phases).await {
                Ok(result) => results.push(result),
                Err(Unjudged::Broken(infra)) => {
                    self.end_broken(&context, infra, first, results);
                    return Some(installed);
                }
                Err(Unjudged::Cancelled) => {
                    self.teardown(installed, results).await;
                    return None;
                }
            }
            let Some(step) = steps.next() else {
                return Some(installed);
            };
            self.site.observer.phase(&context.installation.id, &step.name);
            context = context.after(step);
            let clock = Instant::now();
            installed = match installed.change(self.site, &step.action).await {
                Ok(changed) => changed,
                Err(infra) => {
                    self.end_broken(&context, infra, first, results);
                    return None;
                }
            };
            if let Some(to) = step.action.upgrades_to() {
                context.provenance = self.provenance_after(&context, to, &installed);
            }
            phases = timed_phases(&step.name, clock.elapsed(), installed.boot());
        }
    }

    /// Runs one case, or what a step left of it.
    async fn run_case(
        &self,
        installed: &Installed,
        context: &CaseContext<'_>,
        mut phases: Vec<Phase>,
    ) -> Result<CaseResult, Unjudged> {
        self.site.observer.phase(&context.installation.id, &context.name);
        let clock = Instant::now();
        let outcome = match installed.client() {
            Err(outcome) => Ok(outcome.clone()),
            Ok(client) => tokio::select! {
                outcome = run_case(client, context.case, context.wanted, installed, &self.site.redactor, context.flows) => outcome,
                () = self.site.cancel.cancelled() => return Err(Unjudged::Cancelled),
            },
        };
        // Whatever came out: of other pods it would say nothing, and why it failed is then known.
        let outcome = installed.unchanged().await.and(outcome);
        if let (Err(infra), true) = (&outcome, self.retries.is_some())
            && infra.transient
        {
            installed.evidence(self.site).await;
            return Err(Unjudged::Broken(infra.clone()));
        }
        phases.push(Phase {
            name: "flow".into(),
            ms: milliseconds(clock.elapsed()),
        });
        let mut result = self.judge(installed, context, &outcome, phases);
        if matches!(result.status, Status::Fail | Status::Error) {
            result.evidence.extend(installed.evidence(self.site).await);
        }
        Ok(self.publish(result))
    }

    /// Ends a case, or a step of it, that the environment broke. With its results from `first` on it is put down for
    /// another try, unless a part of it was found wrong, which no try may make good.
    fn end_broken(&self, context: &CaseContext<'_>, infra: InfraError, first: usize, results: &mut Vec<CaseResult>) {
        let wrong = results[first..].iter().any(|r| r.status == Status::Fail);
        if !wrong && self.queue_retry(context.installation, context.case, &infra) {
            results.truncate(first);
        } else if !self.site.cancel.is_cancelled() {
            results.push(self.publish(self.result(context, &Prediction::Unknown, &Err(infra), Vec::new())));
        }
    }

    /// Puts a case down for another try, and says whether that is worth while.
    fn queue_retry(&self, installation: &Installation, case: &Case, infra: &InfraError) -> bool {
        let is_worth_while = infra.transient && !self.site.cancel.is_cancelled();
        let Some(retries) = self.retries.as_ref().filter(|_| is_worth_while) else {
            return false;
        };
        self.site.observer.again(&case.scenario.name, infra);
        retries.add(installation, case, infra);
        true
    }

    /// Takes the installation down, or leaves it where that is asked for. What is left behind is reported by the
    /// ledger, not by a case.
    async fn teardown(&self, installed: Installed, results: &[CaseResult]) {
        let wrong = results.iter().any(|r| matches!(r.status, Status::Fail | Status::Error));
        if let Err(infra) = installed.teardown(self.site, wrong).await {
            tracing::warn!("{infra}");
        }
    }
}
