//! Who served Kestra's REST API.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kestra::ServerInfo;

/// Who served Kestra's REST API, by the server's own account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServedBy {
    /// Kestra's own web server.
    #[serde(rename = "Kestra itself")]
    Kestra,
    /// Our adapter: nothing is proved of Kestra's HTTP layer.
    #[serde(rename = "our adapter around Kestra's engine, under Kestra's own paths")]
    Adapter,
    /// No server answered, such as for a pod that never ran. Earlier versions wrote nothing then.
    #[default]
    #[serde(rename = "nobody: no server was asked", alias = "")]
    Nobody,
}

impl From<Option<&ServerInfo>> for ServedBy {
    fn from(server: Option<&ServerInfo>) -> Self {
        match server {
            Some(server) if server.engine_adapter => Self::Adapter,
            Some(_) => Self::Kestra,
            None => Self::Nobody,
        }
    }
}

impl fmt::Display for ServedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kestra::ApiGeneration;

    #[test]
    fn the_server_says_itself_who_it_is() {
        let server = |engine_adapter| ServerInfo {
            version: semver::Version::new(2, 0, 0),
            engine_adapter,
            generation: ApiGeneration::for_version(&semver::Version::new(2, 0, 0)),
        };
        assert_eq!(ServedBy::from(Some(&server(true))), ServedBy::Adapter);
        assert_eq!(ServedBy::from(Some(&server(false))), ServedBy::Kestra);
        assert_eq!(ServedBy::from(None), ServedBy::Nobody);
    }

    #[test]
    fn a_report_of_an_earlier_version_is_read() {
        for served in [ServedBy::Kestra, ServedBy::Adapter, ServedBy::Nobody] {
            let text = serde_json::to_string(&served.to_string()).unwrap();
            assert_eq!(serde_json::from_str::<ServedBy>(&text).unwrap(), served);
        }
        assert_eq!(serde_json::from_str::<ServedBy>("\"\"").unwrap(), ServedBy::Nobody);
    }
}
