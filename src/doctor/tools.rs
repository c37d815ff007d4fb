//! Checks Helm, kind, Java, Maven and the built engines.

use std::collections::BTreeSet;

use super::{Check, CheckStatus};
use crate::kestra::KestraRef;
use crate::plan::ProviderKind;
use crate::provider::embedded::Engine;
use crate::run::session::SessionOptions;
use crate::tools::toolbox::{FolderTool, Java, JavaFor, Tool, Toolbox, ToolboxError, without_credentials};

pub(super) async fn check_tools(options: &SessionOptions, toolbox: &Toolbox) -> Vec<Check> {
    let (helm, kind, engines) = tokio::join!(
        tool(toolbox, Tool::Helm, &ProviderKind::ALL),
        tool(toolbox, Tool::Kind, &[ProviderKind::Kind]),
        engines(options, toolbox),
    );
    [helm, kind].into_iter().chain(engines).collect()
}

async fn tool(toolbox: &Toolbox, tool: Tool, needed_by: &[ProviderKind]) -> Check {
    let name = tool.name();
    let missing = |error: ToolboxError| {
        let cure = format!("export {}=/path/to/{name}", tool.variable());
        Check::missing(name, needed_by, brief(&error)).cure(cure)
    };
    match toolbox.here(tool).await {
        Ok(found) => Check::ok(
            name,
            format!("{} {}: {}", found.version, found.how, found.path.display()),
        ),
        Err(error @ ToolboxError::NotFound { .. }) => {
            let version = toolbox.pins().provided(tool);
            if let Some(url) = toolbox.download_url(tool)
                && toolbox.offers(&url).await.is_ok()
            {
                let url = without_credentials(&url);
                let found = format!("not installed; the first run downloads {version} from {url}");
                Check::new(name, CheckStatus::Note, found)
            } else if toolbox.has_go() {
                Check::new(
                    name,
                    CheckStatus::Note,
                    format!("not installed; the first run builds {version} with Go"),
                )
                .cure(format!("go install {}", toolbox.go_module(tool)))
            } else {
                missing(error)
            }
        }
        Err(error) => missing(error),
    }
}

/// What the engines that are asked for need; each Java and Maven once.
async fn engines(options: &SessionOptions, toolbox: &Toolbox) -> Vec<Check> {
    let mut findings = Vec::new();
    let mut javas = BTreeSet::new();
    let mut to_build = BTreeSet::new();
    for kestra in options.kestras() {
        if let KestraRef::Engine(version) = kestra {
            let java = Engine::java(&version);
            javas.insert(java);
            let check = format!("engine {version}");
            findings.push(if Engine::is_built(toolbox.cache(), &version) {
                Check::ok(check, "built and cached")
            } else {
                to_build.insert(java);
                Check::new(
                    check,
                    CheckStatus::Note,
                    "the first run builds it with Maven, in about two minutes",
                )
            });
        }
    }
    for least in javas {
        let purpose = if to_build.contains(&least) {
            JavaFor::Building
        } else {
            JavaFor::Running
        };
        let check = format!("java {least} or newer");
        let java = toolbox.java_here(least, purpose).await;
        findings.push(match &java {
            Ok(java) => Check::ok(check, format!("{} {}: {}", java.version, java.how, java.home.display())),
            Err(error) => {
                let package = format!("apt-get install openjdk-{least}-jdk-headless");
                not_here(toolbox, check, FolderTool::Jdk, error, package).await
            }
        });
        // One Maven builds all; without an engine to build it is not needed.
        if to_build.first() == Some(&least) {
            findings.extend(maven(toolbox, java.ok().as_ref()).await);
        }
    }
    findings
}

/// Maven runs on a Java, and cannot be asked for its version before there is one.
async fn maven(toolbox: &Toolbox, java: Option<&Java>) -> Option<Check> {
    Some(match toolbox.maven_here(java?).await {
        Ok(maven) => Check::ok(
            "maven",
            format!("{} {}: {}", maven.version, maven.how, maven.path.display()),
        ),
        Err(error) => {
            let package = "apt-get install maven".to_owned();
            not_here(toolbox, "maven".into(), FolderTool::Maven, &error, package).await
        }
    })
}

/// What is not installed is downloaded by the first run, where that can be.
async fn not_here(toolbox: &Toolbox, check: String, tool: FolderTool, error: &ToolboxError, package: String) -> Check {
    if let ToolboxError::NotFound { .. } = error
        && let Some(url) = toolbox.folder_url(tool)
        && toolbox.offers(&url).await.is_ok()
    {
        let url = without_credentials(&url);
        let found = format!("not installed; the first run downloads it from {url}");
        return Check::new(check, CheckStatus::Note, found);
    }
    Check::missing(check, &[ProviderKind::Embedded], brief(error)).cure(cure(error, package))
}

/// What was tried, without what to do about it, which is the cure.
fn brief(error: &ToolboxError) -> String {
    match error {
        ToolboxError::NotFound { tried, .. } => tried.join("; "),
        ToolboxError::Named { variable, why, .. } => format!("{variable}: {why}"),
        other => other.to_string(),
    }
}

/// What is named by a variable keeps every other from being found.
fn cure(error: &ToolboxError, otherwise: String) -> String {
    match error {
        ToolboxError::Named { variable, .. } => format!("unset {variable}"),
        _ => otherwise,
    }
}
