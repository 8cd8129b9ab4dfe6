//! Reads a VOC folder into records.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use dl_record::file::{MOST_LIST_BYTES, decode_xml, read_regular};
use dl_record::{BBox, Object, Record};
use serde_json::{Map, Value};

use super::layout::{Layout, Part};
use crate::formats::files::{self, IMAGE_ENDINGS, as_text, escaped, require_folder};
use crate::formats::folder::unusable;
use crate::formats::walk::Walk;
use crate::formats::xml::Element;
use crate::formats::{Found, Sample, add_size};

/// VOC's boolean tags of an object.
const FLAGS: [&str; 2] = ["truncated", "occluded"];

/// Reads the images of `splits` below `folder`, or all annotations sorted by name if no split is given. A split is a
/// list or a folder. Holds one annotation at a time, and 8 bytes for each.
/// # Errors
/// When the folder, its annotations or a split do not exist. An image that cannot be read is a sample with a failure.
pub fn read(folder: &Path, splits: &[String]) -> Result<Box<dyn Iterator<Item = Result<Found>>>> {
    require_folder(folder)?;
    let layout = Layout::find(folder)?;
    let parts = layout.parts(splits)?.into_iter();
    let mut ready: Vec<Found> = layout.note().map(Found::Note).into_iter().collect();
    let mut reader = Reader {
        layout,
        parts,
        part: None,
        is_all: splits.is_empty(),
        images: HashSet::new(),
        missing: Missing::default(),
        listed: HashSet::new(),
        again: Missing::default(),
    };
    let mut is_done = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if let Some(found) = ready.pop() {
            return Some(Ok(found));
        }
        if is_done {
            return None;
        }
        reader.next().or_else(|| {
            is_done = true;
            ready = reader.end();
            ready.pop().map(Ok)
        })
    })))
}

struct Reader {
    layout: Layout,
    parts: std::vec::IntoIter<Part>,
    part: Option<Part>,
    is_all: bool,
    /// Hashes of the paths of the images that have an annotation.
    images: HashSet<u64>,
    missing: Missing,
    /// Hashes of the names in the list that is read.
    listed: HashSet<u64>,
    /// Names that occur twice in a list.
    again: Missing,
}

/// A count of files, and the first one.
#[derive(Default)]
struct Missing {
    count: usize,
    first: String,
}

impl Missing {
    fn add(&mut self, path: &Path) {
        if self.count == 0 {
            self.first = escaped(path);
        }
        self.count += 1;
    }
}

impl Reader {
    fn next(&mut self) -> Option<Result<Found>> {
        loop {
            match &mut self.part {
                None => self.part = Some(self.parts.next()?),
                Some(Part::List(path, names)) => match names.next() {
                    None => {
                        let lost = format!("{}: the list has no images", path.display());
                        let is_empty = self.listed.is_empty();
                        self.listed.clear();
                        self.part = None;
                        if is_empty {
                            return Some(Ok(Found::Lost(lost)));
                        }
                    }
                    Some(line) => {
                        let Some(name) = self.listed_name(&line) else { continue };
                        if self.listed.insert(hash(Path::new(&name))) {
                            return Some(self.of_list(&name));
                        }
                        self.again.add(Path::new(&name));
                    }
                },
                Some(Part::Folder(walk)) => match walk.next() {
                    None => self.part = None,
                    Some(Err(bad)) => return Some(unusable(bad, &self.layout.annotations)),
                    Some(Ok(path)) => return Some(self.layout.name(&path).and_then(|name| self.sample(&name, &path))),
                },
            }
        }
    }

    /// The name on a line of a list, if it should be read. Spaces around it may be part of it.
    fn listed_name(&mut self, line: &str) -> Option<String> {
        let mut is_there = |name: &str| {
            self.layout.annotation(name).is_some() || (!name.is_empty() && self.layout.image_of_name(name).is_file())
        };
        if line.trim().is_empty() {
            return None;
        }
        if let Some(whole) = [line, line.trim()].into_iter().find(|name| is_there(name)) {
            return Some(whole.to_owned());
        }
        match line.trim().rsplit_once([' ', '\t']) {
            Some((name, flag @ ("1" | "-1" | "0"))) => (flag == "1").then(|| name.trim_end().to_owned()),
            _ => Some(line.trim().to_owned()),
        }
    }

    fn of_list(&mut self, name: &str) -> Result<Found> {
        let path = self.layout.annotation(name).unwrap_or_else(|| self.layout.expected_path(name));
        if !files::stays_inside(name) && !path.exists() {
            let mut record = Record::default();
            record.set_id(&name.to_owned())?;
            let failure = Some(anyhow!("the list names a file outside the folder"));
            return Ok(Sample { place: name.to_owned(), record, failure, lost: Vec::new() }.into());
        }
        self.sample(name, &path)
    }

    fn sample(&mut self, name: &str, path: &Path) -> Result<Found> {
        let mut record = Record::default();
        record.set_id(&name.to_owned())?;
        let mut lost = Vec::new();
        let mut image = None;
        let failure = read_annotation(path).and_then(|(root, after)| {
            lost.extend(after);
            fill(&mut record, root, &mut lost, |stated| {
                let found = self.layout.image(path, stated);
                image = Some(found.clone());
                as_text(&found)
            })
        });
        let image = image.unwrap_or_else(|| self.layout.image(path, None));
        if !record.has("image") {
            record.set_image(&as_text(&image)?)?;
        }
        if self.is_all {
            self.images.insert(hash(&image));
        }
        if failure.is_ok() && !image.exists() {
            self.missing.add(&image);
        }
        Ok(Sample { place: path.display().to_string(), record, failure: failure.err(), lost }.into())
    }

    /// What is reported at the end.
    fn end(&self) -> Vec<Found> {
        let mut found = Vec::new();
        if let Missing { count: count @ 1.., first } = &self.missing {
            let images = if *count == 1 { "1 image does".to_owned() } else { format!("{count} images do") };
            found.push(Found::Note(format!("{images} not exist; the first: {first}")));
        }
        if let Missing { count: count @ 1.., first } = &self.again {
            let names = if *count == 1 { "1 name is".to_owned() } else { format!("{count} names are") };
            found.push(Found::Note(format!("{names} in a list twice and read once; the first: {first}")));
        }
        if !self.is_all {
            return found;
        }
        let mut alone = Missing::default();
        for root in self.layout.image_roots() {
            let mut walk = Walk::new(&root, &IMAGE_ENDINGS);
            for image in walk.by_ref() {
                match image {
                    Ok(path) if self.images.contains(&hash(&path)) => {}
                    Ok(path) => alone.add(&path),
                    Err(bad) => found.push(Found::Lost(format!("{}: {}", bad.path, bad.reason))),
                }
            }
            if let Some(left_out) = walk.left_out().filter(|_| walk.has_lost_image()) {
                found.push(Found::Lost(format!("{}: {left_out}", root.display())));
            }
        }
        if alone.count > 0 {
            let images =
                if alone.count == 1 { "1 image has".to_owned() } else { format!("{} images have", alone.count) };
            found.push(Found::Lost(format!("{images} no annotation, skipped; the first: {}", alone.first)));
        }
        found
    }
}

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

fn read_annotation(path: &Path) -> Result<(Element, Option<String>)> {
    if !path.exists() && !path.is_symlink() {
        bail!("no such annotation");
    }
    Element::parse(&read_regular(path, MOST_LIST_BYTES).and_then(decode_xml)?)
}

/// Converts an annotation to the fields of a record.
fn fill(
    record: &mut Record,
    mut root: Element,
    lost: &mut Vec<String>,
    image: impl FnOnce(Option<&str>) -> Result<String>,
) -> Result<()> {
    match root.name.as_str() {
        "annotation" => {}
        "annotations" => bail!("the root is <annotations>, as in CVAT files; use dl-data from cvat"),
        name => bail!("the root is <{name}>, not VOC's <annotation>"),
    }
    if let Some(id) = root.take("record_id") {
        record.set_id(&id.text)?;
    }
    record.set_image(&image(root.child("filename").map(|name| name.text.as_str()))?)?;
    if let Some(size) = root.children.iter_mut().find(|child| child.name == "size") {
        let sides = [size.take("width"), size.take("height")].map(|side| {
            pixels(side.as_ref()).unwrap_or_else(|error| {
                lost.push(format!("{error}; using the size of the image"));
                None
            })
        });
        if let [Some(width), Some(height)] = sides {
            record.set_width(&width)?;
            record.set_height(&height)?;
        }
        if size.is_leaf() {
            root.take("size");
        }
    }
    add_size(record)?;
    let (objects, rest): (Vec<Element>, Vec<Element>) =
        root.children.into_iter().partition(|child| child.name == "object");
    root.children = rest;
    if objects.is_empty()
        && let Some(odd) = root.children.iter().find(|child| is_like_object(&child.name))
    {
        lost.push(format!("it has no <object>, but <{}>, which is ignored", odd.name));
    }
    if !root.is_leaf() {
        record.set("voc", &root.to_json())?;
    }
    let mut good = Vec::with_capacity(objects.len());
    for (index, element) in objects.into_iter().enumerate() {
        let name = element.child("name").map(|name| format!(" ({})", name.text)).unwrap_or_default();
        match object(element, |reason| lost.push(format!("object {index}{name}: {reason}"))) {
            Ok(object) => good.push(object),
            Err(error) => lost.push(format!("object {index}{name} skipped: {error:#}")),
        }
    }
    record.set_objects(&good)
}

fn is_like_object(name: &str) -> bool {
    ["object", "objects"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// A side of the image; `None` if it is absent or 0, as some programs write it.
fn pixels(element: Option<&Element>) -> Result<Option<u32>> {
    let Some(element) = element.filter(|element| !element.text.is_empty()) else { return Ok(None) };
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

fn object(mut element: Element, mut note: impl FnMut(String)) -> Result<Object> {
    let label = element.take("name").context("it has no <name>")?.text;
    if label.is_empty() {
        bail!("its <name> is empty");
    }
    let mut object = Object { label, ..Object::default() };
    object.bbox = bbox(&mut element)?;
    object.bbox.check()?;
    if element.child("bndbox").is_some() {
        note("it has more than one <bndbox>; the first is its box".to_owned());
    }
    let mut rest = Map::new();
    if let Some(difficult) = element.take("difficult") {
        match flag(&difficult.text) {
            Some(is_difficult) => object.difficult = is_difficult,
            // Programs derived from labelImg write "Unspecified", which does not count as difficult.
            None => drop(rest.insert("difficult".to_owned(), difficult.to_json())),
        }
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
    match element.to_json() {
        Value::Object(others) => rest.extend(others),
        _ if element.text.is_empty() => {}
        text => drop(rest.insert("#text".to_owned(), text)),
    }
    if !rest.is_empty() {
        object.extra.insert("voc".to_owned(), Value::Object(rest));
    }
    Ok(object)
}

/// The box of an object: 1-based, inclusive -> continuous. An object that has only a polygon gets its bounding box.
fn bbox(element: &mut Element) -> Result<BBox> {
    let Some(corners) = element.take("bndbox") else {
        if let Some(polygon) = element.child("polygon") {
            return around(polygon);
        }
        let rotated = element.child("robndbox").map(|_| ", but a rotated <robndbox>, which is not supported");
        bail!("it has no <bndbox>{}", rotated.unwrap_or_default());
    };
    let edge = |name: &str| number_in(corners.child(name).with_context(|| format!("<bndbox> has no <{name}>"))?);
    let [xmin, ymin, xmax, ymax] = [edge("xmin")?, edge("ymin")?, edge("xmax")?, edge("ymax")?];
    // The writer gives a box of width 0 xmin = xmax + 1.
    for (low, high, name) in [(xmin, xmax, "x"), (ymin, ymax, "y")] {
        if low > high + 1.0 {
            bail!("{name}min {low} is above {name}max {high}");
        }
    }
    Ok(BBox::new(xmin - 1.0, ymin - 1.0, xmax, ymax))
}

/// `<x1>`, `<y1>`, `<x2>`, ... or `<pt><x>..</x><y>..</y></pt>`, ...
fn around(polygon: &Element) -> Result<BBox> {
    let mut points: (Vec<f64>, Vec<f64>) = Default::default();
    let leaves = polygon
        .children
        .iter()
        .flat_map(|child| if child.children.is_empty() { std::slice::from_ref(child) } else { &child.children });
    for leaf in leaves {
        match leaf.name.as_bytes().first() {
            Some(b'x') => points.0.push(number_in(leaf)?),
            Some(b'y') => points.1.push(number_in(leaf)?),
            _ => {}
        }
    }
    let (Some(xmin), Some(ymin)) = (least(&points.0), least(&points.1)) else { bail!("its <polygon> has no points") };
    let most = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
    Ok(BBox::new(xmin - 1.0, ymin - 1.0, most(&points.0), most(&points.1)))
}

fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" | "yes" => Some(true),
        "0" | "0.0" | "false" | "no" | "" => Some(false),
        _ => None,
    }
}
