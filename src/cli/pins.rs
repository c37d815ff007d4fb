//! `pins`: updates the file of pins, for the workflow that keeps it current.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use miette::IntoDiagnostic as _;

use super::interrupt;
use crate::error::ExitCode;
use crate::kestra::OFFICIAL_IMAGE;
use crate::provider::newest;
use crate::run::session::official::digests;
use crate::system::bounded;
use crate::system::{stdout, terminal};
use crate::tools::toolbox::{Pins, Toolbox};

/// What `pins` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
The command asks the registry for the newest release of Kestra and for the digests of its tags. Every other line of \
the file stays as it is.

Exit codes:
  0    the file is current
  2    bad input or usage
  3    the registry does not answer, or has only pre-releases

Examples:
  kestra-secrets pins src/tools/toolbox/pins.toml")]
pub struct Args {
    /// Update this file in place
    file: PathBuf,
}

/// Asks, and writes.
///
/// # Errors
/// Bad input: a file that is not one of pins.
pub async fn run(args: &Args) -> miette::Result<ExitCode> {
    let toolbox = Toolbox::from_env(interrupt::token()?).into_diagnostic()?;
    let bytes = bounded::file(&args.file, bounded::DOCUMENT).into_diagnostic()?;
    let text = String::from_utf8(bytes).into_diagnostic()?;
    let asked = async {
        let registry = toolbox.registry()?;
        let tags = registry.tags(OFFICIAL_IMAGE).await?;
        let Some(version) = newest(&tags, |_| true) else {
            return Ok(None);
        };
        let digests: BTreeMap<_, _> = digests(&version, &registry).await?;
        Ok::<_, crate::tools::toolbox::RegistryError>(Some((version, digests)))
    };
    let (version, digests) = match asked.await {
        Ok(Some(found)) => found,
        Ok(None) => {
            terminal::line(&format!("no tag of {OFFICIAL_IMAGE} is a release"));
            return Ok(ExitCode::Infra);
        }
        Err(e) => {
            terminal::line(&format!("error: {e}"));
            return Ok(ExitCode::Infra);
        }
    };
    std::fs::write(&args.file, Pins::with_kestra(&text, &version, &digests)).into_diagnostic()?;
    stdout::line(format!(
        "Kestra {version}, {} digests: {}",
        digests.len(),
        args.file.display()
    ));
    Ok(ExitCode::Success)
}
