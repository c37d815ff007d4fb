//! `helm kestra-secrets`: what the plugin for helm calls. Helm itself gets the chart, and merges what `--set` sets, so
//! both are as helm would install them.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use miette::IntoDiagnostic as _;
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use super::sessions::EarlyExit;
use crate::error::{ExitCode, InfraError};
use crate::release::input::STDIN;
use crate::system::process::{Command, Deadline, ProcessError};
use crate::system::redact::Redactor;

/// What a helm plugin is given.
#[derive(ClapArgs)]
#[command(
    disable_version_flag = true,
    after_help = "\
Helm itself gets the chart and merges the values, with your repositories and credentials. Flags of `kestra-secrets \
lint` and `kestra-secrets check` stand behind --.

Examples:
  kestra-secrets helm lint kestra kestra/kestra -f values.yaml --version 1.0.54
  kestra-secrets helm lint kestra ./charts/platform --set a=b -- --format json
  kestra-secrets helm check kestra kestra/kestra -f values.yaml \\
    -- --expect DB_PASSWORD=@password.txt"
)]
pub struct Args {
    /// Do this with what helm would install
    command: PluginCommand,
    /// The release's name, which may be left out, and the chart, as for `helm install`
    #[arg(value_name = "[NAME] CHART", num_args = 0..=2)]
    names: Vec<String>,
    #[command(flatten)]
    values: HelmValues,
    #[command(flatten)]
    source: ChartSource,
    /// Flags of the command
    #[arg(last = true, value_name = "FLAG")]
    rest: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PluginCommand {
    /// Find secrets that Kestra would misread
    Lint,
    /// Prove the values on a live Kestra
    Check,
}

/// Helm's flags for values.
#[derive(ClapArgs)]
struct HelmValues {
    /// Take values from this file; repeat for several
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    files: Vec<String>,
    /// Set a value, as helm does
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Set a text
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// Set a value to the contents of a file
    #[arg(long, value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// Set a value of JSON
    #[arg(long, value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// Set a text as it is
    #[arg(long, value_name = "KEY=VALUE")]
    set_literal: Vec<String>,
}

/// Helm's flags for where the chart comes from.
#[derive(ClapArgs)]
struct ChartSource {
    /// Take this version of the chart
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Take the chart from this repository
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Take versions under development too
    #[arg(long)]
    devel: bool,
}

/// A chart whose only template prints the values that it is given: what helm makes of them.
const VALUES_CHART: [(&str, &str); 2] = [
    ("Chart.yaml", "apiVersion: v2\nname: values\nversion: 0.1.0\n"),
    ("templates/values.yaml", "{{ .Values | toYaml }}\n"),
];

const GET: Deadline = Deadline::seconds("helm to get the chart", 300);
const MERGE: Deadline = Deadline::seconds("helm to merge the values", 60);

/// Turns helm's arguments into those of the command, and carries it out.
///
/// # Errors
/// [`EarlyExit`] when helm cannot get the chart or merge the values.
pub async fn run(args: &Args) -> Result<ExitCode, EarlyExit> {
    let folder = tempfile::tempdir().map_err(|e| EarlyExit::Infra(InfraError::new("make a temporary folder", e)))?;
    let cancel = interrupt::token()?;
    let chart = match args.names.last() {
        Some(chart) => Some(args.source.chart(chart, folder.path(), &cancel).await?),
        None => None,
    };
    let mut words: Vec<OsString> = vec!["kestra-secrets".into(), args.command.name().into()];
    let mut values = args.values.files.clone();
    if let Some(merged) = args.values.merged(folder.path(), &cancel).await? {
        read_from(merged).map_err(|e| EarlyExit::Infra(InfraError::new("make a pipe", e)))?;
        values = vec![STDIN.into()];
    }
    match (&chart, args.command) {
        (Some(chart), PluginCommand::Lint) if values.is_empty() && chart.is_dir() => words.push(chart.into()),
        _ if values.is_empty() => {
            let help = "a chart's own defaults hold no secret of yours";
            return Err(miette::miette!(help = help, "there are no values: give them with -f or --set").into());
        }
        (_, command) => {
            for file in values {
                words.extend((command == PluginCommand::Check).then(|| "-f".into()));
                words.push(file.into());
            }
            words.extend(chart.into_iter().flat_map(|chart| ["--chart".into(), chart.into()]));
        }
    }
    words.extend(args.rest.iter().cloned());
    Ok(super::run_words(&words).await?)
}

impl PluginCommand {
    fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Check => "check",
        }
    }
}

impl ChartSource {
    /// The chart as a folder or an archive; helm gets what is neither.
    async fn chart(&self, chart: &str, folder: &Path, cancel: &CancellationToken) -> Result<PathBuf, EarlyExit> {
        let flags = [("--version", &self.version), ("--repo", &self.repo)];
        let mut flags: Vec<&str> = flags
            .into_iter()
            .filter_map(|(flag, value)| Some([flag, value.as_deref()?]))
            .flatten()
            .collect();
        flags.extend(self.devel.then_some("--devel"));
        if self.repo.is_none()
            && let Ok(path) = std::fs::canonicalize(chart)
        {
            return Ok(path);
        }
        let into = folder.join("chart");
        std::fs::create_dir(&into).into_diagnostic()?;
        let addresses = self.repo.iter().map(String::as_str).chain([chart]);
        let passwords = addresses.filter_map(|url| Some(Url::parse(url).ok()?.password()?.to_owned()));
        let scrub = Redactor::new(passwords).scrubber();
        let pull = helm()
            .args(["pull", chart, "--destination"])
            .arg(&into)
            .args(flags)
            .scrub(scrub);
        pull.run(GET, cancel).await.map_err(|e| failed("get the chart", e))?;
        let archive = std::fs::read_dir(&into).ok().and_then(|mut all| all.next()?.ok());
        let archive = archive.ok_or_else(|| miette::miette!("helm pulled {chart} and wrote no archive"))?;
        Ok(archive.path())
    }
}

impl HelmValues {
    /// The values as helm merges them; none where the files alone are enough, which know their lines.
    async fn merged(&self, folder: &Path, cancel: &CancellationToken) -> miette::Result<Option<Vec<u8>>> {
        let flags = [
            ("--values", &self.files),
            ("--set", &self.set),
            ("--set-string", &self.set_string),
            ("--set-file", &self.set_file),
            ("--set-json", &self.set_json),
            ("--set-literal", &self.set_literal),
        ];
        if flags.iter().skip(1).all(|(_, values)| values.is_empty()) {
            return Ok(None);
        }
        let chart = folder.join("values");
        std::fs::create_dir_all(chart.join("templates")).into_diagnostic()?;
        for (file, text) in VALUES_CHART {
            std::fs::write(chart.join(file), text).into_diagnostic()?;
        }
        let flags = flags
            .into_iter()
            .flat_map(|(flag, values)| values.iter().flat_map(move |value| [flag, value]));
        let template = helm().args(["template", "values"]).arg(&chart).args(flags);
        // What helm says may quote what is set, which may be a secret.
        let merged = template.run(MERGE, cancel).await.map_err(|e| match e {
            ProcessError::Exit { .. } => {
                miette::miette!(
                    help = "`helm template` with the same flags says why",
                    "helm refused the values"
                )
            }
            other => miette::miette!("failed to merge the values: {other}"),
        })?;
        Ok(Some(merged.stdout))
    }
}

/// The helm that called the plugin, with this user's repositories and credentials.
fn helm() -> Command {
    Command::new(
        std::env::var_os("HELM_BIN")
            .filter(|helm| !helm.is_empty())
            .unwrap_or_else(|| "helm".into()),
    )
}

fn failed(phase: &'static str, error: ProcessError) -> EarlyExit {
    match error {
        ProcessError::Cancelled { .. } => EarlyExit::Interrupted(None),
        error => EarlyExit::Infra(InfraError::caused_by(phase, error)),
    }
}

/// Makes these bytes what standard input gives. They may be secrets, so they go into no file.
fn read_from(bytes: Vec<u8>) -> std::io::Result<()> {
    let (reader, mut writer) = std::io::pipe()?;
    nix::unistd::dup2_stdin(&reader)?;
    // Who reads no further has had enough.
    std::thread::spawn(move || drop(writer.write_all(&bytes)));
    Ok(())
}
