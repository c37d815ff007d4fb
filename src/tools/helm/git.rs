//! A chart in a git repository on this machine, as it was at a tag or another revision.

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use semver::Version;
use serde_json::Value;

use super::Helm;
use super::chart::{ChartError, read_chart_yaml};
use crate::system::process::{Command, Deadline};
use crate::system::yaml;

/// How a chart in a repository begins when it is named.
const SCHEME: &str = "git:";
/// A question about one repository on this machine's own disk.
const GIT: Deadline = Deadline::seconds("a call of git", 30);

/// `git:REPOSITORY//FOLDER@REVISION`; without a revision, the newest commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitChart {
    /// A work tree, or a bare repository.
    pub repository: PathBuf,
    /// The chart's folder in it.
    pub folder: String,
    /// A tag, a branch or a commit.
    pub revision: Option<String>,
}

impl GitChart {
    /// Whether a text names such a chart.
    pub fn is_named_by(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Reads what stands before the revision.
    ///
    /// # Errors
    /// A sentence on what is missing.
    pub fn parse(text: &str, revision: Option<&str>) -> Result<Self, String> {
        let written = "it is written as git:REPOSITORY//FOLDER@TAG";
        let named = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once("//"));
        let (repository, folder) = named
            .filter(|(repository, folder)| !repository.is_empty() && !folder.trim_matches('/').is_empty())
            .ok_or_else(|| format!("{text:?} names no chart in a git repository; {written}"))?;
        // Git would take it for a flag.
        if let Some(flag) = revision.filter(|revision| revision.is_empty() || revision.starts_with('-')) {
            return Err(format!("{flag:?} is no revision; {written}"));
        }
        Ok(Self {
            repository: repository.into(),
            folder: folder.trim_matches('/').to_owned(),
            revision: revision.map(str::to_owned),
        })
    }

    /// The same chart at another revision.
    pub fn at(&self, revision: &str) -> Self {
        Self {
            revision: Some(revision.to_owned()),
            ..self.clone()
        }
    }

    fn tree(&self) -> String {
        format!("{}:{}", self.revision.as_deref().unwrap_or("HEAD"), self.folder)
    }
}

impl fmt::Display for GitChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}//{}", self.repository.display(), self.folder)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

impl Helm {
    /// The tags of a repository that hold the chart, with its version at each. Of two tags with one version, the
    /// later tag counts.
    ///
    /// # Errors
    /// [`ChartError`] when git cannot read the repository.
    pub async fn tagged(&self, chart: &GitChart) -> Result<Vec<(Version, GitChart)>, ChartError> {
        let listed = self
            .git(
                chart,
                &[
                    "for-each-ref",
                    "--sort=creatordate",
                    "--format=%(refname:short)",
                    "refs/tags",
                ],
            )
            .await?;
        let mut charts: Vec<(Version, GitChart)> = Vec::new();
        for tag in String::from_utf8_lossy(&listed).lines() {
            let chart = chart.at(tag);
            // A tag from before the chart, or one of another chart in the same repository.
            let Ok(text) = self
                .git(&chart, &["show", &format!("{}/Chart.yaml", chart.tree())])
                .await
            else {
                continue;
            };
            let Ok(yaml) = read_chart_yaml(&String::from_utf8_lossy(&text)) else {
                continue;
            };
            charts.retain(|(version, _)| *version != yaml.version);
            charts.push((yaml.version, chart));
        }
        Ok(charts)
    }

    /// Writes the chart into the run's folder. Subcharts that the repository lacks are left out, because helm renders
    /// nothing while one is missing; true if there were any.
    pub(super) async fn check_out(&self, chart: &GitChart) -> Result<(PathBuf, bool), ChartError> {
        let archive = self.git(chart, &["archive", "--format=tar", &chart.tree()]).await?;
        let path = self
            .folder
            .join("git")
            .join(chart.revision.as_deref().unwrap_or("HEAD").replace('/', "-"));
        let unpack = |source| ChartError::Unpack {
            chart: chart.to_string(),
            source,
        };
        fs_err::create_dir_all(&path).map_err(unpack)?;
        // It writes nothing outside the folder, whatever the names in the archive are.
        tar::Archive::new(Cursor::new(archive)).unpack(&path).map_err(unpack)?;
        let left_out = without_missing_subcharts(&path).map_err(unpack)?;
        Ok((path, left_out))
    }

    async fn git(&self, chart: &GitChart, args: &[&str]) -> Result<Vec<u8>, ChartError> {
        let ended = Command::new("git")
            .arg("-C")
            .arg(&chart.repository)
            .args(args)
            .scrub(self.scrub.clone())
            .run(GIT, &self.cancel)
            .await
            .map_err(|source| ChartError::Git {
                chart: chart.to_string(),
                source,
            })?;
        Ok(ended.stdout)
    }
}

fn without_missing_subcharts(chart: &Path) -> std::io::Result<bool> {
    let file = chart.join("Chart.yaml");
    let text = fs_err::read_to_string(&file)?;
    let Ok(mut yaml) = yaml::from_str::<Value>(&text) else {
        // Helm says what is wrong with it.
        return Ok(false);
    };
    let Some(Value::Array(dependencies)) = yaml.get("dependencies") else {
        return Ok(false);
    };
    let vendored = fs_err::read_dir(chart.join("charts")).map_or(0, Iterator::count);
    if vendored >= dependencies.len() {
        return Ok(false);
    }
    if let Some(map) = yaml.as_object_mut() {
        map.remove("dependencies");
    }
    fs_err::write(&file, yaml.to_string())?;
    let lock = chart.join("Chart.lock");
    if lock.exists() {
        fs_err::remove_file(lock)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::tools::helm::ChartRef;

    #[test]
    fn a_chart_in_a_repository_is_named_by_folder_and_revision() {
        for text in ["git:../charts//charts/kestra@v1.0.54", "git:/srv/charts.git//kestra"] {
            assert!(
                matches!(text.parse(), Ok(ChartRef::Git(chart)) if chart.to_string() == text),
                "{text}"
            );
        }
        for wrong in [
            "git:",
            "git:repo",
            "git:repo//",
            "git://x",
            "git:repo//kestra@",
            "git:repo//kestra@--output=x",
        ] {
            assert!(wrong.parse::<ChartRef>().is_err(), "{wrong}");
        }
    }
}
