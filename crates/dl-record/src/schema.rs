//! The JSON Schema of a record.

use serde_json::Value;

use crate::fields::Fields;

/// The JSON Schema (draft 2020-12) of one record, generated from the table of fields.
pub fn schema() -> Value {
    schemars::schema_for!(Fields).into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_names_every_field() {
        let schema = super::schema();
        for field in ["id", "image", "objects", "proposals", "features", "predictions", "detections", "error"] {
            assert!(schema["properties"][field].is_object(), "{field}");
        }
    }
}
