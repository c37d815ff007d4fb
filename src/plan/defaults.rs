//! The values a release needs to run small; a file of their own, before the user's, free of lists.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::kestra::KestraRef;
use crate::scenario::Credentials;
use crate::scenario::Generation;

/// An image by repository and tag, as charts take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// Such as `registry:5000/kestra/kestra`.
    pub repository: String,
    /// Such as `v1.0.0`.
    pub tag: String,
}

impl FromStr for ImageRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The colon of a registry's port stands before a slash. A digest splits at its own colon: charts put
        // the two together again.
        match text.rsplit_once(':') {
            Some((repository, tag)) if !repository.is_empty() && !tag.is_empty() && !tag.contains('/') => Ok(Self {
                repository: repository.into(),
                tag: tag.into(),
            }),
            _ => Err(format!("{text:?} is no image: write REPOSITORY:TAG")),
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// What the harness adds to a release, apart from the user's values.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The credentials Kestra must ask for.
    pub credentials: Credentials,
    /// The image that runs a Kestra; none leaves the chart's own.
    pub images: BTreeMap<KestraRef, ImageRef>,
    /// The Secret to pull it with, by name; none where none is needed.
    pub pull_secret: Option<String>,
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
        if let Some(name) = &self.pull_secret {
            // The one list: a user who names a Secret to pull with has no need of this one, which overlaps.
            values["imagePullSecrets"] = json!([{"name": name}]);
        }
        values
    }

    /// The values that name the image which runs a Kestra. They go before the user's: what a run is said to prove is
    /// what runs.
    pub fn image_for(&self, kestra: &KestraRef, generation: Generation) -> Option<Value> {
        let ImageRef { repository, tag } = self.images.get(kestra)?;
        let key = if generation == Generation::V0 {
            "image"
        } else {
            "repository"
        };
        Some(json!({"image": {key: repository, "tag": tag, "pullPolicy": "IfNotPresent"}}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_repository_and_a_tag() {
        let parsed: ImageRef = "registry:5000/kestra/kestra:v1.0.0".parse().unwrap();
        assert_eq!(parsed.repository, "registry:5000/kestra/kestra");
        assert_eq!(parsed.to_string(), "registry:5000/kestra/kestra:v1.0.0");
        let digest: ImageRef = "kestra/kestra@sha256:00ff".parse().unwrap();
        assert_eq!(digest.to_string(), "kestra/kestra@sha256:00ff");
        for text in ["", "kestra", "registry:5000/kestra", ":tag", "kestra:"] {
            assert!(text.parse::<ImageRef>().is_err(), "{text}");
        }
    }
}
