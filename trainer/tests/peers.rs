//! Several processes train as one: the same weights, at any number of them, whoever starts them, whoever is lost.

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::command::{failure, resume, success, trainer, write_array, write_schedule};
use common::distance;
use ncsn_theory::schedule::DataRange;
use ncsn_trainer::checkpoint;
use ncsn_trainer::tensor_file::TensorFile;
use serde_json::Value;

/// At this width convolutions take the paths of real trainings; 7 items are no multiple of 2 or 3. With seed 0, unlike this one, two
/// values under a maximum are equal but for rounding, which decides where the gradient goes.
const WIDE: &str = "train --preset shapes --seed 3 --filters 32 --batch 7 --checkpoint-every 2 --test-every 2 \
                    --log-every 1 --samples 0 --device cpu";
const SMALL: &str = "train --preset shapes --filters 4 --batch 6 --checkpoint-every 4 --test-every 4 --log-every 1 \
                     --samples 0 --device cpu";

fn tensors(run: &Path, step: u64) -> TensorFile {
    let folder = checkpoint::folder(&run.join("checkpoints"), step);
    checkpoint::verify(&folder).expect("a whole checkpoint");
    TensorFile::read(&folder.join("tensors.safetensors")).expect("tensors")
}

/// Largest relative distance of two runs' tensors whose names begin so; norms below `floor` do not count.
fn apart(a: &TensorFile, b: &TensorFile, prefix: &str) -> f64 {
    assert_eq!(a.names(), b.names());
    let names: Vec<_> = a.names().into_iter().filter(|name| name.starts_with(prefix)).collect();
    assert!(!names.is_empty());
    let of = |name: &&str| {
        let (a, b) = (a.get(name).expect("a tensor"), b.get(name).expect("a tensor"));
        if a.abs().max().double_value(&[]) == 0.0 && a == b { 0.0 } else { distance(&a, &b) }
    };
    names.iter().map(of).fold(0.0, f64::max)
}

fn lines(run: &Path, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join("log.jsonl")).expect("a log");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["kind"] == kind).collect()
}

/// The command of one process of several.
fn peer(rank: usize, size: usize, port: u16, arguments: &str) -> Command {
    let mut command = trainer(arguments);
    command.env("RANK", rank.to_string()).env("WORLD_SIZE", size.to_string());
    command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
    command
}

/// A training by several processes that goes on until something happens; what it says is kept.
fn launched(options: &str, iterations: u64, run: &Path) -> Child {
    let mut command = trainer(&format!("launch {options} {SMALL} --iterations {iterations} --run"));
    command.arg(run).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

/// What an ended process has said on standard output and on standard error.
fn said(child: &mut Child) -> [String; 2] {
    let out = child.stdout.take().map(std::io::read_to_string).expect("piped").expect("text");
    [out, child.stderr.take().map(std::io::read_to_string).expect("piped").expect("text")]
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// Numbers of a process's children.
fn children(parent: &Child) -> Vec<i32> {
    let id = parent.id();
    let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

fn send(id: i32, signal: i32) {
    // SAFETY: a plain system call; the process is one that this test started.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0, "{id} is gone");
}

/// Waits for a file of a run, then for the processes that train it.
fn trained(run: &Path, file: &str, child: &mut Child) -> Vec<i32> {
    let since = Instant::now();
    while !run.join(file).exists() {
        assert!(child.try_wait().expect("a child").is_none(), "ended before {file}");
        assert!(since.elapsed() < Duration::from_secs(120), "{file} does not appear");
        sleep(Duration::from_millis(5));
    }
    children(child)
}

fn status_within(child: &mut Child, seconds: u64) -> Option<i32> {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(seconds) {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        sleep(Duration::from_millis(20));
    }
    child.kill().expect("a child");
    panic!("still there after {seconds} s");
}

#[test]
fn a_step_of_several_processes_is_that_of_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two, three] = ["one", "two", "three"].map(|name| folder.path().join(name));
    success(trainer(&format!("{WIDE} --iterations 1 --run")).arg(&one));
    for (run, size) in [(&two, 2), (&three, 3)] {
        let said = success(trainer(&format!("launch --nproc {size} {WIDE} --iterations 1 --run")).arg(run));
        assert_eq!(said.matches("done after step 1").count(), 1, "one process speaks: {said}");
        let (alone, several) = (tensors(&one, 1), tensors(run, 1));
        // After one step the first moments are a tenth of the gradients, whose sums differ in their order.
        for (prefix, most) in [("adam.exp_avg.", 2e-5), ("adam.exp_avg_sq.", 4e-5), ("levels.counts", 0.0)] {
            let apart = apart(&alone, &several, prefix);
            assert!(apart <= most, "{size} processes: {prefix} {apart:.1e}");
        }
    }
}

/// Each process computes one of the two parts, and a sum of two has one order.
#[test]
fn two_processes_have_the_bits_of_one_that_computes_in_two_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let more = "--class-conditional --clip-norm 50 --iterations 12";
    success(trainer(&format!("{WIDE} {more} --accumulate 2 --run")).arg(&one));
    success(trainer(&format!("launch --nproc 2 {WIDE} {more} --run")).arg(&two));
    let file = |run: &Path| {
        let folder = checkpoint::folder(&run.join("checkpoints"), 12);
        fs::read(folder.join("tensors.safetensors")).expect("tensors")
    };
    assert!(file(&one) == file(&two), "weights, averages and moments after 12 steps");
}

#[test]
fn losses_and_levels_are_those_of_one_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    success(trainer(&format!("{WIDE} --iterations 4 --run")).arg(&one));
    success(trainer(&format!("launch --nproc 2 {WIDE} --iterations 4 --run")).arg(&two));
    for (kind, count) in [("train", 4), ("test", 2), ("levels", 2)] {
        let (alone, several) = (lines(&one, kind), lines(&two, kind));
        assert_eq!((alone.len(), several.len()), (count, count), "{kind}");
        for (a, b) in alone.iter().zip(&several) {
            assert_eq!((&a["step"], &a["counts"]), (&b["step"], &b["counts"]), "{kind}");
            if kind != "levels" {
                let [a, b] = [a, b].map(|line| line["loss"].as_f64().expect("a loss"));
                assert!((a - b).abs() < 1e-4 * a, "{kind}: {a} and {b}");
            }
        }
    }
}

#[test]
fn a_run_goes_on_with_another_number_of_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    success(trainer(&format!("{SMALL} --iterations 12 --run")).arg(&whole));
    success(trainer(&format!("launch --nproc 2 {SMALL} --iterations 4 --run")).arg(&parts));
    success(trainer("launch --nproc 3 train --resume --iterations 8 --device cpu --run").arg(&parts));
    success(resume(&parts).args(["--iterations", "12"]));
    let steps = |run: &Path| lines(run, "train").iter().map(|line| line["step"].as_u64()).collect::<Vec<_>>();
    assert_eq!(steps(&parts), steps(&whole));
    // Adam divides by the root of squares that begin near 0: rounding grows by step, most where gradients are small.
    let apart = apart(&tensors(&whole, 12), &tensors(&parts, 12), "model.");
    assert!(apart < 1e-2, "{apart:.1e}");
    let [a, b] = [&whole, &parts].map(|run| lines(run, "train")[11]["smoothed"].as_f64().expect("a loss"));
    assert!((a - b).abs() < 1e-4 * a, "{a} and {b}");
}

#[test]
fn a_killed_process_ends_all_of_them_and_leaves_the_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let mut launch = launched("--nproc 3", 100_000, &run);
    let peers = trained(&run, "checkpoints/step-00000004", &mut launch);
    assert_eq!(peers.len(), 3);
    send(peers[1], libc::SIGKILL);
    assert_eq!(status_within(&mut launch, 60), Some(75));
    let [_, said] = said(&mut launch);
    assert!(said.contains("error: another process has ended (") && said.contains("--resume"), "{said}");
    let alive = peers.iter().filter(|id| Path::new(&format!("/proc/{id}")).exists());
    assert_eq!(alive.count(), 0);
    let last = *checkpoint::list(&run.join("checkpoints")).expect("a folder").last().expect("a checkpoint");
    tensors(&run, last);
    success(resume(&run).args(["--iterations", &(last + 2).to_string()]));
}

#[test]
fn lost_processes_are_started_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let mut launch = launched("--nproc 2 --max-restarts 1", 400, &run);
    let peers = trained(&run, "checkpoints/step-00000004", &mut launch);
    send(peers[0], libc::SIGKILL);
    assert_eq!(status_within(&mut launch, 300), Some(0));
    let [_, said] = said(&mut launch);
    assert!(said.contains("rank 1: error: another process has ended"), "the first was killed: {said}");
    assert!(said.contains("start 1 of 1 again"), "{said}");
    let steps: Vec<u64> = lines(&run, "train").iter().filter_map(|line| line["step"].as_u64()).collect();
    assert_eq!(steps, (1..=400).collect::<Vec<_>>());
}

#[test]
fn a_process_that_hangs_is_lost_after_half_a_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    for hanging in [0, 1] {
        let run = folder.path().join(format!("run-{hanging}"));
        let arguments = format!("{SMALL} --iterations 100000 --run {}", run.display());
        let port = free_port();
        let start = |rank| {
            let mut command = peer(rank, 2, port, &arguments);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
        };
        let mut peers = [start(0), start(1)];
        trained(&run, "checkpoints/step-00000004", &mut peers[0]);
        send(peers[hanging].id() as i32, libc::SIGSTOP);
        let status = status_within(&mut peers[1 - hanging], 60);
        send(peers[hanging].id() as i32, libc::SIGKILL);
        assert_eq!(status, Some(75));
        let said = std::io::read_to_string(peers[1 - hanging].stderr.take().expect("piped")).expect("text");
        assert!(
            said.contains("sign of life for 30 s") || said.contains("not answered for 30 s"),
            "rank {hanging} hangs: {said}"
        );
        peers[hanging].wait().expect("ends");
    }
}

#[test]
fn a_signal_stops_all_after_the_same_step() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, to_all) in [("launch", true), ("one", false)] {
        let run = folder.path().join(name);
        let mut launch = launched("--nproc 2 --max-restarts 1", 100_000, &run);
        let peers = trained(&run, "checkpoints/step-00000004", &mut launch);
        send(if to_all { launch.id() as i32 } else { peers[1] }, libc::SIGTERM);
        assert_eq!(status_within(&mut launch, 60), Some(128 + libc::SIGTERM), "{name}");
        let [said, _] = said(&mut launch);
        assert!(said.contains("stopped after step ") && said.contains("to go on: "), "{said}");
        let last = lines(&run, "train").last().expect("a line")["step"].as_u64().expect("a step");
        tensors(&run, last);
    }
}

#[test]
fn several_sample_what_one_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    success(trainer(&format!("{SMALL} --iterations 2 --run run")).current_dir(folder));
    let sample = "sample --checkpoint run --num 7 --batch 2 --steps-per-level 1 --device cpu --grid";
    success(trainer(&format!("{sample} one.png --output one.safetensors")).current_dir(folder));
    for size in [2, 3, 8] {
        let launch = format!("launch --nproc {size} {sample} {size}.png --output {size}.safetensors");
        let said = success(trainer(&launch).current_dir(folder));
        assert_eq!(said.matches("7 samples after step 2").count(), 1, "{said}");
        let read = |name: &str| TensorFile::read(&folder.join(name)).and_then(|file| file.get("samples"));
        let [a, b] =
            ["one", &size.to_string()].map(|name| read(&format!("{name}.safetensors")).expect("samples"));
        // A batch of one image may be summed in another order than one of two.
        let apart = (a - b).abs().max().double_value(&[]);
        assert!(apart < 1e-4, "{size} processes: {apart:.1e}");
        assert!(folder.join(format!("{size}.png")).exists());
    }
}

#[test]
fn a_signal_before_they_are_ready_stops_them_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    for milliseconds in [30, 100, 200, 300, 400, 500] {
        let mut launch = launched("--nproc 2 --max-restarts 9", 100_000, &run);
        sleep(Duration::from_millis(milliseconds));
        send(launch.id() as i32, libc::SIGTERM);
        // The launcher itself may be too young to know the signal.
        let status = status_within(&mut launch, 60);
        let [_, errors] = said(&mut launch);
        assert!(status.is_none_or(|code| code == 128 + libc::SIGTERM), "{status:?} {errors}");
        assert!(!errors.contains("again"), "{errors}");
        let _ = fs::remove_dir_all(&run);
    }
}

#[test]
fn what_all_would_say_is_said_once_and_the_culprit_is_heard() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let line = failure(trainer("launch --nproc 3 train --preset nosuch --run").arg(&run));
    assert!(line.contains("preset is nosuch"), "{line}");
    let mut launch = trainer(&format!("launch --nproc 2 {SMALL} --lr 1e30 --iterations 50 --run"));
    let output = launch.arg(&run).output().expect("starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(errors.matches("the loss is ").count(), 1, "{errors}");
    // As few images as there are processes, or fewer: the first has some to show.
    let run = folder.path().join("short");
    success(trainer(&format!("{SMALL} --iterations 1 --run")).arg(&run));
    let launch =
        "launch --nproc 3 sample --num 2 --sampler dpm --steps 3 --rho 7 --device cpu --trajectory strip.png";
    success(trainer(launch).current_dir(folder.path()).arg("--checkpoint").arg(&run));
}

/// An item whose values overflow comes to the second process: the first knows only that it was not its own.
#[test]
fn the_process_of_a_broken_item_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut values: Vec<f32> = (0..8 * 64).map(|k| (k * 7 % 251) as f32 / 251.0).collect();
    for (k, value) in values[3 * 64..4 * 64].iter_mut().enumerate() {
        *value = if k * 7 % 251 % 2 == 0 { 3e38 } else { -3e38 };
    }
    let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    write_array(&folder.path().join("x.npy"), "<f4", "(8, 1, 8, 8)", &bytes);
    write_schedule(&folder.path().join("s.toml"), 64, 10.0, DataRange::Native);
    let launch = "launch --nproc 2 train --preset own --data x.npy --schedule s.toml --filters 4 --batch 8 \
                  --iterations 5 --held-out 0 --samples 0 --device cpu --run run";
    let output = trainer(launch).current_dir(folder.path()).output().expect("starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("\nrank 1: error: step 0: the loss is "), "{errors}");
    assert!(errors.contains("image 3 of the data"), "{errors}");
    assert_eq!(errors.matches("of another process is not finite").count(), 1, "{errors}");
}

#[test]
fn who_does_not_come_or_differs_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let arguments =
        |more: &str| format!("{SMALL} --iterations 4 --rendezvous-timeout 20 {more} --run {}", run.display());
    let brief = arguments("").replace("timeout 20", "timeout 1");
    let line = failure(&mut peer(0, 3, free_port(), &brief));
    assert!(line.contains("rank 1, 2 of 3 has not come within 1 s"), "{line}");
    let port = free_port();
    let line = failure(&mut peer(1, 2, port, &brief));
    assert!(line.contains(&format!("nothing answers at 127.0.0.1:{port}, where rank 0 should be")), "{line}");
    for (first, second, expected) in [
        ((0, 2, ""), (1, 2, "--lr 0.1"), ["training.lr is", "0.1"]),
        ((0, 2, ""), (1, 2, "--seed 9"), ["training.seed is", "9"]),
        ((0, 2, ""), (1, 3, ""), ["WORLD_SIZE is", "3"]),
        ((0, 2, ""), (0, 2, ""), ["two processes have RANK 0", ""]),
    ] {
        let port = free_port();
        let start = |(rank, size, more): (usize, usize, &str)| {
            let mut command = peer(rank, size, port, &arguments(more));
            // Two hosts are one too many: as torchrun has it, neither is.
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
        };
        let children = [start(first), start(second)];
        let said = children.map(|child| {
            let output = child.wait_with_output().expect("ends");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        });
        let all = format!("{said:?}");
        assert!(said.iter().any(|(code, _)| *code == Some(2)), "{all}");
        let is_named = said.iter().any(|(_, text)| expected.iter().all(|part| text.contains(part)));
        let is_port = expected[0].contains("RANK 0") && all.contains("MASTER_PORT is");
        assert!(is_named || is_port, "{expected:?}: {all}");
    }
    assert!(!run.exists(), "nothing was begun");
}

#[test]
fn what_makes_no_group_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let small = format!("{SMALL} --iterations 4 --run {}", run.display());
    let held = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = held.local_addr().expect("an address").port();
    let line = failure(&mut peer(0, 2, port, &small));
    assert!(line.contains(&format!("MASTER_PORT is {port}, allowed: a port that no program uses")), "{line}");
    assert!(failure(trainer(&small).env("RANK", "0")).contains("WORLD_SIZE is missing"));
    assert!(failure(&mut peer(3, 2, port, &small)).contains("RANK is 3, allowed: 0 to 1"));
    let few = small.replace("--batch 6", "--batch 1");
    assert!(failure(&mut peer(0, 2, port, &few)).contains("batch is 1, allowed: at least 2"));
    let line = failure(&mut peer(0, 2, port, "likelihood --checkpoint x"));
    assert!(line.contains("WORLD_SIZE is 2, allowed: 1"), "{line}");
    assert!(failure(&mut trainer(&format!("launch --nproc 0 {small}"))).contains("nproc is 0"));
    assert!(!run.exists(), "nothing was begun");
}

/// The torchrun beside the Python of NCSN_PYTHON, or on the path.
fn torchrun() -> Option<PathBuf> {
    let python = std::env::var_os("NCSN_PYTHON").map(PathBuf::from);
    let beside = python.and_then(|python| Some(python.parent()?.join("torchrun")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = beside.into_iter().chain(std::env::split_paths(&path).map(|folder| folder.join("torchrun")));
    all.into_iter().find(|program| program.is_file())
}

#[test]
fn torchrun_starts_them_too() {
    use std::io::Write;
    let Some(torchrun) = torchrun() else {
        let _ = writeln!(
            std::io::stderr(),
            "NOT TESTED for want of torchrun (NCSN_PYTHON): training under torchrun"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    success(trainer(&format!("{SMALL} --iterations 2 --run")).arg(&one));
    let mut command = Command::new(torchrun);
    command.args(["--no-python", "--standalone", "--nproc-per-node", "2", "--"]);
    command
        .arg(env!("CARGO_BIN_EXE_ncsn-trainer"))
        .args(format!("{SMALL} --iterations 2 --run").split_whitespace());
    success(command.arg(&two).env("OMP_NUM_THREADS", "1"));
    assert!(apart(&tensors(&one, 2), &tensors(&two, 2), "adam.exp_avg.") < 1e-4);
}
