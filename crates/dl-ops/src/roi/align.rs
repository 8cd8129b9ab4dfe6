//! RoIAlign: the mean of bilinear samples in each bin of a box, without rounding.
//!
//! The weights of a sample are products of row and column weights, and so are those of a bin's mean: each box becomes
//! two short lists of weights, and samples are not computed one by one. Pixels are vectors of channels.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::Region;
use super::blocks::{Blocked, LANES, Pixel, each_block, gather_gradient, pack, unpack};
use crate::wide::wide;
use crate::{cpu, portable};

/// Options of [`roi_align`]; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoiAlignConfig {
    /// Bins per box.
    pub output_size: [usize; 2],
    /// Map pixels per image pixel: 1/16 after four halvings.
    pub spatial_scale: f32,
    /// Samples along each side of a bin; by default as many as the bin has pixels, rounded up (torchvision's -1).
    pub sampling_ratio: Option<usize>,
    /// Whether pixels are squares around their centers, so that boxes shift by half a pixel. Otherwise (Detectron's
    /// first RoIAlign) boxes do not shift and are at least 1 x 1.
    pub aligned: bool,
}

/// The mean of bilinear samples in each bin of each box. Maps x [n, c, h, w] and boxes [k, 5] to [k, c, h', w'].
///
/// A box's row is the image's index in the batch, then x1, y1, x2, y2. The gradient goes only to x.
/// # Errors
/// When a box is not finite or of an image out of range, the map or the sampling ratio is 0, or candle fails.
pub fn roi_align(x: &Tensor, boxes: &Tensor, config: &RoiAlignConfig) -> Result<Tensor> {
    if config.sampling_ratio == Some(0) {
        bail!("roi_align: the sampling ratio must not be 0");
    }
    let regions = Region::all(x, boxes, config.output_size)?;
    let (_, _, h, w) = x.dims4()?;
    let op =
        RoiAlign { size: config.output_size, boxes: regions.iter().map(|r| Sampled::new(r, config, h, w)).collect() };
    if cpu::serves(x) {
        return x.apply_op1(op);
    }
    let matrices = op.boxes.iter().map(|sampled| (sampled.image, sampled.rows.dense(h), sampled.columns.dense(w)));
    portable::regions(x, matrices, config.output_size)
}

struct RoiAlign {
    size: [usize; 2],
    boxes: Vec<Sampled>,
}

/// A box as weights of the map's rows and columns.
struct Sampled {
    image: usize,
    rows: Bins,
    columns: Bins,
}

/// The bins along one axis: for each, a range of the map and a weight for each position in it.
struct Bins {
    ranges: Vec<Range<usize>>,
    /// The weights of all bins, in sequence.
    weights: Vec<f32>,
}

impl Sampled {
    fn new(region: &Region, config: &RoiAlignConfig, height: usize, width: usize) -> Self {
        let [x1, y1, x2, y2] = region.corners;
        let [rows, columns] = config.output_size;
        Self {
            image: region.image,
            rows: Bins::new([y1, y2], rows, height, config),
            columns: Bins::new([x1, x2], columns, width, config),
        }
    }
}

impl Bins {
    /// The weights of `count` bins between two positions on an axis of `length`. Computed in single precision in
    /// torchvision's order, so that bins have the same number of samples and the same ones are outside.
    fn new([from, to]: [f32; 2], count: usize, length: usize, config: &RoiAlignConfig) -> Self {
        let offset = if config.aligned { 0.5 } else { 0.0 };
        let start = from * config.spatial_scale - offset;
        let side = (to * config.spatial_scale - offset) - start;
        let side = if config.aligned { side } else { side.max(1.0) };
        let bin = side / count as f32;
        let samples = config.sampling_ratio.map_or_else(|| bin.ceil().max(0.0), |ratio| ratio as f32);
        let (mut ranges, mut weights) = (Vec::with_capacity(count), Vec::new());
        let mut line = vec![0.0_f32; length];
        for index in 0..count {
            let mut range = length..0;
            for sample in inside(start + index as f32 * bin, bin, samples, length) {
                let place = start + index as f32 * bin + (sample as f32 + 0.5) * bin / samples;
                if place < -1.0 || place > length as f32 {
                    continue;
                }
                let place = place.max(0.0);
                let low = (place as usize).min(length - 1);
                let high = (low + 1).min(length - 1);
                let share = if low == high { 0.0 } else { place - low as f32 };
                line[low] += (1.0 - share) / samples;
                line[high] += share / samples;
                range = range.start.min(low)..range.end.max(high + 1);
            }
            if range.is_empty() {
                range = 0..0;
            }
            weights.extend_from_slice(&line[range.clone()]);
            line[range.clone()].fill(0.0);
            ranges.push(range);
        }
        Self { ranges, weights }
    }

    fn iter(&self) -> impl Iterator<Item = (Range<usize>, &[f32])> {
        let mut rest = &self.weights[..];
        self.ranges.iter().map(move |range| {
            let (weights, others) = rest.split_at(range.len());
            rest = others;
            (range.clone(), weights)
        })
    }

    /// [bins, length]
    fn dense(&self, length: usize) -> Vec<f32> {
        let mut matrix = vec![0.0; self.ranges.len() * length];
        for (line, (range, weights)) in matrix.chunks_exact_mut(length).zip(self.iter()) {
            line[range].copy_from_slice(weights);
        }
        matrix
    }

    /// The part of the map that the bins use.
    fn reach(&self) -> Range<usize> {
        let ranges = || self.ranges.iter().filter(|range| !range.is_empty());
        let start = ranges().map(|range| range.start).min().unwrap_or(0);
        start..ranges().map(|range| range.end).max().unwrap_or(start)
    }
}

/// The samples that can be on the map or next to it: only a few, if a box is far larger than the map.
fn inside(start: f32, bin: f32, samples: f32, length: usize) -> Range<u64> {
    let step = f64::from(bin) / f64::from(samples);
    if samples < 1.0 || step == 0.0 || !step.is_finite() {
        return 0..if step == 0.0 && samples >= 1.0 { samples as u64 } else { 0 };
    }
    let sample_at = |place: f64| (place - f64::from(start)) / step;
    let ends = [sample_at(-2.0), sample_at(length as f64 + 1.0)];
    let (first, last) = (ends[0].min(ends[1]).floor() - 1.0, ends[0].max(ends[1]).ceil() + 1.0);
    first.max(0.0) as u64..last.clamp(0.0, f64::from(samples)) as u64
}

wide! {
    /// Computes the bins [h', w'] of one block of an image of width `width`.
    fn pool(sampled: &Sampled, map: &[Pixel], width: usize, line: &mut [Pixel], output: &mut [Pixel]) {
        let reach = sampled.columns.reach();
        let line = &mut line[..reach.len()];
        for ((range, weights), output) in sampled.rows.iter().zip(output.chunks_exact_mut(sampled.columns.ranges.len())) {
            line.fill([0.0; LANES]);
            for (y, weight) in range.zip(weights) {
                for (sum, pixel) in line.iter_mut().zip(&map[y * width + reach.start..]) {
                    add_scaled(pixel, *weight, sum);
                }
            }
            for ((range, weights), output) in sampled.columns.iter().zip(output) {
                let mut sum = [0.0; LANES];
                for (pixel, weight) in line[range.start.saturating_sub(reach.start)..].iter().zip(weights) {
                    add_scaled(pixel, *weight, &mut sum);
                }
                *output = sum;
            }
        }
    }

    /// Adds the gradient of one block.
    fn scatter(sampled: &Sampled, gradient: &[Pixel], width: usize, line: &mut [Pixel], map: &mut [Pixel]) {
        let reach = sampled.columns.reach();
        let line = &mut line[..reach.len()];
        for ((range, weights), gradient) in sampled.rows.iter().zip(gradient.chunks_exact(sampled.columns.ranges.len())) {
            line.fill([0.0; LANES]);
            for ((range, weights), gradient) in sampled.columns.iter().zip(gradient) {
                for (sum, weight) in line[range.start.saturating_sub(reach.start)..].iter_mut().zip(weights) {
                    add_scaled(gradient, *weight, sum);
                }
            }
            for (y, weight) in range.zip(weights) {
                for (sum, pixel) in map[y * width + reach.start..].iter_mut().zip(&*line) {
                    add_scaled(pixel, *weight, sum);
                }
            }
        }
    }
}

#[inline(always)]
fn add_scaled(pixel: &Pixel, factor: f32, sum: &mut Pixel) {
    for (sum, value) in sum.iter_mut().zip(pixel) {
        *sum += value * factor;
    }
}

impl CustomOp1 for RoiAlign {
    fn name(&self) -> &'static str {
        "roi_align"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let map = Blocked::new(&cpu::floats(storage, layout)?, [n, c, h, w]);
        let bins = self.size[0] * self.size[1];
        let mut output = vec![0.0; self.boxes.len() * c * bins];
        let boxes = output.par_chunks_exact_mut((c * bins).max(1)).zip(&self.boxes);
        boxes.for_each_init(
            || (vec![[0.0; LANES]; w], vec![[0.0; LANES]; bins]),
            |(line, pixels), (output, sampled)| {
                each_block(c, |block, range| {
                    pool(sampled, map.block(sampled.image, block), w, line, pixels);
                    unpack(pixels, &mut output[range.start * bins..range.end * bins]);
                });
            },
        );
        Ok(cpu::output(output, (self.boxes.len(), c, self.size[0], self.size[1])))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let bins = self.size[0] * self.size[1];
        let output = cpu::with_floats(gradient, |gradient| {
            let scratch = || (vec![[0.0; LANES]; w], vec![[0.0; LANES]; bins]);
            Ok(gather_gradient([n, c, h, w], scratch, |image, channels, map, (line, pixels)| {
                let boxes = self.boxes.iter().enumerate().filter(|(_, sampled)| sampled.image == image);
                for (index, sampled) in boxes {
                    pack(&gradient[(index * c + channels.start) * bins..][..channels.len() * bins], bins, pixels);
                    scatter(sampled, pixels, w, line, map);
                }
            }))
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    /// Inside, small, across the edges, outside, inverted, a point, and twice in the other image.
    fn boxes() -> Tensor {
        let rows: [[f32; 5]; 9] = [
            [0.0, 1.0, 2.0, 9.0, 7.0],
            [0.0, 3.1, 3.2, 3.9, 4.1],
            [1.0, -4.0, -3.0, 5.0, 6.0],
            [1.0, 6.5, 7.0, 30.0, 25.0],
            [0.0, 100.0, 100.0, 120.0, 130.0],
            [0.0, 8.0, 9.0, 2.0, 1.0],
            [1.0, 4.0, 4.0, 4.0, 4.0],
            [1.0, 0.0, 0.0, 13.0, 11.0],
            [1.0, 0.0, 0.0, 13.0, 11.0],
        ];
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    fn configs() -> Vec<RoiAlignConfig> {
        let mut configs = Vec::new();
        for aligned in [false, true] {
            for sampling_ratio in [None, Some(1), Some(2), Some(3)] {
                configs.push(RoiAlignConfig { output_size: [3, 2], spatial_scale: 0.75, sampling_ratio, aligned });
            }
        }
        configs
    }

    /// torchvision's loops: four neighbors per sample.
    fn naive(x: &Tensor, boxes: &Tensor, config: &RoiAlignConfig) -> Tensor {
        let (_, c, h, w) = x.dims4().unwrap();
        let xs = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let [bin_rows, bin_columns] = config.output_size;
        let mut output = Vec::new();
        for row in boxes.to_vec2::<f32>().unwrap() {
            let offset = if config.aligned { 0.5 } else { 0.0 };
            let [x1, y1, x2, y2] = [1, 2, 3, 4].map(|i| row[i] * config.spatial_scale - offset);
            let least = |side: f32| if config.aligned { side } else { side.max(1.0) };
            let bin = [least(y2 - y1) / bin_rows as f32, least(x2 - x1) / bin_columns as f32];
            let grid = bin.map(|side| config.sampling_ratio.unwrap_or(side.ceil().max(0.0) as usize));
            for channel in 0..c {
                let plane = &xs[(row[0] as usize * c + channel) * h * w..][..h * w];
                for (by, bx) in (0..bin_rows).flat_map(|by| (0..bin_columns).map(move |bx| (by, bx))) {
                    let mut sum = 0.0;
                    for (iy, ix) in (0..grid[0]).flat_map(|iy| (0..grid[1]).map(move |ix| (iy, ix))) {
                        let y = y1 + by as f32 * bin[0] + (iy as f32 + 0.5) * bin[0] / grid[0] as f32;
                        let x = x1 + bx as f32 * bin[1] + (ix as f32 + 0.5) * bin[1] / grid[1] as f32;
                        if y < -1.0 || y > h as f32 || x < -1.0 || x > w as f32 {
                            continue;
                        }
                        let (y, x) = (y.clamp(0.0, (h - 1) as f32), x.clamp(0.0, (w - 1) as f32));
                        let (top, left) = (y as usize, x as usize);
                        let (bottom, right) = ((top + 1).min(h - 1), (left + 1).min(w - 1));
                        let (down, across) = (y - top as f32, x - left as f32);
                        sum += plane[top * w + left] * (1.0 - down) * (1.0 - across)
                            + plane[top * w + right] * (1.0 - down) * across
                            + plane[bottom * w + left] * down * (1.0 - across)
                            + plane[bottom * w + right] * down * across;
                    }
                    output.push(sum / (grid[0] * grid[1]).max(1) as f32);
                }
            }
        }
        Tensor::from_vec(output, (boxes.dims()[0], c, bin_rows, bin_columns), &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_naive_samples_and_the_portable_matrices_on_odd_and_strided_maps() {
        for config in configs() {
            for x in [draw("x", &[2, 3, 7, 9]), strided("x", &[2, 2, 9, 7]), draw("x", &[2, 1, 1, 1])] {
                let expected = naive(&x, &boxes(), &config);
                assert_close(&roi_align(&x, &boxes(), &config).unwrap(), &expected, 2e-6);
                let (_, _, h, w) = x.dims4().unwrap();
                let regions = Region::all(&x, &boxes(), config.output_size).unwrap();
                let sampled: Vec<_> = regions.iter().map(|region| Sampled::new(region, &config, h, w)).collect();
                let matrices = sampled.iter().map(|s| (s.image, s.rows.dense(h), s.columns.dense(w)));
                assert_close(&portable::regions(&x, matrices, config.output_size).unwrap(), &expected, 2e-6);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for config in configs() {
            check_gradients(&[&[2, 2, 5, 7]], 1e-2, |t| roi_align(&t[0], &boxes(), &config));
        }
    }

    #[test]
    fn a_box_far_larger_than_the_map_is_fast_and_covers_the_map() {
        let config = RoiAlignConfig { output_size: [1, 1], ..configs()[0] };
        let x = Tensor::ones((1, 1, 6, 6), candle_core::DType::F32, &Device::Cpu).unwrap();
        let boxes = Tensor::new(&[[0_f32, -4e9, -4e9, 4e9, 4e9], [0.0, 1.0, 1.0, 1e38, 3e38]], &Device::Cpu).unwrap();
        let y = roi_align(&x, &boxes, &config).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(y.iter().all(|y| *y >= 0.0 && *y < 1e-6), "{y:?}");
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads_or_other_boxes() {
        let x = candle_core::Var::from_tensor(&draw("x", &[2, 9, 13, 11])).unwrap();
        let run = |threads| {
            in_pool(threads, || {
                let y = roi_align(&x, &boxes(), &configs()[4]).unwrap();
                let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                (bits(&y), bits(gradients.get(&x).unwrap()))
            })
        };
        let all = run(1);
        assert_eq!(all, run(3));
        let one = bits(&roi_align(&x, &boxes().narrow(0, 3, 1).unwrap(), &configs()[4]).unwrap());
        assert_eq!(one, all.0[3 * one.len()..4 * one.len()]);
    }

    #[test]
    fn the_error_names_an_invalid_box() {
        let error = |row: [f32; 5]| {
            let boxes = Tensor::new(&[row], &Device::Cpu).unwrap();
            roi_align(&draw("x", &[2, 1, 4, 4]), &boxes, &configs()[0]).unwrap_err().to_string()
        };
        assert!(error([2.0, 0.0, 0.0, 1.0, 1.0]).contains("box 0 has image index 2, but the batch has 2"));
        assert!(error([0.5, 0.0, 0.0, 1.0, 1.0]).contains("has image index 0.5"));
        assert!(error([0.0, 0.0, f32::NAN, 1.0, 1.0]).contains("box 0 is [0.0, 0.0, NaN"));
    }

    #[test]
    fn no_boxes_give_no_rows() {
        let boxes = Tensor::zeros((0, 5), candle_core::DType::F32, &Device::Cpu).unwrap();
        let y = roi_align(&draw("x", &[1, 4, 3, 3]), &boxes, &configs()[0]).unwrap();
        assert_eq!(y.dims(), [0, 4, 3, 2]);
    }
}
