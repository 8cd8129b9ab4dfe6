//! Label Studio: one JSON file, a list of tasks.
//!
//! Coordinates are percentages of the image. A rectangle rotates clockwise around its top left corner; if rotated, it
//! becomes a mask with its bounding box, like polygons and ellipses. A choice is the label of the image or the text.
//! Brush strokes use Label Studio's own encoding and are skipped and counted. The short form (JSON-MIN) has the results
//! beside the data.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::{decode, read_named};
use dl_record::{Detection, Object, Record};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::files::{IMAGE_ENDINGS, as_text, has_ending, last_part, require_folder, stays_inside};
use super::region::{self, Size};
use super::skipped::Skipped;
use super::{Found, Sample, add_size};

/// The most bytes of a file.
const MOST_BYTES: u64 = 2 << 30;

/// Reads the export at `path`, with images in `images`; with `predictions`, also predictions as detections. The file is
/// held in memory, and its tasks are parsed one by one.
/// # Errors
/// When the file cannot be read or is not a list of tasks. A task that cannot be read is a sample with a failure.
pub fn read(path: &Path, images: &Path, predictions: bool) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    require_folder(images)?;
    let in_context = || path.display().to_string();
    let text = read_named(path, MOST_BYTES).and_then(decode).with_context(in_context)?;
    let tasks: Vec<Box<RawValue>> = serde_json::from_str(&text)
        .context("not a list of tasks, as in Label Studio's JSON export")
        .with_context(in_context)?;
    drop(text);
    let (file, images) = (path.display().to_string(), images.to_owned());
    let mut tasks = tasks.into_iter().enumerate();
    let (mut unread, mut without, all) = (0_usize, 0_usize, tasks.len());
    Ok(std::iter::from_fn(move || match tasks.next() {
        Some((index, task)) => {
            let is_predicted = has_predictions(&task);
            unread += usize::from(!predictions && is_predicted);
            without += usize::from(predictions && !is_predicted);
            Some(sample(&task, &format!("{file}: task {index}"), &images, predictions))
        }
        None => match (std::mem::take(&mut unread), std::mem::take(&mut without)) {
            (0, 0) => None,
            (0, none) if none == all => Some(Ok(Found::Lost(format!("{file}: none of the tasks has predictions")))),
            (0, some) => Some(Ok(Found::Note(format!("{file}: {some} of {all} tasks have no predictions")))),
            (count, _) => {
                let text = format!("{count} tasks have predictions, which are ignored; use --predictions to read them");
                Some(Ok(Found::Note(text)))
            }
        },
    }))
}

fn has_predictions(task: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Task {
        #[serde(default)]
        predictions: Vec<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Task>(task.get()).is_ok_and(|task| !task.predictions.is_empty())
}

fn sample(task: &RawValue, place: &str, images: &Path, predictions: bool) -> Result<Found> {
    let mut record = Record::default();
    record.set_id(&place.to_owned())?;
    let mut lost = Vec::new();
    let task = serde_json::from_str(task.get()).context("it is not an object");
    let failure = task.and_then(|task| fill(&mut record, task, images, predictions, &mut lost)).err();
    Ok(Sample { place: place.to_owned(), record, failure, lost }.into())
}

fn fill(
    record: &mut Record,
    mut task: Map<String, Value>,
    images: &Path,
    predictions: bool,
    lost: &mut Vec<String>,
) -> Result<()> {
    let is_short = !task.contains_key("data");
    let data = match task.remove("data") {
        Some(Value::Object(data)) => data,
        Some(_) => bail!("its data is not an object"),
        None => task.clone(),
    };
    let task_id = task.get("id").cloned();
    match (image_of(&data), data.get("text").and_then(Value::as_str)) {
        (Some(stated), _) => {
            let path = find_image(stated, images);
            record.set_id(&last_part(&path.to_string_lossy()).to_owned())?;
            record.set_image(&as_text(&path)?)?;
        }
        (None, Some(text)) => {
            if let Some(id) = &task_id {
                record.set_id(&id.as_str().map_or_else(|| id.to_string(), str::to_owned))?;
            }
            record.set_text(&text.to_owned())?;
        }
        (None, None) => bail!("its data has neither an image nor a text"),
    }
    let results = if is_short { short_results(&data) } else { annotation(&mut task, lost) };
    let mut size = original_size(&results);
    if let Some((width, height)) = size {
        record.set_width(&width)?;
        record.set_height(&height)?;
    } else if record.has("image") {
        add_size(record)?;
        size = record.width()?.zip(record.height()?);
    }
    if let Some(id) = task_id {
        record.set("label_studio", &json!({"id": id}))?;
    }
    let (regions, choices) = regions(results, size, lost);
    match &choices[..] {
        [] => {}
        [(_, choice)] => record.set_label(choice)?,
        choices => {
            let by_task: Map<String, Value> =
                choices.iter().map(|(task, choice)| (task.clone(), json!(choice))).collect();
            if by_task.len() == choices.len() {
                record.set("labels", &by_task)?;
            } else {
                lost.push(format!("{} choices are skipped, because a record has one label", choices.len()));
            }
        }
    }
    if record.has("image") {
        record.set_objects(&regions.into_iter().map(|(object, _)| object).collect())?;
    }
    if predictions {
        let all = match task.remove("predictions") {
            Some(Value::Array(all)) => all,
            _ => Vec::new(),
        };
        record.set_detections(&detections(all, size, lost))?;
    }
    Ok(())
}

/// The results of the annotation to use: the one marked as ground truth, else the first that is not cancelled.
fn annotation(task: &mut Map<String, Value>, lost: &mut Vec<String>) -> Vec<Value> {
    let all = task.remove("annotations").or_else(|| task.remove("completions"));
    let Some(Value::Array(mut all)) = all else { return Vec::new() };
    let is = |annotation: &Value, name: &str| annotation.get(name).and_then(Value::as_bool) == Some(true);
    all.retain(|annotation| !is(annotation, "was_cancelled") && annotation.get("result").is_some());
    if all.len() > 1 {
        lost.push(format!("{} more annotations of the same task are skipped", all.len() - 1));
    }
    let at = all.iter().position(|annotation| is(annotation, "ground_truth")).unwrap_or(0);
    if at >= all.len() {
        return Vec::new();
    }
    match all.swap_remove(at).get_mut("result").map(Value::take) {
        Some(Value::Array(results)) => results,
        _ => Vec::new(),
    }
}

/// The results of the short form: all regions and choices.
fn short_results(data: &Map<String, Value>) -> Vec<Value> {
    let mut results = Vec::new();
    for (name, value) in data {
        let Value::Array(regions) = value else { continue };
        for region in regions.iter().filter(|region| region.get("original_width").is_some()) {
            let kind = region.as_object().and_then(|members| members.keys().find(|key| key.ends_with("labels")));
            results.push(json!({"type": kind, "from_name": name, "value": region,
                "original_width": region["original_width"], "original_height": region["original_height"]}));
        }
    }
    if let Some(choice) = data.get("choice").or_else(|| data.get("sentiment")).and_then(Value::as_str) {
        results.push(json!({"type": "choices", "from_name": "choice", "value": {"choices": [choice]}}));
    }
    results
}

fn original_size(results: &[Value]) -> Size {
    let side = |result: &Value, name: &str| {
        result.get(name).and_then(Value::as_f64).filter(|side| *side >= 1.0).map(|side| side as u32)
    };
    results.iter().find_map(|result| Some((side(result, "original_width")?, side(result, "original_height")?)))
}

/// Objects with the score of their result, and choices with their name.
#[allow(clippy::type_complexity, reason = "two lists of pairs")]
fn regions(
    results: Vec<Value>,
    size: Size,
    lost: &mut Vec<String>,
) -> (Vec<(Object, Option<f64>)>, Vec<(String, String)>) {
    let (mut objects, mut choices, mut skipped) = (Vec::new(), Vec::new(), Skipped::default());
    for (index, result) in results.into_iter().enumerate() {
        let kind = result.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if kind == "choices" {
            let name = result.get("from_name").and_then(Value::as_str).unwrap_or("choices");
            let chosen = result.get("value").and_then(|value| value.get("choices")).and_then(Value::as_array);
            for choice in chosen.into_iter().flatten().filter_map(Value::as_str) {
                choices.push((name.to_owned(), choice.to_owned()));
            }
            continue;
        }
        match object(&result, &kind, size) {
            Ok(Some(object)) => objects.push((object, result.get("score").and_then(Value::as_f64))),
            Ok(None) => skipped.add(if kind.is_empty() { "without type" } else { &kind }),
            Err(error) => lost.push(format!("result {index} ({kind}) skipped: {error:#}")),
        }
    }
    lost.extend(skipped.shapes("result"));
    (objects, choices)
}

/// The object of a result; `None` for other kinds of results.
fn object(result: &Value, kind: &str, size: Size) -> Result<Option<Object>> {
    if !matches!(kind, "rectanglelabels" | "polygonlabels" | "ellipselabels") {
        return Ok(None);
    }
    let value = result.get("value").context("it has no value")?;
    let labels = value.get(kind).and_then(Value::as_array).context("it has no label")?;
    let label = labels.first().and_then(Value::as_str).filter(|label| !label.is_empty()).context("it has no label")?;
    let (width, height) = size.context("the size of the image is unknown")?;
    let (width, height) = (f64::from(width), f64::from(height));
    let percent = |name: &str| -> Result<f64> {
        value.get(name).and_then(Value::as_f64).with_context(|| format!("its {name} is not a number"))
    };
    let (x, y) = (|number: f64| number * width / 100.0, |number: f64| number * height / 100.0);
    let degrees = value.get("rotation").and_then(Value::as_f64).unwrap_or(0.0);
    let label = label.to_owned();
    let mut object = match kind {
        "rectanglelabels" => {
            let [left, top] = [x(percent("x")?), y(percent("y")?)];
            let corners = [left, top, x(percent("x")? + percent("width")?), y(percent("y")? + percent("height")?)];
            if degrees == 0.0 {
                region::rectangle(label, corners)?
            } else {
                region::rotated_box(label, corners, [left, top], degrees, size)?
            }
        }
        "ellipselabels" => {
            let center = [x(percent("x")?), y(percent("y")?)];
            region::ellipse(label, center, [x(percent("radiusX")?), y(percent("radiusY")?)], degrees, size)?
        }
        _ => {
            let points = value.get("points").and_then(Value::as_array).context("it has no points")?;
            let mut flat = Vec::with_capacity(2 * points.len());
            for point in points {
                let pair = point.as_array().and_then(|point| Some([point.first()?.as_f64()?, point.get(1)?.as_f64()?]));
                let [px, py] = pair.context("its points are not pairs of numbers")?;
                flat.extend([x(px), y(py)]);
            }
            region::polygon(label, flat, size)?
        }
    };
    let mut rest = Map::new();
    if labels.len() > 1 {
        rest.insert("labels".to_owned(), json!(labels));
    }
    for name in ["id", "from_name"] {
        rest.extend(result.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    if degrees != 0.0 {
        rest.insert("rotation".to_owned(), json!(degrees));
    }
    object.extra.insert("label_studio".to_owned(), Value::Object(rest));
    ensure!(object.bbox.check().is_ok(), "its box is invalid");
    Ok(Some(object))
}

/// The regions of the newest prediction, best first.
fn detections(mut all: Vec<Value>, size: Size, lost: &mut Vec<String>) -> Vec<Detection> {
    let Some(mut prediction) = all.pop() else { return Vec::new() };
    let score = prediction.get("score").and_then(Value::as_f64);
    let results = match prediction.get_mut("result").map(Value::take) {
        Some(Value::Array(results)) => results,
        _ => Vec::new(),
    };
    let size = size.or_else(|| original_size(&results));
    let (objects, _) = regions(results, size, lost);
    let detection = |(object, own): (Object, Option<f64>)| Detection {
        bbox: object.bbox,
        label: object.label,
        score: own.or(score).unwrap_or(1.0),
        mask: object.mask,
        proposal: None,
        extra: object.extra,
    };
    let mut detections: Vec<Detection> = objects.into_iter().map(detection).collect();
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    detections
}

/// The image of a task: `image`, or the first value that looks like one.
fn image_of(data: &Map<String, Value>) -> Option<&str> {
    let is_image = |text: &&str| {
        let path = text.split(['?', '#']).next().unwrap_or(text);
        has_ending(Path::new(path), &IMAGE_ENDINGS) || text.starts_with("/data/")
    };
    let named = ["image", "img", "captioning"].iter().find_map(|name| data.get(*name)?.as_str());
    named.or_else(|| data.values().filter_map(Value::as_str).find(is_image))
}

/// The most bytes of a path; longer ones are not looked up.
const LONGEST_PATH: usize = 4096;
/// The most folders of a path that are looked up.
const MOST_PARTS: usize = 32;

/// `/data/upload/1/0a1b2c3d-name.jpg`, `/data/local-files/?d=folder/name.jpg`, a URL, or a path.
fn find_image(stated: &str, images: &Path) -> PathBuf {
    let path = match stated.split_once("?d=") {
        Some((_, path)) => path.split('&').next().unwrap_or(path),
        None if stated.contains("://") || stated.starts_with("/data/") => {
            stated.split(['?', '#']).next().unwrap_or(stated)
        }
        None => stated,
    };
    let path = path.split_once("://").map_or(path, |(_, path)| path).trim_start_matches('/');
    let path = unescaped(path).replace('\\', "/");
    if path.len() > LONGEST_PATH {
        return images.join(last_part(&path));
    }
    let folders = [images.to_owned(), images.join("images")];
    let find = |name: &str| {
        let paths = folders.iter().map(|folder| folder.join(name));
        paths.into_iter().find(|path| stays_inside(name) && !name.is_empty() && path.is_file())
    };
    // The folders in the path may begin above the given folder.
    let parts: Vec<&str> = path.split('/').collect();
    let first = parts.len().saturating_sub(MOST_PARTS);
    let found = (first..parts.len()).find_map(|skip| find(&parts[skip..].join("/")));
    // Uploads have 8 digits before their name.
    let last = last_part(&path);
    let is_mark = |mark: &str| mark.len() == 8 && mark.bytes().all(|digit| digit.is_ascii_hexdigit());
    let before = last.split_once('-').filter(|(mark, _)| is_mark(mark)).map(|(_, name)| name);
    found.or_else(|| find(before?)).unwrap_or_else(|| images.join(last))
}

/// Decodes `%20` and the like.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
