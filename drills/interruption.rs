//! SIGINT, SIGTERM and SIGKILL at moments drawn from the whole length of a run. After the end (and after `clean`, for
//! SIGKILL) nothing of it may be there.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use nix::sys::signal::Signal;
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::Common;
use crate::left::Seen;
use crate::support::ENGINE;
use crate::support::sandbox::{Sandbox, run};
use crate::support::watched::Watched;
use crate::table::Table;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// How often each signal is sent on each provider
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Where; several times for several
    #[arg(long = "on", value_enum, default_values_t = [On::Embedded, On::Docker, On::Kind])]
    places: Vec<On>,
}

#[derive(Clone, Copy, ValueEnum)]
enum On {
    Embedded,
    Docker,
    Kind,
}

impl On {
    fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Docker => "docker",
            Self::Kind => "kind",
        }
    }

    /// Steps and restarts are tried where they take seconds.
    fn scenario(self) -> &'static str {
        match self {
            Self::Embedded | Self::Docker => "rotation",
            Self::Kind => "extra-env",
        }
    }

    fn start(self, sandbox: &Sandbox) -> Watched {
        let args = ["run", self.scenario(), "--provider", self.name(), "--kestra", ENGINE];
        Watched::start(sandbox.command(args))
    }
}

const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL];

pub fn drill(args: &Args) -> Table {
    let mut rng = args.common.rng();
    let seed = args.common.seed;
    let mut table = Table::new(format!("Interruption, seed {seed}"));
    for &on in &args.places {
        let clock = Instant::now();
        let sandbox = Sandbox::new();
        let undisturbed = on.start(&sandbox).end().with_code(0);
        assert!(undisturbed.stdout.contains(" passed"), "{}", undisturbed.stdout);
        let length = clock.elapsed();
        eprintln!("{}: undisturbed {:.1} s", on.name(), length.as_secs_f64());
        for signal in SIGNALS {
            let mut trials = Vec::new();
            let mut early = 0;
            for round in 1..=args.rounds {
                let mut trial = interrupted(on, signal, &mut rng, length);
                // A run that was faster than the undisturbed one was not interrupted: it does not count.
                while trial.over && trial.held.is_ok() && early < args.rounds {
                    early += 1;
                    trial = interrupted(on, signal, &mut rng, length);
                }
                let said = match &trial.held {
                    Ok(()) => "nothing left".to_owned(),
                    Err(left) => format!("LEFT: {left}"),
                };
                eprintln!(
                    "{} {signal} {round}/{}: at {:.2} s, after {:?}: {said}",
                    on.name(),
                    args.rounds,
                    trial.at.as_secs_f64(),
                    trial.last
                );
                trials.push(trial.held);
            }
            let seen = match early {
                0 => format!("within {:.1} s", length.as_secs_f64()),
                n => format!("within {:.1} s; {n} more had ended by then", length.as_secs_f64()),
            };
            table.row(format!("{signal} on {}", on.name()), &trials, seen);
        }
    }
    table
}

struct Trial {
    at: Duration,
    /// The last line before the signal.
    last: String,
    /// The run was faster than the undisturbed one and had ended.
    over: bool,
    held: Result<(), String>,
}

fn interrupted(on: On, signal: Signal, rng: &mut StdRng, length: Duration) -> Trial {
    let at = length.mul_f64(rng.random());
    let sandbox = Sandbox::new();
    let clock = Instant::now();
    let mut watched = on.start(&sandbox);
    let last = watched.lines_until(clock + at).unwrap_or_default();
    let seen = Seen::now(&sandbox, watched.pid());
    watched.signal(signal);
    let ended = watched.end();
    let over = ended.code == Some(0);
    let held = match (signal, ended.code) {
        (_, Some(0)) => Ok(()),
        (Signal::SIGKILL, None) => {
            let clean = run(sandbox.command(["clean"]));
            match clean.code {
                Some(0) => Ok(()),
                code => Err(format!("clean exits {code:?}: {}", clean.stderr)),
            }
        }
        // Before the program has its handlers a signal ends it as the system does: it has made nothing yet.
        (Signal::SIGINT | Signal::SIGTERM, None) if !seen.anything() => Ok(()),
        (Signal::SIGINT | Signal::SIGTERM, Some(130)) if !ended.stderr.contains("panicked") => Ok(()),
        (_, code) => Err(format!("exits {code:?}: {}", ended.stderr)),
    };
    let held = held.and_then(|()| seen.left(&sandbox));
    if held.is_err() {
        // What was left is not left to the next trial, nor to the machine.
        run(sandbox.command(["clean"]));
    }
    Trial { at, last, over, held }
}
