//! What a run is about to do, and what the model says of it.

use std::sync::Arc;

use super::{ProviderSpec, Session};
use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::oracle::environment::Kubelet;
use crate::plan::{self, Installation, Plan, PlanError, PlanTarget};
use crate::provider::{self, Forecast, NodeFacts};
use crate::report::{self, OutcomeView};
use crate::scenario::{Scenario, private_texts};

impl Session {
    /// Arranges scenarios over the run's Kestras; whatever is private in them is kept out of every text
    /// from now on.
    ///
    /// # Errors
    /// [`PlanError`] when the scenarios' values cannot be used with this chart.
    pub fn plan(&self, scenarios: &[Arc<Scenario>]) -> Result<Plan, PlanError> {
        self.plan_where(scenarios, |_, _| true)
    }

    /// The same of those scenarios, by name, that are wanted of a Kestra.
    ///
    /// # Errors
    /// [`PlanError`] when the scenarios' values cannot be used with this chart.
    pub fn plan_where(
        &self,
        scenarios: &[Arc<Scenario>],
        wanted: impl Fn(&KestraRef, &str) -> bool,
    ) -> Result<Plan, PlanError> {
        for scenario in scenarios {
            for plain in private_texts(scenario) {
                self.site.redactor.add(plain.bytes());
            }
        }
        let options = plan::PlanOptions {
            isolate: self.options.isolate,
            defaults: self.site.defaults.clone(),
            values_name_the_image: self.site.defaults.is_none()
                && matches!(self.ground.place, ProviderSpec::Live { .. }),
            kestras: self.ground.kestras.clone(),
        };
        let mut whole = Plan::default();
        for target in self.targets() {
            let of_it: Vec<_> = scenarios
                .iter()
                .filter(|s| wanted(&target.kestra, &s.name))
                .cloned()
                .collect();
            let plan = plan::build(&of_it, &[target], &options)?;
            whole.installations.extend(plan.installations);
            whole.skipped.extend(plan.skipped);
        }
        Ok(whole)
    }

    /// The run's Kestras, on its chart.
    pub fn targets(&self) -> Vec<PlanTarget> {
        let mut targets = Vec::new();
        for chart in self.site.chart.plays() {
            targets.extend(self.ground.kestras.iter().map(|(kestra, version)| PlanTarget {
                kestra: kestra.clone(),
                version: version.clone(),
                chart,
            }));
        }
        targets
    }

    /// What the model says comes out of an installation's first case, by what the chart renders, and what is expected;
    /// none where that does not tell. No Kestra is started.
    ///
    /// # Errors
    /// [`InfraError`] when helm fails, or the pod asks for something that the model does not know.
    pub async fn predict(
        &self,
        installation: &Installation,
    ) -> Result<Option<(OutcomeView, Option<OutcomeView>)>, InfraError> {
        let node = NodeFacts {
            image_env: Vec::new(),
            kubelet: Kubelet::NEWEST,
            namespace: "default".into(),
            release: provider::RELEASE.into(),
        };
        let Some(case) = installation.cases.first() else {
            return Ok(None);
        };
        let forecast = Forecast::predict(&self.site, &node, installation).await?;
        let view = match forecast.pod() {
            Some(pod) => report::predicted(&pod.predict(case, &installation.version), &self.key),
            None => Some(report::observed(forecast.untried(), &self.key)),
        };
        let expected = report::expected(&case.wanted.expect, &self.key);
        Ok(view.map(|view| (view, Some(expected))))
    }
}
