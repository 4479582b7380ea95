//! Wrong use: one line, status 2, nothing overwritten.

mod common;

use std::fs;
use std::path::Path;

use ncsn_theory::schedule::DataRange;

use common::command::{
    failure, schedule_for, small_run, success, trainer, write_array, write_npy, write_schedule,
};

#[test]
fn flags_out_of_their_domain_name_the_limit() {
    let cases = [
        ("train --preset cifar", "preset is cifar, allowed: cifar10"),
        ("train --preset mnist", "--data is missing, allowed: the data of preset mnist"),
        ("train --preset own", "preset own needs --data and --schedule"),
        ("train --preset shapes --run x --batch 0", "batch is 0, allowed: 1 to"),
        ("train --preset shapes --run x --lr -1", "lr is -1, allowed: positive and finite"),
        ("train --preset shapes --run x --ema-rate 1", "ema_rate is 1.0, allowed: 0 to below 1"),
        ("train --preset shapes --run x --held-out 4096", "held_out is 4096, allowed: below the 4096 items"),
        ("train --preset shapes --run x --device gpu", "device is gpu, allowed: auto, cpu, cuda, cuda:N"),
        ("train --preset shapes --run x --precision f16", "precision is f16, allowed: f32, tf32, bf16"),
        ("train --preset shapes --run x --threads 0", "threads is 0, allowed: 1 to 1024"),
        (
            "train --preset shapes --architecture ncsnv2-deepest --run x --filters 0",
            "filters is 0, allowed: 1 to 4096",
        ),
        ("train --preset shapes --colour red", "unexpected argument '--colour'"),
        ("train --resume", "--run"),
        ("train --resume --run nowhere", "nowhere/config.toml"),
        ("train --resume --run x --lr 1", "'--resume' cannot be used with"),
        ("train --resume --run x --size 8", "'--resume' cannot be used with"),
        ("train --resume --run x --skip-corrupt", "'--resume' cannot be used with"),
        ("sample --checkpoint nowhere --grid a.png", "nowhere"),
        ("sample --checkpoint nowhere", "nothing to write"),
        ("model --preset celebahq", "preset is celebahq"),
        ("bench --repeats 0", "repeats is 0, allowed: 1 to 1000"),
        ("convert nowhere.pth -o x", "nowhere.pth is no file to import"),
    ];
    for (arguments, expected) in cases {
        let line = failure(&mut trainer(arguments));
        assert!(line.contains(expected), "{arguments}: {line}");
    }
    assert!(!Path::new("x").exists(), "nothing is made before everything is right");
}

#[test]
fn cuda_must_be_there_when_asked_for() {
    if ncsn_trainer::device::gpus() > 0 {
        println!("this machine has a GPU; its absence was not tested");
        return;
    }
    let line = failure(&mut trainer("train --preset shapes --run x --device cuda"));
    let reason = ncsn_trainer::device::absent().expect("a reason");
    assert_eq!(line, format!("error: device cuda:0 is not available: {reason}\n"));
}

/// Before the network is opened: there is none in these commands.
#[test]
fn outputs_that_cannot_be_written_are_refused_before_any_work() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("file"), "").expect("writes");
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder.path()));
    let (png, values) = ("allowed: FILE.png", "allowed: FILE.npy or FILE.safetensors");
    let missing = "needs the folder nodir, which does not exist";
    for (arguments, expected) in [
        ("sample --checkpoint x --grid nodir/g.png", format!("--grid {missing}")),
        ("sample --checkpoint x --grid g.jpg", format!("--grid is g.jpg, {png}")),
        ("sample --checkpoint x -o x.pt", format!("--output is x.pt, {values}")),
        (
            "sample --checkpoint x --grid a.png --trajectory a.png",
            "--trajectory is a.png, which --grid is too".into(),
        ),
        ("sample --checkpoint x --grid file/g.png", "--grid needs the folder file".into()),
        ("sample --checkpoint x --png file", "file: ".into()),
        ("interpolate --checkpoint x --grid g", format!("--grid is g, {png}")),
        ("inpaint --checkpoint x --input x --mask left -o nodir/x.npy", format!("--output {missing}")),
        ("neighbours --samples x --data x --grid nodir/g.png", format!("--grid {missing}")),
        ("evaluate --samples x --data x --statistics nodir/s.safetensors", format!("--statistics {missing}")),
        ("data --preset shapes -o nodir/s.npy", format!("--output {missing}")),
        ("score --checkpoint x --input x --output nodir/s.safetensors", format!("--output {missing}")),
        ("bench --trace nodir/t.json", format!("--trace {missing}")),
    ] {
        let line = refused(arguments);
        assert!(line.starts_with(&format!("error: {expected}")), "{arguments}: {line}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing is left behind: {left:?}");
}

#[test]
fn a_run_is_never_overwritten() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 1));
    let before = fs::read(run.join("config.toml")).expect("a configuration");
    let line = failure(&mut small_run(&run, 2));
    assert!(line.contains("exists already; --resume goes on with it"), "{line}");
    assert_eq!(fs::read(run.join("config.toml")).expect("a configuration"), before);
}

#[test]
fn data_of_another_shape_are_named_with_both_shapes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("a.npy");
    write_npy(&data, "(4, 3, 8, 8)", &[7; 4 * 192]);
    let line = failure(trainer("train --preset mnist --run x --data").arg(&data));
    assert!(line.contains("a.npy: items of 3 x 8 x 8, expected 1 x 28 x 28"), "{line}");
}

#[test]
fn a_schedule_for_another_dimension_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schedule = folder.path().join("cifar10.toml");
    write_schedule(&schedule, 3072, 50.0, DataRange::Unit);
    let line = failure(trainer("train --preset shapes --run x --schedule").arg(&schedule));
    assert!(line.contains("cifar10.toml: dim is 3072, expected 768 for items of 3 x 16 x 16"), "{line}");
    let text = fs::read_to_string(&schedule).expect("text");
    fs::write(&schedule, text.replace("num_levels", "number_of_levels")).expect("writes");
    let line = failure(trainer("train --preset shapes --run x --schedule").arg(&schedule));
    assert!(line.contains("unknown field `number_of_levels`"), "{line}");
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.toml");
    let text = success(trainer("train --preset shapes --dry-run").current_dir(folder.path()));
    fs::write(&config, text.replace("batch = ", "batch_size = ")).expect("writes");
    let line = failure(trainer("train --run x --config").arg(&config));
    assert!(line.contains("unknown field `batch_size`") && line.contains("config.toml: line "), "{line}");
    assert!(!folder.path().join("runs").exists(), "a dry run writes nothing");
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (run, weights) = (folder.path().join("run"), folder.path().join("w.safetensors"));
    success(&mut small_run(&run, 1));
    success(trainer("convert --weights ema -o").arg(&weights).arg(&run));
    // Weights of 3 channels are asked for scores of 1 channel.
    let file = ncsn_trainer::tensor_file::TensorFile::read(&weights).expect("weights");
    assert_eq!(file.get("begin_conv.weight").expect("a tensor").size(), [4, 3, 3, 3]);
    let input = folder.path().join("in.safetensors");
    let x = tch::Tensor::zeros([2, 1, 16, 16], tch::kind::FLOAT_CPU);
    let y = tch::Tensor::from_slice(&[0_i64, 1]);
    let tensors = [("x".to_owned(), &x), ("y".to_owned(), &y)];
    ncsn_trainer::tensor_file::write(&input, tensors, None).expect("writes");
    let mut score = trainer("score --weights raw --output out.safetensors");
    let line = failure(score.arg("--checkpoint").arg(&weights).arg("--input").arg(&input));
    assert!(line.contains("tensor x has shape [2, 1, 16, 16], expected [1+, 3, 1+, 1+]"), "{line}");
}

#[test]
fn noise_levels_that_are_none_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    success(&mut small_run(&run, 1));
    let input = folder.path().join("in.safetensors");
    let x = tch::Tensor::zeros([2, 3, 16, 16], tch::kind::FLOAT_CPU);
    let y = tch::Tensor::from_slice(&[0_i64, 1000]);
    let tensors = [("x".to_owned(), &x), ("y".to_owned(), &y)];
    ncsn_trainer::tensor_file::write(&input, tensors, None).expect("writes");
    let mut score = trainer("score --output out.safetensors");
    let line = failure(score.arg("--checkpoint").arg(&run).arg("--input").arg(&input));
    assert!(line.contains("tensor y has indices 0 to 1000, expected 0 to 90"), "{line}");
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (run, weights) = (folder.path().join("run"), folder.path().join("w.safetensors"));
    success(&mut small_run(&run, 1));
    success(trainer("convert --weights raw -o").arg(&weights).arg(&run));
    let file = ncsn_trainer::tensor_file::TensorFile::read(&weights).expect("weights");
    let all = || -> Vec<(String, tch::Tensor)> {
        file.names().into_iter().map(|name| (name.to_owned(), file.get(name).expect("a tensor"))).collect()
    };
    let input = folder.path().join("in.safetensors");
    let (x, y) =
        (tch::Tensor::zeros([1, 3, 16, 16], tch::kind::FLOAT_CPU), tch::Tensor::from_slice(&[0_i64]));
    ncsn_trainer::tensor_file::write(&input, [("x".to_owned(), &x), ("y".to_owned(), &y)], None)
        .expect("writes");
    let name = "res1.0.conv1.bias";
    let replaced = |new: Option<tch::Tensor>| {
        let mut tensors = all();
        tensors.retain(|(known, _)| known != name);
        tensors.extend(new.map(|new| (name.to_owned(), new)));
        tensors
    };
    let mut surplus = all();
    surplus.push(("res9.weight".to_owned(), tch::Tensor::zeros([1], tch::kind::FLOAT_CPU)));
    let cases = [
        (replaced(None), "tensor res1.0.conv1.bias is missing"),
        (replaced(Some(tch::Tensor::zeros([5], tch::kind::FLOAT_CPU))), "res1.0.conv1.bias is [5] of Float"),
        (
            replaced(Some(tch::Tensor::zeros([4], tch::kind::DOUBLE_CPU))),
            "res1.0.conv1.bias is [4] of Double",
        ),
        (surplus, "tensor res9.weight is not one of the network's"),
    ];
    for (tensors, expected) in cases {
        let path = folder.path().join("bad.safetensors");
        let named = tensors.iter().map(|(name, tensor)| (name.clone(), tensor));
        ncsn_trainer::tensor_file::write(&path, named, None).expect("writes");
        let mut score = trainer("score --weights raw --output out.safetensors");
        let line = failure(score.arg("--checkpoint").arg(&path).arg("--input").arg(&input));
        assert!(line.contains(expected), "{line}");
    }
    assert!(!Path::new("out.safetensors").exists());
}

/// A safetensors file of named tensors in a folder.
fn tensor_file(folder: &Path, name: &str, tensors: &[(&str, tch::Tensor)]) -> std::path::PathBuf {
    let path = folder.join(name);
    let named = tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor));
    ncsn_trainer::tensor_file::write(&path, named, None).expect("writes");
    path
}

#[test]
fn empty_tensors_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    success(&mut small_run(&folder.join("run"), 1));
    let zeros = |shape: &[i64]| tch::Tensor::zeros(shape, tch::kind::FLOAT_CPU);
    tensor_file(folder, "init.safetensors", &[("x0", zeros(&[0, 3, 16, 16]))]);
    tensor_file(folder, "noise.safetensors", &[("noise", zeros(&[5, 0, 3, 16, 16]))]);
    let sample = "sample --checkpoint run --device cpu --grid g.png";
    for (flag, shape) in [("init", "[0, 3, 16, 16]"), ("noise", "[5, 0, 3, 16, 16]")] {
        let command = format!("{sample} --{flag} {flag}.safetensors");
        let line = failure(trainer(&command).current_dir(folder));
        assert!(line.contains(&format!("has shape {shape}, expected [1+,")), "{line}");
    }
}

#[test]
fn statistics_of_other_kinds_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let zeros = |shape: &[i64], kind| tch::Tensor::zeros(shape, (kind, tch::Device::Cpu));
    let (double, eye) = (tch::Kind::Double, tch::Tensor::eye(4, tch::kind::DOUBLE_CPU));
    write_npy(&folder.join("samples.npy"), "(2, 4)", &[0; 8]);
    let good = || [("mu", zeros(&[4], double)), ("sigma", eye.copy()), ("count", tch::Tensor::from(9_i64))];
    let changed = |at: usize, tensor: tch::Tensor| {
        let mut tensors = good();
        tensors[at].1 = tensor;
        tensors
    };
    let empty =
        [("mu", zeros(&[0], double)), ("sigma", zeros(&[0, 0], double)), ("count", tch::Tensor::from(9_i64))];
    let cases = [
        (changed(2, tch::Tensor::from(f32::NAN)), "tensor count is Float NaN, expected a 64-bit integer"),
        (changed(2, tch::Tensor::from(-3_i64)), "tensor count is Int64 -3, expected a 64-bit integer"),
        (changed(0, zeros(&[4], tch::Kind::Bool)), "tensor mu holds Bool, expected floating-point numbers"),
        (
            changed(1, zeros(&[4, 4], tch::Kind::Uint8)),
            "tensor sigma holds Uint8, expected floating-point numbers",
        ),
        (empty, "tensor mu has shape [0], expected [features]"),
    ];
    for (tensors, expected) in cases {
        tensor_file(folder, "data.safetensors", &tensors);
        let line = failure(
            trainer("evaluate --samples samples.npy --data data.safetensors --device cpu")
                .current_dir(folder),
        );
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn weights_are_bounded_by_their_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let zeros = |shape: &[i64]| tch::Tensor::zeros(shape, tch::kind::FLOAT_CPU);
    // Four levels and as many columns as the filters need, so that what is refused is the number of values.
    let cases = [
        (zeros(&[4096, 3, 3, 3]), zeros(&[4, 3]), "values, for 4096 filters, expected at least"),
        (
            zeros(&[1, 3, 3, 3]),
            zeros(&[1 << 40, 0]),
            "holds 27 values, for 1 filters, expected at least 1800",
        ),
        (zeros(&[1, 3, 3, 3]), zeros(&[]), "holds 28 values, for 1 filters, expected at least 1800"),
    ];
    for (first, embed, expected) in cases {
        tensor_file(
            folder,
            "w.safetensors",
            &[("begin_conv.weight", first), ("normalizer.embed.weight", embed)],
        );
        let line = failure(trainer("convert w.safetensors --preset cifar10 -o run").current_dir(folder));
        assert!(line.contains(expected), "{line}");
    }
    // Enough values, but no row for each level.
    for (embed, shape) in [(zeros(&[]), "[]"), (zeros(&[1 << 40, 0]), "[1099511627776, 0]")] {
        let tensors = [
            ("begin_conv.weight", zeros(&[1, 3, 3, 3])),
            ("normalizer.embed.weight", embed),
            ("more", zeros(&[1800])),
        ];
        tensor_file(folder, "w.safetensors", &tensors);
        let line = failure(trainer("convert w.safetensors --preset cifar10 -o run").current_dir(folder));
        assert!(line.contains(&format!("normalizer.embed.weight has shape {shape}")), "{line}");
    }
}

fn write_floats(path: &Path, shape: &str, values: impl Iterator<Item = f32>) {
    write_array(path, "<f4", shape, &values.flat_map(f32::to_le_bytes).collect::<Vec<_>>());
}

#[test]
fn noise_in_other_units_than_the_data_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let wave = |k: u16| f32::from(k % 511) / 255.0 - 1.0;
    write_floats(&folder.join("signed.npy"), "(8, 3, 16, 16)", (0..8 * 768).map(wave));
    write_floats(&folder.join("unit.npy"), "(8, 3, 16, 16)", (0..8 * 768).map(|k| wave(k).abs()));
    let train =
        "train --preset shapes --filters 4 --batch 2 --iterations 1 --held-out 0 --samples 0 --device cpu";
    let line = failure(trainer(&format!("{train} --run a --data signed.npy")).current_dir(folder));
    assert!(line.contains("signed.npy: values from -1 to 1, expected 0 to 1"), "{line}");
    success(trainer(&format!("{train} --run b --data unit.npy")).current_dir(folder));
    let line = failure(
        trainer(&format!("{train} --run c --data unit.npy --test-data signed.npy")).current_dir(folder),
    );
    assert!(line.contains("signed.npy: values from -1 to 1, expected 0 to 1"), "{line}");
    // A run in the data's units stays so in its configuration.
    write_schedule(&folder.join("native.toml"), 768, 20.0, DataRange::Native);
    let native = format!("{train} --run d --data signed.npy --schedule native.toml");
    success(trainer(&native).current_dir(folder));
    success(trainer("train --config d/config.toml --run e --device cpu").current_dir(folder));
    let config = fs::read_to_string(folder.join("e/config.toml")).expect("a configuration");
    assert!(config.contains("data_range = \"native\""), "{config}");
}

#[test]
fn a_schedule_of_other_data_is_refused_unless_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for (name, step) in [("ours", 7), ("theirs", 11)] {
        let bytes: Vec<u8> = (0..8 * 768).map(|k| (k * step % 251) as u8).collect();
        write_npy(&folder.join(format!("{name}.npy")), "(8, 3, 16, 16)", &bytes);
        let made = schedule_for(&folder.join(format!("{name}.npy")));
        fs::write(folder.join(format!("{name}.toml")), made.to_toml().expect("TOML")).expect("writes");
    }
    let train = "train --preset shapes --filters 4 --batch 2 --iterations 1 --held-out 0 --samples 0 --device cpu \
                 --data ours.npy";
    success(trainer(&format!("{train} --run a --schedule ours.toml")).current_dir(folder));
    let line = failure(trainer(&format!("{train} --run b --schedule theirs.toml")).current_dir(folder));
    assert!(line.contains("levels derived from") && line.contains("theirs.npy with SHA-256"), "{line}");
    assert!(
        line.contains("expected levels for ours.npy with SHA-256") && line.contains("--any-data"),
        "{line}"
    );
    success(trainer(&format!("{train} --run b --schedule theirs.toml --any-data")).current_dir(folder));
}

#[test]
fn data_without_a_preset_do_not_get_the_levels_of_built_in_images() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    write_npy(&folder.join("x.npy"), "(8, 3, 16, 16)", &[7; 8 * 768]);
    let line = failure(trainer("train --data x.npy --run a --device cpu").current_dir(folder));
    assert!(line.contains("--preset is missing: own for data of your own"), "{line}");
}
