//! The engine, built on first use from the sources the binary carries, and kept by their hash.

use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use semver::Version;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::super::RunContext;
use crate::error::{During as _, InfraError};
use crate::kestra::ENGINES;
use crate::system::process::{Command, Deadline};
use crate::tools::toolbox::JavaFor;

static SOURCES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/engine");

/// A cold build fetches some 140 MB of Kestra's published modules.
const BUILD: Deadline = Deadline::seconds("the build of the engine", 15 * 60);

/// Of two Mavens that fetch the same files into one repository, one may read what the other writes.
static ONE_MAVEN: Mutex<()> = Mutex::const_new(());

/// An engine that was built.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Kestra's version.
    pub version: Version,
    /// The folder with `engine.jar`.
    pub home: PathBuf,
}

impl Engine {
    /// The Java feature version that an engine needs.
    pub fn java(version: &Version) -> u32 {
        if version.major >= 2 { 25 } else { 21 }
    }

    /// Whether the cache holds it as this program's sources make it.
    pub fn is_built(cache: &Path, version: &Version) -> bool {
        home(cache, version).is_dir()
    }

    /// The one jar, with all that it needs: the class path.
    pub fn jar(&self) -> PathBuf {
        self.home.join("engine.jar")
    }
}

fn home(cache: &Path, version: &Version) -> PathBuf {
    cache.join("engine").join(format!("{version}-{}", fingerprint(version)))
}

/// Finds the engine in the cache or builds it there; two runs at once wait for each other.
///
/// # Errors
/// [`InfraError`] with what to install, or with Maven's last words.
pub async fn engine(site: &RunContext, version: &Version) -> Result<Engine, InfraError> {
    let phase = phase(version);
    let folder = site.cache.join("engine");
    let engine = Engine {
        version: version.clone(),
        home: home(&site.cache, version),
    };
    fs_err::create_dir_all(&folder).during(&phase)?;
    let _lock = lock(folder.join(format!("{version}.lock"))).await.during(&phase)?;
    if engine.home.is_dir() {
        return Ok(engine);
    }
    let _turn = ONE_MAVEN.lock().await;
    site.observer.phase(&phase, "about two minutes, the first time only");
    let sources = site.ledger.temp_dir().await?;
    // A build that was interrupted left its part here.
    let unfinished = folder.join(format!(".{version}-unfinished"));
    let built = build(site, version, sources.path(), &unfinished).await;
    sources.remove().await?;
    site.observer.finished(&phase);
    built?;
    fs_err::rename(&unfinished, &engine.home).during(&phase)?;
    Ok(engine)
}

async fn build(site: &RunContext, version: &Version, sources: &Path, to: &Path) -> Result<(), InfraError> {
    let phase = phase(version);
    let java = site
        .toolbox
        .java(Engine::java(version), JavaFor::Building)
        .await
        .during(&phase)?;
    let maven = site.toolbox.maven(&java).await.during(&phase)?;
    if to.exists() {
        fs_err::remove_dir_all(to).during(&phase)?;
    }
    SOURCES.extract(sources).during(&phase)?;
    let package = |more: &[&str]| {
        Command::new(&maven.path)
            .args(["--batch-mode", "--quiet", "--file"])
            .arg(sources.join("pom.xml"))
            .args(["--activate-profiles", &format!("{}.{}", version.major, version.minor)])
            .arg(format!("-Dkestra.version={version}"))
            .arg(format!("-Dengine.build={}", to.display()))
            .args(more)
            .arg("package")
            .env("JAVA_HOME", &java.home)
            .output(BUILD, &site.cancel)
    };
    // What was fetched once is enough: a change of our own sources needs no network.
    if package(&["--offline"]).await.during(&phase)?.status.success() {
        return Ok(());
    }
    let online = package(&[]).await.during(&phase)?;
    if online.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&online.stdout);
    // As Maven names an artifact that no repository has.
    let not_served =
        said.contains("io.kestra:") && said.contains(&format!(":{version}")) && said.contains("not found in");
    if not_served || said.contains("Could not find artifact io.kestra:") {
        let newest = ENGINES.map(|v| v.to_string()).join(", ");
        let cause = format!("the repositories of Maven's settings serve no Kestra {version}");
        return Err(InfraError::new(phase, cause).help(format!("the newest of each minor: {newest}")));
    }
    let errors: Vec<_> = said.lines().filter(|l| l.starts_with("[ERROR]")).take(8).collect();
    let help = "Maven fetches Kestra's modules from the repositories of its settings.xml; name a mirror there if the network asks for one";
    let cause = format!("Maven ended with {}\n{}", online.status, errors.join("\n"));
    Err(InfraError::new(phase, cause).help(help))
}

fn phase(version: &Version) -> String {
    format!("build the engine {version}")
}

/// Waits for an advisory lock without holding up other tasks; it goes with the file.
pub(super) async fn lock(path: PathBuf) -> std::io::Result<std::fs::File> {
    let file = fs_err::File::create(path)?.into_file();
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .map_err(std::io::Error::other)?
}

/// A hash of the engine's sources and version.
fn fingerprint(version: &Version) -> String {
    let mut hash = Sha256::new();
    hash.update(version.to_string());
    add(&SOURCES, &mut hash);
    hex::encode(&hash.finalize()[..6])
}

fn add(folder: &Dir<'_>, hash: &mut Sha256) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(below) => add(below, hash),
            // It describes the engine, and is no part of it.
            DirEntry::File(file) if file.path() == Path::new("README.md") => {}
            DirEntry::File(file) => {
                hash.update(file.path().to_string_lossy().as_bytes());
                hash.update([0]);
                hash.update(file.contents());
            }
        }
    }
}
