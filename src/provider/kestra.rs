//! The exact version of a Kestra that the user names.

use std::path::Path;

use semver::Version;
use tokio_util::sync::CancellationToken;

use crate::error::{During as _, InfraError};
use crate::kestra::{KestraRef, OFFICIAL_IMAGE, OfficialRef};
use crate::system::process::{Command, Deadline};
use crate::tools::toolbox::Toolbox;

/// A Java program takes a second or two to say its version.
const ASK: Deadline = Deadline::seconds("its version", 60);

impl KestraRef {
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
        let tags = asked.await.during(&phase).map_err(|infra| infra.help(help))?;
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
        .during(&phase)?;
    let said = String::from_utf8_lossy(&asked.stdout);
    let found = said
        .split_whitespace()
        .find_map(|word| Version::parse(word.trim_start_matches('v')).ok());
    found.ok_or_else(|| {
        InfraError::new(phase, "it printed no version")
            .help("exec: takes a Kestra executable, which answers --version and runs `server standalone` with MICRONAUT_CONFIG_FILES")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
