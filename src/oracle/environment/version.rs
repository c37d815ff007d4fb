//! Where kubelets differ.

use std::fmt;
use std::str::FromStr;

/// A kubelet by its version, and the rules that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kubelet {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Kubelet {
    /// The newest whose rules were read.
    pub const NEWEST: Self = Self::new(1, 37, 2);

    /// A kubelet of that version.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Whether `envFrom` takes every key; before 1.30 it left out what [`super::names`] refuses.
    ///
    /// (The feature gate `RelaxedEnvironmentVariableValidation`, on from 1.32, concerns the names
    /// in `env` and the API server alone.)
    pub(super) fn takes_every_key(self) -> bool {
        self >= Self::new(1, 30, 0)
    }

    /// Whether a variable in `env` may be called by any printable characters of ASCII but `=`: the feature
    /// gate `RelaxedEnvironmentVariableValidation`, on by default from 1.32. It is the API server's; a
    /// kubelet is never newer than that.
    pub fn takes_any_printable_name(self) -> bool {
        self >= Self::new(1, 32, 0)
    }

    /// Whether a `$` breaks the character behind it when that is not ASCII: the first byte is taken
    /// for a whole character (kubernetes pull request 136325, in 1.34.4 and 1.35.1).
    pub(super) fn breaks_characters(self) -> bool {
        self < Self::new(1, 34, 4) || (self.major, self.minor, self.patch) == (1, 35, 0)
    }

    /// Whether a value that is not UTF-8 cannot be handed to the runtime: from 1.34 the message is
    /// Google's protobuf, whose text must be UTF-8; later patches send the value as bytes
    /// (kubernetes issue 139132). In 1.34 the first patch seen to do so is 9, the last seen not to
    /// is 4.
    pub fn refuses_bad_utf8(self) -> bool {
        let bytes_since = match (self.major, self.minor) {
            (1, 34) => 9,
            (1, 35) => 6,
            (1, 36) => 2,
            _ => 0,
        };
        self.patch < bytes_since
    }

    /// The same for the texts of `command` and `args`, which no patch made bytes.
    pub(super) fn refuses_bad_utf8_in_commands(self) -> bool {
        self >= Self::new(1, 34, 0)
    }
}

impl Default for Kubelet {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for Kubelet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text that is no Kubernetes version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {0:?} as a Kubernetes version, like v1.34.4")]
pub struct NoVersion(String);

/// Reads what `kubeletVersion` and `gitVersion` say, with a vendor's suffix or without:
/// `v1.34.4`, `1.33.5-eks-ba24e9c`, `v1.31.4+k3s1`.
impl FromStr for Kubelet {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let core = text.strip_prefix('v').unwrap_or(text);
        let core = core.split(['-', '+']).next().unwrap_or_default();
        let numbers: Result<Vec<u32>, _> = core.split('.').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[major, minor, patch]) => Ok(Self::new(major, minor, patch)),
            _ => Err(NoVersion(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_suffixes_do_not_matter() {
        for text in ["v1.33.5", "1.33.5", "v1.33.5-eks-ba24e9c", "v1.33.5+k3s1"] {
            assert_eq!(text.parse(), Ok(Kubelet::new(1, 33, 5)), "{text}");
        }
        for text in ["", "v1", "1.33", "1.33.x", "1.2.3.4"] {
            assert!(text.parse::<Kubelet>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_fix_counts_from_its_own_patch() {
        let all = |rule: fn(Kubelet) -> bool| {
            [
                "1.29.14", "1.30.0", "1.33.13", "1.34.3", "1.34.4", "1.34.9", "1.35.0", "1.35.5", "1.36.1", "1.36.2",
                "1.37.0",
            ]
            .into_iter()
            .filter(|text| rule(text.parse().unwrap()))
            .collect::<Vec<_>>()
        };
        assert_eq!(all(|k| !k.takes_every_key()), ["1.29.14"]);
        assert_eq!(
            all(Kubelet::breaks_characters),
            ["1.29.14", "1.30.0", "1.33.13", "1.34.3", "1.35.0"]
        );
        assert_eq!(
            all(Kubelet::refuses_bad_utf8),
            ["1.34.3", "1.34.4", "1.35.0", "1.35.5", "1.36.1"]
        );
    }
}
