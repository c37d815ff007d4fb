//! The cluster that this process runs in, when it is a pod: reached by the pod's service account.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use serde::Deserialize;

use super::Access;
use crate::error::{During as _, InfraError};
use crate::system::{atomic, bounded};

/// The name that the cluster has where others have the name of a context.
pub const CONTEXT: &str = "in-cluster";
/// Where the kubelet mounts the service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Service account tokens have about 1 KiB.
const TOKEN: u64 = 64 * 1024;

/// How a pod reaches the API server: by what the kubelet gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InCluster {
    server: String,
    folder: PathBuf,
}

impl InCluster {
    /// The cluster of this pod; none where this process is in no pod, or its pod has no service account.
    pub fn find() -> Option<Self> {
        Self::at(|name| std::env::var(name).ok(), Path::new(ACCOUNT))
    }

    fn at(variable: impl Fn(&str) -> Option<String>, folder: &Path) -> Option<Self> {
        let host = variable("KUBERNETES_SERVICE_HOST").filter(|host| !host.is_empty())?;
        let port = variable("KUBERNETES_SERVICE_PORT").filter(|port| !port.is_empty())?;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        folder.join("token").is_file().then(|| Self {
            server: format!("https://{host}:{port}"),
            folder: folder.to_owned(),
        })
    }

    /// The service account, such as `kestra/auditor`, by the token's own account; none where it does not tell.
    pub fn service_account(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Claims {
            sub: String,
        }
        let token = bounded::file(&self.folder.join("token"), TOKEN).ok()?;
        let token = String::from_utf8(token).ok()?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        let name = claims.sub.strip_prefix("system:serviceaccount:")?;
        Some(name.replacen(':', "/", 1))
    }

    /// A kubeconfig for it. The token stays in its file, which the kubelet renews.
    pub fn kubeconfig(&self) -> Kubeconfig {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let cluster = Cluster {
            server: Some(self.server.clone()),
            certificate_authority: Some(file("ca.crt")),
            ..Cluster::default()
        };
        let user = AuthInfo {
            token_file: Some(file("token")),
            ..AuthInfo::default()
        };
        let context = Context {
            cluster: CONTEXT.into(),
            user: Some(CONTEXT.into()),
            ..Context::default()
        };
        Kubeconfig {
            clusters: vec![NamedCluster {
                name: CONTEXT.into(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: CONTEXT.into(),
                auth_info: Some(user),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: CONTEXT.into(),
                context: Some(context),
                ..NamedContext::default()
            }],
            ..Kubeconfig::default()
        }
    }

    /// Writes the kubeconfig into a folder, for helm.
    ///
    /// # Errors
    /// [`InfraError`] when it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Access, InfraError> {
        let phase = "write a kubeconfig for this pod's cluster";
        let path = folder.join("kubeconfig");
        let text = serde_json::to_string(&self.kubeconfig());
        let text = text.map_err(std::io::Error::from).during(phase)?;
        atomic::write_private(&path, text.as_bytes()).during(phase)?;
        Ok(Access {
            kubeconfig: Some(path),
            context: CONTEXT.into(),
        })
    }
}

/// Which cluster somebody means: never the current context of a kubeconfig, which may be somebody's production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextRef {
    /// A context of the user's kubeconfig.
    Named(String),
    /// The cluster of this pod.
    InCluster(InCluster),
}

impl ContextRef {
    /// The context that was named, else the cluster of this pod; none where there is neither.
    pub fn named_or_own(name: Option<&str>) -> Option<Self> {
        match name {
            Some(name) => Some(Self::Named(name.to_owned())),
            None => InCluster::find().map(Self::InCluster),
        }
    }

    /// The context's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::InCluster(_) => CONTEXT,
        }
    }
}

impl fmt::Display for ContextRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::InCluster(pod) => match pod.service_account() {
                Some(account) => write!(f, "{CONTEXT} (service account {account} of this pod)"),
                None => write!(f, "{CONTEXT} (the service account of this pod)"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of_pod(host: &str, folder: &Path) -> Option<InCluster> {
        let variable = |name: &str| match name {
            "KUBERNETES_SERVICE_HOST" => Some(host.to_owned()),
            "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
            _ => None,
        };
        InCluster::at(variable, folder)
    }

    #[test]
    fn only_a_pod_with_a_service_account_has_a_cluster_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_pod("10.96.0.1", folder.path()), None, "no token is mounted");
        fs::write(folder.path().join("token"), "t").unwrap();
        assert_eq!(InCluster::at(|_| None, folder.path()), None, "no pod");
        assert_eq!(of_pod("", folder.path()), None);
        assert!(of_pod("10.96.0.1", folder.path()).is_some());
    }

    #[test]
    fn the_kubeconfig_names_the_files_and_holds_no_token() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "canary").unwrap();
        let access = of_pod("fd00::1", folder.path()).unwrap().write(folder.path()).unwrap();
        let text = fs::read_to_string(access.kubeconfig.unwrap()).unwrap();
        assert!(!text.contains("canary"));
        let read = Kubeconfig::from_yaml(&text).unwrap();
        let cluster = read.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://[fd00::1]:443"));
        let user = read.auth_infos[0].auth_info.as_ref().unwrap();
        let token = folder.path().join("token").display().to_string();
        assert_eq!(user.token_file.as_ref(), Some(&token));
    }

    #[test]
    fn the_service_account_is_named_by_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let named = |token: &str| {
            fs::write(folder.path().join("token"), token).unwrap();
            of_pod("10.96.0.1", folder.path()).unwrap().service_account()
        };
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"system:serviceaccount:kestra:auditor"}"#);
        assert_eq!(named(&format!("h.{claims}.s")).as_deref(), Some("kestra/auditor"));
        for odd in ["", "opaque", "a.%.c", "a.e30.c"] {
            assert_eq!(named(odd), None, "{odd}");
        }
    }
}
