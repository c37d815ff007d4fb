//! One file per subcommand.

mod audit;
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
mod explain;
mod fix;
mod init;
mod interrupt;
mod lint;
mod list;
mod live;
pub mod matrix;
mod output;
mod panicked;
mod pins;
mod plaintext;
mod progress;
mod prove;
mod provider_name;
mod report;
pub mod run;
mod said;
mod schema;
mod settings;
mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::error::ExitCode;
use crate::system::terminal;

/// Proves that secrets given to Kestra through its Helm chart reach a flow as the plaintext you meant.
#[derive(Parser)]
#[command(
    name = "kestra-secrets",
    version,
    about,
    after_help = "\
Most flags can be set beforehand: --provider by KESTRA_SECRETS_PROVIDER, or by `provider = …` in
kestra-secrets.toml; `config show` lists what is.

Exit codes: 0 all as expected; 1 a wrong value; 2 bad input; 3 a broken environment; 130 interrupted.

Examples:
  kestra-secrets doctor
  kestra-secrets run
  kestra-secrets check -f values.yaml -f secret.yaml --expect DB_PASSWORD=@password.txt
  kestra-secrets lint deploy/
  printf %s YWRtaW4K | kestra-secrets explain"
)]
pub struct Cli {
    #[command(flatten)]
    output: output::ConsoleArgs,
    /// A file of settings [default: kestra-secrets.toml here or above, up to the repository's root]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// List the scenarios that `run` can choose from
    List(list::Args),
    /// Run scenarios against a live Kestra and judge what comes out
    Run(Box<run::Args>),
    /// Prove your own values and manifests, as they are
    Check(Box<check::Args>),
    /// Run what documentation shows, Kestra's own or any page, and write what makes it true
    Docs(Box<docs::Args>),
    /// Follow a value hop by hop, and say what is wrong with it; needs no cluster
    Explain(explain::Args),
    /// Write values and manifests that carry plaintexts to Kestra
    Encode(encode::Args),
    /// Decode many values exactly as Kestra does
    Decode(decode::Args),
    /// Tell what each diagnosis code means
    Codes(codes::Args),
    /// Say by the files alone what Kestra will not read as it is meant
    Lint(lint::Args),
    /// Write right what `lint` finds, where nobody has to guess
    Fix(fix::Args),
    /// Look at a Kestra that is installed, and change nothing
    Audit(Box<audit::Args>),
    /// Hold the oracle against a live Kestra, with random secrets
    Prove(Box<prove::Args>),
    /// Write a report in another format, or make one of several
    Report(report::Args),
    /// Say what this machine lacks, for which provider, and how to get it
    Doctor(Box<doctor::Args>),
    /// End what a killed run left behind
    Clean(clean::Args),
    /// Write a first scenario, and a workflow that runs it
    Init(init::Args),
    /// Say what is set beforehand, by a file or by variables
    Config(config::Args),
    /// Write the file of pins anew
    #[command(hide = true)]
    Pins(pins::Args),
    /// Print the JSON Schema of a format
    Schema(schema::Args),
    /// Print what a shell needs to complete command lines
    Completions(completions::Args),
}

/// The whole program: reads its command line and does what that asks. Help, and what is wrong with the command
/// line, end the process at once.
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

/// Reads a command line, and what is set beforehand.
fn read(words: &[OsString]) -> miette::Result<Cli> {
    let root = Cli::command();
    let file = settings::File::find(settings::named(words).as_deref()).inspect_err(|_| settings::help(&root, words))?;
    let matches = settings::read(&root, file.as_ref(), words)?;
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|e| settings::end(&e)))
}

/// Does what the command line asks.
///
/// # Errors
/// What cannot be used, as a [`miette::Report`]; the exit code is then 2.
async fn run(command: Subcommands, config: Option<PathBuf>) -> miette::Result<ExitCode> {
    match command {
        Subcommands::List(args) => list::run(&args),
        Subcommands::Run(args) => run::run(*args).await,
        Subcommands::Check(args) => check::run(*args).await,
        Subcommands::Docs(args) => docs::run(*args).await,
        Subcommands::Explain(args) => explain::run(&args),
        Subcommands::Encode(args) => encode::run(&args),
        Subcommands::Decode(_) => decode::run(),
        Subcommands::Codes(args) => Ok(codes::run(&args)),
        Subcommands::Lint(args) => lint::run(&args),
        Subcommands::Fix(args) => fix::run(&args),
        Subcommands::Doctor(args) => doctor::run(*args).await,
        Subcommands::Audit(args) => audit::run(*args).await,
        Subcommands::Clean(args) => clean::run(args).await,
        Subcommands::Prove(args) => prove::run(*args).await,
        Subcommands::Report(args) => report::run(&args),
        Subcommands::Init(args) => init::run(&args),
        Subcommands::Config(args) => config::run(&args, config),
        Subcommands::Pins(args) => pins::run(&args).await,
        Subcommands::Schema(args) => schema::run(&args),
        Subcommands::Completions(args) => Ok(completions::run(&args)),
    }
}
