//! Local response normalization across channels (Krizhevsky et al. 2012, section 3.3).
//!
//! y = x / (k + alpha / size * S)^beta, where S sums the squares of `size` neighboring channels: the formula of both
//! torch and Caffe, so their parameters have the same meaning here. (In the paper alpha is not divided, so it is a
//! fifth of theirs.)

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::matmul::with_scratch;
use crate::portable;
use crate::strip::{PIXELS, Strip};
use crate::wide::wide;

/// x [n, c, ...] divided by (k + alpha / size * the sum of squares over the channels around)^beta.
///
/// Channel c uses the existing channels among c - size / 2 to c + (size - 1) / 2. Caffe's AlexNet and GoogLeNet have
/// size 5, alpha 1e-4, beta 0.75 and k 1.
/// # Errors
/// When `size` is 0 or x has fewer than two dimensions, or candle fails.
pub fn local_response_norm(x: &Tensor, size: usize, alpha: f64, beta: f64, k: f64) -> Result<Tensor> {
    if size == 0 || x.rank() < 2 {
        bail!("local_response_norm: size {size} is invalid for x {:?}", x.dims());
    }
    let scale = alpha / size as f64;
    if !cpu::serves(x) {
        return portable::local_response_norm(x, size, scale, beta, k);
    }
    x.apply_op1(LocalResponse { before: size / 2, after: (size - 1) / 2, scale: scale as f32, beta, k: k as f32 })
}

struct LocalResponse {
    before: usize,
    after: usize,
    /// alpha / size
    scale: f32,
    beta: f64,
    k: f32,
}

/// [n, c, ...] as [n, c, plane].
fn planes(dims: &[usize]) -> [usize; 3] {
    [dims[0], dims[1], dims[2..].iter().product()]
}

impl LocalResponse {
    /// k + alpha / size * S for one channel of a strip.
    fn divisors(&self, strip: &Strip, x: &[f32], channel: usize, output: &mut [f32]) {
        output.fill(0.0);
        for neighbor in strip.around(channel, self.before, self.after) {
            add_squares(strip.row(x, neighbor), output);
        }
        scale_and_add(output, self.scale, self.k);
    }

    /// s^-beta of each number.
    fn power(&self, s: &[f32], output: &mut [f32]) {
        if self.beta == 0.75 {
            power_of_three_quarters(s, output);
        } else {
            let exponent = -self.beta as f32;
            s.iter().zip(output).for_each(|(s, output)| *output = s.powf(exponent));
        }
    }
}

impl CustomOp1 for LocalResponse {
    fn name(&self) -> &'static str {
        "local_response_norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        let shared = Shared::new(&mut output);
        Strip::all(planes(layout.dims())).par_iter().for_each(|strip| {
            let mut divisors = [0.0; PIXELS];
            let divisors = &mut divisors[..strip.count];
            for channel in 0..strip.channels {
                self.divisors(strip, &x, channel, divisors);
                // SAFETY: only this task accesses these pixels.
                let y = unsafe { shared.part(strip.first + channel * strip.plane, strip.count) };
                self.power(divisors, y);
                multiply(y, strip.row(&x, channel));
            }
        });
        Ok(cpu::output(output, layout.shape()))
    }

    /// With divisors s: g_i s_i^-beta - 2 beta alpha / size x_i times the sum of g_j y_j / s_j over the channels j that
    /// use i.
    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (mut output, dims) = (vec![0.0; x.elem_count()], planes(x.dims()));
        let shared = Shared::new(&mut output);
        let factor = (-2.0 * self.beta * f64::from(self.scale)) as f32;
        cpu::with_floats(x, |x| {
            cpu::with_floats(y, |y| {
                cpu::with_floats(gradient, |gradient| {
                    Strip::all(dims).par_iter().for_each(|strip| {
                        with_scratch(strip.channels * strip.count, |shares| {
                            let mut divisors = [0.0; PIXELS];
                            let divisors = &mut divisors[..strip.count];
                            for (channel, share) in shares.chunks_exact_mut(strip.count).enumerate() {
                                self.divisors(strip, x, channel, divisors);
                                share_of(strip.row(gradient, channel), strip.row(y, channel), divisors, share);
                                // SAFETY: only this task accesses these pixels.
                                let output = unsafe { shared.part(strip.first + channel * strip.plane, strip.count) };
                                self.power(divisors, output);
                                multiply(output, strip.row(gradient, channel));
                            }
                            for channel in 0..strip.channels {
                                let sum = &mut *divisors;
                                sum.fill(0.0);
                                // The channels that use this one: the mirrored window.
                                for seer in strip.around(channel, self.after, self.before) {
                                    add(&shares[seer * strip.count..][..strip.count], sum);
                                }
                                // SAFETY: as above.
                                let output = unsafe { shared.part(strip.first + channel * strip.plane, strip.count) };
                                add_scaled_product(output, factor, strip.row(x, channel), sum);
                            }
                        });
                    });
                    Ok(())
                })
            })
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

wide! {
    fn add(numbers: &[f32], sum: &mut [f32]) {
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += number;
        }
    }

    fn add_squares(numbers: &[f32], sum: &mut [f32]) {
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += number * number;
        }
    }

    fn scale_and_add(numbers: &mut [f32], factor: f32, constant: f32) {
        for number in numbers {
            *number = *number * factor + constant;
        }
    }

    fn multiply(numbers: &mut [f32], factors: &[f32]) {
        for (number, factor) in numbers.iter_mut().zip(factors) {
            *number *= factor;
        }
    }

    /// s^-0.75, the exponent in all networks, by two square roots.
    fn power_of_three_quarters(s: &[f32], output: &mut [f32]) {
        for (output, s) in output.iter_mut().zip(s) {
            let root = s.sqrt();
            *output = 1.0 / (root * root.sqrt());
        }
    }

    /// gradient * y / divisor.
    fn share_of(gradient: &[f32], y: &[f32], divisors: &[f32], output: &mut [f32]) {
        for (((output, gradient), y), divisor) in output.iter_mut().zip(gradient).zip(y).zip(divisors) {
            *output = gradient * y / divisor;
        }
    }

    fn add_scaled_product(numbers: &mut [f32], factor: f32, a: &[f32], b: &[f32]) {
        for ((number, a), b) in numbers.iter_mut().zip(a).zip(b) {
            *number += factor * a * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    #[test]
    fn equals_the_portable_composition_on_odd_and_strided_shapes() {
        for (size, alpha, beta, k) in
            [(5, 1e-4, 0.75, 1.0), (4, 2.0, 0.6, 0.5), (1, 1.0, 0.75, 2.0), (9, 3.0, 1.0, 1.0)]
        {
            for x in
                [draw("x", &[2, 7, 5, 3]), strided("x", &[1, 3, 13, 17]), draw("x", &[3, 4]), draw("x", &[0, 2, 3])]
            {
                let y = local_response_norm(&x, size, alpha, beta, k).unwrap();
                let expected = portable::local_response_norm(&x, size, alpha / size as f64, beta, k).unwrap();
                assert_close(&y, &expected, 2e-6);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for (size, beta) in [(5, 0.75), (2, 0.6), (1, 0.75)] {
            check_gradients(&[&[2, 7, 2, 3]], 1e-2, |t| local_response_norm(&t[0], size, 2.0, beta, 1.0));
        }
    }

    #[test]
    fn results_and_gradients_have_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let x = draw("x", &[3, 6, 17, 19]);
        let run = |threads, x: &Tensor| {
            let x = candle_core::Var::from_tensor(x).unwrap();
            in_pool(threads, || {
                let y = local_response_norm(&x, 5, 1.0, 0.75, 1.0).unwrap();
                let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                (bits(&y), bits(gradients.get(&x).unwrap()))
            })
        };
        let all = run(1, &x);
        assert_eq!(all, run(3, &x));
        let size = all.0.len() / 3;
        let one = run(2, &x.narrow(0, 1, 1).unwrap());
        assert_eq!((&one.0[..], &one.1[..]), (&all.0[size..2 * size], &all.1[size..2 * size]));
    }

    #[test]
    fn an_empty_window_is_an_error() {
        let error = local_response_norm(&draw("x", &[1, 2, 3]), 0, 1.0, 1.0, 1.0).unwrap_err().to_string();
        assert!(error.contains("size 0"), "{error}");
    }
}
