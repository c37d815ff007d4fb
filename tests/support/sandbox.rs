//! Folders of a test's own for everything the program leaves: the working directory, temporary files, and
//! the ledger. The user's cache is shared, as engines are built once.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Longer than anything takes that a test starts, the first build of an engine included.
pub const FOREVER: Duration = Duration::from_secs(900);

/// Where nobody listens.
pub const NOWHERE: &str = "http://127.0.0.1:1";

pub struct Sandbox(TempDir);

/// How a run ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        for folder in [sandbox.work(), sandbox.temporary(), sandbox.state()] {
            fs::create_dir(folder).unwrap();
        }
        sandbox
    }

    /// All of its folders.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// The working directory of the program.
    pub fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    /// Its `TMPDIR`.
    pub fn temporary(&self) -> PathBuf {
        self.0.path().join("temporary")
    }

    /// Where its ledger is.
    pub fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// Writes a file into the working directory.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a shell script into the working directory.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.file(name, format!("#!/bin/sh\nset -eu\n{body}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The program with these arguments, and nothing in its environment that would change its mind.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(program());
        for variable in ["CHART", "KESTRA", "LOG", "CONFIG", "PINS"] {
            command.env_remove(format!("KESTRA_SECRETS_{variable}"));
        }
        command
            .args(args)
            .current_dir(self.work())
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            // What is chosen by itself depends on the machine; a test that wants another place names it.
            .env("KESTRA_SECRETS_PROVIDER", "embedded")
            // So does what the publishers offer.
            .env("KESTRA_SECRETS_CHART_MIRROR", NOWHERE)
            .env("KESTRA_SECRETS_IMAGE_MIRROR", NOWHERE)
            .env("TMPDIR", self.temporary())
            .env("XDG_STATE_HOME", self.state())
            .env("NO_COLOR", "1")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        run(self.command(args))
    }

    /// Runs the program to its end with this on its standard input.
    pub fn run_with<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, stdin: impl Into<Vec<u8>>) -> Ended {
        ended(assert_cmd::Command::from_std(self.command(args)).write_stdin(stdin))
    }

    /// What a run has left behind: files in the temporary directory, and ledgers.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let mut left = files(&self.temporary());
        left.extend(files(&self.state()));
        left
    }

    /// Fails the test when a run has left something behind.
    #[track_caller]
    pub fn assert_clean(&self) {
        let left = self.left_behind();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The program that was built with the tests, or the one that `PROGRAM_UNDER_TEST` names: an installed one, or a
/// copy that is not built anew meanwhile.
pub fn program() -> OsString {
    std::env::var_os("PROGRAM_UNDER_TEST").unwrap_or_else(|| env!("CARGO_BIN_EXE_kestra-secrets").into())
}

/// Runs a command of a sandbox to its end, which must come.
pub fn run(command: Command) -> Ended {
    ended(&mut assert_cmd::Command::from_std(command))
}

fn ended(command: &mut assert_cmd::Command) -> Ended {
    let output = command.timeout(FOREVER).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// Standard output as words, for what the console wraps.
    pub fn stdout_words(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Standard error as words.
    pub fn stderr_words(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Fails the test with all that was said when the exit code is another.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Every file below a folder, and every folder that the program made.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = files(&path);
            // The ledger's own folders stay; anything else of the kind was left.
            if below.is_empty() && !path.ends_with("kestra-secrets") && !path.ends_with("runs") {
                found.push(path);
            }
            found.extend(below);
        } else {
            found.push(path);
        }
    }
    found
}
