//! Why there is no tool.

use std::path::PathBuf;

use crate::error::InfraCause;

/// Why there is no tool.
#[derive(Debug, thiserror::Error)]
pub enum ToolboxError {
    /// The one that was asked for by name will not do.
    #[error("failed to use the {tool} that {variable} names: {why}")]
    Named {
        /// What it should be.
        tool: &'static str,
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// There is none, and none could be provided.
    #[error("failed to find {what}:{}\n{help}", bullets(.tried))]
    NotFound {
        /// What was looked for.
        what: String,
        /// What was tried, and why it would not do.
        tried: Vec<String>,
        /// What to install or to set.
        help: String,
    },
    /// What was downloaded is not what its publisher released.
    #[error(
        "failed to trust {url}: its SHA-256 is {actual}, not the pinned {expected}; it was not kept. If a \
         mirror is named, it serves something else; if not, somebody changed the download"
    )]
    Checksum {
        /// Where it came from.
        url: String,
        /// The pinned sum.
        expected: String,
        /// Its sum.
        actual: String,
    },
    /// The run was interrupted.
    #[error("failed to look for {0}: the run was cancelled")]
    Cancelled(&'static str),
    /// The file of pins is none.
    #[error("failed to read the pins of {path}: {why}", path = path.display())]
    Pins {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no directory for the cache.
    #[error("failed to find the user's cache directory: {0}; set HOME or XDG_CACHE_HOME")]
    NoHome(#[from] etcetera::HomeDirError),
}

fn bullets(tried: &[String]) -> String {
    tried.iter().flat_map(|line| ["\n- ", line]).collect()
}

impl InfraCause for ToolboxError {}
