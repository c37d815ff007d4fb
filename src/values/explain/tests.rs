use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::system::redact::Redactor;

fn question(place: Location, value: &[u8]) -> Question {
    Question {
        name: Some("SECRET_DB_USERNAME".into()),
        place,
        value: Plaintext::new(value, true),
        meant: None,
        kestra: Version::new(2, 0, 0),
    }
}

fn explained(question: Question) -> Explanation {
    explain(&[question], &RunKey::random()).values.remove(0)
}

fn at(explanation: &Explanation, at: HopKind) -> Option<HopValue> {
    explanation
        .hops
        .iter()
        .find(|hop| hop.at == at)
        .and_then(|hop| hop.predicted.clone())
}

fn text(text: &str) -> HopValue {
    HopValue::Is(DisplayValue::Public(text.into()))
}

#[test]
fn the_pages_value_is_followed_from_its_plaintext_to_the_flow() {
    let explanation = explained(question(Location::Data, b"WVdSdGFXNEsK"));
    let hops: Vec<HopKind> = explanation.hops.iter().map(|hop| hop.at).collect();
    assert_eq!(
        hops,
        [
            HopKind::Plaintext,
            HopKind::EncodingForKestra,
            HopKind::EncodingForKubernetes,
            HopKind::ValuesOrManifest,
            HopKind::ApiServer,
            HopKind::Environment,
            HopKind::Decoder,
            HopKind::SecretFunction,
        ]
    );
    assert_eq!(at(&explanation, HopKind::Environment), Some(text("YWRtaW4K\n")));
    assert_eq!(at(&explanation, HopKind::SecretFunction), Some(text("admin\n")));
    assert_eq!(explanation.first_wrong, Some(HopKind::ValuesOrManifest));
    assert_eq!(
        explanation.corrected,
        Some(DisplayValue::Public(b"WVdSdGFXND0=".into()))
    );
    assert_eq!(
        (explanation.right, explanation.meant),
        (false, Some(ExpectedValue::Guessed))
    );
}

#[test]
fn a_value_is_right_only_when_a_flow_gets_what_is_meant() {
    for (value, meant, right) in [
        ("YWRtaW4=", None, true),
        ("YWRtaW4=", Some("admin"), true),
        ("YWRtaW4=", Some("root"), false),
        ("YWRtaW4=\n", Some("admin"), true),
        ("admin", None, false),
        ("admin", Some("admin"), false),
        ("", None, true),
        ("", Some(""), true),
    ] {
        let question = Question {
            meant: meant.map(|meant| Plaintext::new(meant, true)),
            ..question(Location::Values, value.as_bytes())
        };
        assert_eq!(explained(question).right, right, "{value:?} {meant:?}");
    }
}

#[test]
fn what_never_reaches_kestra_is_nothing_from_there_on() {
    let named = |name: &str| {
        explained(Question {
            name: Some(name.into()),
            ..question(Location::Env, b"YWRtaW4=")
        })
    };
    for (name, right, there) in [
        ("SECRET_MY-KEY", "SECRET_MY_KEY", false),
        ("secret_KEY", "SECRET_KEY", true),
        ("KEY", "SECRET_KEY", true),
    ] {
        let explanation = named(name);
        assert_eq!(explanation.corrected_name.as_deref(), Some(right));
        let environment = at(&explanation, HopKind::Environment);
        assert_eq!(
            matches!(environment, Some(HopValue::Is(_))),
            there,
            "{name}: {environment:?}"
        );
        let read = at(&explanation, HopKind::SecretFunction);
        let key = right.strip_prefix(PREFIX).unwrap();
        assert_eq!(
            read,
            Some(HopValue::Nothing(format!("Cannot find secret for key '{key}'.")))
        );
        assert!(!explanation.right);
        assert_eq!(
            explanation.first_wrong,
            Some(if there {
                HopKind::SecretFunction
            } else {
                HopKind::Environment
            })
        );
    }
    let long = "QUJD".repeat(64 * 1024);
    for value in [long.as_bytes(), b"a\0b"] {
        let explanation = explained(question(Location::Env, value));
        assert!(matches!(
            at(&explanation, HopKind::Environment),
            Some(HopValue::Nothing(_))
        ));
        assert!(!explanation.right);
    }
}

#[test]
fn dollars_in_a_value_are_the_kubelets() {
    let explanation = explained(question(Location::Values, b"pa$$word"));
    assert_eq!(at(&explanation, HopKind::ApiServer), Some(text("pa$$word")));
    assert_eq!(at(&explanation, HopKind::Environment), Some(text("pa$word")));
    let explanation = explained(question(Location::StringData, b"pa$$word"));
    assert_eq!(at(&explanation, HopKind::Environment), Some(text("pa$$word")));
}

#[test]
fn binary_is_shown_the_way_round() {
    let explanation = explained(question(Location::Values, b"/u36zg=="));
    assert_eq!(explanation.diagnosis[0].code, Code::NotUtf8);
    assert_eq!(
        explanation.corrected,
        Some(DisplayValue::Public(b"L3UzNnpnPT0=".into()))
    );
}

#[test]
fn a_hidden_value_is_nowhere_in_what_is_said_of_it() {
    let canary = "Ca9\"\\ kq7Zw2 /+&é\n'end";
    let once = STANDARD.encode(canary);
    let utf16: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let values: Vec<Vec<u8>> = vec![
        canary.into(),
        once.clone().into(),
        STANDARD.encode(&once).into(),
        STANDARD.encode(format!("{canary}\r\n")).into(),
        STANDARD.encode(utf16).into(),
        format!("b'{once}'").into(),
        once.replace('=', "%3D").into(),
        [canary.as_bytes(), b"\xff"].concat(),
    ];
    let redactor = Redactor::new([&canary]);
    for value in values {
        for place in [Location::Env, Location::Values, Location::StringData, Location::Data] {
            for meant in [None, Some(canary.into()), Some("another".into())] {
                let question = Question {
                    value: Plaintext::new(&*value, false),
                    meant,
                    ..question(place, b"")
                };
                let all = explain(std::slice::from_ref(&question), &RunKey::random());
                let json = serde_json::to_string(&all).unwrap();
                for said in [json, all.values[0].to_string(), format!("{question:?}")] {
                    assert_eq!(redactor.find(said.as_bytes()), [], "{said}");
                    // Nor a character of it, in Java's words.
                    assert!(!said.contains("base64 character 2"), "{said}");
                }
            }
        }
    }
}

#[test]
fn each_codes_example_shows_it_and_is_right_once_it_is_corrected() {
    let mut shown = 0;
    for code in Code::ALL {
        let diagnosis::Example::Value {
            name,
            place,
            value,
            meant,
        } = code.example()
        else {
            continue;
        };
        let asked = |name: String, value: &[u8]| Question {
            name: Some(name),
            meant: meant.map(|meant| Plaintext::new(meant, true)),
            ..question(place, value)
        };
        let wrong = explained(asked(name.into(), value.as_bytes()));
        assert!(
            !wrong.right && wrong.diagnosis.iter().any(|f| f.code == *code),
            "{code}: {wrong}"
        );
        let corrected = match &wrong.corrected {
            Some(DisplayValue::Public(bytes)) => bytes.clone(),
            _ => value.into(),
        };
        let name = wrong.corrected_name.clone().unwrap_or(name.into());
        let right = explained(asked(name, &corrected));
        assert!(right.right && right.diagnosis.is_empty(), "{code}: {right}");
        shown += 1;
    }
    // The others take a pod, a chart's values, a file of its own, a flow or a change.
    assert_eq!(shown, Code::ALL.len() - 17);
}
