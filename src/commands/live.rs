//! What all commands that start a Kestra do: a session from its opening to its end.

use std::path::Path;
use std::sync::Arc;

use miette::{IntoDiagnostic as _, WrapErr as _};

use super::interrupt;
use super::output::Output;
use crate::plan::Plan;
use crate::report::{self, Report, console::Console};
use crate::session::{Options, Session};
use crate::verdict::Exit;

/// Carries out the plan that is made for the session; `tell` says more of the report than its table does.
///
/// # Errors
/// Bad input: no plan can be made, or the report's folder cannot be written.
pub async fn live(
    options: Options,
    folder: Option<&Path>,
    plan: impl AsyncFnOnce(&Session) -> miette::Result<Plan>,
    output: &Output,
    tell: impl FnOnce(&Report),
) -> miette::Result<Exit> {
    let console = Arc::new(Console::default());
    let cancel = interrupt::token()?;
    let session = match Session::open(options, console.clone(), cancel.clone()).await {
        Ok(session) => session,
        Err(infra) => {
            let exit = console.broken(&infra);
            return Ok(if cancel.is_cancelled() { Exit::Interrupted } else { exit });
        }
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
    let exit = match (report, closed) {
        (Ok(report), Ok(())) => {
            if let Some(folder) = folder {
                report::write(&report, folder)
                    .into_diagnostic()
                    .wrap_err_with(|| format!("failed to write the report into {}", folder.display()))?;
            }
            tell(&report);
            let exit = console.last_line(&report, cancel.is_cancelled());
            output.tell(&report);
            exit
        }
        (Err(infra), _) | (_, Err(infra)) => console.broken(&infra),
    };
    Ok(if cancel.is_cancelled() { Exit::Interrupted } else { exit })
}
