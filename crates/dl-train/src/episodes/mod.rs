//! Prototypical networks: a network trained on small classification problems, each with classes of its own (Snell et
//! al. 2017).

mod method;
mod prototypes;
mod sampler;

pub use method::{EpisodeImages, EpisodeMethod};
pub use prototypes::{episode_loss, prototype_logits, prototypes};
pub use sampler::{Episode, EpisodeConfig, Episodes};

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/episodes.json");
