//! `list`: the scenarios that `run` can choose from.

use clap::Args as ClapArgs;
use comfy_table::{ContentArrangement, Table, presets};

use crate::scenario::{self, Given};
use crate::verdict::Exit;

#[derive(ClapArgs)]
#[command(after_help = "Examples:\n  kestra-secrets list\n  kestra-secrets list ./my-scenarios")]
pub struct Args {
    /// Names of bundled scenarios, files or folders; all bundled ones by default
    #[arg(value_name = "NAME|FILE")]
    select: Vec<String>,
}

pub fn run(args: &Args) -> miette::Result<Exit> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["NAME", "KIND", "ABOUT", "SOURCE"]);
    for scenario in scenario::load(&args.select)? {
        let kind = match &scenario.given {
            Given::Intent(intent) => intent.strategy.to_string(),
            Given::Literal(literal) => format!("literal {}", literal.chart),
        };
        let source = scenario.source.as_ref().map(ToString::to_string).unwrap_or_default();
        table.add_row([scenario.name, kind, scenario.about, source]);
    }
    anstream::println!("{}", table.trim_fmt());
    Ok(Exit::Fine)
}
