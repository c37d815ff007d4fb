//! Where a value comes from, as the report shows it.

use super::report::{OriginKind, VariableOrigin};
use crate::lint::finding::printable_name;
use crate::oracle::environment::{EnvironmentEntry, ObjectKind, ObjectRef, VariableSource};

/// An origin without an object.
pub(super) fn bare(kind: OriginKind) -> VariableOrigin {
    VariableOrigin {
        kind,
        object: None,
        key: None,
        prefix: None,
        entry: None,
    }
}

/// The origin of a variable.
pub(super) fn origin(source: &VariableSource) -> VariableOrigin {
    let entry = EnvironmentEntry::from_source(source).map(|entry| entry.to_string());
    let of_object = |object: &ObjectRef, key: &str, prefix: Option<&str>| VariableOrigin {
        object: Some(object.name.clone()),
        key: Some(printable_name(key).into()),
        prefix: prefix
            .filter(|prefix| !prefix.is_empty())
            .map(|prefix| printable_name(prefix).into()),
        entry: entry.clone(),
        ..bare(match object.kind {
            ObjectKind::Secret => OriginKind::Secret,
            ObjectKind::ConfigMap => OriginKind::ConfigMap,
        })
    };
    match source {
        VariableSource::Runtime | VariableSource::ImageEnv => bare(OriginKind::Image),
        VariableSource::ServiceLink { service } => VariableOrigin {
            object: Some(service.clone()),
            ..bare(OriginKind::ServiceLink)
        },
        VariableSource::EnvFrom {
            object, key, prefix, ..
        } => of_object(object, key, Some(prefix)),
        VariableSource::EnvKey { object, key, .. } => of_object(object, key, None),
        VariableSource::Env { .. } => VariableOrigin {
            entry,
            ..bare(OriginKind::Value)
        },
        VariableSource::EnvField { .. } => VariableOrigin {
            entry,
            ..bare(OriginKind::Field)
        },
    }
}
