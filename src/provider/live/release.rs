//! One release on a cluster, from its namespace to its end.

mod rollout;
mod teardown;

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt as _};

use crate::error::InfraError;
use crate::kestra::Client;
use crate::plan::{Action, Installation};
use crate::provider::forecast::{Forecast, NodeFacts};
use crate::provider::{Installed, RunContext};
use crate::scenario::Manifest;
use crate::tools::cluster::apply::{self, Mode};
use crate::tools::cluster::forward::{self, Forward};
use crate::tools::cluster::namespace::{self, NoNamespace};
use crate::tools::cluster::{Cluster, view, within};
use crate::tools::helm::{self, Helm};
use crate::verdict::{Outcome, Stop};

use teardown::CreatedNamespace;

/// Where a release goes, and what of it is the run's own.
pub(super) struct ReleaseTarget {
    pub cluster: Cluster,
    /// The namespace was given: what is made in it is taken away piece by piece.
    pub given: bool,
    /// The cluster goes with the run: nothing in it needs to be waited for.
    pub ephemeral: bool,
    pub local_port: Option<u16>,
}

/// A release, and Kestra's API behind a local port; or the reason that it does not serve.
pub struct InstalledRelease {
    place: ReleaseTarget,
    node: NodeFacts,
    installation: Installation,
    forecast: Forecast,
    helm: Helm,
    made: CreatedNamespace,
    /// There is no namespace, so that nothing is to be removed.
    nothing: bool,
    /// The database that its components share is there.
    shares: bool,
    forward: Option<Forward>,
    boot: Option<Duration>,
    /// Its pods as they were rolled out.
    serving: Vec<Pod>,
    served: Result<Client, Outcome>,
}

impl InstalledRelease {
    pub(super) async fn install(
        site: &RunContext,
        place: ReleaseTarget,
        node: NodeFacts,
        installation: &Installation,
        forecast: Forecast,
    ) -> Result<Self, InfraError> {
        let mut release = Self {
            made: CreatedNamespace::register(site, &place, &node).await?,
            place,
            node,
            installation: installation.bare(),
            forecast,
            helm: site.helm.clone(),
            nothing: false,
            shares: false,
            forward: None,
            boot: None,
            serving: Vec::new(),
            // Never seen: whatever comes next says otherwise.
            served: Err(Outcome::Blocked {
                reason: "Pending".into(),
                message: String::new(),
            }),
        };
        let brought = tokio::select! {
            brought = release.begin(site) => brought,
            () = site.cancel.cancelled() => Err(interrupted()),
        };
        release.or_torn_down(site, brought).await
    }

    async fn begin(&mut self, site: &RunContext) -> Result<(), InfraError> {
        let (cluster, namespace) = (&self.place.cluster, &self.node.namespace);
        if !self.place.given {
            namespace::create(cluster, namespace, &site.run)
                .await
                .map_err(|why| match why {
                    NoNamespace::Refused(infra) => {
                        self.nothing = true;
                        infra
                    }
                    NoNamespace::Unknown(infra) => infra,
                })?;
        }
        namespace::account(cluster, namespace).await?;
        if let Some(pull) = &site.pull_secret
            && let Err(Outcome::Refused { message, .. }) =
                Stop::judged(self.apply(site, &[pull.manifest(&site.run)], Mode::Create).await)?
        {
            // It is no part of what is to be proved.
            return Err(InfraError::new("make the Secret of --pull-secret", message));
        }
        let manifests = self.installation.manifests.clone();
        self.served = Stop::judged(self.apply_and_write(site, &manifests, false).await)?;
        Ok(())
    }

    /// The server, or the outcome that there is none.
    pub fn client(&self) -> Result<&Client, &Outcome> {
        self.served.as_ref()
    }

    /// How long its pods took from the release to being ready, or held; once for each rollout.
    pub fn boot(&mut self) -> Option<Duration> {
        self.boot.take()
    }

    /// What was predicted of the release as it is now.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// The outcome that was predicted where no pod was to start.
    pub fn predicted_outcome(&self) -> Option<&Outcome> {
        match &self.forecast {
            Forecast::Pods(_) if !self.installation.as_printed => None,
            forecast => Some(forecast.untried()),
        }
    }

    /// The lines of the logs of its pods that contain a text, scrubbed.
    ///
    /// # Errors
    /// [`InfraError`] when the API server does not give the logs.
    pub async fn lines(&self, text: &str) -> Result<Vec<String>, InfraError> {
        let pods = Api::<Pod>::namespaced(self.place.cluster.client.clone(), &self.node.namespace);
        let mut lines = Vec::new();
        for pod in self.pods().await? {
            for container in pod.spec.iter().flat_map(|s| &s.containers) {
                let params = LogParams {
                    container: Some(container.name.clone()),
                    ..LogParams::default()
                };
                let log = within("read the log", pods.logs(&pod.name_any(), &params)).await?;
                let found = log.lines().filter(|line| line.contains(text));
                lines.extend(found.map(|line| (self.helm.scrub)(line)));
            }
        }
        Ok(lines)
    }

    /// That its pods are those that were rolled out last.
    ///
    /// # Errors
    /// [`InfraError`] when one of them was restarted or replaced meanwhile, or they cannot be seen.
    pub async fn unchanged(&self) -> Result<(), InfraError> {
        if self.served.is_err() {
            return Ok(());
        }
        match view::replaced(&self.serving, &self.pods().await?) {
            Some(what) => Err(InfraError::new("run it on the pods that were rolled out", what)
                .help("whoever ended the pod, or its events in the evidence, say why")
                .transient()),
            None => Ok(()),
        }
    }

    /// Does something to the release and waits until that is rolled out. A refusal is an outcome.
    ///
    /// # Errors
    /// [`InfraError`] when the change fails for reasons that are not its own; nothing is left of the release then.
    pub async fn change(mut self: Box<Self>, site: &RunContext, action: &Action) -> Result<Installed, InfraError> {
        let changed = tokio::select! {
            changed = self.act(site, action) => changed,
            () = site.cancel.cancelled() => Err(interrupted()),
        };
        self.or_torn_down(site, changed)
            .await
            .map(|r| Installed::Live(Box::new(r)))
    }

    async fn act(&mut self, site: &RunContext, action: &Action) -> Result<(), InfraError> {
        let before = self.pods().await?;
        let mut stay = false;
        match action {
            Action::Apply(manifests) => {
                stay = true;
                self.installation.manifests.clone_from(manifests);
                // The pod stays what it is, and so does what was predicted of it.
                if let Err(outcome) = Stop::judged(self.apply(site, manifests, Mode::Replace).await)? {
                    self.served = Err(outcome);
                }
            }
            Action::Upgrade { values, manifests, to } => {
                self.installation.values = values.clone();
                self.installation.manifests.clone_from(manifests);
                if let Some(to) = to {
                    self.installation.upgrade_to(to);
                }
                stay = !self.predict(site, true).await?;
                self.served = Stop::judged(self.apply_and_write(site, manifests, true).await)?;
            }
            Action::Restart => {
                self.predict(site, false).await?;
                self.restart().await?;
                self.served = Stop::judged(self.serve(site).await)?;
            }
        }
        // A container that the kubelet restarted, after a probe that failed on a busy node say, or a pod that came
        // in the place of one that was to stay, took in what had changed meanwhile: nothing can be said of what was.
        let now = self.pods().await?;
        let happened = if stay {
            view::replaced(&before, &now)
        } else {
            view::restarted(&before, &now)
        };
        match happened {
            Some(what) => Err(InfraError::new(
                "change the release",
                format!("{what}, so that it has another environment than before"),
            )
            .help("its events, in the evidence, say why; a probe fails when the node has too few cores for all")
            .transient()),
            None => Ok(()),
        }
    }

    async fn pods(&self) -> Result<Vec<Pod>, InfraError> {
        let pods = Api::<Pod>::namespaced(self.place.cluster.client.clone(), &self.node.namespace);
        let ours = ListParams::default().labels(&forward::labels(&self.node.release));
        within("find the pods", pods.list(&ours)).await.map(|l| l.items)
    }

    /// Predicts the release anew; where only an upgrade was done, a template that stays the same leaves its
    /// pod as it was started. Says whether there are to be new pods.
    async fn predict(&mut self, site: &RunContext, upgrade: bool) -> Result<bool, InfraError> {
        let new = Forecast::predict(site, &self.node, &self.installation).await?;
        self.forecast = match (&self.forecast, new) {
            (Forecast::Pods(was), Forecast::Pods(is)) if upgrade => match is.upgraded(was) {
                Some(pods) => Forecast::Pods(Box::new(pods)),
                None => return Ok(false),
            },
            (_, new) => new,
        };
        Ok(true)
    }

    /// Applies the manifests, and then the values by helm.
    async fn apply_and_write(
        &mut self,
        site: &RunContext,
        manifests: &[Manifest],
        upgrade: bool,
    ) -> Result<Client, Stop> {
        let mode = if upgrade { Mode::Replace } else { Mode::Create };
        self.apply(site, manifests, mode).await?;
        self.write(site, upgrade).await
    }

    async fn apply(&mut self, site: &RunContext, manifests: &[Manifest], mode: Mode) -> Result<(), Stop> {
        let mut gone_with_namespace = Vec::new();
        let (run, applied) = match &mut self.made {
            CreatedNamespace::Pieces(_, applied) => (Some(site.run.as_str()), applied),
            _ => (None, &mut gone_with_namespace),
        };
        let place = apply::ApplyTarget {
            cluster: &self.place.cluster,
            namespace: &self.node.namespace,
            run,
            redactor: &site.redactor,
        };
        place.apply(manifests, mode, applied).await
    }

    fn release(&self) -> helm::HelmRelease {
        helm::HelmRelease {
            access: self.place.cluster.access.clone(),
            namespace: self.node.namespace.clone(),
            name: self.node.release.clone(),
        }
    }
}

fn interrupted() -> InfraError {
    InfraError::new("install Kestra", "interrupted")
}
