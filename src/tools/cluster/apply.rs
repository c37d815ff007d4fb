//! Manifests through the API: never by a file or an argument, and refused in the server's own words.

use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::core::{GroupVersionKind, Request};
use kube::discovery::{self, Scope};
use serde_json::{Map, Value};

use super::{Cluster, names, within_but};
use crate::error::{InfraError, InputError};
use crate::scenario::{Manifest, Stage};
use crate::system::redact::Redactor;
use crate::system::yaml;
use crate::verdict::{Outcome, Stop};

const PHASE: &str = "apply the manifests";
const TAKE_AWAY: &str = "take away the manifests";

/// What was applied, so that it can be taken away again.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its API.
    pub resource: ApiResource,
    /// Its name.
    pub name: String,
}

/// Whether objects may be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each is new: one that is there is somebody else's and is left alone.
    Create,
    /// One that is there is replaced.
    Replace,
}

/// Where manifests go.
pub struct ApplyTarget<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The namespace; one written in a document gives way to it.
    pub namespace: &'a str,
    /// The run, as a label by which `clean` finds the objects; none where the namespace goes as a whole.
    pub run: Option<&'a str>,
    /// Keeps private plaintexts out of the server's words.
    pub redactor: &'a Redactor,
}

impl ApplyTarget<'_> {
    /// Applies the documents of manifests, in their order; what was made is pushed to `applied` as it comes to be.
    ///
    /// As `kubectl apply` does it for an object that is not there, each is posted as it was written, so that
    /// the server's words are the ones a user reads.
    ///
    /// # Errors
    /// An outcome when the API server refuses one; [`InfraError`] when it fails, or an object is there that is not ours.
    pub async fn apply(&self, manifests: &[Manifest], mode: Mode, applied: &mut Vec<Applied>) -> Result<(), Stop> {
        for manifest in manifests {
            let documents = documents(manifest).map_err(|message| self.scrubbed(ApplyFailure::Refused(message)))?;
            for document in documents {
                let done = self.apply_document(document, mode, applied).await;
                done.map_err(|failure| self.scrubbed(failure))?;
            }
        }
        Ok(())
    }

    /// The API of a document's kind, which must be one of a namespace.
    async fn resource(&self, document: &Value) -> Result<ApiResource, ApplyFailure> {
        let text = |key: &str| document.get(key).and_then(Value::as_str);
        let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            return Err(ApplyFailure::Refused("a document has no apiVersion and kind".into()));
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = GroupVersionKind::gvk(group, version, kind);
        match discovery::pinned_kind(&self.cluster.client, &kind).await {
            Ok((_, capabilities)) if capabilities.scope == Scope::Cluster => {
                let cause = format!("a {} belongs to the whole cluster and would outlive the run", kind.kind);
                Err(ApplyFailure::Infra(
                    InfraError::new(PHASE, cause).help("create it beforehand, and leave it out of the manifests"),
                ))
            }
            Ok((resource, _)) => Ok(resource),
            Err(kube::Error::Discovery(_)) => Err(ApplyFailure::Refused(no_matches(&kind))),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(ApplyFailure::Refused(no_matches(&kind))),
            Err(e) => Err(ApplyFailure::Infra(InfraError::caused_by(PHASE, e))),
        }
    }

    fn scrubbed(&self, failure: ApplyFailure) -> Stop {
        match failure {
            ApplyFailure::Refused(message) => Stop::Outcome(Outcome::Refused {
                by: Stage::Apply,
                message: self.redactor.scrub(&message),
            }),
            ApplyFailure::Infra(infra) => Stop::Infra(infra.reworded(|cause| self.redactor.scrub(cause))),
        }
    }

    async fn apply_document(
        &self,
        mut document: Value,
        mode: Mode,
        applied: &mut Vec<Applied>,
    ) -> Result<(), ApplyFailure> {
        let Self { cluster, namespace, .. } = self;
        let resource = self.resource(&document).await?;
        if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".into(), (*namespace).into());
            if let Some(run) = self.run {
                metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()))[names::RUN] = run.into();
            }
        }
        let name = document
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let all = Api::<DynamicObject>::namespaced_with(cluster.client.clone(), namespace, &resource);
        // Posted as bytes: what no type of ours can hold is for the server to refuse.
        let (url, body) = (Request::new(all.resource_url()), document.to_string().into_bytes());
        let options = PostParams::default();
        let post = url
            .create(&options, body.clone())
            .map_err(|e| InfraError::new(PHASE, e))?;
        match answer(cluster.client.request::<Value>(post)).await {
            Ok(()) => applied.push(Applied { resource, name }),
            Err(kube::Error::Api(status)) if status.code == 409 && mode == Mode::Replace => {
                let put = url
                    .replace(&name, &options, body)
                    .map_err(|e| InfraError::new(PHASE, e))?;
                answer(cluster.client.request::<Value>(put))
                    .await
                    .map_err(ApplyFailure::answered)?;
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                return Err(ApplyFailure::Infra(
                    InfraError::new(PHASE, &status.message)
                        .help("it is not this run's and is left alone; name another namespace"),
                ));
            }
            Err(e) => return Err(ApplyFailure::answered(e)),
        }
        Ok(())
    }
}

enum ApplyFailure {
    Refused(String),
    Infra(InfraError),
}

impl From<InfraError> for ApplyFailure {
    fn from(infra: InfraError) -> Self {
        Self::Infra(infra)
    }
}

impl ApplyFailure {
    /// What the inputs cause is a refusal: 400, 422, and the 403 of an admission plugin.
    fn answered(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status)
                if [400, 422].contains(&status.code) || (status.code == 403 && !of_the_cluster(&status.message)) =>
            {
                Self::Refused(status.message)
            }
            other => Self::Infra(InfraError::caused_by(PHASE, other)),
        }
    }
}

/// A right that is missing names the user; a quota is the cluster's as well.
fn of_the_cluster(message: &str) -> bool {
    message.contains(" is forbidden: User ") || message.contains("exceeded quota")
}

fn documents(manifest: &Manifest) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> =
        yaml::documents(manifest.text.bytes()).map_err(|e| InputError::yaml(&manifest.file, &e, "").to_string())?;
    Ok(documents.into_iter().filter(|d| !d.is_null()).collect())
}

async fn answer(call: impl Future<Output = kube::Result<Value>>) -> kube::Result<()> {
    match tokio::time::timeout(super::ANSWER, call).await {
        Ok(answer) => answer.map(drop),
        Err(e) => Err(kube::Error::Service(e.into())),
    }
}

fn no_matches(kind: &GroupVersionKind) -> String {
    format!(
        "no matches for kind {:?} in version {:?}: ensure CRDs are installed first",
        kind.kind,
        kind.api_version()
    )
}

/// Takes away what was applied, the last first; what is gone already is no error.
///
/// # Errors
/// [`InfraError`] when the API server refuses.
pub async fn take_away(cluster: &Cluster, namespace: &str, made: &[Applied]) -> Result<(), InfraError> {
    for Applied { resource, name } in made.iter().rev() {
        let api = Api::<DynamicObject>::namespaced_with(cluster.client.clone(), namespace, resource);
        within_but(TAKE_AWAY, &[404], api.delete(name, &DeleteParams::default())).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::secret::Plaintext;
    use kube::core::Status;

    fn failed(code: u16, message: &str) -> ApplyFailure {
        let status = Status::failure(message, "").with_code(code).boxed();
        ApplyFailure::answered(kube::Error::Api(status))
    }

    #[test]
    fn errors_caused_by_inputs_are_refusals_and_missing_rights_are_not() {
        let said = "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 5";
        assert!(matches!(failed(400, said), ApplyFailure::Refused(m) if m == said));
        assert!(matches!(
            failed(422, "Secret \"x\" is invalid"),
            ApplyFailure::Refused(_)
        ));
        let quota = "secrets \"db-creds\" is forbidden: exceeded quota: few, requested: secrets=1";
        assert!(matches!(failed(403, quota), ApplyFailure::Infra(_)));
        let webhook = "admission webhook \"policy\" denied the request: no bare Secrets";
        assert!(matches!(failed(403, webhook), ApplyFailure::Refused(_)));
        let rbac = "secrets is forbidden: User \"jane\" cannot create resource \"secrets\" in API group \"\"";
        assert!(matches!(failed(403, rbac), ApplyFailure::Infra(i) if i.help.is_some()));
        assert!(matches!(
            failed(500, "etcdserver: request timed out"),
            ApplyFailure::Infra(_)
        ));
    }

    #[test]
    fn a_manifest_may_hold_several_documents_and_empty_ones() {
        let manifest = |text: &str| Manifest {
            file: "m.yaml".into(),
            text: Plaintext::new(text, true),
        };
        assert_eq!(documents(&manifest("---\na: 1\n---\n---\nb: 2\n")).unwrap().len(), 2);
        assert!(documents(&manifest("a: [")).unwrap_err().contains("m.yaml"));
    }
}
