//! A live cluster, through its API: what the providers `kind` and `context` share.

pub mod apply;
pub mod cause;
pub mod clean;
pub mod evidence;
pub mod forward;
pub mod in_cluster;
pub mod names;
pub mod namespace;
mod retry_policy;
mod sweep;
pub mod view;
pub mod watch;

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config};
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use self::in_cluster::ContextRef;
use self::retry_policy::RetryPolicy;
use crate::error::{During as _, InfraCause, InfraError};
use crate::oracle::environment::{Kubelet, quantity};
use crate::system::loopback::is_loopback;

/// How long one answer of the API server may take; watches and port-forwards have limits of their own.
const ANSWER: Duration = Duration::from_secs(30);

/// The memory a Kestra takes on a node, in MiB: engine 2.0.0 was measured at some 500.
const KESTRA_MIB: u64 = 900;

/// How a cluster is reached: a context by name, never the current one unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The kubeconfig file; none for the user's own (`KUBECONFIG`, else `~/.kube/config`).
    pub kubeconfig: Option<PathBuf>,
    /// The context in it.
    pub context: String,
}

/// A cluster that answered.
#[derive(Clone)]
pub struct Cluster {
    /// Talks to its API server.
    pub client: Client,
    /// How it is reached, for helm.
    pub access: Access,
    /// The server's version, such as `v1.34.4`.
    pub version: String,
    /// The rules of its kubelets, taken to be of the server's version.
    pub kubelet: Kubelet,
}

impl Cluster {
    /// Connects to a context and asks the server for its version.
    ///
    /// # Errors
    /// [`InfraError`] when there is no such context, or the server does not answer or does not know us.
    pub async fn connect(access: Access) -> Result<Self, InfraError> {
        let read = match &access.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        Self::connect_by(read, access).await
    }

    /// Connects to the cluster that a context stands for. Helm cannot follow it there: nothing is written down.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub async fn connect_to(context: &ContextRef) -> Result<Self, InfraError> {
        let access = Access {
            kubeconfig: None,
            context: context.name().to_owned(),
        };
        match context {
            ContextRef::Named(_) => Self::connect(access).await,
            ContextRef::InCluster(pod) => Self::connect_by(Ok(pod.kubeconfig()), access).await,
        }
    }

    async fn connect_by(read: Result<Kubeconfig, KubeconfigError>, access: Access) -> Result<Self, InfraError> {
        let phase = format!("reach the cluster of context {}", access.context);
        let options = KubeConfigOptions {
            context: Some(access.context.clone()),
            ..KubeConfigOptions::default()
        };
        let config = async { Config::from_custom_kubeconfig(read?, &options).await };
        let mut config = config.await.map_err(|e| {
            InfraError::new(phase.clone(), e).help("`kubectl config get-contexts` lists the contexts there are")
        })?;
        if let Some(proxy) = &config.proxy_url {
            // kube holds NO_PROXY against the proxy's own name. Helm's client goes by the cluster's, and never
            // by a proxy to this very machine, where kind's clusters are.
            let no = ["NO_PROXY", "no_proxy"].iter().find_map(|v| std::env::var(v).ok());
            let matcher = Matcher::builder()
                .all(proxy.to_string())
                .no(no.unwrap_or_default())
                .build();
            let by_name = matcher.intercept(&config.cluster_url).is_some();
            if !by_name || config.cluster_url.host().is_some_and(is_loopback) {
                config.proxy_url = None;
            }
        }
        let client = client(config).during(&phase)?;
        let info = within(&phase, client.apiserver_version()).await?;
        let kubelet = info.git_version.parse().unwrap_or_default();
        Ok(Self {
            client,
            access,
            version: info.git_version,
            kubelet,
        })
    }

    /// How many Kestras the nodes bear at a time, by their allocatable cores and memory; one where the
    /// nodes may not be seen.
    pub async fn capacity(&self) -> usize {
        let nodes = Api::<Node>::all(self.client.clone());
        match within("list the nodes", nodes.list(&ListParams::default())).await {
            Ok(nodes) => default_parallelism(&nodes.items),
            Err(infra) => {
                tracing::info!("one installation at a time: {infra}");
                1
            }
        }
    }

    /// Waits until a node takes pods.
    ///
    /// # Errors
    /// [`InfraError`] when none does in time.
    pub async fn node_ready(&self, limit: Duration) -> Result<(), InfraError> {
        namespace::until(
            "wait for a node",
            limit,
            watch::first(Api::<Node>::all(self.client.clone()), is_ready),
        )
        .await
    }
}

/// A client whose requests are made again by our rules: kube's own would go on for minutes, and not after a 500.
fn client(mut config: Config) -> kube::Result<Client> {
    /// How many requests may wait for the connection.
    const WAITING: usize = 1024;
    config.default_retry = false;
    let bare = ClientBuilder::try_from(config)?;
    let shared = bare.with_layer(&BufferLayer::new(WAITING));
    Ok(shared.with_layer(&RetryLayer::new(RetryPolicy::default())).build())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let tainted = node.spec.iter().flat_map(|s| s.taints.iter().flatten());
    conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
        && !tainted
            .into_iter()
            .any(|t| t.key.starts_with("node.kubernetes.io/not-ready"))
}

fn default_parallelism(nodes: &[Node]) -> usize {
    let allocatable = |node: &Node, name: &str| {
        let quantity = node.status.as_ref()?.allocatable.as_ref()?.get(name)?;
        quantity::amount(quantity)
    };
    let each = nodes.iter().filter(|n| is_ready(n)).map(|node| {
        let cores = allocatable(node, "cpu").unwrap_or(1.0);
        let mib = allocatable(node, "memory").unwrap_or(0.0) / f64::from(1 << 20);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let whole = cores.min(mib / KESTRA_MIB as f64).max(0.0) as usize;
        whole
    });
    each.sum::<usize>().max(1)
}

/// One call of the API, with its deadline.
pub(crate) async fn within<T>(phase: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, InfraError> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(answer) => answer.during(phase),
        Err(_) => Err(InfraError::new(
            phase,
            format!("the API server did not answer within {} s", ANSWER.as_secs()),
        )),
    }
}

/// The same; none when the API server answers with one of these codes.
async fn within_but<T>(
    phase: &str,
    codes: &[u16],
    call: impl Future<Output = kube::Result<T>>,
) -> Result<Option<T>, InfraError> {
    let answer = async {
        match call.await {
            Err(kube::Error::Api(status)) if codes.contains(&status.code) => Ok(None),
            answer => answer.map(Some),
        }
    };
    within(phase, answer).await
}

/// What the API server or the way to it failed at.
impl InfraCause for kube::Error {
    fn words(&self) -> String {
        match self {
            Self::Api(status) if matches!(status.code, 429 | 500..) => {
                format!("the API server answered {}: {}", status.code, status.message)
            }
            Self::Api(status) => status.message.clone(),
            other => {
                // The outer errors only say that a service failed.
                let mut cause: &dyn std::error::Error = other;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                cause.to_string()
            }
        }
    }

    fn advice(&self) -> Option<String> {
        let help = match self {
            Self::Api(status) if status.code == 401 => "the context's credentials are not accepted: log in anew",
            Self::Api(status) if status.code == 403 => {
                "deploy/rbac-namespaces.yaml and deploy/rbac-one-namespace.yaml hold all that is needed"
            }
            _ => return None,
        };
        Some(help.into())
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Api(status) => matches!(status.code, 429 | 500..),
            _ => true,
        }
    }
}
