//! What the API server makes of a manifest before any kubelet sees it: the Secret or `ConfigMap` as
//! it is stored, or the words with which it refuses.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Map, Value};

use super::{go_base64, names};

/// Most that the values of one Secret or one `ConfigMap` may hold together, in bytes
/// (`core.MaxSecretSize`).
pub const MAX_SIZE: usize = 1024 * 1024;

/// A manifest that the API server takes, as it stores it.
pub enum Admitted {
    /// `data` decoded, `stringData` merged over it.
    Secret(Secret),
    /// `data` and `binaryData`.
    ConfigMap(ConfigMap),
    /// Another kind, which this module does not read.
    Other,
}

/// Names the object and none of its values.
impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(secret) => write!(f, "Secret({:?})", secret.metadata.name),
            Self::ConfigMap(map) => write!(f, "ConfigMap({:?})", map.metadata.name),
            Self::Other => f.write_str("Other"),
        }
    }
}

/// The API server's refusal of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The server's words to a create or an update. (Server-side apply words a wrong *type*
    /// differently; `illegal base64 data` it words the same.)
    pub message: String,
}

/// Reads one manifest as the API server does on create.
///
/// A Secret and a `ConfigMap` of `v1` are decoded with Go's rules (`sigs.k8s.io/json` into the API
/// type) and then validated (`ValidateSecret`, `ValidateConfigMap`: names, keys, total size; not the
/// fields that some Secret types require). Keys are read in sorted order, which is the order helm
/// and kubectl send, so that of several faults the same one is named.
pub fn admit(manifest: &Value) -> Result<Admitted, Refused> {
    let Some(object) = manifest.as_object() else {
        return Ok(Admitted::Other);
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    match (text("apiVersion"), text("kind")) {
        (Some("v1"), Some("Secret")) => secret(object).map(Admitted::Secret),
        (Some("v1"), Some("ConfigMap")) => config_map(object).map(Admitted::ConfigMap),
        _ => Ok(Admitted::Other),
    }
}

/// Merges `stringData` over `data` and drops it, as `Convert_v1_Secret_To_core_Secret` does.
pub fn stored(mut secret: Secret) -> Secret {
    if let Some(plain) = secret.string_data.take() {
        let data = secret.data.get_or_insert_default();
        data.extend(
            plain
                .into_iter()
                .map(|(key, text)| (key, ByteString(text.into_bytes()))),
        );
    }
    secret
}

fn secret(object: &Map<String, Value>) -> Result<Secret, Refused> {
    let fields = Fields { kind: "Secret", object };
    let data = fields.read("data", "[]uint8", bytes)?;
    let mut secret: Secret = fields.rest()?;
    let plain = fields.read("stringData", "string", string)?;
    secret.data = Some(data.into_iter().map(|(k, v)| (k, ByteString(v))).collect());
    secret.string_data = Some(plain);
    let secret = stored(secret);

    let mut faults = name_faults(secret.metadata.name.as_deref());
    let data = secret.data.iter().flatten();
    faults.extend(data.clone().flat_map(|(key, _)| key_faults("data", key)));
    if data.map(|(_, value)| value.0.len()).sum::<usize>() > MAX_SIZE {
        faults.push(too_long("data"));
    }
    fields.valid(&faults)?;
    Ok(secret)
}

fn config_map(object: &Map<String, Value>) -> Result<ConfigMap, Refused> {
    let fields = Fields {
        kind: "ConfigMap",
        object,
    };
    let binary = fields.read("binaryData", "[]uint8", bytes)?;
    let data = fields.read("data", "string", string)?;
    let mut map: ConfigMap = fields.rest()?;

    let mut faults = name_faults(map.metadata.name.as_deref());
    for key in data.keys() {
        faults.extend(key_faults("data", key));
        if binary.contains_key(key) {
            let why = "duplicate of key present in binaryData";
            faults.push(invalid(&format!("data[{key}]"), key, why));
        }
    }
    faults.extend(binary.keys().flat_map(|key| key_faults("binaryData", key)));
    let size = data.values().map(String::len).sum::<usize>() + binary.values().map(Vec::len).sum::<usize>();
    if size > MAX_SIZE {
        faults.push(too_long("[]"));
    }
    fields.valid(&faults)?;
    map.data = Some(data);
    map.binary_data = Some(binary.into_iter().map(|(k, v)| (k, ByteString(v))).collect());
    Ok(map)
}

/// The top-level fields of a manifest of one kind.
struct Fields<'m> {
    kind: &'static str,
    object: &'m Map<String, Value>,
}

impl Fields<'_> {
    /// The map under `field`, each value read by `read`; an absent or null map is empty.
    fn read<T>(
        &self,
        field: &str,
        value_type: &'static str,
        read: fn(&Value) -> Result<T, AdmissionFault>,
    ) -> Result<BTreeMap<String, T>, Refused> {
        let fault = |fault| self.unreadable(&self.words(field, &fault));
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(map)) => {
                let sorted: BTreeMap<_, _> = map.iter().collect();
                sorted
                    .into_iter()
                    .map(|(key, value)| Ok((key.clone(), read(value)?)))
                    .collect::<Result<_, AdmissionFault>>()
                    .map_err(fault)
            }
            Some(other) => Err(fault(AdmissionFault::Type {
                found: json_type(other),
                wanted: format!("map[string]{value_type}"),
            })),
        }
    }

    /// Everything but the maps, by the API type's own decoder. Its words are not Go's.
    fn rest<T: serde::de::DeserializeOwned>(&self) -> Result<T, Refused> {
        let rest = self
            .object
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "data" | "stringData" | "binaryData"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        serde_json::from_value(Value::Object(rest)).map_err(|e| self.unreadable(&e.to_string()))
    }

    fn words(&self, field: &str, fault: &AdmissionFault) -> String {
        match fault {
            AdmissionFault::Base64(offset) => format!("illegal base64 data at input byte {offset}"),
            AdmissionFault::Type { found, wanted } => format!(
                "json: cannot unmarshal {found} into Go struct field {}.{field} of type {wanted}",
                self.kind
            ),
        }
    }

    /// `transformDecodeError`.
    fn unreadable(&self, why: &str) -> Refused {
        let kind = self.kind;
        Refused {
            message: format!("{kind} in version \"v1\" cannot be handled as a {kind}: {why}"),
        }
    }

    /// `errors.NewInvalid`.
    fn valid(&self, faults: &[String]) -> Result<(), Refused> {
        let why = match faults {
            [] => return Ok(()),
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let name = self.object.get("metadata").and_then(|m| m.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default();
        Err(Refused {
            message: format!("{} {name:?} is invalid: {why}", self.kind),
        })
    }
}

enum AdmissionFault {
    Base64(usize),
    Type { found: String, wanted: String },
}

/// A Go `[]byte`: Base64 text, or, oddly, an array of numbers.
fn bytes(value: &Value) -> Result<Vec<u8>, AdmissionFault> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => go_base64::decode(text).map_err(AdmissionFault::Base64),
        Value::Array(items) => items.iter().map(byte).collect(),
        other => Err(AdmissionFault::Type {
            found: json_type(other),
            wanted: "[]uint8".into(),
        }),
    }
}

fn byte(value: &Value) -> Result<u8, AdmissionFault> {
    let fault = |found| AdmissionFault::Type {
        found,
        wanted: "uint8".into(),
    };
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u8::try_from(number).ok())
            // Go would name the number, which is a piece of the secret.
            .ok_or_else(|| fault("number".into())),
        other => Err(fault(json_type(other))),
    }
}

fn string(value: &Value) -> Result<String, AdmissionFault> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        other => Err(AdmissionFault::Type {
            found: json_type(other),
            wanted: "string".into(),
        }),
    }
}

/// What Go's `UnmarshalTypeError` calls a JSON value.
fn json_type(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
    .into()
}

fn name_faults(name: Option<&str>) -> Vec<String> {
    match name {
        None | Some("") => {
            vec!["metadata.name: Required value: name or generateName is required".into()]
        }
        Some(name) => names::subdomain_faults(name)
            .iter()
            .map(|why| invalid("metadata.name", name, why))
            .collect(),
    }
}

fn key_faults(field: &str, key: &str) -> impl Iterator<Item = String> {
    names::config_map_key_faults(key)
        .into_iter()
        .map(move |why| invalid(&format!("{field}[{key}]"), key, &why))
}

fn invalid(path: &str, value: &str, why: &str) -> String {
    format!("{path}: Invalid value: {value:?}: {why}")
}

fn too_long(path: &str) -> String {
    format!("{path}: Too long: may not be more than {MAX_SIZE} bytes")
}

#[cfg(test)]
mod tests;
