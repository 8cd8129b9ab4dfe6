//! Shapes of default boxes for the objects of a training set.
//!
//! Redmon and Farhadi 2017 (YOLO9000, section 2): clusters of the objects' widths and heights are better priors than
//! shapes chosen by hand. Clusters are made in the logarithms of both sides, where a distance is a ratio, as it is in the
//! IoU of boxes with a common center. A shape belongs to the coarsest source whose cells are dense enough for it.

use dl_models::Preprocessing;
use dl_models::detection::Placed;

use super::Sample;
use crate::data::View;

/// Number of clusters: YOLOv3's.
const CLUSTERS: usize = 9;
const ROUNDS: usize = 30;
/// A cell is at most this fraction of the sides of its boxes, so that a neighboring box overlaps an object between two
/// cells by half.
const CELL: f64 = 0.5;
/// The smallest side of a shape, as a part of the input's.
const SMALLEST: f64 = 0.01;

/// (width, height) of each object as parts of the input's, of images whose size is known.
pub(super) fn sides(samples: &[Sample], preprocessing: &Preprocessing) -> Vec<[f64; 2]> {
    let mut sides = Vec::new();
    for sample in samples {
        let Some([width, height]) = sample.size else { continue };
        let placed = Placed::of(preprocessing, width, height);
        let [rows, columns] = placed.size.map(|side| side as f64);
        let view = View { placed, mirrored: false };
        let boxes = sample.boxes().map(|bbox| view.to_input(&bbox.clip(width.into(), height.into())));
        let inside = boxes.map(|bbox| [bbox.width() / columns, bbox.height() / rows]);
        sides.extend(inside.filter(|sides| sides.iter().all(|side| *side > 0.0)));
    }
    sides
}

/// The shapes for sources with cells of these sizes, from fine to coarse: clusters of `sides`. Sources without one have
/// an empty list.
pub(super) fn shapes(sides: &[[f64; 2]], cells: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    let mut shapes = vec![Vec::new(); cells.len()];
    for shape in clusters(sides) {
        let is_dense = |cell: &[f64; 2]| (0..2).all(|axis| cell[axis] <= CELL * shape[axis]);
        let source = cells.iter().rposition(is_dense).unwrap_or(0);
        if let Some(shapes) = shapes.get_mut(source) {
            shapes.push(shape);
        }
    }
    shapes
}

/// The centers of clusters, from small to large. They start at even ranks of the areas.
fn clusters(sides: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = sides.iter().map(|sides| sides.map(|side| side.max(SMALLEST).ln())).collect();
    points.sort_by(|a, b| (a[0] + a[1]).total_cmp(&(b[0] + b[1])).then(a[0].total_cmp(&b[0])));
    points.dedup();
    let count = CLUSTERS.min(points.len());
    let mut centers: Vec<[f64; 2]> =
        (0..count).map(|index| points[(2 * index + 1) * points.len() / (2 * count)]).collect();
    for _ in 0..ROUNDS {
        let mut sums = vec![([0.0; 2], 0.0); count];
        for point in &points {
            let distance = |center: &[f64; 2]| (center[0] - point[0]).powi(2) + (center[1] - point[1]).powi(2);
            let nearest = (0..count).min_by(|a, b| distance(&centers[*a]).total_cmp(&distance(&centers[*b])));
            let (sum, members) = &mut sums[nearest.unwrap_or_default()];
            *members += 1.0;
            (sum[0], sum[1]) = (sum[0] + point[0], sum[1] + point[1]);
        }
        for (center, (sum, members)) in centers.iter_mut().zip(sums).filter(|(_, (_, members))| *members > 0.0) {
            *center = sum.map(|sum| sum / members);
        }
    }
    centers.sort_by(|a, b| (a[0] + a[1]).total_cmp(&(b[0] + b[1])));
    // Few digits: they are stored in the config.
    centers.into_iter().map(|center| center.map(|side| (side.exp() * 1e4).round() / 1e4)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_those_of_the_objects_on_sources_that_are_dense_enough() {
        let near =
            |center: [f64; 2]| (0..40).map(move |index| center.map(|side| side * (1.0 + 0.002 * f64::from(index % 7))));
        let objects: Vec<[f64; 2]> = near([0.05, 0.05]).chain(near([0.4, 0.2])).chain(near([0.9, 0.9])).collect();
        let cells = [[0.05; 2], [0.1; 2], [0.5; 2]];
        let shapes = shapes(&objects, &cells);
        assert_eq!(shapes.iter().map(Vec::len).sum::<usize>(), CLUSTERS);
        assert!(shapes[0].iter().all(|shape| shape[0] < 0.06) && !shapes[0].is_empty(), "{shapes:?}");
        assert!(shapes[1].iter().any(|shape| shape[0] > 0.39 && shape[1] < 0.21), "{shapes:?}");
        assert!(shapes[2].is_empty());
        assert!(super::shapes(&[], &cells).iter().all(Vec::is_empty));
        assert_eq!(clusters(&[[0.5, 0.5]; 9]), [[0.5, 0.5]]);
    }
}
