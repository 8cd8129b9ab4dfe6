//! Stochastic gradient descent with momentum and weight decay, as torch's `SGD` and Caffe's solver compute it.

use anyhow::Result;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use dl_models::plain;
use dl_ops::{SgdStep, sgd_step};

/// Options of the optimiser. The defaults are R-CNN's fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdConfig {
    /// Share of the last step that is taken again.
    pub momentum: f64,
    /// Weight of the squared norm of the weights in the loss; biases and other vectors have none.
    pub weight_decay: f64,
    /// Gradients of a larger norm, over all weights, are shortened to this one (Pascanu et al. 2013): one bad batch
    /// does not kill a network without normalisation.
    pub largest_gradient: Option<f64>,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { momentum: 0.9, weight_decay: 5e-4, largest_gradient: None }
    }
}

/// The optimiser of a fixed list of weights.
pub struct Sgd {
    config: SgdConfig,
    weights: Vec<Weight>,
}

struct Weight {
    var: Var,
    /// Factor on the rate of this weight.
    factor: f64,
    velocity: Option<Tensor>,
}

impl Sgd {
    /// An optimiser at rest. Each weight comes with a factor on its learning rate, usually 1.
    pub fn new(weights: impl IntoIterator<Item = (Var, f64)>, config: SgdConfig) -> Self {
        let weights = weights.into_iter().map(|(var, factor)| Weight { var, factor, velocity: None });
        Self { config, weights: weights.collect() }
    }

    /// One step: v = momentum v + gradient + decay w; w = w - rate v. Weights without a gradient stay.
    /// # Errors
    /// Those of candle.
    pub fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        let SgdConfig { momentum, weight_decay, .. } = self.config;
        let scale = self.share(gradients).map_err(plain)?;
        for Weight { var, factor, velocity } in &mut self.weights {
            let Some(gradient) = gradients.get(var) else { continue };
            // Biases and other vectors do not decay.
            let decay = if var.rank() > 1 { weight_decay } else { 0.0 };
            let velocity = match velocity {
                Some(velocity) => velocity,
                None => velocity.insert(var.zeros_like().map_err(plain)?),
            };
            let step = SgdStep { rate: rate * *factor, momentum, decay, scale };
            sgd_step(var, gradient, velocity, step).map_err(plain)?;
        }
        Ok(())
    }

    /// The factor that brings the gradients to the largest norm allowed; 1 when they are within it.
    fn share(&self, gradients: &GradStore) -> candle_core::Result<f64> {
        let Some(largest) = self.config.largest_gradient else { return Ok(1.0) };
        let mut squares = 0.0;
        for Weight { var, .. } in &self.weights {
            if let Some(gradient) = gradients.get(var) {
                squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
            }
        }
        Ok((largest / squares.sqrt()).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn steps_are_those_of_torch() {
        // torch 2: SGD([w], lr=0.1, momentum=0.9, weight_decay=0.5) on the loss sum(3 w), w = 1:
        // v = 3.5, w = 0.65; v = 0.9 * 3.5 + 3 + 0.5 * 0.65 = 6.475, w = 0.0025.
        let var = Var::from_tensor(&Tensor::ones((1, 1), candle_core::DType::F32, &Device::Cpu).unwrap()).unwrap();
        let mut sgd =
            Sgd::new([(var.clone(), 1.0)], SgdConfig { momentum: 0.9, weight_decay: 0.5, ..SgdConfig::default() });
        for wanted in [0.65, 0.0025] {
            let loss = (var.as_tensor() * 3.0).unwrap().sum_all().unwrap();
            sgd.step(&loss.backward().unwrap(), 0.1).unwrap();
            let found = var.to_vec2::<f32>().unwrap()[0][0];
            assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
        }
    }

    #[test]
    fn vectors_do_not_decay() {
        let var = Var::from_tensor(&Tensor::ones(2, candle_core::DType::F32, &Device::Cpu).unwrap()).unwrap();
        let mut sgd =
            Sgd::new([(var.clone(), 2.0)], SgdConfig { momentum: 0.0, weight_decay: 0.5, ..SgdConfig::default() });
        let loss = var.sum_all().unwrap();
        sgd.step(&loss.backward().unwrap(), 0.25).unwrap();
        assert_eq!(var.to_vec1::<f32>().unwrap(), [0.5, 0.5]);
    }
    #[test]
    fn a_gradient_that_is_too_long_is_shortened_over_all_weights() {
        let ones = || Var::from_tensor(&Tensor::ones(1, candle_core::DType::F32, &Device::Cpu).unwrap()).unwrap();
        let (a, b) = (ones(), ones());
        let config = SgdConfig { momentum: 0.0, weight_decay: 0.0, largest_gradient: Some(1.0) };
        let mut sgd = Sgd::new([(a.clone(), 1.0), (b.clone(), 1.0)], config);
        let loss = ((a.as_tensor() * 3.0).unwrap() + (b.as_tensor() * 4.0).unwrap()).unwrap().sum_all().unwrap();
        sgd.step(&loss.backward().unwrap(), 1.0).unwrap();
        let left = [a.to_vec1::<f32>().unwrap()[0], b.to_vec1::<f32>().unwrap()[0]];
        assert!((left[0] - 0.4).abs() < 1e-6 && (left[1] - 0.2).abs() < 1e-6, "{left:?}");
    }
}
