//! `kestra-secrets`, the command.

use std::process::ExitCode;

use clap::Parser as _;
use kestra_secrets::commands::{self, Cli};
use kestra_secrets::verdict::Exit;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("KESTRA_SECRETS_LOG"))
        .init();
    let exit = commands::run(Cli::parse()).await.unwrap_or_else(|report| {
        eprintln!("{report:?}");
        Exit::Usage
    });
    exit.into()
}
