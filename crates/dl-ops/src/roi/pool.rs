//! RoIPool: the maximum of each bin of a box, with edges rounded to whole pixels.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use dl_kernels::Window;
use rayon::prelude::*;

use super::Region;
use super::blocks::{Blocked, LANES, Pixel, each_block, gather_gradient, pack, unpack};
use crate::wide::wide;
use crate::{cpu, portable};

/// Options of [`roi_pool`]; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoiPoolConfig {
    /// Bins per box.
    pub output_size: [usize; 2],
    /// Map pixels per image pixel: 1/16 after four halvings.
    pub spatial_scale: f32,
}

/// The maximum in each bin of each box, 0 if the bin is outside the map, NaN if it contains one. Maps x [n, c, h, w]
/// and boxes [k, 5] to [k, c, h', w'].
///
/// A box's row is the image's index in the batch, then x1, y1, x2, y2. The gradient goes only to x, to the first
/// maximum of a bin in row-major order.
/// # Errors
/// When a box is not finite or of an image out of range, the map is empty, or candle fails.
pub fn roi_pool(x: &Tensor, boxes: &Tensor, config: &RoiPoolConfig) -> Result<Tensor> {
    let regions = Region::all(x, boxes, config.output_size)?;
    let (_, _, h, w) = x.dims4()?;
    let rounded = regions.iter().map(|region| {
        let [x1, y1, x2, y2] = region.corners;
        let [rows, columns] = config.output_size;
        let along = |ends: [f32; 2], count: usize, length: usize| windows(ends, count, length, config.spatial_scale);
        Rounded { image: region.image, rows: along([y1, y2], rows, h), columns: along([x1, x2], columns, w) }
    });
    let boxes: Vec<Rounded> = rounded.collect();
    if cpu::serves(x) {
        return x.apply_op1(RoiPool { size: config.output_size, boxes });
    }
    let boxes = boxes.iter().map(|rounded| (rounded.image, &rounded.rows[..], &rounded.columns[..]));
    portable::roi_pool(x, boxes, config.output_size)
}

/// The bins of a box along one axis, in torchvision's single precision; they may overlap or be empty.
fn windows([from, to]: [f32; 2], count: usize, length: usize, scale: f32) -> Vec<Window> {
    let (start, end) = ((from * scale).round(), (to * scale).round());
    let bin = (end - start + 1.0).max(1.0) / count as f32;
    let clamp = |place: f32| place.clamp(0.0, length as f32) as usize;
    let window = |index: usize| {
        let (low, high) =
            (clamp((index as f32 * bin).floor() + start), clamp(((index + 1) as f32 * bin).ceil() + start));
        Window { start: low, end: high, padded: high.saturating_sub(low) }
    };
    (0..count).map(window).collect()
}

struct RoiPool {
    size: [usize; 2],
    boxes: Vec<Rounded>,
}

/// A box as windows of the map.
struct Rounded {
    image: usize,
    rows: Vec<Window>,
    columns: Vec<Window>,
}

impl Rounded {
    fn windows(&self) -> impl Iterator<Item = (&Window, &Window)> {
        self.rows.iter().flat_map(|row| self.columns.iter().map(move |column| (row, column)))
    }
}

/// No pixel: the window is empty.
const NOWHERE: u32 = u32::MAX;

wide! {
    /// The maximum of each window of a block of an image of width `width`, 0 if the window is empty.
    fn pool(rounded: &Rounded, map: &[Pixel], width: usize, output: &mut [Pixel]) {
        for ((row, column), output) in rounded.windows().zip(output) {
            *output = largest(map, width, row, column).0;
        }
    }

    /// Adds the gradient of each window at its maximum.
    fn scatter(rounded: &Rounded, map: &[Pixel], width: usize, gradient: &[Pixel], output: &mut [Pixel]) {
        for ((row, column), gradient) in rounded.windows().zip(gradient) {
            let (_, places) = largest(map, width, row, column);
            for (lane, (place, gradient)) in places.iter().zip(gradient).enumerate() {
                if *place != NOWHERE {
                    output[*place as usize][lane] += gradient;
                }
            }
        }
    }
}

/// The maximum of a window in each lane, and its first position.
#[inline(always)]
fn largest(map: &[Pixel], width: usize, row: &Window, column: &Window) -> (Pixel, [u32; LANES]) {
    let (mut best, mut places) = ([0.0; LANES], [NOWHERE; LANES]);
    for y in row.start..row.end {
        for x in column.start..column.end {
            let (place, pixel) = ((y * width + x) as u32, &map[y * width + x]);
            for lane in 0..LANES {
                let (value, old) = (pixel[lane], best[lane]);
                let wins = (places[lane] == NOWHERE) | (value > old) | (value.is_nan() & !old.is_nan());
                best[lane] = if wins { value } else { old };
                places[lane] = if wins { place } else { places[lane] };
            }
        }
    }
    (best, places)
}

impl CustomOp1 for RoiPool {
    fn name(&self) -> &'static str {
        "roi_pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let map = Blocked::new(&cpu::floats(storage, layout)?, [n, c, h, w]);
        let bins = self.size[0] * self.size[1];
        let mut output = vec![0.0; self.boxes.len() * c * bins];
        let boxes = output.par_chunks_exact_mut((c * bins).max(1)).zip(&self.boxes);
        boxes.for_each_init(
            || vec![[0.0; LANES]; bins],
            |pixels, (output, rounded)| {
                each_block(c, |block, range| {
                    pool(rounded, map.block(rounded.image, block), w, pixels);
                    unpack(pixels, &mut output[range.start * bins..range.end * bins]);
                });
            },
        );
        Ok(cpu::output(output, (self.boxes.len(), c, self.size[0], self.size[1])))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let bins = self.size[0] * self.size[1];
        let map = cpu::with_floats(x, |x| Ok(Blocked::new(x, [n, c, h, w])))?;
        let output = cpu::with_floats(gradient, |gradient| {
            let scratch = || vec![[0.0; LANES]; bins];
            Ok(gather_gradient([n, c, h, w], scratch, |image, channels, output, pixels| {
                let map = map.block(image, channels.start / LANES);
                for (index, rounded) in self.boxes.iter().enumerate().filter(|(_, rounded)| rounded.image == image) {
                    pack(&gradient[(index * c + channels.start) * bins..][..channels.len() * bins], bins, pixels);
                    scatter(rounded, map, w, pixels, output);
                }
            }))
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    const ODD: RoiPoolConfig = RoiPoolConfig { output_size: [3, 2], spatial_scale: 0.5 };

    /// Inside, smaller than its bins, across the edges, outside, inverted, and twice in the other image.
    fn boxes() -> Tensor {
        let rows: [[f32; 5]; 7] = [
            [0.0, 1.0, 2.0, 12.0, 11.0],
            [0.0, 5.0, 5.0, 6.4, 6.4],
            [1.0, -9.0, -8.0, 7.0, 9.0],
            [0.0, 100.0, 100.0, 120.0, 130.0],
            [1.0, 8.0, 9.0, 2.0, 1.0],
            [1.0, 0.0, 0.0, 17.0, 13.0],
            [1.0, 0.0, 0.0, 17.0, 13.0],
        ];
        Tensor::new(&rows, &Device::Cpu).unwrap()
    }

    /// torchvision's loops.
    fn naive(x: &Tensor, config: &RoiPoolConfig) -> Tensor {
        let (_, c, h, w) = x.dims4().unwrap();
        let xs = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let [rows, columns] = config.output_size;
        let mut output = Vec::new();
        for row in boxes().to_vec2::<f32>().unwrap() {
            let [x1, y1, x2, y2] = [1, 2, 3, 4].map(|i| (row[i] * config.spatial_scale).round() as i64);
            let bin = [(y2 - y1 + 1).max(1) as f32 / rows as f32, (x2 - x1 + 1).max(1) as f32 / columns as f32];
            for channel in 0..c {
                for (by, bx) in (0..rows).flat_map(|by| (0..columns).map(move |bx| (by, bx))) {
                    let ends = |index: usize, bin: f32, start: i64, length: usize| {
                        let low = (index as f32 * bin).floor() as i64 + start;
                        let high = ((index + 1) as f32 * bin).ceil() as i64 + start;
                        low.clamp(0, length as i64) as usize..high.clamp(0, length as i64) as usize
                    };
                    let mut best: Option<f32> = None;
                    for y in ends(by, bin[0], y1, h) {
                        for x in ends(bx, bin[1], x1, w) {
                            let value = xs[((row[0] as usize * c + channel) * h + y) * w + x];
                            best = Some(best.map_or(value, |best| best.max(value)));
                        }
                    }
                    output.push(best.unwrap_or(0.0));
                }
            }
        }
        Tensor::from_vec(output, (boxes().dims()[0], c, rows, columns), &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_naive_loops_and_the_portable_composition_on_odd_and_strided_maps() {
        for x in [draw("x", &[2, 3, 7, 9]), strided("x", &[2, 2, 9, 7]), draw("x", &[2, 1, 1, 1])] {
            let expected = naive(&x, &ODD);
            assert_close(&roi_pool(&x, &boxes(), &ODD).unwrap(), &expected, 0.0);
            let (_, _, h, w) = x.dims4().unwrap();
            let rows = boxes().to_vec2::<f32>().unwrap();
            let rounded: Vec<_> = rows
                .iter()
                .map(|r| (r[0] as usize, windows([r[2], r[4]], 3, h, 0.5), windows([r[1], r[3]], 2, w, 0.5)))
                .collect();
            let rounded = rounded.iter().map(|(image, rows, columns)| (*image, &rows[..], &columns[..]));
            assert_close(&portable::roi_pool(&x, rounded, ODD.output_size).unwrap(), &expected, 0.0);
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        check_gradients(&[&[2, 2, 7, 9]], 1e-4, |t| roi_pool(&t[0], &boxes(), &ODD));
    }

    #[test]
    fn the_gradient_of_a_tie_goes_to_the_first() {
        let x = Var::ones((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let boxes = Tensor::new(&[[0_f32, 0.0, 0.0, 1.0, 1.0]], &Device::Cpu).unwrap();
        let y = roi_pool(&x, &boxes, &RoiPoolConfig { output_size: [1, 1], spatial_scale: 1.0 }).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let x = Var::from_tensor(&draw("x", &[2, 9, 7, 9])).unwrap();
        let run = |threads| {
            in_pool(threads, || {
                let y = roi_pool(&x, &boxes(), &ODD).unwrap();
                let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                (bits(&y), bits(gradients.get(&x).unwrap()))
            })
        };
        assert_eq!(run(1), run(3));
    }
}
