//! Parses a line of a label file: one object.

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{BBox, Detection, Object};
use serde_json::json;

use crate::masks;

/// The largest coordinate, as a fraction of the image or in pixels.
const MOST_NUMBER: f64 = 1e9;

/// The keypoints that follow a box (`kpt_shape` in `data.yaml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keypoints {
    pub(super) count: usize,
    /// Whether each has a third number for its visibility.
    pub(super) with_visibility: bool,
}

impl Keypoints {
    fn numbers(self) -> usize {
        self.count * (2 + usize::from(self.with_visibility))
    }
}

/// What to do with oriented boxes: a class and four corners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oriented {
    /// Use the bounding box of the corners.
    Box,
    /// Treat them as errors.
    Refuse,
}

/// The context for reading a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format<'a> {
    pub(super) names: &'a [String],
    pub(super) keypoints: Option<Keypoints>,
    pub(super) oriented: Option<Oriented>,
    /// Lines are the output of a detector.
    pub(super) predictions: bool,
    /// The most pixels that the outline of a polygon may pass through. Each costs time, and memory of the mask.
    pub(super) most_outline: f64,
}

/// The contents of a line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) content: Content,
    pub(super) form: Form,
    /// It extends outside the image by more than rounding.
    pub(super) outside: bool,
    /// How many pixels of outline were drawn.
    pub(super) outline: f64,
}

#[derive(Debug)]
pub(super) enum Content {
    Object(Object),
    Detection(Detection),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Box,
    /// A polygon of four points, which may be an oriented box.
    FourCorners,
    Polygon,
}

/// Is the line blank or a comment?
pub(super) fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Could it be a line of a label file?
pub(super) fn looks_like_a_label(line: &str) -> bool {
    let words: Vec<&str> = line.split([' ', '\t', ',']).filter(|word| !word.is_empty()).take(5).collect();
    words.len() == 5 && words.iter().all(|word| word.parse::<f64>().is_ok())
}

/// Reads a line of an image of `size` pixels.
/// # Errors
/// When it is invalid; the message does not name the line.
pub(super) fn read(line: &str, format: Format, size: (u32, u32)) -> Result<Line> {
    let words = words(line)?;
    if let Some(found) = dota(&words, format.oriented)? {
        return finish(found, None, (Form::Box, 0.0), format, size);
    }
    let label = label(words.first().copied().unwrap_or_default(), format.names)?;
    let numbers: Vec<f64> = words[1..].iter().map(|word| number(word)).collect::<Result<_>>()?;
    let (shape, confidence) = shape(&numbers, format)?;
    let (w, h) = (f64::from(size.0), f64::from(size.1));
    let mut object = Object { label, ..Object::default() };
    let mut drawn = (Form::Box, 0.0);
    match shape {
        Shape::Box(center, keypoints) => {
            object.bbox = box_of(center, w, h)?;
            if let (Some(shape), false) = (format.keypoints, keypoints.is_empty()) {
                object.extra.insert("keypoints".to_owned(), json!(in_pixels(keypoints, shape, w, h)));
            }
        }
        Shape::Polygon(points) => {
            let polygon: Vec<f64> = points.chunks_exact(2).flat_map(|point| [point[0] * w, point[1] * h]).collect();
            object.bbox = around(&polygon);
            let form = if points.len() == 8 { Form::FourCorners } else { Form::Polygon };
            drawn = (form, 0.0);
            if form != Form::FourCorners || format.oriented.is_none() {
                drawn.1 = outline(&polygon, w, h);
                if drawn.1 > format.most_outline {
                    bail!("the polygons of this image are too long to be drawn");
                }
                object.mask = Some(masks::from_polygons(std::slice::from_ref(&polygon), size.0, size.1)?);
                object.extra.insert("segmentation".to_owned(), json!([polygon]));
            }
        }
    }
    finish(object, confidence, drawn, format, size)
}

/// The words of a line, separated by whitespace or commas. `0,5` is not accepted as 0.5: it would be two numbers.
fn words(line: &str) -> Result<Vec<&str>> {
    let line = line.trim();
    if !line.contains(char::is_whitespace) {
        return Ok(line.split(',').collect());
    }
    let words = line.split(char::is_whitespace).map(|word| word.trim_matches(','));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if let Some(word) = words.iter().find(|word| word.contains(',')) {
        bail!("\"{word}\" is not a number; write decimals with a point");
    }
    Ok(words)
}

fn label(word: &str, names: &[String]) -> Result<String> {
    // numpy.savetxt writes every column as 1.000000e+00.
    let class = word.parse::<f64>().ok().filter(|class| class.fract() == 0.0 && *class >= 0.0 && *class < 1e9);
    let class = class.with_context(|| format!("the class \"{word}\" is not a whole number"))? as usize;
    let name = names.get(class).with_context(|| match names.len() {
        1 => format!("class {class}, but there is only 1 name"),
        count => format!("class {class}, but there are only {count} names"),
    })?;
    if name.is_empty() {
        bail!("class {class} has no name");
    }
    Ok(name.clone())
}

fn number(word: &str) -> Result<f64> {
    let number: Option<f64> = word.parse().ok().filter(|number: &f64| number.is_finite());
    let number = number.ok_or_else(|| anyhow!("\"{word}\" is not a number"))?;
    // It is multiplied later, and JSON has no infinity.
    if number.abs() > MOST_NUMBER {
        bail!("\"{word}\" is out of range");
    }
    Ok(number)
}

enum Shape<'a> {
    /// Center and size, then the numbers of keypoints.
    Box([f64; 4], &'a [f64]),
    Polygon(&'a [f64]),
}

/// The meaning of the numbers after the class, and the confidence of a detector.
fn shape<'a>(numbers: &'a [f64], format: Format) -> Result<(Shape<'a>, Option<f64>)> {
    if let Some(keypoints) = format.keypoints {
        let whole = 4 + keypoints.numbers();
        return match numbers {
            [x, y, w, h] => Ok((Shape::Box([*x, *y, *w, *h], &[]), None)),
            [x, y, w, h, confidence] => Ok((Shape::Box([*x, *y, *w, *h], &[]), Some(*confidence))),
            [x, y, w, h, points @ ..] if numbers.len() == whole => Ok((Shape::Box([*x, *y, *w, *h], points), None)),
            [x, y, w, h, points @ .., confidence] if numbers.len() == whole + 1 => {
                Ok((Shape::Box([*x, *y, *w, *h], points), Some(*confidence)))
            }
            _ => bail!(
                "{} numbers after the class; expected 4 of a box, or {whole} with the {} keypoints of kpt_shape",
                numbers.len(),
                keypoints.count
            ),
        };
    }
    match numbers {
        [x, y, w, h] => Ok((Shape::Box([*x, *y, *w, *h], &[]), None)),
        [x, y, w, h, confidence] => Ok((Shape::Box([*x, *y, *w, *h], &[]), Some(*confidence))),
        [_, _, _, _, _, _, _, _] if format.oriented == Some(Oriented::Refuse) => {
            bail!("four corners are an oriented box; --obb box uses its bounding box")
        }
        _ if numbers.len() >= 6 && numbers.len().is_multiple_of(2) => Ok((Shape::Polygon(numbers), None)),
        [points @ .., confidence] if format.predictions && points.len() >= 6 => {
            Ok((Shape::Polygon(points), Some(*confidence)))
        }
        _ => bail!(
            "{} numbers after the class; expected 4 of a box, 5 with a confidence, or an even number of at least 6 of \
             a polygon; keypoints need kpt_shape in data.yaml",
            numbers.len()
        ),
    }
}

/// Normalized center and size -> corners in pixels.
fn box_of([x, y, across, down]: [f64; 4], w: f64, h: f64) -> Result<BBox> {
    if across < 0.0 || down < 0.0 {
        bail!("the box has a negative width or height");
    }
    Ok(BBox::new((x - across / 2.0) * w, (y - down / 2.0) * h, (x + across / 2.0) * w, (y + down / 2.0) * h))
}

/// Keypoints in COCO's form: x, y and visibility (0 not labeled, 1 hidden, 2 visible) for each.
fn in_pixels(points: &[f64], shape: Keypoints, w: f64, h: f64) -> Vec<f64> {
    let each = if shape.with_visibility { 3 } else { 2 };
    let point = |point: &[f64]| {
        let visibility = if point[0] >= 0.0 && point[1] >= 0.0 { 2.0 } else { 0.0 };
        [point[0] * w, point[1] * h, point.get(2).copied().unwrap_or(visibility)]
    };
    points.chunks_exact(each).flat_map(point).collect()
}

/// A DOTA line: four corners in pixels, a label, and whether it is difficult. `None` for a YOLO line.
fn dota(words: &[&str], oriented: Option<Oriented>) -> Result<Option<Object>> {
    let ([_, _, _, _, _, _, _, _, label] | [_, _, _, _, _, _, _, _, label, _]) = words else { return Ok(None) };
    if label.parse::<f64>().is_ok() {
        return Ok(None);
    }
    let Ok(corners) = words[..8].iter().map(|word| number(word)).collect::<Result<Vec<f64>>>() else {
        return Ok(None);
    };
    if oriented != Some(Oriented::Box) {
        bail!("it is an oriented box of DOTA; --obb box uses its bounding box");
    }
    let difficult = words.get(9).is_some_and(|word| *word != "0");
    Ok(Some(Object { bbox: around(&corners), label: (*label).to_owned(), difficult, ..Object::default() }))
}

fn finish(
    object: Object,
    confidence: Option<f64>,
    (form, outline): (Form, f64),
    format: Format,
    size: (u32, u32),
) -> Result<Line> {
    let (w, h) = (f64::from(size.0), f64::from(size.1));
    let BBox { x1, y1, x2, y2 } = object.bbox;
    // Annotation programs round by up to half a percent.
    let outside = x1 < -0.005 * w || y1 < -0.005 * h || x2 > 1.005 * w || y2 > 1.005 * h;
    if let Some(confidence) = confidence.filter(|confidence| !(0.0..=1.0).contains(confidence)) {
        bail!("the last number, {confidence}, is not a confidence from 0 to 1");
    }
    let content = match (format.predictions, confidence) {
        (true, Some(score)) => {
            let Object { bbox, label, mask, extra, .. } = object;
            Content::Detection(Detection { bbox, label, score, mask, proposal: None, extra })
        }
        (true, None) => bail!("it has no confidence, which --predictions requires"),
        (false, Some(confidence)) => {
            let mut object = object;
            object.extra.insert("confidence".to_owned(), json!(confidence));
            Content::Object(object)
        }
        (false, None) => Content::Object(object),
    };
    Ok(Line { content, form, outside, outline })
}

/// The length of a polygon's outline inside an image of `w` x `h` pixels, along the longer axis of each edge.
fn outline(polygon: &[f64], w: f64, h: f64) -> f64 {
    let points: Vec<_> =
        polygon.chunks_exact(2).map(|point| (point[0].clamp(0.0, w), point[1].clamp(0.0, h))).collect();
    let edges = points.iter().zip(points.iter().cycle().skip(1));
    edges.map(|((x1, y1), (x2, y2))| (x2 - x1).abs().max((y2 - y1).abs())).sum()
}

/// The bounding box of a polygon.
fn around(polygon: &[f64]) -> BBox {
    let mut bbox = BBox::new(f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    for point in polygon.chunks_exact(2) {
        bbox.x1 = bbox.x1.min(point[0]);
        bbox.y1 = bbox.y1.min(point[1]);
        bbox.x2 = bbox.x2.max(point[0]);
        bbox.y2 = bbox.y2.max(point[1]);
    }
    bbox
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSE: Keypoints = Keypoints { count: 2, with_visibility: true };

    fn parse(line: &str, change: impl Fn(&mut Format)) -> Result<Line> {
        let names = ["cat".to_owned(), String::new()];
        let mut format =
            Format { names: &names, keypoints: None, oriented: None, predictions: false, most_outline: 100.0 };
        change(&mut format);
        read(line, format, (10, 20))
    }

    fn object(line: &str, change: impl Fn(&mut Format)) -> Object {
        match parse(line, change).unwrap().content {
            Content::Object(object) => object,
            Content::Detection(found) => panic!("{found:?}"),
        }
    }

    #[test]
    fn all_notations_of_a_box_are_equal() {
        let expected = object("0 0.5 0.5 0.2 0.4", |_| {});
        assert_eq!(expected.bbox, BBox::new(4.0, 6.0, 6.0, 14.0));
        for line in [
            "0.0 .5 .5 .2 .4",
            "0.000000000000000000e+00 5e-01 5e-1 2E-01 4e-01",
            "\t0\t0.5\t0.5\t0.2\t0.4 ",
            "0,0.5,0.5,0.2,0.4",
            "0, 0.5, 0.5, 0.2, 0.4",
        ] {
            assert_eq!(object(line, |_| {}), expected, "{line}");
        }
    }

    #[test]
    fn keypoints_stay_beside_their_box() {
        let pose = |format: &mut Format| format.keypoints = Some(POSE);
        let found = object("0 .5 .5 .2 .4 .1 .2 2 0 0 0", pose);
        assert_eq!((found.bbox, found.mask), (BBox::new(4.0, 6.0, 6.0, 14.0), None));
        assert_eq!(found.extra["keypoints"], json!([1.0, 4.0, 2.0, 0.0, 0.0, 0.0]));
        let plain = Keypoints { count: 2, with_visibility: false };
        let found = object("0 .5 .5 .2 .4 .1 .2 -1 -1", |format| format.keypoints = Some(plain));
        assert_eq!(found.extra["keypoints"], json!([1.0, 4.0, 2.0, -10.0, -20.0, 0.0]));
        let error = parse("0 .5 .5 .2 .4 .1 .2 2 0 0", pose).unwrap_err().to_string();
        assert!(error.contains("expected 4 of a box, or 10 with the 2 keypoints"), "{error}");
    }

    #[test]
    fn oriented_boxes_are_read_as_requested() {
        let line = "0 .1 .1 .9 .1 .9 .9 .1 .9";
        assert!(object(line, |_| {}).mask.is_some());
        let found = object(line, |format| format.oriented = Some(Oriented::Box));
        assert_eq!((found.bbox, found.mask, found.extra.len()), (BBox::new(1.0, 2.0, 9.0, 18.0), None, 0));
        assert!(parse(line, |format| format.oriented = Some(Oriented::Refuse)).is_err());
        let line = "1 1 3 1 3 2 1 2 ship 1";
        assert!(parse(line, |_| {}).unwrap_err().to_string().contains("--obb box"));
        let found = object(line, |format| format.oriented = Some(Oriented::Box));
        assert_eq!((found.bbox, found.label.as_str(), found.difficult), (BBox::new(1.0, 1.0, 3.0, 2.0), "ship", true));
    }

    #[test]
    fn a_confidence_makes_a_detection_if_requested() {
        assert_eq!(object("0 .5 .5 .2 .4 .75", |_| {}).extra["confidence"], json!(0.75));
        for line in ["0 .5 .5 .2 .4 .75", "0 .1 .1 .9 .1 .9 .9 .75"] {
            let found = parse(line, |format| format.predictions = true).unwrap().content;
            assert!(matches!(found, Content::Detection(Detection { score: 0.75, .. })), "{found:?}");
        }
        assert!(parse("0 .5 .5 .2 .4", |format| format.predictions = true).is_err());
        assert!(parse("0 .5 .5 .2 .4 7", |_| {}).is_err());
    }

    #[test]
    fn an_invalid_line_is_reported() {
        for (line, expected) in [
            ("2 0.5 0.5 0.1 0.1", "class 2, but there are only 2 names"),
            ("1 0.5 0.5 0.1 0.1", "class 1 has no name"),
            ("cat 0.5 0.5 0.1 0.1", "the class \"cat\" is not a whole number"),
            ("0.5 0.5 0.5 0.1 0.1", "the class \"0.5\" is not a whole number"),
            ("-1 0.5 0.5 0.1 0.1", "the class \"-1\" is not a whole number"),
            ("nan 0.5 0.5 0.1 0.1", "the class \"nan\" is not a whole number"),
            ("1e300 0.5 0.5 0.1 0.1", "the class \"1e300\" is not a whole number"),
            ("0", "0 numbers after the class"),
            ("0 0.5 0.5 0.1", "3 numbers after the class"),
            ("0 0.5 0.5 0.1 0.1 0.9 0.9 0.9", "7 numbers after the class"),
            ("0 0.5 0.5 0.1 nan", "\"nan\" is not a number"),
            ("0 0.5 0.5 0.1 inf", "\"inf\" is not a number"),
            ("0 0.5 0.5 0.1 -0.1", "the box has a negative width"),
            ("0 1e308 0.5 1e308 0.1", "\"1e308\" is out of range"),
            (&format!("0{}", " 0 0 1 1".repeat(9)), "the polygons of this image are too long"),
            ("0 0,5 0,5 0,1 0,1", "\"0,5\" is not a number; write decimals"),
        ] {
            let error = format!("{:#}", parse(line, |_| {}).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(is_empty(" \t") && is_empty("# comment") && !is_empty("0"));
    }
}
