//! Kestra's own list of its secrets.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;

use super::Client;
use super::error::Error;

impl Client {
    /// The keys of the secrets that a flow of this namespace can read, by the namespace that has them. Those of the
    /// environment stand below the namespace that was asked for. To read the list changes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server has no such list, or does not show it to this user. An Enterprise edition
    /// answers 403 for either.
    pub async fn secret_keys(&self, namespace: &str) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
        let path = ["namespaces", namespace, "inherited-secrets"];
        let action = format!("list the secrets of namespace {namespace}");
        let mut call = self.call(action, Method::GET, &path);
        call.refusals = &[401, 403, 404, 405];
        self.get(&call).await
    }
}
