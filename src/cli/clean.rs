//! `clean`: removes what killed runs left behind.

use clap::Args as ClapArgs;
use miette::{IntoDiagnostic as _, WrapErr as _};

use crate::cli::console::print_infra_error;
use crate::error::ExitCode;
use crate::provider::docker::Containers;
use crate::provider::live::KindCleaner;
use crate::system::ledger::{Cleaned, Cleaner, Local, past_runs};
use crate::system::{stdout, terminal};
use crate::tools::cluster::Access;
use crate::tools::cluster::clean::{ClusterCleaner, OwnedNamespace, expired};
use crate::tools::toolbox::Toolbox;

/// What `clean` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
The command reads this machine's ledger of runs, and leaves alone whatever belongs to a run that is still going on. \
With --context, it also reads the labels of the namespaces in that cluster, and so finds what runs on other machines \
left there.

Exit codes:
  0    nothing is left behind
  2    bad input or usage
  3    something could not be removed

Examples:
  kestra-secrets clean
  kestra-secrets clean --context staging")]
pub struct Args {
    /// Also delete the expired namespaces of runs in this context; repeat for several
    #[arg(long, value_name = "NAME")]
    context: Vec<String>,
}

/// Ends what the runs own whose process is gone; runs that go on are left alone.
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let toolbox = Toolbox::from_env(super::interrupt::token()?).into_diagnostic()?;
    let (clusters, kind) = (
        ClusterCleaner {
            toolbox: toolbox.clone(),
        },
        KindCleaner { toolbox },
    );
    let cleaners: [&dyn Cleaner; 4] = [&Local, &Containers, &clusters, &kind];
    let mut exit = ExitCode::Success;
    let mut found = 0;
    let runs = past_runs()
        .await
        .into_diagnostic()
        .wrap_err("failed to read the ledger")?;
    for run in runs.into_iter().filter(crate::system::ledger::PastRun::is_stale) {
        for (thing, result) in run
            .clean(&cleaners)
            .await
            .into_diagnostic()
            .wrap_err("failed to clean")?
        {
            found += 1;
            match result {
                Ok(Cleaned::Removed) => stdout::line(format!("removed {thing}")),
                Ok(Cleaned::WasGone) => stdout::line(format!("was gone {thing}")),
                Err(e) => {
                    terminal::line(&format!("error: {e}"));
                    exit = ExitCode::Infra;
                }
            }
        }
    }
    for context in args.context {
        let access = Access {
            kubeconfig: None,
            context: context.clone(),
        };
        match expired(access).await {
            Ok(namespaces) => {
                for OwnedNamespace {
                    namespace,
                    about,
                    deleted,
                } in namespaces
                {
                    found += 1;
                    let what = if deleted { "removed" } else { "left alone" };
                    stdout::line(format!("{what} namespace {namespace} in context {context} ({about})"));
                }
            }
            Err(infra) => {
                found += 1;
                exit = print_infra_error(&infra);
            }
        }
    }
    if found == 0 {
        stdout::line("nothing was left behind");
    }
    Ok(exit)
}
