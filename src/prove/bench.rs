//! One installation: predicted, read and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use semver::Version;
use tokio::time::sleep;

use super::{Batch, Kind, Sample};
use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::oracle::secret::{SecretRead, SecretStore, Undecodable};
use crate::plan::{Installation, PlanTarget};
use crate::provider::{Forecast, Installed, KestraPod, Provider, RunContext};
use crate::report::Provenance;
use crate::run::probe::{Observed, ProbeConfig, ProbedKey, SecretProbe};
use crate::system::words::count;
use crate::verdict::Outcome;

/// How long the server's log may lag behind what it tells of.
const LOG: Duration = Duration::from_secs(5);
const LOG_PAUSE: Duration = Duration::from_millis(50);

/// The beginning of the line that the server logs of a variable it drops.
const DROPPED: &str = "Could not decode secret '";

/// What the model says of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicted {
    /// What `secret()` does, as a task's outputs show it.
    Read(SecretRead),
    /// No flow runs: the pod is held, or what is given is refused.
    Never(String),
}

/// A sample, predicted and observed.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The sample.
    pub sample: Sample,
    /// What the model says.
    pub predicted: Predicted,
    /// What was seen.
    pub observed: Observed,
    /// What is not as predicted; none when all is.
    pub differs: Option<String>,
}

/// An installation that was served.
#[derive(Debug)]
pub struct Served {
    /// Its id.
    pub id: String,
    /// The Kestra, as the user names it.
    pub kestra: KestraRef,
    /// What was real, and what was modelled.
    pub provenance: Provenance,
    /// To render the chart and foretell the pod.
    pub prepared: Duration,
    /// To install Kestra and wait until it serves.
    pub installed: Duration,
    /// To read every secret and compare it.
    pub read: Duration,
    /// How many executions that took.
    pub executions: usize,
    /// How many samples it was to serve.
    pub samples: usize,
    /// Each sample; or why nothing can be said of them.
    pub checked: Result<Vec<Checked>, InfraError>,
}

impl Served {
    /// Each sample that was judged.
    pub fn checked(&self) -> impl Iterator<Item = &Checked> {
        self.checked.iter().flatten()
    }
}

/// Where samples are tried.
pub(super) struct Harness<'a> {
    pub provider: &'a Provider,
    pub site: &'a RunContext,
}

impl Harness<'_> {
    /// Installs a Kestra with the samples of a pack, reads them and takes it down.
    pub async fn serve(&self, target: &PlanTarget, name: &str, pack: &Batch) -> Served {
        let installation = installation(target, name, pack);
        let mut served = Served {
            id: installation.id.clone(),
            kestra: target.kestra.clone(),
            provenance: self.provider.provenance(self.site, &installation, None),
            prepared: Duration::ZERO,
            installed: Duration::ZERO,
            read: Duration::ZERO,
            executions: 0,
            samples: pack.samples.len(),
            checked: Ok(Vec::new()),
        };
        let id = installation.id.clone();
        served.checked = self.check(target, installation, pack, &mut served).await;
        self.site.observer.finished(&id);
        served
    }

    async fn check(
        &self,
        target: &PlanTarget,
        installation: Installation,
        pack: &Batch,
        served: &mut Served,
    ) -> Result<Vec<Checked>, InfraError> {
        let id = installation.id.clone();
        let phase = |what: &str| self.site.observer.phase(&id, what);
        let interrupted = || InfraError::new("prove", "interrupted");
        if self.site.cancel.is_cancelled() {
            return Err(interrupted());
        }
        phase("foretell");
        let clock = Instant::now();
        let group = self.provider.group(self.site, vec![installation]).await.pop();
        let group = group.ok_or_else(|| InfraError::new("foretell", "nothing was given"))?;
        let group = group.map_err(|(_, infra)| infra)?;
        served.prepared = clock.elapsed();
        // That the model foretells nothing of a set that is meant to run would prove the model by itself.
        if let (false, Some(Forecast::WontStart(outcome))) = (pack.held, group.forecasts.first()) {
            let why = match outcome {
                Outcome::Blocked { message, .. } | Outcome::Refused { message, .. } => message,
                Outcome::Ran(ran) => &ran.state,
                Outcome::Silent => "no execution",
                Outcome::Installs => "nothing was started",
            };
            return Err(InfraError::new(
                "arrange the secrets",
                format!("{}: {why}", never(outcome)),
            ));
        }

        phase("install");
        let clock = Instant::now();
        let installed = self.provider.install(self.site, &group).await?;
        served.installed = clock.elapsed();
        served.provenance.rest = installed.served_by();

        phase(&format!("read {}", count(pack.samples.len(), "secret")));
        let clock = Instant::now();
        let checked = tokio::select! {
            checked = judge(&installed, target, pack, &mut served.executions) => checked,
            () = self.site.cancel.cancelled() => Err(interrupted()),
        };
        served.read = clock.elapsed();
        if checked.is_err() {
            installed.evidence(self.site).await;
        }
        let wrong = checked
            .as_ref()
            .map_or(true, |all| all.iter().any(|c| c.differs.is_some()));
        if let Err(infra) = installed.teardown(self.site, wrong).await {
            // What is left behind is in the ledger, and closing that says so.
            tracing::warn!("{infra}");
        }
        checked
    }
}

fn installation(target: &PlanTarget, name: &str, pack: &Batch) -> Installation {
    let generation = target.chart.generation(None);
    let documents = pack.documents(generation);
    Installation {
        id: target.id(name),
        kestra: target.kestra.clone(),
        version: target.version.clone(),
        generation,
        values: documents.values(),
        manifests: documents.manifests,
        as_printed: false,
        credentials: None,
        keeps_database_for: None,
        cases: Vec::new(),
    }
}

/// Reads every sample as the model would have it found, and compares.
async fn judge(
    installed: &Installed,
    target: &PlanTarget,
    pack: &Batch,
    executions: &mut usize,
) -> Result<Vec<Checked>, InfraError> {
    let keyring = installed.pod().map(KestraPod::keyring);
    let predicted = |sample: &Sample| match &keyring {
        Some(keyring) => Predicted::Read(reported(keyring.secret(&sample.key, &target.version), &target.version)),
        None => Predicted::Never(installed.predicted_outcome().map_or_else(String::new, never)),
    };
    let predicted: Vec<Predicted> = pack.samples.iter().map(predicted).collect();
    // A set that never reached the environment would agree in every point, and prove nothing.
    let lost = pack
        .samples
        .iter()
        .zip(&predicted)
        .find(|(s, p)| s.kind == Kind::Encoded && is_missing(p));
    if let Some((sample, _)) = lost {
        let why = format!("a good secret is not in the environment: {}", sample.describe());
        return Err(InfraError::new("arrange the secrets", why));
    }
    let (observed, faults) = match installed.client() {
        Err(outcome) => {
            let never = Observed::Never(never(outcome));
            (
                pack.samples.iter().map(|s| (s.number, never.clone())).collect(),
                BTreeMap::new(),
            )
        }
        Ok(client) => {
            let asked = |missing: bool| -> Vec<ProbedKey<'_>> {
                let all = pack.samples.iter().zip(&predicted);
                all.filter(|(_, p)| is_missing(p) == missing)
                    .map(|(s, _)| (s.number, s.key.as_str()))
                    .collect()
            };
            let (present, missing) = (asked(false), asked(true));
            let reader = SecretProbe::new(client, ProbeConfig::plainly("company.team", "prove"));
            let texts = reader.observe(&present, &[]).await?;
            // Before what is missing fills the log with stack traces: Kestra decodes at the first secret.
            let faults = match &keyring {
                Some(keyring) => log_faults(installed, keyring).await?,
                None => BTreeMap::new(),
            };
            let mut observed = reader.observe(&[], &missing).await?;
            *executions = reader.executions();
            observed.extend(texts);
            (observed, faults)
        }
    };
    let checked = pack.samples.iter().zip(predicted).map(|(sample, predicted)| {
        let observed = observed.get(&sample.number).cloned();
        let observed = observed.unwrap_or_else(|| Observed::Never("nobody asked".into()));
        let fault = || sample.variables.iter().find_map(|v| faults.get(&v.name).cloned());
        Checked {
            differs: difference(&predicted, &observed).or_else(fault),
            sample: sample.clone(),
            predicted,
            observed,
        }
    });
    Ok(checked.collect())
}

/// Why there is no Kestra, without what changes from run to run.
fn never(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Blocked { reason, .. } => reason.clone(),
        Outcome::Refused { by, .. } => format!("refused by {by}"),
        Outcome::Ran(ran) => ran.state.clone(),
        Outcome::Silent => "no execution".to_owned(),
        Outcome::Installs => "nothing was started".to_owned(),
    }
}

pub(super) fn is_missing(predicted: &Predicted) -> bool {
    matches!(predicted, Predicted::Read(SecretRead::Fails(_)))
}

/// What is not as predicted, byte for byte.
pub(super) fn difference(predicted: &Predicted, observed: &Observed) -> Option<String> {
    let agrees = match (predicted, observed) {
        (Predicted::Read(SecretRead::Text(wanted)), Observed::Text(text)) => wanted == text,
        (Predicted::Read(SecretRead::OneOf(several)), Observed::Text(text)) => several.contains(text),
        (Predicted::Read(SecretRead::EmptyString), Observed::Text(text)) => text.bytes().is_empty(),
        (Predicted::Read(SecretRead::Fails(sentence)), Observed::Missing(words)) => words.contains(sentence.as_str()),
        (Predicted::Never(wanted), Observed::Never(why)) => wanted == why,
        _ => false,
    };
    (!agrees).then(|| "what the flow got is not what was predicted".to_owned())
}

/// What the outputs show. Of what they never show, as its execution has no end, the text itself: it will differ.
pub(super) fn reported(read: SecretRead, kestra: &Version) -> SecretRead {
    read.clone().reported(kestra).unwrap_or(read)
}

/// By variable, what the server's log says of decoding that was not predicted, or does not say that was.
async fn log_faults(installed: &Installed, keyring: &SecretStore) -> Result<BTreeMap<String, String>, InfraError> {
    let wanted: BTreeSet<String> = keyring.undecodable().map(Undecodable::log_line).collect();
    let deadline = Instant::now() + LOG;
    let mut lines = BTreeSet::new();
    loop {
        let logged = installed.lines(DROPPED).await?;
        lines.extend(
            logged
                .iter()
                .filter_map(|line| Some(line[line.find(DROPPED)?..].trim_end().to_owned())),
        );
        if wanted.is_subset(&lines) || Instant::now() > deadline {
            break;
        }
        sleep(LOG_PAUSE).await;
    }
    let name = |line: &str| -> Option<String> {
        let rest = line.strip_prefix(DROPPED)?;
        Some(rest[..rest.rfind("', make sure it is Base64-encoded: ")?].to_owned())
    };
    let unsaid = wanted
        .difference(&lines)
        .filter_map(|line| Some((name(line)?, format!("the server's log does not say {line:?}"))));
    let beginnings: Vec<String> = keyring
        .log_lines()
        .into_iter()
        .filter(|l| !wanted.contains(l))
        .collect();
    let collides = |line: &str| beginnings.iter().any(|l| line.starts_with(l.as_str()));
    let unforeseen = lines
        .difference(&wanted)
        .filter(|line| !collides(line))
        .filter_map(|line| {
            Some((
                name(line)?,
                format!("the server's log says {line:?}, which was not predicted"),
            ))
        });
    Ok(unsaid.chain(unforeseen).collect())
}
