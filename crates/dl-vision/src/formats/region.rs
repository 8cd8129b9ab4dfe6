//! Converts drawn regions (polygons, ellipses, rotated boxes and bitmaps) to boxes and masks.

use anyhow::{Context, Result, bail, ensure};
use dl_record::{BBox, Mask, Object};
use serde_json::json;

use crate::masks::{self, LONGEST};

/// The most pixels of an image with a mask given as a bitmap.
const MOST_PIXELS: u64 = 1 << 27;
/// Number of corners of the polygon that approximates an ellipse.
const CORNERS: u32 = 64;

/// Width and height of an image, if known.
pub(super) type Size = Option<(u32, u32)>;

/// An object with the box between two corners, in any order.
pub(super) fn rectangle(label: String, corners: [f64; 4]) -> Result<Object> {
    let [x1, y1, x2, y2] = corners;
    let bbox = BBox::new(x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2));
    ensure!(corners.iter().all(|edge| edge.is_finite()), "a corner is not a finite number");
    Ok(Object { bbox, label, ..Object::default() })
}

/// An object with the bounding box of `[x1, y1, x2, y2, ...]`, and the mask of the polygon if the size is known.
pub(super) fn polygon(label: String, points: Vec<f64>, size: Size) -> Result<Object> {
    ensure!(points.len() >= 6 && points.len().is_multiple_of(2), "a polygon of fewer than three points");
    ensure!(points.iter().all(|edge| edge.is_finite()), "a point is not a finite number");
    let corners = || points.chunks_exact(2).map(|point| [point[0], point[1]]);
    let steps = corners().zip(corners().cycle().skip(1));
    let length: f64 = steps.map(|([x1, y1], [x2, y2])| (x2 - x1).abs().max((y2 - y1).abs())).sum();
    let reach = points.iter().fold(0.0_f64, |reach, edge| reach.max(edge.abs()));
    ensure!(length <= LONGEST && reach <= LONGEST, "a polygon with an outline of more than {LONGEST} pixels");
    let [mut x1, mut y1, mut x2, mut y2] = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for [x, y] in corners() {
        (x1, y1, x2, y2) = (x1.min(x), y1.min(y), x2.max(x), y2.max(y));
    }
    let mut object = rectangle(label, [x1, y1, x2, y2])?;
    let points = [points];
    object.mask = size.map(|(width, height)| masks::from_polygons(&points, width, height)).transpose()?;
    object.extra.insert("segmentation".to_owned(), json!(points));
    Ok(object)
}

/// An ellipse, rotated clockwise around its center.
pub(super) fn ellipse(label: String, center: [f64; 2], radii: [f64; 2], degrees: f64, size: Size) -> Result<Object> {
    let angles = (0..CORNERS).map(|corner| std::f64::consts::TAU * f64::from(corner) / f64::from(CORNERS));
    let points = angles.map(|angle| [center[0] + radii[0] * angle.cos(), center[1] + radii[1] * angle.sin()]);
    polygon(label, rotated(points, center, degrees), size)
}

/// A rectangle, rotated clockwise around `pivot`.
pub(super) fn rotated_box(
    label: String,
    corners: [f64; 4],
    pivot: [f64; 2],
    degrees: f64,
    size: Size,
) -> Result<Object> {
    let [x1, y1, x2, y2] = corners;
    let points = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
    polygon(label, rotated(points.into_iter(), pivot, degrees), size)
}

fn rotated(points: impl Iterator<Item = [f64; 2]>, pivot: [f64; 2], degrees: f64) -> Vec<f64> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    // The y axis points down, so this is clockwise.
    let turn = |[x, y]: [f64; 2]| {
        let (x, y) = (x - pivot[0], y - pivot[1]);
        [pivot[0] + x * cos - y * sin, pivot[1] + x * sin + y * cos]
    };
    points.flat_map(turn).collect()
}

/// An object from a bitmap at `left`, `top` of an image; nonzero bytes belong to it.
pub(super) fn bitmap(label: String, pixels: &[u8], [left, top, width, height]: [u32; 4], size: Size) -> Result<Object> {
    let (whole_width, whole_height) = size.context("a mask in an image of unknown size")?;
    ensure!(u64::from(whole_width) * u64::from(whole_height) <= MOST_PIXELS, "a mask in an image of too many pixels");
    ensure!(
        u64::from(width) * u64::from(height) == pixels.len() as u64,
        "a mask of {width} x {height} pixels has {}",
        pixels.len()
    );
    let fits = |start: u32, length: u32, whole: u32| start.checked_add(length).is_some_and(|end| end <= whole);
    if !fits(left, width, whole_width) || !fits(top, height, whole_height) {
        bail!("a mask of {width} x {height} pixels at {left}, {top} in an image of {whole_width} x {whole_height}");
    }
    // Runs of 0 and 1 in turn, column by column; only the columns of the bitmap are visited.
    let mut runs = vec![0_u32];
    let mut add = |value: bool, count: u32| {
        if count > 0 && value == runs.len().is_multiple_of(2) {
            *runs.last_mut().unwrap_or(&mut 0) += count;
        } else if count > 0 {
            runs.push(count);
        }
    };
    add(false, left * whole_height);
    for column in 0..width as usize {
        add(false, top);
        for pixel in pixels.iter().skip(column).step_by(width as usize) {
            add(*pixel != 0, 1);
        }
        add(false, whole_height - top - height);
    }
    add(false, (whole_width - left - width) * whole_height);
    let mask: Mask = masks::from_runs(&runs, whole_width, whole_height)?;
    Ok(Object { bbox: masks::bounding_box(&mask)?, label, mask: Some(mask), ..Object::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_turned_by_a_right_angle_covers_its_pixels() {
        let object = rotated_box("a".into(), [2.0, 2.0, 6.0, 4.0], [2.0, 2.0], 90.0, Some((8, 8))).unwrap();
        let BBox { x1, y1, x2, y2 } = object.bbox;
        let near = [x1, y1, x2, y2].iter().zip([0.0, 2.0, 2.0, 6.0]).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near, "{:?}", object.bbox);
        assert_eq!(masks::area(&object.mask.unwrap()).unwrap(), 8);
    }

    #[test]
    fn invalid_shapes_and_endless_outlines_are_rejected() {
        for points in
            [vec![0.0; 4], vec![0.0; 7], vec![0.0, 0.0, f64::NAN, 1.0, 1.0, 1.0], vec![0.0, 0.0, 1e12, 1.0, 1.0, 1.0]]
        {
            assert!(polygon("a".into(), points, Some((8, 8))).is_err());
        }
        assert!(bitmap("a".into(), &[1; 4], [7, 0, 2, 2], Some((8, 8))).is_err());
        assert!(bitmap("a".into(), &[1; 4], [u32::MAX, 0, 2, 2], Some((8, 8))).is_err());
        let object = bitmap("a".into(), &[1, 0, 1, 1], [1, 2, 2, 2], Some((8, 8))).unwrap();
        assert_eq!(object.bbox, BBox::new(1.0, 2.0, 3.0, 4.0));
    }
}
