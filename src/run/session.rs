//! One run: its id, its tools, what it owns, and the way of the data through it.

pub mod auto;
pub(crate) mod docker;
mod flags;
pub(crate) mod ground;
pub mod official;
mod options;
mod planning;
mod telling;

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
use crate::oracle::secret::{Plaintext, RunKey};
use crate::plan::{Defaults, Plan};
use crate::provider::{self, Keeping, Provider, RunContext, embedded, live};
use crate::report::{Observer, Report};
use crate::run::scheduler;
use crate::scenario::Credentials;
use crate::system::ledger::{Ledger, RunId, TempDir};
use crate::system::redact::Redactor;
use crate::tools::helm::{Chart, ChartRef, GitChart, Helm, RenderError};
use crate::tools::toolbox::{Tool, Toolbox};

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

    /// What it was asked to be.
    pub fn options(&self) -> &SessionOptions {
        &self.options
    }

    /// Where Kestra runs.
    pub fn provider_spec(&self) -> &ProviderSpec {
        &self.ground.place
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

    /// Closes the run's ledger; what it still names is left for `clean`.
    ///
    /// # Errors
    /// [`InfraError`] when something is left.
    pub async fn close(self) -> Result<(), InfraError> {
        self.folder.remove().await?;
        Ok(self.site.ledger.close().await?)
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
