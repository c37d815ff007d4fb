//! What a run tells while it goes on.

use super::CaseResult;
use crate::error::InfraError;

/// Hears how a run goes on; what it is told holds no private plaintext.
pub trait Observer: Send + Sync {
    /// Somebody, such as an installation, has begun a phase.
    fn phase(&self, who: &str, phase: &str);
    /// Somebody's phase cannot go on before this has come; a later phase ends the waiting.
    fn waiting(&self, _who: &str, _what: &str) {}
    /// Somebody has no more phases.
    fn finished(&self, who: &str);
    /// A case broke with the environment and is put down for another try.
    fn again(&self, _case: &str, _infra: &InfraError) {}
    /// A case is judged.
    fn case(&self, result: &CaseResult);
}

/// Hears nothing.
pub struct Silent;

impl Observer for Silent {
    fn phase(&self, _: &str, _: &str) {}
    fn finished(&self, _: &str) {}
    fn case(&self, _: &CaseResult) {}
}
