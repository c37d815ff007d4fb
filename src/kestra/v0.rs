use super::dialect::{Dialect, Outputs};
use super::model::{Execution, TaskRun};

/// Kestra up to 0.22, which knows no tenants: `/api/v1/main` is 404 there.
pub(super) struct V0;

impl Dialect for V0 {
    fn root(&self) -> &'static [&'static str] {
        &["api", "v1"]
    }

    // No transcript shows it.
    fn has_labels(&self) -> bool {
        false
    }

    fn outputs<'a>(&self, _: &'a Execution, run: &'a TaskRun) -> Outputs<'a> {
        Outputs::Inline(run.outputs.as_ref())
    }
}
