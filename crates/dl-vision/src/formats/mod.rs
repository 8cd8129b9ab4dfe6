//! Dataset formats, converted to records and back.
//!
//! A reader is an iterator of [`Sample`]s and holds the annotations of one image at a time (COCO is a single file and
//! read as a whole). A writer takes records one by one and is closed by `finish`. What a format has beyond the record
//! contract is kept in extra fields, so that writing the same format again loses nothing:
//!
//! | field | of | what |
//! | --- | --- | --- |
//! | `voc` | record, object | VOC elements without a field of their own; attributes as `@name`, all values strings |
//! | `pose`, `truncated`, `occluded` | object | VOC's tags of these names |
//! | `coco` | record | the entry of COCO's `images` without name and size: `id`, `license`, ... |
//! | `coco_dataset` | first record | the whole COCO file without `images` and `annotations` |
//! | `id`, `category_id`, `segmentation`, ... | object | the rest of a COCO annotation; polygons beside `mask` |
//! | `bbox` | object | COCO's box `[x, y, width, height]`, if `box` does not determine it to the last bit |
//! | `cvat`, `label_studio`, `labelme` | record, object | the rest of these formats; `attributes` of CVAT |
//! | `segmentation` | object | the polygon of a `mask`, in COCO's form |
//! | `yolo_dataset` | first record | `{"names": [...]}`, the class names in order |
//! | `keypoints` | object | YOLO keypoints of a box, in COCO's form: `[x1, y1, v1, ...]` in pixels |
//! | `confidence` | object | the confidence in YOLO lines that are read as ground truth |
//!
//! Converting to another format keeps what the target can store; the rest is counted and reported.

pub mod coco;
pub mod csv;
pub mod cvat;
pub mod folder;
pub mod idx;
pub mod label_studio;
pub mod labelme;
pub mod lines;
pub mod voc;
pub mod yolo;

mod files;
mod number;
mod placing;
mod region;
mod skipped;
mod spooled;
mod walk;
mod xml;

use anyhow::Error;
use dl_record::{Object, Record};

pub use files::{IMAGE_ENDINGS, escaped, has_ending};
pub use placing::ImageFiles;
pub use walk::{Unusable, Walk};

/// What messages call the `label` of a record, which formats of objects have no place for.
const IMAGE_LABEL: &str = "label of the image";

/// What a reader of a dataset returns.
#[derive(Debug)]
pub enum Found {
    /// A sample.
    Sample(Box<Sample>),
    /// The reason why something that belongs to no sample is skipped: an unreadable file, or annotations of unknown
    /// images. The program reports it, and its exit status is 1.
    Lost(String),
    /// Information for the user, such as an assumption about the layout. Nothing is lost.
    Note(String),
}

impl From<Sample> for Found {
    fn from(sample: Sample) -> Self {
        Self::Sample(Box::new(sample))
    }
}

/// The annotations of one image, as read.
#[derive(Debug)]
pub struct Sample {
    /// Its location, for messages: an annotation file, or an entry of one.
    pub place: String,
    /// What could be read of it; at least an `id`.
    pub record: Record,
    /// Why the rest could not be read. The other samples are not affected.
    pub failure: Option<Error>,
    /// Reasons for annotations missing from the record ("object 3: ..."). The program reports them, and its exit status
    /// is 1; the record itself is valid.
    pub lost: Vec<String>,
}

/// The size of an image: from the record, else from the image header; `None` if unknown.
fn size_of(record: &Record) -> anyhow::Result<Option<(u32, u32)>> {
    if let (Some(width), Some(height)) = (record.width()?, record.height()?) {
        return Ok(Some((width, height)));
    }
    Ok(record.image()?.and_then(|image| crate::picture::dimensions(&image).ok()))
}

/// Sets `width` and `height` from the image header if they are absent. An unreadable image is not an error here: a program
/// that needs its pixels reports it, and so does `dl-data check`.
fn add_size(record: &mut Record) -> anyhow::Result<()> {
    if let Some((width, height)) = size_of(record)? {
        record.set_width(&width)?;
        record.set_height(&height)?;
    }
    Ok(())
}

/// The objects of a record; empty if it has none.
/// # Errors
/// When the field is invalid, or a box is inverted.
fn checked_objects(record: &Record) -> anyhow::Result<Vec<Object>> {
    let objects = record.objects()?.unwrap_or_default();
    for (index, object) in objects.iter().enumerate() {
        let checked = object.bbox.check();
        checked.map_err(|error| anyhow::anyhow!("object {index}: {error}; dl-data check --fix drops it"))?;
    }
    Ok(objects)
}
