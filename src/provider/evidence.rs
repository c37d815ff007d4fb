//! What is kept below the report's folder of an installation with a case that went wrong.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::{KestraPod, Role, RunContext};
use crate::plan::Installation;
use crate::system::process::ChildLog;
use crate::system::yaml;
use crate::tools::cluster::evidence::{EvidenceText, hide};

/// Where the evidence of an installation is, below the report's folder.
pub fn folder_of(id: &str) -> String {
    format!("evidence/{id}")
}

/// Keeps exhibits and says where; nothing where no report is wanted or the run is being ended. What cannot be
/// kept never fails a run.
pub async fn keep(site: &RunContext, id: &str, exhibits: impl AsyncFnOnce() -> Vec<EvidenceText>) -> Option<String> {
    let report = site.report.as_ref().filter(|_| !site.cancel.is_cancelled())?;
    let folder = folder_of(id);
    match write(&report.join(&folder), exhibits().await).await {
        Ok(()) => Some(folder),
        Err(e) => {
            tracing::warn!("failed to keep the evidence in {folder}: {e}");
            None
        }
    }
}

async fn write(folder: &Path, exhibits: Vec<EvidenceText>) -> std::io::Result<()> {
    let mut folders = tokio::fs::DirBuilder::new();
    folders.recursive(true).mode(0o700).create(folder).await?;
    for EvidenceText { file, text } in exhibits {
        let mut open = tokio::fs::OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(0o600);
        let mut file = open.open(folder.join(file)).await?;
        file.write_all(text.as_bytes()).await?;
        file.flush().await?;
    }
    Ok(())
}

/// The release's values as helm takes them: what the harness added, and the user's, which go before it.
pub fn values(site: &RunContext, installation: &Installation) -> EvidenceText {
    let given = std::str::from_utf8(installation.values.bytes())
        .ok()
        .and_then(|text| yaml::from_str::<Value>(text).ok())
        .unwrap_or_else(|| "not readable as YAML".into());
    let mut both = json!({"added": site.values(installation), "given": given});
    hide(&mut both);
    exhibit(site, "values.json", &format!("{both:#}\n"))
}

/// What there is of a Kestra without a cluster: each server's environment by names and lengths, and its log.
pub fn of_servers<'a>(
    site: &RunContext,
    installation: &Installation,
    servers: impl IntoIterator<Item = (Role, &'a KestraPod, &'a ChildLog)>,
) -> Vec<EvidenceText> {
    let mut exhibits = vec![values(site, installation)];
    for (role, pod, log) in servers {
        let environment: serde_json::Map<_, _> = pod
            .environment
            .variables
            .iter()
            .map(|v| (v.name.clone(), format!("{} bytes", v.value.as_bytes().len()).into()))
            .collect();
        let (names, says) = match role {
            Role::Standalone => ("environment.json".into(), "kestra.log".into()),
            role => (format!("environment-{role}.json"), format!("kestra-{role}.log")),
        };
        exhibits.push(exhibit(site, &names, &format!("{:#}\n", Value::from(environment))));
        exhibits.push(exhibit(site, &says, &log.text()));
    }
    exhibits
}

fn exhibit(site: &RunContext, file: &str, text: &str) -> EvidenceText {
    EvidenceText {
        file: file.into(),
        text: site.redactor.scrub(text),
    }
}
