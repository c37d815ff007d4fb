//! The publisher's image and chart, on loopback: the distribution project's registry and a chart repository hold
//! stand-ins under the publisher's names. Taken where they can be had; where not, the next best, and why.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kestra_secrets::provider::ENGINES;
use libtest_mimic::{Completion, Trial};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::proxy::{Fate, Proxy};
use crate::sandbox::{Ended, NOWHERE, Sandbox, run};
use crate::{doctor, live, requirements, test};

/// The version that the stand-ins bear: that of the engine which is in them.
const VERSION: &str = "2.0.0";
const IMAGE: &str = "kestra/kestra";
const TAG: &str = "v2.0.0-no-plugins";
/// Where the testbed's daemon looks first for what it pulls.
const MIRROR_OF_DAEMON: u16 = 5055;

pub fn trials() -> Vec<Trial> {
    vec![
        test(
            "official",
            "doctor_says_what_a_registry_answered_and_what_a_run_takes_instead",
            answers,
        ),
        test(
            "official",
            "doctor_says_how_much_would_be_pulled_and_what_it_takes",
            sizes,
        ),
        test(
            "official",
            "a_kestra_that_is_named_and_cannot_be_had_exits_3_and_says_why",
            named,
        ),
        test(
            "official",
            "the_pins_are_written_anew_by_what_the_registry_has",
            written,
        ),
        test("official", "a_minor_is_its_newest_patch_by_the_registrys_tags", minor),
        live(
            "official",
            "without_docker_a_run_is_embedded_and_says_so",
            without_docker,
        ),
        live(
            "official",
            "a_pull_that_breaks_off_gives_way_to_the_next_best",
            broken_pull,
        ),
        whole_path(),
    ]
}

/// A server of a few answers, until it is dropped.
struct Server {
    address: SocketAddr,
    end: Arc<AtomicBool>,
}

impl Server {
    fn start(answers: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            end: Arc::default(),
        };
        let end = Arc::clone(&server.end);
        let answers: BTreeMap<_, _> = answers.into_iter().collect();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                // That a client hangs up is its own affair.
                drop(serve(client, &answers));
            }
        });
        server
    }

    /// One that offers the image and the chart, by their manifests alone.
    fn of_publisher() -> Self {
        let part = |size: u64| json!({"digest": format!("sha256:{}", "0".repeat(64)), "size": size});
        let manifest = json!({"config": part(1), "layers": [part(300 << 20), part(50 << 20)]});
        let index = format!("entries: {{kestra: [{{version: {VERSION}, appVersion: v{VERSION}}}]}}");
        let tags = json!({"tags": ["latest", "v1.3.9", "v1.3.31-no-plugins", "v2.0.0"]});
        Self::start([
            (format!("/v2/{IMAGE}/manifests/{TAG}"), manifest.to_string().into()),
            (format!("/v2/{IMAGE}/tags/list"), tags.to_string().into()),
            ("/index.yaml".into(), index.into()),
        ])
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut client: TcpStream, answers: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let body = answers.get(path.split('?').next().unwrap_or_default());
    let (status, body) = body.map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    client.write_all(body)
}

/// A machine whose daemon has the testbed's images and pulls nothing.
fn machine() -> Sandbox {
    let sandbox = doctor::complete();
    sandbox.script(
        "bin/docker",
        r#"case "$*" in
info*) echo '{"ServerVersion": "28.1.0", "CgroupVersion": "2", "NCPU": 4, "MemTotal": 17179869184}' ;;
version*) echo 28.1.0 ;;
"image ls"*) echo kestra-secrets/node:v1.34.4 ;;
"image inspect"*kestra-secrets/*) echo sha256:0 ;;
*) exit 1 ;;
esac"#,
    );
    pins(&sandbox, "");
    sandbox
}

/// The pins with the stand-ins' version, and a digest of their tag.
fn pins(sandbox: &Sandbox, digest: &str) {
    let digests = match digest {
        "" => String::new(),
        digest => format!("\"{TAG}\" = \"sha256:{digest}\""),
    };
    let text = include_str!("../../src/toolbox/pins.toml");
    let text = text.replace("version = \"2.0.7\"", &format!("version = \"{VERSION}\""));
    sandbox.file(
        "pins.toml",
        text.replace("[kestra.digests]", &format!("[kestra.digests]\n{digests}")),
    );
}

fn asks(mut command: Command, sandbox: &Sandbox, registry: &str, charts: &str) -> Command {
    command
        .env("KESTRA_SECRETS_PINS", sandbox.work().join("pins.toml"))
        .env("KESTRA_SECRETS_IMAGE_MIRROR", registry)
        .env("KESTRA_SECRETS_CHART_MIRROR", charts);
    command
}

fn doctors(sandbox: &Sandbox, args: &[&str], registry: &str, charts: &str) -> Ended {
    run(asks(doctor::doctor(sandbox, args), sandbox, registry, charts))
}

#[track_caller]
fn assert_says(ended: &Ended, texts: &[&str]) {
    let said = format!("{}\n{}", ended.stdout, ended.stderr);
    for text in texts {
        assert!(said.contains(text), "{text:?} is not in\n{said}");
    }
}

fn answers() {
    let publisher = Server::of_publisher();
    let (charts, upstream) = (publisher.url(), publisher.address);
    let sandbox = machine();
    for (fate, says) in [
        (
            Fate::Answered(401),
            "it answered 401 and wants credentials for kestra/kestra:v2.0.0-no-plugins",
        ),
        (
            Fate::Answered(429),
            "it answered 429, too many requests; it says to try again after 1 s",
        ),
        (
            Fate::Answered(404),
            "has no kestra/kestra for Kestra 2.0.0: none of v2.0.0-no-plugins, v2.0.0-slim, v2.0.0",
        ),
        (Fate::Cut(40), "connection closed before message completed"),
        (Fate::Silence, "the deadline for an answer of the registry, 5s passed"),
    ] {
        let registry = Proxy::start(Some(upstream), move |_| fate);
        let ended = doctors(&sandbox, &[], &registry.url(), &charts).with_code(0);
        assert_says(
            &ended,
            &[
                says,
                "a run goes without it",
                "a run goes to kind (not the official image and chart: ",
            ],
        );
    }
    let ended = doctors(&sandbox, &[], &charts, NOWHERE).with_code(0);
    assert_says(
        &ended,
        &[
            "the chart repository http://127.0.0.1:1 does not answer",
            "takes the bundled one",
        ],
    );
    pins(&sandbox, &"ab".repeat(32));
    let ended = doctors(&sandbox, &[], &charts, &charts).with_code(0);
    assert_says(
        &ended,
        &[
            "the digest that is pinned for v2.0.0-no-plugins",
            "a run goes to kind (not the official",
        ],
    );
}

fn sizes() {
    let publisher = Server::of_publisher();
    let url = publisher.url();
    let sandbox = machine();
    let ended = doctors(&sandbox, &[], &url, &url).with_code(0);
    assert_says(
        &ended,
        &[
            "kestra/kestra:v2.0.0-no-plugins can be pulled, 351 MiB",
            "takes about 1.7 GiB of disk, and a run 2.0 GiB of memory",
            "official@2.0.0 can be had from http://127.0.0.1:",
            "a run goes to kind (the official image and chart: Docker 28.1.0 answers, kestra/kestra:v2.0.0-no-plugins \
             can be pulled, 351 MiB",
        ],
    );
}

fn named() {
    let sandbox = machine();
    let registry = Proxy::start(None, |_| Fate::Answered(401));
    let command = |args: &[&str]| {
        let mut command = asks(sandbox.command(args), &sandbox, &registry.url(), NOWHERE);
        command.env("PATH", sandbox.work().join("bin"));
        command
    };
    for provider in ["kind", "docker"] {
        let args = [
            "run",
            "extra-env",
            "--kestra",
            "official",
            "--chart",
            "bundled",
            "--provider",
            provider,
        ];
        let ended = run(command(&args)).with_code(3);
        assert_says(
            &ended,
            &[
                "find the image of official@2.0.0",
                "it answered 401",
                "KESTRA_SECRETS_IMAGE_MIRROR",
            ],
        );
    }
    sandbox.assert_clean();
}

fn minor() {
    let publisher = Server::of_publisher();
    let sandbox = machine();
    let ended = doctors(
        &sandbox,
        &["--kestra", "official@1.3"],
        &publisher.url(),
        &publisher.url(),
    );
    assert_says(&ended, &["image of official@1.3.31"]);
    let ended = doctors(
        &sandbox,
        &["--kestra", "official@1.4"],
        &publisher.url(),
        &publisher.url(),
    )
    .with_code(3);
    assert_says(
        &ended,
        &["find the newest Kestra 1.4: no tag of kestra/kestra is a release of 1.4"],
    );
}

fn written() {
    let publisher = Server::of_publisher();
    let sandbox = machine();
    sandbox.file("new.toml", include_str!("../../src/toolbox/pins.toml"));
    let command = |registry: &str| asks(sandbox.command(["pins", "new.toml"]), &sandbox, registry, NOWHERE);
    let ended = run(command(&publisher.url())).with_code(0);
    assert_says(&ended, &["Kestra 2.0.0, 1 digests: new.toml"]);
    let new = std::fs::read_to_string(sandbox.work().join("new.toml")).unwrap();
    assert!(new.contains("[kestra]\nversion = \"2.0.0\"\n"), "{new}");
    assert!(
        new.contains("[kestra.digests]\n\"v2.0.0-no-plugins\" = \"sha256:"),
        "{new}"
    );
    let ended = run(command(NOWHERE)).with_code(3);
    assert_says(&ended, &["failed to ask 127.0.0.1:1"]);
    let kept = std::fs::read_to_string(sandbox.work().join("new.toml")).unwrap();
    assert_eq!(kept, new);
}

fn without_docker() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["run", "extra-env"]);
    command
        .env_remove("KESTRA_SECRETS_PROVIDER")
        .env("DOCKER_HOST", "tcp://127.0.0.1:1");
    let ended = run(command).with_code(0);
    assert_says(
        &ended,
        &["on embedded (no Docker daemon answers), chart kestra-minimal"],
    );
    sandbox.assert_clean();
}

fn broken_pull() {
    let publisher = Server::of_publisher();
    let sandbox = Sandbox::new();
    pins(&sandbox, "");
    sandbox.script(
        "bin/docker",
        r#"case "$*" in
version*) echo 28.1.0 ;;
"image ls"*) echo kestra-secrets/node:v1.34.4 ;;
pull*) printf '%s\n' 'a1: Pulling fs layer' 'b2: Pulling fs layer' 'a1: Pull complete'; echo 'unexpected EOF' >&2; exit 1 ;;
*) exit 1 ;;
esac"#,
    );
    let path = std::env::var("PATH").unwrap();
    let mut command = asks(
        sandbox.command(["run", "extra-env"]),
        &sandbox,
        &publisher.url(),
        &publisher.url(),
    );
    command
        .env_remove("KESTRA_SECRETS_PROVIDER")
        .env("PATH", format!("{}:{path}", sandbox.work().join("bin").display()));
    let ended = run(command).with_code(0);
    assert_says(
        &ended,
        &[
            "pull 351 MiB from the mirror http://127.0.0.1:",
            "layers, 1 of 2 are here",
            "on embedded (not the official image and chart: failed to pull kestra/kestra:v2.0.0-no-plugins: ",
            "unexpected EOF; Docker has no image of engine@2.0.0",
        ],
    );
    sandbox.assert_clean();
}

/// The registry and the chart repository with the stand-ins, and nothing of them on the daemon.
struct Stage {
    registry: Child,
    host: String,
    charts: Server,
    _folder: TempDir,
}

impl Stage {
    fn new() -> Self {
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

    fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    fn run(&self, sandbox: &Sandbox, args: &[&str], charts: &str) -> Ended {
        let mut command = asks(sandbox.command([&["run"], args].concat()), sandbox, &self.url(), charts);
        command.env_remove("KESTRA_SECRETS_PROVIDER");
        run(command)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.registry.kill());
        drop(self.registry.wait());
        forget_image();
    }
}

/// Takes the stand-in's names from the daemon; the testbed's own image keeps its.
fn forget_image() {
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
fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn start_registry(folder: &Path, host: &str) -> Child {
    let store = folder.join("registry");
    let config = json!({
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": store}},
        "http": {"addr": host},
    });
    let file = folder.join("registry.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let mut registry = Command::new("registry")
        .arg("serve")
        .arg(file)
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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

/// One trial, as all of its parts change what the one daemon has.
fn whole_path() -> Trial {
    Trial::ignorable_test(
        "official::the_main_command_takes_image_and_chart_on_kind_and_without_one_of_them_the_next_best",
        || match requirements::lacking_for_cluster(&ENGINES[0]).or_else(lacking_registry) {
            Some(lacking) if requirements::is_required("kind") => Err(lacking.into()),
            Some(lacking) => Ok(Completion::ignored_with(lacking)),
            None => {
                whole();
                Ok(Completion::Completed)
            }
        },
    )
}

fn lacking_registry() -> Option<String> {
    let asked = Command::new("registry").arg("--version").output();
    asked
        .err()
        .map(|e| format!("`testbed/testbed build` makes the registry: {e}"))
}

fn whole() {
    forget_image();
    let mut stage = Stage::new();
    let sandbox = Sandbox::new();
    pins(&sandbox, "");
    let charts = stage.charts.url();

    let scenarios = ["extra-env", "secret-key-ref"];
    let ended = stage
        .run(&sandbox, &[&scenarios[..], &["--report", "report"]].concat(), &charts)
        .with_code(0);
    assert_says(
        &ended,
        &[
            "on kind (the official image and chart: Docker ",
            "kestra/kestra:v2.0.0-no-plugins can be pulled, ",
            &format!("chart kestra 2.0.0 (official@2.0.0, from the mirror {charts}"),
            "Kestra official@2.0.0 (pulled ",
            &format!("mirror {}, which is not pinned)", stage.url()),
        ],
    );
    let report = std::fs::read_to_string(sandbox.work().join("report/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let passed = |result: &&Value| result["status"] == "pass";
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.iter().filter(passed).count(), 2, "{results:#?}");
    let provenance = &results.iter().find(passed).unwrap()["provenance"];
    assert_eq!(provenance["image"], "kestra/kestra:v2.0.0-no-plugins");
    let digest = docker(&[
        "image",
        "inspect",
        "--format",
        "{{json .RepoDigests}}",
        &format!("{IMAGE}:{TAG}"),
    ]);
    let digest = digest
        .split_once("sha256:")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let deviations = provenance["deviations"].to_string();
    assert!(
        deviations.contains(&format!("@sha256:{digest}, pulled ")),
        "{deviations}"
    );

    // A pin that the image has, and one that nobody has; without a cluster, which takes less time.
    let docker_alone = ["extra-env", "--kestra", "official", "--provider", "docker"];
    pins(&sandbox, &digest);
    let ended = stage.run(&sandbox, &docker_alone, &charts).with_code(0);
    assert_says(
        &ended,
        &[
            "official@2.0.0 (the daemon had it)",
            "chart kestra 2.0.0 (official@2.0.0",
        ],
    );
    pins(&sandbox, &"ab".repeat(32));
    let ended = stage.run(&sandbox, &docker_alone, &charts).with_code(3);
    assert_says(
        &ended,
        &[
            "has no kestra/kestra@sha256:abab",
            "the digest that is pinned for v2.0.0-no-plugins",
        ],
    );

    pins(&sandbox, "");
    let ended = stage.run(&sandbox, &["extra-env"], NOWHERE).with_code(0);
    let testbed = "answers, and the node image kestra-secrets/node";
    let engines = "Kestra engine@2.0.0 and engine@1.3.31";
    assert_says(
        &ended,
        &[
            "on kind (not the official image and chart: the chart repository http://127.0.0.1:1",
            testbed,
            engines,
        ],
    );

    stage.registry.kill().unwrap();
    stage.registry.wait().unwrap();
    forget_image();
    // Values that name an image: the one that the run names runs, and the result says so.
    sandbox.file(
        "own-image.yaml",
        "schema: 1\nname: own-image\nabout: Values that name an image.\nstrategy: extra-env\nsecrets: {DB_PASSWORD: \
         {plain: hunter2, public: true}}\nreads: {password: DB_PASSWORD}\nvalues: {image: {tag: v1.3.15}}\n",
    );
    let ended = stage.run(&sandbox, &["own-image.yaml"], &charts).with_code(0);
    assert_says(
        &ended,
        &[
            "the values name the image kestra/kestra:v1.3.15, and what ran is engine@2.0.0 (kestra-secrets/kestra:2.0.0)",
        ],
    );
    assert_says(
        &ended,
        &[
            "on kind (not the official image and chart: failed to ask 127.0.0.1:",
            "Connection refused",
            testbed,
            engines,
        ],
    );
    sandbox.file("pins.toml", "");
    std::fs::remove_dir_all(sandbox.work().join("report")).unwrap();
    sandbox.assert_clean();
}
