//! `list`: the scenarios that `run` can choose from.

use std::fmt::Write as _;

use clap::Args as ClapArgs;
use comfy_table::{ContentArrangement, Table, presets};

use miette::IntoDiagnostic as _;
use tokio_util::sync::CancellationToken;

use crate::error::ExitCode;
use crate::kestra::ENGINES;
use crate::oracle::secret::RunKey;
use crate::provider::embedded::Engine;
use crate::report::expected;
use crate::scenario::{self, Expect, Expectation, Input, Scenario, ScenarioSource};
use crate::system::stdout;
use crate::tools::toolbox::Toolbox;

#[derive(ClapArgs)]
#[command(
    after_help = "Examples:\n  kestra-secrets list\n  kestra-secrets list ./my-scenarios\n  kestra-secrets list --kestra\n  kestra-secrets list --markdown > catalogue.md"
)]
pub struct Args {
    /// List these scenarios: names of bundled ones, files or folders [default: all bundled ones]
    #[arg(value_name = "NAME|FILE")]
    select: Vec<String>,
    /// Print a Markdown page with each scenario's input, expected output and source
    #[arg(long)]
    markdown: bool,
    /// List the Kestras that --kestra of the other commands takes, instead of scenarios
    #[arg(id = "kestra_versions", long = "kestra", conflicts_with_all = ["select", "markdown"])]
    kestra: bool,
}

pub fn run(args: &Args) -> miette::Result<ExitCode> {
    if args.kestra {
        stdout::line(kestras()?);
        return Ok(ExitCode::Success);
    }
    let scenarios = scenario::load(&args.select)?;
    if args.markdown {
        stdout::print(&page(&scenarios));
        return Ok(ExitCode::Success);
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["NAME", "KIND", "ABOUT", "SOURCE"]);
    for scenario in scenarios {
        let kind = kind(&scenario);
        let source = scenario.source.as_ref().map(ToString::to_string).unwrap_or_default();
        table.add_row([scenario.name, kind, scenario.about, source]);
    }
    stdout::line(table.trim_fmt());
    Ok(ExitCode::Success)
}

/// The Kestras that can be run, the engines one by one.
fn kestras() -> miette::Result<String> {
    let toolbox = Toolbox::from_env(CancellationToken::new()).into_diagnostic()?;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["KESTRA", "JAVA", "BUILT HERE"]);
    for version in ENGINES {
        let built = if Engine::is_built(toolbox.cache(), &version) {
            "yes"
        } else {
            ""
        };
        let minor = format!("engine@{}.{}, newest {version}", version.major, version.minor);
        table.add_row([minor, Engine::java(&version).to_string(), built.to_owned()]);
    }
    Ok(format!(
        "{}\n\nengine@VERSION takes any patch of these minors that Maven serves, official[@VERSION] any release of the \
         publisher's,\nand exec:PATH any executable. The first use builds an engine.",
        table.trim_fmt()
    ))
}

fn kind(scenario: &Scenario) -> String {
    match &scenario.given {
        Input::Intent(intent) => intent.strategy.to_string(),
        Input::Literal(literal) => format!("literal {}", literal.chart),
    }
}

/// The catalogue, to be read.
fn page(scenarios: &[Scenario]) -> String {
    let mut page = String::from(
        "# The catalogue\n\n\
         What is known of Kestra's secrets, scenario by scenario; each is run by `kestra-secrets run NAME`. This page is\n\
         `kestra-secrets list --markdown`.\n",
    );
    for scenario in scenarios {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n{}\n\n", scenario.name, scenario.about);
        let _ = writeln!(page, "- given: {}", kind(scenario));
        if let Some(promise) = &scenario.promise {
            let _ = writeln!(page, "- promised: {}", comes_out(promise));
        }
        for expectation in &scenario.expect {
            let _ = writeln!(page, "- expected{}", wanted(expectation));
        }
        for step in &scenario.steps {
            for expectation in &step.expect {
                let _ = writeln!(page, "- after `{}`{}", step.change.describe(), wanted(expectation));
            }
        }
        if let Some(why) = &scenario.not_on_engine {
            let _ = writeln!(page, "- skipped on `engine@…`: {why}");
        }
        if let Some(source) = &scenario.source {
            let _ = writeln!(page, "- source: {}", link(source));
        }
    }
    page
}

fn wanted(expectation: &Expectation) -> String {
    let kestra = expectation.kestra.as_ref().map(|k| format!("Kestra {k}"));
    let chart = expectation.chart.map(|c| format!("chart {c}"));
    let range = [kestra, chart].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let of = if range.is_empty() { range } else { format!(" ({range})") };
    let wanted = &expectation.wanted;
    let codes = wanted
        .diagnosis
        .iter()
        .map(|c| format!(" [{0}](codes/{0}.md)", c.code()));
    let logs = [
        ("the execution's log", &wanted.logs),
        ("the server's log", &wanted.server_log),
    ];
    let said = logs.into_iter().flat_map(|(log, said)| {
        let has = said.has.iter().map(move |t| format!("; {log} holds `{t}`"));
        has.chain(said.lacks.iter().map(move |t| format!("; {log} does not hold `{t}`")))
    });
    format!(
        "{of}: {}{}{}",
        comes_out(&wanted.expect),
        said.collect::<String>(),
        codes.collect::<String>()
    )
}

fn comes_out(expect: &Expect) -> String {
    let private = matches!(expect, Expect::Outputs(outputs) if outputs.values().any(|p| !p.is_public()));
    if private {
        return "its plaintext, which is shown nowhere".to_owned();
    }
    let shown = expected(expect, &RunKey::random()).to_string();
    let lines: Vec<_> = shown.lines().map(|line| format!("`{line}`")).collect();
    lines.join(", ")
}

fn link(source: &ScenarioSource) -> String {
    let issue = source.issue.as_deref().and_then(|issue| issue.split_once('#'));
    let issue = issue.map(|(repository, n)| format!("[{repository}#{n}](https://github.com/{repository}/issues/{n})"));
    let page = source.page.as_ref().map(|page| {
        let edition = source
            .edition
            .iter()
            .map(|e| format!(", edition {e}"))
            .collect::<String>();
        format!("the page {page}{edition}")
    });
    page.into_iter().chain(issue).collect::<Vec<_>>().join("; ")
}
