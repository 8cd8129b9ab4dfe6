//! The JSON Schema of a record, docs/record.schema.json.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::generated::Generated;

/// The schema file.
/// # Errors
/// Never for a schema that is JSON.
pub(crate) fn file() -> Result<Generated> {
    let text = serde_json::to_string_pretty(&dl_record::schema())? + "\n";
    let files = BTreeMap::from([("record.schema.json".to_owned(), text.into_bytes())]);
    Ok(Generated::new(crate::root().join("docs"), files, "make gen"))
}

#[cfg(test)]
mod tests {
    use crate::generated::Mode;

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        super::file().unwrap().run(Mode::Check).unwrap();
    }
}
