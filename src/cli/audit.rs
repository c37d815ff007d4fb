//! `audit`: a Kestra that is installed, looked at where it runs.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use miette::IntoDiagnostic as _;
use reqwest::Url;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::lint::{Deny, LintFormat};
use super::{interrupt, plaintext};
use crate::audit::flow::Questions;
use crate::audit::report::AuditedPlace;
use crate::audit::{AuditError, AuditReport, Gathered, exec, flow, format, gather, judge};
use crate::cli::console::broken;
use crate::error::{ExitCode, InfraError};
use crate::kestra::{Auth, Client, Limits};
use crate::lint;
use crate::oracle::secret::RunKey;
use crate::scenario::Credentials;
use crate::system::redact::Redactor;
use crate::system::stdout;
use crate::tools::cluster::forward::Forward;
use crate::tools::cluster::{Access, Cluster};

/// What `audit` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
It reads pods, Services, and the Secrets and ConfigMaps that they name, and changes nothing. No value is shown: \
lengths, and hashes that are equal for equal values of one audit. What it may not read is told, and the rest goes \
on. deploy/rbac-audit.yaml holds all the rights that it needs. \
KESTRA_SECRETS_PASSWORD and KESTRA_SECRETS_TOKEN may hold what --password-file and --token-file name.

Exit codes: 0 nothing wrong; 1 errors, or what --deny names; 2 bad input, no such pods; 3 the cluster or Kestra \
cannot be reached; 130 interrupted.

Examples:
  kestra-secrets audit --context prod --namespace kestra
  kestra-secrets audit --context prod --namespace kestra --release blue --exec --deny warnings
  kestra-secrets audit --context prod --namespace kestra --format sarif > audit.sarif
  kestra-secrets audit --context prod --namespace kestra --run-flow --username me@example.com --password-file pw")]
pub struct Args {
    /// The context of your kubeconfig; the current one is never taken unasked
    #[arg(long, value_name = "NAME")]
    context: String,
    /// The namespace that Kestra runs in
    #[arg(long, value_name = "NS")]
    namespace: String,
    /// One release of several in the namespace
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// The labels of Kestra's pods, where the chart's are not on them [default: app.kubernetes.io/name=kestra]
    #[arg(long, value_name = "LABELS")]
    selector: Option<String>,
    /// Also read the real environment of each Kestra, by `cat /proc/1/environ` in its container
    #[arg(long)]
    exec: bool,
    #[command(flatten)]
    flow: FlowArgs,
    /// How the findings are written
    #[arg(long, value_enum, default_value = "human")]
    format: LintFormat,
    /// Fail on more than errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
}

/// Asking Kestra itself.
#[derive(ClapArgs)]
#[command(next_help_heading = "Asking Kestra")]
struct FlowArgs {
    /// Also run a flow that compares keyed digests inside Kestra, and take it and its executions away again
    #[arg(long)]
    run_flow: bool,
    /// Where Kestra's API is [default: a port-forward to its pod]
    #[arg(long, value_name = "URL", requires = "run_flow")]
    url: Option<Url>,
    /// The user name that Kestra asks for
    #[arg(
        long,
        value_name = "NAME",
        env = "KESTRA_SECRETS_USERNAME",
        conflicts_with = "token_file"
    )]
    username: Option<String>,
    /// The file with its password; - for standard input
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<String>,
    /// The file with an API token of the Enterprise edition
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// The namespace of the flow
    #[arg(long, value_name = "NS", default_value = "company.team", requires = "run_flow")]
    flow_namespace: String,
}

/// Audits, and writes what was found to standard output.
///
/// # Errors
/// Bad input: credentials that cannot be read, or no Kestra where it was looked for.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let auth = args.flow.auth()?;
    let cancel = interrupt::token()?;
    let audited = tokio::select! {
        audited = args.gathered() => audited,
        () = cancel.cancelled() => return Ok(ExitCode::Interrupted),
    };
    let (cluster, gathered) = match audited {
        Ok(audited) => audited,
        Err(AuditError::Infra(infra)) => return Ok(broken(&infra)),
        Err(AuditError::Selector(says)) => miette::bail!(
            help = "write --selector as kubectl takes it: NAME=VALUE,NAME=VALUE",
            "these are no labels: {says}"
        ),
    };
    let place = args.place(&cluster);
    if gathered.pods.is_empty() {
        miette::bail!(
            help = format!(
                "`kubectl --context {} -n {} get pods --show-labels` shows what is there; --selector names other labels",
                args.context, args.namespace
            ),
            "there is no pod of Kestra in namespace {} of context {} ({})",
            args.namespace,
            args.context,
            place.selector
        );
    }
    let looks = judge::looks(&gathered, &RunKey::random());
    let release = args.release.clone().or_else(|| release(&gathered));
    let questions = Questions::of(&looks);
    let mut report = judge::judge(place, gathered, looks);
    let asked = if args.flow.run_flow {
        args.ask(&mut report, &questions, &cluster, release, auth, cancel.clone())
            .await
    } else {
        Ok(())
    };
    args.write(&report)?;
    let wrong = report.counts.are_wrong(args.deny.is_some());
    Ok(match asked {
        _ if cancel.is_cancelled() => ExitCode::Interrupted,
        Err(infra) if !wrong => broken(&infra),
        Err(infra) => {
            broken(&infra);
            ExitCode::Failure
        }
        Ok(()) if wrong => ExitCode::Failure,
        Ok(()) => ExitCode::Success,
    })
}

impl Args {
    fn place(&self, cluster: &Cluster) -> AuditedPlace {
        AuditedPlace {
            context: self.context.clone(),
            namespace: self.namespace.clone(),
            selector: gather::selector(self.release.as_deref(), self.selector.as_deref()),
            kubernetes: cluster.version.clone(),
        }
    }

    async fn gathered(&self) -> Result<(Cluster, Gathered), AuditError> {
        let access = Access {
            kubeconfig: None::<PathBuf>,
            context: self.context.clone(),
        };
        let cluster = Cluster::connect(access).await?;
        let selector = self.place(&cluster).selector;
        let mut gathered = gather::gather(&cluster, &self.namespace, &selector).await?;
        if self.exec {
            exec::read(&cluster, &self.namespace, &mut gathered).await;
        }
        Ok((cluster, gathered))
    }

    async fn ask(
        &self,
        report: &mut AuditReport,
        questions: &Questions,
        cluster: &Cluster,
        release: Option<String>,
        auth: Auth,
        cancel: CancellationToken,
    ) -> Result<(), InfraError> {
        let forward = match &self.flow.url {
            Some(_) => None,
            None => {
                let release = release.ok_or_else(|| {
                    InfraError::new("forward a port", "the pods are of several releases, or of none")
                        .help("name one by --release, or say where Kestra answers by --url")
                })?;
                Some(Forward::open(cluster, &self.namespace, &release, None).await?)
            }
        };
        let url = match (&self.flow.url, &forward) {
            (Some(url), _) => url.clone(),
            (None, forward) => {
                let port = forward.as_ref().map_or(0, Forward::port);
                let url = format!("http://127.0.0.1:{port}").parse::<Url>();
                url.map_err(|e| InfraError::new("forward a port", e))?
            }
        };
        // What a server says of a failure may quote what it was sent: no plaintext is.
        let redactor = Redactor::default();
        let scrub = std::sync::Arc::new(move |text: &str| redactor.scrub(text));
        let connect = Client::connect(url, auth, Limits::default(), scrub);
        let client = tokio::select! {
            client = connect => client.map_err(|e| crate::kestra::infra("reach Kestra", &e)),
            () = cancel.cancelled() => Err(InfraError::new("reach Kestra", "interrupted")),
        };
        let asked = match client {
            Ok(client) => flow::ask(report, questions, &client, &self.flow.flow_namespace, cancel).await,
            Err(infra) => Err(infra),
        };
        if let Some(forward) = forward {
            forward.close().await;
        }
        asked
    }

    fn write(&self, report: &AuditReport) -> miette::Result<()> {
        let text = match self.format {
            LintFormat::Human => format::human(report),
            LintFormat::Json => format!("{}\n", serde_json::to_string_pretty(report).into_diagnostic()?),
            LintFormat::Sarif => {
                let sarif = lint::format::sarif(&report.as_lint());
                format!("{}\n", serde_json::to_string_pretty(&sarif).into_diagnostic()?)
            }
            LintFormat::Github => lint::format::github(&report.as_lint()),
        };
        stdout::print(&text);
        Ok(())
    }
}

impl FlowArgs {
    /// Who asks Kestra. Nothing of it is looked for in the cluster.
    fn auth(&self) -> miette::Result<Auth> {
        if !self.run_flow {
            return Ok(Auth::None);
        }
        if let Some(token) = secret(self.token_file.as_deref(), "KESTRA_SECRETS_TOKEN")? {
            return Ok(Auth::Token(token));
        }
        let Some(username) = &self.username else {
            return Ok(Auth::None);
        };
        match secret(self.password_file.as_deref(), "KESTRA_SECRETS_PASSWORD")? {
            Some(password) => Ok(Credentials::new(username, password).into()),
            None => miette::bail!(
                help = "write --password-file FILE, or set KESTRA_SECRETS_PASSWORD",
                "--username needs a password"
            ),
        }
    }
}

/// What a file holds, without the line end that editors add, or else a variable.
fn secret(file: Option<&str>, variable: &str) -> miette::Result<Option<SecretString>> {
    let Some(file) = file else {
        return Ok(std::env::var(variable).ok().map(SecretString::from));
    };
    let bytes = plaintext::of_file(file)?;
    let Ok(text) = String::from_utf8(bytes) else {
        miette::bail!("{file} does not hold UTF-8");
    };
    let line = text
        .strip_suffix('\n')
        .map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Some(line.to_owned().into()))
}

/// The release that all pods are of, where it is one.
fn release(gathered: &Gathered) -> Option<String> {
    let label = |pod: &k8s_openapi::api::core::v1::Pod| {
        let labels = pod.metadata.labels.as_ref()?;
        labels.get("app.kubernetes.io/instance").cloned()
    };
    let mut releases = gathered.pods.iter().map(label);
    let first = releases.next()??;
    releases.all(|other| other.as_ref() == Some(&first)).then_some(first)
}
