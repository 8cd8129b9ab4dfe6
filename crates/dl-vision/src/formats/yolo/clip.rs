//! Clips boxes and polygons to their image, because YOLO's numbers are fractions of it.

use dl_record::BBox;

/// Less than this many pixels outside the image is rounding.
const ROUNDING: f64 = 1e-3;

/// What is inside the image.
#[derive(Debug, PartialEq)]
pub(super) struct Clipped<T> {
    pub(super) inside: T,
    /// Something was clipped.
    pub(super) cut: bool,
}

/// The part of the box inside an image of `w` x `h` pixels, if any. An empty box inside the image is kept.
pub(super) fn clip_box(bbox: BBox, w: f64, h: f64) -> Option<Clipped<BBox>> {
    let inside = bbox.clip(w, h);
    let is_gone = |before: f64, after: f64| after <= 0.0 && before > ROUNDING;
    let is_outside = bbox.x2 < -ROUNDING || bbox.y2 < -ROUNDING || bbox.x1 > w + ROUNDING || bbox.y1 > h + ROUNDING;
    if is_outside || is_gone(bbox.width(), inside.width()) || is_gone(bbox.height(), inside.height()) {
        return None;
    }
    let edges = |bbox: BBox| [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
    Some(Clipped { inside, cut: moved(&edges(bbox), &edges(inside)) })
}

/// The part of the polygon `[x1, y1, x2, y2, ...]` inside the image; `None` if it is empty or not finite.
/// (Sutherland and Hodgman, "Reentrant polygon clipping", 1974.)
pub(super) fn clip_polygon(polygon: &[f64], w: f64, h: f64) -> Option<Clipped<Vec<f64>>> {
    let mut points: Vec<[f64; 2]> = polygon.chunks_exact(2).map(|point| [point[0], point[1]]).collect();
    let reaches_out = points.iter().any(|[x, y]| !(0.0..=w).contains(x) || !(0.0..=h).contains(y));
    if !reaches_out {
        return Some(Clipped { inside: polygon.to_vec(), cut: false });
    }
    for (axis, edge, is_lower) in [(0, 0.0, true), (0, w, false), (1, 0.0, true), (1, h, false)] {
        let is_inside = |point: &[f64; 2]| if is_lower { point[axis] >= edge } else { point[axis] <= edge };
        let mut kept = Vec::with_capacity(points.len() + 4);
        for (index, point) in points.iter().enumerate() {
            let before = points[(index + points.len() - 1) % points.len()];
            if is_inside(&before) != is_inside(point) {
                let part = (edge - before[axis]) / (point[axis] - before[axis]);
                let mut crossing = [0, 1].map(|i| before[i] + part * (point[i] - before[i]));
                crossing[axis] = edge;
                kept.push(crossing);
            }
            if is_inside(point) {
                kept.push(*point);
            }
        }
        points = kept;
    }
    if points.len() < 3 || points.iter().flatten().any(|number| !number.is_finite()) {
        return None;
    }
    let inside = points.into_iter().flat_map(|[x, y]| [x.clamp(0.0, w), y.clamp(0.0, h)]).collect();
    let within: Vec<f64> =
        polygon.chunks_exact(2).flat_map(|point| [point[0].clamp(0.0, w), point[1].clamp(0.0, h)]).collect();
    Some(Clipped { inside, cut: moved(polygon, &within) })
}

fn moved(before: &[f64], after: &[f64]) -> bool {
    before.iter().zip(after).any(|(before, after)| (before - after).abs() > ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_clipped_kept_or_dropped() {
        let clipped = |x1, y1, x2, y2| clip_box(BBox::new(x1, y1, x2, y2), 10.0, 20.0);
        assert_eq!(clipped(-5.0, 2.0, 30.0, 4.0), Some(Clipped { inside: BBox::new(0.0, 2.0, 10.0, 4.0), cut: true }));
        assert!(!clipped(-1e-9, 0.0, 10.0 + 1e-9, 20.0).unwrap().cut);
        assert!(clipped(3.0, 3.0, 3.0, 3.0).is_some(), "an empty box inside the image");
        for (x1, y1, x2, y2) in
            [(10.0, 0.0, 12.0, 5.0), (-3.0, 0.0, -1.0, 5.0), (0.0, 20.5, 5.0, 30.0), (40.0, 1.0, 40.0, 1.0)]
        {
            assert_eq!(clipped(x1, y1, x2, y2), None);
        }
    }

    #[test]
    fn a_polygon_is_clipped_at_the_edges() {
        // A rhombus that the edges cut to an octagon.
        let found = clip_polygon(&[-2.0, 5.0, 5.0, -2.0, 12.0, 5.0, 5.0, 12.0], 10.0, 10.0).unwrap();
        assert!(found.cut && found.inside.iter().all(|number| (0.0..=10.0).contains(number)), "{found:?}");
        assert_eq!(found.inside.len(), 16, "{found:?}");
        assert_eq!(clip_polygon(&[11.0, 0.0, 12.0, 0.0, 12.0, 5.0], 10.0, 10.0), None);
        let inside = [1.0, 1.0, 2.0, 1.0, 2.0, 2.0];
        assert_eq!(clip_polygon(&inside, 10.0, 10.0), Some(Clipped { inside: inside.to_vec(), cut: false }));
    }
}
