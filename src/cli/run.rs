//! `run`: scenarios, planned, carried out on a provider, judged and reported.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};

use super::live::{RunOptions, live};
use super::matrix;
use super::said::OutputArgs;
use super::target::TargetArgs;
use crate::error::ExitCode;
use crate::plan::{Plan, Shard};
use crate::provider::KestraRef;
use crate::report::Report;
use crate::run::session::{ProviderSpec, Session, SessionOptions};
use crate::scenario::{self, Scenario};
use crate::tools::helm::ChartRef;

/// What `run` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  kestra-secrets run
  kestra-secrets run extra-env secret-key-ref --kestra engine@1.3.31
  kestra-secrets run ./my-scenario.yaml --chart ./charts/kestra --report ./report
  kestra-secrets run --kestra exec:/opt/kestra --require official
  kestra-secrets run --provider kind --chart official
  kestra-secrets run --matrix qualification.yaml --shard 1/4 --report shard-1
  kestra-secrets run --provider context --context staging --namespace qa --kestra official@1.0.0")]
pub struct Args {
    /// Names of bundled scenarios, files or folders; all bundled ones by default
    #[arg(value_name = "NAME|FILE")]
    select: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// The most installations at a time [default: what cores and memory bear]
    #[arg(long, value_name = "N")]
    parallel: Option<usize>,
    /// Give every case an installation of its own
    #[arg(long)]
    isolate: bool,
    /// Fail before anything runs when the run could not prove this; several times for several
    #[arg(long, value_enum)]
    require: Vec<Require>,
    /// A scenario that cannot be run against a target is an error
    #[arg(long)]
    no_skip: bool,
    /// A file of charts × Kestras × providers × scenarios, each combination run one after the other, one report of
    /// all (`kestra-secrets schema matrix` describes it)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["select", "provider", "chart", "kestra", "image"])]
    matrix: Option<PathBuf>,
    /// Run one of N parts, such as 1/3, by what installations cost; `report merge` makes one report of all parts
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
}

/// What a run must be able to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Require {
    /// The environment is a real pod's, not composed by our model of the kubelet
    Observed,
    /// Chart and Kestra are the publisher's own
    Official,
}

/// Runs the chosen scenarios and says how they ended.
///
/// # Errors
/// Bad input: a scenario, a plan or a flag that cannot be used.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let wanted = RunRequest::of(&args)?;
    let plan = async |n: usize, session: &Session| {
        args.can_prove_what_is_required(session)?;
        let plan = session.plan_where(&wanted.scenarios, |kestra, scenario| wanted.has(n, kestra, scenario))?;
        args.no_skips(&plan)?;
        Ok(plan)
    };
    let ways = RunOptions {
        headline: wanted.headline.clone(),
        shard: args.shard,
        folder: args.target.report.as_deref(),
        annotate: &|n, report| wanted.annotate(n, report),
    };
    live(wanted.options(&args)?, ways, plan, &args.output, |_| ()).await
}

/// What is asked for: by the flags, or by a matrix.
struct RunRequest {
    scenarios: Vec<Arc<Scenario>>,
    headline: Option<String>,
    sessions: Option<Vec<matrix::MatrixSession>>,
}

impl RunRequest {
    fn of(args: &Args) -> miette::Result<Self> {
        let Some(path) = &args.matrix else {
            let scenarios = scenario::load(&args.select)?.into_iter().map(Arc::new).collect();
            return Ok(Self {
                scenarios,
                headline: None,
                sessions: None,
            });
        };
        let matrix = matrix::read(path)?;
        Ok(Self {
            headline: Some(matrix.headline(path)),
            scenarios: matrix.scenarios,
            sessions: Some(matrix.sessions),
        })
    }

    fn options(&self, args: &Args) -> miette::Result<Vec<SessionOptions>> {
        let Some(sessions) = &self.sessions else {
            return Ok(vec![args.options(&args.target)?]);
        };
        let several = sessions.len() > 1;
        let options = |(n, session): (usize, &matrix::MatrixSession)| {
            let report = args.target.report.as_deref();
            let report = report.map(|r| if several { matrix::folder_of(r, n) } else { r.to_owned() });
            args.options(&args.target.on(session, report)?)
        };
        sessions.iter().enumerate().map(options).collect()
    }

    fn entry(&self, session: usize, kestra: &str) -> Option<&matrix::MatrixKestra> {
        let session = self.sessions.as_ref()?.get(session)?;
        session.kestras.iter().find(|entry| entry.kestra.to_string() == kestra)
    }

    fn has(&self, session: usize, kestra: &str, scenario: &str) -> bool {
        self.entry(session, kestra)
            .is_none_or(|entry| !entry.without.contains(scenario))
    }

    fn annotate(&self, session: usize, report: &mut Report) {
        for result in &mut report.results {
            // A step's result is its scenario's.
            let scenario = result.scenario.split('/').next().unwrap_or_default();
            result.provenance.note = self
                .entry(session, &result.provenance.kestra)
                .and_then(|entry| entry.note(scenario));
        }
    }
}

impl Args {
    fn options(&self, target: &TargetArgs) -> miette::Result<SessionOptions> {
        Ok(SessionOptions {
            parallel: self.parallel,
            isolate: self.isolate,
            no_skip: self.no_skip,
            ..target.options()?
        })
    }

    /// A gate that cannot be met fails before anything runs, so that it never weakens in silence.
    fn can_prove_what_is_required(&self, session: &Session) -> miette::Result<()> {
        let official = |k: &KestraRef| matches!(k, KestraRef::Official(_));
        for require in &self.require {
            match require {
                Require::Observed if !matches!(session.place(), ProviderSpec::Live { .. }) => {
                    miette::bail!(
                        help = "only a cluster's kubelet gives a real environment: --provider kind or context",
                        "--require observed cannot be met by a provider that composes the environment itself"
                    )
                }
                Require::Observed => {}
                Require::Official if !matches!(session.options().chart(), ChartRef::Official(_)) => miette::bail!(
                    help = "use --chart official[@VERSION]",
                    "--require official cannot be met by chart {}",
                    session.options().chart()
                ),
                Require::Official if !session.options().kestras().iter().all(official) => {
                    miette::bail!(
                        help = "use --kestra official@VERSION",
                        "--require official cannot be met by an engine or an executable of unknown origin"
                    )
                }
                Require::Official => {}
            }
        }
        Ok(())
    }

    fn no_skips(&self, plan: &Plan) -> miette::Result<()> {
        match plan.skipped.first() {
            Some(skipped) if self.no_skip => miette::bail!(
                help = "choose scenarios by name, or another --kestra or --chart",
                "scenario {} would be skipped on {}: {}",
                skipped.scenario,
                skipped.kestra,
                skipped.why
            ),
            _ => Ok(()),
        }
    }
}
