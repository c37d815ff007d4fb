//! Kestra's standalone executable, from its publisher.

use std::path::{Path, PathBuf};

use semver::Version;

use super::{Miss, Toolbox, ToolboxError, unpack};

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

    /// Where the executable of a Kestra release is downloaded from.
    pub fn kestra_url(&self, version: &Version) -> String {
        self.url(MIRROR, PUBLISHER, &format!("v{version}/kestra-{version}"))
    }

    async fn fetch_kestra(&self, version: &Version, to: &Path) -> Result<(), Miss> {
        let url = self.kestra_url(version);
        let bytes = self.fetched("Kestra", &url).await?;
        let to = to.to_owned();
        let placed = tokio::task::spawn_blocking(move || unpack::write(&bytes, &to)).await;
        match placed {
            Ok(placed) => placed.map_err(|e| Miss::No(format!("failed to write it: {e}"))),
            Err(join) => Err(Miss::No(format!("writing it broke off: {join}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::BoxFuture;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::tools::toolbox::{Fetch, FetchError};

    /// A publisher of one release.
    #[derive(Default)]
    struct Publisher(AtomicUsize);

    impl Fetch for Publisher {
        fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if url == format!("{PUBLISHER}/v1.3.6/kestra-1.3.6") {
                    return Ok(b"#!/bin/sh\n".to_vec());
                }
                let url = url.to_owned();
                Err(FetchError::Status { url, status: 404 })
            })
        }
    }

    #[tokio::test]
    async fn a_release_is_downloaded_once_and_one_that_is_not_there_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let publisher = Arc::new(Publisher::default());
        let mut toolbox = Toolbox::from_env(CancellationToken::new())
            .unwrap()
            .with_fetch(publisher.clone());
        toolbox.cache = dir.path().to_owned();
        toolbox.vars.remove(MIRROR);
        for _ in 0..2 {
            let path = toolbox.kestra(&Version::new(1, 3, 6)).await.unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
        }
        assert_eq!(publisher.0.load(Ordering::Relaxed), 1);
        let said = toolbox.kestra(&Version::new(9, 9, 9)).await.unwrap_err().to_string();
        assert!(said.contains("404") && said.contains("exec:PATH"), "{said}");
    }
}
