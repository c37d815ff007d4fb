//! Bad days on a cluster. Whatever breaks, a right value is never told as a wrong one, what can be made good by another
//! try is, and nothing is left.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::Common;
use crate::cluster::Cluster;
use crate::support::ENGINE;
use crate::support::proxy::{Fate, Proxy, Request};
use crate::support::sandbox::{Ended, Sandbox};
use crate::support::watched::Watched;
use crate::table::Table;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// How often each fault is tried
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Which; several times for several, all by default
    #[arg(long = "only", value_enum)]
    only: Vec<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// Three of four tunnels to the pod break after some bytes
    TunnelCut,
    /// Every tunnel to the pod breaks after a few bytes
    TunnelDead,
    /// Every tenth connection to the API server breaks after some bytes
    ConnectionCut,
    /// The pod is killed while the flow runs
    PodKilled,
    /// The pod is killed after its Secret was rotated, so that its successor gives another value
    PodKilledAfterRotation,
    /// The API server answers every fifth request with 429
    Busy,
    /// The API server answers every tenth request with 500
    Failing,
    /// The API server answers late
    Slow,
    /// The API server stops answering
    Silent,
    /// helm is killed at a moment of its own
    HelmKilled,
    /// The container has too little memory
    OutOfMemory,
    /// The engine's own heap is too small, without a cluster
    SmallHeap,
    /// The folder for temporary files is full
    FullDisk,
}

/// Every run of two scenarios makes more requests to the API server than this, most of them helm's.
const REQUESTS: u64 = 25;

/// A flow that can be disturbed while it runs.
const SLOW: &str = "schema: 1\nname: slow\nabout: Slow.\nstrategy: extra-env\nsecrets: {A: {plain: plaintext, public: true}}\n\
                    flow: flow.yaml\nexpect: {outputs: {a: plaintext}}\n";
const SLOW_FLOW: &str = "id: slow\nnamespace: company.team\ntasks:\n  - id: wait\n    type: io.kestra.plugin.core.flow.Sleep\n    \
                         duration: PT4S\n  - id: read\n    type: io.kestra.plugin.core.output.OutputValues\n    values:\n      \
                         a: \"{{ secret('A') }}\"\n";
/// The same, whose Secret is changed while the pod stays.
const ROTATED: &str = "schema: 1\nname: slow\nabout: Slow.\nstrategy: secret-key-ref\n\
                       secrets: {A: {plain: plaintext, public: true}}\nflow: flow.yaml\n\
                       expect: {outputs: {a: plaintext}}\nsteps:\n  - rotate: {A: {plain: another, public: true}}\n    \
                       expect: {outputs: {a: plaintext}}\n";

/// Longer than any of these runs takes, with a try more and all deadlines.
const BOUND: Duration = Duration::from_secs(240);

pub fn drill(args: &Args) -> Table {
    let mut rng = args.common.rng();
    let mut table = Table::new(format!("Faults, seed {}", args.common.seed));
    let chosen: Vec<_> = if args.only.is_empty() {
        Fault::value_variants().to_vec()
    } else {
        args.only.clone()
    };
    let cluster = Cluster::create();
    let plain = cluster.plain();
    for fault in chosen {
        let what = fault.to_possible_value().unwrap();
        let (mut trials, mut codes, mut tried) = (Vec::new(), Vec::new(), 0);
        let mut longest = Duration::ZERO;
        for round in 1..=args.rounds {
            let clock = Instant::now();
            let trial = Trial::new(fault, &cluster, plain, StdRng::seed_from_u64(rng.random()));
            longest = longest.max(clock.elapsed());
            let held = trial.judge(fault, &cluster, clock.elapsed());
            let again = trial.ended.stderr.contains("it is tried once more");
            tried += usize::from(again);
            eprintln!(
                "{} {round}/{}: {} exit {:?}{} in {:.1} s: {}",
                what.get_name(),
                args.rounds,
                trial.what,
                trial.ended.code,
                if again { ", tried again" } else { "" },
                clock.elapsed().as_secs_f64(),
                held.as_ref().err().map_or("held", String::as_str)
            );
            if trial.ended.code != Some(0) {
                let because = trial.ended.stdout.lines().chain(trial.ended.stderr.lines());
                because
                    .filter(|l| l.contains("FAIL [") || l.starts_with("error"))
                    .for_each(|l| eprintln!("    {l}"));
            }
            codes.push(trial.ended.code.map_or("a signal".into(), |c| c.to_string()));
            trials.push(held);
        }
        codes.sort();
        let count = |code: &String| codes.iter().filter(|c| *c == code).count();
        let mut each: Vec<_> = codes.iter().map(|c| format!("{} exit {c}", count(c))).collect();
        each.dedup();
        let seen = format!(
            "{}; {tried} tried again; at most {:.0} s",
            each.join(", "),
            longest.as_secs_f64()
        );
        table.row(what.get_help().unwrap().to_string(), &trials, seen);
    }
    table
}

struct Trial {
    sandbox: Sandbox,
    ended: Ended,
    /// What was done to it.
    what: String,
}

impl Trial {
    fn new(fault: Fault, cluster: &Cluster, plain: SocketAddr, rng: StdRng) -> Self {
        let sandbox = Sandbox::new();
        sandbox.file("slow.yaml", SLOW);
        sandbox.file("rotated.yaml", ROTATED);
        sandbox.file("flow.yaml", SLOW_FLOW);
        let (ended, what) = match fault {
            Fault::PodKilled => pod_killed(&sandbox, cluster, rng, "slow.yaml", "install", ": slow"),
            Fault::PodKilledAfterRotation => {
                pod_killed(&sandbox, cluster, rng, "rotated.yaml", "roll out", ": slow/1-rotate")
            }
            Fault::HelmKilled => helm_killed(&sandbox, cluster, rng),
            Fault::OutOfMemory => out_of_memory(&sandbox, cluster),
            Fault::SmallHeap => small_heap(&sandbox),
            Fault::FullDisk => full_disk(&sandbox, cluster),
            _ => through_proxy(&sandbox, plain, rng, fault),
        };
        Self { sandbox, ended, what }
    }

    /// The value is right in all of these runs, so that exit 1 is never true; where nothing stays broken, neither is 3.
    fn judge(&self, fault: Fault, cluster: &Cluster, took: Duration) -> Result<(), String> {
        let good: &[i32] = match fault {
            Fault::TunnelDead | Fault::OutOfMemory | Fault::SmallHeap | Fault::FullDisk | Fault::Silent => &[3],
            Fault::PodKilled | Fault::PodKilledAfterRotation | Fault::HelmKilled | Fault::Slow | Fault::Busy => &[0],
            Fault::TunnelCut | Fault::ConnectionCut | Fault::Failing => &[0, 3],
        };
        let Ended { code, stdout, stderr } = &self.ended;
        if !code.is_some_and(|c| good.contains(&c)) || stderr.contains("panicked") {
            return Err(format!("{}: exit {code:?}\n{stdout}\n{stderr}", self.what));
        }
        if fault == Fault::FullDisk && !self.what.starts_with('0') {
            return Err(self.what.clone());
        }
        if took > BOUND {
            return Err(format!("{}: took {took:?}", self.what));
        }
        // What could not be taken down while the API server was away is in the ledger, and `clean` finds it.
        let clean = crate::support::sandbox::run(self.sandbox.command(["clean"]).env_context(cluster, &self.sandbox));
        let mut left: Vec<_> = self
            .sandbox
            .left_behind()
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        left.extend(cluster.namespaces_left());
        match left.is_empty() {
            true if code == &Some(0) && clean.stdout != "nothing was left behind\n" => {
                Err(format!("left to clean: {}", clean.stdout))
            }
            true => Ok(()),
            false => Err(format!(
                "{} left; clean said {} {}",
                left.join(", "),
                clean.stdout,
                clean.stderr
            )),
        }
    }
}

/// Lets a command reach the cluster by the file that its run has named, whose proxy is gone.
trait EnvContext {
    fn env_context(self, cluster: &Cluster, sandbox: &Sandbox) -> Command;
}

impl EnvContext for Command {
    fn env_context(mut self, cluster: &Cluster, sandbox: &Sandbox) -> Command {
        self.env("KUBECONFIG", kubeconfig(sandbox, &cluster.straight()));
        self
    }
}

fn kubeconfig(sandbox: &Sandbox, text: &str) -> PathBuf {
    sandbox.file("kubeconfig", text)
}

fn run_on(sandbox: &Sandbox, config: &str, args: &[&str]) -> Command {
    let context = ["--context", "faulty", "--kestra", ENGINE, "--timeout", "60"];
    let mut command = sandbox.command(["run"].iter().chain(args).chain(&context));
    command
        .env("KUBECONFIG", kubeconfig(sandbox, config))
        .env("KESTRA_SECRETS_PROVIDER", "context");
    command
}

fn through_proxy(sandbox: &Sandbox, plain: SocketAddr, rng: StdRng, fault: Fault) -> (Ended, String) {
    let rng = Mutex::new(rng);
    let draw = move |range: std::ops::Range<u64>| rng.lock().unwrap().random_range(range);
    // The request from which on a silent server is silent. A moment would do on no other machine: a quick run ends
    // before it.
    let silent = draw(0..REQUESTS);
    let asked = AtomicU64::new(0);
    let fate = move |request: &Request| match fault {
        Fault::TunnelCut if request.is_tunnel() && draw(0..4) > 0 => Fate::Cut(draw(0..3000)),
        Fault::TunnelDead if request.is_tunnel() => Fate::Cut(draw(0..400)),
        Fault::ConnectionCut if draw(0..10) == 0 => Fate::Cut(draw(0..3000)),
        Fault::Busy if draw(0..5) == 0 => Fate::Answered(429),
        Fault::Failing if draw(0..10) == 0 => Fate::Answered(500),
        Fault::Slow => Fate::Late(Duration::from_millis(draw(0..1500))),
        Fault::Silent if asked.fetch_add(1, Ordering::Relaxed) >= silent => Fate::Silence,
        _ => Fate::Passed,
    };
    let proxy = Proxy::start(Some(plain), fate);
    let ended = Watched::start(run_on(sandbox, &proxy.kubeconfig(), &["extra-env", "secret-key-ref"])).end();
    (ended, format!("{} requests spoiled,", proxy.spoiled()))
}

fn pod_killed(
    sandbox: &Sandbox,
    cluster: &Cluster,
    mut rng: StdRng,
    scenario: &str,
    first: &str,
    line: &str,
) -> (Ended, String) {
    let mut watched = Watched::start(run_on(sandbox, &cluster.straight(), &[scenario]));
    watched.wait_for(first);
    watched.wait_for(line);
    let after = Duration::from_millis(rng.random_range(0..3500));
    std::thread::sleep(after);
    for namespace in cluster.namespaces() {
        let namespace = namespace.trim_start_matches("namespace/");
        let kill = [
            "delete",
            "pods",
            "--all",
            "-n",
            namespace,
            "--grace-period=0",
            "--force",
        ];
        cluster.kubectl(&kill);
    }
    (
        watched.end(),
        format!("{:.1} s after the flow's start,", after.as_secs_f64()),
    )
}

/// A helm that is killed once, so many milliseconds after it began to install.
fn helm_killed(sandbox: &Sandbox, cluster: &Cluster, mut rng: StdRng) -> (Ended, String) {
    let after = rng.random_range(0..800);
    let helm = Command::new("sh").args(["-c", "command -v helm"]).output().unwrap();
    let helm = String::from_utf8(helm.stdout).unwrap();
    let body = format!(
        "mark='{}'\nif [ \"$1\" = install ] && [ ! -e \"$mark\" ]; then\n  : >\"$mark\"\n  (sleep {:.3}; kill -9 $$) \
         >/dev/null 2>&1 &\nfi\nexec '{}' \"$@\"",
        sandbox.work().join("killed").display(),
        f64::from(after) / 1000.0,
        helm.trim()
    );
    let mut command = run_on(sandbox, &cluster.straight(), &["extra-env"]);
    command.env("KESTRA_SECRETS_HELM", sandbox.script("helm", &body));
    (Watched::start(command).end(), format!("killed after {after} ms,"))
}

/// A heap that is touched at once, and that the container may not have.
fn out_of_memory(sandbox: &Sandbox, cluster: &Cluster) -> (Ended, String) {
    let options = "{name: _JAVA_OPTIONS, value: -Xms400m -XX:+AlwaysPreTouch}";
    little(
        sandbox,
        &format!("extraEnv: [{options}], resources: {{limits: {{memory: 300Mi}}}}"),
    );
    let ended = Watched::start(run_on(sandbox, &cluster.straight(), &["slow.yaml"])).end();
    // The console wraps it.
    let said = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = said.contains("ran out of memory");
    let what = if named {
        "memory is named,"
    } else {
        "memory is not named,"
    };
    (ended, what.into())
}

/// The slow scenario with more values, by the one strategy that leaves `extraEnv` to the user.
fn little(sandbox: &Sandbox, common: &str) {
    let slow = SLOW.replace("extra-env", "extra-env-from");
    sandbox.file(
        "slow.yaml",
        slow.replace("flow:", &format!("values: {{common: {{{common}}}}}\nflow:")),
    );
}

fn small_heap(sandbox: &Sandbox) -> (Ended, String) {
    little(sandbox, "extraEnv: [{name: _JAVA_OPTIONS, value: -Xmx24m}]");
    let run = [
        "run",
        "slow.yaml",
        "--provider",
        "embedded",
        "--kestra",
        ENGINE,
        "--timeout",
        "60",
    ];
    let ended = Watched::start(sandbox.command(run)).end();
    let named = ended.stdout.contains("OutOfMemoryError");
    (
        ended,
        if named {
            "the heap is named,"
        } else {
            "the heap is not named,"
        }
        .into(),
    )
}

fn full_disk(sandbox: &Sandbox, cluster: &Cluster) -> (Ended, String) {
    let at = sandbox.temporary();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "drill"])
        .arg(&at)
        .status();
    assert!(mount.is_ok_and(|s| s.success()), "to mount a file system takes root");
    let ended = Watched::start(run_on(sandbox, &cluster.straight(), &["extra-env"])).end();
    let left = fs::read_dir(&at).unwrap().count();
    assert!(Command::new("umount").arg(&at).status().unwrap().success());
    (ended, format!("{left} files left there,"))
}
