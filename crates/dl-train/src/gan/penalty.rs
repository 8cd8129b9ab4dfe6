//! Penalties on the gradient of the discriminator with respect to images.

use anyhow::Result;
use candle_core::Tensor;
use dl_models::gan::Discriminator;
use dl_models::plain;
use dl_ops::{between, one_centered_penalty, zero_centered_penalty};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Augment;

/// Where the gradient is penalized, and what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyKind {
    /// 0 at real images (Mescheder et al. 2018).
    R1,
    /// 0 at real and at generated images (the same; Huang et al. 2024).
    R1R2,
    /// A norm of 1 between real and generated images (Gulrajani et al. 2017).
    WganGp,
}

/// A penalty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    /// Which one.
    pub kind: PenaltyKind,
    /// Its weight: half of gamma is the factor on the squared norm of R1 and R2; lambda of WGAN-GP.
    pub gamma: f64,
    /// It is computed on every Nth step, N times as large (Karras et al. 2020, lazy regularization); 1: as a part of the
    /// discriminator's loss.
    pub lazy: usize,
}

impl Penalty {
    /// Its value for real and generated images [n, ...] with their condition, if any: a scalar, whose exact gradient goes to the
    /// discriminator's weights. With an adaptive augmentation, images are augmented, and the gradient is that with respect to
    /// the images themselves.
    /// # Errors
    /// When the discriminator has batch norms.
    pub fn of(
        &self,
        discriminator: &Discriminator,
        augment: &Augment,
        [real, made]: [&Tensor; 2],
        condition: Option<&Tensor>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let gamma = self.gamma * self.lazy as f64;
        let input_gradient = |images: &Tensor, rng: &mut ChaCha8Rng| {
            let (seen, transforms) = augment.penalized(images, rng)?;
            let gradient = discriminator.input_gradient(&seen, condition, rng)?;
            match transforms {
                Some(transforms) => transforms.adjoint(&gradient).map_err(plain),
                None => Ok(gradient),
            }
        };
        let mut zero_centered =
            |images: &Tensor| zero_centered_penalty(&input_gradient(images, rng)?, gamma).map_err(plain);
        match self.kind {
            PenaltyKind::R1 => zero_centered(real),
            PenaltyKind::R1R2 => (zero_centered(real)? + zero_centered(made)?).map_err(plain),
            PenaltyKind::WganGp => {
                let count = real.dim(0).map_err(plain)?;
                let shares: Vec<f32> = (0..count).map(|_| rng.random()).collect();
                let shares = Tensor::from_vec(shares, count, real.device()).map_err(plain)?;
                let images = between(real, made, &shares).map_err(plain)?;
                one_centered_penalty(&input_gradient(&images, rng)?, gamma).map_err(plain)
            }
        }
    }
}
