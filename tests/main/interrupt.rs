//! A run that is ended from without leaves no process, port, file or ledger.

use std::fs;

use nix::sys::signal::Signal;

use crate::support::processes::{self, assert_nothing_left};
use crate::support::sandbox::Sandbox;
use crate::support::watched::Watched;

/// Nothing runs yet but a tool, which takes its time.
#[test]
fn while_a_tool_is_asked_for_its_version() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let sandbox = Sandbox::new();
        let fifo = sandbox.work().join("asked");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let helm = sandbox.script("helm", &format!("echo $$ >'{}'\nexec sleep 600", fifo.display()));
        let mut command = sandbox.command(["run", "extra-env"]);
        command.env("KESTRA_SECRETS_HELM", helm);
        let run = Watched::start(command);
        // Opened, and so read, when the tool was started.
        let pid = fs::read_to_string(&fifo).unwrap();
        let before = processes::below(run.pid());
        assert!(before.iter().any(|p| p.pid.to_string() == pid.trim()), "{before:?}");
        run.signal(signal);
        run.end().with_code(130);
        assert_nothing_left(&sandbox, &before);
    }
}
