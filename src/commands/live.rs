//! What all commands that start a Kestra do: a session from its opening to its end.

use std::path::Path;
use std::sync::Arc;

use miette::{IntoDiagnostic as _, WrapErr as _};

use super::interrupt;
use crate::plan::Plan;
use crate::report::{self, Report, console::Console};
use crate::session::{Options, Session};
use crate::verdict::{Exit, Infra};

/// What was carried out.
pub struct Carried {
    /// What came of it.
    pub report: Report,
    /// Where a person reads of it.
    pub console: Arc<Console>,
    /// Whether the run was interrupted.
    pub interrupted: bool,
}

/// Carries out the plan that is made for the session; `tell` says more of the report than its table does.
///
/// # Errors
/// Bad input: no plan can be made, or the report's folder cannot be written.
pub async fn live(
    options: Options,
    folder: Option<&Path>,
    plan: impl AsyncFnOnce(&Session) -> miette::Result<Plan>,
    tell: impl FnOnce(&Report),
) -> miette::Result<Exit> {
    Ok(match carry(options, folder, plan).await? {
        Ok(carried) => {
            tell(&carried.report);
            carried.console.last_line(&carried.report, carried.interrupted)
        }
        Err(exit) => exit,
    })
}

/// Carries out the plan that is made for the session and leaves it to the caller what is told of it; the exit code
/// where nothing came of it.
///
/// # Errors
/// Bad input: no plan can be made, or the report's folder cannot be written.
pub async fn carry(
    options: Options,
    folder: Option<&Path>,
    plan: impl AsyncFnOnce(&Session) -> miette::Result<Plan>,
) -> miette::Result<Result<Carried, Exit>> {
    let console = Arc::new(Console::default());
    let cancel = interrupt::token()?;
    let broken = |infra: &Infra| {
        let exit = console.broken(infra);
        if cancel.is_cancelled() { Exit::Interrupted } else { exit }
    };
    let session = match Session::open(options, console.clone(), cancel.clone()).await {
        Ok(session) => session,
        Err(infra) => return Ok(Err(broken(&infra))),
    };
    let plan = match plan(&session).await {
        Ok(plan) => plan,
        Err(input) => {
            if let Err(left) = session.close().await {
                console.broken(&left);
            }
            return Err(input);
        }
    };
    console.first_line(&session.header(&plan));
    let report = session.carry_out(plan).await;
    let closed = session.close().await;
    let report = match (report, closed) {
        (Ok(report), Ok(())) => report,
        (Err(infra), _) | (_, Err(infra)) => return Ok(Err(broken(&infra))),
    };
    if let Some(folder) = folder {
        report::write(&report, folder)
            .into_diagnostic()
            .wrap_err_with(|| format!("failed to write the report into {}", folder.display()))?;
    }
    let interrupted = cancel.is_cancelled();
    Ok(Ok(Carried {
        report,
        console,
        interrupted,
    }))
}
