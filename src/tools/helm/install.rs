//! `helm install`, `upgrade` and `uninstall`: not `--wait`, since helm waits without telling for what.

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{Added, Chart, Helm};
use crate::error::InfraCause;
use crate::oracle::secret::Plaintext;
use crate::scenario::Stage;
use crate::system::process::{Command, Deadline, ProcessError};
use crate::tools::cluster::Access;

/// One that waits for nothing takes a second or two; a chart's hooks are waited for.
const DEADLINE: Deadline = Deadline::seconds("a release to be written", 180);
/// Its objects' own grace periods included.
const GONE: Deadline = Deadline::seconds("a release to be gone", 180);

/// A release: where it is, and by which name.
#[derive(Debug, Clone)]
pub struct HelmRelease {
    /// The cluster.
    pub access: Access,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// What is done to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A new one is made.
    Install,
    /// The one that is there is made anew.
    Upgrade,
    /// Nothing is made: helm renders, and the API server says whether it knows all of that.
    Try,
}

/// Why a release was not written.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The chart, helm or the API server refused what was given.
    #[error("{by}: {message}")]
    Refused {
        /// Who refused.
        by: Stage,
        /// In whose words.
        message: String,
    },
    /// Helm or the cluster failed.
    #[error(transparent)]
    Helm(#[from] ProcessError),
    /// The machine failed us.
    #[error("failed to hand helm its values: {0}")]
    Io(#[from] std::io::Error),
}

impl Helm {
    /// Installs a release, upgrades the one that is there, or tries whether one could be installed.
    ///
    /// # Errors
    /// [`InstallError::Refused`] when what was given is at fault; the others are not its own.
    pub async fn install(
        &self,
        verb: Verb,
        release: &HelmRelease,
        chart: &Chart,
        added: &Added,
        values: &Plaintext,
    ) -> Result<(), InstallError> {
        let (words, dry): (&str, &[&str]) = match verb {
            Verb::Install => ("install", &[]),
            Verb::Upgrade => ("upgrade", &[]),
            // What is rendered holds secrets, and only whether it was taken is asked.
            Verb::Try => ("install", &["--dry-run=server", "--hide-secret"]),
        };
        let command = on(self.command(), release, words).arg(&chart.path).args(dry);
        let (command, _files) = self.with_values(command, added, values)?;
        let output = command.output(DEADLINE, &self.cancel).await?;
        if output.status.success() {
            return Ok(());
        }
        let error = self.ended_badly(&output);
        let words = output.last_words().lines().join("\n");
        match refused_by(&words) {
            Some(by) => Err(InstallError::Refused { by, message: words }),
            None => Err(InstallError::Helm(error)),
        }
    }

    /// Removes a release and waits until its objects and pods are gone; one that is not there is no error.
    ///
    /// # Errors
    /// [`ProcessError`] with helm's words.
    pub async fn uninstall(&self, release: &HelmRelease) -> Result<(), ProcessError> {
        uninstall(self.command(), release).await
    }
}

/// Removes a release by a call of helm, even when the run was interrupted.
pub(crate) async fn uninstall(helm: Command, release: &HelmRelease) -> Result<(), ProcessError> {
    let command = on(helm, release, "uninstall").args(["--ignore-not-found", "--cascade", "foreground", "--wait"]);
    command.run(GONE, &CancellationToken::new()).await.map(drop)
}

fn on(helm: Command, release: &HelmRelease, verb: &str) -> Command {
    let command = helm.args([verb, &release.name]).args([
        "--namespace",
        &release.namespace,
        "--kube-context",
        &release.access.context,
    ]);
    match &release.access.kubeconfig {
        Some(file) => command.arg("--kubeconfig").arg(file),
        None => command,
    }
}

/// What helm says of a cluster or of the way to it, whatever else the line holds.
const TROUBLE: [&str; 22] = [
    "cluster unreachable",
    "context deadline exceeded",
    "timed out",
    "i/o timeout",
    "TLS handshake timeout",
    "connection refused",
    "connection reset",
    "connection lost",
    "\": EOF",
    // An answer that breaks off, of the API server's list of kinds say, without which helm knows none of them.
    "unexpected EOF",
    "Unexpected error when reading response body",
    "unable to retrieve the complete list of server APIs",
    "broken pipe",
    "http2: ",
    "no route to host",
    "network is unreachable",
    "the server is currently unable to handle the request",
    "an error on the server",
    "too many requests",
    "Too Many Requests",
    "Internal error occurred",
    "etcdserver: ",
];

/// What helm says every cluster lacks when it could not read the API server's kinds: each of these has been served since
/// long before the oldest Kubernetes of today.
const EVERY_CLUSTER_HAS: [&str; 7] = [
    "no matches for kind \"ConfigMap\" in version \"v1\"",
    "no matches for kind \"PersistentVolumeClaim\" in version \"v1\"",
    "no matches for kind \"Secret\" in version \"v1\"",
    "no matches for kind \"Service\" in version \"v1\"",
    "no matches for kind \"ServiceAccount\" in version \"v1\"",
    "no matches for kind \"Deployment\" in version \"apps/v1\"",
    "no matches for kind \"StatefulSet\" in version \"apps/v1\"",
];

/// What keeps helm from it the next time too.
const LASTING: [&str; 4] = [
    "forbidden: User",
    "exceeded quota",
    "no space left on device",
    "cannot re-use a name",
];

impl InfraCause for InstallError {
    /// Helm was killed, or the cluster failed it for a moment.
    fn is_transient(&self) -> bool {
        match self {
            Self::Helm(error) => is_transient(error),
            Self::Refused { .. } | Self::Io(_) => false,
        }
    }
}

/// The same of any call of helm.
pub(super) fn is_transient(error: &ProcessError) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    match error {
        ProcessError::Exit { status, last_words, .. } => {
            let words = last_words.lines().join("\n");
            status.signal().is_some() || !LASTING.iter().any(|l| words.contains(l))
        }
        ProcessError::Lost { .. } => true,
        _ => false,
    }
}

/// Who refused what was given, by helm's words; none when the cluster or helm failed at it.
///
/// Helm tells it by words alone. Those of a template, of the values' schema and of YAML are the chart's; the
/// API server's come with the object they are about. What is not known for a refusal is none: nobody is to search their
/// values for a fault of the cluster.
fn refused_by(words: &str) -> Option<Stage> {
    let any = |needles: &[&str]| needles.iter().any(|n| words.contains(n));
    if any(&TROUBLE) || any(&EVERY_CLUSTER_HAS) || any(&LASTING) {
        None
    } else if any(&[
        "template: ",
        "execution error at",
        "parse error at",
        "YAML parse error",
        "values don't meet the specifications of the schema",
        "failed to parse",
        "error converting YAML",
    ]) {
        Some(Stage::Render)
    } else if any(&[
        " is invalid: ",
        "cannot be handled as",
        "denied the request",
        // Helm's own check of each object against what the API server serves.
        "error validating data",
        "no matches for kind",
        "unable to decode",
        "failed to create typed patch object",
        "violates PodSecurity",
    ]) {
        Some(Stage::Apply)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helms_message_tells_who_refused() {
        let cases = [
            (
                "Error: INSTALLATION FAILED: execution error at (kestra/templates/checks.yaml:3:4): no minio",
                Some(Stage::Render),
            ),
            (
                "Error: INSTALLATION FAILED: template: kestra/templates/deployment.yaml:9:2: executing",
                Some(Stage::Render),
            ),
            (
                "Error: INSTALLATION FAILED: failed to parse -: error converting YAML to JSON: yaml: line 2",
                Some(Stage::Render),
            ),
            (
                "Error: INSTALLATION FAILED: Deployment.apps \"kestra-standalone\" is invalid: spec.template",
                Some(Stage::Apply),
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource \
                 mapping not found for name: \"db\" namespace: \"\" from \"\": no matches for kind \"ExternalSecret\" in version \
                 \"external-secrets.io/v1\"\nensure CRDs are installed first",
                Some(Stage::Apply),
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource \
                 mapping not found for name: \"db\" namespace: \"\" from \"\": no matches for kind \"Secrets\" in version \
                 \"v1\"\nensure CRDs are installed first",
                Some(Stage::Apply),
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: error validating \
                 \"\": error validating data: [unknown object type \"nil\" in Secret.data.SECRET_DB_PASSWORD]",
                Some(Stage::Apply),
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: resource \
                 mapping not found for name: \"kestra\" namespace: \"\" from \"\": no matches for kind \"Deployment\" in \
                 version \"apps/v1\"\nensure CRDs are installed first",
                None,
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: something that \
                 nobody has seen yet",
                None,
            ),
            (
                "Error: INSTALLATION FAILED: Kubernetes cluster unreachable: Get \"https://127.0.0.1:1/version\"",
                None,
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: the server is \
                 currently unable to handle the request",
                None,
            ),
            (
                "Error: INSTALLATION FAILED: unable to build kubernetes objects from release manifest: Get \
                 \"http://127.0.0.1:1/openapi/v2?timeout=32s\": EOF",
                None,
            ),
            (
                "E1129 07:30:40.463915   16847 request.go:1198] \"Unexpected error when reading response body\" \
                 err=\"unexpected EOF\"\nError: INSTALLATION FAILED: unable to build kubernetes objects from release \
                 manifest: resource mapping not found for name: \"kestra\" namespace: \"\" from \"\": no matches for kind \
                 \"Deployment\" in version \"apps/v1\"",
                None,
            ),
            (
                "Error: INSTALLATION FAILED: secrets is forbidden: User \"jane\" cannot list resource \"secrets\"",
                None,
            ),
            (
                "Error: INSTALLATION FAILED: cannot re-use a name that is still in use",
                None,
            ),
        ];
        for (words, by) in cases {
            assert_eq!(refused_by(words), by, "{words}");
        }
    }
}
