//! `fix`: what it changes, and what it leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::lint::{cases, copy, corpus};
use crate::support::sandbox::{Sandbox, files};

#[test]
fn every_byte_that_is_not_wrong_is_kept() {
    let sandbox = Sandbox::new();
    for case in cases("bad") {
        copy(&sandbox, &corpus("bad").join(&case), &case);
    }
    let mut all = files(&sandbox.work());
    all.sort();
    let before: Vec<_> = all.iter().map(|f| fs::read_to_string(f).unwrap()).collect();
    let secret = sandbox.work().join("ks001-trailing-newline.yaml");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
    for case in cases("bad") {
        sandbox.run(["lint", "--fix", &case]);
    }
    let mut said = String::new();
    for (file, before) in all.iter().zip(before) {
        let after = fs::read_to_string(file).unwrap();
        let name = file.strip_prefix(sandbox.work()).unwrap().display();
        assert!(before.lines().count() >= after.lines().count(), "{name}");
        for (old, new) in before.lines().zip(after.lines()).filter(|(old, new)| old != new) {
            said.push_str(&[name.to_string().as_str(), "\n- ", old, "\n+ ", new, "\n"].concat());
        }
    }
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o640);
    assert_snapshot!("fixed", said);
}

#[test]
fn what_was_not_given_is_left_alone() {
    let sandbox = Sandbox::new();
    copy(&sandbox, &corpus("bad/ks015-from-file"), "k");
    sandbox.run(["lint", "--fix", "k/kustomization.yaml"]).with_code(1);
    let read = |name: &str| fs::read_to_string(sandbox.work().join(name)).unwrap();
    assert_eq!(read("k/password.txt"), "hunter2!\n");
    assert!(read("k/kustomization.yaml").contains("SECRET_OTHER=YWRtaW4="));
    sandbox
        .run(["lint", "--fix", "k/kustomization.yaml", "k/password.txt", "k/more.env"])
        .with_code(0);
    assert_eq!(read("k/password.txt"), "aHVudGVyMiE=");
    assert_eq!(read("k/more.env"), "SECRET_FROM_ENV=YWRtaW4=\r\nSECRET_FINE=YQ==\n");
    sandbox.file("values.yaml", "common: {extraEnv: [{name: SECRET_A, value: admin}]}");
    let ended = sandbox.run(["lint", "--fix", "-"]).with_code(2);
    assert!(ended.stderr.contains("standard input"), "{}", ended.stderr);
}

#[test]
fn a_file_with_two_names_is_left_alone_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    let values = "common: {extraEnv: [{name: SECRET_A, value: \"admin!\"}]}\n";
    let files = ["a.yaml", "b.yaml"].map(|name| sandbox.file(name, values));
    let other = sandbox.work().join("other");
    fs::hard_link(&files[1], &other).unwrap();
    let ended = sandbox.run(["lint", "--fix", "a.yaml", "b.yaml"]).with_code(2);
    assert!(ended.stderr.contains("b.yaml: it has 2 names"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was written"), "{}", ended.stderr);
    for file in [&files[0], &files[1], &other] {
        assert_eq!(fs::read_to_string(file).unwrap(), values);
    }
    let shown = sandbox.run(["lint", "--fix", "--diff", "a.yaml", "b.yaml"]).stdout;
    assert!(shown.contains("+++ a.yaml") && shown.contains("+++ b.yaml"), "{shown}");

    fs::remove_file(&other).unwrap();
    sandbox.run(["lint", "--fix", "a.yaml", "b.yaml"]).with_code(0);
    assert_ne!(fs::read_to_string(&files[1]).unwrap(), values);
}

#[test]
fn a_dry_run_shows_lines_and_lengths_and_writes_nothing() {
    let mut said = String::new();
    for case in cases("bad") {
        let sandbox = Sandbox::new();
        copy(&sandbox, &corpus("bad").join(&case), &case);
        let before: Vec<_> = files(&sandbox.work()).iter().map(|f| fs::read(f).unwrap()).collect();
        said.push_str(&sandbox.run(["lint", "--fix", "--diff", &case]).stdout);
        let after: Vec<_> = files(&sandbox.work()).iter().map(|f| fs::read(f).unwrap()).collect();
        assert!(before == after, "{case} was changed");
    }
    assert_snapshot!("dry_run", said);
}
