//! `prove`: the oracle is true of a live Kestra.

use kestra_secrets::internals::kestra::{CURRENT_ENGINES, ENGINES};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::requirements;
use crate::support::sandbox::Sandbox;
use crate::support::schemas;
use crate::{live, on_provider};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for version in ENGINES {
        let kestra = format!("engine@{version}");
        let count = if CURRENT_ENGINES.contains(&version) { 2000 } else { 500 };
        let lacking = move || requirements::lacking_for_engine(&version);
        trials.push(proof("embedded", count, kestra, lacking));
    }
    trials.push(live(
        "prove",
        "the_three_strategies_reach_a_flow_on_every_minor",
        strategies,
    ));
    let [newest, _] = CURRENT_ENGINES;
    let kestra = format!("engine@{newest}");
    let lacking = move || requirements::lacking_for_cluster(&newest);
    trials.push(proof("kind", 500, kestra, lacking));
    trials
}

fn strategies() {
    let sandbox = Sandbox::new();
    let strategies = ["extra-env", "extra-env-from", "secret-key-ref"];
    let kestras = ENGINES.map(|version| format!("--kestra=engine@{version}"));
    let rest = ["--provider", "embedded", "--no-skip"];
    let args = ["run"].into_iter().chain(strategies).chain(rest);
    let ended = sandbox.run(args.chain(kestras.iter().map(String::as_str))).with_code(0);
    let passed = format!("{} passed, 0 failed", strategies.len() * ENGINES.len());
    assert!(ended.stdout.contains(&passed), "{}", ended.stdout);
    sandbox.assert_clean();
}

/// So many random secrets come to a flow as the oracle says.
fn proof(
    provider: &'static str,
    count: usize,
    kestra: String,
    lacking: impl FnOnce() -> Option<String> + Send + 'static,
) -> Trial {
    let name = format!("prove::{count}_random_secrets_are_as_predicted_on_{provider}::{kestra}");
    on_provider(provider, name, lacking, move || proves(provider, count, &kestra))
}

fn proves(provider: &str, count: usize, kestra: &str) {
    let sandbox = Sandbox::new();
    let count_text = count.to_string();
    // One set, so that a failure is the change's own fault; `KESTRA_SECRETS_TEST_SEED` names another.
    let seed = std::env::var("KESTRA_SECRETS_TEST_SEED").unwrap_or_else(|_| "1".into());
    let args = [
        "prove",
        "--seed",
        &seed,
        "--count",
        &count_text,
        "--provider",
        provider,
        "--kestra",
        kestra,
    ];
    let ended = sandbox.run(args.into_iter().chain(["--report", "report"])).with_code(0);
    assert!(ended.stdout.contains(" as predicted, seed"), "{}", ended.stdout);
    let proof = schemas::assert_proof(&sandbox.work().join("report/prove.json"));
    let sum = |what: &str| -> u64 {
        let kinds = proof["kinds"].as_array().unwrap();
        kinds.iter().map(|kind| kind[what].as_u64().unwrap()).sum()
    };
    assert_eq!(sum("agreed") + sum("aside"), count as u64);
    // Both sides were asked for: what must be found and what must not.
    assert!(sum("present") > count as u64 / 2, "{}", ended.stdout);
    // Up to 0.20 Kestra gives an empty text for a secret that it does not know.
    let knows_missing = !kestra.starts_with("engine@0.20.");
    assert_eq!(sum("missing") > count as u64 / 10, knows_missing, "{}", ended.stdout);
    assert_eq!(proof["differences"], Value::Array(Vec::new()));
    sandbox.assert_clean();
}
