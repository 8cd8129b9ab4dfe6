//! Disentangling: an autoencoder splits an image into a content code, a map, and a style code, and images with
//! exchanged styles must give these codes again (Huang et al. 2018, MUNIT).

mod adain;
mod swap;

pub use adain::{adain, modulate};
pub use swap::{SwapLoss, SwapWeights};

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/disentangle.json");
