//! Running the trainer as a user does.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The trainer with arguments separated by spaces, on one thread of the CPU.
pub fn trainer(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ncsn-trainer"));
    command.args(arguments.split_whitespace()).env("OMP_NUM_THREADS", "1").stdin(Stdio::null());
    command
}

/// A run of the built-in images that takes a few seconds.
pub fn small_run(run: &Path, iterations: u64) -> Command {
    let mut command = trainer(&format!(
        "train --preset shapes --filters 4 --batch 4 --iterations {iterations} --checkpoint-every 4 --test-every 4 \
         --log-every 1 --samples 0 --keep 2 --device cpu --run"
    ));
    command.arg(run);
    command
}

/// Goes on with a run.
pub fn resume(run: &Path) -> Command {
    let mut command = trainer("train --resume --device cpu --run");
    command.arg(run);
    command
}

/// Output of a command that must succeed.
pub fn success(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the trainer starts");
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    String::from_utf8_lossy(&stdout).into_owned()
}

/// The line of a command that must fail with status 2 and one line on standard error.
pub fn failure(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("the trainer starts");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(2), "{command:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{command:?}: {stderr}");
    stderr
}
