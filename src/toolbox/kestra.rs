//! Kestra's standalone executable, from its publisher.

use std::path::{Path, PathBuf};

use semver::Version;

use super::{Miss, Toolbox, ToolboxError, cancelled, place};

/// Where Kestra's releases are; `KESTRA_SECRETS_KESTRA_MIRROR` names another place.
const PUBLISHER: &str = "https://github.com/kestra-io/kestra/releases/download";
/// The variable that names a mirror.
const MIRROR: &str = "KESTRA_SECRETS_KESTRA_MIRROR";

impl Toolbox {
    /// The executable of a Kestra release, downloaded once and kept in the cache.
    ///
    /// The publisher gives no checksums, so nothing but TLS vouches for it.
    ///
    /// # Errors
    /// [`ToolboxError::NotFound`] when it cannot be downloaded.
    pub async fn kestra(&self, version: &Version) -> Result<PathBuf, ToolboxError> {
        let to = self
            .cache
            .join("tools")
            .join(format!("kestra-v{version}"))
            .join("kestra");
        if to.is_file() {
            return Ok(to);
        }
        self.fetch_kestra(version, &to).await.map_err(|miss| match miss {
            Miss::Stop(error) => error,
            Miss::No(why) => ToolboxError::NotFound {
                what: format!("Kestra {version}"),
                tried: vec![why],
                help: format!("name a mirror by {MIRROR}, or a file that is here by --kestra exec:PATH"),
            },
        })?;
        Ok(to)
    }

    async fn fetch_kestra(&self, version: &Version, to: &Path) -> Result<(), Miss> {
        let mirror = self.vars.get(MIRROR).map(|url| url.to_string_lossy());
        let base = mirror.as_deref().unwrap_or(PUBLISHER).trim_end_matches('/');
        let url = format!("{base}/v{version}/kestra-{version}");
        let bytes = tokio::select! {
            bytes = self.fetch.get(&url) => bytes.map_err(|e| Miss::No(format!("failed to {e}")))?,
            () = self.cancel.cancelled() => return Err(cancelled("Kestra")),
        };
        let to = to.to_owned();
        let placed = tokio::task::spawn_blocking(move || place::place(&bytes, &to)).await;
        match placed {
            Ok(placed) => placed.map_err(|e| Miss::No(format!("failed to write it: {e}"))),
            Err(join) => Err(Miss::No(format!("writing it broke off: {join}"))),
        }
    }
}
