//! ReLU6: x between 0 and 6 (MobileNet V1, section 3.1 of V2), with gradient 0 at both ends, as in torch.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::activation::{each, each_gradient};
use crate::wide::wide;
use crate::{cpu, portable};

/// min(max(x, 0), 6) of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Relu6) } else { portable::relu6(x) }
}

struct Relu6;

impl CustomOp1 for Relu6 {
    fn name(&self) -> &'static str {
        "relu6"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        each(&x, layout, clamped)
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(result, gradient, inside).map(Some)
    }
}

wide! {
    fn clamped(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = x.clamp(0.0, 6.0);
        }
    }

    /// The gradient where the result is between the ends, 0 elsewhere.
    fn inside(result: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, result), gradient) in output.iter_mut().zip(result).zip(gradient) {
            *output = if *result > 0.0 && *result < 6.0 { *gradient } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::relu6;
    use crate::gradient_check::{assert_close, check_gradients, strided};
    use crate::portable;

    #[test]
    fn equals_the_portable_one_on_strided_shapes() {
        let x = (strided("x", &[2, 3, 5, 7]) * 20.0).unwrap();
        assert_close(&relu6(&x).unwrap(), &portable::relu6(&x).unwrap(), 0.0);
        let x = x.transpose(1, 3).unwrap();
        assert_close(&relu6(&x).unwrap(), &portable::relu6(&x).unwrap(), 0.0);
    }

    #[test]
    fn the_gradient_matches_finite_differences_and_is_zero_at_both_ends() {
        check_gradients(&[&[2, 3, 5]], 1e-3, |t| relu6(&(&t[0] * 10.0)?));
        for relu6 in [relu6, portable::relu6] {
            let x = Var::new(&[-1_f32, 0.0, 1e-12, 2.0, 6.0, 7.0], &Device::Cpu).unwrap();
            let y = relu6(&x).unwrap();
            assert_eq!(y.to_vec1::<f32>().unwrap(), [0.0, 0.0, 1e-12, 2.0, 6.0, 6.0]);
            let gradient = y.sum_all().unwrap().backward().unwrap();
            assert_eq!(gradient.get(&x).unwrap().to_vec1::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        }
    }

    #[test]
    fn nan_is_preserved() {
        let x = Tensor::new(&[f32::NAN, -1.0], &Device::Cpu).unwrap();
        let y = relu6(&x).unwrap().to_vec1::<f32>().unwrap();
        assert!(y[0].is_nan() && y[1] == 0.0);
    }
}
