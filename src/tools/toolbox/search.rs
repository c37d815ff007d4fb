//! Looks for a tool where it may be, in turn, and asks each candidate for its version.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use semver::{Version, VersionReq};

use super::{FoundTool, How, Miss, Tool, Toolbox, ToolboxError, miss, pins};
use crate::system::process::Command;

#[derive(Clone, Copy)]
pub(super) enum ToolStep {
    OnPath,
    Cached,
    Download,
    Build,
}

impl Toolbox {
    pub(super) async fn search(&self, tool: Tool, steps: &[ToolStep]) -> Result<FoundTool, ToolboxError> {
        let mut named = tool.variables().iter();
        if let Some((variable, path)) = named.find_map(|name| Some((*name, self.vars.get(*name)?))) {
            return match self.check(tool, Path::new(path)).await {
                Ok(version) => Ok(FoundTool {
                    path: path.into(),
                    version,
                    how: How::Named(variable),
                    passed_over: Vec::new(),
                }),
                Err(Miss::No(why)) => Err(ToolboxError::Named {
                    tool: tool.name(),
                    variable,
                    why,
                }),
                Err(Miss::Stop(error)) => Err(error),
            };
        }

        let mut passed_over = Vec::new();
        let cached = self.cached(tool);
        for step in steps {
            match self.take(*step, tool, &cached).await {
                Ok((path, version, how)) => {
                    tracing::info!("{} {version} {how}: {}", tool.name(), path.display());
                    return Ok(FoundTool {
                        path,
                        version,
                        how,
                        passed_over,
                    });
                }
                Err(Miss::No(why)) => {
                    tracing::debug!("{}: {why}", tool.name());
                    passed_over.push(why);
                }
                Err(Miss::Stop(error)) => return Err(error),
            }
        }
        Err(ToolboxError::NotFound {
            what: format!("{} {}", tool.name(), tool.accepted()),
            tried: passed_over,
            help: format!(
                "install {} on PATH, name one by {}, name a mirror by {}, or install Go",
                tool.name(),
                tool.variable(),
                tool.mirror_variable()
            ),
        })
    }

    async fn take(&self, step: ToolStep, tool: Tool, cached: &Path) -> Result<(PathBuf, Version, How), Miss> {
        let (path, how) = match step {
            ToolStep::OnPath => {
                let path = self.on_path(tool.name());
                (path.ok_or_else(|| Miss::No("it is not on PATH".into()))?, How::OnPath)
            }
            ToolStep::Cached if cached.is_file() => (cached.to_owned(), How::Cached),
            ToolStep::Cached => return Err(Miss::No(format!("{} is not there", cached.display()))),
            ToolStep::Download => (cached.to_owned(), self.download(tool, cached).await?),
            ToolStep::Build => (cached.to_owned(), self.build(tool, cached).await?),
        };
        let version = self.check(tool, &path).await?;
        Ok((path, version, how))
    }

    /// Where we put the tool when we provide it: by version, and by platform too, as a home
    /// directory may be shared.
    pub(super) fn cached(&self, tool: Tool) -> PathBuf {
        self.cache
            .join("tools")
            .join(format!("{}-v{}", tool.name(), self.pins.provided(tool)))
            .join(pins::platform())
            .join(tool.name())
    }

    /// Asks an executable for its version, and whether that will do.
    async fn check(&self, tool: Tool, path: &Path) -> Result<Version, Miss> {
        let command = Command::new(path).args(tool.version_args());
        self.version(tool.name(), path, command, tool.accepted()).await
    }

    pub(super) async fn version(
        &self,
        name: &'static str,
        path: &Path,
        asked: Command,
        accepted: &str,
    ) -> Result<Version, Miss> {
        let output = asked
            .run(self.version, &self.cancel)
            .await
            .map_err(|e| miss(name, &e))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let program = path.display();
        let version = parse_version(&text).ok_or_else(|| Miss::No(format!("{program} tells no version")))?;
        let will_do = VersionReq::parse(accepted).is_ok_and(|req| req.matches(&version));
        if will_do {
            Ok(version)
        } else {
            Err(Miss::No(format!("{program} is {version}, and {accepted} is needed")))
        }
    }

    /// The executable of that name that a shell would find.
    pub(super) fn on_path(&self, name: &str) -> Option<PathBuf> {
        let path = self.vars.get("PATH")?;
        std::env::split_paths(path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(name))
            .find(|file| is_executable(file))
    }
}

pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The first thing in a text that looks like a version; a patch that is left out is 0.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?").ok());
    let found = PATTERN.as_ref()?.captures(text)?;
    let number = |group| found.get(group).map_or(Some(0), |digits| digits.as_str().parse().ok());
    Some(Version::new(number(1)?, number(2)?, number(3)?))
}
