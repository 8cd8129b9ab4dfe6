//! labelme: one JSON file per image, with the drawn shapes.
//!
//! Points are continuous pixels from the top left corner. Rectangles become boxes; polygons, circles and masks become
//! masks with bounding boxes. `imagePath` is relative to the JSON file and has the separators of the system that wrote
//! it; if the image does not exist, the copy embedded in the file (`imageData`) is used.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_record::file::{decode, read_regular};
use dl_record::{Object, Record};
use serde_json::{Map, Value, json};

use super::files::{as_text, find_named, image_at, relative, require_folder, without_ending};
use super::folder::unusable;
use super::region::{self, Size};
use super::skipped::Skipped;
use super::walk::Walk;
use super::{Found, Sample, add_size};

/// The most bytes of a file, which may contain its image.
const MOST_BYTES: u64 = 256 << 20;

enum Source {
    File(PathBuf),
    Folder(Box<Walk>, PathBuf),
}

/// Reads files, and all `.json` files below folders. Images are looked up beside their file, then in `images`. The id
/// is the path below the folder, or the path of the file, without its extension.
/// # Errors
/// When a path or `images` does not exist, or a folder has no such file. A file that cannot be read is a sample with a
/// failure.
pub fn read(paths: &[PathBuf], images: Option<&Path>) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    images.map(require_folder).transpose()?;
    let mut sources = VecDeque::new();
    for path in paths {
        sources.push_back(if path.is_dir() {
            let mut walk = Walk::new(path, &["json"]);
            walk.find_first("labelme files (.json)")?;
            Source::Folder(Box::new(walk), path.clone())
        } else {
            ensure!(path.exists(), "{}: no such file", path.display());
            Source::File(path.clone())
        });
    }
    let images = images.map(Path::to_owned);
    Ok(std::iter::from_fn(move || {
        loop {
            match sources.front_mut()? {
                Source::File(path) => {
                    let found = relative(&without_ending(path), Path::new(""))
                        .and_then(|id| sample(path, &id, images.as_deref()));
                    sources.pop_front();
                    return Some(found);
                }
                Source::Folder(walk, root) => match walk.next() {
                    Some(Ok(path)) => {
                        let id = relative(&without_ending(&path), root);
                        return Some(id.and_then(|id| sample(&path, &id, images.as_deref())));
                    }
                    Some(Err(bad)) => return Some(unusable(bad, root)),
                    None => drop(sources.pop_front()),
                },
            }
        }
    }))
}

fn sample(path: &Path, id: &str, images: Option<&Path>) -> Result<Found> {
    let mut record = Record::default();
    record.set_id(&id.to_owned())?;
    let mut lost = Vec::new();
    let failure = fill(&mut record, path, images, &mut lost).err();
    Ok(Sample { place: path.display().to_string(), record, failure, lost }.into())
}

fn fill(record: &mut Record, path: &Path, images: Option<&Path>, lost: &mut Vec<String>) -> Result<()> {
    let text = read_regular(path, MOST_BYTES).and_then(decode)?;
    let mut root: Map<String, Value> = serde_json::from_str(&text).context("not a JSON object")?;
    drop(text);
    let Some(Value::Array(shapes)) = root.remove("shapes") else {
        bail!("it has no list \"shapes\", as in labelme files")
    };
    let data = root.remove("imageData");
    record.set_image(&image(path, images, root.get("imagePath").and_then(Value::as_str), data.as_ref())?)?;
    let side = |name: &str| root.get(name).and_then(Value::as_f64).filter(|side| *side >= 1.0).map(|side| side as u32);
    if let (Some(width), Some(height)) = (side("imageWidth"), side("imageHeight")) {
        record.set_width(&width)?;
        record.set_height(&height)?;
    }
    add_size(record)?;
    let size = record.width()?.zip(record.height()?);
    for name in ["imagePath", "imageWidth", "imageHeight", "lineColor", "fillColor"] {
        root.remove(name);
    }
    root.retain(|_, value| !is_empty(value));
    if !root.is_empty() {
        record.set("labelme", &root)?;
    }
    let mut objects = Vec::with_capacity(shapes.len());
    let mut skipped = Skipped::default();
    for (index, shape) in shapes.into_iter().enumerate() {
        match object(shape, size, &mut skipped) {
            Ok(object) => objects.extend(object),
            Err(error) => lost.push(format!("shape {index} skipped: {error:#}")),
        }
    }
    lost.extend(skipped.shapes("shape"));
    record.set_objects(&objects)
}

fn image(path: &Path, images: Option<&Path>, stated: Option<&str>, data: Option<&Value>) -> Result<String> {
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    let folders: Vec<PathBuf> = [Some(beside.clone()), images.map(Path::to_owned)].into_iter().flatten().collect();
    let stated = stated.unwrap_or_default().replace('\\', "/");
    // labelme writes `../images/a.jpg` if image and JSON file are in different folders.
    let as_stated = Some(beside.join(&stated)).filter(|path| !stated.is_empty() && path.is_file());
    let stem = path.file_stem().unwrap_or_default();
    let found = as_stated.or_else(|| find_named(&folders, &stated));
    let found = found.or_else(|| folders.iter().find_map(|folder| image_at(&folder.join(stem))));
    if let Some(found) = found {
        return as_text(&found);
    }
    if let Some(Value::String(data)) = data {
        return uri(data);
    }
    ensure!(!stated.is_empty(), "it has neither imagePath nor imageData");
    as_text(&beside.join(stated))
}

fn uri(data: &str) -> Result<String> {
    let data: String = data.split_ascii_whitespace().collect();
    let head = data.get(..data.len().min(64) / 4 * 4).unwrap_or_default();
    let head = STANDARD.decode(head).context("its imageData is not base64")?;
    let format = image::guess_format(&head).context("its imageData is not an image")?;
    Ok(format!("data:{};base64,{data}", format.to_mime_type()))
}

/// The object of a shape; `None` for shapes without area, which are counted.
fn object(shape: Value, size: Size, skipped: &mut Skipped) -> Result<Option<Object>> {
    let Value::Object(mut shape) = shape else { bail!("it is not an object") };
    let label = match shape.remove("label") {
        Some(Value::String(label)) if !label.is_empty() => label,
        Some(Value::Number(label)) => label.to_string(),
        _ => bail!("it has no label"),
    };
    let points = points(shape.remove("points").as_ref()).context("its points are not pairs of numbers")?;
    let mask = shape.remove("mask");
    let kind = shape.get("shape_type").and_then(Value::as_str).unwrap_or("polygon").to_owned();
    let corners = || -> Result<[f64; 4]> {
        ensure!(points.len() >= 2, "a {kind} of {} points", points.len());
        let edge = |axis: usize, pick: fn(f64, f64) -> f64| points.iter().map(|point| point[axis]).reduce(pick);
        let edges = [edge(0, f64::min), edge(1, f64::min), edge(0, f64::max), edge(1, f64::max)];
        Ok(edges.map(Option::unwrap_or_default))
    };
    let mut object = match kind.as_str() {
        "rectangle" => region::rectangle(label, corners()?)?,
        "polygon" | "" => region::polygon(label, points.concat(), size)?,
        "oriented_rectangle" | "rotation" => region::polygon(label, points.concat(), size)?,
        "circle" => {
            let [center, edge] = points[..] else { bail!("a circle of {} points", points.len()) };
            let radius = (center[0] - edge[0]).hypot(center[1] - edge[1]);
            region::ellipse(label, center, [radius; 2], 0.0, size)?
        }
        "mask" => {
            let [x1, y1, ..] = corners()?;
            let (pixels, width, height) = bitmap(mask.as_ref().and_then(Value::as_str).context("it has no mask")?)?;
            ensure!(x1 >= 0.0 && y1 >= 0.0, "the mask begins outside the image");
            region::bitmap(label, &pixels, [x1 as u32, y1 as u32, width, height], size)?
        }
        other => {
            skipped.add(other);
            return Ok(None);
        }
    };
    if matches!(kind.as_str(), "rectangle" | "polygon" | "" | "mask") {
        shape.remove("shape_type");
    }
    shape.retain(|_, value| !is_empty(value));
    if !shape.is_empty() {
        object.extra.insert("labelme".to_owned(), json!(shape));
    }
    Ok(Some(object))
}

fn points(value: Option<&Value>) -> Option<Vec<[f64; 2]>> {
    let point = |point: &Value| match point.as_array()?.as_slice() {
        [x, y, ..] => Some([x.as_f64()?, y.as_f64()?]),
        _ => None,
    };
    value?.as_array()?.iter().map(point).collect()
}

/// The pixels of a mask, which is a base64-encoded PNG.
fn bitmap(mask: &str) -> Result<(Vec<u8>, u32, u32)> {
    let image = crate::picture::load(&uri(mask)?).context("its mask")?;
    let (width, height) = image.dimensions();
    Ok((image.pixels().map(|pixel| pixel.0[0]).collect(), width, height))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
