//! A kind cluster: made for the run and deleted with it, or somebody's, named, of which nothing is changed
//! but the run's own namespaces.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use semver::Version;
use tokio_util::sync::CancellationToken;

use crate::error::{During as _, InfraError};
use crate::kestra::KestraRef;
use crate::provider::RunContext;
use crate::system::ledger::{CleanError, Cleaned, Cleaner, OwnedResource, ResourceGuard, RunId};
use crate::system::process::{Command, Deadline, ProcessError};
use crate::tools::cluster::{Access, Cluster, names};
use crate::tools::kind::{ASK, export_kubeconfig, has_cluster};
use crate::tools::toolbox::{Tool, Toolbox, ToolboxError};

/// The cluster's shape for the testbed's node image, which brings its own network configuration.
const CONFIG: &str = include_str!("../../../kind-config.yaml");
/// The repository of the testbed's node image.
pub const TESTBED_NODE: &str = "kestra-secrets/node";

/// It takes 12 s with an image that is there; one that is not is pulled.
const CREATE: Deadline = Deadline::seconds("the creation of a kind cluster", 600);
const DELETE: Deadline = Deadline::seconds("the deletion of a kind cluster", 120);
const LOAD: Deadline = Deadline::seconds("the loading of images", 300);
const READY: Duration = Duration::from_secs(120);

/// Which kind cluster, and how it is made.
#[derive(Debug, Clone, Default)]
pub struct KindOptions {
    /// The nodes' image; none for the testbed's where Docker has it, else kind's own.
    pub node_image: Option<String>,
    /// A kind configuration; none for ours.
    pub config: Option<PathBuf>,
    /// A cluster that is there.
    pub reuse: Option<String>,
}

/// The run's own cluster.
pub struct Own {
    kind: PathBuf,
    name: String,
    kubeconfig: PathBuf,
    images: Vec<String>,
    owned: ResourceGuard,
}

/// Makes the cluster, or finds the one that was named and loads the images into it.
pub async fn open(
    site: &RunContext,
    kestras: &[(KestraRef, Version)],
    options: &KindOptions,
) -> Result<(Access, Option<Own>), InfraError> {
    let kind = tool(&site.toolbox).await.during("look for kind")?;
    let images = local_images(site, kestras).await?;
    let kubeconfig = site.helm.folder.join("kubeconfig");
    let name = options.reuse.clone().unwrap_or_else(|| names::cluster(&site.run));
    let access = Access {
        kubeconfig: Some(kubeconfig.clone()),
        context: format!("kind-{name}"),
    };
    if options.reuse.is_some() {
        // A copy of our own: the user's kubeconfig is neither needed nor touched.
        let exported = export_kubeconfig(&kind, &name, &kubeconfig, &site.cancel).await;
        exported
            .during(format!("find kind cluster {name}"))
            .map_err(|infra| infra.help("`kind get clusters` lists them"))?;
        let absent = absent(site, &kind, &name, images).await?;
        load(site, &kind, &name, &absent).await?;
        return Ok((access, None));
    }
    let image = match &options.node_image {
        Some(image) => Some(image.clone()),
        None => testbed_node(site).await?,
    };
    let owned = site
        .ledger
        .register(OwnedResource::Cluster { name: name.clone() })
        .await;
    let own = Own {
        kind,
        name,
        kubeconfig,
        images,
        owned: owned?,
    };
    match own.create(site, image.as_deref(), options.config.as_deref()).await {
        Ok(()) => Ok((access, Some(own))),
        Err(infra) => {
            own.delete().await?;
            Err(infra)
        }
    }
}

impl Own {
    async fn create(&self, site: &RunContext, image: Option<&str>, config: Option<&Path>) -> Result<(), InfraError> {
        site.observer.phase(&self.name, "create the cluster");
        let mut create = Command::new(&self.kind).args(["create", "cluster", "--name", &self.name, "--kubeconfig"]);
        create = create.arg(&self.kubeconfig);
        if let Some(image) = image {
            create = create.args(["--image", image]);
        }
        create = match config {
            Some(file) => create.arg("--config").arg(file),
            None if image.is_some_and(|i| i.starts_with(TESTBED_NODE)) => create.args(["--config", "-"]).stdin(CONFIG),
            // With its own defaults kind lays down the network that its own image needs.
            None => create,
        };
        let created = create.run(CREATE, &site.cancel).await;
        created.map(drop).during("create the kind cluster").map_err(|infra| {
            infra.help("kind needs a Docker daemon and an image for the nodes: `testbed/testbed build` makes one where none can be pulled")
        })
    }

    /// Loads the images while the node becomes ready.
    pub async fn complete(&self, site: &RunContext, cluster: &Cluster) -> Result<(), InfraError> {
        site.observer.phase(&self.name, "load the images");
        let loaded = load(site, &self.kind, &self.name, &self.images);
        let both = futures::future::try_join(loaded, cluster.node_ready(READY)).await;
        site.observer.finished(&self.name);
        both.map(drop)
    }

    /// Leaves the cluster to whoever looks at what was kept in it.
    pub async fn keep(self) -> Result<(), InfraError> {
        Ok(self.owned.keep().await?)
    }

    /// Deletes the cluster with all that is in it, even when the run was interrupted.
    pub async fn delete(self) -> Result<(), InfraError> {
        let deleted = delete(&self.kind, &self.name, &self.kubeconfig).await;
        deleted.during("delete the kind cluster")?;
        Ok(self.owned.release().await?)
    }
}

async fn tool(toolbox: &Toolbox) -> Result<PathBuf, ToolboxError> {
    Ok(toolbox.find(Tool::Kind).await?.path)
}

async fn delete(kind: &Path, name: &str, kubeconfig: &Path) -> Result<(), ProcessError> {
    let delete = Command::new(kind).args(["delete", "cluster", "--name", name, "--kubeconfig"]);
    delete
        .arg(kubeconfig)
        .run(DELETE, &CancellationToken::new())
        .await
        .map(drop)
}

/// The images of these Kestras that Docker has; the nodes pull the others.
async fn local_images(site: &RunContext, kestras: &[(KestraRef, Version)]) -> Result<Vec<String>, InfraError> {
    let known = site
        .defaults
        .iter()
        .flat_map(|d| kestras.iter().filter_map(|(k, _)| d.images.get(k)));
    let mut local = Vec::new();
    for image in known.map(ToString::to_string) {
        let asked = Command::new("docker").args(["image", "inspect", "--format", "{{.Id}}", &image]);
        if docker(asked.output(ASK, &site.cancel).await)?.status.success() && !local.contains(&image) {
            local.push(image);
        }
    }
    Ok(local)
}

/// The testbed's node image, where Docker has it; of several the one of the newest Kubernetes.
async fn testbed_node(site: &RunContext) -> Result<Option<String>, InfraError> {
    let list = Command::new("docker").args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", TESTBED_NODE]);
    let listed = docker(list.run(ASK, &site.cancel).await)?;
    let text = String::from_utf8_lossy(&listed.stdout);
    Ok(newest_image(&text))
}

fn newest_image(listed: &str) -> Option<String> {
    let version = |image: &str| Version::parse(image.rsplit_once(":v")?.1).ok();
    let images = listed.lines().filter(|image| !image.ends_with(":<none>"));
    images.max_by_key(|image| version(image)).map(str::to_owned)
}

fn docker<T>(answer: Result<T, ProcessError>) -> Result<T, InfraError> {
    answer.during("ask Docker for its images").map_err(|infra| {
        infra.help(
            "kind needs a Docker daemon; `testbed/testbed docker start` starts one where that is wanted, and \
             --provider embedded needs none",
        )
    })
}

/// Those of the images that a node of a cluster lacks, or has in another build. kind asks this of `crictl`,
/// which not every node image has; `ctr` is where containerd is.
async fn absent(site: &RunContext, kind: &Path, name: &str, images: Vec<String>) -> Result<Vec<String>, InfraError> {
    let asked = Command::new(kind).args(["get", "nodes", "--name", name]);
    let phase = format!("list the nodes of kind cluster {name}");
    let said = asked.run(ASK, &site.cancel).await;
    let said = said.during(phase)?;
    let nodes = String::from_utf8_lossy(&said.stdout).into_owned();
    let mut absent = Vec::new();
    for image in images {
        let mut there = true;
        for node in nodes.lines() {
            there = there && is_on(site, node, &image).await;
        }
        if !there {
            absent.push(image);
        }
    }
    Ok(absent)
}

/// Whether a node has this very build of an image; what cannot be told is no.
async fn is_on(site: &RunContext, node: &str, image: &str) -> bool {
    let docker = async |args: &[&str]| {
        let said = Command::new("docker").args(args).run(ASK, &site.cancel).await.ok()?;
        String::from_utf8(said.stdout).ok()
    };
    let answer = async {
        let wanted = docker(&["image", "inspect", "--format", "{{.Id}}", image]).await?;
        let ctr = ["exec", node, "ctr", "-n", "k8s.io"];
        let listed = docker(&[&ctr[..], &["images", "ls"]].concat()).await?;
        let line = listed.lines().find(|line| {
            let name = line.split_whitespace().next().unwrap_or_default();
            // containerd writes the registry before it.
            name == image || name.strip_suffix(image).is_some_and(|host| host.ends_with('/'))
        })?;
        let digest = line.split_whitespace().nth(2)?;
        let manifest = docker(&[&ctr[..], &["content", "get", digest]].concat()).await?;
        let manifest: serde_json::Value = serde_json::from_str(&manifest).ok()?;
        // Docker calls an image by its configuration, or where containerd keeps its images by the manifest.
        let ids = [Some(digest), manifest["config"]["digest"].as_str()];
        Some(ids.contains(&Some(wanted.trim())))
    };
    answer.await.unwrap_or(false)
}

/// Loads images into the nodes, all at once, for they share layers.
async fn load(site: &RunContext, kind: &Path, name: &str, images: &[String]) -> Result<(), InfraError> {
    if images.is_empty() {
        return Ok(());
    }
    let load = Command::new(kind)
        .args(["load", "docker-image", "--name", name])
        .args(images)
        // It saves them there, and leaves them there when it is interrupted.
        .env("TMPDIR", &site.helm.folder);
    let loaded = load.run(LOAD, &site.cancel).await;
    loaded.map(drop).during("load the images")
}

/// Deletes the kind clusters of dead runs.
pub struct KindCleaner {
    /// Finds kind.
    pub toolbox: Toolbox,
}

impl Cleaner for KindCleaner {
    fn clean<'a>(
        &'a self,
        run: &'a RunId,
        thing: &'a OwnedResource,
    ) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>> {
        let OwnedResource::Cluster { name } = thing else {
            return None;
        };
        Some(Box::pin(async move {
            let ours = names::cluster(run.as_str());
            if *name != ours {
                return Err(CleanError::NotOurs {
                    thing: thing.clone(),
                    prefix: ours,
                });
            }
            let removed = async {
                let kind = tool(&self.toolbox).await?;
                let there = has_cluster(&kind, name, &CancellationToken::new()).await?;
                // Not the user's own: kind would look for the cluster in it.
                let kubeconfig = tempfile::NamedTempFile::new()?;
                delete(&kind, name, kubeconfig.path()).await?;
                let cleaned = if there { Cleaned::Removed } else { Cleaned::WasGone };
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(cleaned)
            };
            removed.await.map_err(|source| CleanError::Failed {
                thing: thing.clone(),
                source,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::newest_image;

    #[test]
    fn of_several_node_images_the_newest_kubernetes_is_taken() {
        let listed = "kestra-secrets/node:<none>\nkestra-secrets/node:v1.9.3\nkestra-secrets/node:v1.34.4\nkestra-secrets/node:v1.33.13\n";
        assert_eq!(newest_image(listed).as_deref(), Some("kestra-secrets/node:v1.34.4"));
        assert_eq!(newest_image("kestra-secrets/node:<none>\n"), None);
    }
}
