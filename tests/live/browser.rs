//! The page of docs/try in headless Chromium: it answers as the program does, sends nothing, and is usable by keyboard,
//! in the dark and on a telephone.

mod answers;
mod handling;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Completion, Trial};
use serde_json::json;

use crate::support::devtools::{self, Browser};
use crate::support::publisher::Server;
use crate::support::requirements;
use crate::support::sandbox::run;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = "/try/index.html";
/// What the page is made of.
const PARTS: [&str; 4] = [PAGE, "/try/try.css", "/try/kestra-secrets.js", "/try/try.js"];

pub fn trials() -> Vec<Trial> {
    let test = |name: &str, check: fn(&str)| {
        Trial::ignorable_test(format!("browser::{name}"), move || {
            let lacking = match &*devtools::CHROMIUM {
                None => devtools::LACKING,
                Some(_) if !has_target() => "rustc has no wasm32-unknown-unknown: `rustup target add` adds it",
                Some(chromium) => {
                    check(chromium);
                    return Ok(Completion::Completed);
                }
            };
            if requirements::is_required("chromium") {
                return Err(lacking.into());
            }
            Ok(Completion::ignored_with(lacking))
        })
    };
    vec![
        test("lint_says_what_the_program_says_of_each_file", answers::lint),
        test("explain_says_what_the_program_says", answers::explain),
        test("everything_can_be_done_by_keyboard", handling::keyboard),
        test("nothing_runs_over_the_edge_and_every_text_can_be_read", handling::looks),
        test("nothing_is_sent_and_nothing_is_stored", silence),
        test("a_defect_is_told_and_costs_no_text", defect),
        test("a_question_that_cannot_be_answered_is_refused", refused),
    ]
}

fn has_target() -> bool {
    let asked = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = asked.map(|asked| String::from_utf8_lossy(&asked.stdout).trim().to_owned());
    sysroot.is_ok_and(|sysroot| {
        Path::new(&sysroot)
            .join("lib/rustlib/wasm32-unknown-unknown/lib")
            .is_dir()
    })
}

/// The program for a browser, as a book has it.
static PROGRAM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let book = tempfile::tempdir().unwrap();
    let mut build = Command::new(Path::new(ROOT).join("browser/build"));
    build.arg(book.path());
    run(build).with_code(0);
    fs::read(book.path().join("try/kestra-secrets.js")).unwrap()
});

/// The page, served with this program.
fn served(program: &[u8]) -> Server {
    let part = |path: &str| match path {
        "/try/kestra-secrets.js" => program.to_vec(),
        path => fs::read(format!("{ROOT}/docs{path}")).unwrap(),
    };
    Server::start(PARTS.map(|path| (path.to_owned(), part(path))))
}

fn opened(chromium: &str) -> (Server, Browser) {
    let server = served(&PROGRAM);
    let mut browser = Browser::start(chromium);
    browser.open(&(server.url() + PAGE));
    (server, browser)
}

/// Fails where the page threw something or the browser complained.
#[track_caller]
fn assert_silent(browser: &Browser) {
    for event in ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"] {
        assert!(browser.events_of(event).is_empty(), "{:#?}", browser.events_of(event));
    }
}

/// Waits until an element says something, and returns that.
#[track_caller]
fn said(browser: &mut Browser, id: &str) -> String {
    let said = browser.evaluate(&format!(
        "new Promise((resolve) => {{
            const look = () => element('{id}').textContent ? resolve(element('{id}').textContent) : setTimeout(look, 10);
            look();
        }})"
    ));
    said.as_str().unwrap().to_owned()
}

fn silence(chromium: &str) {
    let (server, mut browser) = opened(chromium);
    let before = browser.evaluate("[location.href, history.length]");
    browser.evaluate("(async () => { await lint(); await explain(); })()");
    assert!(said(&mut browser, "lint-said").starts_with("1 error"));
    let requested = |browser: &Browser| {
        let requests = browser.events_of("Network.requestWillBeSent").into_iter();
        let urls = requests.map(|request| request["request"]["url"].as_str().unwrap().replace(&server.url(), ""));
        urls.collect::<BTreeSet<_>>()
    };
    let parts: BTreeSet<_> = PARTS.map(str::to_owned).into();
    let mut own = requested(&browser);
    own.remove("data:,");
    assert_eq!(own, parts);
    assert_eq!(server.asked().into_iter().collect::<BTreeSet<_>>(), parts);
    assert_silent(&browser);

    // It could not if it would, not even to the server that it came from.
    let refused = browser.evaluate(
        "(async () => {
            const said = [];
            addEventListener('securitypolicyviolation', (event) => said.push(event.effectiveDirective));
            const tried = async (what) => { try { await what(); said.push('done'); } catch {} };
            await tried(() => fetch('/leak'));
            await tried(() => fetch('http://127.0.0.1:9/leak'));
            await tried(() => new Promise((_, reject) => { new WebSocket('ws://' + location.host + '/leak').onerror = reject; }));
            navigator.sendBeacon('/leak', 'x');
            new Image().src = '/leak';
            const form = document.createElement('form');
            form.action = '/leak';
            document.body.append(form);
            form.submit();
            await tried(() => { document.body.innerHTML = '<p>x'; });
            await tried(() => { document.createElement('script').src = '/leak'; });
            await new Promise((resolve) => setTimeout(resolve, 200));
            return said;
        })()",
    );
    let refused: Vec<_> = refused
        .as_array()
        .unwrap()
        .iter()
        .map(|what| what.as_str().unwrap())
        .collect();
    assert!(!refused.contains(&"done"), "{refused:?}");
    for directive in ["connect-src", "img-src", "form-action", "require-trusted-types-for"] {
        assert!(refused.contains(&directive), "{directive}: {refused:?}");
    }
    assert_eq!(
        refused.iter().filter(|what| **what == "connect-src").count(),
        4,
        "{refused:?}"
    );
    assert!(
        !server.asked().iter().any(|path| path.contains("leak")),
        "{:?}",
        server.asked()
    );

    assert_eq!(browser.evaluate("[location.href, history.length]"), before);
    let stored = browser.evaluate(
        "(async () => [localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length, (await caches.keys()).length])()",
    );
    assert_eq!(stored, json!([0, 0, "", 0, 0]));
}

/// WebAssembly with the program's door that traps when it is asked.
const BROKEN: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x0d\x03\x60\x01\x7f\x01\x7f\x60\0\0\x60\0\x01\x7f\
    \x03\x05\x04\0\x01\x02\x02\
    \x05\x03\x01\0\x01\
    \x07\x3a\x05\x06memory\x02\0\x08question\0\0\x06answer\0\x01\x08answered\0\x02\x0eanswered_bytes\0\x03\
    \x0a\x14\x04\x04\0\x41\x08\x0b\x03\0\0\x0b\x04\0\x41\0\x0b\x04\0\x41\0\x0b";

fn defect(chromium: &str) {
    let broken = format!("const PROGRAM = \"{}\";", STANDARD.encode(BROKEN));
    for (program, told) in [
        (
            broken.as_str(),
            "This is a defect of kestra-secrets. Your text is unchanged.",
        ),
        (
            "const PROGRAM = \"AGFzbQ==\";",
            "The program cannot start in this browser (WebAssembly.compile()",
        ),
        (
            "",
            "The program cannot start in this browser (PROGRAM is not defined). Your text is unchanged.",
        ),
    ] {
        let server = served(program.as_bytes());
        let mut browser = Browser::start(chromium);
        browser.open(&(server.url() + PAGE));
        let text = browser.evaluate("element('text').value");
        for (ask, id) in [
            ("lint", "lint-said"),
            ("explain", "explain-said"),
            ("lint", "lint-said"),
        ] {
            browser.evaluate(&format!("element('{id}').textContent = ''; {ask}()"));
            let said = said(&mut browser, id);
            assert!(said.starts_with(told), "{said}");
        }
        assert_eq!(browser.evaluate("element('text').value"), text);
        assert_silent(&browser);
    }
}

fn refused(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    let answer = browser.evaluate("ask({ask: 'hunter2'})");
    let told = answer["refused"].as_str().unwrap();
    assert!(told.contains("this is no question"), "{answer}");
    assert!(!answer.to_string().contains("hunter2"), "{answer}");
    for id in ["text", "value"] {
        browser.evaluate(&format!("element('{id}').value = 'x'.repeat(1024 * 1024 + 1)"));
    }
    browser.evaluate("(async () => { await lint(); await explain(); })()");
    for id in ["lint-said", "explain-said"] {
        let said = said(&mut browser, id);
        assert!(
            said.starts_with("the text has 1048577 bytes, and this page takes 1048576"),
            "{said}"
        );
    }
    assert_silent(&browser);
}
