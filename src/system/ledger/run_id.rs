//! The name of a run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Eight random characters that tell one run from another: `a`–`z` and `2`–`7`, so that they may
/// stand in file names, labels and the names of Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// What was given is no run id.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {0:?} as a run id: it is not eight characters of a-z and 2-7")]
pub struct NotARunId(String);

impl RunId {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    const LENGTH: usize = 8;

    /// A new one, of 40 random bits.
    pub fn random() -> Self {
        let bytes: [u8; Self::LENGTH] = rand::random();
        Self(
            bytes
                .map(|byte| char::from(Self::ALPHABET[usize::from(byte % 32)]))
                .iter()
                .collect(),
        )
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the names of all that the run makes begin with: `kestra-secrets-RUN-`.
    pub fn prefix(&self) -> String {
        format!("kestra-secrets-{self}-")
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = NotARunId;

    fn try_from(text: String) -> Result<Self, NotARunId> {
        if text.len() == Self::LENGTH && text.bytes().all(|b| Self::ALPHABET.contains(&b)) {
            Ok(Self(text))
        } else {
            Err(NotARunId(text))
        }
    }
}

impl FromStr for RunId {
    type Err = NotARunId;

    fn from_str(text: &str) -> Result<Self, NotARunId> {
        text.to_owned().try_into()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}
