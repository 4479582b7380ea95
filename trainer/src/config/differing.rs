//! What differs between two configurations.

use std::collections::BTreeSet;

use serde_json::Value;

/// Keys of tables in which two values differ, such as `training.lr`.
pub(crate) fn differing(a: &Value, b: &Value) -> Vec<String> {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return Vec::new() };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let within = |key: &String| match (a.get(key), b.get(key)) {
        (Some(a), Some(b)) if a == b => Vec::new(),
        (Some(a @ Value::Object(_)), Some(b @ Value::Object(_))) => {
            differing(a, b).into_iter().map(|inner| format!("{key}.{inner}")).collect()
        }
        _ => vec![key.clone()],
    };
    keys.into_iter().flat_map(within).collect()
}
