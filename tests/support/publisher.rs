//! The publisher of image and chart, on loopback: a server of a few answers, and how the program is led to it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use super::sandbox::{Ended, Sandbox};

/// The version that the stand-ins bear: that of the engine which is in them.
pub const VERSION: &str = "2.0.0";
pub const IMAGE: &str = "kestra/kestra";
pub const TAG: &str = "v2.0.0-no-plugins";

/// It answers until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    end: Arc<AtomicBool>,
}

impl Server {
    pub fn start(answers: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            end: Arc::default(),
        };
        let end = Arc::clone(&server.end);
        let asked = Arc::clone(&server.asked);
        let answers: Arc<BTreeMap<_, _>> = Arc::new(answers.into_iter().collect());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                // A browser opens connections that it may never use. That a client hangs up is its own affair.
                thread::spawn(move || drop(serve(client, &answers, &asked)));
            }
        });
        server
    }

    /// One that offers the image and the chart, by their manifests alone.
    pub fn of_publisher() -> Self {
        let part = |size: u64| json!({"digest": format!("sha256:{}", "0".repeat(64)), "size": size});
        let manifest = json!({"config": part(1), "layers": [part(300 << 20), part(50 << 20)]});
        let index = format!("entries: {{kestra: [{{version: {VERSION}, appVersion: v{VERSION}}}]}}");
        let tags = json!({"tags": ["latest", "v1.3.9", "v1.3.31-no-plugins", "v2.0.0"]});
        Self::start([
            (format!("/v2/{IMAGE}/manifests/{TAG}"), manifest.to_string().into()),
            (format!("/v2/{IMAGE}/tags/list"), tags.to_string().into()),
            ("/index.yaml".into(), index.into()),
        ])
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked for so far, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    mut client: TcpStream,
    answers: &BTreeMap<String, Vec<u8>>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    asked.lock().unwrap().push(path.into());
    let content_type = match Path::new(path).extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        _ => "application/octet-stream",
    };
    let body = answers.get(path.split('?').next().unwrap_or_default());
    let (status, body) = body.map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    client.write_all(body)
}

/// The pins with the stand-ins' version, and a digest of their tag.
pub fn pins(sandbox: &Sandbox, digest: &str) {
    let digests = match digest {
        "" => String::new(),
        digest => format!("\"{TAG}\" = \"sha256:{digest}\""),
    };
    let text = include_str!("../../src/tools/toolbox/pins.toml");
    let text = text.replace("version = \"2.0.7\"", &format!("version = \"{VERSION}\""));
    sandbox.file(
        "pins.toml",
        text.replace("[kestra.digests]", &format!("[kestra.digests]\n{digests}")),
    );
}

/// Leads a command to this registry and this repository of charts.
pub fn asks(mut command: Command, sandbox: &Sandbox, registry: &str, charts: &str) -> Command {
    command
        .env("KESTRA_SECRETS_PINS", sandbox.work().join("pins.toml"))
        .env("KESTRA_SECRETS_IMAGE_MIRROR", registry)
        .env("KESTRA_SECRETS_CHART_MIRROR", charts);
    command
}

#[track_caller]
pub fn assert_says(ended: &Ended, texts: &[&str]) {
    let said = format!("{}\n{}", ended.stdout, ended.stderr);
    // The console wraps what it says.
    let words = format!("{}\n{}", ended.stdout_words(), ended.stderr_words());
    for text in texts {
        assert!(
            said.contains(text) || words.contains(text),
            "{text:?} is not in\n{said}"
        );
    }
}
