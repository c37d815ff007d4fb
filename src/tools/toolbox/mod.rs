//! Finds or provides helm, kind and Java.
//!
//! helm and kind are looked for where the user said (`KESTRA_SECRETS_HELM`, `KESTRA_SECRETS_KIND`),
//! then on `PATH`, then in our cache; else the publisher's release is downloaded, and must have
//! the checksum that [`pins`] holds; else `go install` builds it, whose own checksum database
//! vouches for the sources. [`FoundTool`] says which it was. Java and Maven are only looked for.

mod error;
mod fetch;
mod java;
mod kestra;
pub mod pins;
mod place;
pub mod registry;
#[cfg(test)]
mod tests;
mod tool;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use etcetera::BaseStrategy as _;
use regex::Regex;
use semver::{Version, VersionReq};
use tokio_util::sync::CancellationToken;

pub use error::ToolboxError;
pub use fetch::{Fetch, FetchError, Http, without_credentials};
pub use java::{Java, JavaFor, Maven};
pub use pins::Pins;
pub use registry::{Registry, RegistryError};
pub use tool::Tool;

use crate::system::process::{Command, Deadline, ProcessError};
use crate::system::terminal;

const VERSION: Deadline = Deadline::seconds("a tool to tell its version", 30);
const BUILD: Deadline = Deadline::seconds("`go install`", 1800);

/// A tool that is there and whose version will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTool {
    /// Its executable.
    pub path: PathBuf,
    /// What it says its version is.
    pub version: Version,
    /// How it came to be there.
    pub how: How,
    /// What was tried before and would not do, and why.
    pub passed_over: Vec<String>,
}

/// How a tool came to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// An environment variable named it.
    Named(&'static str),
    /// It is on `PATH`.
    OnPath,
    /// It is where such things are installed.
    Installed,
    /// We provided it before.
    Cached,
    /// It was downloaded from this URL now, and its checksum is the pinned one.
    Downloaded(String),
    /// `go install` built it now.
    Built,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(variable) => write!(f, "named by {variable}"),
            Self::OnPath => f.write_str("on PATH"),
            Self::Installed => f.write_str("installed"),
            Self::Cached => f.write_str("in the cache"),
            Self::Downloaded(url) => write!(f, "downloaded from {url}, checksum as pinned"),
            Self::Built => f.write_str("built by go install"),
        }
    }
}

/// Where tools are looked for, and what they are provided by.
#[derive(Clone)]
pub struct Toolbox {
    vars: HashMap<String, OsString>,
    /// Where the tools that we provide are.
    cache: PathBuf,
    pins: Pins,
    /// The SHA-256 of the release of each tool for this platform.
    sums: HashMap<Tool, String>,
    /// Directories of which each Java has one of its own.
    java_roots: Vec<PathBuf>,
    fetch: Arc<dyn Fetch>,
    /// How long a tool may take to tell its version.
    version: Deadline,
    cancel: CancellationToken,
}

/// A candidate that will not do, and why; or the end of the search.
enum Miss {
    No(String),
    Stop(ToolboxError),
}

impl Toolbox {
    /// The toolbox of this process' environment; its downloads and child processes end when the
    /// token is cancelled.
    ///
    /// # Errors
    /// The user has no home directory.
    pub fn from_env(cancel: CancellationToken) -> Result<Self, ToolboxError> {
        let dirs = etcetera::choose_base_strategy()?;
        let vars = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let pins = Pins::of(&vars)?;
        Ok(Self {
            vars,
            cache: dirs.cache_dir().join("kestra-secrets"),
            sums: pins.sums(&pins::platform()),
            pins,
            java_roots: java::roots(dirs.home_dir()),
            fetch: Arc::new(Http),
            version: VERSION,
            cancel,
        })
    }

    /// Which versions are provided.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The Go module that a tool is built from.
    pub fn go_module(&self, tool: Tool) -> String {
        tool.go_module(self.pins.provided(tool))
    }

    /// The registry of Kestra's image, or the mirror of it that is named.
    ///
    /// # Errors
    /// What is named is no URL, or TLS cannot be had.
    pub fn registry(&self) -> Result<Registry, RegistryError> {
        Registry::of(
            self.vars
                .get(registry::MIRROR)
                .map(|url| url.to_string_lossy())
                .as_deref(),
        )
    }

    /// The user's cache directory, as far as it is ours.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Downloads by other means.
    pub fn with_fetch(mut self, fetch: Arc<dyn Fetch>) -> Self {
        self.fetch = fetch;
        self
    }

    /// Finds the tool, or provides it.
    ///
    /// # Errors
    /// [`ToolboxError`].
    pub async fn find(&self, tool: Tool) -> Result<FoundTool, ToolboxError> {
        self.search(
            tool,
            &[ToolStep::OnPath, ToolStep::Cached, ToolStep::Download, ToolStep::Build],
        )
        .await
    }

    /// Finds the tool where it is; provides nothing.
    ///
    /// # Errors
    /// [`ToolboxError`].
    pub async fn here(&self, tool: Tool) -> Result<FoundTool, ToolboxError> {
        self.search(tool, &[ToolStep::OnPath, ToolStep::Cached]).await
    }

    async fn search(&self, tool: Tool, steps: &[ToolStep]) -> Result<FoundTool, ToolboxError> {
        if let Some(path) = self.vars.get(tool.variable()) {
            let named = |why| ToolboxError::Named {
                tool: tool.name(),
                variable: tool.variable(),
                why,
            };
            return match self.check(tool, Path::new(path)).await {
                Ok(version) => Ok(FoundTool {
                    path: path.into(),
                    version,
                    how: How::Named(tool.variable()),
                    passed_over: Vec::new(),
                }),
                Err(Miss::No(why)) => Err(named(why)),
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
    fn cached(&self, tool: Tool) -> PathBuf {
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

    async fn version(&self, name: &'static str, path: &Path, asked: Command, accepted: &str) -> Result<Version, Miss> {
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

    /// Where the tool's release is downloaded from; none where none is pinned for this platform.
    pub fn download_url(&self, tool: Tool) -> Option<String> {
        self.sums.get(&tool)?;
        let (publisher, file) = tool.release(self.pins.provided(tool), &pins::platform());
        let mirror = self.vars.get(tool.mirror_variable()).map(|url| url.to_string_lossy());
        let base = mirror.as_deref().unwrap_or(publisher).trim_end_matches('/');
        Some(format!("{base}/{file}"))
    }

    /// Whether there is something at a URL; fetches nothing.
    ///
    /// # Errors
    /// [`FetchError`], after a few seconds at the latest.
    pub async fn offers(&self, url: &str) -> Result<(), FetchError> {
        self.fetch.head(url).await
    }

    /// What is at a URL, which is short; it comes within a few seconds or not at all.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn page(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.fetch.page(url).await
    }

    /// Whether Go is on `PATH`, which builds tools that cannot be downloaded.
    pub fn has_go(&self) -> bool {
        self.on_path("go").is_some()
    }

    async fn download(&self, tool: Tool, to: &Path) -> Result<How, Miss> {
        let platform = pins::platform();
        let (Some(sum), Some(url)) = (self.sums.get(&tool).cloned(), self.download_url(tool)) else {
            return Err(Miss::No(format!("no release for {platform} is pinned")));
        };

        terminal::tell(&format!("  …    {}: download {url}", tool.name()));
        let bytes = tokio::select! {
            bytes = self.fetch.get(&url) => bytes.map_err(|e| Miss::No(format!("failed to {e}")))?,
            () = self.cancel.cancelled() => return Err(cancelled(tool.name())),
        };
        let to = to.to_owned();
        let member = (tool == Tool::Helm).then(|| format!("{platform}/helm"));
        let placing = {
            let url = url.clone();
            move || place::release(&url, &bytes, sum, member.as_deref(), &to)
        };
        match tokio::task::spawn_blocking(placing).await {
            Ok(placed) => placed.map_err(Miss::from).map(|()| How::Downloaded(url)),
            Err(join) => Err(Miss::No(format!("unpacking {url} broke off: {join}"))),
        }
    }

    async fn build(&self, tool: Tool, to: &Path) -> Result<How, Miss> {
        let Some(go) = self.on_path("go") else {
            return Err(Miss::No("Go, to build it with, is not on PATH".into()));
        };
        let failed = |e: std::io::Error| Miss::No(format!("failed to write {}: {e}", to.display()));
        let dir = place::temp_dir(to).map_err(failed)?;
        terminal::tell(&format!(
            "  …    {0}: build {0} {1} by go install",
            tool.name(),
            self.pins.provided(tool)
        ));
        Command::new(go)
            .args(["install", "-trimpath"])
            .args(tool.go_install(self.pins.provided(tool)))
            .env("GOBIN", dir.path())
            .env("CGO_ENABLED", "0")
            .run(BUILD, &self.cancel)
            .await
            .map_err(|error| miss(tool.name(), &error))?;
        place::move_to(&dir.path().join(tool.name()), to).map_err(failed)?;
        Ok(How::Built)
    }

    /// The executable of that name that a shell would find.
    fn on_path(&self, name: &str) -> Option<PathBuf> {
        let path = self.vars.get("PATH")?;
        std::env::split_paths(path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(name))
            .find(|file| is_executable(file))
    }
}

#[derive(Clone, Copy)]
enum ToolStep {
    OnPath,
    Cached,
    Download,
    Build,
}

impl From<place::PlaceError> for Miss {
    fn from(error: place::PlaceError) -> Self {
        match error {
            // Nothing else may be tried: an attack must not pass for a network problem.
            place::PlaceError::Checksum { url, expected, actual } => {
                Self::Stop(ToolboxError::Checksum { url, expected, actual })
            }
            error => Self::No(format!("failed to {error}")),
        }
    }
}

fn miss(name: &'static str, error: &ProcessError) -> Miss {
    match error {
        ProcessError::Cancelled { .. } => cancelled(name),
        error => Miss::No(format!("failed to {error}")),
    }
}

fn cancelled(name: &'static str) -> Miss {
    Miss::Stop(ToolboxError::Cancelled(name))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The first thing in a text that looks like a version; a patch that is left out is 0.
fn parse_version(text: &str) -> Option<Version> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?").ok());
    let found = PATTERN.as_ref()?.captures(text)?;
    let number = |group| found.get(group).map_or(Some(0), |digits| digits.as_str().parse().ok());
    Some(Version::new(number(1)?, number(2)?, number(3)?))
}
