//! `run`: scenarios, planned, carried out on a provider, judged and reported.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};

use super::console::Console;
use super::estimate::{Costs, openings};
use super::execute::{CaseNotes, RunPlan, execute};
use super::matrix;
use super::output_args::OutputArgs;
use super::sessions::{EarlyExit, Sessions};
use super::target::TargetArgs;
use crate::error::ExitCode;
use crate::kestra::KestraRef;
use crate::plan::{Plan, Shard};
use crate::report::Sharded;
use crate::run::session::{ProviderSpec, Session, SessionOptions};
use crate::scenario::{self, Scenario};
use crate::system::stdout;
use crate::tools::helm::ChartRef;

/// What `run` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Exit codes:
  0    everything came out as expected
  1    at least one value is wrong
  2    bad input or usage
  3    the environment broke; nothing is known to be wrong
  130  interrupted, and cleaned up

Examples:
  kestra-secrets run
  kestra-secrets run extra-env secret-key-ref --kestra engine@1.3.31
  kestra-secrets run my-scenario.yaml --chart ./charts/kestra --report report
  kestra-secrets run --provider kind --kestra official --chart official \\
    --require official --require observed
  kestra-secrets run --provider context --context staging --namespace qa \\
    --kestra official@1.0.0
  kestra-secrets run --matrix qualification.yaml --shard 1/4 --report shard-1")]
pub struct Args {
    /// Run these scenarios: names of bundled ones, files or folders [default: all bundled ones]
    #[arg(value_name = "NAME|FILE")]
    select: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Run at most this many installations at a time [default: as many as cores and memory allow]
    #[arg(long, value_name = "N", help_heading = "Installations")]
    parallel: Option<usize>,
    /// Give every case its own installation
    #[arg(long, help_heading = "Installations")]
    isolate: bool,
    /// Refuse to start unless the run can prove this; repeat for several
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Gates")]
    require: Vec<Require>,
    /// Fail if a scenario cannot run against a target, instead of skipping it
    #[arg(long, help_heading = "Gates")]
    no_skip: bool,
    /// Run every combination of what this file names, and write one report
    /// (`kestra-secrets schema matrix` describes the file)
    #[arg(long, value_name = "FILE", help_heading = "Large runs", conflicts_with_all = ["select", "provider", "chart", "kestra", "image"])]
    matrix: Option<PathBuf>,
    /// Run one of N parts of equal cost, such as 1/3; `report merge` makes one report of all parts
    #[arg(long, value_name = "I/N", help_heading = "Large runs")]
    shard: Option<Shard>,
    /// Cut the parts by the durations in this report of an earlier run; give all parts the same one
    #[arg(long, value_name = "REPORT", help_heading = "Large runs")]
    durations: Option<PathBuf>,
    /// Say how long the run would take on each of these numbers of machines, and run nothing
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        conflicts_with = "shard",
        help_heading = "Large runs"
    )]
    estimate: Vec<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a run must be able to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Require {
    /// The environment is a real pod's, not computed by our model of the kubelet
    Observed,
    /// Chart and Kestra are the publisher's own
    Official,
}

/// Runs the chosen scenarios and says how they ended.
///
/// # Errors
/// [`EarlyExit`] when a scenario, a plan or a flag cannot be used, or nothing ran.
pub async fn run(args: Args) -> Result<ExitCode, EarlyExit> {
    let request = RunRequest::read(&args)?;
    let costs = Costs::read(args.durations.as_deref())?;
    let mut sessions = Sessions::open(request.options(&args)?, Console::default()).await?;
    let plan = request.plan(&args, &costs, sessions.all());
    let plan = sessions.close_on_error(plan).await?;
    if !args.estimate.is_empty() {
        stdout::line(costs.table(&plan.plans, sessions.all(), &args.estimate));
        let closed = sessions.close().await;
        return Ok(if closed { ExitCode::Success } else { ExitCode::Infra });
    }
    let mut outcome = execute(sessions, plan, args.target.report.as_deref()).await?;
    outcome.write(args.target.report.as_deref());
    Ok(outcome.print(&args.output, args.target.report.as_ref()))
}

/// What is asked for: by the flags, or by a matrix.
struct RunRequest {
    scenarios: Vec<Arc<Scenario>>,
    headline: Option<String>,
    sessions: Option<Vec<matrix::MatrixSession>>,
}

impl RunRequest {
    fn read(args: &Args) -> miette::Result<Self> {
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
            let options = args.options(&args.target.on(session, report))?;
            Ok(SessionOptions {
                helm: session.helm.clone(),
                ..options
            })
        };
        sessions.iter().enumerate().map(options).collect()
    }

    /// A plan for each session, or the part of all plans that is this shard's.
    fn plan(&self, args: &Args, costs: &Costs, sessions: &[Session]) -> miette::Result<RunPlan> {
        let mut plans = Vec::new();
        for (number, session) in sessions.iter().enumerate() {
            args.check_requirements(session)?;
            let plan = session.plan_where(&self.scenarios, |kestra, scenario| {
                self.includes(number, kestra, scenario)
            })?;
            args.check_skips(&plan)?;
            plans.push(plan);
        }
        let notes = self.sessions.iter().flatten().map(|session| self.notes(session));
        let whole = RunPlan {
            plans,
            notes: notes.collect(),
            headlines: self.headline.iter().cloned().collect(),
            ..RunPlan::default()
        };
        let mut plan = match args.shard {
            Some(shard) => take_shard(whole, shard, costs, sessions)?,
            None => whole,
        };
        if self.sessions.is_some() || args.shard.is_some() {
            let ahead = match args.durations {
                Some(_) => costs.estimate(&plan.plans, sessions),
                None => Costs::in_folder(args.target.report.as_deref()).estimate(&plan.plans, sessions),
            };
            plan.headlines.push(ahead);
        }
        Ok(plan)
    }

    /// Whether a matrix leaves a scenario to a Kestra of this session.
    fn includes(&self, session: usize, kestra: &KestraRef, scenario: &str) -> bool {
        let session = self.sessions.as_ref().and_then(|sessions| sessions.get(session));
        let mut entries = session.iter().flat_map(|session| &session.kestras);
        let entry = entries.find(|entry| entry.kestra == *kestra);
        entry.is_none_or(|entry| !entry.without.contains(scenario))
    }

    fn notes(&self, session: &matrix::MatrixSession) -> CaseNotes {
        let mut notes = CaseNotes::new();
        for entry in &session.kestras {
            for scenario in &self.scenarios {
                if let Some(note) = entry.note(&scenario.name) {
                    notes.insert((entry.kestra.clone(), scenario.name.clone()), note);
                }
            }
        }
        notes
    }
}

fn take_shard(whole: RunPlan, shard: Shard, costs: &Costs, sessions: &[Session]) -> miette::Result<RunPlan> {
    let costs = costs.of(&whole.plans, sessions);
    let share = shard.take(whole.plans, &openings(sessions), &costs)?;
    Ok(RunPlan {
        plans: share.plans,
        shard: Some(Sharded {
            index: shard.index(),
            of: shard.total(),
            whole: share.whole,
            left_out: share.installations,
        }),
        left_out: Some(format!(
            "shard {shard}: left to the other shards are {} installations with {} cases",
            share.installations, share.cases
        )),
        ..whole
    })
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
    fn check_requirements(&self, session: &Session) -> miette::Result<()> {
        let official = |k: &KestraRef| matches!(k, KestraRef::Official(_));
        for require in &self.require {
            match require {
                Require::Observed if !matches!(session.provider_spec(), ProviderSpec::Live { .. }) => {
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

    fn check_skips(&self, plan: &Plan) -> miette::Result<()> {
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
