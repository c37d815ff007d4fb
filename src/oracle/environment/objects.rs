//! What the kubelet looks up: Secrets, `ConfigMap`s and Services.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{ClusterFacts, Halt, api_server, service_links};

/// The objects of a cluster that a container's environment can come from.
///
/// An object without a namespace belongs to the pod's (as in a rendered chart); of two with the same
/// name the later one counts, as when both are applied.
#[derive(Clone, Default)]
pub struct Objects {
    secrets: Vec<Secret>,
    config_maps: Vec<ConfigMap>,
    services: Vec<Service>,
}

impl Objects {
    /// Takes the objects as they are in the cluster, or as [`api_server::admit`] gives them.
    pub fn new(
        secrets: impl IntoIterator<Item = Secret>,
        config_maps: impl IntoIterator<Item = ConfigMap>,
        services: impl IntoIterator<Item = Service>,
    ) -> Self {
        Self {
            secrets: secrets.into_iter().map(api_server::stored).collect(),
            config_maps: config_maps.into_iter().collect(),
            services: services.into_iter().collect(),
        }
    }

    /// Gives Services the addresses that a new cluster would: the `kubernetes` Service of namespace
    /// `default` (added unless it is there) and every rendered Service that would get one.
    ///
    /// The addresses are made up; the names of the variables that come of them are not.
    #[must_use]
    pub fn with_cluster_ips(mut self) -> Self {
        if !self.services.iter().any(is_master) {
            self.services.insert(0, master());
        }
        for (index, service) in (1u32..).zip(&mut self.services) {
            if let Some(spec) = &mut service.spec
                && spec.cluster_ip.as_deref().unwrap_or_default().is_empty()
                && spec.type_.as_deref() != Some("ExternalName")
            {
                let [.., high, low] = index.to_be_bytes();
                spec.cluster_ip = Some(format!("10.96.{high}.{low}"));
            }
        }
        self
    }

    /// The keys that can become variables: a `ConfigMap`'s `binaryData` cannot.
    pub(super) fn texts(&self, object: &ObjectRef, facts: &ClusterFacts) -> Option<Contents<'_>> {
        match object.kind {
            ObjectKind::Secret => {
                let mut all = self.secrets.iter();
                let secret = all.rfind(|secret| is_named(&secret.metadata, &object.name, facts))?;
                Some(bytes(secret.data.as_ref()).collect())
            }
            ObjectKind::ConfigMap => {
                let data = self.config_map(&object.name, facts)?.data.iter().flatten();
                Some(data.map(|(k, v)| (k.as_str(), v.as_bytes())).collect())
            }
        }
    }

    /// The keys that can become files: all of them.
    pub(super) fn contents(&self, object: &ObjectRef, facts: &ClusterFacts) -> Option<Contents<'_>> {
        let mut contents = self.texts(object, facts)?;
        if object.kind == ObjectKind::ConfigMap {
            let map = self.config_map(&object.name, facts)?;
            contents.extend(bytes(map.binary_data.as_ref()));
        }
        Some(contents)
    }

    fn config_map(&self, name: &str, facts: &ClusterFacts) -> Option<&ConfigMap> {
        let mut all = self.config_maps.iter();
        all.rfind(|map| is_named(&map.metadata, name, facts))
    }

    /// The Services whose variables the pod gets (`getServiceEnvVarMap`), by name: the API server's
    /// always, the pod's namespace's if links are enabled.
    pub(super) fn linked(&self, enabled: bool, facts: &ClusterFacts) -> Vec<&Service> {
        let mut linked: Vec<&Service> = Vec::new();
        let has_address = |service: &&Service| service_links::cluster_ip(service).is_some();
        for service in self.services.iter().filter(has_address) {
            let master = is_master(service);
            if master || enabled && is_in_namespace(&service.metadata, facts) {
                // A namesake of the API server's Service takes its place, whichever comes first.
                let name = &service.metadata.name;
                match linked.iter_mut().find(|other| other.metadata.name == *name) {
                    Some(other) if !master => *other = service,
                    Some(_) => {}
                    None => linked.push(service),
                }
            }
        }
        linked.sort_by_key(|service| &service.metadata.name);
        linked
    }
}

/// Keys, sorted, with their values.
pub(super) type Contents<'o> = BTreeMap<&'o str, &'o [u8]>;

fn bytes(data: Option<&BTreeMap<String, ByteString>>) -> impl Iterator<Item = (&str, &[u8])> {
    let pairs = data.into_iter().flatten();
    pairs.map(|(key, value)| (key.as_str(), value.0.as_slice()))
}

/// Names the objects and none of their values.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names<'m>(metas: impl Iterator<Item = &'m ObjectMeta>) -> Vec<&'m str> {
            metas.filter_map(|meta| meta.name.as_deref()).collect()
        }
        f.debug_struct("Objects")
            .field("secrets", &names(self.secrets.iter().map(|o| &o.metadata)))
            .field("config_maps", &names(self.config_maps.iter().map(|o| &o.metadata)))
            .field("services", &names(self.services.iter().map(|o| &o.metadata)))
            .finish()
    }
}

/// A Secret or a `ConfigMap` by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Which of the two.
    pub kind: ObjectKind,
    /// `metadata.name`, in the pod's namespace.
    pub name: String,
}

/// The kinds that variables and files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `v1` Secret.
    Secret,
    /// `v1` `ConfigMap`.
    ConfigMap,
}

impl ObjectKind {
    /// As manifests spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// As the kubelet's errors and events spell it.
    pub(super) fn in_events(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ConfigMap => "configMap",
        }
    }
}

impl ObjectRef {
    pub(super) fn secret(name: &str) -> Self {
        Self {
            kind: ObjectKind::Secret,
            name: name.into(),
        }
    }

    pub(super) fn config_map(name: &str) -> Self {
        Self {
            kind: ObjectKind::ConfigMap,
            name: name.into(),
        }
    }

    /// `errors.NewNotFound` with the resource name that the kubelet's managers give it.
    pub(super) fn not_found(&self) -> String {
        match self.kind {
            ObjectKind::Secret => format!("secret {:?} not found", self.name),
            ObjectKind::ConfigMap => format!("configmap {:?} not found", self.name),
        }
    }

    /// The words of `makeEnvironmentVariables` for a key that is not there.
    pub(super) fn no_key(&self, key: &str, facts: &ClusterFacts) -> Halt {
        let Self { kind, name } = self;
        Halt::config(format!(
            "couldn't find key {key} in {kind:?} {}/{name}",
            facts.namespace
        ))
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.name)
    }
}

fn is_named(meta: &ObjectMeta, name: &str, facts: &ClusterFacts) -> bool {
    meta.name.as_deref() == Some(name) && is_in_namespace(meta, facts)
}

fn is_in_namespace(meta: &ObjectMeta, facts: &ClusterFacts) -> bool {
    meta.namespace
        .as_ref()
        .is_none_or(|namespace| *namespace == facts.namespace)
}

fn is_master(service: &Service) -> bool {
    service.metadata.name.as_deref() == Some("kubernetes") && service.metadata.namespace.as_deref() == Some("default")
}

fn master() -> Service {
    Service {
        metadata: ObjectMeta {
            name: Some("kubernetes".into()),
            namespace: Some("default".into()),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            ports: Some(vec![ServicePort {
                name: Some("https".into()),
                port: 443,
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
