//! The 2-D convolution, as torch's, with its gradients: candle's tensors around `dl_kernels::ConvShape`.
//!
//! The algorithm depends only on the shapes, so an image's result does not depend on the batch or the number of
//! threads.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor, bail};
use dl_kernels::{Conv2dConfig, ConvShape};
use rayon::prelude::*;

use crate::wide::sum;
use crate::{cpu, portable, relu};

/// Convolves x [n, c, h, w] with weight [outputs, c / groups, kh, kw] and adds bias [outputs]; returns [n, outputs, h',
/// w'].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig) -> Result<Tensor> {
    apply(x, weight, bias, config, false)
}

/// [`conv2d`] fused with ReLU.
/// # Errors
/// As [`conv2d`].
pub fn conv2d_relu(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig) -> Result<Tensor> {
    apply(x, weight, bias, config, true)
}

fn apply(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig, relu: bool) -> Result<Tensor> {
    let shape = ConvShape::new(x.dims(), weight.dims(), *config).map_err(Error::msg)?;
    let [_, outputs, ..] = shape.output_dims();
    if bias.is_some_and(|bias| bias.dims() != [outputs]) {
        bail!("conv2d: bias {:?}, but the weight has {outputs} outputs", bias.map(Tensor::dims));
    }
    if !cpu::serves(x) {
        let y = portable::conv2d(x, weight, bias, config)?;
        return if relu { portable::relu(&y) } else { Ok(y) };
    }
    let op = Conv2d { shape, relu };
    match bias {
        Some(bias) => x.apply_op3(weight, bias, op),
        None => x.apply_op2(weight, op),
    }
}

struct Conv2d {
    shape: ConvShape,
    relu: bool,
}

impl Conv2d {
    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> (CpuStorage, Shape) {
        cpu::output(self.shape.forward(x, weight, bias, self.relu), self.shape.output_dims().to_vec())
    }

    /// The gradient before ReLU.
    fn before_relu(&self, result: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        if self.relu { relu::masked(result, gradient) } else { Ok(gradient.clone()) }
    }

    /// The gradients of x and weight, if they are tracked.
    fn gradients(&self, x: &Tensor, weight: &Tensor, gradient: &Tensor) -> Result<[Option<Tensor>; 2]> {
        cpu::with_floats(gradient, |gradient| {
            let of = |tensor: &Tensor, numbers: &dyn Fn() -> Result<Vec<f32>>| {
                tensor.track_op().then(|| cpu::tensor(numbers()?, tensor.shape())).transpose()
            };
            let input = || cpu::with_floats(weight, |weight| Ok(self.shape.input_gradient(weight, gradient)));
            let parameter = || cpu::with_floats(x, |x| Ok(self.shape.weight_gradient(x, gradient)));
            Ok([of(x, &input)?, of(weight, &parameter)?])
        })
    }
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(self.forward(&cpu::floats(x, lx)?, &cpu::floats(w, lw)?, &[]))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = self.before_relu(y, gradient)?;
        let [input, weight] = self.gradients(x, w, &gradient)?;
        Ok((input, weight))
    }
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(self.forward(&cpu::floats(x, lx)?, &cpu::floats(w, lw)?, &cpu::floats(b, lb)?))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = self.before_relu(y, gradient)?;
        let bias = if b.track_op() { Some(bias_gradient(&gradient)?) } else { None };
        let [input, weight] = self.gradients(x, w, &gradient)?;
        Ok((input, weight, bias))
    }
}

/// The gradient [n, outputs, h', w'] summed over images and pixels.
pub(crate) fn bias_gradient(gradient: &Tensor) -> Result<Tensor> {
    let (n, outputs, height, width) = gradient.dims4()?;
    let pixels = height * width;
    let data = cpu::with_floats(gradient, |gradient| {
        let of = |output: usize| -> f64 {
            (0..n).map(|image| sum(&gradient[(image * outputs + output) * pixels..][..pixels])).sum()
        };
        Ok((0..outputs).into_par_iter().map(|output| of(output) as f32).collect())
    })?;
    cpu::tensor(data, &outputs.into())
}

#[cfg(test)]
mod tests;
