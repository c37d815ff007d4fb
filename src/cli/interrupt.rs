//! Ctrl-C and SIGTERM: everything is ended early, in good order.

use miette::IntoDiagnostic as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::system::terminal;

/// A token that is cancelled by the first SIGINT or SIGTERM. Later ones change nothing: cleaning up
/// has deadlines of its own.
///
/// # Errors
/// When the system takes no handler.
pub fn token() -> miette::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).into_diagnostic()?;
    let mut terminate = signal(SignalKind::terminate()).into_diagnostic()?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancelled.cancel();
        terminal::tell("interrupted: taking down what was made");
    });
    Ok(token)
}
