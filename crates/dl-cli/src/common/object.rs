//! Objects for model files.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The members of an object that `json!` made.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The same without those that are null: options that were not given.
pub(crate) fn given(value: Value) -> Map<String, Value> {
    let mut members = object(value);
    members.retain(|_, value| !value.is_null());
    members
}

/// The means of a training, as figures of the model file.
pub(crate) fn figures_of_means(means: &BTreeMap<String, f64>) -> Map<String, Value> {
    means.iter().map(|(name, value)| (name.replace(' ', "_"), json!(value))).collect()
}
