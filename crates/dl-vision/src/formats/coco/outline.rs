//! The area, box and mask of an annotation.
//!
//! The rules are in one place, so that numbers do not depend on how a file was read: the area is the annotation's own,
//! else that of the mask, else that of the box; a missing box is that of the mask.

use anyhow::{Context, Result};
use dl_record::{BBox, Mask, Object};
use hotcoco::mask::{area, to_bbox};
use hotcoco::types::{Rle, Segmentation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::Annotation;
use crate::formats::number::shortest;
use crate::masks;

/// The location of an object.
#[derive(Clone, Debug)]
pub struct Outline {
    /// [x, y, width, height] in pixels.
    pub bbox: [f64; 4],
    /// In square pixels.
    pub area: f64,
    /// Is it a group of objects?
    pub crowd: bool,
    /// Its pixels, if requested or needed.
    pub mask: Result<Drawn, NoMask>,
}

/// A mask, and how it was written.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// As in the file.
    pub segmentation: Segmentation,
    /// The pixels.
    pub rle: Rle,
}

/// Why an annotation has no mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMask {
    /// It has no segmentation, or the mask was not requested.
    Absent,
    /// Its segmentation is an empty list.
    Empty,
    /// No polygon has three points.
    FewPoints,
    /// It has polygons, and the size of the image is unknown.
    UnknownSize,
    /// Its segmentation cannot be read.
    Broken(String),
}

impl NoMask {
    /// The reason, for use after "annotation 3: ".
    pub fn reason(&self) -> String {
        match self {
            Self::Absent => "it has no segmentation".to_owned(),
            Self::Empty => "its segmentation is empty".to_owned(),
            Self::FewPoints => "its polygons have fewer than three points".to_owned(),
            Self::UnknownSize => "it cannot be drawn, because the width and height of the image are unknown".to_owned(),
            Self::Broken(error) => format!("its segmentation cannot be used: {error}"),
        }
    }
}

impl Annotation<'_> {
    /// The location of the object, in an image of `size` [height, width]. The mask is drawn if `with_mask` is
    /// set, or if area or box depend on it.
    /// # Errors
    /// When a field is invalid, or neither box nor mask is given.
    pub fn outline(&self, size: Option<[u32; 2]>, with_mask: bool) -> Result<Outline> {
        let crowd = self.iscrowd.optional("iscrowd")?.copied().unwrap_or_default();
        // An area that is not a number is unknown, and computed from the rest.
        let own_area = self.area.clone().good();
        let own_bbox = self.bbox.optional("bbox")?.copied();
        let mask =
            if with_mask || own_area.is_none() || own_bbox.is_none() { self.mask(size) } else { Err(NoMask::Absent) };
        // If the image size is unknown, area and box of polygons are those of all their pixels.
        let elsewhere = match mask {
            Err(NoMask::UnknownSize) if own_area.is_none() || own_bbox.is_none() => self.mask(self.extent()).ok(),
            _ => None,
        };
        let rle = mask.as_ref().ok().or(elsewhere.as_ref()).map(|drawn| &drawn.rle);
        let bbox = own_bbox.or_else(|| rle.map(to_bbox)).context("it has neither bbox nor a mask")?;
        let area = own_area.unwrap_or_else(|| rle.map_or(bbox[2] * bbox[3], |rle| area(rle) as f64));
        Ok(Outline { bbox, area, crowd, mask })
    }

    /// The pixels of the segmentation in an image of `size` [height, width].
    /// # Errors
    /// When there is no mask, with the reason.
    pub fn mask(&self, size: Option<[u32; 2]>) -> Result<Drawn, NoMask> {
        let segmentation = self.segmentation()?;
        let rle = match (&segmentation, size) {
            (Segmentation::Polygon(polygons), Some([height, width])) => masks::draw(polygons, width, height),
            (Segmentation::Polygon(_), None) => return Err(NoMask::UnknownSize),
            _ => segmentation.to_rle(0, 0).map_err(Into::into),
        };
        match rle {
            Ok(rle) => Ok(Drawn { segmentation, rle }),
            Err(error) => Err(NoMask::Broken(format!("{error:#}"))),
        }
    }

    fn segmentation(&self) -> Result<Segmentation, NoMask> {
        let text = self.segmentation.ok_or(NoMask::Absent)?.get();
        // Some programs write an empty string or object for "no mask".
        if ["null", "\"\"", "{}"].contains(&text) {
            return Err(NoMask::Absent);
        }
        let segmentation: Segmentation = match serde_json::from_str(text) {
            Ok(segmentation) => segmentation,
            Err(error) => with_whole_numbers(text).ok_or_else(|| NoMask::Broken(error.to_string()))?,
        };
        match &segmentation {
            Segmentation::Polygon(polygons) if polygons.iter().all(Vec::is_empty) => Err(NoMask::Empty),
            Segmentation::Polygon(polygons) if polygons.iter().all(|polygon| polygon.len() < 6) => {
                Err(NoMask::FewPoints)
            }
            _ => Ok(segmentation),
        }
    }

    /// The smallest image [height, width] that contains the polygons.
    fn extent(&self) -> Option<[u32; 2]> {
        let segmentation = self.segmentation().ok()?;
        let polygons = segmentation.polygons()?;
        let furthest = |first: usize| {
            let edges = polygons.iter().flat_map(|polygon| polygon.iter().skip(first).step_by(2));
            // A cast to u32 saturates.
            (edges.copied().fold(0.0, f64::max).ceil() as u32).saturating_add(1)
        };
        Some([furthest(1), furthest(0)])
    }
}

/// Run-length encoding whose size or runs are written as floats.
fn with_whole_numbers(text: &str) -> Option<Segmentation> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
    for name in ["size", "counts"] {
        for number in value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(whole) = number.as_f64().filter(is_whole) {
                *number = Value::from(whole as u32);
            }
        }
    }
    serde_json::from_value(value).ok()
}

/// The pixels of a box in an image of `size` [height, width], as pycocotools draws results without a segmentation.
/// # Errors
/// When it cannot be drawn, with the reason.
pub fn draw_box(bbox: [f64; 4], size: Option<[u32; 2]>) -> Result<Rle, NoMask> {
    let [height, width] = size.ok_or(NoMask::UnknownSize)?;
    let polygon = Segmentation::rect_corners(&bbox).to_vec();
    masks::draw(&[polygon], width, height).map_err(|error| NoMask::Broken(format!("{error:#}")))
}

/// The area of an object of a record: its own, else that of its mask, else that of its box.
/// # Errors
/// When the mask is broken.
pub fn area_of(object: &Object) -> Result<f64> {
    match (object.area, &object.mask) {
        (Some(area), _) => Ok(area),
        (None, Some(mask)) => Ok(masks::area(mask)? as f64),
        (None, None) => {
            let [_, _, width, height] = xywh(&object.bbox, &object.extra);
            Ok(width * height)
        }
    }
}

/// The box in COCO's form: [x, y, width, height].
///
/// It is the [`bbox`](keep_bbox) that the object came with, if still present; else the shortest decimals that give the
/// same edges, which are usually the original ones. Converting through records therefore does not change any overlap.
pub fn xywh(bbox: &BBox, extra: &Map<String, Value>) -> [f64; 4] {
    let kept = extra.get(KEPT).and_then(|kept| <[f64; 4]>::deserialize(kept).ok());
    if let Some(kept) = kept.filter(|kept| corners(kept) == *bbox) {
        return kept;
    }
    let width = shortest(bbox.width(), |width| bbox.x1 + width == bbox.x2);
    let height = shortest(bbox.height(), |height| bbox.y1 + height == bbox.y2);
    [bbox.x1, bbox.y1, width, height]
}

/// xywh -> xyxy
pub fn corners(&[x, y, width, height]: &[f64; 4]) -> BBox {
    BBox::new(x, y, x + width, y + height)
}

/// Field of an object: its box [x, y, width, height], if the corners do not determine it to the last bit.
pub(super) const KEPT: &str = "bbox";

/// Keeps the box as written, if it cannot be restored from its corners.
pub(super) fn keep_bbox(object: &mut Object, bbox: &[f64; 4]) {
    if xywh(&object.bbox, &object.extra) != *bbox {
        object.extra.insert(KEPT.to_owned(), serde_json::json!(bbox));
    }
}

/// Converts the mask to the form of a record.
pub(super) fn to_record(drawn: Drawn) -> Mask {
    match drawn.segmentation {
        Segmentation::CompressedRle { size, counts } => Mask { size, counts },
        _ => masks::to_mask(&drawn.rle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(json: &str, size: Option<[u32; 2]>) -> Outline {
        serde_json::from_str::<Annotation>(json).unwrap().outline(size, true).unwrap()
    }

    #[test]
    fn a_missing_area_is_that_of_the_mask_or_else_of_the_box() {
        let triangle = r#"{"bbox": [1, 1, 40, 40], "area": null, "segmentation": [[1, 1, 41, 1, 1, 41]]}"#;
        // pycocotools 2.0.11: maskUtils.area(maskUtils.frPyObjects([[1, 1, 41, 1, 1, 41]], 48, 64))
        assert_eq!(outline(triangle, Some([48, 64])).area, 780.0);
        let unknown = outline(triangle, None);
        assert_eq!((unknown.area, unknown.mask.unwrap_err()), (780.0, NoMask::UnknownSize));
        for (segmentation, reason) in [
            ("[]", NoMask::Empty),
            ("[[]]", NoMask::Empty),
            ("[[1, 1, 41, 41]]", NoMask::FewPoints),
            ("null", NoMask::Absent),
        ] {
            let json = format!(r#"{{"bbox": [1, 1, 40, 40], "segmentation": {segmentation}}}"#);
            let found = outline(&json, Some([48, 64]));
            assert_eq!((found.area, found.mask.unwrap_err()), (1600.0, reason));
        }
    }

    #[test]
    fn a_missing_box_is_that_of_the_mask() {
        let found = outline(r#"{"segmentation": {"size": [8, 10], "counts": "a04400001<LG02"}}"#, None);
        assert_eq!((found.bbox, found.area), ([2.0, 1.0, 7.0, 6.0], 19.0));
        let neither = serde_json::from_str::<Annotation>(r#"{"segmentation": []}"#).unwrap().outline(None, false);
        assert_eq!(neither.unwrap_err().to_string(), "it has neither bbox nor a mask");
    }

    #[test]
    fn a_broken_segmentation_loses_only_the_mask() {
        for segmentation in ["[[1, 2, \"NaN\", 4, 5, 6]]", "{\"size\": [2, 2], \"counts\": \"oooooooo\"}", "7"] {
            let found = outline(&format!(r#"{{"bbox": [1, 1, 2, 2], "segmentation": {segmentation}}}"#), Some([9, 9]));
            assert!(matches!(found.mask, Err(NoMask::Broken(_))), "{segmentation}");
            assert_eq!(found.area, 4.0);
        }
    }

    #[test]
    fn width_and_height_are_restored_to_the_last_bit() {
        let boxes =
            [[258.15, 0.1, 348.26, 0.2], [500.0, 0.3, 0.123_456_789_012_345_67, 1.0 / 3.0], [1e6, 3.0, 0.1, 0.0]];
        for bbox in boxes {
            let mut object = Object { bbox: corners(&bbox), ..Object::default() };
            keep_bbox(&mut object, &bbox);
            assert_eq!(xywh(&object.bbox, &object.extra), bbox);
            object.bbox.x2 += 1.0;
            assert_ne!(xywh(&object.bbox, &object.extra), bbox, "the kept bbox belongs to another box");
        }
        let mut short = Object { bbox: corners(&boxes[0]), ..Object::default() };
        keep_bbox(&mut short, &boxes[0]);
        assert!(short.extra.is_empty());
    }
}
