//! `prove`: the oracle is true of a live Kestra.

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::{Completion, Trial};
use serde_json::Value;

use crate::support::requirements;
use crate::support::sandbox::Sandbox;
use crate::support::schemas;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for version in CURRENT_ENGINES {
        let kestra = format!("engine@{version}");
        let lacking = move || requirements::lacking_for_engine(&version);
        trials.push(proof("embedded", 2000, kestra, lacking));
    }
    let [newest, _] = CURRENT_ENGINES;
    let kestra = format!("engine@{newest}");
    let lacking = move || requirements::lacking_for_cluster(&newest);
    trials.push(proof("kind", 500, kestra, lacking));
    trials
}

/// So many random secrets come to a flow as the oracle says.
fn proof(
    provider: &'static str,
    count: usize,
    kestra: String,
    lacking: impl FnOnce() -> Option<String> + Send + 'static,
) -> Trial {
    let name = format!("prove::{count}_random_secrets_are_as_predicted_on_{provider}::{kestra}");
    Trial::ignorable_test(name, move || match lacking() {
        Some(lacking) if requirements::is_required(provider) => Err(lacking.into()),
        Some(lacking) => Ok(Completion::ignored_with(lacking)),
        None => {
            proves(provider, count, &kestra);
            Ok(Completion::Completed)
        }
    })
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
    assert!(sum("missing") > count as u64 / 10, "{}", ended.stdout);
    assert_eq!(proof["differences"], Value::Array(Vec::new()));
    sandbox.assert_clean();
}
