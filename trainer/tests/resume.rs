//! A run that is killed, stopped or hindered goes on as if it had not been.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::command::{failure, resume, small_run, success};
use ncsn_trainer::train::loss::seeded;
use tch::{Device, Kind, Tensor};

const STEPS: u64 = 12;

fn tensors(run: &Path, step: u64) -> PathBuf {
    run.join(format!("checkpoints/step-{step:08}/tensors.safetensors"))
}

/// The lines of the record without their speed, the only thing in them that may differ.
fn record(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("log.jsonl")).expect("a record");
    let line = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line.as_object_mut().expect("an object").remove("images_per_s");
        line
    };
    text.lines().map(line).collect()
}

fn assert_same_run(run: &Path, whole: &Path) {
    let [ours, theirs] = [run, whole].map(|run| fs::read(tensors(run, STEPS)).expect("a checkpoint"));
    assert!(ours == theirs, "weights, averages and moments after step {STEPS} differ");
    assert_eq!(record(run), record(whole));
}

/// Waits until a file is there, or the child has ended.
fn wait_for(path: &Path, child: &mut Child) {
    let started = Instant::now();
    while !path.exists() && child.try_wait().expect("a child").is_none() {
        assert!(started.elapsed() < Duration::from_secs(120), "{} does not appear", path.display());
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_run_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = folder.path().join("whole");
    success(&mut small_run(&whole, STEPS));
    // Before the first checkpoint; while the first is written; just after it; while the second is written.
    let moments = [
        "config.toml",
        "checkpoints",
        "checkpoints/.unfinished-4",
        "checkpoints/step-00000004",
        "checkpoints/.unfinished-8",
    ];
    for (k, moment) in moments.iter().enumerate() {
        let run = folder.path().join(format!("killed-{k}"));
        let mut child = small_run(&run, STEPS).stdout(Stdio::null()).spawn().expect("the trainer starts");
        wait_for(&run.join(moment), &mut child);
        // SIGKILL.
        child.kill().expect("a child");
        child.wait().expect("a child");
        success(&mut resume(&run));
        assert_same_run(&run, &whole);
        assert!(
            !fs::read_dir(run.join("checkpoints"))
                .expect("a folder")
                .any(|entry| { entry.expect("an entry").file_name().to_string_lossy().starts_with('.') })
        );
    }
}

#[test]
fn a_stopped_run_saves_its_last_step_and_exits_with_the_signals_status() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = folder.path().join("whole");
    success(&mut small_run(&whole, STEPS));
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let run = folder.path().join(format!("stopped-{signal}"));
        let mut command = small_run(&run, 1_000_000);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the trainer starts");
        wait_for(&run.join("log.jsonl"), &mut child);
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(child.id() as i32, signal) };
        let output = child.wait_with_output().expect("a child");
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert_eq!(output.status.code(), Some(128 + signal), "{stderr}");
        assert!(stderr.contains("stopping: the step at work is finished and saved"), "{stderr}");
        let line = format!("to go on: ncsn-trainer train --resume --run {}\n", run.display());
        assert!(stdout.ends_with(&line), "{stdout}");
        success(resume(&run).args(["--iterations", &STEPS.to_string()]));
        assert_same_run(&run, &whole);
    }
}

#[test]
fn a_signal_at_any_moment_ends_the_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (k, file) in ["config.toml", "lock", "log.jsonl"].iter().enumerate() {
        let run = folder.path().join(format!("stopped-{k}"));
        let mut child = small_run(&run, 1_000_000).stdout(Stdio::null()).spawn().expect("the trainer starts");
        wait_for(&run.join(file), &mut child);
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
        let began = Instant::now();
        while child.try_wait().expect("a child").is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "the signal after {file} was lost");
            sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    // A sheet of very many evaluations is at work when the signals come.
    let mut command = small_run(&run, 1_000_000);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the trainer starts");
    wait_for(&run.join("checkpoints/step-00000004"), &mut child);
    // SAFETY: signals to a child that has not been waited for; stopped, it meets both together.
    unsafe {
        libc::kill(child.id() as i32, libc::SIGSTOP);
        libc::kill(child.id() as i32, libc::SIGINT);
        libc::kill(child.id() as i32, libc::SIGTERM);
        libc::kill(child.id() as i32, libc::SIGCONT);
    }
    let code = child.wait_with_output().expect("a child").status.code();
    assert!([128 + libc::SIGINT, 128 + libc::SIGTERM].map(Some).contains(&code), "{code:?}");
    // Whatever was being written, the checkpoint before is whole.
    success(resume(&run).args(["--iterations", "9"]));
}

#[test]
fn what_is_written_down_may_change_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (run, whole) = (folder.path().join("run"), folder.path().join("whole"));
    success(&mut small_run(&whole, STEPS));
    success(&mut small_run(&run, 4));
    let flags = "--iterations 12 --checkpoint-every 6 --test-every 5 --log-every 2 --keep 1 --samples 1 \
                 --samples-every 6";
    success(resume(&run).args(flags.split(' ')));
    let [ours, theirs] = [&run, &whole].map(|run| fs::read(tensors(run, STEPS)).expect("a checkpoint"));
    let [ours, theirs] = [ours, theirs].map(|bytes| {
        safetensors::SafeTensors::deserialize(&bytes)
            .map(|file| {
                let mut all: Vec<_> = file
                    .tensors()
                    .into_iter()
                    .filter(|(name, _)| !name.starts_with("levels."))
                    .map(|(name, view)| (name, view.data().to_vec()))
                    .collect();
                all.sort();
                all
            })
            .expect("tensors")
    });
    assert!(ours == theirs, "weights, averages and moments differ");
    assert!(run.join("samples/step-00000006.png").exists());
    assert!(!tensors(&run, 6).exists(), "one checkpoint is kept");
    let output = resume(&run).output().expect("the trainer starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "warning: nothing to do after step 12: the run has 4; --iterations goes on\n");
    // A configuration that was changed by hand is named by its keys.
    let path = run.join("config.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    fs::write(&path, text.replace("seed = 0", "seed = 1").replace("batch = 4", "batch = 5")).expect("writes");
    let line = failure(&mut resume(&run));
    assert!(
        line.contains(
            "was written with another training.batch, training.seed than the run's config.toml has"
        ),
        "{line}"
    );
    let line = failure(resume(&run).args(["--lr", "0.1"]));
    assert!(line.contains("cannot be used with"), "{line}");
}

/// A sheet of one image costs 274 evaluations, four steps of four images 48: one sheet is all that 5 % allow for long.
#[test]
fn sheets_keep_to_their_share_of_the_evaluations() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 4));
    success(resume(&run).args(["--iterations", "20", "--samples", "1"]));
    assert!(!run.join("samples").exists(), "after the first checkpoint there is nothing left to spend");
    let fresh = folder.path().join("fresh");
    let config = fs::read_to_string(run.join("config.toml")).expect("a configuration");
    let path = folder.path().join("config.toml");
    fs::write(
        &path,
        config.replace("samples = 0", "samples = 1").replace("iterations = 4", "iterations = 20"),
    )
    .expect("writes");
    let mut command = common::command::trainer("train --device cpu --config");
    success(command.arg(&path).arg("--run").arg(&fresh));
    let sheets: Vec<_> = fs::read_dir(fresh.join("samples")).expect("sheets").collect();
    assert_eq!(sheets.len(), 1, "{sheets:?}");
    assert!(fresh.join("samples/step-00000004.png").exists());
}

#[cfg(unix)]
#[test]
fn files_of_a_checkpoint_have_the_permissions_of_new_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 4));
    let plain = folder.path().join("plain");
    fs::write(&plain, "").expect("writes");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
    for name in ["tensors.safetensors", "checkpoint.json"] {
        assert_eq!(mode(&run.join("checkpoints/step-00000004").join(name)), mode(&plain), "{name}");
    }
}

#[test]
fn on_the_cpu_all_algorithms_are_deterministic() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (usual, asked) = (folder.path().join("usual"), folder.path().join("asked"));
    success(&mut small_run(&usual, STEPS));
    success(small_run(&asked, STEPS).arg("--deterministic"));
    assert_same_run(&asked, &usual);
}

/// Another device is not tried: the machines of the tests have one.
#[test]
fn a_run_goes_on_with_other_threads_and_precision() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 4));
    let said = success(resume(&run).args(["--iterations", "6", "--threads", "2", "--precision", "bf16"]));
    assert!(said.contains("bf16, cpu (2 threads)") && said.contains("going on after step 4"), "{said}");
    assert!(said.contains("done after step 6: "), "{said}");
    let losses = record(&run).iter().filter(|line| line["kind"] == "train").count();
    assert_eq!(losses, 6);
}

#[test]
fn a_second_trainer_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = small_run(&run, 1_000_000).stdout(Stdio::null()).spawn().expect("the trainer starts");
    wait_for(&run.join("log.jsonl"), &mut child);
    let line = failure(&mut resume(&run));
    child.kill().expect("a child");
    child.wait().expect("a child");
    assert!(line.contains(&format!("is being trained by process {}", child.id())), "{line}");
}

#[test]
fn nothing_to_write_to_does_not_end_a_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let full = fs::File::options().write(true).open("/dev/full").expect("a device of Linux");
    let output = small_run(&run, 4).stdout(full).output().expect("the trainer starts");
    // The run is whole; that its last lines were lost is a failure all the same.
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("the training goes on"), "{stderr}");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(tensors(&run, 4).exists());
}

#[test]
fn a_manifest_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 4));
    let path = run.join("checkpoints/step-00000004/checkpoint.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    for (from, to) in [
        ("\"step\": 4", "\"step\": 3"),
        ("\"optimizer_steps\": 4", "\"optimizer_steps\": 9"),
        ("\"smoothed_loss\": ", "\"smoothed_loss\": 1"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        fs::write(&path, changed).expect("writes");
        let line = failure(&mut resume(&run));
        assert!(line.contains("checkpoint.json: SHA-256 of the content is"), "{from}: {line}");
    }
    // The layout of the text is no content.
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    fs::write(&path, value.to_string()).expect("writes");
    success(resume(&run).args(["--iterations", "5"]));
}

#[test]
fn leftovers_of_a_crash_do_not_stand_in_the_way() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 4));
    let checkpoints = run.join("checkpoints");
    fs::write(checkpoints.join(".unfinished-15"), "a file").expect("writes");
    fs::create_dir(checkpoints.join(".removed-2")).expect("a folder");
    fs::create_dir(checkpoints.join("step-00000009")).expect("a folder");
    let mut log = fs::read(run.join("log.jsonl")).expect("a record");
    log.splice(0..0, *b"\xff\xfe\n");
    fs::write(run.join("log.jsonl"), log).expect("writes");
    let output = resume(&run).args(["--iterations", "5"]).output().expect("the trainer starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("it is kept as") && run.join("log.jsonl.damaged-1").exists(), "{stderr}");
    assert!(!checkpoints.join(".unfinished-15").exists() && !checkpoints.join(".removed-2").exists());
    assert!(tensors(&run, 5).exists());
}

/// What a crash left, and how to leave it in a new folder.
type State<'a> = (&'a str, &'a dyn Fn(&Path));

/// Here, where no other test of the process draws from torch's generators.
#[test]
fn a_step_is_drawn_the_same_again_and_differs_from_the_next() {
    let draw = |step| seeded(3, step, || Tensor::randn([4], (Kind::Float, Device::Cpu)));
    assert_eq!(draw(5), draw(5));
    assert_ne!(draw(5), draw(6));
}

/// The four states in which a crash can leave the folder of checkpoints.
#[test]
fn an_interrupted_checkpoint_leaves_the_one_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = folder.path().join("whole");
    success(&mut small_run(&whole, STEPS));
    let complete = whole.join("checkpoints/step-00000008");
    let states: [State; 4] = [
        ("the new folder is empty", &|new| fs::create_dir(new).expect("a folder")),
        ("the tensors are cut off", &|new| {
            fs::create_dir(new).expect("a folder");
            let bytes = fs::read(complete.join("tensors.safetensors")).expect("tensors");
            fs::write(new.join("tensors.safetensors"), &bytes[..bytes.len() / 2]).expect("half of them");
        }),
        ("the description is missing", &|new| {
            fs::create_dir(new).expect("a folder");
            fs::copy(complete.join("tensors.safetensors"), new.join("tensors.safetensors")).expect("a copy");
        }),
        ("all is written, nothing renamed", &|new| {
            fs::create_dir(new).expect("a folder");
            for file in ["tensors.safetensors", "checkpoint.json"] {
                fs::copy(complete.join(file), new.join(file)).expect("a copy");
            }
        }),
    ];
    for (k, (state, leave)) in states.iter().enumerate() {
        let run = folder.path().join(format!("state-{k}"));
        success(&mut small_run(&run, 4));
        leave(&run.join("checkpoints/.unfinished-8"));
        let text = success(resume(&run).args(["--iterations", &STEPS.to_string()]));
        assert!(text.contains("going on after step 4"), "{state}: {text}");
        assert_eq!(
            fs::read(tensors(&run, STEPS)).expect("ours"),
            fs::read(tensors(&whole, STEPS)).expect("theirs")
        );
    }
}

#[test]
fn old_checkpoints_go_and_damaged_ones_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, STEPS));
    assert!(!tensors(&run, 4).exists() && tensors(&run, 8).exists());
    let path = tensors(&run, STEPS);
    let mut bytes = fs::read(&path).expect("tensors");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("writes");
    let line = failure(&mut resume(&run));
    assert!(line.contains("step-00000012/tensors.safetensors: SHA-256 is"), "{line}");
    assert!(line.ends_with("; step-00000008 is whole: --from step-00000008 goes on from it\n"), "{line}");
    let line = failure(resume(&run).args(["--from", "step-9"]));
    assert_eq!(line, "error: --from is step-9, there are: step-00000008, step-00000012\n");
    // Half of the way again; the damaged one stands aside, and does not push out what is saved after it.
    let output = resume(&run).args(["--from", "step-00000008", "--iterations", "10", "--keep", "1"]).output();
    let output = output.expect("the trainer starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "warning: step-00000012 is kept as aside-1-step-00000012\n");
    assert!(String::from_utf8_lossy(&output.stdout).contains("going on after step 8"), "{output:?}");
    assert!(tensors(&run, 10).exists() && run.join("checkpoints/aside-1-step-00000012").exists());
    let text = success(resume(&run).args(["--iterations", "12"]));
    assert!(text.contains("going on after step 10"), "{text}");
    let whole = folder.path().join("whole");
    success(&mut small_run(&whole, STEPS));
    assert_same_run(&run, &whole);
}

/// A limit on the size of files stands for a full disk: both fail the write in its middle.
#[test]
fn a_failed_write_keeps_the_last_checkpoint() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 4));
    let before = fs::read(tensors(&run, 4)).expect("tensors");
    // 64 blocks of a kilobyte, a part of the tensors; without the trap, the signal would end the process.
    let limited = format!(
        "ulimit -f 64; trap '' XFSZ; exec \"$0\" train --resume --device cpu --iterations {STEPS} --run \"$1\""
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_ncsn-trainer")])
        .arg(&run)
        .env("OMP_NUM_THREADS", "1")
        .output()
        .expect("bash starts");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(tensors(&run, 4)).expect("tensors"), before);
    let text = success(resume(&run).args(["--iterations", "8"]));
    assert!(text.contains("going on after step 4"), "{text}");
}

/// Sheets of samples take far longer here than the steps between them.
#[test]
fn the_speed_of_a_run_is_that_of_its_steps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let text = success(small_run(&run, 8).args(["--format", "json"]));
    let plain: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let sheets = folder.path().join("sheets");
    // A flag cannot be given twice; a configuration can be changed instead.
    let text = fs::read_to_string(run.join("config.toml")).expect("a configuration");
    let config = folder.path().join("config.toml");
    fs::write(&config, text.replace("samples = 0", "samples = 2\nsamples_every = 4")).expect("writes");
    let mut command = common::command::trainer("train --device cpu --format json --config");
    let text = success(command.arg(&config).arg("--run").arg(&sheets));
    let with_sheets: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let rate = |all: &serde_json::Value| all["images_per_s"].as_f64().expect("a number");
    assert!(sheets.join("samples/step-00000008.png").exists());
    // Both are a few dozen images in a second or two: a quarter leaves room for other work on the machine.
    assert!(rate(&with_sheets) > rate(&plain) / 4.0, "{} against {}", rate(&with_sheets), rate(&plain));
}
