//! The case or step that is about to be judged, and what its result says beside the verdict.

use std::time::Duration;

use semver::Version;

use crate::kestra::KestraRef;
use crate::oracle::secret::Plaintext;
use crate::plan::{Case, Installation, PlannedStep};
use crate::provider::KestraPod;
use crate::report::{CaseResult, Phase, Provenance};
use crate::run::case::Flows;
use crate::scenario::{Expected, Generation, Manifest};

/// What is to be known of a chart and a Kestra that were not made for each other.
pub(super) fn unusual_pair(installation: &Installation) -> Option<String> {
    let pair = (installation.generation, installation.version.major);
    matches!(pair, (Generation::V0, 1..)).then(|| {
        format!(
            "chart 0.x was published with Kestra up to 0.23: nobody is known to deploy it with {}",
            installation.version
        )
    })
}

/// A case or a step of it, about to be judged.
pub(super) struct CaseContext<'a> {
    pub installation: &'a Installation,
    /// The version of Kestra as it is now.
    pub version: &'a Version,
    pub case: &'a Case,
    pub flows: Flows,
    /// The values as helm got them last.
    pub values: &'a Plaintext,
    /// The generation that the chart plays now.
    pub generation: Generation,
    /// What the user should know of the case, and of its steps so far.
    pub warnings: Vec<String>,
    pub name: String,
    pub wanted: &'a Expected,
    /// The pod by its own documents; twins share one that came from another's.
    pub own: Option<&'a KestraPod>,
    /// The manifests as they were applied last.
    pub manifests: &'a [Manifest],
    pub provenance: Provenance,
}

impl<'a> CaseContext<'a> {
    pub fn new(
        installation: &'a Installation,
        case: &'a Case,
        own: Option<&'a KestraPod>,
        provenance: Provenance,
    ) -> Self {
        Self {
            installation,
            version: &installation.version,
            case,
            flows: Flows::Put,
            values: &installation.values,
            generation: installation.generation,
            warnings: case.warnings.clone(),
            name: case.scenario.name.clone(),
            wanted: &case.wanted,
            own,
            manifests: &installation.manifests,
            provenance,
        }
    }

    /// The step of the same case that is judged next.
    pub fn after(self, step: &'a PlannedStep) -> Self {
        let upgraded = step.action.upgrades_to();
        Self {
            values: step.action.values().unwrap_or(self.values),
            generation: upgraded.map_or(self.generation, |to| to.generation),
            warnings: [&self.warnings[..], &step.warnings].concat(),
            version: upgraded.map_or(self.version, |to| &to.version),
            // That they are still there is part of what an upgrade has to show.
            flows: if upgraded.is_some() { Flows::Stored } else { Flows::Put },
            name: format!("{}/{}", self.case.scenario.name, step.name),
            wanted: &step.wanted,
            own: None,
            manifests: step.action.manifests().unwrap_or(self.manifests),
            ..self
        }
    }
}

/// What was done and how long it took, with Kestra's own boot apart.
pub(super) fn timed_phases(name: &str, took: Duration, boot: Option<Duration>) -> Vec<Phase> {
    let ours = Phase {
        name: name.into(),
        ms: milliseconds(took.saturating_sub(boot.unwrap_or_default())),
    };
    let boot = boot.map(|boot| Phase {
        name: Phase::BOOT.into(),
        ms: milliseconds(boot),
    });
    std::iter::once(ours).chain(boot).collect()
}

/// What results are sorted by.
pub(super) fn result_order(result: &CaseResult) -> (&KestraRef, &str, &str) {
    let Provenance { kestra, chart, .. } = &result.provenance;
    (kestra, chart, &result.scenario)
}

pub(super) fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::{ChartMode, PlanOptions, PlanTarget, build};
    use crate::scenario;

    #[test]
    fn after_a_restart_the_manifests_are_those_that_were_applied_last() {
        let scenarios: Vec<_> = scenario::load(&["rotation".to_owned()]).unwrap();
        let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
        let version = semver::Version::new(2, 0, 0);
        let target = PlanTarget {
            kestra: KestraRef::Engine(version.clone()),
            version,
            chart: ChartMode::AsWritten,
        };
        let plan = build(&scenarios, &[target], &PlanOptions::default()).unwrap();
        let installation = &plan.installations[0];
        let case = &installation.cases[0];
        let names: Vec<_> = case.steps.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["1-rotate", "2-upgrade", "3-restart"]);
        let provenance = Provenance::new("embedded", "bundled as 1.x", installation.kestra.clone());
        let first = CaseContext::new(installation, case, None, provenance);
        let mut manifests = vec![first.manifests];
        let mut context = first;
        for step in &case.steps {
            context = context.after(step);
            manifests.push(context.manifests);
        }
        assert!(manifests[0] != manifests[1] && manifests[1] != manifests[2]);
        assert_eq!(manifests[2], manifests[3]);
        assert_eq!(context.name, "rotation/3-restart");
    }
}
