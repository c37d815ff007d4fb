//! Running a program to its end.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::group::{GRACE, Pipes, ProcessGroup};
use super::{Command, Deadline, LastWords, ProcessError, Scrub};

/// The most that is held of each of a child's two streams.
const LIMIT: u64 = 64 * 1024 * 1024;
/// How long a pipe may stay open after the child's end, held by somebody who left its group.
const DRAIN: Duration = Duration::from_secs(2);

/// What a program wrote, and how it ended.
pub struct ProcessOutput {
    /// Its exit code, or the signal that ended it.
    pub status: ExitStatus,
    /// Its standard output, as it is: not scrubbed.
    pub stdout: Vec<u8>,
    /// Its standard error, as it is: not scrubbed.
    pub stderr: Vec<u8>,
    scrub: Scrub,
}

impl ProcessOutput {
    /// The last lines of standard error, scrubbed.
    pub fn last_words(&self) -> LastWords {
        LastWords::from_stderr(&self.stderr, &self.scrub)
    }
}

impl fmt::Debug for ProcessOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("status", &self.status)
            .field("stdout", &self.stdout.len())
            .field("stderr", &self.stderr.len())
            .finish_non_exhaustive()
    }
}

impl Command {
    /// Runs the program and expects it to succeed.
    ///
    /// # Errors
    /// Any [`ProcessError`]; an exit code other than 0 is one. Whichever it is, and also when the
    /// future is dropped, nothing of the child's group is left running.
    pub async fn run(self, deadline: Deadline, cancel: &CancellationToken) -> Result<ProcessOutput, ProcessError> {
        let program = self.name();
        let output = self.output(deadline, cancel).await?;
        if output.status.success() {
            return Ok(output);
        }
        Err(ProcessError::Exit {
            program,
            status: output.status,
            last_words: output.last_words(),
        })
    }

    /// Runs the program to its end, whatever that is.
    ///
    /// # Errors
    /// As [`run`](Self::run), but any exit code or signal of its own making will do.
    pub async fn output(self, deadline: Deadline, cancel: &CancellationToken) -> Result<ProcessOutput, ProcessError> {
        let program = self.name();
        let (group, pipes) = ProcessGroup::start(self.to_std(), self.stdin.is_some())
            .await
            .map_err(|source| ProcessError::Start {
                program: program.clone(),
                source,
            })?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());

        let stopped = {
            let io = converse(pipes, self.stdin.as_deref(), &mut stdout, &mut stderr);
            tokio::select! {
                done = to_the_end(&group, io) => done.err(),
                () = sleep(deadline.limit) => Some(Stopped::Deadline),
                () = cancel.cancelled() => Some(Stopped::Cancelled),
            }
        };
        let ended = match &stopped {
            None => Some(group.exited().await),
            Some(_) => group.end(GRACE).await,
        };

        match (stopped, ended) {
            (_, None) => Err(ProcessError::Unkillable {
                program,
                pid: group.pid(),
            }),
            (Some(Stopped::Deadline), _) => {
                let last_words = LastWords::from_stderr(&stderr, &self.scrub);
                Err(ProcessError::Deadline {
                    program,
                    deadline,
                    last_words,
                })
            }
            (Some(Stopped::Cancelled), _) => Err(ProcessError::Cancelled { program }),
            (Some(Stopped::TooMuch(stream)), _) => Err(ProcessError::TooMuchOutput {
                program,
                stream,
                limit: LIMIT,
            }),
            (Some(Stopped::Read(source)), _) => Err(ProcessError::Read { program, source }),
            (None, Some(None)) => Err(ProcessError::Lost { program }),
            (None, Some(Some(status))) => Ok(ProcessOutput {
                status,
                stdout,
                stderr,
                scrub: self.scrub,
            }),
        }
    }
}

/// Why we ended a child that had not ended itself.
enum Stopped {
    Deadline,
    Cancelled,
    TooMuch(&'static str),
    Read(io::Error),
}

/// Waits for the child's end and all it wrote.
async fn to_the_end(group: &ProcessGroup, io: impl Future<Output = Result<(), Stopped>>) -> Result<(), Stopped> {
    tokio::pin!(io);
    tokio::select! {
        biased;
        done = &mut io => done?,
        _ = group.exited() => timeout(DRAIN, io).await.unwrap_or(Ok(()))?,
    }
    group.exited().await;
    Ok(())
}

/// Writes to the child and reads from it at once, as either side may wait for the other.
async fn converse(
    pipes: Pipes,
    stdin: Option<&[u8]>,
    stdout: &mut Vec<u8>,
    stderr: &mut Vec<u8>,
) -> Result<(), Stopped> {
    let out = pipes
        .stdout
        .map(ChildStdout::from_std)
        .transpose()
        .map_err(Stopped::Read)?;
    let err = pipes
        .stderr
        .map(ChildStderr::from_std)
        .transpose()
        .map_err(Stopped::Read)?;
    let into = pipes
        .stdin
        .map(ChildStdin::from_std)
        .transpose()
        .map_err(Stopped::Read)?;
    let feed = async {
        if let (Some(mut pipe), Some(bytes)) = (into, stdin) {
            // A child that does not read to the end is free not to; its exit code tells.
            let _ = pipe.write_all(bytes).await;
        }
        Ok(())
    };
    tokio::try_join!(
        feed,
        read("standard output", out, stdout),
        read("standard error", err, stderr),
    )?;
    Ok(())
}

async fn read(stream: &'static str, pipe: Option<impl AsyncRead + Unpin>, held: &mut Vec<u8>) -> Result<(), Stopped> {
    let Some(pipe) = pipe else { return Ok(()) };
    let read = pipe.take(LIMIT + 1).read_to_end(held).await.map_err(Stopped::Read)?;
    if read as u64 > LIMIT {
        Err(Stopped::TooMuch(stream))
    } else {
        Ok(())
    }
}
