//! Own kernels as programs meet them: compiled by NVRTC without a GPU, asked for on the command line, refused with a reason.

mod common;

use common::command::{failure, small_run, success, trainer};
use ncsn_trainer::kernels::EMULATE;
use ncsn_trainer::tensor_file::TensorFile;
use ncsn_trainer::torch::kernels;
use tch::Kind;

const KINDS: [Kind; 2] = [Kind::Float, Kind::BFloat16];

/// `NCSN_NVRTC=…/libnvrtc.so.13 cargo test -p ncsn-trainer --test kernels_compile -- --nocapture` shows registers and sizes.
#[test]
fn nvrtc_compiles_them_for_gpus_and_hardly_anything_spills() {
    if std::env::var_os("NCSN_NVRTC").is_none() {
        println!(
            "not run: NCSN_NVRTC names no libnvrtc.so.13 (it is in PyPI's nvidia-cuda-nvrtc, and needs no GPU)"
        );
        return;
    }
    // Turing, A100, L4, H100 and H200, B200.
    for architecture in ["sm_75", "sm_80", "sm_89", "sm_90", "sm_100"] {
        for x in KINDS {
            for y in KINDS {
                let (bytes, log) = kernels::compile(architecture, x, y).expect("compiles");
                println!("{architecture} {x:?} to {y:?}: {bytes} bytes");
                let mut name = "";
                let mut functions = 0;
                for line in log.lines() {
                    if let Some((_, rest)) = line.split_once("Compiling entry function '") {
                        name = rest.split('\'').next().unwrap_or_default();
                        functions += 1;
                    }
                    // A register or two outside the loops do no harm.
                    if let Some((before, _)) = line.split_once(" bytes spill stores") {
                        let bytes: u32 = before
                            .split(' ')
                            .next_back()
                            .and_then(|count| count.parse().ok())
                            .expect("a count");
                        assert!(bytes <= 8, "{name}: {bytes} bytes spilt");
                    }
                    if let Some((_, used)) = line.split_once("Used ") {
                        println!("  {name}: {used}");
                        let registers: u32 =
                            used.split(' ').next().and_then(|count| count.parse().ok()).expect("a count");
                        // 65,536 for 256 threads a block: three blocks on a multiprocessor at least.
                        assert!(registers <= 80, "{name}: {registers} registers");
                    }
                }
                assert_eq!(functions, 11, "{log}");
            }
        }
    }
    let error = kernels::compile("sm_10", Kind::Float, Kind::Float).expect_err("too old").to_string();
    assert!(error.contains("NVRTC for sm_10") && error.contains("--gpu-architecture"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn without_a_driver_there_is_one_clear_line() {
    if ncsn_trainer::device::gpus() > 0 {
        println!("not run: this machine has a GPU");
        return;
    }
    let error = kernels::prepare(0, Kind::Float, Kind::Float).expect_err("no driver").to_string();
    assert_eq!(error, "torch: there is no NVIDIA driver");
}

#[test]
fn on_the_cpu_they_are_refused() {
    for command in
        ["bench --preset shapes --filters 4 --batch 2 --repeats 1", "train --preset shapes --iterations 1"]
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = trainer(command);
        command.args(["--device", "cpu", "--kernels", "own"]).current_dir(folder.path()).env_remove(EMULATE);
        let line = failure(&mut command);
        assert!(
            line.contains("kernels is own, allowed: torch on the CPU: own kernels are for CUDA"),
            "{line}"
        );
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
    }
}

/// The whole way of a flag: self-check, training, the report of a benchmark.
#[test]
fn asked_for_they_compute_what_a_run_is_made_of() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trained = |name: &str, kernels: &str| {
        let run = folder.path().join(name);
        success(small_run(&run, 4).args(["--kernels", kernels]).env(EMULATE, "1"));
        TensorFile::read(&run.join("checkpoints/step-00000004/tensors.safetensors")).expect("a checkpoint")
    };
    let (own, plain) = (trained("own", "own"), trained("plain", "torch"));
    let name = "adam.exp_avg.end_conv.weight";
    let (own, plain) = (own.get(name).expect("a moment"), plain.get(name).expect("a moment"));
    assert_ne!(own, plain, "other sums, other roundings: the kernels were not used");
    // Four steps of roundings of single precision, and of Adam's, whose first steps go by the sign.
    assert!(common::distance(&own, &plain) < 1e-3, "{:e}", common::distance(&own, &plain));

    for (precision, choice) in [("f32", "own"), ("bf16", "own"), ("bf16", "torch")] {
        let arguments =
            "bench --preset shapes --filters 4 --batch 2 --repeats 1 --device cpu --format json --precision";
        let mut command = trainer(arguments);
        command.args([precision, "--kernels", choice]).env(EMULATE, "1");
        let report: serde_json::Value = serde_json::from_str(&success(&mut command)).expect("JSON");
        assert_eq!(report["kernels"], choice);
    }
}
