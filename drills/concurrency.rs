//! Two runs at once, on one machine and on one cluster, of one user: each comes to its own end, and what ends one, or
//! cleans up after one, leaves the other alone.

use std::time::Duration;

use clap::ValueEnum;
use nix::sys::signal::Signal;
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::Common;
use crate::cluster::Cluster;
use crate::left::Seen;
use crate::support::ENGINE;
use crate::support::sandbox::{Sandbox, run};
use crate::support::watched::Watched;
use crate::table::Table;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// How often each pair is tried
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where; several times for several
    #[arg(long = "on", value_enum, default_values_t = [Where::Embedded, Where::Docker, Where::Cluster])]
    places: Vec<Where>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Where {
    Embedded,
    Docker,
    /// Each makes a kind cluster of its own
    Kind,
    /// One cluster for both
    Cluster,
}

/// Where a pair runs.
enum On<'a> {
    Provider(&'static str),
    Cluster(&'a Cluster),
}

pub fn drill(args: &Args) -> Table {
    let mut rng = args.common.rng();
    let mut table = Table::new(format!("Concurrency, seed {}", args.common.seed));
    let cluster = args.places.contains(&Where::Cluster).then(Cluster::create);
    for place in &args.places {
        let (name, on) = match (place, &cluster) {
            (Where::Embedded, _) => ("embedded", On::Provider("embedded")),
            (Where::Docker, _) => ("docker", On::Provider("docker")),
            (Where::Cluster, Some(cluster)) => ("one cluster", On::Cluster(cluster)),
            (Where::Kind | Where::Cluster, _) => ("a kind cluster each", On::Provider("kind")),
        };
        for (what, killed) in [("both to their end", false), ("one killed and cleaned meanwhile", true)] {
            let mut trials = Vec::new();
            for round in 1..=args.rounds {
                let trial = pair(&on, killed, &mut rng);
                let said = trial.as_ref().err().map_or("held", String::as_str);
                eprintln!("{name}, {what} {round}/{}: {said}", args.rounds);
                trials.push(trial);
            }
            table.row(format!("two runs on {name}, {what}"), &trials, "");
        }
    }
    table
}

fn start(on: &On, sandbox: &Sandbox) -> Watched {
    let args = ["run", "extra-env", "secret-key-ref", "--kestra", ENGINE];
    Watched::start(match on {
        On::Provider(provider) => sandbox.command(args.iter().chain(&["--provider", provider])),
        On::Cluster(_) => {
            let mut command = sandbox.command(args.iter().chain(&["--provider", "context", "--context", "faulty"]));
            command.env("KUBECONFIG", sandbox.work().join("kubeconfig"));
            command
        }
    })
}

fn pair(on: &On, killed: bool, rng: &mut StdRng) -> Result<(), String> {
    // One sandbox: of one user, whose ledger and temporary folder both share.
    let sandbox = Sandbox::new();
    if let On::Cluster(cluster) = on {
        // Once: while the second run starts, the first one's helm may be reading it.
        sandbox.file("kubeconfig", cluster.straight());
    }
    let clean = |sandbox: &Sandbox| {
        let mut command = sandbox.command(["clean"]);
        command.env("KUBECONFIG", sandbox.work().join("kubeconfig"));
        run(command)
    };
    let mut first = start(on, &sandbox);
    std::thread::sleep(Duration::from_millis(rng.random_range(0..3000)));
    let mut second = start(on, &sandbox);
    second.wait_for(": install");
    first.wait_for(": install");
    if killed {
        std::thread::sleep(Duration::from_millis(rng.random_range(0..4000)));
        second.signal(Signal::SIGKILL);
        // Dead before anybody cleans up after it.
        while second.line().is_some() {}
    }
    let cleaned = clean(&sandbox);
    if cleaned.code != Some(0) {
        return Err(format!("clean: {}{}", cleaned.stdout, cleaned.stderr));
    }
    let ended = second.end();
    if !killed {
        if ended.code != Some(0) || ended.stderr.contains("once more") {
            return Err(format!(
                "the second: {:?}\n{}{}",
                ended.code, ended.stdout, ended.stderr
            ));
        }
    }
    let seen = Seen::now(&sandbox, first.pid());
    let ended = first.end();
    if ended.code != Some(0) || ended.stderr.contains("once more") {
        return Err(format!("the first: {:?}\n{}{}", ended.code, ended.stdout, ended.stderr));
    }
    seen.left(&sandbox)?;
    match on {
        On::Cluster(cluster) => match &cluster.namespaces_left()[..] {
            [] => Ok(()),
            left => Err(left.join(", ")),
        },
        _ => Ok(()),
    }
}
