//! A child that leads its own process group, and the thread that it belongs to.
//!
//! One thread starts the child, waits for it and reaps it. That it is one and the same thread is
//! the point: Linux' parent-death signal is sent when the *thread* that forked ends, and a worker
//! of the async runtime may end any time. And as only this thread reaps, the child's number
//! cannot be given to another process while we may still signal it.

use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::identity::{ProcessId, as_pid};

/// How long a child may take to end after `SIGTERM`, before `SIGKILL`.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How long the kernel may take to end what was sent `SIGKILL`.
const KILL: Duration = Duration::from_secs(10);

/// The parent's ends of the child's pipes.
pub(super) struct Pipes {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

/// `None` while it runs; then how it ended, `Some(None)` where the kernel kept no status.
pub(super) type Ended = Option<Option<ExitStatus>>;

/// A running child and its group. Dropped, it kills the group; the thread reaps it all the same.
#[derive(Debug)]
pub(super) struct ProcessGroup {
    pid: u32,
    identity: Option<ProcessId>,
    /// Held while signalling and while reaping, so that the number is still the child's.
    reaped: Arc<Mutex<bool>>,
    ended: watch::Receiver<Ended>,
}

impl ProcessGroup {
    /// Starts the command as leader of a new group, with standard output and error piped.
    pub(super) async fn start(mut command: std::process::Command, with_stdin: bool) -> io::Result<(Self, Pipes)> {
        use std::os::unix::process::CommandExt as _;
        command
            .process_group(0)
            .stdin(if with_stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        die_with_parent(&mut command);

        let (to_us, from_thread) = oneshot::channel();
        std::thread::Builder::new()
            .name("child".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || keep(command, to_us))?;
        from_thread.await.map_err(io::Error::other)?
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn identity(&self) -> Option<&ProcessId> {
        self.identity.as_ref()
    }

    /// Resolves when the child has ended and is reaped.
    pub(super) fn exited(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            // The sender goes only after it has sent.
            ended
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|ended| ended.flatten())
        }
    }

    pub(super) fn has_exited(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Ends the group: `SIGTERM`, the grace, `SIGKILL`. `None` when even that did not end it.
    pub(super) async fn end(&self, grace: Duration) -> Option<Option<ExitStatus>> {
        self.signal(Signal::SIGTERM);
        if let Ok(status) = timeout(grace, self.exited()).await {
            return Some(status);
        }
        self.signal(Signal::SIGKILL);
        timeout(KILL, self.exited()).await.ok()
    }

    fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock();
        if !*reaped {
            signal_group(self.pid, signal);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// The thread of one child, from its start to its reaping.
fn keep(mut command: std::process::Command, to_us: oneshot::Sender<io::Result<(ProcessGroup, Pipes)>>) {
    let mut child = match spawn(&mut command) {
        Ok(child) => child,
        Err(source) => {
            let _ = to_us.send(Err(source));
            return;
        }
    };
    let pipes = Pipes {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    let reaped = Arc::new(Mutex::new(false));
    let (tell, ended) = watch::channel(None);
    let group = ProcessGroup {
        pid: child.id(),
        identity: ProcessId::find(child.id()).ok(),
        reaped: Arc::clone(&reaped),
        ended,
    };
    // Nobody there to take it: the group is dropped, which kills it.
    let _ = to_us.send(Ok((group, pipes)));

    await_end(&mut child);
    let status = {
        let mut reaped = reaped.lock();
        // Whatever the leader left behind goes with it. Its number is still taken, by itself.
        signal_group(child.id(), Signal::SIGKILL);
        *reaped = true;
        child.wait().ok()
    };
    tell.send_replace(Some(status));
}

/// Starts the command, patient with a program that was written a moment ago: another thread's
/// child may hold it open for writing until it executes a program of its own.
fn spawn(command: &mut std::process::Command) -> io::Result<Child> {
    for _ in 0..100 {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
    command.spawn()
}

/// Waits for the end without reaping.
#[cfg(target_os = "linux")]
fn await_end(child: &mut Child) {
    use nix::errno::Errno;
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    let Ok(pid) = as_pid(child.id()) else { return };
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), flags) == Err(Errno::EINTR) {}
}

/// Where there is no waiting without reaping, [`Child::wait`] remembers the status.
#[cfg(not(target_os = "linux"))]
fn await_end(child: &mut Child) {
    let _ = child.wait();
}

fn signal_group(pid: u32, signal: Signal) {
    if let Ok(pid) = as_pid(pid) {
        // The only error there can be is that the group is empty, which is what is wanted.
        let _ = killpg(pid, signal);
    }
}

/// Has the kernel kill the child when the harness is killed and can no longer do so itself.
///
/// It reaches the leader only: grandchildren that do not notice are left to `clean`.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;
    let parent = nix::unistd::getpid();
    let arm = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have gone before the signal was armed.
        if nix::unistd::getppid() == parent {
            Ok(())
        } else {
            Err(io::Error::from(nix::errno::Errno::ESRCH))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `prctl` and
    // `getppid` are bare system calls, and neither they nor the error values allocate.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(arm);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut std::process::Command) {}
