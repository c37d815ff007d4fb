//! The tools, and what is particular to each.

use semver::Version;

/// A tool that is found or, failing that, provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Helm, 3.14 or later, or 4.
    Helm,
    /// kind, 0.24 or later.
    Kind,
}

/// A tool that is a folder of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FolderTool {
    /// Eclipse Temurin, with its compiler.
    Jdk,
    /// Apache Maven.
    Maven,
}

impl Tool {
    /// The name of its executable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            Self::Kind => "kind",
        }
    }

    /// The environment variable that names an executable to use.
    pub const fn variable(self) -> &'static str {
        self.variables()[0]
    }

    /// All that name one; the first that is set counts. Helm names itself to its plugins, of which this may be one.
    pub(super) const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Helm => &["KESTRA_SECRETS_HELM", "HELM_BIN"],
            Self::Kind => &["KESTRA_SECRETS_KIND"],
        }
    }

    /// The environment variable that names another base URL to download from.
    pub const fn mirror_variable(self) -> &'static str {
        match self {
            Self::Helm => "KESTRA_SECRETS_HELM_MIRROR",
            Self::Kind => "KESTRA_SECRETS_KIND_MIRROR",
        }
    }

    /// Which versions will do.
    pub const fn accepted(self) -> &'static str {
        match self {
            Self::Helm => ">=3.14, <5",
            Self::Kind => ">=0.24",
        }
    }

    pub(super) fn version_args(self) -> &'static [&'static str] {
        match self {
            Self::Helm => &["version", "--short"],
            Self::Kind => &["version"],
        }
    }

    /// The publisher's base URL, and the file below it.
    pub(super) fn release(self, version: &Version, platform: &str) -> (&'static str, String) {
        match self {
            Self::Helm => ("https://get.helm.sh", format!("helm-v{version}-{platform}.tar.gz")),
            Self::Kind => (
                "https://github.com/kubernetes-sigs/kind/releases/download",
                format!("v{version}/kind-{platform}"),
            ),
        }
    }

    /// The Go module that it is built from.
    pub(super) fn go_module(self, version: &Version) -> String {
        match self {
            Self::Helm => format!("helm.sh/helm/v3/cmd/helm@v{version}"),
            Self::Kind => format!("sigs.k8s.io/kind@v{version}"),
        }
    }

    pub(super) fn go_install(self, version: &Version) -> Vec<String> {
        let flags = match self {
            // What is built from the module knows only its major and minor version otherwise.
            Self::Helm => Some(format!(
                "-ldflags=-X helm.sh/helm/v3/internal/version.version=v{version}"
            )),
            Self::Kind => None,
        };
        flags.into_iter().chain([self.go_module(version)]).collect()
    }
}
