//! What StyleGAN draws for a batch beside its random vectors.

use anyhow::Result;
use candle_core::{Device, Tensor};
use dl_models::gan::{Mixed, StyleDraws, push_latent};
use dl_models::plain;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What StyleGAN draws for a batch beside its random vectors.
#[derive(Clone, Debug)]
pub struct StyleBatch {
    /// Other random vectors [n, latent], and the first layer with their styles.
    pub mixed: Option<(Vec<f32>, usize)>,
    /// Noise of all layers [n, numbers], standard normal.
    pub noise: Vec<f32>,
}

impl StyleBatch {
    /// The same as tensors, for random vectors of `latent` numbers.
    pub(super) fn draws(&self, latent: usize, rows: usize, device: &Device) -> Result<StyleDraws> {
        let of = |numbers: &[f32], columns| Tensor::from_slice(numbers, (rows, columns), device).map_err(plain);
        let mixed = match &self.mixed {
            Some((latents, from)) => Some(Mixed { latents: of(latents, latent)?, from: *from }),
            None => None,
        };
        Ok(StyleDraws { mixed, noise: Some(of(&self.noise, self.noise.len() / rows.max(1))?) })
    }
}

/// How StyleGAN draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StyleBatchConfig {
    /// The probability that the styles of a batch are mixed (Karras et al. 2019, section 3.1).
    pub mixing: f64,
    /// Layers with a style.
    pub layers: usize,
    /// Numbers of the noise of an image.
    pub noise: usize,
}

impl StyleBatchConfig {
    /// What is drawn for `size` images with random vectors of `latent` numbers.
    pub(super) fn draw(&self, size: usize, latent: usize, rng: &mut ChaCha8Rng) -> StyleBatch {
        let mixes = self.layers > 1 && rng.random::<f64>() < self.mixing;
        let mixed = mixes.then(|| {
            let from = rng.random_range(1..self.layers);
            let mut latents = Vec::with_capacity(size * latent);
            push_latent(&mut latents, size * latent, rng);
            (latents, from)
        });
        let mut noise = Vec::with_capacity(size * self.noise);
        push_latent(&mut noise, size * self.noise, rng);
        StyleBatch { mixed, noise }
    }
}
