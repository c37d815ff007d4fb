//! `check`: the user's own values and manifests, as they are, proved live; no scenario file to write.

mod documents;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args as ClapArgs;

use super::live::{RunOptions, live};
use super::said::OutputArgs;
use super::target::TargetArgs;
use crate::error::ExitCode;
use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::plan::{self, Installation, OutputRead, Plan};
use crate::report::{Report, way};
use crate::run::session::Session;
use crate::scenario::{Generation, Input, Literal, Manifest, Scenario};
use crate::system::{stdout, terminal};
use documents::STDIN;
use wanted::CheckWords;

/// What `check` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
A plaintext is never taken as an argument, which everybody on the machine can read: it comes from a file
(byte for byte, its last newline too), from standard input, or from KESTRA_SECRETS_EXPECT_NAME. It appears
nowhere in the output, nor does anything made from it; one that is no secret is given by --public.

Examples:
  kestra-secrets check -f values.yaml -f secret.yaml --expect DB_PASSWORD=@password.txt
  kubectl get secret db-creds -o yaml | kestra-secrets check -f values.yaml -f - --expect-present DB_PASSWORD
  kestra-secrets check -f values.yaml --public DB_USERNAME=admin --kestra engine@2.0.0")]
pub struct Args {
    /// Values for the chart, or manifests to apply before it; several times for several, and - for standard
    /// input. Later values go before earlier ones, as with helm
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<String>,
    /// A secret, by the name a flow calls it, and the file with the plaintext that must come out (@- is
    /// standard input); without a file, an environment variable holds it
    #[arg(long, value_name = "NAME[=@FILE]")]
    expect: Vec<String>,
    /// A secret that may be shown, and the plaintext that must come out
    #[arg(long, value_name = "NAME=VALUE")]
    public: Vec<String>,
    /// A secret that must be found, whatever it holds
    #[arg(long, value_name = "NAME")]
    expect_present: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Proves the user's own files and says how they fared.
///
/// # Errors
/// Bad input: a file or a flag that cannot be used.
pub async fn run(args: Args) -> miette::Result<ExitCode> {
    let words = CheckWords {
        expect: &args.expect,
        public: &args.public,
        present: &args.expect_present,
    };
    let on_stdin = args.files.iter().filter(|f| *f == STDIN).count();
    if on_stdin + usize::from(wanted::reads_stdin(words)) > 1 {
        miette::bail!(
            help = "give the others as files",
            "standard input can be read once only"
        );
    }
    let wanted = wanted::read(words)?;
    // The one slip of those who write a plaintext into a file.
    for (name, _) in wanted.iter().filter(|(_, plain)| ends_in_newline(plain.as_ref())) {
        terminal::line(&format!(
            "note: the plaintext of {name} ends in a newline, and so must what comes out"
        ));
    }
    let given = documents::read(&args.files)?;
    let plan = async |_: usize, session: &Session| {
        let values = session.merged(&given.values).await.map_err(|e| {
            let help = "`helm template` with the same files says more";
            InputError::whole(args.files.join(" "), e.to_string(), Some(help.into()))
        })?;
        let scenarios: Vec<_> = wanted
            .iter()
            .map(|(secret, meant)| Arc::new(scenario(secret, meant.as_ref(), &values, &given.manifests)))
            .collect();
        Ok(together(session.plan(&scenarios)?))
    };
    let ways = RunOptions::to(args.target.report.as_deref());
    let mut options = args.target.options()?;
    if given
        .values
        .iter()
        .any(|values| plan::written_for(values) == Generation::V0)
    {
        // The publisher's newest chart knows nothing of these keys.
        options.chart.get_or_insert_default();
    }
    live(vec![options], ways, plan, &args.output, tell).await
}

fn ends_in_newline(plain: Option<&Plaintext>) -> bool {
    plain.is_some_and(|plain| plain.bytes().ends_with(b"\n"))
}

/// The page's flow for one secret, so that each has a verdict of its own.
fn scenario(secret: &str, meant: Option<&Plaintext>, values: &Plaintext, manifests: &[Manifest]) -> Scenario {
    let public = meant.is_some_and(Plaintext::is_public);
    let read = OutputRead {
        secret: secret.into(),
        public,
    };
    let outputs: BTreeMap<_, _> = meant
        .map(|plain| (secret.to_owned(), plain.clone()))
        .into_iter()
        .collect();
    let given = Input::Literal(Literal {
        chart: plan::written_for(values),
        values: values.clone(),
        values_file: "values".into(),
        manifests: manifests.to_vec(),
        flow: plan::flow("secret_test", &[(secret.to_owned(), read)].into()),
        public,
        as_printed: false,
        credentials: None,
    });
    let about = format!("secret('{secret}') gives what is meant");
    Scenario::of_outputs("check", secret, &about, given, outputs)
}

/// The documents are the same for all secrets: one installation of each Kestra serves them.
fn together(plan: Plan) -> Plan {
    let mut joined: Vec<Installation> = Vec::new();
    for mut installation in plan.installations {
        if let Some(first) = joined.iter_mut().find(|i| i.kestra == installation.kestra) {
            // They are the same as the first one's.
            installation.cases.iter_mut().for_each(|case| case.warnings.clear());
            first.cases.append(&mut installation.cases);
        } else {
            // A secret's name need not be fit for Kubernetes.
            let secret = installation.cases.first().map(|case| case.scenario.name.clone());
            installation.id = installation.id.replacen(&secret.unwrap_or_default(), "check", 1);
            joined.push(installation);
        }
    }
    Plan {
        installations: joined,
        ..plan
    }
}

fn tell(report: &Report) {
    for line in report.results.iter().flat_map(way::ways) {
        stdout::line(line);
    }
}
