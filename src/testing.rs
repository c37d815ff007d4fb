//! For a test of your own: scenarios, or secrets given right there, proved on a live Kestra.
//!
//! ```no_run
//! use kestra_secrets::scenario::Strategy;
//! use kestra_secrets::testing::{self, TestRun};
//!
//! #[tokio::test]
//! async fn our_password_reaches_a_flow() {
//!     let ours = testing::intent("ours", Strategy::SecretKeyRef, [("DB_PASSWORD", "correct horse")]);
//!     let report = TestRun::embedded().run([ours]).await.unwrap();
//!     testing::assert_as_expected(&report);
//! }
//! ```
//!
//! Everything that a run makes is gone when [`TestRun::run`] returns, whatever came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use miette::Diagnostic;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::error::InfraError;
use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::plan::PlanError;
use crate::provider::KestraRef;
use crate::report::Silent;
use crate::report::{CaseResult, OutcomeView, Report};
use crate::run::session::{ProviderChoice as WantedPlace, ProviderSpec, Session, SessionOptions};
use crate::scenario::{self, Input, Intent, Scenario, Secret, Strategy};
use crate::verdict::Status;

/// Where scenarios are run: a provider and the Kestras on it.
#[derive(Debug, Clone)]
pub struct TestRun(SessionOptions);

impl TestRun {
    /// Child processes, which need no Docker, with every engine; see [`TestRun::kestra`].
    pub fn embedded() -> Self {
        Self(SessionOptions::default())
    }

    /// Another place, such as a context of your kubeconfig.
    pub fn at(place: ProviderSpec) -> Self {
        Self(SessionOptions {
            place: WantedPlace::Named(place),
            ..SessionOptions::default()
        })
    }

    /// This Kestra alone, or beside those that were named before.
    #[must_use]
    pub fn kestra(mut self, kestra: KestraRef) -> Self {
        self.0.kestra.push(kestra);
        self
    }

    /// Anything else that a run may be asked to be.
    #[must_use]
    pub fn with(self, change: impl FnOnce(SessionOptions) -> SessionOptions) -> Self {
        Self(change(self.0))
    }

    /// Runs scenarios and takes down all that it made.
    ///
    /// # Errors
    /// [`RunError`] when nothing could be judged: that says nothing about a secret. Wrong values are in the report.
    pub async fn run(&self, scenarios: impl IntoIterator<Item = Scenario>) -> Result<Report, RunError> {
        let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
        let session = Session::open(self.0.clone(), Arc::new(Silent), CancellationToken::new()).await?;
        let carried_out = match session.plan(&scenarios) {
            Ok(plan) => session.carry_out(plan).await.map_err(RunError::from),
            Err(e) => Err(e.into()),
        };
        session.close().await?;
        carried_out
    }
}

/// Why nothing was judged.
#[derive(Debug, Error, Diagnostic)]
pub enum RunError {
    /// The scenarios cannot be used with the chart.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(#[from] PlanError),
    /// A tool, the machine or the cluster failed.
    #[error("failed to {0}")]
    Infra(#[from] InfraError),
}

/// Scenarios by their bundled names, or by their files or folders.
///
/// # Errors
/// [`InputError`] when a word names nothing, or a file is broken.
pub fn scenarios(words: &[&str]) -> Result<Vec<Scenario>, InputError> {
    scenario::load(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// A scenario of secrets and plaintexts that must reach a flow byte for byte. The plaintexts are private: no report
/// shows them.
pub fn intent<const N: usize>(name: &str, strategy: Strategy, secrets: [(&str, &str); N]) -> Scenario {
    let secrets: BTreeMap<_, _> = secrets
        .into_iter()
        .map(|(name, plain)| (name.to_owned(), Plaintext::new(plain, false)))
        .collect();
    let outputs = secrets.iter().map(|(name, plain)| (name.to_lowercase(), plain.clone()));
    let outputs = outputs.collect();
    let given = Input::Intent(Intent {
        strategy,
        reads: secrets.keys().map(|name| (name.to_lowercase(), name.clone())).collect(),
        secrets: secrets
            .into_iter()
            .map(|(name, plain)| (name, Secret::Plain(plain)))
            .collect(),
        flow: None,
        values: serde_json::Map::new(),
    });
    Scenario::of_outputs("test", name, "Secrets of a test.", given, outputs)
}

/// Passes when something was run, and all of it came out as expected.
///
/// # Panics
/// With what was expected and observed; of private values their length and a hash.
pub fn assert_as_expected(report: &Report) {
    let wrong: Vec<_> = report
        .results
        .iter()
        .filter(|r| matches!(r.status, Status::Fail | Status::Error))
        .map(told)
        .collect();
    let ran = report.results.iter().any(|r| r.status == Status::Pass);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran, "no case ran");
}

/// A result that is not as it should be, in full.
pub fn told(result: &CaseResult) -> String {
    let because = result.because.as_deref().unwrap_or("not as expected");
    let mut text = format!("{} on {}: {because}", result.scenario, result.provenance.kestra);
    let seen: [(&str, &Option<OutcomeView>); 4] = [
        ("promised", &result.promised),
        ("expected", &result.expected),
        ("predicted", &result.predicted),
        ("observed", &result.observed),
    ];
    for (what, seen) in seen {
        if let Some(seen) = seen {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{what}: {seen}");
        }
    }
    text.extend(result.help.iter().map(|help| format!("\nhelp: {help}")));
    text
}
