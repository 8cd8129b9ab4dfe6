//! Labels as vectors.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

/// A trained vector for each label.
#[derive(Clone, Debug)]
pub(super) struct LabelEmbedding {
    /// [labels, columns]
    weight: Tensor,
}

impl LabelEmbedding {
    /// `weight` [labels, columns] under the builder's prefix; at first standard normal, as torch's `Embedding`.
    pub(super) fn new(labels: usize, columns: usize, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((labels, columns), "weight", Init::Randn { mean: 0.0, stdev: 1.0 })?;
        Ok(Self { weight })
    }

    /// The vectors [n, columns] of labels [n] u32.
    pub(super) fn forward(&self, labels: &Tensor) -> Result<Tensor> {
        dl_ops::embedding(&self.weight, labels)
    }
}
