//! Pascal VOC: one XML file a picture.
//!
//! The layout is that of the VOC devkit (Everingham et al. 2010): `JPEGImages/NAME.jpg`, `Annotations/NAME.xml`, and
//! `ImageSets/Main/SPLIT.txt` with one NAME a line. VOC's boxes are 1-based pixels with both ends inside, so
//! `[xmin, ymin, xmax, ymax]` becomes `[xmin - 1, ymin - 1, xmax, ymax]`; a box with xmin = xmax is one pixel wide.
//!
//! The lists of one class (`cat_train.txt`) have a second column: 1 has the class, -1 has it not, 0 has it only as
//! difficult objects. Only the names with 1 are read. A name that ends like such a line (`cell 1`) is taken for a name
//! when its annotation or picture is there.
//!
//! The id of a sample is its NAME. Coordinates need not be whole: those of other formats are written as they are.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{BBox, Object, Record, write_atomically};
use serde_json::{Map, Value};

use super::files::{self, PICTURE_ENDINGS, as_text, want_folder};
use super::placing::{self, Names, Pictures, place};
use super::xml::Element;
use super::{Found, LeftOut, Sample, add_size, checked_objects, number, size_of};

/// VOC's tags of an object that are yes or no.
const FLAGS: [&str; 2] = ["truncated", "occluded"];

/// Reads the pictures of `splits` below `folder`, or all annotations in the order of their names when no split is
/// given. One picture is held at a time.
/// # Errors
/// When the folder or a split's list is not there. A picture that cannot be read is a sample with a failure.
pub fn read(folder: &Path, splits: &[String]) -> Result<Box<dyn Iterator<Item = Result<Found>>>> {
    want_folder(folder)?;
    let annotations = folder.join("Annotations");
    if !annotations.is_dir() {
        bail!(
            "{}: not a VOC folder, it has no Annotations/ (beside JPEGImages/ and ImageSets/Main/)",
            folder.display()
        );
    }
    let folder = folder.to_owned();
    if splits.is_empty() {
        let found = files::below(&annotations, &["xml"]);
        return Ok(Box::new(found.map(move |path| {
            let name = files::relative(&path?.with_extension(""), &annotations)?;
            sample(&folder, &name)
        })));
    }
    let lists = splits.iter().map(|split| open_list(&folder, split)).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(lists.into_iter().flat_map(move |(path, list)| {
        let folder = folder.clone();
        list.lines().filter_map(move |line| {
            let line = line.with_context(|| format!("{}: cannot be read", path.display()));
            line.map(|line| listed_name(&folder, &line)).transpose().map(|name| sample(&folder, &name?))
        })
    })))
}

fn open_list(folder: &Path, split: &str) -> Result<(PathBuf, BufReader<File>)> {
    let lists = folder.join("ImageSets/Main");
    let path = lists.join(format!("{split}.txt"));
    match File::open(&path) {
        Ok(file) => Ok((path, BufReader::new(file))),
        Err(error) => {
            let mut known: Vec<_> = files::entries(&lists).unwrap_or_default();
            known.retain(|path| files::has_ending(path, &["txt"]));
            let mut known: Vec<_> = known.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
            known.sort_unstable();
            Err(anyhow!("{}: {error}; the splits there are: {}", path.display(), known.join(", ")))
        }
    }
}

/// The name on a line of a list, if it is one to be read.
fn listed_name(folder: &Path, line: &str) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let whole = (!line.is_empty()).then(|| line.to_owned());
    let Some((name, flag @ ("1" | "-1" | "0"))) = line.rsplit_once([' ', '\t']) else { return whole };
    if annotation_path(folder, line).is_file() || picture_by_name(folder, line).is_some() {
        return whole;
    }
    (flag == "1").then(|| name.trim_end().to_owned())
}

fn annotation_path(folder: &Path, name: &str) -> PathBuf {
    folder.join("Annotations").join(format!("{name}.xml"))
}

fn picture_by_name(folder: &Path, name: &str) -> Option<PathBuf> {
    let pictures = folder.join("JPEGImages");
    let endings = PICTURE_ENDINGS.iter().flat_map(|ending| [(*ending).to_owned(), ending.to_uppercase()]);
    endings.map(|ending| pictures.join(format!("{name}.{ending}"))).find(|path| path.is_file())
}

fn sample(folder: &Path, name: &str) -> Result<Found> {
    let path = annotation_path(folder, name);
    let mut record = Record::default();
    record.set_id(&name.to_owned())?;
    let failure = read_annotation(&mut record, folder, name, &path).err();
    if !record.has("image") {
        record.set_image(&picture_path(folder, name, None)?)?;
    }
    Ok(Sample { place: path.display().to_string(), record, failure, lost: Vec::new() }.into())
}

fn read_annotation(record: &mut Record, folder: &Path, name: &str, path: &Path) -> Result<()> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!("no such annotation"),
        _ => anyhow!("cannot be read: {error}"),
    })?;
    let root = Element::parse(str::from_utf8(&bytes).context("not UTF-8")?)?;
    fill(record, root, |file_name| picture_path(folder, name, file_name))
}

/// The picture of that name; else the one that the annotation names; else where it ought to be.
fn picture_path(folder: &Path, name: &str, file_name: Option<&str>) -> Result<String> {
    let stated = file_name.map(|file_name| folder.join("JPEGImages").join(file_name));
    let found = picture_by_name(folder, name).or(stated.filter(|path| path.is_file()));
    as_text(&found.unwrap_or_else(|| folder.join("JPEGImages").join(format!("{name}.jpg"))))
}

/// Turns an annotation into the fields of a record.
fn fill(record: &mut Record, mut root: Element, picture: impl Fn(Option<&str>) -> Result<String>) -> Result<()> {
    if root.name != "annotation" {
        bail!("the root is <{}>, not VOC's <annotation>", root.name);
    }
    if let Some(id) = root.take("record_id") {
        record.set_id(&id.text)?;
    }
    record.set_image(&picture(root.child("filename").map(|name| name.text.as_str()))?)?;
    if let Some(size) = root.children.iter_mut().find(|child| child.name == "size") {
        let (width, height) = (size.take("width"), size.take("height"));
        if let (Some(width), Some(height)) = (pixels(width.as_ref())?, pixels(height.as_ref())?) {
            record.set_width(&width)?;
            record.set_height(&height)?;
        }
        if size.is_leaf() {
            root.take("size");
        }
    }
    add_size(record)?;
    let (objects, rest) = root.children.into_iter().partition(|child| child.name == "object");
    root.children = rest;
    if !root.is_leaf() {
        record.set("voc", &root.to_json())?;
    }
    let objects: Vec<Element> = objects;
    let read = |(index, element)| object(element).with_context(|| format!("object {index}"));
    record.set_objects(&objects.into_iter().enumerate().map(read).collect::<Result<_>>()?)
}

/// A side of the picture; none when it is absent or 0, as some programs write it.
fn pixels(element: Option<&Element>) -> Result<Option<u32>> {
    let Some(element) = element else { return Ok(None) };
    match number_in(element)? {
        0.0 => Ok(None),
        side if side.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&side) => Ok(Some(side as u32)),
        _ => bail!("<{}> is \"{}\", not a number of pixels", element.name, element.text),
    }
}

fn number_in(element: &Element) -> Result<f64> {
    let number = element.text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| anyhow!("<{}> is \"{}\", not a number", element.name, element.text))
}

fn object(mut element: Element) -> Result<Object> {
    let label = element.take("name").context("it has no <name>")?.text;
    let mut object = Object { label, ..Object::default() };
    let corners = element.take("bndbox").context("it has no <bndbox>")?;
    let edge = |name: &str| number_in(corners.child(name).with_context(|| format!("<bndbox> has no <{name}>"))?);
    // 1-based, both ends inside -> continuous
    object.bbox = BBox::new(edge("xmin")? - 1.0, edge("ymin")? - 1.0, edge("xmax")?, edge("ymax")?);
    if let Some(difficult) = element.take("difficult") {
        object.difficult =
            flag(&difficult.text).with_context(|| format!("<difficult> is \"{}\", want 0 or 1", difficult.text))?;
    }
    if let Some(pose) = element.take("pose") {
        object.extra.insert("pose".to_owned(), pose.to_json());
    }
    for name in FLAGS {
        if let Some(tag) = element.take(name) {
            let value = flag(&tag.text).map_or_else(|| tag.to_json(), Value::Bool);
            object.extra.insert(name.to_owned(), value);
        }
    }
    if !element.is_leaf() {
        object.extra.insert("voc".to_owned(), element.to_json());
    }
    Ok(object)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" | "" => Some(false),
        _ => None,
    }
}

/// How a VOC folder is written.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the list in `ImageSets/Main`.
    pub split: String,
    /// What becomes of the pictures.
    pub pictures: Pictures,
}

/// Writes records as a VOC folder, one after another.
pub struct Writer {
    folder: PathBuf,
    config: Config,
    names: Names,
    list: File,
    left_out: LeftOut,
}

impl Writer {
    /// Begins to write below `folder`, which is made. What is there of other names stays.
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: &Path, config: Config) -> Result<Self> {
        for part in ["Annotations", "ImageSets/Main", "JPEGImages"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("{}: cannot be made", part.display()))?;
        }
        let list = tempfile::tempfile().context("a temporary file cannot be made")?;
        Ok(Self { folder: folder.to_owned(), config, names: Names::default(), list, left_out: LeftOut::default() })
    }

    /// Writes one sample: its annotation and, if so asked, its picture.
    /// # Errors
    /// When the record has no id, its objects are broken, or a file cannot be written. A picture that cannot be found
    /// is an error too, after the annotation has been written.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let objects = checked_objects(record)?;
        let voc = record.get::<Map<String, Value>>("voc")?.unwrap_or_default();
        let size = size_of(record)?;
        let name = self.names.name(record)?;
        let placed = place(record, &self.folder.join("JPEGImages"), &name, self.config.pictures);
        let file_name = placed.as_ref().ok().and_then(Option::as_deref);
        let mut root = root(&voc, &name, file_name, size);
        if record.id()?.as_deref() != Some(&name) {
            root.children.push(Element::leaf("record_id", record.id()?.unwrap_or_default()));
        }
        for object in &objects {
            root.children.push(element(object, &mut self.left_out));
        }
        let document = root.to_document()?;
        placing::write(&annotation_path(&self.folder, &name), document.as_bytes())?;
        writeln!(self.list, "{name}")?;
        placed.map(drop)
    }

    /// Writes the split's list; what the user should know.
    /// # Errors
    /// When the list cannot be written.
    pub fn finish(mut self) -> Result<Vec<String>> {
        self.list.rewind()?;
        let path = self.folder.join("ImageSets/Main").join(format!("{}.txt", self.config.split));
        write_atomically(&path, |output| Ok(std::io::copy(&mut self.list, output).map(drop)?))?;
        Ok(self.left_out.notes("VOC"))
    }
}

/// The annotation without its objects, with what VOC's own programs look for.
fn root(voc: &Map<String, Value>, name: &str, file_name: Option<&str>, size: Option<(u32, u32)>) -> Element {
    let mut root = Element::leaf("annotation", "");
    root.fill(voc);
    if root.child("filename").is_none() {
        let file_name = file_name.map_or_else(|| format!("{name}.jpg"), str::to_owned);
        // The name alone: the folder is that of the list's entry.
        let last = file_name.rsplit('/').next().unwrap_or_default();
        root.children.insert(usize::from(root.child("folder").is_some()), Element::leaf("filename", last));
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

fn element(object: &Object, left_out: &mut LeftOut) -> Element {
    let mut element = Element::leaf("object", "");
    let mut add = |name: &str, text: String| element.children.push(Element::leaf(name, text));
    add("name", object.label.clone());
    for name in ["pose", "truncated", "occluded"] {
        if let Some(value) = object.extra.get(name) {
            add(name, Element::from_json(name, value).text);
        }
    }
    add("difficult", u8::from(object.difficult).to_string());
    let BBox { x1, y1, x2, y2 } = object.bbox;
    // continuous -> 1-based, both ends inside
    let [xmin, ymin] = [x1, y1].map(|edge| number::shortest(edge + 1.0, |corner| corner - 1.0 == edge));
    let corners = [("xmin", xmin), ("ymin", ymin), ("xmax", x2), ("ymax", y2)];
    let mut bndbox = Element::leaf("bndbox", "");
    bndbox.children = corners.map(|(name, edge)| Element::leaf(name, number::text(edge))).into();
    element.children.push(bndbox);
    if let Some(Value::Object(rest)) = object.extra.get("voc") {
        element.fill(rest);
    }
    let known = |name: &&String| !["pose", "truncated", "occluded", "voc"].contains(&name.as_str());
    object.extra.keys().filter(known).for_each(|name| left_out.count(name));
    for (name, is_there) in [("crowd", object.crowd), ("area", object.area.is_some()), ("mask", object.mask.is_some())]
    {
        if is_there {
            left_out.count(name);
        }
    }
    element
}
