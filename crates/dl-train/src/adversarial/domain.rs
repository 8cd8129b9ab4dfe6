//! The classifier of the domain.

use anyhow::Result;
use candle_core::Tensor;
use candle_nn::VarBuilder;
use rand_chacha::ChaCha8Rng;

use crate::mlp::Mlp;

/// A network on features whose one output is the logit of "source" (Ganin et al. 2016, section 5.2.2: hidden widths of
/// 1024 and 1024 for AlexNet, 100 for digits).
#[derive(Clone, Debug)]
pub struct DomainClassifier(Mlp);

impl DomainClassifier {
    /// A classifier of features [n, `inputs`] with these hidden widths, perhaps none. Its weights are
    /// `domain.0.weight`, `domain.0.bias`, ... under the builder's prefix, drawn by the builder's seed and their names.
    /// # Errors
    /// When a width is 0, `dropout` is not in [0, 1), or a tensor has another shape.
    pub fn new(inputs: usize, hidden: &[usize], dropout: f64, vb: &VarBuilder) -> Result<Self> {
        let widths: Vec<usize> = [inputs].into_iter().chain(hidden.iter().copied()).chain([1]).collect();
        Mlp::new(&widths, dropout, &vb.pp("domain")).map(Self)
    }

    /// Logits [n, 1] of features [n, inputs] f32. With `train`, dropout is on and draws from the generator.
    /// # Errors
    /// When the features have another width.
    pub fn forward(&self, features: &Tensor, train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        self.0.forward(features, train)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::{GOLDEN, domain_accuracy, domain_loss, reverse_gradient};
    use super::*;
    use crate::golden::{case, check_with, input, near, numbers, weights};

    #[test]
    fn a_step_of_dann_has_the_loss_and_gradients_of_torch() {
        let weights = weights(&[
            ("domain.0.weight", 100, &[5, 6], 0.5),
            ("domain.0.bias", 110, &[5], 0.5),
            ("domain.1.weight", 120, &[3, 5], 0.5),
            ("domain.1.bias", 130, &[3], 0.5),
            ("domain.2.weight", 140, &[1, 3], 0.5),
            ("domain.2.bias", 150, &[1], 0.5),
        ]);
        let classifier = DomainClassifier::new(6, &[5, 3], 0.5, &weights.builder(&Device::Cpu)).unwrap();
        let (x, case) = (input(0, &[8, 6], 1.0), case(GOLDEN, "dann"));
        let logits = classifier.forward(&reverse_gradient(&x, 0.3).unwrap(), None).unwrap();
        near("logits", &numbers(&logits), &case["logits"]);
        check_with(&domain_loss(&logits, 4, None).unwrap(), &[("x", &x)], &weights, &case);
        assert_eq!(domain_accuracy(&logits, 4).unwrap(), case["accuracy"].as_f64().unwrap());
    }
}
