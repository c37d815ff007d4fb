//! Reads a person's files: [`input`] makes texts of them that know their lines, [`tree`] makes nodes of YAML that know
//! their bytes, [`env_file`] reads lines of `NAME=value` as each of their readers does, [`compose`] merges compose
//! files, and [`flow`] finds what flows ask for.
//!
//! [`installs`] finds what the files say of each release: its chart, version, namespace and layers of values.
//! [`chart_keys`] knows which keys of values a chart reads. Where the chart itself is at hand, [`marking`] puts a mark in
//! the place of each secret, and [`reach`] finds where the marks come out of the rendered chart.

pub mod chart_keys;
pub mod compose;
pub mod described;
pub mod document;
pub mod embedded;
pub mod env_file;
pub mod flow;
pub mod input;
pub mod installs;
pub mod marking;
pub mod reach;
pub mod scalar;
pub mod tree;
pub mod walk;
