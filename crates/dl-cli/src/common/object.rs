//! Objects for model files.

use serde_json::{Map, Value};

/// The members of an object that `json!` made.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
