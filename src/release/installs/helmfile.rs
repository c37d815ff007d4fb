//! helmfile: the part of it that no template makes.

use super::{Files, Install, InstallKind, KestraChart};
use crate::release::document::Document;
use crate::release::tree::Id;

/// The releases of Kestra's chart.
pub(super) fn releases<'a>(files: &Files<'_, 'a>, doc: Document<'a>, root: Id) -> Vec<Install<'a>> {
    let releases = doc.items_at(root, &["releases"]).iter();
    let installs = releases.filter_map(|release| {
        let chart = KestraChart::named(doc.text_at(*release, &["chart"])?)?;
        let mut install = Install::new(InstallKind::Helmfile, doc);
        install.version = doc.text_at(*release, &["version"]);
        install.namespace = doc.text_at(*release, &["namespace"]);
        // Environments and bases may add to it.
        install.whole = false;
        for values in doc.items_at(*release, &["values"]) {
            if doc.tree.is_map(*values) {
                install.layer(doc, *values, chart);
            } else if let Some((found, root)) = doc.tree.text(*values).and_then(|file| files.beside(doc, file)) {
                install.layer(found, root, chart);
            }
        }
        for set in doc.items_at(*release, &["set"]) {
            install.set_by(doc, *set, "name");
        }
        Some(install)
    });
    installs.collect()
}

/// The files of values that a helmfile names.
pub(super) fn files(doc: Document<'_>, root: Id) -> Vec<&str> {
    let releases = doc.items_at(root, &["releases"]).iter();
    let values = releases.flat_map(|release| doc.items_at(*release, &["values"]));
    values.filter_map(|file| doc.tree.text(*file)).collect()
}
