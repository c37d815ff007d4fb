//! Argo CD: `Application`, and the template of an `ApplicationSet`.

use super::{Files, Install, InstallKind, KestraChart};
use crate::release::document::Document;
use crate::release::tree::Id;

/// The sources of an Application, or of the template of an `ApplicationSet`.
pub fn sources(doc: Document, root: Id) -> Vec<Id> {
    spec(doc, root)
        .map(|spec| {
            let one = doc.tree.get(spec, "source");
            one.into_iter()
                .chain(doc.items_at(spec, &["sources"]).iter().copied())
                .collect()
        })
        .unwrap_or_default()
}

fn spec(doc: Document, root: Id) -> Option<Id> {
    let template = ["spec", "template", "spec"];
    match doc.text_at(root, &["kind"]) {
        Some("ApplicationSet") => doc.tree.at(root, &template),
        _ => doc.tree.get(root, "spec"),
    }
}

/// The installs of Kestra's chart among an Application's sources.
pub(super) fn applications<'a>(files: &Files<'_, 'a>, doc: Document<'a>, root: Id) -> Vec<Install<'a>> {
    let namespace = spec(doc, root).and_then(|spec| doc.text_at(spec, &["destination", "namespace"]));
    let installs = sources(doc, root).into_iter().filter_map(|source| {
        let install = application(files, doc, source)?;
        Some(Install { namespace, ..install })
    });
    installs.collect()
}

fn application<'a>(files: &Files<'_, 'a>, doc: Document<'a>, source: Id) -> Option<Install<'a>> {
    let chart = KestraChart::named(doc.text_at(source, &["chart"])?)?;
    let mut install = Install::new(InstallKind::Application, doc);
    install.version = doc.text_at(source, &["targetRevision"]);
    install.whole = true;
    for file in doc.items_at(source, &["helm", "valueFiles"]) {
        let path = doc.tree.text(*file).unwrap_or_default();
        // `$values/…` begins at the root of another repository, which is anywhere here.
        let in_repository = path.strip_prefix('$').and_then(|path| path.split_once('/'));
        install.layer_if_found(in_repository.and_then(|(_, path)| files.ending(path)), chart);
    }
    if let Some(values) = doc.tree.at(source, &["helm", "values"]) {
        install.layer_if_found(files.in_scalar(doc.at(values)), chart);
    }
    if let Some(values) = doc.tree.at(source, &["helm", "valuesObject"]) {
        install.layer(doc, values, chart);
    }
    for parameter in doc.items_at(source, &["helm", "parameters"]) {
        install.set_by(doc, *parameter, "name");
    }
    Some(install)
}
