//! Time of `schedule --dataset ffhq` as a whole process, beside a process that does nothing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 101;

/// Minimum, median and maximum time of a command from start to exit.
fn time(command: &mut Command) -> [Duration; 3] {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            let status = command.stdout(Stdio::null()).status().expect("the program starts");
            assert!(status.success(), "the program succeeds");
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    [times[0], times[RUNS / 2], times[RUNS - 1]]
}

fn main() {
    let mut schedule = Command::new(env!("CARGO_BIN_EXE_schedule"));
    schedule.args(["--dataset", "ffhq"]);
    println!("{RUNS} runs each, milliseconds: minimum, median, maximum");
    for (name, command) in [("schedule --dataset ffhq", &mut schedule), ("true", &mut Command::new("true"))] {
        let [least, median, most] = time(command).map(|time| time.as_secs_f64() * 1e3);
        println!("{name:<24} {least:>8.2} {median:>8.2} {most:>8.2}");
    }
}
