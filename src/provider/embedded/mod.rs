//! No Docker: the chart is rendered, the kubelet's rules applied, and Kestra's engine is started as a
//! child process with exactly the environment the pod would have; where the chart deploys its components
//! apart, one for each, and H2's own server beside them.

mod boot;
mod build;
mod launcher;
mod process;
mod servers;
mod train;

use std::sync::Arc;

use semver::Version;

pub use boot::{EmbeddedKestra, ProcessStarter};
pub use build::Engine;
pub use launcher::Launcher;

use self::launcher::Launchers;

use super::forecast::NodeFacts;
use super::{Pods, ProviderOptions, RELEASE, RunContext};
use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::oracle::environment::Kubelet;
use crate::plan::{Installation, ProviderKind};
use crate::report::Provenance;

/// The memory an engine takes, in MiB: 360–460 were measured.
const ENGINE_MIB: u64 = 600;

/// Starts Kestra as a child process.
pub struct EmbeddedProvider {
    /// Whether twins are started apart.
    pub isolate: bool,
    pub(super) node: NodeFacts,
    parallel: usize,
    launchers: Arc<Launchers>,
}

impl EmbeddedProvider {
    /// Finds Java, builds the first engine if it is not in the cache, and trains its start. The others follow while it is at
    /// work.
    ///
    /// # Errors
    /// [`InfraError`] with what to install when Java or Maven is missing.
    pub async fn open(
        site: &RunContext,
        kestras: &[(KestraRef, Version)],
        options: &ProviderOptions,
    ) -> Result<Self, InfraError> {
        Ok(Self {
            isolate: options.isolate,
            node: NodeFacts {
                image_env: image_env(),
                kubelet: Kubelet::NEWEST,
                namespace: "default".into(),
                release: RELEASE.into(),
            },
            parallel: options.parallel.unwrap_or_else(default_parallelism).max(1),
            launchers: Arc::new(Launchers::open(site, kestras).await?),
        })
    }

    /// How many engines run at a time.
    pub fn capacity(&self) -> usize {
        self.parallel
    }

    /// Starts a Kestra for an installation.
    ///
    /// # Errors
    /// [`InfraError`] when it does not become healthy in time.
    pub async fn install(
        &self,
        site: &RunContext,
        installation: &Installation,
        pods: &Pods,
    ) -> Result<EmbeddedKestra, InfraError> {
        let kept = match installation.keeps_database_for {
            Some(_) => Some(site.ledger.temp_dir().await?),
            None => None,
        };
        let starter = ProcessStarter {
            launchers: Arc::clone(&self.launchers),
            kept,
        };
        EmbeddedKestra::start(site, self.node.clone(), starter, installation, pods.clone()).await
    }

    /// What is real here, and what is not.
    pub fn provenance(site: &RunContext, installation: &Installation, pods: Option<&Pods>) -> Provenance {
        let port = match installation.kestra {
            KestraRef::Engine(_) => "ports and storage are given by system properties",
            KestraRef::Exec(_) | KestraRef::Official(_) => {
                "ports, storage and home are given by JAVA_TOOL_OPTIONS, which the pod would not have"
            }
        };
        let mut deviations = vec![
            port.into(),
            "MICRONAUT_CONFIG_FILES names the same files where they lie on this machine".into(),
        ];
        if let Some(Pods::Distributed { .. }) = pods {
            deviations.push(
                "the components share H2's own server and a folder as internal storage; its URL and the controller's \
                 port are given by system properties, and of each command only the role is taken"
                    .into(),
            );
        }
        if installation.keeps_database_for.is_some() {
            deviations.push("H2's database and the internal storage are files, which outlive an upgrade".into());
        }
        Provenance {
            modelled: vec![
                "the API server and the kubelet: the environment is composed by their rules".into(),
                "the image: its ENV is PATH, HOME, JAVA_HOME and a UTF-8 locale, and its sh is dash".into(),
            ],
            deviations,
            ..site.provenance(
                ProviderKind::Embedded.name(),
                &installation.kestra,
                installation.generation,
            )
        }
    }
}

/// The part of an image's `ENV` that a Java program needs; the official image sets a UTF-8 locale too.
fn image_env() -> Vec<String> {
    let ours = |name: &str| std::env::var(name).ok().map(|v| format!("{name}={v}"));
    let locale = ["LANG", "LC_ALL"].map(|n| format!("{n}=C.UTF-8"));
    ["PATH", "HOME", "JAVA_HOME"]
        .into_iter()
        .filter_map(ours)
        .chain(locale)
        .collect()
}

/// As many engines as cores and memory bear.
pub(super) fn default_parallelism() -> usize {
    let cores = super::cores();
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    let by_memory = free.map_or(cores, |kib| usize::try_from(kib / 1024 / ENGINE_MIB).unwrap_or(cores));
    cores.min(by_memory).max(1)
}
