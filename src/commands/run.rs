//! `run`: scenarios, planned, carried out on a provider, judged and reported.

use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};

use super::live::live;
use super::output::Output;
use super::target::Target;
use crate::helm::ChartRef;
use crate::plan::Plan;
use crate::provider::KestraRef;
use crate::scenario;
use crate::session::{Options, Place, Session};
use crate::verdict::Exit;

/// What `run` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  kestra-secrets run
  kestra-secrets run extra-env secret-key-ref --kestra engine@1.3.31
  kestra-secrets run ./my-scenario.yaml --chart ./charts/kestra --report ./report
  kestra-secrets run --kestra exec:/opt/kestra --require official
  kestra-secrets run --provider kind --chart official
  kestra-secrets run --provider context --context staging --namespace qa --kestra official@1.0.0")]
pub struct Args {
    /// Names of bundled scenarios, files or folders; all bundled ones by default
    #[arg(value_name = "NAME|FILE")]
    select: Vec<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
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
pub async fn run(args: Args) -> miette::Result<Exit> {
    let scenarios: Vec<_> = scenario::load(&args.select)?.into_iter().map(Arc::new).collect();
    let plan = async |session: &Session| {
        args.can_prove_what_is_required(session.place())?;
        let plan = session.plan(&scenarios)?;
        args.no_skips(&plan)?;
        Ok(plan)
    };
    live(
        args.options()?,
        args.target.report.as_deref(),
        plan,
        &args.output,
        |_| (),
    )
    .await
}

impl Args {
    fn options(&self) -> miette::Result<Options> {
        Ok(Options {
            parallel: self.parallel,
            isolate: self.isolate,
            ..self.target.options()?
        })
    }

    /// A gate that cannot be met fails before anything runs, so that it never weakens in silence.
    fn can_prove_what_is_required(&self, place: &Place) -> miette::Result<()> {
        let official = |k: &KestraRef| matches!(k, KestraRef::Official(_));
        for require in &self.require {
            match require {
                Require::Observed if !matches!(place, Place::Live { .. }) => {
                    miette::bail!(
                        help = "only a cluster's kubelet gives a real environment: --provider kind or context",
                        "--require observed cannot be met by a provider that composes the environment itself"
                    )
                }
                Require::Observed => {}
                Require::Official if !matches!(self.target.chart, ChartRef::Official(_)) => miette::bail!(
                    help = "use --chart official[@VERSION]",
                    "--require official cannot be met by chart {}",
                    self.target.chart
                ),
                Require::Official if self.target.kestra.is_empty() || !self.target.kestra.iter().all(official) => {
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
