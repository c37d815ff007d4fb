//! A run that is ended from without leaves no process, port, file or ledger.

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::live;
use crate::support::ENGINE;
use crate::support::processes::{self, Process, assert_nothing_left};
use crate::support::sandbox::{Sandbox, run};
use crate::support::watched::Watched;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![live("interrupt", "after_sigkill_clean_removes_all", killed)];
    for moment in MOMENTS {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let name = format!("{}_by_{}", moment.name, signal.as_str().to_lowercase());
            trials.push(live("interrupt", &name, move || interrupted(moment, signal)));
        }
    }
    trials
}

/// A moment of a run, told by a line of its standard error.
#[derive(Clone, Copy)]
struct Moment {
    name: &'static str,
    line: &'static str,
    /// Whether an engine is there for certain.
    running: bool,
}

const MOMENTS: [Moment; 5] = [
    Moment {
        name: "right_after_the_start",
        line: " in 1 installation",
        running: false,
    },
    Moment {
        name: "before_the_boot",
        line: ": install",
        running: false,
    },
    Moment {
        name: "during_the_boot",
        line: BOOTING,
        running: true,
    },
    Moment {
        name: "during_the_flow",
        line: ": rotation",
        running: true,
    },
    Moment {
        name: "during_a_step",
        line: ": 3-restart",
        running: true,
    },
];

/// What the first call to the management port logs: the engine's process is there and does not listen yet.
const BOOTING: &str = "connecting to 127.0.0.1";

fn watch(sandbox: &Sandbox) -> Watched {
    let mut command = sandbox.command(["run", "rotation", "--kestra", ENGINE]);
    command.env("KESTRA_SECRETS_LOG", "hyper_util=trace");
    Watched::start(command)
}

fn interrupted(moment: Moment, signal: Signal) {
    let sandbox = Sandbox::new();
    let mut run = watch(&sandbox);
    run.wait_for(moment.line);
    let before = processes::below(run.pid());
    run.signal(signal);
    // The impatient press twice.
    run.signal(signal);
    let ended = run.end().with_code(130);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    if moment.running {
        assert!(before.iter().any(Process::is_engine), "no engine ran: {before:?}");
    }
    assert_nothing_left(&sandbox, &before);
}

fn killed() {
    let sandbox = Sandbox::new();
    let mut watched = watch(&sandbox);
    watched.wait_for(": rotation");
    let before = processes::below(watched.pid());
    assert!(before.iter().any(Process::is_engine), "no engine ran: {before:?}");
    watched.signal(Signal::SIGKILL);
    assert_eq!(watched.end().code, None);
    assert!(!sandbox.left_behind().is_empty());

    let ended = run(sandbox.command(["clean"])).with_code(0);
    assert!(ended.stdout.contains("removed directory"), "{}", ended.stdout);
    assert!(ended.stdout.contains("Kestra of rotation"), "{}", ended.stdout);
    assert_nothing_left(&sandbox, &before);
    let again = sandbox.run(["clean"]).with_code(0);
    assert_eq!(again.stdout, "nothing was left behind\n");
}
