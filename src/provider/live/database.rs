//! The database that a distributed Kestra shares, and that outlives an upgrade, where nobody gave it one: H2's own
//! server, from Kestra's image.

use serde_json::{Value, json};

use crate::oracle::secret::Plaintext;
use crate::scenario::{Generation, Manifest};
use crate::tools::cluster::names;

const PORT: u16 = 9092;

/// The database of one release.
pub(super) struct Database {
    /// Its Deployment's name, and its Service's; also the release that it passes for, so that it can be waited for.
    pub name: String,
}

impl Database {
    pub(super) fn for_release(release: &str) -> Self {
        Self {
            name: format!("{release}-h2"),
        }
    }

    /// Deployment and Service, from an image of Kestra's. The latter is headless: any other would reach every pod as
    /// service links.
    pub(super) fn manifest(&self, run: &str, image: &Value, pull_secret: Option<&str>) -> Manifest {
        let name = &self.name;
        let selector = json!({"app.kubernetes.io/name": "h2", "app.kubernetes.io/instance": name});
        let mut labels = selector.clone();
        labels[names::MANAGED_BY.0] = names::MANAGED_BY.1.into();
        labels[names::RUN] = run.into();
        // Kestra's functions in H2 are Java: the server needs Kestra's jar, which is the testbed's engine or the executable.
        let command = format!(
            "exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp /app/engine.jar:/app/kestra org.h2.tools.Server -tcp -tcpAllowOthers -tcpPort {PORT} -ifNotExists"
        );
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": labels},
            "spec": {"clusterIP": "None", "selector": selector, "ports": [{"name": "h2", "port": PORT}]},
        });
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "imagePullSecrets": pull_secret.map(|name| json!([{"name": name}])),
                        "securityContext": {
                            "runAsNonRoot": true,
                            "runAsUser": 1000,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [{
                            "name": "h2",
                            "image": image,
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["sh", "-c", command],
                            "ports": [{"name": "h2", "containerPort": PORT}],
                            "readinessProbe": {"tcpSocket": {"port": "h2"}, "periodSeconds": 1},
                            "securityContext": {
                                "allowPrivilegeEscalation": false,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }],
                    },
                },
            },
        });
        let text = format!("{service}\n---\n{deployment}\n");
        Manifest {
            file: "the database".into(),
            text: Plaintext::new(text, true),
        }
    }

    /// The harness's own values with this database in place of the one in memory.
    pub(super) fn in_values(&self, mut defaults: Value, generation: Generation) -> Value {
        let path = match generation {
            Generation::V0 => "/configuration/datasources/h2/url",
            Generation::V1 | Generation::V2 => "/configurations/application/datasources/h2/url",
        };
        if let Some(url) = defaults.pointer_mut(path) {
            let options = "TIME ZONE=UTC;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE";
            *url = format!("jdbc:h2:tcp://{}:{PORT}/mem:public;{options}", self.name).into();
        }
        defaults
    }
}
