//! What an installation's pods will be: the chart rendered, the kubelet's rules applied.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pods::{KestraPod, Pods, Role};
use super::{Installed, RunContext};
use crate::error::InfraError;
use crate::error::InputError;
use crate::oracle::environment::api_server::{Admitted, admit};
use crate::oracle::environment::{ClusterFacts, Halt, Kubelet, Objects};
use crate::plan::{Action, Installation};
use crate::scenario::{Manifest, Stage};
use crate::system::yaml;
use crate::tools::helm::{RenderError, Rendered, Workload};
use crate::verdict::{Outcome, Prediction};

/// What is known of the place a pod would run in.
#[derive(Debug, Clone)]
pub struct NodeFacts {
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
    /// Pods that start.
    Pods(Box<Pods>),
    /// What was given keeps it from starting.
    WontStart(Outcome),
}

impl Forecast {
    /// Predicts what comes of an installation.
    ///
    /// # Errors
    /// [`InfraError`] when helm fails, or the pod asks for something the model does not know.
    pub async fn predict(site: &RunContext, node: &NodeFacts, installation: &Installation) -> Result<Self, InfraError> {
        let mut applied = Rendered::default();
        for manifest in &installation.manifests {
            if let Err(message) = apply(manifest, &mut applied) {
                return Ok(Self::WontStart(Outcome::Refused {
                    by: Stage::Apply,
                    message: site.redactor.scrub(&message),
                }));
            }
        }
        let added = site.values(installation);
        let rendered = match site
            .helm
            .template(
                &site.chart,
                &node.release,
                &node.namespace,
                &added,
                &installation.values,
            )
            .await
        {
            Ok(rendered) => rendered,
            Err(error @ (RenderError::Refused(_) | RenderError::Mistyped(_))) => {
                let by = match error {
                    RenderError::Mistyped(_) => Stage::Apply,
                    _ => Stage::Render,
                };
                return Ok(Self::WontStart(Outcome::Refused {
                    by,
                    message: site.redactor.scrub(&error.to_string()),
                }));
            }
            Err(e) => return Err(InfraError::caused_by("render the chart", e)),
        };
        match start(&rendered, applied, node) {
            Ok(pods) => Ok(Self::Pods(Box::new(pods))),
            Err(Halt::Blocked(blocked)) => Ok(Self::WontStart(Outcome::Blocked {
                reason: blocked.reason.to_string(),
                message: blocked.message,
            })),
            Err(other) => Err(InfraError::new("model the pod", other)),
        }
    }

    /// The pods, if there are to be any.
    pub fn pods(&self) -> Option<&Pods> {
        match self {
            Self::Pods(pods) => Some(pods),
            Self::WontStart(_) => None,
        }
    }

    /// The one among them that runs tasks.
    pub fn pod(&self) -> Option<&KestraPod> {
        self.pods().map(Pods::of_tasks)
    }

    /// What comes of documents that are only asked whether they install.
    pub fn untried(&self) -> &Outcome {
        match self {
            Self::Pods(_) => &Outcome::Installs,
            Self::WontStart(outcome) => outcome,
        }
    }

    /// Whether two come to the same pods.
    pub(super) fn same_pods(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Pods(a), Self::Pods(b)) if a.same(b))
    }

    /// What the oracle says of a release that never will run.
    pub fn prediction_of(installed: &Installed) -> Prediction {
        match installed.predicted_outcome() {
            Some(Outcome::Refused { by, .. }) => Prediction::Refused(*by),
            Some(Outcome::Blocked { reason, .. }) => Prediction::Blocked(reason.clone()),
            Some(Outcome::Installs) => Prediction::Installs,
            _ => Prediction::Unknown,
        }
    }
}

/// What an action makes of the pods.
pub(super) enum PodChange {
    /// Nothing: they go on.
    Same,
    /// They end, and no others come up.
    WontStart(Outcome),
    /// They end, and these take their place.
    Pods(Box<Pods>),
}

/// Does to a release what a cluster would: an upgrade restarts a pod when its template changes, a
/// changed Secret alone restarts nothing.
///
/// # Errors
/// As [`Forecast::predict`].
pub(super) async fn predict_change(
    site: &RunContext,
    node: &NodeFacts,
    release: &mut Installation,
    action: &Action,
    now: &Pods,
) -> Result<PodChange, InfraError> {
    let was = release.kestra.clone();
    match action {
        Action::Apply(manifests) => {
            release.manifests.clone_from(manifests);
            return Ok(PodChange::Same);
        }
        Action::Upgrade { values, manifests, to } => {
            release.values = values.clone();
            release.manifests.clone_from(manifests);
            if let Some(to) = to {
                release.upgrade_to(to);
            }
        }
        Action::Restart => {}
    }
    // Without a cluster no image stands in the template, but with another Kestra there is another one.
    let same_kestra = action.upgrades_to().is_none_or(|to| to.kestra == was);
    Ok(match Forecast::predict(site, node, release).await? {
        Forecast::WontStart(outcome) => PodChange::WontStart(outcome),
        Forecast::Pods(pods) if same_kestra && matches!(action, Action::Upgrade { .. }) => match pods.upgraded(now) {
            Some(pods) => PodChange::Pods(Box::new(pods)),
            None => PodChange::Same,
        },
        Forecast::Pods(pods) => PodChange::Pods(pods),
    })
}

/// Reads a manifest's documents as the API server would, or says in its words why it would not.
fn apply(manifest: &Manifest, applied: &mut Rendered) -> Result<(), String> {
    let documents: Vec<Value> =
        yaml::documents(manifest.text.bytes()).map_err(|e| InputError::yaml(&manifest.file, &e, "").to_string())?;
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

/// Starts the pods, each in the kubelet's order: the standalone component's, or one for each role.
fn start(rendered: &Rendered, applied: Rendered, node: &NodeFacts) -> Result<Pods, Halt> {
    let objects = Objects::new(
        applied.secrets.into_iter().chain(rendered.secrets.iter().cloned()),
        applied
            .config_maps
            .into_iter()
            .chain(rendered.config_maps.iter().cloned()),
        applied.services.into_iter().chain(rendered.services.iter().cloned()),
    )
    .with_cluster_ips();
    if let Some(workload) = rendered.component(Role::Standalone.name()) {
        return Ok(Pods::Standalone(pod(workload, &objects, node)?));
    }
    let mut pods = BTreeMap::new();
    for role in Role::APART {
        let mut workloads = rendered.workloads.iter().filter(|w| w.component == role.name());
        if let Some(workload) = workloads.next() {
            pods.insert(role, pod(workload, &objects, node)?);
        }
        if let Some(second) = workloads.next() {
            return Err(Halt::NotModelled {
                what: format!("{}, a second workload of component {role}", second.name),
                why: "which of the two does the work is left to chance".into(),
            });
        }
    }
    let lacks = |role: &&Role| !pods.contains_key(role);
    if let Some(lacking) = [Role::Webserver, Role::Executor].iter().find(lacks) {
        return Err(missing(lacking.name()));
    }
    match pods.remove(&Role::Worker) {
        Some(worker) => Ok(Pods::Distributed { worker, others: pods }),
        None => Err(missing("worker")),
    }
}

fn missing(component: &str) -> Halt {
    Halt::NotModelled {
        what: format!("a Kestra without a pod of component standalone, and without one of component {component}"),
        why: "no execution would come to its end".into(),
    }
}

fn pod(workload: &Workload, objects: &Objects, node: &NodeFacts) -> Result<KestraPod, Halt> {
    let missing = |what: &str| Halt::NotModelled {
        what: format!("{} without {what}", workload.name),
        why: "the chart renders none".into(),
    };
    let spec = workload.template.spec.as_ref().ok_or_else(|| missing("a pod spec"))?;
    let container = spec.containers.first().ok_or_else(|| missing("a container"))?;
    let metadata = workload.template.metadata.clone().unwrap_or_default();
    let facts = ClusterFacts {
        // As a ReplicaSet would call it; the two random parts are made up.
        name: format!("{}-0000000000-00000", workload.name),
        namespace: node.namespace.clone(),
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        kubelet: node.kubelet,
        ..ClusterFacts::default()
    };
    let pod = crate::oracle::environment::Pod {
        spec,
        objects,
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
    Ok(KestraPod {
        environment: environment.behind(&command),
        files: files.files,
        command,
        template,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workload(component: &str, secret: &str) -> Workload {
        let env = [json!({"name": "SECRET_X", "value": secret})];
        let container = json!({"name": "k", "command": ["kestra", "server", component], "env": env});
        Workload {
            name: format!("kestra-{component}"),
            component: component.into(),
            template: serde_json::from_value(json!({"spec": {"containers": [container]}})).unwrap(),
        }
    }

    fn started(workloads: &[(&str, &str)]) -> Result<Pods, String> {
        let rendered = Rendered {
            workloads: workloads.iter().map(|(c, s)| workload(c, s)).collect(),
            ..Rendered::default()
        };
        let node = NodeFacts {
            image_env: Vec::new(),
            kubelet: Kubelet::NEWEST,
            namespace: "default".into(),
            release: "kestra".into(),
        };
        start(&rendered, Rendered::default(), &node).map_err(|halt| halt.to_string())
    }

    fn secret(pod: &KestraPod) -> &[u8] {
        let mut variables = pod.environment.variables.iter();
        variables.find(|v| v.name == "SECRET_X").unwrap().value.as_bytes()
    }

    #[test]
    fn a_standalone_release_has_one_pod() {
        let pods = started(&[("worker", "w"), ("standalone", "s")]).unwrap();
        assert!(matches!(pods, Pods::Standalone(_)));
        assert_eq!(secret(pods.of_tasks()), b"s");
    }

    #[test]
    fn the_worker_of_a_distributed_release_renders_what_tasks_are_given() {
        let pods = started(&[("executor", "e"), ("worker", "w"), ("webserver", "v")]).unwrap();
        assert_eq!(secret(pods.of_tasks()), b"w");
        let roles: Vec<_> = pods.each().into_keys().collect();
        assert_eq!(roles, [Role::Webserver, Role::Executor, Role::Worker]);
    }

    #[test]
    fn releases_that_run_nothing_or_by_chance_are_not_modelled() {
        let all = [("webserver", ""), ("executor", ""), ("worker", "")];
        for lacking in 0..all.len() {
            let mut rest = all.to_vec();
            let (component, _) = rest.remove(lacking);
            let said = started(&rest).err().unwrap();
            assert!(said.contains(component), "{said}");
        }
        let mut twice = all.to_vec();
        twice.push(("worker", "another"));
        assert!(started(&twice).err().unwrap().contains("left to chance"));
    }

    #[test]
    fn an_upgrade_leaves_pods_of_the_same_template_as_they_are() {
        let all = |worker| started(&[("webserver", "v"), ("executor", "e"), ("worker", worker)]).unwrap();
        let mut now = all("old");
        assert!(all("old").upgraded(&now).is_none());
        // Only a new pod takes in what has changed in a Secret meanwhile.
        let Pods::Distributed { others, .. } = &mut now else {
            panic!("not apart")
        };
        let executor = others.get_mut(&Role::Executor).unwrap();
        executor.environment.variables.clear();
        let after = all("new").upgraded(&now).unwrap();
        assert_eq!(secret(after.of_tasks()), b"new");
        assert!(after.each()[&Role::Executor].environment.variables.is_empty());
        assert!(!after.same(&now));
    }
}
