//! The program with a live Kestra, a cluster or a browser. What a machine lacks shows when a trial runs, so these trials
//! are run by libtest-mimic.
//!
//! | module | what it guards |
//! |---|---|
//! | [`cli`] | exit codes; what is said of bad input, of a wrong value, of tools that are missing |
//! | [`output`] | quiet, verbose, and colours; output that cannot be written |
//! | [`told`] | what every command prints and says of a failure, word for word |
//! | [`init`] | what it writes, and that it runs |
//! | [`official`] | the publisher's image and chart, on loopback stand-ins: taken where they can be had, else why not |
//! | [`check`] | the user's own files: the verdict, the hops, the cure, and no plaintext |
//! | [`docs`] | both editions of Kestra's own page and the patch that makes one true |
//! | [`encode`] | what is printed carries the plaintext to a flow, proved on a live Kestra |
//! | [`env_file`] | what lint says of an env file is what Kestra makes of it by each reader |
//! | [`prove`] | the oracle is true of random secrets on the engine of every minor and on a kind cluster |
//! | [`formats`] | what lint says to Azure is what Azure's library reads |
//! | [`prometheus`] | what an audit writes for Prometheus, and the alerts on it, as promtool reads them |
//! | [`pre_commit`] | the hooks, run by the real pre-commit in front of a commit |
//! | [`helm_plugin`] | the plugin, run by the real helm with helm's own arguments |
//! | [`html`] | the HTML report in headless Chromium: content, filters, no console error, no escape |
//! | [`browser`] | the page of docs/try in headless Chromium: the program's answers, nothing sent, keyboard, dark, narrow |
//! | [`archives`] | archives of charts made to do harm: helm's words, and nothing is written elsewhere |
//! | [`shards`] | a matrix and its mistakes; shards that together are the whole |
//! | [`steps`] | what changes while Kestra runs: the hops and the code at each step |
//! | [`leaks`] | a private plaintext appears in no output, file, argument or environment |
//! | [`interrupt`] | SIGINT, SIGTERM and SIGKILL leave nothing behind |
//! | [`faults`] | what breaks around a value is told as such, tried again with a bound, and never a wrong value |
//! | [`cluster`] | a cluster that is there: named, narrow rights, kept, killed, cleaned |
//! | [`private_registry`] | an image that the kubelet gets only with the credentials of `--pull-secret` |
//! | [`jobs`] | the Jobs of `deploy/`, in pods: parts make a whole, a lost pod is made up for |
//! | [`qualify_flow`] | the flow of `deploy/`, run by a Kestra in the cluster: it ends as its Job does |
//! | [`audit`] | an installed Kestra, with narrow rights: all is told, nothing changes, no value is shown |
//! | [`exec`] | any Kestra executable serves as well |
//! | [`parity`] | the engines answer as each generation of Kestra answered |
//! | [`versions`] | the page of what each minor does is what the newest two do |
//! | [`distributed`] | components deployed apart: a process for each, and none that stays |
//!
//! A trial that boots an engine needs a JDK and Maven: without them it is ignored with that reason, unless
//! `KESTRA_SECRETS_REQUIRE` holds `embedded`: then it fails. The same holds for `docker`, `kind`, `chromium`,
//! `pre-commit` and `promtool`.

// A trial unwraps; that is the failure it reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archives;
mod audit;
mod bisect;
mod browser;
mod check;
mod cli;
mod cluster;
mod distributed;
mod docs;
mod encode;
mod env_file;
mod exec;
mod faults;
mod formats;
mod helm_plugin;
mod html;
mod init;
mod interrupt;
mod jobs;
mod leaks;
mod official;
mod output;
mod parity;
mod pre_commit;
mod private_registry;
mod prometheus;
mod prove;
mod qualify_flow;
mod shards;
mod shared_cluster;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod told;
mod versions;

use std::process::ExitCode;
use std::sync::LazyLock;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::{Arguments, Completion, Trial};
use support::requirements;

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let trials = [
        archives::trials(),
        audit::trials(),
        bisect::trials(),
        browser::trials(),
        check::trials(),
        cli::trials(),
        cluster::trials(),
        distributed::trials(),
        docs::trials(),
        encode::trials(),
        env_file::trials(),
        exec::trials(),
        faults::trials(),
        formats::trials(),
        helm_plugin::trials(),
        html::trials(),
        init::trials(),
        interrupt::trials(),
        jobs::trials(),
        leaks::trials(),
        official::trials(),
        output::trials(),
        parity::trials(),
        pre_commit::trials(),
        private_registry::trials(),
        prometheus::trials(),
        prove::trials(),
        qualify_flow::trials(),
        shards::trials(),
        steps::trials(),
        told::trials(),
        versions::trials(),
    ];
    let conclusion = libtest_mimic::run(&args, trials.into_iter().flatten().collect());
    shared_cluster::close();
    conclusion.exit_code()
}

/// A test that boots the newest engine.
fn live(module: &str, name: &str, check: impl FnOnce() + Send + 'static) -> Trial {
    static LACKING: LazyLock<Option<String>> = LazyLock::new(|| requirements::lacking_for_engine(&CURRENT_ENGINES[0]));
    on_provider("embedded", format!("{module}::{name}"), || LACKING.clone(), check)
}

/// A test that is ignored where the machine lacks what a provider needs, or fails if that provider is required.
fn on_provider(
    provider: &'static str,
    name: String,
    lacking: impl FnOnce() -> Option<String> + Send + 'static,
    check: impl FnOnce() + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || match lacking() {
        Some(lacking) if requirements::is_required(provider) => Err(lacking.into()),
        Some(lacking) => Ok(Completion::ignored_with(lacking)),
        None => {
            check();
            Ok(Completion::Completed)
        }
    })
}
