//! Which Kestra runs.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use semver::Version;
use tokio_util::sync::CancellationToken;

use crate::process::{Command, Deadline};
use crate::verdict::Infra;

/// A Java program takes a second or two to say its version.
const ASK: Deadline = Deadline::seconds("its version", 60);

/// The engines this project serves behind Kestra's own REST paths, newest first.
pub const ENGINES: [Version; 2] = [Version::new(2, 0, 0), Version::new(1, 3, 31)];

/// A Kestra as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KestraRef {
    /// `engine@VERSION`: Kestra's published engine behind our own REST adapter.
    Engine(Version),
    /// `exec:PATH`: any Kestra executable, such as the official standalone file.
    Exec(PathBuf),
    /// `official@VERSION`: the standalone file, from its publisher.
    Official(Version),
}

impl KestraRef {
    /// The Kestra's version: named, or asked of the executable.
    ///
    /// # Errors
    /// [`Infra`] when the executable does not answer `--version` with one.
    pub async fn version(&self, cancel: &CancellationToken) -> Result<Version, Infra> {
        let path = match self {
            Self::Engine(version) | Self::Official(version) => return Ok(version.clone()),
            Self::Exec(path) => path,
        };
        let phase = format!("ask {} for its version", path.display());
        let asked = Command::new(path)
            .arg("--version")
            .run(ASK, cancel)
            .await
            .map_err(|e| Infra::new(phase.clone(), e))?;
        let said = String::from_utf8_lossy(&asked.stdout);
        let found = said
            .split_whitespace()
            .find_map(|word| Version::parse(word.trim_start_matches('v')).ok());
        found.ok_or_else(|| {
            Infra::new(phase, "it printed no version")
                .help("exec: takes a Kestra executable, which answers --version and runs `server standalone` with MICRONAUT_CONFIG_FILES")
        })
    }
}

impl FromStr for KestraRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let version = |v: &str| Version::parse(v).map_err(|e| format!("{v:?} is no version: {e}"));
        if let Some(path) = text.strip_prefix("exec:").filter(|p| !p.is_empty()) {
            return Ok(Self::Exec(path.into()));
        }
        match text.split_once('@') {
            Some(("engine", v)) => {
                let version = version(v)?;
                let known = ENGINES.map(|e| e.to_string()).join(", ");
                if ENGINES.contains(&version) {
                    Ok(Self::Engine(version))
                } else {
                    Err(format!("there is no engine {version}; there are {known}"))
                }
            }
            Some(("official", v)) => Ok(Self::Official(version(v)?)),
            _ => Err("write engine@VERSION, exec:PATH or official@VERSION".into()),
        }
    }
}

impl fmt::Display for KestraRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(v) => write!(f, "engine@{v}"),
            Self::Exec(path) => write!(f, "exec:{}", path.display()),
            Self::Official(v) => write!(f, "official@{v}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kestra_is_named_in_three_ways() {
        for text in ["engine@2.0.0", "exec:/opt/kestra", "official@0.24.1"] {
            assert_eq!(text.parse::<KestraRef>().unwrap().to_string(), text);
        }
        for text in ["", "engine", "engine@9.9.9", "exec:", "official@latest", "kestra@1.0.0"] {
            assert!(text.parse::<KestraRef>().is_err(), "{text}");
        }
    }
}
