//! The 2-D convolution, as torch's: im2col and a matrix product, a strip of output pixels at a time.
//!
//! For each picture and each strip, the pixels under the kernel are laid out as a matrix [c * kh * kw, strip], small
//! enough to stay in the cache, and multiplied by the weight [outputs, c * kh * kw]. The strips depend on the shapes
//! alone, so a picture's result is the same bits whatever the batch and the number of threads.

mod backward;
mod forward;
mod geometry;
mod im2col;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use dl_kernels::Conv2dConfig;

use crate::{cpu, portable, relu};
use backward::{bias_gradient, input_gradient, weight_gradient};
use geometry::Geometry;

/// x [n, c, h, w] under weight [outputs, c / groups, kh, kw] plus bias [outputs]: gives [n, outputs, h', w'].
/// # Errors
/// When the shapes do not fit, or those of candle.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig) -> Result<Tensor> {
    apply(x, weight, bias, config, false)
}

/// [`conv2d`] and ReLU in one pass over the memory.
/// # Errors
/// As [`conv2d`].
pub fn conv2d_relu(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig) -> Result<Tensor> {
    apply(x, weight, bias, config, true)
}

fn apply(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig, relu: bool) -> Result<Tensor> {
    let geometry = Geometry::new(x.dims(), weight.dims(), config)?;
    if bias.is_some_and(|bias| bias.dims() != [geometry.outputs]) {
        bail!("conv2d: bias {:?}, but the weight has {} outputs", bias.map(Tensor::dims), geometry.outputs);
    }
    if !cpu::serves(x) {
        let y = portable::conv2d(x, weight, bias, config)?;
        return if relu { portable::relu(&y) } else { Ok(y) };
    }
    let op = Conv2d { geometry, relu };
    match bias {
        Some(bias) => x.apply_op3(weight, bias, op),
        None => x.apply_op2(weight, op),
    }
}

struct Conv2d {
    geometry: Geometry,
    relu: bool,
}

impl Conv2d {
    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> (CpuStorage, Shape) {
        cpu::output(forward::forward(&self.geometry, x, weight, bias, self.relu), self.geometry.output_shape())
    }

    /// The gradient before the ReLU.
    fn before_relu(&self, result: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        if self.relu { relu::masked(result, gradient) } else { Ok(gradient.clone()) }
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
        Ok((input_gradient(&self.geometry, x, w, &gradient)?, weight_gradient(&self.geometry, x, w, &gradient)?))
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
        let geometry = &self.geometry;
        let bias = if b.track_op() { Some(bias_gradient(geometry, &gradient)?) } else { None };
        Ok((input_gradient(geometry, x, w, &gradient)?, weight_gradient(geometry, x, w, &gradient)?, bias))
    }
}

#[cfg(test)]
mod tests;
