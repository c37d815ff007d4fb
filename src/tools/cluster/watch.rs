//! Waiting for a release with our own eyes: the watches of all that can hold it up, merged, so that waiting
//! ends with the cause and not with a deadline.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::SelectAll;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::api::LogParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::cause::{self, CauseFinding, MissingObject, ReleaseCause};
use super::view::{RolloutStatus, View, WatchEvent};
use super::{ANSWER, Cluster, within};
use crate::error::{InfraCause, InfraError};
use crate::system::process::is_frame;
use crate::system::redact::Redactor;
use crate::verdict::{Outcome, Stop};

const PHASE: &str = "wait for Kestra";
/// How much of a crashed container's log is told.
const LAST_WORDS: usize = 12;
/// How much of it is read for that: most of it may be a stack trace.
const TAIL: i64 = 400;

/// Watches have been breaking since then.
struct CutOff {
    since: Instant,
    why: InfraError,
}

/// What is waited for.
pub struct Rollout<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// The release's namespace.
    pub namespace: &'a str,
    /// Its name.
    pub release: &'a str,
    /// How long it may take.
    pub limit: Duration,
    /// Keeps private plaintexts out of foreign words.
    pub redactor: &'a Redactor,
}

/// The first object that a test takes.
///
/// # Errors
/// What the API server says, when it refuses the watch.
pub async fn first<K>(api: Api<K>, test: impl Fn(&K) -> bool) -> Result<(), watcher::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let objects = watcher(api, watcher::Config::default())
        .default_backoff()
        .applied_objects();
    let mut objects = std::pin::pin!(objects);
    while let Some(object) = objects.next().await {
        match object {
            Ok(object) if test(&object) => break,
            Err(error) if refused(&error).is_some() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

impl Rollout<'_> {
    /// Waits until the newest pods of the release are ready, telling what for.
    ///
    /// # Errors
    /// An outcome where the scenario's own inputs hold it up; [`InfraError`] with any other cause, as soon as it is
    /// certain, and at the deadline with what was waited for.
    pub async fn wait(&self, told: impl Fn(&str)) -> Result<(), Stop> {
        let mut view = View::default();
        let mut watches = self.watches();
        let deadline = Instant::now() + self.limit;
        let mut held: Option<(String, Instant)> = None;
        let mut said = String::new();
        let mut cut_off: Option<CutOff> = None;
        loop {
            let sight = view.status(self.release);
            let mut until = deadline;
            let now = match &sight {
                RolloutStatus::Ready => return Ok(()),
                RolloutStatus::Waiting(what) => {
                    held = None;
                    what.clone()
                }
                RolloutStatus::Held(CauseFinding::Sure(cause)) => return Err(self.stop(cause.clone()).await),
                RolloutStatus::Held(CauseFinding::Unsure(cause, patience)) => {
                    let same = held.take().filter(|(reason, _)| reason == cause.reason());
                    let first = same.is_none();
                    let (reason, since) = same.unwrap_or_else(|| (cause.reason().to_owned(), Instant::now()));
                    if since.elapsed() >= *patience || (first && self.is_confirmed(cause).await) {
                        return Err(self.stop(cause.clone()).await);
                    }
                    until = deadline.min(since + *patience);
                    held = Some((reason, since));
                    cause.to_string()
                }
            };
            if now != said {
                told(&self.redactor.scrub(&now));
                said = now;
            }
            tokio::select! {
                news = watches.next() => match news {
                    Some(Ok(news)) => {
                        cut_off = None;
                        view.take(news);
                    }
                    Some(Err(error)) => {
                        let why = self.bear(&error)?;
                        cut_off.get_or_insert_with(|| CutOff { since: Instant::now(), why });
                    }
                    None => return Err(InfraError::new(PHASE, "the watches ended").into()),
                },
                () = tokio::time::sleep_until(until) => if Instant::now() >= deadline {
                    return Err(self.too_late(&said, cut_off).into());
                },
            }
        }
    }

    fn watches(&self) -> SelectAll<futures::stream::BoxStream<'static, watcher::Result<WatchEvent>>> {
        let mut all = SelectAll::new();
        all.push(self.watch::<Deployment>().map_ok(WatchEvent::Deployment).boxed());
        all.push(self.watch::<StatefulSet>().map_ok(WatchEvent::StatefulSet).boxed());
        all.push(self.watch::<ReplicaSet>().map_ok(WatchEvent::ReplicaSet).boxed());
        all.push(self.watch::<Pod>().map_ok(WatchEvent::Pod).boxed());
        all.push(self.watch::<Event>().map_ok(WatchEvent::Event).boxed());
        all
    }

    fn watch<K>(&self) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + use<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug + Send,
        K: 'static,
    {
        let api = Api::<K>::namespaced(self.cluster.client.clone(), self.namespace);
        watcher(api, watcher::Config::default()).default_backoff()
    }

    /// A watch that broke is begun anew, and this says why it broke; one that is refused never comes to anything.
    fn bear(&self, error: &watcher::Error) -> Result<InfraError, InfraError> {
        let why = InfraError::in_words_of(PHASE, error);
        if refused(error).is_some() {
            return Err(why);
        }
        tracing::debug!(namespace = self.namespace, "{error}");
        Ok(why)
    }

    /// Whether the API server agrees that something is missing: the kubelet may only be late.
    async fn is_confirmed(&self, cause: &ReleaseCause) -> bool {
        let ReleaseCause::Blocked { message, .. } = cause else {
            return false;
        };
        let Some(MissingObject { secret, name, key }) = cause::missing(message) else {
            return false;
        };
        let client = self.cluster.client.clone();
        let keys = if secret {
            let found = within(PHASE, Api::<Secret>::namespaced(client, self.namespace).get_opt(&name)).await;
            found.map(|s| s.map(|s| s.data.into_iter().flatten().map(|(k, _)| k).collect::<Vec<_>>()))
        } else {
            let found = within(
                PHASE,
                Api::<ConfigMap>::namespaced(client, self.namespace).get_opt(&name),
            )
            .await;
            found.map(|c| c.map(|c| c.data.into_iter().flatten().map(|(k, _)| k).collect()))
        };
        match (keys, key) {
            (Ok(None), _) => true,
            (Ok(Some(keys)), Some(key)) => !keys.contains(&key),
            _ => false,
        }
    }

    fn too_late(&self, waits_for: &str, cut_off: Option<CutOff>) -> InfraError {
        let (seconds, what) = (self.limit.as_secs(), self.redactor.scrub(waits_for));
        if let Some(CutOff { since, why }) = cut_off.filter(|cut_off| cut_off.since.elapsed() > ANSWER) {
            let silent = since.elapsed().as_secs();
            return why.reworded(|why| {
                format!("not ready within {seconds} s: the API server has not been reached for {silent} s: {why}")
            });
        }
        InfraError::new(PHASE, format!("not ready within {seconds} s: waiting for {what}"))
            .help("allow more time with --timeout; its log, in the evidence, says what Kestra waits for")
    }

    /// What a cause that is certain means for the case.
    async fn stop(&self, cause: ReleaseCause) -> Stop {
        let cause = match &cause {
            ReleaseCause::Broken {
                crashed: Some((pod, container)),
                ..
            } => {
                let words = self.last_words(pod, container).await;
                cause::with_last_words(cause, &words)
            }
            _ => cause,
        };
        match cause {
            ReleaseCause::Blocked { reason, message } => Stop::Outcome(Outcome::Blocked {
                reason,
                message: self.redactor.scrub(&message),
            }),
            ReleaseCause::Broken { reason, message, .. } => {
                let infra = InfraError::new(PHASE, self.redactor.scrub(&format!("{reason}: {message}")));
                Stop::Infra(match help(&reason, &message) {
                    Some(help) => infra.help(help),
                    None => infra,
                })
            }
        }
    }

    /// The end of the log of the run that crashed last.
    async fn last_words(&self, pod: &str, container: &str) -> String {
        let pods = Api::<Pod>::namespaced(self.cluster.client.clone(), self.namespace);
        let mut words = String::new();
        for previous in [true, false] {
            let params = LogParams {
                container: Some(container.to_owned()),
                previous,
                tail_lines: Some(TAIL),
                ..LogParams::default()
            };
            words = within(PHASE, pods.logs(pod, &params)).await.unwrap_or_default();
            if !words.is_empty() {
                break;
            }
        }
        let words: Vec<_> = words.lines().filter(|line| !is_frame(line)).collect();
        words[words.len().saturating_sub(LAST_WORDS)..].join("\n")
    }
}

/// A watch that broke says what the call behind it says.
impl InfraCause for watcher::Error {
    fn words(&self) -> String {
        of_the_call(self).map_or_else(|| self.to_string(), InfraCause::words)
    }

    fn advice(&self) -> Option<String> {
        of_the_call(self).and_then(InfraCause::advice)
    }

    fn is_transient(&self) -> bool {
        of_the_call(self).is_some_and(InfraCause::is_transient)
    }
}

/// The refusal that makes watching pointless.
pub(super) fn refused(error: &watcher::Error) -> Option<&kube::Error> {
    of_the_call(error)
        .filter(|error| matches!(error, kube::Error::Api(status) if [401, 403, 404].contains(&status.code)))
}

/// What came of the call behind a watch.
fn of_the_call(error: &watcher::Error) -> Option<&kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        _ => None,
    }
}

fn help(reason: &str, message: &str) -> Option<&'static str> {
    // What the registries say; one that hides what it has says so of an image that is not there, too.
    let asks_for_credentials = ["401 Unauthorized", "403 Forbidden", "authorization", "denied"]
        .iter()
        .any(|word| message.contains(word));
    Some(match reason {
        "ImagePullBackOff" | "ErrImagePull" if asks_for_credentials => {
            "give the registry's credentials by --pull-secret FILE, a Docker configuration, or name another image by \
             --image REPO:TAG"
        }
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            "name an image that the nodes can pull by --image REPO:TAG, or load it into them; engine@ versions \
             need the images of the testbed, official@ versions a way to the registry"
        }
        "CrashLoopBackOff" => "the last words are of the container that crashed last",
        "FailedCreate" => "a quota or a policy of the namespace keeps the pod from being made",
        "Unschedulable" => "no node has room: fewer at a time by --parallel, or a larger cluster",
        _ => return None,
    })
}
