//! What is called: helm, the API of a cluster, and what finds or fetches programs.

pub mod cluster;
pub mod helm;
pub(crate) mod kind;
pub mod toolbox;
