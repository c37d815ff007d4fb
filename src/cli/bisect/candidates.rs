//! The versions that a search goes through, from good to bad.

use semver::Version;

use super::{Args, Over, charts};
use crate::cli::sessions::EarlyExit;
use crate::error::InputError;
use crate::kestra::{ENGINES, KestraRef};
use crate::run::session::SessionOptions;
use crate::scenario::Generation;
use crate::tools::helm::ChartRef;

/// One version that can be run.
pub(super) struct Candidate {
    /// As it is told.
    pub(super) name: String,
    pub(super) kestra: KestraRef,
    pub(super) chart: Option<ChartRef>,
    pub(super) generation: Generation,
}

impl Args {
    /// The versions from good to bad.
    pub(super) async fn candidates(&self) -> Result<Vec<Candidate>, EarlyExit> {
        let candidates = match self.over {
            Over::Kestra => self.kestras()?,
            Over::Chart => self.charts().await?,
        };
        if candidates.len() < 2 {
            let help = "--good names the earlier version, --bad the later one";
            return Err(miette::miette!(help = help, "--good {} is not before --bad {}", self.good, self.bad).into());
        }
        Ok(candidates)
    }

    fn kestras(&self) -> miette::Result<Vec<Candidate>> {
        let engine = |flag: &str, text: &str| match format!("engine@{text}").parse::<KestraRef>() {
            Ok(KestraRef::Engine(version)) => Ok(version),
            Ok(_) => Err(InputError::whole(flag, "is no version of an engine", None)),
            Err(why) => Err(InputError::whole(flag, why, None)),
        };
        let (good, bad) = (engine("--good", &self.good)?, engine("--bad", &self.bad)?);
        let mut versions: Vec<Version> = ENGINES.into_iter().filter(|v| good < *v && *v < bad).collect();
        if good < bad {
            versions.extend([good, bad]);
        }
        versions.sort();
        let candidate = |version: Version| Candidate {
            name: version.to_string(),
            kestra: KestraRef::Engine(version),
            chart: self.target.at.chart.clone(),
            generation: Generation::V1,
        };
        Ok(versions.into_iter().map(candidate).collect())
    }

    async fn charts(&self) -> Result<Vec<Candidate>, EarlyExit> {
        let from = self.charts.as_deref().unwrap_or(".");
        let [newest, ..] = ENGINES;
        let kestra = self
            .target
            .at
            .kestra
            .first()
            .cloned()
            .unwrap_or(KestraRef::Engine(newest));
        let charts = charts::charts(from, &self.target).await?;
        let position = |flag: &str, wanted: &str| {
            let at = charts
                .iter()
                .position(|(version, _)| version.to_string() == wanted.trim_start_matches('v'));
            at.ok_or_else(|| {
                let known: Vec<_> = charts.iter().map(|(version, _)| version.to_string()).collect();
                let why = format!("{from} has no chart {wanted}");
                InputError::whole(flag, why, Some(format!("it has {}", known.join(", "))))
            })
        };
        let (good, bad) = (position("--good", &self.good)?, position("--bad", &self.bad)?);
        let between = charts.into_iter().take(bad + 1).skip(good);
        let candidate = |(version, chart): (Version, ChartRef)| Candidate {
            name: format!("chart {version}"),
            generation: Generation::of_chart(&version),
            kestra: kestra.clone(),
            chart: Some(chart),
        };
        Ok(between.map(candidate).collect())
    }

    /// What a session needs to run one of them.
    pub(super) fn options(&self, candidate: &Candidate) -> miette::Result<SessionOptions> {
        let mut target = self.target.clone();
        target.at.kestra = vec![candidate.kestra.clone()];
        target.at.chart.clone_from(&candidate.chart);
        target.report = None;
        target.options()
    }
}
