//! Where Kestra runs: a closed set of providers on two levels. A [`Provider`] opens, says how much it
//! bears, installs and closes; an [`Installed`] is asked, changed and removed.

pub mod docker;
pub mod embedded;
pub mod evidence;
mod forecast;
mod installed;
mod keep;
mod kestra;
pub mod live;
mod pods;
mod running;
pub mod trace;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

pub use forecast::{Forecast, NodeFacts};
pub use installed::Installed;
pub use keep::{Keep, Keeping};
pub use kestra::newest;
pub use pods::{KestraPod, Pods, Role};

use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::oracle::environment::Kubelet;
use crate::plan::{Defaults, ImageRef, Installation, ProviderKind};
use crate::report::Observer;
use crate::report::Provenance;
use crate::scenario::{Credentials, Generation};
use crate::system::ledger::Ledger;
use crate::system::redact::Redactor;
use crate::tools::helm::{Added, Chart, Helm};
use crate::tools::toolbox::Toolbox;

/// The name every release bears, as on the page.
pub const RELEASE: &str = "kestra";

/// What every provider works with.
pub struct RunContext {
    /// The run's id, part of the names of all it makes.
    pub run: String,
    /// What the run owns.
    pub ledger: Ledger,
    /// Finds and provides tools.
    pub toolbox: Toolbox,
    /// Renders and installs charts.
    pub helm: Helm,
    /// The chart of every installation.
    pub chart: Chart,
    /// What is added to the user's values.
    pub defaults: Option<Defaults>,
    /// What Kestra asks for; made for this run.
    pub credentials: Credentials,
    /// Keeps private plaintexts out of foreign text.
    pub redactor: Redactor,
    /// Hears how it goes.
    pub observer: Arc<dyn Observer>,
    /// Ends everything early.
    pub cancel: CancellationToken,
    /// How long a Kestra may take to become healthy.
    pub boot: Duration,
    /// Where what is built once is kept.
    pub cache: PathBuf,
    /// The report's folder, for evidence; none where no report is wanted.
    pub report: Option<PathBuf>,
    /// What a cluster pulls the images with.
    pub pull_secret: Option<live::PullSecret>,
    /// How the images of Kestras came here, by Kestra; only those that are known.
    pub origins: BTreeMap<KestraRef, Origin>,
    /// What stays when the run ends.
    pub keeping: Keeping,
    /// What cannot be run here is an error.
    pub no_skip: bool,
}

/// How an image of the publisher's came to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its digest; none where it was loaded from a file.
    pub digest: Option<String>,
    /// In a few words.
    pub by: String,
}

/// How the providers without a cluster are opened.
#[derive(Debug, Clone, Default)]
pub struct ProviderOptions {
    /// The most installations at a time; none leaves it to cores and memory.
    pub parallel: Option<usize>,
    /// Installations that come to the same pod are started apart all the same.
    pub isolate: bool,
}

impl RunContext {
    /// Where, below the report's folder, evidence of an installation was kept.
    pub fn kept(&self, installation: &Installation) -> Option<String> {
        let folder = evidence::folder_of(&installation.id);
        let there = self.report.as_ref().is_some_and(|r| r.join(&folder).is_dir());
        there.then_some(folder)
    }

    /// The image of a Kestra with its digest, and how it came here, as far as that is known.
    pub fn told_of_image(&self, kestra: &KestraRef, image: &str) -> String {
        match self.origins.get(kestra) {
            Some(Origin {
                digest: Some(digest),
                by,
            }) => format!("{image}@{digest}, {by}"),
            Some(Origin { digest: None, by }) => format!("{image}, {by}"),
            None => image.to_owned(),
        }
    }

    /// What is known of a Kestra before its provider says what is real: where, which chart, which helm.
    pub fn provenance(&self, provider: impl Into<String>, kestra: &KestraRef, generation: Generation) -> Provenance {
        Provenance {
            helm: Some(self.helm.version.to_string()),
            ..Provenance::new(provider, self.chart_as(generation), kestra.clone())
        }
    }

    /// The chart with the generation that it plays.
    pub fn chart_as(&self, generation: Generation) -> String {
        format!("{} as {generation}", self.chart)
    }

    /// The image that is given to a release of a Kestra; none where the chart's own runs.
    pub fn given_image(&self, kestra: &KestraRef) -> Option<&ImageRef> {
        self.defaults.as_ref()?.images.get(kestra)
    }

    /// What an installation's Kestra asks for.
    pub fn credentials(&self, installation: &Installation) -> Credentials {
        installation.credentials.as_ref().unwrap_or(&self.credentials).clone()
    }

    /// What is added to the values of an installation.
    pub fn defaults_of(&self, installation: &Installation) -> Option<&Defaults> {
        self.defaults.as_ref().filter(|_| !installation.as_printed)
    }

    /// The values of an installation that are not the user's.
    pub fn values(&self, installation: &Installation) -> Added {
        let (defaults, generation) = (self.defaults_of(installation), installation.generation);
        Added {
            beneath: self
                .chart
                .with_generation(defaults.map(|d| d.values(generation)), generation),
            above: defaults.and_then(|d| d.image_for(&installation.kestra, generation)),
        }
    }
}

/// Where Kestra runs.
pub enum Provider {
    /// As a child process with exactly the environment the pod would have.
    Embedded(embedded::EmbeddedProvider),
    /// As a container of its image, with the same.
    Docker(docker::Docker),
    /// On a cluster: any context, or a kind cluster that is the run's own.
    Live(Box<live::ClusterProvider>),
}

/// Installations that one live Kestra serves, for they came to the same pod.
pub struct InstallationGroup {
    /// Never empty.
    pub installations: Vec<Installation>,
    /// What the chart and the kubelet's rules make of each of them, in the same order.
    pub forecasts: Vec<Forecast>,
}

/// How many things this machine does at a time.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Provider {
    /// How many installations it bears at a time.
    pub fn capacity(&self) -> usize {
        match self {
            Self::Embedded(embedded) => embedded.capacity(),
            Self::Docker(docker) => docker.capacity(),
            Self::Live(live) => live.capacity(),
        }
    }

    /// Predicts what comes of every installation and brings together those that come to the same pod.
    ///
    /// # Errors
    /// [`InfraError`] when helm itself fails.
    pub async fn group(
        &self,
        site: &RunContext,
        installations: Vec<Installation>,
    ) -> Vec<Result<InstallationGroup, (Installation, InfraError)>> {
        let predict = async |installation| {
            let node = self.node(site, installation)?;
            Forecast::predict(site, &node, installation).await
        };
        // Helm renders each of them, on one core.
        let forecasts = futures::stream::iter(&installations).map(predict).buffered(cores());
        let forecasts: Vec<_> = forecasts.collect().await;
        let mut groups: Vec<Result<InstallationGroup, (Installation, InfraError)>> = Vec::new();
        for (installation, forecast) in installations.into_iter().zip(forecasts) {
            let forecast = match forecast {
                Ok(forecast) => forecast,
                Err(infra) => {
                    groups.push(Err((installation, infra)));
                    continue;
                }
            };
            let twin = groups
                .iter_mut()
                .flatten()
                .find(|g| self.same(g, &installation, &forecast));
            match twin {
                Some(group) => {
                    group.installations.push(installation);
                    group.forecasts.push(forecast);
                }
                None => groups.push(Ok(InstallationGroup {
                    installations: vec![installation],
                    forecasts: vec![forecast],
                })),
            }
        }
        groups
    }

    fn same(&self, group: &InstallationGroup, installation: &Installation, forecast: &Forecast) -> bool {
        let isolate = match self {
            Self::Embedded(embedded) => embedded.isolate,
            Self::Docker(docker) => docker.isolate,
            Self::Live(_) => true,
        };
        let still = |i: &Installation| i.cases.iter().all(|c| c.steps.is_empty());
        !isolate
            && group
                .installations
                .iter()
                .all(|i| i.kestra == installation.kestra && i.as_printed == installation.as_printed && still(i))
            && still(installation)
            && group.forecasts[0].same_pods(forecast)
    }

    /// What the kubelet of this provider knows of its node.
    fn node(&self, site: &RunContext, installation: &Installation) -> Result<forecast::NodeFacts, InfraError> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.node.clone()),
            Self::Docker(docker) => docker.node(installation).cloned(),
            Self::Live(live) => Ok(live.node(site, installation)),
        }
    }

    /// Brings up a Kestra for a group.
    ///
    /// # Errors
    /// [`InfraError`] when that fails for reasons that are not the group's own.
    pub async fn install(&self, site: &RunContext, group: &InstallationGroup) -> Result<Installed, InfraError> {
        let (installation, forecast) = (&group.installations[0], &group.forecasts[0]);
        let pods = match (self, forecast) {
            // A cluster is asked whatever is predicted.
            (Self::Live(live), _) => {
                let release = live.install(site, installation, forecast).await?;
                return Ok(Installed::Live(Box::new(release)));
            }
            (_, forecast) if installation.as_printed => return Ok(Installed::WontStart(forecast.untried().clone())),
            (_, Forecast::WontStart(outcome)) => return Ok(Installed::WontStart(outcome.clone())),
            (_, Forecast::Pods(pods)) => pods.as_ref(),
        };
        Ok(match self {
            Self::Docker(docker) => Installed::Docker(Box::new(docker.install(site, installation, pods).await?)),
            Self::Embedded(embedded) => {
                Installed::Embedded(Box::new(embedded.install(site, installation, pods).await?))
            }
            Self::Live(_) => return Err(InfraError::new("install", "a cluster was passed over")),
        })
    }

    /// What is real here, and what is not; of pods that are not known only what holds for all. Who serves the REST API
    /// is for the server to say: [`Installed::served_by`].
    pub fn provenance(&self, site: &RunContext, installation: &Installation, pods: Option<&Pods>) -> Provenance {
        let provenance = match self {
            Self::Embedded(_) => embedded::EmbeddedProvider::provenance(site, installation, pods),
            Self::Docker(docker) => docker.provenance(site, installation),
            Self::Live(live) => live.provenance(site, installation, pods),
        };
        if installation.as_printed {
            untried(provenance)
        } else {
            provenance
        }
    }

    /// The kubelet whose rules hold there.
    pub fn kubelet(&self) -> Kubelet {
        match self {
            Self::Embedded(_) | Self::Docker(_) => Kubelet::NEWEST,
            Self::Live(live) => live.kubelet(),
        }
    }

    /// Why it cannot run a group; none where it can.
    pub fn unsupported_reason(&self, group: &InstallationGroup) -> Option<&'static str> {
        if group.installations[0].as_printed {
            return None;
        }
        let apart = matches!(group.forecasts[0].pods(), Some(Pods::Distributed { .. }));
        let engine = group.installations[0].kestra.is_engine();
        let keeps = group.installations[0].keeps_database_for.is_some();
        match self {
            Self::Docker(_) if keeps => {
                Some("it upgrades Kestra on the same database, and --provider docker keeps none")
            }
            Self::Embedded(_) if keeps && apart => {
                Some("it upgrades Kestra on the same database, and --provider embedded keeps that of one server alone")
            }
            Self::Docker(_) if apart => {
                Some("its values deploy Kestra's components apart, and --provider docker runs one container")
            }
            Self::Embedded(_) if apart && !engine => {
                Some("its values deploy Kestra's components apart, and a Kestra that is a file runs as one server here")
            }
            _ => None,
        }
    }

    /// Of which kind it is.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Embedded(_) => ProviderKind::Embedded,
            Self::Docker(_) => ProviderKind::Docker,
            Self::Live(live) => live.kind(),
        }
    }

    /// The version of its cluster; none where there is none.
    pub fn kubernetes(&self) -> Option<&str> {
        match self {
            Self::Embedded(_) | Self::Docker(_) => None,
            Self::Live(live) => Some(live.kubernetes()),
        }
    }

    /// The image that runs a Kestra; none where it is no image, or the chart's own.
    pub fn image_of(&self, site: &RunContext, kestra: &KestraRef) -> Option<String> {
        match self {
            Self::Embedded(_) => None,
            Self::Docker(docker) => docker.image_name(kestra).map(ToOwned::to_owned),
            Self::Live(_) => site.given_image(kestra).map(ToString::to_string),
        }
    }

    /// Takes down what it made for the run.
    ///
    /// # Errors
    /// [`InfraError`] when something is left; the ledger still names it then.
    pub async fn close(self, site: &RunContext) -> Result<(), InfraError> {
        match self {
            Self::Embedded(_) | Self::Docker(_) => Ok(()),
            Self::Live(live) => live.close(site).await,
        }
    }
}

/// How what was done to documents as they are printed begins.
pub const AS_PRINTED: &str = "as printed: ";

/// What is real of documents that were only asked whether they install: no Kestra, and no image.
fn untried(provenance: Provenance) -> Provenance {
    let judged = match &provenance.kubernetes {
        Some(_) => {
            "the manifests were applied, and `helm install --dry-run=server` took the values or refused \
             them; nothing of ours was added, and nothing was started"
        }
        None => "helm rendered the values or refused them; nothing of ours was added, and nothing was started",
    };
    let kubelet = "the kubelet: what it refuses of the documents as printed is told by its rules";
    Provenance {
        image: None,
        modelled: match &provenance.kubernetes {
            Some(_) => vec![kubelet.into()],
            None => provenance.modelled,
        },
        deviations: vec![format!("{AS_PRINTED}{judged}")],
        ..provenance
    }
}
