//! Anchors: the boxes that a region proposal network refines (Ren et al. 2015, section 3.1.1), several around each
//! position of a map.

use anyhow::{Result, ensure};
use dl_record::BBox;
use serde::{Deserialize, Serialize};

/// How the sides of an anchor are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnchorRounding {
    /// torchvision: size x size pixels are reshaped to each ratio, and the corners rounded, half to even.
    #[default]
    Corners,
    /// py-faster-rcnn: a square of the stride is reshaped to each ratio, its sides rounded (23 x 12, 16 x 16, 11 x 22),
    /// and scaled to each size.
    Sides,
    /// detectron2: not rounded.
    None,
}

/// The anchors of all maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors {
    /// For each map, its anchors around the origin: ratios outer, sizes inner.
    cells: Vec<Vec<BBox>>,
    rounding: AnchorRounding,
}

impl Anchors {
    /// `sizes` has one list for each map: square roots of areas, in pixels of the input. Ratios are height / width.
    /// # Errors
    /// When a map has no anchors, or a size or ratio is not above 0.
    pub fn new(sizes: &[Vec<f64>], ratios: &[f64], rounding: AnchorRounding) -> Result<Self> {
        let positive = |number: &f64| number.is_finite() && *number > 0.0;
        let valid = sizes.iter().all(|sizes| !sizes.is_empty() && sizes.iter().all(positive));
        ensure!(valid && !ratios.is_empty() && ratios.iter().all(positive), "anchor sizes and ratios must be above 0");
        let cells = sizes.iter().map(|sizes| {
            let shapes = ratios.iter().flat_map(|ratio| sizes.iter().map(move |size| (*ratio, *size)));
            shapes.map(|(ratio, size)| cell(ratio, size, rounding)).collect()
        });
        Ok(Self { cells: cells.collect(), rounding })
    }

    /// The pixels [vertical, horizontal] between positions of a map of [height, width]. torchvision divides the sides and
    /// rounds down, so that 600 rows over 39 give 15; the other sources have the network's stride, a power of two.
    pub fn stride(&self, input: [usize; 2], map: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (input, map) = (input[axis], map[axis].max(1));
            match self.rounding {
                AnchorRounding::Corners => input / map,
                _ => (input as f64 / map as f64).log2().round().exp2() as usize,
            }
        })
    }

    /// The number of anchors per position of a map.
    pub fn per_position(&self, map: usize) -> usize {
        self.cells.get(map).map_or(0, Vec::len)
    }

    /// Anchor `index` of a map that is `width` positions wide, `stride` [vertical, horizontal] pixels of the input apart:
    /// rows outer, then columns, then the anchors of a position.
    pub fn at(&self, map: usize, index: usize, width: usize, stride: [usize; 2]) -> BBox {
        let cells = &self.cells[map];
        let (position, cell) = (index / cells.len(), cells[index % cells.len()]);
        // The center of the first position is at 0, or at half a stride.
        let offset = if self.rounding == AnchorRounding::Sides { 0.5 } else { 0.0 };
        let place = |position: usize, stride: usize| (position as f64 + offset) * stride as f64;
        let (x, y) = (place(position % width, stride[1]), place(position / width, stride[0]));
        BBox::new(cell.x1 + x, cell.y1 + y, cell.x2 + x, cell.y2 + y)
    }
}

/// The square from which py-faster-rcnn makes its anchors, in pixels.
const BASE: f64 = 16.0;

/// One anchor around the origin.
fn cell(ratio: f64, size: f64, rounding: AnchorRounding) -> BBox {
    if rounding == AnchorRounding::Sides {
        let width = (BASE * BASE / ratio).sqrt().round_ties_even();
        let (width, height) = (width * size / BASE, (width * ratio).round_ties_even() * size / BASE);
        return BBox::new(-width / 2.0, -height / 2.0, width / 2.0, height / 2.0);
    }
    // torchvision's single precision, for the same corners at a tie.
    let (ratio, size) = (ratio as f32, size as f32);
    let tall = ratio.sqrt();
    let half = [1.0 / tall * size / 2.0, tall * size / 2.0].map(|half| match rounding {
        AnchorRounding::Corners => f64::from(half.round_ties_even()),
        _ => f64::from(half),
    });
    BBox::new(-half[0], -half[1], half[0], half[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_are_torchvisions() {
        let anchors = Anchors::new(&[vec![32.0]], &[0.5, 1.0, 2.0], AnchorRounding::Corners).unwrap();
        let expected = [[-23.0, -11.0, 23.0, 11.0], [-16.0, -16.0, 16.0, 16.0], [-11.0, -23.0, 11.0, 23.0]];
        assert_eq!(anchors.cells[0], expected.map(BBox::from));
        assert_eq!(anchors.at(0, 7, 2, [4, 8]), BBox::new(-16.0, -12.0, 16.0, 20.0));
    }

    #[test]
    fn the_nine_anchors_of_the_paper_are_those_of_its_code() {
        let sizes = [128.0, 256.0, 512.0].to_vec();
        let anchors = Anchors::new(&[sizes], &[0.5, 1.0, 2.0], AnchorRounding::Sides).unwrap();
        // generate_anchors.py counts from 1 and includes the last pixel: [-83 -39 100 56] and so on.
        let listed = [
            [-83.0, -39.0, 100.0, 56.0],
            [-175.0, -87.0, 192.0, 104.0],
            [-359.0, -183.0, 376.0, 200.0],
            [-55.0, -55.0, 72.0, 72.0],
            [-119.0, -119.0, 136.0, 136.0],
            [-247.0, -247.0, 264.0, 264.0],
            [-35.0, -79.0, 52.0, 96.0],
            [-79.0, -167.0, 96.0, 184.0],
            [-167.0, -343.0, 184.0, 360.0],
        ];
        for (index, [x1, y1, x2, y2]) in listed.into_iter().enumerate() {
            let expected = BBox::new(x1 - 1.0, y1 - 1.0, x2, y2);
            assert_eq!(anchors.at(0, index, 1, [16, 16]), expected);
        }
    }

    #[test]
    fn only_torchvision_divides_the_input_by_the_map() {
        // ZF's conv5 of 600 x 1000 pixels, and P6 of 800 x 1088.
        for (rounding, expected) in [
            (AnchorRounding::Corners, [[15, 15], [61, 64]]),
            (AnchorRounding::Sides, [[16, 16], [64, 64]]),
            (AnchorRounding::None, [[16, 16], [64, 64]]),
        ] {
            let anchors = Anchors::new(&[vec![16.0]], &[1.0], rounding).unwrap();
            let found = [anchors.stride([600, 1000], [39, 64]), anchors.stride([800, 1088], [13, 17])];
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn impossible_anchors_are_refused() {
        for (sizes, ratios) in
            [(vec![], vec![1.0]), (vec![0.0], vec![1.0]), (vec![8.0], vec![]), (vec![8.0], vec![-1.0])]
        {
            assert!(Anchors::new(&[sizes], &ratios, AnchorRounding::Corners).is_err());
        }
    }
}
