//! The ground-truth objects of a record.

use anyhow::{Context, Result};
use dl_record::{Object, Record};

/// The objects, which are required, with valid boxes.
pub(super) fn objects(record: &Record) -> Result<Vec<Object>> {
    let objects: Vec<Object> = record.require("objects", "dl-data writes them, `[]` for an image without any")?;
    for (index, object) in objects.iter().enumerate() {
        object.bbox.check().with_context(|| format!("objects[{index}]"))?;
    }
    Ok(objects)
}
