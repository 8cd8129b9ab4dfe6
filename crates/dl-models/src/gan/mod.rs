//! Generative adversarial networks (Goodfellow et al. 2014): generators that make images of random vectors, and the
//! discriminators that they are trained against.
//!
//! | architecture | generator | source |
//! | --- | --- | --- |
//! | `vanilla` | fully connected | Goodfellow et al. 2014 |
//! | `dcgan` | transposed convolutions | Radford et al. 2016, pytorch/examples |
//! | `upsample` | nearest upsampling and convolutions | PyTorch-GAN's DCGAN, without checkerboards |
//! | `lapgan` | a small image, then details of each size | Denton et al. 2015, eyescream |
//! | `stylegan` | a mapping network and modulated convolutions | Karras et al. 2020, StyleGAN2 |
//!
//! Those that turn an image into another one are [`Translator`]s: SRResNet and SRGAN, the residual dense network, the
//! generators of CycleGAN and DiscoGAN, and pix2pix's U-Net.
//!
//! [`table`] has generators of tables, [`voxel`] of solids, [`swap`] of images of the content of one and the style of
//! another.
//!
//! Each generator of random vectors can be conditional: an embedding of a label (Mirza and Osindero 2014), or of features such as
//! those of a caption (Reed et al. 2016), is appended to the random vector.

mod canvas;
mod composition;
mod condition;
mod config;
pub mod cyclegan;
mod dcgan;
pub mod discogan;
mod discriminator;
mod generator;
pub mod lapgan;
pub mod norm;
pub mod patch_gan;
pub mod rdn;
pub mod sr_discriminator;
pub mod srgan;
pub mod srresnet;
mod stylegan;
pub mod swap;
pub mod table;
mod third_party;
mod tiles;
mod translator;
mod translator_config;
pub mod unet;
mod upsample;
mod vanilla;
pub mod voxel;

pub use canvas::Canvas;
pub use composition::{LUMA, gray_level, is_missing, luma};
pub use condition::{ConditionSize, FeatureCondition};
pub use config::{GENERATORS, GeneratorConfig};
pub use discriminator::{Conditioning, Discriminator, DiscriminatorBody, DiscriminatorConfig};
pub use generator::{Condition, Generator, Style, push_latent};
pub use stylegan::{AVERAGE_DECAY, Mixed, StyleChannels, StyleDraws};
pub(crate) use third_party::is_gan;
pub use tiles::{Seams, Tiling};
pub use translator::{Geometry, TRANSLATORS, Task, Translator, TranslatorArchitecture};
pub use translator_config::TranslatorConfig;

/// The name of a generator's output.
pub(crate) const IMAGE: &str = "image";
