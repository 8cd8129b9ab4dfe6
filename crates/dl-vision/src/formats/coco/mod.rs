//! COCO: one JSON file for a whole dataset.
//!
//! The form is that of the COCO API (Lin et al. 2014): `images`, `categories` and `annotations` that refer to each
//! other by id, boxes `[x, y, width, height]`, masks as polygons or run-length encoding, `iscrowd` for groups. Boxes
//! become `[x, y, x + width, y + height]`; the sums and differences are undone to the last written digit.
//!
//! The id of a sample is the image's `file_name`, unless the entry has a `record_id`, which our own files have when
//! the two differ. Labels are the categories' names. Ids are kept beside (see the table in [`formats`](super)), used
//! again where they are there and unique, and given from 1 on, or after the highest, where they are not.
//!
//! A polygon stays as `segmentation`, beside the `mask` of the pixels that it covers by COCO's rule, and is written
//! back as long as it still covers exactly that mask. A mask of a crowd is written as plain runs, any other as a
//! string, as COCO itself does.

mod read;
mod results;
mod write;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use dl_record::{Mask, Record};
use serde_json::Value;

pub use read::read;
pub use results::ResultsWriter;
pub use write::Writer;

/// Field of the first record: the file without its images and annotations.
const DATASET: &str = "coco_dataset";

/// Ids and names of a COCO file.
#[derive(Debug, Default)]
pub struct Ids {
    /// The file without its images and annotations.
    dataset: Record,
    /// COCO's image id by record id.
    images: HashMap<String, Value>,
}

impl Ids {
    /// Reads the ids of the file at `path`.
    /// # Errors
    /// When the file cannot be read or is not COCO's.
    pub fn read(path: &Path) -> Result<Self> {
        let (dataset, images, _) = file(path)?;
        let mut ids = Self { dataset, images: HashMap::with_capacity(images.len()) };
        for image in &images {
            if let (Some(name), Some(id)) = (record_id(image)?, image.get("id")?) {
                ids.images.insert(name, id);
            }
        }
        Ok(ids)
    }

    /// COCO's id for the picture of a record: the one that it came with, else the one of its name.
    fn image(&self, record: &Record) -> Result<Option<Value>> {
        let came_with = record.get::<Record>("coco")?.and_then(|image| image.get("id").transpose()).transpose()?;
        let by_name = || Ok(record.id()?.and_then(|name| self.images.get(&name).cloned()));
        came_with.map_or_else(by_name, |id| Ok(Some(id)))
    }
}

/// The three parts of a COCO file: all but the lists, the images, the annotations.
fn file(path: &Path) -> Result<(Record, Vec<Record>, Vec<Record>)> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!("{}: no such file", path.display()),
        _ => anyhow!("{}: {error}", path.display()),
    })?;
    let parts = || -> Result<_> {
        let mut dataset = Record::parse(&text)?;
        let images = dataset.get("images")?.context("it has no images; a COCO file has them, and categories")?;
        let annotations = dataset.get("annotations")?.unwrap_or_default();
        dataset.remove("images");
        dataset.remove("annotations");
        Ok((dataset, images, annotations))
    };
    parts().with_context(|| path.display().to_string())
}

/// The id of the record for an entry of `images`.
fn record_id(image: &Record) -> Result<Option<String>> {
    Ok(image.get("record_id")?.or(image.get("file_name")?))
}

/// The name and the id of each category of a dataset.
fn categories(dataset: &Record) -> Result<Vec<(String, Value)>> {
    let categories = dataset.get::<Vec<Record>>("categories")?.unwrap_or_default();
    let hint = "a category of a COCO file has it";
    categories.iter().map(|category| Ok((category.require("name", hint)?, category.require("id", hint)?))).collect()
}

/// The names of the categories that a record brings along, by their order in the file.
pub(super) fn category_names(record: &Record) -> Result<Vec<String>> {
    let dataset = record.get::<Record>(DATASET)?.unwrap_or_default();
    Ok(categories(&dataset)?.into_iter().map(|(name, _)| name).collect())
}

/// Polygons, if that is what the segmentation is.
fn polygons(segmentation: &Value) -> Option<Vec<Vec<f64>>> {
    let polygons = segmentation.as_array()?;
    polygons.iter().map(|polygon| polygon.as_array()?.iter().map(Value::as_f64).collect()).collect()
}

/// A mask as COCO's API writes it.
fn compressed(mask: &Mask) -> Value {
    serde_json::json!({"size": mask.size, "counts": mask.counts})
}
