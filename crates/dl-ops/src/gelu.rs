//! The activations of transformers: GELU (Hendrycks and Gimpel 2016), exact and approximated by tanh, and CLIP's
//! QuickGELU.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use dl_kernels::exp;
use rayon::prelude::*;

use crate::wide::wide;
use crate::{cpu, portable};

/// Numbers per task.
const TASK: usize = 1 << 13;

/// The variant of GELU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gelu {
    /// x times the normal distribution function of x: Hugging Face's `gelu`.
    Exact,
    /// The approximation by tanh: `gelu_new`, `gelu_pytorch_tanh`.
    Tanh,
    /// x times the logistic function of 1.702 x: `quick_gelu`.
    Quick,
}

/// GELU of every number, within 3e-7 of the formula for |x| around 1. Any shape.
/// # Errors
/// When candle fails.
pub fn gelu(x: &Tensor, kind: Gelu) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Activation(kind)) } else { portable::gelu(x, kind) }
}

struct Activation(Gelu);

impl CustomOp1 for Activation {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        let parts = output.par_chunks_mut(TASK).zip(x.par_chunks(TASK));
        parts.for_each(|(output, x)| match self.0 {
            Gelu::Exact => exact(x, output),
            Gelu::Tanh => by_tanh(x, output),
            Gelu::Quick => quick(x, output),
        });
        Ok(cpu::output(output, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut output = vec![0.0; x.elem_count()];
        cpu::with_floats(x, |x| {
            cpu::with_floats(gradient, |gradient| {
                let parts = output.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).zip(gradient.par_chunks(TASK));
                parts.for_each(|((output, x), gradient)| match self.0 {
                    Gelu::Exact => exact_gradient(x, gradient, output),
                    Gelu::Tanh => tanh_gradient(x, gradient, output),
                    Gelu::Quick => quick_gradient(x, gradient, output),
                });
                Ok(())
            })
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

/// The normal distribution function, with a relative error below 2e-7: erfc from Numerical Recipes (Press et al.,
/// `erfcc`).
#[inline(always)]
fn share_below(x: f32) -> f32 {
    let z = x.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut p = 0.170_872_77;
    for coefficient in [
        -0.822_152_23,
        1.488_515_9,
        -1.135_204,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_7,
        -1.265_512_2,
    ] {
        p = p * t + coefficient;
    }
    let tail = 0.5 * t * exp(p - z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[inline(always)]
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// sqrt(2 / pi) and the factor of the cube.
const TANH: [f32; 2] = [0.797_884_6, 0.044_715];

/// (1 + tanh u) / 2 is the logistic function of 2 u.
#[inline(always)]
fn tanh_share(x: f32) -> f32 {
    logistic(2.0 * TANH[0] * (x + TANH[1] * x * x * x))
}

/// 1 / sqrt(2 pi).
fn density_scale() -> f32 {
    1.0 / (2.0 * PI).sqrt()
}

wide! {
    fn exact(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = x * share_below(*x);
        }
    }

    fn by_tanh(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = x * tanh_share(*x);
        }
    }

    fn quick(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = x * logistic(1.702 * x);
        }
    }

    fn exact_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        let scale = density_scale();
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            *output = gradient * (share_below(*x) + x * scale * exp(-0.5 * x * x));
        }
    }

    fn tanh_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            let share = tanh_share(*x);
            let inner = 2.0 * TANH[0] * (1.0 + 3.0 * TANH[1] * x * x);
            *output = gradient * (share + x * share * (1.0 - share) * inner);
        }
    }

    fn quick_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            let share = logistic(1.702 * x);
            *output = gradient * (share + 1.702 * x * share * (1.0 - share));
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, strided};

    const ALL: [Gelu; 3] = [Gelu::Exact, Gelu::Tanh, Gelu::Quick];

    #[test]
    fn equals_the_portable_one_on_strided_shapes() {
        for kind in ALL {
            let x = (strided("x", &[2, 3, 5, 7]) * 5.0).unwrap();
            assert_close(&gelu(&x, kind).unwrap(), &portable::gelu(&x, kind).unwrap(), 1e-6);
        }
    }

    #[test]
    fn equals_double_precision_over_its_range() {
        let x: Vec<f32> = (-1200..=1200).map(|step| step as f32 * 0.01).collect();
        let x = Tensor::new(x, &Device::Cpu).unwrap();
        for kind in ALL {
            let expected =
                portable::gelu(&x.to_dtype(DType::F64).unwrap(), kind).unwrap().to_dtype(DType::F32).unwrap();
            assert_close(&gelu(&x, kind).unwrap(), &expected, 5e-7);
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        for kind in ALL {
            check_gradients(&[&[3, 9]], 3e-3, |t| gelu(&(&t[0] * 4.0)?, kind));
        }
    }

    #[test]
    fn limits_are_zero_and_identity_and_nan_is_preserved() {
        for kind in ALL {
            let x = Tensor::new(&[-1e4_f32, -30.0, 0.0, 30.0, 1e4, f32::NAN], &Device::Cpu).unwrap();
            let y = gelu(&x, kind).unwrap().to_vec1::<f32>().unwrap();
            assert!(y[0].abs() < 1e-9 && y[1].abs() < 1e-9 && y[5].is_nan(), "{kind:?}: {y:?}");
            assert_eq!(y[2..5], [0.0, 30.0, 1e4], "{kind:?}");
        }
    }
}
