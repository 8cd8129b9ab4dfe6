//! ReLU with trained slopes.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_kernels::Operation;

use super::vector;

/// ReLU with a slope for negative numbers, one for all channels or one per channel (He et al. 2015, section 2.1): torch's
/// `PReLU`.
#[derive(Clone, Debug)]
pub struct Prelu {
    slopes: Tensor,
}

impl Prelu {
    /// `weight` [slopes] under the builder's prefix, at first 0.25; `slopes` is 1 or the number of channels.
    /// # Errors
    /// When the builder lacks the tensor.
    pub fn new(slopes: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self { slopes: vb.get_with_hints(slopes, "weight", Init::Const(0.25))? })
    }

    /// Maps x [n, channels, ...] to its shape.
    /// # Errors
    /// When x has another number of channels.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::prelu(x, &self.slopes)
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.slopes.is_variable()
    }

    /// For maps of `channels`. One slope from 0 to 1 is that of a leaky ReLU, which is fused with the layer before it.
    pub(crate) fn operation(&self, channels: usize) -> Result<Operation> {
        let slopes = vector(&self.slopes)?;
        Ok(match slopes[..] {
            [slope] if (0.0..=1.0).contains(&slope) => Operation::LeakyRelu { slope },
            [slope] => Operation::Prelu { slopes: vec![slope; channels] },
            _ => Operation::Prelu { slopes },
        })
    }
}
