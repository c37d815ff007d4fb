//! Headless Chromium, which CI installs from Debian's packages, and its protocol for developers: JSON messages that end in a
//! NUL byte, over two pipes.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::background::Background;

pub const LACKING: &str = "there is no chromium on PATH: `apt-get install --no-install-recommends chromium`";

pub static CHROMIUM: LazyLock<Option<String>> = LazyLock::new(|| {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let answers = |name: &&&str| {
        let asked = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    names.iter().find(answers).map(ToString::to_string)
});

/// It draws nothing on a screen, runs as root, and asks nobody for anything by itself.
pub const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// Longer than a browser takes for anything that a test asks.
const FOREVER: Duration = Duration::from_secs(120);

/// A browser with one page. It ends when it is dropped.
pub struct Browser {
    child: Background,
    to: ChildStdin,
    from: Receiver<Value>,
    asked: u64,
    session: Option<String>,
    /// What it told of the page by itself, oldest first.
    pub events: VecDeque<Value>,
    _profile: TempDir,
}

impl Browser {
    /// With an empty page. Chromium crashes now and then while it starts, so it has three tries.
    pub fn start(chromium: &str) -> Self {
        let started = (0..3).find_map(|_| Self::launch(chromium).ok());
        started.expect("Chromium crashed three times in a row")
    }

    fn launch(chromium: &str) -> Result<Self, String> {
        let profile = tempfile::tempdir().unwrap();
        // The protocol's pipes are the descriptors 3 and 4.
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, chromium])
            .args(FLAGS)
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Background::start(&mut command);
        let (send, from) = channel();
        let told = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for message in told.split(0).map_while(Result::ok) {
                if send.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut browser = Self {
            to: child.stdin.take().unwrap(),
            child,
            from,
            asked: 0,
            session: None,
            events: VecDeque::new(),
            _profile: profile,
        };
        let target = browser.try_call("Target.createTarget", &json!({"url": "about:blank"}))?;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.try_call("Target.attachToTarget", &target)?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.try_call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Carries out a command of the protocol.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.try_call(method, params)
            .unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    fn try_call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let sent = self.to.write_all(format!("{message}\0").as_bytes());
        sent.map_err(|e| format!("the browser is gone: {e}"))?;
        let deadline = Instant::now() + FOREVER;
        loop {
            let mut told = self.receive(deadline)?;
            if told["id"] != self.asked {
                self.events.push_back(told);
            } else if told.get("error").is_some() {
                return Err(told["error"].to_string());
            } else {
                return Ok(told["result"].take());
            }
        }
    }

    fn receive(&self, deadline: Instant) -> Result<Value, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.from.recv_timeout(left).map_err(|e| match e {
            RecvTimeoutError::Timeout => format!("no answer in {FOREVER:?}"),
            RecvTimeoutError::Disconnected => "the browser is gone".into(),
        })
    }

    /// Opens an address, and waits until all that it names is loaded.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", &json!({"url": url}));
        assert!(opened.get("errorText").is_none(), "{url}: {opened}");
        let deadline = Instant::now() + FOREVER;
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive(deadline).unwrap_or_else(|e| panic!("{url}: {e}"));
            self.events.push_back(event);
        }
    }

    /// What JavaScript makes of an expression in the page, a promise awaited.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut evaluated = self.call("Runtime.evaluate", &params);
        assert!(
            evaluated.get("exceptionDetails").is_none(),
            "{expression}: {evaluated:#}"
        );
        evaluated["result"]["value"].take()
    }

    /// Presses a key that is no character, such as `Tab`.
    pub fn press(&mut self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.call("Input.dispatchKeyEvent", &params);
        }
    }

    /// Writes a text where the cursor is, over what is selected.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// The events of one name.
    pub fn events_of(&self, method: &str) -> Vec<&Value> {
        let events = self.events.iter().filter(|event| event["method"] == method);
        events.map(|event| &event["params"]).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        // Where it does not end by itself, its child's own drop ends it.
        drop(self.try_call("Browser.close", &json!({})));
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
