//! Many cases in a row by one process on one cluster: its memory, threads and files stay what they were, and the
//! cluster's objects too.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use crate::Common;
use crate::cluster::Cluster;
use crate::support::ENGINE;
use crate::support::sandbox::Sandbox;
use crate::support::watched::Watched;
use crate::table::Table;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// How many releases come and go
    #[arg(long, default_value_t = 20)]
    installations: usize,
    /// How many flows each serves
    #[arg(long, default_value_t = 10)]
    cases: usize,
}

/// What is looked at in the cluster before and afterwards.
const KINDS: &str = "namespaces,secrets,configmaps,serviceaccounts,services,deployments,replicasets,pods";
/// How much of its memory after a tenth of the cases a process may have gained at the end.
const GAIN: f64 = 1.10;

/// What a process holds.
#[derive(Clone, Copy)]
struct Sample {
    cases: usize,
    rss_kib: u64,
    peak_kib: u64,
    threads: u64,
    files: u64,
}

pub fn drill(args: &Args) -> Table {
    let mut table = Table::new("Soak");
    drop(args.common.rng());
    let cluster = Cluster::create();
    let sandbox = Sandbox::new();
    write(&sandbox, args);
    let before = cluster.names(KINDS);
    let clock = Instant::now();
    let mut command = sandbox.command([
        "run",
        "scenarios",
        "--kestra",
        ENGINE,
        "--provider",
        "context",
        "--context",
        "faulty",
    ]);
    command.env("KUBECONFIG", sandbox.file("kubeconfig", cluster.straight()));
    let mut watched = Watched::start(command);
    let (mut samples, mut namespaces) = (Vec::new(), BTreeSet::new());
    let mut begun = 0;
    let tenth = (args.installations * args.cases / 10).max(1);
    while let Some(line) = watched.line() {
        let is_step = line.starts_with("  …");
        let begins = is_step && line.contains(": soak-");
        begun += usize::from(begins);
        if begins && begun % tenth == 0 {
            namespaces.extend(cluster.namespaces());
            if let Some(sample) = sample(watched.pid(), begun) {
                eprintln!(
                    "{} cases: {} KiB now, {} KiB at most, {} threads, {} files",
                    sample.cases, sample.rss_kib, sample.peak_kib, sample.threads, sample.files
                );
                samples.push(sample);
            }
        } else if !is_step {
            eprintln!("{line}");
        }
    }
    let ended = watched.end();
    let seconds = clock.elapsed().as_secs();
    let all = args.installations * args.cases;
    let right = match ended.code {
        Some(0) if ended.stdout.contains(&format!("{all} passed, 0 failed")) => Ok(()),
        code => Err(format!("exit {code:?}: {}{}", ended.stdout, ended.stderr)),
    };
    let again = ended.stderr.matches("once more").count();
    table.row(
        format!("{all} cases on {} releases", args.installations),
        &[right],
        format!("{seconds} s, {again} cases tried again"),
    );
    let (Some(&first), Some(&last)) = (samples.first(), samples.last()) else {
        table.row("memory of the process", &[Err("never looked at".into())], "");
        return table;
    };
    #[allow(clippy::cast_precision_loss)]
    let flat = last.rss_kib as f64 <= first.rss_kib as f64 * GAIN;
    let told = |value: fn(&Sample) -> u64| {
        samples
            .iter()
            .map(|s| value(s).to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    table.row(
        "memory of the process, in MiB, at each tenth of the cases",
        &[flat.then_some(()).ok_or_else(|| told(|s| s.rss_kib))],
        format!("{}; at most {}", told(|s| s.rss_kib / 1024), last.peak_kib / 1024),
    );
    let steady = last.threads <= first.threads + 4 && last.files <= first.files + 16;
    table.row(
        "its threads and open files",
        &[steady.then_some(()).ok_or_else(|| told(|s| s.files))],
        format!("threads {}; files {}", told(|s| s.threads), told(|s| s.files)),
    );
    cluster.namespaces_left();
    let after = cluster.names(KINDS);
    let more: Vec<_> = after.iter().filter(|n| !before.contains(n)).cloned().collect();
    table.row(
        "the cluster's objects afterwards",
        &[more.is_empty().then_some(()).ok_or_else(|| more.join(", "))],
        format!(
            "{} before, {} after; {} namespaces were seen to come",
            before.len(),
            after.len(),
            namespaces.len()
        ),
    );
    let left = sandbox.left_behind();
    table.row(
        "files and ledgers",
        &[left.is_empty().then_some(()).ok_or_else(|| format!("{left:?}"))],
        "",
    );
    table
}

/// Cases that share an installation, as their documents are the same, and differ in their flows.
fn write(sandbox: &Sandbox, args: &Args) {
    for n in 0..args.installations {
        let secret = format!("plaintext {n}");
        let encoded = crate::left::said("sh", &["-c", &format!("printf %s '{secret}' | base64 -w0")]);
        let values = format!("common:\n  extraEnv:\n    - name: SECRET_SOAK\n      value: {encoded}\n");
        sandbox.file(&format!("scenarios/files/values-{n}.yaml"), values);
        for c in 0..args.cases {
            let flow = format!(
                "id: soak_{n}_{c}\nnamespace: company.team\ntasks:\n  - id: read\n    type: \
                 io.kestra.plugin.core.output.OutputValues\n    values:\n      v: \"{{{{ secret('SOAK') }}}}\"\n"
            );
            sandbox.file(&format!("scenarios/files/flow-{n}-{c}.yaml"), flow);
            let scenario = format!(
                "schema: 1\nname: soak-{n}-{c}\nabout: Soak.\nliteral: {{chart: 1.x, values: files/values-{n}.yaml, \
                 manifests: [], flow: files/flow-{n}-{c}.yaml}}\npublic: true\nexpect: {{outputs: {{v: {secret}}}}}\n"
            );
            sandbox.file(&format!("scenarios/soak-{n}-{c}.yaml"), scenario);
        }
    }
}

fn sample(pid: u32, cases: usize) -> Option<Sample> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find(|l| l.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some(Sample {
        cases,
        rss_kib: field("VmRSS:")?,
        peak_kib: field("VmHWM:")?,
        threads: field("Threads:")?,
        files: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64,
    })
}
