/// How a run ended, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// 0: all as expected, and at least one case ran.
    Success,
    /// 1: at least one wrong value, or model drift.
    Failure,
    /// 2: bad input or usage.
    Usage,
    /// 3: infrastructure failed and nothing else did.
    Infra,
    /// 130: interrupted, and cleaned up.
    Interrupted,
}

impl ExitCode {
    /// The code a shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Infra => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit: ExitCode) -> Self {
        Self::from(exit.code())
    }
}
