//! `doctor`: what this machine lacks for a run, and how to get it.

use clap::Args as ClapArgs;
use miette::IntoDiagnostic as _;
use owo_colors::{OwoColorize as _, Style};

use super::interrupt;
use super::target::Where;
use crate::doctor::{Check, CheckStatus, Examination, examine};
use crate::error::ExitCode;
use crate::system::stdout;
use crate::tools::toolbox::Toolbox;

/// What `doctor` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
The command checks what a run with the same flags would need. It creates, starts and changes nothing. Each check has \
a deadline of a few seconds.

Exit codes:
  0    such a run is possible
  2    bad input or usage
  3    something is missing
  130  interrupted

Examples:
  kestra-secrets doctor
  kestra-secrets doctor --provider kind
  kestra-secrets doctor --context staging --namespace qa \\
    --kestra official@1.0.0
  kestra-secrets doctor --json |
    jq -r '.findings[] | select(.status == \"missing\") | .cure'")]
pub struct Args {
    #[command(flatten)]
    at: Where,
    /// Print JSON, as described by `kestra-secrets schema doctor`
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Checks, and prints the results.
///
/// # Errors
/// Bad input: flags that contradict each other.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let cancel = interrupt::token()?;
    let toolbox = Toolbox::from_env(cancel.clone()).into_diagnostic()?;
    let examination = examine(&args.at.options()?, &toolbox, &cancel).await;
    if args.json {
        stdout::line(serde_json::to_string_pretty(&examination).into_diagnostic()?);
    } else {
        stdout::prose(&describe(&examination));
    }
    Ok(match (cancel.is_cancelled(), examination.can_run) {
        (true, _) => ExitCode::Interrupted,
        (false, true) => ExitCode::Success,
        (false, false) => ExitCode::Infra,
    })
}

fn describe(examination: &Examination) -> String {
    let findings = &examination.findings;
    let width = findings.iter().map(|f| f.check.len()).max().unwrap_or(0);
    let mut text: String = findings.iter().map(|f| line(f, width)).collect();
    text.push('\n');
    text.extend(examination.providers.iter().map(|provider| {
        let (word, style) = if provider.can_run {
            ("can run", Style::new().green())
        } else {
            ("cannot run", Style::new().yellow())
        };
        let because = provider
            .because
            .as_ref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        format!("{:8}  {}{because}\n", provider.name, word.style(style))
    }));
    let chosen = match examination.chosen {
        Some(kind) => format!("a run would use {kind} ({})", examination.because),
        None => format!("a run has no provider: {}", examination.because),
    };
    let can = if examination.can_run { "can" } else { "cannot" };
    text + &format!("{chosen}, and {can} run there\n")
}

fn line(finding: &Check, width: usize) -> String {
    let (word, style) = match finding.status {
        CheckStatus::Ok => ("ok", Style::new().green()),
        CheckStatus::Note => ("note", Style::new().dimmed()),
        CheckStatus::Warning => ("warning", Style::new().yellow()),
        CheckStatus::Missing => ("MISSING", Style::new().red().bold()),
    };
    let word = format!("{word:7}");
    let cure = finding
        .cure
        .as_ref()
        .map(|cure| format!("{:9}{:width$}  cure: {cure}\n", "", ""));
    format!(
        "{}  {:width$}  {}\n{}",
        word.style(style),
        finding.check,
        finding.found,
        cure.unwrap_or_default()
    )
}
