//! Where a chart comes from, and which generation of value keys it honours.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use include_dir::{Dir, include_dir};
use miette::Diagnostic;
use semver::Version;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::{Added, DEADLINE, GitChart, Helm};
use crate::error::InfraCause;
use crate::oracle::secret::Plaintext;
use crate::plan::ChartMode;
use crate::scenario::Generation;
use crate::system::process::ProcessError;
use crate::system::yaml;
use crate::tools::toolbox::without_credentials;

/// Our own small chart, carried by the binary.
pub static BUNDLED_CHART: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/charts/kestra-minimal");

/// The publisher's chart repository; `KESTRA_SECRETS_CHART_MIRROR` names another place.
const OFFICIAL: &str = "https://helm.kestra.io/";
/// The variable that names a mirror of it.
const MIRROR: &str = "KESTRA_SECRETS_CHART_MIRROR";

/// Variables that show which keys a chart reads.
const KEY_OF_0: &str = "KESTRA_SECRETS_KEY_OF_0";
const KEY_OF_1: &str = "KESTRA_SECRETS_KEY_OF_1";

/// The chart repository that `official` means.
pub fn chart_repository() -> String {
    mirror().unwrap_or_else(|| OFFICIAL.to_owned())
}

/// The mirror that is named in its place.
fn mirror() -> Option<String> {
    std::env::var(MIRROR).ok().filter(|url| !url.is_empty())
}

/// A chart as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartRef {
    /// `bundled`, `bundled@0.x`, `bundled@1.x` or `bundled@both`: our own small chart.
    Bundled(Bundled),
    /// `official` or `official@VERSION`: from the publisher's chart repository; without a version the newest that is
    /// pinned.
    Official(Option<Version>),
    /// `oci://…`, with a version after `@`.
    Oci(String, Option<Version>),
    /// `https://…`: an archive on a server, as the index of a repository names it.
    Url(String),
    /// `git:REPOSITORY//FOLDER@TAG`: from a repository on this machine.
    Git(GitChart),
    /// A folder or an archive.
    Path(PathBuf),
}

/// The generations that our own small chart plays in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bundled {
    /// The one that each scenario is written for; intents are written for 1.x.
    #[default]
    AsWritten,
    /// This one.
    Only(Generation),
    /// Each of them, one after the other: 1.x, which is what is deployed with Kestra 1 and 2, first.
    Both,
}

impl Default for ChartRef {
    fn default() -> Self {
        Self::Bundled(Bundled::default())
    }
}

impl FromStr for ChartRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = text.rsplit_once('@').map_or((text, None), |(n, v)| (n, Some(v)));
        let release = || {
            version
                .map(|v| Version::parse(v).map_err(|e| format!("{v:?} is no version: {e}")))
                .transpose()
        };
        Ok(match name {
            "bundled" => Self::Bundled(match version {
                None => Bundled::AsWritten,
                Some("0.x") => Bundled::Only(Generation::V0),
                Some("1.x") => Bundled::Only(Generation::V1),
                Some("both") => Bundled::Both,
                Some(other) => return Err(format!("{other:?}: the bundled chart plays 0.x, 1.x or both")),
            }),
            "official" => Self::Official(release()?),
            oci if oci.starts_with("oci://") => Self::Oci(oci.into(), release()?),
            git if GitChart::is_named_by(git) => Self::Git(GitChart::parse(git, version)?),
            _ if text.starts_with("https://") || text.starts_with("http://") => Self::Url(text.into()),
            _ => Self::Path(text.into()),
        })
    }
}

impl fmt::Display for ChartRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled(Bundled::AsWritten) => f.write_str("bundled"),
            Self::Bundled(Bundled::Only(generation)) => write!(f, "bundled@{generation}"),
            Self::Bundled(Bundled::Both) => f.write_str("bundled@both"),
            Self::Official(None) => f.write_str("official"),
            Self::Official(Some(v)) => write!(f, "official@{v}"),
            Self::Oci(url, None) => f.write_str(url),
            Self::Oci(url, Some(v)) => write!(f, "{url}@{v}"),
            Self::Url(url) => f.write_str(&without_credentials(url)),
            Self::Git(chart) => chart.fmt(f),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A chart that is on this machine.
#[derive(Debug, Clone)]
pub struct Chart {
    /// As the user named it.
    pub asked: ChartRef,
    /// The folder or archive.
    pub path: PathBuf,
    /// The chart's name.
    pub name: String,
    /// The chart's version.
    pub version: Version,
    /// The mirror that it came from, without credentials; none where it came from where its name says.
    pub mirror: Option<String>,
    /// Whether subcharts that it names are missing and were left out.
    pub without_subcharts: bool,
    /// The generation whose keys it honours; none when the values choose.
    pub generation: Option<Generation>,
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}", self.name, self.version, self.asked)?;
        if self.without_subcharts {
            f.write_str(", without its subcharts")?;
        }
        match &self.mirror {
            Some(mirror) => write!(f, ", from the mirror {mirror})"),
            None => f.write_str(")"),
        }
    }
}

impl Chart {
    /// What it plays, for each generation that is to be run.
    pub fn plays(&self) -> Vec<ChartMode> {
        if let Some(generation) = self.generation {
            return vec![ChartMode::Only(generation)];
        }
        match self.asked {
            ChartRef::Bundled(Bundled::Only(generation)) => vec![ChartMode::Only(generation)],
            ChartRef::Bundled(Bundled::Both) => vec![ChartMode::Own(Generation::V1), ChartMode::Own(Generation::V0)],
            _ => vec![ChartMode::AsWritten],
        }
    }

    /// The defaults with what tells our own chart which generation to play; other charts need no telling.
    pub fn with_generation(&self, defaults: Option<Value>, generation: Generation) -> Option<Value> {
        if self.generation.is_some() {
            return defaults;
        }
        let mut values = defaults.unwrap_or_else(|| json!({}));
        values["generation"] = generation.to_string().into();
        Some(values)
    }
}

/// Why a chart cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum ChartError {
    /// Helm could not read it.
    #[error("failed to read chart {chart}: {why}")]
    #[diagnostic(help("a chart is a folder with Chart.yaml, or an archive made by `helm package`"))]
    Unreadable {
        /// As the user named it.
        chart: String,
        /// Helm's words.
        why: String,
    },
    /// It could not be fetched from its repository.
    #[error("failed to fetch chart {chart}: {source}")]
    #[diagnostic(help(
        "no repository may be reachable from here: name a mirror of the publisher's by KESTRA_SECRETS_CHART_MIRROR, a proxy by HTTPS_PROXY, a CA bundle by SSL_CERT_FILE; `--chart PATH` takes a copy, and `--chart bundled` needs none"
    ))]
    Fetch {
        /// As the user named it.
        chart: String,
        /// Helm's words.
        source: ProcessError,
    },
    /// Git could not read it.
    #[error("failed to read chart {chart}: {source}")]
    #[diagnostic(help(
        "git must be on PATH, and the repository a clone on this machine that has the folder at that revision"
    ))]
    Git {
        /// As the user named it.
        chart: String,
        /// Git's words.
        source: ProcessError,
    },
    /// It could not be laid on this machine's disk.
    #[error("failed to unpack chart {chart}: {source}")]
    Unpack {
        /// As the user named it.
        chart: String,
        /// The system's words.
        source: std::io::Error,
    },
}

impl InfraCause for ChartError {
    fn advice(&self) -> Option<String> {
        self.help().map(|help| help.to_string())
    }
}

/// What a chart says of itself.
pub(super) struct ChartYaml {
    pub name: String,
    pub version: Version,
}

pub(super) fn read_chart_yaml(text: &str) -> Result<ChartYaml, String> {
    #[derive(Deserialize)]
    struct WrittenChart {
        name: String,
        version: String,
    }
    let WrittenChart { name, version } = yaml::from_str(text).map_err(|e| e.to_string())?;
    let version = Version::parse(version.trim_start_matches('v')).map_err(|e| e.to_string())?;
    Ok(ChartYaml { name, version })
}

impl Helm {
    /// Brings a chart onto this machine, and reads what it is.
    ///
    /// # Errors
    /// [`ChartError`] when it cannot be fetched, unpacked or read.
    pub async fn chart(&self, asked: &ChartRef) -> Result<Chart, ChartError> {
        let mut without_subcharts = false;
        let path = match asked {
            ChartRef::Path(path) => path.clone(),
            ChartRef::Git(chart) => {
                let (path, left_out) = self.check_out(chart).await?;
                without_subcharts = left_out;
                path
            }
            ChartRef::Url(url) => self.pull(asked, &[url], None).await?,
            ChartRef::Bundled(_) => {
                let path = self.folder.join("kestra-minimal");
                let unpack = |source| ChartError::Unpack {
                    chart: asked.to_string(),
                    source,
                };
                fs_err::create_dir_all(&path)
                    .and_then(|()| BUNDLED_CHART.extract(&path))
                    .map_err(unpack)?;
                path
            }
            ChartRef::Official(version) => {
                self.pull(asked, &["kestra", "--repo", &chart_repository()], version.as_ref())
                    .await?
            }
            ChartRef::Oci(url, version) => self.pull(asked, &[url], version.as_ref()).await?,
        };
        let unreadable = |why: String| ChartError::Unreadable {
            chart: asked.to_string(),
            why,
        };
        let shown = self
            .command()
            .args(["show", "chart"])
            .arg(&path)
            .run(DEADLINE, &self.cancel)
            .await
            .map_err(|e| unreadable(e.to_string()))?;
        let text = String::from_utf8_lossy(&shown.stdout);
        let ChartYaml { name, version } = read_chart_yaml(&text).map_err(unreadable)?;
        // Ours plays whichever generation its value `generation` names.
        let generation = (name != "kestra-minimal").then(|| Generation::of_chart(&version));
        Ok(Chart {
            asked: asked.clone(),
            path,
            name,
            version,
            without_subcharts,
            mirror: match asked {
                ChartRef::Official(_) => mirror().map(|url| without_credentials(&url)),
                _ => None,
            },
            generation,
        })
    }

    /// The chart by what it renders, where its version says something else.
    pub async fn recognised(&self, chart: Chart) -> Chart {
        // Ours plays what it is told to.
        if chart.generation.is_none() {
            return chart;
        }
        let rendered = self.rendered_generation(&chart).await;
        Chart {
            generation: rendered.or(chart.generation),
            ..chart
        }
    }

    /// The generation whose keys give a container its environment, by a rendering that holds those of both; none where
    /// neither comes out. Nothing that is rendered tells 2.x from 1.x.
    async fn rendered_generation(&self, chart: &Chart) -> Option<Generation> {
        let variable = |name: &str| json!([{"name": name, "value": "x"}]);
        let values = json!({
            "extraEnv": variable(KEY_OF_0),
            "common": {"extraEnv": variable(KEY_OF_1)},
            "configurations": {"application": {"kestra": {}}},
        });
        let values = Plaintext::new(values.to_string(), true);
        let rendered = self
            .manifests(chart, "kestra", "default", &Added::default(), &values)
            .await;
        let text = Value::from(rendered.ok()?).to_string();
        match (text.contains(KEY_OF_1), text.contains(KEY_OF_0)) {
            (true, _) => Some(Generation::of_chart(&chart.version).max(Generation::V1)),
            (false, true) => Some(Generation::V0),
            (false, false) => None,
        }
    }

    async fn pull(&self, asked: &ChartRef, what: &[&str], version: Option<&Version>) -> Result<PathBuf, ChartError> {
        let into = self.folder.join("pulled");
        let mut command = self
            .command()
            .arg("pull")
            .args(what)
            .args(["--untar", "--untardir"])
            .arg(&into);
        if let Some(version) = version {
            command = command.args(["--version", &version.to_string()]);
        }
        command
            .run(DEADLINE, &self.cancel)
            .await
            .map_err(|source| ChartError::Fetch {
                chart: asked.to_string(),
                source,
            })?;
        let unpacked = fs_err::read_dir(&into)
            .map_err(|source| ChartError::Unpack {
                chart: asked.to_string(),
                source,
            })?
            .flatten()
            .map(|e| e.path())
            .find(|p| p.is_dir());
        unpacked.ok_or_else(|| ChartError::Unreadable {
            chart: asked.to_string(),
            why: "helm pulled nothing".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_named_as_helm_names_it() {
        for text in [
            "bundled",
            "bundled@0.x",
            "bundled@both",
            "official",
            "official@1.0.54",
            "oci://charts.example/kestra@1.2.3",
            "https://charts.example/kestra-1.2.3.tgz",
        ] {
            assert_eq!(text.parse::<ChartRef>().unwrap().to_string(), text);
        }
        assert_eq!("./charts/kestra".parse(), Ok(ChartRef::Path("./charts/kestra".into())));
        assert!("official@latest".parse::<ChartRef>().is_err());
        assert!("bundled@2.x".parse::<ChartRef>().is_err());
    }
}
