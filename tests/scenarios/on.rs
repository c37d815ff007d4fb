//! Where a scenario's trial runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use kestra_secrets::internals::kestra::{CURRENT_ENGINES, KestraRef};
use kestra_secrets::internals::provider::live::{self, KindOptions};
use kestra_secrets::internals::run::session::ProviderSpec;
use semver::Version;

use crate::support::requirements;

/// A provider, and the Kestra that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum On {
    /// A child process.
    Embedded(Version),
    /// A container of the testbed's image.
    Docker(Version),
    /// A release on a kind cluster of the run's own, made from the testbed's images.
    Kind(Version),
}

impl On {
    /// All there are.
    pub fn all() -> Vec<Self> {
        [
            CURRENT_ENGINES.map(Self::Embedded),
            CURRENT_ENGINES.map(Self::Docker),
            CURRENT_ENGINES.map(Self::Kind),
        ]
        .concat()
    }

    /// The provider as `--provider` and `KESTRA_SECRETS_REQUIRE` name it.
    pub fn provider(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Docker(_) => "docker",
            Self::Kind(_) => "kind",
        }
    }

    /// The provider as a session takes it.
    pub fn provider_spec(&self) -> ProviderSpec {
        match self {
            Self::Embedded(_) => ProviderSpec::Embedded,
            Self::Docker(_) => ProviderSpec::Docker,
            Self::Kind(_) => ProviderSpec::Live {
                place: live::ClusterSpec::Kind(KindOptions {
                    node_image: None,
                    config: None,
                    reuse: None,
                }),
                local_port: None,
            },
        }
    }

    /// The Kestra as `--kestra` names it.
    pub fn kestra(&self) -> KestraRef {
        match self {
            Self::Embedded(version) | Self::Docker(version) | Self::Kind(version) => KestraRef::Engine(version.clone()),
        }
    }

    /// What it lacks on this machine; found out once, by the first trial that asks.
    pub fn lacking(&self) -> Option<String> {
        static KNOWN: LazyLock<Mutex<HashMap<On, Option<String>>>> = LazyLock::new(Mutex::default);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(self.clone())
            .or_insert_with(|| match self {
                Self::Embedded(version) => requirements::lacking_for_engine(version),
                Self::Docker(version) => requirements::lacking_for_image(version),
                Self::Kind(version) => requirements::lacking_for_cluster(version),
            })
            .clone()
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.provider(), self.kestra())
    }
}
