//! Values and their encodings: written, read and followed hop by hop.

#[cfg(not(target_family = "wasm"))]
pub mod decode;
#[cfg(not(target_family = "wasm"))]
pub mod encode;
pub mod explain;
