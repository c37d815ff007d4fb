//! Which versions are provided, and the SHA-256 of what their publishers released.
//!
//! The sums are those that helm and kind published beside their releases. They are written here,
//! not fetched with the download: who can change the one can change the other.

use std::collections::HashMap;

use super::Tool;

/// By platform, as both publishers write it: the SHA-256 of the published file.
const HELM: &[(&str, &str)] = &[
    (
        "linux-amd64",
        "1e4ab49e429626cf6c6958d914248b78c9730803c2751b87627e171dc800e7bb",
    ),
    (
        "linux-arm64",
        "f14e804dfee240f55525b667488fe9adca349e63e00c9af634c0beb1421ac310",
    ),
    (
        "darwin-amd64",
        "bd1d09f316558dda23698527859600936fed1371021ce0f2272d66b2fdcfa69c",
    ),
    (
        "darwin-arm64",
        "4c9982a6cdeb458b60258df66b55398ca5b19293f6877faffe2909ad6f23dfe0",
    ),
];

const KIND: &[(&str, &str)] = &[
    (
        "linux-amd64",
        "517ab7fc89ddeed5fa65abf71530d90648d9638ef0c4cde22c2c11f8097b8889",
    ),
    (
        "linux-arm64",
        "7ea2de9d2d190022ed4a8a4e3ac0636c8a455e460b9a13ccf19f15d07f4f00eb",
    ),
    (
        "darwin-amd64",
        "4f0b6e3b88bdc66d922c08469f05ef507d4903dd236e6319199bb9c868eed274",
    ),
    (
        "darwin-arm64",
        "ceaf40df1d1551c481fb50e3deb5c3deecad5fd599df5469626b70ddf52a1518",
    ),
];

/// The node image that the provided kind makes its clusters of.
pub const KIND_NODE: &str = "kindest/node:v1.34.0";

impl Tool {
    /// The version that is provided where none is found.
    pub const fn provided(self) -> &'static str {
        match self {
            Self::Helm => "3.22.0",
            Self::Kind => "0.30.0",
        }
    }
}

/// The SHA-256 of what can be downloaded for a platform.
pub(super) fn sums(platform: &str) -> HashMap<Tool, String> {
    [(Tool::Helm, HELM), (Tool::Kind, KIND)]
        .into_iter()
        .filter_map(|(tool, pins)| {
            let (_, sum) = pins.iter().find(|(pinned, _)| *pinned == platform)?;
            Some((tool, (*sum).to_owned()))
        })
        .collect()
}

/// The platform this program runs on, as publishers of Go programs write it.
pub fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    };
    format!("{os}-{arch}")
}
