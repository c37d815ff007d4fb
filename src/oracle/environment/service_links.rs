//! The variables that name a namespace's Services: `getServiceEnvVarMap` in the kubelet and
//! `envvars.FromServices`.

use k8s_openapi::api::core::v1::{Service, ServicePort};

/// Every variable that `service` adds to a pod that links to it; none when it has no address of its
/// own (headless, or `ExternalName`).
pub fn variables(service: &Service) -> Vec<(String, String)> {
    let (Some(name), Some(spec)) = (&service.metadata.name, &service.spec) else {
        return Vec::new();
    };
    let ports = spec.ports.as_deref().unwrap_or_default();
    let (Some(ip), Some(first)) = (cluster_ip(service), ports.first()) else {
        return Vec::new();
    };
    let prefix = variable_name(name);
    let mut all = vec![
        (host_variable(name), ip.to_owned()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in ports {
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let name = format!("{prefix}_SERVICE_PORT_{}", variable_name(name));
            all.push((name, port.port.to_string()));
        }
    }
    all.push((format!("{prefix}_PORT"), url(ip, first)));
    for port in ports {
        let protocol = protocol(port);
        let stem = format!("{prefix}_PORT_{}_{}", port.port, protocol.to_uppercase());
        all.push((stem.clone(), url(ip, port)));
        all.push((format!("{stem}_PROTO"), protocol.to_lowercase()));
        all.push((format!("{stem}_PORT"), port.port.to_string()));
        all.push((format!("{stem}_ADDR"), ip.to_owned()));
    }
    all
}

/// The first of the variables that a Service of this name adds.
pub fn host_variable(name: &str) -> String {
    format!("{}_SERVICE_HOST", variable_name(name))
}

/// The address that `IsServiceIPSet` looks for.
pub fn cluster_ip(service: &Service) -> Option<&str> {
    let ip = service.spec.as_ref()?.cluster_ip.as_deref()?;
    (!ip.is_empty() && ip != "None").then_some(ip)
}

/// `makeEnvVariableName`.
fn variable_name(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol
        .as_deref()
        .filter(|protocol| !protocol.is_empty())
        .unwrap_or("TCP")
}

fn url(ip: &str, port: &ServicePort) -> String {
    let protocol = protocol(port).to_lowercase();
    if ip.contains(':') {
        format!("{protocol}://[{ip}]:{}", port.port)
    } else {
        format!("{protocol}://{ip}:{}", port.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn links(spec: &serde_json::Value) -> Vec<String> {
        let service = serde_json::from_value(json!({"metadata": {"name": "secret-db"}, "spec": spec})).unwrap();
        variables(&service)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    #[test]
    fn a_service_named_secret_something_makes_variables_that_look_like_secrets() {
        let spec = json!({"clusterIP": "10.0.0.7", "ports": [
            {"name": "my-sql", "port": 5432},
            {"name": "dns", "port": 53, "protocol": "UDP"},
        ]});
        assert_eq!(
            links(&spec),
            [
                "SECRET_DB_SERVICE_HOST=10.0.0.7",
                "SECRET_DB_SERVICE_PORT=5432",
                "SECRET_DB_SERVICE_PORT_MY_SQL=5432",
                "SECRET_DB_SERVICE_PORT_DNS=53",
                "SECRET_DB_PORT=tcp://10.0.0.7:5432",
                "SECRET_DB_PORT_5432_TCP=tcp://10.0.0.7:5432",
                "SECRET_DB_PORT_5432_TCP_PROTO=tcp",
                "SECRET_DB_PORT_5432_TCP_PORT=5432",
                "SECRET_DB_PORT_5432_TCP_ADDR=10.0.0.7",
                "SECRET_DB_PORT_53_UDP=udp://10.0.0.7:53",
                "SECRET_DB_PORT_53_UDP_PROTO=udp",
                "SECRET_DB_PORT_53_UDP_PORT=53",
                "SECRET_DB_PORT_53_UDP_ADDR=10.0.0.7",
            ]
        );
    }

    #[test]
    fn an_ipv6_address_is_bracketed_in_urls_alone() {
        let all = links(&json!({"clusterIP": "fd00::7", "ports": [{"port": 80}]}));
        assert!(all.contains(&"SECRET_DB_PORT=tcp://[fd00::7]:80".into()));
        assert!(all.contains(&"SECRET_DB_SERVICE_HOST=fd00::7".into()));
    }

    #[test]
    fn a_service_without_an_address_or_ports_adds_nothing() {
        for spec in [
            json!({"clusterIP": "None", "ports": [{"port": 80}]}),
            json!({"clusterIP": "", "ports": [{"port": 80}]}),
            json!({"type": "ExternalName", "externalName": "example.org"}),
            json!({"clusterIP": "10.0.0.7"}),
        ] {
            assert_eq!(links(&spec), [""; 0], "{spec}");
        }
    }
}
