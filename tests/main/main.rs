//! The program as its users meet it: the real binary, in folders of its own, without a live Kestra.
//! [`tests/live`](../live/main.rs) has the trials that need one.
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
//! | [`lint_formats`] | several formats in one run, each as its schema says |
//! | [`baseline`] | an old repository starts green, what is new fails, and no value is in the file |
//! | [`fix`] | what it changes, and what it leaves |
//! | [`schemas`] | the committed JSON Schemas: fresh, and true of scenarios and reports |
//! | [`prove`] | the oracle is true of random secrets: 2,000 on each engine, 500 on a kind cluster |
//! | [`report`] | reports that were written down, in every format and as one |
//! | [`hostile`] | files, archives and reports made to do harm: a clear error in bounded memory |
//! | [`shards`] | a matrix and its mistakes; shards that together are the whole |
//! | [`interrupt`] | SIGINT, SIGTERM and SIGKILL leave nothing behind |
//! | [`faults`] | what breaks around a value is told as such, tried again with a bound, and never a wrong value |
//! | [`audit`] | an installed Kestra, with narrow rights: all is told, nothing changes, no value is shown |
//! | [`exec`] | any Kestra executable serves as well |
//! | [`rest`] | the client against what each generation of Kestra answered |

// A test unwraps; that is the failure it reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod baseline;
mod check;
mod cli;
mod decode;
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
mod init;
mod interrupt;
mod lint;
mod lint_chart;
mod lint_formats;
mod official;
mod output;
mod prove;
mod report;
mod rest;
mod schemas;
mod settings;
mod shards;
#[path = "../support/mod.rs"]
mod support;
mod told;
mod workflows;
