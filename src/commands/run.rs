//! `run`: scenarios, planned, carried out on a provider, judged and reported.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use miette::{IntoDiagnostic as _, WrapErr as _};

use super::cluster_args::ClusterArgs;
use super::interrupt;
use crate::helm::ChartRef;
use crate::plan::Plan;
use crate::provider::KestraRef;
use crate::report::{self, console::Console};
use crate::scenario;
use crate::session::{Options, Session};
use crate::verdict::Exit;

/// What `run` takes.
/// What `run` is asked.
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
    /// Where Kestra runs
    #[arg(long, value_enum, default_value_t, env = "KESTRA_SECRETS_PROVIDER")]
    provider: ProviderName,
    /// bundled, official[@VERSION], a folder, an archive, or oci://…
    #[arg(long, default_value = "bundled", env = "KESTRA_SECRETS_CHART")]
    chart: ChartRef,
    /// engine@VERSION, exec:PATH or official@VERSION; several times for several [default: every engine]
    #[arg(long, value_delimiter = ',', env = "KESTRA_SECRETS_KESTRA")]
    kestra: Vec<KestraRef>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// A folder for report.json, junit.xml and evidence
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The most installations at a time [default: what cores and memory bear]
    #[arg(long, value_name = "N")]
    parallel: Option<usize>,
    /// How long a Kestra may take to become healthy, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    timeout: u64,
    /// Give every case an installation of its own
    #[arg(long)]
    isolate: bool,
    /// Add nothing to the values of the scenarios
    #[arg(long)]
    no_defaults: bool,
    /// Fail before anything runs when the run could not prove this; several times for several
    #[arg(long, value_enum)]
    require: Vec<Require>,
    /// A scenario that cannot be run against a target is an error
    #[arg(long)]
    no_skip: bool,
}

/// Where Kestra runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProviderName {
    /// A child process with exactly the environment the pod would have; needs no Docker
    #[default]
    Embedded,
    /// Any context of your kubeconfig, named by --context
    Context,
    /// A kind cluster that is made for the run and deleted with it
    Kind,
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
    let options = args.options()?;
    args.can_prove_what_is_required()?;
    let console = Arc::new(Console::default());
    let cancel = interrupt::token()?;
    let session = match Session::open(options, console.clone(), cancel.clone()).await {
        Ok(session) => session,
        Err(infra) => return Ok(console.broken(&infra)),
    };
    let plan = session.plan(&scenarios)?;
    args.no_skips(&plan)?;
    console.first_line(&session.header(&plan));
    let report = session.carry_out(plan).await;
    let closed = session.close().await;
    let exit = match (report, closed) {
        (Ok(report), Ok(())) => {
            if let Some(folder) = &args.report {
                report::write(&report, folder)
                    .into_diagnostic()
                    .wrap_err_with(|| format!("failed to write the report into {}", folder.display()))?;
            }
            console.last_line(&report, cancel.is_cancelled())
        }
        (Err(infra), _) | (_, Err(infra)) => console.broken(&infra),
    };
    Ok(if cancel.is_cancelled() { Exit::Interrupted } else { exit })
}

impl Args {
    fn options(&self) -> miette::Result<Options> {
        Ok(Options {
            place: self.cluster.place(self.provider)?,
            images: self.cluster.image.clone(),
            chart: self.chart.clone(),
            kestra: self.kestra.clone(),
            parallel: self.parallel,
            isolate: self.isolate,
            report: self.report.clone(),
            defaults: !self.no_defaults,
            boot: Duration::from_secs(self.timeout),
        })
    }

    /// A gate that cannot be met fails before anything runs, so that it never weakens in silence.
    fn can_prove_what_is_required(&self) -> miette::Result<()> {
        let official = |k: &KestraRef| matches!(k, KestraRef::Official(_));
        for require in &self.require {
            match require {
                Require::Observed if self.provider == ProviderName::Embedded => miette::bail!(
                    help = "the embedded provider composes the environment by the kubelet's rules",
                    "--require observed cannot be met by --provider embedded"
                ),
                Require::Official if !matches!(self.chart, ChartRef::Official(_)) => miette::bail!(
                    help = "use --chart official[@VERSION]",
                    "--require official cannot be met by chart {}",
                    self.chart
                ),
                Require::Official if self.kestra.is_empty() || !self.kestra.iter().all(official) => miette::bail!(
                    help = "use --kestra official@VERSION",
                    "--require official cannot be met by an engine or an executable of unknown origin"
                ),
                Require::Observed | Require::Official => {}
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
