//! One release on a cluster, from its namespace to its end.

mod leave;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use reqwest::Url;
use serde_json::json;

use crate::error::InfraError;
use crate::kestra::{Client, Limits};
use crate::plan::{Action, Installation};
use crate::provider::forecast::{Forecast, NodeFacts};
use crate::provider::{Installed, Pods, RunContext};
use crate::scenario::Manifest;
use crate::tools::cluster::apply::{self, Mode};
use crate::tools::cluster::forward::{self, Forward};
use crate::tools::cluster::watch::Rollout;
use crate::tools::cluster::{Cluster, own, view, within};
use crate::tools::helm::{self, Added, Helm, InstallError, Verb};
use crate::verdict::Outcome;

use super::database::Database;
use leave::CreatedNamespace;

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
            made: CreatedNamespace::of(site, &place, &node).await?,
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
        release.or_left(site, brought).await
    }

    async fn begin(&mut self, site: &RunContext) -> Result<(), InfraError> {
        let (cluster, namespace) = (&self.place.cluster, &self.node.namespace);
        if !self.place.given
            && let Err(refused) = own::create(cluster, namespace, &site.run).await?
        {
            self.nothing = true;
            return Err(refused);
        }
        own::account(cluster, namespace).await?;
        if let Some(pull) = &site.pull_secret
            && let Err(Outcome::Refused { message, .. }) =
                self.apply(site, &[pull.manifest(&site.run)], Mode::Create).await?
        {
            // It is no part of what is to be proved.
            return Err(InfraError::new("make the Secret of --pull-secret", message));
        }
        let manifests = self.installation.manifests.clone();
        self.served = match self.apply(site, &manifests, Mode::Create).await? {
            Ok(()) => self.write(site, false).await?,
            Err(outcome) => Err(outcome),
        };
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

    /// What was foretold of the release as it is now.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// The outcome that was foretold where no pod was to start.
    pub fn foretold(&self) -> Option<&Outcome> {
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
        self.or_left(site, changed).await.map(|r| Installed::Live(Box::new(r)))
    }

    async fn act(&mut self, site: &RunContext, action: &Action) -> Result<(), InfraError> {
        let before = self.pods().await?;
        let mut stay = false;
        match action {
            Action::Apply(manifests) => {
                stay = true;
                self.installation.manifests.clone_from(manifests);
                // The pod stays what it is, and so does what was foretold of it.
                if let Err(outcome) = self.apply(site, manifests, Mode::Replace).await? {
                    self.served = Err(outcome);
                }
            }
            Action::Upgrade { values, manifests } => {
                self.installation.values = values.clone();
                self.installation.manifests.clone_from(manifests);
                stay = !self.foretell(site, true).await?;
                self.served = match self.apply(site, manifests, Mode::Replace).await? {
                    Ok(()) => self.write(site, true).await?,
                    Err(outcome) => Err(outcome),
                };
            }
            Action::Restart => {
                self.foretell(site, false).await?;
                self.restart().await?;
                self.served = self.serve(site).await?;
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

    /// Foretells the release anew; where only an upgrade was done, a template that stays the same leaves its
    /// pod as it was started. Says whether there are to be new pods.
    async fn foretell(&mut self, site: &RunContext, upgrade: bool) -> Result<bool, InfraError> {
        let new = Forecast::of(site, &self.node, &self.installation).await?;
        self.forecast = match (&self.forecast, new) {
            (Forecast::Pods(was), Forecast::Pods(is)) if upgrade => match is.upgraded(was) {
                Some(pods) => Forecast::Pods(Box::new(pods)),
                None => return Ok(false),
            },
            (_, new) => new,
        };
        Ok(true)
    }

    async fn apply(
        &mut self,
        site: &RunContext,
        manifests: &[Manifest],
        mode: Mode,
    ) -> Result<Result<(), Outcome>, InfraError> {
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

    /// Installs or upgrades by helm, and waits.
    async fn write(&mut self, site: &RunContext, upgrade: bool) -> Result<Result<Client, Outcome>, InfraError> {
        let added = match self.share(site).await? {
            Ok(added) => added,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let values = &self.installation.values;
        let release = self.release();
        site.observer.phase(&self.installation.id, "helm");
        let verb = match (self.installation.as_printed, upgrade) {
            (true, _) => Verb::Try,
            (false, true) => Verb::Upgrade,
            (false, false) => Verb::Install,
        };
        match self.helm.install(verb, &release, &site.chart, &added, values).await {
            // What the kubelet makes of it no dry run tells.
            Ok(()) if verb == Verb::Try => Ok(Err(self.forecast.untried().clone())),
            Ok(()) => self.serve(site).await,
            Err(InstallError::Refused { by, message }) => Ok(Err(Outcome::Refused {
                by,
                message: site.redactor.scrub(&message),
            })),
            Err(e) => {
                let infra = InfraError::new("install the release", site.redactor.scrub(&format!("failed to {e}")));
                Err(if e.is_transient() { infra.transient() } else { infra })
            }
        }
    }

    /// The values that are added. Where those would give each of several components a database of its own in
    /// memory, one that they share comes first.
    async fn share(&mut self, site: &RunContext) -> Result<Result<Added, Outcome>, InfraError> {
        let added = site.values(&self.installation);
        let defaults = site.defaults_of(&self.installation);
        let (Some(defaults), Some(pods @ Pods::Distributed { .. })) = (defaults, self.forecast.pods()) else {
            return Ok(Ok(added));
        };
        let database = Database::of(&self.node.release);
        if !std::mem::replace(&mut self.shares, true) {
            let manifest = database.manifest(&site.run, pods, defaults.pull_secret.as_deref());
            let made = self.apply(site, &[manifest], Mode::Create).await?;
            if let Err(outcome) = made {
                return Ok(Err(outcome));
            }
            if let Err(outcome) = self.rolled_out(site, &database.name).await? {
                return Ok(Err(outcome));
            }
        }
        let generation = self.installation.generation;
        Ok(Ok(Added {
            beneath: added.beneath.map(|v| database.in_values(v, generation)),
            ..added
        }))
    }

    async fn rolled_out(&self, site: &RunContext, release: &str) -> Result<Result<(), Outcome>, InfraError> {
        let rollout = Rollout {
            cluster: &self.place.cluster,
            namespace: &self.node.namespace,
            release,
            limit: site.boot,
            redactor: &site.redactor,
        };
        let id = &self.installation.id;
        site.observer.phase(id, "roll out");
        rollout.wait(|what| site.observer.waiting(id, what)).await
    }

    /// Waits for the rollout and reaches Kestra.
    async fn serve(&mut self, site: &RunContext) -> Result<Result<Client, Outcome>, InfraError> {
        let clock = Instant::now();
        let rolled_out = self.rolled_out(site, &self.node.release).await?;
        self.boot = Some(clock.elapsed());
        if let Err(outcome) = rolled_out {
            return Ok(Err(outcome));
        }
        let forward = if let Some(forward) = self.forward.take() {
            forward
        } else {
            let (cluster, port) = (&self.place.cluster, self.place.local_port);
            Forward::open(cluster, &self.node.namespace, &self.node.release, port).await?
        };
        let url = format!("http://127.0.0.1:{}/", forward.port());
        self.forward = Some(forward);
        let url = Url::parse(&url).map_err(|e| InfraError::new("reach Kestra", e))?;
        self.serving = self.pods().await?;
        let credentials = site.credentials(&self.installation);
        match Client::connect(url, credentials, Limits::default(), site.redactor.scrubber()).await {
            Ok(client) => Ok(Ok(client)),
            Err(e) => Err(crate::kestra::infra("reach Kestra", &e)),
        }
    }

    /// As `kubectl rollout restart`: the template's annotation changes, and with it the pods.
    async fn restart(&self) -> Result<(), InfraError> {
        const PHASE: &str = "restart the pods";
        let (client, namespace) = (&self.place.cluster.client, &self.node.namespace);
        let ours = ListParams::default().labels(&format!("app.kubernetes.io/instance={}", self.node.release));
        let now = Timestamp::now().to_string();
        let template = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}});
        let patch = Patch::Merge(json!({"spec": {"template": template}}));
        let params = PatchParams::default();
        let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
        for deployment in within(PHASE, deployments.list_metadata(&ours)).await?.items {
            within(
                PHASE,
                deployments.patch_metadata(&deployment.name_any(), &params, &patch),
            )
            .await?;
        }
        let sets = Api::<StatefulSet>::namespaced(client.clone(), namespace);
        for set in within(PHASE, sets.list_metadata(&ours)).await?.items {
            within(PHASE, sets.patch_metadata(&set.name_any(), &params, &patch)).await?;
        }
        Ok(())
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
