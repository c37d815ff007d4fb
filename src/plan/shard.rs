//! A part of a run, for machines that share it: a stable partition by what installations cost.

use std::fmt;
use std::str::FromStr;

use miette::Diagnostic;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Installation, Plan};

/// One of several parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    of: usize,
}

/// There is nothing for some of the parts to do.
#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
#[error("--shard {shard}: there are {installations} installations only, and none is ever split")]
#[diagnostic(help("use at most {installations} shards"))]
pub struct TooMany {
    shard: Shard,
    installations: usize,
}

/// What a run of one part does, and what it leaves to the others.
#[derive(Debug)]
pub struct Share {
    /// The plans, each with what is its part of it.
    pub plans: Vec<Plan>,
    /// A hash of the whole: shards belong together when theirs are equal.
    pub whole: String,
    /// How many installations are left to others.
    pub installations: usize,
    /// How many cases are.
    pub cases: usize,
}

/// What a provider takes before its first installation, in tenths of a second; measured on two cores.
pub fn opening(makes_a_cluster: bool) -> u64 {
    if makes_a_cluster { 250 } else { 5 }
}

/// What an installation takes, in tenths of a second: Kestra's boot, its flows, and a boot for most steps.
pub fn tenths(installation: &Installation) -> u64 {
    let steps: usize = installation.cases.iter().map(|c| c.steps.len()).sum();
    60 + 3 * installation.cases.len() as u64 + 60 * steps as u64
}

impl Shard {
    /// Which, from 1.
    pub fn index(self) -> usize {
        self.index
    }

    /// Of how many.
    pub fn total(self) -> usize {
        self.of
    }

    /// Takes this part of the plans, each with the cost of opening its provider and of each of its installations, in
    /// tenths of a second. Which part gets what hangs on the plans and the costs alone.
    ///
    /// # Errors
    /// [`TooMany`] when a part would be empty: an empty run proves nothing.
    pub fn take(self, plans: Vec<Plan>, openings: &[u64], costs: &[Vec<u64>]) -> Result<Share, TooMany> {
        let installations = plans.iter().map(|p| p.installations.len()).sum();
        if installations < self.of {
            return Err(TooMany {
                shard: self,
                installations,
            });
        }
        let whole = whole(&plans, costs);
        let shards = partition(openings, costs, self.of);
        let mut share = Share {
            plans: Vec::new(),
            whole,
            installations: 0,
            cases: 0,
        };
        for (plan, shards) in plans.into_iter().zip(shards) {
            let mut mine = Plan::default();
            // What is skipped costs nothing and is told once, where the plan's first installation is.
            if shards.first().map_or(1, |shard| shard + 1) == self.index {
                mine.skipped = plan.skipped;
            }
            for (installation, shard) in plan.installations.into_iter().zip(shards) {
                if shard + 1 == self.index {
                    mine.installations.push(installation);
                } else {
                    share.installations += 1;
                    share.cases += installation.cases.len();
                }
            }
            share.plans.push(mine);
        }
        Ok(share)
    }
}

/// The part, from 0, of each installation of each plan: the dearest first, each to the part that is done first
/// with it.
fn partition(openings: &[u64], costs: &[Vec<u64>], of: usize) -> Vec<Vec<usize>> {
    let mut items: Vec<(u64, usize, usize)> = Vec::new();
    for (p, plan) in costs.iter().enumerate() {
        items.extend(plan.iter().enumerate().map(|(i, cost)| (*cost, p, i)));
    }
    items.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut shards: Vec<Vec<usize>> = costs.iter().map(|plan| vec![0; plan.len()]).collect();
    let mut load = vec![0; of];
    let mut count = vec![0; of];
    let mut opened = vec![vec![false; costs.len()]; of];
    for (n, (cost, p, i)) in items.iter().copied().enumerate() {
        // As many parts must be left to fill as there are installations for.
        let empty = count.iter().filter(|c| **c == 0).count();
        let must_fill = items.len() - n <= empty;
        let candidates = (0..of).filter(|s| !must_fill || count[*s] == 0);
        let end = |s: &usize| {
            let open = if opened[*s][p] {
                0
            } else {
                openings.get(p).copied().unwrap_or_default()
            };
            load[*s] + cost + open
        };
        let Some(shard) = candidates.min_by_key(end) else {
            continue;
        };
        load[shard] = end(&shard);
        count[shard] += 1;
        opened[shard][p] = true;
        shards[p][i] = shard;
    }
    shards
}

/// Parts that were cut by other costs are no parts of the same whole.
fn whole(plans: &[Plan], costs: &[Vec<u64>]) -> String {
    let mut hash = Sha256::new();
    for (plan, costs) in plans.iter().zip(costs) {
        hash.update(format!("plan {costs:?}\n"));
        for installation in &plan.installations {
            let cases: Vec<_> = installation.cases.iter().map(|c| c.scenario.name.as_str()).collect();
            hash.update(format!(
                "{} {} {}\n",
                installation.id,
                installation.kestra,
                cases.join(" ")
            ));
        }
        for skipped in &plan.skipped {
            hash.update(format!("skipped {} {}\n", skipped.scenario, skipped.kestra));
        }
    }
    hex::encode(&hash.finalize()[..8])
}

/// What the parts of a run take, without a run.
pub struct Simulation<'a> {
    /// What opening each plan's provider takes, in tenths of a second.
    pub openings: Vec<u64>,
    /// How many installations of each plan a machine carries at a time.
    pub at_a_time: Vec<u64>,
    /// What each installation of each plan takes, in tenths of a second.
    pub costs: &'a [Vec<u64>],
}

impl Simulation<'_> {
    /// What each of so many parts takes if they are cut by `guess`; none where there are fewer installations than parts.
    pub fn parts(&self, of: usize, guess: &[Vec<u64>]) -> Option<Vec<u64>> {
        let installations: usize = self.costs.iter().map(Vec::len).sum();
        if of == 0 || installations < of {
            return None;
        }
        let mut parts = vec![0; of];
        let shards = partition(&self.openings, guess, of);
        for (p, (shards, costs)) in shards.iter().zip(self.costs).enumerate() {
            for (part, took) in parts.iter_mut().enumerate() {
                let mine: Vec<u64> = shards
                    .iter()
                    .zip(costs)
                    .filter(|(s, _)| **s == part)
                    .map(|(_, c)| *c)
                    .collect();
                let Some(dearest) = mine.iter().max() else { continue };
                let at_a_time = self.at_a_time.get(p).copied().unwrap_or(1).max(1);
                let opening = self.openings.get(p).copied().unwrap_or_default();
                *took += opening + (mine.iter().sum::<u64>() / at_a_time).max(*dearest);
            }
        }
        Some(parts)
    }

    /// What the part takes that ends last.
    pub fn longest(&self, of: usize, guess: &[Vec<u64>]) -> Option<u64> {
        self.parts(of, guess)?.into_iter().max()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) && of <= 1000 => Ok(Self { index, of }),
            _ => Err("write I/N, such as 1/3 for the first of three, up to 1000".into()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::kestra::KestraRef;
    use crate::plan::{self, PlanOptions, PlanTarget, SkippedCase};
    use crate::scenario::load;

    /// Plans with so many installations each, some of them dear.
    fn plans(sizes: &[usize]) -> Vec<Plan> {
        let scenarios: Vec<_> = load(&["secret-key-ref".to_owned(), "rotation".to_owned()]).unwrap();
        let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
        let version = semver::Version::new(2, 0, 0);
        let target = PlanTarget {
            kestra: KestraRef::Engine(version.clone()),
            version: version.clone(),
            chart: crate::plan::ChartMode::Only(crate::scenario::Generation::V1),
        };
        let isolate = PlanOptions {
            isolate: true,
            defaults: None,
            ..PlanOptions::default()
        };
        let made = |p: usize, size: usize| {
            let mut plan = Plan::default();
            while plan.installations.len() < size {
                let more = plan::build(&scenarios, std::slice::from_ref(&target), &isolate).unwrap();
                plan.installations.extend(more.installations);
            }
            plan.installations.truncate(size);
            for (n, one) in plan.installations.iter_mut().enumerate() {
                one.id = format!("{p}-{n}");
            }
            plan.skipped.push(SkippedCase {
                scenario: p.to_string(),
                kestra: KestraRef::Engine(version.clone()),
                why: String::new(),
                generation: crate::scenario::Generation::V1,
            });
            plan
        };
        sizes.iter().enumerate().map(|(p, size)| made(p, *size)).collect()
    }

    fn costs(plans: &[Plan]) -> Vec<Vec<u64>> {
        plans
            .iter()
            .map(|plan| plan.installations.iter().map(tenths).collect())
            .collect()
    }

    fn ids(plans: &[Plan]) -> Vec<String> {
        let mut ids: Vec<_> = plans
            .iter()
            .flat_map(|p| &p.installations)
            .map(|i| i.id.clone())
            .collect();
        ids.extend(
            plans
                .iter()
                .flat_map(|p| &p.skipped)
                .map(|s| format!("skipped {}", s.scenario)),
        );
        ids.sort();
        ids
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_shards_together_are_exactly_the_whole(
            sizes in prop::collection::vec(0_usize..7, 1..5),
            of in 1_usize..9,
            opening in 0_u64..400,
        ) {
            let whole = plans(&sizes);
            let total: usize = sizes.iter().sum();
            let openings = vec![opening; sizes.len()];
            let costs = costs(&whole);
            let mut together = Vec::new();
            let mut hashes = std::collections::BTreeSet::new();
            for index in 1..=of {
                let share = Shard { index, of }.take(plans(&sizes), &openings, &costs);
                if total < of {
                    prop_assert!(share.is_err());
                    return Ok(());
                }
                let share = share.unwrap();
                let mine: usize = share.plans.iter().map(|p| p.installations.len()).sum();
                prop_assert!(mine > 0, "an empty shard");
                prop_assert_eq!(share.plans.len(), sizes.len());
                prop_assert_eq!(mine + share.installations, total);
                together.extend(ids(&share.plans));
                hashes.insert(share.whole);
            }
            together.sort();
            prop_assert_eq!(together, ids(&whole));
            prop_assert_eq!(hashes.len(), 1);
        }
    }

    #[test]
    fn a_cluster_is_made_once_where_that_is_cheaper() {
        // Two clusters, two installations each, two shards: one cluster for each.
        let shards = partition(&[opening(true), opening(true)], &costs(&plans(&[2, 2])), 2);
        assert_eq!(shards, [[0, 0], [1, 1]]);
    }

    #[test]
    fn another_whole_has_another_hash() {
        let of = |sizes: &[usize]| whole(&plans(sizes), &costs(&plans(sizes)));
        assert_eq!(of(&[2, 1]), of(&[2, 1]));
        assert_ne!(of(&[2, 1]), of(&[1, 2]));
        let whole_by = |costs: &[Vec<u64>]| whole(&plans(&[2]), costs);
        assert_ne!(whole_by(&[vec![1, 2]]), whole_by(&[vec![2, 1]]));
    }

    #[test]
    fn parts_that_are_cut_by_what_was_measured_end_sooner() {
        let measured = [vec![90, 30, 30, 30]];
        let simulation = Simulation {
            openings: vec![5],
            at_a_time: vec![1],
            costs: &measured,
        };
        assert_eq!(simulation.parts(2, &measured), Some(vec![95, 95]));
        assert_eq!(simulation.longest(2, &[vec![1; 4]]), Some(125));
        assert_eq!(
            (simulation.longest(1, &measured), simulation.longest(5, &measured)),
            (Some(185), None)
        );
    }

    #[test]
    fn a_shard_is_written_as_index_and_count() {
        for text in ["1/1", "2/3"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "0/3", "4/3", "1", "a/b", "1/0", "1/1001", "-1/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
