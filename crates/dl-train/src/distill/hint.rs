//! A hint: features of the teacher that a linear regressor must find in those of the student (Romero et al. 2015,
//! FitNets, section 2.2).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_models::{Fresh, Linear, plain};

/// The regressor from features of the student to features of the teacher. Only training needs it.
#[derive(Clone, Debug)]
pub struct Hint(Linear);

impl Hint {
    /// A regressor of `teacher` numbers from `student` ones, `hint.weight` and `hint.bias` under the builder's prefix.
    /// # Errors
    /// When one of the tensors has another shape.
    pub fn new(student: usize, teacher: usize, vb: &VarBuilder) -> Result<Self> {
        Linear::new(student, teacher, Fresh::torch(student), vb.pp("hint")).map(Self).map_err(plain)
    }

    /// The mean squared difference, a scalar, of the regression of `student` [n, student] and of `teacher` [n,
    /// teacher], f32. The teacher gets no gradient.
    /// # Errors
    /// When a shape is another.
    pub fn loss(&self, student: &Tensor, teacher: &Tensor) -> Result<Tensor> {
        let found = self.0.forward(student).map_err(plain)?;
        let (expected, given) = (found.dims(), teacher.dims());
        ensure!(given == expected, "features of the teacher are {given:?}; the hint expects {expected:?}");
        (found - teacher.detach()).and_then(|difference| difference.sqr()?.mean_all()).map_err(plain)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check_with, input, weights};

    #[test]
    fn the_loss_and_its_gradients_are_those_of_torch() {
        let weights = weights(&[("hint.weight", 100, &[5, 3], 0.5), ("hint.bias", 110, &[5], 0.5)]);
        let hint = Hint::new(3, 5, &weights.builder(&Device::Cpu)).unwrap();
        let (student, teacher) = (input(0, &[4, 3], 1.0), input(10, &[4, 5], 1.0));
        let loss = hint.loss(&student, &teacher).unwrap();
        check_with(&loss, &[("student", &student), ("teacher", &teacher)], &weights, &case(GOLDEN, "hint"));
        let error = hint.loss(&student, &input(0, &[4, 6], 1.0)).unwrap_err().to_string();
        assert_eq!(error, "features of the teacher are [4, 6]; the hint expects [4, 5]");
    }
}
