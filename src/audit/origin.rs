//! Where a value comes from, as a report tells it.

use super::report::{Origin, OriginKind};
use crate::lint::finding::shown;
use crate::oracle::environment::{Entry, ObjectKind, ObjectRef, Source};

/// An origin of which there is no more to tell.
pub(super) fn bare(kind: OriginKind) -> Origin {
    Origin {
        kind,
        object: None,
        key: None,
        prefix: None,
        entry: None,
    }
}

/// As a report tells it.
pub(super) fn origin(source: &Source) -> Origin {
    let entry = Entry::of(source).map(|entry| entry.to_string());
    let of_object = |object: &ObjectRef, key: &str, prefix: Option<&str>| Origin {
        object: Some(object.name.clone()),
        key: Some(shown(key).into()),
        prefix: prefix
            .filter(|prefix| !prefix.is_empty())
            .map(|prefix| shown(prefix).into()),
        entry: entry.clone(),
        ..bare(match object.kind {
            ObjectKind::Secret => OriginKind::Secret,
            ObjectKind::ConfigMap => OriginKind::ConfigMap,
        })
    };
    match source {
        Source::Runtime | Source::ImageEnv => bare(OriginKind::Image),
        Source::ServiceLink { service } => Origin {
            object: Some(service.clone()),
            ..bare(OriginKind::ServiceLink)
        },
        Source::EnvFrom {
            object, key, prefix, ..
        } => of_object(object, key, Some(prefix)),
        Source::EnvKey { object, key, .. } => of_object(object, key, None),
        Source::Env { .. } => Origin {
            entry,
            ..bare(OriginKind::Value)
        },
        Source::EnvField { .. } => Origin {
            entry,
            ..bare(OriginKind::Field)
        },
    }
}
