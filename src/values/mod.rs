//! Values and their encodings: written, read and followed hop by hop.

pub mod decode;
pub mod encode;
pub mod explain;
