//! `decode --jsonl`, a stream.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Child;
use std::sync::mpsc;

use crate::support::sandbox::{FOREVER, Sandbox};

#[test]
fn a_line_that_cannot_be_read_exits_2_and_the_others_are_answered() {
    let sandbox = Sandbox::new();
    let good = "{\"env\": \"YWRtaW4=\"}\n{\"env\": \"admin\", \"name\": \"SECRET_A\"}\n";
    let ended = sandbox.run_with(["decode", "--jsonl"], good).with_code(0);
    assert_eq!(
        ended.stdout,
        "{\"plain\":\"admin\",\"error\":null}\n\
         {\"name\":\"SECRET_A\",\"plain\":null,\"error\":\"Last unit does not have enough valid bits\"}\n"
    );
    let ended = sandbox
        .run_with(["decode", "--jsonl"], format!("{{\"env\": hidden}}\n{good}"))
        .with_code(2);
    assert_eq!(ended.stdout.lines().count(), 3);
    assert!(
        ended.stderr.contains("1 line is no") && ended.stderr.contains("line 1, column 9"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("hidden"));
    sandbox.run(["decode"]).with_code(2);
    sandbox.assert_clean();
}

/// The program, with a question asked and answered one at a time.
struct Asked {
    child: Child,
    answers: mpsc::Receiver<String>,
}

impl Asked {
    fn start(sandbox: &Sandbox) -> Self {
        let mut child = sandbox
            .command(["decode", "--jsonl"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, answers) = mpsc::channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        Self { child, answers }
    }

    fn ask(&mut self, question: &str) {
        self.child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(question.as_bytes())
            .unwrap();
    }

    fn answer(&self) -> String {
        self.answers.recv_timeout(FOREVER).unwrap()
    }

    /// The kernel's own high-water mark, in KiB.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let mut asked = Asked::start(&Sandbox::new());
    for plain in ["YQ==", "Yg=="] {
        asked.ask(&format!("{{\"env\": \"{plain}\"}}\n"));
        assert!(asked.answer().contains("\"error\":null"));
    }
    asked.ask("{\"env\": \"Yw==\"}\n{\"env\": ");
    assert_eq!(asked.answer(), "{\"plain\":\"c\",\"error\":null}");
    asked.ask("\"ZA==\"}\n");
    assert_eq!(asked.answer(), "{\"plain\":\"d\",\"error\":null}");
    asked.end();
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let mut asked = Asked::start(&Sandbox::new());
    let longest = format!("{{\"env\": \"{}\"}}\n", "QUJD".repeat(32 * 1024));
    let mut ask = |count: usize| {
        for _ in 0..count {
            asked.ask(&longest);
            assert!(asked.answer().ends_with(",\"error\":null}"));
        }
        asked.peak()
    };
    let (few, many) = (ask(4), ask(96));
    // 12 MiB have passed through it.
    assert!(many < few + 4 * 1024, "{few} KiB after 4 lines, {many} KiB after 100");
    asked.end();
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["decode", "--jsonl"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // It leaves as soon as it cannot write, so this may find nobody.
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all("{\"env\": \"YQ==\"}\n".repeat(100_000).as_bytes());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
