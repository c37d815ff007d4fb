//! Proves on a live Kestra that the secrets of your test reach a flow byte for byte.
//!
//! ```no_run
//! use kestra_secrets::testing::{self, Strategy, TestRun};
//!
//! #[tokio::test]
//! async fn our_password_reaches_a_flow() {
//!     let ours = testing::secrets("ours", Strategy::SecretKeyRef, [("DB_PASSWORD", "correct horse")]);
//!     let report = TestRun::embedded().kestra("engine@2.0.0").run([ours]).await.unwrap();
//!     report.assert_passed();
//! }
//! ```
//!
//! Cargo.toml needs `kestra-secrets` and tokio's features `macros` and `rt-multi-thread` under `[dev-dependencies]`. The
//! first run of an engine builds it with Maven, which takes minutes; later runs take seconds.
//!
//! [`TestRun::run`] removes all that it made, whatever came of it.

mod error;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::During as _;
use crate::oracle::secret::Plaintext;
use crate::provider::live::{ClusterSpec, KindOptions, PullSecret};
use crate::report::{Silent, write};
use crate::run::session::{ProviderChoice, ProviderSpec, Session, SessionOptions};
use crate::scenario::{self, Input, Intent, Scenario, Secret};
use crate::tools::cluster::in_cluster::ContextRef;

pub use crate::scenario::Strategy;
pub use crate::testing::error::RunError;
#[doc(hidden)]
pub use crate::testing::report::failure;
pub use crate::testing::report::{TestCase, TestReport};
pub use crate::verdict::Status;

/// Where scenarios run, and how: a provider, its Kestras, and the options of `kestra-secrets run`.
///
/// A word that cannot be read, such as `engine@two`, is an error of [`TestRun::run`].
///
/// ```no_run
/// # async fn example() -> Result<(), kestra_secrets::testing::RunError> {
/// use kestra_secrets::testing::{self, TestRun};
///
/// let rotation = testing::scenarios(&["rotation"])?;
/// let run = TestRun::context("staging").namespace("secrets-test").chart("official@1.0.54").parallel(1);
/// run.run(rotation).await?.assert_passed();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TestRun {
    options: SessionOptions,
    /// The first option that cannot be used.
    mistake: Option<String>,
}

impl TestRun {
    /// Runs Kestra as child processes. It needs a JDK and Maven, and no Docker.
    pub fn embedded() -> Self {
        Self::on(ProviderSpec::Embedded)
    }

    /// Runs Kestra in containers of the Docker daemon.
    pub fn docker() -> Self {
        Self::on(ProviderSpec::Docker)
    }

    /// Runs Kestra on a kind cluster, which it makes and deletes.
    pub fn kind() -> Self {
        Self::on(ProviderSpec::Live {
            place: ClusterSpec::Kind(KindOptions {
                node_image: None,
                config: None,
                reuse: None,
            }),
            local_port: None,
        })
    }

    /// Runs Kestra on the cluster of this context of your kubeconfig.
    pub fn context(name: impl Into<String>) -> Self {
        Self::on(ProviderSpec::Live {
            place: ClusterSpec::Context {
                context: ContextRef::Named(name.into()),
                namespace: None,
            },
            local_port: None,
        })
    }

    fn on(place: ProviderSpec) -> Self {
        let options = SessionOptions {
            place: ProviderChoice::Named(place),
            ..SessionOptions::default()
        };
        Self { options, mistake: None }
    }

    /// Adds a Kestra, as `--kestra` takes it: `engine@2.0.0`, `official@1.3`, `exec:./kestra`. Without one, every engine
    /// runs.
    #[must_use]
    pub fn kestra(self, kestra: &str) -> Self {
        self.parsed("kestra", kestra, |options, kestra| options.kestra.push(kestra))
    }

    /// Takes another chart than the bundled one, as `--chart` does: `official@1.0.54`, `oci://…`, a folder.
    #[must_use]
    pub fn chart(self, chart: &str) -> Self {
        self.parsed("chart", chart, |options, chart| options.chart = Some(chart))
    }

    /// Runs this image, as `--image` does: `REPO:TAG`, or `KESTRA=REPO:TAG` for one of several Kestras.
    #[must_use]
    pub fn image(self, image: &str) -> Self {
        self.parsed("image", image, |options, image| options.images.push(image))
    }

    /// Pulls the images with the credentials of this Docker configuration.
    #[must_use]
    pub fn pull_secret(self, file: impl AsRef<Path>) -> Self {
        self.set(|options| {
            options.pull_secret = Some(PullSecret::read(file.as_ref()).map_err(|e| e.to_string())?);
            Ok(())
        })
    }

    /// Uses this existing namespace of the context instead of creating one per installation.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        self.set(|options| match &mut options.place {
            ProviderChoice::Named(ProviderSpec::Live {
                place: ClusterSpec::Context { namespace: mine, .. },
                ..
            }) => {
                *mine = Some(namespace.into());
                Ok(())
            }
            _ => Err("a namespace is an option of a context".into()),
        })
    }

    /// Reaches Kestra through this local port instead of a free one.
    #[must_use]
    pub fn local_port(self, port: u16) -> Self {
        self.set(|options| match &mut options.place {
            ProviderChoice::Named(ProviderSpec::Live { local_port, .. }) => {
                *local_port = Some(port);
                Ok(())
            }
            _ => Err("a local port is an option of a context and of kind".into()),
        })
    }

    /// Uses this existing kind cluster instead of creating one.
    #[must_use]
    pub fn kind_cluster(self, name: impl Into<String>) -> Self {
        self.set_kind(|kind| kind.reuse = Some(name.into()))
    }

    /// Makes the kind cluster of this image of a node.
    #[must_use]
    pub fn node_image(self, image: impl Into<String>) -> Self {
        self.set_kind(|kind| kind.node_image = Some(image.into()))
    }

    /// Makes the kind cluster by this configuration.
    #[must_use]
    pub fn kind_config(self, file: impl Into<PathBuf>) -> Self {
        self.set_kind(|kind| kind.config = Some(file.into()))
    }

    /// Runs at most this many installations at a time.
    #[must_use]
    pub fn parallel(mut self, most: usize) -> Self {
        self.options.parallel = Some(most);
        self
    }

    /// Gives every case an installation of its own.
    #[must_use]
    pub fn isolate(mut self) -> Self {
        self.options.isolate = true;
        self
    }

    /// Installs the values as they are, without what a release needs to run small.
    #[must_use]
    pub fn no_defaults(mut self) -> Self {
        self.options.defaults = false;
        self
    }

    /// Makes a scenario that this place cannot run an error; without it, the scenario is skipped.
    #[must_use]
    pub fn no_skip(mut self) -> Self {
        self.options.no_skip = true;
        self
    }

    /// Waits this long for a Kestra to become healthy, in place of 180 s.
    #[must_use]
    pub fn boot_timeout(mut self, longest: Duration) -> Self {
        self.options.boot = longest;
        self
    }

    /// Writes the evidence of cases that fail, and the report in every format, into this folder.
    #[must_use]
    pub fn report(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.report = Some(folder.into());
        self
    }

    fn parsed<T>(self, option: &str, word: &str, put: impl FnOnce(&mut SessionOptions, T)) -> Self
    where
        T: std::str::FromStr<Err = String>,
    {
        self.set(|options| {
            let value = word
                .parse()
                .map_err(|e| format!("cannot read {option} {word:?}: {e}"))?;
            put(options, value);
            Ok(())
        })
    }

    fn set_kind(self, change: impl FnOnce(&mut KindOptions)) -> Self {
        self.set(|options| match &mut options.place {
            ProviderChoice::Named(ProviderSpec::Live {
                place: ClusterSpec::Kind(kind),
                ..
            }) => {
                change(kind);
                Ok(())
            }
            _ => Err("a cluster, a node image and a kind configuration are options of kind".into()),
        })
    }

    fn set(mut self, change: impl FnOnce(&mut SessionOptions) -> Result<(), String>) -> Self {
        if let Err(mistake) = change(&mut self.options) {
            self.mistake.get_or_insert(mistake);
        }
        self
    }

    /// Runs scenarios, and removes all that it made.
    ///
    /// # Errors
    /// [`RunError`] when nothing could be judged; it says nothing about a secret. A wrong value is no error: it is in the
    /// report.
    pub async fn run(&self, scenarios: impl IntoIterator<Item = TestScenario>) -> Result<TestReport, RunError> {
        if let Some(mistake) = &self.mistake {
            return Err(RunError::input(&mistake, None));
        }
        let scenarios: Vec<_> = scenarios.into_iter().map(|scenario| Arc::new(scenario.0)).collect();
        let session = Session::open(self.options.clone(), Arc::new(Silent), CancellationToken::new()).await?;
        let carried_out = match session.plan(&scenarios) {
            Ok(plan) => session.carry_out(plan).await.map_err(RunError::from),
            Err(e) => Err(e.into()),
        };
        session.close().await?;
        let report = carried_out?;
        if let Some(folder) = &self.options.report {
            write(&report, folder).during(format!("write the report into {}", folder.display()))?;
        }
        Ok(TestReport(report))
    }
}

/// Something to run: secrets that are given to Kestra, and what must come out of a flow.
#[derive(Debug, Clone)]
pub struct TestScenario(Scenario);

impl TestScenario {
    /// The name by which the report calls it.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// Reads scenarios by their bundled names, or from files and folders. Without a word, it reads all bundled ones.
///
/// # Errors
/// [`RunError`] when a word names nothing, or a file cannot be read as a scenario; it says where.
///
/// ```
/// # use kestra_secrets::testing;
/// let one = testing::scenarios(&["rotation"]).unwrap();
/// assert_eq!(one[0].name(), "rotation");
/// assert!(!testing::scenarios(&["no-such-scenario"]).unwrap_err().is_infra());
/// ```
pub fn scenarios(words: &[&str]) -> Result<Vec<TestScenario>, RunError> {
    let words: Vec<_> = words.iter().map(ToString::to_string).collect();
    Ok(scenario::load(&words)?.into_iter().map(TestScenario).collect())
}

/// Makes a scenario of secrets, whose plaintexts must reach a flow byte for byte. The plaintexts are private: no report
/// shows them.
///
/// ```
/// # use kestra_secrets::testing::{self, Strategy};
/// let ours = testing::secrets("ours", Strategy::ExtraEnv, [("DB_USER", "kestra"), ("DB_PASSWORD", "correct horse")]);
/// assert_eq!(ours.name(), "ours");
/// ```
pub fn secrets<const N: usize>(name: &str, strategy: Strategy, secrets: [(&str, &str); N]) -> TestScenario {
    let secrets: BTreeMap<_, _> = secrets
        .into_iter()
        .map(|(name, plain)| (name.to_owned(), Plaintext::new(plain, false)))
        .collect();
    let outputs = secrets.iter().map(|(name, plain)| (name.to_lowercase(), plain.clone()));
    let outputs = outputs.collect();
    let given = Input::Intent(Intent {
        chart: None,
        strategy,
        reads: secrets.keys().map(|name| (name.to_lowercase(), name.clone())).collect(),
        secrets: secrets
            .into_iter()
            .map(|(name, plain)| (name, Secret::Plain(plain)))
            .collect(),
        flow: None,
        values: serde_json::Map::new(),
    });
    TestScenario(Scenario::of_outputs("test", name, "Secrets of a test.", given, outputs))
}
