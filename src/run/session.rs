//! One run: its id, its tools, what it owns, and the way of the data through it.

pub mod auto;
pub(crate) mod docker;
mod flags;
pub(crate) mod ground;
pub mod official;
mod options;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use secrecy::ExposeSecret as _;
use semver::Version;
use tokio_util::sync::CancellationToken;

pub use flags::ProviderFlag;
use ground::Ground;
pub use options::{ProviderChoice, ProviderSpec, SessionOptions};

use crate::error::{During as _, InfraError};
use crate::kestra::KestraRef;
use crate::oracle::environment::Kubelet;
use crate::oracle::secret::{Plaintext, RunKey};
use crate::plan::{self, Case, Defaults, Installation, Plan, PlanError, PlanTarget, ProviderKind};
use crate::provider::{self, Forecast, Keeping, NodeFacts, Provider, RunContext, embedded, live};
use crate::report::{self, CaseResult, Observer, OutcomeView, Report, Run};
use crate::run::scheduler;
use crate::scenario::Credentials;
use crate::scenario::{Scenario, private_texts};
use crate::system::ledger::{Ledger, RunId, TempDir};
use crate::system::redact::Redactor;
use crate::system::words::count;
use crate::tools::helm::{Chart, ChartRef, GitChart, Helm, RenderError};
use crate::tools::toolbox::{Tool, Toolbox};
use crate::verdict::Status;

/// A run that has its tools.
pub struct Session {
    site: RunContext,
    key: RunKey,
    options: SessionOptions,
    ground: Ground,
    helm: String,
    started: jiff::Timestamp,
    clock: Instant,
    /// The chart as it was unpacked for this run, and what helm reads.
    folder: TempDir,
}

impl Session {
    /// Chooses what was left open, and finds the tools and the chart.
    ///
    /// # Errors
    /// [`InfraError`] with the tool that is missing and how to get it.
    pub async fn open(
        mut options: SessionOptions,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Result<Self, InfraError> {
        let (clock, started) = (Instant::now(), jiff::Timestamp::now());
        let mut toolbox = Toolbox::from_env(cancel.clone()).during("look for tools")?;
        if let Some(helm) = &options.helm {
            toolbox.set_executable(Tool::Helm, helm);
        }
        let ground = Ground::find(&mut options, &toolbox, &*observer, &cancel).await?;
        let ledger = Ledger::open(RunId::random()).await?;
        let folder = ledger.temp_dir().await?;
        match equip(&options, &ground, toolbox, observer, cancel, &ledger, folder.path()).await {
            Ok((site, helm)) => Ok(Self {
                site,
                key: RunKey::random(),
                options,
                ground,
                helm,
                started,
                clock,
                folder,
            }),
            Err(infra) => {
                folder.remove().await?;
                ledger.close().await?;
                Err(infra)
            }
        }
    }

    /// Several files of values as one, the later ones going before the earlier, as helm does it.
    ///
    /// # Errors
    /// [`RenderError::Refused`] when helm cannot read them.
    pub async fn merged(&self, files: &[Plaintext]) -> Result<Plaintext, RenderError> {
        match files {
            [] => Ok(Plaintext::new("{}", true)),
            [one] => Ok(one.clone()),
            several => self.site.helm.merge(several).await,
        }
    }

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

    /// Reads what a chart is, which need not be this run's own.
    ///
    /// # Errors
    /// [`InfraError`] when it is none, or cannot be fetched.
    pub async fn chart_at(&self, asked: &ChartRef) -> Result<Chart, InfraError> {
        self.site.helm.chart(asked).await.during("get the chart")
    }

    /// The chart at each tag of a git repository that holds it, by its version.
    ///
    /// # Errors
    /// [`InfraError`] when git cannot read the repository.
    pub async fn tagged_charts(&self, chart: &GitChart) -> Result<Vec<(Version, GitChart)>, InfraError> {
        self.site.helm.tagged(chart).await.during("read the repository's tags")
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

    /// What it was asked to be.
    pub fn options(&self) -> &SessionOptions {
        &self.options
    }

    /// Where Kestra runs.
    pub fn provider_spec(&self) -> &ProviderSpec {
        &self.ground.place
    }

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

    /// Carries out a plan and takes everything down again.
    ///
    /// # Errors
    /// [`InfraError`] when the provider cannot be opened.
    pub async fn carry_out(&self, plan: Plan) -> Result<Report, InfraError> {
        let carried_out = async |provider: &Provider, site: &RunContext| Report {
            schema: 1,
            results: scheduler::carry_out(provider, site, &self.key, plan).await,
            run: self.run(provider),
        };
        self.on_provider(carried_out).await
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

    /// Opens the provider, works on it, and takes down what it made.
    ///
    /// # Errors
    /// [`InfraError`] when the provider cannot be opened.
    pub async fn on_provider<T>(&self, work: impl AsyncFnOnce(&Provider, &RunContext) -> T) -> Result<T, InfraError> {
        let provider = self.provider().await?;
        let done = work(&provider, &self.site).await;
        // What is left is in the ledger, and closing that says so.
        if let Err(infra) = provider.close(&self.site).await {
            tracing::warn!("{infra}");
        }
        Ok(done)
    }

    async fn provider(&self) -> Result<Provider, InfraError> {
        let parallel = self.options.parallel;
        let options = provider::ProviderOptions {
            parallel,
            isolate: self.options.isolate,
        };
        match &self.ground.place {
            ProviderSpec::Embedded => {
                let embedded = embedded::EmbeddedProvider::open(&self.site, &self.ground.kestras, &options).await?;
                Ok(Provider::Embedded(embedded))
            }
            ProviderSpec::Docker => {
                let docker =
                    provider::docker::Docker::open(&self.site, &self.ground.kestras, &self.ground.images, &options)
                        .await?;
                Ok(Provider::Docker(docker))
            }
            ProviderSpec::Live { place, local_port } => {
                let options = live::LiveOptions {
                    place: place.clone(),
                    parallel,
                    local_port: *local_port,
                };
                let live = live::ClusterProvider::open(&self.site, &self.ground.kestras, &options).await?;
                Ok(Provider::Live(Box::new(live)))
            }
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

    /// Closes the run's ledger; what it still names is left for `clean`.
    ///
    /// # Errors
    /// [`InfraError`] when something is left.
    pub async fn close(self) -> Result<(), InfraError> {
        self.folder.remove().await?;
        Ok(self.site.ledger.close().await?)
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

async fn equip(
    options: &SessionOptions,
    ground: &Ground,
    toolbox: Toolbox,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    ledger: &Ledger,
    folder: &Path,
) -> Result<(RunContext, String), InfraError> {
    let redactor = Redactor::default();
    let found = toolbox.find(Tool::Helm).await.during("look for helm")?;
    let helm = Helm::new(&found, folder, &redactor, cancel.clone());
    let chart = helm.chart(&options.chart()).await.during("get the chart")?;
    let chart = helm.recognised(chart).await;
    let credentials = Credentials::generate();
    redactor.add(credentials.password().expose_secret());
    if let Some(pull) = &options.pull_secret {
        pull.hide(&redactor);
    }
    let site = RunContext {
        run: ledger.run().to_string(),
        ledger: ledger.clone(),
        helm,
        chart,
        defaults: options.defaults.then(|| Defaults {
            credentials: credentials.clone(),
            images: match ground.place {
                ProviderSpec::Embedded | ProviderSpec::Docker => BTreeMap::new(),
                ProviderSpec::Live { .. } => ground.images.clone(),
            },
            pull_secret: options
                .pull_secret
                .as_ref()
                .map(|_| live::PullSecret::name(ledger.run().as_str())),
        }),
        credentials,
        redactor,
        observer,
        cancel,
        boot: options.boot,
        cache: toolbox.cache().to_owned(),
        report: options.report.clone(),
        pull_secret: options.pull_secret.clone(),
        origins: ground.origins.clone(),
        keeping: Keeping::new(options.keep),
        no_skip: options.no_skip,
        toolbox,
    };
    Ok((site, format!("helm {} {}", found.version, found.how)))
}
