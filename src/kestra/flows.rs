//! How a flow gets to the server.

use reqwest::Method;
use serde::Deserialize;

use super::Client;
use super::error::{Error, RequestCause};
use super::http::Call;
use super::model::FlowRef;

use crate::system::yaml;

/// How often a flow is put that somebody else makes and deletes meanwhile.
const ROUNDS: usize = 2;

#[derive(Deserialize)]
struct Identity {
    namespace: String,
    id: String,
}

impl Client {
    /// A flow that must be there already, by its source.
    ///
    /// # Errors
    /// [`Error::Refused`] when Kestra does not know it.
    pub async fn stored_flow(&self, source: &str) -> Result<FlowRef, Error> {
        let Ok(flow) = yaml::from_str::<Identity>(source) else {
            return self.put_flow(source).await;
        };
        let mut look = self.look(&flow);
        look.refusals = &[404];
        look.repeatable = true;
        self.transport.json(&look, &self.transport.request_deadline()).await
    }

    fn look(&self, Identity { namespace, id }: &Identity) -> Call {
        let name = format!("look for flow {namespace}/{id}");
        self.call(name, Method::GET, &["flows", namespace, id])
    }

    /// Creates the flow, or updates it where it already exists.
    ///
    /// Kestra answers 422 (up to 1.x) or 409 (from 2.0) for a flow that exists, and for much else; what it says of it
    /// is for people. So it is asked whether the flow is there.
    ///
    /// # Errors
    /// [`Error::Refused`] when Kestra finds the flow invalid.
    pub async fn put_flow(&self, source: &str) -> Result<FlowRef, Error> {
        let identity = yaml::from_str::<Identity>(source).ok();
        let deadline = self.transport.request_deadline();
        let Some(flow) = identity else {
            let create = "create a flow without a namespace and an id".to_owned();
            let create = with_source(self.call(create, Method::POST, &["flows"]), source);
            return self.transport.json(&create, &deadline).await;
        };
        let name = format!("{}/{}", flow.namespace, flow.id);
        let path = ["flows", flow.namespace.as_str(), flow.id.as_str()];
        let create = with_source(
            self.call(format!("create flow {name}"), Method::POST, &["flows"]),
            source,
        );
        let look = self.look(&flow);
        let update = with_source(self.call(format!("update flow {name}"), Method::PUT, &path), source);
        let mut round = 1;
        loop {
            let refusal = match self.transport.json(&create, &deadline).await {
                Err(refusal) if may_be_there(&refusal) => refusal,
                result => return result,
            };
            let last = match self.transport.done(&look, &deadline).await {
                Ok(()) => match self.transport.json(&update, &deadline).await {
                    Err(gone) if gone.is_not_found() => gone,
                    result => return result,
                },
                Err(error) if error.is_not_found() => refusal,
                Err(error) => return Err(error),
            };
            // It may have been there a moment ago.
            if round == ROUNDS {
                return Err(last);
            }
            round += 1;
        }
    }
}

fn with_source(mut call: Call, source: &str) -> Call {
    call.yaml = Some(source.to_owned());
    call.refusals = &[400, 409, 422];
    // A flow that is there already is updated.
    call.repeatable = true;
    call
}

fn may_be_there(error: &Error) -> bool {
    matches!(error.failure().cause, RequestCause::Status { status: 409 | 422, .. })
}
