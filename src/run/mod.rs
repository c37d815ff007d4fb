//! One run: where it goes, what it does, case by case.

pub mod case;
pub mod probe;
pub mod scheduler;
pub mod session;
