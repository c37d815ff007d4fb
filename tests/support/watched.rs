//! A run that is watched while it goes on, by the lines of its standard error.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::background::Background;
use super::sandbox::{Ended, FOREVER};

pub struct Watched {
    child: Background,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<String>>,
    said: String,
}

impl Watched {
    pub fn start(mut command: Command) -> Self {
        let mut child = Background::start(&mut command);
        let (send, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if send.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut pipe = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            lines,
            stdout: Some(stdout),
            said: String::new(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line; none when the run has closed its standard error.
    pub fn line(&mut self) -> Option<String> {
        let line = match self.lines.recv_timeout(FOREVER) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(e) => panic!("{e} after:\n{}", self.said),
        };
        self.said.push_str(&line);
        self.said.push('\n');
        Some(line)
    }

    /// Takes the lines that come before a moment; says the last one.
    pub fn lines_until(&mut self, moment: Instant) -> Option<String> {
        let mut last = None;
        while let Some(left) = moment.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                    last = Some(line);
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(left),
            }
        }
        last
    }

    /// Waits for a line that holds a text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        while let Some(line) = self.line() {
            if line.contains(text) {
                return line;
            }
        }
        panic!("the run ended without {text:?}:\n{}", self.said);
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), signal).unwrap();
    }

    /// Waits for the run's end.
    pub fn end(mut self) -> Ended {
        while self.line().is_some() {}
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            stdout: self.stdout.take().unwrap().join().unwrap(),
            stderr: std::mem::take(&mut self.said),
        }
    }
}
