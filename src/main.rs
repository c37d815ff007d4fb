//! `kestra-secrets`, the command.

use std::process::ExitCode;

use clap::Parser as _;
use kestra_secrets::commands::{self, Cli};
use kestra_secrets::verdict::Exit;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("KESTRA_SECRETS_LOG"))
        .finish()
        // It logs what goes over a WebSocket, secrets and all.
        .with(filter_fn(|event| !event.target().contains("tungstenite")))
        .init();
    // The terminal wraps by itself; a name or a command broken in two cannot be copied.
    let _ = miette::set_hook(Box::new(|_| {
        Box::new(miette::MietteHandlerOpts::new().wrap_lines(false).build())
    }));
    let exit = commands::run(Cli::parse()).await.unwrap_or_else(|report| {
        eprintln!("{report:?}");
        Exit::Usage
    });
    exit.into()
}
