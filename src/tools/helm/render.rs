//! `helm template`: a release's manifests, as the API server would get them.

use std::borrow::Cow;
use std::io::Write as _;

use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec, Secret, Service};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::{Chart, DEADLINE, Helm};
use crate::error::InfraCause;
use crate::oracle::secret::Plaintext;
use crate::system::process::{Command, ProcessError, ProcessOutput};
use crate::system::yaml;

/// Why a chart was not rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The chart or helm refused the values: what was given is at fault.
    #[error("{0}")]
    Refused(String),
    /// Helm did not run.
    #[error(transparent)]
    Helm(#[from] ProcessError),
    /// The machine failed us.
    #[error("failed to hand helm its values: {0}")]
    Io(#[from] std::io::Error),
    /// A field of an object has a type that Kubernetes does not know it by: the API server refuses the object.
    #[error("{0}")]
    Mistyped(String),
    /// Helm's output is no list of Kubernetes objects.
    #[error("failed to read what helm rendered: {0}")]
    Output(String),
}

impl InfraCause for RenderError {
    /// Helm was killed.
    fn is_transient(&self) -> bool {
        matches!(self, Self::Helm(error) if super::install::is_transient(error))
    }
}

/// A release's objects, sorted by what the harness does with them.
#[derive(Debug, Default)]
pub struct Rendered {
    /// What makes pods.
    pub workloads: Vec<Workload>,
    /// Mounted or read by the environment.
    pub config_maps: Vec<ConfigMap>,
    /// Mounted or read by the environment.
    pub secrets: Vec<Secret>,
    /// Their names become service links.
    pub services: Vec<Service>,
}

/// A `Deployment` or `StatefulSet` of the release.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The object's name.
    pub name: String,
    /// The label `app.kubernetes.io/component` of its pods.
    pub component: String,
    /// What its pods are made from.
    pub template: PodTemplateSpec,
}

/// What a release is given beside the user's values.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Added {
    /// What the user's values go before.
    pub beneath: Option<Value>,
    /// What goes before the user's values.
    pub above: Option<Value>,
}

impl Helm {
    /// Renders a release: what is added from private files, the user's values on standard input.
    ///
    /// # Errors
    /// [`RenderError::Refused`] when chart or helm refuse the values; the others are the machine's fault.
    pub async fn template(
        &self,
        chart: &Chart,
        release: &str,
        namespace: &str,
        added: &Added,
        values: &Plaintext,
    ) -> Result<Rendered, RenderError> {
        let objects = self.manifests(chart, release, namespace, added, values).await?;
        Rendered::of(objects)
    }

    /// The same as objects that nobody has looked into.
    ///
    /// # Errors
    /// As above.
    pub async fn manifests(
        &self,
        chart: &Chart,
        release: &str,
        namespace: &str,
        added: &Added,
        values: &Plaintext,
    ) -> Result<Vec<Value>, RenderError> {
        let command = self.command().args(["template", release]).arg(&chart.path).args([
            "--namespace",
            namespace,
            "--skip-tests",
        ]);
        let (command, _files) = self.with_values(command, added, values)?;
        let output = command.output(DEADLINE, &self.cancel).await?;
        if !output.status.success() {
            let words = output.last_words().lines().join("\n");
            return match output.status.code() {
                Some(_) if !words.contains("no space left on device") => Err(RenderError::Refused(words)),
                _ => Err(RenderError::Helm(self.ended_badly(&output))),
            };
        }
        objects(&output.stdout)
    }

    /// A call of helm with the values of a release: those that are not the user's by files of mode 0600, which
    /// must outlive the call, since helm reads standard input once.
    pub(super) fn with_values(
        &self,
        command: Command,
        added: &Added,
        values: &Plaintext,
    ) -> std::io::Result<(Command, Vec<tempfile::NamedTempFile>)> {
        let beneath = added.beneath.as_ref().map(|v| self.private_file(v)).transpose()?;
        let above = added.above.as_ref().map(|v| self.private_file(v)).transpose()?;
        let mut command = command;
        if let Some(file) = &beneath {
            command = command.arg("--values").arg(file.path());
        }
        command = command.args(["--values", "-"]).stdin(values.bytes());
        if let Some(file) = &above {
            command = command.arg("--values").arg(file.path());
        }
        Ok((command, beneath.into_iter().chain(above).collect()))
    }

    pub(super) fn ended_badly(&self, output: &ProcessOutput) -> ProcessError {
        ProcessError::Exit {
            program: self.path.display().to_string(),
            status: output.status,
            last_words: output.last_words(),
        }
    }

    /// A file that only this user can read, gone when dropped.
    fn private_file(&self, value: &Value) -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new().suffix(".json").tempfile_in(&self.folder)?;
        file.write_all(value.to_string().as_bytes())?;
        file.flush()?;
        Ok(file)
    }
}

/// What helm's YAML 1.1 wrote, for a reader of YAML 1.2. To the former U+2028 and U+2029 end a line: `toYaml`
/// goes on after them with the indentation, which its reader takes away again and the latter takes for a part of
/// the text.
fn unfolded(text: &[u8]) -> Cow<'_, [u8]> {
    const BREAKS: [&str; 2] = ["\u{2028}", "\u{2029}"];
    match std::str::from_utf8(text) {
        Ok(text) if BREAKS.iter().any(|b| text.contains(b)) => {
            let mut lines = text.split_inclusive(['\u{2028}', '\u{2029}']);
            let first = lines.next().unwrap_or_default().to_owned();
            let all = lines.fold(first, |all, line| all + line.trim_start_matches([' ', '\t']));
            Cow::Owned(all.into_bytes())
        }
        _ => Cow::Borrowed(text),
    }
}

/// A stream of manifests as objects.
fn objects(text: &[u8]) -> Result<Vec<Value>, RenderError> {
    let objects: Vec<Value> = yaml::documents_with_octals(&unfolded(text))
        .map_err(|e| RenderError::Output(crate::error::InputError::yaml("helm template", &e, "").message))?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

impl Rendered {
    /// Reads a stream of manifests.
    #[doc(hidden)] // seen by fuzz/ alone
    pub fn read(text: &[u8]) -> Result<Self, RenderError> {
        Self::of(objects(text)?)
    }

    fn of(objects: Vec<Value>) -> Result<Self, RenderError> {
        let mut rendered = Self::default();
        for object in objects {
            match object.get("kind").and_then(Value::as_str) {
                Some("Deployment" | "StatefulSet") => rendered.workloads.push(workload(&object)?),
                Some("ConfigMap") => rendered.config_maps.push(typed(object, "ConfigMap")?),
                Some("Secret") => rendered.secrets.push(typed(object, "Secret")?),
                Some("Service") => rendered.services.push(typed(object, "Service")?),
                _ => {}
            }
        }
        Ok(rendered)
    }

    /// The workload whose pods have this component label.
    pub fn component(&self, component: &str) -> Option<&Workload> {
        self.workloads.iter().find(|w| w.component == component)
    }
}

/// An object, or what of it has another type, without the text that stands there: it may be a secret.
fn typed<T: serde::de::DeserializeOwned>(object: Value, what: &str) -> Result<T, RenderError> {
    serde_json::from_value(object).map_err(|e| {
        let words = e.to_string();
        let expected = words
            .rsplit_once("expected ")
            .map_or("another type", |(_, expected)| expected);
        RenderError::Mistyped(format!(
            "the API server refuses a field of the {what}: expected {expected}"
        ))
    })
}

fn workload(object: &Value) -> Result<Workload, RenderError> {
    let bad = |what: &str| RenderError::Output(format!("a workload has no {what}"));
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("name"))?;
    let template = object
        .pointer("/spec/template")
        .cloned()
        .ok_or_else(|| bad("pod template"))?;
    let template: PodTemplateSpec = typed(template, "pod")?;
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let component = labels
        .and_then(|l| l.get("app.kubernetes.io/component"))
        .cloned()
        .unwrap_or_default();
    Ok(Workload {
        name: name.into(),
        component,
        template,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_separator_in_a_value_is_not_followed_by_helms_indentation() {
        // As helm 3.22 renders it.
        let rendered = "a:\n  value: 'Zp/F\u{2028}    mowG/\u{2029}'\n";
        let read: Value = yaml::from_str(str::from_utf8(&unfolded(rendered.as_bytes())).unwrap()).unwrap();
        assert_eq!(read["a"]["value"], "Zp/F\u{2028}mowG/\u{2029}");
        assert!(matches!(unfolded(b"a: '\xc2\x85  b'"), Cow::Borrowed(_)));
    }
}
