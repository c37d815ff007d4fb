//! Which versions are provided, and the checksums and digests that they must have: one file, `pins.toml`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use super::{FolderTool, Tool, ToolboxError};
use crate::plan::ImageRef;
use crate::system::bounded;

/// The pins that the program carries.
const BUILT_IN: &str = include_str!("pins.toml");
/// The variable that names a file in their place.
pub const VARIABLE: &str = "KESTRA_SECRETS_PINS";

/// All that is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// What `official` means.
    pub kestra: Kestra,
    /// The image of a kind node.
    pub node: Node,
    helm: Release,
    kind: Release,
    java: FolderRelease,
    maven: FolderRelease,
}

/// The publisher's newest Kestra, whose image and chart bear one version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kestra {
    /// Its version.
    pub version: Version,
    /// The digests of the image's tags.
    #[serde(default)]
    pub digests: BTreeMap<String, Digest>,
}

/// The image of a kind node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// With its tag.
    #[serde(deserialize_with = "image")]
    pub image: ImageRef,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    version: Version,
    sha256: BTreeMap<String, String>,
}

/// A release that is unpacked as a whole; its version is its publisher's, such as `25.0.4+7`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FolderRelease {
    pub version: String,
    /// By platform, or of `any`.
    sha256: BTreeMap<String, String>,
}

impl FolderRelease {
    /// The SHA-256 of the archive for this platform; none where it has none.
    pub fn sum(&self) -> Option<&str> {
        let sum = self.sha256.get(&platform()).or_else(|| self.sha256.get("any"));
        sum.map(String::as_str)
    }
}

/// The digest of an image: `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes))))
    }

    /// As registries write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() == 64 && hex.bytes().all(lower) {
            Ok(Self(text))
        } else {
            Err("a digest is `sha256:` and 64 hexadecimal digits".into())
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pins {
    /// Those of the file that a variable names, else those that the program carries.
    pub(super) fn from_vars(vars: &HashMap<String, OsString>) -> Result<Self, ToolboxError> {
        let Some(path) = vars.get(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) else {
            return Self::built_in();
        };
        Self::read(&path).map_err(|why| ToolboxError::Pins { path, why })
    }

    /// Those that the program carries.
    pub(super) fn built_in() -> Result<Self, ToolboxError> {
        Self::parse(BUILT_IN).map_err(|why| ToolboxError::Pins {
            path: "src/tools/toolbox/pins.toml".into(),
            why,
        })
    }

    fn read(path: &Path) -> Result<Self, String> {
        let bytes = bounded::file(path, bounded::DOCUMENT).map_err(|e| e.to_string())?;
        Self::parse(std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8".to_owned())?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())
    }

    fn release(&self, tool: Tool) -> &Release {
        match tool {
            Tool::Helm => &self.helm,
            Tool::Kind => &self.kind,
        }
    }

    /// The version of a tool that is provided where none is found.
    pub fn provided(&self, tool: Tool) -> &Version {
        &self.release(tool).version
    }

    /// The SHA-256 of what can be downloaded for a platform.
    pub(super) fn sums(&self, platform: &str) -> HashMap<Tool, String> {
        [Tool::Helm, Tool::Kind]
            .into_iter()
            .filter_map(|tool| Some((tool, self.release(tool).sha256.get(platform)?.clone())))
            .collect()
    }

    pub(super) fn folder(&self, tool: FolderTool) -> &FolderRelease {
        match tool {
            FolderTool::Jdk => &self.java,
            FolderTool::Maven => &self.maven,
        }
    }

    /// Another archive in the place of the publisher's, for every platform.
    #[cfg(test)]
    pub(super) fn pin_folder(&mut self, tool: FolderTool, sha256: String) {
        let release = match tool {
            FolderTool::Jdk => &mut self.java,
            FolderTool::Maven => &mut self.maven,
        };
        release.sha256 = BTreeMap::from([("any".to_owned(), sha256)]);
    }

    /// The digest that a tag of Kestra's image must have; none where any will do.
    pub fn digest(&self, image: &ImageRef) -> Option<&Digest> {
        self.kestra.digests.get(&image.tag)
    }

    /// The file with another Kestra in it; every other line stays as it is.
    pub fn with_kestra(text: &str, version: &Version, digests: &BTreeMap<String, Digest>) -> String {
        let mut written = String::new();
        let mut table = "";
        for line in text.lines() {
            if line.starts_with('[') {
                table = line.trim();
            }
            match table {
                "[kestra]" if line.starts_with("version") => written += &format!("version = \"{version}\"\n"),
                "[kestra.digests]" if line == table => {
                    written.extend([line, "\n"]);
                    written.extend(
                        digests
                            .iter()
                            .map(|(tag, digest)| format!("\"{tag}\" = \"{digest}\"\n")),
                    );
                }
                "[kestra.digests]" if line.starts_with('"') => {}
                _ => written.extend([line, "\n"]),
            }
        }
        written
    }
}

fn image<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ImageRef, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// The platform this program runs on, as publishers of Go programs write it.
pub fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    format!("{os}-{}", architecture())
}

/// The machine's architecture, as publishers of Go programs and registries write it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_of_a_tool_has_a_sum_of_its_own() {
        let pins = Pins::built_in().unwrap();
        let platforms = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"];
        let mut sums: Vec<String> = platforms.iter().flat_map(|p| pins.sums(p).into_values()).collect();
        assert!(
            sums.iter()
                .all(|sum| hex::decode(sum).is_ok_and(|bytes| bytes.len() == 32))
        );
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), 8);
    }

    #[test]
    fn another_kestra_changes_its_own_lines_alone() {
        let digest = Digest::sha256(b"an image");
        let digests = BTreeMap::from([("v2.1.0-slim".to_owned(), digest.clone())]);
        let version = Version::new(2, 1, 0);
        let text = Pins::with_kestra(BUILT_IN, &version, &digests);
        let pins = Pins::parse(&text).unwrap();
        assert_eq!(
            pins.kestra,
            Kestra {
                version: version.clone(),
                digests: digests.clone()
            }
        );
        assert_eq!(Pins::with_kestra(&text, &version, &digests), text);
        let old = Pins::built_in().unwrap().kestra;
        assert_eq!(Pins::with_kestra(&text, &old.version, &old.digests), BUILT_IN);
    }

    #[test]
    fn a_file_of_pins_that_is_wrong_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pins.toml");
        let vars = HashMap::from([(VARIABLE.to_owned(), path.clone().into_os_string())]);
        let said = || Pins::from_vars(&vars).unwrap_err().to_string();
        assert!(said().contains("pins.toml"), "{}", said());
        for (from, to, names) in [
            ("\"2.0.7\"", "\"newest\"", "line 8"),
            (
                "[kestra.digests]",
                "[kestra.digests]\n\"v2.0.7\" = \"sha256:00\"",
                "64 hexadecimal",
            ),
            ("[node]", "[nodes]", "nodes"),
        ] {
            std::fs::write(&path, BUILT_IN.replace(from, to)).unwrap();
            assert!(said().contains(names), "{}", said());
        }
    }
}
