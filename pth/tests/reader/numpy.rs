//! Files of numpy 2.4 and of Python 2 (`fixtures/make_numpy.py`), and their refused relatives.

use ncsn_pth::{Error, Value, read};

use crate::fixture;
use crate::tree::tree;

/// Source: `numpy.json`, what Python's own `pickle.load` makes of each file.
#[test]
fn arrays_of_every_protocol_are_what_numpy_reads() {
    let expected = std::fs::read(fixture("numpy.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 23);
    for (name, expected) in expected {
        let value = read(&fixture(name)).unwrap();
        assert!(tree(&value) == *expected, "{name}: {:?}\nexpected {expected}", tree(&value).to_string());
    }
}

/// Source: `both` in `make_numpy.py`.
#[test]
fn arrays_beside_tensors_are_read() {
    for name in ["both.pth", "both_5.pth", "both_stream.pth"] {
        let dict = read(&fixture(name)).unwrap();
        let tensor = dict.get("tensor").unwrap().as_tensor().unwrap();
        assert_eq!(tensor.bytes, [0.0, 1.0, 2.0, 3.0f32].map(f32::to_le_bytes).concat());
        let array = dict.get("array").unwrap().as_array().unwrap();
        assert_eq!((array.dtype.name(), array.shape.as_slice()), ("int16", &[4][..]));
        assert_eq!(array.bytes, [0, 1, 2, 3i16].map(i16::to_le_bytes).concat());
        assert_eq!(dict.get("bytes").unwrap().as_bytes(), Some(&b"\xff\0"[..]));
    }
}

/// Source: `numpy_scalar.pth` in `make.py`.
#[test]
fn a_scalar_is_an_array_without_axes() {
    let dict = read(&fixture("numpy_scalar.pth")).unwrap();
    let loss = dict.get("loss").unwrap().as_array().unwrap();
    assert_eq!((loss.shape.len(), loss.bytes.as_slice()), (0, &1.0f32.to_le_bytes()[..]));
}

/// Source: the batches in `make_numpy.py`; the keys are `str` in Python 2, bytes in Python 3.
#[test]
fn keys_of_bytes_and_of_text_are_found_by_their_letters() {
    for (name, side) in [("python2_2.pkl", 10), ("cifar_python3_2.pkl", 4)] {
        let batch = read(&fixture(name)).unwrap();
        let data = batch.get("data").unwrap().as_array().unwrap();
        assert_eq!(data.shape[1], 3 * side * side, "{name}");
        let row: Vec<u8> = (0..data.shape[1]).map(|j| ((41 + 7 * j) % 256) as u8).collect();
        assert_eq!(data.bytes[data.shape[1]..2 * data.shape[1]], row, "{name}");
        assert_eq!(batch.get("labels").unwrap().as_list().unwrap()[1], Value::Int(1), "{name}");
    }
}

/// Source: `refused` in `make_numpy.py`.
#[test]
fn elements_that_are_no_numbers_are_refused_by_name() {
    const READ: &str = "read: u1 to u8, i1 to i8, b1, f2, f4, f8";
    for (name, expected) in [
        ("objects", "numpy elements O8 are Python objects"),
        ("structure", "numpy elements V5 are structures"),
        ("time", "numpy elements M8 are times"),
        ("span", "numpy elements m8 are times"),
        ("ascii", "numpy elements S2 are strings"),
        ("unicode", "numpy elements U2 are strings"),
        ("complex", "numpy elements c8 are complex numbers"),
        ("extended", "numpy elements f16 are floats of the platform"),
    ] {
        let message = message(name);
        assert!(message.contains(&format!(": {expected}, {READ} (REDUCE at byte ")), "{message}");
    }
}

/// Source: `refused` in `make_numpy.py`.
#[test]
fn other_classes_sets_and_buffers_elsewhere_are_refused() {
    for (name, expected) in [
        ("matrix", "global numpy.matrix is not allowed"),
        ("set", "opcode EMPTY_SET is not allowed"),
        ("band", "opcode NEXT_BUFFER takes a buffer from outside of the file"),
    ] {
        let message = message(name);
        assert!(message.contains(expected), "{message}");
    }
}

fn message(name: &str) -> String {
    let error: Error = read(&fixture(&format!("refused_{name}.pkl"))).expect_err(name);
    error.to_string()
}

/// Type, shape and bytes of an array.
pub fn elements(value: &Value) -> (&'static str, &[usize], &[u8]) {
    let array = value.as_array().unwrap();
    (array.dtype.name(), &array.shape, &array.bytes)
}
