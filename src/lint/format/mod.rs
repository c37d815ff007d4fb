//! How a report is written.

mod github;
mod human;
mod sarif;

pub use github::github;
pub use human::human;
pub use sarif::sarif;
