//! Workflows and the action: their scripts are carried out here as GitHub would, with what it puts in the place of
//! `${{ … }}`. What they call that is not here (`gh`, a build) is played by scripts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::{Captures, Regex};
use serde_json::Value;

use crate::support::sandbox::Sandbox;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const ACTION: &str = "action.yml";
const RELEASE: &str = ".github/workflows/release.yml";
const ARCHIVE: &str = "kestra-secrets-x86_64-unknown-linux-gnu.tar.gz";

/// The steps of a workflow or of an action, all jobs one after the other.
fn steps_of(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let file: Value = serde_saphyr::from_str(&text).unwrap();
    match file.get("runs") {
        Some(action) => action["steps"].as_array().unwrap().clone(),
        None => {
            let jobs = file["jobs"].as_object().unwrap().values();
            jobs.flat_map(|job| job["steps"].as_array().unwrap().clone()).collect()
        }
    }
}

#[test]
fn every_step_runs_or_uses_and_takes_nothing_into_its_script() {
    let workflows = fs::read_dir(Path::new(ROOT).join(".github/workflows")).unwrap();
    let workflows = workflows.map(|e| e.unwrap().path());
    for path in workflows.chain([Path::new(ROOT).join(ACTION)]) {
        let steps = steps_of(&path);
        assert!(!steps.is_empty());
        for step in steps {
            let path = path.display();
            assert!(
                step.get("run").is_some() != step.get("uses").is_some(),
                "{path}: {step}"
            );
            // What somebody else names must not become a part of a script.
            let script = step["run"].as_str().unwrap_or_default();
            for from_outside in ["${{ inputs.", "${{ github."] {
                assert!(!script.contains(from_outside), "{path}: {script}");
            }
        }
    }
}

/// A runner: a folder, what its expressions are, and the scripts that go before all other programs.
struct Runner {
    sandbox: Sandbox,
    expressions: BTreeMap<&'static str, String>,
}

impl Runner {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let temp = sandbox.temporary().display().to_string();
        let sources = sandbox.work().join("sources").display().to_string();
        let expressions = BTreeMap::from([
            ("matrix.target", "x86_64-unknown-linux-gnu".into()),
            ("runner.os", "Linux".into()),
            ("runner.arch", "X64".into()),
            ("runner.temp", temp),
            ("github.token", "token".into()),
            ("github.ref_name", concat!("v", env!("CARGO_PKG_VERSION")).into()),
            ("github.action_ref", concat!("v", env!("CARGO_PKG_VERSION")).into()),
            ("github.action_repository", "owner/kestra-secrets".into()),
            ("github.action_path", sources),
        ]);
        Self { sandbox, expressions }
    }

    /// Puts `script` before every other program of that name.
    fn plays(&self, program: &str, script: &str) {
        self.sandbox.script(&format!("programs/{program}"), script);
    }

    fn path(&self) -> PathBuf {
        self.sandbox.work().join("github-path")
    }

    fn installed(&self) -> PathBuf {
        self.sandbox.temporary().join("kestra-secrets/bin/kestra-secrets")
    }

    /// Carries out a step in `folder`.
    fn step(&self, file: &str, name: &str, folder: &Path) -> Output {
        let steps = steps_of(&Path::new(ROOT).join(file));
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        let expression = Regex::new(r"\$\{\{ *(.*?) *\}\}").unwrap();
        let filled = |text: &str| {
            let known = |found: &Captures<'_>| self.expressions[&found[1]].clone();
            expression.replace_all(text, known).into_owned()
        };
        let programs = self.sandbox.work().join("programs");
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command
            .args(["-e", "-c", &filled(step["run"].as_str().unwrap())])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("RUNNER_TEMP", self.sandbox.temporary())
            .env("GITHUB_PATH", self.path())
            .env("GITHUB_OUTPUT", self.sandbox.work().join("github-output"));
        for (variable, value) in step["env"].as_object().unwrap() {
            command.env(variable, filled(value.as_str().unwrap()));
        }
        command.output().unwrap()
    }

    /// Packs a program that prints its arguments, as a release would, and has `gh` download it.
    fn release(&self) {
        let built = self.sandbox.work().join("target/x86_64-unknown-linux-gnu/dist");
        fs::create_dir_all(&built).unwrap();
        symlink(env!("CARGO_BIN_EXE_kestra-secrets"), built.join("kestra-secrets")).unwrap();
        let ran = self.step(RELEASE, "What was built runs", &self.sandbox.work());
        assert!(ran.status.success(), "{ran:?}");

        fs::remove_file(built.join("kestra-secrets")).unwrap();
        self.sandbox.script(
            "target/x86_64-unknown-linux-gnu/dist/kestra-secrets",
            "printf '<%s>\\n' \"$@\"",
        );
        for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
            fs::copy(Path::new(ROOT).join(file), self.sandbox.work().join(file)).unwrap();
        }
        let packed = self.step(RELEASE, "Pack", &self.sandbox.work());
        assert!(packed.status.success(), "{packed:?}");
        let wanted = format!(
            "release download v{} --repo owner/kestra-secrets --pattern {ARCHIVE}* --clobber",
            env!("CARGO_PKG_VERSION")
        );
        let from = self.sandbox.work();
        self.plays(
            "gh",
            &format!("[ \"$*\" = '{wanted}' ]\ncp {}/{ARCHIVE}* .", from.display()),
        );
    }
}

#[test]
fn a_release_is_for_the_tag_of_its_version_alone() {
    let mut runner = Runner::new();
    let step = |runner: &Runner| runner.step(RELEASE, "The tag is the version", Path::new(ROOT));
    assert!(step(&runner).status.success());
    runner.expressions.insert("github.ref_name", "v99.0.0".into());
    assert!(!step(&runner).status.success());
}

#[test]
fn what_a_release_packs_is_what_the_action_installs() {
    let runner = Runner::new();
    runner.release();
    let output = runner.step(ACTION, "Install", &runner.sandbox.work());
    assert!(output.status.success(), "{output:?}");
    let mode = fs::metadata(runner.installed()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let bin = fs::read_to_string(runner.path()).unwrap();
    assert_eq!(Path::new(bin.trim_end()), runner.installed().parent().unwrap());
}

#[test]
fn another_archive_than_the_released_one_is_not_installed() {
    let runner = Runner::new();
    runner.release();
    let archive = runner.sandbox.work().join(ARCHIVE);
    let mut bytes = fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&archive, bytes).unwrap();
    let output = runner.step(ACTION, "Install", &runner.sandbox.work());
    assert!(!output.status.success());
    assert!(!runner.installed().exists() && !runner.path().exists());
}

#[test]
fn where_there_is_no_release_the_action_builds_its_own_sources() {
    let runner = Runner::new();
    runner.plays("gh", "exit 1");
    runner.plays(
        "cargo",
        "for into; do :; done\nprintf %s \"$*\" >\"$into/bin/kestra-secrets\"",
    );
    let output = runner.step(ACTION, "Install", &runner.sandbox.work());
    assert!(output.status.success(), "{output:?}");
    let temporary = runner.sandbox.temporary();
    assert_eq!(
        fs::read_to_string(runner.installed()).unwrap(),
        format!(
            "install --path {} --locked --root {}/kestra-secrets",
            runner.expressions["github.action_path"],
            temporary.display()
        )
    );
    assert!(runner.path().exists());
}

#[test]
fn a_platform_without_a_release_is_told() {
    let mut runner = Runner::new();
    runner.plays("gh", "exit 1");
    runner.expressions.insert("runner.os", "Windows".into());
    let output = runner.step(ACTION, "Install", &runner.sandbox.work());
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "::error::there is no release for Windows-X64\n");
}

#[test]
fn the_actions_args_are_words_and_nothing_that_a_shell_carries_out() {
    let mut runner = Runner::new();
    runner.plays("kestra-secrets", "printf '<%s>' \"$@\"");
    for (args, got) in [
        (
            "run kestra-secrets --report report",
            "<run><kestra-secrets><--report><report>",
        ),
        (
            "run 'my folder' --values \"a b\"\n  --quiet",
            "<run><my folder><--values><a b><--quiet>",
        ),
        (
            "list $(touch here) `touch here` *; exit 1",
            "<list><$(touch><here)><`touch><here`><*;><exit><1>",
        ),
    ] {
        runner.expressions.insert("inputs.args", args.into());
        let output = runner.step(ACTION, "Run", &runner.sandbox.work());
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), got);
    }
    // Of what is no list of words nothing is run: the words before the quote would be another command.
    runner.expressions.insert("inputs.args", "run it's".into());
    let output = runner.step(ACTION, "Run", &runner.sandbox.work());
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    // What the program ended with is what the step ends with.
    runner.plays("kestra-secrets", "exit 130");
    runner.expressions.insert("inputs.args", "run".into());
    let output = runner.step(ACTION, "Run", &runner.sandbox.work());
    assert_eq!(output.status.code(), Some(130));
}

/// The checksums that a release would hold, each of another digit.
fn checksums(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (digit, target) in [
        "aarch64-apple-darwin",
        "x86_64-apple-darwin",
        "aarch64-unknown-linux-gnu",
        "x86_64-unknown-linux-gnu",
    ]
    .iter()
    .enumerate()
    {
        let archive = format!("kestra-secrets-{target}.tar.gz");
        let sum = digit.to_string().repeat(64);
        fs::write(folder.join(format!("{archive}.sha256")), format!("{sum}  {archive}\n")).unwrap();
    }
}

#[test]
fn a_release_brings_a_formula_and_a_krew_manifest_of_its_own_archives() {
    const STEP: &str = "The Homebrew formula and the krew manifest";
    let mut runner = Runner::new();
    runner
        .expressions
        .insert("github.repository", "owner/kestra-secrets".into());
    let work = runner.sandbox.work();
    symlink(Path::new(ROOT).join("packaging"), work.join("packaging")).unwrap();
    let archives = work.join("archives");
    checksums(&archives);
    let output = runner.step(RELEASE, STEP, &work);
    assert!(output.status.success(), "{output:?}");
    let version = env!("CARGO_PKG_VERSION");
    let krew: Value =
        serde_saphyr::from_str(&fs::read_to_string(archives.join("kestra-secrets.yaml")).unwrap()).unwrap();
    assert_eq!(krew["spec"]["version"], format!("v{version}"));
    let formula = fs::read_to_string(archives.join("kestra-secrets.rb")).unwrap();
    assert!(formula.contains(&format!("version \"{version}\"")));
    let platforms = krew["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 4);
    for platform in platforms {
        let (uri, sum) = (platform["uri"].as_str().unwrap(), platform["sha256"].as_str().unwrap());
        let (base, archive) = uri.rsplit_once('/').unwrap();
        assert_eq!(
            base,
            format!("https://github.com/owner/kestra-secrets/releases/download/v{version}")
        );
        let of = fs::read_to_string(archives.join(format!("{archive}.sha256"))).unwrap();
        assert!(of.starts_with(sum), "{archive}");
        let os = platform["selector"]["matchLabels"]["os"].as_str().unwrap();
        let arch = platform["selector"]["matchLabels"]["arch"].as_str().unwrap();
        assert!(archive.contains(os) && archive.contains(if arch == "arm64" { "aarch64" } else { "x86_64" }));
        let pair = format!("      url \"{uri}\"\n      sha256 \"{sum}\"\n");
        assert!(formula.contains(&pair), "{pair}\n{formula}");
    }
    // An archive that is not there makes no release.
    fs::remove_file(archives.join("kestra-secrets-x86_64-apple-darwin.tar.gz.sha256")).unwrap();
    assert!(!runner.step(RELEASE, STEP, &work).status.success());
}

/// The template is filled as cargo-binstall's documentation says.
#[test]
fn cargo_binstall_is_led_to_what_a_release_packs() {
    let manifest: toml::Value = toml::from_str(include_str!("../../Cargo.toml")).unwrap();
    let package = &manifest["package"];
    let binstall = &package["metadata"]["binstall"];
    let filled = |template: &str| {
        let known = [
            ("repo", package["repository"].as_str().unwrap()),
            ("name", "kestra-secrets"),
            ("bin", "kestra-secrets"),
            ("version", env!("CARGO_PKG_VERSION")),
            ("target", "x86_64-unknown-linux-gnu"),
            ("binary-ext", ""),
        ];
        known.iter().fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{ {name} }}"), value)
        })
    };
    let releases = format!("{}/releases/download", package["repository"].as_str().unwrap());
    let url = format!("{releases}/v{}/{ARCHIVE}", env!("CARGO_PKG_VERSION"));
    assert_eq!(filled(binstall["pkg-url"].as_str().unwrap()), url);
    let runner = Runner::new();
    runner.release();
    let packed = fs::File::open(runner.sandbox.work().join(ARCHIVE)).unwrap();
    let mut packed = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut files = packed
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().into_owned());
    let bin = filled(binstall["bin-dir"].as_str().unwrap());
    assert!(files.any(|file| file == Path::new(&bin)), "{bin}");
}

#[test]
fn the_image_is_named_as_a_registry_takes_it_and_signed_by_its_digest() {
    let mut runner = Runner::new();
    runner
        .expressions
        .insert("vars.IMAGE", "registry.example.com/Owner/kestra-secrets".into());
    let work = runner.sandbox.work();
    let output = runner.step(RELEASE, "Name the image", &work);
    assert!(output.status.success(), "{output:?}");
    let told = fs::read_to_string(work.join("github-output")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        told,
        format!(
            "registry=registry.example.com\nimage=registry.example.com/owner/kestra-secrets\n\
             tag=registry.example.com/owner/kestra-secrets:{version}\n"
        )
    );
    runner.plays("cosign", "printf '<%s>' \"$@\"");
    runner.expressions.insert(
        "steps.name.outputs.image",
        "registry.example.com/owner/kestra-secrets".into(),
    );
    runner
        .expressions
        .insert("steps.build.outputs.digest", "sha256:0".into());
    let output = runner.step(RELEASE, "Sign the image", &work);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "<sign><--yes><registry.example.com/owner/kestra-secrets@sha256:0>"
    );
}
