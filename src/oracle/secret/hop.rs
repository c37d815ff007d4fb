//! The way of one secret, hop by hop: what was meant, what the model predicts, and what was observed.

use std::fmt;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::decode::decode_bytes;
use super::{DisplayValue, Location, PREFIX, Plaintext, RunKey, SecretRead, SecretStore, reported};

/// A place where a secret can be looked at, in the order of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HopKind {
    /// What the user means.
    Plaintext,
    /// Base64, as Kestra wants it.
    EncodingForKestra,
    /// Base64 once more, as the `data` of a Secret wants it.
    EncodingForKubernetes,
    /// As written in values.yaml or a manifest.
    ValuesOrManifest,
    /// As the API server holds it: the bytes of a Secret's key, or the value in a pod's spec.
    ApiServer,
    /// As the process finds it.
    Environment,
    /// The bytes that Kestra decodes; never seen by anybody.
    Decoder,
    /// What `secret()` gives to a flow.
    SecretFunction,
}

impl fmt::Display for HopKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plaintext => "plaintext",
            Self::EncodingForKestra => "Base64 for Kestra",
            Self::EncodingForKubernetes => "Base64 for the Secret",
            Self::ValuesOrManifest => "values or manifest",
            Self::ApiServer => "API server",
            Self::Environment => "environment",
            Self::Decoder => "Kestra's decoder",
            Self::SecretFunction => "secret()",
        })
    }
}

/// What is at a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HopValue<V = DisplayValue> {
    /// This value.
    Is(V),
    /// One of these, and nothing says which.
    OneOf(Vec<V>),
    /// Nothing, and why.
    Nothing(String),
}

impl<V: PartialEq> HopValue<V> {
    /// Whether what is here can be the `other`. Nothing is nothing, for whatever reason.
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Is(a), Self::Is(b)) => a == b,
            (Self::Is(one), Self::OneOf(several)) | (Self::OneOf(several), Self::Is(one)) => several.contains(one),
            (Self::OneOf(a), Self::OneOf(b)) => a.iter().any(|one| b.contains(one)),
            (Self::Nothing(_), Self::Nothing(_)) => true,
            (Self::Nothing(_), _) | (_, Self::Nothing(_)) => false,
        }
    }
}

impl HopValue<Plaintext> {
    fn then(&self, f: impl FnOnce(&Plaintext) -> Self) -> Self {
        match self {
            Self::Is(plain) => f(plain),
            Self::OneOf(_) => Self::Nothing("not knowable".into()),
            Self::Nothing(why) => Self::Nothing(why.clone()),
        }
    }

    /// As a report may show it.
    pub fn show(&self, key: &RunKey) -> HopValue {
        match self {
            Self::Is(plain) => HopValue::Is(key.show(plain)),
            Self::OneOf(several) => HopValue::OneOf(several.iter().map(|plain| key.show(plain)).collect()),
            Self::Nothing(why) => HopValue::Nothing(why.clone()),
        }
    }
}

impl From<SecretRead> for HopValue<Plaintext> {
    fn from(read: SecretRead) -> Self {
        match read {
            SecretRead::Text(text) => Self::Is(text),
            SecretRead::OneOf(texts) => Self::OneOf(texts),
            SecretRead::EmptyString => Self::Is(Plaintext::new("", true)),
            SecretRead::Fails(message) => Self::Nothing(message),
        }
    }
}

/// One hop; of plaintexts while they are compared, of what may be shown in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hop<V = DisplayValue> {
    /// Where.
    pub at: HopKind,
    /// What would be here if the plaintext is to arrive; none when nobody said what is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meant: Option<HopValue<V>>,
    /// What must be here by what was given and by the rules of Kubernetes, Java and Kestra; none before
    /// something was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted: Option<HopValue<V>>,
    /// What was seen here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<HopValue<V>>,
}

impl Hop<Plaintext> {
    /// Something was seen here, in the outputs of a task: what should be there is what those show.
    pub fn seen_in_outputs(&mut self, seen: HopValue<Plaintext>, kestra: &Version) {
        for value in [&mut self.meant, &mut self.predicted].into_iter().flatten() {
            if let HopValue::Is(text) = value {
                match reported(text, kestra).as_slice() {
                    [] => {}
                    [one] => *value = HopValue::Is(one.clone()),
                    several => *value = HopValue::OneOf(several.to_vec()),
                }
            }
        }
        self.observed = Some(seen);
    }

    /// As a report may show it.
    pub fn show(&self, key: &RunKey) -> Hop {
        let show = |value: &Option<HopValue<Plaintext>>| value.as_ref().map(|value| value.show(key));
        Hop {
            at: self.at,
            meant: show(&self.meant),
            predicted: show(&self.predicted),
            observed: show(&self.observed),
        }
    }
}

/// The first hop where truth left the plan: what was seen there is not what was predicted, or what is
/// there (as seen, else as predicted) is not what was meant. Where nobody said what is meant, it was not nothing.
pub fn first_wrong<V: PartialEq>(hops: &[Hop<V>]) -> Option<HopKind> {
    let differ = |a: Option<&HopValue<V>>, b: Option<&HopValue<V>>| a.zip(b).is_some_and(|(a, b)| !a.agrees(b));
    let wrong = |hop: &&Hop<V>| {
        let truth = hop.observed.as_ref().or(hop.predicted.as_ref());
        let is_nothing = hop.meant.is_none() && matches!(truth, Some(HopValue::Nothing(_)));
        differ(hop.observed.as_ref(), hop.predicted.as_ref()) || differ(truth, hop.meant.as_ref()) || is_nothing
    };
    hops.iter().find(wrong).map(|hop| hop.at)
}

/// One secret's way from where it was written to a flow.
#[derive(Debug, Clone)]
pub struct Trace<'a> {
    /// The key a flow reads.
    pub key: &'a str,
    /// Where the value was written.
    pub place: Location,
    /// What was written.
    pub written: &'a Plaintext,
    /// What the user means a flow to get, when that is known.
    pub meant: Option<&'a Plaintext>,
    /// What the kubelet makes of it, when its rules were applied to the whole pod; else the same bytes.
    pub environment: Option<&'a Plaintext>,
    /// What Kestra makes of the whole environment, when that is known; else this variable is alone.
    pub secrets: Option<&'a SecretStore>,
}

impl Trace<'_> {
    /// The hops on a Kestra of this version, nothing observed yet.
    ///
    /// A value that leads to the plaintext is meant, however it was encoded: line breaks and missing
    /// padding are no fault. Otherwise what is meant is the plain encoding.
    pub fn hops(&self, kestra: &Version) -> Vec<Hop<Plaintext>> {
        let predicted = self.downstream(self.written, kestra);
        let arrives = |meant: &Plaintext| matches!(predicted.last(), Some((_, HopValue::Is(text))) if text == meant);
        let meant = match self.meant {
            Some(meant) if arrives(meant) => predicted.clone(),
            Some(meant) => Trace {
                environment: None,
                secrets: None,
                ..*self
            }
            .downstream(&self.place.encode(meant), kestra),
            None => Vec::new(),
        };
        let mut hops = self.meant.map(|meant| self.upstream(meant)).unwrap_or_default();
        let mut meant = meant.into_iter();
        for (at, value) in predicted {
            let meant = meant.next().map(|(_, value)| value);
            hops.push(Hop {
                at,
                meant,
                predicted: Some(value),
                observed: None,
            });
        }
        hops
    }

    fn upstream(&self, meant: &Plaintext) -> Vec<Hop<Plaintext>> {
        let hop = |at, value| Hop {
            at,
            meant: Some(HopValue::Is(value)),
            predicted: None,
            observed: None,
        };
        let mut hops = vec![
            hop(HopKind::Plaintext, meant.clone()),
            hop(HopKind::EncodingForKestra, Location::Env.encode(meant)),
        ];
        if self.place == Location::Data {
            hops.push(hop(HopKind::EncodingForKubernetes, Location::Data.encode(meant)));
        }
        hops
    }

    fn downstream(&self, written: &Plaintext, kestra: &Version) -> Vec<(HopKind, HopValue<Plaintext>)> {
        let stored = self.place.environment(written).map_or_else(
            || HopValue::Nothing("the API server refuses the Secret: its data is not Base64".into()),
            HopValue::Is,
        );
        let environment = self
            .environment
            .map_or_else(|| stored.clone(), |value| HopValue::Is(value.clone()));
        let decoder = environment.then(|value| match decode_bytes(value) {
            Ok(bytes) => HopValue::Is(bytes),
            Err(error) => HopValue::Nothing(error.to_string()),
        });
        let text = environment.then(|value| {
            let alone = || SecretStore::from_iter([(format!("{PREFIX}{}", self.key), value.clone())]);
            self.secrets
                .map_or_else(|| alone().secret(self.key, kestra), |all| all.secret(self.key, kestra))
                .into()
        });
        let mut hops = Vec::new();
        if self.place != Location::Env {
            hops.push((HopKind::ValuesOrManifest, HopValue::Is(written.clone())));
            hops.push((HopKind::ApiServer, stored));
        }
        hops.extend([
            (HopKind::Environment, environment),
            (HopKind::Decoder, decoder),
            (HopKind::SecretFunction, text),
        ]);
        hops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Version = Version::new(2, 0, 0);

    fn hops(place: Location, written: &str, meant: Option<&str>) -> Vec<Hop<Plaintext>> {
        let written = written.into();
        let meant = meant.map(Plaintext::from);
        Trace {
            key: "DB_USERNAME",
            place,
            written: &written,
            meant: meant.as_ref(),
            environment: None,
            secrets: None,
        }
        .hops(&NEW)
    }

    fn last(hops: &[Hop<Plaintext>]) -> Option<&HopValue<Plaintext>> {
        hops.last().and_then(|hop| hop.predicted.as_ref())
    }

    #[test]
    fn the_pages_printed_value_leaves_the_plan_in_the_manifest() {
        let hops = hops(Location::Data, "WVdSdGFXNEsK", Some("admin"));
        assert_eq!(last(&hops), Some(&HopValue::Is("admin\n".into())));
        assert_eq!(first_wrong(&hops), Some(HopKind::ValuesOrManifest));
    }

    #[test]
    fn a_value_that_arrives_is_as_meant_however_it_was_encoded() {
        for written in ["WVdSdGFXND0=", "WVdSdGFXND0K", "WVdS\ndGFX\nND0=\n"] {
            let hops = hops(Location::Data, written, Some("admin"));
            assert_eq!(last(&hops), Some(&HopValue::Is("admin".into())));
            assert_eq!(first_wrong(&hops), None);
        }
    }

    #[test]
    fn observed_outputs_are_compared_as_outputs_show_them() {
        for (seen, wrong) in [("ab", None), ("a\0b", Some(HopKind::SecretFunction))] {
            let mut hops = hops(Location::Values, "YQBi", Some("a\0b"));
            let last = hops.last_mut().unwrap();
            last.seen_in_outputs(HopValue::Is(seen.into()), &NEW);
            assert_eq!(last.predicted, Some(HopValue::Is("ab".into())));
            assert_eq!(first_wrong(&hops), wrong);
        }
    }

    #[test]
    fn an_unpredicted_observation_is_wrong_even_if_nobody_said_what_is_meant() {
        let mut hops = hops(Location::Values, "YWRtaW4=", None);
        assert_eq!(first_wrong(&hops), None);
        for hop in &mut hops {
            hop.observed = match hop.at {
                HopKind::Environment => Some(HopValue::Is("YWRtaW4K".into())),
                HopKind::SecretFunction => Some(HopValue::Is("admin\n".into())),
                _ => None,
            };
        }
        assert_eq!(first_wrong(&hops), Some(HopKind::Environment));
    }

    #[test]
    fn observations_take_precedence_over_predictions() {
        let mut hops = hops(Location::Env, "YWRtaW4=", Some("admin"));
        if let Some(hop) = hops.last_mut() {
            hop.observed = Some(HopValue::Nothing("Cannot find secret for key 'DB_USERNAME'.".into()));
        }
        assert_eq!(first_wrong(&hops), Some(HopKind::SecretFunction));
    }

    #[test]
    fn the_api_server_refuses_data_that_is_not_base64() {
        let hops = hops(Location::Data, "adm", None);
        let at = |at| {
            hops.iter()
                .find(|hop| hop.at == at)
                .and_then(|hop| hop.predicted.as_ref())
        };
        assert!(matches!(at(HopKind::ApiServer), Some(HopValue::Nothing(why)) if why.contains("refuses")));
        assert!(matches!(at(HopKind::SecretFunction), Some(HopValue::Nothing(_))));
    }

    #[test]
    fn a_report_shows_no_plaintext_and_can_be_read_again() {
        let key = RunKey::random();
        let hops: Vec<Hop> = hops(Location::Data, "WVdSdGFXNEsK", Some("admin"))
            .iter()
            .map(|hop| hop.show(&key))
            .collect();
        let json = serde_json::to_string(&hops).unwrap();
        assert!(!json.contains("admin") && !json.contains("YWRt") && !json.contains("WVdS"));
        assert_eq!(serde_json::from_str::<Vec<Hop>>(&json).unwrap(), hops);
        assert_eq!(first_wrong(&hops), Some(HopKind::ValuesOrManifest));
    }
}
