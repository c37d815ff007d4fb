//! The page can be used: by keyboard, in the dark, on a telephone.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{assert_silent, opened, said};
use crate::support::devtools::Browser;

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

pub fn keyboard(chromium: &str) {
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
        &json!({"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "modifiers": 2}),
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

pub fn looks(chromium: &str) {
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
        browser.call("Emulation.setEmulatedMedia", &media);
        for width in [320, 360, 420, 1200_u64] {
            let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 800});
            browser.call("Emulation.setDeviceMetricsOverride", &metrics);
            let seen = browser.evaluate(LOOK);
            let over = seen["width"].as_u64().unwrap() > width;
            assert!(!over, "{scheme} {width}: {seen}");
            assert_eq!(seen["ground"], ground);
            assert_eq!(seen["pale"], json!([]), "{scheme} {width}");
            assert_eq!(seen["small"], json!([]), "{scheme} {width}");
            assert!(seen["findings"].as_u64().unwrap() > 1, "{seen}");
            if let Some(folder) = pictures() {
                let params = json!({"captureBeyondViewport": true});
                let picture = browser.call("Page.captureScreenshot", &params);
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
