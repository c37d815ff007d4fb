use semver::Version;

use super::dialect::Dialect;
use super::{v0, v1, v2};

/// A generation of Kestra's REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiGeneration {
    /// Up to 0.22: no tenant in the paths, outputs within the execution.
    V0,
    /// 0.23 to 1.x: tenant `main`, outputs within the execution.
    V1,
    /// From 2.0: tenant `main`, outputs at an address of their own.
    V2,
}

impl ApiGeneration {
    /// The generation that a Kestra of this version speaks. A snapshot or a release candidate
    /// speaks the one of the version it leads to.
    pub fn for_version(version: &Version) -> Self {
        match (version.major, version.minor) {
            (0, ..=22) => Self::V0,
            (0..=1, _) => Self::V1,
            _ => Self::V2,
        }
    }

    pub(super) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::V0 => &v0::V0,
            Self::V1 => &v1::V1,
            Self::V2 => &v2::V2,
        }
    }
}
