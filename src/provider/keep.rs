//! What of a run stays when it ends, because somebody wants to look at it.

use parking_lot::Mutex;

use crate::report::KeptInstallation;

/// Which installations stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Keep {
    /// None
    #[default]
    Never,
    /// Those with a failed case
    Failed,
    /// All
    Always,
}

/// The rule, and what stays by it.
#[derive(Debug, Default)]
pub struct Keeping {
    rule: Keep,
    kept: Mutex<Vec<KeptInstallation>>,
}

impl Keeping {
    /// By a rule.
    pub fn new(rule: Keep) -> Self {
        Self {
            rule,
            kept: Mutex::default(),
        }
    }

    /// Whether an installation stays of which a case went wrong, or none.
    pub fn wants(&self, wrong: bool) -> bool {
        match self.rule {
            Keep::Never => false,
            Keep::Failed => wrong,
            Keep::Always => true,
        }
    }

    /// This one stays.
    pub fn add(&self, kept: KeptInstallation) {
        self.kept.lock().push(kept);
    }

    /// All that stay.
    pub fn all(&self) -> Vec<KeptInstallation> {
        self.kept.lock().clone()
    }
}
