//! The charts among which `bisect` searches: a folder of them, the index of a repository, or the tags of a git
//! repository.

use std::path::{Path, PathBuf};

use semver::Version;

use crate::cli::console::Console;
use crate::cli::sessions::{EarlyExit, Sessions};
use crate::cli::target::TargetArgs;
use crate::error::{InfraError, InputError};
use crate::run::session::Session;
use crate::system::bounded;
use crate::tools::helm::{ChartRef, GitChart, charts_of_index};

/// Each chart by its version, the oldest first.
pub async fn charts(from: &str, target: &TargetArgs) -> Result<Vec<(Version, ChartRef)>, EarlyExit> {
    let mut charts = if GitChart::is_named_by(from) {
        let chart = GitChart::parse(from, None).map_err(|why| InputError::whole("--charts", why, None))?;
        asking(target, async |session| {
            let tagged = session.tagged_charts(&chart).await?;
            Ok(tagged
                .into_iter()
                .map(|(version, chart)| (version, ChartRef::Git(chart)))
                .collect())
        })
        .await?
    } else if Path::new(from).is_dir() {
        let paths = in_folder(Path::new(from))?;
        asking(target, async |session| {
            let mut charts = Vec::new();
            for path in paths {
                let chart = ChartRef::Path(path);
                charts.push((session.chart_at(&chart).await?.version, chart));
            }
            Ok(charts)
        })
        .await?
    } else {
        of_index(Path::new(from))?
    };
    charts.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(charts)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let entries = fs_err::read_dir(folder).map_err(|e| InputError::whole("--charts", e.to_string(), None))?;
    let is_chart = |path: &PathBuf| path.extension().is_some_and(|e| e == "tgz") || path.join("Chart.yaml").is_file();
    Ok(entries.flatten().map(|entry| entry.path()).filter(is_chart).collect())
}

fn of_index(file: &Path) -> Result<Vec<(Version, ChartRef)>, InputError> {
    let help = "name a folder of charts, a repository's index.yaml, or git:REPOSITORY//FOLDER for the tags of a clone";
    let wrong = |why: String| InputError::whole("--charts", why, Some(help.into()));
    let bytes = bounded::file(file, bounded::DOCUMENT).map_err(|e| wrong(e.to_string()))?;
    let charts = charts_of_index(&bytes).map_err(|why| wrong(format!("{}: {why}", file.display())))?;
    let beside = file.parent().unwrap_or(Path::new("."));
    let refer = |url: &str| match url.parse() {
        Ok(ChartRef::Path(path)) => Ok(ChartRef::Path(beside.join(path))),
        other => other.map_err(|why| wrong(format!("{}: {why}", file.display()))),
    };
    charts
        .into_iter()
        .map(|(version, url)| Ok((version, refer(&url)?)))
        .collect()
}

/// Asks helm and git within a session, which brings them and cleans up after them.
async fn asking<T>(
    target: &TargetArgs,
    question: impl AsyncFnOnce(&Session) -> Result<T, InfraError>,
) -> Result<T, EarlyExit> {
    let mut target = target.clone();
    target.at.chart = Some(ChartRef::default());
    target.report = None;
    let mut sessions = Sessions::open(vec![target.options()?], Console::for_progress()).await?;
    let answer = match sessions.all().first() {
        Some(session) => question(session).await.map_err(|infra| sessions.stopped_by(infra)),
        None => Err(EarlyExit::NothingRan),
    };
    sessions.close().await;
    answer
}
