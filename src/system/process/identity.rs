//! Which process it is, not merely which number it has.

use std::io;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A process, told apart from a later one that was given the same number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    pid: u32,
    /// When it started, in the system's own words: compared, never computed with.
    started: String,
}

impl ProcessId {
    /// The process that has this number now.
    ///
    /// # Errors
    /// There is none, or it has ended and only waits to be reaped.
    pub fn find(pid: u32) -> io::Result<Self> {
        Ok(Self {
            pid,
            started: started(pid)?,
        })
    }

    /// This very process.
    ///
    /// # Errors
    /// `/proc` is not mounted.
    pub fn current() -> io::Result<Self> {
        Self::find(std::process::id())
    }

    /// The number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When it started: on Linux the boot's id and the clock ticks since then (field 22 of
    /// `/proc/PID/stat`), elsewhere what `ps -o lstart=` prints.
    pub fn start_time(&self) -> &str {
        &self.started
    }

    /// Whether it still runs. One that has ended and was not reaped yet does not.
    pub fn is_alive(&self) -> bool {
        started(self.pid).is_ok_and(|started| started == self.started)
    }

    /// Waits until it no longer runs; whether that came to be within the limit.
    ///
    /// Only a parent is told of an end, so one looks again and again.
    pub async fn gone_within(&self, limit: Duration) -> bool {
        let gone = async {
            while self.is_alive() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(limit, gone).await.is_ok()
    }

    /// Kills the group that it leads, if it still runs; says whether it did.
    ///
    /// For what an earlier run left behind. A number that meanwhile belongs to another process is
    /// left alone; so is a group whose leader is gone, as nothing then tells whose it is.
    ///
    /// # Errors
    /// It belongs to another user.
    pub fn kill_group(&self) -> io::Result<bool> {
        if !self.is_alive() {
            return Ok(false);
        }
        let pid = as_pid(self.pid)?;
        match killpg(pid, Signal::SIGKILL).or_else(|_| kill(pid, Signal::SIGKILL)) {
            Ok(()) => Ok(true),
            Err(nix::errno::Errno::ESRCH) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

pub(super) fn as_pid(pid: u32) -> io::Result<Pid> {
    // Zero and negative numbers mean groups, and 1 is the machine.
    match i32::try_from(pid) {
        Ok(raw) if raw > 1 => Ok(Pid::from_raw(raw)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{pid} is no child's pid"),
        )),
    }
}

#[cfg(target_os = "linux")]
fn started(pid: u32) -> io::Result<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the command in brackets, and may hold spaces and brackets itself.
    let after_command = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_command.split_ascii_whitespace();
    let state = fields.next();
    let threads = fields.nth(16);
    let ticks = fields.nth(1);
    match (state, ticks) {
        // A killed process' first thread may be over while others still hold its ports.
        (Some("Z" | "X" | "x"), _) if threads.is_none_or(|n| n == "0" || n == "1") => {
            Err(io::ErrorKind::NotFound.into())
        }
        (_, Some(ticks)) => {
            // Ticks count from the boot, and the first processes of each boot are alike.
            let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
            Ok(format!("{} {ticks}", boot.trim()))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("/proc/{pid}/stat: {stat}"),
        )),
    }
}

#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> io::Result<String> {
    let ps = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .env("LC_ALL", "C")
        .output()?;
    let line = String::from_utf8_lossy(&ps.stdout);
    match line.trim().split_once(char::is_whitespace) {
        Some((state, start)) if !state.starts_with('Z') => Ok(start.trim().to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
