//! Writes records as a YOLO folder: `images/`, `labels/` and `data.yaml`.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::file::write_inside;
use dl_record::{Object, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clip::{clip_box, clip_polygon};
use super::layout::VALIDATION;
use super::names::{self, NO_SPLITS, in_yaml};
use super::yaml::{Document, Value as Node};
use super::{DATASET, Dataset};
use crate::formats::placing::{ImageFiles, Names, place};
use crate::formats::skipped::Skipped;
use crate::formats::spooled::Spooled;
use crate::formats::{IMAGE_LABEL, coco, files, size_of};

/// Options for writing a YOLO folder.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Name of the folder below `images` and `labels`, if any.
    pub split: Option<String>,
    /// The class names in order. If empty: those of an existing `data.yaml`, else those that came with the records
    /// (from YOLO or COCO), else the labels of the records, sorted by name.
    pub names: Vec<String>,
    /// Write objects that have one polygon as polygons.
    pub polygons: bool,
    /// What to do with the image files.
    pub images: ImageFiles,
}

/// Writes records as a YOLO folder. Class numbers are known only after all records have been read, so the annotations
/// wait in a temporary file.
pub struct Writer {
    folder: PathBuf,
    config: Config,
    file_names: Names,
    names: Vec<String>,
    labels: BTreeSet<String>,
    waiting: Spooled<Waiting>,
    skipped: Skipped,
    clipped: usize,
}

/// The annotations of a sample, without class numbers.
#[derive(Serialize, Deserialize)]
struct Waiting {
    name: String,
    /// Labels, and the rest of each line after the class.
    objects: Vec<(String, String)>,
}

impl Writer {
    /// Starts writing to `folder`, which is created. Other files in it are kept.
    /// # Errors
    /// When the folder cannot be created, has a `data.yaml` that cannot be read, or a class name is invalid.
    pub fn new(folder: &Path, config: Config) -> Result<Self> {
        let split = config.split.as_deref().unwrap_or_default();
        if NO_SPLITS.contains(&split) {
            bail!("\"{split}\" has another meaning in data.yaml; give the split another name");
        }
        let yaml = folder.join("data.yaml");
        let names = if yaml.exists() {
            existing_names(folder, &yaml, &config.names).with_context(|| yaml.display().to_string())?
        } else {
            config.names.clone()
        };
        config.names.iter().try_for_each(|name| check_name(name))?;
        for part in ["images", "labels"] {
            let (part, inside) = (folder.join(part), folder.join(part).join(split));
            if let Some(link) = [&part, &inside].into_iter().find(|path| path.is_symlink()) {
                bail!("{}: is a symlink, and symlinks are not followed for writing", link.display());
            }
            let part = inside;
            fs::create_dir_all(&part).with_context(|| format!("{}: cannot be created", part.display()))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            config,
            file_names: Names::default(),
            names,
            labels: BTreeSet::new(),
            waiting: Spooled::new()?,
            skipped: Skipped::default(),
            clipped: 0,
        })
    }

    /// Adds one sample and puts its image in place. Objects are clipped to the image. Returns a reason for each skipped
    /// object.
    /// # Errors
    /// When the record has no id, its objects are invalid, or the image or its size cannot be found.
    pub fn write(&mut self, record: &Record) -> Result<Vec<String>> {
        let objects = record.objects()?.unwrap_or_default();
        if self.names.is_empty() {
            let names = names_of_record(record)?;
            // A class without a name has an empty one.
            names.iter().filter(|name| !name.is_empty()).try_for_each(|name| check_name(name))?;
            self.names = names;
        }
        let is_image = record.image()?.is_some();
        let size = size_of(record)?.context(if is_image {
            "the image cannot be read, and boxes are fractions of its size"
        } else {
            "the record has neither an image nor width and height, and boxes are fractions of the image size"
        })?;
        if size.0 == 0 || size.1 == 0 {
            bail!("the image has no pixels, and boxes are fractions of its size");
        }
        let mut name = self.file_names.name(record)?;
        if let Some(inside) = self.config.split.as_ref().and_then(|split| name.strip_prefix(&format!("{split}/"))) {
            name = inside.to_owned();
        }
        let images = Path::new("images").join(self.config.split.as_deref().unwrap_or_default());
        place(record, &self.folder, &images, &name, self.config.images)?;
        if record.label()?.is_some() {
            self.skipped.add(IMAGE_LABEL);
        }
        let mut waiting = Waiting { name, objects: Vec::with_capacity(objects.len()) };
        let mut lost = Vec::new();
        for (index, object) in objects.into_iter().enumerate() {
            let checked = check_name(&object.label).and_then(|()| self.check_known(&object.label));
            match checked.and_then(|()| self.numbers(&object, size)) {
                Ok(numbers) => {
                    count_unsupported(&object, self.config.polygons, &mut self.skipped);
                    self.labels.insert(object.label.clone());
                    waiting.objects.push((object.label, numbers));
                }
                Err(error) => lost.push(format!("object {index}: {error:#}; skipped")),
            }
        }
        self.waiting.push(&waiting)?;
        Ok(lost)
    }

    /// Is the label one of the class names, if these are known?
    fn check_known(&self, label: &str) -> Result<()> {
        let is_known =
            self.names.is_empty() || self.labels.contains(label) || self.names.iter().any(|name| name == label);
        if !is_known {
            let first: Vec<&str> = self.names.iter().take(10).map(String::as_str).collect();
            let more = if self.names.len() > first.len() { ", ..." } else { "" };
            bail!("the label {label:?} is not one of the class names: {}{more}", first.join(", "));
        }
        Ok(())
    }

    /// The numbers after the class in the object's line.
    fn numbers(&mut self, object: &Object, size: (u32, u32)) -> Result<String> {
        object.bbox.check()?;
        let (w, h) = (f64::from(size.0), f64::from(size.1));
        let polygon = polygon_of(object).filter(|_| self.config.polygons);
        if let Some(polygon) = polygon.and_then(|polygon| clip_polygon(&polygon, w, h)) {
            self.clipped += usize::from(polygon.cut);
            let parts = polygon.inside.chunks_exact(2).flat_map(|point| [point[0] / w, point[1] / h]);
            return Ok(text_of(parts));
        }
        let clipped = clip_box(object.bbox, w, h).context("it is outside the image")?;
        self.clipped += usize::from(clipped.cut);
        // Corners in pixels -> normalized center and size
        let (x, y) = clipped.inside.center();
        Ok(text_of([x / w, y / h, clipped.inside.width() / w, clipped.inside.height() / h].into_iter()))
    }

    /// Writes the annotations and `data.yaml`, and returns notes for the user.
    /// # Errors
    /// When a label is not one of the given names, or a file cannot be written.
    pub fn finish(mut self) -> Result<Vec<String>> {
        if self.names.is_empty() {
            self.names = self.labels.iter().cloned().collect();
        }
        let mut classes = HashMap::new();
        for (class, name) in self.names.iter().enumerate() {
            classes.entry(name.as_str()).or_insert(class);
        }
        if let Some(unknown) = self.labels.iter().find(|label| !classes.contains_key(label.as_str())) {
            bail!("the label \"{unknown}\" is not one of the class names: {}", self.names.join(", "));
        }
        let labels = Path::new("labels").join(self.config.split.as_deref().unwrap_or_default());
        self.waiting.close()?.each(|waiting, _| {
            let mut text = String::new();
            for (label, numbers) in &waiting.objects {
                let class = classes.get(label.as_str()).copied().unwrap_or_default();
                text.push_str(&format!("{class}{numbers}\n"));
            }
            let name = labels.join(format!("{}.txt", waiting.name));
            write_inside(&self.folder, &name, |output| Ok(output.write_all(text.as_bytes())?))
        })?;
        let yaml = data_yaml(&self.folder, &self.names)?;
        write_inside(&self.folder, Path::new("data.yaml"), |output| Ok(output.write_all(yaml.as_bytes())?))?;
        let mut notes = Vec::from_iter(self.skipped.fields("YOLO"));
        if self.clipped > 0 {
            notes.push(format!("{} objects extend outside their image and are clipped to it", self.clipped));
        }
        Ok(notes)
    }
}

/// The class names of an existing `data.yaml`, which number the existing labels.
/// # Errors
/// When they are not those in `requested`, or the file has more than [`data_yaml`] writes, which would be lost.
fn existing_names(folder: &Path, yaml: &Path, requested: &[String]) -> Result<Vec<String>> {
    let names = in_yaml(folder, yaml)?.names.context("it has no `names`, the list of class names")?;
    if !requested.is_empty() && requested != names {
        bail!(
            "its classes are {}, and the existing labels would change their meaning; omit --labels, or name an empty \
             folder",
            names.join(", ")
        );
    }
    let document = Document::parse(&names::text_of(yaml)?)?;
    let is_ours = |value: &str| value == "images" || value.starts_with("images/");
    let more: Vec<&str> = (document.root().and_then(Node::map).into_iter().flatten())
        .filter(|(key, value)| key.text() != Some("names") && !value.text().is_some_and(is_ours))
        .filter_map(|(key, _)| key.text())
        .take(5)
        .collect();
    if !more.is_empty() {
        bail!("it also has {}, which would be lost; move it away, or name an empty folder", more.join(", "));
    }
    Ok(names)
}

/// Can the label be a class name?
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        bail!("its label is empty");
    }
    // YAML readers treat the last two as line breaks.
    if name.contains(|c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c)) {
        bail!("the label {name:?} has a control character, which data.yaml does not allow in class names");
    }
    Ok(())
}

/// The class names that came with the first record, in order.
fn names_of_record(record: &Record) -> Result<Vec<String>> {
    if let Some(dataset) = record.get::<Dataset>(DATASET)? {
        return Ok(dataset.names);
    }
    coco::category_names(record)
}

fn polygon_of(object: &Object) -> Option<Vec<f64>> {
    let polygons = object.extra.get("segmentation")?.as_array()?;
    let [Value::Array(polygon)] = &polygons[..] else { return None };
    polygon.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>().filter(|polygon| polygon.len() >= 6)
}

/// Numbers from 0 to 1, each after a space.
fn text_of(parts: impl Iterator<Item = f64>) -> String {
    let mut line = String::new();
    for part in parts {
        // 12 decimals are exact to a millionth of a pixel. Adding 0 turns -0 into 0.
        let text = format!("{:.12}", part.clamp(0.0, 1.0) + 0.0);
        line.push(' ');
        line.push_str(text.trim_end_matches('0').trim_end_matches('.'));
    }
    line
}

/// Counts the fields of an object that a label file cannot store.
fn count_unsupported(object: &Object, polygons: bool, skipped: &mut Skipped) {
    let written = polygons && polygon_of(object).is_some();
    let is_polygon = |name: &str| written && ["segmentation", "mask"].contains(&name);
    object.extra.keys().filter(|name| !is_polygon(name)).for_each(|name| skipped.add(name));
    let known = [
        ("difficult", object.difficult),
        ("crowd", object.crowd),
        ("area", object.area.is_some()),
        ("mask", object.mask.is_some()),
    ];
    for (name, is_there) in known {
        if is_there && !is_polygon(name) {
            skipped.add(name);
        }
    }
}

/// The contents of `data.yaml` for Ultralytics' programs: the existing splits, and the names.
fn data_yaml(folder: &Path, names: &[String]) -> Result<String> {
    let mut yaml = String::new();
    let mut splits = files::entries(&folder.join("images"))?;
    splits.reverse();
    splits.retain(|split| split.is_dir());
    for split in splits.iter().filter_map(|split| split.file_name()?.to_str()).filter(|name| !NO_SPLITS.contains(name))
    {
        // Ultralytics' programs accept only `val` as the key of the validation split.
        let key = if VALIDATION.contains(&split) && !folder.join("images/val").is_dir() { "val" } else { split };
        yaml.push_str(&format!("{}: {}\n", yaml_string(key), yaml_string(&format!("images/{split}"))));
    }
    if splits.is_empty() {
        yaml.push_str("train: images\nval: images\n");
    }
    yaml.push_str("names:\n");
    for (class, name) in names.iter().enumerate() {
        yaml.push_str(&format!("  {class}: {}\n", yaml_string(name)));
    }
    if names.is_empty() {
        yaml = yaml.replace("names:\n", "names: []\n");
    }
    Ok(yaml)
}

/// A JSON string is also a YAML string.
fn yaml_string(text: &str) -> String {
    Value::from(text).to_string()
}
