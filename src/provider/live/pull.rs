//! The credentials that a cluster pulls Kestra's image with.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::scenario::Manifest;
use crate::system::redact::Redactor;

/// A Docker configuration that holds registries' credentials, which each namespace gets as a Secret.
#[derive(Debug, Clone)]
pub struct PullSecret(Plaintext);

impl PullSecret {
    /// Reads a Docker configuration, such as `~/.docker/config.json`.
    ///
    /// # Errors
    /// [`InputError`] when it cannot be read or holds no credentials: a credential helper's are not in it.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let error = |message: String| {
            let help = "name a Docker configuration with `auths`; where a credential helper keeps them, \
                        `docker --config DIR login REGISTRY` without one writes such a file";
            InputError::whole(path.display().to_string(), message, Some(help.into()))
        };
        let text = std::fs::read(path).map_err(|e| error(format!("failed to read: {e}")))?;
        let config: Value = serde_json::from_slice(&text)
            .map_err(|e| error(format!("it is no JSON, at line {}, column {}", e.line(), e.column())))?;
        if secrets(&config).is_empty() {
            return Err(error("it holds no credentials".into()));
        }
        Ok(Self(Plaintext::new(text, false)))
    }

    /// The Secret's name in each namespace of a run.
    pub fn name(run: &str) -> String {
        format!("kestra-secrets-{run}-pull")
    }

    /// The Secret as the kubelet takes it.
    pub fn manifest(&self, run: &str) -> Manifest {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": Self::name(run)},
            "data": {".dockerconfigjson": STANDARD.encode(self.0.bytes())},
        });
        Manifest {
            file: "--pull-secret".into(),
            text: self.0.map(|_| secret.to_string().into_bytes()),
        }
    }

    /// Keeps its credentials out of every text.
    pub fn hide(&self, redactor: &Redactor) {
        redactor.add(self.0.bytes());
        let config = serde_json::from_slice(self.0.bytes()).unwrap_or_default();
        for secret in secrets(&config) {
            redactor.add(secret);
        }
    }
}

/// What must not be shown: passwords, tokens, and the `auth` that is both user and password.
fn secrets(config: &Value) -> Vec<Vec<u8>> {
    let registries = config.get("auths").and_then(Value::as_object).into_iter().flatten();
    let mut found = Vec::new();
    for (_, registry) in registries {
        for key in ["auth", "password", "identitytoken", "registrytoken"] {
            let Some(text) = registry.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()) else {
                continue;
            };
            found.push(text.as_bytes().to_vec());
            if let Some((_, password)) = STANDARD
                .decode(text)
                .ok()
                .and_then(|pair| String::from_utf8(pair).ok())
                .as_deref()
                .and_then(|pair| pair.split_once(':'))
            {
                found.push(password.as_bytes().to_vec());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PullSecret, InputError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        PullSecret::read(file.path())
    }

    #[test]
    fn the_credentials_reach_the_secret_and_no_text() {
        let auth = STANDARD.encode("robot:hunter2-of-the-registry");
        let config = format!(r#"{{"auths": {{"registry.example": {{"auth": "{auth}"}}}}}}"#);
        let pull = read(&config).unwrap();
        let manifest: Value = serde_json::from_slice(pull.manifest("abc").text.bytes()).unwrap();
        let data = manifest["data"][".dockerconfigjson"].as_str().unwrap();
        assert_eq!(STANDARD.decode(data).unwrap(), config.as_bytes());
        assert!(!pull.manifest("abc").text.is_public());
        let redactor = Redactor::default();
        pull.hide(&redactor);
        for text in [&auth, "hunter2-of-the-registry", &config] {
            assert!(!redactor.scrub(text).contains(text), "{text}");
        }
    }

    #[test]
    fn a_configuration_without_credentials_is_bad_input() {
        for text in ["", "{}", r#"{"auths": {"r": {}}, "credsStore": "desktop"}"#, "[1, 2"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
