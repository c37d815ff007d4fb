//! The page of docs/try in headless Chromium: it answers as the program does, sends nothing, and is usable by keyboard,
//! in the dark and on a telephone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Completion, Trial};
use serde_json::{Value, json};

use crate::support::devtools::{self, Browser};
use crate::support::publisher::Server;
use crate::support::requirements;
use crate::support::sandbox::{Sandbox, files, run};

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
        test("lint_says_what_the_program_says_of_each_file", lint),
        test("explain_says_what_the_program_says", explain),
        test("everything_can_be_done_by_keyboard", keyboard),
        test("nothing_runs_over_the_edge_and_every_text_can_be_read", looks),
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

/// Every text that the tests of lint have, and the name of its file.
fn texts() -> Vec<(String, String)> {
    let folders = [
        "tests/lint/bad",
        "tests/lint/good",
        "tests/lint/cured",
        "tests/field",
        "scenarios",
    ];
    let paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| files(&Path::new(ROOT).join(folder)))
        .collect();
    let texts: BTreeSet<_> = paths
        .iter()
        .filter_map(|path| {
            // A text field has line feeds alone.
            let text = fs::read_to_string(path).ok()?.replace("\r\n", "\n").replace('\r', "\n");
            Some((path.file_name()?.to_str()?.to_owned(), text))
        })
        .filter(|(name, _)| name != "case.json")
        .collect();
    assert!(texts.len() > 150, "{}", texts.len());
    texts.into_iter().collect()
}

/// Findings as the page should show them.
fn shown(report: &Value) -> Vec<String> {
    let texts = |of: &Value, keys: &[&str]| -> Vec<String> {
        let text = |key: &&str| of[*key].as_str().map_or_else(|| of[*key].to_string(), str::to_owned);
        keys.iter().map(text).collect()
    };
    let mut all = Vec::new();
    for one in report["findings"].as_array().unwrap() {
        let [file, line, column, severity, rule, subject, message, cure] = &texts(
            one,
            &[
                "file", "line", "column", "severity", "rule", "subject", "message", "cure",
            ],
        )[..] else {
            panic!("{one}")
        };
        all.push(format!(
            "{file}:{line}:{column} {severity}[{rule}]: {subject}: {message}cure: {cure}"
        ));
    }
    for one in report["unreadable"].as_array().unwrap() {
        let [file, line, column, message] = &texts(one, &["file", "line", "column", "message"])[..] else {
            panic!("{one}")
        };
        let place = if line == "0" {
            file.clone()
        } else {
            format!("{file}:{line}:{column}")
        };
        let cure = one["help"].as_str().map(|help| format!("cure: {help}"));
        all.push(format!("{place} unreadable: {message}{}", cure.unwrap_or_default()));
    }
    // What stands between backticks is code there.
    all.iter().map(|text| text.replace('`', "")).collect()
}

fn lint(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    let mut codes = BTreeSet::new();
    for (name, text) in texts() {
        let sandbox = Sandbox::new();
        sandbox.file(&name, &text);
        for assume_kestra in [true, false] {
            let flag = assume_kestra.then_some("--assume-kestra");
            let args = |format| {
                ["lint", "--format", format]
                    .into_iter()
                    .chain(flag)
                    .chain([name.as_str()])
            };
            let json = sandbox.run(args("json")).stdout;
            let report: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{name}: {e}: {json}"));
            let answer = browser.evaluate(&format!(
                "(async () => {{
                    const [name, text, assume_kestra] = {};
                    element('file-name').value = name;
                    element('text').value = text;
                    element('assume-kestra').checked = assume_kestra;
                    await lint();
                    return {{
                        report: (await ask({{ask: 'lint', name, text, assume_kestra}})).linted.report,
                        shown: Array.from(element('findings').children, (item) => item.textContent),
                        links: Array.from(document.querySelectorAll('#findings a'), (link) => link.pathname),
                        summary: element('summary').textContent + '\\n' + element('lint-said').textContent,
                    }};
                }})()",
                json!([name, text, assume_kestra])
            ));
            assert_eq!(answer["report"], report, "{name}: {text}");
            assert_eq!(answer["shown"], json!(shown(&report)), "{name}: {text}");
            let human = sandbox.run(args("human")).stdout;
            for line in answer["summary"].as_str().unwrap().lines() {
                assert!(human.contains(line), "{name}: {line:?} is not in {human}");
            }
            codes.extend(
                answer["links"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .cloned()
                    .map(|link| link.to_string()),
            );
        }
    }
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        let page = code.trim_matches('"').replace(".html", ".md");
        assert!(Path::new(ROOT).join(format!("docs{page}")).is_file(), "{page}");
    }
    assert_silent(&browser);
}

fn explain(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    let long = STANDARD.encode("x".repeat(4000));
    let values = [
        "",
        "YWRtaW4=",
        "YWRtaW4K",
        "WVdSdGFXNEsK",
        "admin",
        "1.2345678e+07",
        "YWRtaW4=\n",
        "ü€🗝",
        "/w==",
        "a\tb",
        "${TOKEN}",
        "changeme",
        "WVd\nSd",
        "$$x",
        &long,
    ];
    for value in values {
        for place in ["values", "data", "string-data", "env"] {
            for (name, meant, hide) in [
                ("", "", false),
                ("SECRET_DB-PASSWORD", "admin", false),
                ("SECRET_A", "", true),
            ] {
                let sandbox = Sandbox::new();
                let mut args = vec!["explain", "--as", place];
                if !name.is_empty() {
                    args.extend(["--name", name]);
                }
                if !meant.is_empty() {
                    sandbox.file("meant", meant);
                    args.extend(["--expect", "@meant"]);
                }
                args.extend(hide.then_some("--hide"));
                let told = sandbox.run_with(&args, value).stdout;
                let answer = browser.evaluate(&format!(
                    "(async () => {{
                        for (const [id, value] of Object.entries({})) element(id).value = value;
                        element('hide').checked = {hide};
                        await explain();
                        return element('explained').textContent + '\\n' + element('explain-said').textContent + '\\n';
                    }})()",
                    json!({"value": value, "place": place, "name": name, "meant": meant})
                ));
                let same = |text: &str| {
                    // Each run has a key of its own.
                    let hash = regex::Regex::new("#[0-9a-f]{16}").unwrap();
                    hash.replace_all(text, "#").into_owned()
                };
                assert_eq!(same(answer.as_str().unwrap()), same(&told), "{args:?} {value:?}");
            }
        }
    }
    assert_silent(&browser);
}

/// Presses Tab until this element has the focus, which every element on the way must show.
#[track_caller]
fn tab_to(browser: &mut Browser, wanted: &str) {
    for _ in 0..20 {
        browser.press("Tab", 9);
        let at = browser.evaluate(
            "(() => {
                const at = document.activeElement, style = getComputedStyle(at);
                const named = at.labels?.length || at.textContent.trim();
                return {id: at.id || at.className || at.textContent, outline: style.outlineStyle, named: Boolean(named)};
            })()",
        );
        assert_eq!((&at["outline"], &at["named"]), (&json!("solid"), &json!(true)), "{at}");
        if at["id"] == wanted {
            return;
        }
    }
    panic!("no Tab leads to {wanted}");
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

fn keyboard(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    tab_to(&mut browser, "file-name");
    browser.write("kestra.env");
    tab_to(&mut browser, "text");
    browser.evaluate("document.activeElement.select()");
    browser.write("# one\nSECRET_A=YWRtaW4=\nSECRET_B=YWRtaW4K\n");
    tab_to(&mut browser, "assume-kestra");
    tab_to(&mut browser, "Lint");
    browser.press("Enter", 13);
    assert_eq!(
        said(&mut browser, "lint-said"),
        "1 error, 0 warnings, 0 notes in 1 file"
    );
    tab_to(&mut browser, "place");
    browser.press("Enter", 13);
    let selected = browser.evaluate(
        "[document.activeElement.id, document.activeElement.value.slice(
            document.activeElement.selectionStart, document.activeElement.selectionEnd)]",
    );
    assert_eq!(selected, json!(["text", "SECRET_B=YWRtaW4K"]));

    tab_to(&mut browser, "value");
    browser.evaluate("document.activeElement.select()");
    browser.write("YWRtaW4=");
    tab_to(&mut browser, "place");
    browser.press("ArrowUp", 38);
    tab_to(&mut browser, "meant");
    browser.write("admin");
    // In a text field of several lines, Enter is a line.
    browser.call(
        "Input.dispatchKeyEvent",
        json!({"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "modifiers": 2}),
    );
    assert_eq!(
        said(&mut browser, "explain-said"),
        "right: a flow gets the expected value"
    );
    tab_to(&mut browser, "Explain");
    tab_to(&mut browser, "explained");
    // What changes is told to who does not see it.
    let live = browser.evaluate("Array.from(document.querySelectorAll('[role=status]'), (e) => e.id)");
    assert_eq!(live, json!(["lint-said", "explain-said"]));
    let unnamed = browser.evaluate(
        "Array.from(document.querySelectorAll('input, select, textarea'), (e) => e.labels.length).filter((n) => n !== 1).length",
    );
    assert_eq!(unnamed, 0);
    assert_silent(&browser);
}

/// A place for the pictures, for who wants to look at them.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("KESTRA_SECRETS_PICTURES").map(Into::into)
}

fn looks(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    let text = format!(
        "common:\n  extraEnv:\n    - {{name: SECRET_A, value: \"plain text\"}}\n    - {{name: SECRET_{}, value: YQo=}}\nextraEnv: []\n",
        "B".repeat(80)
    );
    browser.evaluate(&format!(
        "(async () => {{
            element('file-name').value = '{}.yaml';
            element('text').value = {};
            element('value').value = '{}';
            await lint();
            await explain();
        }})()",
        "long-name".repeat(20),
        json!(text),
        STANDARD.encode("long".repeat(200)),
    ));
    for (scheme, ground) in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 24, 29)")] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.call("Emulation.setEmulatedMedia", media);
        for width in [320, 360, 420, 1200_u64] {
            let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 800});
            browser.call("Emulation.setDeviceMetricsOverride", metrics);
            let seen = browser.evaluate(LOOK);
            let over = seen["width"].as_u64().unwrap() > width;
            assert!(!over, "{scheme} {width}: {seen}");
            assert_eq!(seen["ground"], ground);
            assert_eq!(seen["pale"], json!([]), "{scheme} {width}");
            assert_eq!(seen["small"], json!([]), "{scheme} {width}");
            assert!(seen["findings"].as_u64().unwrap() > 1, "{seen}");
            if let Some(folder) = pictures() {
                let params = json!({"captureBeyondViewport": true});
                let picture = browser.call("Page.captureScreenshot", params);
                let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
                fs::write(folder.join(format!("{scheme}-{width}.png")), picture).unwrap();
            }
        }
    }
    assert_silent(&browser);
}

/// How wide the page is, the texts whose contrast is below 4.5 to 1 (WCAG AA), and what is too small for a finger
/// (below 24 pixels).
const LOOK: &str = "(() => {
    const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = (color) => {
        const [r, g, b] = numbers(color).map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (numbers(color)[3] !== 0) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const pale = [], small = [];
    for (const element of document.body.querySelectorAll('*')) {
        if (!element.checkVisibility()) continue;
        const hasText = element.value || Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
        const [one, other] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
        if (hasText && (one + 0.05) / (other + 0.05) < 4.5) pale.push(element.outerHTML);
        const { width, height } = element.getBoundingClientRect();
        if (element.matches('input:not([type=checkbox]), select, textarea, button') && Math.min(width, height) < 24) small.push(element.outerHTML);
    }
    return {
        width: document.scrollingElement.scrollWidth,
        ground: getComputedStyle(document.body).backgroundColor,
        findings: document.querySelectorAll('#findings li').length,
        pale, small,
    };
})()";

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
    assert_eq!(
        answer["refused"].as_str().unwrap().contains("this is no question"),
        true,
        "{answer}"
    );
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
