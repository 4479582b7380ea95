//! Values as `fixtures/make_numpy.py` writes them in JSON.

use ncsn_pth::{Dtype, Value};
use serde_json::json;

/// A tag for the type, then the content.
pub fn tree(value: &Value) -> serde_json::Value {
    match value {
        Value::None => json!({ "none": 0 }),
        Value::Bool(value) => json!({ "bool": value }),
        Value::Int(value) => json!({ "int": value }),
        Value::Float(value) => json!({ "float": value }),
        Value::Text(value) => json!({ "text": value }),
        Value::Bytes(value) => json!({ "bytes": hex(value) }),
        Value::List(items) => json!({ "list": items.iter().map(tree).collect::<Vec<_>>() }),
        Value::Tuple(items) => json!({ "tuple": items.iter().map(tree).collect::<Vec<_>>() }),
        Value::Dict(entries) => {
            let entries = entries.iter().map(|(key, value)| json!([tree(key), tree(value)]));
            json!({ "dict": entries.collect::<Vec<_>>() })
        }
        Value::Array(array) => block(array.dtype, &array.shape, &array.bytes),
        Value::Tensor(_) | Value::Placed(_) => panic!("a {} in a pickle of numpy", value.kind()),
    }
}

/// The JSON of an array.
pub fn block(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> serde_json::Value {
    assert_eq!(bytes.len(), shape.iter().product::<usize>() * dtype.size());
    json!({ "array": [dtype.name(), shape, hex(bytes)] })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
