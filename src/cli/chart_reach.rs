//! `lint --chart`: asks the chart itself where each secret goes.

use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::interrupt;
use super::sessions::EarlyExit;
use crate::error::{During as _, InfraError};
use crate::lint::{self, ChartReach, LintOptions, Linted, MarkedRelease};
use crate::oracle::secret::Plaintext;
use crate::release::input::SourceFile;
use crate::release::reach::reach;
use crate::release::walk::{LARGEST, UnreadFile};
use crate::system::redact::Redactor;
use crate::tools::helm::{Added, Bundled, Chart, ChartRef, Helm, RenderError};
use crate::tools::toolbox::{Tool, Toolbox};

/// The name that releases are rendered under: no file says theirs.
const RELEASE: &str = "kestra";
/// The namespace of a release that names none.
const NAMESPACE: &str = "default";

/// Lints the files by what the chart makes of their values.
///
/// # Errors
/// [`EarlyExit`] when the chart is none, or helm fails.
pub async fn run(
    files: &[String],
    mut options: LintOptions,
    asked: &ChartRef,
) -> Result<(Vec<SourceFile>, Linted), EarlyExit> {
    if let ChartRef::Path(path) = asked
        && !path.exists()
    {
        let help =
            "--chart takes a folder with Chart.yaml, an archive made by `helm package`, oci://…, official or bundled";
        return Err(miette::miette!(help = help, "there is no chart at {}", path.display()).into());
    }
    let renderer = Renderer::open(asked, interrupt::token()?).await?;
    options.generation = options.generation.or(match asked {
        ChartRef::Bundled(Bundled::Only(generation)) => Some(*generation),
        // The version of another chart says nothing of Kestra's.
        _ => renderer.chart.generation.filter(|_| renderer.is_kestras_own()),
    });
    let inputs = lint::read(files, LARGEST);
    let mut reached = ChartReach::new(renderer.chart.to_string());
    for release in lint::releases(&inputs.sources, options) {
        match renderer.render(&release).await {
            Ok(objects) => {
                let found = reach(&objects, release.marks.len());
                reached.add(release.marks, found);
            }
            Err(RenderError::Refused(words)) => reached.unrendered.push(UnreadFile {
                file: release.file,
                why: format!(
                    "{} refuses its values, so the keys alone were judged: {words}",
                    renderer.chart
                ),
                instead: "name all files that helm gets, in its order".into(),
            }),
            Err(error) => return Err(EarlyExit::Infra(InfraError::caused_by("render the chart", error))),
        }
    }
    let linted = lint::lint_rendered(&inputs.sources, options, &reached);
    Ok(lint::with_inputs(inputs, linted))
}

/// Helm with a chart.
struct Renderer {
    helm: Helm,
    chart: Chart,
    redactor: Redactor,
    /// Goes when dropped.
    _folder: TempDir,
}

impl Renderer {
    async fn open(asked: &ChartRef, cancel: CancellationToken) -> Result<Self, EarlyExit> {
        let open = async {
            let toolbox = Toolbox::from_env(cancel.clone()).during("look for tools")?;
            let found = toolbox.find(Tool::Helm).await.during("look for helm")?;
            let folder = tempfile::tempdir().map_err(|e| InfraError::new("make a temporary folder", e))?;
            let redactor = Redactor::default();
            let helm = Helm::new(&found, folder.path(), &redactor, cancel);
            let chart = helm.chart(asked).await.during("get the chart")?;
            Ok(Self {
                helm,
                chart,
                redactor,
                _folder: folder,
            })
        };
        open.await.map_err(EarlyExit::Infra)
    }

    /// Whether it is Kestra's chart, or our own that plays it, and none around it.
    fn is_kestras_own(&self) -> bool {
        ["kestra", "kestra-minimal"].contains(&self.chart.name.as_str())
    }

    async fn render(&self, release: &MarkedRelease) -> Result<Vec<Value>, RenderError> {
        let values = match &release.around {
            Some(around) if !self.is_kestras_own() => around,
            _ => &release.own,
        };
        // Secrets are marked, but whatever else is in the values is nobody's to read in an error.
        hide(&self.redactor, values);
        let added = Added {
            beneath: self.chart.with_generation(None, release.generation),
            above: None,
        };
        let namespace = release.namespace.as_deref().unwrap_or(NAMESPACE);
        let values = Plaintext::new(values.to_string(), false);
        self.helm
            .manifests(&self.chart, RELEASE, namespace, &added, &values)
            .await
    }
}

/// Texts shorter than this are words such as `true`, and hiding them would hide what helm says.
const SHORTEST: usize = 6;

fn hide(redactor: &Redactor, value: &Value) {
    match value {
        Value::String(text) if text.len() >= SHORTEST => redactor.add(text),
        Value::Array(items) => items.iter().for_each(|item| hide(redactor, item)),
        Value::Object(map) => map.values().for_each(|value| hide(redactor, value)),
        _ => {}
    }
}
