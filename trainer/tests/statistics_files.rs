//! `--data` with files of statistics and features that other programs write; `oracles/make_statistics.py` made them.

mod common;

use std::path::Path;

use common::command::{failure, success, trainer, write_npy};
use common::hashed;
use ncsn_trainer::array_file::write_tensor;
use serde_json::Value;
use tch::{Kind, Tensor};

/// A folder with the files, 30 samples, and the 40 items that the files are of.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/statistics");
    for file in std::fs::read_dir(made).expect("the files") {
        let file = file.expect("an entry");
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("copies");
    }
    let write = |name: &str, tensor: Tensor| {
        write_tensor(&folder.path().join(name), &tensor.to_kind(Kind::Float)).expect("writes");
    };
    write("samples.npy", hashed(&[30, 6], 72) * 0.8 + 0.1);
    write("data.npy", hashed(&[40, 6], 71));
    folder
}

fn evaluated(folder: &Path, data: &str) -> Value {
    let arguments = format!("evaluate --samples samples.npy --device cpu --format json --data {data}");
    serde_json::from_str(&success(trainer(&arguments).current_dir(folder))).expect("JSON")
}

fn distance(found: &Value) -> f64 {
    found["frechet"]["distance"].as_f64().expect("a number")
}

/// Features are stored in f64 in the files and in f32 in data.npy: entries near 1/2 differ by 2⁻²⁶, their moments less.
#[test]
fn statistics_of_others_give_the_distance_of_the_items_themselves() {
    let folder = folder();
    let folder = folder.path();
    let expected = distance(&evaluated(folder, "data.npy"));
    for data in [
        "edm2.pkl --array fid",
        "networks.pkl --array fd_clip",
        "plain.pkl",
        "cleanfid.npz",
        "pytorch-fid.npz",
        "adm.npz",
        "score_sde.npz",
    ] {
        let found = evaluated(folder, data);
        assert!((distance(&found) - expected).abs() < 1e-7, "{data}: {found:#}");
        let name = data.split(' ').next().expect("a name");
        let note =
            format!("{name} does not say of which network its 6 features are: only their number is compared");
        assert!(found["notes"].to_string().contains(&note), "{found:#}");
    }
    // Where the features themselves are there, so is all else.
    let (items, features) = (evaluated(folder, "data.npy"), evaluated(folder, "score_sde.npz"));
    assert_eq!((&items["kernel"], &items["manifold"]), (&features["kernel"], &features["manifold"]));
    assert!(items["kernel"].is_object() && items["manifold"].is_object(), "{items:#}");
}

#[test]
fn damaged_statistics_are_named_with_what_is_wrong() {
    let folder = folder();
    let refused = |data: &str| {
        let arguments = format!("evaluate --samples samples.npy --device cpu --data {data}");
        failure(trainer(&arguments).current_dir(folder.path()))
    };
    for (data, expected) in [
        (
            "edm2.pkl",
            "edm2.pkl: holds statistics of fid, fd_dinov2, expected --array with one of these names",
        ),
        ("edm2.pkl --array fd", "edm2.pkl: holds statistics of fid, fd_dinov2, expected --array with"),
        (
            "edm2.pkl --array fd_dinov2",
            "number of features of the data is 4, allowed: 6, as the samples have",
        ),
        ("lonely.pkl", "lonely.pkl: has no sigma, but mu, expected mu and sigma"),
        ("lonely.npz", "lonely.npz: has no sigma, but mu, expected mu and sigma"),
        ("nan.pkl", "nan.pkl: tensor sigma has entries that are not finite, expected numbers"),
        ("text.pkl", "text.pkl: mu is a str, expected an array"),
        ("wide.pkl", "wide.pkl: tensor sigma has shape [5, 6], expected [6, 6] as mu has 6 entries"),
        ("plain.pkl --statistics s.npz", "--statistics is s.npz, allowed: FILE.safetensors"),
    ] {
        assert!(refused(data).contains(expected), "{data}: {}", refused(data));
    }
    // Files cut short; a pickle of items is one of items.
    let whole = std::fs::read(folder.path().join("plain.pkl")).expect("a file");
    std::fs::write(folder.path().join("cut.pkl"), &whole[..whole.len() / 2]).expect("writes");
    assert!(refused("cut.pkl").contains("cut.pkl: "), "{}", refused("cut.pkl"));
    assert_eq!(evaluated(folder.path(), "items.pkl")["data"], 40);
    let whole = std::fs::read(folder.path().join("cleanfid.npz")).expect("a file");
    std::fs::write(folder.path().join("cut.npz"), &whole[..whole.len() / 2]).expect("writes");
    assert!(refused("cut.npz").contains("cut.npz: "), "{}", refused("cut.npz"));
}

#[test]
fn what_is_left_out_is_left_out_and_extrapolation_needs_enough() {
    let folder = folder();
    let folder = folder.path();
    let none = evaluated(folder, "data.npy --subsets 0 --nearest 0");
    assert_eq!(
        (&none["kernel"], &none["manifold"], &none["extrapolation"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let stated = evaluated(folder, "data.npy --subsets 7 --subset-size 20 --nearest 2 --extrapolate");
    assert_eq!((&stated["kernel"]["subsets"], &stated["kernel"]["subset_size"]), (&7.into(), &20.into()));
    assert_eq!(
        (&stated["manifold"]["recall"]["k"], &stated["manifold"]["coverage"]["k"]),
        (&2.into(), &2.into())
    );
    let points = stated["extrapolation"]["points"].as_array().expect("points");
    assert_eq!((points.len(), &points[0][0], &points[14][0]), (15, &15.into(), &30.into()));
    // The last point is all samples.
    assert_eq!(points[14][1].as_f64().map(|all| (all - distance(&stated)).abs() < 1e-12), Some(true));
    // With statistics alone there is an extrapolation all the same.
    assert!(evaluated(folder, "plain.pkl --extrapolate")["extrapolation"].is_object());
    write_tensor(&folder.join("few.npy"), &hashed(&[29, 6], 72).to_kind(Kind::Float)).expect("writes");
    let refused = |arguments: &str| {
        let arguments = format!("evaluate --data data.npy --device cpu --samples {arguments}");
        failure(trainer(&arguments).current_dir(folder))
    };
    assert_eq!(
        refused("few.npy --extrapolate"),
        "error: number of samples is 29, allowed: at least 30 to extrapolate by 6 features\n"
    );
    assert_eq!(
        refused("few.npy --nearest 29"),
        "error: k of nearest neighbours is 29, allowed: 1 or more, and less than the 29 items of a side\n"
    );
    write_tensor(&folder.join("few.npy"), &hashed(&[5, 6], 72).to_kind(Kind::Float)).expect("writes");
    let text =
        success(trainer("evaluate --samples few.npy --data data.npy --device cpu").current_dir(folder));
    assert!(text.contains("precision and recall are left out: one side has only 5 items"), "{text}");
    assert!(text.contains("no more samples than features"), "{text}");
}

#[test]
fn precision_of_many_items_is_taken_on_demand() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let bytes = |count: usize| (0..4 * count).map(|k| (k % 251) as u8).collect::<Vec<_>>();
    write_npy(&folder.join("few.npy"), "(9, 1, 2, 2)", &bytes(9));
    write_npy(&folder.join("many.npy"), "(25001, 1, 2, 2)", &bytes(25_001));
    let evaluate = "evaluate --samples few.npy --data many.npy --layout chw --subsets 0 --device cpu";
    let said = success(trainer(evaluate).current_dir(folder));
    assert!(
        said.contains("all distances among 25001 items take minutes; --nearest 3, as published"),
        "{said}"
    );
    assert!(!said.contains("  recall "), "{said}");
    let said = success(trainer(&format!("{evaluate} --nearest 3")).current_dir(folder));
    assert!(said.contains("  recall ") && !said.contains("left out"), "{said}");
}
