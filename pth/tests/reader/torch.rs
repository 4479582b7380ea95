//! Files of torch 2.11 (`fixtures/make.py`), and the authors' checkpoint.

use std::path::Path;

use ncsn_pth::{self as pickle, Dtype, Tensor, Value};

use crate::fixture;

fn value(name: &str) -> Value {
    pickle::read(&fixture(name)).unwrap()
}

/// All elements of a float32 tensor.
fn floats(tensor: &Tensor) -> Vec<f32> {
    assert_eq!(tensor.dtype, Dtype::F32);
    assert_eq!(tensor.bytes.len(), tensor.shape.iter().product::<usize>() * 4);
    tensor.bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Shape and elements of a float32 tensor in a dict.
fn entry(dict: &Value, key: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = dict.get(key).and_then(Value::as_tensor).unwrap_or_else(|| panic!("no tensor {key}"));
    (tensor.shape.clone(), floats(tensor))
}

fn keys(dict: &Value) -> Vec<&str> {
    dict.as_dict().unwrap().iter().map(|(key, _)| key.as_text().unwrap()).collect()
}

/// Source: `Network` in `make.py`.
const WEIGHT: [f32; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25];
/// Source: `Network` in `make.py`.
const BIAS: [f32; 3] = [-1.0, 0.0, 1.0];
/// Source: `Network` in `make.py`.
const SIGMAS: [f32; 4] = [8.0, 4.0, 2.0, 1.0];

/// Source: `authors_list` in `make.py`.
fn check_model(model: &Value, device: &str) {
    assert_eq!(keys(model), ["module.sigmas", "module.linear.weight", "module.linear.bias"]);
    assert_eq!(entry(model, "module.sigmas"), (vec![4], SIGMAS.to_vec()));
    assert_eq!(entry(model, "module.linear.weight"), (vec![3, 2], WEIGHT.to_vec()));
    assert_eq!(entry(model, "module.linear.bias"), (vec![3], BIAS.to_vec()));
    assert_eq!(model.get("module.sigmas").unwrap().as_tensor().unwrap().device, device);
}

/// Source: `authors_list` in `make.py`.
fn check_adam(adam: &Value) {
    assert_eq!(keys(adam), ["state", "param_groups"]);
    let state = adam.get("state").unwrap().as_dict().unwrap();
    assert_eq!(state.iter().map(|(key, _)| key.as_int().unwrap()).collect::<Vec<_>>(), [0, 1]);
    for ((_, state), parameter) in state.iter().zip([&WEIGHT[..], &BIAS]) {
        assert_eq!(entry(state, "exp_avg").1, parameter.iter().map(|p| -p).collect::<Vec<_>>());
        assert_eq!(entry(state, "exp_avg_sq").1, parameter.iter().map(|p| p * p).collect::<Vec<_>>());
        assert_eq!(entry(state, "step"), (vec![], vec![1002.0]));
    }
    let group = &adam.get("param_groups").unwrap().as_list().unwrap()[0];
    assert_eq!(group.get("lr").unwrap().as_float(), Some(1e-4));
    assert_eq!(group.get("betas").unwrap().as_tuple().unwrap(), [Value::Float(0.9), Value::Float(0.999)]);
    assert_eq!(group.get("amsgrad").unwrap().as_bool(), Some(false));
    assert_eq!(group.get("params").unwrap().as_list().unwrap(), [Value::Int(0), Value::Int(1)]);
}

#[test]
fn the_authors_list_is_read_in_both_forms() {
    let files = [
        ("list.pth", "cpu"),
        ("list_stream.pth", "cpu"),
        ("list_deflated.pth", "cpu"),
        ("list_cuda.pth", "cuda:0"),
    ];
    for (name, device) in files {
        let list = value(name).into_list().unwrap();
        let [model, adam, epoch, step, ema] = list.as_slice() else {
            panic!("{} entries in {name}", list.len())
        };
        check_model(model, device);
        check_adam(adam);
        assert_eq!((epoch.as_int(), step.as_int()), (Some(3), Some(1002)));
        assert_eq!(keys(ema), ["linear.weight", "linear.bias"]);
        assert_eq!(entry(ema, "linear.weight"), (vec![3, 2], WEIGHT.map(|p| p / 2.0).to_vec()));
    }
}

#[test]
fn the_pair_of_2019_is_read() {
    let list = value("pair_cuda_stream.pth").into_list().unwrap();
    let [model, adam] = list.as_slice() else { panic!("{} entries", list.len()) };
    check_model(model, "cuda:0");
    check_adam(adam);
}

/// Source: `views` in `make.py`; element i of the storage is i.
#[test]
fn views_are_resolved() {
    let base: Vec<f32> = (0..24u8).map(f32::from).collect();
    for name in ["views.pth", "views_stream.pth"] {
        let dict = value(name);
        assert_eq!(entry(&dict, "base"), (vec![4, 6], base.clone()));
        let transposed = (0..6).flat_map(|i| (0..4).map(move |j| (6 * j + i) as f32)).collect();
        assert_eq!(entry(&dict, "transposed"), (vec![6, 4], transposed));
        assert_eq!(entry(&dict, "column"), (vec![4], vec![2.0, 8.0, 14.0, 20.0]));
        assert_eq!(entry(&dict, "every_other"), (vec![2, 2], vec![6.0, 9.0, 18.0, 21.0]));
        assert_eq!(entry(&dict, "row"), (vec![6], base[12..18].to_vec()));
        assert_eq!(entry(&dict, "element"), (vec![], vec![23.0]));
        let overlap = [5, 6, 7, 8, 7, 8, 9, 10, 9, 10, 11, 12u8].map(f32::from).to_vec();
        assert_eq!(entry(&dict, "overlap"), (vec![3, 4], overlap));
        assert_eq!(entry(&dict, "empty_slice"), (vec![0, 6], vec![]));
        let twice = dict.get("twice").unwrap().as_list().unwrap();
        assert_eq!(
            twice.iter().map(|t| floats(t.as_tensor().unwrap())).collect::<Vec<_>>(),
            vec![base.clone(); 2]
        );
        assert_eq!(entry(&dict, "channels_last"), (vec![1, 2, 3, 4], base.clone()));
        assert_eq!(entry(&dict, "expanded"), (vec![3, 2], vec![7.0; 6]));
    }
}

/// Source: `dtypes` in `make.py`; 1, 2 and 3 are 0x3c00, 0x4000 and 0x4200 in float16, 0x3f80, 0x4000 and 0x4040 in
/// bfloat16.
#[test]
fn every_dtype_is_read() {
    let expected: [(&str, Dtype, Vec<u8>); 10] = [
        ("float64", Dtype::F64, [0.0, 1.0, 2.0, 3.0f64].map(f64::to_le_bytes).concat()),
        ("float32", Dtype::F32, [0.0, 1.0, 2.0, 3.0f32].map(f32::to_le_bytes).concat()),
        ("float16", Dtype::F16, [0, 0x3c00, 0x4000, 0x4200].map(u16::to_le_bytes).concat()),
        ("bfloat16", Dtype::BF16, [0, 0x3f80, 0x4000, 0x4040].map(u16::to_le_bytes).concat()),
        ("int64", Dtype::I64, [0, 1, 2, 3].map(i64::to_le_bytes).concat()),
        ("int32", Dtype::I32, [0, 1, 2, 3].map(i32::to_le_bytes).concat()),
        ("int16", Dtype::I16, [0, 1, 2, 3].map(i16::to_le_bytes).concat()),
        ("int8", Dtype::I8, vec![0, 1, 2, 3]),
        ("uint8", Dtype::U8, vec![0, 1, 2, 3]),
        ("bool", Dtype::Bool, vec![0, 1, 1, 1]),
    ];
    for name in ["dtypes.pth", "dtypes_stream.pth"] {
        let dict = value(name);
        for (key, dtype, bytes) in &expected {
            let tensor = dict.get(key).unwrap().as_tensor().unwrap();
            assert_eq!((tensor.dtype, &tensor.shape, &tensor.bytes), (*dtype, &vec![4], bytes), "{key}");
        }
        let negative = &dict.get("negative").unwrap().as_tensor().unwrap().bytes;
        assert_eq!(*negative, [0, -1, -2, -3].map(i64::to_le_bytes).concat());
    }
}

/// Source: `dtypes` in `make.py`.
#[test]
fn scalars_empty_tensors_and_parameters_are_read() {
    for name in ["dtypes.pth", "dtypes_stream.pth"] {
        let dict = value(name);
        assert_eq!(entry(&dict, "scalar"), (vec![], vec![-2.5]));
        assert_eq!(entry(&dict, "empty"), (vec![0], vec![]));
        let flat = dict.get("empty_2d").unwrap().as_tensor().unwrap();
        assert_eq!((flat.dtype, flat.shape.as_slice(), flat.bytes.len()), (Dtype::I16, &[3, 0][..], 0));
        for (key, requires_grad) in
            [("parameter", true), ("frozen", false), ("recorded", true), ("scalar", false)]
        {
            let tensor = dict.get(key).unwrap().as_tensor().unwrap();
            assert_eq!(tensor.requires_grad, requires_grad, "{key}");
        }
        assert_eq!(entry(&dict, "parameter"), (vec![3], vec![0.0, 1.0, 2.0]));
    }
}

/// Source: `scalars` in `make.py`.
#[test]
fn plain_types_are_read_from_every_protocol() {
    let int = |values: &[i64]| values.iter().map(|&value| Value::Int(value)).collect::<Vec<_>>();
    let text = |text: &str| Value::Text(text.into());
    let (size, devices) = (int(&[2, 3]), vec![text("cpu"), text("cuda:1")]);
    let nested = vec![
        (text("a"), Value::Dict(vec![(text("b"), Value::Dict(vec![]))])),
        (Value::Int(7), Value::List(vec![Value::List(vec![])])),
        (Value::None, Value::Tuple(vec![])),
        (Value::Float(1.5), Value::Int(0)),
    ];
    let ints = [0, 255, 256, 65_535, 65_536, -1, 1 << 31, -(1 << 31) - 1, i64::MAX, i64::MIN];
    let tuples = (0..5).map(|n| Value::Tuple(int(&[1, 2, 3, 4][..n]))).collect();
    let expected = Value::Dict(vec![
        (text("none"), Value::None),
        (text("bools"), Value::Tuple(vec![Value::Bool(true), Value::Bool(false)])),
        (text("ints"), Value::List(int(&ints))),
        (text("floats"), Value::List([0.1, -0.0, f64::INFINITY, 5e-324].map(Value::Float).to_vec())),
        (text("text"), text("a\n'é€\u{1f600}\\u")),
        (text("long"), text(&"x".repeat(300))),
        (text("tuples"), Value::List(tuples)),
        (text("nested"), Value::Dict(nested)),
        (text("size"), Value::Tuple(size)),
        (text("devices"), Value::List(devices)),
    ]);
    for protocol in ["0_stream", "1", "1_stream", "2", "3", "4", "5"] {
        assert_eq!(value(&format!("scalars_{protocol}.pth")), expected, "protocol {protocol}");
    }
}

/// Source: the call for `bytes.pth` in `make.py`.
#[test]
fn bytes_are_read() {
    let expected = [b"".to_vec(), b"\0\xff".to_vec(), b"ab".to_vec(), vec![b'y'; 300]].map(Value::Bytes);
    assert_eq!(value("bytes.pth").as_list().unwrap(), expected);
}

/// Source: the README of the oracles: the safetensors file holds the same numbers as the checkpoint.
#[test]
#[ignore = "needs ../shared/oracles, the authors' numbers"]
fn the_authors_checkpoint_equals_its_safetensors_copy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/oracles");
    let copy = std::fs::read(folder.join("ncsnv2_32_ngf8.weights.safetensors")).unwrap();
    let copy = safetensors::SafeTensors::deserialize(&copy).unwrap();
    let list = pickle::read(&folder.join("ncsnv2_32_ngf8.pth")).unwrap().into_list().unwrap();
    let [model, adam, epoch, step, ema] = list.as_slice() else { panic!("{} entries", list.len()) };
    assert_eq!((epoch.as_int(), step.as_int()), (Some(3), Some(1002)));

    let mut found: Vec<(String, &Tensor)> = Vec::new();
    let mut names = Vec::new();
    for (key, value) in model.as_dict().unwrap() {
        let name = key.as_text().unwrap().strip_prefix("module.").unwrap();
        found.push((format!("model.{name}"), value.as_tensor().unwrap()));
        if name != "sigmas" {
            names.push(name);
        }
    }
    for (key, value) in ema.as_dict().unwrap() {
        found.push((format!("ema.{}", key.as_text().unwrap()), value.as_tensor().unwrap()));
    }
    for ((index, state), expected) in adam.get("state").unwrap().as_dict().unwrap().iter().zip(0..) {
        assert_eq!(index.as_int(), Some(expected));
        for (key, value) in state.as_dict().unwrap() {
            let name = format!("adam.{}.{}", key.as_text().unwrap(), names[expected as usize]);
            found.push((name, value.as_tensor().unwrap()));
        }
    }
    assert_eq!(found.len(), copy.len());
    for (name, tensor) in found {
        let expected = copy.tensor(&name).unwrap();
        assert_eq!(format!("{:?}", tensor.dtype), format!("{:?}", expected.dtype()), "{name}");
        assert_eq!(tensor.shape, expected.shape(), "{name}");
        assert!(tensor.bytes == expected.data(), "{name}");
    }
}
