//! From a COCO file to records.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{BBox, Mask, Object, Record};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{DATASET, categories, file, polygons, record_id};
use crate::formats::files::{as_text, want_folder};
use crate::formats::{Found, Sample, add_size};
use crate::masks;

/// Fields of an annotation that become fields of an object by another name, or are given by where the object is.
const TAKEN: [&str; 5] = ["image_id", "bbox", "area", "iscrowd", "difficult"];
/// Fields of an object that an annotation may have with another meaning; they are kept in its `coco`.
const RESERVED: [&str; 4] = ["box", "label", "mask", "crowd"];

/// Reads the COCO file at `path`, whose pictures lie in `images`. The file is held in memory.
///
/// A last sample without a picture stands for annotations whose image is not in the file.
/// # Errors
/// When the file cannot be read or is not COCO's. An image with broken annotations is a sample with a failure.
pub fn read(path: &Path, images: &Path) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    want_folder(images)?;
    let (dataset, entries, annotations) = file(path)?;
    let labels = categories(&dataset).with_context(|| path.display().to_string())?;
    let labels: HashMap<String, String> = labels.into_iter().map(|(name, id)| (id.to_string(), name)).collect();
    let mut by_image: HashMap<String, Vec<Record>> = HashMap::new();
    for annotation in annotations {
        let image = annotation.raw("image_id").unwrap_or("no image_id").to_owned();
        by_image.entry(image).or_default().push(annotation);
    }
    let (folder, file_name) = (images.to_owned(), path.display().to_string());
    let mut entries = entries.into_iter().enumerate();
    let mut dataset = Some(dataset);
    Ok(std::iter::from_fn(move || {
        let Some((index, entry)) = entries.next() else {
            let orphans = std::mem::take(&mut by_image);
            return (!orphans.is_empty()).then(|| orphaned(&orphans, &file_name));
        };
        let own = entry.raw("id").and_then(|id| by_image.remove(id)).unwrap_or_default();
        let place = format!("{file_name}: images[{index}]");
        let mut record = Record::default();
        let mut failure = head(&mut record, entry, &folder, &place).err();
        if failure.is_none() {
            failure = truth(&mut record, own, &labels).err();
        }
        if let Some(dataset) = dataset.take()
            && let Err(error) = record.set(DATASET, &dataset)
        {
            return Some(Err(error));
        }
        Some(Ok(Sample { place, record, failure, lost: Vec::new() }.into()))
    }))
}

/// Everything but the objects.
fn head(record: &mut Record, mut entry: Record, folder: &Path, place: &str) -> Result<()> {
    record.set_id(&record_id(&entry)?.unwrap_or_else(|| place.to_owned()))?;
    let file_name: String = entry.require("file_name", "an image of a COCO file has it")?;
    record.set_image(&as_text(&folder.join(&file_name))?)?;
    if let (Some(width), Some(height)) = (entry.get::<u32>("width")?, entry.get::<u32>("height")?)
        && width > 0
        && height > 0
    {
        record.set_width(&width)?;
        record.set_height(&height)?;
    }
    for name in ["file_name", "record_id", "width", "height"] {
        entry.remove(name);
    }
    add_size(record)?;
    record.set("coco", &entry)
}

fn truth(record: &mut Record, annotations: Vec<Record>, labels: &HashMap<String, String>) -> Result<()> {
    let size = record.width()?.zip(record.height()?);
    let mut objects = Vec::with_capacity(annotations.len());
    for annotation in annotations {
        let id = annotation.raw("id").unwrap_or("without id").to_owned();
        objects.push(object(&annotation, labels, size).with_context(|| format!("annotation {id}"))?);
    }
    record.set_objects(&objects)
}

fn object(annotation: &Record, labels: &HashMap<String, String>, size: Option<(u32, u32)>) -> Result<Object> {
    let mut object = Object::default();
    let category = annotation.raw("category_id").context("it has no category_id")?;
    let label = labels.get(category).ok_or_else(|| anyhow!("category {category} is not in the file"))?;
    object.label.clone_from(label);
    object.crowd = flag(annotation, "iscrowd")?;
    object.difficult = flag(annotation, "difficult")?;
    object.area = annotation.get("area")?;
    let segmentation: Option<Value> = annotation.get("segmentation")?;
    object.mask = segmentation.as_ref().map(|value| mask(value, size)).transpose()?.flatten();
    object.bbox = match annotation.get::<[f64; 4]>("bbox")? {
        Some([x, y, width, height]) => BBox::new(x, y, x + width, y + height),
        None => masks::bounding_box(object.mask.as_ref().context("it has neither bbox nor segmentation")?)?,
    };
    let mut rest = Map::new();
    for name in annotation.names().filter(|name| !TAKEN.contains(name)) {
        // A mask says all that run-length encoding says.
        if name == "segmentation" && segmentation.as_ref().is_none_or(Value::is_object) {
            continue;
        }
        let value = annotation.get::<Value>(name)?.unwrap_or_default();
        let place = if RESERVED.contains(&name) { &mut rest } else { &mut object.extra };
        place.insert(name.to_owned(), value);
    }
    if !rest.is_empty() {
        object.extra.insert("coco".to_owned(), Value::Object(rest));
    }
    Ok(object)
}

fn flag(annotation: &Record, name: &str) -> Result<bool> {
    match annotation.raw(name) {
        None | Some("0" | "false" | "null") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => bail!("{name} is {other}, want 0 or 1"),
    }
}

/// The pixels of a segmentation; none for polygons in a picture of unknown size.
fn mask(segmentation: &Value, size: Option<(u32, u32)>) -> Result<Option<Mask>> {
    #[derive(Deserialize)]
    struct Runs {
        size: [u32; 2],
        counts: Counts,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Counts {
        Plain(Vec<u32>),
        Compressed(String),
    }
    if segmentation.as_array().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    if let Some(polygons) = polygons(segmentation) {
        return size.map(|(width, height)| masks::from_polygons(&polygons, width, height)).transpose();
    }
    let runs = Runs::deserialize(segmentation);
    let Runs { size, counts } = runs.map_err(|_| anyhow!("its segmentation is neither polygons nor RLE"))?;
    match counts {
        Counts::Plain(runs) => masks::from_runs(&runs, size[1], size[0]).map(Some),
        Counts::Compressed(counts) => Ok(Some(Mask { size, counts })),
    }
}

/// The sample that stands for annotations without an image: nothing is dropped in silence.
fn orphaned(orphans: &HashMap<String, Vec<Record>>, file_name: &str) -> Result<Found> {
    let mut images: Vec<&str> = orphans.keys().map(String::as_str).collect();
    images.sort_unstable();
    let count: usize = orphans.values().map(Vec::len).sum();
    let more = if images.len() > 5 { ", ..." } else { "" };
    images.truncate(5);
    let mut record = Record::default();
    record.set_id(&format!("{file_name}: annotations without an image"))?;
    let failure = anyhow!("{count} annotations are of images that are not in the file: {}{more}", images.join(", "));
    Ok(Sample { place: file_name.to_owned(), record, failure: Some(failure), lost: Vec::new() }.into())
}
