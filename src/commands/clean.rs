//! `clean`: ends what killed runs left behind.

use miette::{IntoDiagnostic as _, WrapErr as _};

use crate::cluster::clean::ClusterCleaner;
use crate::ledger::{Cleaned, Cleaner, Local, past_runs};
use crate::provider::docker::Containers;
use crate::provider::live::KindCleaner;
use crate::toolbox::Toolbox;
use crate::verdict::Exit;

/// Ends what the runs own whose process is gone; runs that go on are left alone.
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn run() -> miette::Result<Exit> {
    let toolbox = Toolbox::from_env(super::interrupt::token()?).into_diagnostic()?;
    let (clusters, kind) = (
        ClusterCleaner {
            toolbox: toolbox.clone(),
        },
        KindCleaner { toolbox },
    );
    let cleaners: [&dyn Cleaner; 4] = [&Local, &Containers, &clusters, &kind];
    let mut exit = Exit::Fine;
    let mut found = 0;
    let runs = past_runs()
        .await
        .into_diagnostic()
        .wrap_err("failed to read the ledger")?;
    for run in runs.into_iter().filter(crate::ledger::PastRun::is_stale) {
        for (thing, result) in run
            .clean(&cleaners)
            .await
            .into_diagnostic()
            .wrap_err("failed to clean")?
        {
            found += 1;
            match result {
                Ok(Cleaned::Removed) => anstream::println!("removed {thing}"),
                Ok(Cleaned::WasGone) => anstream::println!("was gone {thing}"),
                Err(e) => {
                    anstream::eprintln!("error: failed to {e}");
                    exit = Exit::Broken;
                }
            }
        }
    }
    if found == 0 {
        anstream::println!("nothing was left behind");
    }
    Ok(exit)
}
