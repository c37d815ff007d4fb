//! Which Kestra runs, as the user names it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The engines that a run takes where none is named, newest first.
pub const CURRENT_ENGINES: [Version; 2] = [Version::new(2, 0, 0), Version::new(1, 3, 31)];
/// Of every minor the newest patch of which Maven serves all modules, newest first. Each is served behind Kestra's own
/// REST paths.
pub const ENGINES: [Version; 10] = [
    Version::new(2, 0, 0),
    Version::new(1, 3, 31),
    Version::new(1, 2, 14),
    Version::new(1, 1, 15),
    Version::new(1, 0, 36),
    Version::new(0, 24, 18),
    Version::new(0, 23, 29),
    Version::new(0, 22, 41),
    Version::new(0, 21, 20),
    Version::new(0, 20, 27),
];
/// The publisher's image.
pub const OFFICIAL_IMAGE: &str = "kestra/kestra";

/// A Kestra as the user names it. In files it is its text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KestraRef {
    /// `engine@1.2` or `engine@1.2.14`: Kestra's published engine behind our own REST adapter. A minor is its newest
    /// patch.
    Engine(Version),
    /// `exec:PATH`: any Kestra executable, such as the official standalone file.
    Exec(PathBuf),
    /// `official`, `official@1.3` or `official@1.3.31`: the publisher's image, or its standalone file where no images
    /// run.
    Official(OfficialRef),
}

/// Which of the publisher's releases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Whether it is Kestra's engine behind our own adapter.
    pub fn is_engine(&self) -> bool {
        matches!(self, Self::Engine(_))
    }

    /// The version, or the name of the executable.
    pub fn short_name(&self) -> String {
        match self {
            Self::Engine(version) => version.to_string(),
            Self::Exec(path) => path.file_name().unwrap_or(path.as_os_str()).display().to_string(),
            Self::Official(official) => official.to_string(),
        }
    }

    /// Reads a name, whether or not this program has such an engine: a report of another version may name one.
    fn named(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("exec:").filter(|path| !path.is_empty()) {
            return Ok(Self::Exec(path.into()));
        }
        match text.split_once('@') {
            Some(("engine", version)) => engine_version(version).map(Self::Engine),
            Some(("official", version)) => version.parse().map(Self::Official),
            None if text == "official" => Ok(Self::Official(OfficialRef::Newest)),
            _ => Err("write official[@VERSION], engine@VERSION or exec:PATH".into()),
        }
    }
}

impl FromStr for KestraRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Self::named(text)? {
            Self::Engine(version) if newest_of(version.major, version.minor).is_none() => {
                Err(format!("there is no engine {version}; there are {}", engine_minors()))
            }
            kestra => Ok(kestra),
        }
    }
}

/// The engine's newest patch of a minor.
fn newest_of(major: u64, minor: u64) -> Option<Version> {
    ENGINES.into_iter().find(|v| (v.major, v.minor) == (major, minor))
}

/// The minors of which there are engines, as a person names them.
fn engine_minors() -> String {
    let minors = ENGINES.map(|v| format!("{}.{}", v.major, v.minor));
    format!("{} to {}", minors[minors.len() - 1], minors[0])
}

fn engine_version(text: &str) -> Result<Version, String> {
    let named = || format!("{text:?} is no version: write engine@1.3 or engine@1.3.31");
    match text.parse::<OfficialRef>().map_err(|_| named())? {
        OfficialRef::Exact(version) => Ok(version),
        OfficialRef::Minor(major, minor) => newest_of(major, minor)
            .ok_or_else(|| format!("there is no engine {major}.{minor}; there are {}", engine_minors())),
        OfficialRef::Newest => Err(named()),
    }
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

impl fmt::Display for KestraRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(version) => write!(f, "engine@{version}"),
            Self::Exec(path) => write!(f, "exec:{}", path.display()),
            Self::Official(OfficialRef::Newest) => f.write_str("official"),
            Self::Official(official) => write!(f, "official@{official}"),
        }
    }
}

impl fmt::Display for OfficialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("newest"),
            Self::Minor(major, minor) => write!(f, "{major}.{minor}"),
            Self::Exact(version) => version.fmt(f),
        }
    }
}

impl Serialize for KestraRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KestraRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::named(&text).map_err(|why| de::Error::custom(format!("{text:?} names no Kestra: {why}")))
    }
}

/// In a schema it is any text.
impl JsonSchema for KestraRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
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
    fn a_minor_of_an_engine_is_its_newest_patch() {
        let read = |text: &str| text.parse::<KestraRef>().map(|kestra| kestra.to_string());
        assert_eq!(read("engine@1.2"), Ok("engine@1.2.14".into()));
        assert_eq!(read("engine@0.20.7"), Ok("engine@0.20.7".into()));
        assert_eq!(
            read("engine@3.0").unwrap_err(),
            "there is no engine 3.0; there are 0.20 to 2.0"
        );
        assert_eq!(
            read("engine@0.19.0").unwrap_err(),
            "there is no engine 0.19.0; there are 0.20 to 2.0"
        );
        assert!(read("engine@new").unwrap_err().contains("write engine@1.3"));
    }

    #[test]
    fn a_report_may_name_an_engine_that_this_program_does_not_have() {
        let read: KestraRef = serde_json::from_str("\"engine@9.9.9\"").unwrap();
        assert_eq!(read, KestraRef::Engine(Version::new(9, 9, 9)));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"engine@9.9.9\"");
        let refused = serde_json::from_str::<KestraRef>("\"engine\"").unwrap_err().to_string();
        assert!(
            refused.starts_with("\"engine\" names no Kestra: write official"),
            "{refused}"
        );
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let read = |text| serde_json::from_value::<KestraRef>(serde_json::json!(text)).unwrap();
        assert!(read("engine@2.0.0") < read("engine@10.0.0"));
    }
}
