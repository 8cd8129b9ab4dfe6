//! Hard swish and hard sigmoid (Howard et al. 2019, section 5.2), with torch's gradients at the corners.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::wide::wide;
use crate::{cpu, portable};

/// Numbers per task.
const BLOCK: usize = 1 << 14;

/// x clamp(x / 6 + 1/2, 0, 1) of every number; NaN is preserved. Any shape.
///
/// The gradient is 0 up to -3, 1 from 3, and x / 3 + 1/2 in between.
/// # Errors
/// When candle fails.
pub fn hard_swish(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(HardSwish) } else { portable::hard_swish(x) }
}

/// clamp(x / 6 + 1/2, 0, 1) of every number; NaN is preserved. Any shape.
///
/// The gradient is 1/6 between -3 and 3, and 0 elsewhere.
/// # Errors
/// When candle fails.
pub fn hard_sigmoid(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(HardSigmoid) } else { portable::hard_sigmoid(x) }
}

struct HardSwish;

struct HardSigmoid;

impl CustomOp1 for HardSwish {
    fn name(&self) -> &'static str {
        "hard_swish"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(cpu::output(each(&cpu::floats(storage, layout)?, swish), layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(x, gradient, swish_gradient).map(Some)
    }
}

impl CustomOp1 for HardSigmoid {
    fn name(&self) -> &'static str {
        "hard_sigmoid"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(cpu::output(each(&cpu::floats(storage, layout)?, sigmoid), layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(x, gradient, sigmoid_gradient).map(Some)
    }
}

fn each(x: &[f32], work: fn(&[f32], &mut [f32])) -> Vec<f32> {
    let mut output = vec![0.0; x.len()];
    output.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(output, x)| work(x, output));
    output
}

fn each_gradient(x: &Tensor, gradient: &Tensor, work: fn(&[f32], &[f32], &mut [f32])) -> Result<Tensor> {
    let mut output = vec![0.0; gradient.elem_count()];
    cpu::with_floats(x, |x| {
        cpu::with_floats(gradient, |gradient| {
            let blocks = output.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).zip(gradient.par_chunks(BLOCK));
            blocks.for_each(|((output, x), gradient)| work(x, gradient, output));
            Ok(())
        })
    })?;
    cpu::tensor(output, gradient.shape())
}

wide! {
    fn swish(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = x * (x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0);
        }
    }

    fn swish_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            let inside = gradient * (x * (1.0 / 3.0) + 0.5);
            *output = if *x <= -3.0 { 0.0 } else if *x >= 3.0 { *gradient } else { inside };
        }
    }

    fn sigmoid(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = (x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0);
        }
    }

    fn sigmoid_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            *output = if *x > -3.0 && *x < 3.0 { gradient * (1.0 / 6.0) } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::{hard_sigmoid, hard_swish};
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};
    use crate::portable;

    /// Numbers between -5 and 5.
    fn wide(x: &Tensor) -> Tensor {
        (x * 5.0).unwrap()
    }

    #[test]
    fn equal_the_portable_ones_on_strided_shapes() {
        for x in [wide(&strided("x", &[2, 3, 5, 7])), wide(&strided("x", &[3, 9])).t().unwrap(), draw("x", &[0, 4])] {
            assert_close(&hard_swish(&x).unwrap(), &portable::hard_swish(&x).unwrap(), 1e-6);
            assert_close(&hard_sigmoid(&x).unwrap(), &portable::hard_sigmoid(&x).unwrap(), 1e-6);
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for swish in [hard_swish, portable::hard_swish] {
            check_gradients(&[&[2, 3, 5]], 1e-3, |t| swish(&(&t[0] * 5.0)?));
        }
        for sigmoid in [hard_sigmoid, portable::hard_sigmoid] {
            check_gradients(&[&[2, 3, 5]], 1e-3, |t| sigmoid(&(&t[0] * 5.0)?));
        }
    }

    #[test]
    fn values_and_gradients_at_the_corners_equal_torchs() {
        // torch 2.15: hardswish and hardsigmoid of these, and the gradients of their sums.
        let of = |f: fn(&Tensor) -> candle_core::Result<Tensor>| {
            let x = Var::new(&[-4_f32, -3.0, 0.0, 2.0, 3.0, 4.0], &Device::Cpu).unwrap();
            let y = f(&x).unwrap();
            let gradients = y.sum_all().unwrap().backward().unwrap();
            [y, gradients.get(&x).unwrap().clone()]
        };
        for swish in [hard_swish, portable::hard_swish] {
            let expected = [[0_f32, 0.0, 0.0, 5.0 / 3.0, 3.0, 4.0], [0.0, 0.0, 0.5, 7.0 / 6.0, 1.0, 1.0]];
            for (found, expected) in of(swish).iter().zip(expected) {
                assert_close(found, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
            }
        }
        for sigmoid in [hard_sigmoid, portable::hard_sigmoid] {
            let sixth = 1.0 / 6.0;
            let expected = [[0_f32, 0.0, 0.5, 5.0 / 6.0, 1.0, 1.0], [0.0, 0.0, sixth, sixth, 0.0, 0.0]];
            for (found, expected) in of(sigmoid).iter().zip(expected) {
                assert_close(found, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
            }
        }
    }

    #[test]
    fn nan_is_preserved() {
        let x = Tensor::new(&[f32::NAN], &Device::Cpu).unwrap();
        assert!(hard_swish(&x).unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
        assert!(hard_sigmoid(&x).unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
    }
}
