//! What an installation's pod will be: the chart rendered, the kubelet's rules applied.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Installed, Site};
use crate::environment::api_server::{Admitted, admit};
use crate::environment::{Environment, Facts, Halt, Kubelet, MountedFile, Objects, Value as Bytes};
use crate::helm::{RenderError, Rendered};
use crate::plan::{Action, Case, Installation};
use crate::scenario::{InputError, Manifest, Stage};
use crate::secret::{Keyring, Plain, Read, reported};
use crate::verdict::{Infra, Outcome, Prediction};

/// What is known of the place a pod would run in.
#[derive(Debug, Clone)]
pub struct Node {
    /// The image's `ENV`, each `NAME=VALUE`.
    pub image_env: Vec<String>,
    /// The kubelet whose rules hold.
    pub kubelet: Kubelet,
    /// The namespace of the release.
    pub namespace: String,
    /// The release's name.
    pub release: String,
}

/// What will come of an installation.
#[derive(Clone)]
pub enum Forecast {
    /// A pod that starts.
    Pod(Box<Pod>),
    /// What was given keeps it from starting.
    Never(Outcome),
}

/// A pod's one container of Kestra, as it starts.
#[derive(Clone)]
pub struct Pod {
    /// Its environment.
    pub environment: Environment,
    /// The files mounted into it.
    pub files: Vec<MountedFile>,
    /// What it runs.
    pub command: Vec<Bytes>,
    /// The pod template in full: when it changes, the Deployment makes a new pod.
    pub template: Value,
}

impl Forecast {
    /// Foretells an installation.
    ///
    /// # Errors
    /// [`Infra`] when helm fails, or the pod asks for something the model does not know.
    pub async fn of(site: &Site, node: &Node, installation: &Installation) -> Result<Self, Infra> {
        let mut applied = Rendered::default();
        for manifest in &installation.manifests {
            if let Err(message) = apply(manifest, &mut applied) {
                return Ok(Self::Never(Outcome::Refused {
                    by: Stage::Apply,
                    message: site.redactor.scrub(&message),
                }));
            }
        }
        let defaults = site.values(installation);
        let rendered = match site
            .helm
            .template(
                &site.chart,
                &node.release,
                &node.namespace,
                defaults.as_ref(),
                &installation.values,
            )
            .await
        {
            Ok(rendered) => rendered,
            Err(RenderError::Refused(message)) => {
                return Ok(Self::Never(Outcome::Refused {
                    by: Stage::Render,
                    message: site.redactor.scrub(&message),
                }));
            }
            Err(e) => return Err(Infra::new("render the chart", e)),
        };
        match start(&rendered, applied, node) {
            Ok(pod) => Ok(Self::Pod(Box::new(pod))),
            Err(Halt::Blocked(blocked)) => Ok(Self::Never(Outcome::Blocked {
                reason: blocked.reason.to_string(),
                message: blocked.message,
            })),
            Err(other) => Err(Infra::new("model the pod", other)),
        }
    }

    /// The pod, if there is to be one.
    pub fn pod(&self) -> Option<&Pod> {
        match self {
            Self::Pod(pod) => Some(pod),
            Self::Never(_) => None,
        }
    }

    /// Whether two come to one and the same pod.
    pub(super) fn same_pod(&self, other: &Self) -> bool {
        let (Self::Pod(a), Self::Pod(b)) = (self, other) else {
            return false;
        };
        a.variables() == b.variables() && a.files == b.files && a.command == b.command
    }

    /// What the oracle says of a release that never will run.
    pub fn prediction_of(installed: &Installed) -> Prediction {
        match installed.foretold() {
            Some(Outcome::Refused { by, .. }) => Prediction::Refused(*by),
            Some(Outcome::Blocked { reason, .. }) => Prediction::Blocked(reason.clone()),
            _ => Prediction::Unknown,
        }
    }
}

/// What an action makes of a pod.
pub(super) enum Next {
    /// Nothing: it goes on.
    Same,
    /// It ends, and no other comes up.
    Never(Outcome),
    /// It ends, and this one takes its place.
    Pod(Box<Pod>),
}

/// Does to a release what a cluster would: an upgrade restarts the pod when its template changes, a
/// changed Secret alone restarts nothing.
///
/// # Errors
/// As [`Forecast::of`].
pub(super) async fn next(
    site: &Site,
    node: &Node,
    release: &mut Installation,
    action: &Action,
    now: &Pod,
) -> Result<Next, Infra> {
    match action {
        Action::Apply(manifests) => {
            release.manifests.clone_from(manifests);
            return Ok(Next::Same);
        }
        Action::Upgrade { values, manifests } => {
            release.values = values.clone();
            release.manifests.clone_from(manifests);
        }
        Action::Restart => {}
    }
    Ok(match Forecast::of(site, node, release).await? {
        Forecast::Never(outcome) => Next::Never(outcome),
        Forecast::Pod(pod) if matches!(action, Action::Upgrade { .. }) && pod.template == now.template => Next::Same,
        Forecast::Pod(pod) => Next::Pod(pod),
    })
}

/// Reads a manifest's documents as the API server would, or says in its words why it would not.
fn apply(manifest: &Manifest, applied: &mut Rendered) -> Result<(), String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> = serde_saphyr::from_slice_multiple_with_options(manifest.text.bytes(), options)
        .map_err(|e| InputError::yaml(&manifest.file, &e, "").to_string())?;
    for document in documents.iter().filter(|d| !d.is_null()) {
        match admit(document).map_err(|refused| refused.message)? {
            Admitted::Secret(secret) => applied.secrets.push(secret),
            Admitted::ConfigMap(map) => applied.config_maps.push(map),
            Admitted::Other => {
                if document.get("kind").and_then(Value::as_str) == Some("Service") {
                    applied.services.extend(serde_json::from_value(document.clone()).ok());
                }
            }
        }
    }
    Ok(())
}

/// Starts the standalone component's pod, in the kubelet's order.
fn start(rendered: &Rendered, applied: Rendered, node: &Node) -> Result<Pod, Halt> {
    let missing = |what: &str| Halt::NotModelled {
        what: what.into(),
        why: "the chart renders none".into(),
    };
    let workload = rendered
        .component("standalone")
        .ok_or_else(|| missing("a pod of component standalone"))?;
    let spec = workload.template.spec.as_ref().ok_or_else(|| missing("a pod spec"))?;
    let container = spec.containers.first().ok_or_else(|| missing("a container"))?;
    let objects = Objects::new(
        applied.secrets.into_iter().chain(rendered.secrets.iter().cloned()),
        applied
            .config_maps
            .into_iter()
            .chain(rendered.config_maps.iter().cloned()),
        applied.services.into_iter().chain(rendered.services.iter().cloned()),
    )
    .with_cluster_ips();
    let metadata = workload.template.metadata.clone().unwrap_or_default();
    let facts = Facts {
        // As a ReplicaSet would call it; the two random parts are made up.
        name: format!("{}-0000000000-00000", workload.name),
        namespace: node.namespace.clone(),
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        kubelet: node.kubelet,
        ..Facts::default()
    };
    let pod = crate::environment::Pod {
        spec,
        objects: &objects,
        facts: &facts,
    };
    let volumes = pod.volumes()?;
    let environment = pod.environment(container, &node.image_env)?;
    let files = pod.files(container, &volumes, &environment)?;
    // The chart gives the command in full, so the image's own does not matter.
    let command = environment.command(container).argv(&[], &[]);
    if let Some(fault) = environment.faults(&command).into_iter().next() {
        return Err(Halt::Blocked(fault.blocked()));
    }
    let template = serde_json::to_value(&workload.template).unwrap_or_default();
    Ok(Pod {
        environment: environment.behind(&command),
        files: files.files,
        command,
        template,
    })
}

impl Pod {
    /// The environment by name, in no order: a process cannot tell it either.
    fn variables(&self) -> BTreeMap<&str, &[u8]> {
        self.environment
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.value.as_bytes()))
            .collect()
    }

    /// What Kestra makes of the environment.
    pub fn keyring(&self) -> Keyring {
        self.environment
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.value.as_bytes()))
            .collect()
    }

    /// What the oracle says a case's flow will report.
    pub fn predict(&self, case: &Case, version: &semver::Version) -> Prediction {
        if case.reads.is_empty() {
            return Prediction::Unknown;
        }
        let keyring = self.keyring();
        let mut outputs = BTreeMap::new();
        let mut missing = Vec::new();
        for (output, read) in &case.reads {
            match keyring.secret(&read.secret, version) {
                Read::Text(text) => match reported(&text) {
                    Some(shown) => drop(outputs.insert(output.clone(), Plain::new(shown.bytes(), read.public))),
                    // Its execution has no end, so nothing will be seen.
                    None => return Prediction::Unknown,
                },
                Read::EmptyString => drop(outputs.insert(output.clone(), Plain::new("", read.public))),
                Read::Fails(_) => missing.push(read.secret.clone()),
                // Either of several may win: nothing certain can be said.
                Read::OneOf(_) => return Prediction::Unknown,
            }
        }
        if missing.is_empty() {
            Prediction::Outputs(outputs)
        } else {
            Prediction::Missing(missing)
        }
    }
}
