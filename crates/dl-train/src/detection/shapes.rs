//! Shapes of default boxes for the objects of a training set.
//!
//! Redmon and Farhadi 2017 (YOLO9000, section 2): shapes of the objects are better priors than shapes chosen by hand. With
//! clusters of all objects, the most frequent class takes nearly all shapes, and the others are hardly matched; so the
//! shapes here are few that together cover the objects of every class. A shape belongs to the coarsest source whose cells
//! are dense enough for it.

use dl_models::Preprocessing;
use dl_models::detection::Placed;

use super::Samples;

/// Most shapes.
const MOST: usize = 9;
/// An object is covered by a shape with at least this IoU, at the same center.
const COVER: f64 = 0.65;
/// The part of the objects that is covered, of each class.
const ENOUGH: f64 = 0.98;
/// Objects that are looked at.
const MOST_OBJECTS: usize = 2000;
/// A cell is at most this fraction of the sides of its boxes, so that a neighboring box overlaps an object between two
/// cells by half.
const CELL: f64 = 0.5;

/// An object: (width, height) as parts of the input's, and its weight.
pub(super) type Sides = ([f64; 2], f64);

/// The sides of the objects of images whose size is known; all classes have the same total weight.
pub(super) fn sides(samples: &Samples, preprocessing: &Preprocessing) -> Vec<Sides> {
    let mut found: Vec<([f64; 2], usize)> = Vec::new();
    for sample in samples.samples() {
        let Some([width, height]) = sample.size else { continue };
        let placed = Placed::of(preprocessing, width, height);
        let [rows, columns] = placed.size.map(|side| side as f64);
        for (bbox, (_, class)) in sample.boxes().zip(&sample.used) {
            let bbox = placed.to_input(placed.clip(*bbox));
            let sides = [bbox.width() / columns, bbox.height() / rows];
            if sides.iter().all(|side| *side > 0.0) {
                found.push((sides, *class));
            }
        }
    }
    let step = found.len().div_ceil(MOST_OBJECTS).max(1);
    let found: Vec<_> = found.into_iter().step_by(step).collect();
    let mut counts = vec![0.0; samples.labels().len()];
    found.iter().for_each(|(_, class)| counts[*class] += 1.0);
    found.into_iter().map(|(sides, class)| (sides, 1.0 / counts[class])).collect()
}

/// Whether boxes of this shape around every cell are dense enough.
pub(super) fn is_dense(cell: &[f64; 2], shape: &[f64; 2]) -> bool {
    (0..2).all(|axis| cell[axis] <= CELL * shape[axis])
}

/// The shapes on sources with cells of these sizes, from fine to coarse. Sources without one have an empty list.
pub(super) fn on_sources(shapes: &[[f64; 2]], cells: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    let mut sources = vec![Vec::new(); cells.len()];
    for shape in shapes {
        let source = cells.iter().rposition(|cell| is_dense(cell, shape)).unwrap_or(0);
        if let Some(shapes) = sources.get_mut(source) {
            shapes.push(*shape);
        }
    }
    sources
}

/// Few shapes that cover the objects: at each step the one of an object that covers most of the others that are left.
pub(super) fn covering(objects: &[Sides]) -> Vec<[f64; 2]> {
    let total: f64 = objects.iter().map(|(_, weight)| weight).sum();
    let mut left: Vec<Sides> = objects.to_vec();
    let mut shapes = Vec::new();
    while shapes.len() < MOST && left.iter().map(|(_, weight)| weight).sum::<f64>() > (1.0 - ENOUGH) * total {
        let covered = |shape: &[f64; 2]| -> f64 {
            left.iter().filter(|(sides, _)| overlap(shape, sides) >= COVER).map(|(_, weight)| weight).sum()
        };
        let best = objects.iter().map(|(sides, _)| (covered(sides), sides));
        let Some((_, shape)) = best.reduce(|best, next| if next.0 > best.0 { next } else { best }) else { break };
        left.retain(|(sides, _)| overlap(shape, sides) < COVER);
        // Few digits: they are stored in the config.
        shapes.push(shape.map(|side| (side * 1e4).ceil() / 1e4));
    }
    shapes.sort_by(|a, b| (a[0] * a[1]).total_cmp(&(b[0] * b[1])));
    shapes
}

/// The IoU of two boxes with the same center.
fn overlap(a: &[f64; 2], b: &[f64; 2]) -> f64 {
    let inner = a[0].min(b[0]) * a[1].min(b[1]);
    inner / (a[0] * a[1] + b[0] * b[1] - inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_class_has_a_shape_too() {
        let near = |center: [f64; 2], count: i32| {
            (0..count).map(move |index| {
                (center.map(|side| side * (1.0 + 0.01 * f64::from(index % 7))), 1.0 / f64::from(count))
            })
        };
        let objects: Vec<Sides> =
            near([0.05, 0.05], 5).chain(near([0.4, 0.2], 400)).chain(near([0.9, 0.9], 40)).collect();
        let shapes = covering(&objects);
        assert_eq!(shapes.len(), 3, "{shapes:?}");
        assert!(shapes[0][0] < 0.06 && shapes[1][1] < 0.22 && shapes[2][0] > 0.85, "{shapes:?}");
        let sources = on_sources(&shapes, &[[0.05; 2], [0.1; 2], [0.5; 2]]);
        assert_eq!(sources, [vec![shapes[0]], vec![shapes[1], shapes[2]], Vec::new()]);
        assert!(covering(&[]).is_empty());
    }
}
