//! The boxes of YOLOv1 (Redmon et al. 2016, section 2), darknet's `[detection]`.
//!
//! The image is divided into side x side cells. For the object whose center is in a cell, the cell predicts one
//! probability per class and B boxes, each with a confidence. Where the paper's figure shows a tensor
//! side x side x (B * 5 + classes), the numbers are three blocks, each with one cell after another, row by row: the
//! class values; the confidences; and x, y, w, h of the boxes, where x and y are offsets within the cell, and w and h
//! square roots of fractions of the image. Nothing is squashed: the layer before is linear.

use std::ops::Range;

use dl_record::{BBox, Cell, Prediction, Proposal};
use serde_json::Map;

use super::yolo::{Candidates, Suppression, softmax};
use super::{Placed, Rules};

/// Where the numbers of an image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cells per side: S in the paper.
    pub side: usize,
    /// Boxes per cell: B in the paper.
    pub boxes: usize,
    /// Classes: C in the paper.
    pub classes: usize,
}

impl Grid {
    /// The grid of the paper: 7 x 7 cells, 2 boxes, 20 classes.
    pub const PAPER: Self = Self { side: 7, boxes: 2, classes: 20 };

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.side * self.side
    }

    /// Numbers per image.
    pub fn numbers(&self) -> usize {
        self.cells() * (self.classes + self.boxes * 5)
    }

    /// The class values of a cell.
    pub fn classes_of(&self, cell: usize) -> Range<usize> {
        cell * self.classes..(cell + 1) * self.classes
    }

    /// The confidence of a box of a cell.
    pub fn confidence_of(&self, cell: usize, index: usize) -> usize {
        self.cells() * self.classes + cell * self.boxes + index
    }

    /// x, y, w, h of a box of a cell.
    pub fn coordinates_of(&self, cell: usize, index: usize) -> Range<usize> {
        let start = self.cells() * (self.classes + self.boxes) + (cell * self.boxes + index) * 4;
        start..start + 4
    }
}

/// How numbers become boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YoloV1 {
    /// Where the numbers are.
    pub grid: Grid,
    /// Whether width and height are square roots.
    pub sqrt: bool,
    /// Whether the class values of a cell go through a softmax.
    pub softmax: bool,
}

impl YoloV1 {
    /// The class probabilities of a cell, given that it contains an object's center. `output`: the numbers of an image.
    pub fn classes(&self, output: &[f32], cell: usize) -> Vec<f32> {
        let mut values = output[self.grid.classes_of(cell)].to_vec();
        if self.softmax {
            softmax(&mut values);
        }
        values
    }

    /// A box of a cell: center x and y, width and height, in fractions of the image.
    pub fn bbox(&self, output: &[f32], cell: usize, index: usize) -> [f32; 4] {
        let Grid { side, .. } = self.grid;
        let [row, column] = [cell / side, cell % side].map(|place| place as f32);
        let numbers = &output[self.grid.coordinates_of(cell, index)];
        let length = |number: f32| if self.sqrt { number * number } else { number };
        [(numbers[0] + column) / side as f32, (numbers[1] + row) / side as f32, length(numbers[2]), length(numbers[3])]
    }

    /// The cells of an image, row by row, in its pixels.
    pub(super) fn cells(&self, output: &[f32], placed: &Placed, labels: &[String]) -> Vec<Cell> {
        let Grid { side, boxes, .. } = self.grid;
        let [height, width] = placed.size.map(|side| side as f64);
        let in_image = |[x, y, w, h]: [f64; 4]| {
            let [x, w] = [x, w].map(|number| number * width);
            let [y, h] = [y, h].map(|number| number * height);
            placed.to_image(BBox::new(x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0))
        };
        let cell = |cell: usize| {
            let scores = self.classes(output, cell).into_iter().map(f64::from);
            let of_class =
                |(label, score): (&String, f64)| Prediction { label: label.clone(), score, extra: Map::new() };
            let mut predictions: Vec<Prediction> = labels.iter().zip(scores).map(of_class).collect();
            predictions.sort_by(|a, b| b.score.total_cmp(&a.score));
            let of_box = |index| Proposal {
                bbox: in_image(self.bbox(output, cell, index).map(f64::from)),
                score: output[self.grid.confidence_of(cell, index)].into(),
                extra: Map::new(),
            };
            let [row, column] = [cell / side, cell % side].map(|place| (place as f64 + 0.5) / side as f64);
            let whole = 1.0 / side as f64;
            let bbox = in_image([column, row, whole, whole]);
            Cell { bbox, predictions, proposals: (0..boxes).map(of_box).collect(), extra: Map::new() }
        };
        (0..self.grid.cells()).map(cell).collect()
    }

    /// Adds the candidates of an image; `size`: [height, width] of the input in pixels.
    pub(super) fn collect(
        &self,
        output: &[f32],
        size: [usize; 2],
        suppression: &Suppression,
        rules: &Rules,
        candidates: &mut Candidates,
    ) {
        for cell in 0..self.grid.cells() {
            let classes = self.classes(output, cell);
            for index in 0..self.grid.boxes {
                let confidence = output[self.grid.confidence_of(cell, index)];
                let bbox = self.bbox(output, cell, index);
                for (class, probability) in classes.iter().enumerate() {
                    let score = confidence * probability;
                    if suppression.keeps(score, rules) && rules.wants(class) {
                        candidates.add(bbox, size, class, score);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_follow_each_other() {
        let grid = Grid::PAPER;
        assert_eq!(grid.numbers(), 1470);
        assert_eq!(grid.classes_of(48).end, 980);
        assert_eq!(grid.confidence_of(0, 0), 980);
        assert_eq!(grid.confidence_of(48, 1), 1077);
        assert_eq!((grid.coordinates_of(0, 0).start, grid.coordinates_of(48, 1).end), (1078, 1470));
    }

    #[test]
    fn cells_are_places_in_the_image_with_classes_and_boxes() {
        let yolo = YoloV1 { grid: Grid { side: 2, boxes: 1, classes: 2 }, sqrt: false, softmax: false };
        let mut output = vec![0.0; yolo.grid.numbers()];
        output[yolo.grid.classes_of(2)].copy_from_slice(&[0.25, 0.75]);
        output[yolo.grid.confidence_of(2, 0)] = 0.5;
        output[yolo.grid.coordinates_of(2, 0)].copy_from_slice(&[0.5, 0.5, 0.5, 1.0]);
        let placed = Placed { image: [40, 20], source: BBox::new(0.0, 0.0, 40.0, 20.0), size: [8, 8] };
        let cells = yolo.cells(&output, &placed, &["cat".to_owned(), "dog".to_owned()]);
        assert_eq!(cells.len(), 4);
        assert_eq!(cells[2].bbox, BBox::new(0.0, 10.0, 20.0, 20.0));
        assert_eq!((cells[2].predictions[0].label.as_str(), cells[2].predictions[0].score), ("dog", 0.75));
        assert_eq!((cells[2].proposals[0].bbox, cells[2].proposals[0].score), (BBox::new(0.0, 5.0, 20.0, 25.0), 0.5));
    }

    #[test]
    fn a_box_is_placed_by_its_cell() {
        let yolo = YoloV1 { grid: Grid { side: 2, boxes: 1, classes: 2 }, sqrt: true, softmax: true };
        let mut output = vec![0.0; yolo.grid.numbers()];
        output[yolo.grid.coordinates_of(3, 0)].copy_from_slice(&[0.5, 0.25, -0.5, 0.25]);
        assert_eq!(yolo.bbox(&output, 3, 0), [0.75, 0.625, 0.25, 0.0625]);
        assert_eq!(yolo.classes(&output, 3), [0.5, 0.5]);
        let plain = YoloV1 { sqrt: false, softmax: false, ..yolo };
        assert_eq!(plain.bbox(&output, 3, 0), [0.75, 0.625, -0.5, 0.25]);
    }
}
