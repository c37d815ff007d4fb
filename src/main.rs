//! `kestra-secrets`, the command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    kestra_secrets::cli::main(std::env::args_os()).await.into()
}
