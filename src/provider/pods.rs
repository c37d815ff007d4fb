//! The pods of an installation: one that is all of Kestra, or one for each role.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::oracle::environment::{EnvValue as Bytes, Environment, MountedFile};
use crate::oracle::secret::{Plaintext, SecretRead, SecretStore};
use crate::plan::Case;
use crate::verdict::Prediction;

/// What a server of Kestra does: the word after `kestra server`, and the pods' label
/// `app.kubernetes.io/component`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything.
    Standalone,
    /// Answers REST: gives inputs their defaults, finds webhooks by their keys and evaluates them.
    Webserver,
    /// Leads executions: renders what decides their way, subflows' inputs and flows' outputs.
    Executor,
    /// Runs tasks, and renders what they are given.
    Worker,
    /// Fires schedules, and evaluates their conditions.
    Scheduler,
    /// Writes what is searched for.
    Indexer,
    /// Since 2.0: hands the worker its jobs.
    Controller,
}

impl Role {
    /// Those of a distributed Kestra.
    pub const APART: [Self; 6] = [
        Self::Webserver,
        Self::Executor,
        Self::Worker,
        Self::Scheduler,
        Self::Indexer,
        Self::Controller,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Webserver => "webserver",
            Self::Executor => "executor",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
            Self::Indexer => "indexer",
            Self::Controller => "controller",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What of Kestra runs.
#[derive(Clone)]
pub enum Pods {
    /// One server that is all.
    Standalone(KestraPod),
    /// A server for each role; without these three no execution would come to its end.
    Distributed {
        /// Runs the tasks.
        worker: KestraPod,
        /// The web server, the executor, and whatever else the chart renders.
        others: BTreeMap<Role, KestraPod>,
    },
}

/// A pod's one container of Kestra, as it starts.
#[derive(Clone)]
pub struct KestraPod {
    /// Its environment.
    pub environment: Environment,
    /// The files mounted into it.
    pub files: Vec<MountedFile>,
    /// What it runs.
    pub command: Vec<Bytes>,
    /// The pod template in full: when it changes, the Deployment makes a new pod.
    pub template: Value,
}

impl Pods {
    /// The pod that renders what tasks are given.
    pub fn of_tasks(&self) -> &KestraPod {
        match self {
            Self::Standalone(pod) | Self::Distributed { worker: pod, .. } => pod,
        }
    }

    /// The image that runs tasks, as the template names it.
    pub(super) fn image(&self) -> Option<&Value> {
        self.of_tasks().template.pointer("/spec/containers/0/image")
    }

    /// Every pod by its role.
    pub fn each(&self) -> BTreeMap<Role, &KestraPod> {
        match self {
            Self::Standalone(pod) => BTreeMap::from([(Role::Standalone, pod)]),
            Self::Distributed { worker, others } => others
                .iter()
                .map(|(role, pod)| (*role, pod))
                .chain([(Role::Worker, worker)])
                .collect(),
        }
    }

    /// Whether both come to the same processes.
    pub(super) fn same(&self, other: &Self) -> bool {
        let (these, those) = (self.each(), other.each());
        these.len() == those.len()
            && (these.iter().zip(&those)).all(|((role, a), (other, b))| role == other && a.same(b))
    }

    /// What is there after an upgrade to these: a pod whose template stays the same stays itself, with the
    /// environment it was started with. None when all stay.
    pub(super) fn upgraded(mut self, now: &Self) -> Option<Self> {
        let before = now.each();
        let mut changed = before.len() != self.each().len();
        let mut settle = |role: Role, pod: &mut KestraPod| match before.get(&role) {
            Some(&stays) if stays.template == pod.template => pod.clone_from(stays),
            _ => changed = true,
        };
        match &mut self {
            Self::Standalone(pod) => settle(Role::Standalone, pod),
            Self::Distributed { worker, others } => {
                settle(Role::Worker, worker);
                for (role, pod) in others {
                    settle(*role, pod);
                }
            }
        }
        changed.then_some(self)
    }
}

impl KestraPod {
    fn same(&self, other: &Self) -> bool {
        self.variables() == other.variables() && self.files == other.files && self.command == other.command
    }

    /// The environment by name, in no order: a process cannot tell it either.
    fn variables(&self) -> BTreeMap<&str, &[u8]> {
        self.environment
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.value.as_bytes()))
            .collect()
    }

    /// What Kestra makes of the environment.
    pub fn keyring(&self) -> SecretStore {
        self.environment
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.value.as_bytes()))
            .collect()
    }

    /// What the oracle says a case's flow will report.
    pub fn predict(&self, case: &Case, version: &semver::Version) -> Prediction {
        if case.reads.is_empty() {
            return Prediction::Unknown;
        }
        let keyring = self.keyring();
        let mut outputs = BTreeMap::new();
        let mut missing = Vec::new();
        for (output, read) in &case.reads {
            match keyring.secret(&read.secret, version).reported(version) {
                Some(SecretRead::Text(text)) => {
                    outputs.insert(output.clone(), Plaintext::new(text.bytes(), read.public));
                }
                Some(SecretRead::EmptyString) => {
                    outputs.insert(output.clone(), Plaintext::new("", read.public));
                }
                Some(SecretRead::Fails(_)) => missing.push(read.secret.clone()),
                // Either of several may win, or the execution has no end: nothing certain can be said.
                Some(SecretRead::OneOf(_)) | None => return Prediction::Unknown,
            }
        }
        if missing.is_empty() {
            Prediction::Outputs(outputs)
        } else {
            Prediction::Missing(missing)
        }
    }
}
