//! A proxy of plain HTTP on the loopback, which does to a request what a bad day does. It stands before an API server,
//! or before nothing at all.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is handed on.
    Passed,
    /// It is answered with this status, and handed to nobody.
    Answered(u16),
    /// It is handed on after this time.
    Late(Duration),
    /// Nobody ever answers.
    Silence,
    /// Its connection breaks after so many bytes of the answer, or of the tunnel that it opens.
    Cut(u64),
}

/// What is known of a request when its fate is decided.
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// With its query.
    pub path: String,
}

impl Request {
    /// Whether it opens a tunnel to a pod.
    pub fn is_tunnel(&self) -> bool {
        self.path.contains("/portforward")
    }
}

/// It listens until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    spoiled: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn start(upstream: Option<SocketAddr>, fate: impl Fn(&Request) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            end: Arc::default(),
            spoiled: Arc::default(),
        };
        let (end, spoiled, fate) = (Arc::clone(&proxy.end), Arc::clone(&proxy.spoiled), Arc::new(fate));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                let (fate, spoiled) = (Arc::clone(&fate), Arc::clone(&spoiled));
                // That a side hangs up is part of the game.
                thread::spawn(move || drop(serve(client, upstream, &*fate, &spoiled)));
            }
        });
        proxy
    }

    /// A kubeconfig with the context `faulty`, which leads here.
    pub fn kubeconfig(&self) -> String {
        let server = format!("http://{}", self.address);
        serde_json::json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "faulty", "context": {"cluster": "c", "user": "u"}}],
        })
        .to_string()
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests did not just pass.
    pub fn spoiled(&self) -> usize {
        self.spoiled.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    mut client: TcpStream,
    upstream: Option<SocketAddr>,
    fate: &dyn Fn(&Request) -> Fate,
    spoiled: &AtomicUsize,
) -> std::io::Result<()> {
    let (head, rest) = head(&mut client)?;
    let mut words = head.split_whitespace().map(str::to_owned);
    let request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
    };
    let fate = fate(&request);
    if fate != Fate::Passed {
        spoiled.fetch_add(1, Ordering::Relaxed);
    }
    let limit = match fate {
        Fate::Answered(status) => return answer(client, status),
        Fate::Silence => return std::io::copy(&mut client, &mut std::io::sink()).map(drop),
        Fate::Late(pause) => {
            thread::sleep(pause);
            u64::MAX
        }
        Fate::Cut(after) => after,
        Fate::Passed => u64::MAX,
    };
    let Some(upstream) = upstream else {
        return answer(client, 404);
    };
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(once(&head).as_bytes())?;
    server.write_all(&rest)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
    let copied = std::io::copy(&mut Read::take(&mut server, limit), &mut client);
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
    copied.map(drop)
}

/// The head of a request, and what of its body came with it.
fn head(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut more = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        match client.read(&mut more)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&more[..read]),
        }
    }
}

/// The same head for a connection that serves one request, so that each has its own fate.
fn once(head: &str) -> String {
    if head.to_lowercase().contains("\r\nupgrade:") {
        return head.to_owned();
    }
    let lines = head.trim_end().split("\r\n");
    let kept = lines.filter(|l| !l.to_lowercase().starts_with("connection:"));
    format!("{}\r\nConnection: close\r\n\r\n", kept.collect::<Vec<_>>().join("\r\n"))
}

/// An answer as an API server gives it.
fn answer(mut client: TcpStream, status: u16) -> std::io::Result<()> {
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": status,
        "message": "a drill", "reason": "",
    })
    .to_string();
    let length = body.len();
    // As an API server says it that sheds load.
    let later = if status == 429 { "Retry-After: 1\r\n" } else { "" };
    write!(
        client,
        "HTTP/1.1 {status} Drill\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{later}Connection: \
         close\r\n\r\n{body}"
    )?;
    client.shutdown(Shutdown::Write)?;
    // What is still sent is read, or the answer would be lost in a reset.
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    std::io::copy(&mut client, &mut std::io::sink()).map(drop)
}
