//! A local port that leads to the release's ready pod, whichever that is at the moment.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Cluster, view, within};
use crate::error::{During as _, InfraError};

const PHASE: &str = "forward a port";
/// The port Kestra listens on unless the pod names another `http`.
const HTTP: u16 = 8080;
/// How long a stream to a pod may take to open.
const OPEN: Duration = Duration::from_secs(10);

/// A listener on the loopback, with a stream of its own to the pod for every connection. [`close`](Self::close)
/// it; dropped, its task is ended without being waited for.
pub struct Forward {
    port: u16,
    end: CancellationToken,
    task: JoinHandle<()>,
}

/// Where connections lead.
#[derive(Clone)]
struct ForwardTarget {
    pods: Api<Pod>,
    labels: String,
}

impl Forward {
    /// Listens on `port`, or a free one, for the pods of a release, found by the labels that the page gives.
    ///
    /// # Errors
    /// [`InfraError`] when the port is taken.
    pub async fn open(
        cluster: &Cluster,
        namespace: &str,
        release: &str,
        port: Option<u16>,
    ) -> Result<Self, InfraError> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await;
        let listening = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener): (SocketAddr, _) = listening
            .during(PHASE)
            .map_err(|infra| infra.help("name another port by --local-port, or none for a free one"))?;
        let way = ForwardTarget {
            pods: Api::namespaced(cluster.client.clone(), namespace),
            labels: labels(release),
        };
        let end = CancellationToken::new();
        let task = tokio::spawn(serve(listener, way, end.clone()));
        Ok(Self {
            port: address.port(),
            end,
            task,
        })
    }

    /// The local port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it with its connections, and waits until they are gone.
    pub async fn close(mut self) {
        self.end.cancel();
        // It ends at once; that it cannot be waited for changes nothing.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// The labels of the pods that serve Kestra's API; a distributed Kestra has them on its web server.
pub fn labels(release: &str) -> String {
    format!("app.kubernetes.io/instance={release},app.kubernetes.io/component in (standalone,webserver)")
}

async fn serve(listener: TcpListener, way: ForwardTarget, end: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let way = way.clone();
                    connections.spawn(async move {
                        if let Err(infra) = way.carry(stream).await {
                            tracing::debug!("{infra}");
                        }
                    });
                }
                Err(e) => {
                    tracing::debug!("failed to accept a connection: {e}");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = end.cancelled() => break,
        }
    }
    connections.shutdown().await;
}

impl ForwardTarget {
    /// Carries one connection to its end. Without a pod it is closed, and the client asks again.
    async fn carry(self, mut local: TcpStream) -> Result<(), InfraError> {
        let listed = within(PHASE, self.pods.list(&ListParams::default().labels(&self.labels))).await?;
        let pod = newest(listed.items).ok_or_else(|| InfraError::new(PHASE, "no pod is ready"))?;
        let port = http_port(&pod);
        let (name, ports) = (pod.name_any(), [port]);
        let open = self.pods.portforward(&name, &ports);
        let mut forwarder = super::namespace::until(PHASE, OPEN, open).await?;
        let mut remote = forwarder
            .take_stream(port)
            .ok_or_else(|| InfraError::new(PHASE, "the stream was taken"))?;
        // That one side hangs up in the middle is for HTTP to notice.
        let copied = tokio::io::copy_bidirectional(&mut local, &mut remote).await;
        drop(remote);
        forwarder.abort();
        copied.map(drop).during(PHASE)
    }
}

/// The ready pod that was made last: while a rollout ends, the one before may still be ready too.
fn newest(pods: Vec<Pod>) -> Option<Pod> {
    pods.into_iter()
        .filter(view::is_ready)
        .max_by_key(|p| p.metadata.creation_timestamp.clone())
}

fn http_port(pod: &Pod) -> u16 {
    let containers = pod.spec.iter().flat_map(|s| &s.containers);
    let mut ports = containers.flat_map(|c| c.ports.iter().flatten());
    let http = ports.find(|p| p.name.as_deref() == Some("http"));
    http.and_then(|p| p.container_port.try_into().ok()).unwrap_or(HTTP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, ready: &str, second: u32, deleted: bool) -> Pod {
        let mut metadata = json!({"name": name, "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")});
        if deleted {
            metadata["deletionTimestamp"] = "2026-01-01T00:01:00Z".into();
        }
        serde_json::from_value(json!({
            "metadata": metadata,
            "spec": {"containers": [{"name": "k", "ports": [{"name": "http", "containerPort": 9090}]}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn connections_lead_to_the_newest_ready_pod_that_is_not_going() {
        let pods = vec![
            pod("old", "True", 1, false),
            pod("new", "True", 2, false),
            pod("going", "True", 3, true),
            pod("starting", "False", 4, false),
        ];
        assert_eq!(newest(pods).unwrap().name_any(), "new");
        assert!(newest(vec![pod("starting", "False", 4, false)]).is_none());
    }

    #[test]
    fn the_port_is_the_one_that_the_pod_calls_http() {
        assert_eq!(http_port(&pod("p", "True", 1, false)), 9090);
        assert_eq!(http_port(&Pod::default()), 8080);
    }
}
