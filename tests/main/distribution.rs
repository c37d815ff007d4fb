//! What is packed for others to install.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::sandbox::{Sandbox, files};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Packs without building, and unpacks again.
#[test]
fn the_packed_crate_holds_all_that_is_built_in() {
    let sandbox = Sandbox::new();
    let to = sandbox.work().join("target");
    let output = Command::new(env!("CARGO"))
        .args([
            "package",
            "--no-verify",
            "--allow-dirty",
            "--offline",
            "--quiet",
            "--target-dir",
        ])
        .arg(&to)
        .current_dir(ROOT)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let name = concat!("kestra-secrets-", env!("CARGO_PKG_VERSION"));
    let archive = fs::read(to.join(format!("package/{name}.crate"))).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]))
        .unpack(sandbox.work())
        .unwrap();
    let unpacked = sandbox.work().join(name);

    let below = |root: &Path, folder: &str| -> BTreeSet<String> {
        let all = files(&root.join(folder));
        let names = all.iter().map(|f| f.strip_prefix(root).unwrap().display().to_string());
        names.filter(|f| !f.starts_with("engine/target")).collect()
    };
    for folder in ["src", "scenarios", "charts", "deploy", "engine", "schemas", "templates"] {
        let (here, packed) = (below(Path::new(ROOT), folder), below(&unpacked, folder));
        assert!(
            !here.is_empty() && here == packed,
            "{folder}: {:?}",
            here.symmetric_difference(&packed)
        );
    }
    for file in ["kind-config.yaml", "LICENSE", "README.md", "CHANGELOG.md", "Cargo.lock"] {
        assert!(unpacked.join(file).is_file(), "{file}");
    }
    assert!(archive.len() < 4 << 20, "{} bytes", archive.len());
}
