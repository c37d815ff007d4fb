use super::dialect::{Dialect, Outputs};
use super::model::{Execution, TaskRun};

/// Kestra from 0.23 to 1.x. The open-source server has one tenant, `main`.
pub(super) struct V1;

impl Dialect for V1 {
    fn root(&self) -> &'static [&'static str] {
        &["api", "v1", "main"]
    }

    fn outputs<'a>(&self, _: &'a Execution, run: &'a TaskRun) -> Outputs<'a> {
        Outputs::Inline(run.outputs.as_ref())
    }
}
