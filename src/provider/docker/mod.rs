//! The Kestra image alone, for people whose Kestra runs under Compose: the chart is rendered, the
//! kubelet's rules applied, and a container of the image started with exactly the environment, the
//! mounted files and the command that the pod would have.

mod boot;
mod clean;
mod daemon;

use std::collections::BTreeMap;

use semver::Version;

pub use boot::DockerKestra;
pub use clean::Containers;
use daemon::DockerDaemon;

use super::embedded::default_parallelism;
use super::forecast::NodeFacts;
use super::{Pods, ProviderOptions, RELEASE, RunContext};
use crate::error::{During as _, InfraError};
use crate::kestra::KestraRef;
use crate::oracle::environment::Kubelet;
use crate::plan::{ImageRef, Installation, ProviderKind};
use crate::report::Provenance;

/// What is done with the daemon.
const PHASE: &str = "use Docker";

/// Starts Kestra's image.
pub struct Docker {
    /// Whether twins are started apart.
    pub isolate: bool,
    parallel: usize,
    daemon: DockerDaemon,
    images: BTreeMap<KestraRef, Image>,
}

/// An image that the daemon has.
#[derive(Debug, Clone)]
struct Image {
    name: String,
    node: NodeFacts,
}

/// Starts one image as containers.
#[derive(Debug)]
pub struct ImageStarter {
    daemon: DockerDaemon,
    image: String,
}

impl Docker {
    /// Finds the daemon and the images. None is pulled: which one runs is the user's to say.
    ///
    /// # Errors
    /// [`InfraError`] when no daemon answers, or with how to get an image that is not there.
    pub async fn open(
        site: &RunContext,
        kestras: &[(KestraRef, Version)],
        chosen: &BTreeMap<KestraRef, ImageRef>,
        options: &ProviderOptions,
    ) -> Result<Self, InfraError> {
        let daemon = DockerDaemon::connect(site.redactor.scrubber())
            .await
            .during(PHASE)
            .map_err(|infra| {
                infra.help(
                    "start it and see that `docker version` works for you, or set DOCKER_HOST to its socket; \
                 --provider embedded needs no Docker",
                )
            })?;
        let mut images = BTreeMap::new();
        for (kestra, _) in kestras {
            let name = chosen.get(kestra).map(ToString::to_string).ok_or_else(|| {
                InfraError::new(PHASE, format!("{kestra} is a file, not an image"))
                    .help("name the Kestra by version and its image by --image, or use --provider embedded")
            })?;
            let env = daemon.image_env(&name).await.during(PHASE)?;
            let env = env.ok_or_else(|| {
                InfraError::new(PHASE, format!("the daemon has no image {name}")).help(how_to_get(&name))
            })?;
            let node = NodeFacts {
                image_env: env,
                kubelet: Kubelet::NEWEST,
                namespace: "default".into(),
                release: RELEASE.into(),
            };
            images.insert(kestra.clone(), Image { name, node });
        }
        Ok(Self {
            isolate: options.isolate,
            parallel: options.parallel.unwrap_or_else(default_parallelism).max(1),
            daemon,
            images,
        })
    }

    /// How many containers run at a time.
    pub fn capacity(&self) -> usize {
        self.parallel
    }

    /// What a kubelet would know when it started the image of an installation.
    pub(super) fn node(&self, installation: &Installation) -> Result<&NodeFacts, InfraError> {
        self.image(installation).map(|image| &image.node)
    }

    pub(super) fn image_name(&self, kestra: &KestraRef) -> Option<&str> {
        self.images.get(kestra).map(|image| image.name.as_str())
    }

    fn image(&self, installation: &Installation) -> Result<&Image, InfraError> {
        let unknown = || InfraError::new(PHASE, format!("{} was not prepared", installation.kestra));
        self.images.get(&installation.kestra).ok_or_else(unknown)
    }

    /// Starts a container for an installation.
    ///
    /// # Errors
    /// [`InfraError`] when it does not become healthy in time.
    pub async fn install(
        &self,
        site: &RunContext,
        installation: &Installation,
        pods: &Pods,
    ) -> Result<DockerKestra, InfraError> {
        let Image { name, node } = self.image(installation)?.clone();
        let starter = ImageStarter {
            daemon: self.daemon.clone(),
            image: name,
        };
        DockerKestra::start(site, node, starter, installation, pods.clone()).await
    }

    /// What is real here, and what is not.
    pub fn provenance(&self, site: &RunContext, installation: &Installation) -> Provenance {
        let image = self.image(installation).map_or("none", |image| &image.name);
        Provenance {
            image: self.image(installation).ok().map(|image| image.name.clone()),
            modelled: vec![
                "the API server and the kubelet: the environment is composed by their rules and the image's own ENV"
                    .into(),
            ],
            deviations: vec![
                format!(
                    "the image {} runs on Docker's network, without the pod's security context and resources",
                    site.told_of_image(&installation.kestra, image)
                ),
                "ports 8080 and 8081 are published on 127.0.0.1".into(),
            ],
            ..site.provenance(
                ProviderKind::Docker.name(),
                &installation.kestra,
                installation.generation,
            )
        }
    }
}

fn how_to_get(image: &str) -> String {
    if image.starts_with("kestra-secrets/") {
        "build it with `testbed/testbed build`, which also loads it into the daemon".into()
    } else {
        format!("`docker pull {image}`, or name another with --image")
    }
}
