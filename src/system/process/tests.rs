use super::*;
use tokio_util::sync::CancellationToken;

/// Long enough never to pass by itself.
const AGES: Deadline = Deadline::seconds("the test", 300);

fn sh(script: &str) -> Command {
    Command::new("/bin/sh").arg("-c").arg(script)
}

async fn run(command: Command) -> Result<ProcessOutput, ProcessError> {
    command.run(AGES, &CancellationToken::new()).await
}

/// Waits until what another process does is done.
async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn read_pid(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.strip_suffix('\n')?.parse().ok()
}

fn is_gone(pid: u32) -> bool {
    ProcessId::find(pid).is_err()
}

#[tokio::test]
async fn output_and_error_are_captured_apart() {
    let output = run(sh("printf out; printf err >&2")).await.unwrap();
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out"[..], &b"err"[..]));
}

#[tokio::test]
async fn a_megabyte_goes_in_and_comes_out() {
    let bytes: Vec<u8> = (0..1 << 20).map(|i: u32| i.to_le_bytes()[1]).collect();
    let output = run(Command::new("cat").stdin(bytes.clone())).await.unwrap();
    assert!(output.stdout == bytes);
}

#[tokio::test]
async fn a_child_may_leave_its_input_unread() {
    let output = run(sh("echo done").stdin(vec![b'x'; 1 << 20])).await.unwrap();
    assert_eq!(output.stdout, b"done\n");
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let output = run(Command::new("/usr/bin/env").env_clear().env("A", "b"))
        .await
        .unwrap();
    assert_eq!(output.stdout, b"A=b\n");
}

#[tokio::test]
async fn a_failure_tells_program_status_and_last_words() {
    let error = run(sh("echo nothing is well >&2; exit 3")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to run /bin/sh: exit status: 3; it said:\n  nothing is well"
    );
}

#[tokio::test]
async fn last_words_are_scrubbed() {
    let scrub: Scrub = Arc::new(|text| text.replace("hunter2", "[redacted]"));
    let error = run(sh("echo the password is hunter2 >&2; exit 1").scrub(scrub))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("the password is [redacted]"), "{error}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = run(Command::new("/nonexistent/helm")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("failed to start /nonexistent/helm: No such file"),
        "{error}"
    );
}

#[tokio::test]
async fn debug_shows_no_environment_value_and_no_input() {
    let command = Command::new("helm").env("SECRET", "hunter2").stdin("hunter2");
    assert!(!format!("{command:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_passed_deadline_is_named_and_ends_the_grandchildren() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    // The grandchild ignores SIGTERM; the child waits for it.
    let script = "echo working >&2; (trap '' TERM; sleep 600) & echo $! > \"$FILE\"; wait";
    // A slow machine may need more than the first deadline to get there.
    let mut limit = Duration::from_millis(100);
    let (grandchild, said) = loop {
        let deadline = Deadline {
            what: "the napping",
            limit,
        };
        let error = sh(script)
            .env("FILE", &file)
            .output(deadline, &CancellationToken::new())
            .await
            .unwrap_err();
        let said = error.to_string();
        if let Some(pid) = read_pid(&file) {
            break (pid, said);
        }
        limit *= 4;
    };
    let expected = format!(
        "failed to run /bin/sh in time: the deadline for the napping, {limit:?} passed and it was ended; \
         it said:\n  working"
    );
    assert_eq!(said, expected);
    until(|| is_gone(grandchild)).await;
}

/// Runs itself as the harness that is killed: only another process can be.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_dies_when_the_harness_is_killed() {
    const FILE: &str = "KESTRA_SECRETS_TEST_PID_FILE";
    if let Some(file) = std::env::var_os(FILE) {
        let daemon = Command::new("sleep").arg("600").spawn(None).await.unwrap();
        std::fs::write(file, format!("{}\n", daemon.pid())).unwrap();
        daemon.exited().await;
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let mut harness = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "system::process::tests::a_child_dies_when_the_harness_is_killed",
        ])
        .env(FILE, &file)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until(|| read_pid(&file).is_some()).await;
    let child = read_pid(&file).unwrap();
    assert!(!is_gone(child));
    harness.kill().unwrap();
    harness.wait().unwrap();
    until(|| is_gone(child)).await;
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed() {
    let daemon = sh("trap '' TERM; echo ready; while :; do sleep 600; done")
        .spawn(None)
        .await
        .unwrap();
    daemon.log().wait_for(|line| (line == "ready").then_some(())).await;
    let status = daemon.stop(Duration::from_millis(50)).await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

#[tokio::test]
async fn cancellation_ends_the_child() {
    let cancel = CancellationToken::new();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let run = tokio::spawn({
        let (cancel, command) = (cancel.clone(), sh("echo $$ > \"$FILE\"; exec sleep 600"));
        let command = command.env("FILE", &file);
        async move { command.output(AGES, &cancel).await }
    });
    until(|| read_pid(&file).is_some()).await;
    cancel.cancel();
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(error, ProcessError::Cancelled { .. }));
    assert!(is_gone(read_pid(&file).unwrap()));
}

#[tokio::test]
async fn a_dropped_run_leaves_no_child() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let command = sh("echo $$ > \"$FILE\"; exec sleep 600").env("FILE", &file);
    let cancel = CancellationToken::new();
    tokio::select! {
        _ = command.output(AGES, &cancel) => unreachable!("it sleeps"),
        () = until(|| read_pid(&file).is_some()) => {}
    }
    until(|| is_gone(read_pid(&file).unwrap())).await;
}

#[tokio::test]
async fn processes_that_the_leader_leaves_behind_end_with_it() {
    let output = run(sh("sleep 600 & echo $!")).await.unwrap();
    let left = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    until(|| is_gone(left)).await;
}

#[tokio::test]
async fn endless_output_is_cut_off() {
    let error = run(Command::new("cat").arg("/dev/zero")).await.unwrap_err();
    assert!(matches!(
        error,
        ProcessError::TooMuchOutput {
            stream: "standard output",
            ..
        }
    ));
}

#[tokio::test]
async fn a_daemon_tells_its_end_and_keeps_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let scrub: Scrub = Arc::new(|text| text.replace("hunter2", "[redacted]"));
    let daemon = sh("echo hunter2; sleep 600")
        .scrub(scrub)
        .spawn(Some(std::fs::File::create(&path).unwrap()))
        .await
        .unwrap();
    let heard = daemon
        .log()
        .wait_for(|line| line.strip_prefix("hunter").map(str::to_owned))
        .await;
    assert_eq!(heard.as_deref(), Some("2"));
    assert!(!daemon.log().lines_with("hunter2").is_empty());
    assert_eq!(daemon.log().text(), "[redacted]\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[redacted]\n");

    let identity = daemon.identity().unwrap().clone();
    assert!(identity.is_alive());
    let exited = daemon.exited();
    let status = daemon.stop(Duration::from_secs(60)).await.unwrap();
    assert_eq!(exited.await, Some(status));
    assert!(!identity.is_alive());
}

#[tokio::test]
async fn the_last_words_of_a_daemon_are_in_its_log_when_its_end_is_told() {
    let script = "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; echo over >&2; exit 7";
    let daemon = sh(script).spawn(None).await.unwrap();
    let status = daemon.exited().await.unwrap();
    assert_eq!(status.code(), Some(7));
    assert!(!daemon.log().lines_with("1999").is_empty() && !daemon.log().lines_with("over").is_empty());
    // Nor does anyone wait for a word that will not come.
    let never = daemon.log().wait_for(|line| (line == "ready").then_some(()));
    assert_eq!(never.await, None);
}

#[tokio::test]
async fn a_dropped_daemon_is_killed() {
    let daemon = Command::new("sleep").arg("600").spawn(None).await.unwrap();
    let exited = daemon.exited();
    drop(daemon);
    assert!(exited.await.is_some());
}

/// The thread that a daemon was spawned from may end: the daemon belongs to another.
#[test]
fn a_daemon_outlives_the_runtime_thread_that_asked_for_it() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let daemon = std::thread::spawn(move || {
        runtime()
            .block_on(Command::new("sleep").arg("600").spawn(None))
            .unwrap()
    })
    .join()
    .unwrap();
    assert!(daemon.identity().unwrap().is_alive());
    runtime().block_on(daemon.stop(Duration::from_secs(60))).unwrap();
}

#[tokio::test]
async fn a_recycled_number_is_not_the_process() {
    let daemon = Command::new("sleep").arg("600").spawn(None).await.unwrap();
    let real = daemon.identity().unwrap();
    let mut json = serde_json::to_value(real).unwrap();
    json["started"] = "another boot 1".into();
    let recycled: ProcessId = serde_json::from_value(json).unwrap();
    assert!(!recycled.is_alive());
    assert!(!recycled.kill_group().unwrap());
    assert!(real.is_alive());
    daemon.stop(Duration::from_secs(60)).await.unwrap();
}
