//! Why a registry did not answer.

use super::MIRROR;
use crate::error::InfraCause;
use crate::system::process::Deadline;
use crate::tools::toolbox::pins::Digest;

/// Why a registry did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer, or it broke off.
    #[error("failed to ask {host}: {}", innermost(.source))]
    Transport {
        /// Who was asked.
        host: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// It did not answer in time.
    #[error("failed to ask {host}: {deadline} passed")]
    Deadline {
        /// Who was asked.
        host: String,
        /// Which deadline.
        deadline: Deadline,
    },
    /// It wants credentials.
    #[error("failed to ask {host}: it answered {status} and wants credentials for {what}")]
    Unauthorized {
        /// Who was asked.
        host: String,
        /// 401 or 403.
        status: u16,
        /// For what.
        what: String,
    },
    /// It was asked too often.
    #[error(
        "failed to ask {host}: it answered 429, too many requests{}",
        .after.as_ref().map(|after| format!("; it says to try again after {after}")).unwrap_or_default()
    )]
    Busy {
        /// Who was asked.
        host: String,
        /// In how many seconds, or when, it may be asked again.
        after: Option<String>,
    },
    /// It answered with another status.
    #[error("failed to ask {host}: it answered {status} for {what}")]
    Status {
        /// Who was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// For what.
        what: String,
    },
    /// Its answer is not what the API says.
    #[error("failed to understand {host}: its answer for {what} {why}")]
    Malformed {
        /// Who was asked.
        host: String,
        /// For what.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// It serves something else under a digest.
    #[error("failed to trust {host}: what it serves as {asked} has the digest {actual}")]
    Digest {
        /// Who was asked.
        host: String,
        /// The digest that was asked for.
        asked: Digest,
        /// The digest of what came.
        actual: Digest,
    },
    /// What was named is no address of a registry.
    #[error("failed to use the registry that {MIRROR} names: {0}")]
    Named(String),
}

/// The cause that says something: the outer ones only repeat the address.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

impl InfraCause for RegistryError {}
