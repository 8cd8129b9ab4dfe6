//! Layer normalization (Ba et al. 2016), with its gradient: candle's fused one has none.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::wide::{CHUNK, LANES, sum_lanes, sum_of, wide};
use crate::{cpu, portable};

/// Rows per task: fixed, so that the gradients of weight and bias are summed in the same order with any number of
/// threads.
const ROWS: usize = 32;

/// Subtracts the mean of each row of x [..., n], divides by sqrt(variance + eps), multiplies by weight [n] and adds
/// bias [n].
///
/// The variance is biased, as in torch.
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    let n = x.dims().last().copied().unwrap_or(0);
    if n == 0 || weight.dims() != [n] || bias.dims() != [n] {
        bail!("layer_norm: x {:?}, weight {:?} and bias {:?} do not match", x.dims(), weight.dims(), bias.dims());
    }
    if !cpu::serves(x) {
        return portable::layer_norm(x, weight, bias, eps);
    }
    x.apply_op3(weight, bias, LayerNorm { eps })
}

struct LayerNorm {
    eps: f64,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        weight: &CpuStorage,
        lw: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (cpu::floats(x, lx)?, cpu::floats(weight, lw)?, cpu::floats(bias, lb)?);
        let task = ROWS * weight.len();
        let mut output = vec![0.0; x.len()];
        let tasks = output.par_chunks_mut(task).zip(x.par_chunks(task));
        tasks.for_each(|(output, x)| forward_rows(x, &weight, &bias, self.eps, output));
        Ok(cpu::output(output, lx.shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let n = weight.elem_count();
        let mut output = vec![0.0; x.elem_count()];
        let [mut of_weight, mut of_bias] = [vec![0.0_f64; n], vec![0.0_f64; n]];
        cpu::with_floats(x, |x| {
            cpu::with_floats(weight, |weight| {
                cpu::with_floats(gradient, |gradient| {
                    let task = ROWS * n;
                    let tasks = output.par_chunks_mut(task).zip(x.par_chunks(task)).zip(gradient.par_chunks(task));
                    let parts = tasks.map(|((output, x), gradient)| {
                        let mut sums = vec![0.0; 2 * n];
                        backward_rows(x, weight, gradient, self.eps, output, &mut sums);
                        sums
                    });
                    for sums in parts.collect::<Vec<Vec<f32>>>() {
                        let pairs = of_weight.iter_mut().chain(&mut of_bias).zip(sums);
                        pairs.for_each(|(total, part)| *total += f64::from(part));
                    }
                    Ok(())
                })
            })
        })?;
        let single = |total: Vec<f64>| cpu::tensor(total.iter().map(|x| *x as f32).collect(), weight.shape());
        Ok((Some(cpu::tensor(output, x.shape())?), Some(single(of_weight)?), Some(single(of_bias)?)))
    }
}

/// The mean of a row, and the inverse of its standard deviation.
#[inline(always)]
fn moments(row: &[f32], eps: f64) -> (f32, f32) {
    let mean = (sum_of(row) / row.len() as f64) as f32;
    let mut squares = 0.0;
    for chunk in row.chunks(CHUNK) {
        let mut lanes = [0_f32; LANES];
        let (groups, rest) = chunk.as_chunks::<LANES>();
        for group in groups {
            for (lane, x) in lanes.iter_mut().zip(group) {
                *lane += (x - mean) * (x - mean);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane += (x - mean) * (x - mean);
        }
        squares += f64::from(sum_lanes(lanes));
    }
    (mean, (1.0 / (squares / row.len() as f64 + eps).sqrt()) as f32)
}

wide! {
    fn forward_rows(x: &[f32], weight: &[f32], bias: &[f32], eps: f64, output: &mut [f32]) {
        let n = weight.len();
        for (output, row) in output.chunks_exact_mut(n).zip(x.chunks_exact(n)) {
            let (mean, scale) = moments(row, eps);
            for (((output, x), weight), bias) in output.iter_mut().zip(row).zip(weight).zip(bias) {
                *output = (x - mean) * scale * weight + bias;
            }
        }
    }

    /// Writes the gradients of the weight and the bias to `sums`, in this order.
    fn backward_rows(
        x: &[f32],
        weight: &[f32],
        gradient: &[f32],
        eps: f64,
        output: &mut [f32],
        sums: &mut [f32],
    ) {
        let n = weight.len();
        let (of_weight, of_bias) = sums.split_at_mut(n);
        let rows = x.chunks_exact(n).zip(gradient.chunks_exact(n));
        for (output, (row, gradient)) in output.chunks_exact_mut(n).zip(rows) {
            let (mean, scale) = moments(row, eps);
            // The sum of the gradient of the normalized numbers, and its product with them.
            let (mut total, mut along) = (0.0, 0.0);
            for start in (0..n).step_by(CHUNK) {
                let [mut totals, mut alongs] = [[0_f32; LANES]; 2];
                for first in (start..n.min(start + CHUNK)).step_by(LANES) {
                    let end = n.min(first + LANES);
                    for (lane, at) in (first..end).enumerate() {
                        let inner = gradient[at] * weight[at];
                        totals[lane] += inner;
                        alongs[lane] += inner * ((row[at] - mean) * scale);
                    }
                }
                total += f64::from(sum_lanes(totals));
                along += f64::from(sum_lanes(alongs));
            }
            let (total, along) = ((total / n as f64) as f32, (along / n as f64) as f32);
            for at in 0..n {
                let normal = (row[at] - mean) * scale;
                output[at] = scale * (gradient[at] * weight[at] - total - normal * along);
                of_weight[at] += gradient[at] * normal;
                of_bias[at] += gradient[at];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    #[test]
    fn equals_the_portable_composition_on_odd_and_strided_shapes() {
        for shape in [[1, 1], [3, 5], [70, 33], [5, 1027]] {
            let (x, n) = ((strided("x", &shape) * 3.0).unwrap(), shape[1]);
            let (weight, bias) = (draw("w", &[n]), draw("b", &[n]));
            let expected = portable::layer_norm(&x, &weight, &bias, 1e-5).unwrap();
            assert_close(&layer_norm(&x, &weight, &bias, 1e-5).unwrap(), &expected, 1e-5);
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[2, 3, 7], &[7], &[7]], 1e-2, |t| layer_norm(&t[0], &t[1], &t[2], 1e-2));
        check_gradients(&[&[40, 3], &[3], &[3]], 3e-3, |t| layer_norm(&t[0], &t[1], &t[2], 0.1));
    }

    #[test]
    fn a_row_far_from_zero_keeps_its_precision() {
        let x = (draw("x", &[2, 64]) + 1000.0).unwrap();
        let (weight, bias) = (draw("w", &[64]), draw("b", &[64]));
        let y = layer_norm(&x, &weight, &bias, 1e-5).unwrap();
        assert_close(&y, &layer_norm(&(x - 1000.0).unwrap(), &weight, &bias, 1e-5).unwrap(), 1e-3);
    }

    #[test]
    fn results_have_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let (x, weight, bias) = (draw("x", &[75, 100]), draw("w", &[100]), draw("b", &[100]));
        let run = |x: &Tensor| layer_norm(x, &weight, &bias, 1e-5).unwrap();
        let all = bits(&in_pool(1, || run(&x)));
        assert_eq!(all, bits(&in_pool(3, || run(&x))));
        assert_eq!(all[4000..4700], bits(&run(&x.narrow(0, 40, 7).unwrap())));
        assert_eq!(run(&draw("none", &[0, 100])).dims(), [0, 100]);
    }

    #[test]
    fn mismatched_shapes_are_an_error() {
        assert!(layer_norm(&draw("x", &[2, 3]), &draw("w", &[2]), &draw("b", &[3]), 1e-5).is_err());
    }
}
