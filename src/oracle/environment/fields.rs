//! `fieldRef` and `resourceFieldRef`: `podFieldSelectorRuntimeValue`, `ExtractFieldPathAsString` and
//! `ExtractContainerResourceValue`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::quantity::{NANO, ceil, nano};
use super::{Halt, Pod};

/// The value of a pod's field.
pub(super) fn field(pod: &Pod<'_>, path: &str) -> Result<String, Halt> {
    let facts = pod.facts;
    let known = |value: Option<&String>| {
        value
            .cloned()
            .ok_or_else(|| Halt::not_modelled(format!("fieldRef {path}"), "it is known on a node alone"))
    };
    let all = |ips: &[String]| known((!ips.is_empty()).then(|| ips.join(",")).as_ref());
    match path {
        "metadata.name" => Ok(facts.name.clone()),
        "metadata.namespace" => Ok(facts.namespace.clone()),
        "metadata.uid" => known(facts.uid.as_ref()),
        "metadata.labels" => Ok(format_map(&facts.labels)),
        "metadata.annotations" => Ok(format_map(&facts.annotations)),
        "spec.nodeName" => known(pod.spec.node_name.as_ref().or(facts.node_name.as_ref())),
        // The ServiceAccount admission plugin fills it in.
        "spec.serviceAccountName" => {
            let name = pod.spec.service_account_name.as_deref();
            Ok(name.filter(|name| !name.is_empty()).unwrap_or("default").into())
        }
        "status.podIP" => known(facts.pod_ips.first()),
        "status.podIPs" => all(&facts.pod_ips),
        "status.hostIP" => known(facts.host_ips.first()),
        "status.hostIPs" => all(&facts.host_ips),
        _ => match subscript(path) {
            // A key that is not there is the empty value.
            Some(("metadata.labels", key)) => Ok(facts.labels.get(key).cloned().unwrap_or_default()),
            Some(("metadata.annotations", key)) => Ok(facts.annotations.get(key).cloned().unwrap_or_default()),
            _ => Err(Halt::not_modelled(
                format!("fieldRef {path}"),
                "the kubelet knows no such field",
            )),
        },
    }
}

/// `SplitMaybeSubscriptedPath`: `metadata.labels['key']`.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

/// `fieldpath.FormatMap`: a line a key, sorted, the value quoted as Go quotes.
fn format_map(map: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}={}", quote(value)))
        .collect();
    lines.join("\n")
}

/// `strconv.Quote`, but for the rarer characters outside ASCII that Go holds unprintable.
fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if c.is_ascii_control() => out += &format!("\\x{:02x}", u32::from(c)),
            c if c.is_control() => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A limit or request of a container, in units of the divisor, rounded up.
///
/// A limit that is not set is the pod's own, or else the node's allocatable amount
/// (`defaultPodLimitsForDownwardAPI`); a request that is not set is 0.
pub(super) fn resource(pod: &Pod<'_>, container: &Container, selector: &ResourceFieldSelector) -> Result<String, Halt> {
    let what = || format!("resourceFieldRef {}", selector.resource);
    let container = match selector.container_name.as_deref() {
        None | Some("") => container,
        Some(name) => pod
            .container(name)
            .ok_or_else(|| Halt::config(format!("container {name} not found")))?,
    };
    let (side, name) = selector.resource.split_once('.').unwrap_or_default();
    if !matches!(name, "cpu" | "memory" | "ephemeral-storage") {
        return Err(Halt::not_modelled(what(), "only cpu, memory and ephemeral-storage are"));
    }
    let own = container.resources.as_ref();
    let of = |list: Option<&BTreeMap<String, Quantity>>| {
        let quantity = list.and_then(|list| list.get(name));
        quantity.map(|quantity| {
            nano(quantity).ok_or_else(|| Halt::not_modelled(what(), format!("{:?} is no quantity", quantity.0)))
        })
    };
    let nonzero = |amount: &Result<i128, Halt>| !matches!(amount, Ok(0));
    let amount = match side {
        "requests" => of(own.and_then(|own| own.requests.as_ref())).unwrap_or(Ok(0)),
        "limits" => {
            let pod_level = pod.spec.resources.as_ref().and_then(|r| r.limits.as_ref());
            of(own.and_then(|own| own.limits.as_ref()))
                .filter(nonzero)
                .or_else(|| of(pod_level).filter(nonzero))
                .or_else(|| of(Some(&pod.facts.allocatable)))
                .unwrap_or_else(|| {
                    let why = "no limit is set, so it is what the node can allocate";
                    Err(Halt::not_modelled(what(), why))
                })
        }
        _ => Err(Halt::not_modelled(what(), "only limits and requests are")),
    }?;
    let divisor = match &selector.divisor {
        None => NANO,
        Some(divisor) => match nano(divisor) {
            Some(0) => NANO,
            Some(nano) if nano > 0 => nano,
            _ => return Err(Halt::not_modelled(what(), "its divisor is no quantity")),
        },
    };
    // Go rounds both up to the smallest unit it counts in before it divides.
    let unit = if name == "cpu" { NANO / 1000 } else { NANO };
    let (amount, divisor) = (ceil(amount, unit), ceil(divisor, unit));
    Ok(ceil(amount, divisor).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{ClusterFacts, Objects};
    use super::*;
    use k8s_openapi::api::core::v1::PodSpec;
    use serde_json::json;

    fn ask(path: &str, facts: &ClusterFacts) -> Result<String, Halt> {
        let (spec, objects) = (PodSpec::default(), Objects::default());
        let pod = Pod {
            spec: &spec,
            objects: &objects,
            facts,
        };
        field(&pod, path)
    }

    #[test]
    fn fields_come_from_the_facts_and_unknown_ones_are_not_invented() {
        let facts = ClusterFacts {
            name: "kestra-0".into(),
            labels: [("a.b/c".into(), "x \"y\"\n".into()), ("z".into(), String::new())].into(),
            pod_ips: vec!["10.0.0.1".into(), "fd00::1".into()],
            ..ClusterFacts::default()
        };
        for (path, expected) in [
            ("metadata.name", "kestra-0"),
            ("metadata.labels", "a.b/c=\"x \\\"y\\\"\\n\"\nz=\"\""),
            ("metadata.labels['a.b/c']", "x \"y\"\n"),
            ("metadata.labels['none']", ""),
            ("metadata.annotations", ""),
            ("spec.serviceAccountName", "default"),
            ("status.podIP", "10.0.0.1"),
            ("status.podIPs", "10.0.0.1,fd00::1"),
        ] {
            assert_eq!(ask(path, &facts), Ok(expected.into()), "{path}");
        }
        for path in [
            "metadata.uid",
            "spec.nodeName",
            "status.hostIP",
            "status.hostIPs",
            "status.phase",
        ] {
            assert!(matches!(ask(path, &facts), Err(Halt::NotModelled { .. })), "{path}");
        }
    }

    #[test]
    fn resources_round_up_to_the_divisor() {
        let spec: PodSpec = serde_json::from_value(json!({"containers": [{"name": "c", "resources": {
            "limits": {"cpu": "1500m", "memory": "1.5Gi"}, "requests": {"memory": "1e3"},
        }}]}))
        .unwrap();
        let objects = Objects::default();
        let facts = ClusterFacts {
            allocatable: [("ephemeral-storage".into(), Quantity("100k".into()))].into(),
            ..ClusterFacts::default()
        };
        let pod = Pod {
            spec: &spec,
            objects: &objects,
            facts: &facts,
        };
        let ask = |resource: &str, divisor: &str| {
            let divisor = Some(Quantity(divisor.into()));
            let selector = ResourceFieldSelector {
                container_name: None,
                divisor,
                resource: resource.into(),
            };
            super::resource(&pod, &spec.containers[0], &selector)
        };
        for (resource, divisor, expected) in [
            ("limits.cpu", "0", "2"),
            ("limits.cpu", "1m", "1500"),
            ("limits.memory", "1", "1610612736"),
            ("limits.memory", "1Mi", "1536"),
            ("limits.memory", "1G", "2"),
            ("limits.ephemeral-storage", "1", "100000"),
            ("requests.memory", "1", "1000"),
            ("requests.cpu", "1", "0"),
        ] {
            assert_eq!(ask(resource, divisor), Ok(expected.into()), "{resource} {divisor}");
        }
        assert!(ask("limits.hugepages-2Mi", "1").is_err());
        assert!(ask("limits.cpu", "x").is_err());
    }
}
