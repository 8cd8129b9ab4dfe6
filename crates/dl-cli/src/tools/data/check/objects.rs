//! The objects of a record: labels, boxes, masks and areas.

use std::collections::HashSet;

use anyhow::Result;
use dl_record::{BBox, Object, Record};
use dl_vision::masks;
use serde_json::Value;

use super::findings::Findings;
use crate::common::one_line;

/// A box may extend outside by this many pixels, because sums of decimals are not exact.
const SLACK: f64 = 1e-6;

/// What objects must satisfy.
pub(super) struct Rules<'a> {
    /// The known labels; `None`: any label.
    pub(super) labels: Option<&'a HashSet<&'a str>>,
    /// A box whose width or height is at most this many pixels is empty.
    pub(super) empty: f64,
}

impl Rules<'_> {
    pub(super) fn is_known(&self, label: &str) -> bool {
        !label.is_empty() && self.labels.is_none_or(|labels| labels.contains(label))
    }

    fn is_empty(&self, bbox: &BBox) -> bool {
        bbox.width() <= self.empty || bbox.height() <= self.empty
    }
}

/// The record's objects. An invalid one is a finding and is left out.
/// # Errors
/// When the field is not a list.
pub(super) fn read(record: &Record, findings: &mut Findings) -> Result<Option<Vec<Object>>> {
    if let Ok(objects) = record.objects() {
        return Ok(objects);
    }
    let Some(values) = record.get::<Vec<Value>>("objects")? else { return Ok(None) };
    let mut objects = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        match serde_json::from_value(value) {
            Ok(object) => objects.push(object),
            Err(error) => {
                findings.fixable(format_args!("object {index}: {}", one_line(error)), "dropped");
                findings.dropped_objects += 1;
            }
        }
    }
    Ok(Some(objects))
}

/// The objects that are kept, repaired.
pub(super) fn inspect(
    objects: Vec<Object>,
    rules: &Rules,
    size: Option<(u32, u32)>,
    findings: &mut Findings,
) -> Vec<Object> {
    let mut kept = Vec::with_capacity(objects.len());
    for (index, mut object) in objects.into_iter().enumerate() {
        let name = format!("object {index} ({})", object.label);
        let mut keep = true;
        if !rules.is_known(&object.label) {
            findings.fixable(format_args!("{name}: unknown label"), "dropped");
            keep = false;
        }
        let before = object.bbox;
        keep &= inspect_box(&mut object, &name, rules, size, findings);
        let had_mask = object.mask.is_some();
        inspect_mask(&mut object, &name, size, findings);
        if object.bbox != before || had_mask != object.mask.is_some() {
            set_area(&mut object);
        }
        if keep {
            findings.kept_objects += 1;
            kept.push(object);
        } else {
            findings.dropped_objects += 1;
        }
    }
    kept
}

/// Is the box inside the image, up to [`SLACK`]?
pub(super) fn fits(bbox: &BBox, (width, height): (u32, u32)) -> bool {
    let (width, height) = (f64::from(width), f64::from(height));
    bbox.x1 >= -SLACK && bbox.y1 >= -SLACK && bbox.x2 <= width + SLACK && bbox.y2 <= height + SLACK
}

/// Clips the box; false if the object has to be dropped.
fn inspect_box(
    object: &mut Object,
    name: &str,
    rules: &Rules,
    size: Option<(u32, u32)>,
    findings: &mut Findings,
) -> bool {
    let bbox = object.bbox;
    let [x1, y1, x2, y2] = bbox.into();
    if let Err(error) = bbox.check() {
        findings.fixable(format_args!("{name}: {error}"), "dropped");
        return false;
    }
    if rules.is_empty(&bbox) {
        let shape = format!("{} x {} pixels", bbox.width(), bbox.height());
        findings.fixable(format_args!("{name}: box [{x1},{y1},{x2},{y2}] is empty ({shape})"), "dropped");
        return false;
    }
    let Some((width, height)) = size.filter(|size| !fits(&bbox, *size)) else { return true };
    object.bbox = bbox.clip(width.into(), height.into());
    let stays = !rules.is_empty(&object.bbox);
    findings.fixable(
        format_args!("{name}: box [{x1},{y1},{x2},{y2}] is outside the image of {width} x {height}"),
        if stays { "clipped" } else { "dropped" },
    );
    stays
}

/// Removes an unusable mask, with the polygons that it was made from.
fn inspect_mask(object: &mut Object, name: &str, size: Option<(u32, u32)>, findings: &mut Findings) {
    let Some(mask) = &object.mask else { return };
    let [mask_height, mask_width] = mask.size;
    let text = match (size.filter(|size| *size != (mask_width, mask_height)), masks::area(mask)) {
        (Some((width, height)), _) => {
            format!("mask is {mask_width} x {mask_height} pixels, the image is {width} x {height}")
        }
        (None, Err(error)) => one_line(error),
        (None, Ok(0)) => "mask has no pixels".to_owned(),
        (None, Ok(_)) => return,
    };
    findings.fixable(format_args!("{name}: {text}"), "removed");
    findings.removed_masks += 1;
    object.mask = None;
    object.extra.remove("segmentation");
}

/// Sets the area, if there is one, to that of the mask, else of the box.
fn set_area(object: &mut Object) {
    if object.area.is_some() || object.mask.is_some() {
        let of_mask = object.mask.as_ref().and_then(|mask| masks::area(mask).ok());
        object.area = Some(of_mask.map_or_else(|| object.bbox.area(), |area| area as f64));
    }
}
