//! `codes`: what is known of each diagnosis.

use clap::Args as ClapArgs;

use crate::error::ExitCode;
use crate::oracle::secret::diagnosis::Code;
use crate::provider::ENGINES;
use crate::system::stdout;
use crate::values::explain::page;

/// What `codes` takes.
#[derive(ClapArgs)]
#[command(after_help = "Examples:\n  kestra-secrets codes\n  kestra-secrets codes KS001")]
pub struct Args {
    /// The code to tell of; all of them, a line each, by default
    #[arg(value_name = "CODE")]
    code: Option<Code>,
}

/// Prints the list, or a page.
pub fn run(args: &Args) -> ExitCode {
    let text = match args.code {
        Some(code) => page(code, &ENGINES[0]),
        None => Code::ALL
            .iter()
            .map(|code| format!("{code} {}\n", code.title()))
            .collect(),
    };
    stdout::print(&text);
    ExitCode::Success
}
