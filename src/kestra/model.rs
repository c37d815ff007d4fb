use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// A flow as the server keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FlowRef {
    /// The namespace it lives in.
    #[serde(deserialize_with = "id")]
    pub namespace: String,
    /// Its id within the namespace.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Counts from 1; each update that changes something adds one.
    pub revision: u32,
}

impl fmt::Display for FlowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.id)
    }
}

/// How far an execution or a task run has come (`io.kestra.core.models.flows.ExecutionState`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum ExecutionState {
    /// Ended well.
    Success,
    /// Ended badly.
    Failed,
    /// Stopped on demand.
    Killed,
    /// Ended well, with something to say.
    Warning,
    /// Ended before its time, by a rule of the flow.
    Cancelled,
    /// Any other, by Kestra's own name for it.
    Other(String),
}

impl ExecutionState {
    /// Whether it stays as it is (`ExecutionState.Type.isTerminated`).
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Other(name) => matches!(name.as_str(), "SKIPPED" | "RETRIED"),
            _ => true,
        }
    }
}

impl From<String> for ExecutionState {
    fn from(name: String) -> Self {
        match name.as_str() {
            "SUCCESS" => Self::Success,
            "FAILED" => Self::Failed,
            "KILLED" => Self::Killed,
            "WARNING" => Self::Warning,
            "CANCELLED" => Self::Cancelled,
            // It is shown: no state of Kestra's has other characters.
            _ => Self::Other(
                name.chars()
                    .take(32)
                    .map(|c| if c.is_ascii_alphabetic() || c == '_' { c } else { '?' })
                    .collect(),
            ),
        }
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
            Self::Warning => "WARNING",
            Self::Cancelled => "CANCELLED",
            Self::Other(name) => name,
        })
    }
}

/// One run of a flow.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "WireExecution")]
pub struct Execution {
    /// Kestra's id for it.
    pub id: String,
    /// How it ended.
    pub state: ExecutionState,
    /// The tasks that were started, in that order.
    pub task_runs: Vec<TaskRun>,
    /// From its creation to its end by the server's clock, where the server says so.
    pub duration: Option<Duration>,
}

/// One run of a task. `Debug` shows no outputs: they are the secrets.
#[derive(Clone, Deserialize)]
#[serde(from = "WireTaskRun")]
pub struct TaskRun {
    /// Kestra's id for it.
    pub id: String,
    /// The id that the flow gives the task.
    pub task_id: String,
    /// How it ended.
    pub state: ExecutionState,
    /// Its outputs, in generations that keep them in the execution; see
    /// [`Client::outputs`](super::Client::outputs), which knows where each keeps them.
    pub outputs: Option<Value>,
}

impl fmt::Debug for TaskRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRun")
            .field("id", &self.id)
            .field("task_id", &self.task_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A line of an execution's log. `Debug` shows no message: it may hold a secret.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// `TRACE`, `DEBUG`, `INFO`, `WARN` or `ERROR`.
    pub level: String,
    /// What was logged, as the server has it: not yet scrubbed.
    #[serde(default)]
    pub message: String,
    /// The task that logged it; none where the flow itself did.
    pub task_id: Option<String>,
    /// When, by the server's clock.
    pub timestamp: jiff::Timestamp,
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLine")
            .field("level", &self.level)
            .field("task_id", &self.task_id)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireExecution {
    #[serde(deserialize_with = "id")]
    id: String,
    state: WireState,
    // An execution that has just been created has none yet.
    task_run_list: Option<Vec<TaskRun>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTaskRun {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(deserialize_with = "id")]
    task_id: String,
    state: WireState,
    outputs: Option<Value>,
}

/// An id as Kestra lets it be. Ids become parts of paths and of messages.
pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let id = String::deserialize(from)?;
    if id.chars().all(|c| c.is_alphanumeric() || "._-".contains(c)) {
        Ok(id)
    } else {
        Err(D::Error::custom("expected an id of letters, digits, '.', '_' and '-'"))
    }
}

#[derive(Deserialize)]
struct WireState {
    current: ExecutionState,
    // Told along with the result, never judged: an odd one is no reason to lose the answer.
    duration: Option<Value>,
}

impl From<WireExecution> for Execution {
    fn from(wire: WireExecution) -> Self {
        let duration = wire.state.duration.as_ref().and_then(Value::as_str);
        Self {
            id: wire.id,
            state: wire.state.current,
            task_runs: wire.task_run_list.unwrap_or_default(),
            duration: duration
                .and_then(|text| text.parse::<jiff::SignedDuration>().ok())
                .and_then(|signed| signed.try_into().ok()),
        }
    }
}

impl From<WireTaskRun> for TaskRun {
    fn from(wire: WireTaskRun) -> Self {
        Self {
            id: wire.id,
            task_id: wire.task_id,
            state: wire.state.current,
            outputs: wire.outputs,
        }
    }
}
