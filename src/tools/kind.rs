//! What kind is asked of its clusters.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::system::process::{Command, Deadline, ProcessError};

/// How long an answer of kind or docker may take.
pub(crate) const ASK: Deadline = Deadline::seconds("an answer of kind or docker", 30);

/// Whether there is a cluster of this name.
///
/// # Errors
/// [`ProcessError`] with kind's words.
pub(crate) async fn has_cluster(kind: &Path, name: &str, cancel: &CancellationToken) -> Result<bool, ProcessError> {
    let listed = Command::new(kind).args(["get", "clusters"]).run(ASK, cancel).await?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == name))
}

/// Writes a kubeconfig for a cluster that is there.
///
/// # Errors
/// [`ProcessError`] with kind's words.
pub(crate) async fn export_kubeconfig(
    kind: &Path,
    name: &str,
    to: &Path,
    cancel: &CancellationToken,
) -> Result<(), ProcessError> {
    let export = Command::new(kind).args(["export", "kubeconfig", "--name", name, "--kubeconfig"]);
    export.arg(to).run(ASK, cancel).await.map(drop)
}
