//! The HTML report as a browser takes it: headless Chromium, which CI installs from Debian's packages.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Completion, Trial};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::devtools;
use crate::support::reports::written;
use crate::support::requirements;
use crate::support::sandbox::{Sandbox, run};

pub fn trials() -> Vec<Trial> {
    let test = |name, check| in_browser("html", name, check);
    vec![
        test("a_page_shows_its_cases_and_the_console_stays_silent", content),
        test("each_filter_hides_what_it_does_not_fit", filters),
        test("a_link_to_a_case_opens_it", link),
        test("nothing_runs_over_the_edge_or_under_the_filter", edges),
        test("no_text_of_a_report_becomes_markup_or_script", hostile),
        test("a_script_that_is_not_the_pages_own_does_not_run", foreign_script),
    ]
}

/// A test that gets the name of a browser.
pub fn in_browser(module: &str, name: &str, check: fn(&str)) -> Trial {
    Trial::ignorable_test(format!("{module}::{name}"), move || match &*devtools::CHROMIUM {
        Some(chromium) => {
            check(chromium);
            Ok(Completion::Completed)
        }
        None if requirements::is_required("chromium") => Err(devtools::LACKING.into()),
        None => Ok(Completion::ignored_with(devtools::LACKING)),
    })
}

/// A page after its script has run.
pub struct Seen {
    pub dom: String,
    console: Vec<String>,
}

/// Opens a page, and lets its scripts run.
pub fn open(chromium: &str, page: &Path, fragment: &str) -> Seen {
    // Chromium crashes now and then while it starts. A browser that a signal ended has judged no page.
    let ended = (0..3)
        .map(|_| run(browser(chromium, tempfile::tempdir().unwrap().path(), page, fragment)))
        .find(|ended| ended.code.is_some())
        .expect("Chromium crashed three times in a row")
        .with_code(0);
    let console = ended
        .stderr
        .lines()
        .filter(|l| l.contains("CONSOLE"))
        .map(str::to_owned)
        .collect();
    Seen {
        dom: ended.stdout,
        console,
    }
}

fn browser(chromium: &str, profile: &Path, page: &Path, fragment: &str) -> Command {
    let mut command = Command::new(chromium);
    command
        .args(devtools::FLAGS)
        .args(["--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom"])
        // So that a page of a test can measure the report in a frame.
        .arg("--allow-file-access-from-files")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}#{fragment}", page.display()))
        .env("HOME", profile);
    command
}

impl Seen {
    /// The scenarios of the cases that are not hidden.
    fn visible_cases(&self) -> Vec<String> {
        let case = Regex::new(r#"(?s)<details class="case"([^>]*)>.*?<span class="name">(.*?)</span>"#).unwrap();
        let cases = case.captures_iter(&self.dom).map(|c| c.extract());
        cases
            .filter(|(_, [tag, _])| !tag.contains("hidden"))
            .map(|(_, [_, name])| name.to_owned())
            .collect()
    }
}

/// Four cases, two Kestras, two providers.
fn report() -> Value {
    let mut all = written("r1", "one", "fail");
    let first = all["results"][0].clone();
    for (scenario, status, provider, kestra) in [
        ("two", "pass", "kind", "engine@2.0.0"),
        ("three", "pass", "embedded", "engine@1.3.31"),
        ("four", "error", "embedded", "engine@1.3.31"),
    ] {
        let mut result = first.clone();
        result["scenario"] = scenario.into();
        result["status"] = status.into();
        result["evidence"] = json!([]);
        result["provenance"]["provider"] = provider.into();
        result["provenance"]["kestra"] = kestra.into();
        all["results"].as_array_mut().unwrap().push(result);
    }
    all
}

/// The page of a report, in a sandbox of its own.
fn page(report: &Value) -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    sandbox.file("report.json", report.to_string());
    sandbox.file("evidence/one/kestra.log", "the server's own words\n");
    sandbox
        .run([
            "report",
            "convert",
            "report.json",
            "--to",
            "html",
            "--output",
            "page.html",
        ])
        .with_code(0);
    let page = sandbox.work().join("page.html");
    (sandbox, page)
}

fn content(chromium: &str) {
    let (_sandbox, page) = page(&report());
    let seen = open(chromium, &page, "");
    assert_eq!(seen.console, [""; 0]);
    assert_eq!(seen.visible_cases(), ["one", "two", "three", "four"]);
    for text in [
        "1 of 4 cases went wrong, and 1 was not judged",
        "61 64 6d 69 6e <mark>0a</mark>",
        "Kestra's boot",
        "the server's own words",
        "4 of 4",
    ] {
        assert!(seen.dom.contains(text), "{text}");
    }
    // Nothing is asked of anybody: no address but places on the page, and a policy that forbids it.
    let address = Regex::new(r#"(?:src|href|action|srcset)="([^"]*)""#).unwrap();
    for (_, [address]) in address.captures_iter(&seen.dom).map(|c| c.extract()) {
        assert!(address.starts_with('#') || address == "data:,", "{address}");
    }
    assert!(seen.dom.contains("default-src 'none'"));
}

fn filters(chromium: &str) {
    let (_sandbox, page) = page(&report());
    for (fragment, shown) in [
        ("status=fail", &["one"][..]),
        ("provider=kind", &["two"]),
        ("kestra=engine%401.3.31", &["three", "four"]),
        ("text=OWN+WORDS", &["one"]),
        ("status=pass&provider=embedded", &["three"]),
        ("text=nowhere", &[]),
    ] {
        let seen = open(chromium, &page, fragment);
        assert_eq!(seen.visible_cases(), shown, "{fragment}");
        assert!(seen.dom.contains(&format!("{} of 4", shown.len())), "{fragment}");
        assert_eq!(seen.console, [""; 0]);
    }
}

fn link(chromium: &str) {
    let (_sandbox, page) = page(&report());
    let opened = |seen: &Seen| {
        let case = Regex::new(r#"<details class="case"[^>]*\bopen\b[^>]*>"#).unwrap();
        case.find_iter(&seen.dom).count()
    };
    assert_eq!(opened(&open(chromium, &page, "")), 2, "what went wrong is open");
    assert_eq!(opened(&open(chromium, &page, "case-2")), 3);
}

fn edges(chromium: &str) {
    let (sandbox, _page) = page(&report());
    for width in [360, 800, 1300] {
        let measure = format!(
            "<iframe id='frame' src='page.html#case-2' width='{width}' height='500'></iframe>
            <script>onload = () => {{
              const page = frame.contentDocument, at = (place) => page.querySelector(place).getBoundingClientRect();
              const over = page.documentElement.scrollWidth > {width};
              const under = at('#filter').bottom > at('.case:has(#case-2)').top;
              const there = at('.case:has(#case-2)').top < 150;
              document.title = `over ${{over}}, under ${{under}}, there ${{there}}`;
            }};</script>"
        );
        let seen = open(chromium, &sandbox.file("measure.html", measure), "");
        let said = "<title>over false, under false, there true</title>";
        assert!(seen.dom.contains(said), "{width}: {}", seen.dom);
    }
}

fn hostile(chromium: &str) {
    let mut report = report();
    let text = "</script><script>document.title='broken'</script>\"'><img src=x onerror=\"document.title='broken'\">\u{0}\u{202e}";
    let result = &mut report["results"][0];
    for field in ["scenario", "about", "because"] {
        result[field] = text.into();
    }
    result["expected"] = json!({"outputs": {text: {"text": text}}});
    result["observed"] = json!({"failed": {"state": text, "errors": [text]}});
    result["provenance"]["provider"] = text.into();
    // A report that names no Kestra is none; a path may be called anything.
    result["provenance"]["kestra"] = format!("exec:/{text}").into();
    result["in_files"] = json!([{"file": text, "line": 1, "column": 1, "message": text, "cure": text}]);
    let (_sandbox, page) = page(&report);
    let seen = open(chromium, &page, "status=fail");
    assert_eq!(seen.console, [""; 0]);
    assert_eq!(seen.visible_cases().len(), 1);
    assert!(seen.dom.contains("<title>Wrong"), "the title was changed");
    assert!(!seen.dom.contains("<img"));
    assert_eq!(seen.dom.matches("<script>").count(), 1);
}

/// Also the proof that the other tests would hear the console.
fn foreign_script(chromium: &str) {
    let (sandbox, page) = page(&report());
    let text = std::fs::read_to_string(&page).unwrap();
    let injected = text.replace(
        "<main>",
        "<main><script>document.title='broken'</script><img src=\"http://127.0.0.1:9/x\">",
    );
    let page = sandbox.file("injected.html", injected);
    let seen = open(chromium, &page, "");
    assert!(seen.dom.contains("<title>Wrong"));
    assert!(seen.console.len() >= 2, "{:?}", seen.console);
}
