//! A kind cluster of a drill's own, and a way to its API server that goes by plain HTTP, for proxies to stand in.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use tempfile::TempDir;

use crate::left::said;
use crate::support::requirements;

/// Where the node's `kubectl proxy` listens, on the bridge between this machine and its containers.
const PORT: u16 = 8001;

pub struct Cluster {
    pub name: String,
    folder: TempDir,
}

impl Cluster {
    /// Makes a cluster with Kestra's image in it.
    pub fn create() -> Self {
        if let Some(lacking) = requirements::lacking_for_cluster(&CURRENT_ENGINES[0]) {
            panic!("{lacking}");
        }
        let cluster = Self {
            name: format!("kestra-secrets-drill-{:08x}", rand::random::<u32>()),
            folder: tempfile::tempdir().unwrap(),
        };
        eprintln!("cluster {}", cluster.name);
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/kind-config.yaml");
        let (name, kubeconfig) = (&cluster.name, &cluster.kubeconfig());
        let create = ["create", "cluster", "--name", name, "--config", config];
        let ours = [
            "--image",
            requirements::NODE,
            "--kubeconfig",
            kubeconfig,
            "--wait",
            "2m",
        ];
        said("kind", &[&create[..], &ours].concat());
        let image = format!("kestra-secrets/kestra:{}", CURRENT_ENGINES[0]);
        said("kind", &["load", "docker-image", "--name", name, &image]);
        cluster
    }

    pub fn kubeconfig(&self) -> String {
        self.folder.path().join("kubeconfig").display().to_string()
    }

    fn node(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// The API server without TLS and credentials, as `kubectl proxy` on the node serves it.
    pub fn plain(&self) -> SocketAddr {
        let node = self.node();
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let ip: IpAddr = said("docker", &["inspect", "--format", format, &node])
            .trim()
            .parse()
            .unwrap();
        let port = PORT.to_string();
        let serve = [
            "kubectl",
            "--kubeconfig",
            "/etc/kubernetes/admin.conf",
            "proxy",
            "--port",
            &port,
        ];
        let open = ["--address", "0.0.0.0", "--accept-hosts", ".*"];
        said("docker", &[&["exec", "--detach", &node][..], &serve, &open].concat());
        let address = SocketAddr::new(ip, PORT);
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "kubectl proxy does not listen at {address}");
            std::thread::sleep(Duration::from_millis(100));
        }
        address
    }

    /// `kubectl` as the node has it, with all rights; none when it fails.
    pub fn kubectl(&self, args: &[&str]) -> Option<String> {
        let node = self.node();
        let admin = ["exec", &node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
        let output = Command::new("docker").args(admin).args(args).output().unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The names of all objects of these kinds.
    pub fn names(&self, kinds: &str) -> Vec<String> {
        let custom = "custom-columns=:kind,:metadata.namespace,:metadata.name";
        let list = ["get", kinds, "--all-namespaces", "--no-headers", "-o", custom];
        let text = self.kubectl(&list).unwrap();
        let mut names: Vec<_> = text
            .lines()
            .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        names.sort();
        names
    }

    /// The namespaces that runs have made.
    pub fn namespaces(&self) -> Vec<String> {
        let ours = [
            "get",
            "namespaces",
            "-o",
            "name",
            "-l",
            "app.kubernetes.io/managed-by=kestra-secrets",
        ];
        self.kubectl(&ours).unwrap().lines().map(str::to_owned).collect()
    }

    /// Those that are there after the empty ones, which runs leave to Kubernetes, have had the time to go.
    pub fn namespaces_left(&self) -> Vec<String> {
        for namespace in self.namespaces() {
            self.kubectl(&["wait", "--for=delete", &namespace, "--timeout=30s"]);
        }
        self.namespaces()
    }

    /// A copy of its kubeconfig in a file, with its context named `faulty` as a proxy's is.
    pub fn straight(&self) -> String {
        let text = fs::read_to_string(self.kubeconfig()).unwrap();
        text.replace(&format!("kind-{}", self.name), "faulty")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let kubeconfig = self.kubeconfig();
        let delete = ["delete", "cluster", "--name", &self.name, "--kubeconfig", &kubeconfig];
        said("kind", &delete);
    }
}
