//! What the cases of an earlier run took, to say how long the next one takes and to cut it into parts.

use std::collections::BTreeMap;

use super::CaseResult;
use crate::kestra::KestraRef;
use crate::plan::Installation;

/// What the cases of an earlier run took, in milliseconds, by provider, Kestra and scenario.
pub struct PastDurations(BTreeMap<(String, KestraRef, String), u64>);

impl PastDurations {
    /// Those of a report.
    pub fn of_results(results: &[CaseResult]) -> Self {
        let mut past = BTreeMap::new();
        for result in results.iter().filter(|result| !result.phases.is_empty()) {
            let took: u64 = result.phases.iter().map(|phase| phase.ms).sum();
            *past.entry(key(result)).or_default() += took;
        }
        Self(past)
    }

    /// What an installation took; none where one of its cases did not run.
    pub fn installation(&self, provider: &str, of: &Installation) -> Option<u64> {
        let took = |scenario: &str| {
            let key = (provider.to_owned(), of.kestra.clone(), scenario.to_owned());
            self.0.get(&key).copied()
        };
        of.cases.iter().map(|case| took(&case.scenario.name)).sum()
    }

    /// What its cases took at most on other Kestras, for a Kestra that was never run; none where one ran on none.
    pub fn on_another(&self, provider: &str, of: &Installation) -> Option<u64> {
        let longest = |scenario: &str| {
            let alike = self.0.iter().filter(|((p, _, s), _)| p == provider && s == scenario);
            alike.map(|(_, took)| *took).max()
        };
        of.cases.iter().map(|case| longest(&case.scenario.name)).sum()
    }
}

/// A case belongs to the Kestra that was installed first, and its steps to the case.
fn key(result: &CaseResult) -> (String, KestraRef, String) {
    let provenance = &result.provenance;
    let provider = provenance.provider.split(' ').next().unwrap_or_default();
    let kestra = provenance.installed_kestra().clone();
    (provider.into(), kestra, result.scenario_name().into())
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
}
