//! What a conditional GAN is told: a label, or features such as the embedding of a caption.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use crate::{Fresh, Linear};

/// Features as a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureCondition {
    /// Their name in records.
    pub feature: String,
    /// Their numbers.
    pub columns: usize,
    /// The network that computed them and its options, as records state it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// The kind of a condition and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionSize {
    /// One of so many labels.
    Labels(usize),
    /// So many numbers.
    Features(usize),
}

/// A condition as a vector.
#[derive(Clone, Debug)]
pub(super) enum ConditionEmbedding {
    /// A trained vector for each label: [labels, columns].
    Labels(Tensor),
    /// A trained projection of features (Reed et al. 2016).
    Features(Linear),
}

impl ConditionEmbedding {
    /// `weight` [labels, columns] under the builder's prefix, at first standard normal, as torch's `Embedding`; or `weight`
    /// [columns, features] and `bias`, as torch's `Linear`.
    pub(super) fn new(size: ConditionSize, columns: usize, vb: VarBuilder) -> Result<Self> {
        match size {
            ConditionSize::Labels(labels) => {
                let init = Init::Randn { mean: 0.0, stdev: 1.0 };
                Ok(Self::Labels(vb.get_with_hints((labels, columns), "weight", init)?))
            }
            ConditionSize::Features(features) => {
                Ok(Self::Features(Linear::new(features, columns, Fresh::torch(features), vb)?))
            }
        }
    }

    /// The vectors [n, columns] of labels [n] u32, or of features [n, features].
    pub(super) fn forward(&self, condition: &Tensor) -> Result<Tensor> {
        match self {
            Self::Labels(weight) => dl_ops::embedding(weight, condition),
            Self::Features(linear) => linear.forward(condition),
        }
    }
}
