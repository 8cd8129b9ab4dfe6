//! Writes records to a COCO file.
//!
//! Ids and categories are known only after all records have been read, so the samples wait in a temporary file; memory
//! holds 8 bytes for each id that came with them.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use dl_record::{Object, Record};
use hotcoco::types::Segmentation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::categories::Categories;
use super::fields::Id;
use super::outline::{KEPT, area_of, xywh};
use super::{DATASET, Ids, compressed};
use crate::formats::skipped::Skipped;
use crate::formats::spooled::Spooled;
use crate::formats::{IMAGE_LABEL, checked_objects, size_of};
use crate::masks;

/// A sample that waits for its ids.
#[derive(Serialize, Deserialize)]
struct Waiting {
    image: Record,
    annotations: Vec<Unnumbered>,
}

/// An annotation whose ids are filled in at the end.
#[derive(Serialize, Deserialize)]
struct Unnumbered {
    label: String,
    category_id: Option<Value>,
    entry: Map<String, Value>,
}

/// Collects records and writes them as one COCO file.
pub struct Writer {
    ids: Ids,
    labels: Vec<String>,
    waiting: Spooled<Waiting>,
    image_ids: Given,
    annotation_ids: Given,
    categories: Categories,
    skipped: Skipped,
}

impl Writer {
    /// Starts a file. `truth` provides image and category ids for records without them; `labels` without an id there
    /// are numbered from 1, in their order.
    /// # Errors
    /// When a temporary file cannot be created.
    pub fn new(truth: Option<Ids>, labels: &[String]) -> Result<Self> {
        let ids = truth.unwrap_or_default();
        let mut known = Categories::default();
        known.add_dataset(&ids.dataset)?;
        Ok(Self {
            ids,
            labels: labels.to_vec(),
            waiting: Spooled::new()?,
            image_ids: Given::default(),
            annotation_ids: Given::default(),
            categories: known,
            skipped: Skipped::default(),
        })
    }

    /// Adds one sample.
    /// # Errors
    /// When its fields are invalid, or it has no id. Then nothing of it is written.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let id: String = record.require("id", "it is the file_name in COCO")?;
        let objects = checked_objects(record)?;
        let dataset = record.get::<Record>(DATASET)?;
        dataset.as_ref().map(super::categories).transpose()?;
        let image_id = self.ids.image(record)?;
        let has_label = record.label()?.is_some();
        let mut image = image(record, &id)?;
        let mut annotations: Vec<Unnumbered> = (objects.into_iter().enumerate())
            .map(|(index, object)| annotation(object).with_context(|| format!("object {index}")))
            .collect::<Result<_>>()?;
        // An id counts as used only if the sample is written.
        if let Some(id) = image_id.as_ref().filter(|id| !self.image_ids.has(id)) {
            image.set("id", &Value::from(id))?;
        }
        let own: Vec<Option<Id>> = annotations.iter().map(|annotation| Id::of(&annotation.entry["id"])).collect();
        let mut here = HashSet::new();
        for (annotation, own) in annotations.iter_mut().zip(&own) {
            let free = own.as_ref().filter(|id| !self.annotation_ids.has(id) && here.insert(*id));
            annotation.entry["id"] = free.map_or(Value::Null, Value::from);
        }
        let waiting = Waiting { image, annotations };
        self.waiting.push(&waiting)?;
        // Nothing fails from here on, so that a record is either written or leaves no trace.
        image_id.iter().for_each(|id| self.image_ids.take(id));
        own.iter().flatten().for_each(|id| self.annotation_ids.take(id));
        if has_label {
            self.skipped.add(IMAGE_LABEL);
        }
        if let Some(dataset) = dataset {
            self.categories.add_dataset(&dataset)?;
            if self.ids.dataset.names().next().is_none() {
                self.ids.dataset = dataset;
            }
        }
        for annotation in &waiting.annotations {
            self.categories.add(&annotation.label, annotation.category_id.as_ref().and_then(Id::of).as_ref());
        }
        Ok(())
    }

    /// Writes the file to `output`, and returns notes for the user.
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(mut self, output: &mut dyn Write) -> Result<Vec<String>> {
        let mut waiting = self.waiting.close()?;
        self.labels.iter().for_each(|label| self.categories.add(label, None));
        let entries = self.categories.finish(&self.ids.dataset, &self.labels)?;
        let dataset = self.ids.dataset;
        output.write_all(b"{")?;
        for name in dataset.names().filter(|name| *name != "categories") {
            writeln!(output, "{}:{},", Value::from(name), dataset.raw(name).unwrap_or("null"))?;
        }
        output.write_all(b"\"images\":[")?;
        let mut next = self.image_ids.next();
        waiting.each(|sample, first| {
            let mut image = sample.image;
            give(&mut image, &mut next)?;
            write_item(output, first, &image)
        })?;
        output.write_all(b"],\n\"annotations\":[")?;
        let (mut next, mut next_annotation) = (self.image_ids.next(), self.annotation_ids.next());
        let mut first = true;
        waiting.each(|mut sample, _| {
            give(&mut sample.image, &mut next)?;
            let image_id = sample.image.get::<Value>("id")?.unwrap_or_default();
            for Unnumbered { label, category_id, mut entry } in sample.annotations {
                if entry["id"].is_null() {
                    entry["id"] = next_annotation.into();
                    next_annotation += 1;
                }
                entry["image_id"] = image_id.clone();
                let category = self.categories.id(&label, category_id.as_ref().and_then(Id::of).as_ref());
                entry["category_id"] = category.as_ref().map_or(Value::Null, Value::from);
                write_item(output, first, &entry)?;
                first = false;
            }
            Ok(())
        })?;
        output.write_all(b"],\n\"categories\":")?;
        serde_json::to_writer(&mut *output, &entries)?;
        output.write_all(b"}\n")?;
        let duplicates = [self.image_ids.notes("images"), self.annotation_ids.notes("objects")];
        let notes = [self.skipped.fields("COCO")].into_iter().chain(duplicates);
        Ok(notes.flatten().collect())
    }
}

/// The entry of `images`, without its id.
fn image(record: &Record, id: &str) -> Result<Record> {
    let mut image = Record::default();
    image.set("id", &Value::Null)?;
    let file_name = file_name(record, id)?;
    image.set("file_name", &file_name)?;
    if file_name != id {
        image.set("record_id", id)?;
    }
    if let Some((width, height)) = size_of(record)? {
        image.set_width(&width)?;
        image.set_height(&height)?;
    }
    let rest = record.get::<Map<String, Value>>("coco")?.unwrap_or_default();
    for (name, value) in rest.iter().filter(|(name, _)| *name != "id") {
        image.set(name, value)?;
    }
    Ok(image)
}

/// The file name from a COCO file; else the id if it looks like a file name, else that of the image.
fn file_name(record: &Record, id: &str) -> Result<String> {
    let image = record.image()?.filter(|image| !image.starts_with("data:")).unwrap_or_else(|| id.to_owned());
    if image == id || image.ends_with(&format!("/{id}")) {
        return Ok(id.to_owned());
    }
    Ok(Path::new(&image).file_name().and_then(|name| name.to_str()).unwrap_or(id).to_owned())
}

fn write_item(output: &mut dyn Write, first: bool, item: &impl Serialize) -> Result<()> {
    output.write_all(if first { b"\n" } else { b",\n" })?;
    Ok(serde_json::to_writer(output, item)?)
}

/// Sets the next free number if the image has no id.
fn give(image: &mut Record, next: &mut u64) -> Result<()> {
    if !image.has("id") {
        image.set("id", next)?;
        *next += 1;
    }
    Ok(())
}

/// The entry of `annotations`, without its ids.
fn annotation(mut object: Object) -> Result<Unnumbered> {
    let area = area_of(&object)?;
    let bbox = xywh(&object.bbox, &object.extra);
    if !bbox.iter().chain([&area]).all(|number| number.is_finite()) {
        bail!("the box or its area is too large");
    }
    // A broken mask is an error even if the area is given.
    object.mask.as_ref().map(masks::area).transpose()?;
    let segmentation = segmentation(&mut object)?;
    object.extra.shift_remove(KEPT);
    let mut entry = Map::new();
    entry.insert("id".to_owned(), object.extra.shift_remove("id").unwrap_or_default());
    entry.insert("image_id".to_owned(), Value::Null);
    entry.insert("category_id".to_owned(), Value::Null);
    entry.insert("bbox".to_owned(), json!(bbox));
    entry.insert("area".to_owned(), json!(area));
    entry.insert("iscrowd".to_owned(), json!(u8::from(object.crowd)));
    if object.difficult {
        entry.insert("difficult".to_owned(), json!(1));
    }
    if let Some(segmentation) = segmentation {
        entry.insert("segmentation".to_owned(), segmentation);
    }
    let category_id = object.extra.shift_remove("category_id");
    let reserved = object.extra.shift_remove("coco");
    let (extra, reserved) = (object.extra, reserved.and_then(|reserved| reserved.as_object().cloned()));
    for (name, value) in extra.into_iter().chain(reserved.into_iter().flatten()) {
        // The object's own fields take precedence over extra fields of the same name.
        entry.entry(name).or_insert(value);
    }
    Ok(Unnumbered { label: object.label, category_id, entry })
}

/// The polygons if they still produce the mask, else the mask.
fn segmentation(object: &mut Object) -> Result<Option<Value>> {
    let kept = object.extra.shift_remove("segmentation");
    let Some(mask) = &object.mask else { return Ok(kept) };
    if let Some(kept) = kept
        && let Ok(Segmentation::Polygon(polygons)) = Segmentation::deserialize(&kept)
        && masks::from_polygons(&polygons, mask.size[1], mask.size[0]).is_ok_and(|drawn| drawn == *mask)
    {
        return Ok(Some(kept));
    }
    if object.crowd {
        return Ok(Some(json!({"counts": masks::to_runs(mask)?, "size": mask.size})));
    }
    Ok(Some(compressed(mask)))
}

/// Ids that came with the records, each used once.
#[derive(Default)]
struct Given {
    taken: HashSet<u64>,
    highest: i64,
    refused: usize,
}

impl Given {
    /// Did a record come with this id?
    fn has(&self, id: &Id) -> bool {
        self.taken.contains(&hash(id))
    }

    /// Marks the id of a record as used.
    fn take(&mut self, id: &Id) {
        let free = self.taken.insert(hash(id));
        self.refused += usize::from(!free);
        if let Id::Number(number) = id {
            self.highest = self.highest.max(*number);
        }
    }

    /// The first number above all used ones.
    fn next(&self) -> u64 {
        self.highest.unsigned_abs() + 1
    }

    fn notes(&self, what: &str) -> Option<String> {
        let count = self.refused;
        (count > 0).then(|| format!("{count} {what} had a duplicate COCO id and got a new one"))
    }
}

fn hash(id: &Id) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
