use std::os::unix::fs::PermissionsExt as _;

use super::past::{Owner, past_runs_in};
use super::*;
use crate::system::process::{ChildProcess, Command};

fn cluster(name: &str) -> OwnedResource {
    OwnedResource::Cluster { name: name.to_owned() }
}

async fn things_in(dir: &Path) -> Vec<OwnedResource> {
    let runs = past_runs_in(dir).await.unwrap();
    runs.iter().flat_map(|run| run.things.values()).cloned().collect()
}

/// The file as if the process that owns it had been another.
fn change_header(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fs::read_to_string(path).unwrap();
    let (header, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let mut header = serde_json::from_str(header).unwrap();
    change(&mut header);
    fs::write(path, format!("{header}\n{rest}")).unwrap();
}

/// A ledger whose owner has been killed, of things that it owned.
async fn killed_run(dir: &Path, things: impl IntoIterator<Item = OwnedResource>) -> (RunId, PathBuf) {
    let ledger = Ledger::open_in(dir, RunId::random()).await.unwrap();
    for thing in things {
        drop(ledger.register(thing).await.unwrap());
    }
    let (run, path) = (ledger.run().clone(), ledger.0.path.clone());
    // This test's own number, recycled: it started at another time than the owner did.
    change_header(&path, |header| {
        header["owner"]["started"] = "another boot 1".into();
    });
    (run, path)
}

async fn sleeper() -> ChildProcess {
    Command::new("sleep").arg("600").spawn(None).await.unwrap()
}

fn process(daemon: &ChildProcess) -> OwnedResource {
    let process = Some(daemon.identity().unwrap().clone());
    OwnedResource::Process {
        program: "sleep".to_owned(),
        process,
    }
}

#[tokio::test]
async fn an_entry_is_on_the_disk_until_it_is_released() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_in(dir.path().join("runs"), RunId::random()).await.unwrap();
    let runs = ledger.0.path.parent().unwrap();
    let first = ledger.register(cluster("first")).await.unwrap();
    let second = ledger.register(cluster("second")).await.unwrap();
    assert_eq!(things_in(runs).await, [cluster("first"), cluster("second")]);
    first.release().await.unwrap();
    assert_eq!(things_in(runs).await, [cluster("second")]);
    second.release().await.unwrap();
    assert_eq!(things_in(runs).await, []);
    let path = ledger.0.path.clone();
    assert!(path.exists());
    ledger.close().await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn only_the_user_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_in(dir.path().join("runs"), RunId::random()).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&ledger.0.path), 0o600);
    assert_eq!(mode(ledger.0.path.parent().unwrap()), 0o700);
}

#[tokio::test]
async fn a_run_that_still_owns_something_does_not_close() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_in(dir.path(), RunId::random()).await.unwrap();
    let owned = ledger.register(cluster("left")).await.unwrap();
    let error = ledger.close().await.unwrap_err();
    assert!(error.to_string().contains("kind cluster left"), "{error}");
    drop(owned);
    assert_eq!(things_in(dir.path()).await, [cluster("left")]);
}

#[tokio::test]
async fn a_run_that_owned_nothing_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    drop(Ledger::open_in(dir.path(), RunId::random()).await.unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_running_owner_is_alive_and_one_with_a_recycled_number_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_in(dir.path(), RunId::random()).await.unwrap();
    let owner = async || past_runs_in(dir.path()).await.unwrap().remove(0).owner;
    assert_eq!(owner().await, Owner::Alive);
    change_header(&ledger.0.path, |header| {
        header["owner"]["started"] = "another boot 1".into();
    });
    assert_eq!(owner().await, Owner::Gone);
    change_header(&ledger.0.path, |header| header["host"] = "elsewhere".into());
    assert_eq!(owner().await, Owner::Elsewhere("elsewhere".to_owned()));
}

#[tokio::test]
async fn a_torn_last_line_spoils_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_, path) = killed_run(dir.path(), [cluster("whole"), cluster("torn")]).await;
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 5]).unwrap();
    assert_eq!(things_in(dir.path()).await, [cluster("whole")]);

    strike_out_and_expect_nothing(dir.path(), &path).await;
}

async fn strike_out_and_expect_nothing(dir: &Path, path: &Path) {
    let file = OpenOptions::new().append(true).open(path).unwrap();
    append(&file, &Record::Release { entry: 0 }).unwrap();
    assert_eq!(things_in(dir).await, []);
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.jsonl"), "hello").unwrap();
    assert_eq!(past_runs_in(dir.path()).await.unwrap().len(), 0);
    assert!(dir.path().join("notes.jsonl").exists());
}

#[tokio::test]
async fn cleaning_kills_a_stale_process() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = sleeper().await;
    let (_, path) = killed_run(dir.path(), [process(&daemon)]).await;
    let run = past_runs_in(dir.path()).await.unwrap().remove(0);
    assert!(run.is_stale());
    let results = run.clean(&[&Local]).await.unwrap();
    assert!(matches!(results[..], [(_, Ok(Cleaned::Removed))]), "{results:?}");
    let status = daemon.exited().await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert!(!path.exists());
}

#[tokio::test]
async fn cleaning_spares_a_process_with_a_recycled_number() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = sleeper().await;
    let mut thing = serde_json::to_value(process(&daemon)).unwrap();
    thing["process"]["started"] = "another boot 1".into();
    killed_run(dir.path(), [serde_json::from_value(thing).unwrap()]).await;
    let run = past_runs_in(dir.path()).await.unwrap().remove(0);
    let results = run.clean(&[&Local]).await.unwrap();
    assert!(matches!(results[..], [(_, Ok(Cleaned::WasGone))]), "{results:?}");
    assert!(daemon.identity().unwrap().is_alive());
    daemon.stop(std::time::Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn cleaning_removes_only_directories_that_the_run_named() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("precious");
    let (run, path) = killed_run(dir.path(), [OwnedResource::Directory { path: foreign.clone() }]).await;
    let ours = dir.path().join(format!("{}work", run.prefix()));
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    append(
        &file,
        &Record::Own {
            entry: 7,
            thing: OwnedResource::Directory { path: ours.clone() },
        },
    )
    .unwrap();
    fs::create_dir(&foreign).unwrap();
    fs::create_dir_all(ours.join("deep")).unwrap();

    let run = past_runs_in(dir.path()).await.unwrap().remove(0);
    let results = run.clean(&[&Local]).await.unwrap();
    assert!(matches!(results[0].1, Ok(Cleaned::Removed)));
    assert!(matches!(results[1].1, Err(CleanError::NotOurs { .. })));
    assert!(foreign.exists() && !ours.exists());
    // What could not be cleaned stays in the ledger, and only that.
    assert_eq!(
        things_in(dir.path()).await,
        [OwnedResource::Directory { path: foreign }]
    );
}

#[tokio::test]
async fn resources_that_nobody_can_clean_stay_in_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    killed_run(dir.path(), [cluster("left")]).await;
    let run = past_runs_in(dir.path()).await.unwrap().remove(0);
    let results = run.clean(&[&Local]).await.unwrap();
    assert!(matches!(results[..], [(_, Err(CleanError::NoCleaner(_)))]));
    assert_eq!(things_in(dir.path()).await, [cluster("left")]);
}

#[tokio::test]
async fn a_temporary_directory_is_private_owned_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_in(dir.path(), RunId::random()).await.unwrap();
    let temp = ledger.temp_dir().await.unwrap();
    let path = temp.path().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(
        things_in(dir.path()).await,
        [OwnedResource::Directory { path: path.clone() }]
    );
    fs::write(path.join("file"), "").unwrap();
    temp.remove().await.unwrap();
    assert!(!path.exists());
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_process_is_written_down_before_and_after_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_in(dir.path(), RunId::random()).await.unwrap();
    let intent = OwnedResource::Process {
        program: "sleep".to_owned(),
        process: None,
    };
    let owned = ledger.register(intent.clone()).await.unwrap();
    assert_eq!(things_in(dir.path()).await, [intent]);
    let daemon = sleeper().await;
    owned.started(daemon.identity().unwrap().clone()).await.unwrap();
    assert_eq!(things_in(dir.path()).await, [process(&daemon)]);
    daemon.stop(std::time::Duration::from_secs(60)).await.unwrap();
    owned.release().await.unwrap();
    ledger.close().await.unwrap();
}

#[test]
fn a_run_id_is_eight_characters_fit_for_a_label() {
    let id = RunId::random();
    assert_eq!(id.as_str().parse::<RunId>().unwrap(), id);
    assert_ne!(id, RunId::random());
    for bad in [
        "",
        "abcdefg",
        "abcdefghi",
        "ABCDEFGH",
        "abcdefg1",
        "../../ab",
        "äbcdefg",
    ] {
        assert!(bad.parse::<RunId>().is_err(), "{bad}");
    }
}
