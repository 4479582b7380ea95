//! FID, KID and nearest neighbours against PyTorch, scipy and brute force; the commands as a user runs them.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use common::command::{failure, success, trainer, write_npy};
use common::{close, distance, number, statistics};
use ncsn_trainer::dataset::Stored;
use ncsn_trainer::evaluate::foreign::Which;
use ncsn_trainer::evaluate::frechet::frechet;
use ncsn_trainer::evaluate::kernel::kernel;
use ncsn_trainer::evaluate::neighbours::Nearest;
use ncsn_trainer::evaluate::statistics::{Statistics, is_statistics};
use ncsn_trainer::tensor_file;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// The two sets of features of `distances` in `oracles/make_inception.py`.
fn sets() -> [Tensor; 2] {
    let scale = Tensor::from_slice(&[1.5_f64, 1.0, 1.0, 0.5, 1.0, 1.0]);
    let second = number(&[40, 6], 2) * scale + 0.3;
    second.select(1, 1).copy_(&(second.select(1, 1) + second.select(1, 0)));
    [number(&[50, 6], 1), second]
}

#[test]
fn moments_do_not_cancel_far_from_zero() {
    let [first, _] = sets();
    let expected = statistics(&first);
    // Rows apart by 2⁻³⁴ of their size; the sums of squares would have lost 68 of 53 bits. Entries near 2³⁴ are rounded
    // to 2⁻¹⁹ at most, 7e-6 of their spread of 0.29, and a covariance has two factors.
    let shifted = statistics(&(&first + f64::powi(2.0, 34)));
    close(distance(&shifted.covariance, &expected.covariance), 0.0, 2e-5);
    let rest = &first - first.mean_dim([0].as_slice(), true, Kind::Double);
    let direct = rest.tr().matmul(&rest) / 49.0;
    close(distance(&expected.covariance, &direct), 0.0, 1e-14);
    close(distance(&expected.mean, &first.mean_dim([0].as_slice(), false, Kind::Double)), 0.0, 1e-14);
}

/// Source: scipy 1.17.1, `linalg.sqrtm`, by `oracles/make_inception.py`.
#[test]
fn frechet_agrees_with_scipy() {
    let [first, second] = sets().map(|features| statistics(&features));
    let found = frechet(&first, &second).expect("six features each");
    close(found.means, 0.813_776_974_834_527_5, 1e-14);
    close(found.covariances, 0.176_469_453_757_086_97, 1e-13);
    close(found.distance, 0.990_246_428_591_614_5, 1e-13);
    let back = frechet(&second, &first).expect("six features each");
    close(back.distance, found.distance, 1e-13);
    let same = frechet(&first, &first).expect("six features each");
    close(same.distance, 0.0, same.rounding);
}

/// For commuting covariances the distance is Σ (√a − √b)².
#[test]
fn frechet_of_singular_covariances_is_within_its_rounding() {
    let law = |variances: &[f64]| Statistics {
        count: None,
        mean: Tensor::zeros([4], (Kind::Double, Device::Cpu)),
        covariance: Tensor::from_slice(variances).diag(0),
    };
    let found = frechet(&law(&[4.0, 1.0, 0.0, 0.0]), &law(&[1.0, 9.0, 2.0, 0.0])).expect("four features");
    // Two λ of 0 beside one of 9: 2·2·√(4·2⁻⁵²·9) = 3.6e-7, and the others' share is far below.
    assert!((3.5e-7..3.7e-7).contains(&found.rounding), "{found:?}");
    close(found.distance, 1.0 + 4.0 + 2.0, found.rounding);
    let refused = frechet(&law(&[1.0, -0.5, 1.0, 1.0]), &law(&[1.0; 4])).expect_err("no covariance");
    assert_eq!(
        refused.to_string(),
        "an eigenvalue of the covariance is -5e-1, allowed: 0 or more, to within 8.881784197001252e-16"
    );
}

#[test]
fn kernel_distance_is_that_of_its_definition() {
    let [first, second] = sets();
    let rows = |features: &Tensor| -> Vec<Vec<f64>> {
        features.split(1, 0).iter().map(|row| Vec::try_from(row.flatten(0, -1)).expect("doubles")).collect()
    };
    // Subsets of all 40 items: of the first set, 40 of 50 by the seed; so take 40 of it from the start.
    let first = first.narrow(0, 0, 40);
    let (x, y) = (rows(&first), rows(&second));
    let k = |a: &[f64], b: &[f64]| (a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / 6.0 + 1.0).powi(3);
    let mut expected = 0.0;
    for i in 0..40 {
        for j in 0..40 {
            if i != j {
                expected += (k(&x[i], &x[j]) + k(&y[i], &y[j])) / (40.0 * 39.0);
            }
            expected -= 2.0 * k(&x[i], &y[j]) / 1600.0;
        }
    }
    let found = kernel(&first, &second, 3, 1000, 0).expect("forty items");
    assert_eq!((found.subsets, found.size), (3, 40));
    close(found.distance, expected, 1e-12);
    close(found.spread, 0.0, 1e-12);
}

#[test]
fn neighbours_are_those_of_brute_force() {
    let [items, samples] = sets().map(|features| features.to_kind(Kind::Float));
    let stored = |x: &Tensor| Stored::Floats(ncsn_trainer::torch::to_vec(x));
    let mut nearest = Nearest::new(stored(&samples), None, 6, 3, Device::Cpu).expect("samples");
    for (first, batch) in (0_usize..).step_by(16).zip(items.split(16, 0)) {
        let numbers: Vec<usize> = (first..).take(batch.size()[0] as usize).collect();
        nearest.add(&stored(&batch), &numbers, false).expect("items");
        nearest.add(&stored(&-batch), &numbers, true).expect("items");
    }
    let found = nearest.finish();
    for (number, row) in found.iter().enumerate() {
        let distances = |sign: f64| -> Vec<f64> {
            let [items, sample] = [&items, &samples.get(number as i64)].map(|x| x.to_kind(Kind::Double));
            let rest = items * sign - sample;
            Vec::try_from(rest.norm_scalaropt_dim(2.0, [1].as_slice(), false)).expect("doubles")
        };
        let (plain, mirrored) = (distances(1.0), distances(-1.0));
        let mut all: Vec<(f64, usize, bool)> = (0..50)
            .map(|item| {
                let is_mirrored = mirrored[item] < plain[item];
                (plain[item].min(mirrored[item]), item, is_mirrored)
            })
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (found, &(expected, item, is_mirrored)) in row.iter().zip(&all) {
            assert_eq!((found.item, found.mirrored), (item, is_mirrored), "sample {number}");
            close(found.distance, expected, 1e-12);
        }
    }
}

/// A small array of images of one channel, some of them those of the data.
fn write_images(folder: &Path) {
    let data = (number(&[30, 1, 6, 5], 3) + 0.5).to_kind(Kind::Float);
    let samples = Tensor::cat(
        &[data.narrow(0, 7, 2), (number(&[10, 1, 6, 5], 1_000_003) + 0.5).to_kind(Kind::Float)],
        0,
    );
    samples.get(1).copy_(&data.get(8).flip([2]));
    for (name, images) in [("data.npy", &data), ("samples.npy", &samples)] {
        ncsn_trainer::array_file::write_tensor(&folder.join(name), images).expect("writes");
    }
}

#[test]
fn evaluate_takes_data_or_their_statistics() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_images(folder.path());
    let evaluate = |arguments: &str| {
        let mut command = trainer(&format!("evaluate --samples samples.npy --device cpu {arguments}"));
        success(command.current_dir(folder.path()))
    };
    let json = |arguments: &str| -> Value {
        serde_json::from_str(&evaluate(&format!("{arguments} --format json"))).expect("JSON")
    };
    let whole = json("--data data.npy --batch 7 --statistics data.safetensors");
    assert_eq!((&whole["samples"], &whole["data"], &whole["dim"]), (&12.into(), &30.into(), &30.into()));
    let note = whole["notes"][0].as_str();
    assert!(note.is_some_and(|note| note.starts_with("no more samples and data than features")), "{whole:#}");
    assert_eq!(whole["kernel"]["subset_size"], 12);
    let written = folder.path().join("data.safetensors");
    let refused = Statistics::read(&written, "Inception of weights ab", Which::default())
        .expect_err("of pixels")
        .to_string();
    assert!(refused.ends_with(": statistics of pixels, expected Inception of weights ab"), "{refused}");
    let again = json("--data data.safetensors");
    let rounding = |value: &Value| value["frechet"]["rounding"].as_f64().expect("a number");
    let frechet = |value: &Value| value["frechet"]["distance"].as_f64().expect("a number");
    // The covariances are singular, and the samples' was summed in other batches.
    close(frechet(&again), frechet(&whole), rounding(&whole));
    assert_eq!(again["kernel"], Value::Null);
    let itself: Value = serde_json::from_str(&success(
        trainer("evaluate --samples data.npy --data data.npy --device cpu --format json")
            .current_dir(folder.path()),
    ))
    .expect("JSON");
    assert!(frechet(&itself).abs() <= rounding(&itself), "{itself:#}");
    let text = evaluate("--data data.npy");
    assert!(text.starts_with("12 samples against 30 items of the data, by 30 features: pixels\n"), "{text}");
}

/// An `.npz` file as numpy writes it, of doubles.
fn write_npz(path: &Path, arrays: &[(&str, &Tensor)]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).expect("a new file"));
    for (name, tensor) in arrays {
        let shape: String = tensor.size().iter().map(|side| format!("{side},")).collect();
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let values: Vec<f64> = Vec::try_from(tensor.flatten(0, -1)).expect("doubles");
        archive
            .start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default())
            .expect("an entry");
        let length = (header.len() as u16).to_le_bytes();
        let head = [&b"\x93NUMPY\x01\x00"[..], &length[..], header.as_bytes()].concat();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        archive.write_all(&[head, bytes].concat()).expect("written");
    }
    archive.finish().expect("complete");
}

#[test]
fn statistics_of_pytorch_fid_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [first, second] = sets().map(|features| statistics(&features));
    let path = folder.path().join("reference.npz");
    write_npz(&path, &[("mu", &second.mean), ("sigma", &second.covariance)]);
    assert!(is_statistics(&path));
    let read = Statistics::read(&path, "Inception", Which::default()).expect("mu and sigma");
    assert_eq!((read.count, &read.mean, &read.covariance), (None, &second.mean, &second.covariance));
    close(frechet(&first, &read).expect("six features each").distance, 0.990_246_428_591_614_5, 1e-13);
    write_npz(&path, &[("mu", &second.mean), ("sigma", &first.covariance.narrow(0, 0, 5))]);
    let refused = Statistics::read(&path, "Inception", Which::default()).expect_err("five rows").to_string();
    assert!(
        refused.ends_with("tensor sigma has shape [5, 6], expected [6, 6] as mu has 6 entries"),
        "{refused}"
    );
    let crooked = second.covariance.copy();
    crooked.get(0).get(1).copy_(&Tensor::from(7.0_f64));
    write_npz(&path, &[("mu", &second.mean), ("sigma", &crooked)]);
    let refused =
        Statistics::read(&path, "Inception", Which::default()).expect_err("no covariance").to_string();
    assert!(refused.contains("tensor sigma differs from its transpose by"), "{refused}");
    write_npz(&path, &[("images", &second.mean)]);
    assert!(!is_statistics(&path));
}

#[test]
fn neighbours_finds_copies_and_mirrored_copies() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_images(folder.path());
    let mut command = trainer(
        "neighbours --samples samples.npy --data data.npy --num 3 --count 2 --batch 9 --flip --grid n.png \
         --format json --device cpu",
    );
    let found: Value = serde_json::from_str(&success(command.current_dir(folder.path()))).expect("JSON");
    let first = |sample: usize| &found["neighbours"][sample][0];
    assert_eq!((&first(0)["item"], &first(0)["mirrored"]), (&7.into(), &false.into()));
    assert_eq!((&first(1)["item"], &first(1)["mirrored"]), (&8.into(), &true.into()));
    assert_eq!((&first(0)["distance"], &first(1)["distance"]), (&0.0.into(), &0.0.into()));
    assert!(first(2)["distance"].as_f64().is_some_and(|distance| distance > 0.1));
    let sheet = image::open(folder.path().join("n.png")).expect("a PNG");
    // Three rows of three images of 5 × 6, with gaps of two pixels between and around them; all 20 times, for a side of 512.
    assert_eq!((sheet.width(), sheet.height()), (20 * (3 * 5 + 4 * 2), 20 * (3 * 6 + 4 * 2)));
}

/// Colour images of 12 × 12 as PNG files.
fn write_pictures(folder: &Path, salt: u8) {
    fs::create_dir(folder).expect("a folder");
    for number in 0..9_u8 {
        let pixel = |x: u32, y: u32| {
            image::Rgb([x, y, x + y].map(|at| (at as u8).wrapping_mul(7 + salt).wrapping_add(number * 20)))
        };
        image::RgbImage::from_fn(12, 12, pixel).save(folder.join(format!("{number}.png"))).expect("a PNG");
    }
}

#[test]
fn samples_are_read_as_the_data_are_unless_they_have_been() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    write_pictures(&path("data"), 0);
    write_pictures(&path("samples"), 4);
    fs::write(path("samples/broken.png"), b"\x89PNG\r\n\x1a\nnothing").expect("writes");
    let run = |arguments: &str| {
        let mut command = trainer(&format!("evaluate --data data --device cpu --samples {arguments}"));
        command.current_dir(folder.path());
        command
    };
    let message = failure(&mut run("samples"));
    assert!(message.contains("broken.png"), "{message}");
    let text = success(&mut run("samples --skip-corrupt --size 6 --crop 10"));
    assert!(text.starts_with("9 samples against 9 items of the data, by 108 features: pixels\n"), "{text}");
    // What has been cropped and resized is not so again; an array never is.
    let small = Tensor::zeros([9, 3, 6, 6], (Kind::Float, Device::Cpu));
    ncsn_trainer::array_file::write_tensor(&path("small.npy"), &small).expect("writes");
    fs::create_dir(path("small")).expect("a folder");
    for number in 0..9 {
        image::RgbImage::new(6, 6).save(path(&format!("small/{number}.png"))).expect("a PNG");
    }
    let message = failure(&mut run("small --size 6 --crop 10"));
    assert!(message.contains("0.png is 6×6, smaller than the crop"), "{message}");
    let samples = [("x".to_owned(), &small)];
    tensor_file::write(&path("small.safetensors"), samples, None).expect("writes");
    for number in 0..3 {
        let part = small.narrow(0, 3 * number, 3);
        fs::create_dir_all(path("batches")).expect("a folder");
        ncsn_trainer::array_file::write_tensor(&path(&format!("batches/{number}.npy")), &part)
            .expect("writes");
    }
    let [pictures, array, tensor, batches] =
        ["small --samples-as-is", "small.npy", "small.safetensors", "batches --batches --samples-as-is"]
            .map(|samples| success(&mut run(&format!("{samples} --size 6 --crop 10"))));
    assert_eq!((&pictures, &pictures, &pictures), (&array, &tensor, &batches));
}

#[test]
fn data_in_their_own_units_are_compared_in_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, values: &Tensor| {
        ncsn_trainer::array_file::write_tensor(&path(name), values).expect("writes");
    };
    // Values from about −50 to 50, and the same 2 higher in each of 30 places, channels last.
    let data = (number(&[40, 6, 5, 1], 3) * 100.0).to_kind(Kind::Float);
    write("data.npy", &data);
    write("samples.npy", &(&data + 2.0));
    let run = |arguments: &str| {
        let mut command = trainer(&format!("{arguments} --device cpu --format json"));
        command.current_dir(folder.path());
        command
    };
    let json =
        |arguments: &str| -> Value { serde_json::from_str(&success(&mut run(arguments))).expect("JSON") };
    let found = json("evaluate --samples samples.npy --data data.npy --statistics s.safetensors");
    assert_eq!(found["features"], "values in their own units");
    let distance = |found: &Value| found["frechet"]["distance"].as_f64().expect("a number");
    close(distance(&found), 30.0 * 4.0, 1e-3);
    assert!(found["notes"].to_string().contains("taken as height x width x channels"), "{found:#}");
    close(distance(&json("evaluate --samples samples.npy --data s.safetensors")), 120.0, 1e-3);
    let nearest = json("neighbours --samples data.npy --data data.npy --num 3 --grid n.png");
    assert_eq!(
        (&nearest["neighbours"][2][0]["item"], &nearest["neighbours"][2][0]["distance"]),
        (&2.into(), &0.0.into())
    );
    assert!(nearest["notes"].to_string().contains("the sheet shows -"), "{nearest:#}");
    // Pixels are in other units.
    let bytes = vec![7; 40 * 30];
    write_npy(&path("bytes.npy"), "(40, 6, 5, 1)", &bytes);
    let message = failure(&mut run("evaluate --samples bytes.npy --data data.npy"));
    assert!(
        message.starts_with("error: bytes.npy: bytes, which become pixels in [0, 1], expected numbers in"),
        "{message}"
    );
}

#[test]
fn clamped_values_are_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_images(folder.path());
    // Of 4 × 30 values, 3 do not round to a byte.
    let images = Tensor::full([4, 1, 6, 5], 0.5, (Kind::Float, Device::Cpu));
    for (number, value) in [-0.0019, 1.0019, -0.0020, 1.0020, 255.0].into_iter().enumerate() {
        let _ = images.get(3).get(0).get(1).get(number as i64).fill_(value);
    }
    ncsn_trainer::array_file::write_tensor(&folder.path().join("samples.npy"), &images).expect("writes");
    // The last item is the second of two processes', or the one that three are shown in the last round.
    let launched = [2, 3].map(|count| format!("launch --nproc {count} evaluate --batch 1"));
    for command in ["evaluate", &launched[0], &launched[1], "neighbours --num 4"] {
        let arguments = format!("{command} --samples samples.npy --data data.npy --device cpu");
        let text = success(trainer(&arguments).current_dir(folder.path()));
        assert!(
            text.contains("2.50 % of the values of the samples lay outside [0, 1], by up to 254.000, and"),
            "{text}"
        );
    }
}

#[test]
fn bad_input_ends_in_one_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_images(folder.path());
    let refused = |arguments: &str| {
        let mut command = trainer(&format!("{arguments} --device cpu"));
        failure(command.current_dir(folder.path()))
    };
    let other = number(&[9, 1, 4, 4], 5).to_kind(Kind::Float);
    ncsn_trainer::array_file::write_tensor(&folder.path().join("other.npy"), &other).expect("writes");
    assert_eq!(
        refused("evaluate --samples samples.npy --data other.npy"),
        "error: other.npy: items of 1 x 4 x 4, expected 1 x 6 x 5 as the samples have\n"
    );
    let statistics = Tensor::from_slice(&[0.0_f64, 1.0]);
    let tensors = ["mu", "sigma", "count"].map(|name| (name.to_owned(), &statistics));
    tensor_file::write(&folder.path().join("s.safetensors"), tensors, None).expect("writes");
    let message = refused("evaluate --samples samples.npy --data s.safetensors");
    assert_eq!(message, "error: s.safetensors: tensor count has shape [2], expected []\n");
    let message = refused("evaluate --samples samples.npy --data data.npy --statistics s.npz");
    assert_eq!(message, "error: --statistics is s.npz, allowed: FILE.safetensors\n");
    let message = refused("evaluate --samples samples.npy --data data.npy --inception samples.npy");
    assert!(message.starts_with("error: samples.npy: "), "{message}");
    let message = refused("neighbours --samples samples.npy --data data.npy --num 13");
    assert_eq!(message, "error: num is 13, allowed: 1 to 12\n");
}
