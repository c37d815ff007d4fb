//! A compose file as values of Kestra's chart: `check` gives Kestra the variables that compose would.

use serde_json::{Value, json};

use crate::error::InputError;
use crate::release::chart_keys::is_secret;
use crate::release::compose::{self, ComposeProject, ComposeService, ComposeValue};
use crate::release::input::SourceFile;
use crate::release::tree::Tree;
use crate::system::words::{listed, visible};

/// What a compose file gives Kestra. No `Debug`: it holds secrets.
pub struct ComposedValues {
    /// Its secrets, as values of the chart.
    pub values: Value,
    /// The numbers of the compose files and of the env files that they read.
    pub sources: Vec<usize>,
    /// What was made of them, and what was left out.
    pub notes: Vec<String>,
}

/// Reads the compose files among the sources; none if no service of theirs runs Kestra.
///
/// # Errors
/// [`InputError`] when they have several services of Kestra with different secrets, which one release is not.
pub fn read(sources: &[SourceFile]) -> Result<Option<ComposedValues>, InputError> {
    let trees: Vec<Tree> = sources.iter().map(|source| source.tree().unwrap_or_default()).collect();
    let pairs: Vec<_> = sources.iter().zip(&trees).collect();
    let is_compose = |number: &usize| {
        let (_, tree) = &pairs[*number];
        tree.roots.iter().any(|root| compose::is_compose(tree, *root))
    };
    let files: Vec<usize> = (0..sources.len()).filter(is_compose).collect();
    let names: Vec<&str> = files.iter().map(|number| sources[*number].name.as_str()).collect();
    let refused = |why: &str, help: &str| Err(InputError::whole(names.join(" "), why, Some(help.into())));
    let Some(projects) = compose::read(&pairs) else {
        return refused("the services multiply by aliases beyond all measure", "write them out");
    };
    let mut services = projects.iter().flat_map(|project| &project.services);
    let Some(first) = services.next() else {
        return Ok(None);
    };
    let given = ComposedSecrets::of(first);
    if services.any(|other| ComposedSecrets::of(other) != given) {
        return refused(
            "has several services of Kestra that get different secrets",
            "check proves one Kestra: leave one service in a copy of the file",
        );
    }
    let env_files = projects.iter().flat_map(|project: &ComposeProject| &project.env_files);
    Ok(Some(ComposedValues {
        sources: files.iter().chain(env_files).copied().collect(),
        notes: given.notes(&names, first),
        values: given.values(),
    }))
}

/// The secrets of a service, and those of which only the shell knows the value.
#[derive(PartialEq, Eq)]
struct ComposedSecrets<'a> {
    known: Vec<(&'a str, &'a str)>,
    unknown: Vec<&'a str>,
}

impl<'a> ComposedSecrets<'a> {
    fn of(service: &'a ComposeService) -> Self {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for variable in service.variables.iter().filter(|variable| is_secret(&variable.name)) {
            known.retain(|(name, _)| *name != variable.name);
            unknown.retain(|name| *name != variable.name);
            match &variable.value {
                ComposeValue::Text { text, .. } => known.push((variable.name.as_str(), text.as_str())),
                ComposeValue::Shell | ComposeValue::Tagged => unknown.push(variable.name.as_str()),
            }
        }
        Self { known, unknown }
    }

    /// Docker hands values over as they are, and Kubernetes reads `$(NAME)` in them.
    fn values(&self) -> Value {
        let entry = |(name, value): &(&str, &str)| json!({"name": name, "value": value.replace("$(", "$$(")});
        json!({"common": {"extraEnv": self.known.iter().map(entry).collect::<Vec<_>>()}})
    }

    fn notes(&self, files: &[&str], service: &ComposeService) -> Vec<String> {
        let mut notes = vec![format!(
            "from {} Kestra gets the variables whose names begin with SECRET_, and nothing else of its service",
            listed(files, "and")
        )];
        for name in &self.unknown {
            notes.push(format!(
                "{} comes from the shell that starts compose, so it is left out; `.env` would give it",
                visible(name)
            ));
        }
        for file in &service.missing {
            notes.push(format!("the env file {} is not among the files", visible(file)));
        }
        notes
    }
}
