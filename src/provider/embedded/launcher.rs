//! What each of a run's Kestras is started by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use tokio::sync::OnceCell;

use super::build::{self, Engine};
use super::train;
use crate::error::{During as _, InfraError};
use crate::kestra::KestraRef;
use crate::provider::RunContext;
use crate::tools::toolbox::{Java, JavaFor};

/// How one Kestra is started.
#[derive(Debug, Clone)]
pub enum Launcher {
    /// Our adapter around Kestra's engine.
    Engine {
        /// As it was built.
        engine: Engine,
        /// The Java that runs it.
        java: Java,
        /// What it learnt in training, to start faster.
        aot: Option<PathBuf>,
    },
    /// Any Kestra executable: `PATH server standalone`.
    Exec(PathBuf),
}

/// The launchers of a run. The first engine is ready; another is built when an installation first needs it, so that the
/// first is at work meanwhile.
#[derive(Debug)]
pub(super) struct Launchers(BTreeMap<KestraRef, (Version, OnceCell<Launcher>)>);

impl Launchers {
    /// Makes ready what the first case needs. Where that can be built, the others can be too; what is no engine is looked
    /// for now, because it takes no time.
    pub async fn open(site: &RunContext, kestras: &[(KestraRef, Version)]) -> Result<Self, InfraError> {
        let all = kestras.iter().cloned();
        let all = Self(
            all.map(|(kestra, version)| (kestra, (version, OnceCell::new())))
                .collect(),
        );
        for (at, (kestra, _)) in kestras.iter().enumerate() {
            if at == 0 || !matches!(kestra, KestraRef::Engine(_)) {
                all.get(site, kestra).await?;
            }
        }
        Ok(all)
    }

    /// The launcher of a Kestra; whoever asks while it is made waits for it.
    pub async fn get(&self, site: &RunContext, kestra: &KestraRef) -> Result<&Launcher, InfraError> {
        let Some((version, launcher)) = self.0.get(kestra) else {
            return Err(InfraError::new(
                "boot Kestra",
                format!("{kestra} is none of this run's"),
            ));
        };
        let make = async || match kestra {
            KestraRef::Engine(version) => engine(site, version).await,
            KestraRef::Exec(path) => Ok(Launcher::Exec(from_anywhere(path)?)),
            KestraRef::Official(_) => {
                let kestra = site.toolbox.kestra(version).await;
                Ok(Launcher::Exec(kestra.during("obtain Kestra")?))
            }
        };
        launcher.get_or_try_init(make).await
    }
}

/// The same executable for a child with another working directory; a bare name is left to `PATH`.
fn from_anywhere(path: &Path) -> Result<PathBuf, InfraError> {
    if path.components().count() == 1 && path.is_relative() {
        return Ok(path.to_owned());
    }
    std::path::absolute(path).during(format!("find {}", path.display()))
}

async fn engine(site: &RunContext, version: &Version) -> Result<Launcher, InfraError> {
    let engine = build::engine(site, version).await?;
    let java = site.toolbox.java(Engine::java(version), JavaFor::Running).await;
    let java = java.during(format!("start the engine {version}"))?;
    let aot = train::train(site, &engine, &java).await;
    Ok(Launcher::Engine { engine, java, aot })
}
