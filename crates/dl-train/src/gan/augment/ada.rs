//! Adaptive discriminator augmentation (Karras et al. 2020, Training generative adversarial networks with limited data,
//! section 3.2): the probability of each augmentation rises while the discriminator overfits and falls otherwise.

use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use dl_models::plain;
use serde::{Deserialize, Serialize};

/// How the probability is adapted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaConfig {
    /// The mean sign of the logits of real images, above which the discriminator overfits.
    pub target: f64,
    /// It is adapted every N steps.
    pub every: usize,
    /// Images in which the probability can rise from 0 to 1.
    pub images: f64,
}

impl Default for AdaConfig {
    fn default() -> Self {
        Self { target: 0.6, every: 4, images: 500e3 }
    }
}

/// The probability and what it is adapted by.
pub struct Ada {
    config: AdaConfig,
    /// [1]
    p: Var,
    /// The sum of the signs since the last change, and their number: [2]
    signs: Var,
}

impl Ada {
    /// A probability of 0.
    /// # Errors
    /// When candle fails.
    pub fn new(config: AdaConfig) -> Result<Self> {
        let zeros = |count: usize| Var::zeros(count, DType::F32, &Device::Cpu).map_err(plain);
        Ok(Self { config, p: zeros(1)?, signs: zeros(2)? })
    }

    /// The probability of each augmentation.
    pub(super) fn strength(&self) -> Result<f64> {
        Ok(f64::from(numbers(&self.p)?[0]))
    }

    /// Takes in the logits [n] of real images.
    pub(super) fn observe(&self, logits: &Tensor) -> Result<()> {
        let logits = numbers(logits)?;
        let signs = logits.iter().map(|logit| if *logit == 0.0 { 0.0 } else { logit.signum() });
        let before = numbers(&self.signs)?;
        let after = [before[0] + signs.sum::<f32>(), before[1] + logits.len() as f32];
        self.signs.set(&Tensor::new(&after, &Device::Cpu).map_err(plain)?).map_err(plain)
    }

    /// Changes the probability by as much as the images since the last change allow, if it is time for it after `done` steps.
    pub(super) fn adapt(&self, done: usize) -> Result<()> {
        let signs = numbers(&self.signs)?;
        if !done.is_multiple_of(self.config.every.max(1)) || signs[1] == 0.0 {
            return Ok(());
        }
        let away = f64::from(signs[0] / signs[1]) - self.config.target;
        let change = if away == 0.0 { 0.0 } else { away.signum() } * f64::from(signs[1]) / self.config.images;
        let p = (self.strength()? + change).clamp(0.0, 1.0) as f32;
        self.p.set(&Tensor::new(&[p], &Device::Cpu).map_err(plain)?).map_err(plain)?;
        self.signs.set(&self.signs.zeros_like().map_err(plain)?).map_err(plain)
    }

    pub(super) fn state(&self) -> Vec<(String, Var)> {
        vec![("ada_p".to_owned(), self.p.clone()), ("ada_signs".to_owned(), self.signs.clone())]
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all().and_then(|tensor| tensor.to_vec1()).map_err(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_rises_while_real_images_are_known_too_well_and_falls_to_zero() {
        let ada = Ada::new(AdaConfig { target: 0.6, every: 4, images: 160.0 }).unwrap();
        let logits = |x: f32| Tensor::full(x, 8, &Device::Cpu).unwrap();
        let mut seen = Vec::new();
        for step in 0..40 {
            ada.observe(&logits(if step < 24 { 3.0 } else { -0.5 })).unwrap();
            ada.adapt(step + 1).unwrap();
            seen.push(ada.strength().unwrap());
        }
        // Four batches of 8 are a fifth of the 160 images.
        assert_eq!(seen[2], 0.0);
        assert!((seen[3] - 0.2).abs() < 1e-6 && (seen[7] - 0.4).abs() < 1e-6, "{seen:?}");
        assert!((seen[23] - 1.0).abs() < 1e-6 && (seen[27] - 0.8).abs() < 1e-6, "{seen:?}");
        assert!((seen[39] - 0.2).abs() < 1e-6, "{seen:?}");
    }
}
