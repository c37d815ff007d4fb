//! What a run makes on this machine, seen while it runs, and what of it is there afterwards: by the process table, the
//! open ports, Docker, kind and the folders, whatever the program says.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::processes::{self, Process};
use crate::support::sandbox::Sandbox;

/// What the system may take to forget what has ended: sockets, and the process table of a container.
const GRACE: Duration = Duration::from_secs(5);

/// What a run had made at a moment.
pub struct Seen {
    processes: Vec<Process>,
    sockets: HashSet<String>,
    volumes: Vec<String>,
    /// The runs by their ids, of which everything in Docker and kind bears one in its name.
    runs: Vec<String>,
}

impl Seen {
    /// Looks at a run that goes on.
    pub fn now(sandbox: &Sandbox, pid: u32) -> Self {
        let runs = runs(sandbox);
        let processes = processes::below(pid);
        let mut sockets: HashSet<String> = processes.iter().flat_map(|p| sockets_of(p.pid)).collect();
        sockets.extend(sockets_of(pid));
        let open = listening();
        sockets.retain(|s| open.contains(s));
        Self {
            processes,
            sockets,
            volumes: containers(&runs).iter().flat_map(|c| volumes_of(c)).collect(),
            runs,
        }
    }

    /// Whether a run had come so far that it owned something.
    pub fn anything(&self) -> bool {
        !self.runs.is_empty()
    }

    /// What of it, or of anything that came later, is still there.
    pub fn left(&self, sandbox: &Sandbox) -> Result<(), String> {
        let deadline = Instant::now() + GRACE;
        loop {
            let left = self.find(sandbox);
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(left.join("; "));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn find(&self, sandbox: &Sandbox) -> Vec<String> {
        let mut left = Vec::new();
        for process in self.processes.iter().filter(|p| p.is_alive()) {
            left.push(format!("process {} {:?}", process.pid, process.arguments));
        }
        // Everything that a run starts inherits its TMPDIR, works in it, or is told of it.
        for process in processes::all() {
            if mentions(process.pid, sandbox.root()) {
                left.push(format!("process {} {:?}", process.pid, process.arguments));
            }
        }
        let open = listening();
        left.extend(
            self.sockets
                .intersection(&open)
                .map(|s| format!("listening socket {s}")),
        );
        let mut runs = self.runs.clone();
        runs.extend(self::runs(sandbox));
        left.extend(containers(&runs).iter().map(|c| format!("container {c}")));
        left.extend(clusters(&runs).iter().map(|c| format!("cluster {c}")));
        let volumes = said("docker", &["volume", "ls", "--quiet"]);
        let here = |v: &&String| volumes.lines().any(|l| l == *v);
        left.extend(self.volumes.iter().filter(here).map(|v| format!("volume {v}")));
        left.extend(sandbox.left_behind().iter().map(|f| format!("file {}", f.display())));
        left
    }
}

/// The ids of the runs that have a ledger.
fn runs(sandbox: &Sandbox) -> Vec<String> {
    let folder = sandbox.state().join("kestra-secrets/runs");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.filter_map(|f| f.file_name().into_string().ok());
    names
        .filter_map(|n| n.strip_suffix(".jsonl").map(str::to_owned))
        .collect()
}

fn mentions(pid: u32, folder: &Path) -> bool {
    let folder = folder.display().to_string();
    let holds = |file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(&folder)
    };
    holds("cmdline")
        || holds("environ")
        || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
}

/// The inodes of the sockets that a process holds.
fn sockets_of(pid: u32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = files.filter_map(|f| fs::read_link(f.path()).ok());
    let names = targets.filter_map(|t| t.to_str().map(str::to_owned));
    names
        .filter_map(|n| Some(n.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}

/// The inodes of all TCP sockets that listen.
fn listening() -> HashSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|f| fs::read_to_string(f).unwrap_or_default());
    let lines = tables.iter().flat_map(|t| t.lines().skip(1));
    let fields = lines.map(|l| l.split_whitespace().collect::<Vec<_>>());
    fields.filter(|f| f[3] == "0A").map(|f| f[9].to_owned()).collect()
}

/// The names that hold one of these ids.
fn of_runs(text: &str, runs: &[String]) -> Vec<String> {
    let lines = text.lines().filter(|l| runs.iter().any(|r| l.contains(r.as_str())));
    lines.map(str::to_owned).collect()
}

/// The containers of these runs.
fn containers(runs: &[String]) -> Vec<String> {
    of_runs(&said("docker", &["ps", "--all", "--format", "{{.Names}}"]), runs)
}

fn clusters(runs: &[String]) -> Vec<String> {
    of_runs(&said("kind", &["get", "clusters"]), runs)
}

fn volumes_of(container: &str) -> Vec<String> {
    let format = "{{range .Mounts}}{{if .Name}}{{println .Name}}{{end}}{{end}}";
    let output = Command::new("docker")
        .args(["inspect", "--format", format, container])
        .output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    // The container may be gone by now.
    text.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// What a command that must succeed prints; nothing where there is no such program, for then it made nothing.
pub fn said(program: &str, args: &[&str]) -> String {
    match Command::new(program).args(args).output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        Ok(output) => panic!("{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => panic!("{program}: {e}"),
    }
}
