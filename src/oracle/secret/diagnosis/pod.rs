//! What is wrong with a pod's secrets and cannot be seen from a single value.

use std::fmt;

use k8s_openapi::api::core::v1::{Container, EnvVarSource};

use super::{Code, corrected_name};
use crate::oracle::environment::{
    self, Environment, EnvironmentEntry, MAX_EXEC_BYTES, MissingReference, ObjectRef, Pod, Variable, VariableSource,
    is_shell, survives_shell,
};
use crate::oracle::secret::{PREFIX, SecretStore};

/// Something wrong with a pod's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFault {
    /// What it is.
    pub code: Code,
    /// The variables it concerns.
    pub variables: Vec<String>,
    /// Where they are written in the container, the first place to look at first; none where the container
    /// says nothing of them, as of a Service's.
    pub entries: Vec<EnvironmentEntry>,
    /// The case at hand in one sentence; names only, never a value.
    pub says: String,
    /// What to do about it; doing it ends the fault.
    pub remedy: Remedy,
}

/// What ends a [`SecretFault`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Take these out: entries of `env`, or keys of an object.
    Remove(Vec<VariableSource>),
    /// Call a variable something else, and in the flow its key.
    Rename {
        /// As it is called.
        from: String,
        /// As it should be called.
        to: String,
    },
    /// Set `enableServiceLinks: false` for the pod.
    NoServiceLinks,
    /// Name this key, which the object has.
    Refer(String),
    /// Make the object, or the key in it.
    Create {
        /// Which.
        object: ObjectRef,
        /// The key; none where all of the object is referred to.
        key: Option<String>,
    },
    /// Mount them as files in the place of variables.
    MountAsFile(Vec<String>),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove(sources) => {
                let sources: Vec<_> = sources.iter().map(ToString::to_string).collect();
                write!(f, "remove {}", sources.join(" and "))
            }
            Self::Rename { from, to } => write!(f, "call {from} {to}"),
            Self::NoServiceLinks => f.write_str("set `enableServiceLinks: false` for the pod, or rename the Service"),
            Self::Refer(key) => write!(f, "write key {key} in the reference"),
            Self::Create { object, key: Some(key) } => write!(f, "add key {key} to {object}"),
            Self::Create { object, key: None } => write!(f, "create {object}"),
            Self::MountAsFile(names) => write!(f, "mount {} as a file", names.join(", ")),
        }
    }
}

/// Looks at all the secrets that `container` would get on an image with `image_env`.
///
/// A name's prefix in the wrong case, names that collide, a Service's variables, two sources for one name,
/// objects and keys that are missing, a string that Linux does not take, names that the shell drops. What a
/// single value tells is for [`super::diagnose`].
///
/// An object that `pod` does not know is missing; whoever does not know all objects has to leave
/// out what says so of objects that others make.
pub fn of_pod(pod: &Pod<'_>, container: &Container, image_env: &[String]) -> Vec<SecretFault> {
    let mut faults: Vec<SecretFault> = pod.missing(container).into_iter().map(missing).collect();
    let container = &tolerant(container);
    // What else keeps it from being modelled has been taken out.
    if let Ok(environment) = pod.environment(container, image_env) {
        faults.extend(names(&environment, container));
        faults.extend(collisions(&environment));
        faults.extend(service_links(&environment));
        faults.extend(environment.contested().filter_map(two_sources));
        faults.extend(too_long(&environment));
    }
    faults.sort_by_key(|fault| fault.code);
    faults
}

fn missing(missing: MissingReference) -> SecretFault {
    let MissingReference {
        entry,
        variable,
        object,
        key,
        keys,
        optional,
    } = missing;
    let held = if optional {
        "the variable is not set"
    } else {
        "the pod is held"
    };
    let says = match &key {
        Some(key) if keys.is_some() => format!("{entry} names key {key}, which {object} has not: {held}"),
        _ => format!("{entry} names {object}, which is not there: {held}"),
    };
    let alike = |wanted: &str| {
        let plain = |key: &str| key.to_lowercase().replace(['-', '.'], "_");
        let keys = keys.as_ref()?;
        let wanted = plain(wanted);
        keys.iter()
            .find(|key| plain(key) == wanted || plain(key) == format!("secret_{wanted}"))
            .cloned()
    };
    let remedy = match key.as_deref().and_then(alike) {
        Some(key) => Remedy::Refer(key),
        None => Remedy::Create { object, key },
    };
    SecretFault {
        code: Code::KeyMissing,
        variables: variable.into_iter().collect(),
        entries: vec![entry],
        says,
        remedy,
    }
}

/// The same container without what would keep its environment from being told: what it refers to may be missing,
/// and what only the running pod has is left out.
pub fn tolerant(container: &Container) -> Container {
    let mut container = container.clone();
    for from in container.env_from.iter_mut().flatten() {
        from.config_map_ref.iter_mut().for_each(|map| map.optional = Some(true));
        from.secret_ref
            .iter_mut()
            .for_each(|secret| secret.optional = Some(true));
    }
    let in_the_pod_alone = |from: &EnvVarSource| {
        from.field_ref.is_some() || from.resource_field_ref.is_some() || from.file_key_ref.is_some()
    };
    for variable in container.env.iter_mut().flatten() {
        variable.value_from = variable.value_from.take().filter(|from| !in_the_pod_alone(from));
        if let Some(from) = &mut variable.value_from {
            from.config_map_key_ref
                .iter_mut()
                .for_each(|map| map.optional = Some(true));
            from.secret_key_ref
                .iter_mut()
                .for_each(|secret| secret.optional = Some(true));
        }
    }
    container
}

fn is_secret(variable: &Variable) -> bool {
    variable.name.starts_with(PREFIX)
}

fn fault(code: Code, variables: &[&Variable], says: String, remedy: Remedy) -> SecretFault {
    SecretFault {
        code,
        variables: variables.iter().map(|v| v.name.clone()).collect(),
        entries: variables
            .iter()
            .filter_map(|v| EnvironmentEntry::from_source(&v.source))
            .collect(),
        says,
        remedy,
    }
}

/// Names with the prefix in another case, and names that the shell drops, where one starts Kestra or
/// the image decides that.
fn names(environment: &Environment, container: &Container) -> Vec<SecretFault> {
    let command = container.command.iter().flatten();
    let argv: Vec<&str> = command
        .chain(container.args.iter().flatten())
        .map(String::as_str)
        .collect();
    let drops = container.command.is_none() || is_shell(argv);
    let renamed = environment.variables.iter().filter_map(|variable| {
        let name = &variable.name;
        let start = name.get(..PREFIX.len()).unwrap_or_default();
        let (code, says) = if !start.eq_ignore_ascii_case(PREFIX) {
            return None;
        } else if start != PREFIX {
            (
                Code::Name,
                format!("Kestra ignores {name}: its prefix is not in capitals"),
            )
        } else if drops && !survives_shell(name) {
            (Code::ShellName, format!("the shell that starts Kestra drops {name}"))
        } else {
            return None;
        };
        let remedy = Remedy::Rename {
            from: name.clone(),
            to: corrected_name(name)?,
        };
        Some(fault(code, &[variable], says, remedy))
    });
    renamed.collect()
}

fn collisions(environment: &Environment) -> Vec<SecretFault> {
    let secrets = environment.variables.iter().filter(|v| is_secret(v));
    // Collisions are of names; the values are those, since one that does not decode collides with none.
    let keyring: SecretStore = secrets.clone().map(|v| (v.name.as_str(), v.value.as_bytes())).collect();
    let of_key = |(key, names): (&str, Vec<&str>)| {
        let mut variables: Vec<&Variable> = secrets.clone().filter(|v| names.contains(&v.name.as_str())).collect();
        // The one in capitals stays.
        variables.sort_by_key(|v| v.name.strip_prefix(PREFIX) != Some(key));
        let says = format!(
            "{} differ only in case, and are all {key} to Kestra",
            names.join(" and ")
        );
        let others = variables.iter().skip(1).map(|v| v.source.clone()).collect();
        fault(Code::NameCollision, &variables, says, Remedy::Remove(others))
    };
    keyring.collisions().map(of_key).collect()
}

fn service_links(environment: &Environment) -> Vec<SecretFault> {
    let mut services: Vec<(&str, Vec<&Variable>)> = Vec::new();
    for variable in environment.variables.iter().filter(|v| is_secret(v)) {
        if let VariableSource::ServiceLink { service } = &variable.source {
            match services.iter_mut().find(|(name, _)| name == service) {
                Some((_, variables)) => variables.push(variable),
                None => services.push((service, vec![variable])),
            }
        }
    }
    let of_service = |(service, variables): (&str, Vec<&Variable>)| {
        let first = variables.first().map(|v| v.name.as_str()).unwrap_or_default();
        let says = format!("Service {service} gives the pod {first} and more, which Kestra takes for secrets");
        fault(Code::ServiceLink, &variables, says, Remedy::NoServiceLinks)
    };
    services.into_iter().map(of_service).collect()
}

fn two_sources(variable: &Variable) -> Option<SecretFault> {
    let losers: Vec<VariableSource> = variable
        .shadowed
        .iter()
        .filter(|s| EnvironmentEntry::from_source(s).is_some())
        .cloned()
        .collect();
    if losers.is_empty() || !is_secret(variable) {
        return None;
    }
    let (name, winner) = (&variable.name, &variable.source);
    let lost: Vec<_> = losers.iter().map(ToString::to_string).collect();
    let says = format!("{name} is given by {winner}, which wins, and by {}", lost.join(" and "));
    let mut fault = fault(Code::TwoSources, &[variable], says, Remedy::Remove(losers.clone()));
    fault
        .entries
        .extend(losers.iter().filter_map(EnvironmentEntry::from_source));
    Some(fault)
}

fn too_long(environment: &Environment) -> Vec<SecretFault> {
    let of_one = |reason: environment::ProcessFault| match &reason {
        environment::ProcessFault::TooLong {
            at: environment::ProcessString::Variable(name),
            ..
        } => {
            let variable = environment.get(name)?;
            let remedy = Remedy::MountAsFile(vec![name.clone()]);
            Some(fault(Code::TooLong, &[variable], reason.to_string(), remedy))
        }
        environment::ProcessFault::TotalTooLong { bytes } => {
            let mut secrets: Vec<&Variable> = environment.variables.iter().filter(|v| is_secret(v)).collect();
            secrets.sort_by_key(|v| std::cmp::Reverse(v.value.len()));
            // As few as will do, so the longest.
            let mut rest = *bytes;
            let few = secrets.into_iter().take_while(|v| {
                let over = rest > MAX_EXEC_BYTES;
                rest -= v.value.len().min(rest);
                over
            });
            let few: Vec<&Variable> = few.collect();
            let remedy = Remedy::MountAsFile(few.iter().map(|v| v.name.clone()).collect());
            Some(fault(Code::TooLong, &few, reason.to_string(), remedy))
        }
        _ => None,
    };
    environment.faults(&[]).into_iter().filter_map(of_one).collect()
}

#[cfg(test)]
pub(super) mod tests;
