//! The normalization after a generator's convolutions: of each image, of the batch, or none.

use anyhow::Result;
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use crate::{BatchNorm2d, InstanceNorm2d, Pass, Run, Value, plain};

/// The epsilon of torch's norms.
const EPS: f64 = 1e-5;

/// Which normalization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// Instance normalization without weight and bias: CycleGAN's.
    #[default]
    Instance,
    /// Batch normalization: pix2pix's.
    Batch,
}

impl NormKind {
    /// Whether the convolution before it has a bias: a batch norm has one of its own.
    pub fn needs_bias(self) -> bool {
        self == Self::Instance
    }

    /// A norm of `channels` channels; its tensors, if any, are under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of them.
    pub fn build(self, channels: usize, vb: VarBuilder) -> Result<MapNorm> {
        Ok(match self {
            Self::Instance => MapNorm::Instance(InstanceNorm2d::new(channels, EPS)),
            Self::Batch => MapNorm::Batch(BatchNorm2d::new(channels, EPS, vb).map_err(plain)?),
        })
    }
}

/// A normalization.
#[derive(Clone, Debug)]
pub enum MapNorm {
    /// Of each channel of each image.
    Instance(InstanceNorm2d),
    /// Of each channel of the batch.
    Batch(BatchNorm2d),
}

impl MapNorm {
    /// The same, but a batch norm uses the batch's statistics in training also if its weights are constants.
    #[must_use]
    pub fn of_batch(self) -> Self {
        match self {
            Self::Batch(norm) => Self::Batch(norm.of_batch()),
            Self::Instance(_) => self,
        }
    }

    /// Normalizes a map.
    /// # Errors
    /// As [`Pass::batch_norm`].
    pub fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        match self {
            Self::Instance(norm) => pass.instance_norm(name, norm, x),
            Self::Batch(norm) => pass.batch_norm(name, norm, x),
        }
    }
}
