//! Helm, called as a binary: no maintained Rust library exists for it.

mod chart;
mod git;
mod index;
mod install;
mod merge;
mod render;

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

pub use chart::{Bundled, Chart, ChartRef, chart_repository};
pub use git::GitChart;
pub use index::{chart_for, charts_of_index};
pub(crate) use install::uninstall;
pub use install::{HelmRelease, InstallError, Verb};
pub use render::{Added, RenderError, Rendered, Workload};

use crate::system::process::{Command, Deadline, Scrub};
use crate::system::redact::Redactor;
use crate::tools::toolbox::FoundTool;

/// How long one call of helm may take; a render takes some 50 ms, a pull depends on the network.
const DEADLINE: Deadline = Deadline::seconds("a call of helm", 60);

/// The helm binary and what its calls need.
#[derive(Clone)]
pub struct Helm {
    /// The binary.
    pub path: PathBuf,
    /// Its version.
    pub version: semver::Version,
    /// A folder of this run's, for charts and for what helm reads.
    pub folder: PathBuf,
    /// Keeps private plaintexts out of what helm says.
    pub scrub: Scrub,
    /// Ends a call early.
    pub cancel: CancellationToken,
}

impl Helm {
    /// The helm that was found, for calls whose files go into a folder and whose words through a redactor.
    pub fn new(found: &FoundTool, folder: &Path, redactor: &Redactor, cancel: CancellationToken) -> Self {
        Self {
            path: found.path.clone(),
            version: found.version.clone(),
            folder: folder.to_owned(),
            scrub: redactor.scrubber(),
            cancel,
        }
    }

    /// A call of helm; values never stand among its arguments.
    pub(crate) fn command(&self) -> Command {
        // What it writes beside the chart goes with the run, also when it is killed.
        let helm = Command::new(&self.path).env("TMPDIR", &self.folder);
        helm.scrub(self.scrub.clone())
    }
}
