//! Samples into as few installations as the limits allow, and their documents.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::sample::{Carrier, Sample, SampleVariable, SecretField};
use crate::oracle::environment::MAX_EXEC_BYTES;
use crate::oracle::environment::api_server::MAX_SIZE;
use crate::oracle::secret::Plaintext;
use crate::plan::{EnvFrom, IntentDocuments, environment_values, written};
use crate::scenario::{Generation, Manifest};

/// What is left of an environment to what is not ours: the image's own variables, the Services' and the
/// command.
const OTHERS: usize = 96 * 1024;

/// The most that the chart's values may take: helm keeps them twice, compressed, in a Secret of 1 MiB.
const VALUES: usize = 256 * 1024;

/// What a Secret's key takes beside its value, in what the API server keeps about who set it.
const KEY: usize = 64;

/// Samples that one environment can hold.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// In the order of the set.
    pub samples: Vec<Sample>,
    /// Whether they are meant to keep the pod from running.
    pub held: bool,
    keys: HashSet<String>,
    size: usize,
    values: usize,
}

/// Arranges samples, each into the first installation that has room for it.
pub fn pack(samples: impl IntoIterator<Item = Sample>) -> Vec<Batch> {
    let mut packs: Vec<Batch> = Vec::new();
    for sample in samples {
        if let Some(pack) = packs.iter_mut().find(|pack| pack.has_room(&sample)) {
            pack.add(sample);
        } else {
            let mut pack = Batch::default();
            pack.add(sample);
            packs.push(pack);
        }
    }
    packs
}

impl Batch {
    /// The same, meant to keep the pod from running.
    pub(super) fn holding(self) -> Self {
        Self { held: true, ..self }
    }

    fn has_room(&self, sample: &Sample) -> bool {
        self.size + sample.size() <= MAX_EXEC_BYTES - OTHERS
            && self.values + values_size(sample) <= VALUES
            && !sample.keys().any(|key| self.keys.contains(&key))
    }

    fn add(&mut self, sample: Sample) {
        self.size += sample.size();
        self.values += values_size(&sample);
        self.keys.extend(sample.keys());
        self.samples.push(sample);
    }

    /// Values and manifests that carry the samples to a release.
    pub fn documents(&self, generation: Generation) -> IntentDocuments {
        let mut env = Vec::new();
        let mut secrets: Vec<SecretDraft> = Vec::new();
        let mut singles: Vec<SecretDraft> = Vec::new();
        for variable in self.samples.iter().flat_map(|s| &s.variables) {
            let name = &variable.name;
            match variable.carrier {
                Carrier::Value => env.push(json!({
                    "name": name, "value": String::from_utf8_lossy(variable.text.bytes()),
                })),
                Carrier::EnvFrom(field) => drop(put(&mut secrets, "all", name, variable, field)),
                Carrier::KeyRef(field) => {
                    let key = format!("key-{}", env.len());
                    let object = put(&mut singles, "single", &key, variable, field);
                    env.push(json!({"name": name, "valueFrom": {"secretKeyRef": {"name": object, "key": key}}}));
                }
                Carrier::Nowhere => env.push(json!({"name": name, "valueFrom": {"secretKeyRef": {
                    "name": "prove-nowhere", "key": "nothing", "optional": true,
                }}})),
            }
        }
        let whole: Vec<_> = secrets.iter().map(|object| EnvFrom::Secret(&object.name)).collect();
        IntentDocuments {
            tree: environment_values(env, &whole, generation),
            public: true,
            manifests: secrets.iter().chain(&singles).map(SecretDraft::manifest).collect(),
        }
    }
}

/// What a sample takes of the values, roughly: an entry of `env`.
fn values_size(sample: &Sample) -> usize {
    let entry = |v: &SampleVariable| match v.carrier {
        Carrier::Value => 32 + v.name.len() + v.text.bytes().len(),
        Carrier::KeyRef(_) | Carrier::Nowhere => 128 + v.name.len(),
        Carrier::EnvFrom(_) => 0,
    };
    sample.variables.iter().map(entry).sum()
}

/// A Secret under construction.
struct SecretDraft {
    name: String,
    size: usize,
    data: Map<String, Value>,
    string_data: Map<String, Value>,
}

/// Writes a variable into the first Secret that has room for it and does not have the key yet, so that of two
/// sources of one name the later one stands in a later Secret; gives the Secret's name.
fn put(objects: &mut Vec<SecretDraft>, name: &str, key: &str, variable: &SampleVariable, field: SecretField) -> String {
    let bytes = variable.text.bytes();
    let size = KEY + key.len() + bytes.len();
    let has_room =
        |o: &SecretDraft| o.size + size <= MAX_SIZE && !o.data.contains_key(key) && !o.string_data.contains_key(key);
    let at = objects.iter().position(has_room).unwrap_or_else(|| {
        objects.push(SecretDraft {
            name: format!("prove-{name}-{}", objects.len()),
            size: 0,
            data: Map::new(),
            string_data: Map::new(),
        });
        objects.len() - 1
    });
    let object = &mut objects[at];
    object.size += size;
    match field {
        SecretField::StringData => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            object.string_data.insert(key.to_owned(), text.into());
        }
        SecretField::Data => drop(object.data.insert(key.to_owned(), STANDARD.encode(bytes).into())),
        SecretField::WrappedData => {
            let encoded = STANDARD.encode(bytes);
            let wrapped: String = encoded
                .as_bytes()
                .chunks(76)
                .flat_map(|line| [String::from_utf8_lossy(line), "\n".into()])
                .collect();
            object.data.insert(key.to_owned(), wrapped.into());
        }
    }
    object.name.clone()
}

impl SecretDraft {
    fn manifest(&self) -> Manifest {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": self.name},
            "data": self.data, "stringData": self.string_data,
        });
        Manifest {
            file: format!("Secret/{}", self.name),
            text: Plaintext::new(written(&object), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate;
    use super::*;
    use crate::oracle::environment::api_server::{Admitted, admit};

    fn secrets(documents: &IntentDocuments) -> Vec<k8s_openapi::api::core::v1::Secret> {
        let admitted = documents.manifests.iter().map(|m| {
            let document: Value = serde_json::from_slice(m.text.bytes()).unwrap();
            match admit(&document) {
                Ok(Admitted::Secret(secret)) => secret,
                other => panic!("{}: {other:?}", m.file),
            }
        });
        admitted.collect()
    }

    #[test]
    fn two_thousand_fit_in_one_installation() {
        assert_eq!(pack(generate(42, 2000)).len(), 1);
    }

    #[test]
    fn the_api_server_takes_every_secret_and_no_text_is_changed() {
        for pack in pack(generate(1, 4000)) {
            let secrets = secrets(&pack.documents(Generation::V1));
            let from_all = |name: &str| {
                secrets
                    .iter()
                    .rev()
                    .filter(|s| s.metadata.name.as_deref().is_some_and(|n| n.starts_with("prove-all")))
                    .find_map(|s| s.data.as_ref()?.get(name).map(|b| b.0.clone()))
            };
            for sample in &pack.samples {
                let [variable] = &sample.variables[..] else { continue };
                if let Carrier::EnvFrom(_) = variable.carrier {
                    assert_eq!(
                        from_all(&variable.name).as_deref(),
                        Some(variable.text.bytes()),
                        "{}",
                        sample.describe()
                    );
                }
            }
        }
    }

    #[test]
    fn what_claims_one_key_is_kept_apart() {
        let set = generate(1, 3);
        let twice = set.iter().chain(&set).cloned();
        let packs = pack(twice);
        assert_eq!(packs.len(), 2);
        assert_eq!(packs[0].samples, packs[1].samples);
    }

    #[test]
    fn no_environment_is_larger_than_the_kernel_takes() {
        let packs = pack(generate(9, 6000));
        assert!(packs.len() > 1);
        for pack in packs {
            assert!(pack.samples.iter().map(Sample::size).sum::<usize>() <= MAX_EXEC_BYTES - OTHERS);
        }
    }

    #[test]
    fn of_two_sources_the_later_stands_in_a_later_secret() {
        let variable = |text: &str| SampleVariable {
            name: "SECRET_A".into(),
            carrier: Carrier::EnvFrom(SecretField::Data),
            text: Plaintext::new(text, true),
        };
        let mut objects = Vec::new();
        for text in ["one", "two"] {
            put(&mut objects, "all", "SECRET_A", &variable(text), SecretField::Data);
        }
        assert_eq!(
            objects.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(),
            ["prove-all-0", "prove-all-1"]
        );
        assert_eq!(objects[1].data["SECRET_A"], "dHdv");
    }
}
