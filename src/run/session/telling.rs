//! What a run says of itself: before it, and in its report.

use semver::Version;

use super::Session;
use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::plan::{Case, Installation, Plan, ProviderKind};
use crate::provider::Provider;
use crate::report::{CaseResult, Report, Run};
use crate::system::words::count;
use crate::verdict::Status;

impl Session {
    /// What is added beneath the user's values, each key with its value; nothing of a credential.
    pub fn added(&self) -> Option<String> {
        let defaults = self.site.defaults.as_ref()?;
        let generation = self.site.chart.plays()[0].generation(None);
        Some(format!(
            "added beneath the values: {}",
            leaves("", &defaults.values(generation)).join(", ")
        ))
    }

    /// What is about to be proved, in one line.
    pub fn header(&self, plan: &Plan) -> String {
        let cases: usize = plan.installations.iter().map(|i| i.cases.len()).sum();
        let installations = count(plan.installations.len(), "installation");
        self.headline(&format!("{} in {installations}", count(cases, "case")))
    }

    /// What is about to be proved, and where.
    pub fn headline(&self, what: &str) -> String {
        let kestra = |(kestra, _): &(KestraRef, Version)| match self.site.origins.get(kestra) {
            Some(origin) => format!("{kestra} ({})", origin.by),
            None => kestra.to_string(),
        };
        let kestras: Vec<_> = self.ground.kestras.iter().map(kestra).collect();
        format!(
            "run {}: {what} on {}{}, chart {}, Kestra {}, {}",
            self.site.run,
            self.ground.place,
            self.ground
                .because
                .iter()
                .map(|why| format!(" ({why})"))
                .collect::<String>(),
            self.site.chart,
            kestras.join(" and "),
            self.helm
        )
    }

    /// The results of a plan of which nothing was judged.
    pub fn unjudged(&self, plan: &Plan) -> Vec<CaseResult> {
        let cases = plan
            .installations
            .iter()
            .flat_map(|i| i.cases.iter().map(move |c| (i, c)));
        let result = |(installation, case): (&Installation, &Case)| {
            let provenance = self.site.provenance(
                self.ground.place.kind().name(),
                &installation.kestra,
                installation.generation,
            );
            CaseResult {
                about: case.scenario.about.clone(),
                ..CaseResult::new(&case.scenario.name, Status::Error, provenance)
            }
        };
        cases.map(result).collect()
    }

    /// The report of a run whose provider could not be opened: none of its cases may be thought to have passed.
    pub fn broken(&self, unjudged: Vec<CaseResult>, infra: &InfraError) -> Report {
        let because = |result| CaseResult {
            because: Some(infra.to_string()),
            help: infra.help.clone(),
            ..result
        };
        Report {
            schema: 1,
            run: self.run_on(self.ground.place.kind(), None),
            results: unjudged.into_iter().map(because).collect(),
        }
    }

    /// What was run, and where, up to now.
    pub fn run(&self, provider: &Provider) -> Run {
        self.run_on(provider.kind(), provider.kubernetes())
    }

    fn run_on(&self, provider: ProviderKind, kubernetes: Option<&str>) -> Run {
        Run {
            id: self.site.run.clone(),
            tool: env!("CARGO_PKG_VERSION").into(),
            provider: provider.to_string(),
            chart: self.site.chart.to_string(),
            kestra: self.ground.kestras.iter().map(|(k, _)| k.clone()).collect(),
            kubernetes: kubernetes.map(str::to_owned),
            helm: self.helm.clone(),
            started: self.started,
            kept: self.site.keeping.all(),
            shard: None,
            parts: Vec::new(),
            wall_ms: u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Each leaf with the path of its keys.
fn leaves(path: &str, value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| leaves(&format!("{path}{}{key}", if path.is_empty() { "" } else { "." }), value))
            .collect(),
        _ if path.ends_with("basic-auth.password") => vec![format!("{path}: [made for this run]")],
        value => vec![format!("{path}: {value}")],
    }
}
