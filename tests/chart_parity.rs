//! The small chart against the official one: whatever values both are given, they must render the same
//! objects, or refuse in the same words.
//!
//! The publisher's charts are not part of this repository. `KESTRA_SECRETS_CHARTS` names a directory that holds them,
//! unpacked; `KESTRA_SECRETS_HELM` names helm when it is not on `PATH`. Then `cargo test --test chart_parity` has a trial
//! for each chart in it.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use assert_cmd::Command;
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use tempfile::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Release names with and without the chart's own name in them: it decides how objects are called.
const RELEASES: [&str; 3] = ["kestra", "prod", "my-kestra-2"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(folder) = env::var_os("KESTRA_SECRETS_CHARTS") else {
        let none = Trial::test("the_publishers_charts", || {
            Err("KESTRA_SECRETS_CHARTS is not set".into())
        });
        return libtest_mimic::run(&arguments, vec![none.with_ignored_flag(true)]).exit_code();
    };
    match trials(Path::new(&folder)) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(why) => {
            eprintln!("{}: {why}", Path::new(&folder).display());
            ExitCode::FAILURE
        }
    }
}

fn trials(folder: &Path) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    for entry in fs::read_dir(folder)? {
        let chart = entry?.path();
        if !chart.join("Chart.yaml").is_file() {
            continue;
        }
        let about = yaml(&fs::read_to_string(chart.join("Chart.yaml"))?)?.swap_remove(0);
        let version = about["version"].as_str().ok_or("a chart without a version")?.to_owned();
        let generation = if version.starts_with('0') { "0.x" } else { "1.x" };
        let (refused, refusing) = (chart.clone(), format!("{version}_refuses_in_the_same_words"));
        let renders = format!("{version}_renders_the_same_as_{generation}");
        let trial = move || assert_parity(generation, &version, &chart).map_err(|e| e.to_string().into());
        trials.push(Trial::test(renders, trial));
        if generation == "1.x" {
            let trial = move || assert_refusals(&refused).map_err(|e| e.to_string().into());
            trials.push(Trial::test(refusing, trial));
        }
    }
    if trials.is_empty() {
        return Err("it holds no chart".into());
    }
    Ok(trials)
}

fn assert_refusals(chart: &Path) -> Outcome {
    let official = Chart::official(chart)?;
    let small = Chart::small("1.x");
    for file in values("1.x/refused")? {
        let theirs = official.template("kestra", &file)?.err().as_deref().and_then(refusal);
        let ours = small.template("kestra", &file)?.err().as_deref().and_then(refusal);
        assert!(
            theirs.is_some(),
            "{}: the publisher's chart does not refuse",
            file.display()
        );
        assert_eq!(ours, theirs, "{}", file.display());
    }
    Ok(())
}

/// The charts that the small one was written after: of these every object must be the same. Of the others it must be
/// what reaches a container; their probes, annotations and arguments come and go.
const MODELS: [&str; 2] = ["0.23.9", "1.0.54"];

/// What each container of a workload is given as variables, but for what the chart itself gives to Java.
fn environments(object: &Value) -> Value {
    let pod = &object["spec"]["template"]["spec"];
    let containers = ["initContainers", "containers"].map(|list| pod[list].as_array().cloned().unwrap_or_default());
    let given = containers.concat().into_iter().map(|container| {
        let mut env = container["env"].as_array().cloned().unwrap_or_default();
        env.retain(|variable| !variable["name"].as_str().is_some_and(|name| name.contains("JAVA")));
        json!({"env": env, "envFrom": container["envFrom"]})
    });
    given.collect()
}

fn assert_parity(generation: &str, version: &str, chart: &Path) -> Outcome {
    let is_modelled = MODELS.contains(&version);
    let official = Chart::official(chart)?;
    let small = Chart::small(generation);
    for file in values(generation)? {
        for release in RELEASES {
            let theirs = objects(&official.template(release, &file)??)?;
            let ours = objects(&small.template(release, &file)??)?;
            let context = format!("{} as release {release}", file.display());
            assert!(
                theirs.keys().any(|name| name.starts_with("Deployment/")),
                "{context}: no workload"
            );
            assert_eq!(
                ours.keys().collect::<Vec<_>>(),
                theirs.keys().collect::<Vec<_>>(),
                "{context}"
            );
            for (name, object) in &theirs {
                let (ours, theirs) = if is_modelled {
                    (ours[name].clone(), object.clone())
                } else {
                    (environments(&ours[name]), environments(object))
                };
                assert_eq!(apart(name, &ours, &theirs), None, "{context}");
            }
        }
    }
    Ok(())
}

/// Where two values first part, and what each has there.
fn apart(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    let missing = Value::Null;
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            let (a, b) = (a.get(key).unwrap_or(&missing), b.get(key).unwrap_or(&missing));
            apart(&format!("{path}.{key}"), a, b)
        }),
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len())).find_map(|at| {
            let (a, b) = (a.get(at).unwrap_or(&missing), b.get(at).unwrap_or(&missing));
            apart(&format!("{path}[{at}]"), a, b)
        }),
        _ => (ours != theirs).then(|| format!("{path}: ours {ours}, theirs {theirs}")),
    }
}

/// A chart that helm can render, and the arguments it needs beyond the values.
struct Chart {
    folder: PathBuf,
    arguments: Vec<String>,
    /// Keeps the copy that `folder` lies in.
    _copy: Option<TempDir>,
}

impl Chart {
    fn small(generation: &str) -> Self {
        Self {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kestra-minimal"),
            arguments: vec!["--set-string".into(), format!("generation={generation}")],
            _copy: None,
        }
    }

    /// A copy without subcharts: they are switched off, yet helm renders nothing while one is missing.
    fn official(source: &Path) -> Outcome<Self> {
        let copy = TempDir::new()?;
        fs::create_dir(copy.path().join("templates"))?;
        for name in ["values.yaml", "templates"] {
            let path = source.join(name);
            let files = if path.is_dir() {
                fs::read_dir(&path)?
                    .map(|entry| Ok(entry?.path()))
                    .collect::<Outcome<Vec<_>>>()?
            } else {
                vec![path]
            };
            for file in files {
                fs::copy(&file, copy.path().join(file.strip_prefix(source)?))?;
            }
        }
        let mut manifest: Value = yaml(&fs::read_to_string(source.join("Chart.yaml"))?)?.swap_remove(0);
        manifest
            .as_object_mut()
            .ok_or("Chart.yaml is no mapping")?
            .remove("dependencies");
        fs::write(copy.path().join("Chart.yaml"), manifest.to_string())?;
        Ok(Self {
            folder: copy.path().to_owned(),
            arguments: Vec::new(),
            _copy: Some(copy),
        })
    }

    /// What `helm template` prints, or what it complains of; values go in as the harness gives them.
    fn template(&self, release: &str, values: &Path) -> Outcome<Result<String, String>> {
        let helm = env::var_os("KESTRA_SECRETS_HELM").unwrap_or_else(|| "helm".into());
        let output = Command::new(helm)
            .args(["template", release, "--values", "-"])
            .args(&self.arguments)
            .arg(&self.folder)
            .write_stdin(fs::read(values)?)
            .timeout(Duration::from_secs(60))
            .output()?;
        Ok(if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            Err(format!(
                "{}: {}",
                values.display(),
                String::from_utf8_lossy(&output.stderr)
            ))
        })
    }
}

/// The values files of a folder, of which there must be some.
fn values(folder: &str) -> Outcome<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/charts/values")
        .join(folder);
    let mut files = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Outcome<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    if files.is_empty() {
        Err(format!("no values in {}", folder.display()).into())
    } else {
        Ok(files)
    }
}

/// The words a template gave to `fail`.
fn refusal(stderr: &str) -> Option<String> {
    let (_, words) = stderr.split_once("execution error at (")?.1.split_once("): ")?;
    words.lines().next().map(str::to_owned)
}

/// Reads numbers as helm does: `0444` is octal.
fn yaml(text: &str) -> Outcome<Vec<Value>> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    Ok(serde_saphyr::from_multiple_with_options(text, options)?)
}

/// Rendered objects by kind and name, without what may differ.
fn objects(rendered: &str) -> Outcome<BTreeMap<String, Value>> {
    let mut objects = BTreeMap::new();
    for mut object in yaml(rendered)? {
        if object.is_null() {
            continue;
        }
        level(&mut object);
        let name = format!("{}/{}", object["kind"], object["metadata"]["name"]).replace('"', "");
        if let Some(twin) = objects.insert(name, object) {
            return Err(format!("rendered twice: {twin}").into());
        }
    }
    Ok(objects)
}

/// Takes away what is meant to differ: which chart it was, checksums of text that is equal in meaning only,
/// the dind sidecar with its volumes, and the ways to write nothing.
fn level(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("helm.sh/chart");
            map.remove("app.kubernetes.io/version");
            for (key, child) in map.iter_mut() {
                if key.starts_with("checksum/") {
                    *child = "checksum".into();
                }
                level(child);
            }
            map.retain(|key, child| {
                let nothing =
                    matches!(key.as_str(), "resources" | "securityContext") && *child == serde_json::json!({});
                !child.is_null() && !nothing
            });
            // Lists of nothing but the sidecar's: the official chart then has no such list without it.
            map.retain(|key, child| !(key == "volumes" || key == "volumeMounts") || *child != serde_json::json!([]));
        }
        Value::Array(items) => {
            items.retain(|item| !item["name"].as_str().is_some_and(of_dind));
            items.iter_mut().for_each(level);
        }
        _ => {}
    }
}

fn of_dind(name: &str) -> bool {
    name.ends_with("-docker-dind") || matches!(name, "docker-dind-socket" | "docker-tmp")
}
