//! Bad days, as far as they take seconds: what breaks around a value is never told as a wrong value, and is told by
//! name. The longer ones are in `drills/`.

use crate::support::ENGINE;
use crate::support::proxy::{Fate, Proxy};
use crate::support::requirements::helm;
use crate::support::sandbox::{Ended, Sandbox, run};

/// A run in a context that a proxy leads to.
fn in_context(sandbox: &Sandbox, kubeconfig: &str) -> Ended {
    let kubeconfig = sandbox.file("kubeconfig", kubeconfig);
    let mut command = sandbox.command(["run", "extra-env", "--context", "faulty", "--kestra", ENGINE]);
    command
        .env("KUBECONFIG", kubeconfig)
        .env("KESTRA_SECRETS_PROVIDER", "context")
        .env("KESTRA_SECRETS_HELM", helm());
    run(command)
}

#[test]
fn an_api_server_that_answers_429_is_asked_again_and_exits_3() {
    answers(429);
}

#[test]
fn an_api_server_that_answers_500_is_asked_again_and_exits_3() {
    answers(500);
}

fn answers(status: u16) {
    let sandbox = Sandbox::new();
    let proxy = Proxy::start(None, move |_| Fate::Answered(status));
    let ended = in_context(&sandbox, &proxy.kubeconfig()).with_code(3);
    let words = format!("the API server answered {status}: a drill");
    // Told once, and wrapped to fit.
    let said = ended.stdout_words();
    assert_eq!(said.matches(&words).count(), 1, "{said}");
    assert!(said.contains("context faulty"), "{said}");
    assert!(!ended.stderr.contains(&words), "{}", ended.stderr);
    assert_eq!(proxy.spoiled(), 5);
    sandbox.assert_clean();
}

#[test]
fn an_api_server_that_does_not_listen_exits_3() {
    let sandbox = Sandbox::new();
    let kubeconfig = Proxy::start(None, |_| Fate::Silence).kubeconfig();
    // A port that was taken a moment ago, and where now nobody answers.
    let ended = in_context(&sandbox, &kubeconfig).with_code(3);
    let said = ended.stdout_words();
    assert!(said.contains("Connection refused"), "{said}");
    // The client's own log of each try is not for people.
    assert!(!ended.stderr.contains("client error"), "{}", ended.stderr);
    sandbox.assert_clean();
}
