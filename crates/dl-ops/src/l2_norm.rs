//! Divides the channels of each position by their L2 norm and scales them (Liu et al. 2015, ParseNet, section 3.3): the
//! norm of SSD's conv4_3.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::strip::{PIXELS, Strip};
use crate::wide::wide;
use crate::{L2Epsilon, portable};

/// x [n, c, ...] divided by the L2 norm over c of each position, times weight [c].
///
/// With [`L2Epsilon::AtLeast`] the gradient treats a norm below epsilon as constant, as torch's `normalize` does.
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn l2_norm(x: &Tensor, weight: &Tensor, epsilon: L2Epsilon) -> Result<Tensor> {
    if x.rank() < 2 || weight.dims() != [x.dim(1)?] {
        bail!("l2_norm: weight {:?} does not match x {:?}", weight.dims(), x.dims());
    }
    if cpu::serves(x) { x.apply_op2(weight, L2Norm(epsilon)) } else { portable::l2_norm(x, weight, epsilon) }
}

struct L2Norm(L2Epsilon);

/// [n, c, ...] as [n, c, plane].
fn planes(dims: &[usize]) -> [usize; 3] {
    [dims[0], dims[1], dims[2..].iter().product()]
}

impl L2Norm {
    /// One divided by the norm of each pixel of a strip.
    fn factors(&self, strip: &Strip, x: &[f32], factors: &mut [f32]) {
        factors.fill(0.0);
        for channel in 0..strip.channels {
            add_squares(strip.row(x, channel), factors);
        }
        factors.iter_mut().for_each(|squares| *squares = 1.0 / self.0.norm(*squares));
    }
}

impl CustomOp2 for L2Norm {
    fn name(&self) -> &'static str {
        "l2_norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (cpu::floats(x, lx)?, cpu::floats(w, lw)?);
        let mut output = vec![0.0; x.len()];
        let shared = Shared::new(&mut output);
        Strip::all(planes(lx.dims())).par_iter().for_each(|strip| {
            let mut factors = [0.0; PIXELS];
            let factors = &mut factors[..strip.count];
            self.factors(strip, &x, factors);
            for (channel, weight) in weight.iter().enumerate() {
                // SAFETY: only this task accesses these pixels.
                let y = unsafe { shared.part(strip.first + channel * strip.plane, strip.count) };
                scaled(strip.row(&x, channel), factors, *weight, y);
            }
        });
        Ok(cpu::output(output, lx.shape()))
    }

    /// With factors f = 1 / norm and s = sum over c of g_c w_c x_c: g w f - x f^3 s for x (without the second part where
    /// the norm is epsilon), and the sum over pixels of g x f for the weight.
    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let shape @ [_, channels, _] = planes(x.dims());
        let strips = Strip::all(shape);
        let (mut of_x, mut of_weight) = (vec![0.0; x.elem_count()], vec![0.0; strips.len() * channels]);
        let shared = Shared::new(&mut of_x);
        cpu::with_floats(x, |x| {
            cpu::with_floats(w, |weight| {
                cpu::with_floats(gradient, |gradient| {
                    strips.par_iter().zip(of_weight.par_chunks_mut(channels.max(1))).for_each(|(strip, of_weight)| {
                        let (mut factors, mut sums) = ([0.0; PIXELS], [0.0; PIXELS]);
                        let (factors, sums) = (&mut factors[..strip.count], &mut sums[..strip.count]);
                        self.factors(strip, x, factors);
                        for (channel, weight) in weight.iter().enumerate() {
                            add_products(strip.row(x, channel), strip.row(gradient, channel), *weight, sums);
                        }
                        for (sum, factor) in sums.iter_mut().zip(&*factors) {
                            let constant = matches!(self.0, L2Epsilon::AtLeast(e) if *factor >= 1.0 / e as f32);
                            *sum = if constant { 0.0 } else { *sum * factor * factor * factor };
                        }
                        for (channel, (weight, of_weight)) in weight.iter().zip(of_weight).enumerate() {
                            let (x, gradient) = (strip.row(x, channel), strip.row(gradient, channel));
                            // SAFETY: only this task accesses these pixels.
                            let output = unsafe { shared.part(strip.first + channel * strip.plane, strip.count) };
                            scaled(gradient, factors, *weight, output);
                            subtract_product(x, sums, output);
                            *of_weight = x.iter().zip(gradient).zip(&*factors).map(|((x, g), f)| x * g * f).sum();
                        }
                    });
                    Ok(())
                })
            })
        })?;
        let of_x = x.track_op().then(|| cpu::tensor(of_x, x.shape())).transpose()?;
        // Strip by strip, in double precision.
        let total = |channel: usize| {
            let sum: f64 = of_weight.iter().skip(channel).step_by(channels.max(1)).map(|part| f64::from(*part)).sum();
            sum as f32
        };
        let of_weight = w.track_op().then(|| cpu::tensor((0..channels).map(total).collect(), w.shape())).transpose()?;
        Ok((of_x, of_weight))
    }
}

wide! {
    fn add_squares(numbers: &[f32], sum: &mut [f32]) {
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += number * number;
        }
    }

    fn scaled(x: &[f32], factors: &[f32], weight: f32, output: &mut [f32]) {
        for ((output, x), factor) in output.iter_mut().zip(x).zip(factors) {
            *output = x * factor * weight;
        }
    }

    fn add_products(a: &[f32], b: &[f32], weight: f32, sum: &mut [f32]) {
        for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
            *sum += a * b * weight;
        }
    }

    fn subtract_product(a: &[f32], b: &[f32], output: &mut [f32]) {
        for ((output, a), b) in output.iter_mut().zip(a).zip(b) {
            *output -= a * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::l2_norm;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};
    use crate::{L2Epsilon, portable};

    const EPSILONS: [L2Epsilon; 4] =
        [L2Epsilon::Added(1e-10), L2Epsilon::Added(0.5), L2Epsilon::AtLeast(1e-12), L2Epsilon::AtLeast(1.2)];

    #[test]
    fn equals_the_portable_composition_on_odd_and_strided_shapes() {
        for epsilon in EPSILONS {
            for x in
                [draw("x", &[2, 7, 5, 3]), strided("x", &[1, 3, 13, 17]), draw("x", &[3, 4]), draw("x", &[0, 2, 3])]
            {
                let weight = draw("weight", &[x.dims()[1]]);
                let expected = portable::l2_norm(&x, &weight, epsilon).unwrap();
                assert_close(&l2_norm(&x, &weight, epsilon).unwrap(), &expected, 2e-6);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for epsilon in EPSILONS {
            check_gradients(&[&[2, 5, 2, 3], &[5]], 1e-3, |t| l2_norm(&t[0], &t[1], epsilon));
            check_gradients(&[&[2, 5, 2, 3], &[5]], 1e-3, |t| portable::l2_norm(&t[0], &t[1], epsilon));
        }
    }

    #[test]
    fn a_position_of_zeros_has_a_finite_gradient() {
        let x = Var::zeros((1, 3, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let weight = Tensor::new(&[1_f32, 2.0, 3.0], &Device::Cpu).unwrap();
        for f in [l2_norm, portable::l2_norm] {
            let y = f(&x, &weight, L2Epsilon::AtLeast(0.5)).unwrap();
            let gradients = y.sum_all().unwrap().backward().unwrap();
            let found = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(found, [2.0, 4.0, 6.0]);
        }
    }

    #[test]
    fn results_and_gradients_have_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let (x, weight) = (draw("x", &[3, 6, 17, 19]), draw("weight", &[6]));
        let run = |threads, x: &Tensor| {
            let x = Var::from_tensor(x).unwrap();
            in_pool(threads, || {
                let y = l2_norm(&x, &weight, L2Epsilon::Added(1e-10)).unwrap();
                let gradients = (&y * 2.0).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
                (bits(&y), bits(gradients.get(&x).unwrap()))
            })
        };
        let all = run(1, &x);
        assert_eq!(all, run(3, &x));
        let one = run(2, &x.narrow(0, 1, 1).unwrap());
        let size = all.0.len() / 3;
        assert_eq!((&one.0[..], &one.1[..]), (&all.0[size..2 * size], &all.1[size..2 * size]));
    }

    #[test]
    fn a_weight_of_other_channels_is_an_error() {
        let error = l2_norm(&draw("x", &[1, 2, 3]), &draw("w", &[3]), EPSILONS[0]).unwrap_err().to_string();
        assert!(error.contains("weight [3] does not match x [1, 2, 3]"), "{error}");
    }
}
