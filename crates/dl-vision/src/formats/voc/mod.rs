//! Pascal VOC: one XML file per image.
//!
//! The layout is that of the VOC devkit (Everingham et al. 2010): `JPEGImages/NAME.jpg`, `Annotations/NAME.xml`, and
//! `ImageSets/Main/SPLIT.txt` with one NAME per line. VOC boxes are 1-based and inclusive pixels, so
//! `[xmin, ymin, xmax, ymax]` becomes `[xmin - 1, ymin - 1, xmax, ymax]`; a box with xmin = xmax is one pixel wide.
//! Annotation programs use other folder names or put all files into one folder: see [`layout`].
//!
//! The lists of one class (`cat_train.txt`) have a second column: 1 if the image has the class, -1 if not, 0 if only as
//! difficult objects. Only the names with a 1 are read. A name that ends like such a line (`cell 1`) is read as a name
//! if its annotation or image exists.
//!
//! The id of a sample is its NAME. Coordinates may be fractional: those of other formats are written unchanged.

mod layout;
mod read;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::file::{Spool, write_inside};
use dl_record::{BBox, Object, Record};
use serde_json::{Map, Value};

use super::files::last_part;
use super::placing::{ImageFiles, Names, Taken, place};
use super::skipped::Skipped;
use super::xml::Element;
use super::{IMAGE_LABEL, checked_objects, number, size_of};

pub use read::read;

/// Options for writing a VOC folder.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the list in `ImageSets/Main`.
    pub split: String,
    /// What to do with the image files.
    pub images: ImageFiles,
}

/// Writes records as a VOC folder.
pub struct Writer {
    folder: PathBuf,
    config: Config,
    names: Names,
    list: Spool,
    skipped: Skipped,
}

impl Writer {
    /// Starts writing to `folder`, which is created. Other files in it are kept.
    /// # Errors
    /// When the folder cannot be created, or a folder in it is a symlink.
    pub fn new(folder: &Path, config: Config) -> Result<Self> {
        for part in ["Annotations", "ImageSets", "ImageSets/Main", "JPEGImages"] {
            let part = folder.join(part);
            if part.is_symlink() {
                bail!("{}: is a symlink, and symlinks are not followed for writing", part.display());
            }
        }
        for part in ["Annotations", "ImageSets/Main", "JPEGImages"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("{}: cannot be created", part.display()))?;
        }
        let list = Spool::new()?;
        Ok(Self { folder: folder.to_owned(), config, names: Names::default(), list, skipped: Skipped::default() })
    }

    /// Writes one sample: its annotation and, if configured, its image.
    /// # Errors
    /// When the record has no id, its objects are invalid, or a file cannot be written. A missing image is an error
    /// too, after the annotation has been written; but if another image has its name, so may another annotation, and
    /// nothing is written.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let objects = checked_objects(record)?;
        let voc = record.get::<Map<String, Value>>("voc")?.unwrap_or_default();
        let size = size_of(record)?;
        let name = self.names.name(record)?;
        let mut root = root(&voc, &name, size);
        if record.id()?.as_deref() != Some(&name) {
            root.children.push(Element::leaf("record_id", record.id()?.unwrap_or_default()));
        }
        for object in &objects {
            root.children.push(element(object, &mut self.skipped));
        }
        if record.label()?.is_some() {
            self.skipped.add(IMAGE_LABEL);
        }
        // Reports what XML cannot contain before the image is copied.
        root.to_document()?;
        let placed = place(record, &self.folder, Path::new("JPEGImages"), &name, self.config.images);
        if placed.as_ref().is_err_and(|error| error.is::<Taken>()) {
            return placed.map(drop);
        }
        if let Ok(Some(file_name)) = &placed
            && !voc.contains_key("filename")
            && let Some(stated) = root.children.iter_mut().find(|child| child.name == "filename")
        {
            last_part(file_name).clone_into(&mut stated.text);
        }
        let document = root.to_document()?;
        let file = format!("Annotations/{name}.xml");
        write_inside(&self.folder, Path::new(&file), |output| Ok(output.write_all(document.as_bytes())?))?;
        writeln!(self.list, "{name}")?;
        placed.map(drop)
    }

    /// Writes the list of the split, and returns notes for the user.
    /// # Errors
    /// When the list cannot be written.
    pub fn finish(self) -> Result<Vec<String>> {
        let mut list = self.list.into_reader()?;
        let file = format!("ImageSets/Main/{}.txt", self.config.split);
        write_inside(&self.folder, Path::new(&file), |output| Ok(std::io::copy(&mut list, output).map(drop)?))?;
        Ok(Vec::from_iter(self.skipped.fields("VOC")))
    }
}

/// The annotation without its objects, with the elements that VOC's own programs expect.
fn root(voc: &Map<String, Value>, name: &str, size: Option<(u32, u32)>) -> Element {
    let mut root = Element::leaf("annotation", "");
    root.fill(voc);
    if root.child("filename").is_none() {
        // The name alone: the folder is in the list.
        let file_name = format!("{}.jpg", last_part(name));
        root.children.insert(usize::from(root.child("folder").is_some()), Element::leaf("filename", file_name));
    }
    if let Some((width, height)) = size {
        let at = root.children.iter().position(|child| child.name == "size").unwrap_or_else(|| {
            let before = root.children.iter().position(|child| child.name == "segmented");
            let at = before.unwrap_or(root.children.len());
            root.children.insert(at, Element::leaf("size", ""));
            at
        });
        let sides = [("width", width), ("height", height)];
        root.children[at].children.splice(0..0, sides.map(|(name, side)| Element::leaf(name, side.to_string())));
    }
    if root.child("segmented").is_none() && voc.is_empty() {
        root.children.push(Element::leaf("segmented", "0"));
    }
    root
}

fn element(object: &Object, skipped: &mut Skipped) -> Element {
    let mut element = Element::leaf("object", "");
    let mut add = |name: &str, text: String| element.children.push(Element::leaf(name, text));
    add("name", object.label.clone());
    for name in ["pose", "truncated", "occluded"] {
        if let Some(value) = object.extra.get(name) {
            add(name, Element::from_json(name, value).text);
        }
    }
    let rest = object.extra.get("voc").and_then(Value::as_object);
    if rest.is_none_or(|rest| !rest.contains_key("difficult")) {
        add("difficult", u8::from(object.difficult).to_string());
    }
    let BBox { x1, y1, x2, y2 } = object.bbox;
    // continuous -> 1-based, inclusive
    let [xmin, ymin] = [x1, y1].map(|edge| number::shortest(edge + 1.0, |corner| corner - 1.0 == edge));
    let corners = [("xmin", xmin), ("ymin", ymin), ("xmax", x2), ("ymax", y2)];
    let mut bndbox = Element::leaf("bndbox", "");
    bndbox.children = corners.map(|(name, edge)| Element::leaf(name, number::text(edge))).into();
    element.children.push(bndbox);
    if let Some(rest) = rest {
        element.fill(rest);
    }
    let known = |name: &&String| !["pose", "truncated", "occluded", "voc"].contains(&name.as_str());
    object.extra.keys().filter(known).for_each(|name| skipped.add(name));
    for (name, is_there) in [("crowd", object.crowd), ("area", object.area.is_some()), ("mask", object.mask.is_some())]
    {
        if is_there {
            skipped.add(name);
        }
    }
    element
}
