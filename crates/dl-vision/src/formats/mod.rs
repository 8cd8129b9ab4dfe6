//! Dataset formats, converted to records and back by name.
//!
//! A reader is an iterator of [`Sample`]s and holds one image's truth at a time (COCO, which is one file, is read
//! whole). A writer takes records one by one and is closed by `finish`. Where a format knows more than the record
//! contract, the rest is kept in extra fields, so that writing the same format again loses nothing:
//!
//! | field | of | what |
//! | --- | --- | --- |
//! | `voc` | record, object | VOC elements without a field of their own; attributes as `@name`, all values text |
//! | `pose`, `truncated`, `occluded` | object | VOC's tags of these names |
//! | `coco` | record | the entry of COCO's `images` without name and size: `id`, `license`, ... |
//! | `coco_dataset` | first record | the whole COCO file without `images` and `annotations` |
//! | `id`, `category_id`, `segmentation`, ... | object | what else a COCO annotation holds; polygons beside `mask` |
//! | `bbox` | object | COCO's box `[x, y, width, height]`, where `box` does not tell it to the last bit |
//! | `cvat`, `label_studio`, `labelme` | record, object | what these hold without a field of its own; `attributes` of CVAT |
//! | `segmentation` | object | the polygon of a `mask`, as COCO writes it |
//! | `yolo_dataset` | first record | `{"names": [...]}`, the classes in their order |
//! | `keypoints` | object | keypoints beside a box of YOLO, in COCO's form: `[x1, y1, v1, ...]` in pixels |
//! | `confidence` | object | how sure a detector was, in YOLO's lines that are read as truth |
//!
//! Going from one format to another, a record keeps what the target has room for; what it has not is counted and said.

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

pub use files::{PICTURE_ENDINGS, escaped, has_ending};
pub use placing::ImageFiles;
pub use walk::{Unusable, Walk};

/// What messages call the `label` of a record, which formats of objects have no place for.
const IMAGE_LABEL: &str = "label of the image";

/// What a reader of a dataset returns.
#[derive(Debug)]
pub enum Found {
    /// A sample.
    Sample(Box<Sample>),
    /// Something that belongs to no sample is left out, and why: a file that cannot be read, annotations of unknown
    /// images. The program reports it, and its exit status is 1.
    Lost(String),
    /// Something that the user should know, such as an assumption about the layout. Nothing is lost.
    Note(String),
}

impl From<Sample> for Found {
    fn from(sample: Sample) -> Self {
        Self::Sample(Box::new(sample))
    }
}

/// One image's truth as a reader found it.
#[derive(Debug)]
pub struct Sample {
    /// Where it stood, for messages: an annotation file, or an entry of one.
    pub place: String,
    /// What could be read of it; at least an `id`.
    pub record: Record,
    /// Why the rest could not be read. The other samples come all the same.
    pub failure: Option<Error>,
    /// Annotations that are left out of the record, one reason each ("object 3: ..."). The program reports them, and
    /// its exit status is 1; the record itself is good.
    pub lost: Vec<String>,
}

/// The pixels of a picture: what the truth says, or else what the image's header says; `None` when neither tells.
fn size_of(record: &Record) -> anyhow::Result<Option<(u32, u32)>> {
    if let (Some(width), Some(height)) = (record.width()?, record.height()?) {
        return Ok(Some((width, height)));
    }
    Ok(record.image()?.and_then(|image| crate::picture::dimensions(&image).ok()))
}

/// Sets `width` and `height` from the image's header where they are absent. An image that cannot be read is no
/// error here: whoever needs its pixels will say so, and `dl-data check` does.
fn add_size(record: &mut Record) -> anyhow::Result<()> {
    if let Some((width, height)) = size_of(record)? {
        record.set_width(&width)?;
        record.set_height(&height)?;
    }
    Ok(())
}

/// The objects of a record; none when it has none.
/// # Errors
/// When the field is broken, or a box is inside out.
fn checked_objects(record: &Record) -> anyhow::Result<Vec<Object>> {
    let objects = record.objects()?.unwrap_or_default();
    for (index, object) in objects.iter().enumerate() {
        let checked = object.bbox.check();
        checked.map_err(|error| anyhow::anyhow!("object {index}: {error}; dl-data check --fix drops it"))?;
    }
    Ok(objects)
}


