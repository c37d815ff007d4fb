//! Java remembers how the engine starts: an AOT cache, from JDK 25 on.

use std::path::PathBuf;
use std::time::Duration;

use super::build::{Engine, lock};
use super::process::{KestraProcess, Ports, connect, java_command, properties};
use crate::error::{During as _, InfraError};
use crate::plan::Defaults;
use crate::provider::RunContext;
use crate::scenario::Generation;
use crate::tools::toolbox::Java;

/// The first Java that keeps an AOT cache of a program.
const FIRST: u32 = 25;
/// Java writes the cache when the engine has ended: some 15 s on two quiet cores.
const WRITING: Duration = Duration::from_secs(300);

/// A flow that reads a secret, so that what a case needs is remembered too.
const FLOW: &str = "
id: training
namespace: company.team
tasks:
  - id: hello
    type: io.kestra.plugin.core.output.OutputValues
    values:
      training: \"{{ secret('TRAINING') }}\"
";

/// The engine's AOT cache for this Java, made on first use. It halves the time of a boot and nothing
/// else, so what goes wrong with it is said and is no error.
pub(super) async fn train(site: &RunContext, engine: &Engine, java: &Java) -> Option<PathBuf> {
    if java.feature < FIRST {
        return None;
    }
    let cache = engine.home.join(format!("java-{}.aot", java.version));
    let who = format!("train the engine {}", engine.version);
    let trained = async {
        let _lock = lock(cache.with_extension("lock")).await.during("lock the cache")?;
        if !cache.is_file() {
            site.observer.phase(&who, "half a minute, the first time only");
            remember(site, engine, java, &cache).await?;
        }
        Ok::<_, InfraError>(())
    };
    let trained = trained.await;
    site.observer.finished(&who);
    match trained {
        Ok(()) => Some(cache),
        Err(infra) => {
            tracing::warn!("failed to {who}, so boots take longer: {infra}");
            None
        }
    }
}

/// Boots the engine, runs a flow, ends it and waits until Java has written what it learnt.
async fn remember(site: &RunContext, engine: &Engine, java: &Java, cache: &PathBuf) -> Result<(), InfraError> {
    const PHASE: &str = "prepare the training";
    let folder = site.ledger.temp_dir().await?;
    let ports = Ports::free(1).during(PHASE)?[0];
    let configuration = folder.path().join("application.yml");
    let defaults = Defaults {
        pull_secret: None,
        credentials: site.credentials.clone(),
        images: std::collections::BTreeMap::new(),
    };
    let values = defaults.values(Generation::V1);
    fs_err::write(&configuration, values["configurations"]["application"].to_string()).during(PHASE)?;
    let unfinished = cache.with_extension("unfinished");
    let command = java_command(engine, java)
        .arg(format!("-XX:AOTCacheOutput={}", unfinished.display()))
        .args(properties(ports, folder.path()))
        .args(["engine.Engine", "server", "standalone"])
        .env("MICRONAUT_CONFIG_FILES", &configuration)
        .env("SECRET_TRAINING", "dHJhaW5pbmc=");
    let process = KestraProcess::spawn(site, command, folder, "Kestra of training".into()).await?;
    let ran = async {
        process.healthy(site, ports).await?;
        let client = connect(site, site.credentials.clone(), ports).await?;
        let flow = client.put_flow(FLOW).await.during("create the flow")?;
        client.run(&flow).await.during("run the flow")
    };
    let ran = ran.await;
    process.stop(WRITING).await?;
    ran?;
    fs_err::rename(unfinished, cache).during(PHASE)
}
