//! Tools that are a folder of files, not one executable: a JDK and Maven. They are provided where none is installed,
//! from the publisher's archive, which must have the pinned checksum.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tokio::sync::Mutex;

use super::unpack::{UnpackError, temp_dir, trusted};
use super::{FolderTool, How, Miss, Toolbox, pins, without_credentials};
use crate::system::terminal;

/// The most that an archive may hold, in bytes; a JDK is 350 MB.
const LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// Two engines that are built at once need one JDK.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

impl FolderTool {
    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jdk => "Java",
            Self::Maven => "Maven",
        }
    }

    /// The environment variable that names another base URL to download from.
    pub const fn mirror_variable(self) -> &'static str {
        match self {
            Self::Jdk => "KESTRA_SECRETS_JAVA_MIRROR",
            Self::Maven => "KESTRA_SECRETS_MAVEN_MIRROR",
        }
    }

    /// The publisher's base URL, and the file below it.
    fn release(self, version: &str) -> (&'static str, String) {
        match self {
            Self::Jdk => {
                let (feature, _) = version.split_once('.').unwrap_or((version, ""));
                let file = version.replace('+', "_");
                let arch = match pins::architecture() {
                    "amd64" => "x64",
                    _ => "aarch64",
                };
                let path = format!(
                    "temurin{feature}-binaries/releases/download/jdk-{}/OpenJDK{feature}U-jdk_{arch}_linux_hotspot_{file}.tar.gz",
                    version.replace('+', "%2B")
                );
                ("https://github.com/adoptium", path)
            }
            Self::Maven => (
                "https://archive.apache.org/dist/maven/maven-3",
                format!("{version}/binaries/apache-maven-{version}-bin.tar.gz"),
            ),
        }
    }
}

impl Toolbox {
    /// Where the tool's archive is downloaded from; none where none is pinned for this platform.
    pub fn folder_url(&self, tool: FolderTool) -> Option<String> {
        let pinned = self.pins.folder(tool);
        pinned.sum()?;
        let (publisher, file) = tool.release(&pinned.version);
        Some(self.url(tool.mirror_variable(), publisher, &file))
    }

    /// The folder in which the tool is when we provided it before.
    pub(super) fn cached_folder(&self, tool: FolderTool) -> Option<PathBuf> {
        Some(self.folder_place(tool)).filter(|place| place.is_dir())
    }

    fn folder_place(&self, tool: FolderTool) -> PathBuf {
        let name = format!("{}-{}", tool.name().to_lowercase(), self.pins.folder(tool).version);
        self.cache.join("tools").join(name).join(pins::platform())
    }

    /// Puts the tool into the cache, unless it is there.
    pub(super) async fn provide_folder(&self, tool: FolderTool) -> Result<(PathBuf, How), Miss> {
        let _turn = ONE_AT_A_TIME.lock().await;
        if let Some(place) = self.cached_folder(tool) {
            return Ok((place, How::Cached));
        }
        let pinned = self.pins.folder(tool);
        let (Some(sum), Some(url)) = (pinned.sum().map(str::to_owned), self.folder_url(tool)) else {
            return Err(Miss::No(format!("no release for {} is pinned", pins::platform())));
        };
        let shown = without_credentials(&url);
        terminal::tell(&format!("  …    {}: download {shown}", tool.name()));
        let bytes = self.fetched(tool.name(), &url).await?;
        let url = shown;
        let place = self.folder_place(tool);
        let unpacking = {
            let (url, place) = (url.clone(), place.clone());
            move || install(&url, &bytes, sum, &place)
        };
        match tokio::task::spawn_blocking(unpacking).await {
            Ok(placed) => placed.map_err(Miss::from).map(|()| (place, How::Downloaded(url))),
            Err(join) => Err(Miss::No(format!("unpacking {url} broke off: {join}"))),
        }
    }
}

/// Checks an archive and puts its one folder in its place: beside it first, so that what is there is whole.
fn install(url: &str, bytes: &[u8], sha256: String, to: &Path) -> Result<(), UnpackError> {
    trusted(url, bytes, sha256)?;
    let failed = |source| UnpackError::Write {
        path: to.to_owned(),
        source,
    };
    let wrong = |why: String| UnpackError::Archive {
        url: url.to_owned(),
        why,
    };
    let work = temp_dir(to).map_err(failed)?;
    let folder = work.path().join("folder");
    // It writes nothing outside the folder, whatever the names in the archive are.
    let unpacked = tar::Archive::new(GzDecoder::new(bytes).take(LIMIT)).unpack(&folder);
    unpacked.map_err(|e| match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => failed(e),
        _ => wrong(e.to_string()),
    })?;
    let mut inside = fs::read_dir(&folder).map_err(failed)?;
    let (Some(Ok(only)), None) = (inside.next(), inside.next()) else {
        return Err(wrong("it holds more than one folder".into()));
    };
    File::open(only.path()).and_then(|f| f.sync_all()).map_err(failed)?;
    match fs::rename(only.path(), to) {
        // Another process was quicker, with the same archive.
        Err(_) if to.is_dir() => Ok(()),
        moved => moved.map_err(failed),
    }
}
