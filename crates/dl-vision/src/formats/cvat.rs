//! CVAT for images 1.1: one XML file for a whole task or project.
//!
//! `<image name width height>` contains `<box xtl ytl xbr ybr>`, `<polygon points="x,y;x,y">`, `<ellipse>`, and
//! `<mask rle>`, whose runs go along the rows of the mask's own box, starting with the background. Coordinates are
//! continuous pixels. A `<tag>` is the label of the image. Tracks belong to CVAT for video, which is another format.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use dl_record::file::{decode_xml, read_named};
use dl_record::{Object, Record};
use serde_json::{Map, Value, json};

use super::files::{as_text, find_named, last_part, require_folder, stays_inside};
use super::region::{self, Size};
use super::skipped::Skipped;
use super::xml::{Children, Element};
use super::{Found, Sample, add_size};

/// The most bytes of a file.
const MOST_BYTES: u64 = 2 << 30;
/// The most pixels of a mask's own box.
const MOST_PIXELS: u64 = 1 << 27;

/// Reads the file at `path`, with images in `images` or in `images/images/SUBSET/`, as CVAT exports them. Holds the
/// text of the file and one of its images in memory. The id is the name of the image.
/// # Errors
/// When the file cannot be read or is not a file of CVAT for images. An image that cannot be read is a sample with a
/// failure.
pub fn read(path: &Path, images: &Path) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    require_folder(images)?;
    let in_context = || path.display().to_string();
    ensure!(!path.is_dir(), "{}: is a folder; name the file in it, such as annotations.xml", path.display());
    let text = read_named(path, MOST_BYTES).and_then(decode_xml).with_context(in_context)?;
    let mut children = Children::new(text).with_context(in_context)?;
    ensure!(
        children.root == "annotations",
        "{}: the root is <{}>, not CVAT's <annotations>",
        path.display(),
        children.root
    );
    let (file, images) = (path.display().to_string(), images.to_owned());
    let mut count = 0_usize;
    let mut is_done = false;
    Ok(std::iter::from_fn(move || {
        loop {
            if is_done {
                return None;
            }
            let (element, line) = match children.next() {
                None => {
                    is_done = true;
                    return (count == 0).then(|| Err(anyhow!("{file}: it has no <image>")));
                }
                Some(Err(error)) => {
                    is_done = true;
                    let error = error.context(file.clone());
                    return Some(if count == 0 {
                        Err(error)
                    } else {
                        Ok(Found::Lost(format!("{error:#}; the rest of the file is skipped")))
                    });
                }
                Some(Ok(found)) => found,
            };
            match element.name.as_str() {
                "image" => {
                    count += 1;
                    return Some(sample(element, &format!("{file}: line {line}"), &images));
                }
                "track" => {
                    is_done = true;
                    return Some(Err(anyhow!(
                        "{file}: line {line}: a <track> of CVAT for video; export the task as \"CVAT for images 1.1\""
                    )));
                }
                _ => {}
            }
        }
    }))
}

fn sample(mut element: Element, place: &str, images: &Path) -> Result<Found> {
    let mut record = Record::default();
    let name = take(&mut element, "name").filter(|name| !name.is_empty());
    record.set_id(&name.as_deref().unwrap_or(place).to_owned())?;
    let mut lost = Vec::new();
    let failure = match name {
        Some(name) => fill(&mut record, element, &name, images, &mut lost).err(),
        None => Some(anyhow!("the <image> has no name")),
    };
    Ok(Sample { place: place.to_owned(), record, failure, lost }.into())
}

fn fill(record: &mut Record, mut element: Element, name: &str, images: &Path, lost: &mut Vec<String>) -> Result<()> {
    let subset = attribute(&element, "subset").unwrap_or_default().to_owned();
    let exported = images.join("images");
    let mut folders = vec![images.to_owned(), exported.clone()];
    if !subset.is_empty() && stays_inside(&subset) {
        folders.extend([exported.join(&subset), images.join(&subset)]);
    }
    let direct = || images.join(if stays_inside(name) { name } else { last_part(name) });
    let image: PathBuf = find_named(&folders, name).unwrap_or_else(direct);
    record.set_image(&as_text(&image)?)?;
    let mut side =
        |name: &str| take(&mut element, name)?.parse::<f64>().ok().filter(|side| *side >= 1.0).map(|side| side as u32);
    if let (Some(width), Some(height)) = (side("width"), side("height")) {
        record.set_width(&width)?;
        record.set_height(&height)?;
    }
    add_size(record)?;
    let size = record.width()?.zip(record.height()?);
    let (mut objects, mut tags, mut skipped) = (Vec::new(), Vec::new(), Skipped::default());
    for (index, shape) in element.children.into_iter().enumerate() {
        let kind = shape.name.clone();
        if kind == "tag" {
            tags.extend(attribute(&shape, "label").map(str::to_owned));
            continue;
        }
        match object(shape, size, &mut skipped) {
            Ok(object) => objects.extend(object),
            Err(error) => lost.push(format!("shape {index} ({kind}) skipped: {error:#}")),
        }
    }
    lost.extend(skipped.shapes("shape"));
    let mut rest: Map<String, Value> =
        element.attributes.into_iter().map(|(name, value)| (name, json!(value))).collect();
    match &tags[..] {
        [] => {}
        [label] => record.set_label(label)?,
        tags => drop(rest.insert("tags".to_owned(), json!(tags))),
    }
    if !rest.is_empty() {
        record.set("cvat", &rest)?;
    }
    record.set_objects(&objects)
}

/// The object of a shape; `None` for shapes without area, which are counted.
fn object(mut shape: Element, size: Size, skipped: &mut Skipped) -> Result<Option<Object>> {
    let label = take(&mut shape, "label").filter(|label| !label.is_empty()).context("it has no label")?;
    let rotation = match take(&mut shape, "rotation") {
        None => 0.0,
        Some(degrees) => {
            degrees.parse().ok().filter(|degrees: &f64| degrees.is_finite()).context("its rotation is not a number")?
        }
    };
    let mut object = match shape.name.as_str() {
        "box" => {
            let corners = numbers(&mut shape, ["xtl", "ytl", "xbr", "ybr"])?;
            let [x1, y1, x2, y2] = corners;
            ensure!(x1 <= x2 && y1 <= y2, "its corners are swapped: {x1}, {y1} and {x2}, {y2}");
            if rotation == 0.0 {
                region::rectangle(label, corners)?
            } else {
                region::rotated_box(label, corners, [0.5 * (x1 + x2), 0.5 * (y1 + y2)], rotation, size)?
            }
        }
        "polygon" => {
            let points = take(&mut shape, "points").context("it has no points")?;
            region::polygon(label, points_of(&points)?, size)?
        }
        "ellipse" => {
            let [cx, cy, rx, ry] = numbers(&mut shape, ["cx", "cy", "rx", "ry"])?;
            region::ellipse(label, [cx, cy], [rx, ry], rotation, size)?
        }
        "mask" => mask(label, &mut shape, size)?,
        other => {
            skipped.add(other);
            return Ok(None);
        }
    };
    if rotation != 0.0 {
        shape.attributes.push(("rotation".to_owned(), rotation.to_string()));
    }
    if let Some(occluded) = take(&mut shape, "occluded") {
        object.extra.insert("occluded".to_owned(), json!(occluded == "1"));
    }
    let mut attributes = Map::new();
    for child in shape.children.iter().filter(|child| child.name == "attribute") {
        if let Some(name) = attribute(child, "name") {
            attributes.insert(name.to_owned(), json!(child.text));
        }
    }
    if !attributes.is_empty() {
        object.extra.insert("attributes".to_owned(), Value::Object(attributes));
    }
    let rest: Map<String, Value> = shape.attributes.into_iter().map(|(name, value)| (name, json!(value))).collect();
    if !rest.is_empty() {
        object.extra.insert("cvat".to_owned(), Value::Object(rest));
    }
    Ok(Some(object))
}

fn mask(label: String, shape: &mut Element, size: Size) -> Result<Object> {
    let mut integer = |name: &str| -> Result<u32> {
        let text = take(shape, name).with_context(|| format!("it has no {name}"))?;
        text.trim().parse().map_err(|_| anyhow!("{name} is \"{text}\", not a number of pixels"))
    };
    let [left, top, width, height] = [integer("left")?, integer("top")?, integer("width")?, integer("height")?];
    let pixels = u64::from(width) * u64::from(height);
    ensure!(pixels <= MOST_PIXELS, "a mask of {width} x {height} pixels");
    let runs = take(shape, "rle").context("it has no rle")?;
    let mut bitmap = Vec::with_capacity(pixels as usize);
    for (index, run) in runs.split(',').enumerate() {
        let run: u64 = run.trim().parse().map_err(|_| anyhow!("its rle has \"{}\", not a number", run.trim()))?;
        ensure!(run <= pixels - bitmap.len() as u64, "its rle is longer than {width} x {height} pixels");
        bitmap.resize(bitmap.len() + run as usize, (index % 2) as u8);
    }
    // A final run of background may be omitted.
    bitmap.resize(pixels as usize, 0);
    region::bitmap(label, &bitmap, [left, top, width, height], size)
}

/// `x,y;x,y;...`
fn points_of(text: &str) -> Result<Vec<f64>> {
    let mut points = Vec::new();
    for point in text.split(';').filter(|point| !point.trim().is_empty()) {
        let (x, y) = point.split_once(',').with_context(|| format!("its points have \"{point}\", expected x,y"))?;
        for number in [x, y] {
            points.push(number.trim().parse().map_err(|_| anyhow!("its points have \"{number}\", not a number"))?);
        }
    }
    Ok(points)
}

fn numbers<const N: usize>(shape: &mut Element, names: [&str; N]) -> Result<[f64; N]> {
    let mut numbers = [0.0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        let text = take(shape, name).with_context(|| format!("it has no {name}"))?;
        let parsed = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        *number = parsed.ok_or_else(|| anyhow!("{name} is \"{text}\", not a number"))?;
    }
    Ok(numbers)
}

fn attribute<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    element.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn take(element: &mut Element, name: &str) -> Option<String> {
    let at = element.attributes.iter().position(|(key, _)| key == name)?;
    Some(element.attributes.remove(at).1)
}
