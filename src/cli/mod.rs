//! One file per subcommand.

mod audit;
mod bisect;
mod chart_reach;
mod check;
mod clean;
mod cluster_args;
mod codes;
mod completions;
mod config;
mod console;
mod decode;
mod docs;
mod doctor;
mod encode;
mod estimate;
mod execute;
mod explain;
mod fix;
mod formats;
mod helm_plugin;
mod init;
mod interrupt;
mod lint;
mod lint_output;
mod list;
mod man;
pub mod matrix;
mod output;
mod output_args;
mod panicked;
mod pins;
mod plaintext;
mod progress;
mod prove;
mod provider_arg;
mod report;
pub mod run;

mod schema;
mod sessions;
mod settings;
mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Runtime;

use self::sessions::EarlyExit;
use crate::error::ExitCode;
use crate::system::terminal;

/// Proves that secrets given to Kestra through its Helm chart reach a flow as the plaintext you meant.
#[derive(Parser)]
#[command(
    name = "kestra-secrets",
    version,
    about,
    after_help = "\
Most flags can also be set beforehand: --provider, for example, by the variable KESTRA_SECRETS_PROVIDER or by \
`provider = …` in kestra-secrets.toml. `kestra-secrets config show` lists the settings.

Exit codes:
  0    everything came out as expected
  1    at least one value is wrong
  2    bad input or usage
  3    the environment broke; nothing is known to be wrong
  130  interrupted, and cleaned up

Examples:
  kestra-secrets lint deploy/
  printf %s YWRtaW4K | kestra-secrets explain
  kestra-secrets doctor
  kestra-secrets check -f values.yaml -f secret.yaml \\
    --expect DB_PASSWORD=@password.txt
  kestra-secrets run"
)]
pub struct Cli {
    #[command(flatten)]
    output: output::ConsoleArgs,
    /// Read settings from this file [default: the nearest kestra-secrets.toml from here up to the repository's root]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Run scenarios against a live Kestra and judge what comes out
    Run(Box<run::Args>),
    /// Prove your own values and manifests on a live Kestra
    Check(Box<check::Args>),
    /// Find secrets that Kestra would misread, from files alone
    Lint(lint::Args),
    /// The old name of `lint --fix`
    #[command(hide = true)]
    Fix(fix::OldArgs),
    /// Follow a value hop by hop, or describe a diagnosis code; needs no cluster
    Explain(explain::Args),
    /// The old name of `explain CODE`
    #[command(hide = true)]
    Codes(codes::Args),
    /// Write values and manifests that carry plaintexts to Kestra
    Encode(encode::Args),
    /// Decode many values exactly as Kestra does
    Decode(decode::Args),
    /// Inspect a Kestra that is already installed, without changing it
    Audit(Box<audit::Args>),
    /// Run what a documentation page shows, and write the patch that makes it true
    Docs(Box<docs::Args>),
    /// Test the model of Kestra against a live one, with random secrets
    Prove(Box<prove::Args>),
    /// Find the first version at which a scenario comes out otherwise
    Bisect(Box<bisect::Args>),
    /// Convert a report, or merge several
    Report(report::Args),
    /// List the scenarios that `run` can choose from
    List(list::Args),
    /// Write a first scenario, and a workflow that runs it
    Init(init::Args),
    /// List what this machine lacks for a run, and how to get it
    Doctor(Box<doctor::Args>),
    /// Remove what killed runs left behind
    Clean(clean::Args),
    /// Show the settings of flags by files and variables
    Config(config::Args),
    /// Print the JSON Schema of a format
    Schema(schema::Args),
    /// Print the completion script of a shell
    Completions(completions::Args),
    /// What the plugin for helm calls
    #[command(hide = true)]
    Helm(helm_plugin::Args),
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man(man::Args),
    /// Update the file of pins
    #[command(hide = true)]
    Pins(pins::Args),
}

/// The whole program: reads its command line and carries it out. Help and usage errors end the process at once.
// Neither generic nor async, so that the binary does not compile the whole program a second time.
pub fn main(words: &[OsString]) -> ExitCode {
    panicked::install();
    output::color(words);
    let done = match Runtime::new() {
        Ok(runtime) => runtime.block_on(run_words(words)),
        Err(error) => {
            terminal::line(&format!("error: the program cannot start its threads: {error}"));
            return ExitCode::Infra;
        }
    };
    let exit = done.unwrap_or_else(|report| {
        terminal::line(format!("{report:?}").trim_end_matches('\n'));
        ExitCode::Usage
    });
    output::exit(exit)
}

async fn run_words(words: &[OsString]) -> miette::Result<ExitCode> {
    let cli = read(words)?;
    cli.output.apply();
    run(cli.command, cli.config).await
}

/// The grammar. A plugin for kubectl is called by another name, and its users read how they called it.
fn root(words: &[OsString]) -> clap::Command {
    let program = words.first().map(Path::new).and_then(Path::file_stem);
    let is_plugin = program.is_some_and(|name| name.as_encoded_bytes().starts_with(b"kubectl-"));
    let root = Cli::command();
    if is_plugin {
        root.bin_name("kubectl kestra-secrets")
    } else {
        root
    }
}

/// Reads a command line and the settings below it.
fn read(words: &[OsString]) -> miette::Result<Cli> {
    let root = root(words);
    let file = settings::File::find(settings::named(words).as_deref()).inspect_err(|_| settings::help(&root, words))?;
    let matches = settings::read(&root, file.as_ref(), words)?;
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|e| settings::end(&e)))
}

/// Carries out a command.
///
/// # Errors
/// Input that cannot be used; the exit code is then 2.
async fn run(command: Subcommands, config: Option<PathBuf>) -> miette::Result<ExitCode> {
    match command {
        Subcommands::Run(args) => run::run(*args).await.or_else(EarlyExit::report),
        Subcommands::Check(args) => check::run(*args).await.or_else(EarlyExit::report),
        Subcommands::Lint(args) => lint::run(&args).await.or_else(EarlyExit::report),
        Subcommands::Fix(args) => lint::run(&args.into()).await.or_else(EarlyExit::report),
        Subcommands::Explain(args) => explain::run(&args),
        Subcommands::Codes(args) => Ok(codes::run(&args)),
        Subcommands::Encode(args) => encode::run(&args),
        Subcommands::Decode(_) => decode::run(),
        Subcommands::Audit(args) => audit::run(*args).await,
        Subcommands::Docs(args) => docs::run(*args).await.or_else(EarlyExit::report),
        Subcommands::Prove(args) => prove::run(*args).await.or_else(EarlyExit::report),
        Subcommands::Bisect(args) => bisect::run(*args).await.or_else(EarlyExit::report),
        Subcommands::Report(args) => report::run(&args),
        Subcommands::List(args) => list::run(&args),
        Subcommands::Init(args) => init::run(&args),
        Subcommands::Doctor(args) => doctor::run(*args).await,
        Subcommands::Clean(args) => clean::run(args).await,
        Subcommands::Config(args) => config::run(&args, config),
        Subcommands::Schema(args) => schema::run(&args),
        Subcommands::Completions(args) => Ok(completions::run(&args)),
        Subcommands::Helm(args) => Box::pin(helm_plugin::run(&args)).await.or_else(EarlyExit::report),
        Subcommands::Man(args) => man::run(&args),
        Subcommands::Pins(args) => pins::run(&args).await,
    }
}
