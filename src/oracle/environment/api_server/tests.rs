use super::*;
use serde_json::json;

fn admit_secret(mut manifest: Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let object = manifest.as_object_mut().unwrap();
    object.insert("apiVersion".into(), json!("v1"));
    object.insert("kind".into(), json!("Secret"));
    object.entry("metadata").or_insert_with(|| json!({"name": "db-creds"}));
    match admit(&manifest) {
        Ok(Admitted::Secret(secret)) => {
            assert_eq!(secret.string_data, None);
            let data = secret.data.unwrap();
            Ok(data.into_iter().map(|(k, v)| (k, v.0)).collect())
        }
        Ok(other) => panic!("{other:?}"),
        Err(refused) => Err(refused.message),
    }
}

#[test]
fn string_data_wins_over_data() {
    let stored = admit_secret(json!({
        "data": {"A": "b2xk", "B": "YQ==\n"},
        "stringData": {"A": "new", "C": "c\n"},
    }));
    let expected = [("A", "new"), ("B", "a"), ("C", "c\n")];
    let expected = expected.map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec()));
    assert_eq!(stored, Ok(expected.into()));
}

#[test]
fn plaintext_in_data_is_refused_in_the_servers_words() {
    assert_eq!(
        admit_secret(json!({"data": {"username": "admin"}})),
        Err("Secret in version \"v1\" cannot be handled as a Secret: \
             illegal base64 data at input byte 4"
            .into())
    );
}

#[test]
fn values_that_are_not_text_are_refused_as_go_refuses_them() {
    for (field, value, words) in [
        (
            "data",
            json!(1),
            "number into Go struct field Secret.data of type []uint8",
        ),
        (
            "data",
            json!(true),
            "bool into Go struct field Secret.data of type []uint8",
        ),
        (
            "data",
            json!({}),
            "object into Go struct field Secret.data of type []uint8",
        ),
        (
            "data",
            json!(["x"]),
            "string into Go struct field Secret.data of type uint8",
        ),
        (
            "stringData",
            json!(1234),
            "number into Go struct field Secret.stringData of type string",
        ),
        (
            "stringData",
            json!(false),
            "bool into Go struct field Secret.stringData of type string",
        ),
        (
            "stringData",
            json!([]),
            "array into Go struct field Secret.stringData of type string",
        ),
    ] {
        let message = admit_secret(json!({field: {"A": value}})).unwrap_err();
        assert_eq!(
            message,
            format!(
                "Secret in version \"v1\" cannot be handled as a Secret: \
                 json: cannot unmarshal {words}"
            )
        );
    }
    let message = admit_secret(json!({"data": "x"})).unwrap_err();
    assert!(message.ends_with("Secret.data of type map[string][]uint8"), "{message}");
}

#[test]
fn null_is_the_empty_value_and_numbers_in_an_array_are_bytes() {
    assert_eq!(admit_secret(json!({"data": null})), Ok(BTreeMap::new()));
    let stored = admit_secret(json!({"data": {"A": null, "B": [104, 105, null]}}));
    let expected = [("A".to_owned(), vec![]), ("B".to_owned(), b"hi\0".to_vec())];
    assert_eq!(stored, Ok(expected.into()));
}

#[test]
fn the_first_of_several_faults_in_sorted_order_is_named() {
    let message = admit_secret(json!({
        "stringData": {"A": 1},
        "data": {"B": "@", "A": "YQ="},
    }));
    assert!(message.unwrap_err().ends_with("at input byte 3"));
}

#[test]
fn names_keys_and_size_are_validated() {
    for (manifest, words) in [
        (
            json!({"stringData": {"a b": ""}}),
            "Secret \"db-creds\" is invalid: data[a b]: Invalid value: \"a b\": a valid config key must consist of",
        ),
        (
            json!({"stringData": {"..a": ""}}),
            "Secret \"db-creds\" is invalid: data[..a]: Invalid value: \"..a\": must not start with '..'",
        ),
        (
            json!({"metadata": {"name": "db_creds"}}),
            "Secret \"db_creds\" is invalid: metadata.name: Invalid value: \"db_creds\": a lowercase RFC 1123 subdomain",
        ),
        (
            json!({"metadata": {}}),
            "Secret \"\" is invalid: metadata.name: Required value: name or generateName is required",
        ),
        (
            json!({"stringData": {"A": "x".repeat(MAX_SIZE + 1)}}),
            "Secret \"db-creds\" is invalid: data: Too long: may not be more than 1048576 bytes",
        ),
    ] {
        let message = admit_secret(manifest).unwrap_err();
        assert!(message.starts_with(words), "{message}");
    }
    assert!(admit_secret(json!({"stringData": {"A": "x".repeat(MAX_SIZE)}})).is_ok());
}

#[test]
fn a_config_map_keeps_text_and_bytes_apart() {
    let manifest = |data: Value, binary: Value| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
               "data": data, "binaryData": binary})
    };
    match admit(&manifest(json!({"a": "1"}), json!({"b": "/w=="}))).unwrap() {
        Admitted::ConfigMap(map) => {
            assert_eq!(map.data.unwrap()["a"], "1");
            assert_eq!(map.binary_data.unwrap()["b"].0, b"\xff");
        }
        other => panic!("{other:?}"),
    }
    let refused = admit(&manifest(json!({"a": 1}), Value::Null)).unwrap_err();
    assert!(refused.message.ends_with("ConfigMap.data of type string"));
    let refused = admit(&manifest(json!({"a": "1"}), json!({"a": ""}))).unwrap_err();
    assert!(refused.message.ends_with("duplicate of key present in binaryData"));
}

#[test]
fn other_kinds_and_debug_output_carry_no_value() {
    let other = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    assert!(matches!(admit(&other), Ok(Admitted::Other)));
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "db-creds"}, "stringData": {"A": "hunter2"}});
    let shown = format!("{:?}", admit(&secret).unwrap());
    assert_eq!(shown, "Secret(Some(\"db-creds\"))");
}
