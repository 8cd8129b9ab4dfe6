//! Values of fields by which records are grouped.

use anyhow::{Result, bail};
use dl_record::Record;
use serde_json::Value;

/// The value of a record's field as text; empty if it is absent. `option` is named in the error.
/// # Errors
/// When it is a list or an object.
pub(crate) fn text_of(record: &Record, field: &str, option: &str) -> Result<String> {
    match record.get::<Value>(field)? {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
        Some(_) => bail!("{option} {field}: the field is neither a text nor a number"),
    }
}
