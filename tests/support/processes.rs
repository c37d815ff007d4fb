//! The process table, as /proc tells it.

use std::fs;
use std::net::TcpStream;

use super::sandbox::Sandbox;

/// A process, told apart from a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: u32,
    started: String,
    parent: u32,
    pub arguments: Vec<String>,
    /// As it was started with; empty where it may not be read.
    pub environment: Vec<u8>,
}

impl Process {
    /// One that is there and has not ended.
    fn running(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; the fields after it hold no parenthesis.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // The first thread of a process that was killed may be over before the others.
        (*fields.first()? != "Z" || fields.get(17)?.parse::<u32>().ok()? > 1).then_some(())?;
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            started: (*fields.get(19)?).to_owned(),
            arguments: String::from_utf8_lossy(&arguments)
                .split_terminator('\0')
                .map(str::to_owned)
                .collect(),
            environment: fs::read(format!("/proc/{pid}/environ")).unwrap_or_default(),
        })
    }

    pub fn is_alive(&self) -> bool {
        Self::running(self.pid).is_some_and(|now| now.started == self.started)
    }

    /// Whether it is an engine of ours.
    pub fn is_engine(&self) -> bool {
        self.arguments.iter().any(|a| a == "engine.Engine")
    }

    /// The value of a Java system property on its command line.
    pub fn property(&self, name: &str) -> Option<&str> {
        let prefix = format!("-D{name}=");
        self.arguments.iter().find_map(|a| a.strip_prefix(&prefix))
    }
}

/// All processes.
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::running).collect()
}

/// The descendants of a process.
pub fn below(pid: u32) -> Vec<Process> {
    let all = all();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|p| p.parent == parent) {
            parents.push(process.pid);
            found.push(process.clone());
        }
    }
    found
}

/// Fails the test when one of these processes, or anything of the sandbox, is still there.
#[track_caller]
pub fn assert_nothing_left(sandbox: &Sandbox, before: &[Process]) {
    let alive: Vec<_> = before.iter().filter(|p| p.is_alive()).collect();
    assert!(alive.is_empty(), "{alive:?}");
    let ours = sandbox.temporary().display().to_string();
    let later: Vec<_> = all()
        .into_iter()
        .filter(|p| p.arguments.iter().any(|a| a.contains(&ours)))
        .collect();
    assert!(later.is_empty(), "{later:?}");
    for process in before.iter().filter(|p| p.is_engine()) {
        for port in ["micronaut.server.port", "endpoints.all.port", "engine.grpc.port"] {
            let port = process.property(port).unwrap().parse().unwrap();
            assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} is open");
        }
    }
    sandbox.assert_clean();
}
