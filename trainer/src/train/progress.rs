//! How far a training is, for people: a bar on a terminal, elsewhere a line now and then.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tch::Device;

use crate::device;

/// Until the first line, and between lines, where there is no terminal.
const FIRST_LINE: Duration = Duration::from_secs(10);
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// Tells on standard error how far a training is.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    device: Device,
    started: Instant,
    next_line: Duration,
    /// Time that went into tests, checkpoints and sheets.
    aside: Duration,
    first: u64,
    steps: u64,
    batch: u64,
}

impl Progress {
    /// For a session that goes on after step `first`.
    pub(super) fn new(first: u64, steps: u64, batch: u64, device: Device) -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {msg}");
        let bar = ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_position(first);
        bar.set_message("first step");
        let is_terminal = std::io::stderr().is_terminal();
        let (started, next_line, aside) = (Instant::now(), FIRST_LINE, Duration::ZERO);
        Self { bar, is_terminal, device, started, next_line, aside, first, steps, batch }
    }

    /// Says nothing, as for a process of which another speaks.
    pub(super) fn hide(&mut self) {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        (self.is_terminal, self.next_line) = (false, Duration::MAX);
    }

    /// Items trained on per second of this session; tests, checkpoints and sheets take no part in it.
    pub(super) fn images_per_s(&self, step: u64) -> f64 {
        ((step - self.first) * self.batch) as f64 / self.busy().as_secs_f64()
    }

    fn busy(&self) -> Duration {
        self.started.elapsed().saturating_sub(self.aside)
    }

    /// A step is done and its loss known.
    pub(super) fn step(&mut self, step: u64, smoothed: f64) {
        let text = |this: &Self| {
            let speed = this.images_per_s(step);
            // What is left takes its share of tests and sheets too.
            let elapsed = this.started.elapsed().as_secs_f64();
            let left = elapsed * (this.steps - step) as f64 / (step - this.first) as f64;
            format!("loss {smoothed:.1}, {speed:.0} images/s, {} left", duration(left))
        };
        if self.is_terminal {
            self.bar.set_message(text(self));
            self.bar.set_position(step);
        } else if self.started.elapsed() >= self.next_line {
            self.next_line = self.started.elapsed() + BETWEEN_LINES;
            let elapsed = duration(self.started.elapsed().as_secs_f64());
            let memory = device::peak_memory(self.device)
                .map_or(String::new(), |bytes| format!(", {:.1} GB", bytes as f64 / 1e9));
            self.say(&format!("{elapsed}: step {step} of {}, {}{memory}", self.steps, text(self)));
        }
    }

    /// Work beside training, which is told how much of it is done.
    pub(super) fn beside<T>(&mut self, what: &str, work: impl FnOnce(&dyn Fn(u64, u64)) -> T) -> T {
        let began = Instant::now();
        self.bar.set_message(what.to_owned());
        let result = work(&|done, of| self.bar.set_message(format!("{what} {done}/{of}")));
        self.aside += began.elapsed();
        result
    }

    /// A line above the bar.
    pub(super) fn say(&self, line: &str) {
        // A standard error that is closed must not end the run.
        self.bar.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A time in its two largest units.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", whole % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let texts = [0.4, 59.6, 61.0, 3_599.0, 3_660.0, 90_000.0, 1e7].map(duration);
        assert_eq!(
            texts,
            ["0 s", "1 min 0 s", "1 min 1 s", "59 min 59 s", "1 h 1 min", "1 d 1 h", "115 d 17 h"]
        );
    }
}
