//! The stand-ins: a registry and a chart repository under the publisher's names.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::json;
use tempfile::TempDir;

use crate::support::background::Background;
use crate::support::publisher::{IMAGE, Server, TAG, VERSION};

/// Where the testbed's daemon looks first for what it pulls.
const MIRROR_OF_DAEMON: u16 = 5055;

/// The registry and the chart repository with the stand-ins, and nothing of them on the daemon.
pub struct Stage {
    pub registry: Background,
    host: String,
    pub charts: Server,
    _folder: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mirrors = docker(&["info", "--format", "{{json .RegistryConfig.Mirrors}}"]);
        // The daemon's own mirror where it has it; else a port of its own, by whose name the daemon pulls.
        let port = if mirrors.contains(&format!("127.0.0.1:{MIRROR_OF_DAEMON}")) {
            MIRROR_OF_DAEMON
        } else {
            free_port()
        };
        let host = format!("127.0.0.1:{port}");
        let registry = start_registry(folder.path(), &host);
        let stage = Self {
            registry,
            charts: charts(folder.path()),
            host,
            _folder: folder,
        };
        let pushed = format!("{}/{IMAGE}:{TAG}", stage.host);
        docker(&["tag", &format!("kestra-secrets/kestra:{VERSION}"), &pushed]);
        docker(&["push", "--quiet", &pushed]);
        docker(&["image", "rm", &pushed]);
        stage
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        forget_image();
    }
}

/// Takes the stand-in's names from the daemon; the testbed's own image keeps its.
pub fn forget_image() {
    let listed = Command::new("docker")
        .args([
            "image",
            "ls",
            "--digests",
            "--format",
            "{{.Repository}} {{.Tag}} {{.Digest}}",
        ])
        .output()
        .unwrap();
    for line in String::from_utf8(listed.stdout).unwrap().lines() {
        let mut words = line.split(' ');
        let (repository, tag, digest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        if !repository.ends_with(IMAGE) || repository.starts_with("kestra-secrets/") {
            continue;
        }
        let name = match tag {
            "<none>" => format!("{repository}@{digest}"),
            tag => format!("{repository}:{tag}"),
        };
        drop(Command::new("docker").args(["image", "rm", &name]).output());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[track_caller]
pub fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn start_registry(folder: &Path, host: &str) -> Background {
    let store = folder.join("registry");
    let config = json!({
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": store}},
        "http": {"addr": host},
    });
    let file = folder.join("registry.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new("registry");
    command
        .arg("serve")
        .arg(file)
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut registry = Background::start(&mut command);
    let mut log = BufReader::new(registry.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("listening on") {
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "the registry ended: {said}");
    }
    // What it says further is read, or it would wait for that.
    thread::spawn(move || drop(std::io::copy(&mut log, &mut std::io::sink())));
    registry
}

/// A repository with our own chart under the name and version of the publisher's.
fn charts(folder: &Path) -> Server {
    let (chart, packed) = (folder.join("chart"), folder.join("packed"));
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kestra-minimal");
    std::fs::create_dir(&packed).unwrap();
    run_tool(Command::new("cp").arg("-r").arg(from).arg(&chart));
    let yaml = format!("apiVersion: v2\ntype: application\nname: kestra\nversion: {VERSION}\nappVersion: v{VERSION}\n");
    std::fs::write(chart.join("Chart.yaml"), yaml).unwrap();
    run_tool(
        Command::new("helm")
            .arg("package")
            .arg(&chart)
            .arg("--destination")
            .arg(&packed),
    );
    run_tool(Command::new("helm").args(["repo", "index"]).arg(&packed));
    let files = std::fs::read_dir(&packed).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = format!("/{}", entry.file_name().display());
        (name, std::fs::read(entry.path()).unwrap())
    });
    Server::start(files)
}

#[track_caller]
fn run_tool(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
