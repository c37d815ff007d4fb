//! How a report is written.

mod github;
pub(crate) mod human;
mod sarif;

pub use github::github;
pub use human::human;
pub use sarif::sarif;
