//! `bisect`: the first version of Kestra, or of its chart, at which a scenario comes out otherwise.

mod candidates;
mod charts;
mod search;

use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};

use self::candidates::Candidate;
use self::search::{Step, Tried, VersionSearch};
use super::console::{Console, print_cases, print_summary};
use super::execute::execute;
use super::sessions::{EarlyExit, Sessions};
use super::target::TargetArgs;
use crate::error::{ExitCode, InfraError};
use crate::kestra::KestraRef;
use crate::plan::Plan;
use crate::report::{self, Report, merge, outcome_words};
use crate::scenario::{self, Expectation, Scenario};
use crate::system::stdout;
use crate::system::words::count;
use crate::verdict::Status;

/// What `bisect` takes.
#[derive(ClapArgs)]
#[command(
    mut_arg("provider", |arg| arg.default_value("embedded")),
    mut_arg("kestra", |arg| arg.help("With --over chart: run this Kestra [default: the newest engine]")),
    mut_arg("chart", |arg| arg.help("With --over kestra: install this chart [default: bundled]")),
    after_help = "\
The versions of Kestra between --good and --bad are the newest patches of each minor (`kestra-secrets list --kestra`). \
Charts are first compared by what they render, which takes no Kestra; only the two at which it changes are run. A version \
that cannot be had or does not start is skipped.

Exit codes:
  0    the first version was found
  1    good and bad come out alike
  2    bad input or usage
  3    the environment broke, or the good or the bad version cannot be run
  130  interrupted, and cleaned up

Examples:
  kestra-secrets bisect plaintext-is-not-base64 --good 0.20 --bad 2.0
  kestra-secrets bisect my-scenario.yaml --good 1.3.31 --bad 2.0.0 --report report
  kestra-secrets bisect docs-2024-extra-env --over chart --charts ./charts \\
    --good 0.23.9 --bad 1.0.54
  kestra-secrets bisect docs-2024-extra-env --over chart \\
    --charts git:../helm-charts//charts/kestra --good 0.23.9 --bad 1.0.54"
)]
pub struct Args {
    /// Run this scenario: the name of a bundled one, or a file with one scenario
    #[arg(value_name = "NAME|FILE")]
    scenario: String,
    /// Look for the version of this
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    over: Over,
    /// Begin at this version, at which the scenario comes out as it did before
    #[arg(long, value_name = "V")]
    good: String,
    /// End at this later version, at which it comes out otherwise
    #[arg(long, value_name = "V")]
    bad: String,
    /// With --over chart: take the charts in this folder, of this index.yaml, or at the tags of a git repository,
    /// written as git:REPOSITORY//FOLDER
    #[arg(long, value_name = "DIR|INDEX|GIT", required_if_eq("over", "chart"))]
    charts: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
}

/// What has versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Over {
    /// Kestra
    #[default]
    Kestra,
    /// Kestra's chart
    Chart,
}

/// What came of a version: words that are compared, and the report of its run.
struct VersionOutcome {
    words: String,
    report: Option<Report>,
}

impl PartialEq for VersionOutcome {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

/// Searches, and prints both outcomes side by side.
///
/// # Errors
/// [`EarlyExit`] when a version, the scenario or a flag cannot be used, or the run was interrupted.
pub async fn run(args: Args) -> Result<ExitCode, EarlyExit> {
    let candidates = args.candidates().await?;
    let scenario = expecting_the_good(one_scenario(&args.scenario)?, candidates.first());
    let bisect = Bisect {
        args: &args,
        scenario: &scenario,
        versions: candidates.len(),
    };
    let all: Vec<&Candidate> = candidates.iter().collect();
    if args.over == Over::Kestra {
        let (search, step) = bisect.search(&all, Way::Live).await?;
        return bisect.finish(&search, &step, &all);
    }
    // What charts render tells where to look; Kestra itself is asked of the two at the turn.
    let (search, step) = bisect.search(&all, Way::Rendering).await?;
    let Step::Found { last, first } = step else {
        return Ok(bisect.tell_end(&search, &step, &all));
    };
    let turn = [all[last], all[first]];
    let (search, step) = bisect.search(&turn, Way::Live).await?;
    bisect.finish(&search, &step, &turn)
}

/// The scenario as it is expected of the good version, whatever others say of other versions: a bad version is told hop by
/// hop then.
fn expecting_the_good(mut scenario: Scenario, good: Option<&Candidate>) -> Arc<Scenario> {
    let version = good.and_then(|good| match &good.kestra {
        KestraRef::Engine(version) => Some(version.clone()),
        _ => None,
    });
    let of_good = good
        .zip(version)
        .and_then(|(good, version)| scenario.expectation(&version, good.generation));
    let expectation = of_good.or(scenario.expect.first()).cloned();
    scenario.expect = expectation
        .into_iter()
        .map(|expectation| Expectation {
            kestra: None,
            chart: None,
            ..expectation
        })
        .collect();
    Arc::new(scenario)
}

fn one_scenario(name: &str) -> miette::Result<Scenario> {
    let mut scenarios = scenario::load(&[name.to_owned()])?.into_iter();
    match (scenarios.next(), scenarios.next()) {
        (Some(one), None) => Ok(one),
        _ => miette::bail!(help = "name one of them", "{name} holds several scenarios"),
    }
}

/// How a version is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The chart is rendered, and the model says what comes out.
    Rendering,
    /// Kestra is run.
    Live,
}

struct Bisect<'a> {
    args: &'a Args,
    scenario: &'a Arc<Scenario>,
    /// How many there are in all.
    versions: usize,
}

impl Bisect<'_> {
    /// Tries versions until the turn is found.
    async fn search(&self, of: &[&Candidate], way: Way) -> Result<(VersionSearch<VersionOutcome>, Step), EarlyExit> {
        let mut search = VersionSearch::of(of.len());
        loop {
            match search.next() {
                Step::Try(number) => search.note(number, self.attempt(of[number], way).await?),
                step => return Ok((search, step)),
            }
        }
    }

    async fn attempt(&self, candidate: &Candidate, way: Way) -> Result<Tried<VersionOutcome>, EarlyExit> {
        let opened = Sessions::open(vec![self.args.options(candidate)?], Console::for_progress()).await;
        let mut sessions = match opened {
            Ok(sessions) => sessions,
            Err(EarlyExit::Infra(infra)) => return Ok(Tried::Skipped(infra.to_string())),
            Err(other) => return Err(other),
        };
        let plan = match sessions.all().first() {
            Some(session) => session.plan(&[Arc::clone(self.scenario)]),
            None => return Err(EarlyExit::NothingRan),
        };
        let plan = sessions.close_on_error(plan).await?;
        if let Some(skipped) = plan.skipped.first() {
            let why = skipped.why.clone();
            sessions.close().await;
            return Ok(Tried::Skipped(why));
        }
        match way {
            Way::Rendering => predicted(sessions, &plan).await,
            Way::Live => live(sessions, plan).await,
        }
    }

    /// Says why there is no turn.
    fn tell_end(&self, search: &VersionSearch<VersionOutcome>, step: &Step, of: &[&Candidate]) -> ExitCode {
        if let Step::Stuck(number) = step {
            if let Tried::Skipped(why) = search.known(*number) {
                stdout::prose(&format!("{} cannot be run: {why}\n", of[*number].name));
            }
            return ExitCode::Infra;
        }
        let said = match search.known(0) {
            Tried::Outcome(ran) => ran.words.as_str(),
            _ => "",
        };
        stdout::line(format!(
            "{} and {} come out alike: {said}",
            self.args.good, self.args.bad
        ));
        ExitCode::Failure
    }

    /// Prints what was found, and writes the report.
    fn finish(
        &self,
        search: &VersionSearch<VersionOutcome>,
        step: &Step,
        of: &[&Candidate],
    ) -> Result<ExitCode, EarlyExit> {
        for (number, why) in search.skipped() {
            stdout::prose(&format!("skipped {}: {why}\n", of[number].name));
        }
        let Step::Found { last, first } = step else {
            return Ok(self.tell_end(search, step, of));
        };
        let reports: Vec<Report> = [*last, *first]
            .into_iter()
            .filter_map(|number| match search.known(number) {
                Tried::Outcome(ran) => ran.report.clone(),
                _ => None,
            })
            .collect();
        let report = merge::merge(reports, true)?;
        print_cases(&report);
        print_summary(&report, self.args.target.report.as_deref());
        for number in [*last, *first] {
            let (candidate, Tried::Outcome(ran)) = (of[number], search.known(number)) else {
                continue;
            };
            stdout::line(format!("\n{}", candidate.name));
            ran.words.lines().for_each(|line| stdout::prose(&format!("  {line}\n")));
            stdout::line(format!("  repeat: {}", self.command(candidate)));
        }
        let is_tried = |number: &usize| matches!(search.known(*number), Tried::Outcome(_));
        let tried = (0..of.len()).filter(is_tried).count();
        stdout::line(format!(
            "\n{} comes out otherwise since {}; {} of {} were run",
            self.scenario.name,
            of[*first].name,
            tried,
            count(self.versions, "version")
        ));
        if let Some(folder) = &self.args.target.report
            && let Err(error) = report::write(&report, folder)
        {
            let phase = format!("write the report into {}", folder.display());
            return Err(EarlyExit::Infra(InfraError::caused_by(phase, error)));
        }
        Ok(ExitCode::Success)
    }

    /// The command that runs the scenario on one version.
    fn command(&self, candidate: &Candidate) -> String {
        let chart = candidate
            .chart
            .as_ref()
            .map(|chart| format!(" --chart {chart}"))
            .unwrap_or_default();
        format!(
            "kestra-secrets run {} --kestra {}{chart}",
            self.args.scenario, candidate.kestra
        )
    }
}

/// What the model says comes out of what the chart renders.
async fn predicted(mut sessions: Sessions, plan: &Plan) -> Result<Tried<VersionOutcome>, EarlyExit> {
    let asked = match (sessions.all().first(), plan.installations.first()) {
        (Some(session), Some(installation)) => Some(session.predict(installation).await),
        _ => None,
    };
    sessions.close().await;
    Ok(match asked {
        Some(Ok(Some((view, expected)))) => Tried::Outcome(VersionOutcome {
            words: outcome_words::words(Some(&view), expected.as_ref()),
            report: None,
        }),
        Some(Ok(None)) | None => Tried::Skipped("what it renders does not tell what comes out".into()),
        Some(Err(infra)) => Tried::Skipped(infra.to_string()),
    })
}

async fn live(sessions: Sessions, plan: Plan) -> Result<Tried<VersionOutcome>, EarlyExit> {
    let outcome = execute(sessions, plan.into(), None).await?;
    if outcome.exit(ExitCode::Success) == ExitCode::Interrupted {
        return Err(EarlyExit::Interrupted(None));
    }
    let report = outcome.report;
    let broken = report.results.iter().find(|result| result.status == Status::Error);
    if let Some(broken) = broken {
        return Ok(Tried::Skipped(
            broken.because.clone().unwrap_or_else(|| "it did not start".into()),
        ));
    }
    Ok(Tried::Outcome(VersionOutcome {
        words: outcome_words::of_results(&report.results),
        report: Some(report),
    }))
}
