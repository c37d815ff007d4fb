//! Reads a person's files: [`input`] makes texts of them that know their lines, [`tree`] makes nodes of YAML that know
//! their bytes, [`env_file`] reads lines of `NAME=value` as each of their readers does.

pub mod env_file;
pub mod input;
pub mod scalar;
pub mod tree;
pub mod walk;
