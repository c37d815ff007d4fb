//! The values a release needs to run small; a file of their own, before the user's, free of lists.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::kestra::Credentials;
use crate::scenario::Generation;

/// What the harness adds to a release, apart from the user's values.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The credentials Kestra must ask for.
    pub credentials: Credentials,
    /// The image to run: repository and tag; none leaves the chart's own.
    pub image: Option<(String, String)>,
}

impl Defaults {
    /// The values for a chart of `generation`: H2 in memory, no Docker-in-Docker, a short grace period.
    /// `configuration` and `configurations.application` cannot hold a list here, for helm replaces lists whole.
    pub fn values(&self, generation: Generation) -> Value {
        let application = json!({
            "datasources": {"h2": {
                "url": "jdbc:h2:mem:public;TIME ZONE=UTC;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE",
                "username": "sa", "password": "", "driverClassName": "org.h2.Driver",
            }},
            "kestra": {
                "queue": {"type": "h2"},
                "repository": {"type": "h2"},
                "storage": {"type": "local", "local": {"base-path": "/tmp/kestra-storage"}},
                "anonymous-usage-report": {"enabled": false},
                "tutorial-flows": {"enabled": false},
                "server": {"basic-auth": {
                    "enabled": true,
                    "username": self.credentials.username(),
                    "password": self.credentials.password().expose_secret(),
                }},
            },
        });
        let mut values = match generation {
            Generation::V0 => json!({
                "configuration": application,
                "postgresql": {"enabled": false},
                "minio": {"enabled": false},
                "dind": {"enabled": false},
                "terminationGracePeriodSeconds": 5,
            }),
            Generation::V1 | Generation::V2 => json!({
                "configurations": {"application": application},
                "dind": {"enabled": false},
                "common": {"terminationGracePeriodSeconds": 5},
            }),
        };
        if let Some((repository, tag)) = &self.image {
            let key = if generation == Generation::V0 {
                "image"
            } else {
                "repository"
            };
            values["image"] = json!({key: repository, "tag": tag, "pullPolicy": "IfNotPresent"});
        }
        values
    }
}
