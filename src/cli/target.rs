//! The flags of all commands that start a Kestra.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::cluster_args::ClusterArgs;
use super::matrix;
use super::provider_arg::ProviderArg;
use crate::kestra::KestraRef;
use crate::provider::Keep;
use crate::provider::live::{ImageFor, PullSecret};
use crate::run::session::{ProviderChoice, SessionOptions};
use crate::tools::helm::ChartRef;

/// Which Kestra is to run, and where.
#[derive(Args, Clone)]
pub struct Where {
    /// Choose where Kestra runs
    #[arg(long, value_enum, default_value_t)]
    pub provider: ProviderArg,
    /// Install this chart: bundled, official[@VERSION], a folder, an archive or oci://… [default: official with an
    /// official Kestra on a cluster, otherwise bundled]
    #[arg(long)]
    pub chart: Option<ChartRef>,
    /// Run these Kestras: official[@VERSION], engine@VERSION (a minor means its newest patch) or exec:PATH; repeat for
    /// several [default: official on a kind cluster if its image and chart are available, otherwise the newest two
    /// engines]
    #[arg(long, value_delimiter = ',')]
    pub kestra: Vec<KestraRef>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Where it is to run, and how.
#[derive(Args, Clone)]
pub struct TargetArgs {
    #[command(flatten)]
    pub at: Where,
    /// Write report.json, report.html, junit.xml, summary.md and evidence into this folder
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Wait at most this many seconds for a Kestra to become healthy
    #[arg(long, value_name = "SECONDS", default_value_t = 180, help_heading = "Installations")]
    pub timeout: u64,
    /// Keep installations after the run, to inspect them; `clean` removes them
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHICH",
        help_heading = "Installations"
    )]
    pub keep: Keep,
    /// Add nothing to your values, not even what a release needs to run small
    #[arg(long, help_heading = "Installations")]
    pub no_defaults: bool,
}

impl Where {
    /// A session there.
    ///
    /// # Errors
    /// Bad input: flags that contradict each other.
    pub fn options(&self) -> miette::Result<SessionOptions> {
        let options = SessionOptions {
            place: self.cluster.provider_choice(self.provider)?,
            chart: self.chart.clone(),
            kestra: self.kestra.clone(),
            pull_secret: self.cluster.pull_secret.as_deref().map(PullSecret::read).transpose()?,
            images: self.cluster.image.clone(),
            ..SessionOptions::default()
        };
        options.image_is_clear()?;
        Ok(options)
    }
}

impl TargetArgs {
    /// Whether the harness adds what a release needs to run small.
    pub fn adds_defaults(&self) -> bool {
        !self.no_defaults
    }

    /// The same with what a matrix names.
    pub fn on(&self, session: &matrix::MatrixSession, report: Option<PathBuf>) -> Self {
        let mut target = self.clone();
        target.at.provider = session.provider;
        if session.node_image.is_some() {
            target.at.cluster.node_image.clone_from(&session.node_image);
        }
        target.at.chart = Some(session.chart.clone());
        target.at.kestra = session.kestras.iter().map(|entry| entry.kestra.clone()).collect();
        for entry in &session.kestras {
            if let Some(image) = &entry.image {
                let image = ImageFor::one(entry.kestra.clone(), image.clone());
                target.at.cluster.image.push(image);
            }
        }
        target.report = report;
        target
    }

    /// What a session is asked to be.
    ///
    /// # Errors
    /// Bad input: flags that contradict each other.
    pub fn options(&self) -> miette::Result<SessionOptions> {
        if self.at.cluster.pull_secret.is_some() && self.no_defaults {
            miette::bail!("--pull-secret adds to the values, which --no-defaults forbids");
        }
        let options = SessionOptions {
            report: self.report.clone(),
            defaults: !self.no_defaults,
            keep: self.keep,
            boot: Duration::from_secs(self.timeout),
            ..self.at.options()?
        };
        if let ProviderChoice::Named(place) = &options.place
            && let Some(flag) = options.flag_beyond(place.kind())
        {
            flag.check(place.kind())?;
        }
        Ok(options)
    }
}
