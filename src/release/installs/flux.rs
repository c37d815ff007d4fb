//! Flux: `HelmRelease`.

use super::{Files, Install, InstallKind, KestraChart, ValuesRoot};
use crate::release::document::Document;
use crate::release::tree::Id;

/// The install that a `HelmRelease` of Kestra's chart is.
pub(super) fn release<'a>(files: &Files<'_, 'a>, doc: Document<'a>, root: Id) -> Option<Install<'a>> {
    let chart = ["chart", "spec", "chart"];
    let reference = ["chartRef", "name"];
    let spec = doc.tree.get(root, "spec")?;
    let name = doc.text_at(spec, &chart).or_else(|| doc.text_at(spec, &reference));
    let chart = KestraChart::named(name?)?;
    let mut install = Install::new(InstallKind::HelmRelease, doc);
    install.version = doc.text_at(spec, &["chart", "spec", "version"]);
    let own = doc.text_at(root, &["metadata", "namespace"]);
    install.namespace = doc.text_at(spec, &["targetNamespace"]).or(own);
    install.whole = true;
    for item in doc.items_at(spec, &["valuesFrom"]) {
        if doc.tree.get(*item, "targetPath").is_some() {
            install.set_by(doc, *item, "targetPath");
        } else {
            install.layer_if_found(referred(files, doc, *item), chart);
        }
    }
    if let Some(values) = doc.tree.get(spec, "values") {
        install.layer(doc, values, chart);
    }
    Some(install)
}

/// The values that one entry of `valuesFrom` names, if the object is among the files.
fn referred<'a>(files: &Files<'_, 'a>, doc: Document<'a>, item: Id) -> Option<ValuesRoot<'a>> {
    let kind = doc.text_at(item, &["kind"])?;
    let name = doc.text_at(item, &["name"])?;
    let key = doc.text_at(item, &["valuesKey"]).unwrap_or("values.yaml");
    for other in files.documents.iter().filter(|doc| !doc.is_embedded()) {
        for root in super::manifests(*other) {
            let is_it = other.text_at(root, &["kind"]) == Some(kind)
                && other.text_at(root, &["metadata", "name"]) == Some(name);
            if !is_it {
                continue;
            }
            let held = ["stringData", "data"]
                .iter()
                .find_map(|field| other.tree.at(root, &[field, key]));
            if let Some(found) = held.and_then(|id| files.in_scalar(other.at(id))) {
                return Some(found);
            }
        }
    }
    None
}
