//! Augmentation of what the discriminator sees, real or generated, for small sets of images.

mod ada;
mod diff;
mod transforms;

use anyhow::Result;
use candle_core::{Tensor, Var};
use dl_models::plain;
use rand_chacha::ChaCha8Rng;

pub use ada::{Ada, AdaConfig};
pub use transforms::{Draws, Transforms};

/// Which augmentation; the generator is trained through it.
#[derive(Default)]
pub enum Augment {
    /// None.
    #[default]
    None,
    /// Always the same strength (Zhao et al. 2020, DiffAugment).
    Diff,
    /// As strong as the discriminator overfits (Karras et al. 2020a).
    Ada(Ada),
}

impl Augment {
    /// The images as the discriminator sees them.
    pub(super) fn seen(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        match self {
            Self::None => Ok(images.clone()),
            Self::Diff => diff::augmented(images, rng).map_err(plain),
            Self::Ada(_) => self.penalized(images, rng).map(|(seen, _)| seen),
        }
    }

    /// The images at which the discriminator's gradient is penalized, and how its gradient becomes that of `images`: the
    /// gradient of an adaptively augmented image is that with respect to the image itself.
    pub(super) fn penalized(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<(Tensor, Option<Transforms>)> {
        let Self::Ada(ada) = self else { return Ok((images.clone(), None)) };
        let transforms = Transforms::draw(images.dims4().map_err(plain)?, ada.strength()?, rng)?;
        let seen = transforms.apply(images).map_err(plain)?;
        Ok((seen, Some(transforms)))
    }

    /// Takes in the logits of real images, and returns what the log has of it.
    pub(super) fn observe(&self, real: &Tensor) -> Result<Option<(&'static str, f64)>> {
        let Self::Ada(ada) = self else { return Ok(None) };
        ada.observe(real)?;
        Ok(Some(("ada_p", ada.strength()?)))
    }

    /// Adapts the strength after `done` steps.
    pub(super) fn adapt(&self, done: usize) -> Result<()> {
        match self {
            Self::Ada(ada) => ada.adapt(done),
            _ => Ok(()),
        }
    }

    /// What must survive a kill, by name.
    pub(super) fn state(&self) -> Vec<(String, Var)> {
        match self {
            Self::Ada(ada) => ada.state(),
            _ => Vec::new(),
        }
    }
}
