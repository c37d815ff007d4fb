//! A child that is kept running, and what it says meanwhile.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::group::{Pipes, ProcessGroup};
use super::{Command, ProcessError, ProcessId, Scrub};

/// The lines that are held of a daemon's log.
const LINES: usize = 5_000;
/// A longer line is held as several.
const LINE: u64 = 64 * 1024;
/// How long the log may take to end after the child: somebody else may hold its pipes.
const DRAIN: Duration = Duration::from_secs(2);

/// A child that runs until it is stopped.
///
/// End it with [`stop`](Self::stop). Dropping it kills its group, with a warning, as a last
/// resort.
#[derive(Debug)]
pub struct ChildProcess {
    program: String,
    group: ProcessGroup,
    log: ChildLog,
}

impl Command {
    /// Starts the program and leaves it running, its output and error going to its [`ChildLog`] and,
    /// scrubbed, to the file if there is one.
    ///
    /// # Errors
    /// [`ProcessError::Start`]; [`ProcessError::Read`] when its pipes cannot be watched.
    pub async fn spawn(self, file: Option<File>) -> Result<ChildProcess, ProcessError> {
        let program = self.name();
        let (group, Pipes { stdout, stderr, .. }) =
            ProcessGroup::start(self.to_std(), false)
                .await
                .map_err(|source| ProcessError::Start {
                    program: program.clone(),
                    source,
                })?;
        let log = ChildLog::new(self.scrub, file);
        let read = |source| ProcessError::Read {
            program: program.clone(),
            source,
        };
        let stdout = stdout.map(ChildStdout::from_std).transpose().map_err(read)?;
        let stderr = stderr.map(ChildStderr::from_std).transpose().map_err(read)?;
        let followed = log.clone();
        // Ends the log also when the runtime ends and the task with it.
        let ended = log.0.ended.clone().drop_guard();
        tokio::spawn(async move {
            let _ended = ended;
            tokio::join!(followed.follow(stdout), followed.follow(stderr));
        });
        Ok(ChildProcess { program, group, log })
    }
}

impl ChildProcess {
    /// The process id of the child, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.group.pid()
    }

    /// The child, told apart from a later process of the same number; `None` if it had ended
    /// before it could be looked at.
    pub fn identity(&self) -> Option<&ProcessId> {
        self.group.identity()
    }

    /// What it has said so far.
    pub fn log(&self) -> &ChildLog {
        &self.log
    }

    /// Resolves when the child has ended, by itself or otherwise, and the log holds its last
    /// words; `None` where the kernel kept no status. The future borrows nothing, so that anyone
    /// may wait beside other work.
    pub fn exited(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let exited = self.group.exited();
        let log = self.log.clone();
        async move {
            let status = exited.await;
            let _ = timeout(DRAIN, log.0.ended.cancelled()).await;
            status
        }
    }

    /// Ends it: `SIGTERM` to its group, the grace, `SIGKILL`; returns when it is reaped and the log
    /// holds its last words.
    ///
    /// # Errors
    /// [`ProcessError::Unkillable`], [`ProcessError::Lost`].
    pub async fn stop(self, grace: Duration) -> Result<ExitStatus, ProcessError> {
        let ended = self.group.end(grace).await;
        if ended.is_some() {
            let _ = timeout(DRAIN, self.log.0.ended.cancelled()).await;
        }
        match ended {
            Some(Some(status)) => Ok(status),
            Some(None) => Err(ProcessError::Lost {
                program: self.program.clone(),
            }),
            None => Err(ProcessError::Unkillable {
                program: self.program.clone(),
                pid: self.pid(),
            }),
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if !self.group.has_exited() {
            tracing::warn!(program = self.program, pid = self.pid(), "killed, as nobody stopped it");
        }
    }
}

/// The last lines of a daemon's output and error, in the order they came. Clones are one log.
#[derive(Clone)]
pub struct ChildLog(Arc<LogState>);

struct LogState {
    lines: Mutex<VecDeque<String>>,
    /// How many lines there ever were.
    count: watch::Sender<usize>,
    /// Cancelled when there will be no more.
    ended: CancellationToken,
    file: Option<File>,
    scrub: Scrub,
}

/// Whether a line is a frame of a Java stack trace: they push what was wrong out of sight.
pub(crate) fn is_frame(line: &str) -> bool {
    line.starts_with("\tat ") || line.starts_with("\t... ")
}

impl ChildLog {
    /// An empty one; what is shown of it, and written to the file, passes through `scrub`.
    pub fn new(scrub: Scrub, file: Option<File>) -> Self {
        let (count, ended) = (watch::Sender::new(0), CancellationToken::new());
        Self(Arc::new(LogState {
            lines: Mutex::default(),
            count,
            ended,
            file,
            scrub,
        }))
    }

    /// The last so many lines that are no frame of a stack trace, oldest first, scrubbed.
    pub fn last_words(&self, lines: usize) -> Vec<String> {
        let held = self.lines();
        let words: Vec<_> = held.iter().filter(|line| !is_frame(line)).collect();
        let from = words.len().saturating_sub(lines);
        words[from..].iter().map(|line| (self.0.scrub)(line)).collect()
    }

    /// The lines still held, oldest first, scrubbed as one text: a secret may have several lines.
    pub fn text(&self) -> String {
        let held: String = self.lines().iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        (self.0.scrub)(&held)
    }

    /// The lines still held that contain a text, oldest first, scrubbed. The text is looked for in the lines
    /// as they were written.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        let held = self.lines();
        held.iter()
            .filter(|line| line.contains(text))
            .map(|line| (self.0.scrub)(line))
            .collect()
    }

    /// Waits for a line, past or to come, of which `pick` makes something; it is given each line
    /// as it was written, once. `None` when the log ends without one, as it does with the child.
    pub async fn wait_for<T>(&self, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let mut count = self.0.count.subscribe();
        let mut seen = 0;
        loop {
            // Asked before the lines are: what comes in between is looked at in the next round.
            let ended = self.0.ended.is_cancelled();
            {
                let lines = self.lines();
                let total = *count.borrow_and_update();
                let first = total - lines.len();
                let mut unseen = lines.iter().skip(seen.max(first) - first);
                if let Some(found) = unseen.find_map(|line| pick(line)) {
                    return Some(found);
                }
                seen = total;
            }
            if ended {
                return None;
            }
            tokio::select! {
                _ = count.changed() => {}
                () = self.0.ended.cancelled() => {}
            }
        }
    }

    /// Resolves when there will be no more.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// There will be no more.
    pub fn end(&self) {
        self.0.ended.cancel();
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lines.lock()
    }

    async fn follow(&self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(pipe) = pipe else { return };
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut pipe).take(LINE).read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            self.push(text.trim_end_matches(['\r', '\n']));
            line.clear();
        }
    }

    /// Adds a line.
    pub fn push(&self, line: &str) {
        let mut lines = self.lines();
        if let Some(mut file) = self.0.file.as_ref() {
            // The log in memory is the one that is judged; a full disk must not end the run.
            let _ = writeln!(file, "{}", (self.0.scrub)(line));
        }
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
        // Counted under the lock: the lines held and their number agree for whoever holds it.
        self.0.count.send_modify(|count| *count += 1);
    }
}

impl std::fmt::Debug for ChildLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("lines", &self.lines().len())
            .finish_non_exhaustive()
    }
}
