//! A matrix of one place.

use super::sandbox::{Ended, Sandbox, run};

pub const MATRIX: &str = "\
schema: 1
providers: [embedded]
charts: [bundled]
kestra: [{name: engine@2.0.0}]
scenarios: [secret-key-ref, rotation]
notes:
  - {scenarios: [rotation], why: nobody rotates}
";

/// The program; the sandbox's own provider would contradict a matrix.
pub fn with_matrix(sandbox: &Sandbox, args: &[&str]) -> Ended {
    let mut command = sandbox.command(args);
    command.env_remove("KESTRA_SECRETS_PROVIDER");
    run(command)
}
