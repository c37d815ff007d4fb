//! From files to installs: which chart of which version gets which values, in which namespace.

mod argo;
mod flux;
mod helmfile;
mod kustomize;
mod wrapper;

use super::document::{Document, NodeRef};
use super::embedded::{EmbeddedYaml, manifests};
use super::tree::Id;
use super::walk::plain_path;
use crate::scenario::Generation;

pub use argo::sources as argo_sources;

/// What describes an install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallKind {
    /// Flux's resource.
    HelmRelease,
    /// Argo CD's, or one that an `ApplicationSet` makes.
    Application,
    /// `helmCharts` of a kustomization.
    Kustomization,
    /// A chart that has Kestra's among its dependencies.
    Wrapper,
    /// A release of a helmfile.
    Helmfile,
}

impl InstallKind {
    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::HelmRelease => "the HelmRelease",
            Self::Application => "the Application",
            Self::Kustomization => "the kustomization",
            Self::Wrapper => "Chart.yaml",
            Self::Helmfile => "the helmfile",
        }
    }
}

/// One value set by its path, as `--set` does.
#[derive(Debug, Clone, Copy)]
pub struct SetValue<'a> {
    /// `common.extraEnv[0].value`.
    pub path: &'a str,
    /// Where the value is written; none if it is elsewhere.
    pub value: Option<NodeRef>,
    /// Where the setting is written.
    pub at: NodeRef,
}

/// One install of Kestra's chart, as files describe it.
#[derive(Debug, Clone)]
pub struct Install<'a> {
    /// What describes it.
    pub kind: InstallKind,
    /// The number of the file that describes it.
    pub file: usize,
    /// The version of Kestra's chart, as it is written.
    pub version: Option<&'a str>,
    /// The namespace that it goes to, where one is written.
    pub namespace: Option<&'a str>,
    /// Kestra's values, in the order in which helm merges them.
    pub layers: Vec<NodeRef>,
    /// What is set after them.
    pub set: Vec<SetValue<'a>>,
    /// Whether these are all its values.
    pub whole: bool,
    /// Values of a chart around Kestra's that must stand under a key, and the key.
    pub around: Vec<(NodeRef, &'a str)>,
}

impl<'a> Install<'a> {
    fn new(kind: InstallKind, described_in: Document) -> Self {
        Self {
            kind,
            file: described_in.file,
            version: None,
            namespace: None,
            layers: Vec::new(),
            set: Vec::new(),
            whole: false,
            around: Vec::new(),
        }
    }

    /// Adds values that stand at the root of `doc`: Kestra's own, or those of kestra-starter, which has Kestra's below.
    fn layer(&mut self, doc: Document<'a>, root: Id, chart: KestraChart) {
        match chart {
            KestraChart::Itself => self.layers.push(doc.at(root)),
            KestraChart::Starter => self.nested(doc, root, "kestra"),
        }
    }

    fn nested(&mut self, doc: Document<'a>, root: Id, key: &'a str) {
        self.around.push((doc.at(root), key));
        self.layers.extend(doc.tree.get(root, key).map(|below| doc.at(below)));
    }

    /// Takes values that may not be among the files.
    fn layer_if_found(&mut self, found: Option<ValuesRoot<'a>>, chart: KestraChart) {
        match found {
            Some((doc, root)) => self.layer(doc, root, chart),
            None => self.whole = false,
        }
    }

    /// What an entry of a list sets: its path stands under `key`, the value under `value`.
    fn set_by(&mut self, doc: Document<'a>, entry: Id, key: &str) {
        let path = doc.tree.get(entry, key);
        self.set.extend(path.and_then(|path| {
            Some(SetValue {
                path: doc.tree.text(path)?,
                value: doc.tree.get(entry, "value").map(|value| doc.at(value)),
                at: doc.at(path),
            })
        }));
    }

    /// The generation of the chart, by its version.
    pub fn generation(&self) -> Option<Generation> {
        generation_of(self.version?)
    }
}

/// Which of the two charts of Kestra's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KestraChart {
    Itself,
    /// kestra-starter, which has Kestra's chart as a dependency.
    Starter,
}

impl KestraChart {
    /// By a chart's name, with a repository or a registry before it.
    fn named(chart: &str) -> Option<Self> {
        let last = chart.rsplit('/').next().unwrap_or(chart);
        match last.split(':').next().unwrap_or(last) {
            "kestra" => Some(Self::Itself),
            "kestra-starter" => Some(Self::Starter),
            _ => None,
        }
    }
}

/// The generation of a version or of a range of them, by the first number that it names. A range that begins with `<`
/// says nothing.
pub fn generation_of(version: &str) -> Option<Generation> {
    let version = version.trim().trim_start_matches(['^', '~', '=', '>', 'v', ' ']);
    let major = version.split(['.', '-', '+', ' ', ',', '|']).next()?;
    let major: u64 = major.parse().ok()?;
    Some(match major {
        0 => Generation::V0,
        1 => Generation::V1,
        _ => Generation::V2,
    })
}

/// All installs that the documents describe: files, and after them `inside`, the texts within these.
pub fn installs<'a>(documents: &[Document<'a>], inside: &[EmbeddedYaml]) -> Vec<Install<'a>> {
    let files = Files { documents, inside };
    let mut all = Vec::new();
    for doc in documents.iter().filter(|doc| !doc.is_embedded()) {
        for root in manifests(*doc) {
            match doc.text_at(root, &["kind"]) {
                Some("HelmRelease") => all.extend(flux::release(&files, *doc, root)),
                Some("Application" | "ApplicationSet") => all.extend(argo::applications(&files, *doc, root)),
                Some(kind) if kind != "Kustomization" => {}
                _ if doc.is_called("Chart") => all.extend(wrapper::installs(&files, *doc, root)),
                _ if doc.is_called("helmfile") => all.extend(helmfile::releases(&files, *doc, root)),
                _ if doc.tree.get(root, "helmCharts").is_some() => {
                    all.extend(kustomize::charts(&files, *doc, root));
                }
                _ => {}
            }
        }
    }
    all
}

/// The files beside these that they name: the number of the file that names it, and its path.
pub fn named_files(documents: &[Document]) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for doc in documents {
        for root in manifests(*doc) {
            let names = match doc.text_at(root, &["kind"]) {
                Some(kind) if kind != "Kustomization" => Vec::new(),
                _ if doc.is_called("helmfile") => helmfile::files(*doc, root),
                _ => kustomize::files(*doc, root),
            };
            all.extend(names.into_iter().map(|name| (doc.file, name.to_owned())));
        }
    }
    all
}

/// The documents, by what names them.
struct Files<'d, 'a> {
    documents: &'d [Document<'a>],
    inside: &'d [EmbeddedYaml<'d>],
}

impl<'a> Files<'_, 'a> {
    /// The values in a file beside `doc`.
    fn beside(&self, doc: Document<'a>, file: &str) -> Option<ValuesRoot<'a>> {
        let path = plain_path(doc.source.path.as_deref()?.with_file_name(file));
        let is_it = |other: &&Document| {
            other
                .source
                .path
                .as_deref()
                .is_some_and(|other| plain_path(other) == path)
        };
        let mut files = self.documents.iter().filter(|doc| !doc.is_embedded());
        values_of(*files.find(is_it)?)
    }

    /// The values that are the text of a scalar.
    fn in_scalar(&self, holder: NodeRef) -> Option<ValuesRoot<'a>> {
        let number = self.inside.iter().position(|text| text.holder == holder)?;
        let files = self.documents.len() - self.inside.len();
        values_of(*self.documents.get(files + number)?)
    }

    /// The values in the file whose path ends so; none if several do.
    fn ending(&self, tail: &str) -> Option<ValuesRoot<'a>> {
        let tail = plain_path(tail);
        let mut all = self.documents.iter().filter(|doc| {
            let path = doc.source.path.as_deref();
            !doc.is_embedded() && path.is_some_and(|path| plain_path(path).ends_with(&tail))
        });
        let first = all.next().copied().filter(|_| all.next().is_none());
        values_of(first?)
    }
}

/// A document, and the mapping in it that holds values.
type ValuesRoot<'a> = (Document<'a>, Id);

/// The values of a document: its first root, if that is a mapping.
fn values_of(doc: Document<'_>) -> Option<ValuesRoot<'_>> {
    let root = doc.tree.roots.first().copied();
    Some((doc, root.filter(|root| doc.tree.is_map(*root))?))
}

#[cfg(test)]
mod tests;
