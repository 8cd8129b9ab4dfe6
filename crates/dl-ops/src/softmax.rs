//! Softmax and its logarithm, stable whatever the size of the numbers: the largest of each row is taken off first.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::exp::exp;
use crate::wide::{CHUNK, LANES, sum, sum_lanes, wide};
use crate::{cpu, portable};

/// Numbers that one task takes at least.
const TASK: usize = 1 << 13;

/// e^x divided by its sum along `dim`. Any shape; a row that holds NaN, or only -inf, becomes NaN.
///
/// Fastest along the last dimension; along others the tensor is turned, so the result is strided.
/// # Errors
/// When there is no such dimension, or those of candle.
pub fn softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    along(x, dim, Softmax { logarithm: false })
}

/// The logarithm of [`softmax`], exact where that is too small for a float.
/// # Errors
/// As [`softmax`].
pub fn log_softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    along(x, dim, Softmax { logarithm: true })
}

fn along(x: &Tensor, dim: usize, op: Softmax) -> Result<Tensor> {
    let Some(last) = x.rank().checked_sub(1).filter(|last| dim <= *last) else {
        bail!("softmax: {:?} has no dimension {dim}", x.dims());
    };
    if !cpu::serves(x) {
        let y = portable::log_softmax(x, dim)?;
        return if op.logarithm { Ok(y) } else { y.exp() };
    }
    if dim == last { x.apply_op1(op) } else { x.transpose(dim, last)?.apply_op1(op)?.transpose(dim, last) }
}

struct Softmax {
    logarithm: bool,
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        if self.logarithm { "log_softmax" } else { "softmax" }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        let length = row_length(layout.dims());
        let rows = output.par_chunks_exact_mut(length).zip(x.par_chunks_exact(length));
        rows.with_min_len(TASK.div_ceil(length)).for_each(|(output, row)| {
            let (largest, total) = exponentials(row, output);
            if self.logarithm {
                logarithms(row, largest, total.ln() as f32, output);
            } else {
                scale(output, (1.0 / total) as f32);
            }
        });
        Ok(cpu::output(output, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut output = vec![0.0; x.elem_count()];
        let length = row_length(x.dims());
        cpu::with_floats(y, |y| {
            cpu::with_floats(gradient, |gradient| {
                let rows = output
                    .par_chunks_exact_mut(length)
                    .zip(y.par_chunks_exact(length))
                    .zip(gradient.par_chunks_exact(length));
                rows.with_min_len(TASK.div_ceil(length)).for_each(|((output, y), gradient)| {
                    if self.logarithm {
                        log_gradient(y, gradient, output);
                    } else {
                        softmax_gradient(y, gradient, output);
                    }
                });
                Ok(())
            })
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

fn row_length(dims: &[usize]) -> usize {
    dims.last().copied().unwrap_or(1).max(1)
}

wide! {
    /// The largest number; NaN if there is one.
    fn largest(row: &[f32]) -> f32 {
        let larger = |a: f32, b: f32| if b > a || b.is_nan() { b } else { a };
        let (groups, rest) = row.as_chunks::<LANES>();
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for group in groups {
            for (lane, number) in lanes.iter_mut().zip(group) {
                *lane = larger(*lane, *number);
            }
        }
        lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| larger(a, *b))
    }

    /// `output` becomes e^(x - largest) and the result is its sum.
    fn exponentials_below(row: &[f32], largest: f32, output: &mut [f32]) -> f64 {
        for (output, x) in output.iter_mut().zip(row) {
            *output = exp(x - largest);
        }
        sum(output)
    }

    fn logarithms(row: &[f32], largest: f32, of_total: f32, output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(row) {
            *output = x - largest - of_total;
        }
    }

    pub(crate) fn scale(numbers: &mut [f32], factor: f32) {
        for number in numbers {
            *number *= factor;
        }
    }

    fn softmax_gradient(y: &[f32], gradient: &[f32], output: &mut [f32]) {
        let mut total = 0.0;
        for (y, gradient) in y.chunks(CHUNK).zip(gradient.chunks(CHUNK)) {
            let mut lanes = [0_f32; LANES];
            for (y, gradient) in y.chunks(LANES).zip(gradient.chunks(LANES)) {
                for ((lane, y), gradient) in lanes.iter_mut().zip(y).zip(gradient) {
                    *lane += y * gradient;
                }
            }
            total += f64::from(sum_lanes(lanes));
        }
        let total = total as f32;
        for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
            *output = y * (gradient - total);
        }
    }

    fn log_gradient(y: &[f32], gradient: &[f32], output: &mut [f32]) {
        let total = sum(gradient) as f32;
        for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
            *output = gradient - exp(*y) * total;
        }
    }
}

/// `output` becomes e^(x - largest); gives the largest and the sum.
pub(crate) fn exponentials(row: &[f32], output: &mut [f32]) -> (f32, f64) {
    let largest = largest(row);
    (largest, exponentials_below(row, largest, output))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    fn row(numbers: &[f32]) -> Tensor {
        Tensor::new(numbers, &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_portable_composition_along_every_dimension() {
        for x in [draw("x", &[3, 5, 7]), strided("x", &[2, 33, 70]), (draw("x", &[2, 2, 3000]) * 9.0).unwrap()] {
            for dim in 0..3 {
                let expected = portable::log_softmax(&x, dim).unwrap();
                assert_close(&log_softmax(&x, dim).unwrap(), &expected, 2e-6);
                assert_close(&softmax(&x, dim).unwrap(), &expected.exp().unwrap(), 1e-6);
            }
        }
    }

    #[test]
    fn large_numbers_do_not_overflow_and_small_ones_keep_their_logarithm() {
        let x = row(&[1e30, 1e30, -1e30]);
        assert_eq!(softmax(&x, 0).unwrap().to_vec1::<f32>().unwrap(), [0.5, 0.5, 0.0]);
        let y = log_softmax(&row(&[0.0, -500.0, 0.0]), 0).unwrap();
        assert_close(&y, &row(&[-2_f32.ln(), -500.0 - 2_f32.ln(), -2_f32.ln()]), 1e-6);
        let masked = softmax(&row(&[f32::NEG_INFINITY, 2.0]), 0).unwrap();
        assert_eq!(masked.to_vec1::<f32>().unwrap(), [0.0, 1.0]);
    }

    #[test]
    fn a_nan_is_seen_in_the_whole_row() {
        let y = softmax(&row(&[1.0, f32::NAN, 2.0]), 0).unwrap().to_vec1::<f32>().unwrap();
        assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
    }

    #[test]
    fn the_gradients_are_those_of_finite_differences() {
        for dim in 0..3 {
            check_gradients(&[&[2, 3, 5]], 1e-2, |t| softmax(&t[0], dim));
            check_gradients(&[&[2, 3, 5]], 1e-2, |t| log_softmax(&t[0], dim));
        }
        check_gradients(&[&[2, 37]], 1e-2, |t| log_softmax(&t[0], 1));
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch_and_with_any_number_of_threads() {
        let x = draw("x", &[400, 77]);
        let all = bits(&in_pool(1, || softmax(&x, 1).unwrap()));
        assert_eq!(all, bits(&in_pool(3, || softmax(&x, 1).unwrap())));
        assert_eq!(bits(&softmax(&x.narrow(0, 13, 1).unwrap(), 1).unwrap()), all[13 * 77..14 * 77]);
    }

    #[test]
    fn a_missing_dimension_is_named() {
        let error = softmax(&draw("x", &[2, 3]), 2).unwrap_err().to_string();
        assert!(error.contains("[2, 3] has no dimension 2"), "{error}");
    }
}
