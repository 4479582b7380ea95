//! Running the trainer as a user does.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ncsn_schedule::{DataProvenance, Provenance, ScheduleFile};
use ncsn_theory::schedule::{DataRange, NoiseRange, Request, Spacing, Steps};

/// The trainer with arguments separated by spaces, on one thread of the CPU.
///
/// Signals end it as they do from a terminal, whatever started the tests: nohup and shells in the background ignore some.
pub fn trainer(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ncsn-trainer"));
    command.args(arguments.split_whitespace()).env("OMP_NUM_THREADS", "1").stdin(Stdio::null());
    let defaults = || {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: a plain system call, which may be made between fork and exec.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: as above.
    unsafe { command.pre_exec(defaults) };
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

/// A schedule file that says of no data that it is for them.
pub fn write_schedule(path: &Path, dim: u64, sigma_max: f64, range: DataRange) {
    let request = Request {
        dim,
        range: NoiseRange::new(sigma_max, 0.01).expect("a range"),
        spacing: Spacing::default(),
        steps: Steps::PerLevel(5),
    };
    let derivation = request.derive().expect("a schedule");
    let file = ScheduleFile::new(&derivation, "these".to_owned(), range, Provenance::default());
    fs::write(path, file.to_toml().expect("TOML")).expect("writes");
}

/// A schedule file for an array of bytes, 3 × 16 × 16 each, whose digest it holds.
pub fn schedule_for(data: &Path) -> ScheduleFile {
    let items = ncsn_shell::read(data, &Default::default()).expect("an array");
    let request = Request {
        dim: 768,
        range: NoiseRange::new(20.0, 0.01).expect("a range"),
        spacing: Spacing::default(),
        steps: Steps::PerLevel(1),
    };
    let data = DataProvenance {
        path: data.display().to_string(),
        digest: items.digest().expect("bytes").to_owned(),
        count: items.rows.len() as u64,
        shape: vec![3, 16, 16],
        witness: ["0", "1"].map(str::to_owned),
        diameter: [20.0; 2],
        notes: Vec::new(),
    };
    let derivation = request.derive().expect("a schedule");
    let provenance = Provenance { data: Some(data), ..Provenance::default() };
    ScheduleFile::new(&derivation, "these".to_owned(), DataRange::Unit, provenance)
}

/// An array of bytes.
pub fn write_npy(path: &Path, shape: &str, bytes: &[u8]) {
    write_array(path, "|u1", shape, bytes);
}

/// An array; `kind` and `shape` as NumPy writes them.
pub fn write_array(path: &Path, kind: &str, shape: &str, bytes: &[u8]) {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    fs::write(path, file).expect("writes");
}
