//! The real environment of a container's first process, read through the API server.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::AttachParams;
use kube::{Api, ResourceExt as _};
use tokio::io::AsyncReadExt as _;

use super::{Gathered, ProcessVariables, Unread, kestra_containers};
use crate::error::InfraCause as _;
use crate::oracle::secret::Plaintext;
use crate::tools::cluster::Cluster;
use crate::tools::cluster::namespace::until;

/// The first process is Kestra itself: the chart's shell replaces itself by it.
const COMMAND: [&str; 2] = ["cat", "/proc/1/environ"];
const ANSWER: Duration = Duration::from_secs(20);
/// Twice what Linux takes for an environment.
const LONGEST: u64 = 4 << 20;

/// Reads the environment of every running Kestra, or records why it could not be read.
pub async fn read(cluster: &Cluster, namespace: &str, gathered: &mut Gathered) {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace);
    for pod in &gathered.pods {
        for container in kestra_containers(pod) {
            let (pod_name, name) = (pod.name_any(), container.name.clone());
            let shared = pod.spec.as_ref().and_then(|spec| spec.share_process_namespace) == Some(true);
            let read = if shared {
                Err("its pod shares one process namespace, in which Kestra is not the first process".into())
            } else {
                environ(&pods, &pod_name, &name).await
            };
            if let Err(says) = &read {
                gathered.unread.push(Unread {
                    object: format!("environment of {pod_name}/{name}"),
                    says: says.clone(),
                });
            }
            gathered.processes.insert((pod_name, name), read);
        }
    }
}

async fn environ(pods: &Api<Pod>, pod: &str, container: &str) -> Result<ProcessVariables, String> {
    let how = AttachParams::default()
        .container(container)
        .stdout(true)
        .stderr(true)
        .stdin(false);
    let read = async {
        let mut process = pods.exec(pod, COMMAND, &how).await.map_err(|e| match e {
            kube::Error::Api(status) => status.message,
            other => other.words(),
        })?;
        let gone = || "the API server opened no stream for the command".to_owned();
        let (out, err) = (process.stdout().ok_or_else(gone)?, process.stderr().ok_or_else(gone)?);
        let (mut bytes, mut said) = (Vec::new(), Vec::new());
        let (mut out, mut err) = (out.take(LONGEST), err.take(LONGEST));
        let (first, second) = tokio::join!(out.read_to_end(&mut bytes), err.read_to_end(&mut said));
        first.and(second).map_err(|e| e.to_string())?;
        let status = process.take_status().ok_or_else(gone)?.await;
        // The message says why, such as that the image has no `cat`.
        match status {
            Some(status) if status.status.as_deref() != Some("Success") => Err(status.message.unwrap_or_default()),
            _ => Ok(variables(&bytes)),
        }
    };
    let read = until("read the environment", ANSWER, read).await;
    read.map_err(|infra| infra.cause)
}

/// `NAME=VALUE`, each ended by a NUL.
pub fn variables(environ: &[u8]) -> ProcessVariables {
    let entries = environ.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let pair = |entry: &[u8]| {
        let at = entry.iter().position(|byte| *byte == b'=')?;
        Some((entry[..at].to_vec(), Plaintext::from(&entry[at + 1..])))
    };
    entries.filter_map(pair).collect()
}
