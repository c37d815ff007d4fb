//! Checks the machine itself: disk, memory, ports.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::{Check, CheckStatus};
use crate::plan::ProviderKind;

/// What an engine's build takes, and the files of some runs, in bytes.
const DISK: u64 = 1 << 30;
/// What one embedded engine takes, in bytes.
const MEMORY: u64 = 600 << 20;

pub(super) fn check_machine(cache: &Path) -> Vec<Check> {
    let temporary = std::env::temp_dir();
    [
        disk("disk of the cache", cache, "XDG_CACHE_HOME"),
        disk("disk of temporary files", &temporary, "TMPDIR"),
        memory(),
        Some(ports()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn disk(check: &str, folder: &Path, variable: &str) -> Option<Check> {
    let free = free(folder)?;
    let found = format!("{} free at {}", gib(free), folder.display());
    Some(if free < DISK {
        Check::new(check, CheckStatus::Warning, found).cure(format!("export {variable}=DIR on a disk with more"))
    } else {
        Check::ok(check, found)
    })
}

/// What is free on the disk of a folder, in bytes.
pub(super) fn free(folder: &Path) -> Option<u64> {
    // The folder itself may only be made by the first run.
    let there = folder.ancestors().find(|f| f.is_dir())?;
    let stat = statvfs(there).ok()?;
    #[allow(clippy::useless_conversion, reason = "its width differs between systems")]
    let free = u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size()));
    Some(free)
}

/// What Linux says is available; other systems do not say it in a file.
fn memory() -> Option<Check> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
    let free = line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10;
    let found = format!("{} available", gib(free));
    Some(if free < MEMORY {
        Check::new("memory", CheckStatus::Warning, found).cure("kestra-secrets run --parallel 1")
    } else {
        Check::ok("memory", found)
    })
}

fn ports() -> Check {
    // A Kestra listens on three: HTTP, management, gRPC.
    let listeners: std::io::Result<Vec<_>> = (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    match listeners {
        Ok(_) => Check::ok("ports", "127.0.0.1 has free ports"),
        Err(e) => Check::missing(
            "ports",
            &ProviderKind::ALL,
            format!("nothing can listen on 127.0.0.1: {e}"),
        )
        .cure("ip link set lo up"),
    }
}

/// Bytes for people.
pub(super) fn gib(bytes: u64) -> String {
    let tenths = bytes / ((1 << 30) / 10);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_gib() {
        assert_eq!(gib(0), "0.0 GiB");
        assert_eq!(gib(3 << 29), "1.5 GiB");
    }

    #[test]
    fn the_disk_of_a_folder_that_is_not_there_yet_is_that_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let found = disk("disk", &folder.path().join("a/b"), "X").unwrap().found;
        assert!(found.contains(" free at ") && found.ends_with("a/b"), "{found}");
    }
}
