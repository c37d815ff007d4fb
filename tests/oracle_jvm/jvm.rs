//! The JVM: found, started once, asked in batches, ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long the JVM may be silent; it includes compiling Oracle.java on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Java that has a compiler, which running a source file needs.
pub struct Jdk(PathBuf);

impl Jdk {
    pub fn find() -> Option<Self> {
        let home = std::env::var_os("JAVA_HOME").map(PathBuf::from);
        let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/jvm")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        installed.sort();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path)
            .filter_map(|dir| dir.join("java").canonicalize().ok())
            .filter_map(|java| Some(java.parent()?.parent()?.to_owned()));
        home.into_iter()
            .chain(installed.into_iter().rev())
            .chain(on_path)
            .find(|home| home.join("bin/javac").is_file() && home.join("bin/java").is_file())
            .map(Self)
    }
}

/// A running Oracle.java.
pub struct Oracle {
    child: Child,
    // Taken on drop, so that the JVM reads the end of its input and leaves.
    questions: Option<BufWriter<ChildStdin>>,
    answers: Receiver<std::io::Result<String>>,
}

/// What came of the JVM's own environment.
pub struct Collected {
    pub secrets: BTreeMap<String, Vec<u8>>,
    pub log: BTreeSet<String>,
}

impl Oracle {
    /// Starts the JVM with this environment alone, in a UTF-8 locale.
    pub fn start(jdk: &Jdk, environment: &[(Vec<u8>, Vec<u8>)]) -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle_jvm/Oracle.java");
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let mut child = Command::new(jdk.0.join("bin/java"))
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .arg(source)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (os(name), os(value))))
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("failed to start {}: {e}", jdk.0.display()))?;
        let questions = child.stdin.take().map(BufWriter::new);
        let stdout = child.stdout.take().ok_or("the JVM has no output")?;
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// One answer for each value.
    pub fn ask(&mut self, values: &[Vec<u8>]) -> Result<Vec<String>, String> {
        let lines: String = values.iter().map(|value| hex::encode(value) + "\n").collect();
        self.write(&lines)?;
        values.iter().map(|_| self.read()).collect()
    }

    pub fn environment(&mut self) -> Result<Collected, String> {
        self.write("environment\n")?;
        let mut collected = Collected {
            secrets: BTreeMap::new(),
            log: BTreeSet::new(),
        };
        loop {
            let line = self.read()?;
            if let Some(logged) = line.strip_prefix('!') {
                collected.log.insert(logged.to_owned());
            } else if let Some((key, text)) = line.strip_prefix('=').and_then(|secret| secret.split_once(' ')) {
                collected.secrets.insert(self::text(key)?, bytes(text)?);
            } else if line == "." {
                return Ok(collected);
            } else {
                return Err(format!("the JVM said {line:?}"));
            }
        }
    }

    /// Every character that has capitals, with them.
    pub fn capitals(&mut self) -> Result<BTreeMap<String, String>, String> {
        self.write("capitals\n")?;
        let mut capitals = BTreeMap::new();
        loop {
            let line = self.read()?;
            if line == "." {
                return Ok(capitals);
            }
            let (small, large) = line.split_once(' ').ok_or_else(|| format!("the JVM said {line:?}"))?;
            capitals.insert(text(small)?, text(large)?);
        }
    }

    /// Whether the JVM's Unicode has a character.
    pub fn knows(&mut self, c: char) -> Result<bool, String> {
        self.write(&format!("known {}\n", u32::from(c)))?;
        Ok(self.read()? == "true")
    }

    // The thread behind `answers` empties the JVM's output meanwhile, so neither side waits for ever.
    fn write(&mut self, lines: &str) -> Result<(), String> {
        let questions = self.questions.as_mut().ok_or("the JVM has no input")?;
        let written = questions.write_all(lines.as_bytes()).and_then(|()| questions.flush());
        written.map_err(|e| format!("failed to ask the JVM: {e}"))
    }

    fn read(&mut self) -> Result<String, String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => line.map_err(|e| format!("failed to read the JVM's answer: {e}")),
            Err(e) => Err(format!("the JVM gave no answer within {} s: {e}", PATIENCE.as_secs())),
        }
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    hex::decode(hex).map_err(|e| format!("the JVM said {hex:?}: {e}"))
}

fn text(hex: &str) -> Result<String, String> {
    String::from_utf8(bytes(hex)?).map_err(|e| format!("the JVM said {hex:?}: {e}"))
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        // It would leave by itself; a test does not wait for a JVM that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
