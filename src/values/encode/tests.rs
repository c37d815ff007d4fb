use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::PodSpec;
use proptest::prelude::{ProptestConfig, any, proptest};
use semver::Version;

use super::*;
use crate::oracle::environment::api_server::{Admitted, admit};
use crate::oracle::environment::{ClusterFacts, Objects, Pod};
use crate::oracle::secret::diagnosis::of_pod;
use crate::oracle::secret::{SecretRead, SecretStore};
use crate::system::yaml;

/// What accidents happen to.
const HARD: [&str; 20] = [
    "admin",
    "password",
    "",
    " ",
    "  leading",
    "trailing \n",
    "a\nb\n",
    "a\r\nb\r\n",
    "it's \"quoted\"",
    "$(HOME) $$ $A",
    "emoji \u{1f5dd} \u{e9} \u{5bc6}",
    "true",
    "0123",
    "1e10",
    "null",
    "a: b # c",
    "{{ .Values }}",
    "a,b=c",
    "\0\u{7f}\u{85}\u{2028}",
    "YWRtaW4=",
];

const STRATEGIES: [Strategy; 3] = [Strategy::ExtraEnv, Strategy::ExtraEnvFrom, Strategy::SecretKeyRef];
const GENERATIONS: [Generation; 3] = [Generation::V0, Generation::V1, Generation::V2];

fn order(strategy: Strategy, generation: Generation, plaintexts: &[String]) -> Order {
    let mut secrets = Secrets::default();
    for (n, plain) in plaintexts.iter().enumerate() {
        // Names that a YAML parser could take for something else.
        let name = ["NO", "y", "null", "TRUE", "Off", "_", "X1", "0x1F"]
            .get(n)
            .map_or(format!("KEY_{n}"), ToString::to_string);
        secrets.add(&name, Some(plain.as_str().into())).unwrap();
    }
    Order {
        strategy,
        generation,
        object: "db-creds".into(),
        producer: Producer::Plain,
        secrets,
    }
}

/// The container that a chart of the generation makes of the values.
fn container(values: &str, generation: Generation) -> Value {
    let values: Value = yaml::from_str(values).unwrap();
    let (shared, from) = match generation {
        Generation::V0 => (&values, "extraSecretEnvFrom"),
        _ => (&values["common"], "extraEnvFrom"),
    };
    let list = |key: &str| shared[key].as_array().cloned().unwrap_or_default();
    let env_from = list(from).into_iter().map(|entry| match generation {
        Generation::V0 => json!({"secretRef": entry}),
        _ => entry,
    });
    assert!(plan::ignored(&Plaintext::new(values.to_string(), true), generation).is_empty());
    json!({
        "name": "kestra",
        "command": ["sh", "-c", "exec /app/kestra"],
        "env": list("extraEnv"),
        "envFrom": env_from.collect::<Vec<_>>(),
    })
}

/// What Kestra has in the end, by the model of the API server, the kubelet and the decoder.
fn keyring(values: &str, secret: Option<Value>, generation: Generation) -> SecretStore {
    let spec: PodSpec = serde_json::from_value(json!({"containers": [container(values, generation)]})).unwrap();
    let secret = secret.map(|secret| match admit(&secret).unwrap() {
        Admitted::Secret(secret) => secret,
        other => panic!("{other:?}"),
    });
    let (objects, facts) = (Objects::new(secret, None, None), ClusterFacts::default());
    let pod = Pod {
        spec: &spec,
        objects: &objects,
        facts: &facts,
    };
    assert_eq!(of_pod(&pod, &spec.containers[0], &[]), []);
    let environment = pod.environment(&spec.containers[0], &["HOME=/root".into()]).unwrap();
    let argv = environment.command(&spec.containers[0]).argv(&[], &[]);
    assert_eq!(environment.faults(&argv), []);
    let variables = environment.behind(&argv).variables;
    variables
        .iter()
        .map(|v| (v.name.as_str(), v.value.as_bytes()))
        .collect()
}

fn assert_carried(order: &Order, keyring: &SecretStore) {
    for (key, plain) in &order.secrets.0 {
        let read = keyring.secret(key, &Version::new(2, 0, 0));
        assert_eq!(
            read,
            SecretRead::Text(plain.clone().unwrap()),
            "{key} by {} on {}",
            order.strategy,
            order.generation
        );
    }
}

fn carries(plaintexts: &[String]) {
    for strategy in STRATEGIES {
        for generation in GENERATIONS {
            let order = order(strategy, generation, plaintexts);
            let EncodedDocuments { values, manifest } = order.documents().unwrap();
            let secret = manifest.map(|text| yaml::from_str(&text).unwrap());
            assert_eq!(secret.is_some(), strategy != Strategy::ExtraEnv);
            assert_carried(&order, &keyring(&values, secret, generation));
        }
    }
}

#[test]
fn hard_plaintexts_come_out_byte_for_byte_by_every_strategy_and_generation() {
    carries(&HARD.map(str::to_owned));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_plaintext_comes_out_byte_for_byte(plaintexts in proptest::collection::vec(any::<String>(), 1..4)) {
        carries(&plaintexts);
    }
}

#[test]
fn external_secrets_makes_the_same_secret_of_the_stores_plaintexts() {
    for (strategy, key) in [
        (Strategy::ExtraEnvFrom, None),
        (Strategy::SecretKeyRef, Some("kestra/prod".to_owned())),
    ] {
        let store = Store {
            kind: "ClusterSecretStore".into(),
            name: "vault".into(),
            key: key.clone(),
        };
        let order = Order {
            producer: Producer::ExternalSecrets(store),
            ..order(strategy, Generation::V1, &HARD.map(str::to_owned))
        };
        let EncodedDocuments { values, manifest } = order.documents().unwrap();
        let manifest: Value = yaml::from_str(&manifest.unwrap()).unwrap();
        assert!(!manifest.to_string().contains("YWRtaW4"), "a plaintext is written");
        let spec = &manifest["spec"];
        // What the operator does: it fetches each plaintext, runs the template, and stores what comes out.
        let fetched: BTreeMap<&str, &Plaintext> = (spec["data"].as_array().unwrap().iter())
            .map(|one| {
                let (name, remote) = (one["secretKey"].as_str().unwrap(), &one["remoteRef"]);
                let stored = match &key {
                    Some(key) if remote["key"] == **key => remote["property"].as_str(),
                    _ => remote["key"].as_str(),
                };
                (name, order.secrets.0[stored.unwrap()].as_ref().unwrap())
            })
            .collect();
        let rendered = spec["target"]["template"]["data"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, template)| {
                let name = template
                    .as_str()
                    .unwrap()
                    .strip_prefix("{{ .")
                    .unwrap()
                    .strip_suffix(" | b64enc }}")
                    .unwrap();
                (key.clone(), STANDARD.encode(fetched[name].bytes()).into())
            });
        let string_data: Map<String, Value> = rendered.collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": spec["target"]["name"]}, "stringData": string_data,
        });
        assert_carried(&order, &keyring(&values, Some(secret), Generation::V1));
    }
}

#[test]
fn what_cannot_be_carried_is_refused_and_not_shown() {
    let one = |name: &str, plain: &[u8]| {
        Secrets::default()
            .add(name, Some(plain.into()))
            .map_err(|e| format!("{e:?}"))
    };
    assert_eq!(one("SECRET_DB", b"x").unwrap(), "DB");
    let long = vec![b'h'; 100_000];
    for (name, plain) in [
        ("", &b"hidden"[..]),
        ("SECRET_", b"hidden"),
        ("MY-KEY", b"hidden"),
        ("A.B", b"hidden"),
        ("A B", b"hidden"),
        ("\u{e9}", b"hidden"),
        ("BINARY", b"hidden\xff"),
        ("LONG", &long),
    ] {
        let told = one(name, plain).unwrap_err();
        assert!(!told.contains("hid") && !told.contains("hhh"), "{told}");
    }
    let mut twice = Secrets::default();
    twice.add("key", None).unwrap();
    assert!(twice.add("SECRET_KEY", None).is_err());

    let much = |count: usize| vec!["h".repeat(90_000); count];
    assert!(order(Strategy::ExtraEnv, Generation::V1, &much(12)).documents().is_ok());
    assert!(
        order(Strategy::ExtraEnv, Generation::V1, &much(20))
            .documents()
            .is_err()
    );
    assert!(
        order(Strategy::ExtraEnvFrom, Generation::V1, &much(8))
            .documents()
            .is_ok()
    );
    assert!(
        order(Strategy::ExtraEnvFrom, Generation::V1, &much(9))
            .documents()
            .is_err()
    );
}
