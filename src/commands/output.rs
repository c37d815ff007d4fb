//! The flags of all commands: how much is told, and in which colours.

use anstream::{AutoStream, ColorChoice};
use clap::{ArgAction, Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::progress::terminal::{self, Loudness};

/// The variable with a filter of the log, in the words of tracing's `EnvFilter`; it goes before the flags.
const LOG: &str = "KESTRA_SECRETS_LOG";

#[derive(Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Tell nothing while the work goes on: results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell each step by a line of its own, and what was chosen; -vv tells what goes on inside
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// When to colour; `NO_COLOR` and `CLICOLOR_FORCE` have their say in `auto`
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    color: When,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl Output {
    /// Makes it so for the whole process.
    pub fn apply(&self) {
        match self.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
        .write_global();
        terminal::set_loudness(match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (false, 0) => Loudness::Normal,
            (false, _) => Loudness::Verbose,
        });
        let colors = AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
        // The terminal wraps by itself; a name or a command broken in two cannot be copied. A second hook is
        // refused, and changes nothing.
        let _ = miette::set_hook(Box::new(move |_| {
            let options = miette::MietteHandlerOpts::new().wrap_lines(false);
            Box::new(options.color(colors).build())
        }));
        let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new(self.level()));
        let _ = tracing_subscriber::fmt()
            .with_writer(|| terminal::Log)
            .with_ansi(colors)
            .with_target(self.verbose > 1)
            .without_time()
            .with_env_filter(filter)
            .try_init();
    }

    /// What other crates have to say is of no use to most.
    fn level(&self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "error,kestra_secrets=warn",
            (false, 1) => "error,kestra_secrets=info",
            (false, _) => "warn,kestra_secrets=debug",
        }
    }
}
