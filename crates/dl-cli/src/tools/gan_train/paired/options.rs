//! The options of networks trained on pairs.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use dl_models::gan::norm::NormKind;
use dl_train::gan::paired::Distance;

use crate::common::{ImageArgs, numbers};
use crate::tools::gan_train::game::LossName;
use crate::tools::gan_train::help::samples;
use crate::tools::gan_train::pictures::SizeName;
use crate::tools::gan_train::training::TrainingArgs;

/// Options of all of them.
#[derive(clap::Args, Debug)]
#[command(mut_arg("samples_every", |arg| {
    samples(arg, "Draw a sheet of the first 8 pairs, a row each of inputs, results and targets,")
}))]
pub(super) struct PairedArgs {
    #[command(flatten)]
    pub(super) training: TrainingArgs,

    /// Factor on the number of channels of both networks
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Network")]
    pub(super) width: f64,

    /// Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that has one
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(super) init_from: Option<PathBuf>,

    /// Weight of the game in the generator's loss; 0: no discriminator
    #[arg(long, value_name = "X", value_parser = numbers::not_negative, help_heading = "Losses")]
    pub(super) adversarial: Option<f64>,

    /// Loss of both players [default: non-saturating]
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Losses")]
    pub(super) loss: Option<LossName>,

    /// How the pixels are compared
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Losses")]
    pub(super) pixel_loss: Option<DistanceName>,

    /// Weight of the pixels' loss
    #[arg(long, value_name = "X", value_parser = numbers::not_negative, help_heading = "Losses")]
    pub(super) pixel_weight: Option<f64>,

    /// Model file of a network whose features of the image and of the target are compared, too
    #[arg(long, value_name = "FILE", help_heading = "Losses")]
    pub(super) perceptual: Option<PathBuf>,

    /// Architecture of --perceptual, a file of bare weights; see dl-model list
    #[arg(long, value_name = "NAME", requires = "perceptual", help_heading = "Losses")]
    pub(super) perceptual_arch: Option<String>,

    /// Layer of these features, as dl-model summary names it [default: the one of dl-embed]
    #[arg(long, value_name = "NAME", requires = "perceptual", help_heading = "Losses")]
    pub(super) perceptual_layer: Option<String>,

    /// How these features are compared
    #[arg(long, value_enum, value_name = "NAME", default_value_t = DistanceName::L2, help_heading = "Losses")]
    pub(super) perceptual_loss: DistanceName,

    /// Weight of these features' loss
    #[arg(long, value_name = "X", default_value_t = 0.006, value_parser = numbers::not_negative, help_heading = "Losses")]
    pub(super) perceptual_weight: f64,

    /// Weight of the total variation, which makes images smooth, for example 2e-8
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    pub(super) variation: f64,

    /// Train the discriminator on 1 - X as the probability of real images, for example 0.1
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::share, help_heading = "Losses")]
    pub(super) label_smoothing: f64,

    /// Standard deviation of noise on all images that the discriminator sees; falls to 0 during training
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    pub(super) instance_noise: f64,

    /// Do not flip half of the images horizontally
    #[arg(long, help_heading = "Training")]
    pub(super) no_flip: bool,

    /// Records to validate with: the mean peak signal-to-noise ratio of whole images is logged. Without a discriminator,
    /// the best model is kept, otherwise the last
    #[arg(long, value_name = "FILE", help_heading = "Validation")]
    pub(super) val: Option<PathBuf>,

    /// Validate every N batches, and at the end
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = numbers::count, requires = "val", help_heading = "Validation")]
    pub(super) validate_every: usize,

    /// Megabytes of memory for decoded images
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    pub(super) cache: usize,

    #[command(flatten)]
    pub(super) image: ImageArgs,
}

/// Options of networks beside a discriminator of patches.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct PatchArgs {
    /// Size that images are resized to in training, in pixels: multiples of 32 for unet, of 4 for resnet [default: that of
    /// the first image as multiples of 32, at most 256]
    #[arg(long, value_name = "SIDE|WxH", help_heading = "Network")]
    pub(super) size: Option<SizeName>,

    /// Generator
    #[arg(long, value_enum, value_name = "NAME", default_value_t = PatchName::Unet, help_heading = "Network")]
    pub(super) generator: PatchName,

    /// Norms of both networks [default: instance for batches of 1, otherwise batch]
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Network")]
    pub(super) norm: Option<NormName>,

    /// Layers of the discriminator: 1, 2 and 3 see patches of 16, 34 and 70 pixels [default: 3; less for small images]
    #[arg(long, value_name = "N", value_parser = layers, help_heading = "Network")]
    pub(super) patch_layers: Option<usize>,

    /// Resize images to X times the size, and cut a random part out; 1: the whole image
    #[arg(long, value_name = "X", default_value_t = 1.117, value_parser = jitter, help_heading = "Training")]
    pub(super) jitter: f64,
}

/// `--generator` of super-resolution.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SrName {
    /// The paper's, with batch norms; the names of leftthomas/SRGAN
    Srgan,
    /// Without batch norms, added to the bilinear enlargement; the names of BasicSR
    Srresnet,
}

/// `--generator` beside a discriminator of patches.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchName {
    /// The U-Net of pix2pix
    Unet,
    /// The residual network of CycleGAN
    Resnet,
}

/// `--norm`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NormName {
    /// Of each image by itself
    Instance,
    /// Of the batch
    Batch,
}

impl From<NormName> for NormKind {
    fn from(name: NormName) -> Self {
        match name {
            NormName::Instance => Self::Instance,
            NormName::Batch => Self::Batch,
        }
    }
}

/// `--pixel-loss`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DistanceName {
    /// Absolute differences
    L1,
    /// Squared differences
    L2,
}

impl From<DistanceName> for Distance {
    fn from(name: DistanceName) -> Self {
        match name {
            DistanceName::L1 => Self::L1,
            DistanceName::L2 => Self::L2,
        }
    }
}

/// `--hole-shape`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoleName {
    /// Rectangles and strokes of a brush
    Random,
    /// The center
    Center,
}

/// `--scale`.
pub(super) fn scale(text: &str) -> Result<usize> {
    let number = text.parse().unwrap_or(0);
    ensure!([2, 4, 8].contains(&number), "expected 2, 4 or 8");
    Ok(number)
}

/// `--hole`: above 0 and below 1.
pub(super) fn share(text: &str) -> Result<f64> {
    let share = numbers::probability(text)?;
    ensure!(share > 0.0, "expected a number above 0 and below 1");
    Ok(share)
}

/// `--jitter`.
fn jitter(text: &str) -> Result<f64> {
    let jitter = text.parse().unwrap_or(f64::NAN);
    ensure!((1.0..=4.0).contains(&jitter), "expected a number from 1 to 4");
    Ok(jitter)
}

/// `--patch-layers`.
fn layers(text: &str) -> Result<usize> {
    let layers = text.parse().unwrap_or(0);
    ensure!((1..=6).contains(&layers), "expected a whole number from 1 to 6");
    Ok(layers)
}
