//! `codes`: the old name of `explain CODE` and `explain --list`.

use clap::Args as ClapArgs;

use super::explain::{list, pages};
use crate::error::ExitCode;
use crate::oracle::secret::diagnosis::Code;
use crate::system::stdout;

/// What `codes`, the old name of `explain CODE` and `explain --list`, takes.
#[derive(ClapArgs)]
#[command(after_help = "\
This is the old name of `kestra-secrets explain CODE` and `kestra-secrets explain --list`.

Examples:
  kestra-secrets codes
  kestra-secrets codes KS001")]
pub struct Args {
    /// Describe this code [default: list all codes]
    #[arg(value_name = "CODE")]
    code: Option<Code>,
}

/// Prints the list, or a page.
pub fn run(args: &Args) -> ExitCode {
    stdout::prose(&args.code.map_or_else(list, |code| pages(&[code])));
    ExitCode::Success
}
