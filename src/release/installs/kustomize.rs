//! kustomize: `helmCharts`.

use super::{Files, Install, InstallKind, KestraChart, ValuesRoot};
use crate::release::document::Document;
use crate::release::tree::Id;

/// The installs of Kestra's chart in a kustomization.
pub(super) fn charts<'a>(files: &Files<'_, 'a>, doc: Document<'a>, root: Id) -> Vec<Install<'a>> {
    let charts = doc.items_at(root, &["helmCharts"]).iter();
    let installs = charts.filter_map(|chart| {
        let named = KestraChart::named(doc.text_at(*chart, &["name"])?)?;
        let mut install = Install::new(InstallKind::Kustomization, doc);
        install.version = doc.text_at(*chart, &["version"]);
        let own = doc.text_at(*chart, &["namespace"]);
        install.namespace = own.or_else(|| doc.text_at(root, &["namespace"]));
        install.whole = true;
        let mut layers: Vec<ValuesRoot> = Vec::new();
        for file in value_files(doc, *chart) {
            let found = files.beside(doc, file);
            install.whole &= found.is_some();
            layers.extend(found);
        }
        if let Some(inline) = doc.tree.get(*chart, "valuesInline") {
            // `merge` lets the file win over what stands in the kustomization, `override` and no word the other way.
            match doc.text_at(*chart, &["valuesMerge"]) {
                Some("merge") => layers.insert(0, (doc, inline)),
                Some("replace") => layers = vec![(doc, inline)],
                _ => layers.push((doc, inline)),
            }
        }
        for (values, root) in layers {
            install.layer(values, root, named);
        }
        Some(install)
    });
    installs.collect()
}

fn value_files(doc: Document<'_>, chart: Id) -> impl Iterator<Item = &str> {
    let more = doc.items_at(chart, &["additionalValuesFiles"]).iter();
    let more = more.filter_map(move |file| doc.tree.text(*file));
    doc.text_at(chart, &["valuesFile"]).into_iter().chain(more)
}

/// The files of values that a kustomization names.
pub(super) fn files(doc: Document<'_>, root: Id) -> Vec<&str> {
    let charts = doc.items_at(root, &["helmCharts"]).iter();
    charts.flat_map(|chart| value_files(doc, *chart)).collect()
}
