//! Layers with weights, built from a `VarBuilder` with torchvision's names.

mod conv;
mod equalized;
mod linear;
mod modulated;
mod norm;
mod prelu;
mod spectral;

use std::fmt;
use std::sync::Arc;

use candle_core::{DType, Error, Result, Tensor};
use candle_nn::Init;
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use dl_kernels::Numbers;

pub use conv::{Conv2d, ConvTranspose2d, LocallyConnected2d};
pub use equalized::{EqualizedConv2d, EqualizedLinear};
pub use linear::Linear;
pub use modulated::ModulatedConv2d;
pub use norm::{BatchNorm2d, InstanceNorm2d, L2Norm, LocalResponseNorm};
pub use prelu::Prelu;
pub use spectral::{SpectralConv2d, SpectralLinear};

/// How new weights are initialized.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Initialization of the weight.
    pub weight: Init,
    /// Initialization of the bias.
    pub bias: Init,
}

impl Fresh {
    /// PyTorch's default: weight and bias uniform within +-1 / sqrt(inputs of one output).
    pub fn torch(inputs: usize) -> Self {
        let up = 1.0 / (inputs as f64).sqrt();
        Self { weight: Init::Uniform { lo: -up, up }, bias: Init::Uniform { lo: -up, up } }
    }

    /// Weights by He et al. 2015 for ReLU, uniform; biases 0.
    pub fn kaiming() -> Self {
        Self { weight: candle_nn::init::DEFAULT_KAIMING_UNIFORM, bias: Init::Const(0.0) }
    }

    /// Weights by He et al. 2015 for layers without ReLU, uniform; biases 0.
    pub fn kaiming_linear() -> Self {
        let (dist, fan, non_linearity) = (NormalOrUniform::Uniform, FanInOut::FanIn, NonLinearity::Linear);
        Self { weight: Init::Kaiming { dist, fan, non_linearity }, bias: Init::Const(0.0) }
    }

    /// Weights by He et al. 2015 for ReLU, normal, preserving the variance of gradients (torch's `fan_out`); biases 0.
    pub fn kaiming_out() -> Self {
        let (dist, fan, non_linearity) = (NormalOrUniform::Normal, FanInOut::FanOut, NonLinearity::ReLU);
        Self { weight: Init::Kaiming { dist, fan, non_linearity }, bias: Init::Const(0.0) }
    }

    /// Weights by He et al. 2015 for ReLU, normal, preserving the variance of outputs (torch's `fan_in`); biases 0.
    pub fn kaiming_in() -> Self {
        Self { weight: candle_nn::init::DEFAULT_KAIMING_NORMAL, bias: Init::Const(0.0) }
    }

    /// Weights normal with this standard deviation; biases 0.
    pub fn normal(stdev: f64) -> Self {
        Self { weight: Init::Randn { mean: 0.0, stdev }, bias: Init::Const(0.0) }
    }
}

/// A weight, and its numbers for plans: all plans get the same ones, so that they share the packed weight.
#[derive(Clone)]
struct Weight {
    tensor: Tensor,
    numbers: Numbers,
}

impl Weight {
    fn new(tensor: Tensor) -> Self {
        Self { numbers: to_read(&tensor), tensor }
    }

    fn numbers(&self) -> Numbers {
        // The numbers of a variable change.
        if self.tensor.is_variable() { to_read(&self.tensor) } else { self.numbers.clone() }
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.tensor.fmt(formatter)
    }
}

/// The numbers of a weight, read when a plan packs them.
pub(crate) fn to_read(weight: &Tensor) -> Numbers {
    let weight = weight.clone();
    // A weight that cannot be read has no numbers: the plan reports the mismatch with its shape.
    Arc::new(move || vector(&weight).unwrap_or_default())
}

pub(crate) fn vector(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_dtype(DType::F32)?.to_vec1()
}

/// A candle error without the backtrace that candle includes in its text.
pub fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::WithBacktrace { inner, .. } => plain(*inner),
        Error::Context { inner, context } => plain(*inner).context(context.to_string()),
        Error::Msg(text) => anyhow::Error::msg(text),
        other => other.into(),
    }
}
