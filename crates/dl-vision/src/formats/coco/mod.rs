//! COCO: one JSON file for a whole dataset.
//!
//! The format is that of the COCO API (Lin et al. 2014): `images`, `categories` and `annotations` that refer to each
//! other by id, boxes `[x, y, width, height]`, masks as polygons or run-length encoding, `iscrowd` for groups. Boxes
//! become `[x, y, x + width, y + height]`; writing them restores the original numbers to the last bit (see [`xywh`]).
//!
//! The id of a sample is the image's `file_name`, unless the entry has a `record_id`, which `dl-data to coco` writes if
//! the two differ. Labels are the category names, with the id appended if several used categories share a name (see
//! [`Labels`]). Ids are kept in extra fields (see the table in [`formats`](super)). They are reused if they exist and
//! are unique; otherwise new ones are numbered from 1, or after the highest.
//!
//! Files are read as programs actually write them: see [`fields`] for the accepted forms of numbers and ids.
//!
//! A polygon is kept as `segmentation`, beside the `mask` of the pixels that it covers by COCO's rule, and is written
//! back as long as it covers exactly that mask. A crowd's mask is written as plain runs, any other as a string, as COCO
//! does.

mod categories;
mod document;
mod few;
pub mod fields;
mod json;
mod labels;
mod outline;
mod read;
mod results;
mod write;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use dl_record::{Mask, Record};
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use fields::{Annotation, Category, Entry, Id, one_by_one};

pub use document::{Document, Images, Place};
pub use few::Counted;
pub use json::Json;
pub use labels::{Labels, nameless};
pub use outline::{Drawn, NoMask, Outline, area_of, corners, draw_box, xywh};
pub use read::{CocoFile, read};
pub use results::ResultsWriter;
pub use write::Writer;

/// Field of the first record: the file without its images and annotations.
const DATASET: &str = "coco_dataset";

const EXPECTED: &str = "expected a list of results with image_id, category_id, bbox and score";

/// Ids and names of a COCO file.
#[derive(Debug, Default)]
pub struct Ids {
    /// The file without its images and annotations.
    dataset: Record,
    /// The categories that annotations use.
    used: Vec<Id>,
    /// COCO's image id by record id.
    images: HashMap<String, Id>,
}

impl Ids {
    /// Reads the ids of the file at `path`.
    /// # Errors
    /// When the file cannot be read or is not a COCO file.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = CocoFile::open(path)?;
        let images = file.image_ids();
        Ok(Self { dataset: file.rest().clone(), used: file.used().iter().cloned().collect(), images })
    }

    /// The COCO id for the image of a record: the one that the record came with, else that of its name.
    fn image(&self, record: &Record) -> Result<Option<Id>> {
        let came_with = image_id(record)?;
        let by_name = || Ok(record.id()?.and_then(|name| self.images.get(&name).cloned()));
        came_with.map_or_else(by_name, |id| Ok(Some(id)))
    }
}

/// The entries of a list of results, or of the annotations of a COCO file.
/// # Errors
/// When the file is neither.
pub fn results(json: &Json) -> Result<Vec<Entry<Annotation<'_>>>> {
    if json.text().trim_start().starts_with('{') {
        let file = json.parse::<Document<IgnoredAny, Entry<Annotation>>>()?;
        if file.images.is_none() && file.annotations.is_empty() {
            bail!("an object without annotations; {EXPECTED}");
        }
        return Ok(file.annotations);
    }
    json.parse().or_else(|error| match json.parse::<Vec<&RawValue>>() {
        Ok(entries) => Ok(one_by_one(entries)),
        Err(_) => Err(error.context(EXPECTED)),
    })
}

/// The COCO id of the image that a record came from, if it came from COCO.
/// # Errors
/// When the field `coco` is invalid.
pub fn image_id(record: &Record) -> Result<Option<Id>> {
    let id = record.get::<Record>("coco")?.and_then(|image| image.get::<Value>("id").transpose()).transpose()?;
    Ok(id.as_ref().and_then(Id::of))
}

/// The name and the id of each category of a dataset.
fn categories(dataset: &Record) -> Result<Vec<(String, Id)>> {
    let entries = dataset.get::<Vec<Entry<Category>>>("categories")?.unwrap_or_default();
    let pair = |(index, entry): (usize, Entry<Category>)| {
        let category = entry.good()?;
        let id = category.id.required("id").with_context(|| format!("categories[{index}]"))?;
        let name = category.name.optional("name")?.cloned();
        Ok((name.unwrap_or_else(|| nameless(id)), id.clone()))
    };
    entries.into_iter().enumerate().map(pair).collect()
}

/// The category names that came with a record, in their order in the file.
pub(super) fn category_names(record: &Record) -> Result<Vec<String>> {
    let dataset = record.get::<Record>(DATASET)?.unwrap_or_default();
    let mut seen = HashSet::new();
    Ok(categories(&dataset)?.into_iter().map(|(name, _)| name).filter(|name| seen.insert(name.clone())).collect())
}

/// A mask in the form that the COCO API writes.
fn compressed(mask: &Mask) -> Value {
    serde_json::json!({"size": mask.size, "counts": mask.counts})
}
