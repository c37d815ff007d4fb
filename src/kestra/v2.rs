use super::dialect::{Dialect, Outputs};
use super::model::{Execution, TaskRun};

/// Kestra from 2.0, whose executions no longer carry outputs (`OutputController`).
pub(super) struct V2;

impl Dialect for V2 {
    fn root(&self) -> &'static [&'static str] {
        &["api", "v1", "main"]
    }

    fn outputs<'a>(&self, execution: &'a Execution, run: &'a TaskRun) -> Outputs<'a> {
        Outputs::At(vec!["outputs", "tasks", &execution.id, &run.id])
    }
}
