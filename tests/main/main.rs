//! The program as its users meet it: the real binary, in folders of its own.
//!
//! | module | what it guards |
//! |---|---|
//! | [`cli`] | exit codes; what is said of bad input, of a wrong value, of tools that are missing |
//! | [`output`] | quiet, verbose, and colours; output that cannot be written |
//! | [`help`] | what every command says of itself, and of what it does not take |
//! | [`told`] | what every command prints and says of a failure, word for word |
//! | [`settings`] | what is set beforehand by variables and by `kestra-secrets.toml` |
//! | [`init`] | what it writes, and that it runs |
//! | [`distribution`] | the packed crate |
//! | [`workflows`] | the scripts of the release and of the GitHub Action, carried out |
//! | [`doctor`] | what a machine lacks, on machines made of scripts |
//! | [`official`] | the publisher's image and chart, on loopback stand-ins: taken where they can be had, else why not |
//! | [`check`] | the user's own files: the verdict, the hops, the cure, and no plaintext |
//! | [`docs`] | both editions of Kestra's own page and the patch that makes one true |
//! | [`explain`] | one value: its hops, what is wrong with it, and nothing of it when it is to be hidden |
//! | [`encode`] | what is printed carries the plaintext to a flow, proved on a live Kestra |
//! | [`decode`] | a line's answer comes before the next question, and memory does not grow |
//! | [`lint`] | the corpus of good and bad files, the formats, and that no value is shown |
//! | [`fix`] | what it changes, and what it leaves |
//! | [`schemas`] | the committed JSON Schemas: fresh, and true of scenarios and reports |
//! | [`prove`] | the oracle is true of random secrets: 2,000 on each engine, 500 on a kind cluster |
//! | [`report`] | reports that were written down, in every format and as one |
//! | [`html`] | the HTML report in headless Chromium: content, filters, no console error, no escape |
//! | [`hostile`] | files, archives and reports made to do harm: a clear error in bounded memory |
//! | [`shards`] | a matrix and its mistakes; shards that together are the whole |
//! | [`steps`] | what changes while Kestra runs: the hops and the code at each step |
//! | [`leaks`] | a private plaintext appears in no output, file, argument or environment |
//! | [`interrupt`] | SIGINT, SIGTERM and SIGKILL leave nothing behind |
//! | [`faults`] | what breaks around a value is told as such, tried again with a bound, and never a wrong value |
//! | [`cluster`] | a cluster that is there: named, narrow rights, kept, killed, cleaned |
//! | [`audit`] | an installed Kestra, with narrow rights: all is told, nothing changes, no value is shown |
//! | [`exec`] | any Kestra executable serves as well |
//! | [`rest`] | the client against what each generation of Kestra answered |
//! | [`parity`] | the engines answer as each generation of Kestra answered |
//! | [`distributed`] | components deployed apart: a process for each, and none that stays |
//!
//! A *live* trial boots an engine and needs a JDK and Maven: without them it is ignored with that reason,
//! unless `KESTRA_SECRETS_REQUIRE` holds `embedded`: then it fails.

// A trial is a test: what it unwraps is the failure it reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod canary;
mod check;
mod cli;
mod cluster;
mod decode;
mod distributed;
mod distribution;
mod docs;
mod doctor;
mod encode;
mod exec;
mod explain;
mod faults;
mod fix;
mod help;
mod hostile;
mod html;
mod init;
mod interrupt;
mod leaks;
mod lint;
mod official;
mod output;
mod parity;
mod processes;
mod prove;
#[path = "../support/proxy.rs"]
mod proxy;
mod report;
#[path = "../support/requirements.rs"]
mod requirements;
mod rest;
mod sandbox;
mod schemas;
mod settings;
mod shards;
mod steps;
mod told;
#[path = "../support/transcripts.rs"]
mod transcripts;
mod watched;
mod workflows;

use std::process::ExitCode;
use std::sync::LazyLock;

use kestra_secrets::provider::ENGINES;
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    if let Some(code) = rest::standin::play() {
        return code;
    }
    let args = Arguments::from_args();
    let trials = [
        cli::trials(),
        output::trials(),
        distribution::trials(),
        workflows::trials(),
        doctor::trials(),
        official::trials(),
        help::trials(),
        told::trials(),
        settings::trials(),
        init::trials(),
        check::trials(),
        docs::trials(),
        explain::trials(),
        encode::trials(),
        decode::trials(),
        lint::trials(),
        fix::trials(),
        schemas::trials(),
        prove::trials(),
        report::trials(),
        shards::trials(),
        steps::trials(),
        hostile::trials(),
        html::trials(),
        leaks::trials(),
        interrupt::trials(),
        faults::trials(),
        exec::trials(),
        distributed::trials(),
        cluster::trials(),
        audit::trials(),
        rest::trials(),
        parity::trials(),
    ];
    let conclusion = libtest_mimic::run(&args, trials.into_iter().flatten().collect());
    cluster::close();
    conclusion.exit_code()
}

/// A test that runs no Kestra.
fn test(module: &str, name: &str, check: fn()) -> Trial {
    Trial::test(format!("{module}::{name}"), move || {
        check();
        Ok(())
    })
}

/// A test that boots the newest engine.
fn live(module: &str, name: &str, check: impl FnOnce() + Send + 'static) -> Trial {
    static LACKING: LazyLock<Option<String>> = LazyLock::new(|| requirements::lacking_for_engine(&ENGINES[0]));
    Trial::ignorable_test(format!("{module}::{name}"), move || match &*LACKING {
        Some(lacking) if requirements::is_required("embedded") => Err(lacking.into()),
        Some(lacking) => Ok(Completion::ignored_with(lacking)),
        None => {
            check();
            Ok(Completion::Completed)
        }
    })
}

/// The engine that live tests boot.
const ENGINE: &str = "engine@2.0.0";
