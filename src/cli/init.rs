//! `init`: writes a first scenario, and a workflow that runs it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use miette::{IntoDiagnostic as _, WrapErr as _};

use crate::error::ExitCode;
use crate::scenario::schema::json_schema;
use crate::system::stdout;

const SCENARIO: &str = include_str!("starter/scenario.yaml");
const WORKFLOW: &str = include_str!("starter/workflow.yaml");

/// What `init` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
The command writes kestra-secrets/my-password.yaml, its JSON Schema for editors, and \
.github/workflows/kestra-secrets.yaml. If one of these files exists already, the command writes nothing.

Examples:
  kestra-secrets init
  kestra-secrets init ../my-repository && cd ../my-repository &&
    kestra-secrets run kestra-secrets")]
pub struct Args {
    /// Write into this repository, named by its root
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// Writes the files and names them.
///
/// # Errors
/// Bad input: a file is there already, or cannot be written.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    let schema = serde_json::to_string_pretty(&json_schema()).into_diagnostic()?;
    let files = [
        ("kestra-secrets/my-password.yaml", SCENARIO.to_owned()),
        ("kestra-secrets/scenario.schema.json", format!("{schema}\n")),
        (
            ".github/workflows/kestra-secrets.yaml",
            WORKFLOW.replace("VERSION", env!("CARGO_PKG_VERSION")),
        ),
    ]
    .map(|(name, text)| (args.folder.join(name), text));
    if let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        miette::bail!(
            help = "move it away, or name another folder",
            "{} is there already, and nothing was written",
            path.display()
        );
    }
    let mut told = String::new();
    for (path, text) in &files {
        write(path, text)
            .into_diagnostic()
            .wrap_err_with(|| format!("failed to write {}", path.display()))?;
        told += "wrote ";
        told += &path.display().to_string();
        told += "\n";
    }
    let scenarios = args.folder.join("kestra-secrets");
    stdout::print(&format!("{told}next: kestra-secrets run {}\n", scenarios.display()));
    Ok(ExitCode::Success)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}
