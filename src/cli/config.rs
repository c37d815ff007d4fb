//! `config`: the settings of flags by files and variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory as _, Subcommand};
use comfy_table::{Table, presets};

use super::Cli;
use super::settings::{self, File};
use crate::error::ExitCode;
use crate::system::stdout;

/// What `config` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
A flag overrides a variable, a variable overrides kestra-secrets.toml, and that file overrides the defaults.

Examples:
  kestra-secrets config show
  kestra-secrets config show --config ci/kestra-secrets.toml")]
pub struct Args {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// List each flag that a variable or the file sets, and where it is set
    #[command(after_help = "\
Examples:
  kestra-secrets config show
  KESTRA_SECRETS_PROVIDER=kind kestra-secrets config show")]
    Show,
}

/// Prints what is set.
///
/// # Errors
/// Bad input: a file that cannot be read.
pub fn run(args: &Args, file: Option<PathBuf>) -> miette::Result<ExitCode> {
    let What::Show = args.command;
    let named = file.or_else(|| settings::named(&[]));
    let file = File::find(named.as_deref())?;
    let root = Cli::command();
    // The same value for the same reason is one row, whatever the number of commands.
    let mut rows: BTreeMap<(String, String, String), Vec<&str>> = BTreeMap::new();
    for command in settings::commands(&root) {
        for set in settings::beforehand(&root, command, file.as_ref()) {
            let values: Vec<_> = set.values.iter().map(|value| value.to_string_lossy()).collect();
            let row = (set.flag, values.join(", "), set.by);
            rows.entry(row).or_default().push(command.get_name());
        }
    }
    let path = file
        .as_ref()
        .map_or("no kestra-secrets.toml".into(), |f| f.path.display().to_string());
    if rows.is_empty() {
        stdout::line(format!("nothing is set; {path}"));
        return Ok(ExitCode::Success);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["FLAG", "VALUE", "SET BY", "FOR"]);
    for ((flag, value, from), commands) in rows {
        table.add_row([flag, value, from, commands.join(", ")]);
    }
    stdout::line(table.trim_fmt());
    Ok(ExitCode::Success)
}
