//! Every bundled scenario on every provider and Kestra that this machine can offer, judged live.
//!
//! One trial per scenario and chart generation, named like `embedded::engine@2.0.0::1.x::extra-env`; a
//! scenario's steps are part of its trial. What the filter selects is planned as one run: the first trial that runs has it carried out
//! in the background, every trial awaits its own verdict, and the run is closed before the process ends.
//! `--list` starts nothing. Under nextest, which runs each trial in a process of its own, a trial is all scenarios of a
//! provider and a Kestra.
//!
//! The embedded provider needs a JDK and Maven, the docker and kind providers a daemon with the testbed's images.
//! Without them their trials are ignored with that reason, unless `KESTRA_SECRETS_REQUIRE` holds the
//! provider's name: then they fail.

mod campaign;
mod on;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::Arc;

use kestra_secrets::internals::cli::failure;
use kestra_secrets::internals::scenario::{Catalogue, Generation, Scenario};
use kestra_secrets::internals::verdict::Status;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use campaign::{Campaign, Selected};
use on::On;
use support::requirements;

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
    // nextest runs each trial in a process of its own, where nothing is shared: a trial is a whole place there.
    let a_process_each = std::env::var_os("NEXTEST").is_some();
    let mut trials = Vec::new();
    for on in On::all() {
        let each = scenarios.iter().flat_map(|scenario| {
            generations(scenario).into_iter().map(|generation| Selected {
                on: on.clone(),
                scenario: Arc::clone(scenario),
                generation,
            })
        });
        let groups: Vec<(String, Vec<Selected>)> = if a_process_each {
            vec![(on.to_string(), each.collect())]
        } else {
            each.map(|one| {
                (
                    format!("{}::{}::{}", one.on, one.generation, one.scenario.name),
                    vec![one],
                )
            })
            .collect()
        };
        for (name, selected) in groups {
            let trial = trial(&campaign, &name, selected.clone());
            if !args.is_filtered_out(&trial) {
                for one in selected {
                    campaign.select(one);
                }
            }
            trials.push(trial);
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

fn trial(campaign: &Arc<Campaign>, name: &str, selected: Vec<Selected>) -> Trial {
    let campaign = Arc::clone(campaign);
    Trial::ignorable_test(name, move || {
        let on = &selected[0].on;
        if let Some(lacking) = on.lacking() {
            return if requirements::is_required(on.provider()) {
                Err(lacking.into())
            } else {
                Ok(Completion::ignored_with(lacking))
            };
        }
        let judged: Vec<_> = selected.iter().map(|one| campaign.results_of(one)).collect();
        let results: Vec<_> = judged.iter().flat_map(|(results, _)| results).collect();
        let is_wrong = |status| !matches!(status, Status::Pass | Status::Skipped);
        let wrong: Vec<_> = results
            .iter()
            .filter(|r| is_wrong(r.status))
            .map(|r| failure(r))
            .collect();
        match (&results[..], judged.iter().find_map(|(_, ended)| ended.as_ref())) {
            _ if !wrong.is_empty() => Err(wrong.join("\n\n").into()),
            (_, Some(ended)) => Err(Failed::from(format!("there is no verdict: {ended}"))),
            ([only], None) if only.status == Status::Skipped => {
                Ok(Completion::ignored_with(only.because.clone().unwrap_or_default()))
            }
            _ => Ok(Completion::Completed),
        }
    })
}
