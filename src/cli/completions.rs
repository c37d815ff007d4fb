//! `completions`: the script with which a shell completes command lines.

use clap::{Args as ClapArgs, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::Cli;
use crate::error::ExitCode;
use crate::system::stdout;

/// What `completions` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  kestra-secrets completions bash \\
    > ~/.local/share/bash-completion/completions/kestra-secrets
  kestra-secrets completions zsh > ~/.zfunc/_kestra-secrets
  kestra-secrets completions fish \\
    > ~/.config/fish/completions/kestra-secrets.fish")]
pub struct Args {
    /// Print the script for this shell
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> ExitCode {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "kestra-secrets", &mut script);
    stdout::print(&String::from_utf8_lossy(&script));
    ExitCode::Success
}
