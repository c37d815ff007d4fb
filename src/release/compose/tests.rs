use super::*;
use crate::release::env_file::EnvDialect;

/// What each variable of Kestra's services is: its value where it is known, and the file and text it is written in.
type Given = Vec<(String, Option<String>, String)>;

fn read_files(files: &[(&str, &str)]) -> (Vec<SourceFile>, Vec<ComposeProject>) {
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|(name, text)| {
            let is_env = name.contains(".env") || name.ends_with("env");
            let form = if is_env {
                FileForm::EnvFile(Some(EnvDialect::Compose))
            } else {
                FileForm::Yaml
            };
            SourceFile::new(*name, Some((*name).into()), *text, form)
        })
        .collect();
    let trees: Vec<Tree> = sources.iter().map(|source| source.tree().unwrap()).collect();
    let both: Vec<_> = sources.iter().zip(&trees).collect();
    let projects = read(&both).unwrap();
    drop(both);
    drop(trees);
    (sources, projects)
}

fn given(files: &[(&str, &str)]) -> Given {
    let (sources, projects) = read_files(files);
    let services = projects.iter().flat_map(|project| &project.services);
    services
        .flat_map(|service| &service.variables)
        .map(|variable| {
            let value = match &variable.value {
                ComposeValue::Text { text, .. } => Some(text.to_string()),
                _ => None,
            };
            (
                variable.name.clone(),
                value,
                sources[variable.value_at.source].name.clone(),
            )
        })
        .collect()
}

fn known(name: &str, value: &str, file: &str) -> (String, Option<String>, String) {
    (name.into(), Some(value.into()), file.into())
}

fn unknown(name: &str, file: &str) -> (String, Option<String>, String) {
    (name.into(), None, file.into())
}

const FILE: &str = "docker-compose.yml";

#[test]
fn environment_is_read_as_a_map_and_as_a_list() {
    let map = "services:\n  kestra:\n    image: kestra/kestra\n    environment:\n      A: x\n      B: \"pa$$y\"\n      C:\n      D: ''\n";
    let list = "services:\n  kestra:\n    image: kestra/kestra\n    environment:\n      - A=x\n      - B=pa$$y\n      - C\n      - D=\n";
    let expected = [
        known("A", "x", FILE),
        known("B", "pa$y", FILE),
        unknown("C", FILE),
        known("D", "", FILE),
    ];
    assert_eq!(given(&[(FILE, map)]), expected);
    assert_eq!(given(&[(FILE, list)]), expected);
}

#[test]
fn the_dotenv_beside_fills_in_variables_and_is_where_their_values_are_written() {
    let compose = "services:\n  kestra:\n    image: ${IMAGE:-kestra/kestra}\n    environment:\n      A: ${TOKEN}\n      B: x-${TOKEN}\n      C: ${GONE}\n      D: ${GONE:-d}\n      TOKEN:\n";
    let given = given(&[(FILE, compose), (".env", "TOKEN=abc\nSECRET_X=y\n")]);
    let expected = [
        known("A", "abc", ".env"),
        known("B", "x-abc", FILE),
        unknown("C", FILE),
        known("D", "d", FILE),
        known("TOKEN", "abc", ".env"),
    ];
    assert_eq!(given, expected);
}

#[test]
fn env_files_come_in_order_and_environment_comes_last() {
    let compose = "services:\n  kestra:\n    image: kestra/kestra\n    env_file:\n      - a.env\n      - path: ./b.env\n        required: false\n      - {path: gone.env, required: false}\n    environment:\n      C: three\n  db:\n    image: postgres\n    env_file: db.env\n";
    let files = [
        (FILE, compose),
        ("a.env", "A=1\nB=1\n"),
        ("b.env", "B=2\nC=2\n"),
        ("db.env", "SECRET_DB=x\n"),
    ];
    let expected = [
        known("A", "1", "a.env"),
        known("B", "2", "b.env"),
        known("C", "2", "b.env"),
        known("C", "three", FILE),
    ];
    assert_eq!(given(&files), expected);
    let (_, projects) = read_files(&files);
    assert_eq!(projects[0].env_files, [1, 2, 3]);
    assert_eq!(projects[0].services[0].missing, ["gone.env"]);
}

#[test]
fn an_override_and_what_a_service_extends_are_layers() {
    let base = "services:\n  base:\n    image: kestra/kestra\n    environment: {A: base, B: base}\n  kestra:\n    extends: base\n    image: kestra/kestra:1\n    environment: {B: own, C: own}\n";
    let over = "services:\n  kestra:\n    environment: [C=over, D=over]\n";
    let all = given(&[(FILE, base), ("docker-compose.override.yml", over)]);
    let own = &all[2..];
    let expected = [
        known("A", "base", FILE),
        known("B", "own", FILE),
        known("C", "over", "docker-compose.override.yml"),
        known("D", "over", "docker-compose.override.yml"),
    ];
    assert_eq!(own, expected);
    let replaced = "services:\n  kestra:\n    environment: !override\n      E: over\n";
    let all = given(&[
        (FILE, base),
        ("compose.override.yml", ""),
        ("docker-compose.override.yml", replaced),
    ]);
    assert_eq!(all[2..], [known("E", "over", "docker-compose.override.yml")]);
}

#[test]
fn merge_keys_give_way_to_a_mapping_s_own() {
    let compose = "x-env: &env\n  A: shared\n  B: shared\nservices:\n  kestra:\n    image: kestra/kestra\n    environment:\n      <<: *env\n      B: own\n";
    assert_eq!(
        given(&[(FILE, compose)]),
        [known("B", "own", FILE), known("A", "shared", FILE)]
    );
}

#[test]
fn a_service_is_kestra_s_by_image_command_or_name() {
    for (service, is_kestra) in [
        ("app: {image: kestra/kestra, environment: [A=1]}", true),
        (
            "app: {image: registry.example.com/flows, command: server standalone, environment: [A=1]}",
            true,
        ),
        (
            "app: {image: registry.example.com/flows, command: [server, local], environment: [A=1]}",
            true,
        ),
        ("kestra: {build: ., environment: [A=1]}", true),
        ("kestra-db: {image: postgres, environment: [A=1]}", false),
        ("web: {image: nginx, command: server start, environment: [A=1]}", false),
    ] {
        let text = format!("services:\n  {service}\n");
        assert_eq!(!given(&[(FILE, &text)]).is_empty(), is_kestra, "{service}");
    }
}

#[test]
fn a_value_that_others_take_too_is_tied() {
    let compose = "services:\n  kestra:\n    image: kestra/kestra\n    environment:\n      SECRET_A: ${ONE}\n      SECRET_B: ${TWO}\n      SECRET_C: x${ONE_MORE:-y}\n  db:\n    image: postgres\n    environment: {PW: \"${TWO}\"}\n";
    let (_, projects) = read_files(&[(FILE, compose), (".env", "ONE=1\nTWO=2\n")]);
    let tied: Vec<bool> = projects[0].services[0].variables.iter().map(|v| v.tied).collect();
    assert_eq!(tied, [false, true, true]);
}

#[test]
fn what_compose_refuses_is_a_mistake() {
    let compose = "services:\n  kestra:\n    image: kestra/kestra\n    environment:\n      - A=${\n      - B: x\n    secrets: [token, {source: key}]\n";
    let (_, projects) = read_files(&[(FILE, compose)]);
    let service = &projects[0].services[0];
    let mistakes: Vec<_> = service.mistakes.iter().map(|(_, mistake)| *mistake).collect();
    assert_eq!(mistakes, [ComposeMistake::Template, ComposeMistake::Entry]);
    assert_eq!(service.mounted.len(), 2);
}

#[test]
fn aliases_that_multiply_end_the_reading() {
    let mut text = "x: &env\n".to_owned();
    for number in 0..2_000 {
        text += &format!("  A{number}: x\n");
    }
    text += "services:\n";
    for number in 0..2_000 {
        text += &format!("  kestra{number}: {{image: kestra/kestra, environment: *env}}\n");
    }
    let source = SourceFile::new(FILE, Some(FILE.into()), text, FileForm::Yaml);
    let tree = source.tree().unwrap();
    assert!(read(&[(&source, &tree)]).is_none());
}
