//! Generative adversarial networks (Goodfellow et al. 2014): generators that make images of random vectors, and the
//! discriminators that they are trained against.
//!
//! | architecture | generator | source |
//! | --- | --- | --- |
//! | `vanilla` | fully connected | Goodfellow et al. 2014 |
//! | `dcgan` | transposed convolutions | Radford et al. 2016, pytorch/examples |
//! | `upsample` | nearest upsampling and convolutions | PyTorch-GAN's DCGAN, without checkerboards |
//!
//! Each of them can be conditional (Mirza and Osindero 2014): an embedding of the label is appended to the random vector.

mod canvas;
mod config;
mod dcgan;
mod discriminator;
mod generator;
mod label_embedding;
mod third_party;
mod upsample;
mod vanilla;

pub use canvas::Canvas;
pub use config::{GENERATORS, GeneratorConfig};
pub use discriminator::{Conditioning, Discriminator, DiscriminatorBody, DiscriminatorConfig};
pub use generator::{Generator, push_latent};
pub(crate) use third_party::is_gan;

/// The name of a generator's output.
pub(crate) const IMAGE: &str = "image";
