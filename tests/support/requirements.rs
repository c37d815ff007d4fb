//! What a provider needs on this machine, and whether tests may go without.

use kestra_secrets::internals::provider::embedded::Engine;
use kestra_secrets::internals::tools::toolbox::{JavaFor, Tool, Toolbox};
use semver::Version;
use tokio_util::sync::CancellationToken;

/// Whether `KESTRA_SECRETS_REQUIRE` holds this provider: then its tests fail where they would be ignored.
pub fn is_required(provider: &str) -> bool {
    let required = std::env::var("KESTRA_SECRETS_REQUIRE").unwrap_or_default();
    required.split([',', ' ']).any(|word| word == provider)
}

/// What the embedded provider lacks here to build and run an engine.
pub fn lacking_for_engine(version: &Version) -> Option<String> {
    let found = async {
        let toolbox = Toolbox::from_env(CancellationToken::new())?;
        let java = toolbox.java(Engine::java(version), JavaFor::Building).await?;
        toolbox.maven(&java).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(found).err().map(|e| format!("failed to {e}")),
        Err(e) => Some(format!("failed to start tokio: {e}")),
    }
}

/// What the docker provider lacks here to run the testbed's image of an engine.
pub fn lacking_for_image(version: &Version) -> Option<String> {
    lacking_image(&format!("kestra-secrets/kestra:{version}"))
}

/// The testbed's image of a kind node.
pub const NODE: &str = "kestra-secrets/node:v1.34.4";

/// The same of an older Kubernetes.
pub const OLDER_NODE: &str = "kestra-secrets/node:v1.33.13";

/// What a run on both lacks here, by both of the testbed's helms.
pub fn lacking_for_two_clusters(version: &Version) -> Option<String> {
    lacking_for_cluster(version)
        .or_else(|| lacking_image(OLDER_NODE))
        .or_else(lacking_helm4)
}

/// The newer of the testbed's helms, on `PATH`.
pub const HELM4: &str = "helm4";

/// Why that cannot be run.
pub fn lacking_helm4() -> Option<String> {
    let asked = std::process::Command::new(HELM4).arg("version").output();
    asked
        .err()
        .map(|e| format!("`testbed/testbed build` makes {HELM4}: {e}"))
}

/// What the kind provider lacks here to make a cluster of the testbed's images.
pub fn lacking_for_cluster(version: &Version) -> Option<String> {
    lacking_image(NODE).or_else(|| lacking_for_image(version))
}

fn lacking_image(image: &str) -> Option<String> {
    let asked = std::process::Command::new("docker")
        .args(["image", "inspect", "--format", "{{.Id}}", image])
        .output();
    match asked {
        Ok(answer) if answer.status.success() => None,
        Ok(answer) => Some(format!(
            "`testbed/testbed build` makes {image}: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        )),
        Err(e) => Some(format!("failed to start docker: {e}")),
    }
}

/// Where helm is, for a run that would not find it by itself.
pub fn helm() -> std::path::PathBuf {
    let found = async {
        let toolbox = Toolbox::from_env(CancellationToken::new())?;
        toolbox.find(Tool::Helm).await
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(found).unwrap().path
}
