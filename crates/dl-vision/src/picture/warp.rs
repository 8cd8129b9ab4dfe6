//! Converts images to network inputs: warps regions as in R-CNN, resizes whole images.
//!
//! Everything here is a single resampling: an output of [height, width] pixels shows a source rectangle of the image,
//! with fractional edges, which may extend outside of it. The filter is the triangle ("bilinear") or Keys's cubic
//! ("bicubic"), which widen when the image is reduced, like Pillow's and torchvision's antialiased resize; but in f32
//! throughout, so nothing is rounded to 8 bits. The area outside the image is filled with the mean, which becomes 0
//! when it is subtracted.
//!
//! The rule for regions is that of Girshick et al. 2014, appendix A: the region is enlarged so that it has `padding`
//! pixels of context on every side in the output.

use dl_record::BBox;
use image::RgbImage;
use serde::{Deserialize, Serialize};

/// How a region is warped to the network's square input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Warp {
    /// Stretched to the input's shape, with context around: R-CNN's choice.
    #[default]
    Context,
    /// Stretched, without context.
    Tight,
    /// The smallest square around the region, with context: the aspect ratio is kept.
    Square,
}

/// How a source pixel is weighted by its distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The triangle: torchvision's default.
    #[default]
    Bilinear,
    /// The triangle between the two nearest pixels, which does not widen when the image is reduced: torch's
    /// `interpolate` without antialiasing, in its single precision.
    #[serde(rename = "bilinear-plain")]
    BilinearPlain,
    /// Keys's cubic with a = -0.5, as in Pillow: used by timm and CLIP. Overshoot is clamped to 0 to 255.
    Bicubic,
    /// The triangle, never widened, with the centers of the image's corner pixels on those of the output's: darknet's
    /// `resize_image`, OpenGL's and torch's `align_corners`. An output that shows more than the image is rounded to
    /// whole pixels.
    Aligned,
}

impl Interpolation {
    /// Source pixels on each side if the image is not reduced.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear | Self::BilinearPlain | Self::Aligned => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The weight at this distance, which is at least 0.
    fn weight(self, distance: f64) -> f64 {
        let (x, a) = (distance, -0.5);
        match self {
            Self::Bilinear | Self::BilinearPlain | Self::Aligned => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
            Self::Bicubic => 0.0,
        }
    }

    /// The least and the greatest result.
    fn limits(self) -> [f32; 2] {
        match self {
            // Its weights are nonnegative and sum to 1: nothing to clamp.
            Self::Bilinear | Self::BilinearPlain | Self::Aligned => [f32::NEG_INFINITY, f32::INFINITY],
            Self::Bicubic => [0.0, 255.0],
        }
    }
}

/// How pixels are converted to numbers: (pixel / 255 * `white` - mean) / std, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Blue, green, red instead of red, green, blue.
    pub bgr: bool,
    /// The value of 255: 1 or 255.
    pub white: f32,
    /// In the order of the output's channels.
    pub mean: [f32; 3],
    /// In the order of the output's channels.
    pub std: [f32; 3],
}

impl Normalization {
    /// Unchanged pixels, 0 to 255, red, green, blue.
    pub const IDENTITY: Self = Self { bgr: false, white: 255.0, mean: [0.0; 3], std: [1.0; 3] };

    /// (factor, offset, index in the pixel) for each output channel.
    fn channels(&self) -> [(f32, f32, usize); 3] {
        [0, 1, 2].map(|channel| {
            let source = if self.bgr { 2 - channel } else { channel };
            (self.white / 255.0 / self.std[channel], -self.mean[channel] / self.std[channel], source)
        })
    }
}

/// The rectangle of the image that the output of `size` [height, width] shows for a region.
///
/// `padding` pixels of context, in the output, on every side; the region is treated as at least one pixel wide and
/// high. If `padding` is not less than half of each side, there is no context.
pub fn context_box(region: &BBox, warp: Warp, padding: usize, size: [usize; 2]) -> BBox {
    let (x, y) = region.center();
    let (mut width, mut height) = (region.width().max(1.0), region.height().max(1.0));
    if warp == Warp::Square {
        // The smallest rectangle around the region with the aspect ratio of the output.
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

/// The rectangle of a whole image of `width` x `height`, which is stretched to the output.
pub fn stretch_box(width: u32, height: u32) -> BBox {
    BBox::new(0.0, 0.0, f64::from(width), f64::from(height))
}

/// The rectangle for torchvision's rule: the shorter side is resized to `shorter` pixels (the other one rounded down),
/// then the center of `size` [height, width] is cropped.
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

/// The rectangle with the whole image in the middle and the aspect ratio of the output.
pub fn letterbox_box(width: u32, height: u32, size: [usize; 2]) -> BBox {
    context_box(&stretch_box(width, height), Warp::Square, 0, size)
}

/// Resamples one rectangle of the image to `size` [height, width]. Writes all of `output` [3, height, width] f32:
/// normalized, 0 (the mean) outside the image.
/// # Panics
/// When the length of the output is wrong.
pub fn resample(
    image: &RgbImage,
    source: &BBox,
    size: [usize; 2],
    interpolation: Interpolation,
    normalization: &Normalization,
    output: &mut [f32],
) {
    let [height, width] = size;
    assert_eq!(output.len(), 3 * height * width, "the output has the wrong length");
    output.fill(0.0);
    let columns = Filter::new(interpolation, source.x1, source.x2, width, image.width() as usize);
    let rows = Filter::new(interpolation, source.y1, source.y2, height, image.height() as usize);
    let (channels, limits) = (normalization.channels(), interpolation.limits());
    blend(&Blend { image, rows: &rows, columns: &columns, channels, limits }, output);
}

/// Output rows that are computed together.
const LANES: usize = 8;
/// Numbers of a source row that are blended at once.
const RUN: usize = 4 * LANES;

/// Eight rows of eight numbers.
type Square = [[f32; LANES]; LANES];

/// A prepared resampling.
struct Blend<'a> {
    image: &'a RgbImage,
    rows: &'a Filter,
    columns: &'a Filter,
    channels: [(f32, f32, usize); 3],
    limits: [f32; 2],
}

/// [`Blend::run`], compiled for the current processor. The results are the same: the order of additions does not
/// change.
fn blend(work: &Blend, output: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(work: &Blend, output: &mut [f32]) {
            work.run(output, |square| transposed_avx2(square));
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor supports the instructions.
            return unsafe { avx2(work, output) };
        }
    }
    work.run(output, transposed);
}

impl Blend<'_> {
    /// Down the columns first, eight output rows at a time; then along the rows, for the eight at once.
    #[inline(always)]
    fn run(&self, output: &mut [f32], transposed: impl Fn(&Square) -> Square) {
        let (Some((first, past)), Some((left, right))) = (self.columns.reach(), self.columns.inside()) else { return };
        let Some((top, bottom)) = self.rows.inside() else { return };
        let (width, height) = (self.columns.taps.len(), self.rows.taps.len());
        let [low, high] = self.limits;
        let length = ((past - first) * 3).next_multiple_of(RUN);
        // [output row][source column][channel], then [source column][channel][output row].
        let (mut rows, mut band) = (vec![0.0_f32; LANES * length], vec![[0.0_f32; LANES]; length]);
        for y in (top..bottom).step_by(LANES) {
            let count = LANES.min(bottom - y);
            for (row, y) in rows.chunks_exact_mut(length).zip(y..y + count) {
                self.down(y, first * 3, row);
            }
            for (index, band) in band.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                let square = |lane: usize| rows[lane * length + index * LANES..].first_chunk().copied();
                *band = transposed(&std::array::from_fn(|lane| square(lane).unwrap_or_default()));
            }
            for x in (left..right).step_by(LANES) {
                let mut pixels = [[[0.0_f32; LANES]; LANES]; 3];
                for (lane, x) in (x..right.min(x + LANES)).enumerate() {
                    let (taps, weights) = self.columns.at(x);
                    let under = band[(taps.first - first) * 3..].as_chunks::<3>().0;
                    let mut sums = [[0.0_f32; LANES]; 3];
                    for (weight, pixel) in weights.iter().zip(under) {
                        for (sums, values) in sums.iter_mut().zip(pixel) {
                            for (sum, value) in sums.iter_mut().zip(values) {
                                *sum += weight * value;
                            }
                        }
                    }
                    // HWC -> CHW
                    for ((factor, offset, place), pixels) in self.channels.iter().zip(&mut pixels) {
                        pixels[lane] = sums[*place].map(|sum| sum.max(low).min(high) * factor + offset);
                    }
                }
                for (channel, pixels) in pixels.iter().enumerate() {
                    for (row, pixels) in (y..y + count).zip(transposed(pixels)) {
                        let to = &mut output[(channel * height + row) * width..][x..right.min(x + LANES)];
                        match to.first_chunk_mut::<LANES>() {
                            Some(to) => *to = pixels,
                            None => to.copy_from_slice(&pixels[..to.len()]),
                        }
                    }
                }
            }
        }
    }

    /// Output row `y`, as wide as the image, from number `start` of its rows on: `to` has whole runs, of which the last
    /// may extend past the row, with meaningless numbers.
    #[inline(always)]
    fn down(&self, y: usize, start: usize, to: &mut [f32]) {
        let stride = self.image.width() as usize * 3;
        let (taps, weights) = self.rows.at(y);
        let source = &self.image.as_raw()[taps.first * stride + start..];
        for (run, to) in to.as_chunks_mut::<RUN>().0.iter_mut().enumerate() {
            let source = &source[run * RUN..];
            *to = if weights.len().saturating_sub(1) * stride + RUN <= source.len() {
                sums(source, stride, weights)
            } else {
                // The end of the image.
                let padded: Vec<u8> = source.iter().copied().chain([0; RUN]).collect();
                sums(&padded, stride, weights)
            };
        }
    }
}

/// The weighted sums of rows `stride` apart; each `source` has at least one run.
#[inline(always)]
fn sums(source: &[u8], stride: usize, weights: &[f32]) -> [f32; RUN] {
    let mut sums = [0.0_f32; RUN];
    for (row, weight) in weights.iter().enumerate() {
        let Some(pixels) = source[row * stride..].first_chunk::<RUN>() else { break };
        for (sum, value) in sums.iter_mut().zip(pixels) {
            *sum += weight * f32::from(*value);
        }
    }
    sums
}

/// Transposes rows and columns.
fn transposed(square: &Square) -> Square {
    std::array::from_fn(|column| std::array::from_fn(|row| square[row][column]))
}

/// The same with block instructions; the compiler would transpose one number at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn transposed_avx2(square: &Square) -> Square {
    use std::arch::x86_64::{
        __m256, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };
    // SAFETY: a vector is eight numbers; every bit pattern is valid.
    let r: [__m256; LANES] = unsafe { std::mem::transmute(*square) };
    let low = |a: usize| _mm256_unpacklo_ps(r[a], r[a + 1]);
    let high = |a: usize| _mm256_unpackhi_ps(r[a], r[a + 1]);
    let (a, b) = ([low(0), high(0), low(4), high(4)], [low(2), high(2), low(6), high(6)]);
    let first = |i: usize| _mm256_shuffle_ps::<0x44>(a[i], b[i]);
    let last = |i: usize| _mm256_shuffle_ps::<0xee>(a[i], b[i]);
    let (up, down) = ([first(0), last(0), first(1), last(1)], [first(2), last(2), first(3), last(3)]);
    let left = |i: usize| _mm256_permute2f128_ps::<0x20>(up[i], down[i]);
    let right = |i: usize| _mm256_permute2f128_ps::<0x31>(up[i], down[i]);
    let columns = [left(0), left(1), left(2), left(3), right(0), right(1), right(2), right(3)];
    // SAFETY: as above.
    unsafe { std::mem::transmute(columns) }
}

/// For each output pixel along one axis, the source pixels that it blends.
struct Filter {
    taps: Vec<Taps>,
    weights: Vec<f32>,
}

/// Source pixels from `first` on, and where their `count` weights are, which sum to 1; none for an output pixel outside
/// the image.
#[derive(Clone, Copy)]
struct Taps {
    first: usize,
    weights: usize,
    count: usize,
}

impl Filter {
    /// From [start, end) of a line of `length` pixels to `count` output pixels.
    fn new(interpolation: Interpolation, start: f64, end: f64, count: usize, length: usize) -> Self {
        let scale = (end - start) / count as f64;
        // When reducing, the filter is as wide as the distance of the outputs.
        let stretch = if interpolation == Interpolation::Aligned { 1.0 } else { scale.max(1.0) };
        let support = interpolation.support() * stretch;
        let mut filter = Self { taps: Vec::with_capacity(count), weights: Vec::new() };
        let mut weights: Vec<f64> = Vec::new();
        for index in 0..count {
            let center = match interpolation {
                Interpolation::Aligned => aligned_center(index, start, scale, length),
                _ => start + (index as f64 + 0.5) * scale,
            };
            if !(0.0..length as f64).contains(&center) {
                filter.taps.push(Taps { first: 0, weights: 0, count: 0 });
                continue;
            }
            if interpolation == Interpolation::BilinearPlain {
                filter.push_nearest_two(start as f32 + (index as f32 + 0.5) * scale as f32 - 0.5, length);
                continue;
            }
            let first = (center - support + 0.5).max(0.0) as usize;
            let past = ((center + support + 0.5) as usize).min(length).max(first + 1);
            let weight = |pixel: usize| interpolation.weight(((pixel as f64 + 0.5 - center) / stretch).abs());
            weights.clear();
            weights.extend((first..past).map(weight));
            let total: f64 = weights.iter().sum();
            filter.taps.push(Taps { first, weights: filter.weights.len(), count: weights.len() });
            filter.weights.extend(weights.iter().map(|weight| (weight / total) as f32));
        }
        filter
    }

    /// An output pixel between the centers of two source pixels, at `place` in units of pixels.
    fn push_nearest_two(&mut self, place: f32, length: usize) {
        let place = place.max(0.0);
        let first = (place as usize).min(length.saturating_sub(1));
        let share = place - first as f32;
        let count = if first + 1 < length { 2 } else { 1 };
        self.taps.push(Taps { first, weights: self.weights.len(), count });
        self.weights.extend_from_slice(&[[1.0, 0.0], [1.0 - share, share]][count - 1][..count]);
    }

    /// The taps of output pixel `index`, and their weights.
    #[inline(always)]
    fn at(&self, index: usize) -> (Taps, &[f32]) {
        let taps = self.taps[index];
        (taps, &self.weights[taps.weights..taps.weights + taps.count])
    }

    /// The output pixels [first, past) inside the image, if any.
    fn inside(&self) -> Option<(usize, usize)> {
        let inside = |taps: &Taps| taps.count > 0;
        Some((self.taps.iter().position(inside)?, self.taps.iter().rposition(inside)? + 1))
    }

    /// The source pixels [first, past) that any output needs; `None` if all outputs are outside the image.
    fn reach(&self) -> Option<(usize, usize)> {
        let inside = || self.taps.iter().filter(|taps| taps.count > 0);
        let first = inside().map(|taps| taps.first).min()?;
        let past = inside().map(|taps| taps.first + taps.count).max()?;
        Some((first, past))
    }
}

/// [`Interpolation::Aligned`]: the place in a line of `length` pixels that output `index` shows, where outputs start at
/// `start` and are `scale` apart if their edges were aligned; below 0 outside the image.
fn aligned_center(index: usize, start: f64, scale: f64, length: usize) -> f64 {
    let first = (-start / scale).round();
    let inside = (length as f64 / scale).round().max(1.0);
    let place = index as f64 - first;
    if !(0.0..inside).contains(&place) {
        return -1.0;
    }
    let step = if inside > 1.0 { (length as f64 - 1.0) / (inside - 1.0) } else { 0.0 };
    // Rounding must not move the last pixel past the edge.
    (place * step).min(length as f64 - 1.0) + 0.5
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use serde_json::Value;

    use super::*;

    /// The image of the golden script.
    fn image(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([0, 1, 2].map(|channel| ((y * 37 + x * 91 + channel * 53 + (x * y) % 29 * 7) % 256) as u8))
        })
    }

    fn resampled(image: &RgbImage, source: &BBox, size: [usize; 2]) -> Vec<f32> {
        resampled_by(Interpolation::Bilinear, image, source, size)
    }

    fn resampled_by(by: Interpolation, image: &RgbImage, source: &BBox, size: [usize; 2]) -> Vec<f32> {
        let mut output = vec![f32::NAN; 3 * size[0] * size[1]];
        resample(image, source, size, by, &Normalization::IDENTITY, &mut output);
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
        for (by, cases) in [(Interpolation::Bilinear, "boxes"), (Interpolation::Bicubic, "bicubic")] {
            for case in goldens[cases].as_array().unwrap() {
                let [width, height, out_width, out_height] = serde_json::from_value(case["sizes"].clone()).unwrap();
                let source: BBox = serde_json::from_value(case["box"].clone()).unwrap();
                let size = [out_height as usize, out_width as usize];
                let found = resampled_by(by, &image(width, height), &source, size);
                assert_equal(&found, &case["pixels"], &format!("{cases} {}", case["box"]));
            }
        }
        for case in goldens["shorter"].as_array().unwrap() {
            let [width, height, shorter, side] = serde_json::from_value(case["sizes"].clone()).unwrap();
            let size = [side as usize; 2];
            let source = shorter_box(width, height, shorter as usize, size);
            assert_equal(&resampled(&image(width, height), &source, size), &case["pixels"], &case["sizes"].to_string());
        }
    }

    #[test]
    fn the_whole_image_at_its_own_size_is_unchanged() {
        let image = image(7, 5);
        let found = resampled(&image, &stretch_box(7, 5), [5, 7]);
        for (x, y, pixel) in image.enumerate_pixels() {
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
    fn the_area_outside_the_image_is_the_mean() {
        let mut normalization = Normalization { bgr: true, white: 255.0, mean: [104.0, 117.0, 123.0], std: [2.0; 3] };
        let white = RgbImage::from_pixel(4, 4, Rgb([255, 0, 0]));
        let mut output = vec![f32::NAN; 3 * 4 * 8];
        // The image is the left half of the output.
        resample(&white, &BBox::new(0.0, 0.0, 8.0, 4.0), [4, 8], Interpolation::Bilinear, &normalization, &mut output);
        assert_eq!(output[4..8], [0.0; 4]);
        assert!((output[0] - (0.0 - 104.0) / 2.0).abs() < 1e-3, "blue comes first");
        assert!((output[64] - (255.0 - 123.0) / 2.0).abs() < 1e-3, "red comes last");
        normalization.bgr = false;
        resample(
            &white,
            &BBox::new(50.0, 0.0, 58.0, 4.0),
            [4, 8],
            Interpolation::Bilinear,
            &normalization,
            &mut output,
        );
        assert!(output.iter().all(|value| *value == 0.0));
    }

    #[test]
    fn aligned_corners_show_the_corner_pixels_and_do_not_blur() {
        let image = RgbImage::from_fn(9, 1, |x, _| Rgb([[0, 50, 100, 20, 80, 10, 60, 30, 200][x as usize]; 3]));
        let found = resampled_by(Interpolation::Aligned, &image, &stretch_box(9, 1), [1, 5]);
        assert_equal(&found[..5], &serde_json::json!([0, 100, 80, 60, 200]), "every second pixel");
        let found = resampled_by(Interpolation::Aligned, &image, &stretch_box(9, 1), [2, 17]);
        assert_equal(&found[..4], &serde_json::json!([0, 25, 50, 75]), "between pixels");
        let found = resampled_by(Interpolation::Aligned, &image, &BBox::new(-9.0, 0.0, 18.0, 1.0), [1, 27]);
        assert_equal(&found[8..12], &serde_json::json!([0, 0, 50, 100]), "after the padding");
        assert_equal(&found[16..19], &serde_json::json!([30, 200, 0]), "before the padding");
    }

    #[test]
    fn empty_one_pixel_and_far_boxes_warp() {
        let image = image(10, 10);
        for region in [[3.0, 3.0, 3.0, 3.0], [9.0, 9.0, 10.0, 10.0], [-1e9, -1e9, 1e9, 1e9], [10.0, 10.0, 10.0, 10.0]] {
            for warp in [Warp::Context, Warp::Tight, Warp::Square] {
                let source = context_box(&region.into(), warp, 16, [40, 40]);
                assert!(resampled(&image, &source, [40, 40]).iter().all(|value| (0.0..=255.01).contains(value)));
            }
        }
    }

    #[test]
    fn a_letterboxed_image_is_complete_and_centered() {
        let source = letterbox_box(100, 50, [20, 20]);
        assert_eq!(source, BBox::new(0.0, -25.0, 100.0, 75.0));
        let found = resampled(&RgbImage::from_pixel(100, 50, Rgb([9, 9, 9])), &source, [20, 20]);
        let rows: Vec<f32> = (0..20).map(|row| found[row * 20 + 10]).collect();
        assert!(rows[..5].iter().chain(&rows[15..]).all(|value| *value == 0.0));
        assert!(rows[5..15].iter().all(|value| (*value - 9.0).abs() < 1e-4));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_results_do_not_depend_on_the_processor() {
        if !is_x86_feature_detected!("avx2") {
            return;
        }
        for (width, height) in [(1, 1), (5, 3), (11, 40), (67, 31)] {
            let image = image(width, height);
            let by = if width == 11 { Interpolation::Bicubic } else { Interpolation::Bilinear };
            for source in [[0.3, -2.0, 9.7, 12.0], [-70.0, 1.0, 90.0, 29.5], [4.0, 2.0, 4.5, 2.25]] {
                let columns = Filter::new(by, source[0], source[2], 21, width as usize);
                let rows = Filter::new(by, source[1], source[3], 19, height as usize);
                let work = Blend {
                    image: &image,
                    rows: &rows,
                    columns: &columns,
                    channels: Normalization::IDENTITY.channels(),
                    limits: by.limits(),
                };
                let (mut plain, mut fast) = (vec![0.0; 3 * 19 * 21], vec![0.0; 3 * 19 * 21]);
                work.run(&mut plain, transposed);
                blend(&work, &mut fast);
                assert_eq!(plain, fast);
            }
        }
    }
}
