//! `--provider auto`: a kind cluster of the run's own where one can be had, else a child process.
//!
//! A context of the user's kubeconfig is never among the choices: it may be somebody's production.

use tokio_util::sync::CancellationToken;

use super::{Options, Place};
use crate::process::{Command, Deadline};
use crate::provider::KestraRef;
use crate::provider::live::{self, KindOptions};
use crate::toolbox::pins::KIND_NODE;
use crate::verdict::Infra;

const ASK: Deadline = Deadline::seconds("an answer of Docker", 10);
/// The publisher's registry is asked, but not waited for.
const LOOK: Deadline = Deadline::seconds("an answer of an image's registry", 10);

/// Where Kestra runs, and why there.
#[derive(Debug)]
pub struct Choice {
    /// Where.
    pub place: Place,
    /// Why, in a few words for the person at the terminal.
    pub because: String,
}

/// Looks what this machine can offer; starts and pulls nothing.
///
/// # Errors
/// [`Infra`] when something was asked that a child process cannot do, and kind cannot be had.
pub async fn choose(options: &Options, cancel: &CancellationToken) -> Result<Choice, Infra> {
    let because = match kind(options, cancel).await {
        Ok(because) => {
            return Ok(Choice {
                place: Place::Live {
                    place: live::Place::Kind(KindOptions::default()),
                    local_port: None,
                },
                because,
            });
        }
        Err(because) => because,
    };
    match options.beyond_a_process() {
        None => Ok(Choice {
            place: Place::Embedded,
            because,
        }),
        Some(flag) => Err(Infra::new(format!("choose a provider for {flag}"), because)
            .help("it needs --provider kind, docker or context; an embedded Kestra is a child process of the run")),
    }
}

/// Why kind can be had, or why not.
async fn kind(options: &Options, cancel: &CancellationToken) -> Result<String, String> {
    let kestras = options.kestras();
    if let Some(exec) = kestras.iter().find(|k| matches!(k, KestraRef::Exec(_))) {
        return Err(format!("{exec} is a file, not an image"));
    }
    let docker = Docker(cancel);
    let version = docker.says(["version", "--format", "{{.Server.Version}}"], ASK).await;
    let version = version.ok_or("no Docker daemon answers")?;
    for (kestra, image) in live::images(&kestras, &options.images) {
        let image = image.to_string();
        // What the testbed makes stands in no registry; any other image is the nodes' to pull.
        if image.starts_with(live::TESTBED) && !docker.has(&image).await {
            return Err(format!(
                "Docker has no image of {kestra}; `testbed/testbed build` makes one"
            ));
        }
    }
    let node = docker
        .node()
        .await
        .ok_or("Docker has no image for a kind node and cannot pull one; `testbed/testbed build` makes one")?;
    Ok(format!(
        "Docker {version} answers, and the node image {node} can be had"
    ))
}

/// What the daemon is asked, by its command line, which knows the user's own contexts and proxies.
pub(crate) struct Docker<'a>(pub(crate) &'a CancellationToken);

impl Docker<'_> {
    /// What a command prints, trimmed; none when it fails.
    async fn says<const N: usize>(&self, args: [&str; N], limit: Deadline) -> Option<String> {
        let said = Command::new("docker").args(args).run(limit, self.0).await.ok()?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// Whether the image is here.
    pub(crate) async fn has(&self, image: &str) -> bool {
        let id = ["image", "inspect", "--format", "{{.Id}}", image];
        self.says(id, ASK).await.is_some()
    }

    /// Whether the image's registry offers it to this daemon's user.
    pub(crate) async fn offered(&self, image: &str) -> bool {
        self.says(["manifest", "inspect", image], LOOK).await.is_some()
    }

    /// The image of a node that is there, or that its publisher's registry offers.
    pub(crate) async fn node(&self) -> Option<String> {
        for repository in [live::TESTBED_NODE, "kindest/node"] {
            let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository];
            let listed = self.says(list, ASK).await.unwrap_or_default();
            if let Some(image) = listed.lines().find(|l| !l.ends_with(":<none>")) {
                return Some(image.to_owned());
            }
        }
        self.offered(KIND_NODE).await.then(|| KIND_NODE.to_owned())
    }
}
