//! Charts' archives. Helm reads and unpacks them; what it refuses is told in its words, and nothing is written where an
//! archive wants it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::Trial;
use tar::{Builder, EntryType, Header};

use crate::live;
use crate::support::ENGINE;
use crate::support::sandbox::{Ended, Sandbox, files, run};

pub fn trials() -> Vec<Trial> {
    let live = |name, check: fn()| live("hostile", name, check);
    vec![
        live("an_archive_that_helm_refuses_ends_in_its_words", refused),
        live("no_path_and_no_link_of_an_archive_leads_out_of_it", paths),
        live("nor_do_those_of_an_archive_that_is_pulled", pulled),
    ]
}

/// A member: its path, and bytes or where it links to.
type Member<'a> = (&'a str, EntryType, &'a [u8]);

/// A chart's archive, gzipped. Paths are written as they are: the library's own builder refuses the bad ones.
fn archive(members: &[Member]) -> Vec<u8> {
    let chart: Member = (
        "evil/Chart.yaml",
        EntryType::Regular,
        b"apiVersion: v2\nname: evil\nversion: 1.0.0\n",
    );
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, kind, content) in [chart].iter().chain(members) {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let data: &[u8] = if *kind == EntryType::Regular { content } else { &[] };
        if data.is_empty() {
            header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content);
        }
        header.set_size(data.len() as u64);
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn with_chart(sandbox: &Sandbox, chart: &str) -> Ended {
    run(sandbox.command(["run", "secret-key-ref", "--kestra", ENGINE, "--chart", chart]))
}

const MIB: usize = 1024 * 1024;

fn refused() {
    let sandbox = Sandbox::new();
    let zeros = vec![0; 6 * MIB];
    let many: Vec<String> = (0..30).map(|n| format!("evil/files/{n}")).collect();
    let bomb: Vec<Member> = many
        .iter()
        .map(|path| (path.as_str(), EntryType::Regular, &zeros[..4 * MIB]))
        .collect();
    let whole = archive(&[("evil/values.yaml", EntryType::Regular, b"a: 1\n")]);
    for (archive, says) in [
        (
            archive(&[("evil/../../escaped", EntryType::Regular, b"x")]),
            "illegally references parent directory",
        ),
        (
            archive(&[("evil/files/one", EntryType::Regular, &zeros)]),
            "larger than the maximum file size 5242880",
        ),
        (archive(&bomb), "larger than the maximum file size 104857600"),
        (whole[..whole.len() / 2].to_vec(), "unexpected EOF"),
        (b"\x1f\x8bnot gzip".to_vec(), "failed to read chart"),
    ] {
        sandbox.file("evil.tgz", archive);
        let ended = with_chart(&sandbox, "./evil.tgz").with_code(3);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        sandbox.assert_clean();
    }
}

/// Archives whose members want to be elsewhere.
fn elsewhere(secret: &str) -> Vec<Vec<u8>> {
    let template = "evil/templates/stolen.yaml";
    vec![
        archive(&[("../escaped", EntryType::Regular, b"x")]),
        archive(&[("evil/../../../escaped", EntryType::Regular, b"x")]),
        archive(&[("/escaped", EntryType::Regular, b"x")]),
        archive(&[(template, EntryType::Symlink, secret.as_bytes())]),
        archive(&[(template, EntryType::Link, secret.as_bytes())]),
        archive(&[
            ("evil/out", EntryType::Symlink, b"../../.."),
            ("evil/out/escaped", EntryType::Regular, b"x"),
        ]),
    ]
}

/// Nothing is written but the report, nothing is read, and the run ends without a verdict on the secret.
fn stays_inside(sandbox: &Sandbox, before: usize, ended: Ended) {
    let ended = ended.with_code(3);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("hunter2"));
    let found = files(&sandbox.work());
    assert_eq!(found.len(), before, "{found:?}");
    assert!(!std::path::Path::new("/escaped").exists());
    sandbox.assert_clean();
}

fn paths() {
    let sandbox = Sandbox::new();
    let secret = sandbox.file("secret", "kind: ConfigMap\nhunter2: hunter2\n");
    for archive in elsewhere(secret.to_str().unwrap()) {
        sandbox.file("evil.tgz", archive);
        let ended = with_chart(&sandbox, "./evil.tgz");
        stays_inside(&sandbox, 2, ended);
    }
}

fn pulled() {
    let sandbox = Sandbox::new();
    let secret = sandbox.file("secret", "kind: ConfigMap\nhunter2: hunter2\n");
    for archive in elsewhere(secret.to_str().unwrap()) {
        let url = repository(archive);
        let mut command = sandbox.command(["run", "secret-key-ref", "--kestra", ENGINE, "--chart", "official"]);
        command
            .env("KESTRA_SECRETS_CHART_MIRROR", url)
            .env("NO_PROXY", "127.0.0.1");
        stays_inside(&sandbox, 1, run(command));
    }
}

/// The URL of a chart repository with this archive; it serves for as long as the tests run.
fn repository(archive: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let entry = "apiVersion: v2, name: kestra, version: 1.0.0, urls: [evil.tgz]";
    let index = format!("apiVersion: v1\nentries: {{kestra: [{{{entry}}}]}}\n").into_bytes();
    let archive = Arc::new(archive);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            let body: &[u8] = if request[..read].starts_with(b"GET /evil.tgz") {
                &archive
            } else {
                &index
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    url
}
