//! Layers with weights, built from a `VarBuilder` by torchvision's names.

use candle_core::{Error, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_ops::Conv2dConfig;

/// How fresh weights are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Of the weight.
    pub weight: Init,
    /// Of the bias.
    pub bias: Init,
}

impl Fresh {
    /// PyTorch's default: weight and bias uniform within 1 / sqrt(inputs of one output).
    pub fn torch(inputs: usize) -> Self {
        let up = 1.0 / (inputs as f64).sqrt();
        Self { weight: Init::Uniform { lo: -up, up }, bias: Init::Uniform { lo: -up, up } }
    }

    /// Weights by He et al. 2015 for ReLU, uniform; biases 0.
    pub fn kaiming() -> Self {
        Self { weight: candle_nn::init::DEFAULT_KAIMING_UNIFORM, bias: Init::Const(0.0) }
    }

    /// Weights normal with this standard deviation; biases 0.
    pub fn normal(stdev: f64) -> Self {
        Self { weight: Init::Randn { mean: 0.0, stdev }, bias: Init::Const(0.0) }
    }
}

/// A convolution with bias.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    config: Conv2dConfig,
}

impl Conv2d {
    /// `weight` [outputs, inputs / groups, kh, kw] and `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder has no such tensors.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs / config.groups, kh, kw), "weight", fresh.weight)?;
        let bias = vb.get_with_hints(outputs, "bias", fresh.bias)?;
        Ok(Self { weight, bias, config })
    }

    /// x [n, inputs, h, w] gives [n, outputs, h', w'].
    /// # Errors
    /// When x does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d(x, &self.weight, Some(&self.bias), &self.config)
    }

    /// The convolution and ReLU in one pass.
    /// # Errors
    /// When x does not fit.
    pub fn forward_relu(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d_relu(x, &self.weight, Some(&self.bias), &self.config)
    }
}

/// A fully connected layer with bias.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// `weight` [outputs, inputs] and `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder has no such tensors.
    pub fn new(inputs: usize, outputs: usize, fresh: Fresh, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs), "weight", fresh.weight)?;
        let bias = vb.get_with_hints(outputs, "bias", fresh.bias)?;
        Ok(Self { weight, bias })
    }

    /// x [n, inputs] gives [n, outputs].
    /// # Errors
    /// When x does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::linear(x, &self.weight, Some(&self.bias))
    }
}

/// A candle error as one for the user: without the backtrace that candle writes into its text.
pub fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::WithBacktrace { inner, .. } => plain(*inner),
        Error::Context { inner, context } => plain(*inner).context(context.to_string()),
        Error::Msg(text) => anyhow::Error::msg(text),
        other => other.into(),
    }
}
