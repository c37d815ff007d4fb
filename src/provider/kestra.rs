//! Which Kestra runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use semver::Version;
use tokio_util::sync::CancellationToken;

use crate::error::InfraError;
use crate::system::process::{Command, Deadline};
use crate::tools::toolbox::Toolbox;

/// A Java program takes a second or two to say its version.
const ASK: Deadline = Deadline::seconds("its version", 60);

/// The engines this project serves behind Kestra's own REST paths, newest first.
pub const ENGINES: [Version; 2] = [Version::new(2, 0, 0), Version::new(1, 3, 31)];
/// The publisher's image.
pub const OFFICIAL_IMAGE: &str = "kestra/kestra";

/// A Kestra as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KestraRef {
    /// `engine@VERSION`: Kestra's published engine behind our own REST adapter.
    Engine(Version),
    /// `exec:PATH`: any Kestra executable, such as the official standalone file.
    Exec(PathBuf),
    /// `official`, `official@1.3` or `official@1.3.31`: the publisher's image, or its standalone file where no images
    /// run.
    Official(OfficialRef),
}

/// Which of the publisher's releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficialRef {
    /// The newest that is pinned.
    Newest,
    /// The newest patch of a minor, by the registry's tags.
    Minor(u64, u64),
    /// This one.
    Exact(Version),
}

impl KestraRef {
    /// The publisher's release of a version.
    pub fn official(version: Version) -> Self {
        Self::Official(OfficialRef::Exact(version))
    }

    /// The same by its exact version: named, pinned, or asked of the registry or the executable.
    ///
    /// # Errors
    /// [`InfraError`] when the executable does not answer `--version` with one, or the registry with its tags.
    pub async fn resolve(&self, toolbox: &Toolbox, cancel: &CancellationToken) -> Result<(Self, Version), InfraError> {
        Ok(match self {
            Self::Engine(version) => (self.clone(), version.clone()),
            Self::Exec(path) => (self.clone(), version_of(path, cancel).await?),
            Self::Official(official) => {
                let version = official.resolve(toolbox).await?;
                (Self::official(version.clone()), version)
            }
        })
    }
}

impl OfficialRef {
    async fn resolve(&self, toolbox: &Toolbox) -> Result<Version, InfraError> {
        let (major, minor) = match self {
            Self::Newest => return Ok(toolbox.pins().kestra.version.clone()),
            Self::Exact(version) => return Ok(version.clone()),
            Self::Minor(major, minor) => (*major, *minor),
        };
        let phase = format!("find the newest Kestra {major}.{minor}");
        let help = format!(
            "name a patch, such as official@{major}.{minor}.0; a mirror of the registry by KESTRA_SECRETS_IMAGE_MIRROR"
        );
        let asked = async { toolbox.registry()?.tags(OFFICIAL_IMAGE).await };
        let tags = asked
            .await
            .map_err(|e| InfraError::new(phase.clone(), format!("failed to {e}")).help(help))?;
        newest(&tags, |v| (v.major, v.minor) == (major, minor)).ok_or_else(|| {
            let cause = format!("no tag of {OFFICIAL_IMAGE} is a release of {major}.{minor}");
            InfraError::new(phase, cause)
        })
    }
}

/// The newest release among an image's tags, whose variants bear a suffix; none of those is a pre-release.
pub fn newest(tags: &[String], wanted: impl Fn(&Version) -> bool) -> Option<Version> {
    let releases = tags.iter().filter_map(|tag| {
        let version = Version::parse(tag.strip_prefix('v')?.split('-').next()?).ok()?;
        let suffix = tag.split_once('-').map_or("", |(_, suffix)| suffix);
        (matches!(suffix, "" | "full" | "no-plugins" | "slim") && wanted(&version)).then_some(version)
    });
    releases.max()
}

async fn version_of(path: &Path, cancel: &CancellationToken) -> Result<Version, InfraError> {
    let phase = format!("ask {} for its version", path.display());
    let asked = Command::new(path)
        .arg("--version")
        .run(ASK, cancel)
        .await
        .map_err(|e| InfraError::new(phase.clone(), e))?;
    let said = String::from_utf8_lossy(&asked.stdout);
    let found = said
        .split_whitespace()
        .find_map(|word| Version::parse(word.trim_start_matches('v')).ok());
    found.ok_or_else(|| {
        InfraError::new(phase, "it printed no version")
            .help("exec: takes a Kestra executable, which answers --version and runs `server standalone` with MICRONAUT_CONFIG_FILES")
    })
}

impl FromStr for OfficialRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(version) = Version::parse(text) {
            return Ok(Self::Exact(version));
        }
        let minor = text.split_once('.').and_then(|(major, minor)| {
            let number = |digits: &str| {
                digits
                    .bytes()
                    .all(|b| b.is_ascii_digit())
                    .then(|| digits.parse().ok())?
            };
            Some(Self::Minor(number(major)?, number(minor)?))
        });
        minor.ok_or_else(|| format!("{text:?} is no version: write official, official@1.3 or official@1.3.31"))
    }
}

impl FromStr for KestraRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("exec:").filter(|p| !p.is_empty()) {
            return Ok(Self::Exec(path.into()));
        }
        match text.split_once('@') {
            Some(("engine", v)) => {
                let version = Version::parse(v).map_err(|e| format!("{v:?} is no version: {e}"))?;
                let known = ENGINES.map(|e| e.to_string()).join(", ");
                if ENGINES.contains(&version) {
                    Ok(Self::Engine(version))
                } else {
                    Err(format!("there is no engine {version}; there are {known}"))
                }
            }
            Some(("official", v)) => Ok(Self::Official(v.parse()?)),
            None if text == "official" => Ok(Self::Official(OfficialRef::Newest)),
            _ => Err("write official[@VERSION], engine@VERSION or exec:PATH".into()),
        }
    }
}

impl fmt::Display for KestraRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(v) => write!(f, "engine@{v}"),
            Self::Exec(path) => write!(f, "exec:{}", path.display()),
            Self::Official(OfficialRef::Newest) => f.write_str("official"),
            Self::Official(OfficialRef::Minor(major, minor)) => write!(f, "official@{major}.{minor}"),
            Self::Official(OfficialRef::Exact(v)) => write!(f, "official@{v}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kestra_is_named_by_kind_and_version() {
        for text in [
            "engine@2.0.0",
            "exec:/opt/kestra",
            "official",
            "official@1.3",
            "official@0.24.1",
        ] {
            assert_eq!(text.parse::<KestraRef>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "engine",
            "engine@9.9.9",
            "exec:",
            "official@",
            "official@1",
            "official@1.",
            "official@1.+3",
            "official@latest",
            "kestra@1.0.0",
        ] {
            assert!(text.parse::<KestraRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_newest_patch_of_a_minor_is_found_among_the_tags() {
        let tags = [
            "latest",
            "v1.3.9",
            "v1.3.31-no-plugins",
            "v1.4.0",
            "v1.3.40-rc1",
            "develop-full",
            "1.3.99",
            "v1.3",
        ];
        let tags = tags.map(str::to_owned);
        let of = |minor| newest(&tags, |v| (v.major, v.minor) == (1, minor));
        assert_eq!(of(3), Some(Version::new(1, 3, 31)));
        assert_eq!(of(4), Some(Version::new(1, 4, 0)));
        assert_eq!(of(5), None);
    }
}
