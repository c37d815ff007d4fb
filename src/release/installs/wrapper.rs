//! A chart with Kestra's among its dependencies: its values stand under the dependency's name, or its alias.

use super::{Files, Install, InstallKind, KestraChart, values_of};
use crate::release::document::Document;
use crate::release::tree::Id;

/// The installs that a `Chart.yaml` describes: one for each dependency that is Kestra's chart and each file of values
/// beside it. `values.yaml` is below every other.
pub(super) fn installs<'a>(files: &Files<'_, 'a>, doc: Document<'a>, root: Id) -> Vec<Install<'a>> {
    let beside = |other: &&Document| {
        let folder = |doc: &Document| {
            doc.source
                .path
                .as_deref()
                .and_then(|path| path.parent().map(ToOwned::to_owned))
        };
        let stem = other.source.path.as_deref().and_then(|path| path.file_stem()?.to_str());
        !other.is_embedded() && folder(other) == folder(&doc) && stem.is_some_and(|stem| stem.starts_with("values"))
    };
    let values: Vec<Document> = files.documents.iter().filter(beside).copied().collect();
    let (base, others): (Vec<_>, Vec<_>) = values.into_iter().partition(|values| values.is_called("values"));
    let mut all = Vec::new();
    for dependency in doc.items_at(root, &["dependencies"]) {
        let Some((name, chart)) = doc
            .text_at(*dependency, &["name"])
            .and_then(|name| Some((name, KestraChart::named(name)?)))
        else {
            continue;
        };
        let key = doc.text_at(*dependency, &["alias"]).unwrap_or(name);
        let install = |layers: &[Document<'a>]| {
            let mut install = Install::new(InstallKind::Wrapper, doc);
            install.version = doc.text_at(*dependency, &["version"]);
            for (values, root) in layers.iter().copied().filter_map(values_of) {
                install.around.push((values.at(root), key));
                if let Some(below) = values.tree.get(root, key) {
                    install.layer(values, below, chart);
                }
            }
            install
        };
        all.push(install(&base));
        all.extend(others.iter().map(|other| install(&[&base[..], &[*other]].concat())));
    }
    all
}
