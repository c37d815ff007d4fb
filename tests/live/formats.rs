//! What `lint --format azure` prints, as Azure's own library reads it. The library is JavaScript, so a browser runs it.

use std::fs;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::html::{in_browser, open};
use crate::support::sandbox::Sandbox;

pub fn trials() -> Vec<Trial> {
    vec![in_browser("formats", "azures_library_reads_what_lint_says", azure)]
}

/// A name with all that a command must escape, which still is a path.
const NAME: &str = "deploy;a/100%] b%0A.yaml";

const PAGE: &str = "<pre id=out></pre><script>var exports = {};</script><script src='taskcommand.js'></script>\
    <script src='lines.js'></script><script>\
    out.textContent = JSON.stringify(lines.filter(l => l.includes('##vso[')).map(exports.commandFromString));\
    </script>";

fn azure(chromium: &str) {
    let sandbox = Sandbox::new();
    let bad = "common:\n  extraEnv:\n    - {name: SECRET_A, value: \"tern-77!\"}\n    - {name: SECRET_B, value: ZEdWeWJpMDNOeUU9}\n";
    sandbox.file(NAME, bad);
    sandbox.file("broken.yaml", "a: [");
    let files = [NAME, "broken.yaml"];
    let json = sandbox
        .run(["lint", "--format", "json"].iter().chain(&files))
        .with_code(2);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let azure = sandbox
        .run(["lint", "--format", "azure"].iter().chain(&files))
        .with_code(2);
    let library = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/formats/azure-pipelines-task-lib/taskcommand.js"
    );
    sandbox.file("taskcommand.js", fs::read(library).unwrap());
    let lines: Vec<&str> = azure.stdout.lines().collect();
    sandbox.file(
        "lines.js",
        format!("var lines = {};", serde_json::to_string(&lines).unwrap()),
    );
    let seen = open(chromium, &sandbox.file("page.html", PAGE), "");
    let out = seen
        .dom
        .split("<pre id=\"out\">")
        .nth(1)
        .unwrap()
        .split("</pre>")
        .next()
        .unwrap();
    let out = out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let commands: Vec<Value> = serde_json::from_str(&out).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let severities: Vec<_> = findings
        .iter()
        .map(|finding| finding["severity"].as_str().unwrap())
        .collect();
    assert_eq!(severities, ["error", "warning"]);
    assert_eq!(commands.len(), 3, "{commands:?}");
    for (command, finding) in commands.iter().zip(findings) {
        assert_eq!(command["command"], "task.logissue");
        let properties = &command["properties"];
        assert_eq!(properties["type"], finding["severity"]);
        assert_eq!(properties["sourcepath"], NAME);
        assert_eq!(properties["linenumber"], finding["line"].to_string());
        assert_eq!(properties["columnnumber"], finding["column"].to_string());
        assert_eq!(properties["code"], finding["rule"]);
        let text = |key: &str| finding[key].as_str().unwrap();
        let said = format!("{}: {}\ncure: {}", text("subject"), text("message"), text("cure"));
        assert_eq!(command["message"], said);
    }
    assert_eq!(commands.last().unwrap()["properties"]["code"], "unreadable");
}
