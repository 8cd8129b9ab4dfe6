//! ReLU: max(x, 0), with gradient 0 at 0, as in torch (candle has 1).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

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
        let data = x.par_iter().with_min_len(1 << 14).map(|value| rectify(*value)).collect();
        Ok(cpu::output(data, layout.shape()))
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        masked(result, gradient).map(Some)
    }
}

/// The gradient where `result` is positive, 0 elsewhere.
pub(crate) fn masked(result: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let data = cpu::with_floats(result, |result| {
        cpu::with_floats(gradient, |gradient| {
            let pairs = result.par_iter().with_min_len(1 << 14).zip(gradient);
            Ok(pairs.map(|(result, gradient)| if *result > 0.0 { *gradient } else { 0.0 }).collect())
        })
    })?;
    cpu::tensor(data, gradient.shape())
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
