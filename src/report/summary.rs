//! A report in one sentence, and what it was run against.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{CaseResult, Report, Run};
use crate::error::ExitCode;
use crate::kestra::KestraRef;
use crate::verdict;
use crate::verdict::Status;

/// How many cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// As expected, and as predicted.
    pub pass: usize,
    /// A wrong value, or an oracle that is not true.
    pub fail: usize,
    /// The environment broke before an answer.
    pub error: usize,
    /// Not run.
    pub skipped: usize,
}

/// What a case was run against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination {
    /// The Kestra.
    pub kestra: KestraRef,
    /// Its image, where that is known.
    pub image: Option<String>,
    /// The chart.
    pub chart: String,
    /// Where Kestra ran.
    pub provider: String,
    /// The cluster's version; none where there is no cluster.
    pub kubernetes: Option<String>,
    /// The version of helm, where that is known.
    pub helm: Option<String>,
}

impl Combination {
    /// The versions of the cluster and of helm, where those alone tell it from another one of these.
    pub fn distinction(&self, all: &BTreeSet<Self>) -> Option<String> {
        let same = |other: &&Self| {
            (&other.kestra, &other.chart, &other.provider) == (&self.kestra, &self.chart, &self.provider)
        };
        let differs = |of: fn(&Self) -> &Option<String>| all.iter().filter(same).any(|other| of(other) != of(self));
        let kubernetes = self.kubernetes.iter().filter(|_| differs(|of| &of.kubernetes));
        let helm = self.helm.iter().filter(|_| differs(|of| &of.helm));
        let told: Vec<_> = kubernetes
            .map(|version| format!("Kubernetes {version}"))
            .chain(helm.map(|version| format!("helm {version}")))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

impl Counts {
    /// Of these.
    pub fn tally(results: &[CaseResult]) -> Self {
        let mut counts = Self::default();
        for result in results {
            match result.status {
                Status::Pass => counts.pass += 1,
                Status::Fail => counts.fail += 1,
                Status::Error => counts.error += 1,
                Status::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    /// Those that were judged or should have been.
    pub fn run(self) -> usize {
        self.pass + self.fail + self.error
    }
}

impl CaseResult {
    /// The name of its scenario; a step's result has the step's name behind it.
    pub fn scenario_name(&self) -> &str {
        self.scenario.split_once('/').map_or(&self.scenario, |(name, _)| name)
    }

    /// What it was run against.
    pub fn combination(&self) -> Combination {
        let of = &self.provenance;
        Combination {
            kestra: of.kestra.clone(),
            image: of.image.clone(),
            chart: of.chart.clone(),
            provider: of.provider.clone(),
            kubernetes: of.kubernetes.clone(),
            helm: of.helm.clone(),
        }
    }

    /// Whether its source promised something else than came out.
    pub fn breaks_its_promise(&self) -> bool {
        self.promised
            .as_ref()
            .zip(self.observed.as_ref())
            .is_some_and(|(promised, observed)| promised != observed)
    }
}

impl Report {
    /// What it amounts to, as an exit code.
    pub fn exit(&self) -> ExitCode {
        verdict::exit_code(self.results.iter().map(|r| r.status))
    }

    /// What it amounts to, in one sentence.
    pub fn verdict(&self) -> String {
        let counts = Counts::tally(&self.results);
        let run = counts.run();
        let mut sentence = match (counts.fail, counts.error) {
            _ if run == 0 => "Nothing was run, so nothing is proved".to_owned(),
            (0, 0) if run == 1 => "The one case came out as expected".to_owned(),
            (0, 0) => format!("All {run} cases came out as expected"),
            (0, broken) => format!(
                "{broken} of {run} {} not judged: the environment broke",
                plural(run, "case was", "cases were")
            ),
            (wrong, 0) => format!("{wrong} of {run} {} wrong", plural(run, "case went", "cases went")),
            (wrong, broken) => format!(
                "{wrong} of {run} cases went wrong, and {broken} {} not judged",
                plural(broken, "was", "were")
            ),
        };
        let broken = self.results.iter().filter(|r| r.breaks_its_promise()).count();
        if broken > 0 {
            let promises = plural(
                broken,
                "promise that a source makes was",
                "promises that sources make were",
            );
            // Writing to a string does not fail.
            let _ = write!(sentence, "; {broken} {promises} not kept");
        }
        if counts.skipped > 0 {
            // Writing to a string does not fail.
            let _ = write!(sentence, "; {} skipped", counts.skipped);
        }
        sentence.push('.');
        sentence
    }

    /// All that cases were run against, in order.
    pub fn combinations(&self) -> BTreeSet<Combination> {
        self.results.iter().map(CaseResult::combination).collect()
    }

    /// What was not the real thing, each once.
    pub fn modelled(&self) -> BTreeSet<&str> {
        let all = self.results.iter().flat_map(|r| &r.provenance.modelled);
        all.map(String::as_str).collect()
    }
}

impl Run {
    /// The names of its Kestras, for people.
    pub fn kestras(&self) -> String {
        let names: Vec<_> = self.kestra.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    /// The runs it is made of: itself, where it is not merged.
    pub fn runs(&self) -> &[Self] {
        if self.parts.is_empty() {
            std::slice::from_ref(self)
        } else {
            &self.parts
        }
    }
}

fn plural<'a>(n: usize, one: &'a str, several: &'a str) -> &'a str {
    if n == 1 { one } else { several }
}
