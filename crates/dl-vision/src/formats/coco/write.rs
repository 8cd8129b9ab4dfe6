//! From records to a COCO file.
//!
//! Ids and categories are known only when all records have been seen, so the samples wait in a temporary file;
//! memory holds 8 bytes for each id that came with them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result};
use dl_record::{Object, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{DATASET, Ids, categories, compressed, polygons};
use crate::formats::number::shortest;
use crate::formats::{checked_objects, size_of};
use crate::masks;

/// A sample that waits for the ids.
#[derive(Serialize, Deserialize)]
struct Waiting {
    image: Record,
    objects: Vec<Object>,
}

/// Collects records and writes them as one COCO file.
pub struct Writer {
    ids: Ids,
    labels: Vec<String>,
    waiting: BufWriter<File>,
    image_ids: Given,
    annotation_ids: Given,
    categories: Categories,
}

impl Writer {
    /// Begins a file. `truth` gives ids of pictures and categories to records that do not bring them; `labels` are
    /// numbered from 1 in their order unless they have an id from there.
    /// # Errors
    /// When a temporary file cannot be made.
    pub fn new(truth: Option<Ids>, labels: &[String]) -> Result<Self> {
        let ids = truth.unwrap_or_default();
        let mut known = Categories::default();
        known.learn_dataset(&ids.dataset)?;
        Ok(Self {
            ids,
            labels: labels.to_vec(),
            waiting: BufWriter::new(tempfile::tempfile().context("a temporary file cannot be made")?),
            image_ids: Given::default(),
            annotation_ids: Given::default(),
            categories: known,
        })
    }

    /// Takes one sample.
    /// # Errors
    /// When its fields are broken, or it has no id.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let id: String = record.require("id", "it is the file_name in COCO")?;
        let mut objects = checked_objects(record)?;
        if let Some(dataset) = record.get::<Record>(DATASET)? {
            self.categories.learn_dataset(&dataset)?;
            if self.ids.dataset.names().next().is_none() {
                self.ids.dataset = dataset;
            }
        }
        let image = self.image(record, &id)?;
        for object in &mut objects {
            self.categories.learn(object.label.clone(), object.extra.get("category_id"));
            if object.extra.get("id").is_some_and(|id| !self.annotation_ids.take(id)) {
                object.extra.remove("id");
            }
        }
        serde_json::to_writer(&mut self.waiting, &Waiting { image, objects })?;
        Ok(self.waiting.write_all(b"\n")?)
    }

    /// The entry of `images`, with an id if one is known and free.
    fn image(&mut self, record: &Record, id: &str) -> Result<Record> {
        let image_id = self.ids.image(record)?.filter(|id| self.image_ids.take(id));
        let mut image = Record::default();
        image.set("id", &image_id)?;
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

    /// Writes the file to `output`; what the user should know.
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(mut self, output: &mut dyn Write) -> Result<Vec<String>> {
        let mut file = self.waiting.into_inner().context("a temporary file cannot be written")?;
        self.labels.iter().for_each(|label| self.categories.learn(label.clone(), None));
        let (categories, numbers) = self.categories.finish(&self.ids.dataset, &self.labels)?;
        let dataset = self.ids.dataset;
        output.write_all(b"{")?;
        for name in dataset.names().filter(|name| *name != "categories") {
            writeln!(output, "{}:{},", Value::from(name), dataset.raw(name).unwrap_or("null"))?;
        }
        output.write_all(b"\"images\":[")?;
        let mut next = self.image_ids.next();
        each(&mut file, |sample, first| {
            let mut image = sample.image;
            give(&mut image, &mut next)?;
            write_item(output, first, &image)
        })?;
        output.write_all(b"],\n\"annotations\":[")?;
        let (mut next, mut next_annotation) = (self.image_ids.next(), self.annotation_ids.next());
        let mut first = true;
        each(&mut file, |mut sample, _| {
            give(&mut sample.image, &mut next)?;
            let image_id = sample.image.get::<Value>("id")?.unwrap_or_default();
            for object in sample.objects {
                let category = numbers.get(&object.label).cloned().unwrap_or_default();
                write_item(output, first, &annotation(object, &image_id, category, &mut next_annotation)?)?;
                first = false;
            }
            Ok(())
        })?;
        output.write_all(b"],\n\"categories\":")?;
        serde_json::to_writer(&mut *output, &categories)?;
        output.write_all(b"}\n")?;
        let notes = [self.image_ids.notes("pictures"), self.annotation_ids.notes("objects")];
        Ok(notes.into_iter().flatten().collect())
    }
}

/// The name that a COCO file came with; else the id if it looks like a file, else the picture's own.
fn file_name(record: &Record, id: &str) -> Result<String> {
    let image = record.image()?.filter(|image| !image.starts_with("data:")).unwrap_or_else(|| id.to_owned());
    if image == id || image.ends_with(&format!("/{id}")) {
        return Ok(id.to_owned());
    }
    Ok(Path::new(&image).file_name().and_then(|name| name.to_str()).unwrap_or(id).to_owned())
}

/// Hands all waiting samples to `work`, with whether it is the first.
fn each(file: &mut File, mut work: impl FnMut(Waiting, bool) -> Result<()>) -> Result<()> {
    file.rewind()?;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        work(serde_json::from_str(&line?)?, index == 0)?;
    }
    Ok(())
}

fn write_item(output: &mut dyn Write, first: bool, item: &impl Serialize) -> Result<()> {
    output.write_all(if first { b"\n" } else { b",\n" })?;
    Ok(serde_json::to_writer(output, item)?)
}

/// The next free number, if the image has no id.
fn give(image: &mut Record, next: &mut u64) -> Result<()> {
    if !image.has("id") {
        image.set("id", next)?;
        *next += 1;
    }
    Ok(())
}

fn annotation(mut object: Object, image_id: &Value, category: Value, next: &mut u64) -> Result<Map<String, Value>> {
    let segmentation = segmentation(&mut object)?;
    let id = object.extra.shift_remove("id").unwrap_or_else(|| {
        *next += 1;
        Value::from(*next - 1)
    });
    object.extra.shift_remove("category_id");
    let area = match (object.area, &object.mask) {
        (Some(area), _) => area,
        (None, Some(mask)) => masks::area(mask)? as f64,
        (None, None) => object.bbox.area(),
    };
    let bbox = object.bbox;
    // xyxy -> xywh
    let width = shortest(bbox.width(), |width| bbox.x1 + width == bbox.x2);
    let height = shortest(bbox.height(), |height| bbox.y1 + height == bbox.y2);
    let mut annotation = Map::new();
    annotation.insert("id".to_owned(), id);
    annotation.insert("image_id".to_owned(), image_id.clone());
    annotation.insert("category_id".to_owned(), category);
    annotation.insert("bbox".to_owned(), json!([bbox.x1, bbox.y1, width, height]));
    annotation.insert("area".to_owned(), json!(area));
    annotation.insert("iscrowd".to_owned(), json!(u8::from(object.crowd)));
    if object.difficult {
        annotation.insert("difficult".to_owned(), json!(1));
    }
    if let Some(segmentation) = segmentation {
        annotation.insert("segmentation".to_owned(), segmentation);
    }
    let reserved = object.extra.shift_remove("coco");
    annotation.extend(object.extra);
    if let Some(Value::Object(reserved)) = reserved {
        annotation.extend(reserved);
    }
    Ok(annotation)
}

/// The polygons while they still make the mask, else the mask.
fn segmentation(object: &mut Object) -> Result<Option<Value>> {
    let kept = object.extra.shift_remove("segmentation");
    let Some(mask) = &object.mask else { return Ok(kept) };
    if let Some(kept) = kept
        && let Some(polygons) = polygons(&kept)
        && masks::from_polygons(&polygons, mask.size[1], mask.size[0])? == *mask
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
    highest: u64,
    refused: usize,
}

impl Given {
    /// May this id be used?
    fn take(&mut self, id: &Value) -> bool {
        let mut hasher = DefaultHasher::new();
        id.to_string().hash(&mut hasher);
        let free = self.taken.insert(hasher.finish());
        self.refused += usize::from(!free);
        self.highest = self.highest.max(id.as_u64().unwrap_or(0));
        free
    }

    /// The first number above all.
    fn next(&self) -> u64 {
        self.highest + 1
    }

    fn notes(&self, what: &str) -> Option<String> {
        let count = self.refused;
        (count > 0).then(|| format!("{count} {what} had a COCO id that another had before; they were given new ones"))
    }
}

/// Names and ids of the categories, as far as the records tell.
#[derive(Default)]
pub(super) struct Categories {
    ids: HashMap<String, Value>,
    taken: HashMap<String, String>,
    without: BTreeSet<String>,
}

impl Categories {
    pub(super) fn learn_dataset(&mut self, dataset: &Record) -> Result<()> {
        for (name, id) in categories(dataset)? {
            self.learn(name, Some(&id));
        }
        Ok(())
    }

    /// The first id that a label comes with stays; an id belongs to the first label that comes with it.
    pub(super) fn learn(&mut self, label: String, id: Option<&Value>) {
        if self.ids.contains_key(&label) {
            return;
        }
        match id {
            Some(id) if !self.taken.contains_key(&id.to_string()) => {
                self.without.remove(&label);
                self.taken.insert(id.to_string(), label.clone());
                self.ids.insert(label, id.clone());
            }
            _ => drop(self.without.insert(label)),
        }
    }

    /// The id of a label, if it came with one.
    pub(super) fn get(&self, label: &str) -> Option<&Value> {
        self.ids.get(label)
    }

    /// The entries of `categories`, by id, and the id of each label. Labels without one get the numbers after the
    /// highest: those of `order` first, then the rest by name.
    fn finish(mut self, dataset: &Record, order: &[String]) -> Result<(Vec<Record>, HashMap<String, Value>)> {
        let entries = dataset.get::<Vec<Record>>("categories")?.unwrap_or_default();
        let mut next = 1 + self.ids.values().filter_map(Value::as_u64).max().unwrap_or(0);
        let mut unnumbered: Vec<&String> = order.iter().filter(|label| self.without.contains(*label)).collect();
        unnumbered.extend(self.without.iter().filter(|label| !order.contains(label)));
        for label in unnumbered {
            self.ids.entry(label.clone()).or_insert_with(|| {
                next += 1;
                Value::from(next - 1)
            });
        }
        let known: HashSet<String> =
            entries.iter().map(|entry| entry.require("name", "a category has it")).collect::<Result<_>>()?;
        let mut added: Vec<_> = self.ids.iter().filter(|(name, _)| !known.contains(*name)).collect();
        added.sort_by_key(|(name, id)| (id.as_u64(), *name));
        let mut all = entries;
        for (name, id) in added {
            let mut entry = Record::default();
            entry.set("id", id)?;
            entry.set("name", name)?;
            all.push(entry);
        }
        Ok((all, self.ids))
    }
}
