//! The flags of all commands: how much is printed, and in which colours.

use std::ffi::OsString;

use anstream::{AutoStream, ColorChoice};
use clap::{ArgAction, Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::settings;
use crate::error::ExitCode;
use crate::system::stdout;
use crate::system::terminal::{self, Verbosity};

/// The variable with a filter of the log, in the words of tracing's `EnvFilter`; it goes before the flags.
const LOG: &str = "KESTRA_SECRETS_LOG";

/// The exit code of a command that would have ended with this one: output that is lost is a broken environment,
/// which a wrong value goes before.
pub fn exit(exit: ExitCode) -> ExitCode {
    match exit {
        ExitCode::Success if stdout::is_lost() => ExitCode::Infra,
        exit => exit,
    }
}

#[derive(Args)]
#[command(next_help_heading = "Output")]
pub struct ConsoleArgs {
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print every step and every choice; -vv also prints what goes on inside
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Use colours at these times
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    color: When,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum When {
    /// On a terminal, unless `NO_COLOR` is set; with `CLICOLOR_FORCE`, always
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Takes the colours from a command line that is not read yet: what is wrong with it is told in them too.
pub fn color(words: &[OsString]) {
    if let Some(when) = settings::word(words, "--color").and_then(|word| When::from_str(word.to_str()?, false).ok()) {
        when.apply();
    }
    // The terminal wraps by itself; a name or a command broken in two cannot be copied. A second hook is
    // refused, and changes nothing.
    let _ = miette::set_hook(Box::new(|_| {
        let options = miette::MietteHandlerOpts::new().wrap_lines(false);
        Box::new(options.color(has_colors()).build())
    }));
}

fn has_colors() -> bool {
    AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

impl When {
    fn apply(self) {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

/// The crates whose log is heard, whatever the filter asks for: what they log was seen to hold nothing that is sent or
/// received. Others log whole bodies, as tungstenite does a WebSocket's frames and bollard a container's environment.
const HEARD: [&str; 6] = [
    "kestra_secrets",
    "hyper_util",
    "kube_client",
    "kube_runtime",
    "reqwest",
    "rustls",
];

fn is_heard(target: &str) -> bool {
    HEARD.contains(&target.split("::").next().unwrap_or_default())
}

impl ConsoleArgs {
    /// Makes it so for the whole process.
    pub fn apply(&self) {
        self.color.apply();
        terminal::set_loudness(match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        });
        let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new(self.level()));
        let _ = tracing_subscriber::fmt()
            .with_writer(|| terminal::LogWriter)
            .with_ansi(has_colors())
            .with_target(self.verbose > 1)
            .without_time()
            .with_env_filter(filter)
            .finish()
            .with(filter_fn(|event| is_heard(event.target())))
            .try_init();
    }

    /// What other crates have to say is of no use to most: kube logs each try to reach an API server as an error, of
    /// which we say the last.
    fn level(&self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "kestra_secrets=error",
            (false, 0) => "kestra_secrets=warn",
            (false, 1) => "kestra_secrets=info",
            (false, _) => "warn,kestra_secrets=debug",
        }
    }
}
