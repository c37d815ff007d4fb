//! What a run is asked to be.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::ProviderFlag;
use crate::kestra::{CURRENT_ENGINES, KestraRef};
use crate::plan::ProviderKind;
use crate::provider::{Keep, live};
use crate::tools::helm::ChartRef;

/// Where Kestra is to run.
#[derive(Debug, Clone)]
pub enum ProviderSpec {
    /// As a child process.
    Embedded,
    /// As a container of the image alone.
    Docker,
    /// On a cluster.
    Live {
        /// Which.
        place: live::ClusterSpec,
        /// The local port that leads to Kestra; none for a free one each.
        local_port: Option<u16>,
    },
}

impl ProviderSpec {
    /// Whether opening it makes a cluster, which takes its time.
    pub fn makes_a_cluster(&self) -> bool {
        matches!(self, Self::Live { place: live::ClusterSpec::Kind(kind), .. } if kind.reuse.is_none())
    }

    /// Of which kind it is.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Embedded => ProviderKind::Embedded,
            Self::Docker => ProviderKind::Docker,
            Self::Live { place, .. } => place.kind(),
        }
    }
}

impl fmt::Display for ProviderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live {
                place: live::ClusterSpec::Context { context, .. },
                ..
            } => write!(f, "{} {context}", self.kind()),
            _ => self.kind().fmt(f),
        }
    }
}

/// Where Kestra is to run, as far as the user said.
#[derive(Debug, Clone)]
pub enum ProviderChoice {
    /// There.
    Named(ProviderSpec),
    /// Where the most can be proved without taking anything that was not named.
    Auto,
}

/// What a run is asked to be.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Where Kestra runs.
    pub place: ProviderChoice,
    /// Where the chart comes from; none where that is left open.
    pub chart: Option<ChartRef>,
    /// The Kestras; none where that is left open.
    pub kestra: Vec<KestraRef>,
    /// The executable of helm; none where one is to be found.
    pub helm: Option<PathBuf>,
    /// The images of the Kestras on a cluster; none for the usual ones.
    pub images: Vec<live::ImageFor>,
    /// What a cluster pulls the images with; none where it needs nothing.
    pub pull_secret: Option<live::PullSecret>,
    /// The most installations at a time.
    pub parallel: Option<usize>,
    /// Every case gets an installation of its own.
    pub isolate: bool,
    /// The report's folder, for evidence.
    pub report: Option<PathBuf>,
    /// Add what a release needs to run small.
    pub defaults: bool,
    /// Which installations stay when the run ends.
    pub keep: Keep,
    /// How long a Kestra may take to become healthy.
    pub boot: Duration,
    /// What cannot be run is an error, where it would be skipped.
    pub no_skip: bool,
}

impl SessionOptions {
    /// An image has a version, which must be told: what is expected depends on it.
    ///
    /// # Errors
    /// Bad input: a file where images run.
    pub fn image_is_clear(&self) -> miette::Result<()> {
        let exec = self.kestra.iter().find(|k| matches!(k, KestraRef::Exec(_)));
        match exec {
            Some(exec) => match &self.place {
                ProviderChoice::Auto | ProviderChoice::Named(ProviderSpec::Embedded) => Ok(()),
                ProviderChoice::Named(place) => miette::bail!(
                    help = "use --provider embedded, or name the version and the image: --kestra official@VERSION --image REPO:TAG",
                    "--kestra {exec} is a file: --provider {} runs images",
                    place.kind()
                ),
            },
            None => Ok(()),
        }
    }

    /// A flag that a provider does not take, among those that do not choose one.
    pub fn flag_beyond(&self, provider: ProviderKind) -> Option<&'static ProviderFlag> {
        let given = ProviderFlag::given(|flag| match flag {
            "image" => !self.images.is_empty(),
            "pull-secret" => self.pull_secret.is_some(),
            "keep" => self.keep != Keep::Never,
            _ => false,
        });
        given.into_iter().find(|flag| !flag.takers.contains(&provider))
    }

    /// The chart that runs where nothing better was chosen: the one that is named, else our own.
    pub fn chart(&self) -> ChartRef {
        self.chart.clone().unwrap_or_default()
    }

    /// The Kestras that run where nothing better was chosen: those that are named, else the newest two engines.
    pub fn kestras(&self) -> Vec<KestraRef> {
        if self.kestra.is_empty() {
            CURRENT_ENGINES.map(KestraRef::Engine).to_vec()
        } else {
            self.kestra.clone()
        }
    }
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            place: ProviderChoice::Named(ProviderSpec::Embedded),
            chart: None,
            kestra: Vec::new(),
            helm: None,
            images: Vec::new(),
            pull_secret: None,
            parallel: None,
            isolate: false,
            report: None,
            defaults: true,
            keep: Keep::Never,
            boot: Duration::from_secs(180),
            no_skip: false,
        }
    }
}
