//! Cases that the environment broke, to be tried once more.

use parking_lot::Mutex;

use crate::error::InfraError;
use crate::plan::{Case, Installation};

/// Installations of what broke, each with the cases that were not judged.
#[derive(Default)]
pub(super) struct RetryQueue(Mutex<Vec<Installation>>);

impl RetryQueue {
    /// Puts a case down for another try, on an installation of another name: the first may not be gone yet. Whoever
    /// reads the result is told.
    pub fn add(&self, installation: &Installation, case: &Case, infra: &InfraError) {
        let id = format!("{}-again", installation.id);
        let mut case = case.clone();
        case.warnings.push(format!(
            "this was the second try, for the environment broke at the first: {infra}"
        ));
        let mut all = self.0.lock();
        match all.iter_mut().find(|i| i.id == id) {
            Some(there) => there.cases.push(case),
            None => all.push(Installation {
                id,
                cases: vec![case],
                ..installation.bare()
            }),
        }
    }

    /// All that was put down.
    pub fn installations(self) -> Vec<Installation> {
        self.0.into_inner()
    }
}
