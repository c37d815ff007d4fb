//! `check`: the user's own values and manifests, as they are, proved live; no scenario file to write.

mod compose;
mod documents;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args as ClapArgs;

use super::console::Console;
use super::execute::{RunPlan, execute};
use super::output_args::OutputArgs;
use super::sessions::{EarlyExit, Sessions};
use super::target::TargetArgs;
use crate::error::ExitCode;
use crate::error::InputError;
use crate::lint::{self, LintRule, Linted};
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{PREFIX, Plaintext};
use crate::plan::{self, Installation, OutputRead, Plan};
use crate::release::described::DescribedInstall;
use crate::release::installs::InstallKind;
use crate::run::session::{Session, SessionOptions};
use crate::scenario::{Generation, Input, Literal, Manifest, Scenario};
use crate::system::terminal;
use crate::system::words::visible;
use documents::{GivenDocuments, STDIN};
use wanted::{CheckWords, ExpectedSecrets};

/// What `check` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Every user of this machine can read a command's arguments. Give a plaintext in a file, on standard input, or in the \
variable KESTRA_SECRETS_EXPECT_NAME, where NAME is the secret's name. A file counts byte for byte, including a final \
newline. The output never shows the plaintext, only its length and a hash that differs from run to run. Give a \
plaintext that is not secret with --public.

Exit codes:
  0    everything came out as expected
  1    at least one value is wrong
  2    bad input or usage
  3    the environment broke; nothing is known to be wrong
  130  interrupted, and cleaned up

Examples:
  kestra-secrets check -f values.yaml -f secret.yaml \\
    --expect DB_PASSWORD=@password.txt
  kubectl get secret db-creds -o yaml | kestra-secrets check -f values.yaml \\
    -f - --expect-present DB_PASSWORD
  kestra-secrets check -f values.yaml --public DB_USERNAME=admin \\
    --kestra engine@2.0.0")]
pub struct Args {
    /// Install these chart values, and apply these manifests before them; repeat for several, - for standard input.
    /// Later values override earlier ones, as with helm
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Expect the secret that flows call NAME to be the contents of this file (@- for standard input) or, without a
    /// file, of the variable `KESTRA_SECRETS_EXPECT_NAME`; repeat for several
    #[arg(long, value_name = "NAME[=@FILE]")]
    expect: Vec<String>,
    /// Expect the secret NAME to be this plaintext, which may be shown; repeat for several
    #[arg(long, value_name = "NAME=VALUE")]
    public: Vec<String>,
    /// Expect the secret NAME to exist, with any plaintext; repeat for several
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
/// [`EarlyExit`] when a file or a flag cannot be used, or nothing ran.
pub async fn run(args: Args) -> Result<ExitCode, EarlyExit> {
    let request = CheckRequest::read(&args)?;
    let mut sessions = Sessions::open(vec![request.options(&args.target)?], Console::default()).await?;
    let plan = request.plan(&args, sessions.all()).await;
    let plan = sessions.close_on_error(plan).await?;
    let mut outcome = execute(sessions, plan, args.target.report.as_deref()).await?;
    outcome.write(args.target.report.as_deref());
    Ok(outcome.print(&args.output, args.target.report.as_ref()))
}

impl Args {
    fn words(&self) -> CheckWords<'_> {
        CheckWords {
            expect: &self.expect,
            public: &self.public,
            present: &self.expect_present,
        }
    }
}

/// What is to be proved of which files.
struct CheckRequest {
    expected: ExpectedSecrets,
    given: GivenDocuments,
    /// What the files alone tell.
    linted: Linted,
}

impl CheckRequest {
    fn read(args: &Args) -> miette::Result<Self> {
        let words = args.words();
        let on_stdin = args.files.iter().filter(|f| *f == STDIN).count();
        if on_stdin + usize::from(wanted::reads_stdin(words)) > 1 {
            miette::bail!(
                help = "give the others as files",
                "standard input can be read only once"
            );
        }
        let expected = wanted::read(words)?;
        // The one slip of those who write a plaintext into a file.
        for (name, _) in expected.iter().filter(|(_, plain)| ends_in_newline(plain.as_ref())) {
            let origin = wanted::origin(words, name);
            terminal::line(&format!(
                "note: {origin} ends in a newline, so what comes out as {name} must end in one too"
            ));
        }
        for name in expected.keys() {
            if let Some(flow_name) = name.strip_prefix(PREFIX) {
                terminal::line(&format!(
                    "note: {name} is the name of a variable; flows call the secret {flow_name}, so expect {flow_name}"
                ));
            }
        }
        let given = documents::read(&args.files)?;
        let linted = lint::lint(
            &given.sources,
            lint::LintOptions {
                generation: None,
                assume_kestra: true,
            },
        );
        refuse_malformed(&linted)?;
        if let Some(install) = &given.install {
            tell_of_install(install);
        }
        for note in &given.notes {
            terminal::line(&format!("note: {note}"));
        }
        Ok(Self {
            expected,
            given,
            linted,
        })
    }

    fn options(&self, target: &TargetArgs) -> miette::Result<SessionOptions> {
        let mut options = target.options()?;
        let mut generations = self.given.values.iter().map(plan::written_for);
        let of_0 = match self.given.chart() {
            Some(generation) => generation == Generation::V0,
            None => generations.any(|generation| generation == Generation::V0),
        };
        if of_0 {
            // The publisher's newest chart knows nothing of these keys.
            options.chart.get_or_insert_default();
        }
        Ok(options)
    }

    async fn plan(&self, args: &Args, sessions: &[Session]) -> miette::Result<RunPlan> {
        let mut plans = Vec::new();
        for session in sessions {
            let values = session.merged(&self.given.values).await.map_err(|e| {
                let help = "`helm template` with the same files says more";
                InputError::whole(args.files.join(" "), e.to_string(), Some(help.into()))
            })?;
            let chart = self.given.chart().unwrap_or_else(|| plan::written_for(&values));
            let scenarios: Vec<_> = self
                .expected
                .iter()
                .map(|(secret, meant)| {
                    let origin = wanted::origin(args.words(), secret);
                    Arc::new(scenario(
                        &origin,
                        secret,
                        meant.as_ref(),
                        chart,
                        &values,
                        &self.given.manifests,
                    ))
                })
                .collect();
            let mut plan = session.plan(&scenarios)?;
            for case in plan.installations.iter_mut().flat_map(|i| &mut i.cases) {
                case.in_files = lint::whereabouts(&self.linted, &case.scenario.name);
            }
            plans.push(together(plan));
        }
        Ok(RunPlan {
            plans,
            ..RunPlan::default()
        })
    }
}

/// Says what the release was read from, and what of it is not here.
fn tell_of_install(install: &DescribedInstall) {
    let name = install.kind.name();
    let version = install
        .version
        .as_deref()
        .map_or(String::new(), |v| format!(", chart version {}", visible(v)));
    terminal::line(&format!("values from {name}{version}; name another chart with --chart"));
    // A wrapper chart is told to be left out as it is.
    if !install.whole && install.kind != InstallKind::Wrapper {
        terminal::line(&format!("note: {name} names values that are not among the files"));
    }
    if install.set_elsewhere {
        terminal::line(&format!(
            "note: {name} sets single values that are not among the files; they are left out"
        ));
    }
}

/// What Kubernetes does not understand is the user's mistake, at the user's line, and nothing to install.
fn refuse_malformed(linted: &Linted) -> Result<(), InputError> {
    let malformed = linted.located.iter().map(|located| &located.finding);
    let mut malformed = malformed.filter(|f| f.rule == LintRule::Fault(Code::MalformedEntry));
    malformed.next().map_or(Ok(()), |finding| {
        Err(InputError {
            file: finding.file.clone(),
            line: finding.line.try_into().unwrap_or_default(),
            column: finding.column.try_into().unwrap_or_default(),
            message: format!("{}: {}", finding.subject, finding.message),
            help: Some(finding.cure.clone()),
        })
    })
}

fn ends_in_newline(plain: Option<&Plaintext>) -> bool {
    plain.is_some_and(|plain| plain.bytes().ends_with(b"\n"))
}

/// The page's flow for one secret, so that each has a verdict of its own; `origin` says where its plaintext is from.
fn scenario(
    origin: &str,
    secret: &str,
    meant: Option<&Plaintext>,
    chart: Generation,
    values: &Plaintext,
    manifests: &[Manifest],
) -> Scenario {
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
        chart,
        values: values.clone(),
        values_file: "values".into(),
        manifests: manifests.to_vec(),
        flow: plan::flow("secret_test", &[(secret.to_owned(), read)].into()),
        public,
        as_printed: false,
        credentials: None,
    });
    let about = format!("secret('{secret}') gives what is meant");
    Scenario::of_outputs(origin, secret, &about, given, outputs)
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
