//! The facts that files state, independent of the kind of file.

use std::collections::{HashMap, HashSet};

use super::finding::Severity;
use super::origin::ValueMaker;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Location, Plaintext};
pub use crate::release::document::NodeRef;
use crate::scenario::Generation;

/// A value as far as the file tells. No `Debug`: it may be a secret.
#[derive(Clone, Copy)]
pub enum FileValue<'a> {
    /// It is written here.
    Text {
        /// The text as YAML reads it.
        text: &'a str,
        /// Whether YAML takes it for a number or a boolean, being without quotes.
        typed: bool,
    },
    /// There is none, or an empty one, which Kestra gives as an empty text.
    Nothing,
    /// Somebody else fills it in.
    Elsewhere(ValueMaker),
    /// A template makes it, and makes it right.
    Right,
    /// A template makes it, and the fault is in the template.
    Wrong(TemplateFault),
}

/// What is wrong with how a producer makes a value.
#[derive(Debug, Clone, Copy)]
pub struct TemplateFault {
    /// Its code.
    pub code: Code,
    /// How sure it is.
    pub severity: Severity,
    /// What happens.
    pub message: &'static str,
    /// What to change.
    pub cure: &'static str,
}

/// A name and its value.
#[derive(Clone, Copy)]
pub struct KeyedValue<'a> {
    /// The variable, or the key.
    pub name: &'a str,
    /// Where the name is written.
    pub name_at: NodeRef,
    /// The value.
    pub value: FileValue<'a>,
    /// Where the value is written.
    pub value_at: NodeRef,
    /// How many layers of Base64 it needs.
    pub place: Location,
    /// Whether the scalar holds `NAME=VALUE`.
    pub literal: bool,
}

/// Who makes an object of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectMaker {
    /// A manifest of it, or of a resource whose controller gives it this very name.
    Manifest,
    /// A generator of kustomize's.
    Generator {
        /// The number of the file that it stands in.
        file: usize,
        /// Whether kustomize adds a hash to the name that Helm's values do not follow.
        hashed: bool,
    },
}

/// A Secret or a `ConfigMap`, or what makes one.
pub struct ObjectFacts<'a> {
    /// Which of the two.
    pub kind: ObjectKind,
    /// Its name; none when it has none that is known.
    pub name: Option<&'a str>,
    /// Its namespace, where one is written.
    pub namespace: Option<&'a str>,
    /// Its keys.
    pub keys: Vec<KeyedValue<'a>>,
    /// Whether these are all of its keys.
    pub complete: bool,
    /// Who makes it.
    pub maker: ObjectMaker,
    /// Whether its labels or annotations name Kestra.
    pub labelled: bool,
}

/// One entry of `env`.
pub enum EnvEntry<'a> {
    /// With a value of its own, or one that is not knowable.
    Value(KeyedValue<'a>),
    /// A key of an object.
    Key(KeyRef<'a>),
}

impl<'a> EnvEntry<'a> {
    /// Its name and where it is written.
    pub fn name(&self) -> (&'a str, NodeRef) {
        match self {
            Self::Value(entry) => (entry.name, entry.name_at),
            Self::Key(key) => (key.name, key.name_at),
        }
    }
}

/// `secretKeyRef` or `configMapKeyRef`.
pub struct KeyRef<'a> {
    /// The variable.
    pub name: &'a str,
    /// Where its name is written.
    pub name_at: NodeRef,
    /// The kind of the object.
    pub kind: ObjectKind,
    /// The object.
    pub object: &'a str,
    /// Where its name is written.
    pub object_at: NodeRef,
    /// The key in it.
    pub key: &'a str,
    /// Where the key is written.
    pub key_at: NodeRef,
    /// Whether the pod starts without it.
    pub optional: bool,
}

/// One entry of `envFrom`.
pub struct FromRef<'a> {
    /// The kind of the object.
    pub kind: ObjectKind,
    /// The object.
    pub object: &'a str,
    /// Where its name is written.
    pub object_at: NodeRef,
    /// What is put before each key.
    pub prefix: &'a str,
}

/// A container, or the values that make one.
pub struct ContainerFacts<'a> {
    /// Its namespace, where one is written.
    pub namespace: Option<&'a str>,
    /// Whether it runs Kestra.
    pub kestra: bool,
    /// Whether Helm's values make it: names in them are not changed by kustomize.
    pub values: bool,
    /// Whether Services of its namespace are linked.
    pub service_links: bool,
    /// `env`, in order.
    pub env: Vec<EnvEntry<'a>>,
    /// `envFrom`, in order.
    pub env_from: Vec<FromRef<'a>>,
}

/// A Service whose links look like secrets.
pub struct Service<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the name is written.
    pub at: NodeRef,
    /// Its namespace, where one is written.
    pub namespace: Option<&'a str>,
    /// One of the variables it makes.
    pub variable: String,
}

/// A `SecretProviderClass` that only mounts files.
pub struct FilesOnly<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the name is written.
    pub at: NodeRef,
}

/// Something that is said whatever else the files hold.
pub struct Remark {
    /// Where.
    pub at: NodeRef,
    /// The rule: a fault or, without one, a note.
    pub fault: Option<(Code, Severity)>,
    /// What it is about.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}

/// Values, and the generation of the chart that they were read for.
pub struct ReadFor {
    /// Where they begin.
    pub at: NodeRef,
    /// The generation.
    pub generation: Generation,
    /// Why, as a sentence goes on.
    pub because: String,
    /// Whether nobody said it.
    pub guessed: bool,
}

/// One release by its values.
pub struct ReleaseFacts<'a> {
    /// Kestra's values, in the order in which helm merges them.
    pub layers: Vec<NodeRef>,
    /// Values of a chart around Kestra's, likewise.
    pub around: Vec<NodeRef>,
    /// The namespace that it goes to.
    pub namespace: Option<&'a str>,
    /// The generation of the chart that they are read for.
    pub generation: Generation,
}

/// A call of `secret()` in a flow.
pub struct FlowCall<'a> {
    /// The scalar that it stands in.
    pub at: NodeRef,
    /// The byte of the file at which it begins.
    pub byte: usize,
    /// The key that it asks for; none where it is computed.
    pub key: Option<&'a str>,
}

/// What all files together say.
#[derive(Default)]
pub struct FileFacts<'a> {
    /// Secrets and `ConfigMap`s.
    pub objects: Vec<ObjectFacts<'a>>,
    /// Containers.
    pub containers: Vec<ContainerFacts<'a>>,
    /// Services with links that look like secrets.
    pub services: Vec<Service<'a>>,
    /// Classes of the CSI driver without `secretObjects`.
    pub files_only: Vec<FilesOnly<'a>>,
    /// The classes that a Kestra mounts.
    pub mounted: Vec<&'a str>,
    /// Values of env files that nobody is known to read and that the readers take for different texts: each text that
    /// one of them takes, none where what it takes is not known here.
    pub disputed: HashMap<NodeRef, Vec<Option<Plaintext>>>,
    /// What was said on the way.
    pub remarks: Vec<Remark>,
    /// Where a configuration says how secrets are encoded, which no released Kestra reads.
    pub encodings: Vec<NodeRef>,
    /// What Kestra is given and is not among the files, other than objects.
    pub outside: Vec<String>,
    /// Values that something else depends on too: nobody may change them.
    pub tied: HashSet<NodeRef>,
    /// The values among them.
    pub values: Vec<ReadFor>,
    /// The releases that they make.
    pub releases: Vec<ReleaseFacts<'a>>,
    /// The flows among them.
    pub flows: Vec<NodeRef>,
    /// What the flows ask for.
    pub calls: Vec<FlowCall<'a>>,
    /// Every key that any file asks for, in capitals.
    pub asked: HashSet<String>,
    /// Whether some file computes the key that it asks for.
    pub asks_computed: bool,
}

impl<'a> FileFacts<'a> {
    /// The variables of Kestra's containers with what the files say of their values; of two of one name the later
    /// one wins.
    pub fn variables(&self) -> Vec<(String, KeyedValue<'a>)> {
        let mut found: Vec<(String, KeyedValue<'a>)> = Vec::new();
        for container in self.containers.iter().filter(|c| c.kestra) {
            for from in &container.env_from {
                for entry in self.keys(from.kind, from.object) {
                    found.push((format!("{}{}", from.prefix, entry.name), *entry));
                }
            }
            for variable in &container.env {
                match variable {
                    EnvEntry::Value(entry) => found.push((entry.name.to_owned(), *entry)),
                    EnvEntry::Key(key) => {
                        let entry = self.keys(key.kind, key.object).find(|entry| entry.name == key.key);
                        found.extend(entry.map(|entry| (key.name.to_owned(), *entry)));
                    }
                }
            }
        }
        found
    }

    fn keys(&self, kind: ObjectKind, name: &'a str) -> impl Iterator<Item = &KeyedValue<'a>> {
        let objects = self
            .objects
            .iter()
            .filter(move |o| o.kind == kind && o.name == Some(name));
        objects.flat_map(|object| &object.keys)
    }
}

/// Whether two namespaces can be one: what has none written goes anywhere.
pub fn meet(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}
