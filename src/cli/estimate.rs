//! How many installations a run makes, and about how long that takes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::kestra::KestraRef;
use crate::plan::{Installation, Plan, opening, tenths};
use crate::report::{CaseResult, json};
use crate::run::session::Session;
use crate::system::words::count;

/// What the cases of an earlier run took, in milliseconds, by provider, Kestra and scenario.
struct PastDurations(BTreeMap<(String, KestraRef, String), u64>);

impl PastDurations {
    fn of_results(results: &[CaseResult]) -> Self {
        let mut past = BTreeMap::new();
        for result in results.iter().filter(|result| !result.phases.is_empty()) {
            let took: u64 = result.phases.iter().map(|phase| phase.ms).sum();
            *past.entry(key(result)).or_default() += took;
        }
        Self(past)
    }

    /// What an installation took; none where one of its cases did not run.
    fn installation(&self, provider: &str, of: &Installation) -> Option<u64> {
        let took = |scenario: &str| {
            let key = (provider.to_owned(), of.kestra.clone(), scenario.to_owned());
            self.0.get(&key).copied()
        };
        of.cases.iter().map(|case| took(&case.scenario.name)).sum()
    }
}

/// A case belongs to the Kestra that was installed first, and its steps to the case.
fn key(result: &CaseResult) -> (String, KestraRef, String) {
    let provenance = &result.provenance;
    let provider = provenance.provider.split(' ').next().unwrap_or_default();
    let kestra = provenance.installed_kestra().clone();
    (provider.into(), kestra, result.scenario_name().into())
}

/// What is ahead, in one line: by the report of an earlier run in this folder, and where there is none by what was
/// measured on a machine with two cores.
pub fn estimate(plans: &[Plan], sessions: &[Session], folder: Option<&Path>) -> String {
    let earlier = folder.map(|folder| folder.join("report.json"));
    let earlier = earlier.filter(|file| file.is_file());
    let past = earlier.as_deref().and_then(|file| json::read(file).ok());
    let past = past.map(|(report, _)| PastDurations::of_results(&report.results));
    let (mut known, mut installations, mut took) = (0, 0, Duration::ZERO);
    for (session, plan) in sessions.iter().zip(plans).filter(|(_, plan)| !plan.is_empty()) {
        let provider = session.provider_spec().kind();
        let mut work = 0;
        for installation in &plan.installations {
            let measured = past
                .as_ref()
                .and_then(|past| past.installation(provider.name(), installation));
            known += usize::from(measured.is_some());
            work += measured.unwrap_or_else(|| tenths(installation) * 100);
        }
        installations += plan.installations.len();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_a_time = session.options().parallel.unwrap_or(cores).max(1) as u64;
        let opens = opening(session.provider_spec().makes_a_cluster()) * 100;
        took += Duration::from_millis(opens + work / at_a_time);
    }
    let basis = match earlier {
        Some(file) if known > 0 => format!("{known} of them by {}", file.display()),
        _ => "as two cores take".into(),
    };
    format!(
        "{}, about {} ({basis})",
        count(installations, "installation"),
        roughly(took)
    )
}

/// To a tenth or so: nobody waits by the second.
fn roughly(took: Duration) -> String {
    match took.as_secs() {
        seconds @ 0..90 => format!("{} s", seconds.div_ceil(10) * 10),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Phase, Provenance, UpgradedFrom};
    use crate::verdict::Status;

    #[test]
    fn a_step_counts_for_the_case_and_the_kestra_that_it_began_on() {
        let engine = |major| KestraRef::Engine(semver::Version::new(major, 0, 0));
        let took = |name: &str, kestra, ms| {
            let provenance = Provenance::new("kind", "kestra-minimal as 1.x", kestra);
            let mut result = CaseResult::new(name, Status::Pass, provenance);
            result.phases.push(Phase {
                name: "flow".into(),
                ms,
            });
            result
        };
        let mut step = took("upgrade/1-upgrade", engine(2), 30);
        step.provenance.upgraded_from = Some(UpgradedFrom {
            kestra: engine(1),
            chart: "kestra-minimal as 1.x".into(),
        });
        let past = PastDurations::of_results(&[took("upgrade", engine(1), 12), step]);
        assert_eq!(past.0.len(), 1);
        assert_eq!(past.0[&("kind".into(), engine(1), "upgrade".into())], 42);
    }

    #[test]
    fn a_duration_is_rounded_up() {
        let said = [0, 1, 89, 90, 3600].map(|seconds| roughly(Duration::from_secs(seconds)));
        assert_eq!(said, ["0 s", "10 s", "90 s", "2 min", "60 min"]);
    }
}
