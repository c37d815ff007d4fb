//! How a report is written.

mod azure;
mod github;
mod gitlab;
pub(crate) mod human;
mod sarif;

pub use azure::azure;
pub use github::github;
pub use gitlab::gitlab;
pub use human::human;
pub use sarif::sarif;
