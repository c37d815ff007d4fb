//! The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit on a repository made for the test. Only the way to
//! install differs: the program is the one under test, and is not compiled again.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use crate::on_provider;
use crate::support::sandbox::{Ended, Sandbox, program, run};

pub fn trials() -> Vec<Trial> {
    let test = |name: &str, check: fn()| on_provider("pre-commit", format!("pre_commit::{name}"), lacking, check);
    vec![
        test("a_bad_file_blocks_the_commit_and_a_good_one_passes", blocks),
        test("the_hook_that_fixes_corrects_what_is_staged", fixes),
        test("a_baseline_lets_old_faults_pass", old_faults),
        test("a_file_that_cannot_matter_is_not_read", others),
        test("the_local_hook_of_the_documentation_blocks_too", local),
    ]
}

fn lacking() -> Option<String> {
    let asked = Command::new("pre-commit").arg("--version").output();
    let runs = asked.is_ok_and(|answer| answer.status.success());
    (!runs).then(|| "there is no pre-commit on PATH: `pip install pre-commit`".into())
}

const BAD: &str = "common:\n  extraEnv:\n    - {name: SECRET_A, value: \"tern-77!\"}\n";
const GOOD: &str = "common:\n  extraEnv:\n    - {name: SECRET_A, value: \"dGVybi03NyE=\"}\n";

/// A repository with a hook installed.
struct Repository(Sandbox);

impl Repository {
    fn with_hook(id: &str, args: &str) -> Self {
        let repository = Self(Sandbox::new());
        let sandbox = &repository.0;
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
        let manifest = fs::read_to_string(manifest).unwrap();
        assert_eq!(manifest.matches("language: rust").count(), 2);
        let manifest = manifest.replace("language: rust", "language: system");
        let hooks = sandbox.root().join("hooks");
        fs::create_dir(&hooks).unwrap();
        fs::write(hooks.join(".pre-commit-hooks.yaml"), manifest).unwrap();
        for folder in [&hooks, &sandbox.work()] {
            repository.git(folder, &["init", "--quiet"]).with_code(0);
        }
        repository.git(&hooks, &["add", "."]).with_code(0);
        repository
            .git(&hooks, &["commit", "--quiet", "--message", "Hooks"])
            .with_code(0);
        repository.git(&hooks, &["tag", "v0.1.0"]).with_code(0);
        let config = format!(
            "repos:\n  - repo: {}\n    rev: v0.1.0\n    hooks: [{{id: {id}{args}}}]\n",
            hooks.display()
        );
        sandbox.file(".pre-commit-config.yaml", config);
        let bin = sandbox.root().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program(), bin.join("kestra-secrets")).unwrap();
        let mut install = Command::new("pre-commit");
        install.arg("install").current_dir(sandbox.work());
        run(repository.within(install)).with_code(0);
        repository
    }

    /// A command with nothing of this user's git and pre-commit.
    fn within(&self, mut command: Command) -> Command {
        let root = self.0.root();
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", root.join("bin").display()))
            .env("HOME", root)
            .env("PRE_COMMIT_HOME", root.join("pre-commit"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("NO_COLOR", "1")
            .env("PRE_COMMIT_COLOR", "never");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A");
            command.env(format!("GIT_{who}_EMAIL"), "a@example.com");
        }
        command
    }

    fn git(&self, folder: &Path, args: &[&str]) -> Ended {
        let mut command = Command::new("git");
        command.args(args).current_dir(folder);
        run(self.within(command))
    }

    fn commit(&self) -> Ended {
        self.git(&self.0.work(), &["add", "."]).with_code(0);
        self.git(&self.0.work(), &["commit", "--message", "Change"])
    }
}

fn blocks() {
    let repository = Repository::with_hook("kestra-secrets-lint", "");
    repository.0.file("deploy/values.yaml", BAD);
    let said = repository.commit().with_code(1).stderr;
    assert!(said.contains("deploy/values.yaml:3:31: error[KS004]"), "{said}");
    assert!(!said.contains("tern-77"), "{said}");
    repository.0.file("deploy/values.yaml", GOOD);
    let said = repository.commit().with_code(0).stderr;
    assert!(said.contains("Passed"), "{said}");
    // What is committed already is not looked at again.
    repository.0.file("readme.txt", "text");
    let said = repository.commit().with_code(0).stderr;
    assert!(said.contains("(no files to check)Skipped"), "{said}");
}

fn fixes() {
    let repository = Repository::with_hook("kestra-secrets-lint-fix", "");
    let values = repository.0.file("deploy/values.yaml", BAD);
    let said = repository.commit().with_code(1).stderr;
    assert!(said.contains("files were modified by this hook"), "{said}");
    assert_eq!(fs::read_to_string(values).unwrap(), GOOD);
    repository.commit().with_code(0);
}

fn old_faults() {
    let repository = Repository::with_hook("kestra-secrets-lint", ", args: [--baseline, baseline.json]");
    repository.0.file("deploy/values.yaml", BAD);
    let baseline = ["lint", "deploy", "--baseline", "baseline.json", "--update-baseline"];
    repository.0.run(baseline).with_code(0);
    repository.commit().with_code(0);
    repository
        .0
        .file("deploy/values.yaml", BAD.replace("SECRET_A", "SECRET_B"));
    let said = repository.commit().with_code(1).stderr;
    assert!(said.contains("error[KS004]: SECRET_B"), "{said}");
}

fn local() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md")).unwrap();
    let config = page
        .split("```yaml\n")
        .find(|block| block.starts_with("repos:\n  - repo: local"));
    let config = config.unwrap().split("```").next().unwrap();
    let repository = Repository::with_hook("kestra-secrets-lint", "");
    repository.0.file(".pre-commit-config.yaml", config);
    repository.0.file("deploy/values.yaml", BAD);
    repository
        .0
        .file("chart/templates/secret.yaml", "a: {{ .Values.a }}\n{{- end }}\n");
    let said = repository.commit().with_code(1).stderr;
    assert!(said.contains("deploy/values.yaml:3:31: error[KS004]"), "{said}");
    assert!(!said.contains("templates"), "{said}");
}

fn others() {
    let repository = Repository::with_hook("kestra-secrets-lint", "");
    repository
        .0
        .file("chart/templates/secret.yaml", "a: {{ .Values.a }}\n{{- end }}\n");
    repository.0.file("main.tf", BAD);
    repository.0.file(".env", "A=1\n");
    let said = repository.commit().with_code(0).stderr;
    assert!(said.contains("Passed"), "{said}");
    repository.0.file("kestra/.env", "SECRET_A=tern-77!\n");
    let said = repository.commit().with_code(1).stderr;
    assert!(said.contains("kestra/.env:1"), "{said}");
}
