//! How many installations a run makes, about how long that takes, and on how many machines it pays.

use std::path::{Path, PathBuf};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use crate::plan::{Installation, Plan, ProviderKind, Simulation, opening, tenths};
use crate::provider::cores;
use crate::report::{PastDurations, json};
use crate::run::session::Session;
use crate::system::words::count;

/// What installations take: by an earlier run, and what it did not run by what was measured on a machine with two cores.
#[derive(Default)]
pub struct Costs {
    past: Option<(PathBuf, PastDurations)>,
}

impl Costs {
    /// By the report that the user names.
    ///
    /// # Errors
    /// Bad input: no report.
    pub fn read(file: Option<&Path>) -> miette::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let (report, _) = json::read(file)?;
        let past = PastDurations::of_results(&report.results);
        Ok(Self {
            past: Some((file.to_owned(), past)),
        })
    }

    /// By the report of an earlier run in a folder, if there is one.
    pub fn in_folder(folder: Option<&Path>) -> Self {
        let file = folder.map(|folder| folder.join("report.json"));
        let file = file.filter(|file| file.is_file());
        Self::read(file.as_deref()).unwrap_or_default()
    }

    /// What an installation took, in tenths of a second; none where it is not known.
    fn measured(&self, provider: ProviderKind, installation: &Installation) -> Option<u64> {
        let (_, past) = self.past.as_ref()?;
        Some(past.installation(provider.name(), installation)?.div_ceil(100))
    }

    /// What each installation of each plan takes, in tenths of a second.
    pub fn of(&self, plans: &[Plan], sessions: &[Session]) -> Vec<Vec<u64>> {
        let cost = |provider: ProviderKind, one: &Installation| {
            let elsewhere = || {
                let (_, past) = self.past.as_ref()?;
                Some(past.on_another(provider.name(), one)?.div_ceil(100))
            };
            let known = self.measured(provider, one).or_else(elsewhere);
            known.unwrap_or_else(|| tenths(one))
        };
        let of_plan = |(plan, session): (&Plan, &Session)| {
            let provider = session.provider_spec().kind();
            plan.installations.iter().map(|one| cost(provider, one)).collect()
        };
        plans.iter().zip(sessions).map(of_plan).collect()
    }

    /// What is ahead, in one line.
    pub fn estimate(&self, plans: &[Plan], sessions: &[Session]) -> String {
        let (mut known, mut installations, mut took) = (0, 0, 0);
        for ((session, plan), costs) in sessions.iter().zip(plans).zip(self.of(plans, sessions)) {
            let provider = session.provider_spec().kind();
            let measured = plan
                .installations
                .iter()
                .filter(|one| self.measured(provider, one).is_some());
            known += measured.count();
            installations += plan.installations.len();
            if !plan.is_empty() {
                took += opening_of(session) + costs.iter().sum::<u64>() / at_a_time(session);
            }
        }
        let basis = match &self.past {
            Some((file, _)) if known > 0 => format!("{known} of them by {}", file.display()),
            _ => "as two cores take".into(),
        };
        format!(
            "{}, about {} ({basis})",
            count(installations, "installation"),
            roughly(took)
        )
    }

    /// A table of how long the run takes on so many machines at once, each with its part.
    pub fn table(&self, plans: &[Plan], sessions: &[Session], machines: &[usize]) -> String {
        let costs = self.of(plans, sessions);
        let simulation = Simulation {
            openings: openings(sessions),
            at_a_time: sessions.iter().map(at_a_time).collect(),
            costs: &costs,
        };
        let by_count: Vec<Vec<u64>> = costs.iter().map(|plan| vec![1; plan.len()]).collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["machines", "until the last ends", "cut by counts", "idle", "gain"]);
        let alone = simulation.longest(1, &costs);
        for of in machines {
            let row = match (simulation.parts(*of, &costs), simulation.longest(*of, &by_count), alone) {
                (Some(parts), Some(counted), Some(alone)) => {
                    let longest = parts.iter().copied().max().unwrap_or_default();
                    let idle = parts.iter().map(|part| longest - part).sum::<u64>();
                    let all = longest * parts.len() as u64;
                    [
                        of.to_string(),
                        roughly(longest),
                        roughly(counted),
                        format!("{} %", idle * 100 / all.max(1)),
                        format!("{}.{} ×", alone / longest.max(1), alone * 10 / longest.max(1) % 10),
                    ]
                }
                _ => [
                    of.to_string(),
                    "more than installations".into(),
                    String::new(),
                    String::new(),
                    String::new(),
                ],
            };
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }
}

/// What opening each session's provider takes, in tenths of a second.
pub fn openings(sessions: &[Session]) -> Vec<u64> {
    sessions.iter().map(opening_of).collect()
}

fn opening_of(session: &Session) -> u64 {
    opening(session.provider_spec().makes_a_cluster())
}

fn at_a_time(session: &Session) -> u64 {
    session.options().parallel.unwrap_or_else(cores).max(1) as u64
}

/// Tenths of a second, to a tenth or so: nobody waits by the second.
fn roughly(tenths: u64) -> String {
    match Duration::from_millis(tenths * 100).as_secs() {
        seconds @ 0..90 => format!("{} s", seconds.div_ceil(10) * 10),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_up() {
        let said = [0, 10, 890, 900, 36_000].map(roughly);
        assert_eq!(said, ["0 s", "10 s", "90 s", "2 min", "60 min"]);
    }
}
