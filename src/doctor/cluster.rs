//! Checks the kubeconfig, and the rights in the named context.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::config::Kubeconfig;
use kube::{Api, Client};
use serde::Deserialize;

use super::{Check, CheckStatus};
use crate::plan::ProviderKind;
use crate::provider::live;
use crate::run::session::{ProviderChoice, ProviderSpec};
use crate::system::yaml;
use crate::tools::cluster::Cluster;

/// The rights that suffice, where namespaces are made and where one is given.
const RIGHTS: [(&str, &str); 2] = [
    (
        "deploy/rbac-namespaces.yaml",
        include_str!("../../deploy/rbac-namespaces.yaml"),
    ),
    (
        "deploy/rbac-one-namespace.yaml",
        include_str!("../../deploy/rbac-one-namespace.yaml"),
    ),
];
/// Without these a run only takes longer, as the files say.
const DISPENSABLE: [(&str, &str); 2] = [("nodes", "list"), ("pods", "deletecollection")];
const ANSWER: Duration = Duration::from_secs(10);
/// How many questions at a time.
const AT_ONCE: usize = 16;
const NEEDED_BY: [ProviderKind; 1] = [ProviderKind::Context];

pub(super) async fn check_cluster(place: &ProviderChoice) -> Vec<Check> {
    let ProviderChoice::Named(ProviderSpec::Live {
        place: live::ClusterSpec::Context { context, namespace },
        ..
    }) = place
    else {
        return vec![contexts()];
    };
    let mut findings = vec![contexts()];
    let name = context.name();
    let check = format!("context {context}");
    match tokio::time::timeout(ANSWER, Cluster::connect_to(context)).await {
        Ok(Ok(cluster)) => {
            findings.push(Check::ok(check, format!("Kubernetes {} answers", cluster.version)));
            findings.push(rights(cluster.client, name, namespace.as_deref()).await);
        }
        Ok(Err(infra)) => findings.push(Check::missing(check, &NEEDED_BY, infra).cure("kubectl config get-contexts")),
        Err(_) => findings.push(
            Check::missing(check, &NEEDED_BY, format!("no answer within {} s", ANSWER.as_secs()))
                .cure(format!("kubectl --context {name} version")),
        ),
    }
    findings
}

fn contexts() -> Check {
    match Kubeconfig::read() {
        Ok(config) if config.contexts.is_empty() => {
            Check::new("kubeconfig", CheckStatus::Note, "the kubeconfig has no contexts")
        }
        Ok(config) => {
            let names: Vec<_> = config.contexts.iter().map(|c| c.name.as_str()).collect();
            Check::ok("kubeconfig", format!("contexts: {}", names.join(", ")))
        }
        Err(e) => Check::new("kubeconfig", CheckStatus::Note, format!("no readable kubeconfig: {e}"))
            .cure("export KUBECONFIG=FILE"),
    }
}

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Right {
    group: String,
    resource: String,
    verb: String,
}

/// What a file of rights grants.
fn wanted(text: &str) -> Vec<Right> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rule {
        api_groups: Vec<String>,
        resources: Vec<String>,
        verbs: Vec<String>,
    }
    let documents: Vec<serde_json::Value> = yaml::documents(text.as_bytes()).unwrap_or_default();
    let rules = documents.iter().filter_map(|d| d.get("rules").cloned());
    let rules = rules
        .filter_map(|r| serde_json::from_value::<Vec<Rule>>(r).ok())
        .flatten();
    rules
        .flat_map(|rule| {
            let each = |group: &String| {
                let of = |resource: &String| {
                    rule.verbs
                        .iter()
                        .map(|verb| Right {
                            group: group.clone(),
                            resource: resource.clone(),
                            verb: verb.clone(),
                        })
                        .collect::<Vec<_>>()
                };
                rule.resources.iter().flat_map(of).collect::<Vec<_>>()
            };
            rule.api_groups.iter().flat_map(each).collect::<Vec<_>>()
        })
        .collect()
}

async fn rights(client: Client, context: &str, namespace: Option<&str>) -> Check {
    let (file, text) = RIGHTS[usize::from(namespace.is_some())];
    let reviews = Api::<SelfSubjectAccessReview>::all(client);
    let ask = async |right: Right| {
        let (resource, subresource) = match right.resource.split_once('/') {
            Some((resource, sub)) => (resource.to_owned(), Some(sub.to_owned())),
            None => (right.resource.clone(), None),
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    namespace: namespace.map(str::to_owned),
                    group: Some(right.group.clone()),
                    resource: Some(resource),
                    subresource,
                    verb: Some(right.verb.clone()),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await;
        answer.map(|a| (right, a.status.is_some_and(|s| s.allowed)))
    };
    let wanted = wanted(text);
    let count = wanted.len();
    let asked = futures::stream::iter(wanted)
        .map(ask)
        .buffered(AT_ONCE)
        .collect::<Vec<_>>();
    let answers: Result<Vec<(Right, bool)>, String> = match tokio::time::timeout(ANSWER, asked).await {
        Ok(answers) => answers.into_iter().collect::<Result<_, _>>().map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
    };
    let check = "rights";
    match answers {
        Ok(answers) => judge_rights(check, file, count, &answers).unwrap_or_else(|(status, lacking)| {
            let stops = if status == CheckStatus::Missing {
                &NEEDED_BY[..]
            } else {
                &[]
            };
            let on = namespace.map(|ns| format!(" -n {ns}")).unwrap_or_default();
            Check {
                status,
                ..Check::missing(check, stops, format!("lacks {lacking}"))
                    .cure(format!("kubectl --context {context}{on} apply -f {file}"))
            }
        }),
        Err(why) => Check::missing(check, &NEEDED_BY, format!("failed to ask for the rights: {why}"))
            .cure(format!("kubectl --context {context} auth can-i --list")),
    }
}

/// All is well, or how bad it is and what is lacking.
fn judge_rights(
    check: &str,
    file: &str,
    count: usize,
    answers: &[(Right, bool)],
) -> Result<Check, (CheckStatus, String)> {
    let lacking: Vec<&Right> = answers
        .iter()
        .filter(|(_, allowed)| !allowed)
        .map(|(right, _)| right)
        .collect();
    if lacking.is_empty() {
        return Ok(Check::ok(check, format!("all {count} of {file}")));
    }
    let dispensable = |right: &&Right| DISPENSABLE.contains(&(right.resource.as_str(), right.verb.as_str()));
    let status = if lacking.iter().all(dispensable) {
        CheckStatus::Warning
    } else {
        CheckStatus::Missing
    };
    let each: Vec<_> = lacking.iter().map(|r| format!("{} {}", r.verb, r.resource)).collect();
    Err((status, each.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_rights_are_read() {
        let [all, one] = RIGHTS.map(|(_, text)| wanted(text));
        let right = |group: &str, resource: &str, verb: &str| Right {
            group: group.into(),
            resource: resource.into(),
            verb: verb.into(),
        };
        assert!(all.contains(&right("", "namespaces", "create")));
        assert!(all.contains(&right("apps", "deployments", "patch")));
        assert!(one.contains(&right("", "pods/portforward", "get")));
        assert!(!one.iter().any(|r| r.resource == "namespaces"));
    }

    #[test]
    fn what_only_takes_longer_is_a_warning() {
        let answers = |denied: &[(&str, &str)]| -> Vec<_> {
            wanted(RIGHTS[0].1)
                .into_iter()
                .map(|r| {
                    let allowed = !denied.contains(&(r.resource.as_str(), r.verb.as_str()));
                    (r, allowed)
                })
                .collect()
        };
        let judged = |denied: &[(&str, &str)]| judge_rights("rights", "f", 1, &answers(denied)).unwrap_err();
        assert_eq!(
            judged(&[("nodes", "list")]),
            (CheckStatus::Warning, "list nodes".into())
        );
        let (status, lacking) = judged(&[("nodes", "list"), ("secrets", "create")]);
        assert_eq!(
            (status, lacking.as_str()),
            (CheckStatus::Missing, "list nodes, create secrets")
        );
    }
}
