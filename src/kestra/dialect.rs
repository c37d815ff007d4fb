use serde_json::Value;

use super::model::{Execution, TaskRun};

/// What differs from one generation to the next.
pub(super) trait Dialect: Send + Sync {
    /// The path that flows, executions and logs are found under.
    fn root(&self) -> &'static [&'static str];

    /// Whether an execution keeps the labels that it is asked for with, and a search tells them.
    fn has_labels(&self) -> bool {
        true
    }

    /// Where the outputs of a task run are.
    fn outputs<'a>(&self, execution: &'a Execution, run: &'a TaskRun) -> Outputs<'a>;
}

/// Where the outputs of a task run are.
pub(super) enum Outputs<'a> {
    /// The execution brought them along, where there were any.
    Inline(Option<&'a Value>),
    /// To be asked for at this path below the root.
    At(Vec<&'a str>),
}
