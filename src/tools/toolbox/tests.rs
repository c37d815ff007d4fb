use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::search::parse_version;
use super::*;

mod folders;
mod java;

/// Answers every URL with the same bytes, or with 404.
#[derive(Default)]
struct Server {
    answer: Option<Vec<u8>>,
    asked: AtomicUsize,
}

impl Fetch for Server {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let missing = FetchError::Status {
            url: url.to_owned(),
            status: 404,
        };
        Box::pin(async move { self.answer.clone().ok_or(missing) })
    }
}

/// A machine with nothing on it.
struct Machine {
    dir: TempDir,
    server: Server,
    vars: HashMap<String, OsString>,
    sums: HashMap<Tool, String>,
    pins: Pins,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bin").into_os_string();
        let vars = HashMap::from([("PATH".to_owned(), path)]);
        Self {
            dir,
            server: Server::default(),
            vars,
            sums: HashMap::new(),
            pins: Pins::built_in().unwrap(),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// Puts a shell script somewhere below the machine's root.
    fn script(&self, file: &str, body: &str) -> PathBuf {
        let path = self.path(file);
        executable(&path, format!("#!/bin/sh\n{body}\n").as_bytes());
        path
    }

    fn file(&self, file: &str, text: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), text).unwrap();
    }

    fn java(&self, home: &str, version: &str) -> PathBuf {
        self.script(&format!("{home}/bin/java"), "exit 1");
        self.file(
            &format!("{home}/release"),
            &format!("LIBC=\"gnu\"\nJAVA_VERSION=\"{version}\"\n"),
        );
        self.path(home)
    }

    fn name(&mut self, variable: &str, path: impl Into<OsString>) {
        self.vars.insert(variable.to_owned(), path.into());
    }

    /// Has the server offer a release, and its sum pinned.
    fn offer(&mut self, tool: Tool, bytes: Vec<u8>) {
        self.sums.insert(tool, hex::encode(Sha256::digest(&bytes)));
        self.server.answer = Some(bytes);
    }

    fn toolbox(self) -> (Toolbox, TempDir, Arc<Server>) {
        let server = Arc::new(self.server);
        let toolbox = Toolbox {
            vars: self.vars,
            cache: self.dir.path().join("cache"),
            pins: self.pins,
            sums: self.sums,
            java_roots: vec![self.dir.path().join("jvm")],
            fetch: Arc::clone(&server) as Arc<dyn Fetch>,
            version: VERSION,
            cancel: CancellationToken::new(),
        };
        (toolbox, self.dir, server)
    }

    async fn find(self, tool: Tool) -> Result<FoundTool, ToolboxError> {
        let (toolbox, _dir, _server) = self.toolbox();
        toolbox.find(tool).await
    }

    async fn find_java(self, least: u32, purpose: JavaFor) -> Result<Java, ToolboxError> {
        let (toolbox, _dir, _server) = self.toolbox();
        toolbox.java(least, purpose).await
    }
}

fn executable(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What helm publishes: the executable among other things.
fn archive(members: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, kind, bytes) in members {
        let mut header = tar::Header::new_gnu();
        // Not by `set_path`, which refuses the paths that an attacker would choose.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn helm_member() -> String {
    format!("{}/helm", pins::platform())
}

const HELM: &[u8] = b"#!/bin/sh\necho v3.22.0+g1234567\n";
const KIND: &[u8] = b"#!/bin/sh\necho kind v0.30.0 go1.24.6 linux/amd64\n";

#[tokio::test]
async fn the_tool_on_path_is_taken() {
    let machine = Machine::new();
    let path = machine.script("bin/helm", "echo v4.0.1+gabc");
    let found = machine.find(Tool::Helm).await.unwrap();
    assert_eq!((found.path, found.how), (path, How::OnPath));
    assert_eq!(found.version, Version::new(4, 0, 1));
    assert_eq!(found.passed_over, [""; 0]);
}

#[tokio::test]
async fn the_tool_that_is_named_is_taken_before_that_on_path() {
    let mut machine = Machine::new();
    machine.script("bin/helm", "echo v3.20.0");
    let calling = machine.script("calling/helm", "echo v4.3.2");
    machine.name("HELM_BIN", &calling);
    let named = machine.script("mine/helm", "echo v3.14");
    machine.name("KESTRA_SECRETS_HELM", &named);
    let found = machine.find(Tool::Helm).await.unwrap();
    assert_eq!((found.path, found.how), (named, How::Named("KESTRA_SECRETS_HELM")));
    assert_eq!(found.version, Version::new(3, 14, 0));
}

#[tokio::test]
async fn the_helm_that_calls_its_plugin_is_taken_before_that_on_path() {
    let mut machine = Machine::new();
    machine.script("bin/helm", "echo v3.20.0");
    let calling = machine.script("calling/helm", "echo v4.3.2");
    machine.name("HELM_BIN", &calling);
    let found = machine.find(Tool::Helm).await.unwrap();
    assert_eq!((found.path, found.how), (calling, How::Named("HELM_BIN")));
}

#[tokio::test]
async fn a_named_tool_that_will_not_do_is_an_error_even_if_another_would() {
    let mut machine = Machine::new();
    machine.script("bin/helm", "echo v3.20.0");
    let named = machine.script("mine/helm", "echo v2.17.0");
    machine.name("KESTRA_SECRETS_HELM", &named);
    let error = machine.find(Tool::Helm).await.unwrap_err().to_string();
    assert!(error.contains("KESTRA_SECRETS_HELM names"), "{error}");
    assert!(error.contains("is 2.17.0, and >=3.14, <5 is needed"), "{error}");
}

#[tokio::test]
async fn old_failing_and_hanging_tools_on_path_are_skipped_and_reported() {
    for (body, why) in [
        ("echo kind v0.11.1 go1.16", "is 0.11.1, and >=0.24 is needed"),
        ("echo broken >&2; exit 1", "exit status: 1; it said:\n  broken"),
        ("echo hello", "tells no version"),
        ("sleep 600", "the deadline for a nap, 1s passed"),
    ] {
        let mut machine = Machine::new();
        machine.script("bin/kind", body);
        machine.offer(Tool::Kind, KIND.to_vec());
        let (mut toolbox, _dir, _server) = machine.toolbox();
        if body.starts_with("sleep") {
            toolbox.version = Deadline {
                what: "a nap",
                limit: Duration::from_secs(1),
            };
        }
        let found = toolbox.find(Tool::Kind).await.unwrap();
        assert!(matches!(found.how, How::Downloaded(_)), "{found:?}");
        assert!(found.passed_over[0].contains(why), "{:?}", found.passed_over);
    }
}

#[tokio::test]
async fn a_download_is_verified_unpacked_and_found_in_the_cache_next_time() {
    let mut machine = Machine::new();
    let file = tar::EntryType::Regular;
    let readme = format!("{}/README.md", pins::platform());
    machine.offer(
        Tool::Helm,
        archive(&[(&readme, file, b"hi"), (&helm_member(), file, HELM)]),
    );
    let (toolbox, _dir, server) = machine.toolbox();

    let first = toolbox.find(Tool::Helm).await.unwrap();
    let url = format!("https://get.helm.sh/helm-v3.22.0-{}.tar.gz", pins::platform());
    assert_eq!(first.how, How::Downloaded(url));
    let second = toolbox.find(Tool::Helm).await.unwrap();
    assert_eq!((second.how, &second.path), (How::Cached, &first.path));
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
    // Nothing but the executable is left in the cache.
    assert_eq!(fs::read_dir(first.path.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_mirror_is_asked_instead_of_the_publisher() {
    let mut machine = Machine::new();
    machine.offer(Tool::Kind, KIND.to_vec());
    machine.name(
        "KESTRA_SECRETS_KIND_MIRROR",
        "https://user:hunter2@mirror.example/kind/",
    );
    let found = machine.find(Tool::Kind).await.unwrap();
    let url = format!("https://mirror.example/kind/v0.30.0/kind-{}", pins::platform());
    assert_eq!(found.how, How::Downloaded(url));
}

#[tokio::test]
async fn a_wrong_checksum_ends_the_search_and_leaves_nothing() {
    let mut machine = Machine::new();
    machine.offer(Tool::Kind, KIND.to_vec());
    machine.server.answer = Some(b"#!/bin/sh\necho kind v0.30.0 and a surprise\n".to_vec());
    machine.script("bin/go", "touch \"$GOBIN/../../../../built\"");
    let (toolbox, dir, _server) = machine.toolbox();
    let error = toolbox.find(Tool::Kind).await.unwrap_err();
    assert!(matches!(error, ToolboxError::Checksum { .. }), "{error}");
    assert!(!dir.path().join("cache").exists());
}

#[tokio::test]
async fn an_archive_cannot_write_beside_the_tool() {
    let mut machine = Machine::new();
    let file = tar::EntryType::Regular;
    let evil: &[u8] = b"evil";
    machine.offer(
        Tool::Helm,
        archive(&[
            ("../../../evil", file, evil),
            ("/tmp/kestra-secrets-test-evil", file, evil),
            (&helm_member(), file, HELM),
        ]),
    );
    let (toolbox, dir, _server) = machine.toolbox();
    toolbox.find(Tool::Helm).await.unwrap();
    let mut files = Vec::new();
    let mut dirs = vec![dir.path().to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push(path);
            }
        }
    }
    assert_eq!(files, [toolbox.cached(Tool::Helm)]);
    assert!(!Path::new("/tmp/kestra-secrets-test-evil").exists());
}

#[tokio::test]
async fn an_archive_without_the_tool_is_passed_over() {
    let (file, link) = (tar::EntryType::Regular, tar::EntryType::Symlink);
    let member = helm_member();
    let whole = archive(&[(&member, file, HELM)]);
    for (bytes, why) in [
        (archive(&[("helm", file, HELM)]), format!("it holds no {member}")),
        (archive(&[(&member, link, b"")]), format!("{member} is not a file")),
        (whole[..whole.len() / 2].to_vec(), "unpack".to_owned()),
        (b"<html>sign in to continue</html>".to_vec(), "unpack".to_owned()),
    ] {
        let mut machine = Machine::new();
        machine.offer(Tool::Helm, bytes);
        let error = machine.find(Tool::Helm).await.unwrap_err().to_string();
        assert!(error.contains(&why), "{why}: {error}");
    }
}

#[tokio::test]
async fn go_builds_what_cannot_be_downloaded() {
    let machine = Machine::new();
    machine.script(
        "bin/go",
        "[ \"$*\" = 'install -trimpath sigs.k8s.io/kind@v0.30.0' ] || exit 1\n\
         printf '#!/bin/sh\\necho kind v0.30.0\\n' > \"$GOBIN/kind\"",
    );
    let (toolbox, _dir, _server) = machine.toolbox();
    let found = toolbox.find(Tool::Kind).await.unwrap();
    assert_eq!((found.how, &found.path), (How::Built, &toolbox.cached(Tool::Kind)));
    assert_eq!(found.passed_over.len(), 3);
    assert_eq!(toolbox.find(Tool::Kind).await.unwrap().how, How::Cached);
}

#[tokio::test]
async fn a_failed_search_lists_what_it_tried_and_says_what_to_do() {
    let error = Machine::new().find(Tool::Kind).await.unwrap_err().to_string();
    for part in [
        "failed to find kind >=0.24:\n- it is not on PATH",
        "is pinned",
        "Go, to build it with, is not on PATH",
        "name one by KESTRA_SECRETS_KIND",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn many_at_once_find_a_whole_tool_each() {
    let mut machine = Machine::new();
    machine.offer(Tool::Kind, KIND.to_vec());
    let (toolbox, _dir, _server) = machine.toolbox();
    let finds = (0..8).map(|_| {
        let toolbox = toolbox.clone();
        tokio::spawn(async move { toolbox.find(Tool::Kind).await })
    });
    for found in futures::future::join_all(finds).await {
        let found = found.unwrap().unwrap();
        assert_eq!(fs::read(found.path).unwrap(), KIND);
    }
    let place = toolbox.cached(Tool::Kind);
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn cancellation_ends_a_search() {
    let machine = Machine::new();
    machine.script("bin/helm", "sleep 600");
    let (toolbox, _dir, _server) = machine.toolbox();
    toolbox.cancel.cancel();
    let error = toolbox.find(Tool::Helm).await.unwrap_err();
    assert!(matches!(error, ToolboxError::Cancelled("helm")), "{error}");
}

#[test]
fn a_version_is_read_from_what_tools_say() {
    let version = |text| parse_version(text).map(|v| v.to_string());
    assert_eq!(version("v3.22").as_deref(), Some("3.22.0"));
    assert_eq!(version("v3.19.0+g3d8990f").as_deref(), Some("3.19.0"));
    assert_eq!(version("kind v0.30.0 go1.24.6 linux/amd64").as_deref(), Some("0.30.0"));
    assert_eq!(version("\u{1b}[1mApache Maven 3.8.7\u{1b}[m").as_deref(), Some("3.8.7"));
    assert_eq!(version("no idea"), None);
}
