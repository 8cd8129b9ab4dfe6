//! SimCLR's projection head (Chen et al. 2020, section 4.2).

use anyhow::Result;
use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::mlp::Mlp;

/// Linear, ReLU, Linear on the features of the network; the loss is that of its outputs. Only pre-training needs it.
#[derive(Clone, Debug)]
pub struct ProjectionHead(Mlp);

impl ProjectionHead {
    /// A head from `inputs` features over `hidden` numbers to `outputs` (the paper's: as many hidden as inputs, 128
    /// outputs). Its weights are `projection.0.weight`, `projection.0.bias`, `projection.1.weight` and
    /// `projection.1.bias` under the builder's prefix.
    /// # Errors
    /// When a width is 0, or a tensor has another shape.
    pub fn new(inputs: usize, hidden: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Mlp::new(&[inputs, hidden, outputs], 0.0, &vb.pp("projection")).map(Self)
    }

    /// Projections [n, outputs] of features [n, inputs] f32.
    /// # Errors
    /// When the features have another width.
    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        self.0.forward(features, None)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::{GOLDEN, nt_xent};
    use super::*;
    use crate::golden::{case, check_with, input, weights};

    #[test]
    fn a_step_of_simclr_has_the_loss_and_gradients_of_torch() {
        let weights = weights(&[
            ("projection.0.weight", 100, &[7, 5], 0.5),
            ("projection.0.bias", 110, &[7], 0.5),
            ("projection.1.weight", 120, &[3, 7], 0.5),
            ("projection.1.bias", 130, &[3], 0.5),
        ]);
        let head = ProjectionHead::new(5, 7, 3, &weights.builder(&Device::Cpu)).unwrap();
        let (first, second) = (input(0, &[4, 5], 1.0), input(10, &[4, 5], 1.0));
        let [a, b] = [&first, &second].map(|features| head.forward(features).unwrap());
        let inputs = [("first", &first), ("second", &second)];
        check_with(&nt_xent(&a, &b, 0.2).unwrap(), &inputs, &weights, &case(GOLDEN, "simclr"));
    }
}
