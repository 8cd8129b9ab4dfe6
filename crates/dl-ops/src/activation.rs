//! Leaky ReLU, the logistic function, softplus, tanh, swish and mish, with their gradients; the numbers are those of inference
//! plans.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::wide::wide;
use crate::{cpu, portable};

/// Numbers per task.
const BLOCK: usize = 1 << 14;

/// x where it is positive, `slope` x elsewhere; NaN is preserved. Any shape. The gradient at 0 is `slope`, as in torch.
/// # Errors
/// When candle fails.
pub fn leaky_relu(x: &Tensor, slope: f32) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(LeakyRelu(slope)) } else { portable::leaky_relu(x, f64::from(slope)) }
}

/// 1 / (1 + e^-x) of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Sigmoid) } else { portable::sigmoid(x) }
}

/// tanh x of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn tanh(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Tanh) } else { x.tanh() }
}

/// ln(1 + e^x) of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn softplus(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Softplus) } else { portable::softplus(x) }
}

/// The gradient of [`leaky_relu`] at x: `gradient` where x is positive, `slope` times it elsewhere. It is linear in
/// `gradient`, to which its own gradient goes; x is a constant.
/// # Errors
/// When the shapes differ, or candle fails.
pub(crate) fn leaky_relu_gradient(x: &Tensor, gradient: &Tensor, slope: f32) -> Result<Tensor> {
    if x.dims() != gradient.dims() {
        bail!("leaky_relu_gradient: shapes {:?} and {:?} differ", x.dims(), gradient.dims());
    }
    let x = x.detach();
    if cpu::serves(gradient) {
        return gradient.apply_op1(LeakyReluGradient { x, slope });
    }
    x.gt(0.0)?.where_cond(gradient, &(gradient * f64::from(slope))?)
}

/// x / (1 + e^-x) of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn swish(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Swish) } else { portable::swish(x) }
}

/// x tanh(ln(1 + e^x)) of every number; NaN is preserved. Any shape.
/// # Errors
/// When candle fails.
pub fn mish(x: &Tensor) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Mish) } else { portable::mish(x) }
}

struct LeakyRelu(f32);

struct LeakyReluGradient {
    x: Tensor,
    slope: f32,
}

struct Sigmoid;

struct Softplus;

struct Tanh;

struct Swish;

struct Mish;

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let slope = self.0;
        each(&cpu::floats(storage, layout)?, layout, |x, output| leaky(x, slope, output))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let slope = self.0;
        each_gradient(x, gradient, |x, gradient, output| leaky_gradient(x, gradient, slope, output)).map(Some)
    }
}

impl CustomOp1 for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        each(&cpu::floats(storage, layout)?, layout, logistic)
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(y, gradient, logistic_gradient).map(Some)
    }
}

impl CustomOp1 for LeakyReluGradient {
    fn name(&self) -> &'static str {
        "leaky_relu_gradient"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let gradient = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; gradient.len()];
        cpu::with_floats(&self.x, |x| {
            let blocks = output.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).zip(gradient.par_chunks(BLOCK));
            blocks.for_each(|((output, x), gradient)| leaky_gradient(x, gradient, self.slope, output));
            Ok(())
        })?;
        Ok(cpu::output(output, layout.shape()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        leaky_relu_gradient(&self.x, &gradient.detach(), self.slope).map(Some)
    }
}

impl CustomOp1 for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        each(&cpu::floats(storage, layout)?, layout, softened)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(x, gradient, softened_gradient).map(Some)
    }
}

impl CustomOp1 for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        each(&cpu::floats(storage, layout)?, layout, hyperbolic)
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(y, gradient, hyperbolic_gradient).map(Some)
    }
}

impl CustomOp1 for Swish {
    fn name(&self) -> &'static str {
        "swish"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        each(&cpu::floats(storage, layout)?, layout, swished)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(x, gradient, swish_gradient).map(Some)
    }
}

impl CustomOp1 for Mish {
    fn name(&self) -> &'static str {
        "mish"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        each(&cpu::floats(storage, layout)?, layout, mished)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        each_gradient(x, gradient, mish_gradient).map(Some)
    }
}

/// `work` on blocks of x and of the output, on all threads.
pub(crate) fn each(
    x: &[f32],
    layout: &Layout,
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) -> Result<(CpuStorage, Shape)> {
    let mut output = vec![0.0; x.len()];
    output.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(output, x)| work(x, output));
    Ok(cpu::output(output, layout.shape()))
}

/// Calls `work` with x, or the result, and the result's gradient.
pub(crate) fn each_gradient(
    x: &Tensor,
    gradient: &Tensor,
    work: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
) -> Result<Tensor> {
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
    fn leaky(x: &[f32], slope: f32, output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = if *x > 0.0 { *x } else { x * slope };
        }
    }

    fn leaky_gradient(x: &[f32], gradient: &[f32], slope: f32, output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            *output = if *x > 0.0 { *gradient } else { gradient * slope };
        }
    }

    fn logistic(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = dl_kernels::sigmoid(*x);
        }
    }

    fn logistic_gradient(y: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
            *output = gradient * y * (1.0 - y);
        }
    }

    fn softened(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = dl_kernels::softplus(*x);
        }
    }

    fn softened_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            *output = gradient * dl_kernels::sigmoid(*x);
        }
    }

    fn hyperbolic(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = dl_kernels::tanh(*x);
        }
    }

    fn hyperbolic_gradient(y: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
            *output = gradient * (1.0 - y * y);
        }
    }

    fn swished(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = dl_kernels::swish(*x);
        }
    }

    fn swish_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            let share = dl_kernels::sigmoid(*x);
            *output = gradient * share * (1.0 + x * (1.0 - share));
        }
    }

    fn mished(x: &[f32], output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = dl_kernels::mish(*x);
        }
    }

    fn mish_gradient(x: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            // The derivative of the factor is the logistic function times 1 - factor^2.
            let factor = dl_kernels::mish_factor(*x);
            *output = gradient * (factor + x * dl_kernels::sigmoid(*x) * (1.0 - factor * factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor, Var};

    use super::{leaky_relu, leaky_relu_gradient, mish, sigmoid, softplus, swish, tanh};
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};
    use crate::portable;

    type Function = fn(&Tensor) -> Result<Tensor>;

    /// Of the pairs; swish and mish multiply a factor by up to 9.
    const TOLERANCES: [f32; 6] = [5e-7, 5e-7, 5e-7, 2e-6, 2e-6, 1e-6];

    fn pairs() -> [[Function; 2]; 6] {
        let leaky: Function = |x| leaky_relu(x, 0.1);
        [
            [leaky, |x| portable::leaky_relu(x, 0.1)],
            [sigmoid, portable::sigmoid],
            [tanh, Tensor::tanh],
            [swish, portable::swish],
            [mish, portable::mish],
            [softplus, portable::softplus],
        ]
    }

    /// Numbers between -9 and 9.
    fn wide(x: &Tensor) -> Tensor {
        (x * 9.0).unwrap()
    }

    #[test]
    fn equal_the_portable_ones_on_strided_shapes() {
        for ([ours, portable], tolerance) in pairs().into_iter().zip(TOLERANCES) {
            for x in [wide(&strided("x", &[2, 3, 5, 7])), wide(&strided("x", &[3, 9])).t().unwrap(), draw("x", &[0, 4])]
            {
                assert_close(&ours(&x).unwrap(), &portable(&x).unwrap(), tolerance);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for f in pairs().concat() {
            check_gradients(&[&[2, 3, 5]], 1e-3, |t| f(&(&t[0] * 3.0)?));
        }
    }

    #[test]
    fn the_gradient_of_leaky_relu_at_zero_is_the_slope() {
        for f in pairs()[0] {
            let x = Var::new(&[-1_f32, 0.0, 2.0], &Device::Cpu).unwrap();
            let gradients = f(&x).unwrap().sum_all().unwrap().backward().unwrap();
            assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>().unwrap(), [0.1, 0.1, 1.0]);
        }
    }

    #[test]
    fn the_gradient_of_leaky_relu_as_an_operation_has_a_gradient() {
        let x = strided("x", &[3, 4, 5]);
        for inside in [false, true] {
            check_gradients(&[&[3, 4, 5]], 1e-2, |t| {
                let of = || leaky_relu_gradient(&x, &t[0], 0.2);
                if inside { of() } else { crate::with_candle_ops(of) }
            });
        }
    }

    #[test]
    fn nan_is_preserved_and_infinities_are_finite() {
        let x = Tensor::new(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY], &Device::Cpu).unwrap();
        for [f, _] in pairs() {
            assert!(f(&x).unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
        }
        assert_eq!(tanh(&x).unwrap().to_vec1::<f32>().unwrap()[1..], [1.0, -1.0]);
        let y = sigmoid(&x).unwrap().to_vec1::<f32>().unwrap();
        assert!(y[1] == 1.0 && y[2] < 1e-37);
    }
}
