//! Default boxes (Liu et al. 2016, section 2.2): boxes of several sizes and shapes around every cell of every source map,
//! each of which a one-stage detector classifies and moves.
//!
//! They are listed source by source, row by row, column by column, shape by shape: the order of the rows of the logits
//! and box codes.
//!
//! | source | shapes of a cell, in order | centers |
//! | --- | --- | --- |
//! | Caffe, torchvision | squares of s and of sqrt(s s'); then r and 1 / r for each ratio r | by steps in pixels, or cells |
//! | TensorFlow | a square of s; each ratio; a square of sqrt(s s'); the first source is special | cells |
//! | face detectors | squares of stated sizes | cells |
//!
//! s is the scale of the source and s' that of the next one, as parts of the image's sides; ratios are width / height.

use anyhow::{Result, ensure};
use dl_record::BBox;

/// The shapes and the places of the default boxes of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultBoxes {
    /// One entry per source map.
    pub sources: Vec<SourceBoxes>,
    /// Widths and heights are at most those of the image.
    pub clip: bool,
}

/// The default boxes of one source map.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceBoxes {
    /// (width, height) of each box of a cell, as parts of the image's.
    pub shapes: Vec<[f64; 2]>,
    /// Distance of neighboring centers in pixels of the input; `None`: the input's size over the map's.
    pub step: Option<f64>,
}

impl SourceBoxes {
    /// The paper's shapes, in Caffe's order: squares of `scale` and of the geometric mean of it and the `next` one; then
    /// for each ratio r the shapes r and 1 / r.
    pub fn paper([scale, next]: [f64; 2], ratios: &[f64], step: Option<f64>) -> Self {
        let mut shapes = vec![[scale; 2], [(scale * next).sqrt(); 2]];
        for ratio in ratios {
            let [long, short] = [scale * ratio.sqrt(), scale / ratio.sqrt()];
            shapes.extend([[long, short], [short, long]]);
        }
        Self { shapes, step }
    }

    /// The order of TensorFlow's Object Detection API: the ratios 1, 2, 1/2, 3, 1/3 and the square between this scale and
    /// the next.
    pub fn tensorflow([scale, next]: [f64; 2]) -> Self {
        // The API's third of a ratio is 0.3333.
        let mut shapes: Vec<[f64; 2]> = [1.0, 2.0, 0.5, 3.0, 0.3333].map(|ratio| shape(scale, ratio)).to_vec();
        shapes.push([(scale * next).sqrt(); 2]);
        Self { shapes, step: None }
    }

    /// Its three boxes in the first source (`reduce_boxes_in_lowest_layer`).
    pub fn tensorflow_first(scale: f64) -> Self {
        Self { shapes: vec![shape(0.1, 1.0), shape(scale, 2.0), shape(scale, 0.5)], step: None }
    }

    /// Squares of these sizes in pixels of an input of [height, width].
    pub fn squares(sizes: &[f64], [height, width]: [usize; 2]) -> Self {
        let shapes = sizes.iter().map(|size| [size / width as f64, size / height as f64]);
        Self { shapes: shapes.collect(), step: None }
    }
}

/// (width, height) of a box of this scale and ratio.
fn shape(scale: f64, ratio: f64) -> [f64; 2] {
    [scale * ratio.sqrt(), scale / ratio.sqrt()]
}

impl DefaultBoxes {
    /// The number of boxes around a cell of each source.
    pub fn per_cell(&self) -> Vec<usize> {
        self.sources.iter().map(|source| source.shapes.len()).collect()
    }

    /// The boxes for source maps of these sizes [height, width], in pixels of an input of [height, width].
    /// # Errors
    /// When the number of maps differs from the number of sources.
    pub fn generate(&self, maps: &[[usize; 2]], input: [usize; 2]) -> Result<Vec<BBox>> {
        ensure!(
            maps.len() == self.sources.len(),
            "the network has {} source maps, but default boxes for {}",
            maps.len(),
            self.sources.len()
        );
        let [height, width] = input.map(|side| side as f64);
        let mut boxes = Vec::new();
        for (source, [rows, columns]) in self.sources.iter().zip(maps) {
            let [down, across] = match source.step {
                Some(step) => [step; 2],
                None => [height / *rows as f64, width / *columns as f64],
            };
            for (row, column) in (0..*rows).flat_map(|row| (0..*columns).map(move |column| (row, column))) {
                let (x, y) = ((column as f64 + 0.5) * across, (row as f64 + 0.5) * down);
                boxes.extend(source.shapes.iter().map(|shape| {
                    let [w, h] = shape.map(|part| if self.clip { part.min(1.0) } else { part });
                    let (w, h) = (0.5 * w * width, 0.5 * h * height);
                    BBox::new(x - w, y - h, x + w, y + h)
                }));
            }
        }
        Ok(boxes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_listed_by_row_column_and_shape() {
        let source = SourceBoxes::paper([0.25, 1.0], &[4.0], None);
        let boxes = DefaultBoxes { sources: vec![source], clip: false }.generate(&[[1, 2]], [40, 80]).unwrap();
        let expected = [
            BBox::new(10.0, 15.0, 30.0, 25.0),
            BBox::new(0.0, 10.0, 40.0, 30.0),
            BBox::new(0.0, 17.5, 40.0, 22.5),
            BBox::new(15.0, 10.0, 25.0, 30.0),
            BBox::new(50.0, 15.0, 70.0, 25.0),
        ];
        assert_eq!((boxes.len(), &boxes[..5]), (8, &expected[..]));
    }

    #[test]
    fn a_stated_step_places_the_centers_and_clipping_keeps_them() {
        let boxes =
            DefaultBoxes { sources: vec![SourceBoxes { shapes: vec![[2.0, 0.5]], step: Some(32.0) }], clip: true };
        let found = boxes.generate(&[[1, 2]], [100, 100]).unwrap();
        assert_eq!(found, [BBox::new(-34.0, -9.0, 66.0, 41.0), BBox::new(-2.0, -9.0, 98.0, 41.0)]);
        assert!(boxes.generate(&[], [100, 100]).is_err());
    }
}
