//! What the daemon is asked, by its command line, which knows the user's own contexts, credentials and proxies.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::provider::live;
use crate::system::process::{ChildLog, ChildProcess, Command, Deadline, ProcessError};
use crate::tools::toolbox::Pins;

const ASK: Deadline = Deadline::seconds("an answer of Docker", 10);
/// The publisher's registry is asked, but not waited for.
const LOOK: Deadline = Deadline::seconds("an answer of an image's registry", 10);
const PULL: Deadline = Deadline::seconds("the pull of an image", 1800);
/// A pull that is interrupted has nothing to put in order.
const GRACE: Duration = Duration::from_secs(5);
/// How many of its last lines say why a pull failed.
const WORDS: usize = 3;

/// A daemon that may answer.
#[derive(Clone, Copy)]
pub(crate) struct DockerCli<'a>(pub(crate) &'a CancellationToken);

impl DockerCli<'_> {
    /// What a command prints, trimmed; none when it fails.
    async fn says<const N: usize>(&self, args: [&str; N], limit: Deadline) -> Option<String> {
        let said = Command::new("docker").args(args).run(limit, self.0).await.ok()?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The daemon's version; none when none answers.
    pub(crate) async fn version(&self) -> Option<String> {
        self.says(["version", "--format", "{{.Server.Version}}"], ASK).await
    }

    /// Whether the image is here.
    pub(crate) async fn has(&self, image: &str) -> bool {
        let id = ["image", "inspect", "--format", "{{.Id}}", image];
        self.says(id, ASK).await.is_some()
    }

    /// The names with digests, `REPOSITORY@DIGEST`, that an image was pulled by; none when it is not here.
    pub(crate) async fn digests(&self, image: &str) -> Option<Vec<String>> {
        let digests = ["image", "inspect", "--format", "{{json .RepoDigests}}", image];
        let said = self.says(digests, ASK).await?;
        // An image that was loaded from a file has none: null.
        Some(
            serde_json::from_str::<Option<Vec<String>>>(&said)
                .ok()?
                .unwrap_or_default(),
        )
    }

    /// The mirrors that the daemon pulls through, as they are configured.
    pub(crate) async fn mirrors(&self) -> Vec<String> {
        let said = self
            .says(["info", "--format", "{{json .RegistryConfig.Mirrors}}"], ASK)
            .await;
        let mirrors = said.and_then(|said| serde_json::from_str::<Option<Vec<String>>>(&said).ok()?);
        mirrors.unwrap_or_default()
    }

    /// Whether the image's registry offers it to this daemon's user.
    pub(crate) async fn offered(&self, image: &str) -> bool {
        self.says(["manifest", "inspect", image], LOOK).await.is_some()
    }

    /// The image of a node that is there, or that its publisher's registry offers.
    pub(crate) async fn node(&self, pins: &Pins) -> Option<String> {
        let pinned = &pins.node.image;
        for repository in [live::TESTBED_NODE, &pinned.repository] {
            let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository];
            let listed = self.says(list, ASK).await.unwrap_or_default();
            if let Some(image) = listed.lines().find(|l| !l.ends_with(":<none>")) {
                return Some(image.to_owned());
            }
        }
        let pinned = pinned.to_string();
        self.offered(&pinned).await.then_some(pinned)
    }

    /// Gives an image another name.
    pub(crate) async fn tag(&self, image: &str, name: &str) -> Result<(), ProcessError> {
        let tag = Command::new("docker").args(["tag", image, name]);
        tag.run(ASK, self.0).await.map(drop)
    }

    /// Pulls an image; `hear` is told how many of how many layers are there.
    pub(crate) async fn pull(&self, image: &str, hear: impl FnMut(usize, usize)) -> Result<(), String> {
        let pull = Command::new("docker").args(["pull", image]);
        let daemon = pull.spawn(None).await.map_err(|e| e.to_string())?;
        let log = daemon.log().clone();
        let done = async {
            follow(&log, hear).await;
            daemon.exited().await
        };
        let (why, status) = tokio::select! {
            status = done => (None, status),
            () = tokio::time::sleep(PULL.limit) => (Some(format!("{PULL} passed")), None),
            () = self.0.cancelled() => (Some("interrupted".to_owned()), None),
        };
        match why {
            Some(why) => {
                stop(daemon).await?;
                Err(why)
            }
            None if status.is_some_and(|status| status.success()) => Ok(()),
            None => {
                // The two streams come in no order: what is said of layers may be last.
                let text = log.text();
                let words: Vec<_> = text.lines().filter(|line| !is_of_a_layer(line)).collect();
                Err(words[words.len().saturating_sub(WORDS)..].join("; "))
            }
        }
    }
}

async fn stop(daemon: ChildProcess) -> Result<(), String> {
    daemon.stop(GRACE).await.map(drop).map_err(|e| e.to_string())
}

/// Hears a pull to its end: each layer is a line when it is begun and one when it is there.
async fn follow(log: &ChildLog, mut hear: impl FnMut(usize, usize)) {
    let mut layers = PullProgress::default();
    log.wait_for(|line| {
        if layers.hear(line) {
            hear(layers.there.len(), layers.all.len());
        }
        None::<()>
    })
    .await;
}

/// Whether a line tells how far a layer is, and not what went wrong.
fn is_of_a_layer(line: &str) -> bool {
    const STATES: [&str; 8] = [
        "Pulling fs layer",
        "Waiting",
        "Downloading",
        "Verifying Checksum",
        "Download complete",
        "Extracting",
        "Pull complete",
        "Already exists",
    ];
    let state = line.split_once(": ").map_or("", |(_, state)| state);
    STATES.iter().any(|known| state.starts_with(known)) || state.starts_with("Pulling from ")
}

#[derive(Default)]
struct PullProgress {
    all: BTreeSet<String>,
    there: BTreeSet<String>,
}

impl PullProgress {
    /// Whether a line says something new of a layer.
    fn hear(&mut self, line: &str) -> bool {
        let Some((layer, state)) = line.split_once(": ") else {
            return false;
        };
        match state {
            "Pulling fs layer" => {
                self.all.insert(layer.to_owned());
                false
            }
            "Pull complete" | "Already exists" => {
                self.all.insert(layer.to_owned());
                self.there.insert(layer.to_owned())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_is_followed_by_its_layers() {
        let lines = [
            ("v2.0.7: Pulling from kestra/kestra", false),
            ("0a1b: Pulling fs layer", false),
            ("2c3d: Pulling fs layer", false),
            ("4e5f: Already exists", true),
            ("0a1b: Verifying Checksum", false),
            ("0a1b: Pull complete", true),
            ("0a1b: Pull complete", false),
            ("Digest: sha256:00", false),
        ];
        let mut layers = PullProgress::default();
        for (line, new) in lines {
            assert_eq!(layers.hear(line), new, "{line}");
            assert_eq!(is_of_a_layer(line), !line.starts_with("Digest"), "{line}");
        }
        assert_eq!((layers.there.len(), layers.all.len()), (2, 3));
    }
}
