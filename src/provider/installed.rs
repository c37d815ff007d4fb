//! A Kestra that was installed: asked, changed and removed.

use std::time::Duration;

use super::{KestraPod, Pods, RunContext, docker, embedded, live};
use crate::error::InfraError;
use crate::kestra::Client;
use crate::plan::Action;
use crate::report::ServedBy;
use crate::verdict::Outcome;

/// A Kestra that was installed, or the reason it never will be.
pub enum Installed {
    /// A child process.
    Embedded(Box<embedded::EmbeddedKestra>),
    /// A container.
    Docker(Box<docker::DockerKestra>),
    /// A release on a cluster.
    Live(Box<live::InstalledRelease>),
    /// What was given keeps it from running, or it was only asked whether it installs.
    WontStart(Outcome),
}

impl Installed {
    /// The server, or the outcome that there is none.
    pub fn client(&self) -> Result<&Client, &Outcome> {
        match self {
            Self::Embedded(running) => Ok(running.client()),
            Self::Docker(running) => Ok(running.client()),
            Self::Live(release) => release.client(),
            Self::WontStart(outcome) => Err(outcome),
        }
    }

    /// Who serves Kestra's REST API, by the answer to the first question.
    pub fn served_by(&self) -> ServedBy {
        self.client().ok().map(Client::server).into()
    }

    /// How long Kestra itself took to boot, told once for each start.
    pub fn boot(&mut self) -> Option<Duration> {
        match self {
            Self::Embedded(running) => running.boot(),
            Self::Docker(running) => running.boot(),
            Self::Live(release) => release.boot(),
            Self::WontStart(_) => None,
        }
    }

    /// Whether the server's log holds a text.
    ///
    /// # Errors
    /// [`InfraError`] when the log cannot be read: then nothing can be said of what it holds.
    pub async fn logged(&self, text: &str) -> Result<bool, InfraError> {
        Ok(!self.lines(text).await?.is_empty())
    }

    /// The lines of the server's log that hold a text; of a long log the last ones.
    ///
    /// # Errors
    /// [`InfraError`] when the log cannot be read.
    pub async fn lines(&self, text: &str) -> Result<Vec<String>, InfraError> {
        match self {
            Self::Embedded(running) => Ok(running.lines(text)),
            Self::Docker(running) => Ok(running.lines(text)),
            Self::Live(release) => release.lines(text).await,
            Self::WontStart(_) => Ok(Vec::new()),
        }
    }

    /// That it is what was installed or changed last: what a pod says that came in its place proves nothing of it.
    ///
    /// # Errors
    /// [`InfraError`] when it is not.
    pub async fn unchanged(&self) -> Result<(), InfraError> {
        match self {
            Self::Live(release) => release.unchanged().await,
            // Neither a process nor a container comes back by itself.
            Self::Embedded(_) | Self::Docker(_) | Self::WontStart(_) => Ok(()),
        }
    }

    /// The pods as they run now, for predictions; none where they never ran.
    pub fn pods(&self) -> Option<&Pods> {
        match self {
            Self::Embedded(running) => Some(running.pods()),
            Self::Docker(running) => Some(running.pods()),
            Self::Live(release) => release.forecast().pods(),
            Self::WontStart(_) => None,
        }
    }

    /// The one among them that runs tasks.
    pub fn pod(&self) -> Option<&KestraPod> {
        self.pods().map(Pods::of_tasks)
    }

    /// The outcome that was predicted where no pod was to start.
    pub fn predicted_outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Embedded(_) | Self::Docker(_) => None,
            Self::Live(release) => release.predicted_outcome(),
            Self::WontStart(outcome) => Some(outcome),
        }
    }

    /// Keeps what tells why a case went wrong, and says where below the report's folder.
    pub async fn evidence(&self, site: &RunContext) -> Option<String> {
        match self {
            Self::Live(release) => release.evidence(site).await,
            Self::Docker(running) => running.evidence(site).await,
            Self::Embedded(running) => running.evidence(site).await,
            Self::WontStart(_) => None,
        }
    }

    /// Leaves it to somebody who wants to look at it where that is asked for, else ends it; `wrong` says that
    /// a case of it was not as expected.
    ///
    /// # Errors
    /// [`InfraError`] when something is left that should not be.
    pub async fn teardown(self, site: &RunContext, wrong: bool) -> Result<(), InfraError> {
        // Whoever interrupts wants it gone.
        let keep = site.keeping.wants(wrong) && !site.cancel.is_cancelled();
        match self {
            Self::Live(release) if keep => release.keep(site).await,
            Self::Docker(running) if keep => running.keep(site).await,
            ended => ended.remove().await,
        }
    }

    /// Does something to the release. A refusal is an outcome.
    ///
    /// # Errors
    /// [`InfraError`] when the change fails for reasons that are not its own.
    pub async fn change(self, site: &RunContext, action: &Action) -> Result<Self, InfraError> {
        match self {
            Self::Embedded(running) => running.change(site, action).await,
            Self::Docker(running) => running.change(site, action).await,
            Self::Live(release) => release.change(site, action).await,
            Self::WontStart(outcome) => Ok(Self::WontStart(outcome)),
        }
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// [`InfraError`] when something is left.
    pub async fn remove(self) -> Result<(), InfraError> {
        match self {
            Self::Embedded(running) => running.stop().await,
            Self::Docker(running) => running.stop().await,
            Self::Live(release) => release.remove().await,
            Self::WontStart(_) => Ok(()),
        }
    }
}
