//! `prove`: the oracle held against a live Kestra, with random secrets.

use clap::Args as ClapArgs;

use super::console::{Console, print_infra_error};
use super::sessions::{EarlyExit, Sessions};
use super::target::TargetArgs;
use crate::error::{ExitCode, InfraError};
use crate::prove::report::ProofReport;
use crate::prove::{Proof, generate, prove};
use crate::provider::{Provider, RunContext};
use crate::system::stdout;

/// What `prove` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Every value is generated from the seed, which is printed. Nothing in the output is a secret.

Exit codes:
  0    the model predicted every value
  1    the model and Kestra differ for at least one value
  2    bad input or usage
  3    the environment broke; nothing is known to be wrong
  130  interrupted, and cleaned up

Examples:
  kestra-secrets prove
  kestra-secrets prove --count 2000 --kestra engine@2.0.0 --provider embedded
  kestra-secrets prove --count 500 --seed 42 --provider kind --report report")]
pub struct Args {
    /// Generate this many secrets
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Generate the secrets from this seed; the same seed gives the same secrets everywhere [default: a random one]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    #[command(flatten)]
    target: TargetArgs,
}

/// Proves the oracle and says where it is not true.
///
/// # Errors
/// [`EarlyExit`] when a flag cannot be used, or the environment failed before anything was proved.
pub async fn run(args: Args) -> Result<ExitCode, EarlyExit> {
    // Small enough to be typed again.
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let mut sessions = Sessions::open(vec![args.target.options()?], Console::default()).await?;
    let proved = prove_each(&sessions, seed, args.count as usize).await;
    let proved = sessions.close_on_error(proved).await?;
    let mut broken = !sessions.close().await;
    let mut exits = Vec::new();
    for (proof, report) in proved {
        if let Some(folder) = &args.target.report
            && let Err(error) = report.write(folder)
        {
            let phase = format!("write the report into {}", folder.display());
            print_infra_error(&InfraError::caused_by(phase, error));
            broken = true;
        }
        stdout::line(report.describe(&proof));
        exits.push(report.exit());
    }
    Ok(match exits.into_iter().find(|exit| *exit != ExitCode::Success) {
        _ if sessions.is_interrupted() => ExitCode::Interrupted,
        Some(exit) => exit,
        None if broken => ExitCode::Infra,
        None => ExitCode::Success,
    })
}

/// What was proved in each session; `prove` opens one.
async fn prove_each(sessions: &Sessions, seed: u64, count: usize) -> Result<Vec<(Proof, ProofReport)>, EarlyExit> {
    let samples = generate(seed, count);
    let mut proved = Vec::new();
    for session in sessions.all() {
        let headline = session.headline(&format!("{count} random secrets of seed {seed}"));
        Console::announce(&headline);
        let targets = session.targets();
        let prove_here = async |provider: &Provider, context: &RunContext| {
            let proof = prove(provider, context, &targets, &samples).await;
            let report = ProofReport::new(&proof, session.run(provider), seed, count, repeat(seed));
            (proof, report)
        };
        proved.push(
            session
                .on_provider(prove_here)
                .await
                .map_err(|infra| sessions.stopped_by(infra))?,
        );
    }
    Ok(proved)
}

/// The command line as it was given, with the seed that was drawn.
fn repeat(seed: u64) -> String {
    let mut words: Vec<String> = std::env::args().collect();
    if !words.iter().any(|w| w == "--seed" || w.starts_with("--seed=")) {
        words.extend(["--seed".into(), seed.to_string()]);
    }
    words.join(" ")
}
