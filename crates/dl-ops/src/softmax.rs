//! Softmax and its logarithm, numerically stable: the maximum of each row is subtracted first.
//!
//! Contiguous rows (the last dimension) are computed one by one; others in strips of adjacent rows.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use dl_kernels::exp;
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::portable;
use crate::strip::{PIXELS, Strip};
use crate::wide::{CHUNK, LANES, sum_lanes, sum_of, wide};

/// Numbers per task, or one row.
const TASK: usize = 1 << 13;

/// e^x divided by its sum along `dim`. Any shape; a row that contains NaN, or only -inf, becomes NaN.
/// # Errors
/// When the dimension does not exist, or candle fails.
pub fn softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    along(x, Softmax { dim, logarithm: false })
}

/// The logarithm of [`softmax`], exact even if that underflows.
/// # Errors
/// As [`softmax`].
pub fn log_softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    along(x, Softmax { dim, logarithm: true })
}

fn along(x: &Tensor, op: Softmax) -> Result<Tensor> {
    if op.dim >= x.rank() {
        bail!("softmax: {:?} has no dimension {}", x.dims(), op.dim);
    }
    if cpu::serves(x) {
        return x.apply_op1(op);
    }
    let y = portable::log_softmax(x, op.dim)?;
    if op.logarithm { Ok(y) } else { y.exp() }
}

struct Softmax {
    dim: usize,
    logarithm: bool,
}

impl Softmax {
    /// [outer, row, inner]
    fn shape(&self, dims: &[usize]) -> [usize; 3] {
        let product = |dims: &[usize]| dims.iter().product::<usize>();
        [product(&dims[..self.dim]), dims[self.dim], product(&dims[self.dim + 1..])]
    }

    fn strip(&self, strip: &Strip, x: &[f32], output: &Shared) {
        let (mut largest, mut totals) = ([f32::NEG_INFINITY; PIXELS], [0.0; PIXELS]);
        let (largest, totals) = (&mut largest[..strip.count], &mut totals[..strip.count]);
        // SAFETY: only one task accesses the strip.
        let row = |channel: usize| unsafe { output.part(strip.first + channel * strip.plane, strip.count) };
        for channel in 0..strip.channels {
            raise(strip.row(x, channel), largest);
        }
        for channel in 0..strip.channels {
            exponentials_beside(strip.row(x, channel), largest, totals, row(channel));
        }
        totals.iter_mut().for_each(|total| *total = if self.logarithm { total.ln() } else { 1.0 / *total });
        for channel in 0..strip.channels {
            if self.logarithm {
                logarithms_beside(strip.row(x, channel), largest, totals, row(channel));
            } else {
                scale_beside(totals, row(channel));
            }
        }
    }

    fn strip_gradient(&self, strip: &Strip, y: &[f32], gradient: &[f32], output: &Shared) {
        let mut totals = [0.0; PIXELS];
        let totals = &mut totals[..strip.count];
        for channel in 0..strip.channels {
            add_gradients(strip.row(y, channel), strip.row(gradient, channel), self.logarithm, totals);
        }
        for channel in 0..strip.channels {
            // SAFETY: only one task accesses the strip.
            let output = unsafe { output.part(strip.first + channel * strip.plane, strip.count) };
            gradients_beside(strip.row(y, channel), strip.row(gradient, channel), self.logarithm, totals, output);
        }
    }
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        if self.logarithm { "log_softmax" } else { "softmax" }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        let shape @ [_, length, beside] = self.shape(layout.dims());
        if beside == 1 {
            let task = length * TASK.div_ceil(length.max(1));
            let rows = output.par_chunks_mut(task.max(1)).zip(x.par_chunks(task.max(1)));
            rows.for_each(|(output, x)| forward_rows(x, length, self.logarithm, output));
        } else {
            let shared = Shared::new(&mut output);
            Strip::all(shape).par_iter().for_each(|strip| self.strip(strip, &x, &shared));
        }
        Ok(cpu::output(output, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut output = vec![0.0; x.elem_count()];
        let shape @ [_, length, beside] = self.shape(x.dims());
        cpu::with_floats(y, |y| {
            cpu::with_floats(gradient, |gradient| {
                if beside == 1 {
                    let task = (length * TASK.div_ceil(length.max(1))).max(1);
                    let rows = output.par_chunks_mut(task).zip(y.par_chunks(task)).zip(gradient.par_chunks(task));
                    rows.for_each(|((output, y), gradient)| {
                        backward_rows(y, gradient, length, self.logarithm, output);
                    });
                } else {
                    let shared = Shared::new(&mut output);
                    let strips = Strip::all(shape);
                    strips.par_iter().for_each(|strip| self.strip_gradient(strip, y, gradient, &shared));
                }
                Ok(())
            })
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if (b > a) | b.is_nan() { b } else { a }
}

/// The maximum; NaN if there is one.
#[inline(always)]
fn largest_of(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (groups, rest) = row.as_chunks::<LANES>();
    for group in groups {
        for (lane, number) in lanes.iter_mut().zip(group) {
            *lane = larger(*lane, *number);
        }
    }
    for (lane, number) in lanes.iter_mut().zip(rest) {
        *lane = larger(*lane, *number);
    }
    largest_lane(lanes)
}

#[inline(always)]
fn largest_lane(mut lanes: [f32; LANES]) -> f32 {
    let mut length = LANES;
    while length > 1 {
        length /= 2;
        for lane in 0..length {
            lanes[lane] = larger(lanes[lane], lanes[lane + length]);
        }
    }
    lanes[0]
}

/// A row that fits in the lanes, padded with neutral numbers: the same sums, without loops.
#[inline(always)]
fn short_row(row: &[f32], logarithm: bool, output: &mut [f32]) {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for (lane, x) in lanes.iter_mut().zip(row) {
        *lane = *x;
    }
    let largest = largest_lane(lanes);
    let mut powers = [0.0; LANES];
    for (power, lane) in powers.iter_mut().zip(&mut lanes) {
        *lane -= largest;
        *power = exp(*lane);
    }
    let total = f64::from(sum_lanes(powers));
    if logarithm {
        let of_total = total.ln() as f32;
        for lane in &mut lanes {
            *lane -= of_total;
        }
    } else {
        let factor = (1.0 / total) as f32;
        for (lane, power) in lanes.iter_mut().zip(powers) {
            *lane = power * factor;
        }
    }
    output.copy_from_slice(&lanes[..row.len()]);
}

/// Writes e^(x - maximum) to `output`; returns the maximum and the sum.
#[inline(always)]
fn exponentials_of(row: &[f32], output: &mut [f32]) -> (f32, f64) {
    let largest = largest_of(row);
    for (output, x) in output.iter_mut().zip(row) {
        *output = exp(x - largest);
    }
    (largest, sum_of(output))
}

wide! {
    /// Writes e^(x - maximum) to `output`; returns the maximum and the sum.
    pub(crate) fn exponentials(row: &[f32], output: &mut [f32]) -> (f32, f64) {
        exponentials_of(row, output)
    }

    pub(crate) fn scale(numbers: &mut [f32], factor: f32) {
        for number in numbers {
            *number *= factor;
        }
    }

    /// For rows of `length`.
    fn forward_rows(x: &[f32], length: usize, logarithm: bool, output: &mut [f32]) {
        for (output, row) in output.chunks_exact_mut(length).zip(x.chunks_exact(length)) {
            if length <= LANES {
                short_row(row, logarithm, output);
                continue;
            }
            let (largest, total) = exponentials_of(row, output);
            if logarithm {
                let of_total = total.ln() as f32;
                for (output, x) in output.iter_mut().zip(row) {
                    *output = x - largest - of_total;
                }
            } else {
                let factor = (1.0 / total) as f32;
                for output in output {
                    *output *= factor;
                }
            }
        }
    }

    fn backward_rows(y: &[f32], gradient: &[f32], length: usize, logarithm: bool, output: &mut [f32]) {
        let rows = y.chunks_exact(length).zip(gradient.chunks_exact(length));
        for (output, (y, gradient)) in output.chunks_exact_mut(length).zip(rows) {
            if logarithm {
                let total = sum_of(gradient) as f32;
                for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
                    *output = gradient - exp(*y) * total;
                }
            } else {
                let total = sum_of_products(y, gradient) as f32;
                for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
                    *output = y * (gradient - total);
                }
            }
        }
    }

    fn raise(row: &[f32], largest: &mut [f32]) {
        for (largest, x) in largest.iter_mut().zip(row) {
            *largest = larger(*largest, *x);
        }
    }

    fn exponentials_beside(row: &[f32], largest: &[f32], totals: &mut [f64], output: &mut [f32]) {
        for (((output, x), largest), total) in output.iter_mut().zip(row).zip(largest).zip(totals) {
            *output = exp(x - largest);
            *total += f64::from(*output);
        }
    }

    fn scale_beside(factors: &[f64], output: &mut [f32]) {
        for (output, factor) in output.iter_mut().zip(factors) {
            *output *= *factor as f32;
        }
    }

    fn logarithms_beside(row: &[f32], largest: &[f32], of_totals: &[f64], output: &mut [f32]) {
        for (((output, x), largest), of_total) in output.iter_mut().zip(row).zip(largest).zip(of_totals) {
            *output = x - largest - *of_total as f32;
        }
    }

    fn add_gradients(y: &[f32], gradient: &[f32], logarithm: bool, totals: &mut [f64]) {
        for ((total, y), gradient) in totals.iter_mut().zip(y).zip(gradient) {
            *total += f64::from(if logarithm { *gradient } else { y * gradient });
        }
    }

    fn gradients_beside(y: &[f32], gradient: &[f32], logarithm: bool, totals: &[f64], output: &mut [f32]) {
        for (((output, y), gradient), total) in output.iter_mut().zip(y).zip(gradient).zip(totals) {
            let total = *total as f32;
            *output = if logarithm { gradient - exp(*y) * total } else { y * (gradient - total) };
        }
    }
}

#[inline(always)]
fn sum_of_products(a: &[f32], b: &[f32]) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
        let mut lanes = [0_f32; LANES];
        for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
            for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += a * b;
            }
        }
        total += f64::from(sum_lanes(lanes));
    }
    total
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
    fn nan_spreads_to_the_whole_row() {
        let y = softmax(&row(&[1.0, f32::NAN, 2.0]), 0).unwrap().to_vec1::<f32>().unwrap();
        assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
    }

    #[test]
    fn gradients_match_finite_differences() {
        for dim in 0..3 {
            check_gradients(&[&[2, 3, 5]], 1e-2, |t| softmax(&t[0], dim));
            check_gradients(&[&[2, 3, 5]], 1e-2, |t| log_softmax(&t[0], dim));
        }
        check_gradients(&[&[2, 37]], 1e-2, |t| log_softmax(&t[0], 1));
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let x = draw("x", &[400, 77]);
        let all = bits(&in_pool(1, || softmax(&x, 1).unwrap()));
        assert_eq!(all, bits(&in_pool(3, || softmax(&x, 1).unwrap())));
        assert_eq!(bits(&softmax(&x.narrow(0, 13, 1).unwrap(), 1).unwrap()), all[13 * 77..14 * 77]);
    }

    #[test]
    fn a_strided_row_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let x = draw("x", &[3, 21, 400]);
        let all = bits(&in_pool(1, || log_softmax(&x, 1).unwrap()));
        assert_eq!(all, bits(&in_pool(3, || log_softmax(&x, 1).unwrap())));
        assert_eq!(bits(&log_softmax(&x.narrow(0, 1, 1).unwrap(), 1).unwrap()), all[21 * 400..2 * 21 * 400]);
    }

    #[test]
    fn empty_input_gives_empty_output() {
        for dim in 0..3 {
            assert_eq!(softmax(&draw("x", &[2, 0, 3]), dim).unwrap().dims(), [2, 0, 3]);
        }
    }

    #[test]
    fn the_error_names_a_missing_dimension() {
        let error = softmax(&draw("x", &[2, 3]), 2).unwrap_err().to_string();
        assert!(error.contains("[2, 3] has no dimension 2"), "{error}");
    }
}
