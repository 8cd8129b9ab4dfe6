//! Reads a COCO file into records.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{Object, Record};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::DATASET;
use super::document::{Document, Images, Place};
use super::few::{self, Counted, counted};
use super::fields::{Annotation, Entry, Field, Id, Image};
use super::json::Json;
use super::labels::Labels;
use super::outline::{NoMask, area_of, corners, keep_bbox, to_record};
use crate::formats::files::{as_text, require_folder};
use crate::formats::spooled::too_deep;
use crate::formats::{Found, Sample, add_size};

/// Fields of an annotation that become other fields of an object, or follow from its location.
const TAKEN: [&str; 5] = ["image_id", "bbox", "area", "iscrowd", "difficult"];
/// Fields of an object that may mean something else in an annotation; they are kept in the object's `coco`.
const RESERVED: [&str; 4] = ["box", "label", "mask", "crowd"];

/// Reads the COCO file at `path` with images in `folder`; see [`CocoFile`].
/// # Errors
/// As [`CocoFile::open`] and [`CocoFile::samples`].
pub fn read(path: &Path, folder: &Path) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    require_folder(folder)?;
    CocoFile::open(path)?.samples(folder)
}

/// A COCO file opened for conversion to records. Its text is held in memory.
pub struct CocoFile {
    json: Json,
    path: PathBuf,
    rest: Record,
    /// The text range of each entry of `images`.
    images: Vec<Range<usize>>,
    /// The text range of each entry of `annotations`.
    annotations: Vec<Range<usize>>,
    known: Images,
    labels: Labels,
    /// The categories that annotations use.
    used: HashSet<Id>,
    /// Indices into `annotations`, by image.
    by_image: HashMap<Id, Vec<u32>>,
    lost: Vec<String>,
}

/// The fields that link the lists.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    id: Field<Id>,
    image_id: Field<Id>,
    category_id: Field<Id>,
}

impl CocoFile {
    /// Reads the file at `path`.
    /// # Errors
    /// When it cannot be read or is not a COCO file, or one id is used for two categories. The message names the path.
    pub fn open(path: &Path) -> Result<Self> {
        let json = Json::open(path)?;
        Self::of(json, path).with_context(|| path.display().to_string())
    }

    fn of(json: Json, path: &Path) -> Result<Self> {
        let document: Document<&RawValue, &RawValue> = json.parse()?;
        let places = |entries: &[&RawValue]| -> Vec<Range<usize>> {
            let start = |entry: &RawValue| entry.get().as_ptr() as usize - json.text().as_ptr() as usize;
            entries.iter().map(|entry| start(entry)..start(entry) + entry.get().len()).collect()
        };
        let (images, annotations) = (places(document.images()?), places(&document.annotations));
        let entries: Vec<Image> =
            document.images()?.iter().map(|image| entry(image.get()).unwrap_or_default()).collect();
        let known = Images::new(entries.iter());
        let mut by_image: HashMap<Id, Vec<u32>> = HashMap::new();
        let mut used = HashSet::new();
        let mut lost = Lost::default();
        for (index, annotation) in document.annotations.iter().enumerate() {
            let links: Links = match entry(annotation.get()) {
                Ok(links) => links,
                Err(error) => {
                    lost.one(format!("annotations[{index}]: {error:#}"));
                    continue;
                }
            };
            let image = match links.image_id.required("image_id") {
                Ok(image) => image.clone(),
                Err(error) => {
                    lost.one(format!("{}: {error:#}", title(&links.id, index)));
                    continue;
                }
            };
            if known.contains(&image) {
                by_image.entry(image).or_default().push(u32::try_from(index)?);
            } else {
                lost.orphans.add(&image);
            }
            used.extend(links.category_id.good());
        }
        let labels = Labels::new(&document.categories, &used)?;
        let (rest, path) = (document.rest, path.to_owned());
        Ok(Self { json, path, rest, images, annotations, known, labels, used, by_image, lost: lost.reasons() })
    }

    /// The labels of its categories.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The file without its images and annotations.
    pub(super) fn rest(&self) -> &Record {
        &self.rest
    }

    /// The categories that annotations use.
    pub(super) fn used(&self) -> &HashSet<Id> {
        &self.used
    }

    /// COCO's image ids by record id.
    pub(super) fn image_ids(&mut self) -> HashMap<String, Id> {
        let mut ids = HashMap::with_capacity(self.images.len());
        for (index, place) in self.images.iter().enumerate() {
            let Ok(image) = entry::<Image>(&self.json.text()[place.clone()]) else { continue };
            let place = self.known.place(index, &image);
            if let Place::Again(_) = place {
                continue;
            }
            if let Some(name) = self.known.record_id(&image)
                && let Some(id) = image.id.good()
                && place == Place::Own
            {
                ids.insert(name, id);
            }
        }
        ids
    }

    /// The records, one per image, with images in `folder`. An image with invalid annotations gives a sample without
    /// them.
    /// # Errors
    /// When `folder` is not a folder.
    pub fn samples(self, folder: &Path) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
        require_folder(folder)?;
        let mut samples = Samples { folder: folder.to_owned(), notes: Notes::default(), file: self };
        let mut next = 0;
        let mut end = None;
        Ok(std::iter::from_fn(move || {
            while next < samples.file.images.len() {
                next += 1;
                if let Some(found) = samples.sample(next - 1).transpose() {
                    return Some(found);
                }
            }
            end.get_or_insert_with(|| samples.end().into_iter()).next().map(Ok)
        }))
    }
}

/// Iterates over the entries of `images`.
struct Samples {
    file: CocoFile,
    folder: PathBuf,
    notes: Notes,
}

/// Counts that are reported at the end.
#[derive(Default)]
struct Notes {
    /// Images whose file name an earlier image has.
    renamed: Counted,
    unknown_categories: Counted,
    /// Annotations whose segmentation gives no mask, by reason.
    without_mask: BTreeMap<&'static str, Counted>,
}

impl Samples {
    /// The sample of one entry; `None` for a duplicate entry.
    fn sample(&mut self, index: usize) -> Result<Option<Found>> {
        let place = format!("{}: images[{index}]", self.file.path.display());
        let text = &self.file.json.text()[self.file.images[index].clone()];
        let mut record = Record::default();
        let mut lost = Vec::new();
        let failure = match entry::<Image>(text) {
            Ok(image) => {
                if let Place::Again(first) = self.file.known.place(index, &image) {
                    let note = format!("{place} is the same image as images[{first}]; skipped");
                    return Ok(Some(Found::Note(note)));
                }
                let entry = Record::parse(text)?;
                let fill = |record: &mut Record| -> Result<()> {
                    self.head(record, &image, entry, index, &mut lost)?;
                    self.add_objects(record, &image, &mut lost)
                };
                fill(&mut record).err()
            }
            Err(error) => Some(error),
        };
        if !record.has("id") {
            record.set_id(&place)?;
        }
        if self.file.rest.names().next().is_some() {
            record.set(DATASET, &std::mem::take(&mut self.file.rest))?;
        }
        Ok(Some(Sample { place, record, failure, lost }.into()))
    }

    /// Everything but the objects.
    fn head(
        &mut self,
        record: &mut Record,
        image: &Image,
        mut entry: Record,
        index: usize,
        lost: &mut Vec<String>,
    ) -> Result<()> {
        let id = match &image.id {
            Field::Good(id) => format!(" (id {id})"),
            _ => String::new(),
        };
        let Some(path) = image.path() else { bail!("the image{id} has no file_name") };
        if let Some(name) = self.file.known.record_id(image) {
            if let Field::Good(id) = &image.id
                && image.name().is_some_and(|own| own != name)
            {
                self.notes.renamed.add(id);
            }
            record.set_id(&name)?;
        } else {
            bail!("the file name \"{path}\" is used twice, and nothing else distinguishes the images");
        }
        let mut location = locate(&self.folder, path);
        // LVIS has only the URL; the folder may be the one that the URL names or its parent.
        if !matches!(&image.file_name, Field::Good(name) if !name.is_empty())
            && let Some((_, file)) = path.rsplit_once('/')
            && !location.exists()
            && self.folder.join(file).exists()
        {
            location = self.folder.join(file);
        }
        record.set_image(&as_text(&location)?)?;
        for (name, size) in [("width", &image.width), ("height", &image.height)] {
            if let Err(error) = size.optional(name) {
                lost.push(format!("the {error:#}; ignored"));
            }
        }
        if let Some([height, width]) = image.size() {
            record.set_width(&width)?;
            record.set_height(&height)?;
        }
        entry.retain(|name| !["file_name", "record_id", "width", "height"].contains(&name));
        let deep = |name: &&str| too_deep(entry.raw(name).unwrap_or_default());
        let deep: HashSet<String> = entry.names().filter(deep).map(str::to_owned).collect();
        if !deep.is_empty() {
            entry.retain(|name| !deep.contains(name));
            let deep: BTreeSet<String> = deep.into_iter().collect();
            lost.push(format!("fields of the image are nested too deeply and dropped: {}", few::list(&deep)));
        }
        add_size(record)?;
        record.set("coco", &entry)?;
        image.id.required("id").map_err(|error| anyhow!("annotations cannot refer to the image: {error:#}"))?;
        if self.file.known.place(index, image) == Place::Shared {
            bail!("another image has the same id{id}, so it is unknown which image the annotations belong to");
        }
        Ok(())
    }

    fn add_objects(&mut self, record: &mut Record, image: &Image, lost: &mut Vec<String>) -> Result<()> {
        let Field::Good(id) = &image.id else { return Ok(()) };
        let own = self.file.by_image.remove(id).unwrap_or_default();
        // The size in the file determines areas, as in an evaluation of the file itself.
        let sizes = (image.size(), record.height()?.zip(record.width()?).map(|(height, width)| [height, width]));
        let mut objects = Vec::with_capacity(own.len());
        for index in own {
            let index = index as usize;
            let text = &self.file.json.text()[self.file.annotations[index].clone()];
            let annotation: Annotation = match entry(text) {
                Ok(annotation) => annotation,
                Err(error) => {
                    lost.push(format!("annotations[{index}]: {error:#}; skipped"));
                    continue;
                }
            };
            let label = match annotation.category_id.required("category_id") {
                Ok(category) => match self.file.labels.get(category) {
                    Some(label) => label,
                    None => {
                        self.notes.unknown_categories.add(category);
                        continue;
                    }
                },
                Err(error) => {
                    lost.push(format!("{}: {error:#}; skipped", annotation.title(index)));
                    continue;
                }
            };
            match object(&annotation, text, label, sizes) {
                Ok((object, no_mask)) => {
                    objects.push(object);
                    match no_mask {
                        None | Some(NoMask::Absent) => {}
                        Some(NoMask::Broken(_)) => lost.push(format!(
                            "{}: {}; it has no mask",
                            annotation.title(index),
                            no_mask.unwrap_or(NoMask::Absent).reason()
                        )),
                        Some(NoMask::Empty) => self.notes.without_mask("an empty segmentation", &annotation, index),
                        Some(NoMask::FewPoints) => {
                            self.notes.without_mask("polygons of fewer than three points", &annotation, index);
                        }
                        Some(NoMask::UnknownSize) => {
                            self.notes.without_mask("polygons in an image of unknown size", &annotation, index);
                        }
                    }
                }
                Err(error) => lost.push(format!("{}: {error:#}; skipped", annotation.title(index))),
            }
        }
        record.set_objects(&objects)
    }

    /// What belongs to no image.
    fn end(&mut self) -> Vec<Found> {
        let file = self.file.path.display();
        let mut found = Vec::new();
        found.extend(self.file.lost.drain(..).map(|reason| Found::Lost(format!("{file}: {reason}"))));
        let notes = std::mem::take(&mut self.notes);
        let unknown = notes.unknown_categories.message(|count, ids| {
            let annotations = counted(count, "annotation is", "annotations are");
            format!("{file}: {annotations} of categories that are not in the file (id {ids}); skipped")
        });
        found.extend(unknown.map(Found::Lost));
        let renamed = notes.renamed.message(|count, ids| {
            let images = counted(count, "image has", "images have");
            format!("{file}: {images} the file name of another one; the id is added to the name (id {ids})")
        });
        found.extend(renamed.map(Found::Note));
        found.extend(self.file.labels.note().map(|note| Found::Note(format!("{file}: {note}"))));
        for (what, met) in &notes.without_mask {
            let note = met.message(|count, ids| {
                let annotations = counted(count, "annotation has", "annotations have");
                format!("{file}: {annotations} {what}, so no mask (id {ids})")
            });
            found.extend(note.map(Found::Note));
        }
        if self.file.images.is_empty() {
            found.push(Found::Lost(format!("{file}: the list of images is empty")));
        } else if self.file.annotations.is_empty() {
            found.push(Found::Note(format!("{file}: no annotations; all images are without objects")));
        }
        found
    }
}

impl Notes {
    fn without_mask(&mut self, what: &'static str, annotation: &Annotation, index: usize) {
        let id = match &annotation.id {
            Field::Good(id) => id.clone(),
            _ => Id::Text(annotation.title(index).into()),
        };
        self.without_mask.entry(what).or_default().add(&id);
    }
}

/// What is lost when the file is opened.
#[derive(Default)]
struct Lost {
    reasons: Vec<String>,
    orphans: Counted,
}

impl Lost {
    fn one(&mut self, reason: String) {
        self.reasons.push(format!("{reason}; skipped"));
    }

    fn reasons(mut self) -> Vec<String> {
        self.reasons.extend(self.orphans.message(|count, images| {
            let annotations = counted(count, "annotation is", "annotations are");
            format!("{annotations} of images that are not in the file (id {images}); skipped")
        }));
        self.reasons
    }
}

fn title(id: &Field<Id>, index: usize) -> String {
    Annotation { id: id.clone(), ..Annotation::default() }.title(index)
}

/// An entry of a list.
fn entry<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str::<Entry<T>>(text)?.good()
}

/// Where an image is. Paths written on Windows have `\` as separator, and absolute ones begin with a drive.
fn locate(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    if !name.contains('\\') || path.exists() {
        return path;
    }
    let parts: Vec<&str> = name.split(['\\', '/']).filter(|part| !part.is_empty()).collect();
    let below = |first: usize| parts[first..].iter().fold(folder.to_owned(), |path, part| path.join(part));
    let is_whole = name.starts_with('\\') || parts.first().is_some_and(|part| part.ends_with(':'));
    if !is_whole {
        return below(0);
    }
    // The folder may be any suffix of the path.
    let found = (parts.len().saturating_sub(8)..parts.len()).map(below).find(|path| path.exists());
    found.unwrap_or_else(|| below(parts.len().saturating_sub(1)))
}

/// The object of an annotation, and why it has no mask, if so. `sizes` are two [height, width] of the image: that of
/// the file, and the best known one.
fn object(
    annotation: &Annotation,
    text: &str,
    label: &str,
    (in_file, known): (Option<[u32; 2]>, Option<[u32; 2]>),
) -> Result<(Object, Option<NoMask>)> {
    let mut outline = annotation.outline(in_file, true)?;
    if outline.mask.as_ref().is_err_and(|reason| *reason == NoMask::UnknownSize) {
        outline.mask = annotation.outline(known, true)?.mask;
    }
    let mut object = Object {
        bbox: corners(&outline.bbox),
        label: label.to_owned(),
        crowd: outline.crowd,
        difficult: annotation.difficult.optional("difficult")?.copied().unwrap_or_default(),
        ..Object::default()
    };
    let no_mask = match outline.mask {
        Ok(drawn) => {
            object.mask = Some(to_record(drawn));
            None
        }
        Err(reason) => Some(reason),
    };
    let mut rest = Map::new();
    let annotation_record = Record::parse(text)?;
    for name in annotation_record.names().filter(|name| !TAKEN.contains(name)) {
        let text = annotation_record.raw(name).unwrap_or("null");
        // A mask contains everything in a run-length encoding.
        if name == "segmentation" && (text.starts_with('{') || text == "null" || too_deep(text)) {
            continue;
        }
        if too_deep(text) {
            bail!("its field \"{name}\" is nested too deeply");
        }
        let value: Value = serde_json::from_str(text).with_context(|| format!("field \"{name}\""))?;
        let place = if RESERVED.contains(&name) { &mut rest } else { &mut object.extra };
        place.insert(name.to_owned(), value);
    }
    if !rest.is_empty() {
        object.extra.insert("coco".to_owned(), Value::Object(rest));
    }
    keep_bbox(&mut object, &outline.bbox);
    // An area that is not in the file is omitted if it follows from the record.
    let is_given = matches!(annotation.area, Field::Good(_));
    if is_given || area_of(&object)? != outline.area {
        object.area = Some(outline.area);
    }
    Ok((object, no_mask))
}
