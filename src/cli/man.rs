//! `man`: the man pages, for those who package the program.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Command, CommandFactory as _};
use clap_mangen::Man;
use miette::{IntoDiagnostic as _, WrapErr as _};

use super::Cli;
use crate::error::ExitCode;
use crate::system::stdout;

/// What `man` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Each command gets a page of its own. The pages are made from the definitions that --help is made from.

Examples:
  kestra-secrets man ~/.local/share/man/man1")]
pub struct Args {
    /// Write the pages into this folder, which is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages and names them.
///
/// # Errors
/// A page cannot be written.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    fs::create_dir_all(&args.folder)
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to create {}", args.folder.display()))?;
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    write(&root, &args.folder)?;
    Ok(ExitCode::Success)
}

/// Writes the page of a command and those of the commands below it.
fn write(command: &Command, folder: &Path) -> miette::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let file = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).into_diagnostic()?;
    fs::write(&file, page)
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to write {}", file.display()))?;
    stdout::line(file.display());
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    shown.into_iter().try_for_each(|below| write(below, folder))
}
