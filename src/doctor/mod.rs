//! Checks what this machine has and lacks for each provider. It creates, starts and changes nothing.

mod cluster;
mod docker;
mod machine;
mod network;
mod tools;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::kestra::KestraRef;
use crate::plan::ProviderKind;
use crate::run::session::auto::{self, Choice, Wish};
use crate::run::session::ground::exact;
use crate::run::session::official::find_chart;
use crate::run::session::{ProviderChoice, SessionOptions};
use crate::tools::cluster::in_cluster::InCluster;
use crate::tools::helm::chart_repository;
use crate::tools::toolbox::{Toolbox, without_credentials};

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Missing, but not needed for this run.
    Note,
    /// A run may fail or take longer because of it.
    Warning,
    /// The providers in `stops` cannot run.
    Missing,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// The thing that was checked, such as `helm`.
    pub check: String,
    /// How bad it is.
    pub status: CheckStatus,
    /// What was found.
    pub found: String,
    /// The command that cures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// The providers that cannot run because of it.
    pub stops: Vec<ProviderKind>,
}

impl Check {
    fn new(check: impl Into<String>, status: CheckStatus, found: impl fmt::Display) -> Self {
        Self {
            check: check.into(),
            status,
            // What others say may have several lines.
            found: found.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
            cure: None,
            stops: Vec::new(),
        }
    }

    fn ok(check: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(check, CheckStatus::Ok, found)
    }

    fn missing(check: impl Into<String>, stops: &[ProviderKind], found: impl fmt::Display) -> Self {
        Self {
            stops: stops.to_vec(),
            ..Self::new(check, CheckStatus::Missing, found)
        }
    }

    fn cure(self, command: impl Into<String>) -> Self {
        Self {
            cure: Some(command.into()),
            ..self
        }
    }
}

/// Whether a provider can run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProviderCheck {
    /// Which.
    pub name: ProviderKind,
    /// Whether nothing stops it.
    pub can_run: bool,
    /// What stops it, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The result of all checks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Examination {
    /// The version of this format.
    pub schema: u32,
    /// The version of the program.
    pub tool: String,
    /// All checks.
    pub findings: Vec<Check>,
    /// Each provider.
    pub providers: Vec<ProviderCheck>,
    /// Where `run` with the same flags would run Kestra; none where it could not tell.
    pub chosen: Option<ProviderKind>,
    /// Why there, or why nowhere.
    pub because: String,
    /// Whether it can run there.
    pub can_run: bool,
}

/// The schema of `doctor --json`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Examination).to_value()
}

/// Checks everything that a run with these options needs.
pub async fn examine(options: &SessionOptions, toolbox: &Toolbox, cancel: &CancellationToken) -> Examination {
    let mut options = options.clone();
    let inexact = exact(&mut options, toolbox, cancel).await.err();
    let choice = match &inexact {
        Some(infra) => Err(infra.to_string()),
        None => choice(&options, toolbox, cancel).await,
    };
    let kestras = choice
        .as_ref()
        .map_or_else(|_| options.kestras(), |choice| choice.kestra.clone());
    let (tools, docker, cluster, network, chart) = tokio::join!(
        tools::check_tools(&options, toolbox),
        docker::check_docker(&options, &kestras, toolbox, cancel),
        cluster::check_cluster(&options.place),
        network::check_network(&options, toolbox),
        official_chart(&options, toolbox),
    );
    let findings: Vec<Check> = [tools, docker, cluster, machine::check_machine(toolbox.cache()), network]
        .into_iter()
        .flatten()
        .chain(chart)
        .collect();
    let in_a_pod = InCluster::find().is_some();
    let providers: Vec<ProviderCheck> = ProviderKind::ALL
        .into_iter()
        .map(|kind| judge(kind, &options, &findings, in_a_pod))
        .collect();
    let (chosen, because) = match choice {
        Ok(choice) => {
            let named = matches!(options.place, ProviderChoice::Named(_)).then(|| "it is named".to_owned());
            let because: Vec<_> = named.into_iter().chain(choice.because).collect();
            let because = because.join("; ");
            (Some(choice.place.kind()), because)
        }
        Err(because) => (None, because),
    };
    let can_run = providers.iter().any(|p| Some(p.name) == chosen && p.can_run);
    Examination {
        schema: 1,
        tool: env!("CARGO_PKG_VERSION").into(),
        findings,
        providers,
        chosen,
        because,
        can_run,
    }
}

async fn choice(options: &SessionOptions, toolbox: &Toolbox, cancel: &CancellationToken) -> Result<Choice, String> {
    auto::choose(options, toolbox, cancel, None)
        .await
        .map_err(|infra| infra.to_string())
}

/// The publisher's chart, where it is left open whether that is taken.
async fn official_chart(options: &SessionOptions, toolbox: &Toolbox) -> Option<Check> {
    let wish = Wish::from_options(options, toolbox).filter(|wish| wish.chart)?;
    let check = "official chart";
    Some(match find_chart(&wish.version, toolbox).await {
        Ok(chart) => Check::ok(
            check,
            format!("{chart} is available from {}", without_credentials(&chart_repository())),
        ),
        Err(why) => Check::new(check, CheckStatus::Note, format!("{why}; a run uses the bundled chart"))
            .cure("export KESTRA_SECRETS_CHART_MIRROR=URL"),
    })
}

/// What stops a provider, if anything does. In a pod the cluster could be the pod's own.
fn judge(name: ProviderKind, options: &SessionOptions, findings: &[Check], in_a_pod: bool) -> ProviderCheck {
    let exec = options.kestras().into_iter().find(|k| matches!(k, KestraRef::Exec(_)));
    let named = matches!(&options.place, ProviderChoice::Named(place) if place.kind() == ProviderKind::Context);
    let because = match (name, exec) {
        (ProviderKind::Docker | ProviderKind::Kind | ProviderKind::Context, Some(exec)) => {
            Some(format!("{exec} is a file, not an image"))
        }
        // Only a name, or the word context, chooses it: any other cluster could be the wrong one.
        (ProviderKind::Context, None) if !named => Some(if in_a_pod {
            "needs --provider context, for the cluster of this pod".into()
        } else {
            "needs --context NAME".into()
        }),
        _ => {
            let stops = findings.iter().filter(|f| f.stops.contains(&name));
            let missing: Vec<_> = stops.map(|f| f.check.as_str()).collect();
            (!missing.is_empty()).then(|| format!("missing: {}", missing.join(", ")))
        }
    };
    ProviderCheck {
        name,
        can_run: because.is_none(),
        because,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_runs_where_nothing_stops_it() {
        let findings = [
            Check::ok("helm", "there"),
            Check::missing(
                "docker",
                &[ProviderKind::Docker, ProviderKind::Kind],
                "no daemon\nanswers",
            ),
        ];
        assert_eq!(findings[1].found, "no daemon answers");
        let options = SessionOptions::default();
        let judged = ProviderKind::ALL.map(|kind| judge(kind, &options, &findings, false));
        assert_eq!(judged.clone().map(|p| p.can_run), [true, false, false, false]);
        assert_eq!(judged[2].because.as_deref(), Some("missing: docker"));
        assert_eq!(judged[3].because.as_deref(), Some("needs --context NAME"));
        let in_a_pod = judge(ProviderKind::Context, &options, &findings, true);
        assert!(
            in_a_pod
                .because
                .is_some_and(|because| because.starts_with("needs --provider context"))
        );
    }
}
