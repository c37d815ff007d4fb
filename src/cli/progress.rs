//! A live line for everybody who is at work, or plain lines where nothing can be drawn.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::system::terminal::{self, Verbosity};

/// The clock comes first, and the line is cut at its end: so a narrow terminal still shows that time passes,
/// and who is at work.
const TEMPLATE: &str = "{spinner} {elapsed:>4}  {wide_msg}";
const TICK: Duration = Duration::from_millis(120);

/// Who is at work, and on what.
#[derive(Default)]
pub struct LiveLines(Mutex<BTreeMap<String, LiveLine>>);

struct LiveLine {
    /// Counts the time of the phase.
    bar: ProgressBar,
    phase: String,
    since: Instant,
}

impl LiveLines {
    /// Somebody has begun a phase.
    pub fn phase(&self, who: &str, phase: &str) {
        self.on(who, |line| {
            phase.clone_into(&mut line.phase);
            line.bar.reset_elapsed();
            line.show(who, phase);
        });
    }

    /// Somebody waits, and the clock of the phase goes on.
    pub fn waiting(&self, who: &str, what: &str) {
        self.on(who, |line| {
            let text = format!("{}: waiting for {what}", line.phase);
            line.show(who, text.trim_start_matches(": "));
        });
    }

    /// Somebody has no more phases.
    pub fn finished(&self, who: &str) {
        if let Ok(mut lines) = self.0.lock()
            && let Some(line) = lines.remove(who)
        {
            line.bar.finish_and_clear();
            terminal::bars().remove(&line.bar);
        }
    }

    fn on(&self, who: &str, change: impl FnOnce(&mut LiveLine)) {
        if terminal::loudness() == Verbosity::Quiet {
            return;
        }
        // A poisoned lock is a line that is not drawn.
        if let Ok(mut lines) = self.0.lock() {
            change(lines.entry(who.to_owned()).or_insert_with(LiveLine::new));
        }
    }
}

impl LiveLine {
    fn new() -> Self {
        let bar = terminal::bars().add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self {
            bar,
            phase: String::new(),
            since: Instant::now(),
        }
    }

    fn show(&self, who: &str, text: &str) {
        let text = in_one_line(text);
        self.bar.set_message(format!("{who}  {text}"));
        if self.bar.is_hidden() || terminal::loudness() == Verbosity::Verbose {
            terminal::line(&format!("  …    {who}: {text} ({})", so_far(self.since.elapsed())));
        }
    }
}

/// What others say may have several lines, and a live line has one.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The time since somebody's first phase, as far as it matters to people.
fn so_far(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_one_line() {
        assert_eq!(in_one_line("the pod:\n  pull  failed\r\n"), "the pod: pull failed");
    }

    #[test]
    fn a_time_is_told_in_minutes_when_it_has_some() {
        assert_eq!(so_far(Duration::from_millis(900)), "0 s");
        assert_eq!(so_far(Duration::from_secs(59)), "59 s");
        assert_eq!(so_far(Duration::from_secs(125)), "2 min 5 s");
    }
}
