//! A run that is ended from without leaves no process, port, file or ledger.

use std::fs;
use std::net::TcpStream;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::processes::{self, Process};
use crate::sandbox::{Sandbox, run};
use crate::watched::Watched;
use crate::{ENGINE, live, test};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        test("interrupt", "while_a_tool_is_asked_for_its_version", tool),
        live("interrupt", "after_sigkill_clean_removes_all", killed),
    ];
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
        assert!(before.iter().any(is_engine), "no engine ran: {before:?}");
    }
    assert_nothing_left(&sandbox, &before);
}

fn is_engine(process: &Process) -> bool {
    process.arguments.iter().any(|a| a == "engine.Engine")
}

fn assert_nothing_left(sandbox: &Sandbox, before: &[Process]) {
    let alive: Vec<_> = before.iter().filter(|p| p.is_alive()).collect();
    assert!(alive.is_empty(), "{alive:?}");
    let ours = sandbox.temporary().display().to_string();
    let later: Vec<_> = processes::all()
        .into_iter()
        .filter(|p| p.arguments.iter().any(|a| a.contains(&ours)))
        .collect();
    assert!(later.is_empty(), "{later:?}");
    for process in before.iter().filter(|p| is_engine(p)) {
        for port in ["micronaut.server.port", "endpoints.all.port", "engine.grpc.port"] {
            let port = process.property(port).unwrap().parse().unwrap();
            assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} is open");
        }
    }
    sandbox.assert_clean();
}

/// Nothing runs yet but a tool, which takes its time.
fn tool() {
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

fn killed() {
    let sandbox = Sandbox::new();
    let mut watched = watch(&sandbox);
    watched.wait_for(": rotation");
    let before = processes::below(watched.pid());
    assert!(before.iter().any(is_engine), "no engine ran: {before:?}");
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
