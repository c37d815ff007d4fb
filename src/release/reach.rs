//! Where marks come out of a rendered chart: in the environment of which containers, in another object, or nowhere.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::marking::mark_text;

/// Where one secret goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The containers that have it in their environment.
    pub containers: Vec<ContainerRef>,
    /// Other objects that hold it, such as `Secret kestra-extra`.
    pub objects: Vec<String>,
}

/// A container of a rendered workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRef {
    /// The workload, as `Deployment kestra-standalone`.
    pub workload: String,
    /// The label `app.kubernetes.io/component` of its pods.
    pub component: Option<String>,
    /// The name of the container.
    pub name: String,
    /// Whether it runs Kestra.
    pub is_kestra: bool,
}

impl Reach {
    /// Whether the chart makes nothing at all of it.
    pub fn is_nowhere(&self) -> bool {
        self.containers.is_empty() && self.objects.is_empty()
    }

    /// Whether it is in the environment of a container that runs Kestra.
    pub fn is_in_kestra(&self) -> bool {
        self.containers.iter().any(|container| container.is_kestra)
    }
}

/// What a rendered chart says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenderedReach {
    /// Where each mark goes, by its number.
    pub marks: Vec<Reach>,
    /// All containers that run Kestra.
    pub kestras: Vec<ContainerRef>,
}

/// Finds so many marks among rendered objects.
pub fn reach(objects: &[Value], marks: usize) -> RenderedReach {
    let mut found = RenderedReach {
        marks: vec![Reach::default(); marks],
        kestras: Vec::new(),
    };
    for object in objects {
        let text = |key: &str| object.pointer(key).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}", text("/kind"), text("/metadata/name"));
        found.search(object, &Surroundings::new(&name));
    }
    found
}

/// What stands around a text.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    object: &'a str,
    component: Option<&'a str>,
    container: Option<&'a ContainerRef>,
    in_environment: bool,
}

impl<'a> Surroundings<'a> {
    fn new(object: &'a str) -> Self {
        Self {
            object,
            component: None,
            container: None,
            in_environment: false,
        }
    }
}

impl RenderedReach {
    fn search(&mut self, value: &Value, around: &Surroundings) {
        match value {
            Value::String(text) => self.text(text, around),
            Value::Array(items) => items.iter().for_each(|item| self.search(item, around)),
            Value::Object(map) => {
                let label = value.pointer("/metadata/labels/app.kubernetes.io~1component");
                let around = Surroundings {
                    component: label.and_then(Value::as_str).or(around.component),
                    ..*around
                };
                for (key, below) in map {
                    match (key.as_str(), below) {
                        ("containers" | "initContainers", Value::Array(items)) => {
                            for item in items {
                                self.container(item, key == "containers", &around);
                            }
                        }
                        ("env" | "envFrom", _) if around.container.is_some() => {
                            let around = Surroundings {
                                in_environment: true,
                                ..around
                            };
                            self.search(below, &around);
                        }
                        _ => self.search(below, &around),
                    }
                }
            }
            _ => {}
        }
    }

    fn container(&mut self, item: &Value, runs_on: bool, around: &Surroundings) {
        let container = ContainerRef {
            workload: around.object.to_owned(),
            component: around.component.map(ToOwned::to_owned),
            name: item["name"].as_str().unwrap_or_default().to_owned(),
            is_kestra: runs_on && runs_kestra(item["image"].as_str(), words(item)),
        };
        let around = Surroundings {
            container: Some(&container),
            ..*around
        };
        self.search(item, &around);
        if container.is_kestra {
            self.kestras.push(container);
        }
    }

    /// A text, also one that holds a mark in Base64, as a chart writes the values of a Secret.
    fn text(&mut self, text: &str, around: &Surroundings) {
        self.note(text, around);
        if let Ok(decoded) = BASE64_STANDARD.decode(text) {
            self.note(&String::from_utf8_lossy(&decoded), around);
        }
    }

    fn note(&mut self, text: &str, around: &Surroundings) {
        for (at, prefix) in text.match_indices("ksm") {
            let digits = text.get(at + prefix.len()..at + mark_text(0).len());
            let number = digits.and_then(|digits| digits.parse::<usize>().ok());
            let Some(reach) = number.and_then(|number| self.marks.get_mut(number)) else {
                continue;
            };
            match around.container.filter(|_| around.in_environment) {
                Some(container) if !reach.containers.contains(container) => reach.containers.push(container.clone()),
                None if !reach.objects.iter().any(|object| object == around.object) => {
                    reach.objects.push(around.object.to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Whether a container runs Kestra, by its image, or by the words of its command and arguments.
pub fn runs_kestra<'t>(image: Option<&str>, words: impl IntoIterator<Item = &'t str>) -> bool {
    let mut words = words.into_iter();
    image.is_some_and(|image| image.contains("kestra"))
        || words.any(|word| word.contains("/app/kestra") || word.contains("kestra server"))
}

/// The words of a rendered container's command and arguments.
fn words(container: &Value) -> impl Iterator<Item = &str> {
    let lists = ["command", "args"]
        .into_iter()
        .filter_map(|key| container[key].as_array());
    lists.flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_is_found_in_an_environment_a_secret_or_nowhere() {
        let pod = json!({
            "metadata": {"labels": {"app.kubernetes.io/component": "worker"}},
            "spec": {
                "initContainers": [{"name": "wait", "image": "kestra/kestra", "env": [{"name": "SECRET_A", "value": "ksm00000"}]}],
                "containers": [
                    {"name": "worker", "image": "kestra/kestra", "args": ["ksm00003"],
                     "env": [{"name": "SECRET_A", "value": "ksm00000"}],
                     "envFrom": [{"secretRef": {"name": "ksm00001"}}]},
                    {"name": "dind", "image": "docker:dind", "env": [{"name": "SECRET_C", "value": "ksm00004"}]},
                ],
            },
        });
        let objects = [
            json!({"kind": "Deployment", "metadata": {"name": "k"}, "spec": {"template": pod}}),
            json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"SECRET_B": BASE64_STANDARD.encode("x ksm00002")}}),
        ];
        let found = reach(&objects, 6);
        let containers = |mark: usize| -> Vec<(&str, bool)> {
            let containers = found.marks[mark].containers.iter();
            containers.map(|c| (c.name.as_str(), c.is_kestra)).collect()
        };
        assert_eq!(containers(0), [("wait", false), ("worker", true)]);
        assert_eq!(containers(1), [("worker", true)]);
        assert_eq!(found.marks[2].objects, ["Secret s"]);
        assert_eq!(found.marks[3].objects, ["Deployment k"], "no environment holds it");
        assert_eq!(containers(4), [("dind", false)]);
        assert!(found.marks[5].is_nowhere());
        assert_eq!(found.kestras.len(), 1);
        assert_eq!(found.kestras[0].component.as_deref(), Some("worker"));
    }
}
