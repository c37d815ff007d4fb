//! Child processes with deadlines, in groups of their own.
//!
//! [`Command`] is a program that is run to its end ([`Command::run`]) or kept running
//! ([`Command::spawn`], a [`ChildProcess`]). Either way the child leads a process group of its own, so
//! that a terminal's Ctrl-C reaches only the harness, which then ends its children in good order;
//! and nothing of the group outlives its leader: what is left is killed when the leader ends.
//!
//! A child belongs to the thread that started it (the module `group` says why): it is reaped
//! there whatever becomes of the future that waits for it, and on Linux the kernel kills it when
//! the harness itself is killed.

mod daemon;
mod group;
mod identity;
mod run;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use daemon::is_frame;
pub use daemon::{ChildLog, ChildProcess};
pub use identity::ProcessId;
pub use run::ProcessOutput;

/// Takes the secrets out of foreign text, such as a child's standard error.
pub type Scrub = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How long something may take, and what it is, for the error that says it took longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// What is being waited for, as a fragment that finishes "the deadline for …".
    pub what: &'static str,
    /// How long it may take.
    pub limit: Duration,
}

impl Deadline {
    /// A deadline of so many seconds.
    pub const fn seconds(what: &'static str, seconds: u64) -> Self {
        Self {
            what,
            limit: Duration::from_secs(seconds),
        }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the deadline for {}, {:?}", self.what, self.limit)
    }
}

/// A program to start: what it is given, and what its last words pass through before they are
/// shown.
///
/// Secrets go in by the environment or standard input, never by an argument, which every user of
/// the machine can read. `Debug` shows neither.
#[derive(Clone)]
pub struct Command {
    program: PathBuf,
    args: Vec<OsString>,
    clear_env: bool,
    env: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    scrub: Scrub,
}

impl Command {
    /// A program by path, or by name to be looked for on `PATH`.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            clear_env: false,
            env: Vec::new(),
            dir: None,
            stdin: None,
            scrub: Arc::new(str::to_owned),
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Gives the child nothing of our own environment.
    pub fn env_clear(mut self) -> Self {
        self.clear_env = true;
        self.env.clear();
        self
    }

    /// Sets one variable of the child's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets variables of the child's environment.
    pub fn envs(mut self, vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>) -> Self {
        for (name, value) in vars {
            self = self.env(name, value);
        }
        self
    }

    /// Where the child runs; our own directory otherwise.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// What the child reads on standard input; nothing otherwise. For [`run`](Self::run) only.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// What the child's output passes through before an error or a log shows it.
    pub fn scrub(mut self, scrub: Scrub) -> Self {
        self.scrub = scrub;
        self
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    fn to_std(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args);
        if self.clear_env {
            command.env_clear();
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("stdin", &self.stdin.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// Why a child process did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not there, may not be executed, or the machine is out of processes.
    #[error("failed to start {program}: {source}")]
    Start {
        /// The program as it was given.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended, but not well.
    #[error("failed to run {program}: {status}{last_words}")]
    Exit {
        /// The program as it was given.
        program: String,
        /// Its exit code, or the signal that ended it.
        status: ExitStatus,
        /// The end of its standard error.
        last_words: LastWords,
    },
    /// It was still running when its time was up, and was ended.
    #[error("failed to run {program} in time: {deadline} passed and it was ended{last_words}")]
    Deadline {
        /// The program as it was given.
        program: String,
        /// Which deadline passed.
        deadline: Deadline,
        /// The end of its standard error.
        last_words: LastWords,
    },
    /// The run was interrupted, and the child with it.
    #[error("failed to run {program} to its end: the run was cancelled")]
    Cancelled {
        /// The program as it was given.
        program: String,
    },
    /// It wrote more than we hold.
    #[error("failed to hold the {stream} of {program}: it wrote more than {limit} bytes and was ended")]
    TooMuchOutput {
        /// The program as it was given.
        program: String,
        /// `standard output` or `standard error`.
        stream: &'static str,
        /// The most that is held, in bytes.
        limit: u64,
    },
    /// Reading what it wrote failed.
    #[error("failed to read what {program} wrote: {source}")]
    Read {
        /// The program as it was given.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended, but the kernel kept no status of it: whoever started us ignores `SIGCHLD`.
    #[error(
        "failed to learn how {program} ended: the kernel kept no status of it; start kestra-secrets from a \
         parent that does not ignore SIGCHLD"
    )]
    Lost {
        /// The program as it was given.
        program: String,
    },
    /// It is still there after `SIGKILL`: the kernel holds it, often in a dead file system.
    #[error("failed to end {program} (process {pid}): it is still there after SIGKILL")]
    Unkillable {
        /// The program as it was given.
        program: String,
        /// Its process id.
        pid: u32,
    },
}

/// The last lines a child wrote before it failed, scrubbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastWords(Vec<String>);

impl LastWords {
    const LINES: usize = 10;

    /// The lines, oldest first.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// Scrubs before it cuts: a secret of several lines must not lose its head to the cut and
    /// show its tail.
    fn from_stderr(stderr: &[u8], scrub: &Scrub) -> Self {
        let text = scrub(&String::from_utf8_lossy(stderr));
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let from = lines.len().saturating_sub(Self::LINES);
        Self(lines[from..].iter().map(|line| (*line).to_owned()).collect())
    }
}

impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; it said nothing");
        }
        f.write_str("; it said:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
