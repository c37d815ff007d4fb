//! How an execution is made, found and followed to its end.

use std::time::Duration;

use rand::distr::{Alphanumeric, SampleString};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Client;
use super::connection::{CallDeadline, Pauses};
use super::error::{Error, RequestCause};
use super::model::{Execution, FlowRef, id};

/// The label by which an execution is known whose answer was lost.
const MARK: &str = "kestra-secrets";
/// How long an execution is looked for whose answer was lost. Kestra 2.x answers 504 when its executor has not taken
/// it within 30 seconds, and has then queued it.
const LOST: Duration = Duration::from_secs(20);
/// How many executions a search gives at a time: up to 1.x whole ones.
const PAGE: usize = 10;

/// What a search tells of an execution in every generation. From 2.0 it leaves out the task runs.
#[derive(Deserialize)]
struct Light {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(default)]
    labels: Value,
}

impl Client {
    /// Runs the flow without inputs (one that the flow does not declare would add a line to
    /// its log) and waits until it has ended, well or badly.
    ///
    /// # Errors
    /// [`Error::Refused`] when the flow cannot be run as it is: disabled, or in want of inputs.
    /// [`Error::Infra`] when it has not ended by the execution deadline, among others.
    pub async fn run(&self, flow: &FlowRef) -> Result<Execution, Error> {
        let deadline = self.execution_deadline();
        let execution = self.ask_for(flow, true, &deadline).await?;
        // A server may answer before the end: when it gives up waiting, or is stopped meanwhile.
        self.to_its_end(flow, execution, deadline).await
    }

    /// Asks for a run of the flow and does not wait for it: what there is to take away again is then known.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn start(&self, flow: &FlowRef) -> Result<Execution, Error> {
        self.ask_for(flow, false, &self.execution_deadline()).await
    }

    /// Waits until a run of the flow has ended, well or badly.
    ///
    /// # Errors
    /// [`Error::Infra`] when it has not by the execution deadline, among others.
    pub async fn follow(&self, flow: &FlowRef, execution: Execution) -> Result<Execution, Error> {
        let deadline = self.execution_deadline();
        self.to_its_end(flow, execution, deadline).await
    }

    fn execution_deadline(&self) -> CallDeadline {
        CallDeadline::start("execution", self.transport.limits().execution)
    }

    async fn ask_for(&self, flow: &FlowRef, wait: bool, deadline: &CallDeadline) -> Result<Execution, Error> {
        let path = ["executions", &flow.namespace, &flow.id];
        let mut start = self.call(format!("run flow {flow}"), Method::POST, &path);
        start.refusals = &[400, 409, 422];
        // Whoever waits reads the execution that is answered; one whose answer was lost is nobody's.
        start.repeatable = wait;
        let mark = Alphanumeric.sample_string(&mut rand::rng(), 16);
        {
            let mut query = start.url.query_pairs_mut();
            query.append_pair("wait", if wait { "true" } else { "false" });
            if self.dialect().has_labels() {
                query.append_pair("labels", &format!("{MARK}:{mark}"));
            }
        }
        match self.transport.json(&start, deadline).await {
            Err(error) if self.dialect().has_labels() && may_have_begun(&error) => {
                // When it cannot be looked for either, what went wrong first is the news.
                let found = self.marked(flow, &mark, deadline).await;
                found.ok().flatten().ok_or(error)
            }
            result => result,
        }
    }

    /// The execution of the flow with this mark, as soon as there is one.
    async fn marked(&self, flow: &FlowRef, mark: &str, deadline: &CallDeadline) -> Result<Option<Execution>, Error> {
        let mark = json!({"key": MARK, "value": mark});
        let is_it = |light: &Light| light.labels.as_array().is_some_and(|labels| labels.contains(&mark));
        let until = (Instant::now() + LOST).min(deadline.at());
        let mut pauses = Pauses::new();
        loop {
            if let Some(light) = self.search(flow, is_it).await? {
                return self.execution(flow, &light.id).await.map(Some);
            }
            if !pauses.next_before(until).await {
                return Ok(None);
            }
        }
    }

    /// The first of the flow's executions that is `it`.
    async fn search(&self, flow: &FlowRef, it: impl Fn(&Light) -> bool) -> Result<Option<Light>, Error> {
        #[derive(Deserialize)]
        struct Found {
            results: Vec<Light>,
            #[serde(default)]
            total: usize,
        }
        for page in 1.. {
            let action = format!("look for executions of flow {flow}");
            let mut search = self.call(action, Method::GET, &["executions"]);
            search
                .url
                .query_pairs_mut()
                .append_pair("namespace", &flow.namespace)
                .append_pair("flowId", &flow.id)
                .append_pair("page", &page.to_string())
                .append_pair("size", &PAGE.to_string());
            let found: Found = self.get(&search).await?;
            let last = found.results.is_empty() || page * PAGE >= found.total;
            if let Some(light) = found.results.into_iter().find(&it) {
                return Ok(Some(light));
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    /// The whole of an execution, as far as it has come.
    async fn execution(&self, flow: &FlowRef, id: &str) -> Result<Execution, Error> {
        let follow = self.call(format!("follow a run of flow {flow}"), Method::GET, &["executions", id]);
        self.get(&follow).await
    }

    /// Calls the flow's webhook (`ExecutionController.triggerExecutionByPostWebhook`) and waits until the
    /// execution that it makes has ended, well or badly.
    ///
    /// # Errors
    /// [`Error::Refused`] when no webhook of the flow has this key. [`Error::Infra`] as [`Self::run`].
    pub async fn call_webhook(&self, flow: &FlowRef, key: &str) -> Result<Execution, Error> {
        let deadline = self.execution_deadline();
        let path = ["executions", "webhook", &flow.namespace, &flow.id, key];
        let mut call = self.call(format!("call the webhook of flow {flow}"), Method::POST, &path);
        call.refusals = &[400, 404, 409, 422];
        let execution: Execution = self.transport.json(&call, &deadline).await?;
        self.to_its_end(flow, execution, deadline).await
    }

    /// An execution that the flow's own trigger made, at its end; none when there is none `within` that time.
    ///
    /// # Errors
    /// [`Error::Infra`] when the server cannot be asked, or the execution does not end.
    pub async fn triggered_execution(&self, flow: &FlowRef, within: Duration) -> Result<Option<Execution>, Error> {
        let until = Instant::now() + within;
        let mut pauses = Pauses::new();
        loop {
            if let Some(first) = self.search(flow, |_| true).await? {
                let execution = self.execution(flow, &first.id).await?;
                return self
                    .to_its_end(flow, execution, self.execution_deadline())
                    .await
                    .map(Some);
            }
            if !pauses.next_before(until).await {
                return Ok(None);
            }
        }
    }

    /// Follows an execution until it has ended, well or badly, and all of it is there.
    async fn to_its_end(
        &self,
        flow: &FlowRef,
        mut execution: Execution,
        mut deadline: CallDeadline,
    ) -> Result<Execution, Error> {
        let id = execution.id.clone();
        let path = ["executions", id.as_str()];
        let follow = self.call(format!("follow a run of flow {flow}"), Method::GET, &path);
        let mut pauses = Pauses::new();
        let mut known = false;
        while !execution.state.is_terminal() {
            deadline.seen(format!("execution {id} in state {}", execution.state));
            if !pauses.next_before(deadline.at()).await {
                return Err(self.transport.infra(&follow, deadline.passed()));
            }
            execution = match self.transport.json(&follow, &deadline).await {
                Ok(execution) => execution,
                // Right after it was asked for, it may not be in the database yet.
                Err(error) if !known && error.is_not_found() => continue,
                Err(error) => return Err(error),
            };
            known = true;
        }
        Ok(execution)
    }
}

/// Whether the server, or what stands before it, may have taken the request that it gave no answer to.
fn may_have_begun(error: &Error) -> bool {
    match error.failure().cause {
        RequestCause::Status { status, .. } => matches!(status, 502..=504),
        RequestCause::Connection(_) => true,
        _ => false,
    }
}
