//! Drills: what the harness promises of bad days, tried many times over, for minutes. `cargo test` leaves them out;
//! one is run by its name:
//!
//! ```console
//! $ cargo test --release --test drills -- interruption
//! ```
//!
//! | module | what is tried |
//! |---|---|
//! | [`interruption`] | signals at random moments: nothing is left, by the process table, Docker and kind |
//! | [`faults`] | a tunnel that is cut, a pod that is killed, an API server, helm and engine that fail |
//! | [`concurrency`] | two runs at once, on one machine and on one cluster |
//! | [`soak`] | 200 cases in a row on one cluster: memory, and what is left in the cluster |
//!
//! What each drew comes from a seed, which is printed and can be given. Each says how far it is on standard error and
//! ends with a Markdown table on standard output; it fails when a promise was not held.

// A drill is a test: what it unwraps is the failure it reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod concurrency;
mod faults;
mod interruption;
mod left;
mod soak;
#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use table::Table;

#[derive(Parser)]
#[command(about = "What the harness promises of bad days, tried many times over")]
struct Cli {
    #[command(subcommand)]
    drill: Drill,
}

#[derive(Subcommand)]
enum Drill {
    /// Signals at random moments of a run
    Interruption(interruption::Args),
    /// What breaks around a value
    Faults(faults::Args),
    /// Two runs at once
    Concurrency(concurrency::Args),
    /// Many cases in a row
    Soak(soak::Args),
}

/// What every drill takes.
#[derive(Args)]
struct Common {
    /// What is drawn, drawn again [default: a random one, which is printed]
    #[arg(long, default_value_t = rand::random::<u32>().into())]
    seed: u64,
}

impl Common {
    fn rng(&self) -> StdRng {
        eprintln!("seed {}", self.seed);
        StdRng::seed_from_u64(self.seed)
    }
}

fn main() -> ExitCode {
    let table: Table = match Cli::parse().drill {
        Drill::Interruption(args) => interruption::drill(&args),
        Drill::Faults(args) => faults::drill(&args),
        Drill::Concurrency(args) => concurrency::drill(&args),
        Drill::Soak(args) => soak::drill(&args),
    };
    print!("{table}");
    if table.all_held() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
