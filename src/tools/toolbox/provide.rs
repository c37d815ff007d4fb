//! Puts a tool that is not there into the cache: the publisher's release, or a build of our own.

use std::path::Path;

use super::unpack::{self, UnpackError};
use super::{How, Miss, Tool, Toolbox, ToolboxError, miss, pins, without_credentials};
use crate::system::process::{Command, Deadline};
use crate::system::terminal;

const BUILD: Deadline = Deadline::seconds("`go install`", 1800);

impl Toolbox {
    pub(super) async fn download(&self, tool: Tool, to: &Path) -> Result<How, Miss> {
        let platform = pins::platform();
        let (Some(sum), Some(url)) = (self.sums.get(&tool).cloned(), self.download_url(tool)) else {
            return Err(Miss::No(format!("no release for {platform} is pinned")));
        };

        let shown = without_credentials(&url);
        terminal::tell(&format!("  …    {}: download {shown}", tool.name()));
        let bytes = self.fetched(tool.name(), &url).await?;
        let url = shown;
        let to = to.to_owned();
        let member = (tool == Tool::Helm).then(|| format!("{platform}/helm"));
        let placing = {
            let url = url.clone();
            move || unpack::install(&url, &bytes, sum, member.as_deref(), &to)
        };
        match tokio::task::spawn_blocking(placing).await {
            Ok(placed) => placed.map_err(Miss::from).map(|()| How::Downloaded(url)),
            Err(join) => Err(Miss::No(format!("unpacking {url} broke off: {join}"))),
        }
    }

    pub(super) async fn build(&self, tool: Tool, to: &Path) -> Result<How, Miss> {
        let Some(go) = self.on_path("go") else {
            return Err(Miss::No("Go, to build it with, is not on PATH".into()));
        };
        let failed = |e: std::io::Error| Miss::No(format!("failed to write {}: {e}", to.display()));
        let dir = unpack::temp_dir(to).map_err(failed)?;
        terminal::tell(&format!(
            "  …    {0}: build {0} {1} by go install",
            tool.name(),
            self.pins.provided(tool)
        ));
        Command::new(go)
            .args(["install", "-trimpath"])
            .args(tool.go_install(self.pins.provided(tool)))
            .env("GOBIN", dir.path())
            .env("CGO_ENABLED", "0")
            .run(BUILD, &self.cancel)
            .await
            .map_err(|error| miss(tool.name(), &error))?;
        unpack::move_to(&dir.path().join(tool.name()), to).map_err(failed)?;
        Ok(How::Built)
    }
}

impl From<UnpackError> for Miss {
    fn from(error: UnpackError) -> Self {
        match error {
            // Nothing else may be tried: an attack must not pass for a network problem.
            UnpackError::Checksum { url, expected, actual } => {
                Self::Stop(ToolboxError::Checksum { url, expected, actual })
            }
            error => Self::No(error.to_string()),
        }
    }
}
