//! Nearest and bilinear resizing, like torch's `interpolate`: the same source pixels, weights and scales.
//!
//! Both process one axis at a time. For bilinear resizing, each source row is resized once, then pairs of rows are
//! blended, which vectorizes. The gradient applies the same steps in reverse.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use dl_kernels::{ResizeAxis as Axis, Tap};
use rayon::prelude::*;

use crate::wide::wide;
use crate::{cpu, portable};

/// Fewest numbers per task.
const TASK: usize = 1 << 13;

/// The target size; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ResizeTo {
    /// This size. The step between source positions is length / new length.
    Size([usize; 2]),
    /// This factor times the size, rounded down. The step between source positions is 1 / factor, even if rounding
    /// makes it differ from the ratio of the sizes (torch's `scale_factor`).
    Factor([f64; 2]),
}

/// Each output is the source pixel at floor(output * step): torch's mode "nearest".
///
/// Maps x [n, c, h, w] to [n, c, h', w'].
/// # Errors
/// When the source or the result is empty, or candle fails.
pub fn resize_nearest(x: &Tensor, to: ResizeTo) -> Result<Tensor> {
    resize(x, to, Axis::nearest, Kind::Nearest)
}

/// Each output blends the four source pixels around its position: torch's mode "bilinear", without antialiasing.
///
/// Maps x [n, c, h, w] to [n, c, h', w']. With `align_corners` the centers of the corner pixels are aligned; otherwise
/// their outer edges, as in most libraries.
/// # Errors
/// When the source or the result is empty, or candle fails.
pub fn resize_bilinear(x: &Tensor, to: ResizeTo, align_corners: bool) -> Result<Tensor> {
    resize(x, to, if align_corners { Axis::corners } else { Axis::edges }, Kind::Bilinear)
}

fn resize(x: &Tensor, to: ResizeTo, taps: fn(&Axis) -> Vec<Tap>, kind: Kind) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let [rows, columns] = [(0, h), (1, w)].map(|(axis, from)| match to {
        ResizeTo::Size(size) => Axis::of_lengths(from, size[axis]),
        ResizeTo::Factor(factor) => {
            Axis { from, to: (from as f64 * factor[axis]).floor() as usize, step: (1.0 / factor[axis]) as f32 }
        }
    });
    for axis in [&rows, &columns] {
        if axis.from == 0 || axis.to == 0 || !axis.step.is_finite() {
            bail!("resize: cannot resize {h}x{w} to {to:?}");
        }
    }
    let op = Resize { rows: taps(&rows), columns: taps(&columns), kind };
    if cpu::serves(x) { x.apply_op1(op) } else { portable::resize(x, &op.rows, &op.columns) }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nearest,
    Bilinear,
}

struct Resize {
    rows: Vec<Tap>,
    columns: Vec<Tap>,
    kind: Kind,
}

impl Resize {
    fn size(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Computes one plane of width `width`. `wide` contains two resized source rows, whose indices are in `held`.
    fn forward(&self, plane: &[f32], width: usize, scratch: &mut [f32], output: &mut [f32]) {
        let length = self.columns.len();
        let widen = |row: usize, into: &mut [f32]| {
            let source = &plane[row * width..][..width];
            match self.kind {
                Kind::Nearest => self.columns.iter().zip(into).for_each(|(tap, into)| *into = source[tap.first]),
                Kind::Bilinear => self.columns.iter().zip(into).for_each(|(tap, into)| {
                    *into = source[tap.first] * (1.0 - tap.share) + source[tap.second] * tap.share;
                }),
            }
        };
        if self.kind == Kind::Nearest {
            for index in 0..self.rows.len() {
                if index > 0 && self.rows[index] == self.rows[index - 1] {
                    output.copy_within((index - 1) * length..index * length, index * length);
                } else {
                    widen(self.rows[index].first, &mut output[index * length..][..length]);
                }
            }
            return;
        }
        let (mut first, mut second) = scratch.split_at_mut(length);
        let mut held = [usize::MAX; 2];
        for (tap, output) in self.rows.iter().zip(output.chunks_exact_mut(length)) {
            if held[0] != tap.first {
                if held[1] == tap.first {
                    std::mem::swap(&mut first, &mut second);
                    held.swap(0, 1);
                } else {
                    widen(tap.first, first);
                    held[0] = tap.first;
                }
            }
            if held[1] != tap.second {
                widen(tap.second, second);
                held[1] = tap.second;
            }
            blend(first, second, tap.share, output);
        }
    }

    /// The gradient of one plane of width `width`. `tall` [h, w'] is scratch memory for the gradient before the
    /// columns.
    fn backward(&self, gradient: &[f32], width: usize, tall: &mut [f32], output: &mut [f32]) {
        let length = self.columns.len();
        tall.fill(0.0);
        for (tap, gradient) in self.rows.iter().zip(gradient.chunks_exact(length)) {
            match self.kind {
                Kind::Nearest => add_scaled(gradient, 1.0, &mut tall[tap.first * length..][..length]),
                Kind::Bilinear => {
                    add_scaled(gradient, 1.0 - tap.share, &mut tall[tap.first * length..][..length]);
                    add_scaled(gradient, tap.share, &mut tall[tap.second * length..][..length]);
                }
            }
        }
        for (tall, output) in tall.chunks_exact(length).zip(output.chunks_exact_mut(width)) {
            for (tap, gradient) in self.columns.iter().zip(tall) {
                match self.kind {
                    Kind::Nearest => output[tap.first] += gradient,
                    Kind::Bilinear => {
                        output[tap.first] += gradient * (1.0 - tap.share);
                        output[tap.second] += gradient * tap.share;
                    }
                }
            }
        }
    }
}

impl CustomOp1 for Resize {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Nearest => "resize_nearest",
            Kind::Bilinear => "resize_bilinear",
        }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; n * c * self.size()];
        let planes = output.par_chunks_exact_mut(self.size()).zip(x.par_chunks_exact(h * w));
        planes.with_min_len(TASK.div_ceil(self.size())).for_each_init(
            || vec![0.0; 2 * self.columns.len()],
            |scratch, (output, plane)| self.forward(plane, w, scratch, output),
        );
        Ok(cpu::output(output, (n, c, self.rows.len(), self.columns.len())))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let mut output = vec![0.0; n * c * h * w];
        cpu::with_floats(gradient, |gradient| {
            let planes = output.par_chunks_exact_mut(h * w).zip(gradient.par_chunks_exact(self.size()));
            planes.with_min_len(TASK.div_ceil(self.size())).for_each_init(
                || vec![0.0; h * self.columns.len()],
                |tall, (output, gradient)| self.backward(gradient, w, tall, output),
            );
            Ok(())
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

wide! {
    fn blend(first: &[f32], second: &[f32], share: f32, output: &mut [f32]) {
        for ((output, first), second) in output.iter_mut().zip(first).zip(second) {
            *output = first * (1.0 - share) + second * share;
        }
    }

    fn add_scaled(numbers: &[f32], factor: f32, sum: &mut [f32]) {
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += number * factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    /// Larger, smaller, both, the same, one pixel, twice.
    const SIZES: [ResizeTo; 8] = [
        ResizeTo::Size([11, 13]),
        ResizeTo::Size([3, 2]),
        ResizeTo::Size([2, 17]),
        ResizeTo::Size([7, 5]),
        ResizeTo::Size([1, 1]),
        ResizeTo::Factor([2.0, 2.0]),
        ResizeTo::Factor([1.3, 0.7]),
        ResizeTo::Factor([0.4, 2.9]),
    ];

    fn kinds() -> [fn(&Tensor, ResizeTo) -> Result<Tensor>; 3] {
        [resize_nearest, |x, to| resize_bilinear(x, to, false), |x, to| resize_bilinear(x, to, true)]
    }

    #[test]
    fn equals_the_portable_matrices_on_odd_and_strided_maps() {
        for to in SIZES {
            for (kind, taps) in [(0, Axis::nearest as fn(&Axis) -> _), (1, Axis::edges), (2, Axis::corners)] {
                for x in [draw("x", &[2, 3, 7, 5]), strided("x", &[1, 2, 7, 5]), draw("x", &[1, 1, 1, 4])] {
                    let (_, _, h, w) = x.dims4().unwrap();
                    let found = match kinds()[kind](&x, to) {
                        Ok(found) => found,
                        // 0.4 times one row is 0 rows.
                        Err(_) => continue,
                    };
                    let axis = |from: usize, length: usize, which: usize| match to {
                        ResizeTo::Size(_) => Axis::of_lengths(from, length),
                        ResizeTo::Factor(factor) => Axis { from, to: length, step: (1.0 / factor[which]) as f32 },
                    };
                    let (rows, columns) = (taps(&axis(h, found.dims()[2], 0)), taps(&axis(w, found.dims()[3], 1)));
                    assert_close(&found, &portable::resize(&x, &rows, &columns).unwrap(), 1e-6);
                }
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for to in SIZES {
            for kind in kinds() {
                check_gradients(&[&[2, 2, 7, 5]], 1e-2, |t| kind(&t[0], to));
            }
        }
    }

    #[test]
    fn nearest_does_not_blend_neighbors() {
        let x = Tensor::new(&[[[[1_f32, f32::INFINITY]]]], &candle_core::Device::Cpu).unwrap();
        let y = resize_nearest(&x, ResizeTo::Factor([2.0, 2.0])).unwrap();
        let row = [1.0, 1.0, f32::INFINITY, f32::INFINITY];
        assert_eq!(y.reshape((2, 4)).unwrap().to_vec2::<f32>().unwrap(), [row, row]);
    }

    #[test]
    fn an_image_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let x = draw("x", &[3, 5, 31, 17]);
        for kind in kinds() {
            let to = ResizeTo::Size([45, 40]);
            let all = bits(&in_pool(1, || kind(&x, to).unwrap()));
            assert_eq!(all, bits(&in_pool(3, || kind(&x, to).unwrap())));
            let size = all.len() / 3;
            assert_eq!(bits(&kind(&x.narrow(0, 1, 1).unwrap(), to).unwrap()), all[size..2 * size]);
        }
    }

    #[test]
    fn an_empty_result_is_an_error() {
        for to in [ResizeTo::Size([0, 3]), ResizeTo::Factor([0.1, 1.0]), ResizeTo::Factor([f64::NAN, 1.0])] {
            let error = resize_nearest(&draw("x", &[1, 1, 3, 3]), to).unwrap_err().to_string();
            assert!(error.contains("resize: cannot resize 3x3 to"), "{error}");
        }
    }
}
