//! The boxes of YOLOv2 (Redmon and Farhadi 2017, section 2, "Direct location prediction") and later: darknet's
//! `[region]` and `[yolo]`.
//!
//! Each cell of a map [anchors * (5 + classes), rows, columns] predicts, for each anchor, x, y, w, h, objectness and the
//! classes. The center is the sigmoid of x and y within the cell, a side is exp(w) times the anchor's. `[region]`
//! states anchors in cells and has a softmax over the classes; `[yolo]` (YOLOv3, 2018) states them in pixels of the
//! input and has a sigmoid per class, and a network has several such maps.

use super::Rules;
use super::yolo::{Candidates, Suppression, sigmoid, softmax};

/// How numbers become boxes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct YoloV2 {
    /// Width and height.
    pub(super) anchors: Vec<[f32; 2]>,
    /// Whether the anchors are in cells; otherwise in pixels of the input.
    pub(super) in_cells: bool,
    pub(super) classes: usize,
    /// How class values become probabilities.
    pub(super) squash: Squash,
    /// Factor on the range of a center around the middle of its cell.
    pub(super) scale_x_y: f32,
    /// Whether the numbers have been through the sigmoid, and a side is 4 w^2 times the anchor's.
    pub(super) new_coords: bool,
}

/// How class values become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Squash {
    /// One class per box.
    Softmax,
    /// Each class by itself.
    Sigmoid,
}

impl YoloV2 {
    /// Numbers per anchor and cell.
    fn entries(&self) -> usize {
        5 + self.classes
    }

    fn squashed(&self, x: f32) -> f32 {
        if self.new_coords { x } else { sigmoid(x) }
    }

    /// Adds the candidates of an image. `map` [anchors * (5 + classes), rows, columns], `cells` [rows, columns];
    /// `size`: [height, width] of the input in pixels.
    pub(super) fn collect(
        &self,
        map: &[f32],
        cells: [usize; 2],
        size: [usize; 2],
        suppression: &Suppression,
        rules: &Rules,
        candidates: &mut Candidates,
    ) {
        let [rows, columns] = cells;
        let plane = rows * columns;
        let mut classes = vec![0.0; self.classes];
        for cell in 0..plane {
            for (index, anchor) in self.anchors.iter().enumerate() {
                let number = |entry: usize| map[(index * self.entries() + entry) * plane + cell];
                let objectness = self.squashed(number(4));
                // No probability is above 1.
                if !suppression.keeps(objectness, rules) {
                    continue;
                }
                for (class, value) in classes.iter_mut().enumerate() {
                    *value = number(5 + class);
                }
                match self.squash {
                    Squash::Softmax => softmax(&mut classes),
                    Squash::Sigmoid => classes.iter_mut().for_each(|value| *value = self.squashed(*value)),
                }
                let bbox = self.bbox([0, 1, 2, 3].map(number), cell, *anchor, cells, size);
                for (class, probability) in classes.iter().enumerate() {
                    let score = objectness * probability;
                    if suppression.keeps(score, rules) && rules.wants(class) {
                        candidates.add(bbox, size, class, score);
                    }
                }
            }
        }
    }

    /// Center x and y, width and height in fractions of the input.
    fn bbox(
        &self,
        [x, y, width, height]: [f32; 4],
        cell: usize,
        anchor: [f32; 2],
        [rows, columns]: [usize; 2],
        size: [usize; 2],
    ) -> [f32; 4] {
        let center = |x: f32, place: usize, cells: usize| {
            let offset = self.squashed(x) * self.scale_x_y - 0.5 * (self.scale_x_y - 1.0);
            (place as f32 + offset) / cells as f32
        };
        let [across, down] = if self.in_cells { [columns, rows] } else { [size[1], size[0]] };
        let side = |x: f32, anchor: f32, whole: usize| {
            let factor = if self.new_coords { 4.0 * x * x } else { x.exp() };
            factor * anchor / whole as f32
        };
        [
            center(x, cell % columns, columns),
            center(y, cell / columns, rows),
            side(width, anchor[0], across),
            side(height, anchor[1], down),
        ]
    }
}

#[cfg(test)]
mod tests {
    use dl_record::BBox;

    use super::super::Placed;
    use super::*;

    const ALL: Suppression = Suppression { score: 0.1, iou: 0.5, clip: false };

    fn yolo() -> YoloV2 {
        let (anchors, squash) = (vec![[4.0, 2.0]], Squash::Sigmoid);
        YoloV2 { anchors, in_cells: false, classes: 2, squash, scale_x_y: 1.0, new_coords: false }
    }

    /// The best object of a map of 1 x 2 cells for an input of 16 x 32 pixels; only the second cell has one.
    fn best(yolo: &YoloV2, second: [f32; 7]) -> (BBox, usize, f64) {
        let map: Vec<f32> = second.iter().flat_map(|number| [-50.0, *number]).collect();
        let placed = Placed { image: [32, 16], source: BBox::new(0.0, 0.0, 32.0, 16.0), size: [16, 32] };
        let mut candidates = Candidates::default();
        yolo.collect(&map, [1, 2], placed.size, &ALL, &Rules::default(), &mut candidates);
        let found = ALL.objects(&candidates, &placed, &Rules::default()).remove(0);
        (found.bbox, found.class, found.score)
    }

    #[test]
    fn anchors_are_in_pixels_or_in_cells() {
        let numbers = [0.0, 0.0, 0.0, 2_f32.ln(), 50.0, -50.0, 0.0];
        let (bbox, class, score) = best(&yolo(), numbers);
        assert_eq!((class, score), (1, 0.5));
        let edges: [f64; 4] = bbox.into();
        // Center (24, 8), 4 x (2 * 2).
        for (found, expected) in edges.iter().zip([22.0, 6.0, 26.0, 10.0]) {
            assert!((found - expected).abs() < 1e-5, "{bbox:?}");
        }
        let region = YoloV2 { anchors: vec![[0.25, 0.125]], in_cells: true, squash: Squash::Softmax, ..yolo() };
        let (same, class, score) = best(&region, numbers);
        assert!((same.x1 - bbox.x1).abs() < 1e-5 && (same.y2 - bbox.y2).abs() < 1e-5, "{same:?}");
        assert_eq!((class, score), (1, 1.0));
    }

    #[test]
    fn scaled_networks_reach_past_their_cell_and_square_their_sides() {
        let yolo = YoloV2 { scale_x_y: 2.0, new_coords: true, ..yolo() };
        let (bbox, class, score) = best(&yolo, [1.0, 0.5, 0.5, 1.0, 1.0, 0.75, 0.0]);
        // Center (1 + 1.5) / 2 of 32, 0.5 of 16; sides 4 and 4 * 2.
        assert_eq!((bbox, class, score), (BBox::new(38.0, 4.0, 42.0, 12.0), 0, 0.75));
    }
}
