//! `audit`: inspects an installed Kestra where it runs.

use std::path::Path;

use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::cluster_args::chosen_context;
use super::formats::{FindingFormat, FormatTarget, FormatTargetParser, ReportOutputs, json};
use super::lint::Deny;
use super::{interrupt, plaintext};
use crate::audit::flow::Questions;
use crate::audit::key_list::ExpectedKeys;
use crate::audit::report::AuditedPlace;
use crate::audit::{AuditError, AuditReport, Gathered, exec, flow, format, gather, judge, key_list, prometheus};
use crate::cli::console::print_infra_error;
use crate::error::{During as _, ExitCode, InfraError};
use crate::kestra::{ASKS_FOR_CREDENTIALS, Auth, Client, Limits};
use crate::lint;
use crate::oracle::secret::RunKey;
use crate::scenario::Credentials;
use crate::system::redact::Redactor;
use crate::system::stdout;
use crate::tools::cluster::Cluster;
use crate::tools::cluster::forward::Forward;
use crate::tools::cluster::in_cluster::ContextRef;

#[derive(ClapArgs)]
#[command(after_help = "\
The command reads Kestra's pods, the Services, and the Secrets and ConfigMaps that the pods name. It changes nothing, \
but for the flow that --run-flow adds and deletes. Values are never shown, only their lengths and hashes; within one \
audit, equal values have equal hashes. Objects it may not read are listed, and the rest is still checked. \
deploy/rbac-audit.yaml grants exactly the rights it needs.

The variables KESTRA_SECRETS_PASSWORD and KESTRA_SECRETS_TOKEN can replace the files of --password-file and \
--token-file.

Exit codes:
  0    no errors
  1    errors, or warnings with --deny warnings
  2    bad input or usage, or no such pods
  3    the cluster or Kestra cannot be reached
  130  interrupted

Examples:
  kestra-secrets audit --context prod --namespace kestra
  kestra-secrets audit --context prod --namespace kestra --release blue \\
    --exec --deny warnings
  kestra-secrets audit --context prod --namespace kestra \\
    --format sarif=audit.sarif --format human
  kestra-secrets audit --context prod --namespace kestra \\
    --format prometheus=/var/lib/node_exporter/kestra-secrets.prom
  kestra-secrets audit --context prod --namespace kestra --ask-kestra \\
    --username me@example.com --password-file password.txt")]
pub struct Args {
    /// Use this context of your kubeconfig; the current context is never used unless you name it [default: in a pod, the
    /// cluster of its service account]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Inspect the Kestra in this namespace
    #[arg(long, value_name = "NS")]
    namespace: String,
    /// Inspect only this release, if the namespace has several
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Find Kestra's pods by these labels [default: app.kubernetes.io/name=kestra]
    #[arg(long, value_name = "LABELS")]
    selector: Option<String>,
    /// Also read the real environment of each Kestra with `cat /proc/1/environ` in its container
    #[arg(long)]
    exec: bool,
    /// Fail on warnings too
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    #[command(flatten)]
    flow: FlowArgs,
    /// Write the findings in this format to FILE, or to standard output; repeat for several files
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = FormatTargetParser::<AuditFormat>::new(), default_value = "human", help_heading = "Output")]
    format: Vec<FormatTarget<AuditFormat>>,
}

/// How findings of a cluster, which have no line, are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuditFormat {
    /// For people: each finding, with its cure below
    #[value(alias = "text")]
    Human,
    /// JSON, as described by `kestra-secrets schema`
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub workflow runs
    Github,
    /// Metrics for Prometheus, as node-exporter and the Pushgateway take them
    Prometheus,
}

impl FindingFormat for AuditFormat {
    const HUMAN: Self = Self::Human;
}

/// What Kestra is asked about the containers.
struct KestraQuestions {
    /// What its list should hold.
    keys: ExpectedKeys,
    /// What a flow should get.
    secrets: Questions,
}

const FLOW: &str = "Asking Kestra";

/// How Kestra itself is asked.
#[derive(ClapArgs)]
#[command(group = ArgGroup::new("asks").args(["ask_kestra", "run_flow"]).multiple(true))]
struct FlowArgs {
    /// Also compare with Kestra's own list of the secrets that it decoded, which changes nothing
    #[arg(long, help_heading = FLOW)]
    ask_kestra: bool,
    /// Do the same, and run a flow that compares keyed hashes inside Kestra, then delete it and its executions
    #[arg(long, help_heading = FLOW)]
    run_flow: bool,
    /// Call Kestra's API at this URL [default: a port-forward to its pod]
    #[arg(long, value_name = "URL", requires = "asks", help_heading = FLOW)]
    url: Option<Url>,
    /// Log in to Kestra as this user
    #[arg(
        long,
        value_name = "NAME",
        env = "KESTRA_SECRETS_USERNAME",
        conflicts_with = "token_file",
        help_heading = FLOW
    )]
    username: Option<String>,
    /// Read the user's password from this file; - for standard input
    #[arg(long, value_name = "FILE", requires = "username", help_heading = FLOW)]
    password_file: Option<String>,
    /// Read an API token of the Enterprise edition from this file; - for standard input
    #[arg(long, value_name = "FILE", help_heading = FLOW)]
    token_file: Option<String>,
    /// Ask in this namespace of Kestra, where the flow is created too
    #[arg(long, value_name = "NS", default_value = "company.team", requires = "asks", help_heading = FLOW)]
    flow_namespace: String,
}

/// Audits, and prints the findings.
///
/// # Errors
/// Credentials that cannot be read, or no Kestra in the namespace.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let outputs = args.outputs()?;
    let context = chosen_context(args.context.as_deref(), "audit")?;
    let auth = args.flow.auth()?;
    let cancel = interrupt::token()?;
    let audited = tokio::select! {
        audited = args.gathered(&context) => audited,
        () = cancel.cancelled() => return Ok(ExitCode::Interrupted),
    };
    let (cluster, gathered) = match audited {
        Ok(audited) => audited,
        Err(AuditError::Infra(infra)) => return Ok(print_infra_error(&infra)),
        Err(AuditError::Selector(says)) => miette::bail!(
            help = "write --selector as for kubectl: NAME=VALUE,NAME=VALUE",
            "the API server refuses the labels: {says}"
        ),
    };
    let place = args.audited_place(&cluster);
    if gathered.pods.is_empty() {
        miette::bail!(
            help = format!(
                "`kubectl --context {} -n {} get pods --show-labels` lists the pods; find them by other labels with --selector",
                place.context, args.namespace
            ),
            "no pod of Kestra found in namespace {} of context {} ({})",
            args.namespace,
            place.context,
            place.selector
        );
    }
    let audits = judge::audit_containers(&gathered, &RunKey::random());
    let release = args.release.clone().or_else(|| release(&gathered));
    let questions = KestraQuestions {
        keys: ExpectedKeys::of(&audits),
        secrets: Questions::about(&audits),
    };
    let mut report = judge::judge(place, gathered, audits);
    let asked = if args.flow.is_asking() {
        args.ask(&mut report, &questions, &cluster, release, auth, cancel.clone())
            .await
    } else {
        Ok(())
    };
    let text = |format: AuditFormat| format.text(&report, asked.is_ok() && !cancel.is_cancelled());
    outputs.write(text, stdout::prose, || report.counts.to_string())?;
    let wrong = report.counts.are_wrong(args.deny.is_some());
    Ok(match asked {
        _ if cancel.is_cancelled() => ExitCode::Interrupted,
        Err(infra) if !wrong => print_infra_error(&infra),
        Err(infra) => {
            print_infra_error(&infra);
            ExitCode::Failure
        }
        Ok(()) if wrong => ExitCode::Failure,
        Ok(()) => ExitCode::Success,
    })
}

impl Args {
    /// Where each format goes: to no file that holds what opens Kestra.
    fn outputs(&self) -> miette::Result<ReportOutputs<AuditFormat>> {
        let outputs = ReportOutputs::new(&self.format)?;
        let read = [&self.flow.password_file, &self.flow.token_file];
        outputs.keep_off(read.into_iter().flatten().map(Path::new))?;
        Ok(outputs)
    }

    fn audited_place(&self, cluster: &Cluster) -> AuditedPlace {
        AuditedPlace {
            context: cluster.access.context.clone(),
            namespace: self.namespace.clone(),
            selector: gather::selector(self.release.as_deref(), self.selector.as_deref()),
            kubernetes: cluster.version.clone(),
        }
    }

    async fn gathered(&self, context: &ContextRef) -> Result<(Cluster, Gathered), AuditError> {
        let cluster = Cluster::connect_to(context).await?;
        let selector = self.audited_place(&cluster).selector;
        let mut gathered = gather::gather(&cluster, &self.namespace, &selector).await?;
        if self.exec {
            exec::read(&cluster, &self.namespace, &mut gathered).await;
        }
        Ok((cluster, gathered))
    }

    async fn ask(
        &self,
        report: &mut AuditReport,
        questions: &KestraQuestions,
        cluster: &Cluster,
        release: Option<String>,
        auth: Auth,
        cancel: CancellationToken,
    ) -> Result<(), InfraError> {
        let forward = match &self.flow.url {
            Some(_) => None,
            None => {
                let release = release.ok_or_else(|| {
                    InfraError::new("forward a port", "the pods belong to several releases, or to none")
                        .help("name one with --release, or give Kestra's address with --url")
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
        // A server's error may quote the request, which holds no plaintext, so there is nothing to redact.
        let redactor = Redactor::default();
        let scrub = std::sync::Arc::new(move |text: &str| redactor.scrub(text));
        let connect = Client::connect(url, auth, Limits::default(), scrub);
        let client = tokio::select! {
            client = connect => client.during("reach Kestra").map_err(|infra| with_flags(infra, &self.flow)),
            () = cancel.cancelled() => Err(InfraError::new("reach Kestra", "interrupted")),
        };
        let asked = match client {
            Ok(client) => self.flow.ask(report, questions, &client, cancel).await,
            Err(infra) => Err(infra),
        };
        if let Some(forward) = forward {
            forward.close().await;
        }
        asked
    }
}

impl AuditFormat {
    /// The report in this format. It `asked` all that it was to ask, unless Kestra did not answer.
    fn text(self, report: &AuditReport, asked: bool) -> miette::Result<String> {
        match self {
            Self::Human => Ok(format::human(report)),
            Self::Json => json(report),
            Self::Sarif => json(&lint::format::sarif(&report.as_lint())),
            Self::Github => Ok(lint::format::github(&report.as_lint())),
            Self::Prometheus => Ok(prometheus::exposition(report, Timestamp::now(), asked)),
        }
    }
}

/// Adds the flags that give credentials, where Kestra asked for some and none were given.
fn with_flags(infra: InfraError, flow: &FlowArgs) -> InfraError {
    let none =
        flow.username.is_none() && flow.token_file.is_none() && std::env::var_os("KESTRA_SECRETS_TOKEN").is_none();
    match &infra.help {
        Some(help) if none && help.contains(ASKS_FOR_CREDENTIALS) => {
            let help = format!("{help}: give them with --username and --password-file, or with --token-file");
            infra.help(help)
        }
        _ => infra,
    }
}

impl FlowArgs {
    fn is_asking(&self) -> bool {
        self.ask_kestra || self.run_flow
    }

    /// Asks for the list, and by the flow whatever became of the list.
    async fn ask(
        &self,
        report: &mut AuditReport,
        questions: &KestraQuestions,
        client: &Client,
        cancel: CancellationToken,
    ) -> Result<(), InfraError> {
        let listed = tokio::select! {
            listed = key_list::ask(report, &questions.keys, client, &self.flow_namespace) => listed,
            () = cancel.cancelled() => return Err(InfraError::new("read Kestra's list of secrets", "interrupted")),
        };
        if self.run_flow {
            flow::ask(report, &questions.secrets, client, &self.flow_namespace, cancel).await?;
        }
        listed
    }

    /// The credentials for Kestra. They are never read from the cluster.
    fn auth(&self) -> miette::Result<Auth> {
        if !self.is_asking() {
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
                help = "add --password-file FILE, or set KESTRA_SECRETS_PASSWORD",
                "--username needs a password"
            ),
        }
    }
}

/// The contents of a file, without the line end that editors add, or else of a variable.
fn secret(file: Option<&str>, variable: &str) -> miette::Result<Option<SecretString>> {
    let Some(file) = file else {
        return Ok(std::env::var(variable).ok().map(SecretString::from));
    };
    let bytes = plaintext::of_file(file)?;
    let Ok(text) = String::from_utf8(bytes) else {
        miette::bail!("{file} is not UTF-8");
    };
    let line = text
        .strip_suffix('\n')
        .map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Some(line.to_owned().into()))
}

/// The release that all pods belong to, if it is one.
fn release(gathered: &Gathered) -> Option<String> {
    let label = |pod: &k8s_openapi::api::core::v1::Pod| {
        let labels = pod.metadata.labels.as_ref()?;
        labels.get("app.kubernetes.io/instance").cloned()
    };
    let mut releases = gathered.pods.iter().map(label);
    let first = releases.next()??;
    releases.all(|other| other.as_ref() == Some(&first)).then_some(first)
}
