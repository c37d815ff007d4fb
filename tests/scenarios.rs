//! Every bundled scenario on every provider and Kestra that this machine can offer, judged live.
//!
//! One trial per scenario and chart generation, named like `embedded::engine@2.0.0::1.x::extra-env`; a
//! scenario's steps are part of its trial. What the filter selects is planned as one run: the first trial that runs has it carried out
//! in the background, every trial awaits its own verdict, and the run is closed before the process ends.
//! `--list` starts nothing.
//!
//! The embedded provider needs a JDK and Maven, the docker and kind providers a daemon with the testbed's images.
//! Without them their trials are ignored with that reason, unless `KESTRA_SECRETS_REQUIRE` holds the
//! provider's name: then they fail.

#[path = "scenarios/campaign.rs"]
mod campaign;
#[path = "scenarios/on.rs"]
mod on;
#[path = "support/requirements.rs"]
mod requirements;

use std::process::ExitCode;
use std::sync::Arc;

use kestra_secrets::scenario::{Catalogue, Generation, Scenario};
use kestra_secrets::testing::told;
use kestra_secrets::verdict::Status;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use campaign::{Campaign, Selected};
use on::On;

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let catalogue = match Catalogue::bundled() {
        Ok(catalogue) => catalogue,
        Err(broken) => {
            eprintln!("a bundled scenario is broken: {broken}");
            return ExitCode::FAILURE;
        }
    };
    let scenarios: Vec<Arc<Scenario>> = catalogue.iter().cloned().map(Arc::new).collect();
    let campaign = Arc::new(Campaign::default());
    let mut trials = Vec::new();
    for on in On::all() {
        for scenario in &scenarios {
            for generation in generations(scenario) {
                let selected = Selected {
                    on: on.clone(),
                    scenario: Arc::clone(scenario),
                    generation,
                };
                let trial = trial(&campaign, selected.clone());
                if !args.is_filtered_out(&trial) {
                    campaign.select(selected);
                }
                trials.push(trial);
            }
        }
    }
    let conclusion = libtest_mimic::run(&args, trials);
    if let Err(left) = campaign.close() {
        eprintln!("failed to {left}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// What the bundled chart plays for a scenario: both, or what its documents were written for.
fn generations(scenario: &Scenario) -> Vec<Generation> {
    match scenario.given.written_for() {
        Some(generation) => vec![generation],
        None => vec![Generation::V1, Generation::V0],
    }
}

fn trial(campaign: &Arc<Campaign>, selected: Selected) -> Trial {
    let campaign = Arc::clone(campaign);
    Trial::ignorable_test(
        format!("{}::{}::{}", selected.on, selected.generation, selected.scenario.name),
        move || {
            if let Some(lacking) = selected.on.lacking() {
                return if requirements::is_required(selected.on.provider()) {
                    Err(lacking.into())
                } else {
                    Ok(Completion::ignored_with(lacking))
                };
            }
            let (results, ended) = campaign.results_of(&selected);
            let wrong: Vec<_> = results
                .iter()
                .filter(|r| !matches!(r.status, Status::Pass | Status::Skipped))
                .map(told)
                .collect();
            match (&results[..], ended) {
                _ if !wrong.is_empty() => Err(wrong.join("\n\n").into()),
                (_, Some(ended)) => Err(Failed::from(format!("there is no verdict: {ended}"))),
                ([only], None) if only.status == Status::Skipped => {
                    Ok(Completion::ignored_with(only.because.clone().unwrap_or_default()))
                }
                _ => Ok(Completion::Completed),
            }
        },
    )
}
