//! How a release comes to serve: helm, the rollout, and the way to Kestra's API.

use std::time::Instant;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use reqwest::Url;
use serde_json::json;

use super::InstalledRelease;
use crate::error::{During as _, InfraError};
use crate::kestra::{Client, Limits};
use crate::provider::live::database::Database;
use crate::provider::{Pods, RunContext};
use crate::tools::cluster::apply::Mode;
use crate::tools::cluster::forward::Forward;
use crate::tools::cluster::watch::Rollout;
use crate::tools::cluster::within;
use crate::tools::helm::{Added, InstallError, Verb};
use crate::verdict::{Outcome, Stop};

impl InstalledRelease {
    /// Installs or upgrades by helm, and waits.
    pub(super) async fn write(&mut self, site: &RunContext, upgrade: bool) -> Result<Client, Stop> {
        let added = self.share(site).await?;
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
            Ok(()) if verb == Verb::Try => Err(self.forecast.untried().clone().into()),
            Ok(()) => self.serve(site).await,
            Err(InstallError::Refused { by, message }) => Err(Stop::Outcome(Outcome::Refused {
                by,
                message: site.redactor.scrub(&message),
            })),
            Err(e) => {
                let infra = InfraError::caused_by("install the release", e);
                Err(infra.reworded(|cause| site.redactor.scrub(cause)).into())
            }
        }
    }

    /// The values that are added. Where those would give each of several components, or each of several Kestras in
    /// turn, a database of its own in memory, one that they share comes first.
    async fn share(&mut self, site: &RunContext) -> Result<Added, Stop> {
        let added = site.values(&self.installation);
        let (Some(defaults), Some(pods)) = (site.defaults_of(&self.installation), self.forecast.pods()) else {
            return Ok(added);
        };
        let last = self.installation.keeps_database_for.as_ref();
        if last.is_none() && matches!(pods, Pods::Standalone(_)) {
            return Ok(added);
        }
        let database = Database::for_release(&self.node.release);
        if !std::mem::replace(&mut self.shares, true) {
            let image = match last.and_then(|kestra| defaults.images.get(kestra)) {
                Some(image) => image.to_string().into(),
                None => pods.image().cloned().unwrap_or_default(),
            };
            let manifest = database.manifest(&site.run, &image, defaults.pull_secret.as_deref());
            self.apply(site, &[manifest], Mode::Create).await?;
            self.roll_out(site, &database.name).await?;
        }
        let generation = self.installation.generation;
        Ok(Added {
            beneath: added.beneath.map(|v| database.in_values(v, generation)),
            ..added
        })
    }

    async fn roll_out(&self, site: &RunContext, release: &str) -> Result<(), Stop> {
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
    pub(super) async fn serve(&mut self, site: &RunContext) -> Result<Client, Stop> {
        let clock = Instant::now();
        let rolled_out = self.roll_out(site, &self.node.release).await;
        // A pod that is held took its time as well.
        if !matches!(rolled_out, Err(Stop::Infra(_))) {
            self.boot = Some(clock.elapsed());
        }
        rolled_out?;
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
        let connected = Client::connect(url, credentials, Limits::default(), site.redactor.scrubber()).await;
        Ok(connected.during("reach Kestra")?)
    }

    /// As `kubectl rollout restart`: the template's annotation changes, and with it the pods.
    pub(super) async fn restart(&self) -> Result<(), InfraError> {
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
}
