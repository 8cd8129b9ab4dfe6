//! From pictures to network inputs: regions warped as R-CNN does, whole pictures resized.
//!
//! Everything here is one resampling: an output of [height, width] pixels looks at a source rectangle of the picture,
//! with fractional edges, which may reach beyond it. The filter is the triangle ("bilinear") that widens when the
//! picture shrinks, as Pillow's and torchvision's antialiased resize; but in f32 from start to end, so nothing is
//! rounded to 8 bits. What lies outside the picture is filled with the mean, which becomes 0 when it is taken off.
//!
//! The rule for regions is that of Girshick et al. 2014, appendix A: the region is enlarged so that in the output it has
//! `padding` pixels of context on every side.

use dl_record::BBox;
use image::RgbImage;
use rayon::prelude::*;

/// How a region becomes the network's square input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Warp {
    /// Stretched to the input's shape, with context around: R-CNN's choice.
    #[default]
    Context,
    /// Stretched, without context.
    Tight,
    /// The smallest square around the region, with context: the aspect ratio is kept.
    Square,
}

/// How pixels become numbers: (pixel / 255 * `white` - mean) / std, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Blue, green, red instead of red, green, blue.
    pub bgr: bool,
    /// What 255 becomes: 1 or 255.
    pub white: f32,
    /// In the order of the output's channels.
    pub mean: [f32; 3],
    /// In the order of the output's channels.
    pub std: [f32; 3],
}

impl Normalization {
    /// Pixels as they are, 0 to 255, red, green, blue.
    pub const IDENTITY: Self = Self { bgr: false, white: 255.0, mean: [0.0; 3], std: [1.0; 3] };

    /// (factor, offset, place in the pixel) of each output channel.
    fn channels(&self) -> [(f32, f32, usize); 3] {
        [0, 1, 2].map(|channel| {
            let source = if self.bgr { 2 - channel } else { channel };
            (self.white / 255.0 / self.std[channel], -self.mean[channel] / self.std[channel], source)
        })
    }
}

/// The rectangle of the picture that the output of `size` [height, width] shows, for a region.
///
/// `padding` pixels of context, in the output, on every side; the region is taken as at least one pixel wide and high.
/// `padding` must be less than half of each side; where it is not, there is no context.
pub fn context_box(region: &BBox, warp: Warp, padding: usize, size: [usize; 2]) -> BBox {
    let (x, y) = region.center();
    let (mut width, mut height) = (region.width().max(1.0), region.height().max(1.0));
    if warp == Warp::Square {
        // The smallest rectangle of the output's shape around the region.
        let [rows, columns] = size.map(|length| length as f64);
        let scale = (width / columns).max(height / rows);
        (width, height) = (scale * columns, scale * rows);
    }
    if warp != Warp::Tight {
        let grown = |length: f64, size: usize| match size.checked_sub(2 * padding) {
            None | Some(0) => length,
            Some(inner) => length * size as f64 / inner as f64,
        };
        (width, height) = (grown(width, size[1]), grown(height, size[0]));
    }
    BBox::new(x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0)
}

/// The rectangle that is a whole picture of `width` x `height`: it is stretched to the output.
pub fn stretch_box(width: u32, height: u32) -> BBox {
    BBox::new(0.0, 0.0, f64::from(width), f64::from(height))
}

/// The rectangle for torchvision's rule: the shorter side resized to `shorter` pixels (the other one rounded down), then
/// the centre of `size` [height, width] cut out.
pub fn shorter_box(width: u32, height: u32, shorter: usize, size: [usize; 2]) -> BBox {
    let smaller = width.min(height).max(1) as usize;
    let resized = [height, width].map(|length| (length as usize * shorter / smaller).max(1));
    let along = |length: u32, resized: usize, size: usize| {
        let scale = f64::from(length) / resized as f64;
        // torchvision rounds half to even.
        let first = ((resized as f64 - size as f64) / 2.0).round_ties_even();
        (first * scale, (first + size as f64) * scale)
    };
    let (y1, y2) = along(height, resized[0], size[0]);
    let (x1, x2) = along(width, resized[1], size[1]);
    BBox::new(x1, y1, x2, y2)
}

/// The rectangle that holds the whole picture, in the middle, with the output's aspect ratio.
pub fn letterbox_box(width: u32, height: u32, size: [usize; 2]) -> BBox {
    context_box(&stretch_box(width, height), Warp::Square, 0, size)
}

/// Resamples each rectangle of the picture to `size` [height, width], on all threads. `output` [n, 3, height, width]
/// f32 is written whole: normalised, 0 (the mean) outside the picture.
/// # Panics
/// When the output has another length.
pub fn resample_all(
    picture: &RgbImage,
    sources: &[BBox],
    size: [usize; 2],
    normalization: &Normalization,
    output: &mut [f32],
) {
    let one = 3 * size[0] * size[1];
    assert_eq!(output.len(), sources.len() * one, "an output of another length");
    let crops = output.par_chunks_exact_mut(one.max(1)).zip(sources);
    crops.for_each(|(output, source)| resample(picture, source, size, normalization, output));
}

/// Resamples one rectangle of the picture to `size` [height, width]; `output` [3, height, width] f32, see
/// [`resample_all`].
/// # Panics
/// When the output has another length.
pub fn resample(
    picture: &RgbImage,
    source: &BBox,
    size: [usize; 2],
    normalization: &Normalization,
    output: &mut [f32],
) {
    let [height, width] = size;
    assert_eq!(output.len(), 3 * height * width, "an output of another length");
    output.fill(0.0);
    let columns = Filter::new(source.x1, source.x2, width, picture.width() as usize);
    let rows = Filter::new(source.y1, source.y2, height, picture.height() as usize);
    let Some((first, past)) = columns.reach() else { return };
    let stride = picture.width() as usize * 3;
    let channels = normalization.channels();
    // One output row at a time: down the columns first, which vectorises, then along the row.
    let mut blended = vec![0.0_f32; (past - first) * 3];
    for y in 0..height {
        let taps = &rows.taps[y];
        if taps.weights.is_empty() {
            continue;
        }
        blended.fill(0.0);
        for (row, weight) in (taps.first..).zip(&taps.weights) {
            let pixels = &picture.as_raw()[row * stride + first * 3..][..blended.len()];
            for (sum, value) in blended.iter_mut().zip(pixels) {
                *sum += weight * f32::from(*value);
            }
        }
        for (x, taps) in columns.taps.iter().enumerate() {
            if taps.weights.is_empty() {
                continue;
            }
            let mut pixel = [0.0_f32; 3];
            let (under, _) = blended[(taps.first - first) * 3..].as_chunks::<3>();
            for (weight, value) in taps.weights.iter().zip(under) {
                for (sum, value) in pixel.iter_mut().zip(value) {
                    *sum += weight * value;
                }
            }
            // HWC -> CHW
            for (channel, (factor, offset, place)) in channels.iter().enumerate() {
                output[(channel * height + y) * width + x] = pixel[*place] * factor + offset;
            }
        }
    }
}

/// For each output pixel along one axis, which source pixels it blends.
struct Filter {
    taps: Vec<Taps>,
}

/// Source pixels from `first` on, and their weights, which sum to 1; none for an output pixel outside the picture.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Filter {
    /// The triangle filter from [start, end) of a line of `length` pixels to `count` output pixels.
    fn new(start: f64, end: f64, count: usize, length: usize) -> Self {
        let scale = (end - start) / count as f64;
        // Shrinking: the filter is as wide as the outputs are apart.
        let support = scale.max(1.0);
        let taps = (0..count).map(|index| {
            let centre = start + (index as f64 + 0.5) * scale;
            if !(0.0..length as f64).contains(&centre) {
                return Taps { first: 0, weights: Vec::new() };
            }
            let first = (centre - support + 0.5).max(0.0) as usize;
            let past = ((centre + support + 0.5) as usize).min(length).max(first + 1);
            let weight = |pixel: usize| (1.0 - ((pixel as f64 + 0.5 - centre) / support).abs()).max(0.0);
            let weights: Vec<f64> = (first..past).map(weight).collect();
            let total: f64 = weights.iter().sum();
            Taps { first, weights: weights.iter().map(|weight| (weight / total) as f32).collect() }
        });
        Self { taps: taps.collect() }
    }

    /// The source pixels [first, past) that any output needs; `None` when all outputs are outside the picture.
    fn reach(&self) -> Option<(usize, usize)> {
        let inside = || self.taps.iter().filter(|taps| !taps.weights.is_empty());
        let first = inside().map(|taps| taps.first).min()?;
        let past = inside().map(|taps| taps.first + taps.weights.len()).max()?;
        Some((first, past))
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use serde_json::Value;

    use super::*;

    /// The picture of the golden script.
    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([0, 1, 2].map(|channel| ((y * 37 + x * 91 + channel * 53 + (x * y) % 29 * 7) % 256) as u8))
        })
    }

    fn resampled(picture: &RgbImage, source: &BBox, size: [usize; 2]) -> Vec<f32> {
        let mut output = vec![f32::NAN; 3 * size[0] * size[1]];
        resample(picture, source, size, &Normalization::IDENTITY, &mut output);
        output
    }

    #[track_caller]
    fn assert_equal(found: &[f32], expected: &Value, what: &str) {
        let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(found.len(), expected.len(), "{what}");
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((f64::from(*found) - expected).abs() < 2e-3, "{what}, number {index}: {found}, not {expected}");
        }
    }

    #[test]
    fn equals_pillow_and_torchvision_in_float() {
        let goldens: Value = serde_json::from_str(include_str!("../../../../testdata/goldens/warp/warp.json")).unwrap();
        for case in goldens["boxes"].as_array().unwrap() {
            let [width, height, out_width, out_height] = serde_json::from_value(case["sizes"].clone()).unwrap();
            let source: BBox = serde_json::from_value(case["box"].clone()).unwrap();
            let found = resampled(&picture(width, height), &source, [out_height as usize, out_width as usize]);
            assert_equal(&found, &case["pixels"], &case["box"].to_string());
        }
        for case in goldens["shorter"].as_array().unwrap() {
            let [width, height, shorter, side] = serde_json::from_value(case["sizes"].clone()).unwrap();
            let size = [side as usize; 2];
            let source = shorter_box(width, height, shorter as usize, size);
            assert_equal(
                &resampled(&picture(width, height), &source, size),
                &case["pixels"],
                &case["sizes"].to_string(),
            );
        }
    }

    #[test]
    fn the_whole_picture_at_its_own_size_is_unchanged() {
        let picture = picture(7, 5);
        let found = resampled(&picture, &stretch_box(7, 5), [5, 7]);
        for (x, y, pixel) in picture.enumerate_pixels() {
            for channel in 0..3 {
                let found = found[channel * 35 + y as usize * 7 + x as usize];
                assert!((found - f32::from(pixel[channel])).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn a_region_has_its_context_in_the_output() {
        // 227 pixels with 16 of context on each side leave 195 for the region.
        let region = BBox::new(100.0, 50.0, 295.0, 89.0);
        let source = context_box(&region, Warp::Context, 16, [227, 227]);
        let expected = BBox::new(84.0, 69.5 - 39.0 * 227.0 / 195.0 / 2.0, 311.0, 69.5 + 39.0 * 227.0 / 195.0 / 2.0);
        for (found, expected) in <[f64; 4]>::from(source).iter().zip(<[f64; 4]>::from(expected)) {
            assert!((found - expected).abs() < 1e-9, "{source:?}");
        }
        assert_eq!(context_box(&region, Warp::Tight, 16, [227, 227]), region);
        let square = context_box(&region, Warp::Square, 16, [227, 227]);
        assert_eq!((square.x1, square.x2), (84.0, 311.0));
        assert!((square.height() - square.width()).abs() < 1e-9);
    }

    #[test]
    fn outside_the_picture_is_the_mean() {
        let mut normalization = Normalization { bgr: true, white: 255.0, mean: [104.0, 117.0, 123.0], std: [2.0; 3] };
        let white = RgbImage::from_pixel(4, 4, Rgb([255, 0, 0]));
        let mut output = vec![f32::NAN; 3 * 4 * 8];
        // The picture is the left half of what is shown.
        resample(&white, &BBox::new(0.0, 0.0, 8.0, 4.0), [4, 8], &normalization, &mut output);
        assert_eq!(output[4..8], [0.0; 4]);
        assert!((output[0] - (0.0 - 104.0) / 2.0).abs() < 1e-3, "blue comes first");
        assert!((output[64] - (255.0 - 123.0) / 2.0).abs() < 1e-3, "red comes last");
        normalization.bgr = false;
        resample(&white, &BBox::new(50.0, 0.0, 58.0, 4.0), [4, 8], &normalization, &mut output);
        assert!(output.iter().all(|value| *value == 0.0));
    }

    #[test]
    fn empty_one_pixel_and_far_boxes_warp() {
        let picture = picture(10, 10);
        for region in [[3.0, 3.0, 3.0, 3.0], [9.0, 9.0, 10.0, 10.0], [-1e9, -1e9, 1e9, 1e9], [10.0, 10.0, 10.0, 10.0]] {
            for warp in [Warp::Context, Warp::Tight, Warp::Square] {
                let source = context_box(&region.into(), warp, 16, [40, 40]);
                assert!(resampled(&picture, &source, [40, 40]).iter().all(|value| (0.0..=255.01).contains(value)));
            }
        }
    }

    #[test]
    fn a_letterboxed_picture_is_whole_and_centred() {
        let source = letterbox_box(100, 50, [20, 20]);
        assert_eq!(source, BBox::new(0.0, -25.0, 100.0, 75.0));
        let found = resampled(&RgbImage::from_pixel(100, 50, Rgb([9, 9, 9])), &source, [20, 20]);
        let rows: Vec<f32> = (0..20).map(|row| found[row * 20 + 10]).collect();
        assert!(rows[..5].iter().chain(&rows[15..]).all(|value| *value == 0.0));
        assert!(rows[5..15].iter().all(|value| (*value - 9.0).abs() < 1e-4));
    }

    #[test]
    fn many_regions_equal_one_at_a_time() {
        let picture = picture(50, 40);
        let sources = [BBox::new(1.5, 2.5, 20.0, 30.0), BBox::new(-5.0, 0.0, 60.0, 9.0)];
        let mut all = vec![0.0; 2 * 3 * 64];
        resample_all(&picture, &sources, [8, 8], &Normalization::IDENTITY, &mut all);
        for (found, source) in all.chunks_exact(3 * 64).zip(&sources) {
            assert_eq!(found, resampled(&picture, source, [8, 8]));
        }
    }
}
