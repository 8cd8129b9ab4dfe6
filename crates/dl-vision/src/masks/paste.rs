//! Pastes the small mask of a detected object into the image: He et al. 2017, section 3.1, "the m x m mask is resized to
//! the RoI size, and binarized at a threshold"; the arithmetic is that of torchvision's `paste_masks_in_image`.
//!
//! No bitmap is made: the runs of COCO's encoding go down the columns, so each column of the box is interpolated and
//! written as runs. Between two rows of the small mask a column is a straight line, so most runs are found from its ends.

use anyhow::{Result, ensure};
use dl_record::Mask;
use hotcoco::types::Rle;

use super::to_mask;

/// Ends of a line that are farther than this from the threshold are on the same side as everything between them, with
/// any rounding: 8 units in the last place of a probability.
const CLEAR: f32 = 1e-6;

/// The pixels of an image of `width` x `height` where a mask, stretched to its box, is above `threshold`.
///
/// `probabilities` is [side, side] f32, row by row, from 0 to 1; `bbox` is x1, y1, x2, y2 in pixels of the image, in the
/// single precision in which torchvision rounds it.
/// # Errors
/// When the mask is not `side` x `side`, the box is not finite, or the image has more than 2^32 - 1 pixels.
pub fn paste(
    probabilities: &[f32],
    side: usize,
    bbox: [f32; 4],
    [width, height]: [u32; 2],
    threshold: f32,
) -> Result<Mask> {
    ensure!(
        side > 0 && side * side == probabilities.len(),
        "a mask of {} numbers is not {side} x {side}",
        probabilities.len()
    );
    ensure!(bbox.iter().all(|edge| edge.is_finite()), "a mask has the box {bbox:?}");
    ensure!(
        u64::from(width) * u64::from(height) <= u64::from(u32::MAX),
        "{width} x {height} pixels are too many for a mask"
    );
    // A border of zeros, so that the mask ends softly; the box grows by as much.
    let padded = side + 2;
    let [x1, y1, x2, y2] = grown(bbox, padded as f32 / side as f32);
    let columns = Line::new([x1, x2], padded, width);
    let rows = Line::new([y1, y2], padded, height);
    let mut runs = Runs::default();
    let mut line = vec![0.0_f32; padded];
    let height = u64::from(height);
    runs.push(false, columns.first * height);
    for column in &columns.taps {
        for (value, row) in line[1..=side].iter_mut().zip(probabilities.chunks_exact(side)) {
            *value = column.blend(|place| if (1..=side).contains(&place) { row[place - 1] } else { 0.0 });
        }
        runs.push(false, rows.first);
        for piece in rows.taps.chunk_by(|a, b| a.low == b.low) {
            let (from, to) = (line[piece[0].low], line[piece[0].high]);
            if from.min(to) > threshold + CLEAR {
                runs.push(true, piece.len() as u64);
            } else if from.max(to) < threshold - CLEAR {
                runs.push(false, piece.len() as u64);
            } else {
                for tap in piece {
                    runs.push(tap.blend(|place| line[place]) > threshold, 1);
                }
            }
        }
        runs.push(false, height - rows.first - rows.taps.len() as u64);
    }
    runs.push(false, (u64::from(width) - columns.first - columns.taps.len() as u64) * height);
    Ok(to_mask(&Rle { h: height as u32, w: width, counts: runs.finish() }))
}

/// The box, enlarged around its center and cut to whole pixels, toward 0.
fn grown([x1, y1, x2, y2]: [f32; 4], scale: f32) -> [i64; 4] {
    let along = |low: f32, high: f32| {
        let (center, half) = ((high + low) * 0.5, (high - low) * 0.5 * scale);
        [(center - half) as i64, (center + half) as i64]
    };
    let ([x1, x2], [y1, y2]) = (along(x1, x2), along(y1, y2));
    [x1, y1, x2, y2]
}

/// The part of one axis of the image that the box covers.
struct Line {
    /// The first pixel.
    first: u64,
    /// One entry per pixel.
    taps: Vec<Tap>,
}

/// Two neighboring positions of the small mask, and their weights.
struct Tap {
    low: usize,
    high: usize,
    weights: [f32; 2],
}

impl Line {
    /// `ends`: the first and the last pixel of the box; `count` positions are stretched over it.
    fn new([from, to]: [i64; 2], count: usize, length: u32) -> Self {
        let pixels = to.saturating_sub(from).saturating_add(1).max(1);
        let first = from.clamp(0, i64::from(length));
        let past = to.saturating_add(1).clamp(first, i64::from(length));
        let scale = count as f32 / pixels as f32;
        let taps = (first..past).map(|pixel| {
            let place = ((pixel.saturating_sub(from) as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (place as usize).min(count - 1);
            let share = (place - low as f32).min(1.0);
            Tap { low, high: (low + 1).min(count - 1), weights: [1.0 - share, share] }
        });
        Self { first: first as u64, taps: taps.collect() }
    }
}

impl Tap {
    fn blend(&self, at: impl Fn(usize) -> f32) -> f32 {
        at(self.low) * self.weights[0] + at(self.high) * self.weights[1]
    }
}

/// Alternating runs, of 0 first.
#[derive(Default)]
struct Runs {
    counts: Vec<u32>,
    value: bool,
    length: u64,
}

impl Runs {
    fn push(&mut self, value: bool, length: u64) {
        if value != self.value && length > 0 {
            // The number of pixels of the image fits.
            self.counts.push(self.length as u32);
            (self.value, self.length) = (value, 0);
        }
        self.length += length;
    }

    fn finish(mut self) -> Vec<u32> {
        self.counts.push(self.length as u32);
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::masks::{area, from_bitmap, to_bitmap};

    /// The same by a whole image, pixel by pixel.
    fn naive(mask: &[f32], side: usize, bbox: [f32; 4], [width, height]: [u32; 2], threshold: f32) -> Mask {
        let padded = side + 2;
        let [x1, y1, x2, y2] = grown(bbox, padded as f32 / side as f32);
        let value = |row: usize, column: usize| match (row, column) {
            (1.., 1..) if row <= side && column <= side => mask[(row - 1) * side + column - 1],
            _ => 0.0,
        };
        let tap = |pixel: i64, from: i64, to: i64| {
            let scale = padded as f32 / (to - from + 1).max(1) as f32;
            let place = (((pixel - from) as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (place as usize).min(padded - 1);
            (low, (low + 1).min(padded - 1), place - low as f32)
        };
        let mut bitmap = Vec::new();
        for y in 0..i64::from(height) {
            for x in 0..i64::from(width) {
                if x < x1 || x > x2 || y < y1 || y > y2 {
                    bitmap.push(0);
                    continue;
                }
                let ((left, right, across), (top, bottom, down)) = (tap(x, x1, x2), tap(y, y1, y2));
                let line = |row| value(row, left) * (1.0 - across) + value(row, right) * across;
                bitmap.push(u8::from(line(top) * (1.0 - down) + line(bottom) * down > threshold));
            }
        }
        from_bitmap(&bitmap, width, height).unwrap()
    }

    fn blob(seed: u64, side: usize) -> Vec<f32> {
        use rand::RngExt;
        let mut rng = dl_record::rng(seed, "blob");
        (0..side * side).map(|_| rng.random_range(0.0..1.0_f32)).collect()
    }

    const BOXES: [[f32; 4]; 8] = [
        [3.2, 4.7, 40.1, 30.9],
        [0.0, 0.0, 61.0, 47.0],
        [-20.5, -7.3, 33.0, 80.0],
        [10.0, 10.0, 10.0, 10.0],
        [10.2, 5.0, 12.1, 44.0],
        [100.0, 100.0, 140.0, 120.0],
        [-1e6, -1e6, 1e6, 1e6],
        [60.4, 46.5, 90.0, 90.0],
    ];

    #[test]
    fn the_runs_are_those_of_a_whole_image() {
        for (seed, bbox) in BOXES.into_iter().enumerate() {
            for side in [1, 14, 28] {
                let mask = blob(seed as u64, side);
                let found = paste(&mask, side, bbox, [61, 47], 0.5).unwrap();
                assert_eq!(found, naive(&mask, side, bbox, [61, 47], 0.5), "{bbox:?} {side}");
                assert_eq!(to_bitmap(&found).unwrap().len(), 61 * 47);
            }
        }
    }

    #[test]
    fn equals_torchvision_and_pycocotools() {
        let goldens: Value =
            serde_json::from_str(include_str!("../../../../testdata/goldens/detection/rcnn/paste.json")).unwrap();
        for case in goldens["cases"].as_array().unwrap() {
            let mask: Vec<f32> = serde_json::from_value(case["mask"].clone()).unwrap();
            let bbox = serde_json::from_value(case["box"].clone()).unwrap();
            let [width, height]: [u32; 2] = serde_json::from_value(case["image"].clone()).unwrap();
            let found = paste(&mask, 28, bbox, [width, height], 0.5).unwrap();
            assert_eq!(found.size, [height, width]);
            assert_eq!(found.counts, case["counts"].as_str().unwrap(), "{bbox:?}");
        }
    }

    #[test]
    fn a_mask_off_the_image_is_empty_and_a_bad_one_is_refused() {
        let off = paste(&[1.0; 784], 28, [-90.0, -90.0, -50.0, -50.0], [61, 47], 0.5).unwrap();
        assert_eq!(area(&off).unwrap(), 0);
        assert!(paste(&[1.0; 783], 28, [0.0; 4], [61, 47], 0.5).is_err());
        assert!(paste(&[1.0; 784], 28, [f32::NAN, 0.0, 1.0, 1.0], [61, 47], 0.5).is_err());
        assert_eq!(paste(&[1.0; 784], 28, [0.0; 4], [0, 0], 0.5).unwrap().size, [0, 0]);
    }
}
