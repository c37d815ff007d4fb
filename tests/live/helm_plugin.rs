//! The plugin in `helm-plugin/`, installed into the real helm, 3 and 4, and given helm's own arguments.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::Trial;

use crate::support::publisher::Server;
use crate::support::sandbox::{Ended, Sandbox, program, run};
use crate::support::{ENGINE, requirements};
use crate::{live, on_provider};

pub fn trials() -> Vec<Trial> {
    type PluginCheck = fn(&Helm);
    let checks: [(&str, PluginCheck); 4] = [
        ("lint_takes_helms_files_and_a_chart_of_a_repository", lint),
        ("what_is_set_is_merged_by_helm_and_judged", set),
        ("check_proves_what_helm_would_install", check),
        ("what_helm_refuses_exits_2_and_quotes_no_secret", refused),
    ];
    let by_helm = checks.map(|(name, check)| {
        live("helm_plugin", name, move || {
            check(&Helm::with_plugin(requirements::helm()));
        })
    });
    let by_helm4 = checks.map(|(name, check)| {
        let name = format!("helm_plugin::by_helm_4_{name}");
        let lacking =
            || requirements::lacking_helm4().or_else(|| requirements::lacking_for_engine(&CURRENT_ENGINES[0]));
        on_provider("kind", name, lacking, move || {
            check(&Helm::with_plugin(requirements::HELM4.into()));
        })
    });
    by_helm.into_iter().chain(by_helm4).collect()
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const BAD: &str =
    "configurations: {application: {kestra: {}}}\ncommon:\n  extraEnv:\n    - {name: SECRET_A, value: \"tern-77!\"}\n";

/// A helm of the test's own with the plugin in it.
struct Helm {
    sandbox: Sandbox,
    helm: PathBuf,
}

impl Helm {
    fn with_plugin(helm: PathBuf) -> Self {
        let sandbox = Sandbox::new();
        let bin = sandbox.root().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(program(), bin.join("kestra-secrets")).unwrap();
        let helm = Self { sandbox, helm };
        helm.run(&["plugin", "install", &format!("{ROOT}/helm-plugin")])
            .with_code(0);
        let listed = helm.run(&["plugin", "list"]).with_code(0).stdout;
        let version = env!("CARGO_PKG_VERSION");
        let row = listed.lines().find(|line| line.starts_with("kestra-secrets"));
        assert!(
            row.is_some_and(|row| row.contains(version)),
            "the plugin is of another version:\n{listed}"
        );
        helm
    }

    fn run(&self, args: &[&str]) -> Ended {
        // A command of the sandbox has the environment that is wanted, and another program.
        let ours = self.sandbox.command::<&str>([]);
        let mut command = Command::new(&self.helm);
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let path = std::env::var("PATH").unwrap();
        command
            .args(args)
            .current_dir(self.sandbox.work())
            .env("PATH", format!("{}:{path}", self.sandbox.root().join("bin").display()))
            .stdin(std::process::Stdio::null());
        for home in ["CACHE", "CONFIG", "DATA"] {
            command.env(format!("HELM_{home}_HOME"), self.sandbox.root().join(home));
        }
        command.env_remove("HELM_PLUGINS");
        run(command)
    }
}

/// A repository with our chart under the name of the publisher's.
fn repository(helm: &Helm) -> Server {
    let chart = helm.sandbox.root().join("kestra");
    copy(&PathBuf::from(ROOT).join("charts/kestra-minimal"), &chart);
    let about = fs::read_to_string(chart.join("Chart.yaml")).unwrap();
    fs::write(
        chart.join("Chart.yaml"),
        about.replace("name: kestra-minimal", "name: kestra"),
    )
    .unwrap();
    let archives = helm.sandbox.root().join("archives");
    for version in ["1.0.0", "2.0.0"] {
        let args = [
            "package",
            chart.to_str().unwrap(),
            "--version",
            version,
            "-d",
            archives.to_str().unwrap(),
        ];
        helm.run(&args).with_code(0);
    }
    helm.run(&["repo", "index", archives.to_str().unwrap()]).with_code(0);
    let files = fs::read_dir(archives).unwrap().map(|entry| entry.unwrap());
    Server::start(files.map(|file| {
        let name = format!("/{}", file.file_name().to_str().unwrap());
        (name, fs::read(file.path()).unwrap())
    }))
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn lint(helm: &Helm) {
    let server = repository(helm);
    helm.run(&["repo", "add", "kestra", &server.url()]).with_code(0);
    helm.sandbox.file("values.yaml", BAD);
    let args = [
        "kestra-secrets",
        "lint",
        "my-kestra",
        "kestra/kestra",
        "-f",
        "values.yaml",
        "--version",
        "1.0.0",
    ];
    let ended = helm.run(&args).with_code(1);
    assert!(
        ended.stdout.contains("values.yaml:4:31: error[KS004]: SECRET_A"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("by rendering kestra 1.0.0"), "{}", ended.stdout);
    let args = [
        "kestra-secrets",
        "lint",
        "kestra",
        "--repo",
        &server.url(),
        "--values=values.yaml",
        "-n",
        "flows",
    ];
    let ended = helm
        .run(&[&args[..], &["--", "--format", "json"]].concat())
        .with_code(1);
    assert!(ended.stdout.contains("\"kestra 2.0.0 ("), "{}", ended.stdout);
    // A chart around Kestra's has values of its own.
    helm.sandbox.file(
        "platform/Chart.yaml",
        "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies: [{name: kestra, version: 1.0.0, repository: x}]\n",
    );
    helm.sandbox.file(
        "platform/values.yaml",
        "kestra: {common: {extraEnv: [{name: SECRET_A, value: \"tern-77!\"}]}}\n",
    );
    let ended = helm.run(&["kestra-secrets", "lint", "platform"]).with_code(1);
    assert!(ended.stdout.contains("error[KS004]"), "{}", ended.stdout);
    helm.sandbox.assert_clean();
}

/// A command on a chart with a file of values, of which one is set.
fn setting<'a>(command: &'a str, chart: &'a str, set: &'a str) -> [&'a str; 8] {
    let name = "kestra";
    [
        "kestra-secrets",
        command,
        name,
        chart,
        "-f",
        "values.yaml",
        "--set-string",
        set,
    ]
}

fn set(helm: &Helm) {
    let chart = format!("{ROOT}/charts/kestra-minimal");
    helm.sandbox.file("values.yaml", BAD);
    let lint = |set: &str| helm.run(&setting("lint", &chart, set));
    let ended = lint("common.extraEnv[0].value=dGVybi03NyE=").with_code(0);
    assert!(
        ended.stdout.contains("read     1 secret in 1 file, by rendering"),
        "{}",
        ended.stdout
    );
    let ended = lint("common.extraEnv[0].value=gull-78!").with_code(1);
    assert!(
        ended
            .stdout
            .contains("12: error[KS004]: SECRET_A: plaintext where Base64 is due (8 bytes"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("gull-78") && !ended.stderr.contains("gull-78"));
    helm.sandbox.assert_clean();
}

fn check(helm: &Helm) {
    let chart = format!("{ROOT}/charts/kestra-minimal");
    helm.sandbox.file("values.yaml", BAD);
    helm.sandbox.file("password.txt", "tern-77!");
    let check = |set: &str| {
        let flags = ["--", "--expect", "A=@password.txt", "--kestra", ENGINE];
        helm.run(&[&setting("check", &chart, set)[..], &flags].concat())
    };
    let ended = check("common.extraEnv[0].value=dGVybi03NyE=").with_code(0);
    assert!(ended.stderr_words().contains("named by HELM_BIN"), "{}", ended.stderr);
    let ended = check("common.extraEnv[0].value=dGVybi03NyEK").with_code(1);
    assert!(ended.stdout.contains("KS001"), "{}", ended.stdout);
    helm.sandbox.assert_clean();
}

fn refused(helm: &Helm) {
    let chart = format!("{ROOT}/charts/kestra-minimal");
    let lint = |args: &[&str]| helm.run(&[&["kestra-secrets", "lint"], args].concat());
    // Helm would quote what stands behind the comma.
    let ended = lint(&[&chart, "--set", "a=tern-76!,gull-78!"]).with_code(2);
    assert!(ended.stderr.contains("helm refused the values"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("gull-78"), "{}", ended.stderr);
    let repo = "http://user:skua-79@127.0.0.1:1";
    let ended = lint(&["kestra", "--repo", repo, "-f", "values.yaml"]).with_code(3);
    assert!(
        ended.stderr_words().contains("failed to get the chart"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("skua-79"), "{}", ended.stderr);
    let ended = lint(&["kestra", "nowhere/kestra", "-f", "values.yaml"]).with_code(3);
    assert!(
        ended.stderr_words().contains("repo nowhere not found"),
        "{}",
        ended.stderr
    );
    lint(&["a", "b", "c", "-f", "values.yaml"]).with_code(2);
    let ended = lint(&[]).with_code(2);
    assert!(
        ended
            .stderr_words()
            .contains("there are no values: give them with -f or --set"),
        "{}",
        ended.stderr
    );
    helm.sandbox.assert_clean();
}
