//! Several reports as one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use miette::Diagnostic;
use thiserror::Error;

use super::{CaseResult, Combination, Report, Run, evidence};
use crate::kestra::KestraRef;
use crate::system::atomic;
use crate::verdict::Status;

/// Reports that do not make one; the exit code is 2.
#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum MergeError {
    /// One case with two results.
    #[error("{case} has two results: in {first} and in {second}")]
    #[diagnostic(help("leave one of the reports out, or run the case once only"))]
    Twice {
        /// The case: its scenario, Kestra, chart and provider.
        case: String,
        /// The run of the first result.
        first: String,
        /// The run of the second.
        second: String,
    },
    /// A shard's report is not there, so the whole is not proved.
    #[error("shard {missing}/{of} is missing: the reports are not the whole of what was to be run")]
    #[diagnostic(help("give the reports of all {of} shards, or --partial for what there is"))]
    Shard {
        /// Which.
        missing: usize,
        /// Of how many.
        of: usize,
    },
}

/// One report of several. Evidence gets a folder for each run.
///
/// # Errors
/// [`MergeError`] when two results of one case differ, or shards are missing, unless that is `partial`.
pub fn merge(mut reports: Vec<Report>, partial: bool) -> Result<Report, MergeError> {
    reports.sort_by_key(|report| report.run.started);
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    let mut results: BTreeMap<(String, Combination), (CaseResult, String)> = BTreeMap::new();
    for report in reports {
        let of = report.run.id.clone();
        let apart = report.run.parts.is_empty();
        for run in report.run.runs() {
            runs.entry(run.id.clone()).or_insert_with(|| run.clone());
        }
        for mut result in report.results {
            if apart {
                result.evidence = result.evidence.iter().map(|path| below_run(path, &of)).collect();
            }
            let key = (result.scenario.clone(), result.combination());
            match results.get(&key) {
                Some((there, _)) if *there == result => {}
                Some((there, first)) if is_retry(&runs, first, &of) && there.status == Status::Error => {
                    results.insert(key, (result, of.clone()));
                }
                Some((there, first))
                    if is_retry(&runs, first, &of) && [there.status, Status::Error].contains(&result.status) => {}
                Some((_, first)) => {
                    let (
                        scenario,
                        Combination {
                            kestra,
                            chart,
                            provider,
                            ..
                        },
                    ) = key;
                    let (first, second) = (first.clone(), of.clone());
                    let case = format!("{scenario} on {kestra}, {chart}, {provider}");
                    return Err(MergeError::Twice { case, first, second });
                }
                None => {
                    results.insert(key, (result, of.clone()));
                }
            }
        }
    }
    let runs: Vec<Run> = runs.into_values().collect();
    if !partial {
        is_whole(&runs)?;
    }
    let mut results: Vec<_> = results.into_values().map(|(result, _)| result).collect();
    // As in a single run's report.
    results.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(Report {
        schema: 1,
        run: together(runs),
        results,
    })
}

/// Whether a run did the same part of the same whole anew: a Job tries an index again if its pod broke or was lost. A
/// verdict stands then as it was found first, and another one contradicts it.
fn is_retry(runs: &BTreeMap<String, Run>, first: &str, again: &str) -> bool {
    let part = |id: &str| {
        let shard = runs.get(id)?.shard.as_ref()?;
        Some((&shard.whole, shard.of, shard.index))
    };
    part(first).is_some() && part(first) == part(again)
}

fn order(result: &CaseResult) -> (&KestraRef, &str, &str, &str, &Option<String>, &Option<String>) {
    let of = &result.provenance;
    let (kestra, scenario) = (&of.kestra, &result.scenario);
    (kestra, &of.chart, scenario, &of.provider, &of.kubernetes, &of.helm)
}

/// `evidence/ID/…` as `evidence/RUN/ID/…`.
fn below_run(path: &str, run: &str) -> String {
    let below = path.strip_prefix("evidence/").unwrap_or(path);
    format!("evidence/{run}/{below}")
}

/// Whether every shard of what was sharded is there.
fn is_whole(runs: &[Run]) -> Result<(), MergeError> {
    let mut wholes: BTreeMap<(&str, usize), BTreeSet<usize>> = BTreeMap::new();
    for shard in runs.iter().filter_map(|run| run.shard.as_ref()) {
        wholes.entry((&shard.whole, shard.of)).or_default().insert(shard.index);
    }
    for ((_, of), there) in wholes {
        if let Some(missing) = (1..=of).find(|index| !there.contains(index)) {
            return Err(MergeError::Shard { missing, of });
        }
    }
    Ok(())
}

/// Runs side by side: what they agree in once, the times added up.
fn together(mut parts: Vec<Run>) -> Run {
    parts.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
    let all = |of: fn(&Run) -> &str| {
        let mut words: Vec<&str> = Vec::new();
        for word in parts.iter().map(of) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.join(", ")
    };
    let mut kestra: Vec<KestraRef> = Vec::new();
    for name in parts.iter().flat_map(|p| &p.kestra) {
        if !kestra.contains(name) {
            kestra.push(name.clone());
        }
    }
    let kubernetes = all(|p| p.kubernetes.as_deref().unwrap_or_default());
    Run {
        id: all(|p| &p.id),
        tool: all(|p| &p.tool),
        provider: all(|p| &p.provider),
        chart: all(|p| &p.chart),
        kestra,
        kubernetes: Some(kubernetes).filter(|k| !k.is_empty()),
        helm: all(|p| &p.helm),
        started: parts.iter().map(|p| p.started).min().unwrap_or_default(),
        wall_ms: parts.iter().map(|p| p.wall_ms).sum(),
        kept: parts.iter().flat_map(|p| p.kept.clone()).collect(),
        shard: None,
        parts,
    }
}

/// Copies the evidence of a report to where its merged report looks for it.
///
/// # Errors
/// What the file system says.
pub fn copy_evidence(report: &Report, from: &Path, to: &Path) -> io::Result<()> {
    let paths: BTreeSet<_> = report.results.iter().flat_map(|r| &r.evidence).collect();
    for path in paths {
        let there = if report.run.parts.is_empty() {
            below_run(path, &report.run.id)
        } else {
            path.clone()
        };
        for exhibit in evidence::read(from, path, evidence::WHOLE) {
            atomic::write_private(&to.join(&there).join(exhibit.name), &exhibit.bytes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitCode;
    use crate::report::Sharded;
    use crate::report::tests::{report, result};

    fn run(id: &str, results: impl IntoIterator<Item = CaseResult>) -> Report {
        let mut report = report(results);
        report.run.id = id.into();
        report
    }

    fn shard(mut report: Report, index: usize, of: usize) -> Report {
        let whole = "whole".into();
        report.run.shard = Some(Sharded {
            index,
            of,
            whole,
            left_out: 1,
        });
        report
    }

    #[test]
    fn every_run_is_named_and_every_case_is_there_in_one_order() {
        let mut kind = result("b", Status::Pass);
        kind.provenance.provider = "kind".into();
        let merged = merge(
            vec![
                run("r2", [kind, result("c", Status::Pass)]),
                run("r1", [result("b", Status::Pass), result("a", Status::Fail)]),
            ],
            false,
        )
        .unwrap();
        let order: Vec<_> = merged.results.iter().map(|r| r.scenario.as_str()).collect();
        assert_eq!(order, ["a", "b", "b", "c"]);
        let ids: Vec<_> = merged.run.parts.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["r1", "r2"]);
        assert_eq!((merged.run.id.as_str(), merged.run.wall_ms), ("r1, r2", 2 * 1500));
        assert_eq!(merged.run.provider, "embedded");
        assert_eq!(merged.exit(), ExitCode::Failure);
    }

    #[test]
    fn a_merge_of_merges_is_flat_and_hangs_on_no_order() {
        let part = |id: &str| run(id, [result(id, Status::Pass)]);
        let once = merge(vec![part("a"), part("b")], false).unwrap();
        let twice = merge(vec![part("c"), once], false).unwrap();
        let flat = merge(vec![part("b"), part("c"), part("a")], false).unwrap();
        assert_eq!(twice.run, flat.run);
        assert_eq!(twice.results, flat.results);
        assert!(twice.run.parts.iter().all(|p| p.parts.is_empty()));
    }

    #[test]
    fn a_case_with_two_results_is_an_error_unless_they_are_one() {
        let one = run("a", [result("x", Status::Pass)]);
        let same = merge(vec![one.clone(), one.clone()], false).unwrap();
        assert_eq!((same.results.len(), same.run.parts.len()), (1, 1));
        let error = merge(vec![one, run("b", [result("x", Status::Fail)])], false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "x on engine@2.0.0, kestra-minimal 0.1.0 (bundled) as 1.x, embedded has two results: in a and in b"
        );
    }

    #[test]
    fn a_shard_that_is_missing_is_an_error_unless_a_part_is_asked_for() {
        let one = || shard(run("a", [result("x", Status::Pass)]), 1, 2);
        let two = shard(run("b", [result("y", Status::Pass)]), 2, 2);
        let missing = MergeError::Shard { missing: 2, of: 2 };
        assert_eq!(merge(vec![one()], false).unwrap_err(), missing);
        assert_eq!(merge(vec![one()], true).unwrap().results.len(), 1);
        let whole = merge(vec![one(), two.clone()], false).unwrap();
        assert_eq!((whole.results.len(), whole.run.shard), (2, None));
        // A shard of another whole does not stand in for it.
        let mut other = two;
        if let Some(shard) = &mut other.run.shard {
            shard.whole = "other".into();
        }
        assert!(merge(vec![one(), other], false).is_err());
    }

    #[test]
    fn a_shard_that_broke_is_made_up_for_by_its_retry() {
        let part = |id: &str, status| shard(run(id, [result("x", status)]), 1, 1);
        let status = |reports: Vec<Report>| merge(reports, false).map(|merged| merged.results[0].status);
        let (broken, passed) = (part("a", Status::Error), part("b", Status::Pass));
        for order in [[&broken, &passed], [&passed, &broken]] {
            let merged = merge(order.map(Clone::clone).to_vec(), false).unwrap();
            assert_eq!((merged.results.len(), merged.results[0].status), (1, Status::Pass));
            assert_eq!(merged.run.parts.len(), 2, "the run that broke is named too");
        }
        // Its pod was lost after it had judged.
        let mut again = part("c", Status::Pass);
        again.results[0].phases.clear();
        assert_eq!(status(vec![passed.clone(), again]), Ok(Status::Pass));
        // Neither verdict is believed where two differ, nor where it is no retry.
        assert!(status(vec![passed.clone(), part("c", Status::Fail)]).is_err());
        assert!(status(vec![passed, run("c", [result("x", Status::Error)])]).is_err());
    }

    #[test]
    fn evidence_gets_a_folder_for_each_run() {
        let mut wrong = result("x", Status::Fail);
        wrong.evidence = vec!["evidence/x-engine".into()];
        let merged = merge(vec![run("r1", [wrong])], false).unwrap();
        assert_eq!(merged.results[0].evidence, ["evidence/r1/x-engine"]);
        let again = merge(vec![merged], false).unwrap();
        assert_eq!(again.results[0].evidence, ["evidence/r1/x-engine"]);
    }
}
