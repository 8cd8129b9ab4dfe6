//! The networks of generative adversarial training (Goodfellow et al. 2014).
//!
//! Those that turn an image into another one are [`Translator`]s: SRResNet and SRGAN, the residual dense network,
//! CycleGAN's generators and pix2pix's U-Net.

mod config;
pub mod cyclegan;
pub mod norm;
pub mod patch_gan;
pub mod rdn;
pub mod srgan;
pub mod srresnet;
mod tiles;
mod translator;
pub mod unet;

pub use config::GeneratorConfig;
pub use tiles::{Seams, Tiling};
pub use translator::{Geometry, TRANSLATORS, Task, Translator, TranslatorArchitecture};
