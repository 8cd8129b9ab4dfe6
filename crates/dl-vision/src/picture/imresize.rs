//! MATLAB's `imresize`: the bicubic reduction and enlargement of the super-resolution papers.
//!
//! The kernel is Keys's cubic with a = -0.5, widened when the image is reduced. Unlike [`resample`](super::warp::resample),
//! which has no pixels beyond the edge, it mirrors the image there, edge pixels included; and it computes in f64, because a
//! gray level more or less in a low-resolution image changes what is measured by hundredths of a decibel.

use image::{Rgb, RgbImage};
use rayon::prelude::*;

/// A part of an output: rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Resizes the top left [height, width] pixels `source` of an image to `size`, and returns the `part` of it: red, green and
/// blue, clipped and rounded to 8 bits, halves up. Only what the part needs is computed.
///
/// For a low-resolution image, `source` is the size of the image, rounded down to multiples of the scale.
/// # Panics
/// When `source` is empty or larger than the image, or `part` beyond `size`.
pub fn imresize(image: &RgbImage, source: [usize; 2], size: [usize; 2], part: Part) -> RgbImage {
    let (wide, high) = image.dimensions();
    assert!(source[0].min(source[1]) > 0 && source[0] <= high as usize && source[1] <= wide as usize, "{source:?}");
    assert!(part.top + part.height <= size[0] && part.left + part.width <= size[1], "{part:?} of {size:?}");
    let rows = weights(source[0], size[0], part.top, part.height);
    let columns = weights(source[1], size[1], part.left, part.width);
    let used = rows.iter().flat_map(|(first, weights)| [*first, first + weights.len()]);
    let (first, last) = used.fold((usize::MAX, 0), |(least, most), at| (least.min(at), most.max(at)));
    let middle = first.min(last)..last;
    // [source rows, part columns], then [part rows, part columns].
    let narrow: Vec<Vec<[f64; 3]>> = middle
        .into_par_iter()
        .map(|y| {
            let pixel = |x: usize| image.get_pixel(x as u32, y as u32).0.map(f64::from);
            columns.iter().map(|(first, weights)| sum(weights, |index| pixel(first + index))).collect()
        })
        .collect();
    let mut result = RgbImage::new(part.width as u32, part.height as u32);
    for (x, y, pixel) in result.enumerate_pixels_mut() {
        let (top, weights) = &rows[y as usize];
        let value = sum(weights, |index| narrow[top + index - first][x as usize]);
        *pixel = Rgb(value.map(|value| (value.clamp(0.0, 255.0) + 0.5).floor() as u8));
    }
    result
}

fn sum(weights: &[f64], pixel: impl Fn(usize) -> [f64; 3]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for (index, weight) in weights.iter().enumerate() {
        let pixel = pixel(index);
        sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += weight * value);
    }
    sum
}

/// For each of `count` outputs from number `start` on: the first pixel, and the weights from it on.
fn weights(length: usize, outputs: usize, start: usize, count: usize) -> Vec<(usize, Vec<f64>)> {
    let scale = outputs as f64 / length as f64;
    // Distances are measured in output pixels when the image is reduced.
    let narrowed = scale.min(1.0);
    let reach = 2.0 / narrowed;
    let each = |output: usize| {
        let center = (output as f64 + 0.5) / scale - 0.5;
        let (low, high) = ((center - reach).floor() as i64, (center + reach).ceil() as i64);
        let taps: Vec<(usize, f64)> =
            (low..=high).map(|at| (mirror(at, length), cubic((center - at as f64) * narrowed))).collect();
        let all: f64 = taps.iter().map(|(_, weight)| weight).sum();
        let used = || taps.iter().filter(|(_, weight)| *weight != 0.0).map(|(at, _)| *at);
        let (first, last) = (used().min().unwrap_or(0), used().max().unwrap_or(0));
        let mut weights = vec![0.0; last + 1 - first];
        for (at, weight) in taps.iter().filter(|(_, weight)| *weight != 0.0) {
            weights[at - first] += weight / all;
        }
        (first, weights)
    };
    (start..start + count).map(each).collect()
}

/// The pixel that stands for pixel `at`: -1 is 0, -2 is 1, `length` is `length` - 1.
fn mirror(at: i64, length: usize) -> usize {
    let period = 2 * length as i64;
    let at = at.rem_euclid(period);
    at.min(period - 1 - at) as usize
}

/// Keys's cubic with a = -0.5.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x <= 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x <= 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skipped test prints why")]
mod tests {
    use std::path::Path;

    use super::*;

    fn whole(size: [usize; 2]) -> Part {
        Part { top: 0, left: 0, height: size[0], width: size[1] }
    }

    fn image(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let at = |channel: u32| (((x * 37 + y * 91 + channel * 50) ^ (x * y)) % 256) as u8;
            Rgb([at(0), at(1), at(2)])
        })
    }

    #[test]
    fn a_part_is_that_part_of_the_whole_and_mirrored_pixels_count_at_the_edges() {
        let image = image(29, 22);
        for size in [[7, 7], [11, 14], [44, 58]] {
            let all = imresize(&image, [22, 28], size, whole(size));
            let part = Part { top: 2, left: 1, height: 4, width: 6 };
            let cut = imresize(&image, [22, 28], size, part);
            assert!(cut.enumerate_pixels().all(|(x, y, pixel)| pixel == all.get_pixel(x + 1, y + 2)));
        }
        // A constant image stays so up to its edges.
        let plain = RgbImage::from_pixel(13, 9, Rgb([200, 3, 90]));
        assert!(imresize(&plain, [9, 12], [3, 4], whole([3, 4])).pixels().all(|pixel| *pixel == Rgb([200, 3, 90])));
        assert_eq!([-3, -1, 0, 5, 6, 7, 12].map(|at| mirror(at, 6)), [2, 0, 0, 5, 5, 4, 0]);
    }

    #[test]
    fn a_reduced_row_has_the_weights_of_the_formula() {
        // Output 0 of a halved row lies between pixels 0 and 1; pixels -1, -2 and -3 are 0, 1 and 2 again.
        let rows = weights(8, 4, 0, 1);
        let raw = [0.25, 0.75, 1.25, 1.75].map(cubic);
        let all: f64 = 2.0 * raw.iter().sum::<f64>();
        let expected = [raw[0] + raw[1], raw[0] + raw[2], raw[1] + raw[3], raw[2], raw[3]];
        let (first, found) = &rows[0];
        assert_eq!((*first, found.len()), (0, 5));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected / all).abs() < 1e-12, "{found} {expected}");
        }
    }

    /// ../shared/data/isr: images reduced by the rule in its expected.json.
    #[test]
    fn low_resolution_images_of_set5_and_set14_are_reproduced_to_the_gray_level() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/isr");
        if !folder.exists() {
            eprintln!("SKIPPED: {} does not exist", folder.display());
            return;
        }
        for (set, scale) in [("Set5", 4), ("Set5", 2), ("Set14", 4)] {
            let mut names: Vec<_> = std::fs::read_dir(folder.join(set).join("HR")).unwrap().flatten().collect();
            names.sort_by_key(std::fs::DirEntry::file_name);
            assert!(names.len() >= 5);
            for name in names {
                let open = |path: &Path| super::super::load(path.to_str().unwrap()).unwrap();
                let high = open(&name.path());
                let low = folder.join(set).join(format!("LRx{scale}")).join(name.file_name());
                let size = [high.height(), high.width()].map(|side| side as usize / scale);
                let found = imresize(&high, size.map(|side| side * scale), size, whole(size));
                assert!(found == open(&low), "{}", low.display());
            }
        }
    }
}
