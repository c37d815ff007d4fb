//! Finds or provides helm, kind and Java.
//!
//! helm and kind are looked for where the user said (`KESTRA_SECRETS_HELM`, `KESTRA_SECRETS_KIND`),
//! then on `PATH`, then in our cache; else the publisher's release is downloaded, and must have
//! the checksum that [`pins`] holds; else `go install` builds it, whose own checksum database
//! vouches for the sources. [`FoundTool`] says which it was. Java and Maven are looked for too, and
//! downloaded where there are none.

mod error;
mod fetch;
mod folders;
mod java;
mod kestra;
pub mod pins;
mod provide;
pub mod registry;
mod search;
#[cfg(test)]
mod tests;
mod tool;
mod unpack;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::BaseStrategy as _;
use semver::Version;
use tokio_util::sync::CancellationToken;

pub use error::ToolboxError;
pub use fetch::{Fetch, FetchError, Http, without_credentials};
pub use java::{Java, JavaFor};
pub use pins::Pins;
pub use registry::{Registry, RegistryError};
pub use tool::{FolderTool, Tool};

use self::search::ToolStep;
use crate::system::process::{Deadline, ProcessError};

const VERSION: Deadline = Deadline::seconds("a tool to tell its version", 30);

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
            // An empty one sets nothing.
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let pins = Pins::from_vars(&vars)?;
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

    /// Takes this executable, as if the tool's variable named it.
    pub fn set_executable(&mut self, tool: Tool, executable: &Path) {
        self.vars.insert(tool.variable().into(), executable.into());
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
        Registry::at(
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

    /// Where the tool's release is downloaded from; none where none is pinned for this platform.
    pub fn download_url(&self, tool: Tool) -> Option<String> {
        self.sums.get(&tool)?;
        let (publisher, file) = tool.release(self.pins.provided(tool), &pins::platform());
        Some(self.url(tool.mirror_variable(), publisher, &file))
    }

    /// The URL of a publisher's file, or of the same at the mirror that a variable names.
    fn url(&self, mirror: &str, publisher: &str, file: &str) -> String {
        let mirror = self.vars.get(mirror).map(|url| url.to_string_lossy());
        let base = mirror.as_deref().unwrap_or(publisher).trim_end_matches('/');
        format!("{base}/{file}")
    }

    /// What is at a URL, unless the run is cancelled meanwhile.
    async fn fetched(&self, name: &'static str, url: &str) -> Result<Vec<u8>, Miss> {
        tokio::select! {
            bytes = self.fetch.get(url) => bytes.map_err(|e| Miss::No(e.to_string())),
            () = self.cancel.cancelled() => Err(cancelled(name)),
        }
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
}

fn miss(name: &'static str, error: &ProcessError) -> Miss {
    match error {
        ProcessError::Cancelled { .. } => cancelled(name),
        error => Miss::No(error.to_string()),
    }
}

fn cancelled(name: &'static str) -> Miss {
    Miss::Stop(ToolboxError::Cancelled(name))
}
