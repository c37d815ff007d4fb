//! `encode`: what it prints, proved.

use std::fmt::Write as _;
use std::fs;

use libtest_mimic::Trial;

use crate::live;
use crate::support::ENGINE;
use crate::support::sandbox::Sandbox;

pub fn trials() -> Vec<Trial> {
    vec![live(
        "encode",
        "what_is_printed_carries_hard_plaintexts_to_a_flow_byte_for_byte",
        carried,
    )]
}

/// What accidents happen to, by the name a flow calls it.
const HARD: [(&str, &str); 11] = [
    ("NEWLINE", "line one\nline two\n"),
    ("CRLF", "line one\r\nline two\r\n"),
    ("QUOTES", "it's \"so\" `called` \\"),
    ("DOLLAR", "$(HOME) $$(HOME) ${HOME} $HOME"),
    ("EMOJI", "p\u{e4}ssw\u{f6}rd \u{5bc6}\u{7801} \u{1f5dd}\u{fe0f}"),
    ("SPACES", "   leading and trailing   "),
    ("EMPTY", ""),
    ("NUMBER", "0012345678e10"),
    ("NO", "true"),
    ("YAML", "a: [b, {c: d}] # e"),
    ("lower_case", "{{ secret('NO') }}"),
];

fn carried() {
    let sandbox = Sandbox::new();
    let mut args = Vec::new();
    let mut expect = String::new();
    for (name, plain) in HARD {
        sandbox.file(&format!("plain/{name}"), plain);
        args.push(format!("--from-file={name}=plain/{name}"));
        let _ = writeln!(expect, "--expect={name}=@plain/{name}");
    }
    for (strategy, generation) in [("extra-env", "0"), ("extra-env-from", "1"), ("secret-key-ref", "1")] {
        let chosen = [
            format!("--strategy={strategy}"),
            format!("--chart-generation={generation}"),
        ];
        let print = |only: &str| {
            let only = format!("--only={only}");
            sandbox.run(
                ["encode"]
                    .into_iter()
                    .chain(args.iter().chain(&chosen).map(String::as_str))
                    .chain([&*only]),
            )
        };
        sandbox.file("values.yaml", print("values").with_code(0).stdout);
        let mut check = vec!["check", "-f", "values.yaml", "--kestra", ENGINE, "--report", "report"];
        if strategy != "extra-env" {
            sandbox.file("secret.yaml", print("manifest").with_code(0).stdout);
            check.extend(["-f", "secret.yaml"]);
        }
        let ended = sandbox.run(check.into_iter().chain(expect.lines())).with_code(0);
        let passed = format!("{} passed, 0 failed", HARD.len());
        assert!(ended.stdout.contains(&passed), "{strategy}:\n{}", ended.stdout);
        let report = fs::read_to_string(sandbox.work().join("report/report.json")).unwrap();
        assert!(!report.contains("KS0"), "{strategy}: {report}");
    }
    sandbox.assert_clean();
}
