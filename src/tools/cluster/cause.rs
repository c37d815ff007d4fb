//! Why a pod does not run, told from its status and its events; no I/O.

use std::sync::LazyLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use regex::Regex;

/// For how long a cause that may pass by itself must stand before it counts.
///
/// The kubelet tries again some 10 s after a failure, so that what stands longer was seen twice; and the
/// scheduler may be waiting for another installation to go.
pub const KUBELET: Duration = Duration::from_secs(12);
const SCHEDULER: Duration = Duration::from_secs(20);

/// Why a release does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseCause {
    /// What was given keeps the container from starting: an outcome.
    Blocked {
        /// The container's waiting reason, or the event's.
        reason: String,
        /// The kubelet's words.
        message: String,
    },
    /// The cluster fails, or the image, or Kestra itself.
    Broken {
        /// The reason, as Kubernetes spells it.
        reason: String,
        /// In whose words ever.
        message: String,
        /// The pod and container whose last words tell more.
        crashed: Option<(String, String)>,
    },
}

/// A cause, and how sure it is that waiting is pointless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CauseFinding {
    /// It does not pass by itself.
    Sure(ReleaseCause),
    /// It may: it counts once it has stood for so long, or once [`missing`] is confirmed.
    Unsure(ReleaseCause, Duration),
}

impl ReleaseCause {
    /// As it is shown.
    pub fn reason(&self) -> &str {
        match self {
            Self::Blocked { reason, .. } | Self::Broken { reason, .. } => reason,
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Blocked { message, .. } | Self::Broken { message, .. } => message,
        }
    }

    pub(super) fn broken(reason: &str, message: &str) -> Self {
        Self::Broken {
            reason: reason.into(),
            message: message.into(),
            crashed: None,
        }
    }

    fn blocked(reason: &str, message: &str) -> Self {
        Self::Blocked {
            reason: reason.into(),
            message: message.into(),
        }
    }
}

impl std::fmt::Display for ReleaseCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason(), self.message())
    }
}

/// What keeps a pod from running, as far as its status and its events tell.
pub fn of_pod<'a>(pod: &Pod, events: impl Iterator<Item = &'a Event>) -> Option<CauseFinding> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().flatten();
    let mut containers = containers.chain(status.container_statuses.iter().flatten());
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    if let Some(finding) = containers.find_map(|c| of_container(name, c)) {
        return Some(finding);
    }
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.as_deref().unwrap_or_default();
        let reason = condition.reason.as_deref().unwrap_or("Unschedulable");
        return Some(CauseFinding::Unsure(ReleaseCause::broken(reason, message), SCHEDULER));
    }
    // A volume that does not mount is told by an event alone; once all are, the image is looked for.
    let mut failed = None;
    for event in events {
        match event.reason.as_deref() {
            Some("FailedMount") => failed = event.message.as_deref(),
            Some("Pulling" | "Pulled" | "Created" | "Started") => return None,
            _ => {}
        }
    }
    failed.map(|message| CauseFinding::Unsure(ReleaseCause::blocked("FailedMount", message), 2 * KUBELET))
}

fn of_container(pod: &str, container: &ContainerStatus) -> Option<CauseFinding> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let message = waiting.message.as_deref().unwrap_or_default();
    Some(match reason {
        // Kubelet and runtime say the same of what passes (a Secret not yet seen, a slow disk) and of what
        // does not.
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            CauseFinding::Unsure(ReleaseCause::blocked(reason, message), KUBELET)
        }
        "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" | "ImagePullBackOff" => {
            CauseFinding::Sure(ReleaseCause::broken(reason, message))
        }
        // A registry may answer at the second try; the back-off comes after the first failure.
        "ErrImagePull" => CauseFinding::Unsure(ReleaseCause::broken(reason, message), KUBELET),
        "CrashLoopBackOff" => CauseFinding::Sure(crash(pod, container, message)),
        _ => return None,
    })
}

/// A container that ends again and again: by the runtime's fault it never started, or its program ended.
fn crash(pod: &str, container: &ContainerStatus, message: &str) -> ReleaseCause {
    let last = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    match last {
        Some(last) if last.reason.as_deref() == Some("StartError") => {
            ReleaseCause::blocked("RunContainerError", last.message.as_deref().unwrap_or(message))
        }
        last => {
            let ended = last.map(|l| match l.reason.as_deref() {
                Some("OOMKilled") => "; it ran out of memory".to_owned(),
                _ => format!("; exit code {}", l.exit_code),
            });
            ReleaseCause::Broken {
                reason: "CrashLoopBackOff".into(),
                message: format!("{message}{}", ended.unwrap_or_default()),
                crashed: Some((pod.to_owned(), container.name.clone())),
            }
        }
    }
}

/// The same cause, once the last words of its container are known: runc's own init says so when the kernel
/// takes no such environment, and then it is the inputs that keep the program from starting.
pub fn with_last_words(cause: ReleaseCause, words: &str) -> ReleaseCause {
    let refused = ["argument list too long", "invalid argument"];
    match cause {
        ReleaseCause::Broken { reason, .. }
            if words.lines().count() == 1 && refused.iter().any(|r| words.contains(r)) =>
        {
            ReleaseCause::blocked(&reason, words.trim_end())
        }
        ReleaseCause::Broken {
            reason,
            message,
            crashed,
        } if !words.is_empty() => ReleaseCause::Broken {
            reason,
            message: format!("{message}; its last words:\n{}", words.trim_end()),
            crashed,
        },
        other => other,
    }
}

/// Why no pod is made, from the `ReplicaFailure` of a `ReplicaSet` or the `FailedCreate` of a `StatefulSet`.
pub fn of_creation(message: &str) -> CauseFinding {
    let cause = ReleaseCause::broken("FailedCreate", message);
    // These are admission's words; a service account, for one, may still come.
    let lasting = [
        "exceeded quota",
        "violates PodSecurity",
        "denied the request",
        "maximum ",
    ];
    if lasting.iter().any(|words| message.contains(words)) {
        CauseFinding::Sure(cause)
    } else {
        CauseFinding::Unsure(cause, SCHEDULER)
    }
}

/// An object, or a key of it, that the kubelet's words say is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingObject {
    /// A Secret; else a `ConfigMap`.
    pub secret: bool,
    /// The object's name.
    pub name: String,
    /// The key; none when the object itself is missing.
    pub key: Option<String>,
}

/// What the kubelet misses, from its words: to be confirmed with the API server, as the kubelet's own view
/// may be late.
pub fn missing(message: &str) -> Option<MissingObject> {
    #[allow(
        clippy::expect_used,
        reason = "the expressions are constant, and a test compiles them"
    )]
    static SHAPES: LazyLock<[Regex; 3]> = LazyLock::new(|| {
        [
            r#"(?i)\b(?<kind>secret|configmap) "(?<name>[^"]+)" not found"#,
            r"(?i)couldn't find key (?<key>\S+) in (?<kind>secret|configmap) (?:[^/\s]+/)?(?<name>[^\s,]+)",
            r"(?i)\b(?<kind>secret|configmap) (?:[^/\s]+/)?(?<name>\S+) .*references non-existent \w+ key: (?<key>\S+)",
        ]
        .map(|r| Regex::new(r).expect("it compiles"))
    });
    SHAPES.iter().find_map(|shape| {
        let found = shape.captures(message)?;
        Some(MissingObject {
            secret: found["kind"].eq_ignore_ascii_case("secret"),
            name: found["name"].to_owned(),
            key: found.name("key").map(|k| k.as_str().to_owned()),
        })
    })
}

#[cfg(test)]
mod tests;
