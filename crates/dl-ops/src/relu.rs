//! ReLU: max(x, 0), with gradient 0 at 0, as in torch (candle has 1).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::activation::{each, each_gradient};
use crate::wide::wide;
use crate::{cpu, portable};

/// max(x, 0) of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Relu) } else { portable::relu(x) }
}

/// ReLU of one number; NaN is preserved, so that a broken network is noticed.
pub(crate) fn rectify(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        each(&x, layout, rectified)
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        masked(result, gradient).map(Some)
    }
}

/// The gradient where `result` is positive, 0 elsewhere.
pub(crate) fn masked(result: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    each_gradient(result, gradient, positive)
}

wide! {
    fn rectified(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = rectify(*x);
        }
    }

    fn positive(result: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, result), gradient) in output.iter_mut().zip(result).zip(gradient) {
            *output = if *result > 0.0 { *gradient } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    #[test]
    fn the_gradient_at_zero_is_zero() {
        let x = Var::new(&[-1_f32, 0.0, 2.0], &Device::Cpu).unwrap();
        let gradient = super::relu(&x).unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(gradient.get(&x).unwrap().to_vec1::<f32>().unwrap(), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn nan_is_preserved() {
        let x = candle_core::Tensor::new(&[f32::NAN, -1.0], &Device::Cpu).unwrap();
        let y = super::relu(&x).unwrap().to_vec1::<f32>().unwrap();
        assert!(y[0].is_nan() && y[1] == 0.0);
    }
}
