//! `prove`: the oracle held against a live Kestra, with random secrets.

use std::sync::Arc;

use clap::Args as ClapArgs;

use super::interrupt;
use super::target::TargetArgs;
use crate::cli::console::Console;
use crate::error::{ExitCode, InfraError};
use crate::prove::report::ProofReport;
use crate::prove::{generate, prove};
use crate::run::session::Session;
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
/// Bad input: flags that cannot be used, or a report's folder that cannot be written.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let options = args.target.options()?;
    // Small enough to be typed again.
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let count = args.count as usize;
    let repeat = repeat(seed);
    let console = Arc::new(Console::default());
    let cancel = interrupt::token()?;
    let proved = async {
        let session = Session::open(options, console.clone(), cancel.clone()).await?;
        let targets = session.targets();
        console.first_line(&session.headline(&format!("{count} random secrets of seed {seed}")));
        let samples = generate(seed, count);
        let proved = session
            .on_provider(async |provider, site| {
                let proof = prove(provider, site, &targets, &samples).await;
                let report = ProofReport::of(&proof, session.run(provider), seed, count, repeat);
                (proof, report)
            })
            .await;
        let closed = session.close().await;
        let proved = proved?;
        closed.map(|()| proved)
    };
    let (proof, report) = match proved.await {
        Ok(proved) => proved,
        Err(infra) => {
            let infra: InfraError = infra;
            let exit = console.broken(&infra);
            return Ok(if cancel.is_cancelled() {
                ExitCode::Interrupted
            } else {
                exit
            });
        }
    };
    let written = args.target.report.as_ref().map_or(Ok(()), |folder| {
        let phase = || format!("write the report into {}", folder.display());
        report
            .write(folder)
            .map_err(|e| console.broken(&InfraError::new(phase(), e)))
    });
    stdout::line(report.told(&proof));
    Ok(match (written, report.exit()) {
        _ if cancel.is_cancelled() => ExitCode::Interrupted,
        (Err(broken), ExitCode::Success) => broken,
        (_, exit) => exit,
    })
}

/// The command line as it was given, with the seed that was drawn.
fn repeat(seed: u64) -> String {
    let mut words: Vec<String> = std::env::args().collect();
    if !words.iter().any(|w| w == "--seed" || w.starts_with("--seed=")) {
        words.extend(["--seed".into(), seed.to_string()]);
    }
    words.join(" ")
}
