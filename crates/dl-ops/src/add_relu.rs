//! max(a + b, 0): the end of a residual block, fused.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::relu::{masked, rectify};
use crate::wide::wide;
use crate::{cpu, portable};

/// Numbers per task.
const BLOCK: usize = 1 << 14;

/// max(a + b, 0) of two tensors of the same shape. NaN is preserved, and the gradient at 0 is 0.
/// # Errors
/// When the shapes differ, or candle fails.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dims() != b.dims() {
        bail!("add_relu: shapes {:?} and {:?} differ", a.dims(), b.dims());
    }
    if cpu::serves(a) { a.apply_op2(b, AddRelu) } else { portable::relu(&(a + b)?) }
}

struct AddRelu;

impl CustomOp2 for AddRelu {
    fn name(&self) -> &'static str {
        "add_relu"
    }

    fn cpu_fwd(&self, a: &CpuStorage, la: &Layout, b: &CpuStorage, lb: &Layout) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (cpu::floats(a, la)?, cpu::floats(b, lb)?);
        let mut output = vec![0.0; a.len()];
        let blocks = output.par_chunks_mut(BLOCK).zip(a.par_chunks(BLOCK)).zip(b.par_chunks(BLOCK));
        blocks.for_each(|((output, a), b)| add_and_rectify(a, b, output));
        Ok(cpu::output(output, la.shape()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = masked(y, gradient)?;
        Ok((a.track_op().then(|| gradient.clone()), b.track_op().then_some(gradient)))
    }
}

wide! {
    fn add_and_rectify(a: &[f32], b: &[f32], output: &mut [f32]) {
        for ((output, a), b) in output.iter_mut().zip(a).zip(b) {
            *output = rectify(a + b);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    #[test]
    fn equals_the_two_steps_on_strided_shapes() {
        let (a, b) = (strided("a", &[2, 3, 5, 7]), draw("b", &[2, 3, 5, 7]));
        assert_close(&add_relu(&a, &b).unwrap(), &portable::relu(&(&a + &b).unwrap()).unwrap(), 0.0);
        assert_close(&add_relu(&b, &a).unwrap(), &add_relu(&a, &b).unwrap(), 0.0);
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[2, 3, 5], &[2, 3, 5]], 1e-3, |t| add_relu(&t[0], &t[1]));
        check_gradients(&[&[2, 3, 5]], 1e-3, |t| add_relu(&t[0], &t[0]));
    }

    #[test]
    fn the_gradient_at_zero_is_zero_and_a_constant_gets_none() {
        let (a, b) =
            (Var::new(&[1_f32, 2.0], &Device::Cpu).unwrap(), Tensor::new(&[-1_f32, 1.0], &Device::Cpu).unwrap());
        let gradients = add_relu(&a, &b).unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&a).unwrap().to_vec1::<f32>().unwrap(), [0.0, 1.0]);
        assert!(gradients.get(&b).is_none());
    }

    #[test]
    fn the_error_names_shapes_that_differ() {
        let error = add_relu(&draw("a", &[2, 3]), &draw("b", &[3])).unwrap_err().to_string();
        assert!(error.contains("[2, 3] and [3] differ"), "{error}");
    }
}
